//! Every cut of a trial (restore a backup, rehearse over the raw copy, drop it), tried exhaustively over the fake engine and a journal in
//! memory: a process dies at its n-th effect; then `resume` finishes the trial, or `undo` leaves nothing of it, or either is killed too.

use crate::process::{self, Act, Process, block, check_rows, keys};
use async_trait::async_trait;
use greenroom_engine::fake::{Atomicity, Cuts, Database, World};
use greenroom_engine::{Admission, EngineError, ErrorKind, MarkerState, Source, Target, backup};
use greenroom_model::carry::CarryKey;
use greenroom_model::finding::any_error;
use greenroom_model::plan::{BackupFile, Names, RawCopy, RunKind, restore};
use greenroom_model::program::Program;
use greenroom_model::run::{Phase, RunState};
use greenroom_runner::execute::{CarrySetup, Ended, RunError};
use greenroom_runner::journal::{Journal, MemoryJournal, Projection};
use greenroom_runner::planning;
use greenroom_runner::ports::Engines;
use greenroom_runner::raw::OverRaw;
use std::collections::BTreeMap;
use std::sync::Arc;

const PILOT: &str = "pilot";
const RAW: &str = "pilot_raw1_rawnonce";

/// Production does not answer: whatever asks for it fails the test.
struct FakeEngines(World, Cuts);

#[async_trait]
impl Engines for FakeEngines {
    async fn source(&self) -> greenroom_engine::Result<Box<dyn Source>> {
        Err(EngineError::new(ErrorKind::Lost, "connect to production", "it does not answer"))
    }
    async fn target(&self) -> greenroom_engine::Result<Box<dyn Target>> {
        Ok(self.0.target(&self.1))
    }
    async fn quarantine(&self) -> greenroom_engine::Result<Box<dyn Target>> {
        Ok(self.0.target(&self.1))
    }
    async fn raw(&self, name: &str) -> greenroom_engine::Result<Box<dyn Source>> {
        Ok(self.0.raw_source(&self.1, name))
    }
}

fn program() -> Program {
    let files = [
        (
            "greenroom.toml",
            "[program]\nname = \"crash\"\n[source]\nengine = \"sqlite\"\npath = \"source\"\n[quarantine]\npath = \"q\"\n[pilot]\nname = \"pilot\"\n[tables]\nqueue = \"queue\"\n",
        ),
        (
            "columns.toml",
            "[client]\nid = \"keep\"\nname = { mask = \"full_name\", identity = \"id\" }\nmail = { mask = \"email\", identity = \"id\" }\n[visit]\nid = \"keep\"\nclient_id = \"keep\"\nstate = \"keep\"\n[queue]\nid = \"keep\"\nmail = \"null\"\nbody = \"null\"\n",
        ),
        ("upgrade/1.sql", "update client set a = 1;\n"),
    ];
    process::program(files.map(|(n, t)| (n, t.to_owned())))
}

/// One simulated computer: world, journal and disk survive, processes do not.
struct Machine {
    world: World,
    journal: MemoryJournal,
    disk: tempfile::TempDir,
    program: Program,
    keep: bool,
}

impl Machine {
    fn new(keep: bool) -> Machine {
        let world = World::new(Atomicity { swap: true, scripts: true });
        world.stand("somebody_elses", None, Admission::Everybody { mode: 0 });
        let disk = tempfile::tempdir().unwrap();
        std::fs::write(disk.path().join("backup.sql"), "SELECT 1;\n").unwrap();
        Machine { world, journal: MemoryJournal::default(), disk, program: program(), keep }
    }

    fn history(&self) -> Projection {
        Projection::of(&self.journal.replay().unwrap()).unwrap()
    }

    /// Runs one process until it ends or dies at a cut.
    fn process(&self, act: Act, cuts: &Cuts) -> Result<Ended, RunError> {
        block(self.work(act, cuts))
    }

    fn raw(&self) -> RawCopy {
        let found = backup::recognise(&self.disk.path().join("backup.sql")).unwrap();
        let path = found.path.display().to_string();
        let backup = BackupFile { path, format: found.format.words().into(), bytes: found.bytes, hash: found.hash };
        let until = jiff::Timestamp::from_second(4_000_000_000).unwrap();
        RawCopy { name: RAW.into(), nonce: "rawnonce".into(), number: 1, backup, until, keep: self.keep }
    }

