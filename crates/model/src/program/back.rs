//! `[[numbers]]` and `[[rollback.inverse]]`, merged over the layers: series by name, inverses by table, a later layer's in place of an earlier one's. Owns what they say; does
//! not own what becomes of numbers (`numbers`) nor of rows (`carry::back`).

use super::decisions::table_key;
use super::layers::{MAIN, Read};
use super::raw::{At, RawInverse, RawNumbers};
use super::{Origin, Program};
use crate::catalog::{Catalog, EngineKind};
use crate::columns::names::{find_table, place, suggest_table};
use crate::finding::Finding;
use serde::{Deserialize, Serialize};

/// Where the numbers of a series stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberColumn {
    /// Table as written.
    pub table: String,
    /// Column that holds the number.
    pub column: String,
    /// Only values that begin so are numbers of the series.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Column with one series for each of its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Query that returns the number that is given next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A series of document numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberSeries {
    /// A word for it, unique within the program.
    pub name: String,
    /// Where it stands before the upgrade.
    pub before: NumberColumn,
    /// Where it stands after it.
    pub after: NumberColumn,
    /// Where it was written.
    pub origin: Origin,
}

/// How the new version's rows become rows of a table of the former version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inverse {
    /// Table of the former version as written.
    pub table: String,
    /// Query over the new version.
    pub select: String,
    /// Tables of the new version, as written, whose keys hold the former key; empty where every row is compared.
    pub touched_by: Vec<String>,
    /// Where it was written.
    pub origin: Origin,
}

/// Merges the series of document numbers.
pub(super) fn numbers(layers: &[Read<'_>], engine: Option<EngineKind>, findings: &mut Vec<Finding>) -> Vec<NumberSeries> {
    let mut all: Vec<NumberSeries> = Vec::new();
    for layer in layers {
        let mut own: Vec<NumberSeries> = Vec::new();
        for raw in &layer.main.numbers {
            let Some(series) = series(raw, engine, layer, findings) else { continue };
            if own.iter().any(|s| s.name == series.name) {
                let finding = Finding::error("GR0110", format!("two series of numbers are called `{}`", series.name));
                findings.push(finding.at(place(&series.origin)).hint("give each a `name` of its own: what is recorded of them goes by it"));
                continue;
            }
            own.push(series);
        }
        all.retain(|s| own.iter().all(|o| o.name != s.name));
        all.extend(own);
    }
    all
}

fn series(raw: &RawNumbers, engine: Option<EngineKind>, layer: &Read<'_>, findings: &mut Vec<Finding>) -> Option<NumberSeries> {
    let file = layer.file(MAIN);
    let spans = [&raw.name, &raw.table, &raw.column].into_iter().flatten().map(|at| at.span.clone());
    let span = spans.min_by_key(|s| s.start).unwrap_or(0..0);
    let text = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.trim().to_owned()).filter(|t| !t.is_empty());
    let (Some(table), Some(column)) = (text(&raw.table), text(&raw.column)) else {
        let finding = Finding::error("GR0109", "a series of numbers lacks `table` or `column`").at(file.place(span));
        findings.push(finding.hint("`table = \"invoice\"`, `column = \"number\"`"));
        return None;
    };
    let next = raw.next.as_ref().or(raw.after.as_ref().and_then(|a| a.next.as_ref()));
    if let Some(at) = next.filter(|_| raw.group.is_some()) {
        let finding =
            Finding::error("GR0113", "`next` means nothing where `group` makes several series of one").at(file.place(at.span.clone()));
        findings.push(
            finding.hint("leave one out; series that each have a query of their own are written apart, told from each other by `prefix`"),
        );
    }
    let before = NumberColumn {
        table: table_key(&table, engine),
        column: column.clone(),
        prefix: text(&raw.prefix).unwrap_or_default(),
        group: text(&raw.group),
        next: text(&raw.next),
    };
    let mut after = before.clone();
    if let Some(other) = &raw.after {
        if let Some(table) = text(&other.table) {
            after.table = table_key(&table, engine);
        }
        if let Some(column) = text(&other.column) {
            after.column = column;
        }
        if let Some(prefix) = text(&other.prefix) {
            after.prefix = prefix;
        }
        after.group = text(&other.group).or(after.group);
        after.next = text(&other.next).or(after.next);
    }
    let name = text(&raw.name).unwrap_or_else(|| format!("{}.{column}", before.table));
    Some(NumberSeries { name, before, after, origin: file.origin(span) })
}

