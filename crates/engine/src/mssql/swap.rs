//! Exchanging names, letting people in and shutting them out, dropping. Owns what is done to databases from outside.
//!
//! SQL Server renames one database at a time, and only while nobody else is in it (P23): the present pilot goes first, then the generation takes
//! its name. What is done already is seen by looking, so that both acts are repeatable after a crash. Where pilots' names are kept in a registry
//! (`names`), its rows change in one transaction.

use super::connect::{Purpose, Server, Session, Variety, said};
use super::error::{Doing, code, mapped};
use super::{names, own, sql};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Admission, Marker, MarkerState, Swap};
use std::time::Duration;

/// Attempts at what needs a database that nobody is in.
const ATTEMPTS: u32 = 20;

fn conflict(doing: &str, message: String) -> EngineError {
    EngineError::new(ErrorKind::Conflict, doing, message)
}

/// Ends all sessions in a database except this one. Sessions that may not be ended are left; what follows will tell.
pub(crate) async fn end_sessions(session: &mut Session, database: &str) -> Result<()> {
    let query = format!(
        "select session_id from sys.dm_exec_sessions where database_id = db_id({}) and session_id <> @@spid and session_id is not null",
        sql::literal(database)
    );
    for row in session.rows(&query).await.doing("look for sessions")? {
        let _ = session.run(&format!("kill {}", said(&row, 0))).await;
    }
    Ok(())
}

/// Executes a statement that needs a database to itself, from outside of it.
async fn alone(session: &mut Session, database: &str, statement: &str, doing: &str) -> Result<()> {
    let renames = session.variety == Variety::SqlServer;
    for left in (0..ATTEMPTS).rev() {
        if renames {
            let single = format!("alter database {} set single_user with rollback immediate", sql::ident(database));
            session.run(&single).await.doing(doing)?;
        } else {
            end_sessions(session, database).await?;
        }
        match session.run(statement).await {
            Ok(()) => return Ok(()),
            Err(e) if left > 0 && in_use(&e) => tokio::time::sleep(Duration::from_millis(250)).await,
            Err(e) => return Err(mapped(&e, doing).hint("end the sessions that hold the database")),
        }
    }
    Ok(())
}

fn in_use(e: &tiberius::error::Error) -> bool {
    match code(e) {
        Some(3702 | 5030 | 5061 | 5064 | 5070) => true,
        Some(super::error::UNNUMBERED) => {
            e.to_string().contains("being accessed") || e.to_string().contains("in use") || e.to_string().contains("locked")
        }
        _ => false,
    }
}

/// Drops a database that nobody else shall be in.
pub(crate) async fn drop_database(session: &mut Session, database: &str) -> Result<()> {
    let doing = format!("drop database `{database}`");
    alone(session, database, &format!("drop database {}", sql::ident(database)), &doing).await
}

async fn marker(server: &Server, database: &str) -> Result<Option<Marker>> {
    let mut inside = server.open(Some(database), Purpose::Catalog).await?;
    let found = own::marker(&mut inside).await;
    inside.close().await;
    found
}

async fn rename(session: &mut Session, from: &str, to: &str, doing: &str) -> Result<()> {
    let renamed = alone(session, from, &format!("alter database {} modify name = {}", sql::ident(from), sql::ident(to)), doing).await;
    let named = if renamed.is_ok() { to } else { from };
    let shared = share(session, named, doing).await;
    renamed.and(shared)
}

/// Ends that only one session may be in a database, as a rename that was cut leaves it.
async fn share(session: &mut Session, database: &str, doing: &str) -> Result<()> {
    session.run(&format!("alter database {} set multi_user", sql::ident(database))).await.doing(doing)
}

