//! Sessions with a server of MariaDB or MySQL: address, login, TLS, settings. Owns every connection that is opened; does not own what is asked.

use super::error::{Doing, mapped};
use crate::endpoint::{Endpoint, Place, native_certificates};
use crate::error::{EngineError, ErrorKind, Result};
use crate::secret::Secrets;
use greenroom_model::program::{Address, Tls};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Row, SslOpts, Value};
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A server of MariaDB or MySQL.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    /// Database that the address names.
    pub(crate) database: Option<String>,
}

/// What a session is for decides its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Our own statements.
    Catalog,
    /// Reads rows and evaluates the program's conditions: text columns come in their own character set, times in UTC.
    Rows,
    /// Loads rows: what is stored is exactly what was sent, or an error.
    Load,
    /// The vendor's scripts and the program's queries: the server's own settings, only time-outs are lifted.
    Foreign,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variety {
    /// MariaDB.
    MariaDb,
    /// MySQL.
    MySql,
}

/// One session.
pub(crate) struct Session {
    pub(crate) conn: Conn,
    pub(crate) variety: Variety,
    /// (major, minor, patch)
    pub(crate) version: (u16, u16, u16),
    /// `version()`.
    pub(crate) version_text: String,
}

/// Waits for other sessions' locks before a statement fails as transient, in seconds.
const LOCK_WAIT: u32 = 30;

const PLAIN: &str = "set session sql_mode = '', session time_zone = '+00:00', session wait_timeout = 604800, session net_write_timeout = 3600, \
                     session net_read_timeout = 3600, session sql_quote_show_create = 1";

/// Strict, zero dates and days like 31 February as they were, zeros in AUTO_INCREMENT columns kept.
pub(crate) const LOADING: &str = "STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION";

impl Server {
    /// Reads an address.
    pub(crate) fn resolve(address: &Address, secrets: &dyn Secrets, base: &Path) -> Result<Server> {
        let sockets = ["/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/tmp/mysql.sock"].into_iter().map(PathBuf::from);
        // A port without a host means TCP.
        let socket = || sockets.into_iter().find(|socket| address.port.is_none() && socket.exists());
        let endpoint = Endpoint::resolve(address, secrets, base, 3306, socket)?;
        Ok(Server { endpoint, database: address.database.clone() })
    }

    /// Where it listens, for messages.
    pub(crate) fn shown(&self) -> String {
        match &self.endpoint.place {
            Place::Socket(path) => path.display().to_string(),
            Place::Host(host) => format!("{host}:{}", self.endpoint.port),
        }
    }

    fn opts(&self, database: Option<&str>) -> Result<OptsBuilder> {
        let user = self.endpoint.user.clone().or_else(|| std::env::var("USER").ok());
        let mut opts = OptsBuilder::default()
            .user(user)
            .pass(self.endpoint.password.as_ref().map(|p| p.expose_secret().to_owned()))
            .db_name(database.map(str::to_owned))
            .prefer_socket(false)
            .stmt_cache_size(16)
            .tcp_keepalive(Some(Duration::from_secs(60)))
            .wait_timeout(Some(604_800));
        match &self.endpoint.place {
            Place::Socket(path) => opts = opts.socket(Some(path.display().to_string())),
            Place::Host(host) => {
                opts = opts.ip_or_hostname(host.clone()).tcp_port(self.endpoint.port);
                if self.endpoint.tls != Tls::Disable {
                    opts = opts.ssl_opts(Some(self.ssl()?));
                }
            }
        }
        Ok(opts)
    }

