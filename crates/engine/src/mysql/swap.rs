//! Exchanging names, letting people in and shutting them out, dropping. Owns what is done to databases from outside.
//!
//! A swap changes rows of the registry and the generation's marker, in one transaction: databases are not renamed, people connect to the
//! database of the new generation (docs/design/0007).

use super::connect::{Session, number, said};
use super::error::{Doing, mapped};
use super::fence::HARMLESS;
use super::{grants, names, own, sql};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Admission, Marker, MarkerState, Swap, Welcome};
use greenroom_model::fence::{Doors, Obstacle};

/// What people who are let in may do: work with rows, not change the schema.
const RIGHTS: &str = "select, insert, update, delete, execute, show view, create temporary tables, lock tables";

fn conflict(doing: &str, message: String) -> EngineError {
    EngineError::new(ErrorKind::Conflict, doing, message)
}

/// Ends other sessions that have one of the databases selected. Those that may not be ended are left.
pub(crate) async fn end_sessions(session: &mut Session, databases: &[&str]) -> Result<()> {
    let list: Vec<String> = databases.iter().map(|d| sql::literal(d)).collect();
    let query = format!("select id from information_schema.processlist where db in ({}) and id <> connection_id()", list.join(", "));
    for row in session.rows(&query).await.doing("look for sessions")? {
        let _ = session.run(&format!("kill connection {}", number(&row, 0))).await;
    }
    Ok(())
}

/// Exchanges names; repeatable after a crash.
pub(crate) async fn swap(session: &mut Session, swap: &Swap) -> Result<()> {
    let doing = "swap the generation in";
    names::create(session).await?;
    let generation = names::resolve(session, &swap.generation).await?;
    let pilot = names::resolve(session, &swap.pilot).await?;
    let pilot_marker = match &pilot {
        Some(database) => own::marker(session, database).await?,
        None => None,
    };
    let Some(generation) = generation else {
        // Done already, if what stands under the pilot's name is the generation that bore this name: names carry the nonce.
        return match pilot_marker.map(|m| m.nonce) {
            Some(nonce) if !nonce.is_empty() && swap.generation.contains(&nonce) => Ok(()),
            _ => Err(conflict(doing, format!("database `{}` does not exist, and `{}` is not it", swap.generation, swap.pilot))),
        };
    };
    let Some(ours) = own::marker(session, &generation).await?.filter(|m| !matches!(m.state, MarkerState::Promoted | MarkerState::Raw))
    else {
        return Err(conflict(doing, format!("database `{generation}` does not bear our marker")));
    };
    let mut statements = Vec::new();
    let mut databases = vec![generation.as_str()];
    if let Some(database) = &pilot {
        let Some(former) = &swap.former else {
            return Err(conflict(doing, format!("database `{}` exists already", swap.pilot)));
        };
        match pilot_marker.map(|m| m.state) {
            Some(MarkerState::Promoted) => {
                return Err(conflict(doing, format!("database `{database}` has been promoted to production")));
            }
            Some(_) => {}
            None => return Err(conflict(doing, format!("database `{database}` was not made by greenroom"))),
        }
        if names::resolve(session, former).await?.is_some() {
            return Err(conflict(doing, format!("database `{former}` exists already")));
        }
        statements.extend(names::assign(former, database));
        databases.push(database);
    }
    statements.extend(names::assign(&swap.pilot, &generation));
    statements.push(own::write_marker(&generation, &Marker { state: MarkerState::Pilot, ..ours }));
    end_sessions(session, &databases).await?;
    transaction(session, &statements).await.doing(doing)
}

pub(crate) async fn transaction(session: &mut Session, statements: &[String]) -> Result<()> {
    let all = format!("start transaction; {}; commit", statements.join("; "));
    if let Err(e) = session.run(&all).await {
        let _ = session.run("rollback").await;
        return Err(mapped(&e, "change the registry of pilots"));
    }
    Ok(())
}

