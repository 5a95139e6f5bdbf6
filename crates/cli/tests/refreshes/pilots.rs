//! Several pilots over one source: each with decisions and packs of its own, its own configuration, its own runs.

use super::expected::{Later, expected, next_base};
use super::world::{self, Chance, World, read};
use super::{command, differ};
use crate::ground::{Ground, Mssql, Mysql, Postgres, Sqlite};
use greenroom_testkit::proc::Ended;
use std::fs;
use std::sync::atomic::AtomicBool;

const TRAINING: &str = "pilot training";

fn play(ground: &(dyn Ground + Sync)) {
    let mut chance = Chance::new(ground.engine());
    let world = World::found(ground);
    world::write_program(ground);
    let program = ground.folder().join("program");
    // Nobody is to be recognised where people are trained, and nothing is to be counted.
    let own = program.join("pilots/training");
    fs::create_dir_all(own.join("packs")).unwrap();
    fs::write(own.join("columns.toml"), "[client]\nname = \"null\"\n").unwrap();
    fs::write(own.join("packs/count.toml"), "[[rule]]\nid = \"zero\"\ntable = \"c02\"\nset = { n = \"0\" }\n").unwrap();
    let main = program.join("greenroom.toml");
    let text = fs::read_to_string(&main).unwrap();
    let warned = ground.greenroom().args(["check", "--offline"]).finish();
    assert!(warned.code == Some(0) && warned.stderr.contains("`pilots/training` is not read"), "{warned:?}");
    let unknown = training(ground, &["check", "--offline"]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("GR0130"), "{unknown:?}");
    let at = text.find("[pilot]\nname = \"").unwrap() + "[pilot]\nname = \"".len();
    let name = &text[at..][..text[at..].find('"').unwrap()];
    let section = |name: &str| format!("{text}\n[pilot.training]\nname = \"{name}\"\n");
    fs::write(&main, section(name)).unwrap();
    let same = ground.greenroom().args(["check", "--offline"]).finish();
    assert!(same.code == Some(1) && same.stderr.contains("GR0114"), "{same:?}");
    fs::write(&main, section(&if ground.engine() == "sqlite" { "training.db".to_owned() } else { format!("{name}_training") })).unwrap();

    command(ground, &["rehearse", "--quiet"], 0);
    let first = training(ground, &["rehearse", "--quiet"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let ask = |on: &str, sql: &str| ground.query(on, sql).unwrap().trim().to_owned();
    assert_eq!(ask("pilot", "SELECT count(*) FROM client WHERE name IS NULL"), "0");
    assert_eq!(ask(TRAINING, "SELECT count(*) FROM client WHERE name IS NOT NULL"), "0", "its own decision counts");
    assert_ne!(ask("pilot", "SELECT count(*) FROM c02 WHERE n <> 0"), "0");
    assert_eq!(ask(TRAINING, "SELECT count(*) FROM c02 WHERE n <> 0"), "0", "its own pack counts");

    // Each keeps what was configured on it, and nothing of the other.
    let base = read(ground, "pilot");
    world::testers(ground, &mut chance, &base);
    ground.write(TRAINING, "UPDATE c01 SET label = 'for the course' WHERE id = 1;\n");
    world.disturb(ground, &AtomicBool::new(true));
    let pilot = read(ground, "pilot");
    let cut = ground.greenroom().args(["refresh"]).kill_at_line(|line| line.contains("carry the pilot's configuration over"));
    assert_eq!(cut.signal, Some(9), "{cut:?}");
    // One that rests is no obstacle to the other.
    let other = training(ground, &["refresh", "--quiet"]);
    assert_eq!(other.code, Some(0), "{other:?}");
    assert_eq!(ask(TRAINING, "SELECT label FROM c01 WHERE id = 1"), "for the course");
    let runs: serde_json::Value = serde_json::from_str(&training(ground, &["runs", "--json"]).stdout).unwrap();
    let ids: Vec<&str> = runs.as_array().unwrap().iter().filter_map(|r| r["run"].as_str()).collect();
    assert!(ids.len() == 2 && ids.iter().all(|id| id.starts_with("training-re")), "{ids:?}");
    let theirs = ground.greenroom().args(["undo", ids[1]]).finish();
    assert!(theirs.code == Some(1) && theirs.stderr.contains("--profile training"), "{theirs:?}");
    command(ground, &["resume", "--quiet"], 0);
    let now = read(ground, "pilot");
    let tick: u64 = ask("pilot", "SELECT n FROM tick").parse().unwrap();
    let new = world.at(tick).upgraded();
    differ(ground, "refresh", &expected(&base, &pilot, &new, &world.clients(tick), Later::SetAside), &now);
    let base = next_base(&base, &pilot, &new, &now);

    // Both at once.
    world::testers(ground, &mut chance, &now);
    let pilot = read(ground, "pilot");
    std::thread::scope(|scope| {
        let other = scope.spawn(|| training(ground, &["refresh", "--quiet"]));
        command(ground, &["refresh", "--quiet"], 0);
        let other = other.join().unwrap();
        assert_eq!(other.code, Some(0), "{other:?}");
    });
    let now = read(ground, "pilot");
    let tick: u64 = ask("pilot", "SELECT n FROM tick").parse().unwrap();
    let new = world.at(tick).upgraded();
    differ(ground, "two at once", &expected(&base, &pilot, &new, &world.clients(tick), Later::SetAside), &now);
    assert_eq!(ask(TRAINING, "SELECT label FROM c01 WHERE id = 1"), "for the course");
    assert_eq!(ask(TRAINING, "SELECT count(*) FROM client WHERE name IS NOT NULL"), "0");
    let listed = ground.greenroom().args(["leftovers"]).finish().stdout;
    assert!(listed.matches("former pilot").count() >= 4, "both pilots' former ones are listed: {listed}");
    let status = ground.greenroom().args(["status"]).finish().stdout;
    assert!(status.contains("--profile training"), "{status}");
}

fn training(ground: &dyn Ground, arguments: &[&str]) -> Ended {
    ground.greenroom().args(["--profile", "training"]).args(arguments).finish()
}

#[test]
fn several_pilots_keep_out_of_each_others_way_on_sqlite() {
    play(&Sqlite::new());
}

#[test]
fn several_pilots_keep_out_of_each_others_way_on_postgres() {
    let server = greenroom_testkit::postgres!();
    play(&Postgres::new(server, "pilots"));
}

#[test]
fn several_pilots_keep_out_of_each_others_way_on_mariadb() {
    let server = greenroom_testkit::mariadb!();
    play(&Mysql::new(server, "pilots"));
}

#[test]
fn several_pilots_keep_out_of_each_others_way_on_what_speaks_tds() {
    let server = greenroom_testkit::tds::Server::at(&greenroom_testkit::mssql!());
    play(&Mssql::new(&server, "pilots"));
}
