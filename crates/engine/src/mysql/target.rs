//! The target's server, seen from outside of its databases. Owns creating and looking at databases; `names` says what a pilot's name stands
//! for, `swap` exchanges names and drops.

use super::connect::{Purpose, Server, Session, number, said};
use super::error::{Doing, code};
use super::generation::MyGeneration;
use super::{apart, names, own, rights, sql, swap};
use crate::backup::{Backup, Restored, Tell};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{
    Admission, Capabilities, Generation, Marker, MissingRight, Room, ServerLock, Standing, Swap, Target, Welcome, clear_raw,
};
use async_trait::async_trait;
use greenroom_model::catalog::Catalog;
use greenroom_model::fence::Doors;

/// A target's server.
pub(crate) struct MyTarget {
    pub(crate) server: Server,
    pub(crate) session: Session,
}

struct MyLock {
    _session: std::sync::Mutex<Session>,
}

impl ServerLock for MyLock {}

/// The server's identifier, the same for every database of it: MySQL has one of its own, MariaDB is known by where it runs.
pub(crate) async fn server_id(session: &mut Session) -> Result<String> {
    if let Ok(Some(uuid)) = session.value("select @@server_uuid").await {
        return Ok(uuid);
    }
    let found = session.value("select concat(@@hostname, ':', @@port, ':', @@datadir)").await.doing("identify the server")?;
    Ok(found.unwrap_or_default())
}

impl MyTarget {
    async fn database(&mut self, name: &str, doing: &str) -> Result<String> {
        let found = names::resolve(&mut self.session, name).await?;
        found.ok_or_else(|| EngineError::new(ErrorKind::Conflict, doing, format!("database `{name}` does not exist")))
    }

    async fn standing(&mut self, name: &str) -> Result<Option<Standing>> {
        let Some(database) = names::resolve(&mut self.session, name).await? else { return Ok(None) };
        let marker = own::marker(&mut self.session, &database).await?;
        let doing = || format!("look at database `{database}`");
        let query = format!(
            "select coalesce(sum({}), 0), coalesce(sum(coalesce(data_length, 0) + coalesce(index_length, 0)), 0) \
             from information_schema.tables where table_schema = {}",
            own::not_ours("table_name"),
            sql::literal(&database)
        );
        let rows = self.session.rows(&query).await.doing(doing())?;
        let (tables, bytes) = rows.first().map_or((0, 0), |r| (number(r, 0), number(r, 1)));
        let engine_id = format!("{}/{database}", server_id(&mut self.session).await?);
        Ok(Some(Standing { engine_id, marker, empty: tables == 0, bytes, database: Some(database) }))
    }
}

#[async_trait]
impl Target for MyTarget {
    async fn capabilities(&mut self) -> Result<Capabilities> {
        Ok(super::capabilities(self.session.variety))
    }

    async fn missing_rights(&mut self) -> Result<Vec<MissingRight>> {
        rights::of_target(&mut self.session).await
    }

    async fn room(&mut self) -> Result<Room> {
        // Only a server on this machine can be asked through the file system.
        if !self.server.endpoint.place.is_local() {
            return Ok(Room::default());
        }
        let Ok(Some(folder)) = self.session.value("select @@datadir").await else { return Ok(Room::default()) };
        Ok(match rustix::fs::statvfs(folder.as_str()) {
            Ok(s) => Room { free: Some(s.f_bavail * s.f_frsize), total: Some(s.f_blocks * s.f_frsize) },
            Err(_) => Room::default(),
        })
    }

    async fn lock(&mut self, pilot: &str) -> Result<Option<Box<dyn ServerLock>>> {
        let hash = blake3::hash(format!("greenroom pilot {pilot}").as_bytes()).to_hex();
        let mut session = self.server.open(None, Purpose::Catalog).await?;
        let got = session.value(&format!("select get_lock('greenroom {}', 0)", &hash[..40])).await.doing("lock the pilot's name")?;
        Ok((got.as_deref() == Some("1")).then(|| Box::new(MyLock { _session: std::sync::Mutex::new(session) }) as Box<dyn ServerLock>))
    }

