//! Views, routines, triggers, events and sequences with their definitions, free of definers and of the database's name.

use super::super::connect::{Session, Variety, said, text};
use super::super::error::Doing;
use super::super::sql;
use super::show::{self, Quoting};
use crate::error::{EngineError, ErrorKind, Result};
use greenroom_model::catalog::Object;

/// An object and how it is made again.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// `view`, `procedure`, `function`, `package`, `package body`, `trigger`, `event`, `sequence`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// The statement, without definer and without the database's name.
    pub(crate) statement: String,
    /// `user@host`, or a role.
    pub(crate) definer: Option<String>,
    /// The session's `sql_mode` under which it was made, which the server keeps with it.
    pub(crate) sql_mode: Option<String>,
    /// The time zone by which an event runs.
    pub(crate) time_zone: Option<String>,
    /// The session's `collation_connection` under which it was made, by which its literals compare.
    pub(crate) collation: Option<String>,
}

impl Made {
    /// For the catalog.
    pub(crate) fn object(&self) -> Object {
        let mode = self.sql_mode.as_ref().map_or_else(String::new, |m| format!("-- sql_mode: {m}\n"));
        Object { kind: self.kind.to_owned(), name: self.name.clone(), definition: format!("{mode}{}", self.statement) }
    }
}

/// Reads them, in an order in which they can be made: sequences, routines, views (each after those it names), triggers, events.
pub(crate) async fn read(session: &mut Session, database: &str) -> Result<Vec<Made>> {
    let mut all = Vec::new();
    if session.variety == Variety::MariaDb {
        let query =
            "select table_name from information_schema.tables where table_schema = database() and table_type = 'SEQUENCE' order by 1";
        for name in names(session, query).await? {
            let text = shown(session, &format!("show create sequence {}", sql::ident(&name)), "Create Table", &name).await?.0;
            all.push(Made {
                kind: "sequence",
                name,
                statement: show::unqualified(&text, database, Quoting::default()),
                definer: None,
                sql_mode: None,
                time_zone: None,
                collation: None,
            });
        }
    }
    let query = "select routine_name, routine_type from information_schema.routines where routine_schema = database() order by \
                 case routine_type when 'PACKAGE' then 0 when 'PACKAGE BODY' then 1 when 'FUNCTION' then 2 else 3 end, routine_name";
    for row in session.rows(query).await.doing("list the routines")? {
        let (name, kind) = (said(&row, 0), said(&row, 1));
        let (kind, column) = match kind.as_str() {
            "FUNCTION" => ("function", "Create Function"),
            "PACKAGE" => ("package", "Create Package"),
            "PACKAGE BODY" => ("package body", "Create Package Body"),
            _ => ("procedure", "Create Procedure"),
        };
        all.push(made(session, kind, name, column, database).await?);
    }
    let query = "select table_name from information_schema.views where table_schema = database() order by 1";
    let mut views = Vec::new();
    for name in names(session, query).await? {
        let mut view = made(session, "view", name, "Create View", database).await?;
        view.sql_mode = None;
        views.push(view);
    }
    all.extend(in_order(views));
    let query = format!(
        "select trigger_name from information_schema.triggers where trigger_schema = database() and {} \
         order by event_object_table, action_timing, event_manipulation, action_order, trigger_name",
        super::super::apart::not_ours("trigger_name")
    );
    for name in names(session, &query).await? {
        all.push(made(session, "trigger", name, "SQL Original Statement", database).await?);
    }
    let query = "select event_name from information_schema.events where event_schema = database() order by 1";
    for name in names(session, query).await? {
        let mut event = made(session, "event", name, "Create Event", database).await?;
        event.statement = disabled(&event.statement);
        all.push(event);
    }
    Ok(all)
}

async fn names(session: &mut Session, query: &str) -> Result<Vec<String>> {
    let rows = session.rows(query).await.doing("list the schema's objects")?;
    Ok(rows.iter().map(|r| said(r, 0)).collect())
}

