//! Steps: exported configuration is brought into the new generation, after the pilot's own, and compared once more. What is in the files was pinned
//! when the run was planned.
//!
//! Owns comparing files with a generation. Does not own the comparison (`model::carry`), what carrying over is otherwise (`carry`), nor reading files.

use super::apply::{Shown, Work, add, changes, forbidden};
use super::sides::{Before, Cells, answers, new_side, outside};
use super::{Execution, StepError, failure};
use greenroom_engine::CellSource;
use greenroom_engine::carry::RowChange;
use greenroom_model::carry::{
    CarryPlan, Carrying, Cell, ExportedTable, Imported, Into, Key, Later, Preview, ShapeInput, Shapes, Side, Words, import, shapes,
};
use greenroom_model::catalog::Catalog;
use greenroom_model::columns::names::find_table;
use greenroom_model::finding::{Finding, any_error};
use greenroom_model::hash::Hash;
use greenroom_model::plan::TableCopy;
use greenroom_model::program::Program;
use greenroom_model::run::{Outcome, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where the preview is kept.
pub(crate) const IMPORT_PREVIEW: &str = "import-preview.json";
/// Where what is being carried out is kept.
const IMPORT: &str = "import.json";
const BRING_IN: Work = Work {
    record: "greenroom import",
    preview: IMPORT_PREVIEW,
    fact: "imported",
    question: "what the files hold would be brought in",
    later: false,
};

/// What is being carried out.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    hash: Hash,
    changes: Vec<RowChange>,
}

/// Files, compared.
pub(crate) struct Compared {
    pub shapes: Shapes,
    pub plan: CarryPlan,
    pub shown: Shown,
    fingerprint: Hash,
    /// What stands in the files' tables, by the shapes' order.
    pub there: Vec<BTreeMap<Key, Vec<Cell>>>,
}

impl Execution {
    pub(super) async fn import(&mut self, ask: bool, answer: Option<&str>) -> Result<Outcome, StepError> {
        let state = self.generation().await?.script_state(BRING_IN.record).await?;
        let kept = match state.hash {
            Some(hash) => self.kept::<Kept>(IMPORT)?.filter(|kept| kept.hash == hash).ok_or_else(|| lost(IMPORT))?,
            None => {
                let compared = self.compare_import().await?;
                self.wait_for(&BRING_IN, &compared.plan, &compared.shown, ask, answer)?;
                let kept = Kept { hash: self.keyed_hash(compared.plan.hash()), changes: changes(&compared.shapes, &compared.plan) };
                self.keep(IMPORT, &kept)?;
                kept
            }
        };
        self.apply(&BRING_IN, &kept.hash, &kept.changes, &state).await
    }

    pub(super) async fn verify_import(&mut self) -> Result<Outcome, StepError> {
        let again = self.compare_import().await?;
        let verdict = Verdict {
            what: "import".into(),
            passed: false,
            compared: vec!["rows of the files, cell by cell".to_owned()],
            not_compared: Vec::new(),
            differences: self.still_to_do(&BRING_IN, &again.shapes, &again.plan)?,
            fingerprint: again.fingerprint,
        };
        self.conclude(verdict, "GR0826", "the configuration that was brought in is not what it should be")
    }

    /// Compares the files with the generation as it stands.
    async fn compare_import(&mut self) -> Result<Compared, StepError> {
        let source = self.source_catalog()?;
        let setup = self.setup.clone();
        let (Some(pinned), Some(files)) = (self.plan.import.clone(), setup.carry.import.clone()) else {
            return Err(lost("the files' rows").into());
        };
        let tables = self.plan.tables.clone();
        let inside = self.generation().await?;
        let new = inside.inspect().await?;
        let words = Words::new(&setup.program.carry.rules, &setup.carry.decided, &setup.carry.key);
        let input = ImportInput {
            program: &setup.program,
            source: &source,
            new: &new,
            copies: &tables,
            into: Into::Pilot,
            files: &files,
            all: pinned.all,
            seen: &setup.keys.values,
        };
        compare(inside.as_mut(), input, words).await
    }
}

