//! Restoring what pg_dump wrote. Archives are turned into text by pg_restore, without a connection; text runs over a session of ours, statement
//! by statement, each judged before it runs. Owns what of a dump is executed, left out and refused; `backup` owns reading it.
//!
//! No psql and no pg_restore ever connects: neither commands of psql nor messages that quote rows can do anything, and no password leaves
//! this process.

use super::connect::{Purpose, Session};
use super::dump::{Fate, HARMLESS, NAMED, fate, named, option, sets_up};
use super::error::{Doing, mapped};
use super::sql;
use super::target::PgTarget;
use super::tool::{self, Scratch};
use crate::backup::feed::Feed;
use crate::backup::text::{Piece, Statement};
use crate::backup::{Backup, Format, Restored, Tell, at, cut_off, judge, refused};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Marker, MarkerState, Target, nothing_alike};
use bytes::Bytes;
use futures_util::SinkExt;
use greenroom_model::catalog::EngineKind;
use std::collections::BTreeMap;
use std::process::Stdio;
use tokio::io::AsyncReadExt;

/// Rows written as INSERT statements are sent together, up to so many bytes.
const TOGETHER: usize = 1 << 17;

/// Restores a backup; see [`Target::restore`].
pub(super) async fn restore(target: &mut PgTarget, name: &str, marker: &Marker, backup: &Backup, tell: Tell) -> Result<Restored> {
    let building = Marker { state: MarkerState::Building, ..marker.clone() };
    let mut run = Run {
        name,
        building,
        backup,
        like: BTreeMap::new(),
        of: None,
        preamble: Vec::new(),
        session: None,
        batch: String::new(),
        batch_at: (0, 0),
        restored: Restored::default(),
    };
    match backup.format {
        Format::PgText | Format::Text => {
            let mut feed = Feed::file(EngineKind::Postgres, backup, tell).await?;
            run.all(target, &mut feed).await?;
        }
        _ => archive(target, &mut run, backup, tell).await?,
    }
    run.finish(target, marker).await
}

/// Lets pg_restore write an archive's SQL, and runs that.
async fn archive(target: &mut PgTarget, run: &mut Run<'_>, backup: &Backup, tell: Tell) -> Result<()> {
    let tool = tool::newest().await?;
    let scratch = Scratch::new(&std::env::temp_dir())?;
    let mut command = tool.command("pg_restore", &scratch);
    command.args(["--create", "--file=-"]).arg(&backup.path).stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = |e: std::io::Error| EngineError::other("run pg_restore", format!("the program did not start: {}", e.kind()));
    let mut child = command.spawn().map_err(start)?;
    let (Some(out), Some(mut complaints)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(EngineError::other("run pg_restore", "its output cannot be read"));
    };
    let listener = tokio::spawn(async move {
        let mut text = Vec::new();
        // What it says about a damaged archive is short; more is of no use.
        let _ = (&mut complaints).take(1 << 16).read_to_end(&mut text).await;
        let _ = tokio::io::copy(&mut complaints, &mut tokio::io::sink()).await;
        String::from_utf8_lossy(&text).into_owned()
    });
    let mut feed = Feed::of(EngineKind::Postgres, backup, Box::new(out), tell);
    let done = run.all(target, &mut feed).await;
    drop(feed);
    if let Err(e) = &done
        && e.kind != ErrorKind::Unusable
    {
        // The server's own refusal; pg_restore only finds that nobody reads any more.
        let _ = child.start_kill();
        return done;
    }
    let status = child.wait().await.map_err(start)?;
    let said = listener.await.unwrap_or_default();
    if status.success() {
        return done;
    }
    if let Err(e) = done
        && e.statement.is_some()
    {
        return Err(e);
    }
    let line = said
        .lines()
        .find(|l| l.contains("error:"))
        .and_then(|l| l.split_once("error:"))
        .map_or("it failed without saying why", |(_, l)| l.trim());
    if line.contains("unsupported version") {
        return Err(refused(&backup.path, format!("it was written by a newer pg_dump than pg_restore {} can read", tool.version))
            .hint("install PostgreSQL's client programs of the version that wrote it (Debian: postgresql-client-NN)"));
    }
    Err(refused(&backup.path, format!("pg_restore cannot read it: {line}"))
        .hint("take the backup again, or copy it again and compare sizes"))
}

