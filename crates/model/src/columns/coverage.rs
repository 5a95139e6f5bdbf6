//! Whether the decisions cover a schema. Owns GR02xx but drift (`drift`); does not own whether
//! masks fit their columns (`plan::tables`).

use super::detect::{Confidence, Detected, Samples, detect};
use super::drift;
use super::names::{decisions_of, find_table, is_left_out, lineage, listed, means, place, suggest_column, suggest_table};
use super::propose::label;
use super::{Decision, Treatment};
use crate::catalog::{Catalog, Column, Generation, Table, TableForm};
use crate::finding::{Finding, Severity};
use crate::plan::tables::travels_empty;
use crate::program::{Origin, PackAction, Program};

/// Names spelled out in one message.
const SHOWN: usize = 12;

/// Compares the program's decisions with a schema: what is undecided, what is decided on but missing, what drifted, what is kept although
/// it looks personal, what reaches outside or cannot be carried.
pub fn check(program: &Program, catalog: &Catalog, samples: Option<&Samples>) -> Vec<Finding> {
    check_since(program, catalog, samples, None)
}

/// As [`check`]; `decided` is the schema that the decisions were made for, where it is still known: retyped columns can then be named.
pub fn check_since(program: &Program, catalog: &Catalog, samples: Option<&Samples>, decided: Option<&Catalog>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if catalog.tables.is_empty() {
        let hint = "see that the address names the database that is meant, and that the login may read its tables";
        return vec![Finding::error("GR0211", "the database has no tables").hint(hint)];
    }
    missing_names(program, catalog, &mut findings);
    let undecided = coverage(program, catalog, &mut findings);
    drift::drift(program, catalog, decided, undecided, &mut findings);
    approvals(program, catalog, samples, &mut findings);
    outside(program, catalog, &mut findings);
    findings
}

/// A finding that weighs less in a kit, which is written for more than one version of a product.
fn about(origin: &Origin, code: &'static str, message: String) -> Finding {
    let severity = if origin.is_own() { Severity::Error } else { Severity::Warning };
    Finding { severity, ..Finding::error(code, message) }.at(place(origin))
}

fn missing_names(program: &Program, catalog: &Catalog, findings: &mut Vec<Finding>) {
    let no_table = |origin: Option<&Origin>, what: &str, written: &str| {
        let message = format!("{what} `{written}`, which does not exist");
        let f = match origin {
            Some(o) => about(o, "GR0202", message),
            None => Finding::error("GR0202", message),
        };
        match suggest_table(catalog, written) {
            Some(near) => f.hint(format!("did you mean `{near}`?")),
            None => f.hint("remove it, or correct the name; `greenroom columns` lists the tables"),
        }
    };
    for (written, columns) in &program.columns {
        let Some(table) = find_table(catalog, written) else {
            // A table that the upgrade creates is looked for after the upgrade.
            if let Some(d) = columns.values().find(|d| !d.after_upgrade) {
                findings.push(no_table(Some(&d.origin), "decisions name table", written));
            }
            continue;
        };
        for (column, decision) in columns {
            match table.column(column) {
                None if !decision.after_upgrade => {
                    let f =
                        about(&decision.origin, "GR0203", format!("a decision names column `{written}.{column}`, which does not exist"));
                    findings.push(match suggest_column(table, column) {
                        Some(near) => f.hint(format!("did you mean `{near}`?")),
                        None => f.hint("remove it; for a column that the upgrade creates say `after_upgrade = true`"),
                    });
                }
                Some(c) if c.generated == Some(Generation::Computed) && decision.treatment != Treatment::Keep => {
                    let message =
                        format!("`{written}.{column}` is computed from other columns and never copied, so the decision does nothing");
                    findings.push(Finding::warning("GR0207", message).at(place(&decision.origin)).hint("decide on the columns it reads"));
                }
                _ => {}
            }
        }
    }
    // A table that the upgrade creates has a kind before it is there; decisions about its columns announce it.
    let announced = |written: &str| program.columns.get(written).is_some_and(|c| !c.is_empty() && c.values().all(|d| d.after_upgrade));
    for rule in program.kinds.iter().filter(|k| find_table(catalog, &k.table).is_none() && !announced(&k.table)) {
        findings.push(no_table(Some(&rule.origin), "a kind names table", &rule.table));
    }
    for written in program.left_out.keys().filter(|w| find_table(catalog, w).is_none()) {
        findings.push(no_table(None, "the program leaves out table", written));
    }
}

