//! Refreshes over twelve configuration tables, while a writer changes production's records and configuration, and testers change the
//! pilot's. After each, every cell is what the three-way rule says, as worked out by a model of its own.

mod dress;
mod expected;
mod follow;
mod import;
mod killed;
mod null;
mod pilots;
mod production;
mod world;

use crate::ground::{Ground, Mssql, Mysql, Postgres, Sqlite};
use expected::{Later, expected, next_base};
use std::sync::atomic::{AtomicBool, Ordering};
use world::{Chance, State, World, read};

/// Refreshes on SQLite, unless `GREENROOM_TEST_REFRESHES` says otherwise.
const REFRESHES: u32 = 20;
/// On servers, where each takes some seconds. Twenty there were seen to be as they should; the first ones already meet every kind of conflict.
const ON_SERVERS: u32 = 5;

/// Plays it on an engine.
fn play(ground: &(dyn Ground + Sync)) {
    let rounds = std::env::var("GREENROOM_TEST_REFRESHES").ok().and_then(|n| n.parse().ok()).unwrap_or(if ground.engine() == "sqlite" {
        REFRESHES
    } else {
        ON_SERVERS
    });
    let mut chance = Chance::new(ground.engine());
    let world = World::found(ground);
    world::write_program(ground);
    command(ground, &["rehearse", "--quiet"], 0);
    let mut base = read(ground, "pilot");
    let mut now = base.clone();
    assert_eq!(base, world.at(tick(ground)).upgraded(), "a first pilot has production's configuration");
    for round in 1..=rounds {
        world::testers(ground, &mut chance, &now);
        let pilot = read(ground, "pilot");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _end = End(&done);
            scope.spawn(|| world.disturb(ground, &done));
            command(ground, &["refresh", "--quiet"], 0);
        });
        let (new, clients) = (world.at(tick(ground)).upgraded(), world.clients(tick(ground)));
        now = read(ground, "pilot");
        differ(ground, &format!("refresh {round}"), &expected(&base, &pilot, &new, &clients, Later::SetAside), &now);
        base = next_base(&base, &pilot, &new, &now);
    }
    assert!(world.ticks() > u64::from(rounds), "production stood still");
}

/// Ends the writer, also where the refresh failed.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn tick(ground: &dyn Ground) -> u64 {
    ground.query("pilot", "SELECT n FROM tick").unwrap().parse().unwrap()
}

fn command(ground: &dyn Ground, arguments: &[&str], exit: i32) {
    let ended = ground.greenroom().args(arguments).finish();
    if ended.code != Some(exit) {
        let preview = ground.greenroom().args(["preview"]).finish();
        let open: Vec<&str> = preview.stdout.split("\n  ").filter(|entry| entry.contains("OPEN")).collect();
        panic!("`greenroom {}` said:\n{}{}\n{}", arguments.join(" "), ended.stdout, ended.stderr, open.join("\n"));
    }
}

/// Fails with the first rows that are not as they should be.
fn differ(ground: &dyn Ground, when: &str, expected: &State, now: &State) {
    for (table, wanted) in expected.tables() {
        let found = now.table(table);
        let missing: Vec<_> = wanted.iter().filter(|(k, row)| found.get(*k) != Some(row)).take(5).collect();
        let extra: Vec<_> = found.iter().filter(|(k, _)| !wanted.contains_key(*k)).take(5).collect();
        assert!(
            missing.is_empty() && extra.is_empty(),
            "{}, {when}, {table}: these rows were wanted otherwise:\n{missing:#?}\nfound in their place:\n{:#?}\nand these were not wanted:\n{extra:#?}",
            ground.engine(),
            missing.iter().map(|(k, _)| found.get(*k)).collect::<Vec<_>>()
        );
    }
}

#[test]
fn refreshes_keep_what_was_configured_on_sqlite() {
    play(&Sqlite::new());
}

#[test]
fn refreshes_keep_what_was_configured_on_postgres() {
    let server = greenroom_testkit::postgres!();
    play(&Postgres::new(server, "refreshes"));
}

#[test]
fn refreshes_keep_what_was_configured_on_mariadb() {
    let server = greenroom_testkit::mariadb!();
    play(&Mysql::new(server, "refreshes"));
}

#[test]
fn refreshes_keep_what_was_configured_on_what_speaks_tds() {
    let server = greenroom_testkit::tds::Server::at(&greenroom_testkit::mssql!());
    play(&Mssql::new(&server, "refreshes"));
}
