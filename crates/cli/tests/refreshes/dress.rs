//! Dress rehearsals: production's own rows, what people configured carried over, nothing of what masks and packs wrote, everything dropped at the
//! end.

use super::expected::{Later, expected};
use super::world::{self, Chance, State, World, read};
use super::{command, differ, tick};
use crate::ground::{Ground, Mssql, Mysql, Postgres, Sqlite};
use std::fs;
use std::path::Path;

/// Hash of the password that every login has on the pilot.
const TEST_HASH: &str = "$2b$10$N9qo8uLOickgx2ZMRZoMye";

fn play(ground: &(dyn Ground + Sync)) {
    let mut chance = Chance::new(ground.engine());
    let world = World::found(ground);
    ground.write(
        "source",
        "CREATE TABLE login (id INTEGER NOT NULL PRIMARY KEY, hash VARCHAR(60));\nINSERT INTO login VALUES (1, 'a real hash, salted');\n",
    );
    world::write_program(ground);
    let program = ground.folder().join("program");
    let add = |file: &str, text: &str| {
        let path = program.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, before + text).unwrap();
    };
    add("columns.toml", "\n[login]\nid = \"keep\"\nhash = \"keep\"\n");
    add("packs/logins.toml", &format!("[[rule]]\nid = \"test-password\"\ntable = \"login\"\nset = {{ hash = \"'{TEST_HASH}'\" }}\n"));
    let refused = ground.greenroom().args(["dress"]).finish();
    assert!(refused.code == Some(1) && refused.stderr.contains("GR0829"), "{refused:?}");
    add("greenroom.toml", "\n[dress]\nunmasked = true\n");
    command(ground, &["rehearse", "--quiet"], 0);
    command(ground, &["open", "--to", "testers", "--quiet"], 0);
    let base = read(ground, "pilot");
    world::testers(ground, &mut chance, &base);
    // What production changes after the pilot was made stays production's.
    world.disturb(ground, &std::sync::atomic::AtomicBool::new(true));
    let configured = read(ground, "pilot");
    // Copied from masked rows into configuration by hand, or by the application.
    let name = ground.query("pilot", "SELECT name FROM client WHERE id = 3").unwrap().trim().to_owned();
    assert!(!name.is_empty() && !name.contains("Realname"), "{name}");
    ground.write(
        "pilot",
        &format!(
            "UPDATE c02 SET label = '{name}' WHERE id = 1;\nUPDATE c01 SET label = 'ann@example.invalid' WHERE id = 2;\n\
             UPDATE c09 SET label = '{TEST_HASH}' WHERE id = 3;\nINSERT INTO c03 (label, n) VALUES ('{name}', 7);\n"
        ),
    );
    let pilot = read(ground, "pilot");
    let open = admission(ground);
    exports(ground, &configured, &pilot, &base, &name);
    command(ground, &["dress", "--quiet"], 5);
    let preview = ground.greenroom().args(["preview", "--json"]).finish().stdout;
    let planted = preview.matches("\"planted\"").count();
    assert_eq!(planted, 4, "{preview}");
    assert!(!preview.contains("hunter"), "production's secrets are nobody's to see: {preview}");
    // The pilot is open again while the run waits for a person.
    assert_eq!(admission(ground), open, "the pilot is not open while the run rests");
    command(ground, &["decide", "all", "production", "--quiet"], 0);
    command(ground, &["answer", "go", "--quiet"], 0);
    let ended = ground.greenroom().args(["resume"]).kill_at_line(|line| line.contains("drop the unmasked generation"));
    assert_eq!(ended.signal, Some(9), "{ended:?}");

    let on = "unmasked generation";
    let real = ground.query(on, "SELECT count(*) FROM client WHERE name LIKE 'Realname%'").unwrap();
    assert_ne!(real.trim(), "0", "the dress rehearsal is masked");
    assert_eq!(ground.query(on, "SELECT hash FROM login").unwrap().trim(), "a real hash, salted");
    let mut new = world.at(tick(ground).max(world.ticks() - 1));
    new = new.upgraded_unmasked();
    let now = read(ground, on);
    let mut wanted = expected(&base, &configured, &new, &world.clients(world.ticks() - 1), Later::Kept);
    for (table, id) in [("c02", "1"), ("c01", "2"), ("c09", "3")] {
        let label = new.table(table).get(id).map(|row| row[1].clone());
        let mut rows = wanted.table(table).clone();
        // What was planted stays behind; the row's other cells travel.
        if let (Some(row), Some(label)) = (rows.get_mut(id), label) {
            row[1] = label;
        }
        wanted.set(super::world::form(table).name, rows);
    }
    differ(ground, "dress", &wanted, &now);
    for (table, rows) in now.tables() {
        let found = rows.values().flatten().flatten().find(|c| **c == name || c.contains(".invalid") || **c == TEST_HASH);
        assert_eq!(found, None, "{}: {table} of the dress rehearsal holds what was made for the pilot", ground.engine());
    }
    let listed = ground.greenroom().args(["leftovers"]).finish().stdout;
    assert!(listed.contains("holds production's values"), "{listed}");

    command(ground, &["resume", "--quiet"], 0);
    assert!(!ground.stands(on), "what a dress rehearsal made still stands");
    assert_eq!(read(ground, "pilot"), pilot, "a dress rehearsal changed the pilot");
    assert_eq!(admission(ground), open, "the pilot is not open after the dress rehearsal");
    holds_no(&program.join(".greenroom"), &["Realname Number", "hunter2", "a real hash, salted"]);
    let status = ground.greenroom().args(["status"]).finish().stdout;
    assert!(status.contains("with the same upgrade, carry-over and production schema"), "{status}");
    // Another upgrade makes what was proved stale.
    add("upgrade/002_more.sql", "UPDATE tick SET n = n + 0;\n");
    let plan = ground.greenroom().args(["plan"]).finish().stdout;
    assert!(plan.contains("proves nothing any more, since this changed: the upgrade"), "{plan}");
}

