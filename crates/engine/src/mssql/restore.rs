//! Restoring SQL Server's own backups (`BACKUP DATABASE`). Owns what of a backup file is restored, where its files go, how a half-restored copy
//! is known as ours, and what is switched off in it.
//!
//! The server reads the file itself: it must find it under the path that Greenroom was given, or in the folder that `quarantine.path` names. While
//! a database is being restored nothing can be read in it, so no marker can say whose it is; its files' names bear the marker's nonce instead.
//! Columns of what RESTORE tells: the manual's "RESTORE HEADERONLY", "RESTORE FILELISTONLY" and "RESTORE LABELONLY".

use super::connect::{Purpose, Session, Variety, said, text};
use super::error::{Doing, code};
use super::target::{MsTarget, identity};
use super::{own, sql, swap};
use crate::backup::{Backup, Restored, Tell, refused};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Admission, Marker};
use std::time::Duration;
use tiberius::Row;

/// One backup within a file, of what RESTORE HEADERONLY tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set {
    position: u32,
    /// 1 is a whole database; the others are parts of one, changes since one, or logs.
    kind: u32,
    database: String,
    major: u32,
    checksums: bool,
    damaged: bool,
}

/// One file of the database that was backed up, of what RESTORE FILELISTONLY tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct DataFile {
    logical: String,
    /// D rows, L log, S FILESTREAM or memory-optimised, F full-text of old versions.
    kind: String,
}

/// A column of a row by its name.
fn column(row: &Row, name: &str) -> Option<String> {
    let at = row.columns().iter().position(|c| c.name().eq_ignore_ascii_case(name))?;
    text(row, at)
}

impl Set {
    fn of(row: &Row) -> Set {
        let number = |name| column(row, name).and_then(|v| v.parse().ok()).unwrap_or(0);
        Set {
            position: number("Position"),
            kind: number("BackupType"),
            database: column(row, "DatabaseName").unwrap_or_default(),
            major: number("SoftwareVersionMajor"),
            checksums: number("HasBackupChecksums") == 1,
            damaged: number("IsDamaged") == 1,
        }
    }
}

/// The backup that is restored: the last whole one of the file, if the file is of one database.
fn chosen(sets: &[Set], backup: &Backup) -> Result<Set> {
    let whole: Vec<&Set> = sets.iter().filter(|s| s.kind == 1).collect();
    let Some(last) = whole.last() else {
        return Err(refused(&backup.path, "it holds no backup of a whole database, only parts of one, changes since one, or logs")
            .hint("make one: `BACKUP DATABASE [name] TO DISK = N'…' WITH COPY_ONLY, CHECKSUM`"));
    };
    if whole.iter().any(|s| s.database != last.database) {
        return Err(refused(&backup.path, "it holds backups of several databases").hint("make a file with the one database's backup"));
    }
    if last.damaged {
        return Err(refused(&backup.path, "the server says that the backup is damaged").hint("make a new backup"));
    }
    Ok((*last).clone())
}

/// The name of a file of the restored database: it bears the raw copy's name, and that its nonce.
fn file_name(name: &str, number: usize, file: &DataFile) -> String {
    // Of a database's name only what every file system takes; the nonce is among it.
    let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).collect();
    let extension = match (file.kind.as_str(), number) {
        ("L", _) => "ldf",
        (_, 1) => "mdf",
        _ => "ndf",
    };
    format!("{safe}_{number}.{extension}")
}

fn joined(folder: &str, file: &str) -> String {
    let separator = if folder.contains('\\') { '\\' } else { '/' };
    format!("{}{separator}{file}", folder.trim_end_matches(['\\', '/']))
}

/// The statement that restores a database, its files in the server's usual folders.
fn statement(name: &str, path: &str, set: &Set, files: &[DataFile], data: &str, log: &str) -> String {
    let moves: Vec<String> = files
        .iter()
        .enumerate()
        .map(|(i, f)| {
            let folder = if f.kind == "L" { log } else { data };
            format!("move {} to {}", sql::literal(&f.logical), sql::literal(&joined(folder, &file_name(name, i + 1, f))))
        })
        .collect();
    let checksum = if set.checksums { "checksum, " } else { "" };
    format!(
        "restore database {} from disk = {} with file = {}, {}, {checksum}restricted_user, recovery",
        sql::ident(name),
        sql::literal(path),
        set.position,
        moves.join(", ")
    )
}

