//! What carrying over and bringing in have in common: the question before the first change, the changes themselves, and the verdict afterwards.
//!
//! Owns how a comparison is shown, carried out and compared once more. Does not own what is compared (`carry`, `import`).

use super::{Execution, StepError, failure, failure_of};
use greenroom_engine::EngineError;
use greenroom_engine::ScriptState;
use greenroom_engine::carry::{RowAct, RowChange, RowKey};
use greenroom_model::carry::{Act, CarryPlan, Cell, ConflictKind, KeyForm, Operation, Preview, Shapes, Side, TableShape, Take};
use greenroom_model::catalog::TableName;
use greenroom_model::finding::{Finding, Severity};
use greenroom_model::hash::Hash;
use greenroom_model::run::{Failure, Outcome, Question};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A kind of such changes.
pub(super) struct Work {
    /// Under which it is recorded in the generation.
    pub record: &'static str,
    /// Where its preview is kept in the run's folder.
    pub preview: &'static str,
    /// The name of the hash of what was done, among the step's facts.
    pub fact: &'static str,
    /// Said before the counts, when a person is asked.
    pub question: &'static str,
    /// Production's own later changes are told as such.
    pub later: bool,
}

/// A preview, with what tells whether it is still the one that somebody saw.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// Keyed hash of the rows that were compared: what people decide changes what is done, not what they saw.
    pub seen: Hash,
    /// The preview.
    pub preview: Preview,
    /// What was found about the shapes: notes and warnings.
    pub findings: Vec<String>,
}

impl Execution {
    /// Keeps what is to be shown, and waits until it was seen and every conflict is decided.
    pub(super) fn wait_for(&self, work: &Work, plan: &CarryPlan, shown: &Shown, ask: bool, answer: Option<&str>) -> Result<(), StepError> {
        let former: Option<Shown> = self.kept(work.preview)?;
        let seen = answer == Some("go") && former.is_some_and(|f| f.seen == shown.seen);
        self.keep(work.preview, shown)?;
        if !plan.is_ready() || (ask && !seen) {
            return Err(StepError::Waits(question(work.question, &shown.preview, answer.is_some())));
        }
        Ok(())
    }

    /// Carries changes out, from where they were cut, and tells what was done.
    pub(super) async fn apply(
        &mut self,
        work: &Work,
        hash: &Hash,
        changes: &[RowChange],
        state: &ScriptState,
    ) -> Result<Outcome, StepError> {
        if !state.complete {
            let inside = self.generation().await?;
            inside.carry(work.record, hash, changes, state.done).await.map_err(|e| refused(changes, &e))?;
        }
        self.touched(changes.iter().map(|c| &c.table).collect())?;
        let mut outcome = Outcome { rows: Some(changes.len() as u64), ..Outcome::default() };
        outcome.facts.insert(work.fact.into(), hash.to_string());
        if let Some(shown) = self.kept::<Shown>(work.preview)? {
            let c = shown.preview.counts;
            let later = if work.later { "later changes of production's own" } else { "reports" };
            outcome.notes.push(format!(
                "{} rows inserted, {} updated ({} cells), {} deleted; {} {later}; {} conflicts decided",
                c.inserted, c.updated, c.cells, c.deleted, c.reports, c.conflicts
            ));
        }
        Ok(outcome)
    }

    /// What a comparison says after everything was carried out: that should be nothing.
    pub(super) fn still_to_do(&self, work: &Work, shapes: &Shapes, plan: &CarryPlan) -> Result<Vec<String>, StepError> {
        let short = |table: usize| shapes.tables[table].short.as_str();
        let mut left: BTreeMap<&str, u64> = BTreeMap::new();
        for operation in &plan.operations {
            *left.entry(short(operation.table)).or_default() += 1;
        }
        let former: Option<Shown> = self.kept(work.preview)?;
        let nulls = nulls(former.as_ref());
        let mut open: BTreeMap<&str, u64> = BTreeMap::new();
        for (table, conflict) in plan.open() {
            if !nulls.contains(&(short(table), &conflict.key)) {
                *open.entry(short(table)).or_default() += 1;
            }
        }
        let left = left.into_iter().map(|(table, n)| format!("table {table}: {n} rows are not as the comparison wants them"));
        let open = open.into_iter().map(|(table, n)| format!("table {table}: {n} conflicts that nobody has decided"));
        Ok(left.chain(open).collect())
    }

    /// A hash that nobody can guess a small plan from.
    pub(super) fn keyed_hash(&self, hash: Hash) -> Hash {
        Hash(*blake3::keyed_hash(&self.setup.keys.values, &hash.0).as_bytes())
    }

    /// What was scanned before is not what stands in these tables now.
    fn touched(&self, tables: BTreeSet<&TableName>) -> Result<(), StepError> {
        let mut untouched: Vec<TableName> = self.kept(super::verify_upgrade::UNTOUCHED)?.unwrap_or_default();
        untouched.retain(|t| !tables.contains(t));
        Ok(self.keep(super::verify_upgrade::UNTOUCHED, &untouched)?)
    }
}

