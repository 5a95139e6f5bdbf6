//! The journal's file: old journals replay for ever, a changed one is found out at the first event that does not fit, a predecessor can
//! write nothing, and what is personal can be erased.
#![allow(clippy::unwrap_used, reason = "tests")]

use greenroom_model::run::{Body, Phase, RunId, Stored, decode_all, event_hash};
use greenroom_runner::journal::{Actor, AppendError, Journal, Lease, Projection, ReplayError, SqliteJournal};
use greenroom_runner::ports::{SystemClock, SystemRandom};
use proptest::prelude::*;
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Arc;

/// Journals as earlier versions wrote them, event by event. Files are added, never changed.
const GOLDEN: [(&str, &str); 1] = [("0001", include_str!("journals/0001.jsonl"))];

fn open(path: &Path) -> SqliteJournal {
    SqliteJournal::open(path, Arc::new(SystemClock::default()), Arc::new(SystemRandom)).unwrap()
}

/// A journal file with the events of a golden journal.
fn golden(folder: &Path, lines: &str) -> std::path::PathBuf {
    let path = folder.join("journal.db");
    drop(open(&path));
    let db = Connection::open(&path).unwrap();
    for line in lines.lines() {
        let e: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |k: &str| e[k].as_str().map(str::to_owned);
        db.execute(
            "insert into event (seq, run, epoch, at, personal, prev, body, hash) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                e["seq"].as_i64(),
                text("run"),
                e["epoch"].as_i64(),
                text("at"),
                text("personal"),
                text("prev"),
                text("body"),
                text("hash")
            ],
        )
        .unwrap();
    }
    path
}

#[test]
fn old_journals_replay() {
    for (name, lines) in GOLDEN {
        let folder = tempfile::tempdir().unwrap();
        let events = open(&golden(folder.path(), lines)).replay().unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(events.len(), lines.lines().count(), "{name}");
        let projection = Projection::of(&events).unwrap_or_else(|e| panic!("{name}: {e}"));
        let phases: Vec<Phase> = projection.runs.iter().map(|r| r.phase.clone()).collect();
        assert_eq!(phases, [Phase::Undone, Phase::Finished], "{name}");
        assert_eq!(projection.admissions.len(), 2, "{name}");
        assert!(projection.runs[1].swapped(), "{name}");
    }
}

#[test]
fn a_change_to_any_event_is_found_at_that_event() {
    let folder = tempfile::tempdir().unwrap();
    let path = golden(folder.path(), GOLDEN[0].1);
    let count = GOLDEN[0].1.lines().count();
    let db = Connection::open(&path).unwrap();
    for seq in 1..=i64::try_from(count).unwrap() {
        for column in ["at", "body", "personal", "run", "epoch"] {
            let changed = match column {
                "at" => "substr(at, 1, 18) || case substr(at, 19, 1) when '0' then '1' else '0' end || substr(at, 20)".to_owned(),
                "body" => "json_set(body, '$.planted', 1)".to_owned(),
                "personal" => "json_insert(personal, '$[#]', hash)".to_owned(),
                "run" => "coalesce(run, '') || 'x'".to_owned(),
                _ => "epoch + 1".to_owned(),
            };
            let before: rusqlite::types::Value =
                db.query_row(&format!("select {column} from event where seq = ?1"), [seq], |r| r.get(0)).unwrap();
            db.execute(&format!("update event set {column} = {changed} where seq = ?1"), [seq]).unwrap();
            match open(&path).replay() {
                Err(ReplayError::Broken { seq: found, .. }) => assert_eq!(i64::try_from(found).unwrap(), seq, "{column}"),
                other => panic!("a changed {column} of event {seq} went unnoticed: {:?}", other.map(|e| e.len())),
            }
            db.execute(&format!("update event set {column} = ?2 where seq = ?1"), params![seq, before]).unwrap();
        }
    }
    assert_eq!(open(&path).replay().unwrap().len(), count, "everything was put back");
}

#[test]
fn a_removed_event_is_found_unless_it_was_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = golden(folder.path(), GOLDEN[0].1);
    let count = GOLDEN[0].1.lines().count();
    let db = Connection::open(&path).unwrap();
    db.execute("delete from event where seq = ?1", [i64::try_from(count).unwrap()]).unwrap();
    assert_eq!(open(&path).replay().unwrap().len(), count - 1, "a torn tail is a shorter journal; signed heads will tell");
    db.execute("delete from event where seq = 5", []).unwrap();
    assert!(matches!(open(&path).replay(), Err(ReplayError::Broken { seq: 5, .. })));
}

#[test]
fn a_predecessor_can_write_nothing_after_a_takeover() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let (mut first, mut second) = (open(&path), open(&path));
    let lease = |epoch| Lease { run: RunId("r".into()), epoch };
    first.append(Some(&lease(1)), None, Body::LeaseTaken { owner: "first".into() }).unwrap();
    second.append(Some(&lease(2)), None, Body::LeaseTaken { owner: "second".into() }).unwrap();
    assert!(matches!(first.append(Some(&lease(1)), None, Body::SnapshotHeld), Err(AppendError::LeaseLost { ours: 1, theirs: 2, .. })));
    // Whoever writes for the workspace, a sign-off say, needs no lease while the run goes on.
    first.append(None, None, Body::Sealed { pilot: "p".into() }).unwrap();
    second.append(Some(&lease(2)), None, Body::SnapshotHeld).unwrap();
    assert_eq!(first.replay().unwrap().len(), 4);
}