/// An error of the server's about a backup file, in words.
fn trouble(backup: &Backup, path: &str, e: &tiberius::error::Error) -> EngineError {
    let (why, hint) = match code(e) {
        Some(3201 | 3203) => (
            format!("the server cannot read it under `{path}`"),
            "the server reads backups itself: put the file where the server's machine and login can read it, and name the folder as that \
             machine sees it under `[quarantine]`: `path = '\\\\files\\backups'`",
        ),
        Some(3169) => ("it was made by a newer SQL Server".to_owned(), "restore on a quarantine that is as new as production"),
        Some(3132 | 3231) => ("it is one of several files of a striped backup".to_owned(), "make a backup to one file"),
        Some(33_111 | 33_101 | 15_507) => (
            "it is encrypted, and the server has not got the certificate".to_owned(),
            "restore the certificate on the quarantine's server first, or make a backup without encryption",
        ),
        Some(3241 | 3242 | 3183 | 3189 | 3187) => ("it is damaged or no backup that this server knows".to_owned(), "make a new backup"),
        _ => return super::error::mapped(e, format!("restore `{}`", backup.path.display())),
    };
    refused(&backup.path, why).hint(hint)
}

/// What is in a file that keeps it from being restored, or the backup and the files in it.
async fn examined(session: &mut Session, backup: &Backup, path: &str) -> Result<(Set, Vec<DataFile>)> {
    let from = format!("from disk = {}", sql::literal(path));
    let labels = session.rows(&format!("restore labelonly {from}")).await.map_err(|e| trouble(backup, path, &e))?;
    if labels.first().and_then(|row| column(row, "FamilyCount")).is_some_and(|n| n != "1") {
        return Err(refused(&backup.path, "it is one of several files of a striped backup").hint("make a backup to one file"));
    }
    let headers = session.rows(&format!("restore headeronly {from}")).await.map_err(|e| trouble(backup, path, &e))?;
    let set = chosen(&headers.iter().map(Set::of).collect::<Vec<_>>(), backup)?;
    if set.major > session.major {
        let why = format!("it was made by version {} of SQL Server, the quarantine's is {}", set.major, session.major);
        return Err(refused(&backup.path, why).hint("restore on a quarantine that is as new as production"));
    }
    let listed = format!("restore filelistonly {from} with file = {}", set.position);
    let files: Vec<DataFile> = session
        .rows(&listed)
        .await
        .map_err(|e| trouble(backup, path, &e))?
        .iter()
        .map(|row| DataFile { logical: column(row, "LogicalName").unwrap_or_default(), kind: column(row, "Type").unwrap_or_default() })
        .collect();
    if files.iter().any(|f| f.kind == "S") {
        return Err(refused(&backup.path, "it holds FILESTREAM or memory-optimised data, which is not copied"));
    }
    Ok((set, files))
}

/// The path under which the server finds the file: its own, or its name in the folder that the quarantine declares.
fn seen_by_server(folder: Option<&str>, backup: &Backup) -> Result<String> {
    let Some(folder) = folder else { return Ok(backup.path.display().to_string()) };
    let name = backup.path.file_name().and_then(|n| n.to_str());
    Ok(joined(folder, name.ok_or_else(|| refused(&backup.path, "its name is no Unicode text"))?))
}

