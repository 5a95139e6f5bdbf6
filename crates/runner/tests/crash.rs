//! Every cut of every step, tried exhaustively over the fake engine and a journal in memory (P32): a process dies at its n-th effect; then
//! `resume` finishes the run, or `undo` restores the former state, or either is killed too.

#![allow(clippy::unwrap_used, reason = "tests")]

use async_trait::async_trait;
use greenroom_engine::fake::{Atomicity, Cuts, Database, FakeEncoding, World};
use greenroom_engine::{Admission, Marker, MarkerState, Source, Target};
use greenroom_model::carry::{CarryKey, Cell, ExportedTable};
use greenroom_model::catalog::{Catalog, EngineKind, TableName};
use greenroom_model::finding::any_error;
use greenroom_model::hash::Hash;
use greenroom_model::plan::{CarryFrom, ImportFrom, Names, Reached};
use greenroom_model::program::{Layer, Program, parse};
use greenroom_model::run::{Body, Phase, RunId, RunState};
use greenroom_runner::base::{Base, BaseTable};
use greenroom_runner::execute::{CarrySetup, Ended, Execution, FormerPilot, RunError, RunLog, Setup};
use greenroom_runner::journal::{Actor, Journal, Lease, MemoryJournal, Projection};
use greenroom_runner::planning;
use greenroom_runner::ports::{Engines, Silent, SystemClock};
use greenroom_runner::workspace::RunKeys;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const PILOT: &str = "pilot";

struct FakeEngines(World, Cuts);

#[async_trait]
impl Engines for FakeEngines {
    async fn source(&self) -> greenroom_engine::Result<Box<dyn Source>> {
        Ok(self.0.source(&self.1))
    }
    async fn target(&self) -> greenroom_engine::Result<Box<dyn Target>> {
        Ok(self.0.target(&self.1))
    }
}

fn program(what: What) -> Program {
    let (kind, kept) = match what.carries() {
        true => ("status = \"configuration\"\n", "[status]\nid = \"keep\"\nlabel = \"keep\"\ncolour = \"keep\"\n"),
        false => ("", ""),
    };
    let files = [
        (
            "greenroom.toml",
            "[program]\nname = \"crash\"\n[source]\nengine = \"sqlite\"\npath = \"source\"\n[pilot]\nname = \"pilot\"\nopen_after = \"all\"\n[tables]\nqueue = \"queue\"\n",
        ),
        (
            "columns.toml",
            "[client]\nid = \"keep\"\nname = { mask = \"full_name\", identity = \"id\" }\nmail = { mask = \"email\", identity = \"id\" }\n[visit]\nid = \"keep\"\nclient_id = \"keep\"\nstate = \"keep\"\n[queue]\nid = \"keep\"\nmail = \"null\"\nbody = \"null\"\n",
        ),
        (
            "packs/off.toml",
            "[pack]\ntitle = \"off\"\n[[rule]]\nid = \"jobs\"\nstatement = \"update jobs set active = 0\"\nassert = \"select 1 from jobs where active = 1\"\n",
        ),
        ("upgrade/1.sql", "alter table client add a text;\nupdate client set a = 1;\n"),
        ("upgrade/2.sql", "alter table client add b text;\n"),
    ];
    let more = |name: &str| match name {
        "greenroom.toml" => kind,
        "columns.toml" => kept,
        _ => "",
    };
    let files = files.into_iter().map(|(n, t)| (n.to_owned(), format!("{t}{}", more(n)))).collect();
    let (program, findings) = parse(&[Layer { name: "program".into(), files, opaque: BTreeMap::new() }]);
    let mut program = program.unwrap_or_else(|| panic!("{findings:?}"));
    program.source.engine = EngineKind::Fake;
    program.target.engine = EngineKind::Fake;
    program
}

/// One simulated computer: world, journal and disk survive, processes do not.
struct Machine {
    world: World,
    journal: MemoryJournal,
    disk: tempfile::TempDir,
    program: Program,
    what: What,
}