/// Whether packs decide on the column for every row.
fn decided_by_pack(program: &Program, catalog: &Catalog, table: &Table, column: &str) -> bool {
    let line = lineage(catalog, table);
    program.packs.iter().flat_map(|p| &p.rules).filter(|r| r.when.is_none() && r.unless.is_none()).any(|r| {
        let here = r.table.as_deref().is_some_and(|w| line.iter().any(|t| means(catalog, w, &t.name)));
        here && match &r.action {
            PackAction::Blank { columns } => columns.iter().any(|c| c == column),
            PackAction::Set { values } => values.contains_key(column),
            PackAction::Mask { columns } => columns.get(column).is_some_and(|d| d.when.is_none() && d.unless.is_none()),
            _ => false,
        }
    })
}

/// Columns whose rows are copied and about which nothing is decided, by table. Tables that cannot be carried are not among them.
pub fn undecided<'c>(program: &Program, catalog: &'c Catalog) -> Vec<(&'c Table, Vec<&'c str>)> {
    let mut open = Vec::new();
    let copied = |t: &&Table| t.is_copied() && !is_left_out(program, catalog, t) && !travels_empty(program, catalog, t);
    for table in catalog.tables.iter().filter(copied) {
        let decisions = decisions_of(program, catalog, table);
        let decided = |c: &Column| {
            decisions.get(c.name.as_str()).is_some_and(|d| !d.after_upgrade) || decided_by_pack(program, catalog, table, &c.name)
        };
        let missing: Vec<&str> = stored(table).filter(|c| !decided(c)).map(|c| c.name.as_str()).collect();
        if !missing.is_empty() {
            open.push((table, missing));
        }
    }
    open
}

fn stored(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|c| c.generated != Some(Generation::Computed))
}

/// Reports undecided columns, one finding per table, and returns how many there are.
fn coverage(program: &Program, catalog: &Catalog, findings: &mut Vec<Finding>) -> usize {
    for table in catalog.tables.iter().filter(|t| !is_left_out(program, catalog, t)) {
        if let TableForm::Refused(why) = &table.form {
            let short = table.name.short(catalog.engine);
            let message = format!("`{short}` cannot be carried: {why}");
            findings.push(Finding::error("GR0210", message).hint(format!("leave it out: `[leave_out]` with `\"{short}\" = \"why\"`")));
        }
    }
    let open = undecided(program, catalog);
    for (table, missing) in &open {
        let short = table.name.short(catalog.engine);
        let hint = "`greenroom columns` shows proposals; write a decision for each into columns.toml";
        findings.push(if missing.len() == stored(table).count() {
            let message = format!("`{short}` has no decisions: {}", listed(missing, SHOWN));
            Finding::error("GR0206", message).hint(format!("{hint}, or give the table the kind `queue`, `history` or `scratch`"))
        } else {
            let count = if missing.len() == 1 { "a column" } else { "columns" };
            Finding::error("GR0201", format!("`{short}` has {count} without a decision: {}", listed(missing, SHOWN))).hint(hint)
        });
    }
    let total = open.iter().map(|(_, missing)| missing.len()).sum();
    if open.len() > 1 {
        findings.push(Finding::note("GR0201", format!("{total} columns in {} tables are without a decision", open.len())));
    }
    total
}

