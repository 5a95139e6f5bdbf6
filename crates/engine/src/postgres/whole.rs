//! A second database of one that stands, made by the server itself (`CREATE DATABASE … TEMPLATE`): everything that is in it, as it is. Owns making it, and stopping
//! that. Settings of the
//! database and of roles in it, which the server keeps outside of it, are given to the copy; who may connect is not.

use super::connect::{Purpose, Session};
use super::error::{Doing, mapped};
use super::target::PgTarget;
use super::{fence, marker, sql, swap};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::Marker;
use std::time::{Duration, Instant};

/// How long a copy that was stopped is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks the server to stop what a session does, unless that has ended.
struct Stop(Option<tokio_postgres::CancelToken>);

impl Drop for Stop {
    fn drop(&mut self) {
        let (Some(token), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) else { return };
        // The session goes with us; the server notices that only when it is done. Where this does not arrive (over TLS), `stop` follows.
        runtime.spawn(async move {
            let _ = token.cancel_query(tokio_postgres::NoTls).await;
        });
    }
}

/// The statement that makes `to`; nobody can enter it before it bears its marker.
fn creation(from: &str, to: &str) -> String {
    format!("{}{} allow_connections false", beginning(to), sql::ident(from))
}

fn beginning(to: &str) -> String {
    format!("create database {} template ", sql::ident(to))
}

/// Makes `to` of `from`, sealed and marked. Repeatable.
pub(super) async fn copy(target: &PgTarget, from: &str, to: &str, marker: &Marker) -> Result<()> {
    let doing = || format!("make a second copy of `{from}`");
    stop(&target.session, to).await?;
    match marker::find(&target.session, to).await? {
        None => {}
        Some(row) if row.marker.as_ref() == Some(marker) => return Ok(()),
        // The server makes it whole or not at all; what lacks the marker is made anew.
        Some(row) if row.marker.is_none() && row.closed && to.contains(&marker.nonce) => {
            target.session.client.batch_execute(&format!("drop database {}", sql::ident(to))).await.doing(doing())?;
        }
        Some(_) => return Err(EngineError::new(ErrorKind::Conflict, doing(), format!("a database `{to}` stands there already"))),
    }
    swap::end_sessions(&target.session, &[from]).await?;
    let session = target.server.open(&target.server.database, Purpose::Catalog).await?;
    let mut guard = Stop(Some(session.client.cancel_token()));
    let created = session.client.batch_execute(&creation(from, to)).await;
    guard.0 = None;
    session.close().await;
    created.doing(doing())?;
    let database = sql::ident(to);
    let mut statements = vec!["begin".to_owned(), marker::statement(to, marker), format!("revoke all on database {database} from public")];
    // What the server keeps outside of the database.
    statements.extend(fence::settings(&target.session, from, &database).await?);
    statements.extend([format!("alter database {database} allow_connections true"), "commit".to_owned()]);
    if let Err(e) = target.session.client.batch_execute(&statements.join("; ")).await {
        let _ = target.session.client.batch_execute("rollback").await;
        return Err(mapped(&e, doing()));
    }
    Ok(())
}

/// Ends a copy that the server still makes though nobody waits for it any more, and waits until it is gone: until then its name is neither there nor free, and
/// what it is made of cannot be entered.
pub(super) async fn stop(session: &Session, to: &str) -> Result<()> {
    let doing = || format!("end the copying into `{to}`");
    let find = "select pid from pg_catalog.pg_stat_activity \
                where pg_catalog.left(query, pg_catalog.length($1)) = $1 and state = 'active' and pid <> pg_catalog.pg_backend_pid()";
    let began = Instant::now();
    loop {
        let pids: Vec<i32> = session.client.query(find, &[&beginning(to)]).await.doing(doing())?.iter().map(|row| row.get(0)).collect();
        if pids.is_empty() {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(EngineError::new(ErrorKind::Transient, doing(), "the server has not ended it yet").hint("try again in a while"));
        }
        for pid in pids {
            let _ = session.client.execute("select pg_catalog.pg_terminate_backend($1)", &[&pid]).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
