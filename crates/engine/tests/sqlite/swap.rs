//! The swap, its cuts, and who stands in its way.

use crate::stage::*;
use greenroom_engine::*;

fn names(former: Option<&str>) -> Swap {
    Swap { generation: "build.db".into(), pilot: "pilot.db".into(), former: former.map(str::to_owned) }
}

/// What `SELECT a FROM who` says under each name that is there.
fn standing(stage: &Stage) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for name in ["build.db", "former.db", "pilot.db"] {
        if stage.path(name).exists() {
            out.push((name.to_owned(), stage.connect(name).query_row("SELECT a FROM who", [], |r| r.get(0)).unwrap()));
        }
    }
    out
}

async fn prepared(pilot: bool) -> Stage {
    let stage = Stage::new("CREATE TABLE who(a)");
    let make = |name: &str| {
        let sql = format!(
            "PRAGMA journal_mode=WAL; CREATE TABLE who(a); INSERT INTO who VALUES('was {name}');
             CREATE TABLE greenroom_marker(program, generation, nonce, state); INSERT INTO greenroom_marker VALUES('clinic', 1, '{name}', 'pilot')"
        );
        stage.connect(name).execute_batch(&sql).unwrap();
    };
    make("build.db");
    if pilot {
        make("pilot.db");
    }
    stage
}

fn expected(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(n, w)| ((*n).to_owned(), format!("was {w}"))).collect()
}

#[tokio::test]
async fn a_first_pilot_takes_its_free_name_and_a_second_call_changes_nothing() {
    for former in [None, Some("former.db")] {
        let stage = prepared(false).await;
        let mut target = stage.target().await;
        for _ in 0..2 {
            target.swap(&names(former)).await.unwrap();
            assert_eq!(standing(&stage), expected(&[("pilot.db", "build.db")]));
        }
        assert!(!stage.path("build.db-wal").exists() && !stage.path("build.db-shm").exists());
    }
}

#[tokio::test]
async fn the_present_pilot_becomes_the_former_one_at_whatever_cut_the_swap_is_resumed() {
    let done = expected(&[("former.db", "pilot.db"), ("pilot.db", "build.db")]);
    for cut in 0..5 {
        let stage = prepared(true).await;
        let path = |n| stage.path(n);
        // What each kill leaves behind.
        for name in ["build.db", "pilot.db"].iter().take(if cut > 0 { 2 } else { 0 }) {
            stage.connect(name).execute_batch("PRAGMA journal_mode=DELETE").unwrap();
        }
        match cut {
            1 => std::fs::hard_link(path("pilot.db"), path("former.db")).unwrap(),
            2 => {
                std::fs::hard_link(path("pilot.db"), path("former.db")).unwrap();
                std::fs::rename(path("build.db"), path("pilot.db")).unwrap();
            }
            // Without hard links: after the first rename, and within the second.
            3 => std::fs::rename(path("pilot.db"), path("former.db")).unwrap(),
            4 => {
                std::fs::rename(path("pilot.db"), path("former.db")).unwrap();
                std::fs::hard_link(path("build.db"), path("pilot.db")).unwrap();
            }
            _ => {}
        }
        let mut target = stage.target().await;
        target.swap(&names(Some("former.db"))).await.unwrap();
        assert_eq!(standing(&stage), done, "cut {cut}");
        target.swap(&names(Some("former.db"))).await.unwrap();
        assert_eq!(standing(&stage), done, "cut {cut}, again");
    }
}

#[tokio::test]
async fn nothing_is_replaced_that_was_not_named() {
    let stage = prepared(true).await;
    let mut target = stage.target().await;
    let before = standing(&stage);
    assert_eq!(target.swap(&names(None)).await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(standing(&stage), before);
    stage.connect("former.db").execute_batch("CREATE TABLE who(a); INSERT INTO who VALUES('older')").unwrap();
    let before = standing(&stage);
    assert_eq!(target.swap(&names(Some("former.db"))).await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(standing(&stage), before);
    std::fs::remove_file(stage.path("former.db")).unwrap();
    std::fs::write(stage.path("former.db-journal"), b"left over").unwrap();
    let e = target.swap(&names(Some("former.db"))).await.unwrap_err();
    assert!(e.message.contains("former.db-journal"), "{e}");
    assert!(target.swap(&Swap { generation: "no.db".into(), pilot: "where.db".into(), former: None }).await.is_err());
}

#[tokio::test]
async fn an_open_handle_in_wal_mode_stops_the_swap_until_it_closes() {
    let stage = prepared(true).await;
    let mut target = stage.target().await;
    let user = stage.connect("pilot.db");
    user.execute_batch("INSERT INTO who VALUES('acknowledged')").unwrap();
    let before = standing(&stage);
    let e = target.swap(&names(Some("former.db"))).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::Transient);
    assert!(e.hint.as_deref().is_some_and(|h| h.contains("fuser")));
    assert_eq!(standing(&stage), before);
    // It closes while the swap waits.
    let closing = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(500));
        drop(user);
    });
    target.swap(&names(Some("former.db"))).await.unwrap();
    closing.join().unwrap();
    let n: i64 = stage.connect("former.db").query_row("SELECT count(*) FROM who", [], |r| r.get(0)).unwrap();
    assert_eq!(n, 2, "the acknowledged row is in the former pilot");
}

#[tokio::test]
async fn a_handle_left_idle_in_rollback_mode_cannot_write_to_either_file_afterwards() {
    let stage = prepared(true).await;
    stage.connect("pilot.db").execute_batch("PRAGMA journal_mode=DELETE").unwrap();
    let user = stage.connect("pilot.db");
    user.query_row("SELECT a FROM who", [], |_| Ok(())).unwrap();
    stage.target().await.swap(&names(Some("former.db"))).await.unwrap();
    assert!(user.execute("INSERT INTO who VALUES('late')", []).is_err());
    assert!(!stage.path("pilot.db-journal").exists());
    assert_eq!(standing(&stage), expected(&[("former.db", "pilot.db"), ("pilot.db", "build.db")]));
}
