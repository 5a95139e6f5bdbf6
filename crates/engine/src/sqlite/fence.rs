//! The fence around a production file: triggers that reject every change of a row. They are part of the file, so that they bind programs that
//! have it open, and outlive everybody.
//!
//! Raised in one transaction, which waits for the writer that is at work; whoever writes afterwards meets the triggers. Never on the tables
//! behind virtual ones: SQLite 3.40 crashes inside the program that then writes to a full-text index (tried).

use super::connect::{beside, check_source, open_writable, stat};
use super::error::failed;
use super::inspect::{self, FENCE};
use super::session::Session;
use crate::error::{EngineError, ErrorKind, Result};
use crate::fence::{Fence, Fenced, same_database};
use async_trait::async_trait;
use greenroom_model::fence::{Door, Doors, Obstacle, Stands};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Kinds of change of a row.
const CHANGES: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

/// How often and after how long a file is asked to keep its journal as it did.
const JOURNAL_TRIES: u32 = 50;
const JOURNAL_PAUSE: Duration = Duration::from_millis(60);

/// What is said to whoever writes.
const SAID: &str = "fenced by greenroom: the database is being moved, nothing can be written";

pub(super) struct SqliteFence {
    path: PathBuf,
    /// As the program writes it.
    written: String,
    session: Session,
}

impl SqliteFence {
    pub async fn open(path: PathBuf, written: &str) -> Result<SqliteFence> {
        check_source(&path, written)?;
        let at = path.clone();
        let session = Session::open(move || {
            let c = open_writable(&at, "fence")?;
            // The fence must outlive a power cut as soon as it is said to stand.
            c.execute_batch("PRAGMA synchronous = FULL").map_err(|e| failed("fence", &e))?;
            Ok(c)
        })
        .await?;
        Ok(SqliteFence { path, written: written.to_owned(), session })
    }

    fn identity(&self) -> Result<String> {
        let stat = stat(&self.path)?.ok_or_else(|| EngineError::new(ErrorKind::Lost, "fence production", "the file is no longer there"))?;
        // Not the device: its number may be another after the machine was started anew.
        Ok(format!("inode {}", stat.st_ino))
    }

    /// What a file in this one's place could not be given.
    fn hazards(&self) -> Result<Vec<Obstacle>> {
        let Some(stat) = stat(&self.path)? else { return Ok(Vec::new()) };
        let (us, shown) = (rustix::process::geteuid().as_raw(), quoted(&self.path.display().to_string()));
        let mut all = Vec::new();
        if us != 0 && stat.st_uid != us {
            let what = format!("the file belongs to user {}, and only an administrator can give another file to them", stat.st_uid);
            all.push(Obstacle { what, way_out: format!("switch as user {} or as root", stat.st_uid) });
        }
        let mut buffer = [0u8; 0];
        if rustix::fs::getxattr(&self.path, "system.posix_acl_access", &mut buffer).is_ok_and(|size| size > 0) {
            let what = "the file has an access list, which is not carried".to_owned();
            all.push(Obstacle { what, way_out: format!("let owner, group and mode say who works with it: `setfacl -b {shown}`") });
        }
        Ok(all)
    }

