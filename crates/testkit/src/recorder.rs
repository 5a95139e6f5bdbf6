//! A program of production's that keeps writing whatever happens to it, and remembers what it was told is stored: for tests that shut it out. Owns
//! its session and its memory; does not judge.

use crate::{maria, pg};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// The table that it writes to: `create table recorded (n integer primary key)`.
pub const TABLE: &str = "recorded";

/// At work until it is dropped.
#[derive(Debug)]
pub struct Recorder {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<u64>>>,
    refused: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// A client program with a session that it keeps.
struct Client {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Client {
    fn start(mut command: Command) -> Option<Client> {
        let mut child = command.spawn().ok()?;
        let (stdin, stdout) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        Some(Client { child, stdin, stdout })
    }

    /// Whether the mark came back, which is printed once the statement before it has ended well.
    fn acknowledged(&mut self, script: &str, mark: &str) -> bool {
        let sent = self.stdin.write_all(script.as_bytes()).and_then(|()| self.stdin.flush());
        let mut line = String::new();
        while sent.is_ok() && self.stdout.read_line(&mut line).is_ok_and(|read| read > 0) {
            if line.trim_end() == mark {
                return true;
            }
            line.clear();
        }
        false
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Recorder {
    /// Writes into a SQLite file that it keeps open.
    pub fn sqlite(path: &Path) -> Recorder {
        let connection = rusqlite::Connection::open(path).unwrap_or_else(|e| panic!("open {}: {e}", path.display()));
        connection.busy_timeout(Duration::from_secs(10)).unwrap_or_else(|e| panic!("set the busy timeout: {e}"));
        Recorder::start(move |n| connection.execute(&format!("insert into {TABLE} (n) values ({n})"), []).is_ok())
    }

    /// Writes into the SQLite file of this name, which it opens anew for every row.
    pub fn sqlite_by_name(path: &Path) -> Recorder {
        let path = path.to_owned();
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        Recorder::start(move |n| {
            let stored = || -> rusqlite::Result<()> {
                let connection = rusqlite::Connection::open_with_flags(&path, flags)?;
                connection.busy_timeout(Duration::from_secs(10))?;
                connection.execute(&format!("insert into {TABLE} (n) values ({n})"), []).map(drop)
            };
            stored().is_ok()
        })
    }

    /// Writes into a database of PostgreSQL as a role with this password, and connects again whenever it was thrown out.
    pub fn postgres(database: &pg::Database, role: &str, password: &str) -> Recorder {
        let (database, role, password) = (database.clone(), role.to_owned(), password.to_owned());
        Recorder::client(
            move || {
                let mut psql = database.psql();
                psql.env("PGHOST", "127.0.0.1").env("PGUSER", &role).env("PGPASSWORD", &password);
                psql
            },
            |n| format!("\\echo stored {n}"),
        )
    }

    /// Writes into a database of MariaDB as an account without a password, and connects again whenever it was thrown out.
    pub fn mariadb(database: &maria::Database, user: &str) -> Recorder {
        let (database, user) = (database.clone(), user.to_owned());
        let client = move || {
            let mut client = database.client(&user);
            client.arg("--unbuffered");
            client
        };
        Recorder::client(client, |n| format!("select 'stored {n}';"))
    }

    /// As [`Recorder::mariadb`], into the database that a file names: it is read anew for every session, as a program reads its settings.
    pub fn mariadb_pointed(server: &'static maria::Server, settings: &Path, user: &str) -> Recorder {
        let (settings, user) = (settings.to_owned(), user.to_owned());
        let client = move || {
            let name = std::fs::read_to_string(&settings).unwrap_or_default();
            let mut client = server.existing(name.trim()).client(&user);
            client.arg("--unbuffered");
            client
        };
        Recorder::client(client, |n| format!("select 'stored {n}';"))
    }

    fn client(command: impl Fn() -> Command + Send + 'static, told: fn(u64) -> String) -> Recorder {
        let mut client: Option<Client> = None;
        Recorder::start(move |n| {
            let script = format!("insert into {TABLE} (n) values ({n});\n{}\n", told(n));
            let mut there = client.take().or_else(|| Client::start(command()));
            let stored = there.as_mut().is_some_and(|c| c.acknowledged(&script, &format!("stored {n}")));
            client = there.filter(|_| stored);
            stored
        })
    }

    fn start(mut attempt: impl FnMut(u64) -> bool + Send + 'static) -> Recorder {
        let (stop, acknowledged, refused) =
            (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU64::new(0)));
        let (stopped, stored, thrown) = (Arc::clone(&stop), Arc::clone(&acknowledged), Arc::clone(&refused));
        let work = move || {
            // A number that was refused may be stored all the same: it is never used again.
            for n in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                match attempt(n) {
                    true => stored.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(n),
                    false => drop(thrown.fetch_add(1, Ordering::Relaxed)),
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        let thread = std::thread::Builder::new().name("recorder".into()).spawn(work).unwrap_or_else(|e| panic!("start a thread: {e}"));
        Recorder { stop, acknowledged, refused, thread: Some(thread) }
    }

    /// What it was told is stored, so far.
    pub fn acknowledged(&self) -> Vec<u64> {
        self.acknowledged.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// How many attempts failed so far.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}