/// Restores a backup; see [`crate::seam::Target::restore`].
pub(super) async fn restore(target: &mut MsTarget, name: &str, marker: &Marker, backup: &Backup, tell: Tell) -> Result<Restored> {
    let doing = || format!("restore `{}`", backup.path.display());
    match target.session.variety {
        Variety::SqlServer => {}
        Variety::Babelfish => return Err(EngineError::unsupported(doing(), "Babelfish has no RESTORE")),
        Variety::Azure => return Err(EngineError::unsupported(doing(), "Azure SQL Database restores no files")),
    }
    if identity(&mut target.session, name).await?.is_some() {
        return Err(EngineError::new(ErrorKind::Conflict, doing(), format!("a database `{name}` stands there already")));
    }
    let path = seen_by_server(target.server.backups.as_deref(), backup)?;
    let (set, files) = examined(&mut target.session, backup, &path).await?;
    let folders = "select cast(serverproperty('InstanceDefaultDataPath') as nvarchar(512)), \
                   cast(serverproperty('InstanceDefaultLogPath') as nvarchar(512))";
    let rows = target.session.rows(folders).await.doing(doing())?;
    let (data, log) = rows.first().map(|r| (said(r, 0), said(r, 1))).unwrap_or_default();
    let statement = statement(name, &path, &set, &files, &data, &log);
    let mut working = target.server.open(None, Purpose::Catalog).await?;
    let id = working.value("select @@spid").await.doing(doing())?.unwrap_or_default();
    let watched = Watched { bytes: backup.bytes, told: 0, tell };
    let done = watched.until_done(&mut target.session, &id, working.run(&statement)).await;
    working.close().await;
    done.map_err(|e| trouble(backup, &path, &e))?;
    let engine_id = settle(target, name, marker, backup).await?;
    let mut restored = Restored { engine_id, of: Some(set.database.clone()), ..Restored::default() };
    if set.major < target.session.major {
        restored.note("version", format!("made by version {} of SQL Server; the server has raised the copy to its own", set.major));
    }
    restored.note("users", "they stand without their logins, and nobody but the owner may connect");
    Ok(restored)
}

/// Makes a restored database ours: alone in it, nothing fires, marked.
async fn settle(target: &mut MsTarget, name: &str, marker: &Marker, backup: &Backup) -> Result<String> {
    let doing = || format!("mark the raw copy `{name}`");
    let database = sql::ident(name);
    for setting in ["trustworthy off", "disable_broker with rollback immediate", "allow_snapshot_isolation on"] {
        target.session.run(&format!("alter database {database} set {setting}")).await.doing(doing())?;
    }
    let mut inside = target.server.open(Some(name), Purpose::Catalog).await?;
    let marked = async {
        if own::marker(&mut inside).await?.is_some() {
            return Err(refused(&backup.path, "it is a copy that Greenroom made, not a backup of production"));
        }
        // Triggers on the database's schema are foreign code: they do not see what we make here, and come back on.
        let triggers: Vec<String> = inside
            .rows("select name from sys.triggers where parent_class = 0 and is_disabled = 0")
            .await
            .doing(doing())?
            .iter()
            .map(|row| sql::ident(&said(row, 0)))
            .collect();
        for trigger in &triggers {
            inside.run(&format!("disable trigger {trigger} on database")).await.doing(doing())?;
        }
        for batch in own::CREATE {
            inside.run(batch).await.doing(doing())?;
        }
        inside.run(&own::write_marker(marker)).await.doing(doing())?;
        for trigger in &triggers {
            inside.run(&format!("enable trigger {trigger} on database")).await.doing(doing())?;
        }
        Ok(())
    }
    .await;
    inside.close().await;
    marked?;
    swap::admit(&target.server, &mut target.session, name, &Admission::Sealed).await?;
    identity(&mut target.session, name).await?.ok_or_else(|| EngineError::new(ErrorKind::Lost, doing(), "it is gone"))
}

/// Drops what a restore left, whole or half made: see [`crate::seam::Target::clear_raw`].
pub(super) async fn clear(target: &mut MsTarget, name: &str, marker: &Marker) -> Result<()> {
    let query = format!(
        "select d.state_desc, min(case when charindex({}, f.physical_name) > 0 then 1 else 0 end) from sys.databases d \
         left join sys.master_files f on f.database_id = d.database_id where d.name = {} group by d.state_desc",
        sql::literal(&marker.nonce),
        sql::literal(name)
    );
    let rows = target.session.rows(&query).await.doing("look for what a restore left")?;
    let Some(row) = rows.first() else { return Ok(()) };
    if said(row, 1) != "1" {
        return crate::seam::clear_raw(target, name, marker).await;
    }
    if said(row, 0) == "ONLINE" {
        return swap::drop_database(&mut target.session, name).await;
    }
    // One that is being restored has nobody in it, and takes no setting.
    target.session.run(&format!("drop database {}", sql::ident(name))).await.doing(format!("drop the half-restored `{name}`"))
}

/// Tells how far the server is.
struct Watched {
    bytes: u64,
    told: u64,
    tell: Tell,
}

