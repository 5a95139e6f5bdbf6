//! Sessions with what speaks TDS: address, login, TLS, settings. Owns every connection that is opened; does not own what is asked.
//!
//! The driver is tiberius (`docs/dependencies.md` says why). Windows and Kerberos logins are not offered: its support for them needs
//! libraries of the machine's.

use super::error::Doing;
use crate::endpoint::{Endpoint, Place};
use crate::error::{EngineError, ErrorKind, Result};
use crate::secret::Secrets;
use greenroom_model::program::{Address, Tls};
use secrecy::ExposeSecret;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, Row};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

/// A server and how to log in.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    /// Database that the address names.
    pub(crate) database: Option<String>,
    /// Folder in which the server finds backup files, where that is another than ours.
    pub(crate) backups: Option<String>,
    /// Name that sessions bear, with the random name of the process that opens them.
    pub(crate) application: String,
    /// What the first session was told about the server.
    known: Arc<OnceLock<Known>>,
}

/// What a server is.
#[derive(Clone, Debug)]
struct Known {
    variety: Variety,
    major: u32,
    text: String,
}

/// What a session is for decides its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Our own statements, also reading and loading rows.
    Catalog,
    /// The vendor's scripts and the program's queries: the settings that ODBC clients have.
    Foreign,
}

/// What speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variety {
    /// SQL Server on somebody's machine, or Azure SQL Managed Instance.
    SqlServer,
    /// Azure SQL Database: one database is all that a session sees.
    Azure,
    /// Babelfish for PostgreSQL.
    Babelfish,
}

/// One session.
pub(crate) struct Session {
    pub(crate) client: Client<Compat<TcpStream>>,
    pub(crate) variety: Variety,
    /// Major version: 13 is SQL Server 2016.
    pub(crate) major: u32,
    /// First line of `@@version`.
    pub(crate) version_text: String,
}

const APPLICATION: &str = "greenroom";

/// The name that sessions of a process bear.
pub(crate) fn application(owner: &str) -> String {
    format!("{APPLICATION} {owner}")
}

/// Milliseconds that a statement waits for other sessions' locks before it fails as transient.
const LOCK_WAIT: u32 = 30_000;

/// What indexed views, filtered indexes and computed columns need of whoever writes, and English messages of known form.
pub(crate) const OURS: &str = "set quoted_identifier on; set ansi_nulls on; set ansi_padding on; set ansi_warnings on; set arithabort on; \
                    set concat_null_yields_null on; set numeric_roundabort off; set xact_abort on; set nocount on; set language us_english; \
                    set dateformat ymd; set datefirst 7; set textsize 2147483647";

impl Server {
    /// Reads an address.
    pub(crate) fn resolve(address: &Address, secrets: &dyn Secrets, base: &Path) -> Result<Server> {
        let endpoint = Endpoint::resolve(address, secrets, base, 1433, || None)?;
        if matches!(endpoint.place, Place::Socket(_)) {
            return Err(EngineError::new(ErrorKind::Statement, "connect", "SQL Server has no sockets in the file system")
                .hint("give `host` a name or an address"));
        }
        Ok(Server {
            endpoint,
            database: address.database.clone(),
            backups: address.path.clone(),
            application: APPLICATION.to_owned(),
            known: Arc::default(),
        })
    }

    fn host(&self) -> &str {
        match &self.endpoint.place {
            Place::Host(host) => host,
            Place::Socket(_) => "localhost",
        }
    }

    /// Where it listens, for messages.
    pub(crate) fn shown(&self) -> String {
        format!("{}:{}", self.host(), self.endpoint.port)
    }

    fn config(&self, database: Option<&str>, attempted: &str) -> Result<Config> {
        let (Some(user), Some(password)) = (&self.endpoint.user, &self.endpoint.password) else {
            return Err(EngineError::new(ErrorKind::Denied, attempted, "a login of SQL Server has a name and a password")
                .hint("add `user = \"…\"` and `password = { env = \"…\" }` to the address; Windows logins are not supported"));
        };
        let mut config = Config::new();
        config.host(self.host());
        config.port(self.endpoint.port);
        config.database(database.unwrap_or("master"));
        config.application_name(&self.application);
        config.authentication(AuthMethod::sql_server(user, password.expose_secret()));
        config.packet_size(32_767);
        match self.endpoint.tls {
            Tls::Disable => config.encryption(EncryptionLevel::NotSupported),
            Tls::Require => {
                config.encryption(EncryptionLevel::Required);
                config.trust_cert();
            }
            // The system's authorities, which is the driver's own default.
            Tls::Verify => config.encryption(EncryptionLevel::Required),
        }
        Ok(config)
    }