/// Lets a database whose marker is promoted be called by the name that it was created under, production's, or by its generation's again. Repeatable.
pub(crate) async fn put_in_place(session: &mut Session, swap: &Swap) -> Result<()> {
    let doing = "put a database in production's place";
    let Some(database) = names::resolve(session, &swap.generation).await? else {
        // Done already, if it stands under the other name: one of the two carries the nonce.
        let nonce = match names::resolve(session, &swap.pilot).await? {
            Some(database) => own::marker(session, &database).await?.map(|m| m.nonce).unwrap_or_default(),
            None => String::new(),
        };
        let done = !nonce.is_empty() && (swap.generation.contains(&nonce) || swap.pilot.contains(&nonce));
        return if done { Ok(()) } else { Err(conflict(doing, format!("database `{}` does not exist", swap.generation))) };
    };
    if swap.former.is_some() || names::resolve(session, &swap.pilot).await?.is_some() {
        return Err(conflict(doing, format!("`{}` stands there, and cannot be put aside: databases are not renamed here", swap.pilot)));
    }
    if own::marker(session, &database).await?.is_none_or(|m| m.state != MarkerState::Promoted) {
        return Err(conflict(doing, format!("database `{database}` is not what was to take production's place")));
    }
    end_sessions(session, &[&database]).await?;
    transaction(session, &names::assign(&swap.pilot, &database)).await.doing(doing)
}

/// See [`crate::seam::Target::welcome`].
pub(crate) async fn welcome(session: &mut Session, name: &str, doors: &Doors, testers: &[String]) -> Result<Welcome> {
    let doing = "look for those who are to be let in";
    let denied = "grant Greenroom's login SELECT on mysql.* of the target's server";
    let accounts = doors.doors.iter().filter_map(|d| match d.key.as_slice() {
        [user, host] => Some(format!("{}@{}", sql::literal(user), sql::literal(host))),
        _ => None,
    });
    let to = |s: &String| {
        s.rsplit_once(" TO ")
            .map(|(_, to)| to.trim_end_matches(" WITH GRANT OPTION").trim_end_matches(" WITH ADMIN OPTION").replace('`', "'"))
    };
    let granted =
        doors.besides.iter().filter_map(to).filter(|to| !to.eq_ignore_ascii_case("public") && !to.eq_ignore_ascii_case("'public'"));
    let mut welcome = Welcome::default();
    let mut known: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for who in accounts.chain(granted).collect::<std::collections::BTreeSet<_>>() {
        match session.rows(&format!("show grants for {who}")).await {
            Ok(rows) => drop(known.insert(who, rows.iter().map(|row| said(row, 0)).collect())),
            Err(e) if matches!(super::error::code(&e), Some(1141 | 1133 | 1959)) => welcome.refused.push(Obstacle {
                what: format!("{who}, who can come into production, is not known on the target's server"),
                way_out: "create it there, with its password, or take its rights on production away".to_owned(),
            }),
            Err(e) => return Err(mapped(&e, doing).hint(denied)),
        }
    }
    for membership in doors.besides.iter().filter(|s| !s.contains(" ON ")) {
        let Some(lines) = to(membership).and_then(|who| known.get(&who).cloned()) else { continue };
        let plain = membership.trim_end_matches(" WITH ADMIN OPTION");
        if !lines.iter().any(|l| l.trim_end_matches(" WITH ADMIN OPTION") == plain) {
            let what = format!("a role that works in production is not given on the target's server: {plain}");
            welcome.refused.push(Obstacle { what, way_out: format!("there, as an administrator: `{plain}`") });
        }
    }
    for tester in testers {
        match session.rows(&format!("show grants for {}", sql::account(tester))).await {
            Ok(_) => {}
            Err(e) if matches!(super::error::code(&e), Some(1141 | 1133 | 1959)) => welcome.refused.push(Obstacle {
                what: format!("`{tester}`, whom `[pilot] testers` names, is not known on the target's server"),
                way_out: "create it there, or take it out of `testers`".to_owned(),
            }),
            Err(e) => return Err(mapped(&e, doing).hint(denied)),
        }
    }
    if doors.apart {
        welcome.refused.extend(locked_testers(session, doors, testers).await?);
    }
    let own: Vec<String> = session.rows("show grants").await.doing(doing)?.iter().map(|row| said(row, 0)).collect();
    let covers = |line: &String| {
        let on = line
            .split_once(" ON ")
            .and_then(|(_, rest)| rest.split_once(" TO "))
            .map(|(on, _)| on.trim_end_matches(".*").trim_matches('`').replace("``", "`"));
        line.contains(" ON ") && on.is_some_and(|pattern| super::rights::covers(&pattern, name))
    };
    if !own.iter().any(|l| l.starts_with("GRANT ALL PRIVILEGES") && l.ends_with("WITH GRANT OPTION") && covers(l)) {
        let (us, on) = (session.value("select current_user()").await.doing(doing)?.unwrap_or_default(), sql::ident(&sql::pattern(name)));
        welcome.refused.push(Obstacle {
            what: "Greenroom's login cannot pass on every right on the new database".to_owned(),
            way_out: format!("on the target's server: `grant all privileges on {on}.* to {} with grant option`", sql::account(&us)),
        });
    }
    let query = format!(
        "select distinct grantee from information_schema.user_privileges where privilege_type not in ({HARMLESS}) and replace(grantee, '''', '') <> current_user() \
         union select distinct grantee from information_schema.schema_privileges where {0} like table_schema and table_schema not in ({0}, {1}) \
         and replace(grantee, '''', '') <> current_user() order by 1",
        sql::literal(name),
        sql::literal(&sql::pattern(name))
    );
    let unasked = session.rows(&query).await.doing(doing)?;
    welcome.unasked.extend(unasked.iter().map(|row| said(row, 0)));
    Ok(welcome)
}

