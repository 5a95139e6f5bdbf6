//! For `cargo xtask bench process`: puts the facts of a long process on record, each decided by the model and appended to the real journal of a program's folder.
//! `process_facts FOLDER source` makes the small database that the program copies; `process_facts FOLDER facts N` records until there are N events.
//! Knows the names that the bench writes into `process.toml`: stages `s01`, `s02`, …, each with its gates and tasks.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use greenroom_model::process::gates::{Refused, Sight};
use greenroom_model::process::{Fact, Kind, Process, Proofs, Side, State};
use greenroom_model::run::Body;
use greenroom_runner::journal::{Actor, Journal, SqliteJournal};
use greenroom_runner::ports::{Clock, SystemRandom};
use greenroom_runner::workspace::Workspace;
use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

type Done = Result<(), Box<dyn std::error::Error>>;

/// A clock that is set.
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap_or_default()
    }

    fn millis(&self) -> u64 {
        0
    }
}

impl SetClock {
    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// What is on record so far, and where more is put.
struct Record {
    process: Process,
    clock: Arc<SetClock>,
    journal: SqliteJournal,
    state: State,
    proofs: Proofs,
    events: u64,
}

impl Record {
    fn put(&mut self, by: &str, fact: Fact) -> Done {
        self.clock.pass(50);
        let actor = Actor { os_user: by.to_owned(), words: None };
        let body = Body::Process { by: Some(by.to_owned()), fact: fact.clone() };
        let event = self.journal.append(None, Some(&actor), body)?;
        self.state.apply_event(event.seq, event.at, by, &fact);
        self.events = event.seq;
        Ok(())
    }