type Statuses = [(i64, [&'static str; 2])];

/// Production's configuration, the pilot's when it was opened, the pilot's now, and what a refresh makes of them.
const PRODUCTION: &Statuses = &[(1, ["open", "red"]), (2, ["closed", "violet"]), (3, ["lost", "grey"]), (4, ["bankrupt", "black"])];
const OPENED: &Statuses = &[(1, ["open", "red"]), (2, ["closed", "green"]), (3, ["lost", "grey"])];
const TESTED: &Statuses = &[(1, ["open!", "red"]), (2, ["closed", "green"]), (10, ["archived", "blue"])];

/// What an import makes of the pilot's configuration.
const IMPORTED: &Statuses = &[(1, ["open?", "red"]), (2, ["closed", "green"]), (10, ["archived", "blue"]), (20, ["new", "gold"])];

/// A file of another pilot's: one row changed, one new.
fn exported() -> Vec<ExportedTable> {
    let file = r#"[{"form": "greenroom configuration 1", "table": "status", "key": ["id"], "withheld": [], "rows": [
        {"was": {"id": "1", "label": "open!", "colour": "red"}, "now": {"id": "1", "label": "open?", "colour": "red"}},
        {"was": null, "now": {"id": "20", "label": "new", "colour": "gold"}}]}]"#;
    serde_json::from_str(file).unwrap()
}

fn statuses(rows: &Statuses) -> greenroom_engine::fake::Rows {
    rows.iter().map(|(k, fields)| (*k, FakeEncoding::row(*k, &fields.map(str::to_owned)))).collect()
}