/// Testers who cannot come in before users are: their accounts lead to production as well, on the same server, and are locked with it.
async fn locked_testers(session: &mut Session, doors: &Doors, testers: &[String]) -> Result<Vec<Obstacle>> {
    let locked = |user: &str, host: &str| doors.doors.iter().any(|d| d.key == [user, host]);
    let mut all = Vec::new();
    for tester in testers {
        let (user, host) = tester.rsplit_once('@').filter(|(user, _)| !user.is_empty()).unwrap_or((tester, "%"));
        let query = format!("select user, host from mysql.roles_mapping where role = {}", sql::literal(tester));
        let rows = session.rows(&query).await.doing("look for testers")?;
        let mut members = rows.iter().map(|row| (said(row, 0), said(row, 1))).filter(|(_, host)| !host.is_empty()).peekable();
        let every_member = members.peek().is_some() && members.all(|(user, host)| locked(&user, &host));
        if locked(user, host) || every_member {
            all.push(Obstacle {
                what: format!("`{tester}`, whom `[pilot] testers` names, works in production too, and is locked until users are let in"),
                way_out: "create an account for testing that has no rights on production, and name that".to_owned(),
            });
        }
    }
    Ok(all)
}

/// Gives those who had rights on production, on another server or under another name, the same here; nobody else has any.
pub(crate) async fn promote(session: &mut Session, database: &str, doors: &Doors) -> Result<()> {
    let doing = || format!("let users into `{database}`");
    if own::marker(session, database).await?.is_none_or(|m| m.state != MarkerState::Promoted) {
        return Err(conflict(&doing(), "it is not what was to take production's place".to_owned()));
    }
    // Testers' rights on all of it are not what they have in production.
    admit(session, database, &Admission::Sealed).await?;
    no_new_accounts(session).await?;
    for statement in doors.besides.iter().filter(|s| s.contains(" ON ")) {
        match session.run(&grants::renamed(statement, &doors.database, database)).await {
            Ok(()) => {}
            // What the upgrade dropped, or was dropped long ago: nobody has a right on what is not there.
            Err(e) if matches!(super::error::code(&e), Some(1146 | 1054 | 1305)) => {}
            Err(e) => {
                let hint = match super::error::code(&e) {
                    Some(1133 | 1959) => "create the account or role that is named, with its password, then resume",
                    _ => "give Greenroom's login the rights on the database that it is to pass on, with grant option, then resume",
                };
                return Err(mapped(&e, doing()).hint(hint));
            }
        }
    }
    names::remove_empty(session).await
}

