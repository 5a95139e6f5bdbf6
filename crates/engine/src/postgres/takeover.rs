//! Sessions of processes that are dead: a server notices the death of a client only when it next writes to it, which may be hours into an
//! index build, with locks and the old snapshot held all along (P30).
//!
//! Owns naming our sessions and ending those of a dead process. Whose process is dead is the caller's knowledge.

use super::connect::{Server, Session, application};
use super::error::Doing;
use crate::error::Result;
use std::time::Duration;

/// How long ended sessions are waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Gives this session and those opened from now on the owner's name.
pub(crate) async fn introduce(server: &mut Server, session: &Session, owner: &str) -> Result<()> {
    server.application = application(owner);
    let sql = "select pg_catalog.set_config('application_name', $1, false)";
    session.client.query_one(sql, &[&server.application]).await.doing("name the session").map(drop)
}

/// Ends the sessions of these owners, whole names compared, and waits until they are gone. Those that may not be ended are left.
pub(crate) async fn end_sessions_of(session: &Session, owners: &[String]) -> Result<u32> {
    let names: Vec<String> = owners.iter().map(|o| application(o)).collect();
    let doing = "end the sessions of a process that is gone";
    let find = "select pid from pg_catalog.pg_stat_activity where application_name = any($1) and pid <> pg_catalog.pg_backend_pid()";
    let mut ended = 0;
    let began = std::time::Instant::now();
    for round in 0.. {
        let pids: Vec<i32> = session.client.query(find, &[&names]).await.doing(doing)?.iter().map(|row| row.get(0)).collect();
        if round == 0 {
            ended = u32::try_from(pids.len()).unwrap_or(u32::MAX);
            for pid in &pids {
                // One by one: a session that may not be ended must not spare the others.
                let _ = session.client.execute("select pg_catalog.pg_terminate_backend($1)", &[pid]).await;
            }
        }
        if pids.is_empty() || began.elapsed() > PATIENCE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(ended)
}
