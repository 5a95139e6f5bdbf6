//! Restoring what pg_dump wrote. Archives are turned into text by pg_restore, without a connection; text runs over a session of ours, statement
//! by statement, each judged before it runs. Owns what of a dump is executed, left out and refused; `backup` owns reading it.
//!
//! No psql and no pg_restore ever connects: neither commands of psql nor messages that quote rows can do anything, and no password leaves
//! this process.

use super::connect::{Purpose, Session};
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

/// Commands of psql that mean nothing for the database.
const HARMLESS: &[&str] =
    &["restrict", "unrestrict", "echo", "qecho", "warn", "set", "unset", "pset", "timing", "x", "a", "t", "conninfo", "encoding"];

/// Commands of psql that may be named when they are refused.
const NAMED: &[&str] =
    &["!", "o", "copy", "connect", "c", "i", "ir", "include", "g", "gexec", "w", "cd", "setenv", "lo_import", "lo_export", "q"];

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

/// What becomes of a statement.
enum Fate {
    Run,
    /// Runs, and what it may fail with is only worth a note.
    Try(&'static [&'static str], &'static str),
    LeftOut(&'static str, &'static str),
    Skip,
}

fn fate(s: &Statement) -> Fate {
    let words = s.words();
    let word = |i: usize| words.get(i).map_or("", String::as_str);
    let upper = || s.skeleton.to_ascii_uppercase();
    const GONE: &[&str] = &["42P01", "42704", "42883", "3F000", "42703", "3D000"];
    match (word(0), word(1)) {
        ("SET" | "RESET", "SESSION") if word(2) == "AUTHORIZATION" => Fate::Skip,
        ("SET", "ROLE") | ("REASSIGN", _) => Fate::Skip,
        ("SET", _) => Fate::Try(&["42704", "22023", "42501"], "the quarantine's server does not know or allow this setting"),
        ("GRANT" | "REVOKE", _) => Fate::LeftOut("grants", "nobody but Greenroom comes into a raw copy"),
        ("ALTER", "DEFAULT") => Fate::LeftOut("default privileges", "nobody but Greenroom comes into a raw copy"),
        ("ALTER", _) if upper().contains(" OWNER TO ") => Fate::LeftOut("owners", "everything in a raw copy belongs to Greenroom's role"),
        ("COMMENT", "ON") if word(2) == "DATABASE" => Fate::Skip,
        ("COMMENT", "ON") if matches!(word(2), "EXTENSION" | "SCHEMA" | "CAST") => {
            Fate::Try(&["42501"], "comments of the server's own objects are not ours to set")
        }
        ("SECURITY", "LABEL") => Fate::LeftOut("security labels", "they need the provider that gave them"),
        ("CREATE" | "ALTER", "USER") if word(2) == "MAPPING" => {
            Fate::LeftOut("user mappings", "a raw copy must not be able to log in anywhere else")
        }
        ("CREATE" | "ALTER" | "DROP", "SUBSCRIPTION") => {
            Fate::LeftOut("subscriptions", "a raw copy must not fetch anything from production")
        }
        ("CREATE" | "ALTER" | "DROP", "PUBLICATION") => Fate::LeftOut("publications", "nobody subscribes to a raw copy"),
        ("CREATE" | "ALTER", "EVENT") if word(2) == "TRIGGER" => Fate::Try(&["42501"], "event triggers need a superuser"),
        ("CREATE", "POLICY") => Fate::Try(&["42704"], "the policy names a role that the quarantine's server does not have"),
        ("CREATE", "SCHEMA") if word(2) == "PUBLIC" || s.skeleton.contains("public") => Fate::Try(&["42P06"], ""),
        ("DROP", _) => Fate::Try(GONE, ""),
        ("ALTER", "TABLE") if upper().contains(" DROP ") || s.skeleton.contains("IF EXISTS") => Fate::Try(GONE, ""),
        _ => Fate::Run,
    }
}

/// Whether a statement only sets up the session.
fn sets_up(s: &Statement) -> bool {
    s.is(&["SET"]) || s.is(&["RESET"]) || (s.is(&["SELECT", "PG_CATALOG"]) && s.skeleton.contains("set_config"))
}

/// The value of `KEY = 'value'` or `KEY = word` in a statement.
fn option(sql: &str, key: &str) -> Option<String> {
    let upper = sql.to_ascii_uppercase();
    let mut from = 0;
    while let Some(found) = upper[from..].find(key) {
        let begin = from + found;
        from = begin + key.len();
        let alone = begin == 0 || !upper.as_bytes()[begin - 1].is_ascii_alphanumeric() && upper.as_bytes()[begin - 1] != b'_';
        let rest = sql[from..].trim_start();
        let Some(rest) = rest.strip_prefix('=').filter(|_| alone) else { continue };
        let rest = rest.trim_start();
        return Some(match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split('\'').next().unwrap_or("").to_owned(),
            None => rest.split(|c: char| c.is_whitespace() || c == ';').next().unwrap_or("").to_owned(),
        });
    }
    None
}

/// The name behind `CREATE DATABASE` and the like, and what follows it.
fn named<'s>(sql: &'s str, words: usize) -> (String, &'s str) {
    let mut rest = sql.trim_start();
    for _ in 0..words {
        rest = rest.trim_start_matches(|c: char| !c.is_whitespace()).trim_start();
    }
    match rest.strip_prefix('"') {
        Some(quoted) => {
            let mut end = 0;
            let bytes = quoted.as_bytes();
            while end < bytes.len() && !(bytes[end] == b'"' && bytes.get(end + 1) != Some(&b'"')) {
                end += if bytes[end] == b'"' { 2 } else { 1 };
            }
            let end = end.min(quoted.len());
            (quoted[..end].replace("\"\"", "\""), quoted.get(end + 1..).unwrap_or("").trim_start())
        }
        None => {
            let end = rest.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(rest.len());
            (rest[..end].to_ascii_lowercase(), rest[end..].trim_start())
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dump_says_about_its_database_is_found() {
        let sql =
            "CREATE DATABASE \"My \"\"Shop\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'pl_PL.UTF-8'";
        assert_eq!(named(sql, 2).0, "My \"Shop");
        assert_eq!(option(sql, "ENCODING").as_deref(), Some("UTF8"));
        assert_eq!(option(sql, "LOCALE").as_deref(), Some("pl_PL.UTF-8"));
        assert_eq!(option(sql, "LOCALE_PROVIDER").as_deref(), Some("libc"));
        assert_eq!(option(sql, "ICU_LOCALE"), None);
        assert_eq!(named("ALTER DATABASE Shop SET x TO 'y'", 2), ("shop".to_owned(), "SET x TO 'y'"));
    }
}
