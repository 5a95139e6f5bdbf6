//! Users, roles, who owns what and who may do what: read from the source's catalogs, carried as far as the program says.
//!
//! A user of the source is a user on the copy when a login of that name, or of the name that the program maps it to, is on the target's server.
//! A user that is made here cannot connect until the pilot is opened to it: CREATE USER gives the right to connect, and it is taken back in the
//! same transaction. Rights to connect are never carried; who may connect is the swap's business.

use super::connect::{Session, Variety, said};
use super::error::{Doing, mapped};
use super::inspect::rights;
use super::sql::{self, literal};
use crate::error::{ErrorKind, Result};
use crate::seam::{AccessKind, AccessStatement};
use greenroom_model::program::OwnerSettings;
use std::collections::{BTreeMap, BTreeSet};

/// Users, roles, owners and grants of the source, in the order in which they can be applied.
pub(crate) async fn read(session: &mut Session) -> Result<Vec<AccessStatement>> {
    rights::read(session).await
}

/// Applies what the program keeps; returns what was not carried, counted by role and reason. Repeatable.
pub(crate) async fn apply(session: &mut Session, access: &[AccessStatement], keep: &OwnerSettings) -> Result<Vec<(String, String)>> {
    let doing = "carry users, owners and grants";
    let mut there = names(session, "select p.name from sys.database_principals p", doing).await?;
    // Those that may not be seen cannot be told from those that are not there.
    let logins = names(session, "select p.name from sys.server_principals p", doing).await.unwrap_or_default();
    let mut lost: BTreeMap<(String, String), u64> = BTreeMap::new();
    for s in access {
        let role = s.roles.first().map_or("public", String::as_str);
        let label = match s.kind {
            AccessKind::Owner => format!("owner {role}"),
            AccessKind::OwnerRights if keep.keep_owners => continue,
            AccessKind::OwnerRights => format!("rights of the owner {role}"),
            AccessKind::Grant | AccessKind::Default if s.roles.is_empty() && s.object.starts_with("role ") => s.object.clone(),
            AccessKind::Grant | AccessKind::Default => format!("grants to {role}"),
        };
        let (wanted, setting) = match s.kind {
            AccessKind::Owner => (keep.keep_owners, "keep_owners"),
            _ => (keep.keep_grants, "keep_grants"),
        };
        if !wanted {
            // What an owner may do is lost with the owner, and is said once.
            if s.kind != AccessKind::OwnerRights {
                *lost.entry((label, format!("`{setting}` is not set"))).or_default() += 1;
            }
            continue;
        }
        if s.sql.is_empty() {
            *lost.entry((label, s.object.clone())).or_default() += 1;
            continue;
        }
        let roles: Vec<String> = s.roles.iter().map(|r| keep.map.get(r).unwrap_or(r).clone()).collect();
        let text = filled(&s.sql, &roles);
        let creates = text.starts_with("CREATE USER ");
        if creates && roles.iter().all(|r| there.contains(r)) {
            continue;
        }
        let missing: Vec<&String> = roles.iter().filter(|r| !there.contains(*r)).collect();
        if let Some(absent) = missing.iter().find(|r| !logins.contains(**r)).filter(|_| !creates) {
            *lost.entry((label, format!("neither a user nor a login `{absent}` is on the target"))).or_default() += 1;
            continue;
        }
        let mut made = Ok(());
        for role in missing.into_iter().filter(|_| !creates) {
            made = add_user(session, role).await;
            if made.is_err() {
                break;
            }
            there.insert(role.clone());
        }
        if made.is_ok() {
            made = session.run(&text).await;
        }
        match made {
            Ok(()) => there.extend(created(s, &roles)),
            Err(e) => {
                let e = mapped(&e, doing);
                if e.kind == ErrorKind::Lost {
                    return Err(e);
                }
                *lost.entry((label, e.message)).or_default() += 1;
            }
        }
    }
    Ok(lost.into_iter().map(|((what, why), n)| (what, format!("on {n} {}: {why}", if n == 1 { "object" } else { "objects" }))).collect())
}

async fn names(session: &mut Session, query: &str, doing: &str) -> Result<BTreeSet<String>> {
    let rows = session.rows(query).await.doing(doing)?;
    Ok(rows.iter().map(|row| said(row, 0)).collect())
}

/// The roles and users that a statement has made.
fn created(s: &AccessStatement, roles: &[String]) -> Vec<String> {
    match s.object.strip_prefix("role ") {
        Some(role) if s.roles.is_empty() => vec![role.to_owned()],
        _ => roles.to_vec(),
    }
}

/// The statement with its gaps filled.
fn filled(sql: &[String], roles: &[String]) -> String {
    let mut text = String::new();
    for (i, piece) in sql.iter().enumerate() {
        text.push_str(piece);
        if let Some(role) = roles.get(i) {
            text.push_str(&sql::ident(role));
        }
    }
    text
}

/// Makes a user for the login of that name, who cannot connect.
async fn add_user(session: &mut Session, login: &str) -> std::result::Result<(), tiberius::error::Error> {
    let name = sql::ident(login);
    // The rights of `db_owner` include connecting: only a denial keeps its members out. Babelfish knows no denials.
    let shut = match session.variety {
        // Nor quotes in this place.
        Variety::Babelfish if login.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => format!("revoke connect from {login}"),
        Variety::Babelfish => format!("revoke connect from {name}"),
        _ => format!("deny connect to {name}"),
    };
    session.run("begin transaction").await?;
    let mut made = session.run(&format!("create user {name} for login {name}")).await;
    if made.is_ok() {
        made = session.run(&shut).await;
    }
    let end = if made.is_ok() { "commit transaction" } else { "if @@trancount > 0 rollback transaction" };
    let ended = session.run(end).await;
    made.and(ended)
}

/// The statement that makes a role of the database, if it is not there.
pub(super) fn create_role(name: &str) -> String {
    format!("IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {}) CREATE ROLE {}", literal(name), sql::ident(name))
}