/// One object's text from the column of that name, and mode, time zone and collation it was made under.
async fn shown(session: &mut Session, query: &str, column: &str, name: &str) -> Result<(String, [Option<String>; 3])> {
    let doing = || format!("read the definition of {name}");
    let rows = session.rows(query).await.doing(doing())?;
    let row = rows.first().ok_or_else(|| EngineError::other(doing(), "the server shows nothing"))?;
    let at = |wanted: &str| row.columns_ref().iter().position(|c| c.name_str().eq_ignore_ascii_case(wanted));
    let body = at(column).and_then(|i| text(row, i)).ok_or_else(|| {
        EngineError::new(ErrorKind::Denied, doing(), "the login may not see it").hint(
            "grant it the rights that `greenroom plan` lists; bodies of routines need SHOW ROUTINE, or SELECT on mysql.proc (MariaDB)",
        )
    })?;
    let said = |wanted: &str| at(wanted).and_then(|i| text(row, i));
    Ok((body, ["sql_mode", "time_zone", "collation_connection"].map(said)))
}

async fn made(session: &mut Session, kind: &'static str, name: String, column: &str, database: &str) -> Result<Made> {
    let (text, [sql_mode, time_zone, collation]) =
        shown(session, &format!("show create {kind} {}", sql::ident(&name)), column, &name).await?;
    let (text, definer) = show::without_definer(&text);
    let statement = show::unqualified(&text, database, Quoting::of(sql_mode.as_deref()));
    Ok(Made { kind, name, statement, definer, sql_mode, time_zone, collation })
}

/// Views, each after those it names. Names are looked for as the server quotes them.
fn in_order(views: Vec<Made>) -> Vec<Made> {
    let mut left = views;
    let mut done: Vec<Made> = Vec::new();
    while !left.is_empty() {
        let waits = |v: &Made| left.iter().any(|o| o.name != v.name && v.statement.contains(&sql::ident(&o.name)));
        let ready: Vec<bool> = left.iter().map(|v| !waits(v)).collect();
        // A table and a view's column may share a name; what seems to wait in a circle is made in the order of names.
        let stuck = !ready.contains(&true);
        let (mut now, mut later) = (Vec::new(), Vec::new());
        for (i, view) in left.into_iter().enumerate() {
            if ready[i] || (stuck && i == 0) { now.push(view) } else { later.push(view) }
        }
        done.extend(now);
        left = later;
    }
    done
}

/// An event's statement with its state made DISABLE: it stands outside of strings, before DO.
fn disabled(statement: &str) -> String {
    let mut found = None;
    show::walk(statement, |at, b, depth| {
        let word = |w: &str| statement[at..].starts_with(w) && statement[..at].ends_with([' ', '\n']);
        if depth == 0 && b == b'D' && (word("DO ") || word("DO\n")) {
            return true;
        }
        if depth == 0 && (word("ENABLE ") || word("DISABLE ")) {
            let mut end = at + statement[at..].find(' ').unwrap_or(0);
            for suffix in [" ON SLAVE", " ON REPLICA"] {
                if statement[end..].starts_with(suffix) {
                    end += suffix.len();
                }
            }
            found = Some((at, end));
        }
        found.is_some()
    });
    match found {
        Some((from, to)) => format!("{}DISABLE{}", &statement[..from], &statement[to..]),
        None => statement.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_made_disabled_whatever_they_say() {
        for (state, tail) in [("ENABLE", ""), ("DISABLE ON SLAVE", ""), ("ENABLE", " COMMENT 'ENABLE '")] {
            let text = format!(
                "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01 00:00:00' ON COMPLETION NOT PRESERVE {state}{tail} DO select ENABLE from t"
            );
            let made = disabled(&text);
            assert!(made.contains(&format!("PRESERVE DISABLE{tail} DO select ENABLE from t")), "{made}");
        }
    }

    #[test]
    fn views_come_after_those_they_name() {
        let view = |name: &str, text: &str| Made {
            kind: "view",
            name: name.into(),
            statement: text.into(),
            definer: None,
            sql_mode: None,
            time_zone: None,
            collation: None,
        };
        let order = in_order(vec![view("a", "select * from `b`"), view("b", "select * from `c`"), view("c", "select 1")]);
        assert_eq!(order.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
    }
}
