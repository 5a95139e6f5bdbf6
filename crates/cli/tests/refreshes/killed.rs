//! Refreshes that are killed while configuration is carried over: another process finishes them with what people had configured, or gives them
//! their pilot back as it was.

use super::expected::{Later, expected, next_base};
use super::world::{self, Chance, World, read};
use super::{command, differ, tick};
use crate::ground::{Ground, Mysql, Postgres, Sqlite};
use std::sync::atomic::AtomicBool;

/// What a refresh says when it begins these steps; it is killed there.
const STEPS: [&str; 5] = [
    "carry the pilot's configuration over",
    "compare what was carried over",
    "check safety once more",
    "keep its configuration as people will find it",
    "give it the name",
];

fn play(ground: &(dyn Ground + Sync)) {
    let mut chance = Chance::new(ground.engine());
    let world = World::found(ground);
    world::write_program(ground);
    command(ground, &["rehearse", "--quiet"], 0);
    let mut base = read(ground, "pilot");
    let mut killed = 0;
    for step in STEPS {
        for go_on in [true, false] {
            world::testers(ground, &mut chance, &read(ground, "pilot"));
            // One round of production's, and none while the run goes.
            world.disturb(ground, &AtomicBool::new(true));
            let pilot = read(ground, "pilot");
            let ended = ground.greenroom().args(["refresh"]).kill_at_line(move |line| line.contains(step));
            killed += u32::from(ended.signal == Some(9));
            let cut = format!("killed at `{step}`");
            if go_on {
                command(ground, &["resume", "--quiet"], 0);
                let new = world.at(tick(ground)).upgraded();
                let now = read(ground, "pilot");
                differ(ground, &cut, &expected(&base, &pilot, &new, &world.clients(tick(ground)), Later::SetAside), &now);
                base = next_base(&base, &pilot, &new, &now);
            } else {
                command(ground, &["undo", "--yes", "--quiet"], 0);
                assert_eq!(read(ground, "pilot"), pilot, "{cut}: undone, the pilot is not as it was");
            }
        }
    }
    // What was undone is carried over all the same.
    let pilot = read(ground, "pilot");
    command(ground, &["refresh", "--quiet"], 0);
    let new = world.at(tick(ground)).upgraded();
    differ(ground, "after all", &expected(&base, &pilot, &new, &world.clients(tick(ground)), Later::SetAside), &read(ground, "pilot"));
    assert!(killed >= 8, "only {killed} of ten refreshes were killed in time");
}

#[test]
fn a_refresh_killed_midway_is_finished_or_undone_on_sqlite() {
    play(&Sqlite::new());
}

#[test]
fn a_refresh_killed_midway_is_finished_or_undone_on_postgres() {
    let server = greenroom_testkit::postgres!();
    play(&Postgres::new(server, "killed_refreshes"));
}

#[test]
fn a_refresh_killed_midway_is_finished_or_undone_on_mariadb() {
    let server = greenroom_testkit::mariadb!();
    play(&Mysql::new(server, "killed_refreshes"));
}
