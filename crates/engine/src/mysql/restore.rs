//! Restoring what mysqldump and mariadb-dump wrote: their text runs over a session of ours, statement by statement, each judged before it runs.
//! Owns what of a dump is executed, mapped, left out and refused; `backup` owns reading it.
//!
//! No client program takes part: none of its commands can do anything, its messages cannot quote rows, no password leaves this process.

use super::connect::{Purpose, Session};
use super::error::{Doing, mapped};
use super::sql;
use super::target::MyTarget;
use crate::backup::feed::Feed;
use crate::backup::text::{Piece, Statement};
use crate::backup::{Backup, Restored, Tell, at, judge, refused};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Marker, MarkerState, Target, nothing_alike};
use greenroom_model::catalog::EngineKind;
use mysql_async::prelude::Queryable;

/// Rows are committed after so many bytes.
const COMMIT: usize = 16 << 20;

/// Restores a backup; see [`Target::restore`].
pub(super) async fn restore(target: &mut MyTarget, name: &str, marker: &Marker, backup: &Backup, tell: Tell) -> Result<Restored> {
    let building = Marker { state: MarkerState::Building, ..marker.clone() };
    target.create(name, &building, &nothing_alike()).await?;
    let session = target.server.open(Some(name), Purpose::Foreign).await?;
    let mut run = Run { name, backup, session, of: None, since: 0, restored: Restored::default() };
    run.session.run("set autocommit = 0").await.doing("prepare the raw copy")?;
    let mut feed = Feed::file(EngineKind::Mysql, backup, tell).await?;
    while let Some(piece) = feed.next().await? {
        if let Piece::Statement(s) = piece {
            run.statement(feed.number, &s).await?;
        }
    }
    run.session.run("commit").await.doing("restore the last rows")?;
    run.session.close().await;
    target.mark(name, marker).await?;
    let standing = target.look(name).await?;
    let standing = standing.ok_or_else(|| EngineError::new(ErrorKind::Lost, "look at the raw copy", "it is gone"))?;
    Ok(Restored { engine_id: standing.engine_id, of: run.of, ..run.restored })
}

struct Run<'a> {
    name: &'a str,
    backup: &'a Backup,
    session: Session,
    /// The database that the dump was made of.
    of: Option<String>,
    /// Bytes since the last commit.
    since: usize,
    restored: Restored,
}

/// The name behind some words, and where it ends; quotes taken off.
fn named(sql: &str, words: usize) -> Option<(String, usize)> {
    let mut at = 0;
    let blank = |at: usize| sql[at..].len() - sql[at..].trim_start().len();
    // Signs of comments that the server executes stand between words.
    let skip = |mut at: usize| loop {
        at += blank(at);
        let rest = &sql[at..];
        let sign = ["/*M!", "/*!", "*/"].iter().find(|s| rest.starts_with(**s)).map_or(0, |s| s.len());
        if sign == 0 {
            return at;
        }
        at += sign;
        at += sql[at..].bytes().take_while(u8::is_ascii_digit).count();
    };
    for _ in 0..words {
        at = skip(at);
        at += sql[at..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(sql[at..].len());
    }
    at = skip(at);
    let rest = &sql[at..];
    match rest.strip_prefix('`') {
        Some(quoted) => {
            let end = quoted.find('`')?;
            Some((quoted[..end].to_owned(), at + end + 2))
        }
        None => {
            let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ';' | '/' | '.')).unwrap_or(rest.len());
            (end > 0).then(|| (rest[..end].to_owned(), at + end))
        }
    }
}

/// A character set or collation that a statement names.
fn setting(skeleton: &str, words: &[&str]) -> Option<String> {
    let tokens: Vec<String> =
        skeleton.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|t| !t.is_empty()).map(str::to_owned).collect();
    let found = tokens.windows(words.len() + 1).find(|w| words.iter().zip(w.iter()).all(|(a, b)| b.eq_ignore_ascii_case(a)))?;
    found.last().cloned()
}

/// Takes the definer out of a statement that makes a view, routine, trigger or event: it becomes ours.
fn without_definer(sql: &[u8]) -> Option<Vec<u8>> {
    let upper = sql.to_ascii_uppercase();
    let begin = upper.windows(7).position(|w| w == b"DEFINER")?;
    let mut at = begin + 7;
    let blank = |at: usize| sql[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    at += blank(at);
    if sql.get(at) != Some(&b'=') {
        return None;
    }
    at += 1;
    at += blank(at);
    for part in 0..2 {
        match sql.get(at)? {
            quote @ (b'`' | b'\'' | b'"') => at += sql[at + 1..].iter().position(|b| b == quote)? + 2,
            _ => at += sql[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'%' | b'.' | b'-')).count(),
        }
        if part == 0 {
            if sql.get(at) != Some(&b'@') {
                break;
            }
            at += 1;
        }
    }
    Some([&sql[..begin], &sql[at..]].concat())
}

/// The same event, switched off: dumps write `ON COMPLETION [NOT] PRESERVE ENABLE`.
fn disabled(sql: &[u8]) -> Option<Vec<u8>> {
    let upper = sql.to_ascii_uppercase();
    let find = |what: &[u8]| upper.windows(what.len()).position(|w| w == what);
    if find(b" PRESERVE DISABLE").is_some() {
        return Some(sql.to_vec());
    }
    let at = find(b" PRESERVE ENABLE")? + b" PRESERVE ".len();
    Some([&sql[..at], b"DISABLE", &sql[at + b"ENABLE".len()..]].concat())
}

