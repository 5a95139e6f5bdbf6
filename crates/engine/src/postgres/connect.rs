//! Sessions with a PostgreSQL server: address, login, TLS, settings. Owns every connection that is opened; does not own what is asked.

use super::error::{Doing, mapped};
use super::tls;
use crate::error::{EngineError, ErrorKind, Result};
use crate::secret::Secrets;
use greenroom_model::program::{Address, Tls};
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

/// Application name of all our sessions, and how that of a process with a name begins.
const APPLICATION: &str = "greenroom";

/// Application name of sessions that a process opens. The server cuts it at 63 bytes.
pub(crate) fn application(owner: &str) -> String {
    format!("{APPLICATION} {owner}")
}

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Folder of the Unix socket.
    Socket(PathBuf),
    /// Host name or address.
    Host(String),
}

/// A server and how to log in; the password never shows in `Debug`.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) place: Place,
    pub(crate) port: u16,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretString>,
    pub(crate) tls: Tls,
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
        let port = address.port.unwrap_or(5432);
        let place = match &address.host {
            Some(host) if host.contains('/') => Place::Socket(base.join(host)),
            Some(host) => Place::Host(host.clone()),
            None => ["/var/run/postgresql", "/tmp"]
                .into_iter()
                .map(PathBuf::from)
                .find(|folder| folder.join(format!(".s.PGSQL.{port}")).exists())
                .map_or_else(|| Place::Host("localhost".to_owned()), Place::Socket),
        };
        let Some(database) = address.database.clone().or_else(|| maintenance.map(str::to_owned)) else {
            return Err(EngineError::new(ErrorKind::Statement, "connect", "the address names no database")
                .hint("add `database = \"…\"` to the source in greenroom.toml"));
        };
        let password = match &address.password {
            Some(reference) => {
                Some(secrets.resolve(reference).map_err(|why| EngineError::new(ErrorKind::Denied, "fetch the password", why))?)
            }
            None => None,
        };
        let tls = address.tls.unwrap_or(if place.leaves_the_machine() { Tls::Verify } else { Tls::Disable });
        Ok(Server { place, port, user: address.user.clone(), password, tls, database, application: APPLICATION.to_owned() })
    }

    /// Where it listens, for messages.
    pub(crate) fn shown(&self) -> String {
        match &self.place {
            Place::Socket(folder) => format!("{} (port {})", folder.display(), self.port),
            Place::Host(host) => format!("{host}:{}", self.port),
        }
    }

    /// Opens a session in a database of this server.
    pub(crate) async fn open(&self, database: &str, purpose: Purpose) -> Result<Session> {
        let attempted = format!("connect to database `{database}` on {}", self.shown());
        let mut config = Config::new();
        config.port(self.port).dbname(database).application_name(&self.application);
        config.connect_timeout(Duration::from_secs(20)).keepalives_idle(Duration::from_secs(60));
        match &self.place {
            Place::Socket(folder) => config.host_path(folder),
            Place::Host(host) => config.host(host),
        };
        if let Some(user) = &self.user {
            config.user(user);
        }
        if let Some(password) = &self.password {
            config.password(password.expose_secret());
        }
        let notices = Arc::new(Mutex::new(Vec::new()));
        let socket = matches!(self.place, Place::Socket(_));
        let (client, driver) = if socket || self.tls == Tls::Disable {
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect(NoTls).await.map_err(|e| self.refused(&e, &attempted))?;
            (client, drive(connection, notices.clone()))
        } else {
            config.ssl_mode(SslMode::Require);
            let connector = tls::connector(self.tls)?;
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
            .doing(attempted)?;
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
            error.hint = Some(match self.tls {
                Tls::Verify => "check host, port and the server's certificate; `tls = \"require\"` encrypts without checking it".to_owned(),
                _ => "check that the server runs and listens on this host and port".to_owned(),
            });
        }
        error
    }
}

impl Place {
    fn leaves_the_machine(&self) -> bool {
        match self {
            Place::Socket(_) => false,
            Place::Host(host) => host != "localhost" && !host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        }
    }
}

/// Forms in which text COPY and catalogs are read the same way on every server.
const CANONICAL: &str = "set extra_float_digits = 3; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set timezone = 'UTC'; \
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
    fn tls_is_verified_as_soon_as_the_connection_leaves_the_machine() {
        let tls = |host| Server::resolve(&address(Some(host)), &NoSecrets, Path::new("/"), None).unwrap().tls;
        assert_eq!(tls("db.example.org"), Tls::Verify);
        assert_eq!(tls("10.0.0.3"), Tls::Verify);
        assert_eq!(tls("localhost"), Tls::Disable);
        assert_eq!(tls("::1"), Tls::Disable);
        assert_eq!(tls("/run/postgresql"), Tls::Disable);
    }

    #[test]
    fn a_source_without_a_database_is_refused() {
        let mut a = address(Some("localhost"));
        a.database = None;
        assert!(Server::resolve(&a, &NoSecrets, Path::new("/"), None).is_err());
        assert_eq!(Server::resolve(&a, &NoSecrets, Path::new("/"), Some("postgres")).unwrap().database, "postgres");
    }
}