    fn obstacles(&self) -> Vec<Obstacle> {
        let writable = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let us = rustix::process::geteuid().as_raw();
        let mut all = Vec::new();
        for path in [self.path.clone(), beside(&self.path, "-wal"), beside(&self.path, "-shm"), folder.to_owned()] {
            if path.exists() && !writable(&path) {
                let way_out = format!("setfacl -m u:{us}:rwX {}", quoted(&path.display().to_string()));
                all.push(Obstacle { what: format!("`{}` may not be written", path.display()), way_out });
            }
        }
        all
    }
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn trigger(change: &str, table: &str) -> String {
    format!("{FENCE}{change}_{table}")
}

/// The statement that rejects a kind of change of a table.
fn shut_statement(change: &str, table: &str) -> String {
    let (trigger, table) = (ident(&trigger(change, table)), ident(table));
    format!("CREATE TRIGGER IF NOT EXISTS {trigger} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, '{SAID}'); END")
}

/// The statement that takes that away.
fn open_statement(change: &str, table: &str) -> String {
    format!("DROP TRIGGER IF EXISTS {}", ident(&trigger(change, table)))
}

/// A door for each table whose rows can be written.
fn doors_of(c: &Connection) -> Result<(Vec<Door>, Vec<String>)> {
    let (mut doors, mut gaps) = (Vec::new(), Vec::new());
    for entry in inspect::entries(c)?.iter().filter(|e| e.kind == "table") {
        if let Some((module, _)) = entry.module() {
            gaps.push(format!(
                "`{}` is a virtual table (`{module}`), which takes no triggers: what programs write into it is not stopped",
                entry.name
            ));
            continue;
        }
        let statements = |of: fn(&str, &str) -> String| CHANGES.map(|change| of(change, &entry.name)).join("; ");
        doors.push(Door {
            who: format!("writers of {}", entry.name),
            key: vec![entry.name.clone()],
            shut: statements(shut_statement),
            open: statements(open_statement),
        });
    }
    gaps.push("changes of the schema are not stopped: a program that creates, alters or drops tables still can".to_owned());
    Ok((doors, gaps))
}

/// Tables with rows of their own that no fence stops: what is written into them after the last reading would be lost.
fn unfenced(c: &Connection) -> Result<Vec<Obstacle>> {
    let entries = inspect::entries(c)?;
    let own = |name: &str| entries.iter().any(|e| ["_content", "_node"].iter().any(|end| e.name == format!("{name}{end}")));
    let virtuals = entries.iter().filter(|e| e.kind == "table" && e.module().is_some() && own(&e.name));
    Ok(virtuals
        .map(|e| Obstacle {
            what: format!("`{}` is a virtual table with rows of its own, which no fence keeps programs from writing", e.name),
            way_out: "stop the programs that write into it for the window, and keep its rows in a table (`content=`)".to_owned(),
        })
        .collect())
}

/// What was production, where it stands aside: doors that are open.
pub(super) fn aside_open(c: &Connection, doors: &Doors) -> Result<Vec<String>> {
    let shut = shut(c, doors)?;
    Ok(doors.doors.iter().zip(shut).filter(|(_, shut)| !shut).map(|(d, _)| d.who.clone()).collect())
}

/// The statement that lets a file keep its journal as this one does.
fn journal(c: &Connection) -> Result<Vec<String>> {
    let mode: String = c.query_row("PRAGMA journal_mode", [], |r| r.get(0)).map_err(|e| failed("read the journal mode", &e))?;
    Ok(vec![format!("PRAGMA journal_mode = {mode}")])
}

/// Triggers of fences.
fn triggers(c: &Connection) -> Result<Vec<String>> {
    let doing = "look at the fence";
    let mut query = c.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").map_err(|e| failed(doing, &e))?;
    let names = query.query_map([], |r| r.get::<_, String>(0)).and_then(Iterator::collect::<rusqlite::Result<Vec<String>>>);
    Ok(names.map_err(|e| failed(doing, &e))?.into_iter().filter(|name| name.starts_with(FENCE)).collect())
}

/// Which of the doors' triggers stand.
fn shut(c: &Connection, doors: &Doors) -> Result<Vec<bool>> {
    let names = triggers(c)?;
    let standing: Vec<String> = names.iter().map(|name| format!("DROP TRIGGER IF EXISTS {}", ident(name))).collect();
    Ok(doors.doors.iter().map(|d| standing.iter().filter(|one| d.open.contains(one.as_str())).count() == CHANGES.len()).collect())
}

fn together<'s>(c: &Connection, doing: &str, statements: impl Iterator<Item = &'s str>) -> Result<()> {
    let run = || {
        c.execute_batch("BEGIN IMMEDIATE")?;
        for statement in statements {
            c.execute_batch(statement)?;
        }
        c.execute_batch("COMMIT")
    };
    run().map_err(|e| {
        if !c.is_autocommit() {
            let _ = c.execute_batch("ROLLBACK");
        }
        let e = failed(doing, &e);
        match e.kind {
            ErrorKind::Transient => e.hint("a program has been writing for longer than ten seconds; try again when it is done, or stop it"),
            _ => e,
        }
    })
}

/// Rejects every change of a row in a file that nobody may write to yet. Repeatable.
pub(super) fn shut_all(c: &Connection) -> Result<()> {
    let doors = doors_of(c)?.0;
    together(c, "shut the new production until users are let in", doors.iter().map(|d| d.shut.as_str()))
}

/// Takes that away. Repeatable.
pub(super) fn open_all(c: &Connection) -> Result<()> {
    let drops: Vec<String> = triggers(c)?.iter().map(|name| format!("DROP TRIGGER IF EXISTS {}", ident(name))).collect();
    together(c, "let users into the new production", drops.iter().map(String::as_str))
}