    async fn look(&mut self, name: &str) -> Result<Option<Standing>> {
        self.standing(name).await
    }

    async fn create(&mut self, name: &str, marker: &Marker, like: &Catalog) -> Result<Standing> {
        let doing = || format!("create database `{name}`");
        if name.chars().count() > 64 {
            return Err(EngineError::new(ErrorKind::Statement, doing(), "a database's name holds at most 64 characters"));
        }
        names::create(&mut self.session).await?;
        match self.standing(name).await? {
            Some(s) => {
                let ours = s.marker.as_ref() == Some(marker) || (s.marker.is_none() && name.contains(&marker.nonce));
                if !ours || !s.empty {
                    return Err(EngineError::new(ErrorKind::Conflict, doing(), "a database of that name stands there already"));
                }
            }
            None => {
                let mut options = String::new();
                for (key, option) in [("character_set", "character set"), ("collation", "collate")] {
                    if let Some(value) = like.settings.get(key).filter(|v| v.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')) {
                        options.push_str(&format!(" {option} {value}"));
                    }
                }
                let called = names::called(&mut self.session, name).await?;
                self.session.run(&format!("create database {}{options}", sql::ident(&called))).await.map_err(|e| {
                    let mapped = super::error::mapped(&e, doing());
                    match code(&e) {
                        Some(1115 | 1273) => mapped
                            .hint("the target's server lacks the source's character set or collation: use the same variety and version"),
                        _ => mapped,
                    }
                })?;
            }
        }
        let database = self.database(name, "create a generation").await?;
        self.session.run(&own::create_marker(&database)).await.doing(doing())?;
        self.session.run(&own::write_marker(&database, marker)).await.doing(doing())?;
        // Rights outlive databases on these servers: what was granted on this name once must not hold.
        swap::admit(&mut self.session, &database, &Admission::Sealed).await?;
        let mut inside = self.server.open(Some(&database), Purpose::Catalog).await?;
        for statement in own::CREATE {
            inside.run(statement).await.doing("create the progress records")?;
        }
        inside.close().await;
        self.standing(name).await?.ok_or_else(|| EngineError::other(doing(), "it is gone again"))
    }

    async fn enter(&mut self, name: &str) -> Result<Box<dyn Generation>> {
        let database = self.database(name, "enter a generation").await?;
        if own::marker(&mut self.session, &database).await?.is_none() {
            return Err(EngineError::new(ErrorKind::Conflict, format!("enter database `{database}`"), "it does not bear our marker"));
        }
        let session = self.server.open(Some(&database), Purpose::Catalog).await?;
        Ok(Box::new(MyGeneration { server: self.server.clone(), database, session, turns: super::copy::Turns::default() }))
    }

    async fn mark(&mut self, name: &str, marker: &Marker) -> Result<()> {
        let doing = format!("mark database `{name}`");
        let database = self.database(name, &doing).await?;
        match own::marker(&mut self.session, &database).await? {
            Some(present) if present.nonce == marker.nonce => self.session.run(&own::write_marker(&database, marker)).await.doing(doing),
            _ => Err(EngineError::new(ErrorKind::Conflict, doing, "it does not bear this generation's marker")),
        }
    }

    async fn swap(&mut self, names: &Swap) -> Result<()> {
        swap::swap(&mut self.session, names).await
    }

    async fn call(&mut self, name: &str, database: &str) -> Result<()> {
        names::create(&mut self.session).await?;
        if names::called(&mut self.session, name).await? == database {
            return Ok(());
        }
        if names::exists(&mut self.session, database).await? || names::called(&mut self.session, database).await? != database {
            let doing = format!("call a new database `{database}`");
            return Err(EngineError::new(ErrorKind::Conflict, doing, "a database of that name stands there already"));
        }
        swap::transaction(&mut self.session, &names::assign(name, database)).await
    }