/// Rows with a reference that was decided to become NULL: it differs from both sides ever after.
fn nulls(shown: Option<&Shown>) -> BTreeSet<(&str, &Vec<Cell>)> {
    let tables = shown.into_iter().flat_map(|s| &s.preview.tables);
    let conflicts = tables.flat_map(|t| t.conflicts.iter().map(|c| (t.table.as_str(), c)));
    let nulls = conflicts.filter(|(_, c)| c.kind == ConflictKind::MissingParent && matches!(c.taken, Some((Take::Null, _))));
    nulls.map(|(table, c)| (table, &c.key)).collect()
}

/// Adds a side to a token: the rows are in the order of their keys.
pub(super) fn add(token: &mut blake3::Hasher, side: &Side) {
    token.update(&(side.rows.len() as u64).to_le_bytes());
    for cell in side.rows.values().flatten() {
        match cell.bytes() {
            None => drop(token.update(&u64::MAX.to_le_bytes())),
            Some(bytes) => drop(token.update(&(bytes.len() as u64).to_le_bytes()).update(bytes)),
        }
    }
}

/// The engine's changes for a plan.
pub(crate) fn changes(shapes: &Shapes, plan: &CarryPlan) -> Vec<RowChange> {
    row_changes(shapes, &plan.operations)
}

/// The engine's changes for operations in their order.
pub(crate) fn row_changes(shapes: &Shapes, operations: &[Operation]) -> Vec<RowChange> {
    let named = |shape: &TableShape, cells: &BTreeMap<usize, Cell>| -> Vec<(String, Cell)> {
        cells.iter().map(|(at, cell)| (shape.columns[*at].name.clone(), cell.clone())).collect()
    };
    let key = |shape: &TableShape, key: &[Cell]| match &shape.key {
        KeyForm::Columns(columns) => {
            let cells = columns.iter().map(|at| shape.columns[*at].name.clone()).zip(key.iter().cloned()).collect();
            RowKey { cells, whole: false }
        }
        // The last one numbers rows that are equal.
        KeyForm::WholeRow => RowKey { cells: shape.columns.iter().map(|c| c.name.clone()).zip(key.iter().cloned()).collect(), whole: true },
    };
    let change = |operation: &Operation| {
        let shape = &shapes.tables[operation.table];
        let act = match &operation.act {
            Act::Insert { cells } => RowAct::Insert(named(shape, cells)),
            Act::Update { cells } => RowAct::Update(key(shape, &operation.key), named(shape, cells)),
            Act::Delete => RowAct::Delete(key(shape, &operation.key)),
        };
        RowChange { table: shape.table.clone(), act }
    };
    operations.iter().map(change).collect()
}

/// Asks about what was compared.
fn question(what: &str, preview: &Preview, again: bool) -> Question {
    let c = preview.counts;
    let plural = |n: u64, one: &str, more: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {more}") };
    let mut text = format!("{what}: {} inserted, {} updated, {} deleted", plural(c.inserted, "row", "rows"), c.updated, c.deleted);
    let lost: u64 = preview.lost_records.values().sum();
    if lost > 0 {
        text.push_str(&format!("; {} that people entered on the pilot would be lost", plural(lost, "record", "records")));
    }
    if c.open > 0 {
        let still = if again { " still" } else { "" };
        text.push_str(&format!(
            "\n{}{still} to be decided: `greenroom preview` shows them, `greenroom decide` decides them",
            plural(c.open, "conflict between pilot and production is", "conflicts between pilot and production are")
        ));
    } else {
        text.push_str("\n`greenroom preview` shows it row by row");
    }
    Question { text, choices: vec![("go".into(), "go on, once every conflict is decided".into())] }
}

/// What stands in the way of carrying anything over.
pub(super) fn forbidden(what: &str, findings: &[Finding]) -> Failure {
    let errors: Vec<&Finding> = findings.iter().filter(|f| f.severity == Severity::Error).collect();
    let mut f = failure(errors.first().map_or("GR0801", |f| f.code), what);
    let line = |f: &&Finding| match &f.hint {
        Some(hint) => format!("{}: {hint}", f.message),
        None => f.message.clone(),
    };
    f.details = errors.iter().map(line).collect();
    f.hint = Some("mend what is said here, `greenroom undo` this run and start again".into());
    f
}

/// A change that the database refused, by its table.
fn refused(changes: &[RowChange], e: &EngineError) -> StepError {
    let mut f = failure_of(e);
    let at = e.statement.and_then(|(_, line)| usize::try_from(line).ok()).and_then(|n| n.checked_sub(1));
    if let Some(change) = at.and_then(|at| changes.get(at)) {
        let what = match &change.act {
            RowAct::Insert(_) => "insert a row into",
            RowAct::Update(..) => "change a row of",
            RowAct::Delete(_) => "delete a row of",
        };
        let object = e.object.as_ref().map(|o| format!(" [{o}]")).unwrap_or_default();
        f.message = format!("could not {what} `{}` while carrying configuration over: {}{object}", change.table, e.message);
        f.code = "GR0828".into();
    }
    f.hint = Some("`greenroom preview` shows what was to be carried over; mend the cause on the pilot or in the upgrade, `greenroom undo`, and refresh again".into());
    f.into()
}
