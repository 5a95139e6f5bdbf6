//! Carrying back what was written since a switch (P28): reads which rows were touched, reads them on both sides, and makes the changes that the former side needs.
//!
//! Owns reading and the account of it. Does not own the comparison (`model::carry`), when it is done (`execute::rollback`), nor how an engine notes keys.

use super::apply::row_changes;
use super::sides::Cells;
use super::{StepError, failure, failure_of};
use greenroom_engine::Generation;
use greenroom_engine::capture::{Capture, Captured};
use greenroom_engine::carry::RowChange;
use greenroom_engine::position::position;
use greenroom_model::carry::{BackCounts, Cell, Fate, KeyForm, Shapes, Side, TableShape, Written, back, back_shapes, exchange};
use greenroom_model::catalog::{Catalog, Table, TableName};
use greenroom_model::hash::Hash;
use greenroom_model::run::Outcome;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Keys asked for in one reading.
const ASKED: usize = 400;

/// What becomes of one table's rows that were touched since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackTable {
    /// See [`Written`].
    #[serde(flatten)]
    pub of: Written,
    /// Rows that were touched; none where nobody can say.
    pub touched: Option<u64>,
    /// What has to be done to the former side.
    pub counts: BackCounts,
    /// Which rows were touched is not known: all are compared, and what the upgrade changed is taken for what was written since.
    #[serde(default)]
    pub whole: bool,
}

impl BackTable {
    /// What is given up of it, in words; none where nothing is.
    pub fn loss(&self) -> Option<String> {
        let rows = match self.touched {
            Some(0) => return None,
            Some(1) => "1 row that was".to_owned(),
            Some(n) => format!("{n} rows that were"),
            None => "all rows that were".to_owned(),
        };
        let short = &self.of.short;
        match &self.of.fate {
            Fate::GivenUp { why } => Some(format!("table {short}: {rows} touched since ({why})")),
            Fate::Carried { .. } if self.whole && self.counts != BackCounts::default() => {
                Some(format!("table {short}: nobody noted which rows were touched; what the upgrade changed in it is carried back, too"))
            }
            Fate::Carried { without } if without.is_empty() => None,
            Fate::Carried { without } => Some(format!("table {short}: {} of {rows} touched since", listed(without))),
        }
    }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    shown.join(", ")
}

/// What would be carried back, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackAccount {
    /// By name.
    pub tables: Vec<BackTable>,
    /// Positions of counters that go on.
    pub counters: u64,
    /// Large objects (PostgreSQL) of the former side and of the new one: what was written into them since is not known.
    #[serde(default)]
    pub large_objects: (u64, u64),
    /// Counters that could not go on.
    #[serde(default)]
    pub refused_counters: Vec<String>,
}

impl BackAccount {
    /// Rows that change on the former side.
    pub fn counts(&self) -> BackCounts {
        let mut all = BackCounts::default();
        for table in &self.tables {
            all.inserted += table.counts.inserted;
            all.updated += table.counts.updated;
            all.deleted += table.counts.deleted;
        }
        all
    }

    /// What is given up, or compared without knowing what was touched, line by line.
    pub fn losses(&self) -> Vec<String> {
        let (former, new) = self.large_objects;
        let objects = (former + new > 0).then(|| {
            format!("given up: large objects: {new} in the new production, {former} in the former one; what was written into them since is not carried back")
        });
        let said = |t: &BackTable| {
            let what = if t.whole && t.counts != BackCounts::default() { "compared whole" } else { "given up" };
            t.loss().map(|loss| format!("{what}: {loss}"))
        };
        self.tables.iter().filter_map(said).chain(objects).collect()
    }
}

/// Both sides, compared.
pub(crate) struct Compared {
    pub account: BackAccount,
    pub changes: Vec<RowChange>,
    /// Counters that stand further on the new side, in the engine's words.
    pub counters: Vec<(String, String)>,
    /// Tables whose rows point nowhere more often than on the new side; only where foreign keys are kept from checking, and only once changes were made.
    pub dangling: Vec<String>,
    /// Of the former side's schema.
    pub fingerprint: Hash,
}

