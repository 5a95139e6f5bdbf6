//! A simulated computer on which a pilot is made, renewed, rehearsed for real, follows production, takes files in: what stood before, what people
//! configured, and what must hold at every instant and in the end.

use crate::process::{self, Act, Process, block, check_disk, check_rows, keys};
use async_trait::async_trait;
use greenroom_engine::fake::{Atomicity, Cuts, Database, FakeEncoding, World};
use greenroom_engine::fence::Fence;
use greenroom_engine::{Admission, Marker, MarkerState, Source, Target};
use greenroom_model::carry::{CarryKey, Cell, ExportedTable};
use greenroom_model::catalog::{Catalog, TableName};
use greenroom_model::fence::Doors;
use greenroom_model::finding::any_error;
use greenroom_model::hash::Hash;
use greenroom_model::plan::{CarryFrom, ImportFrom, Names, Plan, Production, Reached, Rollback, rollback as rollback_plan};
use greenroom_model::program::Program;
use greenroom_model::run::{Body, RunState};
use greenroom_runner::base::{Base, BaseTable};
use greenroom_runner::execute::{CarrySetup, Ended, FormerPilot, RunError, RunLog};
use greenroom_runner::journal::{Journal, MemoryJournal, Projection};
use greenroom_runner::planning;
use greenroom_runner::ports::Engines;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub const PILOT: &str = "pilot";
/// The name whose place a switch takes.
pub const PRODUCTION_NAME: &str = "production";
/// The name that the new production bears where the former one keeps its own beside it.
const BESIDE: &str = "production_2";

struct FakeEngines(World, Cuts);