/// Accounts and roles with rights on the database or something in it, as the server spells them; `None` for PUBLIC.
async fn grantees(session: &mut Session, database: &str) -> Result<Vec<Option<String>>> {
    let names = format!("{}, {}", sql::literal(database), sql::literal(&sql::pattern(database)));
    let query = format!(
        "select distinct grantee from (select grantee from information_schema.schema_privileges where table_schema in ({names}) \
         union select grantee from information_schema.table_privileges where table_schema = {0} \
         union select grantee from information_schema.column_privileges where table_schema = {0}) g order by 1",
        sql::literal(database)
    );
    let rows = session.rows(&query).await.doing(format!("read who may connect to `{database}`"))?;
    Ok(rows
        .iter()
        .map(|row| said(row, 0))
        .map(|g| if g.replace('\'', "").trim_end_matches('@').eq_ignore_ascii_case("public") { None } else { Some(g) })
        .collect())
}

/// Whether the grantee `'u'@'h'` is our own account.
async fn is_us(session: &mut Session, grantee: &str) -> Result<bool> {
    let us = session.value("select current_user()").await.doing("read our own account")?.unwrap_or_default();
    Ok(grantee.replace('\'', "") == us)
}

/// How the program names a grantee: `'app'@'%'` and the role `'app'@''` are `app`.
fn plain(grantee: &str) -> String {
    let text = grantee.replace('\'', "");
    text.strip_suffix("@%").or_else(|| text.strip_suffix('@')).unwrap_or(&text).to_owned()
}

/// Who may connect now.
pub(crate) async fn admission(session: &mut Session, database: &str) -> Result<Admission> {
    let mut roles = Vec::new();
    for grantee in grantees(session, database).await? {
        let Some(grantee) = grantee else { return Ok(Admission::Everybody { mode: 0 }) };
        if !is_us(session, &grantee).await? {
            roles.push(plain(&grantee));
        }
    }
    Ok(if roles.is_empty() { Admission::Sealed } else { Admission::Some { roles, mode: 0 } })
}

/// Takes every grant on the database away but our own, then lets in whom an admission names.
pub(crate) async fn admit(session: &mut Session, database: &str, admission: &Admission) -> Result<()> {
    let doing = || format!("change who may connect to `{database}`");
    match own::marker(session, database).await? {
        None => return Err(conflict(&doing(), format!("database `{database}` does not bear our marker"))),
        Some(m) if m.state == MarkerState::Raw && *admission != Admission::Sealed => {
            return Err(conflict(&doing(), format!("`{database}` is a raw copy, which is never opened")));
        }
        Some(_) => {}
    }
    let target = format!("{}.*", sql::ident(&sql::pattern(database)));
    let people: Vec<String> = match admission {
        Admission::Sealed => Vec::new(),
        Admission::Some { roles, .. } => roles.iter().map(|r| sql::account(r)).collect(),
        Admission::Everybody { .. } => vec!["public".to_owned()],
    };
    if matches!(admission, Admission::Everybody { .. }) && !public_exists(session) {
        return Err(EngineError::unsupported(doing(), format!("{} knows no grants to everybody", session.version_text))
            .hint("name the accounts or roles in `[pilot] users`"));
    }
    for grantee in grantees(session, database).await? {
        let (shown, is_us) = match &grantee {
            Some(g) => (grantee_sql(session, g).await?, is_us(session, g).await?),
            None => ("public".to_owned(), false),
        };
        if !is_us {
            revoke(session, database, &target, &shown).await?;
        }
    }
    no_new_accounts(session).await?;
    for people in people {
        session.run(&format!("grant {RIGHTS} on {target} to {people}")).await.map_err(|e| {
            mapped(&e, doing()).object(people.clone()).hint("create the account or role on the target's server, and give Greenroom's login the rights it is to pass on, with grant option")
        })?;
    }
    if *admission == Admission::Sealed {
        end_sessions(session, &[database]).await?;
    }
    Ok(())
}

