//! Doors of a production database itself, for one that stays beside the new production on the same server: an account leads to both, so that its lock cannot be what keeps the
//! former one shut once users are in the new one (docs/design/0030).
//!
//! Triggers on every table reject each change of a row: they are part of the database, outlive whoever made them, and bind every account, those with rights on all databases
//! and SUPER included. Rights on the database are taken away as well before accounts are unlocked. Owns both; `fence` says when.

use super::connect::{Session, number, said};
use super::error::{Doing, code, mapped};
use super::grants::{self, Holder};
use super::{rights, sql};
use crate::error::{EngineError, ErrorKind, Result};
use greenroom_model::fence::{Door, Obstacle};
use std::collections::{BTreeMap, BTreeSet};

/// What the names of our triggers begin with.
pub(super) const PREFIX: &str = "greenroom_fence_";

/// What a program is told whose change is rejected.
const REJECTED: &str = "fenced by greenroom: this database is, or was, production, and takes no changes";

/// How long a schema change waits for sessions that have a table in use, in seconds.
const WAIT: u32 = 10;

/// Condition on a trigger's name: not one of ours.
pub(super) fn not_ours(column: &str) -> String {
    format!("left({column}, {}) <> '{PREFIX}'", PREFIX.len())
}

/// Tables that hold rows of their own, ours included: nothing of ours is in a production that was not made by us.
async fn tables(session: &mut Session, database: &str) -> Result<Vec<String>> {
    let query = format!(
        "select table_name from information_schema.tables where table_schema = {} and table_type in ('BASE TABLE', 'SYSTEM VERSIONED') order by 1",
        sql::literal(database)
    );
    let rows = session.rows(&query).await.doing("list production's tables")?;
    Ok(rows.iter().map(|row| said(row, 0)).collect())
}

fn trigger(table: &str, event: &str) -> String {
    let hash = blake3::hash(table.as_bytes()).to_hex();
    format!("{PREFIX}{}_{event}", &hash[..16])
}

/// A door for each way in which a table's rows change.
pub(super) async fn doors(session: &mut Session, database: &str) -> Result<Vec<Door>> {
    let mut all = Vec::new();
    for table in tables(session, database).await? {
        for event in ["insert", "update", "delete"] {
            let name = trigger(&table, event);
            let (quoted, on) = (format!("{}.{}", sql::ident(database), sql::ident(&name)), sql::ident(&table));
            all.push(Door {
                who: format!("table `{table}`, {event}"),
                shut: format!(
                    "create or replace trigger {quoted} before {event} on {}.{on} for each row signal sqlstate '45000' set message_text = '{REJECTED}'",
                    sql::ident(database)
                ),
                open: format!("drop trigger if exists {quoted}"),
                key: vec![table.clone(), event.to_owned(), name],
            });
        }
    }
    Ok(all)
}

/// Our triggers that stand, by name: table and event.
pub(super) async fn standing(session: &mut Session, database: &str) -> Result<BTreeMap<String, (String, String)>> {
    let query = format!(
        "select trigger_name, event_object_table, lower(event_manipulation) from information_schema.triggers \
         where trigger_schema = {} and action_timing = 'BEFORE' and left(trigger_name, {}) = '{PREFIX}' and action_statement like 'signal sqlstate %'",
        sql::literal(database),
        PREFIX.len()
    );
    let rows = session.rows(&query).await.doing("look at the fence")?;
    Ok(rows.iter().map(|row| (said(row, 0), (said(row, 1), said(row, 2)))).collect())
}

/// Tables whose rows somebody could change, since not all of our triggers stand on them: one that was made since, or whose trigger was dropped by hand.
pub(super) async fn open_tables(session: &mut Session, database: &str) -> Result<Vec<String>> {
    let standing = standing(session, database).await?;
    let shut: BTreeSet<(&str, &str)> = standing.values().map(|(table, event)| (table.as_str(), event.as_str())).collect();
    let tables = tables(session, database).await?;
    let open = |table: &&String| !["insert", "update", "delete"].iter().all(|event| shut.contains(&(table.as_str(), *event)));
    Ok(tables.iter().filter(open).map(|table| format!("table `{table}`")).collect())
}

/// Which of our doors there are at all: a table that is gone takes no rows, and nobody misses its triggers.
pub(super) async fn shut(session: &mut Session, database: &str, doors: &[Door]) -> Result<Vec<Option<bool>>> {
    let (standing, tables) = (standing(session, database).await?, tables(session, database).await?);
    let of = |door: &Door| match door.key.as_slice() {
        [_, _, name] if standing.contains_key(name) => Some(true),
        [table, _, _] => tables.contains(table).then_some(false),
        _ => None,
    };
    Ok(doors.iter().map(of).collect())
}

/// Makes or drops a trigger. A table that is in use is waited for; a session of Greenroom's own login that holds it is one of a dead process, and is ended.
pub(super) async fn change(session: &mut Session, database: &str, statement: &str, doing: String) -> Result<()> {
    session.run(&format!("set session lock_wait_timeout = {WAIT}")).await.doing(doing.clone())?;
    match session.run(statement).await {
        Err(e) if code(&e) == Some(1205) => {}
        done => return done.doing(doing),
    }
    let ours = format!(
        "select id from information_schema.processlist where db = {} and id <> connection_id() and user = substring_index(current_user(), '@', 1)",
        sql::literal(database)
    );
    for row in session.rows(&ours).await.doing(doing.clone())? {
        let _ = session.run(&format!("kill connection {}", number(&row, 0))).await;
    }
    session.run(statement).await.map_err(|e| {
        let hint = "end what has the table in use (`select * from information_schema.processlist`), then go on";
        mapped(&e, doing).hint(hint)
    })
}

