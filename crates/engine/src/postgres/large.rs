//! Large objects: listing, reading and writing them in pieces. pg_dump's `--schema-only` leaves them out (P41).

use super::connect::Session;
use super::error::Doing;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::LargeObject;

/// The next large objects after an id, at most a thousand.
pub(crate) async fn list(session: &Session, after: Option<u32>) -> Result<Vec<LargeObject>> {
    let after = after.unwrap_or(0);
    // The last page's number gives the size without reading the pages before; `lo_put` keeps holes.
    let rows = session
        .client
        .query("select m.oid from pg_catalog.pg_largeobject_metadata m where m.oid > $1 order by m.oid limit 1000", &[&after])
        .await
        .doing("list the large objects")?;
    Ok(rows.iter().map(|row| LargeObject { id: row.get(0) }).collect())
}

/// A piece of a large object; empty behind its end.
pub(crate) async fn piece(session: &Session, id: u32, offset: u64, most: u32) -> Result<Vec<u8>> {
    let doing = || format!("read large object {id}");
    let offset = i64::try_from(offset).map_err(|_| EngineError::other(doing(), "the offset is out of range"))?;
    let most = i32::try_from(most).map_err(|_| EngineError::other(doing(), "the piece is too large"))?;
    let row = session.client.query_one("select pg_catalog.lo_get($1, $2, $3)", &[&id, &offset, &most]).await.doing(doing())?;
    Ok(row.get(0))
}

/// Writes a piece; the first one creates the object with its id.
pub(crate) async fn put(session: &Session, id: u32, offset: u64, data: &[u8]) -> Result<()> {
    let doing = || format!("write large object {id}");
    let offset = i64::try_from(offset).map_err(|_| EngineError::other(doing(), "the offset is out of range"))?;
    session
        .client
        .execute(
            "select pg_catalog.lo_create($1) where not exists (select 1 from pg_catalog.pg_largeobject_metadata where oid = $1)",
            &[&id],
        )
        .await
        .doing(doing())?;
    if data.is_empty() {
        return Ok(());
    }
    session.client.execute("select pg_catalog.lo_put($1, $2, $3)", &[&id, &offset, &data]).await.map(drop).map_err(|e| {
        let mut e = super::error::mapped(&e, doing());
        if e.kind == ErrorKind::Other {
            e.kind = ErrorKind::Data;
        }
        e
    })
}