    /// As the command line does: the restore, then the rehearsal over what it made; `undo` takes the latest run back.
    async fn work(&self, act: Act, cuts: &Cuts) -> Result<Ended, RunError> {
        let inner: Arc<dyn Engines> = Arc::new(FakeEngines(self.world.clone(), cuts.clone()));
        let engines: Arc<dyn Engines> = Arc::new(OverRaw::new(inner, "crash", self.raw()));
        let mut journal = self.journal.reopen(cuts.clone());
        let latest = self.history().runs.pop();
        if act == Act::Undo {
            let Some(state) = latest.filter(|s| s.phase != Phase::Undone) else { return Ok(Ended::Undone) };
            return self.over(engines).undo(journal, state).await;
        }
        let state = match latest {
            None => process::start(&mut journal, "restore-1", restore(&self.program, self.raw(), "test"))?,
            Some(state) => state,
        };
        if state.plan.kind == RunKind::Restore {
            if state.phase == Phase::Running {
                let ended = self.over(engines.clone()).drive(self.journal.reopen(cuts.clone()), state).await?;
                if ended != Ended::Finished {
                    return Ok(ended);
                }
            }
            let keys = keys("check");
            let survey = planning::survey(&self.program, engines.as_ref()).await?;
            let checked = planning::check(&self.program, &survey, &keys);
            assert!(!any_error(&checked.findings), "{:?}", checked.findings);
            let names = Names {
                number: 2,
                nonce: "nonce".into(),
                generation: "pilot_gr2_nonce".into(),
                pilot: PILOT.into(),
                former: "pilot_former_nonce".into(),
            };
            let raw = Some(self.raw());
            let plan = planning::make_over(
                &self.program,
                &survey,
                checked,
                &Projection::default(),
                names,
                "test",
                planning::Over { raw, ..planning::Over::default() },
            );
            let state = process::start(&mut journal, "rehearsal-2", plan)?;
            return self.over(engines).drive(journal, state).await;
        }
        self.over(engines).drive(journal, state).await
    }

    /// One process over a run.
    fn over(&self, engines: Arc<dyn Engines>) -> Process<'_> {
        let carry = CarrySetup { key: CarryKey::new(&[2; 32]), decided: Vec::new(), bases: "/nowhere".into(), former: None, import: None };
        Process { disk: self.disk.path(), program: &self.program, engines, carry }
    }

    fn databases(&self) -> BTreeMap<String, Database> {
        self.world.inner().databases.clone()
    }

    /// What must hold at every instant, whatever was killed when.
    fn always(&self, initial: &BTreeMap<String, Database>, what: &str) {
        let now = self.databases();
        assert_eq!(now.get("somebody_elses"), initial.get("somebody_elses"), "{what}: a foreign database was touched");
        for (name, d) in now.iter().filter(|(name, _)| !initial.contains_key(*name)) {
            if name == RAW {
                assert_eq!(d.admission, Admission::Sealed, "{what}: the raw copy is open");
                let known = |r: &RunState| r.phase != Phase::Undone && r.plan.raw.as_ref().is_some_and(|raw| raw.name == RAW);
                assert!(self.history().runs.iter().any(known), "{what}: a raw copy stands that the journal does not list");
                let whole = d.tables.len() == 3;
                let says = d.marker.as_ref().is_some_and(|m| m.state == MarkerState::Raw);
                assert!(whole || !says, "{what}: half a raw copy says that it is whole");
                continue;
            }
            check_rows(&d.tables, name, what);
        }
    }

    /// What must hold when the trial is finished.
    fn finished(&self, initial: &BTreeMap<String, Database>, what: &str) {
        self.always(initial, what);
        let now = self.databases();
        let source = self.world.inner().source.clone();
        let pilot = &now[PILOT];
        for (table, rows) in source.iter().filter(|(t, _)| t.name != "queue") {
            let keys = |rows: &BTreeMap<i64, Vec<u8>>| rows.keys().copied().collect::<Vec<_>>();
            assert_eq!(keys(&pilot.tables[table]), keys(rows), "{what}: rows of {table}");
        }
        assert_eq!(pilot.executed, ["update client set a = 1"], "{what}: statements missing or twice");
        assert_eq!(now.contains_key(RAW), self.keep, "{what}: the raw copy");
        assert_eq!(now.len(), initial.len() + 1 + usize::from(self.keep), "{what}: something was left behind: {:?}", now.keys());
    }

    /// What must hold when the trial is undone; a raw copy that was to be kept may stand.
    fn undone(&self, initial: &BTreeMap<String, Database>, what: &str) {
        self.always(initial, what);
        let mut now = self.databases();
        if self.keep {
            now.remove(RAW);
        }
        assert_eq!(&now, initial, "{what}: undo must restore what stood before");
    }
}