/// Merges the inverses.
pub(super) fn inverses(layers: &[Read<'_>], engine: Option<EngineKind>, findings: &mut Vec<Finding>) -> Vec<Inverse> {
    let mut all: Vec<Inverse> = Vec::new();
    for layer in layers {
        let mut own: Vec<Inverse> = Vec::new();
        for raw in layer.main.rollback.iter().flat_map(|r| &r.inverse) {
            let Some(inverse) = inverse(raw, engine, layer, findings) else { continue };
            if own.iter().any(|i| i.table == inverse.table) {
                let finding = Finding::error("GR0110", format!("`{}` has two inverses", inverse.table)).at(place(&inverse.origin));
                findings.push(finding.hint("one query gives back all rows of a table: join them with UNION ALL"));
                continue;
            }
            own.push(inverse);
        }
        all.retain(|s| own.iter().all(|o| o.table != s.table));
        all.extend(own);
    }
    all
}

fn inverse(raw: &RawInverse, engine: Option<EngineKind>, layer: &Read<'_>, findings: &mut Vec<Finding>) -> Option<Inverse> {
    let file = layer.file(MAIN);
    let spans = [&raw.table, &raw.select].into_iter().flatten().map(|at| at.span.clone());
    let span = spans.min_by_key(|s| s.start).unwrap_or(0..0);
    let said = |at: &&At<String>| !at.value.trim().is_empty();
    let (Some(table), Some(select)) = (raw.table.as_ref().filter(said), raw.select.as_ref().filter(said)) else {
        let finding = Finding::error("GR0109", "an inverse lacks `table` or `select`").at(file.place(span));
        findings.push(finding.hint("`table = \"client\"`, `select = \"select id, first || ' ' || last as name from person\"`"));
        return None;
    };
    let whole = raw.whole.as_ref().is_some_and(|w| w.value);
    if let Some(at) = raw.touched_by.as_ref().filter(|at| whole || at.value.is_empty()) {
        let message = if whole { "`touched_by` means nothing where `whole` has every row compared" } else { "`touched_by` names no table" };
        let finding = Finding::error("GR0113", message).at(file.place(at.span.clone()));
        findings.push(finding.hint("leave it out, or leave `whole` out"));
    }
    let table = table_key(table.value.trim(), engine);
    let touched_by = match (&raw.touched_by, whole) {
        (_, true) => Vec::new(),
        (Some(at), false) => at.value.iter().map(|t| table_key(t.trim(), engine)).collect(),
        (None, false) => vec![table.clone()],
    };
    let select = select.value.trim().trim_end_matches(';').trim_end().to_owned();
    Some(Inverse { table, select, touched_by, origin: file.origin(span) })
}

/// Whether a series or an inverse that comes from a kit is about a table that this client does not have: then there is nothing to do.
fn of_others(origin: &Origin, catalog: &Catalog, table: &str) -> bool {
    !origin.is_own() && find_table(catalog, table).is_none()
}

impl NumberSeries {
    /// Whether it comes from a kit, and the version before the upgrade does not have its table here.
    pub fn is_others(&self, before: &Catalog) -> bool {
        of_others(&self.origin, before, &self.before.table)
    }
}

impl Inverse {
    /// Whether it comes from a kit, and the former version does not have its table here.
    pub fn is_others(&self, former: &Catalog) -> bool {
        of_others(&self.origin, former, &self.table)
    }
}

impl Program {
    /// What of the series and inverses does not fit production's schema, as it is before the upgrade.
    pub fn check_back(&self, catalog: &Catalog) -> Vec<Finding> {
        let mut findings = Vec::new();
        let table_missing = |what: &str, written: &str, origin: &Origin| {
            let finding =
                Finding::error("GR0202", format!("{what} names the table `{written}`, which production does not have")).at(place(origin));
            match suggest_table(catalog, written) {
                Some(near) => finding.hint(format!("did you mean `{near}`?")),
                None => finding.hint("tables of other schemas are written with their schema"),
            }
        };
        for series in self.numbers.iter().filter(|s| !s.is_others(catalog)) {
            let what = format!("the series of numbers `{}`", series.name);
            let Some(table) = find_table(catalog, &series.before.table) else {
                findings.push(table_missing(&what, &series.before.table, &series.origin));
                continue;
            };
            for column in [Some(&series.before.column), series.before.group.as_ref()].into_iter().flatten() {
                if table.column(column).is_none() {
                    let message = format!("{what} names the column `{}.{column}`, which production does not have", series.before.table);
                    findings.push(Finding::error("GR0203", message).at(place(&series.origin)));
                }
            }
        }
        for inverse in self.inverses.iter().filter(|i| !i.is_others(catalog)) {
            let what = format!("the inverse of `{}`", inverse.table);
            let Some(table) = find_table(catalog, &inverse.table) else {
                findings.push(table_missing(&what, &inverse.table, &inverse.origin));
                continue;
            };
            if !inverse.touched_by.is_empty() && crate::carry::telling_apart(table).is_empty() {
                let message = format!("{what} cannot go by touched rows: the table has no key");
                findings.push(Finding::error("GR0782", message).at(place(&inverse.origin)).hint("`whole = true` has every row compared"));
            }
        }
        findings
    }
}