#[test]
fn persons_can_be_erased_without_breaking_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut journal = open(&path);
    let actor = Actor { os_user: "anna.nowak".into(), words: None };
    let event = journal.append(None, Some(&actor), Body::Sealed { pilot: "p".into() }).unwrap();
    assert_eq!(journal.actors().unwrap().get(&event.personal[0]), Some(&actor));
    let db = Connection::open(&path).unwrap();
    db.execute("delete from personal", []).unwrap();
    let events = journal.replay().unwrap();
    assert_eq!(events.len(), 1);
    assert!(journal.actors().unwrap().is_empty());
    assert!(!serde_json::to_string(&events).unwrap().contains("anna"), "the chain itself holds only a commitment");
}

#[test]
fn a_journal_of_a_newer_greenroom_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    drop(open(&path));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = SqliteJournal::open(&path, Arc::new(SystemClock::default()), Arc::new(SystemRandom));
    assert!(matches!(refused, Err(ReplayError::Storage(why)) if why.contains("newer")));
}

#[test]
fn a_file_that_is_no_journal_is_an_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    std::fs::write(&path, "not a database, but long enough to look like one".repeat(100)).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(SqliteJournal::open(&path, Arc::new(SystemClock::default()), Arc::new(SystemRandom)).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// The golden journal as it is stored.
fn stored() -> Vec<Stored> {
    GOLDEN[0].1.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_decoder_reads_the_golden_journal() {
    assert_eq!(decode_all(&stored()).unwrap().len(), GOLDEN[0].1.lines().count());
}

/// Changes one field of an event; false where the change would change nothing.
fn change(event: &mut Stored, field: usize, text: &str, number: i64) -> bool {
    let before = event.clone();
    match field {
        0 => event.seq = number,
        1 => event.run = (number % 3 != 0).then(|| text.to_owned()),
        2 => event.epoch = number,
        3 => event.at = text.to_owned(),
        4 => event.personal = text.to_owned(),
        5 => event.prev = text.to_owned(),
        6 => event.body = text.to_owned(),
        _ => event.hash = text.to_owned(),
    }
    *event != before
}

/// Texts that come near to what belongs into a field, and texts that do not.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("[]".to_owned()),
        Just("null".to_owned()),
        Just("2026-11-22T09:23:16Z".to_owned()),
        Just("0".repeat(64)),
        Just("A".repeat(64)),
        Just("{\"event\":\"snapshot_held\"}".to_owned()),
        Just("[".repeat(5000)),
        "\\PC{0,80}",
        "[0-9a-f]{64}",
        any::<Vec<u8>>().prop_map(|b| String::from_utf8_lossy(&b).into_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn an_altered_event_never_replays(seq in 0usize..80, field in 0usize..8, text in texts(), number in prop_oneof![Just(0), Just(-1), -5i64..90, any::<i64>()]) {
        let mut all = stored();
        let seq = seq % all.len();
        if change(&mut all[seq], field, &text, number) {
            let broken = decode_all(&all);
            prop_assert!(broken.is_err(), "field {field} of event {} was changed, and nobody noticed", seq + 1);
        }
    }

    #[test]
    fn events_moved_doubled_or_taken_out_of_another_place_never_replay(from in 0usize..80, to in 0usize..80, how in 0usize..3) {
        let mut all = stored();
        let (from, to) = (from % all.len(), to % all.len());
        match how {
            0 => all.swap(from, to),
            1 => { let event = all[from].clone(); all.insert(to, event); }
            // The end may be missing: a torn tail is a shorter journal.
            _ => { all.remove(from.min(to).min(all.len() - 2)); }
        }
        if how != 0 || from != to {
            prop_assert!(decode_all(&all).is_err());
        }
    }

    #[test]
    fn what_is_no_event_is_an_error_and_no_panic(rows in prop::collection::vec((any::<i64>(), prop::option::of(texts()), any::<i64>(), prop::array::uniform5(texts())), 1..4)) {
        let rows: Vec<Stored> = rows.into_iter().map(|(seq, run, epoch, [at, personal, prev, body, hash])| Stored { seq, run, epoch, at, personal, prev, body, hash }).collect();
        prop_assert!(decode_all(&rows).is_err());
    }

    #[test]
    fn any_text_is_read_as_a_body_without_panic(body in texts(), rehash in any::<bool>()) {
        let mut event = stored()[0].clone();
        event.body = body;
        if rehash {
            // Whoever can write the file can also write the hash; then the content alone decides, and state must not panic either.
            let hash = event_hash(1, None, 0, &event.at, &event.personal, greenroom_model::hash::Hash::ZERO, &event.body);
            event.hash = hash.to_string();
        }
        if let Ok(events) = decode_all(&[event]) {
            let _ = Projection::of(&events);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_in_place_of_an_event_are_an_error_and_no_panic(body in "\\PC{0,80}", seq in 1i64..80) {
        let folder = tempfile::tempdir().unwrap();
        let path = golden(folder.path(), GOLDEN[0].1);
        Connection::open(&path).unwrap().execute("update event set body = ?1 where seq = ?2", params![body, seq]).unwrap();
        prop_assert!(open(&path).replay().is_err());
    }
}