/// What keeps the database from being shut for good.
pub(super) async fn obstacles(session: &mut Session, database: &str) -> Result<Vec<Obstacle>> {
    let doing = "look for what is in the way of shutting production for good";
    let (us, mut all) = (session.value("select current_user()").await.doing(doing)?.unwrap_or_default(), Vec::new());
    let passed_on = passed_on(session).await?;
    if !passed_on.iter().any(|pattern| rights::covers(pattern, database)) {
        let (on, us) = (sql::ident(&sql::pattern(database)), sql::account(&us));
        all.push(Obstacle {
            what: "Greenroom's login can neither put triggers on production's tables nor take every right on it away".to_owned(),
            way_out: format!("grant all privileges on {on}.* to {us} with grant option"),
        });
    }
    let logged = "select @@log_bin = 1 and @@global.log_bin_trust_function_creators = 0 and not exists (select 1 from information_schema.user_privileges \
         where privilege_type = 'SUPER' and replace(grantee, '''', '') = current_user())";
    if session.value(logged).await.doing(doing)?.as_deref() == Some("1") {
        all.push(Obstacle {
            what: "the server writes a binary log, and lets nobody without SUPER make triggers".to_owned(),
            way_out: "`set global log_bin_trust_function_creators = 1`".to_owned(),
        });
    }
    let cascades = format!(
        "select concat(constraint_schema, '.', table_name) from information_schema.referential_constraints where constraint_schema = {0} \
         and unique_constraint_schema <> {0} and (delete_rule in ('CASCADE', 'SET NULL') or update_rule in ('CASCADE', 'SET NULL'))",
        sql::literal(database)
    );
    for row in session.rows(&cascades).await.doing(doing)? {
        all.push(Obstacle {
            what: format!("rows of {} change when those of another database do, which no trigger sees", said(&row, 0)),
            way_out: "drop that foreign key, or let it restrict".to_owned(),
        });
    }
    let taken = format!(
        "select trigger_name from information_schema.triggers where trigger_schema = {} and not ({})",
        sql::literal(database),
        not_ours("trigger_name")
    );
    if !session.rows(&taken).await.doing(doing)?.is_empty() {
        all.push(Obstacle {
            what: "triggers of a fence stand that this workspace did not raise, or that stay around what was production before a switch"
                .to_owned(),
            way_out: "lift it where it was raised; only if that workspace is lost, drop the triggers by hand".to_owned(),
        });
    }
    Ok(all)
}

/// The databases on which we may do everything, and pass that on.
async fn passed_on(session: &mut Session) -> Result<Vec<String>> {
    let rows = session.rows("show grants").await.doing("read our own rights")?;
    Ok(rows.iter().filter_map(|row| grants::passed_on(&said(row, 0))).collect())
}

/// Who keeps a part in the former production, whatever is taken away.
pub(super) async fn gaps(session: &mut Session, harmless: &str) -> Result<Vec<String>> {
    let query = format!(
        "select distinct grantee from information_schema.user_privileges where privilege_type not in ({harmless}) \
         and replace(grantee, '''', '') <> current_user() order by 1"
    );
    let rows = session.rows(&query).await.doing("read who has rights on all databases")?;
    let gap = |who: String| {
        format!(
            "{who} has rights on all databases: once users are in, it can read the former production and change its schema, though not its rows"
        )
    };
    Ok(rows.iter().map(|row| gap(said(row, 0))).collect())
}

/// Removes what kept grants on more databases from holding in one that is gone.
pub(super) async fn forget(session: &mut Session, database: &str) -> Result<()> {
    let doing = "forget the rights on the former production";
    let us = session.value("select current_user()").await.doing(doing)?.unwrap_or_default();
    let us = us.rsplit_once('@').map_or((us.clone(), String::new()), |(user, host)| (user.to_owned(), host.to_owned()));
    for holder in grants::holders(session, &us).await? {
        for statement in holder.lines.iter().filter_map(|line| grants::least_on(line, database)) {
            session.run(&statement).await.doing(doing)?;
        }
    }
    Ok(())
}

/// Takes every right on the database away, of accounts, roles and PUBLIC, but our own. Repeatable.
pub(super) async fn take_rights(session: &mut Session, database: &str, us: &(String, String)) -> Result<()> {
    let doing = "take the rights on the former production away";
    let fold = session.value("select @@lower_case_table_names").await.doing(doing)?.as_deref() != Some("0");
    let query = format!("select schema_name from information_schema.schemata where schema_name <> {}", sql::literal(database));
    let others: Vec<String> = session.rows(&query).await.doing(doing)?.iter().map(|row| said(row, 0)).collect();
    let passed_on = passed_on(session).await?;
    // A server lets nobody revoke a pattern who has not that very pattern, or all databases.
    let ours = |pattern: &str| passed_on.iter().any(|p| p == "*" || p == pattern);
    let alone = |pattern: &str| ours(pattern) && !others.iter().any(|other| rights::covers_as(pattern, other, fold));
    let left = |holders: Vec<Holder>| {
        let of = |h: Holder| grants::taking(&h.lines, database, &alone, fold);
        holders.into_iter().flat_map(of).collect::<Vec<String>>()
    };
    for statement in left(grants::holders(session, us).await?) {
        session.run(&statement).await.map_err(|e| {
            let hint = format!("as an administrator: `{statement}`; then go on");
            mapped(&e, doing).hint(hint)
        })?;
    }
    match left(grants::holders(session, us).await?).first() {
        None => Ok(()),
        Some(left) => Err(EngineError::new(ErrorKind::Conflict, doing, format!("rights on it are left; `{left}` would take one away"))),
    }
}