/// Gives production and pilot configuration, and the pilot its base.
fn configure(world: &World, disk: &Path) {
    let name = TableName::new("main", "status");
    {
        let mut inner = world.inner();
        inner.source.insert(name.clone(), statuses(PRODUCTION));
        inner.databases.get_mut(PILOT).unwrap().tables.insert(name.clone(), statuses(TESTED));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let catalog = runtime.block_on(async {
        let mut target = world.target(&Cuts::never());
        target.enter(PILOT).await.unwrap().inspect().await.unwrap()
    });
    let cells = |(k, [label, colour]): &(i64, [&str; 2])| vec![Cell::text(&k.to_string()), Cell::text(label), Cell::text(colour)];
    let columns = ["id", "label", "colour"].map(str::to_owned).to_vec();
    let table = BaseTable { table: name, columns, rows: OPENED.iter().map(cells).collect() };
    let nothing = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let base = Base {
        nonce: "before".into(),
        catalog,
        tables: vec![table],
        parents: nothing.0,
        records: nothing.1,
        not_counted: nothing.2,
        bands: nothing.3,
    };
    std::fs::create_dir(disk.join("bases")).unwrap();
    base.save(&disk.join("bases/before.json")).unwrap();
}

enum Act {
    Start,
    Resume,
    Undo,
}

fn actor() -> Actor {
    Actor { os_user: "tester".into() }
}

impl Machine {
    fn new(v: Variant) -> Machine {
        let world = World::new(v.atomicity);
        let disk = tempfile::tempdir().unwrap();
        if v.former {
            let marker = Marker { program: "crash".into(), generation: 1, nonce: "before".into(), state: MarkerState::Pilot };
            world.stand(PILOT, Some(marker), Admission::Everybody { mode: 0o644 });
        }
        world.stand("somebody_elses", None, Admission::Everybody { mode: 0 });
        if v.what.carries() {
            configure(&world, disk.path());
        }
        Machine { world, journal: MemoryJournal::default(), disk, program: program(v.what), what: v.what }
    }

    fn state(&self) -> Option<RunState> {
        Projection::of(&self.journal.replay().unwrap()).unwrap().runs.pop()
    }

    /// Runs one process until it ends or dies at a cut.
    fn process(&self, act: Act, cuts: &Cuts) -> Result<Ended, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(self.work(act, cuts))
    }

    async fn work(&self, act: Act, cuts: &Cuts) -> Result<Ended, RunError> {
        let engines: Arc<dyn Engines> = Arc::new(FakeEngines(self.world.clone(), cuts.clone()));
        let mut journal = self.journal.reopen(cuts.clone());
        let state = match (act, self.state()) {
            (Act::Start, _) | (Act::Resume, None) => {
                let keys = RunKeys::derive(&[1; 32], "crash", "check", false);
                let mut survey = planning::survey(&self.program, engines.as_ref()).await?;
                let follow = self.what.follows();
                survey.reached = follow.then(|| Reached { run: "rehearsal-1".into(), steps: Vec::new(), before: Hash::ZERO });
                survey.follow = follow;
                let checked = planning::check(&self.program, &survey, &keys);
                assert!(!any_error(&checked.findings), "{:?}", checked.findings);
                let names = Names {
                    number: 2,
                    nonce: "nonce".into(),
                    generation: "pilot_gr2_nonce".into(),
                    pilot: PILOT.into(),
                    former: "pilot_former_nonce".into(),
                };
                let from = CarryFrom { nonce: "before".into(), number: 1 };
                let carry = self.what.carries().then_some((from, false));
                let from = ImportFrom { hash: Hash::of_json(&exported()), tables: vec!["status".into()], rows: 2, all: false };
                let import = (self.what == What::Import).then_some((from, false));
                let over = planning::Over { raw: None, carry, dress: self.what == What::Dress, follow, import };
                let plan = planning::make_over(&self.program, &survey, checked, &Projection::default(), names, "test", over);
                let hash = plan.hash();
                journal.append(None, None, Body::PlanRecorded { hash, plan: Box::new(plan.clone()) })?;
                let id = RunId("rehearsal-2".into());
                let event = journal.append(Some(&Lease { run: id.clone(), epoch: 0 }), Some(&actor()), Body::RunStarted { plan: hash })?;
                RunState::begin(id, hash, plan, &event)
            }
            // Nothing was ever started: nothing to undo.
            (Act::Undo, None) => return Ok(Ended::Undone),
            (Act::Undo, Some(s)) if s.phase == Phase::Undone => return Ok(Ended::Undone),
            (Act::Resume, Some(s)) => return self.drive(journal, s, engines, cuts).await,
            (Act::Undo, Some(s)) => {
                let undoing = s.phase == Phase::Undoing;
                let mut execution = self.execution(journal, s, engines).await?;
                if !undoing {
                    assert_eq!(execution.undo_all(&actor()).await?, None, "there is always a way back here");
                }
                return execution.drive(true).await;
            }
        };
        self.drive(journal, state, engines, cuts).await
    }

    async fn drive(&self, journal: MemoryJournal, state: RunState, engines: Arc<dyn Engines>, _cuts: &Cuts) -> Result<Ended, RunError> {
        self.execution(journal, state, engines).await?.drive(true).await
    }

    async fn execution(&self, journal: MemoryJournal, state: RunState, engines: Arc<dyn Engines>) -> Result<Execution, RunError> {
        let scratch = self.disk.path().join("scratch");
        std::fs::create_dir_all(&scratch).unwrap();
        let setup = Setup {
            program: self.program.clone(),
            folder: self.disk.path().to_owned(),
            engines,
            keys: RunKeys::derive(&[1; 32], "crash", "nonce", false),
            scratch,
            clock: Arc::new(SystemClock::default()),
            observer: Arc::new(Silent),
            cancel: CancellationToken::new(),
            by_hand: false,
            planned: None,
            carry: CarrySetup {
                key: CarryKey::new(&[2; 32]),
                decided: Vec::new(),
                bases: self.disk.path().join("bases"),
                former: Some(FormerPilot {
                    copies: state.plan.tables.clone(),
                    keys: RunKeys::derive(&[1; 32], "crash", "before", false),
                    source: self.source_catalog().await,
                }),
                import: (self.what == What::Import).then(exported),
            },
        };
        let log = RunLog::take(Box::new(journal), state, "process")?;
        Execution::begin(setup, log).await
    }

    async fn source_catalog(&self) -> Catalog {
        let engines = FakeEngines(self.world.clone(), Cuts::never());
        engines.source().await.unwrap().inspect().await.unwrap()
    }

    fn databases(&self) -> BTreeMap<String, Database> {
        self.world.inner().databases.clone()
    }

    /// What must hold at every instant, whatever was killed when.
    fn always(&self, initial: &BTreeMap<String, Database>, what: &str) {
        let now = self.databases();
        assert_eq!(now.get("somebody_elses"), initial.get("somebody_elses"), "{what}: a foreign database was touched");
        for before in initial.values() {
            assert!(
                now.values().any(|d| d.id == before.id && d.tables == before.tables),
                "{what}: a database that stood before was harmed"
            );
        }
        for (name, d) in &now {
            if !initial.values().any(|b| b.id == d.id) {
                assert!(name == PILOT || d.admission == Admission::Sealed, "{what}: `{name}` is open to people before it is the pilot");
                if self.what == What::Dress {
                    let raw = d.marker.as_ref().is_none_or(|m| m.state == MarkerState::Raw);
                    assert!(raw, "{what}: `{name}` holds production's values and is not marked so");
                    continue;
                }
                for row in d.tables.values().flat_map(|rows| rows.values()) {
                    let text = String::from_utf8_lossy(row);
                    assert!(!text.contains("Realname") && !text.contains("@bank.com"), "{what}: a raw value is in `{name}`");
                }
            }
        }
        if self.world.inner().atomicity.swap && initial.contains_key(PILOT) {
            assert!(now.contains_key(PILOT), "{what}: nothing stands under the pilot's name");
        }
        check_disk(self.disk.path(), what);
    }

    /// What must hold when the run is finished.
    fn finished(&self, initial: &BTreeMap<String, Database>, what: &str) {
        self.always(initial, what);
        let now = self.databases();
        if self.what == What::Dress {
            assert_eq!(&now, initial, "{what}: a dress rehearsal leaves everything as it was, the pilot open");
            let passed: Vec<String> = self.state().unwrap().verdicts.into_iter().filter(|(_, v)| v.passed).map(|(_, v)| v.what).collect();
            assert!(["copy", "upgrade", "carry-over"].iter().all(|w| passed.iter().any(|p| p == w)), "{what}: {passed:?}");
            return;
        }
        let pilot = &now[PILOT];
        assert_eq!(pilot.marker.as_ref().map(|m| (m.nonce.as_str(), m.state)), Some(("nonce", MarkerState::Pilot)), "{what}");
        assert_eq!(pilot.admission, Admission::Everybody { mode: 0o666 }, "{what}");
        let mut expected: Vec<&str> =
            vec!["update jobs set active = 0", "alter table client add a text", "update client set a = 1", "alter table client add b text"];
        // Production has the upgrade already; what packs switch off is switched off again.
        expected.truncate(if self.what.follows() { 1 } else { 4 });
        assert_eq!(pilot.executed, expected, "{what}: statements missing or twice");
        let source = self.world.inner().source.clone();
        for (table, rows) in &source {
            if table.name == "status" {
                let wanted = if self.what == What::Import { IMPORTED } else { TESTED };
                assert_eq!(pilot.tables[table], statuses(wanted), "{what}: the pilot's configuration is not what it should be");
                continue;
            }
            let want: Vec<i64> = if table.name == "queue" { Vec::new() } else { rows.keys().copied().collect() };
            let got: Vec<i64> = pilot.tables[table].keys().copied().collect();
            // Without a writer the final snapshot is the source as it stands; with one, the last hold saw it so.
            assert_eq!(got, want, "{what}: rows of {table}");
        }
        let visits = TableName::new("main", "visit");
        assert_eq!(pilot.tables[&visits], source[&visits], "{what}: kept fields must pass unchanged");
        let former = now.get("pilot_former_nonce");
        assert_eq!(former.map(|f| f.id), initial.get(PILOT).map(|p| p.id), "{what}");
        assert!(former.is_none_or(|f| f.admission == Admission::Sealed), "{what}: the former pilot is open");
        assert_eq!(now.len(), initial.len() + 1, "{what}: something was left behind: {:?}", now.keys());
    }

    /// What must hold when the run is undone.
    fn undone(&self, initial: &BTreeMap<String, Database>, what: &str) {
        self.always(initial, what);
        assert_eq!(&self.databases(), initial, "{what}: undo must restore what stood before");
    }
}

