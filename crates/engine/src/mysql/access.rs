//! Definers of views and routines, and grants: what is carried of them, and what is said not to be.
//!
//! Everything is made with Greenroom's own account as its definer; where the program keeps owners, objects are made again with the definer that
//! the program maps theirs to. Grants on a database let their holders in on these servers, whatever is sealed: they are never carried, and whom
//! the pilot is opened to gets the rights to work with its rows (`swap`).

use super::connect::{Session, said};
use super::ddl;
use super::error::{Doing, mapped};
use super::inspect::Made;
use super::sql;
use crate::error::{ErrorKind, Result};
use crate::seam::{AccessKind, AccessStatement};
use greenroom_model::program::OwnerSettings;
use std::collections::{BTreeMap, BTreeSet};

/// Definers and grants of the source.
pub(crate) async fn read(session: &mut Session, made: &[Made]) -> Result<Vec<AccessStatement>> {
    let mut found = Vec::new();
    for m in made {
        let Some(definer) = &m.definer else { continue };
        // A gap behind the first word: `CREATE DEFINER=… VIEW …`.
        let Some(rest) = m.statement.strip_prefix("CREATE ") else { continue };
        // A view's algorithm stands before its definer.
        let at = if rest.starts_with("ALGORITHM=") { rest.find(' ').map_or(0, |at| at + 1) } else { 0 };
        let (head, rest) = rest.split_at(at);
        found.push(AccessStatement {
            kind: AccessKind::Owner,
            object: ddl::How::of(m).text(),
            roles: vec![definer.clone()],
            sql: vec![format!("CREATE {head}DEFINER="), format!(" {rest}")],
        });
    }
    let query = "select grantee, '' from information_schema.schema_privileges where table_schema = database() \
                 union select grantee, table_name from information_schema.table_privileges where table_schema = database() order by 1, 2";
    for row in session.rows(query).await.doing("read the grants")? {
        let (grantee, table) = (said(&row, 0).replace('\'', ""), said(&row, 1));
        let object = if table.is_empty() { "the database".to_owned() } else { format!("table {table}") };
        found.push(AccessStatement { kind: AccessKind::Grant, object, roles: vec![grantee], sql: Vec::new() });
    }
    Ok(found)
}

/// Applies what the program keeps; returns what was not carried, counted by account and reason. Repeatable.
pub(crate) async fn apply(session: &mut Session, access: &[AccessStatement], keep: &OwnerSettings) -> Result<Vec<(String, String)>> {
    let doing = "carry definers";
    let us = session.value("select current_user()").await.doing(doing)?.unwrap_or_default();
    let there: BTreeSet<String> = match session.rows("select concat(user, '@', host) from mysql.user").await {
        Ok(rows) => rows.iter().map(|r| said(r, 0)).collect(),
        Err(_) => BTreeSet::from([us.clone()]),
    };
    let mut lost: BTreeMap<(String, String), u64> = BTreeMap::new();
    for s in access {
        let role = s.roles.first().map_or("", String::as_str);
        if s.kind != AccessKind::Owner {
            let why = if keep.keep_grants {
                "a grant would let its holder into a sealed generation; `[pilot] testers` and `users` say who comes in"
            } else {
                "`keep_grants` is not set"
            };
            *lost.entry((format!("grants to {role}"), why.to_owned())).or_default() += 1;
            continue;
        }
        if !keep.keep_owners {
            if role != us {
                *lost.entry((format!("definer {role}"), "`keep_owners` is not set".to_owned())).or_default() += 1;
            }
            continue;
        }
        let definer = keep.map.get(role).map_or(role, String::as_str);
        if !there.contains(definer) {
            *lost.entry((format!("definer {role}"), format!("account `{definer}` does not exist on the target"))).or_default() += 1;
            continue;
        }
        let Ok(how) = serde_json::from_str::<ddl::How>(&s.object) else { continue };
        let text =
            format!("{}{}{}", s.sql.first().map_or("", String::as_str), sql::account(definer), s.sql.get(1).map_or("", String::as_str));
        if let Err(e) = ddl::make(session, &how, &text).await {
            let e = mapped(&e, doing);
            if e.kind == ErrorKind::Lost {
                return Err(e);
            }
            // It stands again as it was made at first: without it the pilot would lack an object.
            let head = s.sql.first().map_or("", String::as_str).trim_end_matches("DEFINER=").trim_end();
            let plain = format!("{head}{}", s.sql.get(1).map_or("", String::as_str));
            ddl::make(session, &how, &plain).await.doing(doing)?;
            *lost.entry((format!("definer {role}"), e.message)).or_default() += 1;
        }
    }
    Ok(lost.into_iter().map(|((what, why), n)| (what, format!("on {n} {}: {why}", if n == 1 { "object" } else { "objects" }))).collect())
}
