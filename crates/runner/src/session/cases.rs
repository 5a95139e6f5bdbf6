//! The test plan at work: which pilot stands to be tested, digests of what testers attach, what they said to it.

use super::error::refused;
use super::{Recorded, Session, SessionError};
use crate::journal::Projection;
use greenroom_model::hash::Hash;
use greenroom_model::plan::RunKind;
use greenroom_model::process::Fact;
use greenroom_model::process::cases::{Attachment, CaseLine, Outcome, Tested};
use greenroom_model::run::{Body, Phase};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// One time that somebody tried a case.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    /// The event's number.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The person.
    pub by: Option<String>,
    /// How it came out.
    pub outcome: Outcome,
    /// On which generation.
    pub generation: u32,
    /// What they said to it, with the names of files, where that was not erased.
    pub words: Option<String>,
    /// Files.
    pub attached: Vec<Attachment>,
}

impl Session {
    /// The pilot that stands, as tests see it: the latest that was made, with those of its tables that a case names.
    pub(super) fn tested(&self, history: &Projection) -> Option<Tested> {
        let makes = |kind| matches!(kind, RunKind::Rehearsal | RunKind::Refresh | RunKind::Follow | RunKind::Import);
        let ours = |plan: &greenroom_model::plan::Plan| makes(plan.kind) && plan.profile == self.program.profile;
        let run = history.runs.iter().rev().find(|r| ours(&r.plan) && r.phase == Phase::Finished)?;
        let (plan, recipe) = (&run.plan, &run.plan.recipe);
        // Of thousands of tables only those are looked at that a case names: this is asked for with every gate.
        let named: BTreeSet<&String> = self.process.iter().flat_map(|p| p.cases.values()).flat_map(|c| &c.tables).collect();
        let copied = plan.tables.iter().filter(|_| !named.is_empty()).map(|t| (t.table.short(plan.engine), t));
        let tables = copied.filter(|(name, _)| named.contains(name)).map(|(name, t)| (name, Hash::of_json(t))).collect();
        let recipe = Hash::of_json(&(recipe.upgrade, recipe.carry, &recipe.engine));
        Some(Tested { run: run.id.0.clone(), generation: plan.names.number, recipe, tables })
    }

    /// How every case of the test plan stands.
    ///
    /// # Errors
    /// When there is no process, or the journal cannot be read.
    pub fn case_lines(&self) -> Result<Vec<CaseLine>, SessionError> {
        let process = self.process()?;
        self.judged(|sight| {
            let stages = process.order.iter();
            stages.flat_map(|s| process.cases_of(s).map(|(id, c)| sight.case(id, c)).collect::<Vec<_>>()).collect()
        })
    }

    /// The pilot that stands to be tested.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn pilot_to_test(&self) -> Result<Option<Tested>, SessionError> {
        Ok(self.tested(&self.whole_history()?))
    }

    /// Every time that somebody tried a case, in order.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn trials(&self, wanted: &str) -> Result<Vec<Trial>, SessionError> {
        let actors = self.actors()?;
        let trial = |e: &greenroom_model::run::Event| match &e.body {
            Body::Process { by, fact: Fact::CaseJudged { case, outcome, on, attached } } if case == wanted => Some(Trial {
                seq: e.seq,
                at: e.at,
                by: by.clone(),
                outcome: *outcome,
                generation: on.generation,
                words: e.personal.iter().find_map(|h| actors.get(h)).and_then(|a| a.words.clone()),
                attached: attached.clone(),
            }),
            _ => None,
        };
        Ok(self.events()?.iter().filter_map(trial).collect())
    }

    /// Puts on record how a case came out on the pilot that stands. Of files only size and digest are in the chain; their names and the note are beside it.
    ///
    /// # Errors
    /// GR0791 when it may not be, or a file cannot be read.
    pub fn judge_case(&self, case: &str, outcome: Outcome, note: Option<&str>, files: &[PathBuf]) -> Result<Recorded, SessionError> {
        let attached = files.iter().map(|f| digest(f)).collect::<Result<Vec<_>, _>>()?;
        let names = files.iter().zip(&attached).map(|(f, a)| {
            let name = f.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            format!("{name} ({})", a.blake3.short())
        });
        let words: Vec<String> = note.map(str::to_owned).into_iter().chain(names).collect();
        let words = Some(words.join("; ")).filter(|w| !w.is_empty());
        self.decide_process(words.as_deref(), |sight, by| sight.judge(case, by, outcome, attached))
    }
}

fn digest(path: &Path) -> Result<Attachment, SessionError> {
    let unread = |e: std::io::Error| {
        refused("GR0791", format!("`{}` cannot be read: {}", path.display(), e.kind()), "see that it is there, and may be read")
    };
    let mut file = std::fs::File::open(path).map_err(unread)?;
    let (mut hasher, mut bytes, mut buffer) = (blake3::Hasher::new(), 0u64, vec![0u8; CHUNK]);
    loop {
        let n = std::io::Read::read(&mut file, &mut buffer).map_err(unread)?;
        if n == 0 {
            return Ok(Attachment { bytes, blake3: Hash(*hasher.finalize().as_bytes()) });
        }
        hasher.update(&buffer[..n]);
        bytes += n as u64;
    }
}