fn approvals(program: &Program, catalog: &Catalog, samples: Option<&Samples>, findings: &mut Vec<Finding>) {
    let none = Samples::default();
    let detected = detect(catalog, samples.unwrap_or(&none));
    let mut reported: Vec<(&Origin, &str)> = Vec::new();
    for table in catalog.tables.iter().filter(|t| t.is_copied() && !is_left_out(program, catalog, t)) {
        let decisions = decisions_of(program, catalog, table);
        if travels_empty(program, catalog, table) {
            continue;
        }
        for (column, found) in detected.get(&table.name).into_iter().flatten() {
            let Some(decision) = decisions.get(column.as_str()) else { continue };
            let covered = decided_by_pack(program, catalog, table, column);
            if needs_approval(decision, found) && !covered {
                let named = format!("{}.{column}", table.name.short(catalog.engine));
                let f = Finding::error(
                    "GR0205",
                    format!("`{named}` is kept, but looks like personal data ({}; {})", label(found.what), found.why),
                )
                .at(place(&decision.origin))
                .hint("mask it, or let somebody answer for it: `approved_by = \"their id\"`");
                // A partition that takes over its parent's decision is not asked about again.
                let once = (&decision.origin, column.as_str());
                if !reported.contains(&once) {
                    reported.push(once);
                    findings.push(f);
                }
            }
        }
    }
}

fn needs_approval(decision: &Decision, found: &Detected) -> bool {
    let approved = decision.approved_by.as_deref().is_some_and(|a| !a.trim().is_empty());
    decision.treatment == Treatment::Keep && !approved && found.confidence >= Confidence::Likely
}

fn outside(program: &Program, catalog: &Catalog, findings: &mut Vec<Finding>) {
    if catalog.large_objects > 0 && program.large_objects.is_none() {
        let message =
            format!("the database holds {} large objects, and the program does not say what happens to them", catalog.large_objects);
        findings
            .push(Finding::error("GR0208", message).hint("say `large_objects = \"clear\"` or `\"keep\"` under `[copy]` in greenroom.toml"));
    }
    for o in catalog.outbound.iter().filter(|o| o.disabled_by.is_none() && !program.outbound_accepted.contains_key(&o.name)) {
        let message = format!("{} `{}` reaches outside the database, and cannot be disabled on the copy", o.kind, o.name);
        findings
            .push(Finding::error("GR0209", message).hint(format!("accept it with a reason: `[outbound]` with `\"{}\" = \"why\"`", o.name)));
    }
}

/// Columns that an upgrade created (P12): each table with new columns needs decisions with `after_upgrade`, unless values cannot have come
/// from persons' data. `before` and `after` are the generation's schema before and after the upgrade.
pub fn new_columns(before: &Catalog, after: &Catalog, program: &Program) -> Vec<Finding> {
    let mut findings = Vec::new();
    for table in after.tables.iter().filter(|t| t.is_copied() && !is_left_out(program, after, t)) {
        let old = before.table(&table.name);
        let new = |c: &&Column| c.generated != Some(Generation::Computed) && old.is_none_or(|o| o.column(&c.name).is_none());
        let decisions = decisions_of(program, after, table);
        let created: Vec<&Column> = table.columns.iter().filter(new).collect();
        let missing: Vec<&str> =
            created.iter().map(|c| c.name.as_str()).filter(|c| !decisions.get(c).is_some_and(|d| d.after_upgrade)).collect();
        if !missing.is_empty() {
            let short = table.name.short(after.engine);
            let what = if old.is_some() { "columns" } else { "table with columns" };
            let message = format!("the upgrade created {what} in `{short}` without a decision: {}", listed(&missing, SHOWN));
            let hint = "decide on each in columns.toml with `after_upgrade = true` and `derived_from`";
            findings.push(Finding::error("GR0212", message).hint(hint));
        }
        for column in created {
            let Some(decision) = decisions.get(column.name.as_str()).filter(|d| d.after_upgrade && d.treatment == Treatment::Keep) else {
                continue;
            };
            let masked = decision.derived_from.iter().find(|from| is_changed(program, before, from));
            if let Some(from) = masked {
                let named = format!("{}.{}", table.name.short(after.engine), column.name);
                let message = format!("`{named}` is filled from `{from}`, which is masked or removed here and raw in production");
                findings.push(Finding::note("GR0214", message).at(place(&decision.origin)));
            }
        }
    }
    findings
}

/// Whether `table.column`, as written, does not keep its value.
fn is_changed(program: &Program, catalog: &Catalog, written: &str) -> bool {
    written.match_indices('.').any(|(at, _)| {
        let Some(table) = find_table(catalog, &written[..at]) else { return false };
        let decision = decisions_of(program, catalog, table).get(&written[at + 1..]).copied();
        decision.is_some_and(|d| d.treatment != Treatment::Keep)
    })
}
