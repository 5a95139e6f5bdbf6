//! The target's server, seen from outside of its databases. Owns creating and looking at databases; `names` says what a pilot's name stands
//! for, `swap` exchanges names and drops.

use super::connect::{Purpose, Server, Session, Variety, application, number, said};
use super::error::Doing;
use super::generation::MsGeneration;
use super::{names, own, restore, rights, script, sql, swap};
use crate::backup::{Backup, Restored, Tell};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Admission, Applied, Capabilities, Generation, Marker, MissingRight, Room, ServerLock, Standing, Swap, Target};
use async_trait::async_trait;
use greenroom_model::catalog::Catalog;
use greenroom_model::upgrade::Statement;

/// A target's server.
pub(crate) struct MsTarget {
    pub(crate) server: Server,
    pub(crate) session: Session,
}

struct MsLock {
    _session: std::sync::Mutex<Session>,
}

impl ServerLock for MsLock {}

/// The identity of a database on its server: ids are used again after a drop, hence the moment of its creation too.
pub(crate) async fn identity(session: &mut Session, database: &str) -> Result<Option<String>> {
    let query = format!(
        "select concat(@@servername, '/', database_id, '/', convert(varchar(40), create_date, 121)) from sys.databases where name = {}",
        sql::literal(database)
    );
    session.value(&query).await.doing(format!("identify database `{database}`"))
}

/// Ends sessions that bear the names of these owners.
pub(crate) async fn end_sessions_of(session: &mut Session, owners: &[String]) -> Result<u32> {
    let mut ended = 0;
    for owner in owners {
        let query = format!(
            "select session_id from sys.dm_exec_sessions where program_name = {} and session_id <> @@spid",
            sql::literal(&application(owner))
        );
        for row in session.rows(&query).await.doing("look for sessions of a dead process")? {
            if session.run(&format!("kill {}", said(&row, 0))).await.is_ok() {
                ended += 1;
            }
        }
    }
    Ok(ended)
}

impl MsTarget {
    async fn database(&mut self, name: &str, doing: &str) -> Result<String> {
        let found = names::resolve(&self.server, &mut self.session, name).await?;
        found.ok_or_else(|| EngineError::new(ErrorKind::Conflict, doing, format!("database `{name}` does not exist")))
    }

    async fn standing(&mut self, name: &str) -> Result<Option<Standing>> {
        let Some(database) = names::resolve(&self.server, &mut self.session, name).await? else { return Ok(None) };
        let Some(engine_id) = identity(&mut self.session, &database).await? else { return Ok(None) };
        let mut inside = self.server.open(Some(&database), Purpose::Catalog).await?;
        let found = look(&mut inside).await;
        inside.close().await;
        let (marker, empty, bytes) = found?;
        let database = names::registered(self.session.variety).then_some(database);
        Ok(Some(Standing { engine_id, marker, empty, bytes, database }))
    }
}

/// Marker, emptiness and size of the session's database.
async fn look(inside: &mut Session) -> Result<(Option<Marker>, bool, u64)> {
    let doing = "look at a database";
    let marker = own::marker(inside).await?;
    let tables = "select count(*) from sys.tables t join sys.schemas s on s.schema_id = t.schema_id where s.name <> 'greenroom'";
    let empty = inside.value(tables).await.doing(doing)?.as_deref() == Some("0");
    let size = match inside.variety {
        Variety::Babelfish => {
            "select coalesce(sum(pg_total_relation_size(c.oid)), 0) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
             join sys.schemas s on s.schema_id = n.oid where c.relkind = 'r'"
        }
        _ => "select coalesce(sum(cast(used_page_count as bigint)), 0) * 8192 from sys.dm_db_partition_stats",
    };
    let bytes = inside.rows(size).await.ok().and_then(|rows| rows.first().map(|r| number(r, 0))).unwrap_or(0);
    Ok((marker, empty, bytes))
}

#[async_trait]
impl Target for MsTarget {
    async fn capabilities(&mut self) -> Result<Capabilities> {
        Ok(super::capabilities(self.session.variety))
    }

    async fn missing_rights(&mut self) -> Result<Vec<MissingRight>> {
        rights::of_target(&mut self.session).await
    }

    async fn room(&mut self) -> Result<Room> {
        let query = "select available_bytes, total_bytes from sys.dm_os_volume_stats(1, 1)";
        let Ok(rows) = self.session.rows(query).await else { return Ok(Room::default()) };
        Ok(rows.first().map_or_else(Room::default, |r| Room { free: Some(number(r, 0)), total: Some(number(r, 1)) }))
    }

    async fn introduce(&mut self, owner: &str) -> Result<()> {
        self.server.application = application(owner);
        self.session = self.server.open(None, Purpose::Catalog).await?;
        Ok(())
    }

    async fn end_sessions_of(&mut self, owners: &[String]) -> Result<u32> {
        end_sessions_of(&mut self.session, owners).await
    }

