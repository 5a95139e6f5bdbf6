//! Proposed decisions: what Greenroom would do with each column if nobody objects. Owns the judgement when to propose nothing; does not own
//! writing files.

use super::detect::{Confidence, Detected, PersonalKind as K, Samples, detect};
use super::kinds::propose_kind;
use super::names::PROGRAM_LAYER;
use super::words::words_of;
use super::{Decision, Treatment};
use crate::catalog::{Catalog, Column, Family, Generation, IndexPart, Table, TableForm, TableName};
use crate::mask::{MaskKey, MaskRule, compile};
use crate::plan::tables::lex::mentions;
use crate::program::{Kind, Origin};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A proposal for one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The column.
    pub column: String,
    /// What was detected.
    pub detected: Option<Detected>,
    /// The decision, with its reason; `None` where a person has to look.
    pub decision: Option<Decision>,
}

/// Proposals for one table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableProposal {
    /// The table.
    pub table: TableName,
    /// The kind, if it seems not to be `records`, and why.
    pub kind: Option<(Kind, String)>,
    /// Columns in the table's order, computed ones left out.
    pub columns: Vec<Proposal>,
}

/// Proposes kinds and decisions for all tables whose rows are copied.
pub fn propose(catalog: &Catalog, samples: &Samples) -> Vec<TableProposal> {
    let detected = detect(catalog, samples);
    // Partitions take over what is decided for their parent.
    let part = |t: &Table| matches!(&t.form, TableForm::Child { of } if of.iter().any(|p| catalog.table(p).is_some_and(partitioned)));
    let tables = catalog.tables.iter().filter(|t| (t.is_copied() && !part(t)) || partitioned(t));
    let of_table = |table: &Table| {
        let kind = propose_kind(catalog, table, detected.get(&table.name));
        let lookup = kind.as_ref().is_some_and(|(k, _)| *k == Kind::Configuration);
        let columns = table.columns.iter().filter(|c| c.generated != Some(Generation::Computed)).map(|column| {
            let found = detected.get(&table.name).and_then(|d| d.get(&column.name)).cloned();
            let decision = match &found {
                Some(d) => personal(catalog, &detected, table, column, d).and_then(|decision| fitting(column, decision)),
                None => harmless(table, column, lookup, samples.of(&table.name, &column.name)).map(|why| decision(Treatment::Keep, why)),
            };
            Proposal { column: column.name.clone(), detected: found, decision }
        });
        TableProposal { table: table.name.clone(), columns: columns.collect(), kind }
    };
    let mut proposals: Vec<TableProposal> = tables.map(of_table).collect();
    follow_references(catalog, &mut proposals);
    proposals
}

fn partitioned(table: &Table) -> bool {
    matches!(table.form, TableForm::Partitioned)
}

/// Gives referring columns the decision of the column they refer to, along chains: a foreign key holds only if both ends change alike.
fn follow_references(catalog: &Catalog, proposals: &mut [TableProposal]) {
    let decided = |all: &[TableProposal], table: &TableName, column: &str| -> Option<Option<Decision>> {
        let columns = &all.iter().find(|p| p.table == *table)?.columns;
        columns.iter().find(|p| p.column == column).map(|p| p.decision.clone())
    };
    // As many rounds as there are tables reach the end of every chain; cycles settle or are left as they are.
    for _ in 0..catalog.tables.len() {
        let mut changed = false;
        for at in 0..proposals.len() {
            let Some(table) = catalog.table(&proposals[at].table) else { continue };
            for key in &table.foreign_keys {
                for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
                    let Some(there) = decided(proposals, &key.references, referenced) else { continue };
                    let Some(here) = proposals[at].columns.iter_mut().find(|p| p.column == *column) else { continue };
                    if here.decision.as_ref().map(|d| &d.treatment) != there.as_ref().map(|d| &d.treatment) {
                        let reason = format!("as `{}.{referenced}`, which it refers to", key.references.short(catalog.engine));
                        here.decision = there.map(|d| Decision { reason: Some(reason), ..d });
                        changed = true;
                    }
                }
            }
        }
        if !changed {
            return;
        }
    }
}

fn decision(treatment: Treatment, reason: impl Into<String>) -> Decision {
    Decision {
        treatment,
        reason: Some(reason.into()),
        approved_by: None,
        when: None,
        unless: None,
        after_upgrade: false,
        derived_from: Vec::new(),
        origin: Origin { layer: PROGRAM_LAYER.into(), file: "columns.toml".into(), span: (0, 0) },
    }
}

