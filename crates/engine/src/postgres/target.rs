//! The target's server, seen from its maintenance database. Owns creating and looking at databases; `swap` exchanges and drops them.

use super::connect::{Purpose, Server, Session};
use super::error::{Doing, mapped};
use super::generation::PgGeneration;
use super::{marker, own, rights, script, sql, swap, takeover, whole};
use crate::backup::{Backup, Restored, Tell};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{
    Admission, Applied, Capabilities, Generation, Marker, MarkerState, MissingRight, Room, ServerLock, Standing, Swap, Target, Welcome,
    clear_raw,
};
use async_trait::async_trait;
use greenroom_model::catalog::Catalog;
use greenroom_model::fence::Doors;
use greenroom_model::upgrade::Statement;

/// A target's server.
pub(crate) struct PgTarget {
    pub(crate) server: Server,
    pub(crate) session: Session,
}

struct PgLock {
    _session: Session,
}

impl ServerLock for PgLock {}

/// The server's identifier, the same for every database of it and different for every server.
pub(crate) async fn server_id(server: &Server, session: &Session) -> String {
    match session.client.query_one("select system_identifier from pg_catalog.pg_control_system()", &[]).await {
        Ok(row) => row.get::<_, i64>(0).to_string(),
        // Some hosted servers withhold it; then the address is the next best thing.
        Err(_) => server.shown(),
    }
}

impl PgTarget {
    async fn standing(&self, name: &str) -> Result<Option<Standing>> {
        let Some(row) = marker::find(&self.session, name).await? else { return Ok(None) };
        let bytes = match self.session.client.query_one("select pg_catalog.pg_database_size($1::oid)", &[&row.oid]).await {
            Ok(size) => u64::try_from(size.get::<_, i64>(0)).unwrap_or(0),
            Err(_) => 0,
        };
        let engine_id = format!("{}/{}", server_id(&self.server, &self.session).await, row.oid);
        // What nobody can enter and what bears no marker is a creation that was cut: nobody can have put anything into it.
        let empty = (row.closed && row.marker.is_none()) || self.is_empty(name).await;
        Ok(Some(Standing { engine_id, marker: row.marker, empty, bytes, database: None }))
    }

    /// Refuses another database than the one that is, or was, production.
    async fn is_production(&self, name: &str, engine_id: &str, doing: &str) -> Result<()> {
        // It may have come from an earlier switch itself.
        let production = |m: &Marker| m.state == MarkerState::Promoted;
        match self.standing(name).await? {
            Some(s) if s.engine_id == engine_id && s.marker.as_ref().is_none_or(production) => Ok(()),
            _ => Err(EngineError::new(ErrorKind::Conflict, doing, "it is not what is, or was, production")),
        }
    }

    /// Whether a database holds no user tables; one that cannot be entered is taken for full.
    async fn is_empty(&self, name: &str) -> bool {
        let Ok(session) = self.server.open(name, Purpose::Catalog).await else { return false };
        let query = format!(
            "select not exists (select 1 from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where c.relkind in ('r', 'p', 'f', 'v', 'm') and {})",
            super::inspect::USER_SCHEMA
        );
        let empty = session.client.query_one(&query, &[]).await.is_ok_and(|row| row.get(0));
        session.close().await;
        empty
    }

    /// Options that are fixed at creation, taken from the source.
    fn options(&self, like: &Catalog) -> String {
        let setting = |key: &str| like.settings.get(key).map(String::as_str);
        let mut options = String::from("template template0 allow_connections false");
        for (key, option) in [("encoding", "encoding"), ("lc_collate", "lc_collate"), ("lc_ctype", "lc_ctype")] {
            if let Some(value) = setting(key) {
                options.push_str(&format!(" {option} {}", sql::literal(value)));
            }
        }
        if let (Some("i"), Some(locale)) = (setting("locale_provider"), setting("locale"))
            && self.session.version >= 150_000
        {
            options.push_str(&format!(" locale_provider icu icu_locale {}", sql::literal(locale)));
        }
        if let (Some("b"), Some(locale)) = (setting("locale_provider"), setting("locale")) {
            options.push_str(&format!(" locale_provider builtin builtin_locale {}", sql::literal(locale)));
        }
        options
    }
}

/// A setting as `SET` takes it: `name to value`.
pub(super) fn setting(name: &str, value: &str) -> String {
    const LISTS: &[&str] = &["search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"];
    let value = if LISTS.contains(&name) {
        let names: Vec<String> = sql::name_list(value).iter().map(|n| sql::literal(n)).collect();
        if names.is_empty() { "''".to_owned() } else { names.join(", ") }
    } else {
        sql::literal(value)
    };
    let name: Vec<String> = name.split('.').map(sql::ident).collect();
    format!("{} to {value}", name.join("."))
}

/// The statements that give a database the source's `ALTER DATABASE … SET`.
fn database_settings(name: &str, like: &Catalog) -> Vec<String> {
    let settings = like.settings.iter().filter_map(|(key, value)| key.strip_prefix("set:").map(|name| (name, value)));
    settings.map(|(key, value)| format!("alter database {} set {}", sql::ident(name), setting(key, value))).collect()
}