/// Exchanges names; repeatable after a crash.
pub(crate) async fn swap(server: &Server, session: &mut Session, swap: &Swap) -> Result<()> {
    let doing = "swap the generation in";
    let generation = names::resolve(server, session, &swap.generation).await?;
    let pilot = names::resolve(server, session, &swap.pilot).await?;
    let Some(generation) = generation else {
        // Done already, if what stands under the pilot's name is the generation that bore this name: names carry the nonce.
        let nonce = match &pilot {
            Some(pilot) => marker(server, pilot).await?.map(|m| m.nonce).unwrap_or_default(),
            None => String::new(),
        };
        if !nonce.is_empty() && swap.generation.contains(&nonce) {
            if let Some(pilot) = pilot.filter(|_| !names::registered(session.variety)) {
                share(session, &pilot, doing).await?;
            }
            return Ok(());
        }
        return Err(conflict(doing, format!("database `{}` does not exist, and `{}` is not it", swap.generation, swap.pilot)));
    };
    let Some(ours) = marker(server, &generation).await?.filter(|m| !matches!(m.state, MarkerState::Promoted | MarkerState::Raw)) else {
        return Err(conflict(doing, format!("database `{generation}` does not bear our marker")));
    };
    let former = match &pilot {
        None => None,
        Some(pilot) => {
            let Some(former) = &swap.former else {
                return Err(conflict(doing, format!("database `{}` exists already", swap.pilot)));
            };
            match marker(server, pilot).await?.map(|m| m.state) {
                Some(MarkerState::Promoted) => {
                    return Err(conflict(doing, format!("database `{pilot}` has been promoted to production")));
                }
                Some(_) => {}
                None => return Err(conflict(doing, format!("database `{pilot}` was not made by greenroom"))),
            }
            if names::resolve(server, session, former).await?.is_some() {
                return Err(conflict(doing, format!("database `{former}` exists already")));
            }
            Some((pilot.clone(), former.clone()))
        }
    };
    let staged = own::write_marker(&Marker { state: MarkerState::Pilot, ..ours });
    let mut inside = server.open(Some(&generation), Purpose::Catalog).await?;
    let marked = inside.run(&staged).await.doing(doing);
    inside.close().await;
    marked?;
    end_sessions(session, &generation).await?;
    if let Some((pilot, _)) = &former {
        end_sessions(session, pilot).await?;
    }
    if names::registered(session.variety) {
        let mut all: Vec<(&str, &str)> = Vec::new();
        all.extend(former.iter().map(|(pilot, former)| (former.as_str(), pilot.as_str())));
        all.push((&swap.pilot, &generation));
        return names::assign(server, &all).await.doing(doing);
    }
    if let Some((pilot, former)) = &former {
        rename(session, pilot, former, doing).await?;
    } else if let Some(former) = &swap.former
        && let Some(moved) = names::resolve(server, session, former).await?
        && marker(server, &moved).await?.is_some()
    {
        // The first rename was done before a crash.
        share(session, &moved, doing).await?;
    }
    rename(session, &generation, &swap.pilot, doing).await
}

/// Logins and roles that may connect, other than the owner. `guest` stands for everybody.
async fn grantees(inside: &mut Session) -> Result<Vec<String>> {
    // Babelfish shows no permissions: there whoever is a user of the database may connect.
    let query = if inside.variety == Variety::Babelfish {
        "select name from sys.database_principals where type in ('S', 'U', 'G') and name not in ('dbo', 'guest', 'sys', 'INFORMATION_SCHEMA') order by 1"
    } else {
        "select p.name from sys.database_permissions d join sys.database_principals p on p.principal_id = d.grantee_principal_id \
         where d.class = 0 and d.type = 'CO' and d.state in ('G', 'W') and p.name <> 'dbo' order by 1"
    };
    Ok(inside.rows(query).await.doing("read who may connect")?.iter().map(|row| said(row, 0)).collect())
}

/// Who may connect now.
pub(crate) async fn admission(inside: &mut Session) -> Result<Admission> {
    let roles = grantees(inside).await?;
    Ok(if roles.iter().any(|r| r == "guest") {
        Admission::Everybody { mode: 0 }
    } else if roles.is_empty() {
        Admission::Sealed
    } else {
        Admission::Some { roles, mode: 0 }
    })
}

/// Takes the right to connect from everybody but the owner, then gives it to whom an admission names.
pub(crate) async fn admit(server: &Server, session: &mut Session, database: &str, admission: &Admission) -> Result<()> {
    let doing = format!("change who may connect to `{database}`");
    let mut inside = server.open(Some(database), Purpose::Catalog).await?;
    let done = within(&mut inside, database, admission, &doing).await;
    inside.close().await;
    done?;
    if *admission == Admission::Sealed {
        end_sessions(session, database).await?;
    }
    Ok(())
}

