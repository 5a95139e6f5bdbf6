//! Following production's version: after production was upgraded the pilot is made anew from it, without the upgrade, masked and neutralised in the
//! new shape, and what people configured stays.

use super::expected::{Later, expected, next_base};
use super::world::{self, Chance, World, read};
use super::{command, differ, tick};
use crate::ground::{Ground, Mssql, Mysql, Postgres, Sqlite};
use std::fs;
use std::sync::atomic::AtomicBool;

/// A neutralised and a masked column move to another table.
const MOVE: &str = "CREATE TABLE profile (id INTEGER NOT NULL PRIMARY KEY, mail_on INTEGER, email VARCHAR(60));\n\
                    INSERT INTO profile (id, mail_on, email) SELECT id, mail_on, email FROM account;\nDROP TABLE account;\n";

const DECISIONS: &str = "\n[account]\nid = \"keep\"\nmail_on = \"keep\"\nemail = { mask = \"email\", identity = \"id\" }\n\n\
                         [profile]\nid = { keep = true, after_upgrade = true, derived_from = [\"account.id\"] }\n\
                         mail_on = { keep = true, after_upgrade = true, derived_from = [\"account.mail_on\"] }\n\
                         email = { keep = true, after_upgrade = true, derived_from = [\"account.email\"] }\n";

const PACK: &str = "[[rule]]\nid = \"mail-off\"\ntable = \"account\"\nset = { mail_on = \"0\" }\nshape = \"before\"\n\n\
                    [[rule]]\nid = \"mail-off-in-the-new-version\"\ntable = \"profile\"\nset = { mail_on = \"0\" }\nshape = \"after\"\n";

fn play(ground: &(dyn Ground + Sync)) {
    let mut chance = Chance::new(ground.engine());
    let world = World::found(ground);
    let accounts: String = (1..=4).map(|i| format!("INSERT INTO account VALUES ({i}, 1, 'real{i}@corp.test');\n")).collect();
    ground.write(
        "source",
        &format!("CREATE TABLE account (id INTEGER NOT NULL PRIMARY KEY, mail_on INTEGER, email VARCHAR(60));\n{accounts}"),
    );
    world::write_program(ground);
    let program = ground.folder().join("program");
    let columns = program.join("columns.toml");
    fs::write(&columns, fs::read_to_string(&columns).unwrap() + DECISIONS).unwrap();
    fs::create_dir_all(program.join("packs")).unwrap();
    fs::write(program.join("packs/mail.toml"), PACK).unwrap();
    fs::write(program.join("upgrade/002_profile.sql"), MOVE).unwrap();
    command(ground, &["columns", "--write", "--quiet"], 0);
    command(ground, &["rehearse", "--quiet"], 0);
    assert_eq!(ground.query("pilot", "SELECT count(*) FROM profile WHERE mail_on <> 0").unwrap().trim(), "0");
    let base = read(ground, "pilot");
    world::testers(ground, &mut chance, &base);
    // Somebody switches a function on for a test.
    ground.write("pilot", "UPDATE profile SET mail_on = 1 WHERE id = 2;\n");
    let early = ground.greenroom().args(["follow"]).finish();
    assert!(early.code == Some(1) && early.stderr.contains("production has not been upgraded"), "{early:?}");

    // The go-live, by other means, and a day's work after it.
    for script in ["001_active.sql", "002_profile.sql"] {
        ground.write("source", &fs::read_to_string(program.join("upgrade").join(script)).unwrap());
    }
    ground.write("source", "INSERT INTO profile VALUES (5, 1, 'real5@corp.test');\n");
    world.disturb(ground, &AtomicBool::new(true));
    let raw = ground.greenroom().args(["follow"]).finish();
    assert!(raw.code == Some(1) && raw.stderr.contains("GR0215") && raw.stderr.contains("account.email"), "{raw:?}");
    let decided = fs::read_to_string(&columns)
        .unwrap()
        .replace("email = { keep = true, after_upgrade = true,", "email = { mask = \"email\", identity = \"id\", after_upgrade = true,");
    fs::write(&columns, decided).unwrap();
    let pilot = read(ground, "pilot");
    let ended = ground.greenroom().args(["follow"]).kill_at_line(|line| line.contains("carry the pilot's configuration over"));
    assert_eq!(ended.signal, Some(9), "{ended:?}");
    let resumed = ground.greenroom().args(["resume"]).finish();
    assert!(resumed.code == Some(0), "{resumed:?}");
    let mut now = followed(ground);
    let new = world.at(tick(ground)).upgraded();
    differ(ground, "follow", &expected(&base, &pilot, &new, &world.clients(tick(ground)), Later::SetAside), &now);
    let again = ground.greenroom().args(["follow"]).finish();
    assert!(again.code == Some(1) && again.stderr.contains("has production's version already"), "{again:?}");

    // From now on nothing runs the upgrade again.
    let base = next_base(&base, &pilot, &new, &now);
    world::testers(ground, &mut chance, &now);
    let pilot = read(ground, "pilot");
    world.disturb(ground, &AtomicBool::new(true));
    let plan = ground.greenroom().args(["plan"]).finish().stdout;
    assert!(plan.contains("production has it"), "{plan}");
    command(ground, &["refresh", "--quiet"], 0);
    now = followed(ground);
    let new = world.at(tick(ground)).upgraded();
    differ(ground, "refresh", &expected(&base, &pilot, &new, &world.clients(tick(ground)), Later::SetAside), &now);
}

/// The pilot in production's version: masked and neutralised there too.
fn followed(ground: &dyn Ground) -> world::State {
    let one = |sql: &str| ground.query("pilot", sql).unwrap().trim().to_owned();
    assert_eq!(one("SELECT count(*) FROM profile"), "5", "production's records");
    assert_eq!(one("SELECT count(*) FROM profile WHERE mail_on <> 0"), "0", "what was switched on is off again");
    assert_eq!(one("SELECT count(*) FROM profile WHERE email LIKE 'real%'"), "0", "a real address on the pilot");
    assert_eq!(one("SELECT count(*) FROM client WHERE name LIKE 'Realname%'"), "0", "a real name on the pilot");
    read(ground, "pilot")
}

#[test]
fn the_pilot_follows_production_to_its_version_on_sqlite() {
    play(&Sqlite::new());
}

#[test]
fn the_pilot_follows_production_to_its_version_on_postgres() {
    let server = greenroom_testkit::postgres!();
    play(&Postgres::new(server, "follow"));
}

#[test]
fn the_pilot_follows_production_to_its_version_on_mariadb() {
    let server = greenroom_testkit::mariadb!();
    play(&Mysql::new(server, "follow"));
}

#[test]
fn the_pilot_follows_production_to_its_version_on_what_speaks_tds() {
    let server = greenroom_testkit::tds::Server::at(&greenroom_testkit::mssql!());
    play(&Mssql::new(&server, "follow"));
}
