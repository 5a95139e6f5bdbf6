//! A backup tried from the command line, with production away.

use crate::clinic::Clinic;
use greenroom_testkit::proc::Run;
use rusqlite::types::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A program with a quarantine, a backup of its source, and no source any more.
fn away() -> (Clinic, PathBuf) {
    let c = Clinic::ready();
    let backup = c.path("../backup.db");
    c.sql(&format!("VACUUM INTO '{}'", backup.display()));
    for file in ["prod.db", "prod.db-wal", "prod.db-shm"] {
        let _ = fs::remove_file(c.path("..").join(file));
    }
    c.edit("greenroom.toml", |t| t + "\n[quarantine]\npath = \"quarantine\"\nexpires_days = 0\n");
    (c, backup)
}

/// What the sqlite3 shell's `.dump` writes, near enough.
fn dump(path: &Path) -> String {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut out = String::from("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n");
    let list = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid";
    let tables: Vec<(String, String)> =
        db.prepare(list).unwrap().query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect();
    for (name, sql) in tables {
        out.push_str(&format!("{sql};\n"));
        let mut rows = db.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
        let width = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let value = |i| match row.get::<_, Value>(i).unwrap() {
                Value::Null => "NULL".to_owned(),
                Value::Integer(n) => n.to_string(),
                Value::Real(x) => x.to_string(),
                Value::Text(t) => format!("'{}'", t.replace('\'', "''")),
                Value::Blob(_) => panic!("no blobs here"),
            };
            out.push_str(&format!("INSERT INTO \"{name}\" VALUES({});\n", (0..width).map(value).collect::<Vec<_>>().join(",")));
        }
    }
    out + "COMMIT;\n"
}

/// Files in the quarantine.
fn left(c: &Clinic) -> Vec<String> {
    let Ok(entries) = fs::read_dir(c.path("quarantine")) else { return Vec::new() };
    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

fn text(c: &Clinic, arguments: &[&str]) -> (i32, String) {
    let (code, out, err) = c.raw(arguments);
    (code, out + &err)
}

#[test]
fn a_backup_becomes_a_pilot_while_production_is_away_and_nothing_raw_stays() {
    let (c, backup) = away();
    assert_eq!(c.raw(&["rehearse"]).0, 1, "production is away");
    let sql = c.path("../backup.sql");
    fs::write(&sql, dump(&backup)).unwrap();
    for (n, backup) in [&backup, &sql].into_iter().enumerate() {
        let (code, said) = text(&c, &["try", backup.to_str().unwrap(), "--yes"]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("production is not connected to") && said.contains("is dropped"), "{said}");
        assert_eq!(left(&c), Vec::<String>::new());
        assert!(!c.holds("klinika-raw.example.org"), "a raw value stays in the program's folder");
        let pilot = rusqlite::Connection::open(c.path("prod-pilot.db")).unwrap();
        let count = |sql: &str| pilot.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
        assert_eq!((count("SELECT count(*) FROM client"), count("SELECT count(*) FROM mail_queue")), (40, 0));
        drop(pilot);
        let runs = c.raw(&["runs"]).1;
        assert!(runs.contains(&format!("restore-{}", 2 * n + 1)) && runs.contains(&format!("rehearsal-{}", 2 * n + 2)), "{runs}");
    }
}

#[test]
fn nothing_is_restored_where_no_quarantine_is_declared() {
    let (c, backup) = away();
    c.edit("greenroom.toml", |t| t.split("\n[quarantine]").next().unwrap().to_owned());
    let (code, said) = text(&c, &["try", backup.to_str().unwrap(), "--yes"]);
    assert!(code == 1 && said.contains("GR0731") && said.contains("[quarantine]"), "{said}");
    assert!(!c.path("quarantine").exists());
}

#[test]
fn what_cannot_be_used_is_refused_in_plain_words_and_leaves_nothing() {
    let (c, backup) = away();
    let whole = fs::read(&backup).unwrap();
    let sql = dump(&backup);
    let mut damaged = whole.clone();
    for b in &mut damaged[4096..8192] {
        *b ^= 0x5a;
    }
    let postgres = "--\n-- PostgreSQL database dump\n--\nSELECT 1;\n--\n-- PostgreSQL database dump complete\n--\n";
    let bad: [(&str, Vec<u8>, &str); 11] = [
        ("empty", Vec::new(), "it is empty"),
        ("half.db", whole[..whole.len() / 2].to_vec(), "damaged or cut off"),
        ("damaged.db", damaged, "damaged or cut off"),
        ("cut.sql", sql.as_bytes()[..sql.len() / 2].to_vec(), "cut off"),
        ("rolled.sql", sql.replace("COMMIT;", "ROLLBACK; -- due to errors").into_bytes(), "the dump itself failed"),
        ("attach.sql", sql.replace("COMMIT;", "ATTACH 'other.db' AS o;\nCOMMIT;").into_bytes(), "reaches outside"),
        ("shell.sql", sql.replace("COMMIT;", ".shell touch pwned\nCOMMIT;").into_bytes(), "command of the sqlite3 shell"),
        ("pg.dump", b"PGDMP\x01\x0e\x00".to_vec(), "is a PostgreSQL archive (custom), and the program is for SQLite"),
        ("pg.sql", postgres.into(), "is a PostgreSQL dump (text), and the program is for SQLite"),
        ("packed.gz", b"\x1f\x8b\x08\x00".to_vec(), "packed (gzip)"),
        ("noise", vec![0x9a, 0x01, 0xfe, 0x33, 0x81, 0x92, 0xa7], "nothing that is known"),
    ];
    for (name, bytes, says) in bad {
        let path = c.path("..").join(name);
        fs::write(&path, bytes).unwrap();
        let (code, said) = text(&c, &["try", path.to_str().unwrap(), "--yes"]);
        assert!(matches!(code, 1 | 4) && said.contains(says), "{name}: exit {code}\n{said}");
        assert!(!said.contains("Grzęda") && !said.contains("klinika-raw"), "{name}: {said}");
        assert_eq!(left(&c), Vec::<String>::new(), "{name}");
        assert!(!c.raw(&["status"]).1.contains("raw copy"), "{name}");
    }
    for (path, says) in [(c.path("../nothing"), "there is no such file"), (c.path("packs"), "it is a folder")] {
        let (code, said) = text(&c, &["try", path.to_str().unwrap(), "--yes"]);
        assert!(code == 1 && said.contains(says), "{said}");
    }
    fs::write(c.path("../backup.db-wal"), "rows that are not in the file").unwrap();
    let (code, said) = text(&c, &["try", backup.to_str().unwrap(), "--yes"]);
    assert!(code == 4 && said.contains("lies beside it"), "{said}");
    assert_eq!(left(&c), Vec::<String>::new());
}

#[test]
fn a_raw_copy_that_is_kept_is_sealed_listed_read_again_and_over_in_time() {
    use std::os::unix::fs::PermissionsExt;
    let (c, backup) = away();
    c.edit("greenroom.toml", |t| t.replace("expires_days = 0", "expires_days = 2"));
    let (code, said) = text(&c, &["try", backup.to_str().unwrap(), "--yes", "--keep-raw"]);
    assert_eq!(code, 0, "{said}");
    let [file] = &left(&c)[..] else { panic!("{:?}", left(&c)) };
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(c.path("quarantine")), mode(c.path("quarantine").join(file))), (0o700, 0o600));
    let name = format!("quarantine/{file}");
    let status = c.raw(&["status"]).1;
    assert!(status.contains(&name) && status.contains("raw values in the quarantine, kept until"), "{status}");
    assert_eq!(text(&c, &["check", "--raw", &name]).0, 0);
    assert_eq!(text(&c, &["columns", "--raw", &name]).0, 0);
    assert!(text(&c, &["check", "--raw", "quarantine/other"]).1.contains("GR0733"));

    // The same backup again is not restored again; what was to be kept stays.
    let (code, said) = text(&c, &["try", backup.to_str().unwrap(), "--yes"]);
    assert!(code == 0 && said.contains("of this very backup stands already"), "{said}");
    assert_eq!(left(&c), std::slice::from_ref(file));
    assert!(text(&c, &["drop", "--expired"]).1.contains("nothing to drop"));
    let (code, said) = text(&c, &["drop", &name, "--yes"]);
    assert!(code == 0 && said.contains("dropped the raw copy"), "{said}");
    assert_eq!(left(&c), Vec::<String>::new());

    // One whose time is over goes with what is expired.
    c.edit("greenroom.toml", |t| t.replace("expires_days = 2", "expires_days = 0"));
    assert_eq!(text(&c, &["try", backup.to_str().unwrap(), "--yes", "--keep-raw"]).0, 0);
    assert_eq!(left(&c).len(), 1);
    assert!(c.raw(&["status"]).1.contains("time is over"));
    let (code, said) = text(&c, &["drop", "--expired"]);
    assert!(code == 0 && said.contains("dropped the raw copy"), "{said}");
    assert_eq!(left(&c), Vec::<String>::new());
}

