//! Which rows of a table travel: kinds, and what packs empty or delete. Does not own what happens to fields.

use super::Built;
use super::conditions::{applies, choice, decided, truth};
use super::lex::whole;
use crate::catalog::{Catalog, EngineKind, Family, Table};
use crate::columns::names::{find_table, lineage, means, place, suggest_column, suggest_table};
use crate::finding::Finding;
use crate::program::{Kind, KindRule, PackAction, PackRule, Program};

/// The pack rules about a table or what it is a partition of, in order.
pub(super) fn pack_rules_of<'p>(program: &'p Program, catalog: &Catalog, table: &Table) -> Vec<&'p PackRule> {
    let line = lineage(catalog, table);
    let about = |r: &&PackRule| r.table.as_deref().is_some_and(|w| line.iter().any(|t| means(catalog, w, &t.name)));
    program.packs.iter().flat_map(|p| &p.rules).filter(about).collect()
}

/// The kind rules about a table; a partition's own rules replace its parent's.
fn kind_rules_of<'p>(program: &'p Program, catalog: &Catalog, table: &Table) -> Vec<&'p KindRule> {
    let rules_of = |t: &Table| -> Vec<&'p KindRule> { program.kinds.iter().filter(|k| means(catalog, &k.table, &t.name)).collect() };
    lineage(catalog, table).into_iter().map(rules_of).find(|rules| !rules.is_empty()).unwrap_or_default()
}

/// Reports what packs name that does not exist, and conditions that are not whole expressions.
pub(super) fn check_packs(program: &Program, catalog: &Catalog, findings: &mut Vec<Finding>) {
    for (pack, rule) in program.packs.iter().flat_map(|p| p.rules.iter().map(move |r| (p, r))) {
        if matches!(rule.action, PackAction::Statement { .. }) {
            continue;
        }
        let at = place(&rule.origin);
        let who = format!("`{}` of pack `{}`", rule.id, pack.name);
        for sql in rule.when.iter().chain(&rule.unless) {
            if let Err(why) = whole(catalog.engine, sql) {
                findings.push(Finding::error("GR0366", format!("the condition of {who} is not one expression: {why}")).at(at.clone()));
            }
        }
        let written = rule.table.as_deref().unwrap_or("");
        let Some(table) = find_table(catalog, written) else {
            let f = Finding::error("GR0365", format!("{who} names table `{written}`, which does not exist")).at(at);
            findings.push(match suggest_table(catalog, written) {
                Some(near) => f.hint(format!("did you mean `{near}`?")),
                None => f.hint("correct the name, or replace the pack by one of the same name without this rule"),
            });
            continue;
        };
        let columns: Vec<&str> = match &rule.action {
            PackAction::Blank { columns } => columns.iter().map(String::as_str).collect(),
            PackAction::Set { values } => values.keys().map(String::as_str).collect(),
            PackAction::Mask { columns } => columns.keys().map(String::as_str).collect(),
            PackAction::Empty | PackAction::Delete | PackAction::Statement { .. } => Vec::new(),
        };
        for column in columns.into_iter().filter(|c| table.column(c).is_none()) {
            let f = Finding::error("GR0365", format!("{who} names column `{written}.{column}`, which does not exist")).at(at.clone());
            findings.push(match suggest_column(table, column) {
                Some(near) => f.hint(format!("did you mean `{near}`?")),
                None => f.hint("correct the name, or replace the pack by one of the same name without this rule"),
            });
        }
    }
}

/// Sets the copy's filter, or that it is empty.
pub(super) fn resolve(program: &Program, catalog: &Catalog, packs: &[&PackRule], b: &mut Built<'_>, findings: &mut Vec<Finding>) {
    let engine = catalog.engine;
    let mut filter: Vec<String> = Vec::new();
    match kept_by_kind(catalog, &kind_rules_of(program, catalog, b.table), b, findings) {
        Kept::All => {}
        Kept::Nothing => b.copy.empty = true,
        Kept::Where(sql) => filter.push(sql),
    }
    for rule in packs.iter().filter(|r| matches!(r.action, PackAction::Empty | PackAction::Delete)) {
        match applies(engine, rule.when.as_deref(), rule.unless.as_deref()) {
            None => b.copy.empty = true,
            Some(dropped) => {
                filter.push(format!("not ({dropped})"));
                b.dropped.push(dropped);
            }
        }
    }
    if b.copy.empty || filter.is_empty() {
        return;
    }
    b.copy.filter = Some(filter.join(" and "));
}

/// Which rows of a table are configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigurationRows {
    /// None.
    None,
    /// Every row.
    All,
    /// Those for which this SQL over the row (aliased `t`), never NULL, is true.
    Where(String),
}