/// Reads what was touched on the new side and compares it with the former one. Changes nothing.
pub(crate) async fn compare(former: &mut dyn Generation, new: &mut dyn Generation) -> Result<Compared, StepError> {
    let (before, now) = (former.inspect().await?, new.inspect().await?);
    let captured = new.captured().await?;
    if captured.is_empty() {
        let mut f = failure("GR0774", "what users wrote was not noted, so that it cannot be carried back");
        f.hint = Some("`[switch] rollback_hours` has it noted from before users are let in".into());
        return Err(f.into());
    }
    let (shapes, written) = back_shapes(&before, &now);
    let mut sides: BTreeMap<usize, (Side, Side)> = BTreeMap::new();
    let mut touched: BTreeMap<TableName, Option<u64>> = BTreeMap::new();
    {
        let (mut of_former, mut of_new) = (Cells::of(former), Cells::of(new));
        for table in &captured {
            let Some(there) = now.table(&table.table) else { continue };
            let keys = keys(&mut of_new, there, table).await?;
            touched.insert(table.table.clone(), keys.as_ref().map(|k| k.len() as u64));
            let Some(at) = shapes.tables.iter().position(|s| s.table == table.table) else { continue };
            let (shape, was) = (&shapes.tables[at], before.table(&table.table));
            let Some(was) = was else { continue };
            let here = side(&mut of_new, there, shape, &table.key, keys.as_ref()).await?;
            let aside = side(&mut of_former, was, shape, &table.key, keys.as_ref()).await?;
            sides.insert(at, (aside, here));
        }
    }
    let freely = former.brings_freely().await?;
    let exchanged = freely.then(|| exchange(&shapes, &sides));
    let (ordered, counts) = back(&shapes, sides);
    let changes = row_changes(&shapes, &exchanged.unwrap_or(ordered));
    let counters = counters(former, new).await?;
    let concerned: BTreeSet<TableName> = touched.iter().filter(|(_, n)| **n != Some(0)).map(|(t, _)| t.clone()).collect();
    let dangling = if freely && changes.is_empty() { dangling(former, new, &before, &now, &concerned).await? } else { Vec::new() };
    let whole: BTreeSet<&TableName> = captured.iter().filter(|c| c.key.is_empty() || c.truncated).map(|c| &c.table).collect();
    // Dropped or renamed since: what was written into them is not where anybody would look for it.
    let gone = captured.iter().filter(|c| now.table(&c.table).is_none()).map(|c| Written {
        table: c.table.clone(),
        short: c.table.short(now.engine),
        fate: Fate::GivenUp { why: "it was dropped or renamed in the new production".to_owned() },
    });
    let tables = written.into_iter().chain(gone).map(|of| account(of, &shapes, &touched, &counts, &whole)).collect();
    let large_objects = (before.large_objects, now.large_objects);
    let account = BackAccount { tables, counters: counters.len() as u64, large_objects, refused_counters: Vec::new() };
    Ok(Compared { account, changes, counters, dangling, fingerprint: before.fingerprint() })
}

fn account(
    of: Written,
    shapes: &Shapes,
    touched: &BTreeMap<TableName, Option<u64>>,
    counts: &BTreeMap<usize, BackCounts>,
    whole: &BTreeSet<&TableName>,
) -> BackTable {
    let at = shapes.tables.iter().position(|s| s.table == of.table);
    let counts = at.and_then(|at| counts.get(&at)).copied().unwrap_or_default();
    let n = counts.inserted + counts.updated + counts.deleted;
    // Of a table whose rows are compared as wholes, those that differ are those that were touched.
    let touched = match (touched.get(&of.table), at) {
        (Some(Some(n)), _) => Some(*n),
        (_, Some(_)) => Some(n),
        (_, None) => None,
    };
    let whole = whole.contains(&of.table);
    BackTable { of, touched, counts, whole }
}

/// How many rows are noted, each once; tables without a key are not counted.
pub(crate) async fn noted(noting: &mut dyn Generation) -> Result<u64, StepError> {
    let now = noting.inspect().await?;
    let captured = noting.captured().await?;
    let mut cells = Cells::of(noting);
    let mut rows = 0;
    for table in &captured {
        let Some(there) = now.table(&table.table) else { continue };
        rows += keys(&mut cells, there, table).await?.map_or(0, |keys| keys.len() as u64);
    }
    Ok(rows)
}

/// The keys that were noted of a table, each once; none where all of its rows may have been touched.
async fn keys(new: &mut Cells<'_>, table: &Table, captured: &Captured) -> Result<Option<BTreeSet<Vec<Cell>>>, StepError> {
    if captured.key.is_empty() || captured.truncated {
        return Ok(None);
    }
    let notes = Table { name: captured.notes.clone(), ..table.clone() };
    let columns: Vec<&str> = captured.key.iter().map(String::as_str).collect();
    let mut keys = BTreeSet::new();
    new.each_of(&notes, &columns, None, &mut |row| {
        keys.insert(row);
    })
    .await?;
    Ok(Some(keys))
}

/// Rows of a table on one side, in the shape's columns: those with these keys, or all.
async fn side(
    cells: &mut Cells<'_>,
    table: &Table,
    shape: &TableShape,
    key: &[String],
    keys: Option<&BTreeSet<Vec<Cell>>>,
) -> Result<Side, StepError> {
    let columns: Vec<&str> = shape.columns.iter().map(|c| c.name.as_str()).collect();
    let mut rows = Vec::new();
    match keys {
        None => rows = cells.rows(table, &columns, None).await?,
        Some(keys) => {
            let keys: Vec<&Vec<Cell>> = keys.iter().collect();
            for some in keys.chunks(ASKED) {
                let named: Vec<Vec<(String, Cell)>> =
                    some.iter().map(|values| key.iter().cloned().zip(values.iter().cloned()).collect()).collect();
                let filter = cells.picking(&table.name, &named).await?;
                rows.extend(cells.rows(table, &columns, Some(filter)).await?);
            }
        }
    }
    let mut side = Side::default();
    for row in rows {
        match &shape.key {
            // Under some collations `=` finds a row under two keys.
            KeyForm::Columns(at) => {
                let key: Vec<Cell> = at.iter().map(|at| row[*at].clone()).collect();
                if let Some(twin) = side.rows.insert(key.clone(), row)
                    && side.rows.get(&key) != Some(&twin)
                {
                    return Err(failure(
                        "GR0775",
                        format!("two rows of `{}` have the same key, or none (NULL): they cannot be told apart", shape.short),
                    )
                    .into());
                }
            }
            KeyForm::WholeRow => {
                side.push(shape, None, row).map_err(|_| failure("GR0710", format!("rows of `{}` cannot be told apart", shape.short)))?
            }
        }
    }
    Ok(side)
}