/// No raw value in any file of the run.
fn check_disk(dir: &Path, what: &str) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check_disk(&path, what);
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains("Realname") && !text.contains("@bank.com"), "{what}: a raw value is in {}", path.display());
        }
    }
}

/// What a machine is like.
#[derive(Clone, Copy)]
struct Variant {
    atomicity: Atomicity,
    /// A pilot stands already.
    former: bool,
    what: What,
}

/// What is done on it.
#[derive(Clone, Copy, PartialEq)]
enum What {
    Rehearsal,
    Refresh,
    Dress,
    Follow,
    Import,
}

impl What {
    /// Production has the upgrade already: no script runs.
    fn follows(self) -> bool {
        self == What::Follow
    }

    /// The pilot's configuration is carried over.
    fn carries(self) -> bool {
        self != What::Rehearsal
    }
}

fn variants() -> Vec<Variant> {
    let a = |all| Atomicity { swap: all, scripts: all };
    let v = |all, former, what| Variant { atomicity: a(all), former, what };
    vec![
        v(true, true, What::Rehearsal),
        v(true, false, What::Rehearsal),
        v(false, true, What::Rehearsal),
        v(false, false, What::Rehearsal),
        v(true, true, What::Refresh),
        v(false, true, What::Refresh),
        v(true, true, What::Dress),
        v(false, true, What::Dress),
        v(true, true, What::Follow),
        v(false, true, What::Follow),
        v(true, true, What::Import),
        v(false, true, What::Import),
    ]
}

