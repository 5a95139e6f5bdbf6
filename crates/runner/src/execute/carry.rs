//! Steps: the pilot's configuration is carried over into the new generation, and what was carried over is compared (P20, P21).
//!
//! What is to be done is decided once and kept in the run's folder before the first change: on an engine that commits change by change, a
//! comparison with a half-way state would take it for production's.

use super::apply::{Shown, Work, add, changes, forbidden};
use super::sides::{Before, Cells, among_masked, answers, base_side, new_side, outside, pilot_side};
use super::{Execution, StepError, failure};
use crate::base::Base;
use crate::workspace::RunKeys;
use greenroom_engine::carry::RowChange;
use greenroom_model::carry::{
    BaseRow, CarryKey, CarryPlan, Carrying, Cell, Decided, ExportedTable, Into, Later, Preview, ShapeInput, Shapes, Side, TableShape,
    Words, masked_columns, shapes,
};
use greenroom_model::catalog::{Catalog, TableName};
use greenroom_model::finding::any_error;
use greenroom_model::hash::Hash;
use greenroom_model::plan::TableCopy;
use greenroom_model::run::{Failure, Outcome, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What a carry-over needs that does not belong to its run.
#[derive(Clone, Debug)]
pub struct CarrySetup {
    /// Key of conflicts' ids, the same in every run.
    pub key: CarryKey,
    /// Conflicts that people decided so far.
    pub decided: Vec<Decided>,
    /// Folder of the generations' bases.
    pub bases: PathBuf,
    /// The pilot that is carried over from; none in a run that carries nothing over.
    pub former: Option<FormerPilot>,
    /// Exported configuration that is brought in.
    pub import: Option<Vec<ExportedTable>>,
}

/// How the pilot that is carried over from was made.
#[derive(Clone, Debug)]
pub struct FormerPilot {
    /// How rows travelled to it.
    pub copies: Vec<TableCopy>,
    /// The keys of its run, under which its base is hashed.
    pub keys: RunKeys,
    /// Production's schema at that time.
    pub source: Catalog,
}

impl CarrySetup {
    /// The file of a generation's base.
    pub fn base(&self, nonce: &str) -> PathBuf {
        self.bases.join(format!("{nonce}.json"))
    }
}

/// Where the preview is kept.
pub(crate) const PREVIEW: &str = "preview.json";
/// Where what is being carried out is kept.
const CARRY: &str = "carry.json";
const CARRY_OVER: Work = Work {
    record: "greenroom carry-over",
    preview: PREVIEW,
    fact: "carried",
    question: "the pilot's configuration would be carried over",
    later: true,
};

/// What is being carried out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    hash: Hash,
    /// Hash of the pilot's configuration as it was read.
    pilot: Hash,
    shapes: Shapes,
    changes: Vec<RowChange>,
    /// By table of the shapes.
    bases: Vec<Vec<BaseRow>>,
}

impl Kept {
    /// A table's shape, and the base of the next carry-over.
    pub fn table(&self, name: &TableName) -> Option<(&TableShape, &[BaseRow])> {
        self.shapes.tables.iter().zip(&self.bases).find(|(s, _)| s.table == *name).map(|(s, b)| (s, b.as_slice()))
    }
}

/// The three sides, compared.
struct Compared {
    shapes: Shapes,
    plan: CarryPlan,
    shown: Shown,
    pilot: Hash,
    /// Of the new generation's schema.
    fingerprint: Hash,
}

impl Execution {
    pub(super) async fn carry_over(&mut self, ask: bool, answer: Option<&str>) -> Result<Outcome, StepError> {
        self.fence().await?;
        let state = self.generation().await?.script_state(CARRY_OVER.record).await?;
        let kept = match state.hash {
            // What was begun is ended as it was decided: comparing again would take a half-way state for production's.
            Some(hash) => {
                let kept = self.kept::<Kept>(CARRY)?.filter(|kept| kept.hash == hash).ok_or_else(lost)?;
                self.pilot_still(&kept).await?;
                kept
            }
            None => {
                let compared = self.compare(!self.plan.kind.is_unmasked()).await?;
                self.wait_for(&CARRY_OVER, &compared.plan, &compared.shown, ask, answer)?;
                let kept = Kept {
                    hash: self.keyed_hash(compared.plan.hash()),
                    pilot: compared.pilot,
                    changes: changes(&compared.shapes, &compared.plan),
                    shapes: compared.shapes,
                    // Nothing is ever compared with what a dress rehearsal made, and it would be production's own values.
                    bases: match self.plan.kind.is_unmasked() {
                        true => Vec::new(),
                        false => compared.plan.tables.into_iter().map(|t| t.next_base).collect(),
                    },
                };
                self.keep(CARRY, &kept)?;
                kept
            }
        };
        self.apply(&CARRY_OVER, &kept.hash, &kept.changes, &state).await
    }

