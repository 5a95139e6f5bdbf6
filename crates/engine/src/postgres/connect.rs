//! Sessions with a PostgreSQL server: address, login, TLS, settings. Owns every connection that is opened; does not own what is asked.

use super::error::{Doing, mapped};
use super::sql;
use super::tls;
use crate::endpoint::{Endpoint, Place};
use crate::error::{EngineError, ErrorKind, Result};
use crate::secret::Secrets;
use greenroom_model::program::{Address, Tls};
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

/// Application name of all our sessions, and how that of a process with a name begins.
const APPLICATION: &str = "greenroom";

/// Port, where an address names none.
const DEFAULT_PORT: u16 = 5432;

/// Application name of sessions that a process opens. The server cuts it at 63 bytes.
pub(crate) fn application(owner: &str) -> String {
    format!("{APPLICATION} {owner}")
}

/// A server of PostgreSQL.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    /// Database that the address names.
    pub(crate) database: String,
    /// Application name of its sessions.
    pub(crate) application: String,
}

/// What a session is for decides its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Our own statements: nothing resolves through the search path, values are written in their canonical form.
    Catalog,
    /// Reads and loads rows, evaluates the program's conditions: the database's own search path, canonical forms.
    Rows,
    /// The vendor's scripts and the program's queries: the database's own settings, only time-outs are lifted.
    Foreign,
}

/// A notice's severity and code; its text may quote rows and is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) severity: String,
    pub(crate) code: String,
}

struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        // A session dropped midway must not linger: closing the socket ends it, with its locks and its snapshot.
        self.0.abort();
    }
}

/// One session.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// Process id of the server's side.
    pub(crate) pid: i32,
    /// `server_version_num`.
    pub(crate) version: i32,
    /// `server_version`.
    pub(crate) version_text: String,
    /// Login.
    pub(crate) login: String,
    notices: Arc<Mutex<Vec<Notice>>>,
    driver: Driver,
}

impl Server {
    /// Reads an address; `maintenance` gives the database where none is named.
    pub(crate) fn resolve(address: &Address, secrets: &dyn Secrets, base: &Path, maintenance: Option<&str>) -> Result<Server> {
        let Some(database) = address.database.clone().or_else(|| maintenance.map(str::to_owned)) else {
            return Err(EngineError::new(ErrorKind::Statement, "connect", "the address names no database")
                .hint("add `database = \"…\"` to the source in greenroom.toml"));
        };
        let port = address.port.unwrap_or(DEFAULT_PORT);
        let folders = ["/var/run/postgresql", "/tmp"].into_iter().map(PathBuf::from);
        let socket = || folders.into_iter().find(|folder| folder.join(format!(".s.PGSQL.{port}")).exists());
        let endpoint = Endpoint::resolve(address, secrets, base, DEFAULT_PORT, socket)?;
        Ok(Server { endpoint, database, application: APPLICATION.to_owned() })
    }

    /// Where it listens, for messages.
    pub(crate) fn shown(&self) -> String {
        let port = self.endpoint.port;
        match &self.endpoint.place {
            Place::Socket(folder) => format!("{} (port {port})", folder.display()),
            Place::Host(host) => format!("{host}:{port}"),
        }
    }

