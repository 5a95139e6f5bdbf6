//! How a folder is numbered: plain numbers (dbmate's time stamps too), Flyway, sqitch.
//!
//! Owns the order within and between folders. Ambiguity is a finding, never a guess.

use super::{Files, UpgradeFile, ignored};
use crate::finding::Finding;
use crate::upgrade::version::{Version, compare_part};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The scripts in their order. With `strict` ambiguity is reported; without (`steps.toml` orders) only what is not to be run is left out.
pub(super) fn order<'a>(files: &Files<'a>, strict: bool, findings: &mut Vec<Finding>) -> Vec<UpgradeFile<'a>> {
    let mut out = Vec::new();
    walk("", files, strict, findings, &mut out);
    out
}

/// Files that other tools leave beside their scripts.
pub(super) fn belongs_to_tool(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("sqitch.plan" | "sqitch.conf" | "steps.toml"))
}

fn ambiguous(findings: &mut Vec<Finding>, strict: bool, folder: &str, why: String) {
    if strict {
        let folder = if folder.is_empty() { "upgrade/" } else { folder };
        findings.push(
            Finding::error("GR0402", format!("the order of `{folder}` is not clear: {why}"))
                .hint("give the order in `upgrade/steps.toml`, one `[[step]] script = \"…\"` per script"),
        );
    }
}

fn walk<'a>(folder: &str, files: &Files<'a>, strict: bool, findings: &mut Vec<Finding>, out: &mut Vec<UpgradeFile<'a>>) {
    if let Some(plan) = files.values().find(|f| f.path == format!("{folder}sqitch.plan")) {
        return sqitch(folder, plan, files, findings, out);
    }
    let (mut here, mut below) = (Vec::new(), BTreeSet::new());
    for file in files.values().filter(|f| f.is_script()) {
        match file.path.strip_prefix(folder).map(|rest| rest.split_once('/')) {
            Some(None) => here.push(*file),
            Some(Some((name, _))) => drop(below.insert(name.to_owned())),
            None => {}
        }
    }
    let stems: BTreeSet<&str> = here.iter().filter_map(|f| f.path.strip_suffix(".up.sql")).collect();
    let (undo, mut here): (Vec<_>, Vec<_>) =
        here.into_iter().partition(|f| f.path.strip_suffix(".down.sql").is_some_and(|s| stems.contains(s)));
    undo.iter().for_each(|f| findings.push(ignored(f, "it takes an upgrade back")));
    if here.iter().any(|f| matches!(flyway(name(f)), Some(('V', ..)))) {
        // Flyway looks into sub-folders and orders all it finds together
        here = files.values().filter(|f| f.is_script() && f.path.starts_with(folder)).copied().collect();
        return flyway_order(folder, here, strict, findings, out);
    }
    if !here.is_empty() && !below.is_empty() {
        ambiguous(findings, strict, folder, "scripts and folders with scripts stand side by side".into());
    }
    numbered(folder, here.into_iter().map(|f| (name(&f).to_owned(), f)).collect(), strict, findings).into_iter().for_each(|f| out.push(f));
    for sub in numbered(folder, below.into_iter().map(|n| (n.clone(), n)).collect(), strict, findings) {
        walk(&format!("{folder}{sub}/"), files, strict, findings, out);
    }
}

fn name<'a>(file: &UpgradeFile<'a>) -> &'a str {
    file.path.rsplit('/').next().unwrap_or(file.path)
}

/// What stands before the first digit, the numbers, and letters that follow directly (`003b`).
fn number(name: &str) -> Option<(String, Vec<String>)> {
    let start = name.find(|c: char| c.is_ascii_digit())?;
    let (mut parts, mut rest) = (Vec::new(), &name[start..]);
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        parts.push(rest[..end].to_owned());
        rest = &rest[end..];
        let digits = rest.get(1..).map_or("", |r| &r[..r.find(|c: char| !c.is_ascii_digit()).unwrap_or(r.len())]);
        let next = rest.get(1 + digits.len()..).and_then(|r| r.chars().next());
        if !rest.starts_with(['.', '-', '_']) || digits.is_empty() || next.is_some_and(char::is_alphanumeric) {
            break;
        }
        rest = &rest[1..];
    }
    let letters: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    if !letters.is_empty() {
        parts.push(letters.to_ascii_lowercase());
    }
    Some((name[..start].to_lowercase(), parts))
}