/// Which rows of a table are configuration: rules with a condition are asked in order, then the last one without. A row for which a condition is
/// unknown is on the side that [`resolve`] puts it on.
pub fn configuration_rows(program: &Program, catalog: &Catalog, table: &Table) -> ConfigurationRows {
    let engine = catalog.engine;
    let rules = kind_rules_of(program, catalog, table);
    let is = |rule: &KindRule| rule.kind == Kind::Configuration;
    let otherwise = rules.iter().rev().find(|r| r.condition.is_none()).is_some_and(|r| is(r));
    let branch = |r: &&KindRule| {
        let removes = !matches!(r.kind, Kind::Records | Kind::Configuration);
        let condition = r.condition.as_deref().filter(|c| whole(engine, c).is_ok())?;
        Some((is(r), (decided(engine, condition, removes), truth(engine, is(r)).to_owned())))
    };
    let (kinds, branches): (Vec<bool>, Vec<(String, String)>) = rules.iter().filter_map(branch).unzip();
    match (otherwise, kinds.iter().all(|k| *k == otherwise)) {
        (true, true) => ConfigurationRows::All,
        (false, true) => ConfigurationRows::None,
        _ => ConfigurationRows::Where(choice(engine, &branches, truth(engine, otherwise))),
    }
}

enum Kept {
    All,
    Nothing,
    Where(String),
}

/// Rules with a condition are asked in order, then the last rule without one (a later layer's word counts). What removes rows takes an
/// unknown condition as true, what keeps them takes it as false.
fn kept_by_kind(catalog: &Catalog, rules: &[&KindRule], b: &Built<'_>, findings: &mut Vec<Finding>) -> Kept {
    let engine = catalog.engine;
    let whole_table = rules.iter().rev().find(|r| r.condition.is_none()).map_or(Kept::All, |r| kept(catalog, r, b, findings));
    let mut branches = Vec::new();
    let mut removes = !matches!(whole_table, Kept::All);
    for rule in rules {
        let Some(condition) = rule.condition.as_deref() else { continue };
        if let Err(why) = whole(engine, condition) {
            let message = format!("the condition of a kind of `{}` is not one expression: {why}", rule.table);
            findings.push(Finding::error("GR0366", message).at(place(&rule.origin)));
            continue;
        }
        let (then, unknown) = match kept(catalog, rule, b, findings) {
            Kept::All => (truth(engine, true).to_owned(), false),
            Kept::Nothing => (truth(engine, false).to_owned(), true),
            Kept::Where(sql) => (sql, true),
        };
        removes |= unknown;
        branches.push((decided(engine, condition, unknown), then));
    }
    if !removes {
        return Kept::All;
    }
    if branches.is_empty() {
        return whole_table;
    }
    let otherwise = match whole_table {
        Kept::All => truth(engine, true).to_owned(),
        Kept::Nothing => truth(engine, false).to_owned(),
        Kept::Where(sql) => sql,
    };
    Kept::Where(choice(engine, &branches, &otherwise))
}

/// What one rule keeps of the rows it is about.
fn kept(catalog: &Catalog, rule: &KindRule, b: &Built<'_>, findings: &mut Vec<Finding>) -> Kept {
    match (rule.kind, &rule.keep_days) {
        (Kind::Records | Kind::Configuration, _) => Kept::All,
        (Kind::Queue | Kind::Scratch, _) | (Kind::History, None) => Kept::Nothing,
        (Kind::History, Some((column, days))) => match not_older_than(catalog.engine, b.table, column, *days) {
            Ok(sql) => Kept::Where(sql),
            Err(f) => {
                findings.push(f.at(place(&rule.origin)));
                Kept::Nothing
            }
        },
    }
}

/// Rows whose date is at most so many days old; a row without a date is not among them. Numbers are read as seconds since 1970.
fn not_older_than(engine: EngineKind, table: &Table, column: &str, days: u32) -> Result<String, Finding> {
    let written = format!("{}.{column}", table.name.short(engine));
    let Some(found) = table.column(column) else {
        let f = Finding::error("GR0367", format!("history is to be cut by `{written}`, which does not exist"));
        return Err(match suggest_column(table, column) {
            Some(near) => f.hint(format!("did you mean `{near}`?")),
            None => f.hint("name a column that holds the row's date, or leave the days out to empty the table"),
        });
    };
    let field = format!("t.{}", engine.quote(column));
    let number = matches!(found.family, Family::Integer | Family::Decimal | Family::Float);
    let sql = match (engine, found.family) {
        (EngineKind::Postgres, Family::Date | Family::Timestamp) => format!("{field} >= now() - interval '{days} days'"),
        (EngineKind::Postgres, _) if number => format!("to_timestamp({field}) >= now() - interval '{days} days'"),
        (EngineKind::Mysql, Family::Date | Family::Timestamp) => format!("{field} >= current_timestamp() - interval {days} day"),
        (EngineKind::Mysql, _) if number => format!("{field} >= unix_timestamp(current_timestamp() - interval {days} day)"),
        (EngineKind::Mssql, Family::Date | Family::Timestamp) => format!("{field} >= dateadd(day, -{days}, sysdatetime())"),
        (EngineKind::Mssql, _) if number => format!("{field} >= datediff_big(second, '19700101', dateadd(day, -{days}, sysutcdatetime()))"),
        (EngineKind::Sqlite | EngineKind::Fake, _) if number => format!("date({field}, 'unixepoch') >= date('now', '-{days} days')"),
        (EngineKind::Sqlite | EngineKind::Fake, Family::Date | Family::Timestamp | Family::Text | Family::Any) => {
            format!("date({field}) >= date('now', '-{days} days')")
        }
        _ => {
            return Err(Finding::error(
                "GR0367",
                format!("history is to be cut by `{written}`, which is `{}`, not a date", found.native_type),
            )
            .hint("name a column of a date type, or give the history a condition instead of days"));
        }
    };
    Ok(decided(engine, &sql, false))
}
