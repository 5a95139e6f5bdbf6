//! Writers that keep changing a database until they are stopped, for tests that copy while production works. Owns pace and counting; what
//! is written comes from the test.

use crate::maria;
use crate::pg::Database;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A writer at work. Dropping it stops it.
#[derive(Debug)]
pub struct Writer {
    stop: Arc<AtomicBool>,
    committed: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Runs `transaction(0)`, `transaction(1)`, … on a SQLite file, with `pause` between; each is a script that commits by itself. It waits
    /// up to ten seconds for locks.
    pub fn sqlite(path: &Path, pause: Duration, transaction: impl Fn(u64) -> String + Send + 'static) -> Writer {
        let connection = rusqlite::Connection::open(path).unwrap_or_else(|e| panic!("open {}: {e}", path.display()));
        connection.busy_timeout(Duration::from_secs(10)).unwrap_or_else(|e| panic!("set the busy timeout: {e}"));
        Writer::start(pause, move |n| connection.execute_batch(&transaction(n)).map_err(|e| e.to_string()))
    }

    /// The same on a PostgreSQL database, through one connection.
    pub fn postgres(database: &Database, pause: Duration, transaction: impl Fn(u64) -> String + Send + 'static) -> Writer {
        Writer::client(database.psql(), |n| format!("\\echo done {n}"), pause, transaction)
    }

    /// The same on a MariaDB database, through one connection.
    pub fn mariadb(database: &maria::Database, pause: Duration, transaction: impl Fn(u64) -> String + Send + 'static) -> Writer {
        let mut client = database.client("root");
        client.arg("--unbuffered");
        Writer::client(client, |n| format!("select 'done {n}';"), pause, transaction)
    }

    /// Through a client program that reads statements; `told` makes it print `done` and a number.
    fn client(
        mut client: Command,
        told: fn(u64) -> String,
        pause: Duration,
        transaction: impl Fn(u64) -> String + Send + 'static,
    ) -> Writer {
        let mut client = client.spawn().unwrap_or_else(|e| panic!("start {:?}: {e}", client.get_program()));
        let mut stdin = client.stdin.take().expect("standard input is piped");
        let mut stdout = BufReader::new(client.stdout.take().expect("standard output is piped"));
        Writer::start(pause, move |n| {
            // The number is printed once everything before has been executed; rows that the script prints are passed over.
            let sent = stdin.write_all(format!("{}\n{}\n", transaction(n), told(n)).as_bytes()).and_then(|()| stdin.flush());
            let mark = format!("done {n}\n");
            let mut line = String::new();
            while sent.is_ok() && stdout.read_line(&mut line).is_ok_and(|read| read > 0) {
                if line == mark {
                    return Ok(());
                }
                line.clear();
            }
            let mut said = String::new();
            client.stderr.take().map(|mut e| e.read_to_string(&mut said));
            drop(client.wait());
            Err(said)
        })
    }

    fn start(pause: Duration, mut step: impl FnMut(u64) -> Result<(), String> + Send + 'static) -> Writer {
        let (stop, committed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&committed));
        let work = move || {
            // At least once, so that a writer that was stopped at once has still shown that it can write.
            loop {
                let n = counted.load(Ordering::Relaxed);
                step(n).unwrap_or_else(|e| panic!("transaction {n} of the writer failed: {e}"));
                counted.store(n + 1, Ordering::Relaxed);
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(pause);
            }
        };
        let thread = std::thread::Builder::new().name("writer".into()).spawn(work).unwrap_or_else(|e| panic!("start a thread: {e}"));
        Writer { stop, committed, thread: Some(thread) }
    }

    /// How many transactions have committed so far.
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::Relaxed)
    }

    /// Stops, and returns how many transactions have committed.
    ///
    /// # Panics
    /// When a transaction failed: a writer that was not writing proves nothing.
    pub fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_else(|_| panic!("the writer failed, see above"));
        }
        self.committed()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A failed writer is reported by `stop`; panicking while the test panics already would hide why.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::wait_until;
    use crate::shop::Shop;

    #[test]
    fn a_sqlite_file_changes_until_the_writer_stops() {
        let (shop, folder) = (Shop { employees: 3, customers: 5, invoices: 5 }, crate::files::folder());
        let file = folder.path().join("shop.db");
        shop.sqlite(&file);
        let writer = Writer::sqlite(&file, Duration::ZERO, move |n| shop.work(n));
        wait_until("three transactions have committed", Duration::from_secs(30), || writer.committed() >= 3);
        let committed = writer.stop();
        let rows: i64 = rusqlite::Connection::open(file).unwrap().query_row("select count(*) from customer", [], |r| r.get(0)).unwrap();
        assert_eq!(u64::try_from(rows).unwrap(), 5 + committed);
    }

    #[test]
    fn a_postgres_database_changes_until_the_writer_stops() {
        let database = crate::postgres!().database("writer");
        let shop = Shop { employees: 3, customers: 5, invoices: 5 };
        shop.postgres(&database);
        let writer = Writer::postgres(&database, Duration::ZERO, move |n| shop.work(n));
        wait_until("three transactions have committed", Duration::from_secs(30), || writer.committed() >= 3);
        let committed = writer.stop();
        assert_eq!(database.query("select count(*) from customer"), (5 + committed).to_string());
    }

    #[test]
    #[should_panic(expected = "the writer failed")]
    fn a_writer_that_fails_fails_the_test() {
        let folder = crate::files::folder();
        let writer = Writer::sqlite(&folder.path().join("empty.db"), Duration::ZERO, |_| "insert into nowhere values (1)".into());
        writer.stop();
    }
}
