//! The demo's program against the demo's database: what `greenroom check` would say, and the whole story.

use super::folder::Place;
use super::production::{self, Size};
use crate::templates::Template;
use greenroom_model::finding::{Finding, Severity};
use greenroom_runner::ports::Silent;
use greenroom_runner::session::{self, Session};
use std::path::Path;
use std::sync::{Arc, Mutex};

const SMALL: Size = Size { clients: 700, twice: 23 };

async fn findings(folder: &Path) -> Vec<Finding> {
    let project = session::read(folder).unwrap();
    assert!(project.findings.is_empty(), "{:#?}", project.findings);
    let session = Session::open(project.loaded.folder, project.program.unwrap(), Box::new(|_| None), Arc::new(Silent)).unwrap();
    let (survey, checked) = session.check().await.unwrap();
    assert_eq!(survey.product_version.as_deref(), Some("5.1.4"));
    assert_eq!(session.program.pinned, Some(survey.catalog.columns_fingerprint()), "pin {}", survey.catalog.columns_fingerprint());
    checked.findings
}

#[tokio::test]
async fn kit_and_program_cover_the_database_before_and_after_mending() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::take(folder.path().join("demo")).unwrap();
    production::make(&place.path("production/clinic.db"), SMALL).unwrap();
    place.write(super::files::KIT).unwrap();
    place.write(super::files::PROGRAM).unwrap();
    for mended in [false, true] {
        if mended {
            place.mend().unwrap();
        }
        let heavy: Vec<_> = findings(&place.path("clinic")).await.into_iter().filter(|f| f.severity >= Severity::Warning).collect();
        assert!(heavy.is_empty(), "{heavy:#?}");
    }
}

/// All files below a folder.
fn below(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { below(&path, found) } else { found.push(path) }
    }
}

/// Last names, mail addresses, telephone numbers and credentials that production holds, but for workers whose groups are exempt.
fn raw(production: &Path) -> Vec<String> {
    let c = rusqlite::Connection::open(production).unwrap();
    let exempt =
        "SELECT w.* FROM worker w JOIN user_group g ON g.id = w.group_id WHERE g.title IN ('System Admin', 'External Admin', 'ACSO')";
    let sql = format!(
        "WITH e AS ({exempt}), all_of_them(raw) AS (
           SELECT last_name FROM client UNION SELECT email FROM client UNION SELECT phone FROM client UNION SELECT insurance_no FROM client
           UNION SELECT last_name FROM worker UNION SELECT email FROM worker UNION SELECT mobile FROM worker
           UNION SELECT password FROM mail_account UNION SELECT api_key FROM rating_service UNION SELECT secret_key FROM card_processor
           UNION SELECT license_key FROM portal_product_key UNION SELECT password FROM ledger_link UNION SELECT \"Name, Vorname\" FROM x_import_2009)
         SELECT raw FROM all_of_them WHERE length(raw) >= 7
           AND raw NOT IN (SELECT last_name FROM e UNION SELECT email FROM e UNION SELECT mobile FROM e)"
    );
    let mut query = c.prepare(&sql).unwrap();
    query.query_map([], |r| r.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_goes_as_told_twice_and_leaves_nothing_raw() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let place = Place::take(folder.path().join("demo")).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let out: super::Out = told.clone();
        super::story::tell(&place, SMALL, &out).await.unwrap();
        let told = String::from_utf8(told.lock().unwrap().clone()).unwrap();
        for words in ["FAILED at `upgrade:003_file_number_once`", "23 clients stand in it twice", "PASSED: `rehearsal-2`"] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(!told.contains("RED"), "{told}");
        assert_eq!(told.matches("byte for byte what it was").count(), 2, "{told}");
    }
    let root = folder.path().join("demo");
    let raw = raw(&root.join("production/clinic.db"));
    assert!(raw.len() > 1500, "{}", raw.len());
    let mut files = Vec::new();
    below(&root.join("clinic"), &mut files);
    assert!(files.iter().any(|f| f.ends_with("pilot/clinic.db")) && files.iter().any(|f| f.ends_with(".greenroom/journal.db")));
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let found = raw.iter().filter(|r| text.contains(r.as_str())).count();
        assert_eq!(found, 0, "raw values in {}", file.display());
    }
}