/// Last words of columns that hold whatever their row's name says.
const HOLDS_ANYTHING: [&str; 14] =
    ["value", "val", "wert", "wartosc", "valeur", "valor", "waarde", "valore", "setting", "content", "data", "param", "parameter", "text"];

/// Why a column can be kept without a doubt, if it can.
fn harmless(table: &Table, column: &Column, lookup: bool, samples: &[Option<String>]) -> Option<&'static str> {
    let key = table.primary_key.contains(&column.name);
    let reference = table.foreign_keys.iter().any(|k| k.columns.contains(&column.name));
    let words = words_of(&column.name);
    let last = words.last().map_or("", String::as_str);
    match column.family {
        _ if reference => Some("refers to a column without personal data"),
        Family::Boolean => Some("truth value"),
        Family::Integer | Family::Uuid if key => Some("key without meaning"),
        Family::Integer | Family::Decimal | Family::Float => Some("number, no sign of a person"),
        Family::Date | Family::Timestamp | Family::Time => Some("date that is no birth date"),
        Family::Uuid if matches!(last, "id" | "uuid" | "guid") => Some("identifier without meaning"),
        // A table of names and values holds anything: a mail server's password stands beside the colour of the menu.
        Family::Text | Family::Other if lookup && HOLDS_ANYTHING.contains(&last) => None,
        Family::Text | Family::Other if lookup => Some("lookup table without personal columns"),
        Family::Text if matches!(last, "status" | "state" | "type" | "kind" | "code" | "currency" | "language" | "locale" | "unit") => {
            let few: std::collections::BTreeSet<_> = samples.iter().flatten().collect();
            (samples.len() >= 20 && few.len() * 5 <= samples.len()).then_some("few values that repeat, named as a code")
        }
        _ => None,
    }
}

/// The decision, if its mask can be made for the column; an e-mail address gets a shorter domain where it would not fit otherwise.
fn fitting(column: &Column, mut decision: Decision) -> Option<Decision> {
    // Whether a mask fits does not depend on the key.
    let key = MaskKey::new([0; 32]).domain("fits");
    let Treatment::Mask { rule, .. } = &mut decision.treatment else { return Some(decision) };
    if compile(rule, column, &key).is_err() && rule.name == "email" && rule.params.contains_key("unique") {
        rule.params.insert("domain".into(), json!("x.invalid"));
    }
    if compile(rule, column, &key).is_err() { None } else { Some(decision) }
}