#[test]
fn a_raw_copy_that_cannot_be_planned_over_goes_at_once() {
    let (c, backup) = away();
    c.edit("columns.toml", |t| t.replace("status", "# status"));
    let (code, said) = text(&c, &["try", backup.to_str().unwrap(), "--yes"]);
    assert!(code == 1 && said.contains("GR0201") && said.contains("is dropped"), "{said}");
    assert_eq!(left(&c), Vec::<String>::new());
}

#[test]
fn a_trial_killed_while_it_restores_is_listed_and_resumed_or_undone() {
    let (c, backup) = away();
    let sql = c.path("../large.sql");
    let rows: String =
        (1000..200_000).map(|i| format!("INSERT INTO \"mail_queue\" VALUES({i},'someone{i}@klinika-raw.example.org');\n")).collect();
    fs::write(&sql, dump(&backup).replace("COMMIT;", &format!("{rows}COMMIT;"))).unwrap();
    for undo in [true, false] {
        let run = Run::new(env!("CARGO_BIN_EXE_greenroom")).folder(&c.path("")).args(["try", sql.to_str().unwrap(), "--yes"]);
        let killed = run.kill_at_line(|l| l.starts_with("restore the backup") && l.ends_with('…'));
        assert_eq!(killed.signal, Some(9), "{}", killed.stderr);
        let status = c.raw(&["status"]).1;
        assert!(status.contains("half-restored raw copy"), "{status}");
        if undo {
            let (code, said) = text(&c, &["undo"]);
            assert_eq!(code, 0, "{said}");
        } else {
            let (code, said) = text(&c, &["resume"]);
            assert!(code == 0 && said.contains("the new generation stands"), "{said}");
        }
        assert_eq!(left(&c), Vec::<String>::new());
        assert!(!c.raw(&["status"]).1.contains("raw copy"));
        assert!(!c.holds("klinika-raw.example.org"));
    }
}
