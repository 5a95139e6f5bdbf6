//! Exchanging names, letting people in and shutting them out, dropping. Owns what is done to databases from outside.
//!
//! The swap needs no state of its own: both renames commit together (P23). The first rename takes the lock that keeps new sessions out
//! and waits up to five seconds for those inside to go; meanwhile a second session ends them.

use super::connect::{Purpose, Server, Session};
use super::error::{Doing, mapped};
use super::{fence, marker, sql};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Admission, MarkerState, Swap, Welcome};
use greenroom_model::fence::{Doors, Obstacle};
use std::time::Duration;

/// Attempts at a swap; each waits up to five seconds for sessions to go.
const ATTEMPTS: u32 = 6;

fn conflict(doing: &str, message: String) -> EngineError {
    EngineError::new(ErrorKind::Conflict, doing, message)
}

/// Ends all sessions in databases except our own maintenance session. Sessions that may not be ended are left; the rename will tell.
pub(crate) async fn end_sessions(session: &Session, databases: &[&str]) -> Result<()> {
    // Ended one by one: a superuser's session refuses, which must not spare the others.
    let rows = session
        .client
        .query("select pid from pg_catalog.pg_stat_activity where datname = any($1) and pid <> pg_catalog.pg_backend_pid()", &[&databases])
        .await
        .doing("look for sessions")?;
    for row in rows {
        let _ = session.client.execute("select pg_catalog.pg_terminate_backend($1)", &[&row.get::<_, i32>(0)]).await;
    }
    Ok(())
}

/// Exchanges names; repeatable after a crash. `production`: the OID of the one of the two that is production, whose names alone are exchanged.
pub(crate) async fn swap(server: &Server, session: &Session, swap: &Swap, production: Option<u32>) -> Result<()> {
    let doing = "swap the generation in";
    let generation = marker::find(session, &swap.generation).await?;
    let pilot = marker::find(session, &swap.pilot).await?;
    let Some(generation) = generation else {
        // Done already, if what stands under the pilot's name is the generation that bore this name: names carry the nonce.
        let nonce = pilot.as_ref().and_then(|p| p.marker.as_ref()).map(|m| m.nonce.as_str());
        let is_production = pilot.as_ref().is_some_and(|p| Some(p.oid) == production);
        return match nonce {
            _ if is_production => Ok(()),
            Some(nonce) if !nonce.is_empty() && swap.generation.contains(nonce) => Ok(()),
            _ => Err(conflict(doing, format!("database `{}` does not exist, and `{}` is not it", swap.generation, swap.pilot))),
        };
    };
    let takes_part = |row: &marker::Row| {
        let state = row.marker.as_ref().map(|m| m.state);
        match production {
            Some(oid) => row.oid == oid || state == Some(MarkerState::Promoted),
            None => state.is_some_and(|s| !matches!(s, MarkerState::Promoted | MarkerState::Raw)),
        }
    };
    if !takes_part(&generation) {
        return Err(conflict(doing, format!("database `{}` does not bear our marker", swap.generation)));
    }
    let ours = generation.marker;
    let mut statements = vec!["begin".to_owned()];
    let mut databases = vec![swap.generation.as_str()];
    if let Some(pilot) = pilot {
        let Some(former) = &swap.former else {
            return Err(conflict(doing, format!("database `{}` exists already", swap.pilot)));
        };
        match pilot.marker.as_ref().map(|m| m.state) {
            _ if production.is_some() && takes_part(&pilot) => {}
            Some(MarkerState::Promoted) => {
                return Err(conflict(doing, format!("database `{}` has been promoted to production", swap.pilot)));
            }
            Some(_) if production.is_none() => {}
            _ => return Err(conflict(doing, format!("database `{}` was not made by greenroom", swap.pilot))),
        }
        if marker::find(session, former).await?.is_some() {
            return Err(conflict(doing, format!("database `{former}` exists already")));
        }
        statements.push(format!("alter database {} rename to {}", sql::ident(&swap.pilot), sql::ident(former)));
        databases.push(&swap.pilot);
    }
    statements.push(format!("alter database {} rename to {}", sql::ident(&swap.generation), sql::ident(&swap.pilot)));
    if let (Some(ours), None) = (ours, production) {
        statements.push(marker::statement(&swap.pilot, &crate::seam::Marker { state: MarkerState::Pilot, ..ours }));
    }
    statements.push("commit".to_owned());
    let statements = statements.join("; ");
    let ender = server.open(&server.database, Purpose::Catalog).await?;
    for left in (0..ATTEMPTS).rev() {
        end_sessions(&ender, &databases).await?;
        let renamed = {
            let rename = session.client.batch_execute(&statements);
            tokio::pin!(rename);
            loop {
                tokio::select! {
                    outcome = &mut rename => break outcome,
                    () = tokio::time::sleep(Duration::from_millis(100)) => end_sessions(&ender, &databases).await?,
                }
            }
        };
        let Err(e) = renamed else { break };
        if !session.client.is_closed() {
            let _ = session.client.batch_execute("rollback").await;
        }
        if e.code() != Some(&tokio_postgres::error::SqlState::OBJECT_IN_USE) || left == 0 {
            return Err(
                mapped(&e, doing).hint("end the sessions that hold the pilot, or let greenroom's role end them: grant pg_signal_backend")
            );
        }
    }
    ender.close().await;
    Ok(())
}

