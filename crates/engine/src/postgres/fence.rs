//! The fence around a production database: nobody but Greenroom may connect, and whoever is in is ended (P23).
//!
//! CONNECT is taken from every role that has it, the owner included, each right as it was granted, so that it can be given back. It binds
//! everybody but superusers: those who are in stand in the way, the others are named. `default_transaction_read_only` would be no fence: a
//! session sets it otherwise.

use super::connect::{Server, Session};
use super::error::{Doing, mapped};
use super::sql;
use super::target::server_id;
use crate::error::{EngineError, ErrorKind, Result};
use crate::fence::{Fence, Fenced, same_database, still_in};
use async_trait::async_trait;
use greenroom_model::fence::{Door, Doors, Obstacle, Stands};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long ended sessions are waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Minutes after which a transaction is a long one.
const LONG_MINUTES: u32 = 5;

/// Sessions of others in the database: programs', not the server's own, nor Greenroom's. What a session is and does is hidden from logins
/// without `pg_read_all_stats`, not that it is there. `$1` is the database, `$2` our logins.
const OTHERS: &str = "from pg_catalog.pg_stat_activity a left join pg_catalog.pg_roles r on r.rolname = a.usename \
    where a.datname = $1::text and coalesce(a.backend_type, '') not in ('autovacuum worker', 'parallel worker', 'walsender', 'startup', 'checkpointer') and a.pid <> pg_catalog.pg_backend_pid() \
    and not coalesce(a.usename::text = any($2) and a.application_name like 'greenroom %', false)";

pub(super) struct PgFence {
    pub server: Server,
    pub session: Session,
    /// Greenroom's logins, the session's own first: they stay in.
    pub ours: Vec<String>,
}

/// One right to connect, as it was granted.
struct Right {
    /// 0 for PUBLIC. A role may be called otherwise tomorrow.
    oid: u32,
    /// None for PUBLIC.
    role: Option<String>,
    grantor: String,
    by_owner: bool,
    grantable: bool,
}

impl Right {
    fn grantee(&self) -> String {
        self.role.as_ref().map_or_else(|| "public".to_owned(), |r| sql::ident(r))
    }
}

impl PgFence {
    fn name(&self) -> &str {
        &self.server.database
    }

    async fn engine_id(&self) -> Result<String> {
        let query = "select oid::text from pg_catalog.pg_database where datname = $1::text";
        let row = self.session.client.query_opt(query, &[&self.name()]).await.doing("identify production")?;
        let gone = || EngineError::new(ErrorKind::Lost, "identify production", "the database is no longer there");
        Ok(format!("{}/{}", server_id(&self.server, &self.session).await, row.ok_or_else(gone)?.get::<_, String>(0)))
    }

    async fn rights(&self) -> Result<Vec<Right>> {
        let query = "select a.grantee, r.rolname::text, g.rolname::text, a.grantor = d.datdba, a.is_grantable from pg_catalog.pg_database d \
            cross join lateral pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a \
            left join pg_catalog.pg_roles r on r.oid = a.grantee join pg_catalog.pg_roles g on g.oid = a.grantor \
            where d.datname = $1::text and a.privilege_type = 'CONNECT' and (a.grantee = 0 or r.oid is not null) order by 2 nulls first, 3";
        let rows = self.session.client.query(query, &[&self.name()]).await.doing("read who may connect to production")?;
        let right = |row: &tokio_postgres::Row| Right {
            oid: row.get(0),
            role: row.get(1),
            grantor: row.get(2),
            by_owner: row.get(3),
            grantable: row.get(4),
        };
        Ok(rows.iter().map(right).collect())
    }