    fn ssl(&self) -> Result<SslOpts> {
        if self.endpoint.tls == Tls::Require {
            return Ok(SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true));
        }
        // The system's authorities, as for every other engine, not a list of the driver's.
        let roots: Vec<_> = native_certificates()?.into_iter().map(|c| c.as_ref().to_vec().into()).collect();
        Ok(SslOpts::default().with_disable_built_in_roots(true).with_root_certs(roots))
    }

    /// Opens a session in a database of this server, or in none.
    pub(crate) async fn open(&self, database: Option<&str>, purpose: Purpose) -> Result<Session> {
        let attempted = match database {
            Some(database) => format!("connect to database `{database}` on {}", self.shown()),
            None => format!("connect to {}", self.shown()),
        };
        let opts = self.opts(database)?;
        let connecting = tokio::time::timeout(Duration::from_secs(20), Conn::new(opts));
        let conn = connecting
            .await
            .map_err(|_| EngineError::new(ErrorKind::Lost, attempted.clone(), "no answer within 20 s"))?
            .map_err(|e| self.refused(&e, &attempted))?;
        let mut session = Session { conn, variety: Variety::MySql, version: (0, 0, 0), version_text: String::new() };
        let text = session.value("select version()").await.doing(attempted.clone())?.unwrap_or_default();
        session.variety = if text.contains("MariaDB") { Variety::MariaDb } else { Variety::MySql };
        session.version = numbers(&text);
        session.version_text = text;
        session.refuse_old(&attempted)?;
        let waits = format!("session lock_wait_timeout = {LOCK_WAIT}, session innodb_lock_wait_timeout = {LOCK_WAIT}");
        let settings = match purpose {
            Purpose::Catalog => format!("{PLAIN}, {waits}"),
            Purpose::Rows => format!("{PLAIN}, {waits}, character_set_results = null"),
            Purpose::Load => {
                format!("{PLAIN}, {waits}, session sql_mode = '{LOADING}', session foreign_key_checks = 0, session unique_checks = 1")
            }
            Purpose::Foreign => "set session wait_timeout = 604800".to_owned(),
        };
        session.run(&settings).await.doing(attempted.clone())?;
        if session.variety == Variety::MySql {
            session.run("set session information_schema_stats_expiry = 0").await.doing(attempted.clone())?;
        }
        if purpose == Purpose::Foreign {
            let lifted = match session.variety {
                Variety::MariaDb => "set session max_statement_time = 0",
                Variety::MySql => "set session max_execution_time = 0",
            };
            session.run(lifted).await.doing(attempted)?;
        }
        Ok(session)
    }

    fn refused(&self, e: &mysql_async::Error, attempted: &str) -> EngineError {
        let mut error = mapped(e, attempted);
        if error.native_code.is_none() {
            error.kind = ErrorKind::Lost;
            error.hint = Some(self.endpoint.hint().to_owned());
        }
        error
    }
}

fn numbers(version: &str) -> (u16, u16, u16) {
    // Old MariaDB servers put `5.5.5-` in front for the sake of old replicas.
    let version = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(|p| p.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

impl Session {
    fn refuse_old(&self, attempted: &str) -> Result<()> {
        let least = match self.variety {
            Variety::MariaDb => (10, 6, 0),
            Variety::MySql => (8, 0, 0),
        };
        if self.version >= least {
            return Ok(());
        }
        Err(EngineError::unsupported(
            attempted,
            format!("the server is {}; MariaDB from 10.6 and MySQL from 8.0 are supported", self.version_text),
        ))
    }

    /// Executes statements without results.
    pub(crate) async fn run(&mut self, sql: &str) -> std::result::Result<(), mysql_async::Error> {
        self.conn.query_drop(sql).await
    }

    /// All rows of a query.
    pub(crate) async fn rows(&mut self, sql: &str) -> std::result::Result<Vec<Row>, mysql_async::Error> {
        self.conn.query(sql).await
    }

    /// First value of the first row as text, or `None`.
    pub(crate) async fn value(&mut self, sql: &str) -> std::result::Result<Option<String>, mysql_async::Error> {
        let rows = self.rows(sql).await?;
        Ok(rows.first().and_then(|row| if row.is_empty() { None } else { text(row, 0) }))
    }

    /// Ends the session politely.
    pub(crate) async fn close(self) {
        let _ = tokio::time::timeout(Duration::from_secs(2), self.conn.disconnect()).await;
    }
}

/// A column of a row as text; `None` is NULL.
pub(crate) fn text(row: &Row, column: usize) -> Option<String> {
    match row.as_ref(column)? {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::Int(n) => Some(n.to_string()),
        Value::UInt(n) => Some(n.to_string()),
        Value::Float(x) => Some(x.to_string()),
        Value::Double(x) => Some(x.to_string()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}

/// As [`text`], empty for NULL.
pub(crate) fn said(row: &Row, column: usize) -> String {
    text(row, column).unwrap_or_default()
}

/// A column of a row as a number that is not negative; 0 for everything else.
pub(crate) fn number(row: &Row, column: usize) -> u64 {
    text(row, column).and_then(|t| t.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_servers_say() {
        assert_eq!(numbers("10.11.19-MariaDB-0+deb12u1"), (10, 11, 19));
        assert_eq!(numbers("5.5.5-10.6.2-MariaDB"), (10, 6, 2));
        assert_eq!(numbers("8.0.36"), (8, 0, 36));
    }
}