/// Those furthest apart, for tests that kill twice.
fn extremes() -> Vec<Variant> {
    let v = variants();
    vec![v[0], v[5], v[7]]
}

/// Number of cuts of an undisturbed run.
fn cuts_of(v: Variant) -> u64 {
    let m = Machine::new(v);
    let initial = m.databases();
    let cuts = Cuts::never();
    assert_eq!(m.process(Act::Start, &cuts).unwrap(), Ended::Finished);
    m.finished(&initial, "undisturbed");
    cuts.passed()
}

/// A machine on which the first process died at a cut.
fn dead_at(v: Variant, n: u64) -> (Machine, BTreeMap<String, Database>) {
    let m = Machine::new(v);
    let initial = m.databases();
    let cuts = Cuts::at(n);
    let ended = m.process(Act::Start, &cuts);
    assert!(cuts.is_dead() || matches!(ended, Ok(Ended::Finished)), "cut {n}: {ended:?}");
    m.always(&initial, &format!("dead at {n}"));
    (m, initial)
}

#[test]
fn a_run_killed_at_any_cut_is_finished_by_resume() {
    for v in variants() {
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished, "cut {n}");
            m.finished(&initial, &format!("resumed after cut {n}"));
        }
    }
}

#[test]
fn a_run_killed_at_any_cut_is_undone_by_undo() {
    for v in variants() {
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            let ended = m.process(Act::Undo, &Cuts::never());
            assert!(matches!(ended, Ok(Ended::Undone)), "cut {n}: {ended:?}");
            m.undone(&initial, &format!("undone after cut {n}"));
        }
    }
}

