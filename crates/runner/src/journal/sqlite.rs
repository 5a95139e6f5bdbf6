//! The journal in a SQLite file (WAL, `synchronous=FULL`: an append that returned survives a crash of the machine).

use super::{Actor, AppendError, Journal, Lease, ReplayError, commitment, seal};
use crate::ports::{Clock, Random};
use greenroom_model::hash::Hash;
use greenroom_model::run::{Body, Event, Stored, check_chain};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Format of the file; a newer one is refused.
const FORMAT: i64 = 1;

const SCHEMA: &str = "
create table if not exists event (
  seq integer primary key, run text, epoch integer not null, at text not null,
  personal text not null, prev text not null, body text not null, hash text not null) strict;
create table if not exists lease (run text primary key, epoch integer not null) strict, without rowid;
create table if not exists personal (commitment text primary key, salt blob not null, data text not null) strict, without rowid;
";

/// A journal in a file. Several processes may have it open.
pub struct SqliteJournal {
    pub(super) db: Connection,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl SqliteJournal {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// When it cannot be opened, is no journal, or was written by a newer Greenroom.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<SqliteJournal, ReplayError> {
        let storage = |e: rusqlite::Error| ReplayError::Storage(format!("{}: {e}", path.display()));
        let db = Connection::open(path).map_err(storage)?;
        db.busy_timeout(std::time::Duration::from_secs(30)).map_err(storage)?;
        let format: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0)).map_err(storage)?;
        if format > FORMAT {
            return Err(ReplayError::Storage(format!(
                "{} has format {format}, this Greenroom knows {FORMAT}: use the newer Greenroom that wrote it",
                path.display()
            )));
        }
        db.pragma_update(None, "journal_mode", "WAL").map_err(storage)?;
        db.pragma_update(None, "synchronous", "FULL").map_err(storage)?;
        // What is erased about people is overwritten, not only forgotten.
        db.pragma_update(None, "secure_delete", "ON").map_err(storage)?;
        db.execute_batch(SCHEMA).map_err(storage)?;
        db.pragma_update(None, "user_version", FORMAT).map_err(storage)?;
        Ok(SqliteJournal { db, clock, random })
    }

    /// Appends an event. `erased`: commitments whose entries go in the same transaction.
    pub(super) fn insert(
        &mut self,
        lease: Option<&Lease>,
        actor: Option<&Actor>,
        body: Body,
        erased: &[Hash],
    ) -> Result<Result<Event, AppendError>, rusqlite::Error> {
        let at = self.clock.now();
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(l) = lease {
            let latest: Option<i64> = tx.query_row("select epoch from lease where run = ?1", [&l.run.0], |r| r.get(0)).optional()?;
            let latest = latest.and_then(|e| u64::try_from(e).ok()).unwrap_or(0);
            let taking = matches!(body, Body::LeaseTaken { .. });
            if (taking && l.epoch <= latest) || (!taking && l.epoch != latest) {
                return Ok(Err(AppendError::LeaseLost { run: l.run.clone(), ours: l.epoch, theirs: latest }));
            }
            if taking {
                tx.execute(
                    "insert into lease values (?1, ?2) on conflict (run) do update set epoch = excluded.epoch",
                    params![l.run.0, i64::try_from(l.epoch).unwrap_or(i64::MAX)],
                )?;
            }
        }
        for commitment in erased {
            tx.execute("delete from personal where commitment = ?1", [commitment.to_string()])?;
        }
        let mut personal = Vec::new();
        if let Some(a) = actor {
            let data = serde_json::to_string(a).unwrap_or_default();
            let salt = self.random.key();
            let c = commitment(&salt, &data);
            tx.execute("insert into personal values (?1, ?2, ?3)", params![c.to_string(), &salt[..], data])?;
            personal.push(c);
        }
        let last: Option<(i64, String)> =
            tx.query_row("select seq, hash from event order by seq desc limit 1", [], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        let (seq, prev) = match last {
            None => (1, Hash::ZERO),
            Some((s, h)) => match Hash::parse(&h) {
                Some(h) => (u64::try_from(s).unwrap_or(0) + 1, h),
                None => return Ok(Err(AppendError::Storage(format!("event {s} has no readable hash")))),
            },
        };
        let (event, personal, body) = seal(seq, lease, at, personal, prev, body);
        tx.execute(
            "insert into event values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                i64::try_from(event.seq).unwrap_or(i64::MAX),
                event.run.as_ref().map(|r| &r.0),
                i64::try_from(event.epoch).unwrap_or(i64::MAX),
                event.at.to_string(),
                personal,
                event.prev.to_string(),
                body,
                event.hash.to_string(),
            ],
        )?;
        tx.commit()?;
        Ok(Ok(event))
    }
}

impl SqliteJournal {
    /// Number and hash of the latest event: whoever has replayed up to it has nothing new to read. None where there is no event.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn tip(&self) -> Result<Option<(i64, String)>, ReplayError> {
        let storage = |e: rusqlite::Error| ReplayError::Storage(e.to_string());
        let mut statement = self.db.prepare("select seq, hash from event order by seq desc limit 1").map_err(storage)?;
        let mut rows = statement.query([]).map_err(storage)?;
        match rows.next().map_err(storage)? {
            Some(row) => Ok(Some((row.get(0).map_err(storage)?, row.get(1).map_err(storage)?))),
            None => Ok(None),
        }
    }
}

/// Events below which one thread decodes all of them.
const FEW: usize = 2_000;

/// Decodes events; many of them on as many threads as the machine has. The first that cannot be decoded is the error.
fn decoded(stored: &[Stored]) -> Result<Vec<Event>, ReplayError> {
    let decode = |part: &[Stored]| part.iter().map(Stored::decode).collect::<Result<Vec<_>, _>>();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if stored.len() < FEW || threads < 2 {
        return Ok(decode(stored)?);
    }
    let parts: Vec<_> = std::thread::scope(|scope| {
        let begun: Vec<_> = stored.chunks(stored.len().div_ceil(threads)).map(|part| scope.spawn(move || decode(part))).collect();
        begun.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut events = Vec::with_capacity(stored.len());
    for part in parts {
        events.extend(part?);
    }
    Ok(events)
}

impl Journal for SqliteJournal {
    fn append(&mut self, lease: Option<&Lease>, actor: Option<&Actor>, body: Body) -> Result<Event, AppendError> {
        self.insert(lease, actor, body, &[]).map_err(|e| AppendError::Storage(e.to_string()))?
    }

    fn replay(&self) -> Result<Vec<Event>, ReplayError> {
        let events = decoded(&self.stored()?)?;
        check_chain(&events)?;
        crate::proof::signatures(&events)?;
        Ok(events)
    }

    fn actors(&self) -> Result<BTreeMap<Hash, Actor>, ReplayError> {
        let storage = |e: rusqlite::Error| ReplayError::Storage(e.to_string());
        let mut statement = self.db.prepare("select commitment, salt, data from personal").map_err(storage)?;
        let rows =
            statement.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, Vec<u8>>(1)?, r.get::<_, String>(2)?))).map_err(storage)?;
        let mut actors = BTreeMap::new();
        for row in rows {
            let (c, salt, data) = row.map_err(storage)?;
            // What does not match its commitment was changed; it counts as erased.
            if let (Some(c), Ok(actor)) = (Hash::parse(&c), serde_json::from_str(&data))
                && commitment(&salt, &data) == c
            {
                actors.insert(c, actor);
            }
        }
        Ok(actors)
    }
}
