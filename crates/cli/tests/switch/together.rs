//! Several databases in one window: killed at any moment, users are in all of the new ones or in none.

use super::{COLUMNS, PATIENCE, TABLES, rounds};
use crate::ground::{Ground, Postgres, Sqlite};
use greenroom_testkit::proc::{Ended, wait_until};
use greenroom_testkit::recorder::Recorder;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// One of the databases.
struct Side<'g> {
    ground: &'g dyn Ground,
    recorder: Box<dyn Fn() -> Recorder + 'g>,
    backup: Box<dyn Fn() -> PathBuf + 'g>,
}

impl Side<'_> {
    fn program(&self) -> PathBuf {
        self.ground.folder().join("program")
    }

    /// Upgraded in a single step.
    fn written(&self, together: &str) {
        let program = self.program();
        fs::create_dir_all(program.join("upgrade")).unwrap();
        let quarantine = if self.ground.engine() == "sqlite" { "path = \"quarantine\"\n" } else { "" };
        let text = format!(
            "{}[dress]\nunmasked = true\n[fence]\ndrain_seconds = 1\n[quarantine]\n{quarantine}[switch]\nminutes = 60\nstrategy = \"in-place\"\n{together}",
            self.ground.databases()
        );
        fs::write(program.join("greenroom.toml"), text).unwrap();
        fs::write(program.join("columns.toml"), COLUMNS).unwrap();
        fs::write(program.join("upgrade/1.sql"), "alter table client add active integer;\nupdate client set active = 1;\n").unwrap();
    }

    fn done(&self, arguments: &[&str], code: i32) -> Ended {
        let ended = self.ground.greenroom().args(arguments).finish();
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        ended
    }

    fn is_new(&self) -> bool {
        self.ground.query("source", "select count(*) from client where active = 1").is_ok()
    }

    fn works(&self, recorder: &Recorder, what: &str) {
        let so_far = recorder.acknowledged().len();
        wait_until(&format!("the program writes again ({what})"), PATIENCE, || recorder.acknowledged().len() > so_far + 2);
        let acknowledged = recorder.acknowledged();
        let rows = self.ground.query("source", "select n from recorded").unwrap();
        let stored: BTreeSet<u64> = rows.lines().map(|n| n.trim().parse().unwrap()).collect();
        let missing: Vec<u64> = acknowledged.into_iter().filter(|n| !stored.contains(n)).collect();
        assert!(missing.is_empty(), "{what}: acknowledged and not stored: {missing:?}");
    }
}

/// Where each of them stands.
fn places(first: &Side<'_>) -> Vec<String> {
    let shown: serde_json::Value = serde_json::from_str(&first.done(&["together", "--json"], 0).stdout).unwrap();
    shown["switches"].as_array().unwrap().iter().map(|s| s["place"].as_str().unwrap().to_owned()).collect()
}