    /// Opens a session in a database of this server.
    pub(crate) async fn open(&self, database: &str, purpose: Purpose) -> Result<Session> {
        let attempted = format!("connect to database `{database}` on {}", self.shown());
        let mut config = Config::new();
        config.port(self.endpoint.port).dbname(database).application_name(&self.application);
        config.connect_timeout(Duration::from_secs(20)).keepalives_idle(Duration::from_secs(60));
        match &self.endpoint.place {
            Place::Socket(folder) => config.host_path(folder),
            Place::Host(host) => config.host(host),
        };
        if let Some(user) = &self.endpoint.user {
            config.user(user);
        }
        if let Some(password) = &self.endpoint.password {
            config.password(password.expose_secret());
        }
        let notices = Arc::new(Mutex::new(Vec::new()));
        let socket = matches!(self.endpoint.place, Place::Socket(_));
        let (client, driver) = if socket || self.endpoint.tls == Tls::Disable {
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect(NoTls).await.map_err(|e| self.refused(&e, &attempted))?;
            (client, drive(connection, notices.clone()))
        } else {
            config.ssl_mode(SslMode::Require);
            let connector = tls::connector(self.endpoint.tls)?;
            let (client, connection) = config.connect(connector).await.map_err(|e| self.refused(&e, &attempted))?;
            (client, drive(connection, notices.clone()))
        };
        let settings = match purpose {
            Purpose::Catalog => format!("{CANONICAL}{UNHURRIED} set search_path = ''; set default_transaction_read_only = off;"),
            Purpose::Rows => format!("{CANONICAL}{UNHURRIED} set default_transaction_read_only = off;"),
            Purpose::Foreign => UNHURRIED.to_owned(),
        };
        client.batch_execute(&settings).await.doing(attempted.clone())?;
        let row = client
            .query_one(
                "select pg_catalog.current_setting('server_version_num')::int4, pg_catalog.pg_backend_pid(), \
                 pg_catalog.current_setting('server_version'), session_user::text",
                &[],
            )
            .await
            .doing(attempted.clone())?;
        // A login that is called like our own schema would find itself in it: what a script creates without naming a schema would go away with it.
        if matches!(purpose, Purpose::Foreign) && row.get::<_, &str>(3) == "greenroom" {
            let path: String =
                client.query_one("select pg_catalog.current_setting('search_path')", &[]).await.doing(attempted.clone())?.get(0);
            let names: Vec<String> = sql::name_list(&path).into_iter().filter(|n| n != "$user").map(|n| sql::literal(&n)).collect();
            let names = if names.is_empty() { "''".to_owned() } else { names.join(", ") };
            client.batch_execute(&format!("set search_path to {names}")).await.doing(attempted)?;
        }
        Ok(Session { client, version: row.get(0), pid: row.get(1), version_text: row.get(2), login: row.get(3), notices, driver })
    }

    fn refused(&self, e: &tokio_postgres::Error, attempted: &str) -> EngineError {
        let mut error = mapped(e, attempted);
        if error.native_code.is_none() {
            error.kind = ErrorKind::Lost;
            // The cause of a failed handshake or lookup comes from the operating system or rustls, never from the server's rows.
            if let Some(cause) = std::error::Error::source(e) {
                error.message = format!("{e}: {cause}");
            }
            error.hint = Some(self.endpoint.hint().to_owned());
        }
        error
    }
}

/// Forms in which text COPY and catalogs are read the same way on every server.
pub(crate) const CANONICAL: &str = "set extra_float_digits = 3; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set timezone = 'UTC'; \
                         set bytea_output = 'hex'; set lc_monetary = 'C'; set xmloption = content; set row_security = off; \
                         set standard_conforming_strings = on;";

const UNHURRIED: &str = "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set client_min_messages = warning;";

fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>, notices: Arc<Mutex<Vec<Notice>>>) -> Driver
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    Driver(tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notice(n) = message
                && let Ok(mut kept) = notices.lock()
                && kept.len() < 10_000
            {
                kept.push(Notice { severity: n.severity().to_owned(), code: n.code().code().to_owned() });
            }
        }
    }))
}

impl Session {
    /// Takes the notices that came since the last call.
    pub(crate) fn take_notices(&self) -> Vec<Notice> {
        self.notices.lock().map(|mut n| std::mem::take(&mut *n)).unwrap_or_default()
    }

    /// Ends the session politely and waits until the server has been told.
    pub(crate) async fn close(self) {
        let Session { client, mut driver, .. } = self;
        drop(client);
        let _ = tokio::time::timeout(Duration::from_secs(2), &mut driver.0).await;
    }

    /// First value of the first row as text, or `None`. `sql` may be any single query.
    pub(crate) async fn value(&self, sql: &str) -> std::result::Result<Option<String>, tokio_postgres::Error> {
        use tokio_postgres::SimpleQueryMessage;
        for message in self.client.simple_query(sql).await? {
            if let SimpleQueryMessage::Row(row) = message {
                return Ok(row.try_get(0)?.map(str::to_owned));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::NoSecrets;
    use greenroom_model::catalog::EngineKind;

    fn address(host: Option<&str>) -> Address {
        Address {
            engine: EngineKind::Postgres,
            path: None,
            host: host.map(str::to_owned),
            port: None,
            database: Some("d".to_owned()),
            user: None,
            password: None,
            tls: None,
        }
    }

    #[test]
    fn a_source_without_a_database_is_refused() {
        let mut a = address(Some("localhost"));
        a.database = None;
        assert!(Server::resolve(&a, &NoSecrets, Path::new("/"), None).is_err());
        assert_eq!(Server::resolve(&a, &NoSecrets, Path::new("/"), Some("postgres")).unwrap().database, "postgres");
    }
}