#[async_trait]
impl Target for PgTarget {
    async fn capabilities(&mut self) -> Result<Capabilities> {
        super::capabilities(&self.session, false).await
    }

    async fn missing_rights(&mut self) -> Result<Vec<MissingRight>> {
        rights::of_target(&self.session).await
    }

    async fn room(&mut self) -> Result<Room> {
        let local = self.server.endpoint.place.is_local();
        // Only a server on this machine can be asked through the file system, and only if it tells where its data lies.
        let Ok(Some(folder)) = self.session.value("select pg_catalog.current_setting('data_directory')").await else {
            return Ok(Room::default());
        };
        if !local {
            return Ok(Room::default());
        }
        Ok(match rustix::fs::statvfs(folder.as_str()) {
            Ok(s) => Room { free: Some(s.f_bavail * s.f_frsize), total: Some(s.f_blocks * s.f_frsize) },
            Err(_) => Room::default(),
        })
    }

    async fn introduce(&mut self, owner: &str) -> Result<()> {
        takeover::introduce(&mut self.server, &self.session, owner).await
    }

    async fn end_sessions_of(&mut self, owners: &[String]) -> Result<u32> {
        takeover::end_sessions_of(&self.session, owners).await
    }

    async fn undo_outside(&mut self, statements: &[Statement]) -> Result<Applied> {
        let session = self.server.open(&self.server.database, Purpose::Foreign).await?;
        let applied = script::outside(&session, statements).await;
        session.close().await;
        applied
    }

    async fn lock(&mut self, pilot: &str) -> Result<Option<Box<dyn ServerLock>>> {
        let hash = blake3::hash(format!("greenroom pilot {pilot}").as_bytes());
        let key = i64::from_be_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"));
        let session = self.server.open(&self.server.database, Purpose::Catalog).await?;
        let row = session.client.query_one("select pg_catalog.pg_try_advisory_lock($1)", &[&key]).await.doing("lock the pilot's name")?;
        Ok(row.get::<_, bool>(0).then(|| Box::new(PgLock { _session: session }) as Box<dyn ServerLock>))
    }

    async fn look(&mut self, name: &str) -> Result<Option<Standing>> {
        self.standing(name).await
    }