fn all_or_none(sides: &[Side<'_>; 2]) {
    let [first, second] = sides;
    first.written(&format!("together = ['{}']\n", second.program().display()));
    second.written("");
    let recorders = sides.each_ref().map(|s| (s.recorder)());
    let work = |what: &str| sides.iter().zip(&recorders).for_each(|(s, r)| s.works(r, what));
    work("at the beginning");

    // What one of them lacks refuses all, before anything is copied.
    let prove = |side: &Side<'_>| {
        side.done(&["dress", "--quiet"], 0);
        side.done(&["prove", (side.backup)().to_str().unwrap(), "--yes", "--quiet"], 0);
    };
    prove(first);
    assert!(first.done(&["together", "preview"], 4).stdout.contains("the switch is refused"));
    first.done(&["together", "switch", "--yes"], 1);
    assert_eq!(places(first), ["not-begun", "not-begun"]);
    prove(second);
    first.done(&["together", "preview"], 0);
    assert!(first.done(&["switch", "--yes"], 1).stderr.contains("GR0795"));
    assert!(second.done(&["together"], 1).stderr.contains("goes live alone"));
    assert!(first.done(&["together", "go", "--yes"], 1).stderr.contains("not all of them are prepared"));

    for n in 0..rounds(3) {
        let what = format!("together, round {n}");
        if n % 3 == 0 {
            first.ground.greenroom().args(["together", "switch", "--yes"]).kill_after(Duration::from_millis(n * 43 % 400));
        }
        first.done(&["together", "switch", "--yes", "--quiet"], 5);
        assert_eq!(places(first), ["window", "window"], "{what}");
        work(&what);
        let go = first.ground.greenroom().args(["together", "go", "--yes"]);
        match n % 4 {
            0 => go.kill_at_line(|line| line.contains("shut everybody out of production")),
            1 => go.kill_at_line(|line| line.contains("the engine makes a second database")),
            2 => go.kill_after(Duration::from_millis(60 + n * 97 % 600)),
            _ => go.kill_at_line(|line| line.contains("testers look at it")),
        };
        if n % 2 == 0 {
            // Gone on with, as far as testers' word that does not let anybody in yet.
            first.ground.greenroom().args(["together", "resume"]).finish();
            let accept = first.ground.greenroom().args(["together", "accept", "--hold"]);
            accept.kill_after(Duration::from_millis(40 + n * 61 % 300));
        }
        first.ground.greenroom().args(["together", "undo", "--yes"]).kill_after(Duration::from_millis(n * 37 % 250));
        first.done(&["together", "undo", "--yes", "--quiet"], 0);
        assert!(!first.is_new() && !second.is_new(), "{what}");
        work(&what);
    }

    // One refuses: all go back.
    first.done(&["together", "switch", "--yes", "--quiet"], 5);
    first.done(&["together", "go", "--yes", "--quiet"], 5);
    assert_eq!(places(first), ["accept", "accept"]);
    second.done(&["answer", "refuse"], 0);
    let back = first.done(&["together", "resume"], 0);
    assert!(back.stderr.contains("one of them went back: all of them do"), "{back:?}");
    assert_eq!(places(first), ["back", "back"]);
    work("after one refused");

    // Carried through, killed while users are let in: from there on there is only forward.
    first.done(&["together", "switch", "--yes", "--quiet"], 5);
    first.done(&["together", "go", "--yes", "--quiet"], 5);
    let mut delay = 30;
    loop {
        let at = places(first);
        if at == ["live", "live"] {
            break;
        }
        // What was answered and killed goes on first.
        let word = match () {
            () if at.iter().any(|p| p == "shut") => "resume",
            () if at.iter().any(|p| p == "accept") => "accept",
            () => "go",
        };
        first.ground.greenroom().args(["together", word, "--yes"]).kill_after(Duration::from_millis(delay));
        let at = places(first);
        let out = at.iter().any(|p| p == "live" || p == "opening");
        assert!(!out || !at.iter().any(|p| p == "accept" || p == "window" || p.contains("back")), "{at:?}");
        if out && !at.iter().all(|p| p == "live") {
            assert!(first.done(&["together", "undo", "--yes"], 1).stderr.contains("only forward"));
        }
        delay += 25;
        assert!(delay < 4000, "it never gets there: {at:?}");
    }
    assert!(first.is_new() && second.is_new());
    work("in both new productions");
    first.done(&["together", "resume"], 0);
    assert!(first.done(&["together"], 0).stdout.contains("users work in the new production"));
}

#[test]
fn two_databases_go_live_in_one_window_on_sqlite() {
    let grounds = [Sqlite::new(), Sqlite::new()];
    let sides = grounds.each_ref().map(|ground| {
        ground.fill(&format!("pragma journal_mode = wal; {TABLES} create table counted (id integer primary key, t text)"));
        let file = ground.folder().join("source.db");
        Side {
            ground,
            recorder: Box::new({
                let file = file.clone();
                move || Recorder::sqlite_by_name(&file)
            }),
            backup: Box::new(move || {
                let path = ground.folder().join("backup.db");
                let copy = format!("vacuum into '{}'", path.display());
                rusqlite::Connection::open(&file).unwrap().execute_batch(&copy).unwrap();
                path
            }),
        }
    });
    all_or_none(&sides);
}

#[test]
fn two_databases_go_live_in_one_window_on_postgres() {
    let server = greenroom_testkit::postgres!();
    server.role("together app", "secret", "");
    let grounds = ["together_one", "together_two"].map(|name| Postgres::new(server, name));
    let sides = grounds.each_ref().map(|ground| {
        let name = ground.query("source", "select current_database()").unwrap();
        ground.fill(&format!(
            "{TABLES} create table counted (id int primary key, t varchar(9)); alter table recorded owner to \"together app\"; alter database {name} owner to \"together app\""
        ));
        let database = server.existing(&name);
        Side {
            ground,
            recorder: Box::new(move || Recorder::postgres(&server.existing(&name), "together app", "secret")),
            backup: Box::new(move || {
                let path = ground.folder().join("backup.dump");
                let dumped = database.command("pg_dump").args(["-Fc", "-f"]).arg(&path).output().unwrap();
                assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
                path
            }),
        }
    });
    all_or_none(&sides);
}