#[test]
fn an_undo_killed_at_any_cut_is_finished_by_another_undo() {
    for v in extremes() {
        for n in 0..cuts_of(v) {
            for k in 0.. {
                let (m, initial) = dead_at(v, n);
                let cuts = Cuts::at(k);
                let _ = m.process(Act::Undo, &cuts);
                m.always(&initial, &format!("undo dead at {k} after cut {n}"));
                let ended = m.process(Act::Undo, &Cuts::never());
                assert!(matches!(ended, Ok(Ended::Undone)), "cuts {n}, {k}: {ended:?}");
                m.undone(&initial, &format!("undone after cuts {n}, {k}"));
                if !cuts.is_dead() {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_resume_killed_at_any_cut_is_finished_by_resume_or_undone() {
    for v in extremes() {
        // Every first cut, and for each a spread of second cuts; the spread moves, so that over all first cuts every second is met.
        for n in 0..cuts_of(v) {
            let mut k = n % 11;
            loop {
                let (m, initial) = dead_at(v, n);
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
                k += 11;
            }
        }
    }
}

#[test]
fn a_resume_under_a_writer_ends_in_the_state_of_the_final_snapshot() {
    for v in variants() {
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            let copying = m.state().is_none_or(|s| s.next(true) != greenroom_model::run::Todo::Finish && !past_the_copy(&s));
            if !copying {
                continue;
            }
            m.world.write(i64::try_from(n).unwrap());
            assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished, "cut {n}");
            m.finished(&initial, &format!("resumed under a writer after cut {n}"));
        }
    }
}

/// Whether the run needs the source no more: what is written there afterwards is of the next generation.
fn past_the_copy(s: &RunState) -> bool {
    s.plan.steps.iter().filter(|p| p.action.needs_snapshot()).all(|p| s.outcome(&p.key).is_some())
}

#[test]
fn a_failing_script_leaves_the_former_pilot_and_can_be_mended_by_resume() {
    for v in variants().into_iter().filter(|v| !v.what.follows()) {
        let m = Machine::new(v);
        let initial = m.databases();
        m.world.inner().failing = vec!["update client set a = 1".into()];
        let Ended::Failed(step, failure) = m.process(Act::Start, &Cuts::never()).unwrap() else { panic!("it must fail") };
        assert_eq!(step.0, "upgrade:1");
        assert!(failure.message.contains("line 2"), "{}", failure.message);
        m.always(&initial, "failed");
        m.world.inner().failing.clear();
        assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished);
        m.finished(&initial, "mended");
    }
}

#[test]
fn a_finished_run_is_undone_to_the_former_pilot() {
    for v in variants() {
        let m = Machine::new(v);
        let initial = m.databases();
        assert_eq!(m.process(Act::Start, &Cuts::never()).unwrap(), Ended::Finished);
        assert_eq!(m.process(Act::Undo, &Cuts::never()).unwrap(), Ended::Undone);
        m.undone(&initial, "undone after the end");
    }
}

#[test]
fn a_pilot_that_somebody_replaced_since_is_neither_renamed_nor_dropped() {
    for v in [variants()[0], variants()[2]] {
        let mut met = 0;
        for n in 0..cuts_of(v) {
            for (act, same_id) in [(Act::Resume, true), (Act::Resume, false), (Act::Undo, true), (Act::Undo, false)] {
                let (m, _) = dead_at(v, n);
                {
                    let mut world = m.world.inner();
                    let fresh = world.next_id;
                    let noted = m.disk.path().join("scratch/former.json").exists();
                    // Only while the pilot has not been put aside yet, and the run has noted what stands there.
                    let Some(pilot) = world.databases.get_mut(PILOT).filter(|p| noted && p.marker.as_ref().unwrap().nonce == "before")
                    else {
                        continue;
                    };
                    // Another program's, under the same name; engines use identities (inodes) again.
                    pilot.marker.as_mut().unwrap().nonce = "another".into();
                    pilot.marker.as_mut().unwrap().program = "somebody".into();
                    if !same_id {
                        pilot.id = fresh;
                        world.next_id += 1;
                    }
                }
                met += 1;
                let theirs = m.databases()[PILOT].clone();
                let ended = m.process(act, &Cuts::never());
                assert!(!matches!(ended, Ok(Ended::Finished)), "cut {n}: {ended:?}");
                assert_eq!(m.databases().get(PILOT), Some(&theirs), "cut {n}: somebody else's database was touched");
            }
        }
        assert!(met >= 4, "no cut was between the note and the swap: {met}");
    }
}

#[test]
fn a_predecessor_that_wakes_up_can_write_nothing_any_more() {
    let m = Machine::new(variants()[0]);
    let id = RunId("r".into());
    let mut first = m.journal.clone();
    let lease = |epoch| Lease { run: id.clone(), epoch };
    first.append(Some(&lease(1)), None, Body::LeaseTaken { owner: "first".into() }).unwrap();
    first.append(Some(&lease(2)), None, Body::LeaseTaken { owner: "second".into() }).unwrap();
    assert!(first.append(Some(&lease(1)), None, Body::SnapshotHeld).is_err());
    assert!(first.append(Some(&lease(1)), None, Body::LeaseTaken { owner: "first".into() }).is_err());
    assert!(first.append(Some(&lease(2)), None, Body::SnapshotHeld).is_ok());
}

#[test]
fn the_fake_encoding_gives_back_what_it_was_given() {
    let row = FakeEncoding::row(7, &["a".into(), String::new()]);
    let mut rest = &row[..];
    let mut fields = Vec::new();
    use greenroom_engine::batch::Encoding;
    assert!(FakeEncoding.next_row(&mut rest, &mut fields).unwrap());
    assert_eq!(fields, [Some(&b"7"[..]), Some(b"a"), Some(b"")]);
    assert!(!FakeEncoding.next_row(&mut rest, &mut fields).unwrap());
}