async fn within(inside: &mut Session, database: &str, admission: &Admission, doing: &str) -> Result<()> {
    match own::marker(inside).await? {
        None => return Err(conflict(doing, format!("database `{database}` does not bear our marker"))),
        Some(m) if m.state == MarkerState::Raw && *admission != Admission::Sealed => {
            return Err(conflict(doing, format!("`{database}` is a raw copy, which is never opened")));
        }
        Some(_) => {}
    }
    let babelfish = inside.variety == Variety::Babelfish;
    if babelfish && matches!(admission, Admission::Everybody { .. }) {
        return Err(EngineError::unsupported(doing, "Babelfish does not show whether guests may connect")
            .hint("name the logins in `[pilot] users`"));
    }
    let stays = |name: &String| matches!(admission, Admission::Some { roles, .. } if roles.contains(name));
    for name in grantees(inside).await? {
        if babelfish {
            // A user that goes loses its rights to work with rows, too.
            if !stays(&name) {
                shut_out(inside, &name).await.doing(doing)?;
            }
        } else {
            inside.run(&format!("revoke connect from {}", sql::ident(&name))).await.doing(doing)?;
        }
    }
    match admission {
        Admission::Sealed => Ok(()),
        Admission::Everybody { .. } => inside.run("grant connect to guest").await.doing(doing),
        Admission::Some { roles, .. } => {
            for role in roles {
                user(inside, role, doing).await?;
                // On Babelfish whoever is a user may connect.
                if !babelfish {
                    inside.run(&format!("grant connect to {}", sql::ident(role))).await.doing(doing)?;
                }
            }
            Ok(())
        }
    }
}

/// Makes a login a user of the database unless it is one. That alone lets nobody in, except on Babelfish.
async fn user(inside: &mut Session, login: &str, doing: &str) -> Result<()> {
    let name = sql::ident(login);
    let closed = if inside.variety == Variety::Babelfish { String::new() } else { format!("; revoke connect from {name}") };
    let missing = format!(
        "if not exists (select 1 from sys.database_principals where name = {}) exec({})",
        sql::literal(login),
        sql::literal(&format!("create user {name} for login {name}{closed}"))
    );
    let made = inside.run(&missing).await;
    made.map_err(|e| mapped(&e, doing).object(format!("login {login}")).hint("create the login on the target's server"))
}

/// Removes a user of Babelfish with its rights on every schema, which hold it otherwise.
async fn shut_out(inside: &mut Session, name: &str) -> Result<()> {
    let doing = "remove a user";
    let user = sql::ident(name);
    for schema in schemas(inside).await? {
        for right in RIGHTS {
            // What was never given cannot be taken.
            let _ = inside.run(&format!("revoke {right} on schema::{} from {user}", sql::ident(&schema))).await;
        }
    }
    inside.run(&format!("drop user {user}")).await.doing(doing)
}

/// Rights to work with rows.
const RIGHTS: &[&str] = &["select", "insert", "update", "delete", "execute"];

async fn schemas(inside: &mut Session) -> Result<Vec<String>> {
    let query = "select s.name from sys.schemas s where s.name not in ('greenroom', 'sys', 'INFORMATION_SCHEMA', 'guest') \
                 and s.name not like 'db[_]%' order by 1";
    Ok(inside.rows(query).await.doing("list the schemas")?.iter().map(|row| said(row, 0)).collect())
}

/// Gives those whom an admission lets in the rights to work with every table and to call every routine. Repeatable.
pub(crate) async fn let_work(inside: &mut Session, admission: &Admission) -> Result<()> {
    let people: Vec<&str> = match admission {
        Admission::Sealed => Vec::new(),
        Admission::Everybody { .. } => vec!["public"],
        Admission::Some { roles, .. } => roles.iter().map(String::as_str).collect(),
    };
    if let Admission::Some { roles, .. } = admission {
        for role in roles {
            user(inside, role, "let people work with the tables").await?;
        }
    }
    for schema in schemas(inside).await? {
        for name in &people {
            for right in RIGHTS {
                let grant = format!("grant {right} on schema::{} to {}", sql::ident(&schema), sql::ident(name));
                inside.run(&grant).await.doing(format!("let `{name}` work with the tables"))?;
            }
        }
    }
    Ok(())
}

/// Drops a database that is ours by its nonce.
pub(crate) async fn drop_marked(server: &Server, session: &mut Session, name: &str, nonce: &str) -> Result<()> {
    let doing = format!("drop database `{name}`");
    let Some(database) = names::resolve(server, session, name).await? else {
        return Err(conflict(&doing, "it does not exist".to_owned()));
    };
    match marker(server, &database).await? {
        Some(m) if m.state == MarkerState::Promoted => return Err(conflict(&doing, "it has been promoted to production".to_owned())),
        Some(m) if m.nonce == nonce => {}
        Some(_) => return Err(conflict(&doing, "it bears another generation's marker".to_owned())),
        None => return Err(conflict(&doing, "it was not made by greenroom".to_owned())),
    }
    if session.variety == Variety::Babelfish {
        // Its roles outlive what depends on them otherwise.
        admit(server, session, &database, &Admission::Sealed).await.doing(doing.clone())?;
    }
    drop_database(session, &database).await.doing(doing)?;
    names::forget(server, session, &database).await
}