/// What files are compared over.
pub(crate) struct ImportInput<'a> {
    pub program: &'a Program,
    /// Production's schema.
    pub source: &'a Catalog,
    /// The schema of what they come into.
    pub new: &'a Catalog,
    /// How rows travel from production to pilots.
    pub copies: &'a [TableCopy],
    pub into: Into,
    pub files: &'a [ExportedTable],
    /// Rows that nobody changed count as new.
    pub all: bool,
    /// Key of the hash that tells whether somebody saw these rows.
    pub seen: &'a [u8; 32],
}

/// Compares files with what stands somewhere.
///
/// # Errors
/// When a file does not fit, or something cannot be read.
pub(crate) async fn compare(inside: &mut dyn CellSource, input: ImportInput<'_>, words: Words<'_>) -> Result<Compared, StepError> {
    let ImportInput { program, source, new, copies, into, files, all, seen } = input;
    let (mut shapes, mut findings) =
        shapes(ShapeInput { program, source, made_from: source, pilot: new, new, copies, renewed: copies, into });
    // What is not in the files is not compared.
    shapes.tables.iter_mut().for_each(|s| s.pilot = None);
    let mut imported: BTreeMap<usize, Imported> = BTreeMap::new();
    let mut no_place: Vec<(String, String)> = Vec::new();
    let mut wrong = Vec::new();
    for file in files {
        let found = find_table(new, &file.table).and_then(|t| shapes.tables.iter().position(|s| s.table == t.name));
        let Some(at) = found else {
            wrong.push(not_configuration(&file.table));
            continue;
        };
        match import(&mut shapes.tables[at], file, all) {
            Ok(rows) => {
                shapes.tables[at].pilot = Some(shapes.tables[at].table.clone());
                no_place.extend(rows.no_place.iter().map(|c| (format!("{}.{c}", file.table), "there is no such column here".to_owned())));
                imported.insert(at, rows);
            }
            Err(why) => wrong.push(Finding::error("GR0834", format!("the file for `{}` does not fit: {why}", file.table))),
        }
    }
    findings.extend(wrong);
    if any_error(&findings) {
        return Err(forbidden("the files' configuration cannot be brought in", &findings).into());
    }
    let mut carrying = Carrying::new(&shapes, words, Later::Kept);
    let mut token = blake3::Hasher::new_keyed(seen);
    let mut there = Vec::new();
    let mut inside = Cells::of(inside);
    for (at, shape) in shapes.tables.iter().enumerate() {
        let mut stands = new_side(&mut inside, new, shape).await?;
        add(&mut token, &stands);
        there.push(if imported.contains_key(&at) { stands.rows.clone() } else { BTreeMap::new() });
        match imported.get(&at) {
            Some(rows) => {
                let absent: BTreeSet<_> = rows.keys.iter().filter(|k| !stands.rows.contains_key(*k)).cloned().collect();
                outside(&mut inside, program, new, shape, false, absent, &mut stands).await?;
                add(&mut token, &rows.pilot);
                carrying.table(at, &rows.base, &rows.pilot, stands);
            }
            None => carrying.table(at, &Side::default(), &Side::default(), stands),
        }
    }
    let questions = carrying.questions();
    // Numbers of records are production's own, in every copy of it.
    let answers = answers(&mut inside, new, &shapes, questions, &Before::AsNow).await?;
    let mut plan = carrying.finish(&answers);
    for (at, table) in plan.tables.iter_mut().enumerate() {
        table.reports.retain(|r| imported.get(&at).is_some_and(|rows| rows.keys.contains(&r.key)));
    }
    let preview = Preview::new(&plan, &shapes, BTreeMap::new(), no_place);
    let findings = findings.into_iter().map(|f| f.message).collect();
    let shown = Shown { seen: Hash(*token.finalize().as_bytes()), preview, findings };
    Ok(Compared { shapes, plan, shown, fingerprint: new.fingerprint(), there })
}

/// A file whose table nobody configures.
pub(crate) fn not_configuration(written: &str) -> Finding {
    let hint = "only tables and rows whose kind is `configuration` under `[tables]` are brought in; leave the file away, or declare it";
    Finding::error("GR0833", format!("there is a file for `{written}`, which is no configuration here")).hint(hint)
}

fn lost(what: &str) -> super::Failure {
    let mut f = failure("GR0711", format!("the workspace has lost {what}, which say what was to be brought in"));
    f.hint = Some("`greenroom undo` this run and import again: the pilot is as it was".into());
    f
}
