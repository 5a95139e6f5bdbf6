//! The demo's program against the demo's database: what `greenroom check` would say, and the whole story.

use super::folder::Place;
use super::production::{self, Size};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_move_is_refused_once_and_then_stays() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::take(folder.path().join("demo")).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let out: super::Out = told.clone();
    let ended = super::migration::tell(&place, SMALL, &out).await;
    let told = String::from_utf8(told.lock().unwrap().clone()).unwrap();
    ended.unwrap_or_else(|e| panic!("{e}: {told}"));
    for words in [
        "UNDONE: people work on the old server",
        "1 were copied now, 1 had gone",
        "DONE: people work on the new server",
        "stored, 0 are missing",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(place.path("new-server/letters/05/letter-401.txt").exists() && !place.path("new-server/letters/01/letter-1.txt").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_go_live_is_refused_once_and_then_stays() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::take(folder.path().join("demo")).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let out: super::Out = told.clone();
    let ended = super::golive::tell(&place, SMALL, &out).await;
    let told = String::from_utf8(told.lock().unwrap().clone()).unwrap();
    ended.unwrap_or_else(|e| panic!("{e}: {told}"));
    for words in ["UNDONE: production has its name back", "DONE: users work in version 5.2.0", "stored, 0 are missing"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