#[async_trait]
impl Fence for SqliteFence {
    async fn doors(&mut self) -> Result<Doors> {
        let (engine_id, mut obstacles) = (self.identity()?, self.obstacles());
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone()).display().to_string();
        let client = format!("sqlite3 {}", quoted(&path));
        let database = self.written.clone();
        let (doors, gaps) = self.session.run(doors_of).await?;
        let besides = self.session.run(journal).await?;
        let hazards = self.hazards()?.into_iter().chain(self.session.run(unfenced).await?).collect();
        if self.session.run(|c| Ok(!triggers(c)?.is_empty())).await? {
            let way_out = "lift it where it was raised; only if that workspace is lost, drop the triggers by hand".to_owned();
            obstacles.push(Obstacle {
                what: "a fence stands that this workspace did not raise, or that stays around what was production before a switch"
                    .to_owned(),
                way_out,
            });
        }
        Ok(Doors { database, engine_id, client, doors, apart: false, spared: Vec::new(), besides, gaps, obstacles, hazards })
    }

    async fn raise(&mut self, doors: &Doors, _drain: Duration) -> Result<()> {
        same_database(doors, &self.identity()?)?;
        let all = doors.clone();
        self.session.run(move |c| together(c, "shut others out of production", all.doors.iter().map(|d| d.shut.as_str()))).await
    }

    async fn lift(&mut self, doors: &Doors) -> Result<()> {
        same_database(doors, &self.identity()?)?;
        let all = doors.clone();
        self.session
            .run(move |c| {
                let doing = "open production again";
                together(c, doing, all.opening())?;
                // A switch that went back has taken it out of WAL mode. Somebody may be at work in it this moment; programs that keep it open keep the
                // mode that they found.
                for _ in 0..JOURNAL_TRIES {
                    let kept = journal(c)?;
                    let Some(statement) = all.besides.iter().find(|s| !kept.contains(s)) else { break };
                    match c.execute_batch(statement).map_err(|e| failed(doing, &e)) {
                        Err(e) if e.kind != ErrorKind::Transient => return Err(e),
                        _ => {}
                    }
                    if journal(c)? == kept {
                        std::thread::sleep(JOURNAL_PAUSE);
                    }
                }
                Ok(())
            })
            .await
    }

    async fn look(&mut self, doors: &Doors) -> Result<Fenced> {
        same_database(doors, &self.identity()?)?;
        let all = doors.clone();
        self.session
            .run(move |c| {
                let stands = Stands::of(shut(c, &all)?);
                // Tables that were made since.
                let known = |d: &Door| all.doors.iter().any(|a| a.key == d.key);
                let open = if stands == Stands::Up {
                    doors_of(c)?.0.into_iter().filter(|d| !known(d)).map(|d| d.who).collect()
                } else {
                    Vec::new()
                };
                Ok(Fenced { stands, open, sessions: Vec::new() })
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::copy::SqliteSource;
    use super::*;
    use crate::seam::Source;

    #[tokio::test]
    async fn a_fence_is_no_part_of_the_schema() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.db");
        let c = Connection::open(&path).unwrap();
        c.execute_batch("create table a (id integer primary key); create trigger t after insert on a begin select 1; end").unwrap();
        let mut source = SqliteSource::open(path.clone(), "p.db").await.unwrap();
        let before = source.inspect().await.unwrap();
        let mut fence = SqliteFence::open(path, "p.db").await.unwrap();
        let doors = fence.doors().await.unwrap();
        fence.raise(&doors, Duration::ZERO).await.unwrap();
        assert_eq!(fence.look(&doors).await.unwrap().stands, Stands::Up);
        assert!(c.execute("insert into a values (1)", []).is_err());
        let fenced = source.inspect().await.unwrap();
        assert_eq!(fenced.fingerprint(), before.fingerprint());
        assert_eq!(fenced.objects, before.objects);
        assert_eq!(fence.doors().await.unwrap().doors, doors.doors, "the doors are the same while they are shut");
        c.execute_batch("create table later (id)").unwrap();
        assert_eq!(fence.look(&doors).await.unwrap().open, ["writers of later"]);
        fence.lift(&doors).await.unwrap();
        c.execute("insert into a values (1)", []).unwrap();
    }
}