    async fn value<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, query: &str) -> Result<T> {
        Ok(self.session.client.query_one(query, &[&self.name()]).await.doing("look at production")?.get(0))
    }

    /// What would make a fence hold less than it says.
    async fn obstacles(&self, rights: &[Right]) -> Result<Vec<Obstacle>> {
        let mut all = Vec::new();
        let (us, database) = (sql::ident(&self.session.login), sql::ident(self.name()));
        let may: bool = self
            .value(
                "select (select rolsuper from pg_catalog.pg_roles where rolname = session_user) \
                 or pg_catalog.pg_has_role(session_user, d.datdba, 'usage') from pg_catalog.pg_database d where d.datname = $1::text",
            )
            .await?;
        if !may {
            let what = format!("the login `{}` may not change who connects to the database", self.session.login);
            let owner: String =
                self.value("select pg_catalog.pg_get_userbyid(datdba)::text from pg_catalog.pg_database where datname = $1::text").await?;
            all.push(Obstacle { what, way_out: format!("grant {} to {us}", sql::ident(&owner)) });
        }
        let ends: bool = self
            .value(
                "select (rolsuper or pg_catalog.pg_has_role(session_user, 'pg_signal_backend', 'usage')) and $1::text is not null \
                 from pg_catalog.pg_roles where rolname = session_user",
            )
            .await?;
        if !ends {
            let what = format!("the login `{}` may not end the sessions of others", self.session.login);
            all.push(Obstacle { what, way_out: format!("grant pg_signal_backend to {us}") });
        }
        for right in rights.iter().filter(|r| !r.by_owner) {
            let what = format!("`{}` got its right to connect from `{}`, not from the owner", right.grantee(), right.grantor);
            let way_out = format!(
                "have the owner grant it, and `{}` revoke its own: `revoke connect on database {database} from {} granted by {}`",
                right.grantor,
                right.grantee(),
                sql::ident(&right.grantor)
            );
            all.push(Obstacle { what, way_out });
        }
        let query = format!(
            "select coalesce(a.usename::text, '?'), coalesce(r.rolsuper, false), coalesce(a.usename::text = any($2), false), count(*) {OTHERS} \
             group by 1, 2, 3 order by 1"
        );
        for row in self.session.client.query(&query, &[&self.name(), &self.ours]).await.doing("look for sessions")? {
            let (login, superuser, ours, sessions): (String, bool, bool, i64) = (row.get(0), row.get(1), row.get(2), row.get(3));
            if ours {
                let what = format!("sessions of other programs use Greenroom's own login `{login}`, which the fence lets in ({sessions})");
                all.push(Obstacle {
                    what,
                    way_out: format!("give Greenroom a login of its own instead of `{login}`, or end those sessions"),
                });
            } else if superuser {
                let what = format!("`{login}` is in, a superuser, whom no fence binds ({sessions} sessions)");
                all.push(Obstacle {
                    what,
                    way_out: format!("let the application log in as another role, or `alter role {} nosuperuser`", sql::ident(&login)),
                });
            }
        }
        let query = "select r.rolname::text from pg_catalog.pg_roles r where r.rolcanlogin and not r.rolsuper and r.rolname::text <> all($1) \
            and exists (select from pg_catalog.pg_roles o where o.rolname::text = any($1) and pg_catalog.pg_has_role(r.oid, o.oid, 'usage')) order by 1";
        for row in self.session.client.query(query, &[&self.ours]).await.doing("look for members of our login")? {
            let what = format!("`{}` is a member of a login of Greenroom's and comes in with it", row.get::<_, String>(0));
            all.push(Obstacle { what, way_out: "give Greenroom logins of its own under `[source] user` and `[fence] user`".to_owned() });
        }
        let prepared: i64 = self.value("select count(*) from pg_catalog.pg_prepared_xacts where database = $1::text").await?;
        if prepared > 0 {
            let way_out = "end them: `select gid from pg_prepared_xacts`, then `commit prepared` or `rollback prepared`".to_owned();
            all.push(Obstacle { what: format!("{prepared} transactions were prepared and can be committed at any time"), way_out });
        }
        let subscriptions: i64 = self
            .value(
                "select count(*) from pg_catalog.pg_subscription p join pg_catalog.pg_database d on d.oid = p.subdbid \
                 where d.datname = $1::text and p.subenabled",
            )
            .await?;
        if subscriptions > 0 {
            let way_out = "`alter subscription … disable` until production is open again".to_owned();
            all.push(Obstacle { what: format!("subscriptions write into the database ({subscriptions})"), way_out });
        }
        Ok(all)
    }

    /// What another database under production's name would break: logical replication out of it, and transactions that nobody should cut off.
    async fn hazards(&self) -> Result<Vec<Obstacle>> {
        let mut all = Vec::new();
        let query = "select slot_name::text from pg_catalog.pg_replication_slots where database = $1::text order by 1";
        for row in self.session.client.query(query, &[&self.name()]).await.doing("look for replication slots")? {
            let slot: String = row.get(0);
            let what = format!("the replication slot `{slot}` follows the database by its identity, and would follow the former one");
            let way_out = format!(
                "let its reader catch up, then `select pg_drop_replication_slot({})`; make it anew afterwards",
                sql::literal(&slot)
            );
            all.push(Obstacle { what, way_out });
        }
        let query = format!(
            "select coalesce(a.usename::text, '?'), a.pid, extract(epoch from now() - a.xact_start)::int8 {OTHERS} \
             and a.xact_start < now() - interval '{LONG_MINUTES} minutes' order by 3 desc"
        );
        for row in self.session.client.query(&query, &[&self.name(), &self.ours]).await.doing("look for long transactions")? {
            let (login, pid, seconds): (String, i32, i64) = (row.get(0), row.get(1), row.get(2));
            let what =
                format!("a transaction of `{login}` (pid {pid}) has been running for {} minutes; the fence would cut it off", seconds / 60);
            all.push(Obstacle { what, way_out: format!("let it end, or `select pg_terminate_backend({pid})`") });
        }
        Ok(all)
    }

    async fn gaps(&self) -> Result<Vec<String>> {
        let sees: bool =
            self.value("select pg_catalog.pg_has_role(session_user, 'pg_read_all_stats', 'usage') and $1::text is not null").await?;
        let blind = "Greenroom's login does not see what others' sessions do: idle ones are waited for, too; grant pg_read_all_stats to it";
        let query = "select rolname::text from pg_catalog.pg_roles where rolsuper and rolcanlogin and rolname::text <> all($1) order by 1";
        let rows = self.session.client.query(query, &[&self.ours]).await.doing("look for superusers")?;
        let superusers = rows.iter().map(|r| format!("`{}` is a superuser and can always come in", r.get::<_, String>(0)));
        let known = self.ours.iter().map(|login| format!("whoever knows the password of Greenroom's login `{login}` can come in"));
        Ok(superusers.chain((!sees).then(|| blind.to_owned())).chain(known).collect())
    }

    /// Other sessions in the database, and whether any of them is in a transaction.
    async fn others(&self) -> Result<(Vec<(i32, String)>, bool)> {
        let query = format!(
            "select a.pid, coalesce(a.usename::text, '?'), coalesce(a.application_name, ''), a.xact_start is not null or a.backend_type is null {OTHERS} order by 1"
        );
        let rows = self.session.client.query(&query, &[&self.name(), &self.ours]).await.doing("look for sessions")?;
        let said = |row: &tokio_postgres::Row| {
            let (pid, login, application): (i32, String, String) = (row.get(0), row.get(1), row.get(2));
            let application = if application.is_empty() { String::new() } else { format!(" ({application})") };
            (pid, format!("{login}{application}, pid {pid}"))
        };
        Ok((rows.iter().map(said).collect(), rows.iter().any(|r| r.get(3))))
    }

    async fn together(&self, doing: &str, statements: impl Iterator<Item = &str>) -> Result<()> {
        let all: Vec<&str> = std::iter::once("begin").chain(statements).chain(std::iter::once("commit")).collect();
        let done = self.session.client.batch_execute(&all.join("; ")).await;
        if done.is_err() && !self.session.client.is_closed() {
            let _ = self.session.client.batch_execute("rollback").await;
        }
        done.doing(doing.to_owned())
    }

    /// Which doors are shut; none for those of roles that are gone, which nobody comes in by and nobody misses.
    async fn shut(&self, doors: &Doors) -> Result<Vec<Option<bool>>> {
        let rights = self.rights().await?;
        let names = names(&self.session, doors).await?;
        let there = |key: u32| key == 0 || names.contains_key(&key);
        let has = |key: u32| rights.iter().any(|r| r.oid == key);
        // A right of our own, given so that we stay in, is the one door that is shut while it is there.
        Ok(doors.doors.iter().map(|d| there(oid(d)).then(|| has(oid(d)) == is_own(d))).collect())
    }
}