    /// Puts on record what the model decides.
    fn decided(&mut self, by: &str, decide: impl FnOnce(Sight<'_>) -> Result<Fact, Refused>) -> Done {
        let now = self.clock.now();
        let fact = decide(Sight { process: &self.process, state: &self.state, proofs: &self.proofs, now });
        self.put(by, fact.map_err(no)?)
    }

    /// Tasks of a stage in an order in which they can be done.
    fn tasks(&self, stage: &str) -> Vec<String> {
        // Ids are numbered in such an order.
        self.process.tasks_of(stage).map(|(id, _)| id.clone()).collect()
    }

    /// Rehearses a stage's runbook. Nothing else of the record bears on it, so that it is decided over a state of its own.
    fn rehearse(&mut self, stage: &str, times: usize) -> Done {
        let mut own = State::default();
        for _ in 0..times {
            for task in self.tasks(stage) {
                for end in [false, true] {
                    let sight = Sight { process: &self.process, state: &own, proofs: &self.proofs, now: self.clock.now() };
                    let decide = |s: Sight<'_>| if end { s.end_task(&task, Some("ola"), true) } else { s.start_task(&task, Some("ola")) };
                    let fact = sight.in_rehearsal(&task, decide).map_err(no)?;
                    own.apply(self.clock.now(), "ola", &fact);
                    self.put("ola", fact)?;
                }
            }
        }
        Ok(())
    }

    /// Meets the checklists and sign-offs of a stage's side: every item is ticked, taken back and ticked again; one asks, two approve.
    fn meet(&mut self, stage: &str, side: Side) -> Done {
        let gates: Vec<(String, Kind)> = self.process.gates_of(stage, side).map(|(id, g)| (id.clone(), g.kind.clone())).collect();
        for (gate, kind) in &gates {
            if let Kind::Checklist { items, .. } = kind {
                for (item, done) in items.iter().flat_map(|i| [(i, true), (i, false), (i, true)]) {
                    self.decided("ola", |s| s.tick(gate, item, done, Some("ola")))?;
                }
            }
        }
        for (gate, _) in gates.iter().filter(|(_, kind)| matches!(kind, Kind::SignOff { .. })) {
            self.decided("anna", |s| s.ask(gate, Some("anna")))?;
            for by in ["ewa", "jan"] {
                self.decided(by, |s| s.sign(gate, Some(by), true))?;
            }
        }
        Ok(())
    }

    /// Does so many of a stage's tasks.
    fn work(&mut self, stage: &str, most: usize) -> Done {
        for (number, task) in self.tasks(stage).iter().take(most).enumerate() {
            self.decided("ola", |s| s.start_task(task, Some("ola")))?;
            if number % 5 == 0 {
                self.decided("ola", |s| s.end_task(task, Some("ola"), false))?;
                self.decided("ola", |s| s.start_task(task, Some("ola")))?;
            }
            self.clock.pass(60 * (1 + i64::try_from(number % 7)?));
            self.decided("ola", |s| s.end_task(task, Some("ola"), true))?;
        }
        Ok(())
    }

    fn enter(&mut self, stage: &str) -> Done {
        // The wait at its entry is over.
        self.clock.pass(7200);
        self.meet(stage, Side::Entry)?;
        self.decided("anna", |s| s.enter(stage))
    }
}

fn no(refused: Refused) -> String {
    let gates: Vec<String> = refused.gates.iter().map(|g| format!("{}: {}", g.gate, g.why)).collect();
    format!("{}; {}", refused.message, gates.join("; "))
}

fn facts(folder: &Path, events: u64) -> Done {
    let process = greenroom_runner::session::read(folder)?.process.ok_or("process.toml cannot be understood: `greenroom check`")?;
    let began = Timestamp::now() - SignedDuration::from_hours(24 * 60);
    let clock = Arc::new(SetClock(AtomicI64::new(began.as_second())));
    let mut journal = SqliteJournal::open(&Workspace::open(folder)?.journal(), clock.clone(), Arc::new(SystemRandom))?;
    journal.append(None, None, Body::WorkspaceCreated { program: "bench".into(), tool: "bench".into(), simulated: false })?;
    let (state, proofs) = (State::default(), Proofs::default());
    let mut record = Record { process, clock, journal, state, proofs, events: 1 };
    let order = record.process.order.clone();
    for stage in &order {
        record.rehearse(stage, 4)?;
    }
    let night = record.process.go_live.first().cloned().ok_or("no stage of the go-live")?;
    for stage in order.iter().take_while(|s| **s != night) {
        for good in [false, true] {
            record.enter(stage)?;
            // What is done once stays done when the stage is tried again: the first try ends before anything is.
            if good {
                record.work(stage, usize::MAX)?;
                record.meet(stage, Side::Exit)?;
            }
            record.decided("anna", |s| s.leave(stage, good))?;
        }
    }
    for (days, stage) in (10i64..).step_by(10).zip(order.iter().skip_while(|s| **s != night).skip(1)) {
        let at = Timestamp::now() + SignedDuration::from_hours(24 * days);
        record.decided("anna", |s| s.agree(stage, at))?;
    }
    record.enter(&night)?;
    record.meet(&night, Side::Exit)?;
    record.work(&night, 12)?;
    // What is left to record is about the stage after it.
    let next = order.iter().skip_while(|s| **s != night).nth(1).cloned().ok_or("no stage comes after the go-live")?;
    while record.events + 100 < events {
        record.meet(&next, Side::Entry)?;
    }
    while record.events < events {
        let at = Timestamp::now() + SignedDuration::from_hours(24 * 10);
        record.decided("anna", |s| s.agree(&next, at))?;
    }
    if record.clock.now() > Timestamp::now() {
        return Err("the record would end in the future".into());
    }
    println!("{} events", record.events);
    Ok(())
}

fn source(folder: &Path) -> Done {
    let db = rusqlite::Connection::open(folder.join("source.db"))?;
    db.execute_batch("pragma journal_mode = wal; create table t (id integer primary key, n text); insert into t values (1, 'x')")?;
    Ok(())
}

fn main() -> Done {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [folder, "source"] => source(Path::new(folder)),
        [folder, "facts", events] => facts(Path::new(folder), events.parse()?),
        _ => Err("usage: process_facts FOLDER source | FOLDER facts N".into()),
    }
}