#[async_trait]
impl Engines for FakeEngines {
    async fn source(&self) -> greenroom_engine::Result<Box<dyn Source>> {
        Ok(self.0.source(&self.1))
    }
    async fn target(&self) -> greenroom_engine::Result<Box<dyn Target>> {
        Ok(self.0.target(&self.1))
    }
    async fn production(&self) -> greenroom_engine::Result<Box<dyn Fence>> {
        Ok(self.0.production(&self.1))
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
    let noted = match what {
        // What the fake knows as a query is a table's name; the numbers of documents are keys.
        What::Rollback | What::Dress => {
            "[switch]\nrollback_hours = 1\n[[numbers]]\ntable = \"client\"\ncolumn = \"id\"\n[[rollback.inverse]]\ntable = \"client\"\nselect = \"client\"\n"
        }
        What::Switch => "[[numbers]]\ntable = \"client\"\ncolumn = \"id\"\n",
        What::Touched => "[switch]\nfinal_copy = \"touched\"\n",
        What::InPlace => "[switch]\nstrategy = \"in-place\"\n",
        _ => "",
    };
    let kind = format!("{kind}{noted}");
    let more = |name: &str| match name {
        "greenroom.toml" => kind.as_str(),
        "columns.toml" => kept,
        _ => "",
    };
    process::program(files.map(|(n, t)| (n, format!("{t}{}", more(n)))))
}

/// One simulated computer: world, journal and disk survive, processes do not.
pub struct Machine {
    pub world: World,
    pub journal: MemoryJournal,
    pub disk: tempfile::TempDir,
    program: Program,
    pub what: What,
    /// What testers say.
    pub answer: &'static str,
    /// How production stood open at first.
    doors: Doors,
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

/// What a switch makes of production's configuration: what testers changed, and what production changed elsewhere.
const SWITCHED: &Statuses = &[(1, ["open!", "red"]), (2, ["closed", "violet"]), (4, ["bankrupt", "black"]), (10, ["archived", "blue"])];

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
    let catalog = block(async {
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

impl Machine {
    pub fn new(v: Variant) -> Machine {
        let world = World::new(v.atomicity);
        let disk = tempfile::tempdir().unwrap();
        if v.former || v.what.switches() {
            let marker = Marker { program: "crash".into(), generation: 1, nonce: "before".into(), state: MarkerState::Pilot };
            world.stand(PILOT, Some(marker), Admission::Everybody { mode: 0o644 });
        }
        world.stand("somebody_elses", None, Admission::Everybody { mode: 0 });
        if v.what.carries() {
            configure(&world, disk.path());
        }
        if v.what.switches() && v.former {
            world.stand_production(PRODUCTION_NAME);
        }
        world.inner().apart = v.what == What::Beside;
        let doors = block(async { world.production(&Cuts::never()).doors().await.unwrap() });
        let (journal, program) = (MemoryJournal::default(), program(v.what));
        let mut m = Machine { world, journal, disk, program, what: v.what, answer: "accept", doors };
        if v.what == What::Rollback {
            m.what = What::Switch;
            assert_eq!(m.process(Act::Start, &Cuts::never()).unwrap(), Ended::Finished);
            m.what = What::Rollback;
            (0..5).for_each(|round| m.world.write_to_the_new(round));
        }
        m
    }

    /// The name that is taken.
    fn stage(&self) -> &'static str {
        match self.what {
            What::Beside => BESIDE,
            what if what.switches() => PRODUCTION_NAME,
            _ => PILOT,
        }
    }

    /// Nobody but Greenroom can write to what was production at first.
    pub fn is_shut(&self) -> bool {
        let inner = self.world.inner();
        inner.fenced || inner.locked
    }

    /// Somebody opens what was production at first, by hand.
    pub fn open_by_hand(&self) {
        let mut inner = self.world.inner();
        (inner.fenced, inner.locked) = (false, false);
    }

    /// Users can write to what this run made.
    pub fn is_open(&self, d: &Database) -> bool {
        matches!(d.admission, Admission::Everybody { .. }) && !self.world.inner().locked
    }

    pub fn state(&self) -> Option<RunState> {
        let latest = self.runs().pop();
        // The switch that is taken back is none of the run's.
        latest.filter(|r| self.what != What::Rollback || r.plan.rollback.is_some())
    }

    fn runs(&self) -> Vec<RunState> {
        Projection::of(&self.journal.replay().unwrap()).unwrap().runs
    }

    /// The plan of taking the switch back.
    fn rollback(&self) -> Plan {
        let of = self.runs().pop().expect("the switch").plan;
        let production = of.production.clone().expect("a switch");
        let names = Names {
            number: 3,
            nonce: "back".into(),
            generation: of.names.former.clone(),
            pilot: of.names.pilot.clone(),
            former: format!("{PRODUCTION_NAME}_former_back"),
        };
        let rollback = Rollback { run: "rehearsal-2".into(), nonce: of.names.nonce.clone(), doors: self.doors.clone() };
        rollback_plan(&self.program, &of, production, rollback, names, true, "test")
    }

    /// Runs one process until it ends or dies at a cut.
    pub fn process(&self, act: Act, cuts: &Cuts) -> Result<Ended, RunError> {
        let mut act = act;
        loop {
            let ended = block(self.work(act, cuts))?;
            // Testers answer at once.
            let Ended::Waiting(step, _) = ended else { return Ok(ended) };
            let state = self.state().expect("it waits");
            let log = RunLog::take(Box::new(self.journal.reopen(cuts.clone())), state, "tester")?;
            log.record(Body::Answered { step, choice: self.answer.into() })?;
            act = Act::Resume;
        }
    }

    async fn work(&self, act: Act, cuts: &Cuts) -> Result<Ended, RunError> {
        let engines: Arc<dyn Engines> = Arc::new(FakeEngines(self.world.clone(), cuts.clone()));
        let mut journal = self.journal.reopen(cuts.clone());
        let state = match (act, self.state()) {
            (Act::Start, _) | (Act::Resume, None) if self.what == What::Rollback => {
                process::start(&mut journal, "rollback-3", self.rollback())?
            }
            (Act::Start, _) | (Act::Resume, None) => {
                let keys = keys("check");
                let mut survey = planning::survey(&self.program, engines.as_ref()).await?;
                let follow = self.what.follows();
                survey.reached = follow.then(|| Reached { run: "rehearsal-1".into(), steps: Vec::new(), before: Hash::ZERO });
                survey.follow = follow;
                let checked = planning::check(&self.program, &survey, &keys);
                assert!(!any_error(&checked.findings), "{:?}", checked.findings);
                let stage = self.stage();
                let names = Names {
                    number: 2,
                    nonce: "nonce".into(),
                    generation: format!("{stage}_gr2_nonce"),
                    pilot: stage.into(),
                    former: format!("{stage}_former_nonce"),
                };
                let engine_id = engines.source().await?.identity().await?;
                let apart = self.what == What::Beside;
                let on_target = self.world.inner().production.is_some() && !apart;
                let switch = self.what.switches().then_some((
                    Production {
                        engine_id,
                        name: PRODUCTION_NAME.into(),
                        server: None,
                        on_target,
                        apart,
                        whole: self.what == What::InPlace,
                        minutes: self.what.minutes(),
                        hold: false,
                        together: None,
                        hooks: Vec::new(),
                    },
                    false,
                ));
                let from = CarryFrom { nonce: "before".into(), number: 1 };
                let carry = self.what.carries().then_some((from, false));
                let from = ImportFrom { hash: Hash::of_json(&exported()), tables: vec!["status".into()], rows: 2, all: false };
                let import = (self.what == What::Import).then_some((from, false));
                let over = planning::Over { raw: None, carry, dress: self.what == What::Dress, follow, import, switch };
                let plan = planning::make_over(&self.program, &survey, checked, &Projection::default(), names, "test", over);
                process::start(&mut journal, "rehearsal-2", plan)?
            }
            // Nothing was ever started: nothing to undo.
            (Act::Undo, None) => return Ok(Ended::Undone),
            (Act::Undo, Some(s)) => return self.over(&s, engines).await.undo(journal, s).await,
            (Act::Resume, Some(s)) => s,
        };
        self.over(&state, engines).await.drive(journal, state).await
    }

    /// One process over a run.
    async fn over(&self, state: &RunState, engines: Arc<dyn Engines>) -> Process<'_> {
        let carry = CarrySetup {
            key: CarryKey::new(&[2; 32]),
            decided: Vec::new(),
            bases: self.disk.path().join("bases"),
            former: Some(FormerPilot { copies: state.plan.tables.clone(), keys: keys("before"), source: self.source_catalog().await }),
            import: (self.what == What::Import).then(exported),
        };
        Process { disk: self.disk.path(), program: &self.program, engines, carry }
    }

    async fn source_catalog(&self) -> Catalog {
        let engines = FakeEngines(self.world.clone(), Cuts::never());
        engines.source().await.unwrap().inspect().await.unwrap()
    }

    pub fn databases(&self) -> BTreeMap<String, Database> {
        self.world.inner().databases.clone()
    }

    /// What must hold at every instant, whatever was killed when.
    pub fn always(&self, initial: &BTreeMap<String, Database>, what: &str) {
        let now = self.databases();
        assert_eq!(now.get("somebody_elses"), initial.get("somebody_elses"), "{what}: a foreign database was touched");
        for before in initial.values() {
            let written = self.what == What::Rollback && before.captured.is_some();
            assert!(
                now.values().any(|d| d.id == before.id && (written || d.tables == before.tables)),
                "{what}: a database that stood before was harmed"
            );
        }
        for (name, d) in &now {
            if !initial.values().any(|b| b.id == d.id) {
                if self.what == What::Rollback {
                    unreachable!("a rollback makes no database");
                }
                if self.what.switches() {
                    let state = d.marker.as_ref().map(|m| m.state);
                    assert!(name == self.stage() || d.admission == Admission::Sealed, "{what}: `{name}` is open before it is production");
                    assert!(matches!(state, None | Some(MarkerState::Raw | MarkerState::Promoted)), "{what}: `{name}` is marked {state:?}");
                    let sealed = name != self.stage() && d.admission == Admission::Sealed;
                    assert!(self.is_shut() || sealed, "{what}: two sides can be written to");
                    let fenced = self.world.inner().fenced;
                    assert!(fenced || !self.is_open(d), "{what}: an account's lock alone keeps two sides apart");
                    continue;
                }
                assert!(name == PILOT || d.admission == Admission::Sealed, "{what}: `{name}` is open to people before it is the pilot");
                if self.what == What::Dress {
                    let raw = d.marker.as_ref().is_none_or(|m| m.state == MarkerState::Raw);
                    assert!(raw, "{what}: `{name}` holds production's values and is not marked so");
                    continue;
                }
                check_rows(&d.tables, name, what);
            }
        }
        if self.what == What::Rollback {
            let inner = self.world.inner();
            let new =
                now.values().find(|d| d.marker.as_ref().is_some_and(|m| m.state == MarkerState::Promoted)).expect("the new production");
            assert!(inner.fenced || new.fenced, "{what}: two sides can be written to");
        }
        if self.world.inner().atomicity.swap && initial.contains_key(PILOT) {
            assert!(now.contains_key(PILOT), "{what}: nothing stands under the pilot's name");
        }
        if self.world.inner().atomicity.swap && initial.contains_key(PRODUCTION_NAME) {
            assert!(now.contains_key(PRODUCTION_NAME), "{what}: nothing stands under production's name");
        }
        check_disk(self.disk.path(), what);
    }

    /// What must hold when the run is finished.
    pub fn finished(&self, initial: &BTreeMap<String, Database>, what: &str) {
        self.always(initial, what);
        let now = self.databases();
        if self.what == What::Dress {
            assert_eq!(&now, initial, "{what}: a dress rehearsal leaves everything as it was, the pilot open");
            let passed: Vec<String> = self.state().unwrap().verdicts.into_iter().filter(|(_, v)| v.passed).map(|(_, v)| v.what).collect();
            assert!(
                ["copy", "upgrade", "carry-over", "document numbers", "carry-back"].iter().all(|w| passed.iter().any(|p| p == w)),
                "{what}: {passed:?}"
            );
            return;
        }
        if self.what == What::Rollback {
            return self.taken_back(what);
        }
        if self.what.switches() {
            return self.switched(initial, what);
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

    /// What must hold when a switch is finished.
    fn switched(&self, initial: &BTreeMap<String, Database>, what: &str) {
        let now = self.databases();
        let production = &now[self.stage()];
        assert_eq!(production.marker.as_ref().map(|m| (m.nonce.as_str(), m.state)), Some(("nonce", MarkerState::Promoted)), "{what}");
        assert_eq!(production.admission, Admission::Everybody { mode: 0o644 }, "{what}: users are not in");
        assert!(!self.world.inner().locked, "{what}: users are not in");
        assert!(self.world.inner().fenced, "{what}: the former production can be written to");
        let expected = ["alter table client add a text", "update client set a = 1", "alter table client add b text"];
        assert_eq!(production.executed, expected, "{what}: statements missing or twice");
        let source = self.world.inner().source.clone();
        for (table, rows) in &source {
            let wanted = if table.name == "status" { statuses(SWITCHED) } else { rows.clone() };
            assert_eq!(production.tables[table], wanted, "{what}: rows of {table}");
        }
        let former = now.get(if self.what == What::Beside { PRODUCTION_NAME } else { "production_former_nonce" });
        assert_eq!(former, initial.get(PRODUCTION_NAME), "{what}: the former production");
        assert_eq!(now[PILOT], initial[PILOT], "{what}: the pilot");
        assert_eq!(now.len(), initial.len() + 1, "{what}: something was left behind: {:?}", now.keys());
        let journal = Projection::of(&self.journal.replay().unwrap()).unwrap();
        assert_eq!(journal.fence, None, "{what}: somebody could lift the fence");
    }

    /// What must hold when a switch was taken back.
    fn taken_back(&self, what: &str) {
        let now = self.databases();
        let inner = self.world.inner();
        let former = &now[PRODUCTION_NAME];
        assert_eq!(Some(former.id), inner.production, "{what}: the former production does not bear its name");
        assert!(!inner.fenced, "{what}: users are not in");
        let new = &now["production_former_back"];
        assert!(new.fenced, "{what}: what was the new production can be written to");
        for (table, rows) in &inner.source {
            let touched = &new.captured.as_ref().unwrap()[table];
            assert_eq!(touched.is_empty(), table.name != "client", "{what}");
            for key in touched {
                assert_eq!(rows.get(key), new.tables[table].get(key), "{what}: row {key} of {table}");
            }
        }
        let status = &inner.source[&TableName::new("main", "status")];
        assert_eq!(*status, statuses(PRODUCTION), "{what}: what nobody touched is as it was");
        assert!(former.scripts.is_empty(), "{what}: something of ours was left behind");
        let journal = Projection::of(&self.journal.replay().unwrap()).unwrap();
        assert_eq!(journal.fence, None, "{what}: somebody could lift the fence");
    }

    /// What must hold when the run is undone.
    pub fn undone(&self, initial: &BTreeMap<String, Database>, what: &str) {
        self.always(initial, what);
        if self.what == What::Rollback {
            // What people wrote meanwhile stays, and the former production may have got it already.
            let (names, ids): (Vec<_>, Vec<_>) = self.databases().into_iter().map(|(name, d)| (name, d.id)).unzip();
            assert!(names.iter().eq(initial.keys()) && ids.into_iter().eq(initial.values().map(|d| d.id)), "{what}: {names:?}");
            let new = &self.databases()[PRODUCTION_NAME];
            assert!(!new.fenced && new.captured.is_some(), "{what}: the new production is still shut, or nothing is noted any more");
            assert!(self.world.inner().fenced, "{what}: the former production is open");
            return;
        }
        assert_eq!(&self.databases(), initial, "{what}: undo must restore what stood before");
        assert!(!self.is_shut(), "{what}: production is still shut");
    }
}

/// What a machine is like.
#[derive(Clone, Copy)]
pub struct Variant {
    atomicity: Atomicity,
    /// A pilot stands already.
    pub former: bool,
    pub what: What,
}

/// What is done on it.
#[derive(Clone, Copy, PartialEq)]
pub enum What {
    Rehearsal,
    Refresh,
    Dress,
    Follow,
    Import,
    Switch,
    /// A switch whose time is up as soon as production is fenced.
    Late,
    /// A switch whose copy is complete before the window but for what is touched since.
    Touched,
    /// A switch for which the engine copies production whole in the window.
    InPlace,
    /// A switch that leaves production where it is, under its own name: databases are not renamed, and accounts lead to both.
    Beside,
    /// A switch is taken back after users were let in and wrote.
    Rollback,
}

impl What {
    /// The go-live itself. With a former database, production stands on the target and is put aside.
    pub fn switches(self) -> bool {
        matches!(self, What::Switch | What::Late | What::Touched | What::InPlace | What::Beside | What::Rollback)
    }

    /// Minutes that a switch may take.
    fn minutes(self) -> u32 {
        if self == What::Late { 0 } else { 60 }
    }

    /// Production has the upgrade already: no script runs.
    pub fn follows(self) -> bool {
        self == What::Follow
    }

    /// The pilot's configuration is carried over.
    fn carries(self) -> bool {
        !matches!(self, What::Rehearsal | What::InPlace)
    }
}

pub fn variants() -> Vec<Variant> {
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

pub fn switches(what: What) -> Vec<Variant> {
    let v = |all, former, what| Variant { atomicity: Atomicity { swap: all, scripts: all }, former, what };
    let mut all = vec![v(true, true, what), v(false, true, what), v(true, false, what)];
    if what == What::Switch {
        all.extend([v(false, true, What::Touched), v(false, true, What::InPlace), v(false, true, What::Beside)]);
    }
    all
}

/// A switch that put production aside is taken back.
pub fn rollbacks() -> Vec<Variant> {
    let v = |all| Variant { atomicity: Atomicity { swap: all, scripts: all }, former: true, what: What::Rollback };
    vec![v(true), v(false)]
}

/// Those furthest apart, for tests that kill twice.
pub fn extremes() -> Vec<Variant> {
    let v = variants();
    vec![v[0], v[5], v[7]]
}

/// Number of cuts of an undisturbed run.
pub fn cuts_of(v: Variant) -> u64 {
    let m = Machine::new(v);
    let initial = m.databases();
    let cuts = Cuts::never();
    assert_eq!(m.process(Act::Start, &cuts).unwrap(), Ended::Finished);
    m.finished(&initial, "undisturbed");
    cuts.passed()
}

/// A machine on which the first process died at a cut.
pub fn dead_at(v: Variant, n: u64) -> (Machine, BTreeMap<String, Database>) {
    let m = Machine::new(v);
    let initial = m.databases();
    let cuts = Cuts::at(n);
    let ended = m.process(Act::Start, &cuts);
    assert!(cuts.is_dead() || matches!(ended, Ok(Ended::Finished)), "cut {n}: {ended:?}");
    m.always(&initial, &format!("dead at {n}"));
    (m, initial)
}