/// A database's owner, and every right on it but the doors', spelled for the database `named`. Our logins' rights to connect are nobody's door, and are
/// among them. The owner comes last: he may be somebody else than us.
pub(super) async fn besides(session: &Session, database: &str, named: &str, ours: &[String]) -> Result<Vec<String>> {
    let named = sql::ident(named);
    let query = "select r.rolname::text, lower(a.privilege_type), a.is_grantable from pg_catalog.pg_database d \
        cross join lateral pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a \
        left join pg_catalog.pg_roles r on r.oid = a.grantee where d.datname = $1::text and (a.grantee = 0 or r.oid is not null) \
        and (a.privilege_type <> 'CONNECT' or r.rolname::text = any($2)) order by 1 nulls first, 2";
    let rows = session.client.query(query, &[&database, &ours]).await.doing("read the rights on production")?;
    let grant = |row: &tokio_postgres::Row| {
        let (role, right, grantable): (Option<String>, String, bool) = (row.get(0), row.get(1), row.get(2));
        let option = if grantable && role.is_some() { " with grant option" } else { "" };
        format!("grant {right} on database {named} to {}{option}", role.map_or_else(|| "public".to_owned(), |r| sql::ident(&r)))
    };
    let mut all: Vec<String> = rows.iter().map(grant).collect();
    let query = "select pg_catalog.pg_get_userbyid(datdba)::text from pg_catalog.pg_database where datname = $1::text";
    let owner: String = session.client.query_one(query, &[&database]).await.doing("read production's owner")?.get(0);
    all.extend(settings(session, database, &named).await?);
    let query = "select datconnlimit from pg_catalog.pg_database where datname = $1::text";
    let limit: i32 = session.client.query_one(query, &[&database]).await.doing("read production's settings")?.get(0);
    if limit >= 0 {
        all.push(format!("alter database {named} connection limit {limit}"));
    }
    all.push(format!("alter database {named} owner to {}", sql::ident(&owner)));
    Ok(all)
}