/// Counters of both sides that stand further on the new one, in the engine's words. None ever goes back.
async fn counters(former: &mut dyn Generation, new: &mut dyn Generation) -> Result<Vec<(String, String)>, StepError> {
    let before: BTreeMap<String, String> = former.sequences().await?.into_iter().collect();
    let further = |(name, sql): &(String, String)| before.get(name).is_some_and(|was| position(was) < position(sql));
    Ok(new.sequences().await?.into_iter().filter(further).collect())
}

/// Tables of the former side with more rows that point nowhere than there are on the new one: nothing checked that while they were brought.
async fn dangling(
    former: &mut dyn Generation,
    new: &mut dyn Generation,
    before: &Catalog,
    now: &Catalog,
    concerned: &BTreeSet<TableName>,
) -> Result<Vec<String>, StepError> {
    let mut out = Vec::new();
    for table in &before.tables {
        let keys = table.foreign_keys.iter().filter(|k| concerned.contains(&table.name) || concerned.contains(&k.references));
        for key in keys.filter(|k| k.columns.len() == k.referenced_columns.len()) {
            let here = former.orphans(table, key).await?;
            let there = match now.table(&table.name).filter(|_| here > 0 && !key.validated) {
                Some(_) => new.orphans(table, key).await?,
                None => 0,
            };
            if here > there {
                out.push(format!("table {}: {here} rows point nowhere by `{}`", table.name.short(before.engine), key.name));
            }
        }
    }
    Ok(out)
}

/// Does to the former side what a comparison says, in one transaction where the engine's scripts are one. Returns counters that could not go on.
pub(crate) async fn apply(former: &mut dyn Generation, compared: &Compared) -> Result<Vec<String>, StepError> {
    if !compared.changes.is_empty() {
        let hash = Hash::of_json(&compared.changes);
        former.bring("greenroom carry-back", &hash, &compared.changes).await.map_err(|e| refused(&compared.changes, &e))?;
    }
    Ok(former.advance(&compared.counters).await?)
}

/// A change that the former side refused, by its table: a row that needs one which is given up, for example.
fn refused(changes: &[RowChange], e: &greenroom_engine::EngineError) -> StepError {
    let mut f = failure_of(e);
    let at = e.statement.and_then(|(_, line)| usize::try_from(line).ok()).and_then(|n| n.checked_sub(1));
    if let Some(change) = at.and_then(|at| changes.get(at)) {
        let object = e.object.as_ref().map(|o| format!(" [{o}]")).unwrap_or_default();
        f.message = format!("could not carry a row of `{}` back into the former production: {}{object}", change.table, e.message);
        f.code = "GR0775".into();
    }
    f.hint = Some(
        "the former version forbids what the new one allowed, or the row needs another one that cannot be carried back: change it in the new production, and try again".into(),
    );
    f.into()
}

/// Begins noting in a database, and says so.
///
/// # Errors
/// When keys are noted there already, of other tables or for other columns: what would be noted could not be told from that.
pub(crate) async fn begin_noting(inside: &mut dyn Generation, blind: &str) -> Result<Outcome, StepError> {
    let catalog = inside.inspect().await?;
    let tables = Capture::of(catalog.tables.iter().filter(|t| t.is_copied()));
    let standing = inside.captured().await?;
    let same = |(s, t): (&Captured, &Capture)| s.table == t.table && s.key == t.key;
    // Cut off, it has begun with the first ones.
    if standing.len() > tables.len() || !standing.iter().zip(&tables).all(same) {
        let mut f = failure("GR0779", "keys of touched rows are noted there already, since another switch");
        f.hint = Some("`greenroom rollback --give-up` ends that, where its journal is".into());
        return Err(f.into());
    }
    inside.capture(&tables).await?;
    let mut outcome = Outcome::default();
    outcome.facts.insert("fingerprint".into(), catalog.fingerprint().to_string());
    outcome.facts.insert("tables".into(), tables.len().to_string());
    let keyless = tables.iter().filter(|t| t.key.is_empty()).count();
    if keyless > 0 {
        outcome.notes.push(format!("{keyless} tables have no key: {blind}"));
    }
    Ok(outcome)
}