fn compare(a: &[String], b: &[String]) -> Ordering {
    a.iter().zip(b).map(|(x, y)| compare_part(x, y)).find(|o| o.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// Sorts by number; names without one, with different beginnings, or with equal numbers are ambiguous.
fn numbered<T>(folder: &str, entries: Vec<(String, T)>, strict: bool, findings: &mut Vec<Finding>) -> Vec<T> {
    if entries.len() < 2 {
        return entries.into_iter().map(|(_, e)| e).collect();
    }
    let mut keyed: Vec<_> = entries.into_iter().map(|(n, e)| (number(&n), Version::parse(&n), n, e)).collect();
    let prefix = keyed[0].0.as_ref().map(|(p, _)| p.clone());
    if let Some(odd) = keyed.iter().find(|k| k.0.as_ref().map(|(p, _)| p) != prefix.as_ref() || k.0.is_none()) {
        let why = format!("`{}` and `{}` are not numbered alike", keyed[0].2, odd.2);
        ambiguous(findings, strict, folder, why);
    }
    keyed.sort_by(|a, b| match (&a.0, &b.0) {
        (Some(x), Some(y)) => compare(&x.1, &y.1).then_with(|| a.2.cmp(&b.2)),
        (x, y) => y.is_some().cmp(&x.is_some()).then_with(|| a.2.cmp(&b.2)),
    });
    for pair in keyed.windows(2) {
        if let (Some(a), Some(b)) = (&pair[0].0, &pair[1].0)
            && compare(&a.1, &b.1).is_eq()
        {
            // folders such as `5.2` and `5.2 SP3` differ as versions, and so they stand already
            if pair[0].1.is_some() && pair[0].1 < pair[1].1 && !pair[0].2.contains("sql") {
                continue;
            }
            ambiguous(findings, strict, folder, format!("`{}` and `{}` have the same number", pair[0].2, pair[1].2));
        }
    }
    keyed.into_iter().map(|k| k.3).collect()
}

/// Flyway's kind, version and description.
fn flyway(name: &str) -> Option<(char, Vec<String>, &str)> {
    let kind = name.chars().next().filter(|c| matches!(c, 'V' | 'R' | 'U' | 'B'))?;
    let (version, description) = name[1..].rsplit_once('.')?.0.split_once("__")?;
    let mut parts: Vec<String> = if version.is_empty() { Vec::new() } else { version.split(['.', '_']).map(str::to_owned).collect() };
    let digits = parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    while parts.len() > 1 && parts.last().is_some_and(|p| p.bytes().all(|b| b == b'0')) {
        parts.pop();
    }
    (digits && (kind == 'R') == parts.is_empty()).then_some((kind, parts, description))
}

fn flyway_order<'a>(folder: &str, here: Vec<UpgradeFile<'a>>, strict: bool, findings: &mut Vec<Finding>, out: &mut Vec<UpgradeFile<'a>>) {
    let mut keyed = Vec::new();
    for file in here {
        match flyway(name(&file)) {
            Some(('U', ..)) => findings.push(ignored(&file, "it takes an upgrade back")),
            Some(('B', ..)) => findings.push(ignored(&file, "it is a baseline for new databases")),
            Some((kind, version, description)) => keyed.push((kind == 'R', version, description, file)),
            None => {
                ambiguous(findings, strict, folder, format!("`{}` stands among Flyway's scripts and is not named like them", file.path));
                if !strict {
                    out.push(file);
                }
            }
        }
    }
    keyed.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| compare(&a.1, &b.1)).then_with(|| a.2.cmp(b.2)));
    for pair in keyed.windows(2) {
        if !pair[0].0 && !pair[1].0 && compare(&pair[0].1, &pair[1].1).is_eq() {
            ambiguous(findings, strict, folder, format!("`{}` and `{}` have the same version", pair[0].3.path, pair[1].3.path));
        }
    }
    out.extend(keyed.into_iter().map(|k| k.3));
}

/// The order of `sqitch.plan`; a reworked change's former script bears the tag that follows it.
fn sqitch<'a>(folder: &str, plan: &UpgradeFile<'a>, files: &Files<'a>, findings: &mut Vec<Finding>, out: &mut Vec<UpgradeFile<'a>>) {
    let lines: Vec<&str> = plan.text.unwrap_or("").lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with(['#', '%'])).collect();
    let change = |l: &str| l.split_whitespace().next().unwrap_or("").trim_start_matches('+').to_owned();
    let last: BTreeMap<String, usize> = lines.iter().enumerate().map(|(i, l)| (change(l), i)).collect();
    let mut used = BTreeSet::new();
    for (i, line) in lines.iter().enumerate().filter(|(_, l)| !l.starts_with('@')) {
        let mut name = change(line);
        if last.get(&name) != Some(&i)
            && let Some(tag) = lines[i..].iter().find(|l| l.starts_with('@'))
        {
            name.push_str(&change(tag));
        }
        let path = format!("{folder}deploy/{name}.sql");
        match files.get(path.as_str()) {
            Some(file) => {
                used.insert(file.path);
                out.push(*file);
            }
            None => findings.push(
                Finding::error("GR0403", format!("`sqitch.plan` names `{name}`, but there is no `{path}`"))
                    .at(plan.place(0..0))
                    .hint("add the script, or take the change out of the plan"),
            ),
        }
    }
    for file in files.values().filter(|f| f.is_script() && f.path.starts_with(folder) && !used.contains(f.path)) {
        let known = ["revert/", "verify/"].iter().any(|d| file.path[folder.len()..].starts_with(d));
        let finding = ignored(file, if known { "sqitch uses it to take back or to verify" } else { "`sqitch.plan` does not name it" });
        findings.push(if known { finding } else { Finding { severity: crate::finding::Severity::Warning, ..finding } });
    }
}