/// The decision for a detected column; possible ones are left to people.
fn personal(
    catalog: &Catalog,
    detected: &BTreeMap<TableName, BTreeMap<String, Detected>>,
    table: &Table,
    column: &Column,
    found: &Detected,
) -> Option<Decision> {
    if found.confidence == Confidence::Possible {
        return None;
    }
    let unique = in_unique_index(catalog, table, column);
    let linked = referenced(catalog, table, &column.name) || table.foreign_keys.iter().any(|k| k.columns.contains(&column.name));
    let reason = format!("{}: {}", label(found.what), found.why);
    let mask = |name: &str, params: &[(&str, Value)]| {
        let params = params.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        let about_person = matches!(found.what, K::FirstName | K::LastName | K::FullName | K::Email | K::UserName | K::Gender);
        // Both ends of a foreign key must change alike, so what is linked follows from its value.
        let linked_person = if about_person && !linked { person_of(table, detected.get(&table.name)) } else { None };
        let domain = linked_person.as_ref().map(|_| format!("person:{}", table.name.short(catalog.engine)));
        let treatment = Treatment::Mask { rule: MaskRule { name: name.into(), params }, domain, identity: linked_person };
        Some(decision(treatment, reason.clone()))
    };
    let number = matches!(column.family, Family::Integer | Family::Decimal);
    let short = |least: u32| column.max_length.is_some_and(|m| m < least);
    let emptied = |treatment: Treatment| if unique { None } else { Some(decision(treatment, reason.clone())) };
    let nothing = || {
        if column.nullable {
            emptied(Treatment::Null)
        } else if matches!(column.family, Family::Text | Family::Any | Family::Bytes | Family::Json) {
            emptied(Treatment::Clear)
        } else {
            None
        }
    };
    if matches!(column.family, Family::Json | Family::TextArray | Family::Other) {
        // Inside documents a person has to say which paths; the detection stands in the proposal.
        return None;
    }
    match found.what {
        // Names and places collide by their nature.
        K::FirstName | K::LastName | K::FullName | K::Gender | K::Street | K::City | K::Postcode if unique => None,
        K::FirstName => mask("first_name", &[]),
        K::LastName => mask("last_name", &[]),
        K::FullName => mask("full_name", &[]),
        K::Gender if column.max_length == Some(1) || number => None,
        K::Gender => mask("gender", &[]),
        // A distinct address needs room for its keyed part.
        K::Email if short(40) && !unique => mask("email", &[("unique", json!(false))]),
        K::Email => mask("email", &[]),
        K::Phone if unique => mask("permute", &[]),
        K::Phone => mask("phone", &[]),
        K::NationalId if unique => mask("permute", &[]),
        K::NationalId => mask("national_id", &[]),
        K::Street => mask("street", &[]),
        K::City => mask("city", &[]),
        K::Postcode => mask("postcode", &[]),
        K::BirthDate if matches!(column.family, Family::Integer) => None,
        K::BirthDate => mask("birth_date", &[]),
        K::Card if !unique => mask("card", &[]),
        K::Iban if !unique => mask("iban", &[]),
        K::IpAddress if !unique => mask("ip", &[]),
        K::Url if !unique => mask("url", &[]),
        K::UserName => mask("user_name", &[]),
        K::PasswordHash if column.family == Family::Text && !unique => mask("password_hash", &[]),
        K::Secret if unique && column.family == Family::Uuid => mask("uuid", &[]),
        K::Secret if unique => mask("token", &[]),
        K::PasswordHash | K::Secret => nothing(),
        K::FreeText if !unique => mask("redact", &[]),
        K::File if column.family == Family::Bytes && !unique => mask("file", &[]),
        K::GeoLocation => nothing(),
        // Whether pay, diagnoses and jobs are needed on a pilot is for people to say.
        K::Card | K::Iban | K::IpAddress | K::Url | K::Special | K::FreeText | K::File | K::Job => None,
    }
}

/// The one-column primary key, where a table has at least two of first, last, full name, e-mail and user name, so that they belong together.
fn person_of(table: &Table, detected: Option<&BTreeMap<String, Detected>>) -> Option<String> {
    let [key] = table.primary_key.as_slice() else { return None };
    let belongs = |d: &&Detected| matches!(d.what, K::FirstName | K::LastName | K::FullName | K::Email | K::UserName);
    let several =
        detected.is_some_and(|d| d.values().filter(belongs).map(|d| d.what).collect::<std::collections::BTreeSet<_>>().len() >= 2);
    let stored = table.column(key).is_some_and(|c| c.generated != Some(Generation::Computed));
    (several && stored).then(|| key.clone())
}

fn in_unique_index(catalog: &Catalog, table: &Table, column: &Column) -> bool {
    let part = |p: &IndexPart| match p {
        IndexPart::Column(c) => *c == column.name,
        IndexPart::Expression { sql, columns } => {
            columns.contains(&column.name) || mentions(catalog.engine, sql, table).contains(&column.name.as_str())
        }
    };
    table.primary_key.contains(&column.name) || table.indexes.iter().any(|i| (i.unique || i.primary) && i.parts.iter().any(part))
}

fn referenced(catalog: &Catalog, table: &Table, column: &str) -> bool {
    let to = |k: &crate::catalog::ForeignKey| k.references == table.name && k.referenced_columns.iter().any(|c| c == column);
    catalog.tables.iter().any(|t| t.foreign_keys.iter().any(to))
}

/// What a kind is called in reasons and reports.
pub(super) fn label(what: K) -> &'static str {
    match what {
        K::FirstName => "first name",
        K::LastName => "last name",
        K::FullName => "name",
        K::Gender => "gender",
        K::Email => "e-mail address",
        K::Phone => "phone number",
        K::NationalId => "national number",
        K::Street => "street or address",
        K::City => "place",
        K::Postcode => "postcode",
        K::BirthDate => "birth date",
        K::Card => "payment card",
        K::Iban => "bank account",
        K::IpAddress => "IP address",
        K::Url => "personal page",
        K::UserName => "user name",
        K::PasswordHash => "password",
        K::Secret => "secret",
        K::Special => "sensitive attribute",
        K::FreeText => "free text",
        K::File => "document or picture",
        K::GeoLocation => "location",
        K::Job => "occupation",
    }
}
