//! From a rule to a mask: finds the mask, checks parameters and type, and describes the catalogue for people.

mod infos;

use super::args::Args;
use super::{
    DomainKey, Mask, MaskInfo, MaskKey, MaskRule, MaskTraits, Uniqueness, bank, constant, dates, each, file, format, ip, json, mail,
    national, numbers, opaque, permute, person, place, redact, uuid,
};
use crate::catalog::{Column, Family};
use crate::finding::Finding;

/// See [`super::catalogue`].
pub(super) fn infos() -> &'static [MaskInfo] {
    infos::INFOS
}

/// See [`super::compile`].
pub(super) fn compile(rule: &MaskRule, column: &Column, key: &DomainKey) -> Result<Box<dyn Mask>, Vec<Finding>> {
    let Some(info) = infos::INFOS.iter().find(|i| i.name == rule.name) else {
        return Err(vec![unknown(&rule.name)]);
    };
    let mut args = Args::new(rule, column, key);
    for name in rule.params.keys().filter(|name| info.params.iter().all(|p| p.name != name.as_str())) {
        let takes = info.params.iter().map(|p| format!("`{}`", p.name)).collect::<Vec<_>>().join(", ");
        let hint = if takes.is_empty() { "it takes none".to_owned() } else { format!("it takes {takes}") };
        args.findings.push(Finding::error("GR0302", format!("mask `{}` has no parameter `{name}`", rule.name)).hint(hint));
    }
    if !info.families.contains(&column.family) {
        let message = format!("mask `{}` cannot write column `{}` of type `{}`", rule.name, column.name, column.native_type);
        let hint = format!("it takes {}", families(info.families));
        args.findings.push(Finding::error("GR0304", message).hint(hint));
        return Err(args.findings);
    }
    let mask = build(&mut args);
    match mask {
        Some(mask) if args.findings.is_empty() => Ok(mask),
        _ => Err(args.findings),
    }
}

fn build(args: &mut Args<'_>) -> Option<Box<dyn Mask>> {
    Some(match args.rule.name.as_str() {
        "null" => constant::null(args),
        "constant" => constant::constant(args),
        "empty" => constant::empty(args),
        "first_name" => person::first_name(args),
        "last_name" => person::last_name(args),
        "full_name" => person::full_name(args),
        "gender" => person::gender(args),
        "email" => mail::email(args),
        "user_name" => mail::user_name(args),
        "phone" => format::phone(args),
        "digits" => format::digits(args),
        "national_id" => national::national_id(args),
        "street" => place::street(args),
        "city" => place::city(args),
        "postcode" => format::postcode(args),
        "birth_date" => dates::birth_date(args),
        "date_shift" => dates::date_shift(args),
        "card" => bank::card(args),
        "iban" => bank::iban(args),
        "partial" => opaque::partial(args),
        "hash" => opaque::hash(args),
        "token" => opaque::token(args),
        "uuid" => uuid::uuid(args),
        "ip" => ip::ip(args),
        "url" => mail::url(args),
        "password_hash" => opaque::password_hash(args),
        "redact" => redact::redact(args),
        "noise" => numbers::noise(args),
        "round" => numbers::round(args),
        "dictionary" => constant::dictionary(args),
        "json" => json::json(args),
        "each" => return each::each(args),
        "file" => file::file(args),
        "permute" => permute::permute(args),
        // The name was found among the descriptions; a test holds the two lists together.
        other => {
            args.findings.push(unknown(other));
            return None;
        }
    })
}

fn unknown(name: &str) -> Finding {
    let nearest = infos::INFOS.iter().map(|i| (distance(name, i.name), i.name)).min().filter(|(d, _)| *d <= 3);
    let hint = match nearest {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None => "docs/masks.md lists all masks".to_owned(),
    };
    Finding::error("GR0301", format!("there is no mask `{name}`")).hint(hint)
}

/// Levenshtein's distance: how many letters must be put in, taken out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn families(families: &[Family]) -> String {
    let word = |f: &Family| match f {
        Family::Text => "text",
        Family::Integer => "whole numbers",
        Family::Decimal => "decimals",
        Family::Float => "floating point",
        Family::Boolean => "truth values",
        Family::Date => "dates",
        Family::Time => "times of day",
        Family::Timestamp => "timestamps",
        Family::Bytes => "binary",
        Family::Uuid => "UUIDs",
        Family::Json => "JSON",
        Family::Inet => "network addresses",
        Family::TextArray => "text arrays",
        Family::Any => "untyped",
        Family::Other => "any other type",
    };
    families.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// The rule with which a mask is shown and tested: its name and only the parameters it cannot do without.
pub(super) fn sample_rule(info: &MaskInfo) -> MaskRule {
    let params = serde_json::from_str(infos::sample(info.name)).expect("samples are JSON tables");
    MaskRule { name: info.name.to_owned(), params }
}

/// See [`super::describe`].
pub(super) fn describe() -> String {
    let mut out = String::from(
        "# Masks\n\nEvery mask is deterministic: with the same key and domain, the same input gives the same output, in any table and engine. \
         NULL stays NULL and empty (or blank) text stays as it is, except under `null`, `empty` and where a parameter says otherwise. \
         Keyed masks never give back a value with letters or digits as it was, except where nothing else fits; `permute` may by chance.\n\n\
         ## Promises\n\nWith the usual parameters on a column without a bound. \"Distinct\" means at least 96 keyed bits in every output; only \
         distinct and permuting masks may stand on a unique index.\n\n\
         | Mask | Uniqueness | Longest output | May give NULL | Follows the identity |\n|---|---|---|---|---|\n",
    );
    let key = MaskKey::new([0; 32]).domain("description");
    for info in infos::INFOS {
        let traits = match compile(&sample_rule(info), &unbounded(info.families[0]), &key) {
            Ok(mask) => mask.traits().clone(),
            Err(_) => continue,
        };
        out.push_str(&promise(info.name, &traits));
    }
    out.push_str("\n## Catalogue\n");
    for info in infos::INFOS {
        out.push_str(&format!("\n### `{}`\n\n{}. Takes {}.\n\n", info.name, capitalised(info.about), families(info.families)));
        for param in info.params {
            out.push_str(&format!("- `{}`: {}\n", param.name, param.about));
        }
        if !info.params.is_empty() {
            out.push('\n');
        }
        out.push_str(&format!("Example: `{}` becomes `{}`\n", info.example.0, info.example.1));
    }
    out
}

fn promise(name: &str, traits: &MaskTraits) -> String {
    let uniqueness = match traits.uniqueness {
        Uniqueness::Lossy => "lossy",
        Uniqueness::Distinct => "distinct",
        Uniqueness::Permutation => "permutation",
    };
    let longest = traits.max_output.map_or_else(|| "as the input".to_owned(), |n| n.to_string());
    let yes = |b: bool| if b { "yes" } else { "no" };
    format!("| `{name}` | {uniqueness} | {longest} | {} | {} |\n", yes(traits.may_null), yes(traits.by_identity))
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A column of a family that bounds nothing.
pub(super) fn unbounded(family: Family) -> Column {
    Column {
        name: "column".to_owned(),
        native_type: String::new(),
        family,
        max_length: None,
        precision: None,
        nullable: true,
        default: None,
        generated: None,
        collation: None,
    }
}