    pub(super) async fn verify_carry(&mut self) -> Result<Outcome, StepError> {
        let again = self.compare(false).await?;
        let mut verdict = Verdict {
            what: "carry-over".into(),
            passed: false,
            compared: vec![format!("configuration of {} tables, cell by cell, with base and pilot", again.shapes.tables.len())],
            not_compared: Vec::new(),
            differences: self.still_to_do(&CARRY_OVER, &again.shapes, &again.plan)?,
            fingerprint: again.fingerprint,
        };
        let c = again.shown.preview.counts;
        if c.reports > 0 {
            let stay = if self.plan.kind.is_unmasked() { "which stay" } else { "which are reported and not taken" };
            verdict.not_compared.push(format!("{} later changes of production's own, {stay}", c.reports));
        }
        self.conclude(verdict, "GR0826", "the configuration that was carried over is not what it should be")
    }

    /// Whether the pilot is still fenced, or fenced again and unchanged since it was read: asked by every step from the carry-over to the swap.
    pub(super) async fn still_fenced(&mut self, last: bool) -> Result<(), StepError> {
        let Some(from) = self.plan.carry.clone() else { return Ok(()) };
        let name = self.carried_name();
        let stands = self.target.look(&name).await?.and_then(|s| s.marker);
        // A swap that was cut may have put the new generation there already.
        if stands.is_none_or(|m| m.nonce != from.nonce) {
            return if last { Ok(()) } else { Err(super::fence::other_pilot(&name).into()) };
        }
        let was = self.fenced;
        self.fence().await?;
        match self.kept::<Kept>(CARRY)? {
            Some(kept) if last || !was => self.pilot_still(&kept).await,
            _ => Ok(()),
        }
    }

    /// What this run carried over.
    pub(super) fn carried(&self) -> Result<Kept, StepError> {
        self.kept::<Kept>(CARRY)?.ok_or_else(|| lost().into())
    }

    /// The pilot's configuration is what was carried over.
    async fn pilot_still(&mut self, kept: &Kept) -> Result<(), StepError> {
        let (name, program) = (self.carried_name(), self.setup.program.clone());
        let mut pilot = self.target.enter(&name).await?;
        let catalog = pilot.inspect().await?;
        let mut token = blake3::Hasher::new_keyed(&self.setup.keys.values);
        let mut cells = Cells::of(pilot.as_mut());
        for shape in &kept.shapes.tables {
            add(&mut token, &pilot_side(&mut cells, &program, &catalog, shape).await?);
        }
        drop(cells);
        pilot.leave().await?;
        if Hash(*token.finalize().as_bytes()) == kept.pilot {
            return Ok(());
        }
        let mut f = failure("GR0827", "people changed the pilot's configuration after it was carried over, while the run rested");
        f.hint = Some("`greenroom undo` this run and refresh again: nothing of the pilot is lost".into());
        Err(f.into())
    }