/// Settings of a database, and of roles in it, which belong to the server: spelled for another one, `named` as SQL takes it.
pub(super) async fn settings(session: &Session, database: &str, named: &str) -> Result<Vec<String>> {
    let query = "select r.rolname::text, c from pg_catalog.pg_db_role_setting s join pg_catalog.pg_database d on d.oid = s.setdatabase \
        left join pg_catalog.pg_roles r on r.oid = s.setrole, pg_catalog.unnest(s.setconfig) c \
        where d.datname = $1::text and (s.setrole = 0 or r.oid is not null) order by 1 nulls first, 2";
    let rows = session.client.query(query, &[&database]).await.doing("read production's settings")?;
    let statement = |row: &tokio_postgres::Row| {
        let (role, text): (Option<String>, String) = (row.get(0), row.get(1));
        let (name, value) = text.split_once('=')?;
        let set = super::target::setting(name, value);
        Some(match role {
            None => format!("alter database {named} set {set}"),
            Some(role) => format!("alter role {} in database {named} set {set}", sql::ident(&role)),
        })
    };
    Ok(rows.iter().filter_map(statement).collect())
}

/// What opens the doors of roles that are still there, by the names that they have now.
pub(super) async fn openings(session: &Session, doors: &Doors) -> Result<Vec<String>> {
    let names = names(session, doors).await?;
    let theirs = doors.doors.iter().filter(|d| !is_own(d) && (oid(d) == 0 || names.contains_key(&oid(d))));
    Ok(theirs.map(|d| respelled(&d.open, d, &names)).collect())
}

/// Who may come into what was production, or is in it, where it stands under another name.
pub(super) async fn aside_open(session: &Session, former: &str, doors: &Doors) -> Result<Vec<String>> {
    let may = may_come(session, former, &doors.spared).await?;
    let query = format!("select coalesce(a.usename::text, '?') || ', pid ' || a.pid {OTHERS} order by 1");
    let rows = session.client.query(&query, &[&former, &doors.spared]).await.doing("look for sessions in the former production")?;
    Ok(may.into_iter().chain(rows.iter().map(|row| row.get(0))).collect())
}