/// A grant to somebody who is not known fails, instead of making an account without a password.
async fn no_new_accounts(session: &mut Session) -> Result<()> {
    if session.variety == super::connect::Variety::MariaDb {
        session.run("set session sql_mode = 'NO_AUTO_CREATE_USER'").await.doing("keep grants from making accounts")?;
    }
    Ok(())
}

/// MariaDB knows PUBLIC from 10.11 on.
fn public_exists(session: &Session) -> bool {
    session.variety == super::connect::Variety::MariaDb && session.version >= (10, 11, 0)
}

/// A grantee as GRANT and REVOKE take it: roles of MariaDB are shown with an empty host and take none.
async fn grantee_sql(session: &mut Session, grantee: &str) -> Result<String> {
    if session.variety == super::connect::Variety::MariaDb
        && let Some(role) = grantee.strip_suffix("@''")
    {
        return Ok(role.to_owned());
    }
    Ok(grantee.to_owned())
}

async fn revoke(session: &mut Session, database: &str, target: &str, from: &str) -> Result<()> {
    let doing = || format!("change who may connect to `{database}`");
    let unescaped = format!("{}.*", sql::ident(database));
    for whole in [target, unescaped.as_str()] {
        // Grants under the pattern, and such as somebody made under the bare name.
        for rights in ["all privileges", "grant option"] {
            match session.run(&format!("revoke {rights} on {whole} from {from}")).await {
                Ok(()) => {}
                Err(e) if super::error::code(&e) == Some(1141) => {}
                Err(e) => return Err(mapped(&e, doing())),
            }
        }
    }
    let query = format!(
        "select distinct table_name from information_schema.table_privileges where table_schema = {} and replace(grantee, '''', '') in ({}, {})",
        sql::literal(database),
        sql::literal(&from.replace('\'', "")),
        sql::literal(&format!("{}@", from.replace('\'', "")))
    );
    for row in session.rows(&query).await.doing(doing())? {
        let table = format!("{}.{}", sql::ident(database), sql::ident(&said(&row, 0)));
        session.run(&format!("revoke all privileges on {table} from {from}")).await.doing(doing())?;
    }
    Ok(())
}

/// Drops a database that is ours by its nonce. Everything but the marker goes first: the server drops table by table, and what is left of a
/// drop that was cut must still say whose it is.
pub(crate) async fn drop_marked(session: &mut Session, name: &str, nonce: &str) -> Result<()> {
    let doing = format!("drop database `{name}`");
    let Some(database) = names::resolve(session, name).await? else {
        return Err(conflict(&doing, "it does not exist".to_owned()));
    };
    match own::marker(session, &database).await? {
        Some(m) if m.state == MarkerState::Promoted => return Err(conflict(&doing, "it has been promoted to production".to_owned())),
        Some(m) if m.nonce == nonce => {}
        Some(_) => return Err(conflict(&doing, "it bears another generation's marker".to_owned())),
        None => return Err(conflict(&doing, "it was not made by greenroom".to_owned())),
    }
    // Rights outlive a database on these servers.
    admit(session, &database, &Admission::Sealed).await.doing(doing.clone())?;
    let query = format!(
        "select table_name, table_type from information_schema.tables where table_schema = {} and {}",
        sql::literal(&database),
        own::not_ours("table_name")
    );
    session.run("set session foreign_key_checks = 0").await.doing(doing.clone())?;
    for row in session.rows(&query).await.doing(doing.clone())? {
        let kind = match said(&row, 1).as_str() {
            "VIEW" => "view",
            "SEQUENCE" => "sequence",
            _ => "table",
        };
        let table = format!("{}.{}", sql::ident(&database), sql::ident(&said(&row, 0)));
        session.run(&format!("drop {kind} if exists {table}")).await.doing(doing.clone())?;
    }
    session.run(&format!("drop database {}", sql::ident(&database))).await.doing(doing.clone())?;
    if names::exists(session, names::REGISTRY).await? {
        session.run(&names::forget(&database)).await.doing(doing)?;
    }
    Ok(())
}