    async fn welcome(&mut self, name: &str, doors: &Doors, testers: &[String], _elsewhere: bool) -> Result<Welcome> {
        swap::welcome(&mut self.session, name, doors, testers).await
    }

    async fn put_in_place(&mut self, names: &Swap, _production: &str) -> Result<()> {
        swap::put_in_place(&mut self.session, names).await
    }

    async fn promote(&mut self, name: &str, former: Option<&str>, doors: &Doors) -> Result<()> {
        let doing = format!("let users into `{name}`");
        if former.is_some() {
            return Err(EngineError::new(
                ErrorKind::Conflict,
                doing,
                "production bears its own name still: databases are not renamed here",
            ));
        }
        let database = self.database(name, &doing).await?;
        swap::promote(&mut self.session, &database, doors).await
    }

    async fn admit(&mut self, name: &str, admission: &Admission) -> Result<()> {
        let database = self.database(name, "change who may connect").await?;
        swap::admit(&mut self.session, &database, admission).await
    }

    async fn admission(&mut self, name: &str) -> Result<Admission> {
        let database = self.database(name, "read who may connect").await?;
        swap::admission(&mut self.session, &database).await
    }

    async fn drop_marked(&mut self, name: &str, nonce: &str) -> Result<()> {
        swap::drop_marked(&mut self.session, name, nonce).await
    }

    async fn drop_former(&mut self, name: &str, engine_id: &str) -> Result<bool> {
        let doing = format!("drop the former production `{name}`");
        let Some(standing) = self.standing(name).await? else { return Ok(false) };
        let database = self.database(name, &doing).await?;
        if standing.engine_id != engine_id || standing.marker.is_some() {
            return Err(EngineError::new(ErrorKind::Conflict, doing, "another database stands under that name"));
        }
        // Here a name is all that a database is known by: it must be as the switch left it.
        if apart::standing(&mut self.session, &database).await?.is_empty() {
            let what = "none of the switch's triggers stands in it: somebody may have made it anew";
            return Err(EngineError::new(ErrorKind::Conflict, doing, what).hint("find out whose it is, and drop it by hand"));
        }
        let open = apart::open_tables(&mut self.session, &database).await?;
        if !open.is_empty() {
            let what = format!("it is not as the switch left it: {} can be written to", open.join(", "));
            return Err(
                EngineError::new(ErrorKind::Conflict, doing, what).hint("find out who opened it, or made it again, and drop it by hand")
            );
        }
        self.session.run(&format!("drop database {}", sql::ident(&database))).await.doing(doing)?;
        apart::forget(&mut self.session, &database).await?;
        Ok(true)
    }

    async fn restore(&mut self, name: &str, marker: &Marker, backup: &Backup, tell: Tell) -> Result<Restored> {
        super::restore::restore(self, name, marker, backup, tell).await
    }

    async fn clear_raw(&mut self, name: &str, marker: &Marker) -> Result<()> {
        if self.standing(name).await?.is_some() {
            return clear_raw(self, name, marker).await;
        }
        // A database that was never created may have been called by another name already.
        let called = names::called(&mut self.session, name).await?;
        if called == name { Ok(()) } else { self.session.run(&names::forget(&called)).await.doing("forget a name") }
    }
}

/// Databases of the server other than this one and its own.
pub(crate) async fn other_databases(session: &mut Session) -> Result<Vec<String>> {
    let query = "select schema_name from information_schema.schemata where schema_name <> database() \
                 and schema_name not in ('information_schema', 'performance_schema', 'mysql', 'sys', 'greenroom')";
    let rows = session.rows(query).await.doing("list the server's databases")?;
    Ok(rows.iter().map(|r| said(r, 0)).collect())
}
