//! The contract's scratch files: a folder of our own, and another application's hands on what lies in it. Its words are in `dialect`.

use super::connect::{beside, is_file, stat};
use super::copy::SqliteSource;
use super::dialect::DIALECT;
use super::error::failed;
use super::target::{SqliteTarget, blocking};
use crate::contract::{Dialect, Ground};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Source, Target};
use async_trait::async_trait;
use greenroom_model::catalog::EngineKind;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that says whose the folder is.
const MARK: &str = "greenroom-engine-test";

/// A scratch folder.
pub(crate) struct SqliteGround {
    folder: PathBuf,
    nonce: String,
}

fn trouble(doing: String, e: &std::io::Error) -> EngineError {
    let kind = match e.kind() {
        std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::NotFound => ErrorKind::Conflict,
        _ => ErrorKind::Other,
    };
    EngineError::new(kind, doing, e.to_string())
}

impl SqliteGround {
    /// Makes the folder; never takes one that is there.
    pub async fn open(parent: PathBuf, nonce: &str) -> Result<SqliteGround> {
        let nonce = nonce.to_owned();
        blocking(move || {
            let folder = parent.join(format!("greenroom-engine-test-{nonce}"));
            let doing = || format!("make the scratch folder `{}`", folder.display());
            std::fs::create_dir(&folder).map_err(|e| trouble(doing(), &e))?;
            std::fs::write(folder.join(MARK), &nonce).map_err(|e| trouble(doing(), &e))?;
            Ok(SqliteGround { folder, nonce })
        })
        .await
    }

    fn prove(&self, name: &str, doing: &str) -> Result<PathBuf> {
        let mark = std::fs::read_to_string(self.folder.join(MARK)).unwrap_or_default();
        if mark != self.nonce || name.contains('/') || !name.ends_with(".db") {
            return Err(EngineError::new(ErrorKind::Conflict, format!("{doing} `{name}`"), "it is not this test's scratch"));
        }
        Ok(self.folder.join(name))
    }
}

#[async_trait]
impl Ground for SqliteGround {
    fn engine(&self) -> EngineKind {
        EngineKind::Sqlite
    }

    fn nonce(&self) -> &str {
        &self.nonce
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn footprint(&self) -> String {
        format!("makes the folder `{}`, works with files in it only, and removes it", self.folder.display())
    }

    fn name(&self, hint: &str) -> String {
        format!("{hint}.db")
    }

    async fn found(&self, name: &str) -> Result<()> {
        let (path, doing) = (self.prove(name, "make")?, format!("make `{name}`"));
        blocking(move || {
            if stat(&path)?.is_some() {
                return Err(EngineError::new(ErrorKind::Conflict, doing, "it stands there already"));
            }
            let c = Connection::open(&path).map_err(|e| failed(&doing, &e))?;
            // As most applications that write while others read have it.
            c.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(|e| failed(&doing, &e))
        })
        .await
    }

    async fn run(&self, name: &str, statements: &[String]) -> Result<()> {
        let (path, statements) = (self.prove(name, "write to")?, statements.to_vec());
        blocking(move || {
            let doing = "write as another application";
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let c = Connection::open_with_flags(&path, flags).map_err(|e| failed(doing, &e))?;
            c.busy_timeout(Duration::from_secs(20)).map_err(|e| failed(doing, &e))?;
            statements.iter().try_for_each(|s| c.execute_batch(s)).map_err(|e| failed(doing, &e))
        })
        .await
    }

    async fn source(&self, name: &str) -> Result<Box<dyn Source>> {
        Ok(Box::new(SqliteSource::open(self.prove(name, "open")?, name).await?))
    }

    async fn target(&self) -> Result<Box<dyn Target>> {
        Ok(Box::new(SqliteTarget::open(&self.folder, self.folder.clone())?))
    }

    async fn raze(&self, name: &str) -> Result<()> {
        let path = self.prove(name, "remove")?;
        blocking(move || {
            for suffix in ["", "-journal", "-wal", "-shm"] {
                let file = beside(&path, suffix);
                if stat(&file)?.is_some_and(|s| is_file(&s)) {
                    std::fs::remove_file(&file).map_err(|e| trouble(format!("remove `{}`", file.display()), &e))?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn standing(&self) -> Result<Vec<String>> {
        Ok(entries(&self.folder)?.into_iter().filter(|n| n != MARK && !is_lock(n)).collect())
    }

    async fn close(&self) -> Result<()> {
        let doing = |what: &str| format!("remove `{}`", self.folder.join(what).display());
        for name in entries(&self.folder)?.into_iter().filter(|n| is_lock(n)) {
            std::fs::remove_file(self.folder.join(&name)).map_err(|e| trouble(doing(&name), &e))?;
        }
        std::fs::remove_file(self.folder.join(MARK)).map_err(|e| trouble(doing(MARK), &e))?;
        // Fails when anything is left, which is then somebody else's.
        std::fs::remove_dir(&self.folder).map_err(|e| trouble(doing(""), &e))
    }
}

/// Locks on pilots' names outlive their holders by intent.
fn is_lock(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".greenroom-lock")
}

fn entries(folder: &Path) -> Result<Vec<String>> {
    let list = std::fs::read_dir(folder)
        .and_then(|all| all.map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned())).collect::<std::io::Result<Vec<_>>>());
    list.map_err(|e| trouble(format!("list `{}`", folder.display()), &e))
}
