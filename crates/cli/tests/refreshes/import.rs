//! Configuration that was exported from one pilot comes into another one: three ways, with the program's rules, undone or killed and gone on with like
//! any run, and kept by the refreshes that follow.

use super::expected::{Later, expected};
use super::world::{self, Chance, State, World, read};
use super::{command, differ};
use crate::ground::{Ground, Mssql, Mysql, Postgres, Sqlite};
use greenroom_testkit::proc::Ended;
use std::fs;

const TRAINING: &str = "pilot training";

fn play(ground: &(dyn Ground + Sync)) {
    let mut chance = Chance::new(ground.engine());
    let world = World::found(ground);
    world::write_program(ground);
    let main = ground.folder().join("program/greenroom.toml");
    let text = fs::read_to_string(&main).unwrap();
    let name = if ground.engine() == "sqlite" {
        "training.db".to_owned()
    } else {
        let at = text.find("[pilot]\nname = \"").unwrap() + "[pilot]\nname = \"".len();
        format!("{}_training", &text[at..][..text[at..].find('"').unwrap()])
    };
    fs::write(&main, format!("{text}\n[pilot.training]\nname = \"{name}\"\n")).unwrap();
    command(ground, &["rehearse", "--quiet"], 0);
    training(ground, &["rehearse", "--quiet"], 0);
    let base = read(ground, "pilot");
    world::testers(ground, &mut chance, &base);
    ground.write("pilot", "UPDATE c01 SET label = 'ours' WHERE id = 4;\nUPDATE c03 SET label = 'ours' WHERE id = 4;\n");
    // What was configured on the other side, too: the program's rules say which one is taken.
    ground.write(TRAINING, "UPDATE c01 SET label = 'for the course' WHERE id = 4;\nUPDATE c03 SET label = 'for the course' WHERE id = 4;\nUPDATE c02 SET label = 'kept' WHERE id = 5;\n");
    let (pilot, before) = (read(ground, "pilot"), read(ground, TRAINING));
    let folder = ground.folder().join("exported");
    let files = folder.to_str().unwrap();
    command(ground, &["export", files, "--quiet"], 0);

    let asked = training(ground, &["import", files, "--preview"], 5);
    assert!(asked.stdout.contains("ours") || asked.stderr.contains("ours"), "the preview shows what comes in: {asked:?}");
    training(ground, &["undo", "--quiet"], 0);
    let wanted = expected(&base, &pilot, &before, &world.clients(0), Later::Kept);
    assert_eq!(label(&wanted, "c01", "4"), "ours", "by rule the file's is taken");
    assert_eq!(label(&wanted, "c03", "4"), "for the course", "by rule what was there is taken");
    // Killed at each step of its own, gone on with or taken back; and taken back when it was whole.
    for step in ["bring the files' configuration in", "compare what was brought in"] {
        for go_on in [false, true] {
            let run = ground.greenroom().args(["--profile", "training", "import", files]);
            let cut = run.kill_at_line(move |line| line.contains(step));
            assert_eq!(cut.signal, Some(9), "{cut:?}");
            assert_eq!(read(ground, TRAINING), before, "an import that was killed at `{step}` changed the pilot");
            if go_on {
                training(ground, &["resume", "--quiet"], 0);
                differ(ground, &format!("import killed at `{step}`"), &wanted, &read(ground, TRAINING));
            }
            training(ground, &["undo", "--yes", "--quiet"], 0);
            assert_eq!(read(ground, TRAINING), before, "an import that was undone left something behind");
        }
    }
    assert_eq!(read(ground, "pilot"), pilot, "an import changed the pilot that was exported");

    training(ground, &["import", files, "--quiet"], 0);
    differ(ground, "import again", &wanted, &read(ground, TRAINING));
    // What was brought in is configured there now.
    training(ground, &["refresh", "--quiet"], 0);
    differ(ground, "refresh after import", &wanted, &read(ground, TRAINING));

    refused(ground, &folder);
    let plans =
        fs::read_dir(ground.folder().join("program/.greenroom/plans")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let kept: Vec<String> = plans.filter(|name| name.ends_with(".import.json")).collect();
    assert!(kept.is_empty(), "files' rows are kept after their imports ended: {kept:?}");
}

fn label(state: &State, table: &str, key: &str) -> String {
    state.table(table)[key][1].clone().unwrap_or_default()
}

/// Files that are not what they should be.
fn refused(ground: &dyn Ground, folder: &std::path::Path) {
    let bad = ground.folder().join("bad.json");
    let path = bad.to_str().unwrap();
    let good = fs::read_to_string(folder.join("c01.json")).unwrap();
    for (text, words) in [
        ("{\"form\": \"secret-value\"", "not valid JSON, at line 1"),
        ("{\"form\": 1}", "not in the form of an export, at line 1"),
        (&good.replace("\"c01\"", "\"client\""), "GR0833"),
    ] {
        fs::write(&bad, text).unwrap();
        let ended = ground.greenroom().args(["--profile", "training", "import", path]).finish();
        assert!(matches!(ended.code, Some(1 | 2)) && ended.stderr.contains(words), "{words}: {ended:?}");
        assert!(!ended.stderr.contains("secret-value"), "{ended:?}");
    }
    // What only the comparison can tell stops before anything is brought in.
    fs::write(&bad, good.replace("\"key\": [\n    \"id\"\n  ]", "\"key\": [\n    \"label\"\n  ]")).unwrap();
    let ended = training(ground, &["import", path], 4);
    assert!(ended.stdout.contains("rows are told apart by label"), "{ended:?}");
    training(ground, &["undo", "--quiet"], 0);
}

fn training(ground: &dyn Ground, arguments: &[&str], exit: i32) -> Ended {
    let ended = ground.greenroom().args(["--profile", "training"]).args(arguments).finish();
    assert_eq!(ended.code, Some(exit), "{arguments:?}: {ended:?}");
    ended
}

#[test]
fn what_was_exported_is_imported_on_sqlite() {
    play(&Sqlite::new());
}

#[test]
fn what_was_exported_is_imported_on_postgres() {
    let server = greenroom_testkit::postgres!();
    play(&Postgres::new(server, "import"));
}

#[test]
fn what_was_exported_is_imported_on_mariadb() {
    let server = greenroom_testkit::mariadb!();
    play(&Mysql::new(server, "import"));
}

#[test]
fn what_was_exported_is_imported_on_what_speaks_tds() {
    let server = greenroom_testkit::tds::Server::at(&greenroom_testkit::mssql!());
    play(&Mssql::new(&server, "import"));
}
