//! One connection on one thread. SQLite's calls block, so they stay off the async runtime; commands come over a channel.
//!
//! Owns threads and the reading of batches. While a read is open its statement lives on the thread's stack and other commands are served in
//! between, on the same connection and so in the same transaction. Does not own what the commands do.

use super::encoding::write_row;
use super::error::failed;
use crate::batch::RawBatch;
use crate::error::{EngineError, ErrorKind, Result};
use bytes::Bytes;
use rusqlite::{Connection, InterruptHandle};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use tokio::sync::oneshot;

/// Batches are cut once they hold so many bytes: large enough that channels cost nothing, small enough for the peak of memory.
const BATCH: usize = 512 * 1024;

enum Command {
    Run(Box<dyn FnOnce(&Connection) + Send>),
    Begin { sql: Option<String>, attempted: String, reply: oneshot::Sender<Result<()>> },
    Next(oneshot::Sender<Result<Option<RawBatch>>>),
    EndRead,
    Close(oneshot::Sender<()>),
}

/// A connection that works on a thread of its own. Dropping it interrupts what runs and closes the connection.
pub(super) struct Session {
    commands: mpsc::Sender<Command>,
    interrupt: InterruptHandle,
    gone: Arc<AtomicBool>,
}

impl Session {
    /// Starts the thread and opens the connection there.
    pub async fn open(open: impl FnOnce() -> Result<Connection> + Send + 'static) -> Result<Session> {
        let (commands, inbox) = mpsc::channel();
        let (ready, opened) = oneshot::channel();
        let gone = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&gone);
        std::thread::Builder::new()
            .name("sqlite".to_owned())
            .spawn(move || match open() {
                Err(e) => drop(ready.send(Err(e))),
                Ok(connection) => {
                    if ready.send(Ok(connection.get_interrupt_handle())).is_err() {
                        return;
                    }
                    let closing = serve(&connection, &inbox, &seen);
                    drop(connection);
                    if let Some(reply) = closing {
                        let _ = reply.send(());
                    }
                }
            })
            .map_err(|e| EngineError::other("start a thread for SQLite", e.to_string()))?;
        let interrupt = opened.await.map_err(|_| lost())??;
        Ok(Session { commands, interrupt, gone })
    }

    /// Runs a function with the connection and waits for what it returns.
    pub async fn run<T: Send + 'static>(&self, f: impl FnOnce(&Connection) -> Result<T> + Send + 'static) -> Result<T> {
        self.start(f)?.await.map_err(|_| lost())?
    }

    /// Runs a function with the connection without waiting for it yet.
    pub fn start<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T>>> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Run(Box::new(move |c| drop(reply.send(f(c))))))?;
        Ok(answer)
    }

    /// Starts a query whose rows are fetched by [`Session::next`]; `None` is a read without rows. Ends a former read.
    pub async fn begin_read(&self, sql: Option<String>, attempted: String) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Begin { sql, attempted, reply })?;
        answer.await.map_err(|_| lost())?
    }

    /// The next batch of the open read; `None` at its end.
    pub async fn next(&self) -> Result<Option<RawBatch>> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Next(reply))?;
        answer.await.map_err(|_| lost())?
    }

    /// Ends the open read, if any, without waiting.
    pub fn end_read(&self) {
        let _ = self.send(Command::EndRead);
    }

    /// Closes the connection and waits until it is closed; later commands fail as lost.
    pub async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.send(Command::Close(reply)).is_ok() {
            let _ = answer.await;
        }
    }

    fn send(&self, command: Command) -> Result<()> {
        self.commands.send(command).map_err(|_| lost())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Commands still queued must not run any more; the one that runs is interrupted.
        self.gone.store(true, Ordering::SeqCst);
        self.interrupt.interrupt();
    }
}

fn lost() -> EngineError {
    EngineError::new(ErrorKind::Lost, "talk to SQLite", "the session is closed")
}

/// Serves commands until the session goes; returns whom to tell about the end.
fn serve(connection: &Connection, inbox: &mpsc::Receiver<Command>, gone: &AtomicBool) -> Option<oneshot::Sender<()>> {
    let mut pending = None;
    loop {
        let command = pending.take().or_else(|| inbox.recv().ok())?;
        if gone.load(Ordering::SeqCst) {
            return None;
        }
        match command {
            Command::Run(f) => f(connection),
            Command::Begin { sql: None, reply, .. } => drop(reply.send(Ok(()))),
            Command::Begin { sql: Some(sql), attempted, reply } => pending = read(connection, inbox, gone, &sql, &attempted, reply),
            Command::Next(reply) => drop(reply.send(Ok(None))),
            Command::EndRead => {}
            Command::Close(reply) => return Some(reply),
        }
    }
}

/// Serves commands while a read is open; returns the command that ended it, if the outer loop has to see it.
fn read(
    connection: &Connection,
    inbox: &mpsc::Receiver<Command>,
    gone: &AtomicBool,
    sql: &str,
    attempted: &str,
    reply: oneshot::Sender<Result<()>>,
) -> Option<Command> {
    let mut statement = match connection.prepare(sql) {
        Ok(s) => s,
        Err(e) => {
            let _ = reply.send(Err(failed(attempted, &e)));
            return None;
        }
    };
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    let _ = reply.send(Ok(()));
    // One batch is prepared ahead while the former is being masked and loaded elsewhere.
    let mut ahead = None;
    loop {
        let command = match inbox.try_recv() {
            Ok(command) => command,
            Err(mpsc::TryRecvError::Disconnected) => return None,
            Err(mpsc::TryRecvError::Empty) if ahead.is_none() => {
                ahead = Some(batch(&mut rows, width).map_err(|e| failed(attempted, &e)));
                continue;
            }
            Err(mpsc::TryRecvError::Empty) => inbox.recv().ok()?,
        };
        if gone.load(Ordering::SeqCst) {
            return None;
        }
        match command {
            Command::Run(f) => f(connection),
            Command::Next(reply) => {
                let next = match ahead.take() {
                    Some(ready) => ready,
                    None => batch(&mut rows, width).map_err(|e| failed(attempted, &e)),
                };
                let goes_on = matches!(next, Ok(Some(_)));
                let _ = reply.send(next);
                if !goes_on {
                    return None;
                }
            }
            Command::EndRead => return None,
            other => return Some(other),
        }
    }
}

fn batch(rows: &mut rusqlite::Rows<'_>, width: usize) -> rusqlite::Result<Option<RawBatch>> {
    let mut out = Vec::with_capacity(BATCH + BATCH / 8);
    while out.len() < BATCH {
        match rows.next()? {
            Some(row) => write_row(row, width, &mut out)?,
            None => break,
        }
    }
    Ok((!out.is_empty()).then(|| RawBatch { data: Bytes::from(out) }))
}