impl Run<'_> {
    /// A name of a database in the dump must be that of the one it is of.
    fn of(&mut self, name: &str, number: u64, line: u32) -> Result<()> {
        match &self.of {
            Some(of) if of != name => Err(at(refused(&self.backup.path, "it is of several databases"), number, line)
                .hint("make a dump of the one database: `mariadb-dump --single-transaction --routines --triggers --events DATABASE`")),
            _ => {
                self.of = Some(name.to_owned());
                Ok(())
            }
        }
    }

    async fn statement(&mut self, number: u64, s: &Statement) -> Result<()> {
        let words = s.words();
        let word = |i: usize| words.get(i).map_or("", String::as_str);
        let shown = || String::from_utf8_lossy(&s.sql).into_owned();
        match (word(0), word(1)) {
            ("USE", _) => {
                let name = named(&shown(), 1).map(|n| n.0).unwrap_or_default();
                return self.of(&name, number, s.line);
            }
            ("CREATE" | "DROP" | "ALTER", "DATABASE" | "SCHEMA") => return self.database(number, s).await,
            // It would block what the dump itself does next through another name, and needs a right of its own.
            ("LOCK" | "UNLOCK", "TABLES") => return Ok(()),
            ("SET", _)
                if s.skeleton.to_ascii_uppercase().contains("GTID_PURGED") || s.skeleton.to_ascii_uppercase().contains("SQL_LOG_BIN") =>
            {
                self.restored.note("positions of replication", "they belong to the server that was dumped");
                return Ok(());
            }
            ("CHANGE", "MASTER" | "REPLICATION") => {
                self.restored.note("positions of replication", "they belong to the server that was dumped");
                return Ok(());
            }
            _ => {}
        }
        let makes = word(0) == "CREATE" && !matches!(word(1), "TABLE" | "TEMPORARY" | "INDEX" | "UNIQUE" | "SEQUENCE");
        let mut text = None;
        if makes {
            if let Some(without) = without_definer(&s.sql) {
                self.restored.note("definers", "views, routines, triggers and events of a raw copy belong to Greenroom's account");
                text = Some(without);
            }
            let upper = s.skeleton.to_ascii_uppercase();
            let event = upper
                .find(" EVENT ")
                .is_some_and(|e| ["TRIGGER ", "PROCEDURE ", "FUNCTION ", "VIEW "].iter().all(|w| upper.find(w).is_none_or(|at| e < at)));
            if event {
                match disabled(text.as_deref().unwrap_or(&s.sql)) {
                    Some(off) => {
                        self.restored.note("events", "they stand in the raw copy switched off");
                        text = Some(off);
                    }
                    None => {
                        self.restored.note("an event", "it is left out: it would act by itself");
                        return Ok(());
                    }
                }
                return self.run(number, s, text.as_deref().unwrap_or(&s.sql)).await;
            }
        }
        judge(EngineKind::Mysql, &self.backup.path, number, s, &mut self.restored)?;
        self.run(number, s, text.as_deref().unwrap_or(&s.sql)).await
    }

    async fn run(&mut self, number: u64, s: &Statement, text: &[u8]) -> Result<()> {
        self.restored.statements += 1;
        self.since += text.len();
        let done = self.session.conn.query_drop(text).await;
        done.map_err(|e| at(mapped(&e, format!("restore `{}`", self.backup.path.display())), number, s.line))?;
        if self.since >= COMMIT && !s.is(&["SET"]) {
            self.since = 0;
            self.session.run("commit").await.doing("restore rows")?;
        }
        Ok(())
    }

    /// `CREATE DATABASE` and the like: of the one database only its character set and collation are taken.
    async fn database(&mut self, number: u64, s: &Statement) -> Result<()> {
        let text = String::from_utf8_lossy(&s.sql).into_owned();
        let upper = s.skeleton.to_ascii_uppercase();
        let words = if upper.contains("IF NOT EXISTS") {
            5
        } else if upper.contains("IF EXISTS") {
            4
        } else {
            2
        };
        if let Some((name, _)) = named(&text, words) {
            self.of(&name, number, s.line)?;
        }
        if s.is(&["DROP"]) {
            return Ok(());
        }
        let charset = setting(&s.skeleton, &["CHARACTER", "SET"]).or_else(|| setting(&s.skeleton, &["CHARSET"]));
        let mut options = charset.map(|c| format!(" character set {c}")).unwrap_or_default();
        options.extend(setting(&s.skeleton, &["COLLATE"]).map(|c| format!(" collate {c}")));
        if options.is_empty() {
            return Ok(());
        }
        let statement = format!("alter database {}{options}", sql::ident(self.name));
        self.run(number, s, statement.as_bytes()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_behind_signs_of_comments() {
        assert_eq!(named("USE `my shop`", 1).unwrap().0, "my shop");
        assert_eq!(named("use shop", 1).unwrap().0, "shop");
        assert_eq!(
            named("CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 */", 5).unwrap().0,
            "shop"
        );
    }

    #[test]
    fn definers_are_taken_out_and_events_switched_off() {
        let text = |sql: Option<Vec<u8>>| String::from_utf8(sql.unwrap()).unwrap();
        assert_eq!(
            text(without_definer(b"/*!50003 CREATE*/ /*!50017 DEFINER=`a b`@`%`*/ /*!50003 TRIGGER x */")),
            "/*!50003 CREATE*/ /*!50017 */ /*!50003 TRIGGER x */"
        );
        assert_eq!(text(without_definer(b"CREATE DEFINER=root@localhost PROCEDURE p() SELECT 1")), "CREATE  PROCEDURE p() SELECT 1");
        assert_eq!(
            text(disabled(b"CREATE EVENT e ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE ENABLE DO DELETE FROM t")),
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE DISABLE DO DELETE FROM t"
        );
        assert!(disabled(b"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t").is_none());
    }
}