    /// Reads the three sides and compares them. `lost` counts records that people entered on the pilot, too.
    async fn compare(&mut self, lost: bool) -> Result<Compared, StepError> {
        let source = self.source_catalog()?;
        let setup = self.setup.clone();
        let (Some(from), Some(former)) = (self.plan.carry.clone(), setup.carry.former.clone()) else {
            return Err(failure("GR0710", "the plan names no pilot to carry over from").into());
        };
        let path = setup.carry.base(&from.nonce);
        let base = Base::open(&path).map_err(|source| super::RunError::Scratch { path, source })?;
        let base = base.ok_or_else(|| no_base(&[]))?;
        let name = self.carried_name();
        let mut pilot = self.target.enter(&name).await?;
        let on_pilot = pilot.inspect().await?;
        let tables = self.plan.tables.clone();
        let into = if self.plan.kind.is_unmasked() { Into::Raw } else { Into::Pilot };
        let inside = self.generation().await?;
        let new = inside.inspect().await?;
        let input = ShapeInput {
            program: &setup.program,
            source: &source,
            made_from: &former.source,
            pilot: &on_pilot,
            new: &new,
            copies: &former.copies,
            renewed: &tables,
            into,
        };
        let (shapes, findings) = shapes(input);
        if any_error(&findings) {
            return Err(forbidden("the pilot's configuration cannot be carried over into the new version", &findings).into());
        }
        let words = Words::new(&setup.program.carry.rules, &setup.carry.decided, &setup.carry.key);
        let mut carrying = Carrying::new(&shapes, words, Later::SetAside);
        let mut token = blake3::Hasher::new_keyed(&setup.keys.values);
        let mut seen = token.clone();
        let mut missing = Vec::new();
        let (mut of_new, mut of_pilot) = (Cells::of(inside.as_mut()), Cells::of(pilot.as_mut()));
        for (at, shape) in shapes.tables.iter().enumerate() {
            let mut there = new_side(&mut of_new, &new, shape).await?;
            let mut piloted = pilot_side(&mut of_pilot, &setup.program, &on_pilot, shape).await?;
            add(&mut token, &piloted);
            add(&mut seen, &piloted);
            add(&mut seen, &there);
            let Some(opened) = base_side(&base, shape)? else {
                missing.push(shape.short.clone());
                continue;
            };
            let known: BTreeSet<&Vec<Cell>> = there.rows.keys().chain(piloted.rows.keys()).chain(opened.rows.keys()).collect();
            let absent = |side: &Side| known.iter().filter(|k| !side.rows.contains_key(**k)).map(|k| (*k).clone()).collect::<BTreeSet<_>>();
            let (not_new, not_piloted) = (absent(&there), absent(&piloted));
            outside(&mut of_new, &setup.program, &new, shape, false, not_new, &mut there).await?;
            outside(&mut of_pilot, &setup.program, &on_pilot, shape, true, not_piloted, &mut piloted).await?;
            carrying.table(at, &opened, &piloted, there);
        }
        if !missing.is_empty() {
            return Err(no_base(&missing).into());
        }
        let questions = carrying.questions();
        let asked = questions.values.clone();
        let mut answers = answers(&mut of_new, &new, &shapes, questions, &Before::Base(&base, &former.keys)).await?;
        let masked = masked_columns(&setup.program, &former.source, &on_pilot, &former.copies);
        answers.masked = among_masked(&mut of_pilot, &on_pilot, masked, &asked).await?;
        let plan = carrying.finish(&answers);
        let (lost_records, mut not_carried) = match lost {
            true => lost_records(&mut of_pilot, &on_pilot, &base, &former.keys).await?,
            false => Default::default(),
        };
        drop(of_pilot);
        pilot.leave().await?;
        let (_, changed) = super::verify_copy::differences(&base.catalog, &on_pilot, &[]);
        not_carried.extend(
            changed.into_iter().map(|what| (what, "the schema was changed on the pilot by hand: put it into the upgrade".to_owned())),
        );
        let findings = findings.into_iter().map(|f| f.message).collect();
        let preview = Preview::new(&plan, &shapes, lost_records, not_carried);
        let shown = Shown { seen: Hash(*seen.finalize().as_bytes()), preview, findings };
        Ok(Compared { shapes, plan, shown, pilot: Hash(*token.finalize().as_bytes()), fingerprint: new.fingerprint() })
    }
}

/// Records on the pilot that were not there when it was opened, or looked otherwise; and tables of which that is not known.
pub(super) async fn lost_records(
    pilot: &mut Cells<'_>,
    catalog: &Catalog,
    base: &Base,
    keys: &RunKeys,
) -> Result<(BTreeMap<String, u64>, Vec<(String, String)>), StepError> {
    let (mut lost, mut unknown) = (BTreeMap::new(), Vec::new());
    for kept in &base.records {
        let short = kept.table.short(catalog.engine);
        let columns: Vec<&str> = kept.columns.iter().map(String::as_str).collect();
        let table = catalog.table(&kept.table).filter(|t| super::sides::stored(t) == columns);
        let Some(table) = table else {
            unknown.push((short, "its columns were changed on the pilot: what people entered is not counted".to_owned()));
            continue;
        };
        let now = pilot.row_hashes(table, kept.filter.clone(), keys).await?;
        let before: BTreeSet<u64> = kept.rows.iter().copied().collect();
        let entered = now.iter().filter(|h| !before.contains(h)).count() as u64;
        if entered > 0 {
            lost.insert(short, entered);
        }
    }
    for table in &base.not_counted {
        unknown.push((table.short(catalog.engine), "it is too large: records that people entered are lost and not counted".to_owned()));
    }
    Ok((lost, unknown))
}

/// The run's folder does not say what was begun.
fn lost() -> Failure {
    let mut f = failure("GR0711", format!("the run's folder has lost `{CARRY}`, which says what was being carried over"));
    f.hint = Some("`greenroom undo` this run and refresh again: the pilot is as it was".into());
    f
}

/// There is nothing to compare with.
fn no_base(tables: &[String]) -> Failure {
    let mut f = match tables {
        [] => failure("GR0824", "what the pilot's configuration was when it was opened is not known: its base is not in this workspace"),
        _ => failure("GR0824", "tables were no configuration when the pilot was opened, so that nobody knows what people changed in them"),
    };
    f.details = tables.to_vec();
    f.hint = Some(
        "a pilot made by `greenroom rehearse` with the kinds declared has a base; what was configured before must be entered anew".into(),
    );
    f
}