    async fn lock(&mut self, pilot: &str) -> Result<Option<Box<dyn ServerLock>>> {
        let hash = blake3::hash(format!("greenroom pilot {pilot}").as_bytes()).to_hex();
        let mut session = self.server.open(None, Purpose::Catalog).await?;
        let batch = format!(
            "declare @got int; exec @got = sp_getapplock @Resource = N'greenroom {}', @LockMode = 'Exclusive', @LockOwner = 'Session', \
             @LockTimeout = 0; select @got",
            &hash[..40]
        );
        let got = session.value(&batch).await.doing("lock the pilot's name")?;
        Ok(matches!(got.as_deref(), Some("0" | "1"))
            .then(|| Box::new(MsLock { _session: std::sync::Mutex::new(session) }) as Box<dyn ServerLock>))
    }

    async fn look(&mut self, name: &str) -> Result<Option<Standing>> {
        self.standing(name).await
    }

    async fn create(&mut self, name: &str, marker: &Marker, like: &Catalog) -> Result<Standing> {
        let doing = || format!("create database `{name}`");
        if name.encode_utf16().count() > 123 {
            return Err(EngineError::new(ErrorKind::Statement, doing(), "a database's name holds at most 123 characters"));
        }
        names::create(&self.server, &mut self.session).await?;
        match self.standing(name).await? {
            Some(s) => {
                let ours = s.marker.as_ref() == Some(marker) || (s.marker.is_none() && name.contains(&marker.nonce));
                if !ours || !s.empty {
                    return Err(EngineError::new(ErrorKind::Conflict, doing(), "a database of that name stands there already"));
                }
            }
            None => {
                let usual = self.session.value("select cast(serverproperty('Collation') as nvarchar(128))").await.doing(doing())?;
                let collation = like
                    .settings
                    .get("collation")
                    .filter(|c| self.session.variety != Variety::Babelfish && Some(c.as_str()) != usual.as_deref())
                    .filter(|c| c.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
                    .map_or_else(String::new, |c| format!(" collate {c}"));
                self.session.run(&format!("create database {}{collation}", sql::ident(name))).await.doing(doing())?;
            }
        }
        let mut inside = self.server.open(Some(name), Purpose::Catalog).await?;
        let made = async {
            for batch in own::CREATE {
                inside.run(batch).await.doing("create the progress records")?;
            }
            inside.run(&own::write_marker(marker)).await.doing(doing())
        }
        .await;
        inside.close().await;
        made?;
        // A new database is made after `model`, which may let somebody in.
        swap::admit(&self.server, &mut self.session, name, &Admission::Sealed).await?;
        self.standing(name).await?.ok_or_else(|| EngineError::other(doing(), "it is gone again"))
    }

    async fn enter(&mut self, name: &str) -> Result<Box<dyn Generation>> {
        let database = self.database(name, "enter a generation").await?;
        let mut session = self.server.open(Some(&database), Purpose::Catalog).await?;
        if own::marker(&mut session).await?.is_none() {
            session.close().await;
            return Err(EngineError::new(ErrorKind::Conflict, format!("enter database `{database}`"), "it does not bear our marker"));
        }
        Ok(Box::new(MsGeneration { server: self.server.clone(), database, session }))
    }

    async fn mark(&mut self, name: &str, marker: &Marker) -> Result<()> {
        let doing = format!("mark database `{name}`");
        let database = self.database(name, &doing).await?;
        let mut inside = self.server.open(Some(&database), Purpose::Catalog).await?;
        let marked = match own::marker(&mut inside).await? {
            Some(present) if present.nonce == marker.nonce => inside.run(&own::write_marker(marker)).await.doing(doing),
            _ => Err(EngineError::new(ErrorKind::Conflict, doing, "it does not bear this generation's marker")),
        };
        inside.close().await;
        marked
    }

    async fn swap(&mut self, names: &Swap) -> Result<()> {
        swap::swap(&self.server, &mut self.session, names).await
    }

    async fn admit(&mut self, name: &str, admission: &Admission) -> Result<()> {
        let database = self.database(name, "change who may connect").await?;
        swap::admit(&self.server, &mut self.session, &database, admission).await
    }

    async fn admission(&mut self, name: &str) -> Result<Admission> {
        let database = self.database(name, "read who may connect").await?;
        let mut inside = self.server.open(Some(&database), Purpose::Catalog).await?;
        let found = swap::admission(&mut inside).await;
        inside.close().await;
        found
    }

    async fn undo_outside(&mut self, statements: &[Statement]) -> Result<Applied> {
        let mut session = self.server.open(None, Purpose::Foreign).await?;
        let applied = script::outside(&mut session, statements).await;
        session.close().await;
        applied
    }

    async fn drop_marked(&mut self, name: &str, nonce: &str) -> Result<()> {
        swap::drop_marked(&self.server, &mut self.session, name, nonce).await
    }

    async fn restore(&mut self, name: &str, marker: &Marker, backup: &Backup, tell: Tell) -> Result<Restored> {
        restore::restore(self, name, marker, backup, tell).await
    }

    async fn clear_raw(&mut self, name: &str, marker: &Marker) -> Result<()> {
        restore::clear(self, name, marker).await
    }
}