/// Number of cuts of an undisturbed trial.
fn cuts_of(keep: bool) -> u64 {
    let m = Machine::new(keep);
    let initial = m.databases();
    let cuts = Cuts::never();
    assert_eq!(m.process(Act::Start, &cuts).unwrap(), Ended::Finished);
    m.finished(&initial, "undisturbed");
    cuts.passed()
}

/// A machine on which the first process died at a cut.
fn dead_at(keep: bool, n: u64) -> (Machine, BTreeMap<String, Database>) {
    let m = Machine::new(keep);
    let initial = m.databases();
    let cuts = Cuts::at(n);
    let ended = m.process(Act::Start, &cuts);
    assert!(cuts.is_dead() || matches!(ended, Ok(Ended::Finished)), "cut {n}: {ended:?}");
    m.always(&initial, &format!("dead at {n}"));
    (m, initial)
}

#[test]
fn a_trial_killed_at_any_cut_is_finished_by_resume() {
    for keep in [false, true] {
        for n in 0..cuts_of(keep) {
            let (m, initial) = dead_at(keep, n);
            assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished, "cut {n}");
            m.finished(&initial, &format!("resumed after cut {n}"));
        }
    }
}

#[test]
fn a_trial_killed_at_any_cut_leaves_nothing_after_undo() {
    for keep in [false, true] {
        for n in 0..cuts_of(keep) {
            let (m, initial) = dead_at(keep, n);
            let ended = m.process(Act::Undo, &Cuts::never());
            assert!(matches!(ended, Ok(Ended::Undone)), "cut {n}: {ended:?}");
            m.undone(&initial, &format!("undone after cut {n}"));
        }
    }
}

#[test]
fn an_undo_of_a_trial_killed_at_any_cut_is_finished_by_another() {
    for n in 0..cuts_of(false) {
        let mut k = n % 3;
        loop {
            let (m, initial) = dead_at(false, n);
            let cuts = Cuts::at(k);
            let _ = m.process(Act::Undo, &cuts);
            m.always(&initial, &format!("undo dead at {k} after cut {n}"));
            assert!(matches!(m.process(Act::Undo, &Cuts::never()), Ok(Ended::Undone)), "cuts {n}, {k}");
            m.undone(&initial, &format!("undone after cuts {n}, {k}"));
            if !cuts.is_dead() {
                break;
            }
            k += 3;
        }
    }
}

#[test]
fn a_resume_of_a_trial_killed_at_any_cut_is_finished_by_resume_or_undone() {
    for n in 0..cuts_of(false) {
        let mut k = n % 29;
        loop {
            let (m, initial) = dead_at(false, n);
            let cuts = Cuts::at(k);
            let _ = m.process(Act::Resume, &cuts);
            m.always(&initial, &format!("resume dead at {k} after cut {n}"));
            if k % 2 == 0 {
                assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished, "cuts {n}, {k}");
                m.finished(&initial, &format!("resumed after cuts {n}, {k}"));
            } else {
                assert!(matches!(m.process(Act::Undo, &Cuts::never()), Ok(Ended::Undone)), "cuts {n}, {k}");
                m.undone(&initial, &format!("undone after cuts {n}, {k}"));
            }
            if !cuts.is_dead() {
                break;
            }
            k += 29;
        }
    }
}

#[test]
fn a_backup_that_was_replaced_meanwhile_is_not_restored() {
    let m = Machine::new(false);
    let initial = m.databases();
    // Dead right after the intent, before anything is made.
    let raw = m.raw();
    let n = (0..cuts_of(false)).find(|n| !dead_at(false, *n).0.history().runs.is_empty()).unwrap();
    let cuts = Cuts::at(n);
    let _ = m.process(Act::Start, &cuts);
    std::fs::write(m.disk.path().join("backup.sql"), "SELECT 2;\n").unwrap();
    let inner: Arc<dyn Engines> = Arc::new(FakeEngines(m.world.clone(), Cuts::never()));
    let engines: Arc<dyn Engines> = Arc::new(OverRaw::new(inner, "crash", raw));
    let state = m.history().runs.pop().unwrap();
    let ended = block(m.over(engines).drive(m.journal.reopen(Cuts::never()), state)).unwrap();
    let Ended::Failed(_, failure) = ended else { panic!("{ended:?}") };
    assert_eq!(failure.code, "GR0734");
    assert_eq!(m.databases(), initial);
}
