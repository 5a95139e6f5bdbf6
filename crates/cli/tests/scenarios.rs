//! Scenario folders over the real binary: `scenarios/NAME` holds a source as SQL, a program, and what must be seen, in `expect.toml`.
//!
//! | file | means |
//! |---|---|
//! | `source.ENGINE.sql`, then `source.sql` | production's database; an engine without its own, where others have theirs, is not in the scenario |
//! | `program/` | the program; `@databases@` in `greenroom.toml` becomes the engine's `[source]` and `[pilot]` |
//! | `expect.toml` | the steps, one after another: see [`Step`] |
//! | `X.ENGINE.EXT`, `X.ENGINE.ENGINE.EXT` | takes the place of `X.EXT` on these engines |
//!
//! Engines are `sqlite`, `postgres`, `mysql` (MariaDB) and `mssql` (whatever speaks TDS and is named by the environment).
//!
//! `GREENROOM_SCENARIO=name cargo test -p greenroom --test scenarios` runs one.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests; what is printed is shown when one fails")]

mod fence;
mod files;
mod ground;
mod process;
mod refreshes;
mod switch;

use greenroom_testkit::files as folders;
use ground::Ground;
use serde::Deserialize;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::Path;

/// What a scenario expects.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// What it is about, in a sentence.
    about: String,
    step: Vec<Step>,
}

/// One step: a command, a query, new files, or a look at what is there.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Step {
    /// Runs `greenroom -C program …`.
    Run {
        run: Vec<String>,
        exit: i32,
        /// Each must stand in its output.
        #[serde(default)]
        says: Vec<String>,
        /// None may.
        #[serde(default)]
        hides: Vec<String>,
    },
    /// Queries `source`, `pilot` or the `generation` of a run that stopped; rows on lines, values between `|`.
    Query {
        on: String,
        sql: String,
        #[serde(default)]
        gives: String,
        #[serde(default)]
        fails: bool,
    },
    /// Runs statements on `source` or `pilot`.
    Write { on: String, write: String },
    /// Copies a folder of the scenario over the program.
    Put { put: String },
    /// `pilot` or `generation` is not there.
    Absent { absent: String },
    /// No file that Greenroom made holds these bytes: pilot, generations, workspace, journal.
    Nowhere { nowhere: Vec<String> },
}

fn carry_out(ground: &dyn Ground, scenario: &Path, step: &Step) {
    match step {
        Step::Run { run, exit, says, hides } => {
            let ended = ground.greenroom().args(run).finish();
            let shown = format!("{}{}", ended.stdout, ended.stderr);
            assert_eq!(ended.code, Some(*exit), "`greenroom {}` said:\n{shown}", run.join(" "));
            for text in says {
                assert!(shown.contains(text), "`greenroom {}` does not say `{text}`:\n{shown}", run.join(" "));
            }
            for text in hides {
                assert!(!shown.contains(text), "`greenroom {}` says `{text}`:\n{shown}", run.join(" "));
            }
        }
        Step::Query { on, sql, gives, fails } => match ground.query(on, sql) {
            Ok(rows) => {
                assert!(!fails, "{sql}: it should have failed");
                assert_eq!(rows, *gives, "on the {on}: {sql}");
            }
            Err(why) => assert!(*fails, "on the {on}: {sql}: {why}"),
        },
        Step::Write { on, write } => ground.write(on, write),
        Step::Put { put } => ground::put(ground, &scenario.join(put)),
        Step::Absent { absent } => assert!(!ground.stands(absent), "the {absent} is there"),
        Step::Nowhere { nowhere } => {
            let needles: Vec<&str> = nowhere.iter().map(String::as_str).collect();
            for place in ground.places() {
                folders::assert_nowhere(&place, &needles);
            }
        }
    }
}

/// Every scenario that this engine is in; all of them, before the first failure is reported.
fn all(engine: &str, make: &dyn Fn(&str) -> Box<dyn Ground>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let only = std::env::var("GREENROOM_SCENARIO").unwrap_or_default();
    let mut names: Vec<String> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let (mut ran, mut failed) = (0, Vec::new());
    for name in names.iter().filter(|n| n.contains(&only)) {
        let scenario = folder.join(name);
        let sources = ground::sources(&scenario, engine);
        if sources.is_empty() {
            continue;
        }
        let expect = ground::expected(&scenario, engine);
        let expect: Expect = toml::from_str(&fs::read_to_string(&expect).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", expect.display()));
        assert!(expect.about.ends_with('.'), "scenario {name}: `about` is no sentence");
        ran += 1;
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let ground = make(name);
            for file in &sources {
                ground.fill(&fs::read_to_string(file).unwrap());
            }
            ground::put(ground.as_ref(), &scenario.join("program"));
            for (i, step) in expect.step.iter().enumerate() {
                println!("{name} on {engine}: step {}", i + 1);
                carry_out(ground.as_ref(), &scenario, step);
            }
        }));
        if ended.is_err() {
            failed.push(name);
        }
    }
    assert!(ran > 0, "no scenario was run");
    assert!(failed.is_empty(), "on {engine} these scenarios failed: {failed:?}");
}

#[test]
fn every_scenario_ends_as_expected_on_sqlite() {
    all("sqlite", &|_| Box::new(ground::Sqlite::new()));
}

#[test]
fn every_scenario_ends_as_expected_on_postgres() {
    let server = greenroom_testkit::postgres!();
    all("postgres", &|name| Box::new(ground::Postgres::new(server, name)));
}

#[test]
fn every_scenario_ends_as_expected_on_mariadb() {
    let server = greenroom_testkit::mariadb!();
    all("mysql", &|name| Box::new(ground::Mysql::new(server, name)));
}

#[test]
fn every_scenario_ends_as_expected_on_what_speaks_tds() {
    let server = greenroom_testkit::tds::Server::at(&greenroom_testkit::mssql!());
    all("mssql", &|name| Box::new(ground::Mssql::new(&server, name)));
}