/// Plays a template: what was told. On a stack as large as a program's own: commands nest deeper than in any single one.
fn played(template: Template) -> (tempfile::TempDir, String) {
    let play = move || {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::take(folder.path().join("demo")).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let out: super::Out = told.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let ended = runtime.block_on(super::play::tell(&place, template, SMALL, &out));
        let told = String::from_utf8(told.lock().unwrap().clone()).unwrap();
        ended.unwrap_or_else(|e| panic!("{e}: {told}"));
        (folder, told)
    };
    std::thread::Builder::new().stack_size(16 << 20).spawn(play).unwrap().join().unwrap()
}

/// Rows of REQUIREMENTS.md that the play shows, each with an event of the record.
fn shown(told: &str) -> Vec<String> {
    let list = told.split("record covered").nth(1).unwrap();
    let ids = list.lines().filter_map(|l| l.split_whitespace().next());
    ids.filter(|id| id.len() <= 3 && id.starts_with(|c: char| ('A'..='F').contains(&c)) && id[1..].parse::<u8>().is_ok())
        .map(str::to_owned)
        .collect()
}

/// Plays a template whose procedure has these rows.
fn plays(template: Template, rows: &[&str], words: &[&str]) -> tempfile::TempDir {
    let (folder, told) = played(template);
    let found = shown(&told);
    for row in rows {
        assert!(found.iter().any(|f| f == row), "{row}: {told}");
    }
    for words in words {
        assert!(told.contains(words), "{words}: {told}");
    }
    folder
}

#[test]
fn direct_sql_access_is_played_to_its_end() {
    let rows = ["A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12", "A13"];
    plays(Template::DirectSqlAccess, &rows, &["maria may not sign `request-approved`", "not received: images", "0 are missing"]);
}

#[test]
fn server_migration_is_played_to_its_end() {
    let rows = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8"];
    let folder = plays(Template::ServerMigration, &rows, &["comes after system-off, which is not done", "0 are missing"]);
    assert!(folder.path().join("demo/new-server/letters/05/letter-61.txt").exists(), "a letter of the last day came along");
}

#[test]
fn pilot_upgrade_is_played_to_its_end() {
    plays(Template::PilotUpgrade, &["C1", "C2", "C3", "C5"], &["OPEN (pilot or production)", "0 are missing"]);
}

#[test]
fn production_upgrade_is_played_to_its_end() {
    plays(Template::ProductionUpgrade, &["C4", "C5", "F2"], &["jan may not sign `approved`", "Run switch-3: undone", "0 are missing"]);
}

#[test]
fn audited_migration_is_played_to_its_end() {
    let rows = ["D1", "D2", "D3", "D4", "D5", "D6", "D7"];
    let words = [
        "4 weeks must pass: not before 2026-02-09",
        "the audit `audit-1` was concluded positive on 2026-02-09 15:00, and 2 days must pass",
        "`audit-1` cannot be concluded positive: not looked at: list of what has to be mended is handed over; blocking: audit-1/1 (open)",
        "piotr said that `audit-1/1` is mended, and cannot verify it",
        "to be verified of the audit before: audit-1/2 (open)",
        "not before 2026-03-04 00:00",
        "0 are missing",
    ];
    let folder = plays(Template::AuditedMigration, &rows, &words);
    // The record says that it is made up, whoever looks at it.
    let c = rusqlite::Connection::open(folder.path().join("demo/clinic/.greenroom/journal.db")).unwrap();
    let first: String = c.query_row("SELECT body FROM event ORDER BY seq LIMIT 1", [], |r| r.get(0)).unwrap();
    assert!(first.contains("\"simulated\":true"), "{first}");
}

#[test]
fn migration_database_is_played_to_its_end() {
    let rows = ["E1", "E2", "E3", "E4", "E5", "E6"];
    plays(
        Template::MigrationDatabase,
        &rows,
        &["`portals` is never switched on again", "its time was over", "`client.street_name` is kept, but looks like personal data"],
    );
}

/// Every template is a process that says nothing wrong, whatever program it stands beside.
#[test]
fn templates_are_processes_without_a_fault() {
    for template in Template::ALL {
        let layer = greenroom_model::program::Layer {
            name: "program".into(),
            files: [("process.toml".to_owned(), template.files().process.to_owned())].into(),
            ..Default::default()
        };
        let (process, findings) = greenroom_model::process::read(&[layer]);
        assert!(findings.is_empty(), "{}: {findings:#?}", template.name());
        assert!(process.is_some_and(|p| p.stages.len() >= 2), "{}", template.name());
    }
}