    async fn create(&mut self, name: &str, marker: &Marker, like: &Catalog) -> Result<Standing> {
        let doing = || format!("create database `{name}`");
        if name.len() > 63 {
            return Err(EngineError::new(ErrorKind::Statement, doing(), "a database's name holds at most 63 bytes"));
        }
        let database = sql::ident(name);
        // Nobody can connect from the first moment on; the doors open only for the owner, after the marker stands.
        let before = marker::find(&self.session, name).await?;
        if let Some(row) = &before {
            let ours = row.marker.as_ref() == Some(marker) || (row.marker.is_none() && name.contains(&marker.nonce));
            // An unmarked database of ours is closed to everybody, us included, so that it cannot hold anything.
            let nothing_in_it = (row.marker.is_none() && row.closed) || self.is_empty(name).await;
            if !ours || !nothing_in_it {
                return Err(EngineError::new(ErrorKind::Conflict, doing(), "a database of that name stands there already"));
            }
        }
        let creation = match before {
            Some(_) => "select 1".to_owned(),
            None => format!("create database {database} {}", self.options(like)),
        };
        // The server ends the CREATE DATABASE of a process that was killed, in its own time: until then the name is neither there nor free.
        let mut tried = self.session.client.batch_execute(&creation).await;
        for _ in 0..60 {
            match &tried {
                Err(e) if e.code().is_some_and(|c| matches!(c.code(), "23505" | "42P04")) => {}
                _ => break,
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            if marker::find(&self.session, name).await?.is_some_and(|row| row.marker.is_none() && name.contains(&marker.nonce)) {
                tried = Ok(());
            } else {
                tried = self.session.client.batch_execute(&creation).await;
            }
        }
        tried.map_err(|e| {
            let e = mapped(&e, doing());
            match e.native_code.as_deref() {
                Some("42809" | "22023" | "42704") => {
                    let of = |key: &str| like.settings.get(key).map_or("?", String::as_str);
                    let mut e = e;
                    e.message = format!(
                        "the target's server does not have the source's encoding {} with collation {}",
                        of("encoding"),
                        of("lc_collate")
                    );
                    e.hint("generate the locale on the target's machine (locale-gen), then restart the server")
                }
                _ => e,
            }
        })?;
        let mut statements = vec![
            "begin".to_owned(),
            marker::statement(name, marker),
            format!("revoke all on database {database} from public"),
            format!("alter database {database} allow_connections true"),
        ];
        statements.extend(database_settings(name, like));
        statements.push("commit".to_owned());
        if let Err(e) = self.session.client.batch_execute(&statements.join("; ")).await {
            let _ = self.session.client.batch_execute("rollback").await;
            return Err(mapped(&e, doing()));
        }
        let inside = self.server.open(name, Purpose::Catalog).await?;
        inside.client.batch_execute(own::CREATE).await.doing("create the progress records")?;
        inside.close().await;
        self.standing(name).await?.ok_or_else(|| EngineError::other(doing(), "it is gone again"))
    }

    async fn enter(&mut self, name: &str) -> Result<Box<dyn Generation>> {
        if marker::find(&self.session, name).await?.is_none_or(|row| row.marker.is_none()) {
            return Err(EngineError::new(ErrorKind::Conflict, format!("enter database `{name}`"), "it does not bear Greenroom's marker"));
        }
        let session = self.server.open(name, Purpose::Catalog).await?;
        Ok(Box::new(PgGeneration { server: self.server.clone(), database: name.to_owned(), session, former: false }))
    }

    async fn duplicate(&mut self, from: &str, to: &str, marker: &Marker) -> Result<()> {
        whole::copy(self, from, to, marker).await
    }

    async fn copy_whole(&mut self, production: &str, engine_id: &str, to: &str, marker: &Marker) -> Result<()> {
        self.is_production(production, engine_id, &format!("copy `{production}` whole")).await?;
        whole::copy(self, production, to, marker).await?;
        // What we need inside while it is upgraded.
        let inside = self.server.open(to, Purpose::Catalog).await?;
        inside.client.batch_execute(own::CREATE).await.doing("create the progress records")?;
        inside.close().await;
        Ok(())
    }

    async fn enter_former(&mut self, name: &str, engine_id: &str) -> Result<Box<dyn Generation>> {
        self.is_production(name, engine_id, &format!("enter the former production `{name}`")).await?;
        let session = self.server.open(name, Purpose::Catalog).await?;
        Ok(Box::new(PgGeneration { server: self.server.clone(), database: name.to_owned(), session, former: true }))
    }

    async fn mark(&mut self, name: &str, marker: &Marker) -> Result<()> {
        let doing = format!("mark database `{name}`");
        match marker::find(&self.session, name).await?.and_then(|row| row.marker) {
            Some(present) if present.nonce == marker.nonce => {
                self.session.client.batch_execute(&marker::statement(name, marker)).await.doing(doing)
            }
            _ => Err(EngineError::new(ErrorKind::Conflict, doing, "it does not bear this generation's marker")),
        }
    }

    async fn swap(&mut self, names: &Swap) -> Result<()> {
        swap::swap(&self.server, &self.session, names, None).await
    }

    async fn put_in_place(&mut self, names: &Swap, production: &str) -> Result<()> {
        let server = server_id(&self.server, &self.session).await;
        let oid = production.strip_prefix(&format!("{server}/")).and_then(|oid| oid.parse().ok()).unwrap_or(0);
        swap::swap(&self.server, &self.session, names, Some(oid)).await
    }

    async fn welcome(&mut self, _name: &str, doors: &Doors, testers: &[String], elsewhere: bool) -> Result<Welcome> {
        swap::welcome(&self.session, doors, testers, elsewhere).await
    }

    async fn stop_copying(&mut self, to: &str) -> Result<()> {
        whole::stop(&self.session, to).await
    }

    async fn aside_open(&mut self, former: &str, doors: &Doors) -> Result<Vec<String>> {
        super::fence::aside_open(&self.session, former, doors).await
    }

    async fn promote(&mut self, name: &str, former: Option<&str>, doors: &Doors) -> Result<()> {
        swap::promote(&self.session, name, former, doors).await
    }

    async fn admit(&mut self, name: &str, admission: &Admission) -> Result<()> {
        swap::admit(&self.session, name, admission).await
    }

    async fn admission(&mut self, name: &str) -> Result<Admission> {
        swap::admission(&self.session, name).await
    }

    async fn drop_marked(&mut self, name: &str, nonce: &str) -> Result<()> {
        swap::drop_marked(&self.session, name, nonce).await
    }

    async fn drop_former(&mut self, name: &str, engine_id: &str) -> Result<bool> {
        let doing = format!("drop the former production `{name}`");
        let Some(standing) = self.standing(name).await? else { return Ok(false) };
        if standing.engine_id != engine_id {
            return Err(EngineError::new(ErrorKind::Conflict, doing, "another database stands there"));
        }
        let force = if self.session.version >= 130_000 { " with (force)" } else { "" };
        swap::end_sessions(&self.session, &[name]).await?;
        self.session.client.batch_execute(&format!("drop database {}{force}", sql::ident(name))).await.doing(doing)?;
        Ok(true)
    }

    async fn restore(&mut self, name: &str, marker: &Marker, backup: &Backup, tell: Tell) -> Result<Restored> {
        super::restore::restore(self, name, marker, backup, tell).await
    }

    async fn clear_raw(&mut self, name: &str, marker: &Marker) -> Result<()> {
        whole::stop(&self.session, name).await?;
        clear_raw(self, name, marker).await
    }
}