    /// Opens a session in a database of this server, or in `master`.
    pub(crate) async fn open(&self, database: Option<&str>, purpose: Purpose) -> Result<Session> {
        let attempted = match database {
            Some(database) => format!("connect to database `{database}` on {}", self.shown()),
            None => format!("connect to {}", self.shown()),
        };
        let connecting = async {
            let tcp = TcpStream::connect((self.host(), self.endpoint.port))
                .await
                .map_err(|e| EngineError::new(ErrorKind::Lost, attempted.clone(), format!("no connection: {}", e.kind())))?;
            let _ = tcp.set_nodelay(true);
            let config = self.config(database, &attempted)?;
            Client::connect(config, tcp.compat_write()).await.doing(attempted.clone())
        };
        let client = tokio::time::timeout(Duration::from_secs(20), connecting)
            .await
            .map_err(|_| EngineError::new(ErrorKind::Lost, attempted.clone(), "no answer within 20 s"))?
            .map_err(|e| if e.native_code.is_none() && e.hint.is_none() { e.hint(self.endpoint.hint()) } else { e })?;
        let mut session = Session { client, variety: Variety::SqlServer, major: 0, version_text: String::new() };
        let known = match self.known.get() {
            Some(known) => known.clone(),
            None => {
                let known = session.ask_version().await.doing(attempted.clone())?;
                self.known.get_or_init(|| known).clone()
            }
        };
        (session.variety, session.major, session.version_text) = (known.variety, known.major, known.text);
        if session.variety == Variety::SqlServer && session.major < 13 {
            let why = format!("the server is {}; SQL Server from 2016 on is supported", session.version_text);
            return Err(EngineError::unsupported(attempted, why));
        }
        if purpose == Purpose::Catalog {
            session.run(&format!("{OURS}; set lock_timeout {LOCK_WAIT}")).await.doing(attempted)?;
        }
        Ok(session)
    }
}

impl Session {
    async fn ask_version(&mut self) -> std::result::Result<Known, tiberius::error::Error> {
        let query =
            "select @@version, cast(serverproperty('ProductVersion') as nvarchar(128)), cast(serverproperty('EngineEdition') as int)";
        let rows = self.rows(query).await?;
        let text = rows.first().map(|row| said(row, 0)).unwrap_or_default();
        let variety = match (text.starts_with("Babelfish"), rows.first().map(|row| number(row, 2))) {
            (true, _) => Variety::Babelfish,
            (false, Some(5)) => Variety::Azure,
            (false, _) => Variety::SqlServer,
        };
        let major = rows.first().and_then(|row| said(row, 1).split('.').next().and_then(|n| n.parse().ok())).unwrap_or(0);
        Ok(Known { variety, major, text: text.lines().next().unwrap_or("").trim().to_owned() })
    }

    /// Executes a batch and throws away what it returns.
    pub(crate) async fn run(&mut self, sql: &str) -> std::result::Result<(), tiberius::error::Error> {
        use futures_util::TryStreamExt;
        let mut stream = self.client.simple_query(sql).await?;
        while stream.try_next().await?.is_some() {}
        Ok(())
    }

    /// All rows of the first result of a batch.
    pub(crate) async fn rows(&mut self, sql: &str) -> std::result::Result<Vec<Row>, tiberius::error::Error> {
        self.client.simple_query(sql).await?.into_first_result().await
    }

    /// First value of the first row as text, or `None`.
    pub(crate) async fn value(&mut self, sql: &str) -> std::result::Result<Option<String>, tiberius::error::Error> {
        let rows = self.rows(sql).await?;
        Ok(rows.first().and_then(|row| text(row, 0)))
    }

    /// Ends the session politely.
    pub(crate) async fn close(self) {
        let _ = tokio::time::timeout(Duration::from_secs(2), self.client.close()).await;
    }
}

/// A column of a row as text; `None` is NULL. Times come as the encoding writes them.
pub(crate) fn text(row: &Row, column: usize) -> Option<String> {
    let (_, data) = row.cells().nth(column)?;
    match data {
        ColumnData::U8(v) => v.map(|v| v.to_string()),
        ColumnData::I16(v) => v.map(|v| v.to_string()),
        ColumnData::I32(v) => v.map(|v| v.to_string()),
        ColumnData::I64(v) => v.map(|v| v.to_string()),
        ColumnData::F32(v) => v.map(|v| v.to_string()),
        ColumnData::F64(v) => v.map(|v| v.to_string()),
        ColumnData::Bit(v) => v.map(|v| u8::from(v).to_string()),
        ColumnData::String(v) => v.as_ref().map(|v| v.to_string()),
        ColumnData::Guid(v) => v.map(|v| v.to_string()),
        ColumnData::Numeric(v) => v.map(|v| v.to_string()),
        ColumnData::Xml(v) => v.as_ref().map(|v| v.to_string()),
        ColumnData::Binary(v) => v.as_ref().map(|v| super::sql::hex(v)),
        other => super::wire::spelled(other, None).ok().flatten(),
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

/// A bit column of a row.
pub(crate) fn truth(row: &Row, column: usize) -> bool {
    matches!(text(row, column).as_deref(), Some("1"))
}