impl Watched {
    fn told(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        (self.tell)(bytes.saturating_sub(self.told));
        self.told = self.told.max(bytes);
    }

    /// Waits for the restore of the session `id`, looking once in a second how far it is; a server that does not say is not asked again.
    async fn until_done<E>(
        mut self,
        looking: &mut Session,
        id: &str,
        work: impl Future<Output = std::result::Result<(), E>>,
    ) -> std::result::Result<(), E> {
        let query = format!("select cast(percent_complete as int) from sys.dm_exec_requests where session_id = {id}");
        let mut work = std::pin::pin!(work);
        let mut says = true;
        loop {
            tokio::select! {
                done = &mut work => {
                    if done.is_ok() {
                        self.told(self.bytes);
                    }
                    return done;
                }
                () = tokio::time::sleep(Duration::from_secs(1)), if says => {
                    match looking.value(&query).await {
                        Ok(percent) => {
                            let percent: u64 = percent.and_then(|p| p.parse().ok()).unwrap_or(0);
                            self.told(self.bytes / 100 * percent);
                        }
                        Err(_) => says = false,
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::Format;
    use greenroom_model::hash::Hash;
    use std::path::PathBuf;

    fn backup() -> Backup {
        Backup { path: PathBuf::from("/backup/clinic.bak"), format: Format::MssqlBak, bytes: 1000, hash: Hash([0; 32]) }
    }

    fn set(position: u32, kind: u32, database: &str) -> Set {
        Set { position, kind, database: database.to_owned(), major: 15, ..Set::default() }
    }

    #[test]
    fn the_last_whole_backup_of_one_database_is_restored() {
        let sets = [set(1, 1, "clinic"), set(2, 5, "clinic"), set(3, 1, "clinic"), set(4, 2, "clinic")];
        assert_eq!(chosen(&sets, &backup()).unwrap().position, 3);
        let why = |sets: &[Set]| chosen(sets, &backup()).unwrap_err().to_string();
        assert!(why(&[set(1, 2, "clinic"), set(2, 5, "clinic")]).contains("no backup of a whole database"));
        assert!(why(&[set(1, 1, "clinic"), set(2, 1, "shop")]).contains("several databases"));
        assert!(why(&[Set { damaged: true, ..set(1, 1, "clinic") }]).contains("damaged"));
        assert!(why(&[]).contains("no backup of a whole database"));
    }

    #[test]
    fn files_go_to_the_servers_folders_under_names_that_bear_the_nonce() {
        let files = [("clinic", "D"), ("more'data", "D"), ("clinic_log", "L")];
        let files = files.map(|(logical, kind)| DataFile { logical: logical.into(), kind: kind.into() });
        let made =
            statement("Praxis ä raw 7f3a", "/backup/clinic.bak", &Set { checksums: true, ..set(2, 1, "clinic") }, &files, "/data/", "/log");
        assert_eq!(
            made,
            "restore database [Praxis ä raw 7f3a] from disk = N'/backup/clinic.bak' with file = 2, move N'clinic' to \
             N'/data/Praxis___raw_7f3a_1.mdf', move N'more''data' to N'/data/Praxis___raw_7f3a_2.ndf', move N'clinic_log' to \
             N'/log/Praxis___raw_7f3a_3.ldf', checksum, restricted_user, recovery"
        );
        let windows = statement("raw_7f3a", r"\\nas\b\clinic.bak", &set(1, 1, "clinic"), &files[..1], r"C:\Data\", r"D:\Log");
        assert_eq!(
            windows,
            r"restore database [raw_7f3a] from disk = N'\\nas\b\clinic.bak' with file = 1, move N'clinic' to N'C:\Data\raw_7f3a_1.mdf', restricted_user, recovery"
        );
    }

    #[test]
    fn the_server_finds_the_file_where_the_quarantine_says() {
        assert_eq!(seen_by_server(None, &backup()).unwrap(), "/backup/clinic.bak");
        assert_eq!(seen_by_server(Some(r"\\nas\backups"), &backup()).unwrap(), r"\\nas\backups\clinic.bak");
        assert_eq!(seen_by_server(Some("/mnt/b/"), &backup()).unwrap(), "/mnt/b/clinic.bak");
    }
}