/// Roles that log in and may connect though the fence stands; superusers are known.
async fn may_come(session: &Session, database: &str, ours: &[String]) -> Result<Vec<String>> {
    let query = "select r.rolname::text from pg_catalog.pg_roles r, pg_catalog.pg_database d where d.datname = $1::text and r.rolcanlogin \
        and not r.rolsuper and r.rolname::text <> all($2) and pg_catalog.has_database_privilege(r.oid, d.oid, 'connect') order by 1";
    let rows = session.client.query(query, &[&database, &ours]).await.doing("look who may connect")?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// What the doors' roles are called now.
async fn names(session: &Session, doors: &Doors) -> Result<BTreeMap<u32, String>> {
    let oids: Vec<u32> = doors.doors.iter().map(oid).collect();
    let query = "select oid, rolname::text from pg_catalog.pg_roles where oid = any($1)";
    let rows = session.client.query(query, &[&oids]).await.doing("read the roles' names")?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn oid(door: &Door) -> u32 {
    door.key.first().and_then(|k| k.parse().ok()).unwrap_or(0)
}

/// A door's statement with its role as it is called now.
fn respelled(statement: &str, door: &Door, names: &BTreeMap<u32, String>) -> String {
    let mut text = statement.to_owned();
    if let (Some(name), Some(at)) = (names.get(&oid(door)), text.rfind(&door.who)) {
        text.replace_range(at..at + door.who.len(), &sql::ident(name));
    }
    text
}

/// The door that is ours, so that we are not shut out.
pub(super) fn is_own(door: &Door) -> bool {
    door.key.get(1).is_some_and(|k| k == "own")
}

#[async_trait]
impl Fence for PgFence {
    async fn doors(&mut self) -> Result<Doors> {
        let rights = self.rights().await?;
        let mut obstacles = self.obstacles(&rights).await?;
        let database = sql::ident(self.name());
        let mut doors = Vec::new();
        let query = "select oid, rolname::text, rolsuper from pg_catalog.pg_roles where rolname::text = any($1) order by 2";
        for row in self.session.client.query(query, &[&self.ours]).await.doing("look for Greenroom's logins")? {
            let (oid, login, superuser): (u32, String, bool) = (row.get(0), row.get(1), row.get(2));
            if superuser || rights.iter().any(|r| r.role.as_deref() == Some(login.as_str())) {
                continue;
            }
            // It comes in through PUBLIC or a group now.
            let us = sql::ident(&login);
            doors.push(Door {
                who: us.clone(),
                key: vec![oid.to_string(), "own".to_owned()],
                shut: format!("grant connect on database {database} to {us}"),
                open: format!("revoke connect on database {database} from {us}"),
            });
        }
        for right in rights.iter().filter(|r| r.role.as_ref().is_none_or(|role| !self.ours.contains(role))) {
            let (who, option) = (right.grantee(), if right.grantable && right.role.is_some() { " with grant option" } else { "" });
            doors.push(Door {
                key: vec![right.oid.to_string()],
                shut: format!("revoke connect on database {database} from {who}"),
                open: format!("grant connect on database {database} to {who}{option}"),
                who,
            });
        }
        if doors.iter().all(is_own) {
            obstacles.push(Obstacle {
                what: "nobody but Greenroom may connect already".to_owned(),
                way_out: "there is nothing to fence: find out who shut the others out, or whether it was production before a switch"
                    .to_owned(),
            });
        }
        // The owner's rights are the owner's to give again whoever types it: a superuser's statement counts as the owner's.
        let client = format!("psql -d postgres   (on {}, as a superuser or the database's owner)", self.server.shown());
        Ok(Doors {
            database: self.name().to_owned(),
            engine_id: self.engine_id().await?,
            client,
            doors,
            apart: false,
            spared: self.ours.clone(),
            besides: besides(&self.session, self.name(), self.name(), &self.ours).await?,
            gaps: self.gaps().await?,
            obstacles,
            hazards: self.hazards().await?,
        })
    }

    async fn raise(&mut self, doors: &Doors, drain: Duration) -> Result<()> {
        same_database(doors, &self.engine_id().await?)?;
        let doing = "shut others out of production";
        let names = names(&self.session, doors).await?;
        let there = doors.doors.iter().filter(|d| oid(d) == 0 || names.contains_key(&oid(d)));
        let statements: Vec<String> = there.map(|d| respelled(&d.shut, d, &names)).collect();
        self.together(doing, statements.iter().map(String::as_str)).await?;
        let began = Instant::now();
        while self.others().await?.1 && began.elapsed() < drain {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // Whoever was let in just before the right was gone appears a moment later: nobody must be in twice in a row.
        let (began, mut quiet) = (Instant::now(), 0);
        loop {
            let (others, _) = self.others().await?;
            quiet = if others.is_empty() { quiet + 1 } else { 0 };
            if quiet == 2 {
                return Ok(());
            }
            for (pid, _) in &others {
                // One by one: a session that may not be ended must not spare the others.
                let _ = self.session.client.execute("select pg_catalog.pg_terminate_backend($1)", &[pid]).await;
            }
            if began.elapsed() > PATIENCE {
                return Err(still_in(&others.into_iter().map(|(_, who)| who).collect::<Vec<_>>()));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn lift(&mut self, doors: &Doors) -> Result<()> {
        same_database(doors, &self.engine_id().await?)?;
        let (shut, names) = (self.shut(doors).await?, names(&self.session, doors).await?);
        let mut failed = None;
        // Rights that are there already are left: they may have been given by hand. The fence's own door goes last.
        for (door, _) in doors.doors.iter().zip(shut).rev().filter(|(_, shut)| *shut == Some(true)) {
            // One by one: a door that cannot be opened must not keep the others shut.
            if let Err(e) = self.session.client.batch_execute(&respelled(&door.open, door, &names)).await {
                failed.get_or_insert(mapped(&e, format!("open production again for {}", door.who)));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn look(&mut self, doors: &Doors) -> Result<Fenced> {
        same_database(doors, &self.engine_id().await?)?;
        let shut = self.shut(doors).await?;
        let sessions = self.others().await?.0.into_iter().map(|(_, who)| who).collect();
        let stands = Stands::of(shut.into_iter().flatten());
        let open = if stands == Stands::Down { Vec::new() } else { may_come(&self.session, self.name(), &self.ours).await? };
        Ok(Fenced { stands, open, sessions })
    }
}