/// One restore under way.
struct Run<'a> {
    name: &'a str,
    building: Marker,
    backup: &'a Backup,
    /// Encoding and locale, as far as the dump says.
    like: BTreeMap<String, String>,
    /// The database that the dump was made of.
    of: Option<String>,
    /// Settings that came before the database was there.
    preamble: Vec<String>,
    session: Option<Session>,
    batch: String,
    batch_at: (u64, u32),
    restored: Restored,
}

impl Run<'_> {
    async fn all(&mut self, target: &mut PgTarget, feed: &mut Feed) -> Result<()> {
        while let Some(piece) = feed.next().await? {
            match piece {
                Piece::Command(name, rest, line) => self.command(&name, &rest, feed.number + 1, line)?,
                Piece::Statement(s) => self.statement(target, feed, &s).await?,
                Piece::Data(_) | Piece::DataEnd => return Err(cut_off(&self.backup.path)),
            }
        }
        self.flush().await
    }

    fn refused(&self, why: impl Into<String>, number: u64, line: u32) -> EngineError {
        at(refused(&self.backup.path, why), number, line)
    }

    fn command(&mut self, name: &str, rest: &str, number: u64, line: u32) -> Result<()> {
        if HARMLESS.contains(&name) {
            return Ok(());
        }
        if matches!(name, "connect" | "c") {
            // `\connect name`, or `\connect -reuse-previous=on "dbname='name'"`.
            let there = rest.trim_end_matches(';').trim().trim_matches('"');
            let there = there.split_once("dbname=").map_or(there, |(_, n)| n.trim_matches(['\'', '"']));
            return match &self.of {
                Some(of) if of.eq_ignore_ascii_case(there.trim()) => Ok(()),
                _ => Err(self
                    .refused("it leads into a database that it does not create: it is of several databases", number, line)
                    .hint("make a dump of the one database: `pg_dump -Fc DATABASE > FILE`")),
            };
        }
        let shown = if NAMED.contains(&name) { format!("psql's `\\{name}`") } else { "a command of psql".to_owned() };
        Err(self
            .refused(format!("{shown} stands in it, which no dump of pg_dump holds"), number, line)
            .hint("a backup is foreign code: make the dump again with pg_dump, or take the line out after reading it"))
    }

    async fn statement(&mut self, target: &mut PgTarget, feed: &mut Feed, s: &Statement) -> Result<()> {
        let Ok(text) = std::str::from_utf8(&s.sql) else {
            return Err(self.refused("a statement in it is not UTF-8", feed.number, s.line).hint("make the dump with `pg_dump -E UTF8`"));
        };
        match (s.is(&["CREATE", "DATABASE"]), s.is(&["DROP", "DATABASE"]), s.is(&["ALTER", "DATABASE"])) {
            (true, _, _) => return self.create_database(text, feed.number, s.line),
            (_, true, _) => return Ok(()),
            (_, _, true) => return self.alter_database(target, text, feed.number, s.line).await,
            _ => {}
        }
        if self.session.is_none() && sets_up(s) {
            if let Some(encoding) = s.is(&["SET", "CLIENT_ENCODING"]).then(|| option(text, "CLIENT_ENCODING")).flatten() {
                self.like.entry("encoding".into()).or_insert(encoding);
            }
            self.preamble.push(text.to_owned());
            return Ok(());
        }
        let fate = fate(s);
        match fate {
            Fate::Skip => return Ok(()),
            Fate::LeftOut(what, why) => {
                self.restored.note(what, why);
                return Ok(());
            }
            Fate::Run | Fate::Try(..) => {}
        }
        let foreign = s.is(&["CREATE", "SERVER"]) || s.is(&["CREATE", "FOREIGN"]) || s.is(&["ALTER", "FOREIGN"]);
        if foreign {
            self.restored
                .note("foreign servers and tables", "they are defined, but without user mappings nothing can be read through them");
        } else if !sets_up(s) {
            judge(EngineKind::Postgres, &self.backup.path, feed.number, s, &mut self.restored)?;
        }
        self.enter(target).await?;
        if s.is(&["INSERT", "INTO"]) {
            if self.batch.is_empty() {
                self.batch_at = (feed.number, s.line);
            }
            self.batch.push_str(text);
            self.batch.push_str(";\n");
            return if self.batch.len() >= TOGETHER { self.flush().await } else { Ok(()) };
        }
        self.flush().await?;
        if s.is(&["COPY"]) {
            return self.copy(feed, text, s.line).await;
        }
        self.restored.statements += 1;
        let session = self.session.as_ref().expect("entered just above");
        let Err(e) = session.client.batch_execute(text).await else { return Ok(()) };
        let code = e.code().map_or("", |c| c.code()).to_owned();
        if let Fate::Try(codes, why) = fate
            && codes.contains(&code.as_str())
        {
            if !why.is_empty() {
                let what: Vec<String> = s.words().into_iter().take(3).collect();
                self.restored.note(format!("`{}` on line {}", what.join(" "), s.line), why);
            }
            return Ok(());
        }
        Err(self.failed(&e, feed.number, s.line))
    }

    fn failed(&self, e: &tokio_postgres::Error, number: u64, line: u32) -> EngineError {
        let e = at(mapped(e, format!("restore `{}`", self.backup.path.display())), number, line);
        if e.hint.is_some() {
            return e;
        }
        let hint = match e.native_code.as_deref() {
            Some("42601" | "42704" | "42883" | "0A000" | "58P01") => {
                "the quarantine's server may be older than the one the backup was made on, or lack an extension that it had"
            }
            _ => "see whether the backup is whole and the quarantine's server is like the one it was made on",
        };
        e.hint(hint)
    }

    fn create_database(&mut self, text: &str, number: u64, line: u32) -> Result<()> {
        let (name, _) = named(text, 2);
        if self.of.is_some() || self.session.is_some() {
            return Err(self
                .refused("it is of several databases", number, line)
                .hint("make a dump of the one database: `pg_dump -Fc DATABASE > FILE`"));
        }
        self.of = Some(name);
        for (key, word) in [("encoding", "ENCODING"), ("lc_collate", "LC_COLLATE"), ("lc_ctype", "LC_CTYPE")] {
            if let Some(value) = option(text, word) {
                self.like.insert(key.into(), value);
            }
        }
        let provider = option(text, "LOCALE_PROVIDER").unwrap_or_default().to_ascii_lowercase();
        if let Some(locale) = option(text, "LOCALE") {
            for key in ["lc_collate", "lc_ctype"] {
                self.like.entry(key.into()).or_insert_with(|| locale.clone());
            }
        }
        let named = |key: &str| option(text, key);
        match provider.as_str() {
            "icu" => {
                self.like.insert("locale_provider".into(), "i".into());
                self.like.extend(named("ICU_LOCALE").map(|l| ("locale".to_owned(), l)));
            }
            "builtin" => {
                self.like.insert("locale_provider".into(), "b".into());
                self.like.extend(named("BUILTIN_LOCALE").map(|l| ("locale".to_owned(), l)));
            }
            _ => {}
        }
        Ok(())
    }

    /// `ALTER DATABASE x SET …` holds for our database; everything else about a database is the server's.
    async fn alter_database(&mut self, target: &mut PgTarget, text: &str, number: u64, line: u32) -> Result<()> {
        let (name, rest) = named(text, 2);
        if self.of.as_ref().is_some_and(|of| *of != name) {
            return Err(self.refused("it changes another database than the one it is of", number, line));
        }
        let upper = rest.to_ascii_uppercase();
        if !upper.starts_with("SET ") || upper.starts_with("SET TABLESPACE") {
            return Ok(());
        }
        self.enter(target).await?;
        let statement = format!("alter database {} {rest}", sql::ident(self.name));
        if let Err(e) = self.session.as_ref().expect("entered just above").client.batch_execute(&statement).await {
            let e = mapped(&e, "set up the raw copy");
            if e.kind == ErrorKind::Lost {
                return Err(e);
            }
            self.restored.note(format!("`ALTER DATABASE … SET` on line {line}"), "the quarantine's server does not take this setting");
        }
        Ok(())
    }

    /// Creates the database once it is known what it is to be like, and enters it.
    async fn enter(&mut self, target: &mut PgTarget) -> Result<()> {
        if self.session.is_some() {
            return Ok(());
        }
        if !self.like.contains_key("lc_collate") {
            self.restored.note(
                "collation",
                "the dump does not say which it had (it was made without `--create`): that of the quarantine's server is used",
            );
        }
        let mut like = nothing_alike();
        like.settings = std::mem::take(&mut self.like);
        target.create(self.name, &self.building, &like).await?;
        let session = target.server.open(self.name, Purpose::Foreign).await?;
        // Progress of copying is kept in generations only; a raw copy holds nothing but what was in the backup.
        session
            .client
            .batch_execute("drop schema if exists greenroom cascade; set synchronous_commit = off")
            .await
            .doing("prepare the raw copy")?;
        for setting in std::mem::take(&mut self.preamble) {
            if let Err(e) = session.client.batch_execute(&setting).await {
                let e = mapped(&e, "prepare the raw copy");
                if e.kind == ErrorKind::Lost {
                    return Err(e);
                }
                self.restored.note("a setting at the head of the dump", "the quarantine's server does not know it");
            }
        }
        self.session = Some(session);
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.restored.statements += 1;
        let session = self.session.as_ref().expect("nothing is gathered before the database is entered");
        let done = session.client.batch_execute(&batch).await;
        done.map_err(|e| self.failed(&e, self.batch_at.0, self.batch_at.1))
    }

    /// Streams the data lines behind a `COPY`.
    async fn copy(&mut self, feed: &mut Feed, text: &str, line: u32) -> Result<()> {
        self.restored.statements += 1;
        let number = feed.number;
        let session = self.session.as_ref().expect("the database is entered before rows come");
        let failed = |e: &tokio_postgres::Error| self.failed(e, number, line);
        let sink = session.client.copy_in::<_, Bytes>(text).await.map_err(|e| failed(&e))?;
        let mut sink = Box::pin(sink);
        loop {
            match feed.next().await? {
                Some(Piece::Data(data)) => sink.send(Bytes::from(data)).await.map_err(|e| failed(&e))?,
                Some(Piece::DataEnd) => break,
                _ => return Err(cut_off(&self.backup.path)),
            }
        }
        sink.as_mut().finish().await.map_err(|e| failed(&e))?;
        Ok(())
    }

    async fn finish(mut self, target: &mut PgTarget, marker: &Marker) -> Result<Restored> {
        self.enter(target).await?;
        let session = self.session.take().expect("entered just above");
        // Sizes and plans of the copy to come are judged by statistics, which no dump holds.
        session.client.batch_execute("reset all; set search_path = ''; analyze").await.doing("gather statistics of the raw copy")?;
        session.close().await;
        target.mark(self.name, marker).await?;
        let standing = target.look(self.name).await?;
        let standing = standing.ok_or_else(|| EngineError::new(ErrorKind::Lost, "look at the raw copy", "it is gone"))?;
        Ok(Restored { engine_id: standing.engine_id, of: self.of, ..self.restored })
    }
}
