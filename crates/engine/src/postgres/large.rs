//! Large objects: listing, reading and writing them in pieces. pg_dump's `--schema-only` leaves them out (P41).

use super::connect::Session;
use super::error::Doing;
use super::sql;
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Generation, LargeObject};

/// Bytes that are read or written at once.
const PIECE: u32 = 4 * 1024 * 1024;

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

/// Digests of all large objects, made by the server piece by piece.
pub(crate) async fn digests(session: &Session) -> Result<Vec<(u32, String)>> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let some = list(session, after).await?;
        let Some(last) = some.last() else { return Ok(all) };
        after = Some(last.id);
        for object in some {
            let mut whole = blake3::Hasher::new();
            let mut offset = 0u64;
            loop {
                let doing = || format!("read large object {}", object.id);
                let at = i64::try_from(offset).map_err(|_| EngineError::other(doing(), "the offset is out of range"))?;
                let most = i32::try_from(PIECE).map_err(|_| EngineError::other(doing(), "the piece is too large"))?;
                let query =
                    "select pg_catalog.md5(p.b), pg_catalog.octet_length(p.b) from (select pg_catalog.lo_get($1, $2, $3) as b) as p";
                let row = session.client.query_one(query, &[&object.id, &at, &most]).await.doing(doing())?;
                let (digest, length): (String, i32) = (row.get(0), row.get(1));
                let length = u32::try_from(length).unwrap_or(0);
                whole.update(digest.as_bytes());
                if length < PIECE {
                    whole.update(&length.to_le_bytes());
                    break;
                }
                offset += u64::from(PIECE);
            }
            all.push((object.id, whole.finalize().to_hex().to_string()));
        }
    }
}

/// Statements that give a large object of this number the owner and the rights that it has here.
pub(crate) async fn rights(session: &Session, id: u32) -> Result<Vec<String>> {
    let doing = format!("read the rights of large object {id}");
    let owner =
        "select pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(lomowner)) from pg_catalog.pg_largeobject_metadata where oid = $1";
    let Some(row) = session.client.query_opt(owner, &[&id]).await.doing(&doing)? else { return Ok(Vec::new()) };
    let mut statements = vec![format!("alter large object {id} owner to {}", row.get::<_, String>(0))];
    let granted = "select a.privilege_type, case a.grantee when 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end, a.is_grantable \
         from pg_catalog.pg_largeobject_metadata m, pg_catalog.aclexplode(m.lomacl) a where m.oid = $1 and a.grantee <> m.lomowner order by 2, 1";
    for row in session.client.query(granted, &[&id]).await.doing(&doing)? {
        let option = if row.get::<_, bool>(2) { " with grant option" } else { "" };
        statements.push(format!("grant {} on large object {id} to {}{option}", row.get::<_, String>(0), row.get::<_, String>(1)));
    }
    Ok(statements)
}

/// Gives a large object the content that it has elsewhere, and one that is not here yet the rights, too.
pub(crate) async fn take(session: &Session, id: u32, from: &mut dyn Generation) -> Result<()> {
    let doing = format!("write large object {id}");
    session.client.batch_execute("begin").await.doing(&doing)?;
    let taken = within(session, id, from, &doing).await;
    let end = if taken.is_ok() { "commit" } else { "rollback" };
    let ended = session.client.batch_execute(end).await.doing(&doing);
    taken.and(ended)
}

async fn within(session: &Session, id: u32, from: &mut dyn Generation, doing: &str) -> Result<()> {
    let there = "select exists (select 1 from pg_catalog.pg_largeobject_metadata where oid = $1)";
    let fresh = !session.client.query_one(there, &[&id]).await.doing(doing)?.get::<_, bool>(0);
    // Creates it where it is not.
    put(session, id, 0, &[]).await?;
    let mut offset = 0u64;
    loop {
        let piece = from.large_object_piece(id, offset, PIECE).await?;
        put(session, id, offset, &piece).await?;
        offset += piece.len() as u64;
        if piece.len() < PIECE as usize {
            break;
        }
    }
    // Opened for writing (0x20000); what was longer is cut off.
    let cut = format!("select pg_catalog.lo_truncate64(pg_catalog.lo_open({id}::pg_catalog.oid, 131072), {offset})");
    session.client.batch_execute(&cut).await.doing(doing)?;
    if fresh {
        for statement in from.large_object_rights(id).await? {
            session.client.batch_execute(&statement).await.doing(doing)?;
        }
    }
    Ok(())
}

/// Removes a large object, if it is there.
pub(crate) async fn remove(session: &Session, id: u32) -> Result<()> {
    let statement = format!(
        "select pg_catalog.lo_unlink(oid) from pg_catalog.pg_largeobject_metadata where oid = {}::pg_catalog.oid",
        sql::literal(&id.to_string())
    );
    session.client.batch_execute(&statement).await.doing(format!("remove large object {id}"))
}
