//! Configuration that was exported from the pilot comes into production by a script that a person runs: only read before, three ways, and not at all
//! once a row is not what it was.

use super::expected::{Later, expected};
use super::world::{self, Chance, World, read};
use super::{command, differ};
use crate::ground::{Ground, Mssql, Mysql, Postgres, Sqlite};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::AtomicBool;

fn play(ground: &(dyn Ground + Sync)) {
    let mut chance = Chance::new(ground.engine());
    let world = World::found(ground);
    // Production's shape is the pilot's: the go-live has been.
    let column = if ground.engine() == "mssql" { "ADD" } else { "ADD COLUMN" };
    ground.write("source", &format!("ALTER TABLE c01 {column} active INTEGER DEFAULT 1 NOT NULL;\n"));
    world::write_program(ground);
    let program = ground.folder().join("program");
    fs::remove_dir_all(program.join("upgrade")).unwrap();
    let columns = fs::read_to_string(program.join("columns.toml")).unwrap();
    fs::write(program.join("columns.toml"), columns.replace("active = { keep = true, after_upgrade = true }", "active = \"keep\""))
        .unwrap();
    // A moment, which sessions in other time zones and languages would write and compare otherwise.
    let moment = match ground.engine() {
        "postgres" => "TIMESTAMP WITH TIME ZONE",
        "mssql" => "DATETIME2",
        _ => "TIMESTAMP NULL",
    };
    ground.write("source", &format!("ALTER TABLE c03 {column} stamp {moment};\nUPDATE c03 SET stamp = '2031-02-03 04:05:06';\n"));
    let columns = fs::read_to_string(program.join("columns.toml")).unwrap();
    fs::write(program.join("columns.toml"), columns.replace("[c03]\n", "[c03]\nstamp = \"keep\"\n")).unwrap();
    command(ground, &["rehearse", "--quiet"], 0);
    let base = read(ground, "pilot");
    world::testers(ground, &mut chance, &base);
    ground.write("pilot", "UPDATE c03 SET stamp = '2032-03-04 05:06:07' WHERE id = 2;\n");
    let elsewhere = match ground.engine() {
        "postgres" => "set timezone = 'Asia/Tokyo'; set datestyle = 'SQL, DMY';\n",
        "mysql" => "set session time_zone = '+09:00', session sql_mode = '';\n",
        "mssql" => "set language polish; set dateformat dmy;\n",
        _ => "",
    };
    let run = |script: &str| ground.client("source", &format!("{elsewhere}{script}"));
    world.disturb(ground, &AtomicBool::new(true));
    let pilot = read(ground, "pilot");
    let (folder, script) = (ground.folder().join("exported"), ground.folder().join("production.sql"));
    let (files, path) = (folder.to_str().unwrap(), script.to_str().unwrap());
    command(ground, &["export", files, "--quiet"], 0);
    let before = read(ground, "source");
    let open = ground.greenroom().args(["import", files, "--script", path]).finish();
    let decided = ground.greenroom().args(["import", files, "--script", path, "--take", "pilot"]).finish();
    assert!(matches!(open.code, Some(0 | 5)) && decided.code == Some(0), "{open:?}\n{decided:?}");
    assert_eq!(read(ground, "source"), before, "writing a script changed production");
    let text = fs::read_to_string(&script).unwrap();
    assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o600, "the script holds values");
    assert!(!text.contains("hunter") && !text.contains(".invalid"), "what is masked or was made up is in the script: {text}");

    // Somebody changes one of the rows, unseen: nothing of it may happen.
    ground
        .write("source", "UPDATE c02 SET label = 'meanwhile';\nUPDATE c05 SET label = 'meanwhile';\nUPDATE c09 SET label = 'meanwhile';\n");
    let meanwhile = read(ground, "source");
    let stopped = run(&text).unwrap_err();
    assert!(stopped.replace('_', " ").contains("what it was"), "{stopped}");
    assert_eq!(read(ground, "source"), meanwhile, "a script that stopped changed production");

    command(ground, &["import", files, "--script", path, "--take", "pilot", "--quiet"], 0);
    let text = fs::read_to_string(&script).unwrap();
    let clients = world.clients(world.ticks() - 1);
    // What the pilot was told to leave in production's hands is what production has.
    let wanted = expected(&base, &pilot, &meanwhile, &clients, Later::Kept);
    run(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    // Babelfish tells the precision of the same type differently in two databases.
    let stamp = match ground.engine() {
        "mssql" => "SELECT convert(varchar(26), stamp, 121) FROM c03 WHERE id = 2",
        _ => "SELECT stamp FROM c03 WHERE id = 2",
    };
    assert_eq!(ground.query("source", stamp), ground.query("pilot", stamp), "a moment was written as another one");
    differ(ground, "script", &wanted, &read(ground, "source"));
    let again = ground.greenroom().args(["import", files, "--script", path, "--take", "pilot"]).finish();
    assert!(again.code == Some(0) && again.stdout.contains("production has all of it"), "{again:?}");
}

#[test]
fn what_was_exported_comes_into_production_by_script_on_sqlite() {
    play(&Sqlite::new());
}

#[test]
fn what_was_exported_comes_into_production_by_script_on_postgres() {
    let server = greenroom_testkit::postgres!();
    play(&Postgres::new(server, "production"));
}

#[test]
fn what_was_exported_comes_into_production_by_script_on_mariadb() {
    let server = greenroom_testkit::mariadb!();
    play(&Mysql::new(server, "production"));
}

#[test]
fn what_was_exported_comes_into_production_by_script_on_what_speaks_tds() {
    let server = greenroom_testkit::tds::Server::at(&greenroom_testkit::mssql!());
    play(&Mssql::new(&server, "production"));
}