/// Roles that may connect, other than the owner; `None` for PUBLIC.
async fn grantees(session: &Session, name: &str) -> Result<Vec<Option<String>>> {
    let rows = session
        .client
        .query(
            "select r.rolname::text from pg_catalog.pg_database d \
             cross join lateral pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a \
             left join pg_catalog.pg_roles r on r.oid = a.grantee \
             where d.datname = $1::text and a.privilege_type = 'CONNECT' and a.grantee <> d.datdba order by 1",
            &[&name],
        )
        .await
        .doing(format!("read who may connect to `{name}`"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Who may connect now.
pub(crate) async fn admission(session: &Session, name: &str) -> Result<Admission> {
    let grantees = grantees(session, name).await?;
    Ok(if grantees.iter().any(Option::is_none) {
        Admission::Everybody { mode: 0 }
    } else if grantees.is_empty() {
        Admission::Sealed
    } else {
        Admission::Some { roles: grantees.into_iter().flatten().collect(), mode: 0 }
    })
}

/// The statements that leave only the owner and then let in whom an admission names.
pub(crate) async fn admit(session: &Session, name: &str, admission: &Admission) -> Result<()> {
    let doing = || format!("change who may connect to `{name}`");
    match marker::find(session, name).await?.and_then(|row| row.marker) {
        None => return Err(conflict(&doing(), format!("database `{name}` does not bear our marker"))),
        Some(m) if m.state == MarkerState::Raw && *admission != Admission::Sealed => {
            return Err(conflict(&doing(), format!("`{name}` is a raw copy, which is never opened")));
        }
        Some(_) => {}
    }
    let database = sql::ident(name);
    let mut statements = vec!["begin".to_owned(), format!("revoke all on database {database} from public")];
    for role in grantees(session, name).await?.into_iter().flatten() {
        statements.push(format!("revoke all on database {database} from {}", sql::ident(&role)));
    }
    match admission {
        Admission::Sealed => {}
        Admission::Some { roles, .. } => {
            statements.extend(roles.iter().map(|r| format!("grant connect, temporary on database {database} to {}", sql::ident(r))));
        }
        Admission::Everybody { .. } => statements.push(format!("grant connect, temporary on database {database} to public")),
    }
    statements.push("commit".to_owned());
    if let Err(e) = session.client.batch_execute(&statements.join("; ")).await {
        if !session.client.is_closed() {
            let _ = session.client.batch_execute("rollback").await;
        }
        return Err(mapped(&e, doing()));
    }
    if *admission == Admission::Sealed {
        end_sessions(session, &[name]).await?;
    }
    Ok(())
}

/// Lets in whom production let in before its fence, with the same rights on the database; its owner last, since he may be somebody else than us.
pub(crate) async fn promote(session: &Session, name: &str, former: Option<&str>, doors: &Doors) -> Result<()> {
    let doing = || format!("let users into `{name}`");
    match marker::find(session, name).await?.and_then(|row| row.marker) {
        Some(m) if m.state == MarkerState::Promoted => {}
        _ => return Err(conflict(&doing(), "it is not what was to take production's place".to_owned())),
    }
    if former.is_some() && doors.database != name {
        return Err(conflict(&doing(), format!("its doors were read under the name `{}`", doors.database)));
    }
    let database = sql::ident(name);
    let mut statements = vec!["begin".to_owned(), format!("revoke all on database {database} from public")];
    for role in grantees(session, name).await?.into_iter().flatten() {
        statements.push(format!("revoke all on database {database} from {}", sql::ident(&role)));
    }
    match former {
        // As they are now where that can be seen: roles may be called otherwise than when the fence went up, or be gone.
        Some(former) => {
            statements.extend(fence::openings(session, doors).await?);
            statements.extend(fence::besides(session, former, name, &doors.spared).await?);
        }
        // On another server the same role has another identity.
        None => {
            let (was, is) = (format!(" database {} ", sql::ident(&doors.database)), format!(" database {database} "));
            let theirs = doors.doors.iter().filter(|d| !fence::is_own(d)).map(|d| &d.open).chain(&doors.besides);
            statements.extend(theirs.map(|s| s.replacen(&was, &is, 1)));
        }
    }
    statements.push("commit".to_owned());
    if let Err(e) = session.client.batch_execute(&statements.join("; ")).await {
        if !session.client.is_closed() {
            let _ = session.client.batch_execute("rollback").await;
        }
        let hint = match e.code().map(|c| c.code()) {
            Some("42704") => "create the role that is named, with its password, then resume",
            _ => "Greenroom's login must be a member of the role that owns production: grant it that role, then resume",
        };
        return Err(mapped(&e, doing()).hint(hint));
    }
    Ok(())
}

/// See [`crate::seam::Target::welcome`].
pub(crate) async fn welcome(session: &Session, doors: &Doors, testers: &[String], elsewhere: bool) -> Result<Welcome> {
    let doing = "look for those who are to be let in";
    let mut refused = Vec::new();
    if elsewhere {
        let of = |statement: &str| statement.rsplit_once(" to ").map(|(_, role)| role.trim_end_matches(" with grant option").to_owned());
        let grants = doors.besides.iter().filter(|s| !s.contains(" set ")).filter_map(|s| of(s));
        let theirs = doors.doors.iter().filter(|d| !fence::is_own(d)).filter_map(|d| of(&d.open)).chain(grants).chain(settled(doors));
        let named: std::collections::BTreeSet<String> = theirs.filter(|role| role != "public").collect();
        let query = "select n from pg_catalog.unnest($1::text[]) n where pg_catalog.to_regrole(n) is null order by 1";
        for row in session.client.query(query, &[&named.into_iter().collect::<Vec<_>>()]).await.doing(doing)? {
            let what = format!("{}, who can come into production, is not known on the target's server", row.get::<_, String>(0));
            refused
                .push(Obstacle { what, way_out: "create it there, with its password, or take its rights on production away".to_owned() });
        }
    }
    let query =
        "select n from pg_catalog.unnest($1::text[]) n where not exists (select from pg_catalog.pg_roles where rolname = n) order by 1";
    for row in session.client.query(query, &[&testers]).await.doing(doing)? {
        let what = format!("`{}`, whom `[pilot] testers` names, is not known on the target's server", row.get::<_, String>(0));
        refused.push(Obstacle { what, way_out: "create it there, or take it out of `testers`".to_owned() });
    }
    // Who may set what holds for a role in one database: the role itself, and whoever may change roles.
    let query = "select n from pg_catalog.unnest($1::text[]) n join pg_catalog.pg_roles r on r.oid = pg_catalog.to_regrole(n) \
        cross join pg_catalog.pg_roles us where us.rolname = session_user and r.oid <> us.oid and not us.rolsuper \
        and (r.rolsuper or not us.rolcreaterole) order by 1";
    let roles: std::collections::BTreeSet<String> = settled(doors).collect();
    for row in session.client.query(query, &[&roles.into_iter().collect::<Vec<_>>()]).await.doing(doing)? {
        let role: String = row.get(0);
        let (us, database) = (sql::ident(&session.login), sql::ident(&doors.database));
        refused.push(Obstacle {
            what: format!(
                "{role} has settings of its own in production, and Greenroom's login may not give it the same in another database"
            ),
            way_out: format!(
                "`alter role {us} createrole`; or `alter role {role} in database {database} reset all`, where they are not needed"
            ),
        });
    }
    Ok(Welcome { refused, unasked: Vec::new() })
}

/// Roles with settings of their own in production, quoted.
fn settled(doors: &Doors) -> impl Iterator<Item = String> {
    let role =
        |s: &String| s.strip_prefix("alter role ").and_then(|rest| rest.split_once(" in database ")).map(|(role, _)| role.to_owned());
    doors.besides.iter().filter_map(role)
}

/// Drops a database that is ours by its nonce.
pub(crate) async fn drop_marked(session: &Session, name: &str, nonce: &str) -> Result<()> {
    let doing = format!("drop database `{name}`");
    let Some(row) = marker::find(session, name).await? else {
        return Err(conflict(&doing, "it does not exist".to_owned()));
    };
    match row.marker {
        Some(m) if m.nonce == nonce && m.state != MarkerState::Promoted => {}
        Some(m) if m.state == MarkerState::Promoted => return Err(conflict(&doing, "it has been promoted to production".to_owned())),
        Some(_) => return Err(conflict(&doing, "it bears another generation's marker".to_owned())),
        None => return Err(conflict(&doing, "it was not made by greenroom".to_owned())),
    }
    end_sessions(session, &[name]).await?;
    let force = if session.version >= 130_000 { " with (force)" } else { "" };
    session.client.batch_execute(&format!("drop database {}{force}", sql::ident(name))).await.doing(doing)
}