/// What people configured leaves as files, and nothing that was made up.
fn exports(ground: &dyn Ground, configured: &State, pilot: &State, base: &State, name: &str) {
    let folder = ground.folder().join("exported");
    let ended = ground.greenroom().args(["export", folder.to_str().unwrap()]).finish();
    assert_eq!(ended.code, Some(4), "rows must be held back: {ended:?}");
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| fs::read_to_string(e.unwrap().path()).unwrap()).collect();
    for text in &files {
        for word in [name, ".invalid", TEST_HASH, "hunter", "Realname"] {
            assert!(!text.contains(word), "`{word}` was exported: {text}");
        }
    }
    // Every row that people changed, but for the planted ones, is there as it is.
    for (table, rows) in pilot.tables() {
        let form = super::world::form(table);
        let keeps = |row: &super::world::Row| {
            let mut row = row.clone();
            if table == "c04" {
                row[3] = None;
            }
            row
        };
        let before = base.table(table);
        let differs = |key: &String| before.get(key).map(keeps) != rows.get(key).map(keeps);
        // Without a key, equal rows come along: how many there are is what changed. Their keys end with their number.
        let alike = |key: &String| key.rsplit_once('#').map_or_else(|| key.clone(), |(row, _)| row.to_owned());
        let all: std::collections::BTreeSet<String> = before.keys().chain(rows.keys()).filter(|k| differs(k)).map(alike).collect();
        let changed = |key: &&String| differs(key) || table == "c12" && all.contains(&alike(key));
        let planted = |key: &&String| configured.table(table).get(*key) != rows.get(*key);
        let wanted: Vec<&String> = rows.keys().filter(changed).filter(|k| !planted(k)).collect();
        let text = fs::read_to_string(folder.join(format!("{table}.json"))).unwrap_or_else(|_| "{\"rows\":[]}".into());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let exported: Vec<&serde_json::Value> =
            json["rows"].as_array().unwrap().iter().map(|r| &r["now"]).filter(|n| !n.is_null()).collect();
        assert_eq!(exported.len(), wanted.len(), "{table}: {text}");
        for key in wanted {
            let same = |row: &&&serde_json::Value| {
                form.columns.iter().zip(&rows[key]).all(|(column, cell)| match (row.get(*column), cell) {
                    (None, _) => *column == "secret",
                    (Some(found), cell) => found.as_str().map(str::to_owned) == *cell,
                })
            };
            assert!(exported.iter().any(|row| same(&row)), "{table} {key}: {text}");
        }
    }
    let chosen = ground.folder().join("chosen");
    let ended = ground.greenroom().args(["export", chosen.to_str().unwrap(), "c05 WHERE id < 3", "--all"]).finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = fs::read_to_string(chosen.join("c05.json")).unwrap();
    let ids = pilot.table("c05").keys().filter(|id| id.parse::<u32>().unwrap() < 3).count();
    assert!(text.matches("\"now\": {").count() == ids && fs::read_dir(&chosen).unwrap().count() == 1, "{text}");
    let ended = ground.greenroom().args(["export", chosen.to_str().unwrap(), "client"]).finish();
    assert!(ended.code == Some(1) && ended.stderr.contains("GR0830"), "{ended:?}");
}

/// Who may come into the pilot: `sealed`, or something else.
fn admission(ground: &dyn Ground) -> String {
    let status: serde_json::Value = serde_json::from_str(&ground.greenroom().args(["status", "--json"]).finish().stdout).unwrap();
    let admission = &status["pilot"]["admission"];
    admission.as_str().map_or_else(|| admission.to_string(), str::to_owned).to_lowercase()
}

fn holds_no(folder: &Path, words: &[&str]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds_no(&path, words);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for word in words {
            let found = bytes.windows(word.len()).any(|w| w == word.as_bytes());
            assert!(!found, "{} holds `{word}`", path.display());
        }
    }
}

#[test]
fn a_dress_rehearsal_takes_what_was_configured_and_nothing_that_was_made_up_on_sqlite() {
    play(&Sqlite::new());
}

#[test]
fn a_dress_rehearsal_takes_what_was_configured_and_nothing_that_was_made_up_on_postgres() {
    let server = greenroom_testkit::postgres!();
    play(&Postgres::new(server, "dress"));
}

#[test]
fn a_dress_rehearsal_takes_what_was_configured_and_nothing_that_was_made_up_on_mariadb() {
    let server = greenroom_testkit::mariadb!();
    play(&Mysql::new(server, "dress"));
}

#[test]
fn a_dress_rehearsal_takes_what_was_configured_and_nothing_that_was_made_up_on_what_speaks_tds() {
    let server = greenroom_testkit::tds::Server::at(&greenroom_testkit::mssql!());
    play(&Mssql::new(&server, "dress"));
}
