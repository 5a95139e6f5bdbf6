//! One database of the server: statements through a session of the test's own. Does not own the server, nor drop anything.

use super::Server;
use futures_util::TryStreamExt as _;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, QueryItem};
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

/// A database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    server: Server,
    name: String,
}

impl Database {
    pub(super) fn new(server: Server, name: String) -> Database {
        Database { server, name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a script, in batches between lines that say `GO`, in a session of its own, and returns the rows of all results: a line per row,
    /// columns separated by tabs, nothing for NULL.
    ///
    /// # Errors
    /// What the driver says.
    pub fn try_run(&self, sql: &str) -> Result<String, String> {
        // On a thread of its own, so that asynchronous tests can ask too.
        let asked = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
            runtime.block_on(self.session(sql))
        };
        std::thread::scope(|scope| scope.spawn(asked).join().expect("asking a server does not panic"))
    }

    async fn session(&self, sql: &str) -> Result<String, String> {
        let said = |e: tiberius::error::Error| e.to_string();
        let server = &self.server;
        let mut config = Config::new();
        config.host(&server.host);
        config.port(server.port);
        config.database(&self.name);
        config.authentication(AuthMethod::sql_server(&server.login, &server.password));
        if server.tls {
            config.encryption(EncryptionLevel::Required);
            config.trust_cert();
        } else {
            config.encryption(EncryptionLevel::NotSupported);
        }
        let tcp = tokio::net::TcpStream::connect((server.host.as_str(), server.port)).await.map_err(|e| e.to_string())?;
        let mut client = Client::connect(config, tcp.compat_write()).await.map_err(said)?;
        let mut lines = Vec::new();
        for batch in batches(&format!("set quoted_identifier on\nGO\n{sql}")) {
            let mut stream = client.simple_query(batch).await.map_err(said)?;
            while let Some(item) = stream.try_next().await.map_err(said)? {
                if let QueryItem::Row(row) = item {
                    lines.push(row.cells().map(|(_, value)| shown(value)).collect::<Vec<_>>().join("\t"));
                }
            }
        }
        client.close().await.map_err(said)?;
        Ok(lines.join("\n"))
    }

    /// Runs a script that must succeed.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        drop(self.query(sql));
    }

    /// Runs a script that must succeed and returns its rows.
    #[track_caller]
    pub fn query(&self, sql: &str) -> String {
        match self.try_run(sql) {
            Ok(printed) => printed,
            Err(error) => panic!("statement on {:?} failed: {error}", self.name),
        }
    }
}

/// What stands between lines that say `GO`, without what is empty.
fn batches(sql: &str) -> Vec<String> {
    let lines: Vec<&str> = sql.lines().collect();
    let between = lines.split(|line| line.trim().eq_ignore_ascii_case("go")).map(|batch| batch.join("\n"));
    between.filter(|batch| !batch.trim().is_empty()).collect()
}

fn shown(value: &ColumnData<'_>) -> String {
    match value {
        ColumnData::U8(v) => v.map(|v| v.to_string()),
        ColumnData::I16(v) => v.map(|v| v.to_string()),
        ColumnData::I32(v) => v.map(|v| v.to_string()),
        ColumnData::I64(v) => v.map(|v| v.to_string()),
        ColumnData::Bit(v) => v.map(|v| u8::from(v).to_string()),
        // Days since the first of January of year 1.
        ColumnData::Date(v) => v.map(|v| {
            let first = jiff::civil::date(1, 1, 1);
            first.saturating_add(jiff::Span::new().days(v.days())).to_string()
        }),
        ColumnData::String(v) => v.as_ref().map(ToString::to_string),
        ColumnData::Binary(v) => v.as_ref().map(|v| String::from_utf8_lossy(v).into_owned()),
        other => Some(format!("{other:?}")),
    }
    .unwrap_or_default()
}
