//! The fence around a production database of MariaDB: the accounts that can reach it are locked, its events stopped, sessions ended (P23).
//!
//! Where production stays beside the new one on the same server, doors of the database itself (`apart`) are shut as well.
//!
//! Taking rights on the database away would miss those who have them on all databases. A locked account is locked on the whole server, which
//! is said of those that work in other databases too. Accounts with SUPER are never locked, since a person may need one to open production
//! again by hand: while one of them is in, the fence is not raised.

use super::connect::{Server, Session, Variety, number, said, text};
use super::error::{Doing, code, mapped};
use super::grants::{self, Holder};
use super::target::server_id;
use super::{apart, sql};
use crate::error::{EngineError, ErrorKind, Result};
use crate::fence::{Fence, Fenced, same_database, still_in};
use async_trait::async_trait;
use greenroom_model::fence::{Door, Doors, Obstacle, Stands};
use mysql_async::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long ended sessions are waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long sessions of our own are given to be gone.
const LINGER: Duration = Duration::from_secs(5);

/// Rights on all databases with which nobody gets at a database's rows.
pub(super) const HARMLESS: &str = "'USAGE', 'PROCESS', 'SHOW DATABASES', 'RELOAD', 'SHUTDOWN', 'CREATE USER', 'REPLICATION SLAVE', 'REPLICATION CLIENT', \
    'BINLOG MONITOR', 'BINLOG ADMIN', 'SLAVE MONITOR', 'REPLICA MONITOR', 'REPLICATION MASTER ADMIN', 'REPLICATION SLAVE ADMIN', 'CONNECTION ADMIN', \
    'FEDERATED ADMIN', 'SET USER', 'CREATE TABLESPACE'";

pub(super) struct MyFence {
    pub server: Server,
    pub database: String,
    pub session: Session,
    /// Logins of ours that read production and fill the new one.
    pub ours: Vec<String>,
}

/// An account, by user and host.
type Account = (String, String);

fn spelled((user, host): &Account) -> String {
    format!("{}@{}", sql::literal(user), sql::literal(host))
}

/// `'user'@'host'` of the information schema; roles have no host, or an empty one.
fn grantee(text: &str) -> Account {
    let (user, host) = text.rsplit_once('@').unwrap_or((text, ""));
    let bare = |t: &str| t.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).unwrap_or(t).to_owned();
    (bare(user), bare(host))
}

/// What is known of the accounts.
struct People {
    us: Account,
    /// Those to be locked, with the other databases that they work in.
    reaching: BTreeMap<Account, BTreeSet<String>>,
    superusers: BTreeSet<Account>,
}

impl MyFence {
    /// Connects, to a variety that can be fenced.
    pub async fn open(server: Server, database: String, session: Session, ours: Vec<String>) -> Result<MyFence> {
        if session.variety == Variety::MySql {
            let hint = format!("from 8.0.22 on, `alter schema {} read only = 1` does it by hand", sql::ident(&database));
            return Err(EngineError::unsupported("fence production", "MySQL is not fenced by Greenroom yet, only MariaDB").hint(hint));
        }
        Ok(MyFence { server, database, session, ours })
    }

    async fn grantees(&mut self, query: &str) -> Result<BTreeSet<Account>> {
        let rows = self.session.rows(query).await.map_err(|e| {
            let denied = matches!(code(&e), Some(1044 | 1142 | 1143 | 1227));
            let e = mapped(&e, "read who may come into production");
            if denied { e.hint("grant Greenroom's login SELECT on mysql.*, CREATE USER, PROCESS and CONNECTION ADMIN, or name another login under `[fence]`") } else { e }
        })?;
        Ok(rows.iter().map(|row| grantee(&said(row, 0))).collect())
    }

    /// The account by which we are in.
    async fn us(&mut self, doing: &str) -> Result<Account> {
        let us = self.session.value("select current_user()").await.doing(doing)?.unwrap_or_default();
        Ok(us.rsplit_once('@').map_or((us.clone(), String::new()), |(user, host)| (user.to_owned(), host.to_owned())))
    }

    async fn people(&mut self) -> Result<People> {
        let doing = "read who may come into production";
        let us = self.us(doing).await?;
        let database = sql::literal(&self.database);
        let direct = format!(
            "select grantee from information_schema.user_privileges where privilege_type not in ({HARMLESS}) \
             union select grantee from information_schema.schema_privileges where {database} like table_schema \
             union select grantee from information_schema.table_privileges where table_schema = {database} \
             union select grantee from information_schema.column_privileges where table_schema = {database} \
             union select concat('''', user, '''@''', host, '''') from mysql.procs_priv where db = {database}"
        );
        let reaching = self.grantees(&direct).await?;
        // A grant on databases to the account without a name holds for everybody, whatever account they log in by.
        let whole = format!("select grantee from information_schema.schema_privileges where {database} like table_schema");
        let anonymous = self.grantees(&whole).await?.iter().any(|(user, host)| user.is_empty() && !host.is_empty());
        let superusers = self.grantees("select grantee from information_schema.user_privileges where privilege_type = 'SUPER'").await?;
        let mut others: BTreeMap<Account, BTreeSet<String>> = BTreeMap::new();
        let elsewhere =
            format!("select grantee, table_schema from information_schema.schema_privileges where not {database} like table_schema");
        for row in self.session.rows(&elsewhere).await.doing(doing)? {
            others.entry(grantee(&said(&row, 0))).or_default().insert(said(&row, 1));
        }
        // Roles, and roles of roles; a grant to PUBLIC is everybody's.
        let mut roles: BTreeMap<Account, BTreeSet<String>> = BTreeMap::new();
        for row in self.session.rows("select user, host, role from mysql.roles_mapping").await.doing(doing)? {
            roles.entry((said(&row, 0), said(&row, 1))).or_default().insert(said(&row, 2));
        }
        let has = |account: &Account, among: &BTreeSet<Account>| {
            let (mut seen, mut todo) = (BTreeSet::new(), vec![account.clone()]);
            while let Some(one) = todo.pop() {
                if among.contains(&one) {
                    return true;
                }
                let more = roles.get(&one).into_iter().flatten().filter(|r| seen.insert((*r).clone()));
                todo.extend(more.map(|role| (role.clone(), String::new())));
            }
            among.iter().any(|(user, host)| host.is_empty() && user.eq_ignore_ascii_case("public"))
        };
        let accounts = "select user, host, ifnull(json_value(priv, '$.account_locked'), 0) from mysql.global_priv \
             where ifnull(json_value(priv, '$.is_role'), 0) = 0 and user <> 'PUBLIC' order by 1, 2";
        let mut people = People { us, reaching: BTreeMap::new(), superusers: BTreeSet::new() };
        for row in self.session.rows(accounts).await.doing(doing)? {
            let account = (said(&row, 0), said(&row, 1));
            let locked = matches!(said(&row, 2).as_str(), "1" | "true");
            if account == people.us || locked {
                continue;
            }
            if has(&account, &superusers) {
                people.superusers.insert(account);
            } else if anonymous || has(&account, &reaching) {
                let elsewhere = others.remove(&account).unwrap_or_default();
                people.reaching.insert(account, elsewhere);
            }
        }
        Ok(people)
    }

    /// Enabled events of the database. From the table itself: the information schema shows only those that we may alter.
    async fn events(&mut self) -> Result<Vec<Event>> {
        let query = format!(
            "select name, definer, sql_mode, time_zone, character_set_client, collation_connection, execute_at, ends from mysql.event \
             where db = {} and status = 'ENABLED' order by 1",
            sql::literal(&self.database)
        );
        let rows = self.session.rows(&query).await.doing("look for events")?;
        let event = |row: &Row| Event {
            name: said(row, 0),
            definer: said(row, 1),
            sql_mode: said(row, 2),
            time_zone: said(row, 3),
            charset: said(row, 4),
            collation: said(row, 5),
            once: text(row, 6).is_some(),
            ends: text(row, 7).is_some(),
        };
        Ok(rows.iter().map(event).collect())
    }

    async fn gaps(&mut self, people: &People) -> Result<Vec<String>> {
        let mut gaps: Vec<String> = people.superusers.iter().map(|a| format!("{} has SUPER and can always come in", spelled(a))).collect();
        for (account, databases) in people.reaching.iter().filter(|(_, d)| !d.is_empty()) {
            let databases: Vec<&str> = databases.iter().map(String::as_str).collect();
            gaps.push(format!("{} is locked on the whole server, and so out of {} too", spelled(account), databases.join(", ")));
        }
        let query = format!(
            "select count(*) from information_schema.events where event_schema <> {} and status = 'ENABLED'",
            sql::literal(&self.database)
        );
        let events: u64 = self.session.value(&query).await.doing("look for events")?.and_then(|n| n.parse().ok()).unwrap_or(0);
        let named = sql::literal(&format!("%{}%", self.database.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")));
        let through = format!(
            "select concat('view ', table_schema, '.', table_name) from information_schema.views where table_schema <> {0} and view_definition like {named} \
             union select concat(lower(routine_type), ' ', routine_schema, '.', routine_name) from information_schema.routines \
                where routine_schema <> {0} and routine_definition like {named} \
             union select concat('trigger ', trigger_schema, '.', trigger_name) from information_schema.triggers \
                where trigger_schema <> {0} and action_statement like {named} order by 1",
            sql::literal(&self.database)
        );
        for row in self.session.rows(&through).await.doing("look for ways in from other databases")? {
            gaps.push(format!("{} names this database: whoever may use it can write through it with its definer's rights", said(&row, 0)));
        }
        gaps.push(format!("whoever knows the password of Greenroom's login `{}` can come in", people.us.0));
        if events > 0 {
            gaps.push(format!("{events} events of other databases go on; should one write into this one, stop it"));
        }
        Ok(gaps)
    }

    async fn obstacles(&mut self, people: &People) -> Result<Vec<Obstacle>> {
        let mut all = Vec::new();
        let superusers: BTreeSet<&str> = people.superusers.iter().map(|(user, _)| user.as_str()).collect();
        let query = format!(
            "select user, count(*) from information_schema.processlist where db = {} and id <> connection_id() group by 1 order by 1",
            sql::literal(&self.database)
        );
        let mut rows = self.session.rows(&query).await.doing("look for sessions")?;
        // A busy server shows sessions for a moment after they were closed: those by which production was read just now are no program's.
        let began = Instant::now();
        while rows.iter().any(|row| said(row, 0) == people.us.0) && began.elapsed() < LINGER {
            tokio::time::sleep(Duration::from_millis(100)).await;
            rows = self.session.rows(&query).await.doing("look for sessions")?;
        }
        for row in rows {
            let (user, sessions) = (said(&row, 0), number(&row, 1));
            if user == people.us.0 {
                let what = format!("other sessions use Greenroom's own login `{user}`, which the fence lets in ({sessions})");
                all.push(Obstacle {
                    what,
                    way_out: "give Greenroom a login of its own under `[fence] user`, or end those sessions".to_owned(),
                });
            } else if superusers.contains(user.as_str()) {
                let what = format!("`{user}` is in, who has SUPER and is not locked ({sessions} sessions)");
                all.push(Obstacle { what, way_out: "let the application log in as another account, or end those sessions".to_owned() });
            }
        }
        all.extend(self.missing().await?);
        if self.prepared().await? > 0 {
            let way_out = "`xa recover` lists them; `xa commit` or `xa rollback` each".to_owned();
            all.push(Obstacle { what: "prepared transactions can be committed at any time, by anybody".to_owned(), way_out });
        }
        let cluster = self.session.rows("show global status like 'wsrep_cluster_size'").await.doing("look for a cluster")?;
        if cluster.first().is_some_and(|row| number(row, 1) > 1) {
            let way_out = "leave one node and take the others out of use for the time".to_owned();
            all.push(Obstacle { what: "the server is one of a cluster, whose other nodes' sessions are not seen".to_owned(), way_out });
        }
        let replica =
            "select count(*) from information_schema.processlist where user = 'system user' and command in ('Slave_SQL', 'Slave_worker')";
        if self.session.value(replica).await.doing("look for replication")?.is_some_and(|n| n != "0") {
            let way_out = "`stop all slaves` until production is open again, or fence the primary".to_owned();
            all.push(Obstacle { what: "the server is a replica: what its primary sends is written".to_owned(), way_out });
        }
        Ok(all)
    }

    /// Rights without which the fence would be blind, or could not be raised.
    async fn missing(&mut self) -> Result<Vec<Obstacle>> {
        let own = "replace(grantee, '''', '') = current_user()";
        let query = format!(
            "select privilege_type from information_schema.user_privileges where {own} union all \
             select concat(privilege_type, ' here') from information_schema.schema_privileges where {own} and {} like table_schema",
            sql::literal(&self.database)
        );
        let rows = self.session.rows(&query).await.doing("read our own rights")?;
        let has: BTreeSet<String> = rows.iter().map(|row| said(row, 0)).collect();
        let (us, mut all) =
            (self.session.value("select current_user()").await.doing("read our own rights")?.unwrap_or_default(), Vec::new());
        let account = sql::account(&us);
        for right in ["CREATE USER", "PROCESS", "CONNECTION ADMIN", "SET USER"] {
            // SUPER holds the finer rights that came later.
            let held = has.contains(right) || (has.contains("SUPER") && matches!(right, "CONNECTION ADMIN" | "SET USER"));
            if !held {
                all.push(Obstacle {
                    what: format!("Greenroom's login lacks {right}"),
                    way_out: format!("grant {right} on *.* to {account}"),
                });
            }
        }
        if !has.contains("EVENT") && !has.contains("EVENT here") && !self.events().await?.is_empty() {
            let on = sql::ident(&sql::pattern(&self.database));
            all.push(Obstacle {
                what: "Greenroom's login may not stop the database's events".to_owned(),
                way_out: format!("grant event on {on}.* to {account}"),
            });
        }
        Ok(all)
    }

    /// Sessions of those who are shut out, wherever they are, and of anybody else in the database: id and words.
    async fn others(&mut self, doors: &Doors) -> Result<Vec<(u64, String)>> {
        let users = doors.doors.iter().filter(|d| d.key.len() == 2).map(|d| sql::literal(&d.key[0]));
        let users: BTreeSet<String> = users.collect();
        let users = if users.is_empty() { "null".to_owned() } else { users.into_iter().collect::<Vec<_>>().join(", ") };
        let query = format!(
            "select id, user, host from information_schema.processlist where id <> connection_id() and (user in ({users}) \
             or (db = {} and user <> substring_index(current_user(), '@', 1))) order by 1",
            sql::literal(&self.database)
        );
        let rows = self.session.rows(&query).await.doing("look for sessions")?;
        Ok(rows.iter().map(|row| (number(row, 0), format!("{} from {}, id {}", said(row, 1), said(row, 2), number(row, 0)))).collect())
    }

    /// Which doors are shut; none for accounts and events that are gone, which nobody comes in by and nobody misses.
    async fn shut(&mut self, doors: &Doors) -> Result<Vec<Option<bool>>> {
        let doing = "look at the fence";
        let accounts = "select user, host, ifnull(json_value(priv, '$.account_locked') in (1, 'true'), 0) from mysql.global_priv";
        let rows = self.session.rows(accounts).await.doing(doing)?;
        let accounts: BTreeMap<Account, bool> = rows.iter().map(|row| ((said(row, 0), said(row, 1)), number(row, 2) == 1)).collect();
        let events = format!("select name, status <> 'ENABLED' from mysql.event where db = {}", sql::literal(&self.database));
        let rows = self.session.rows(&events).await.doing(doing)?;
        let events: BTreeMap<String, bool> = rows.iter().map(|row| (said(row, 0), number(row, 1) == 1)).collect();
        let own = match doors.apart {
            true => apart::shut(&mut self.session, &self.database, &doors.doors).await?,
            false => vec![None; doors.doors.len()],
        };
        let shut = |(door, own): (&Door, Option<bool>)| match door.key.as_slice() {
            [user, host] => accounts.get(&(user.clone(), host.clone())).copied(),
            [event] => events.get(event).copied(),
            _ => own,
        };
        Ok(doors.doors.iter().zip(own).map(shut).collect())
    }

    /// Accounts that reach the database though the fence stands.
    async fn may_come(&mut self) -> Result<Vec<String>> {
        Ok(self.people().await?.reaching.keys().map(spelled).collect())
    }

    /// What stands open now; `apart`: with the doors of the database itself.
    async fn read(&mut self, apart: bool) -> Result<Doors> {
        let people = self.people().await?;
        let mut obstacles = self.obstacles(&people).await?;
        let mut doors: Vec<Door> = people
            .reaching
            .keys()
            .map(|account| {
                let who = spelled(account);
                let key = vec![account.0.clone(), account.1.clone()];
                Door { shut: format!("alter user {who} account lock"), open: format!("alter user {who} account unlock"), who, key }
            })
            .collect();
        if doors.is_empty() {
            obstacles.push(Obstacle {
                what: "no account but Greenroom's can come in already".to_owned(),
                way_out: "there is nothing to fence: find out who shut the others out, or whether it was production before a switch"
                    .to_owned(),
            });
        }
        let mut gaps = self.gaps(&people).await?;
        for event in self.events().await? {
            let who = format!("event `{}`", event.name);
            if event.once {
                let way_out = "let it run first, or disable it yourself and see to what it was to do".to_owned();
                obstacles
                    .push(Obstacle { what: format!("{who} is to run once: should its time pass under the fence, it never runs"), way_out });
            }
            if event.ends {
                gaps.push(format!("{who} has an end: should that pass under the fence, it is not enabled again"));
            }
            if !event.name.is_ascii() && !event.charset.starts_with("utf8") {
                let way_out = "disable it yourself".to_owned();
                obstacles.push(Obstacle {
                    what: format!("{who} was made under another character set than its name can be written in"),
                    way_out,
                });
            }
            doors.push(event.door(&self.database));
        }
        if apart {
            for (user, _) in people.reaching.keys().filter(|(user, _)| self.ours.contains(user)) {
                obstacles.push(Obstacle {
                    what: format!(
                        "`{user}`, by which Greenroom reads production or fills the new one, would be locked with everybody else"
                    ),
                    way_out: "let `[source]`, `[target]` and `[fence]` name one login".to_owned(),
                });
            }
            obstacles.extend(apart::obstacles(&mut self.session, &self.database).await?);
            gaps.extend(apart::gaps(&mut self.session, HARMLESS).await?);
            doors.extend(apart::doors(&mut self.session, &self.database).await?);
        }
        Ok(Doors {
            database: self.database.clone(),
            engine_id: self.engine_id().await?,
            client: format!(
                "mariadb   (on {}, as an account with CREATE USER and SET USER{})",
                self.server.shown(),
                if apart { ", and TRIGGER on the database" } else { "" }
            ),
            doors,
            apart,
            spared: Vec::new(),
            besides: self.besides(&people).await?,
            gaps,
            obstacles,
            hazards: Vec::new(),
        })
    }

    /// The rights on the database and on what is in it of everybody but us, locked accounts and such with SUPER included, as statements for one in its place on another
    /// server; and who has roles with such rights. Rights on all databases are the server's.
    async fn besides(&mut self, people: &People) -> Result<Vec<String>> {
        let fold =
            self.session.value("select @@lower_case_table_names").await.doing("read the rights on production")?.as_deref() != Some("0");
        let (mut all, mut roles) = (Vec::new(), BTreeSet::new());
        for Holder { grantee, is_role, lines } in grants::holders(&mut self.session, &people.us).await? {
            let here = grants::on_this(&lines, &self.database, fold);
            if is_role && !here.is_empty() {
                roles.insert(grantee.clone());
            }
            let memberships =
                lines.iter().filter(|l| !l.contains(" ON ") && roles.iter().any(|r| l.starts_with(&format!("GRANT {r} TO "))));
            all.extend(memberships.cloned());
            all.extend(here);
        }
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// Whether our own doors of the database are among those that were shut.
    fn is_own(door: &Door) -> bool {
        door.key.len() == 3
    }

    /// Shuts, or opens, one door.
    async fn turn(&mut self, door: &Door, statement: &str, doing: String) -> Result<()> {
        if Self::is_own(door) {
            return apart::change(&mut self.session, &self.database, statement, doing).await;
        }
        self.session.run(statement).await.map_err(|e| mapped(&e, doing))
    }

    /// Waits for transactions, then ends what sessions are left.
    async fn clear(&mut self, doors: &Doors, drain: Duration) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < drain {
            let ids: Vec<String> = self.others(doors).await?.iter().map(|(id, _)| id.to_string()).collect();
            let ids = if ids.is_empty() { "null".to_owned() } else { ids.join(", ") };
            let query = format!("select count(*) from information_schema.innodb_trx where trx_mysql_thread_id in ({ids})");
            if self.session.value(&query).await.doing("look for transactions")?.is_none_or(|n| n == "0") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // Whoever logged in just before the account was locked appears a moment later: nobody must be in twice in a row.
        let (began, mut quiet) = (Instant::now(), 0);
        loop {
            let others = self.others(doors).await?;
            quiet = if others.is_empty() { quiet + 1 } else { 0 };
            if quiet == 2 {
                // One that was prepared while sessions were ended is no session's any more.
                return match self.prepared().await? {
                    0 => Ok(()),
                    n => Err(still_in(&[format!("{n} prepared transactions (`xa recover`)")])),
                };
            }
            for (id, _) in &others {
                let _ = self.session.run(&format!("kill connection {id}")).await;
            }
            if began.elapsed() > PATIENCE {
                return Err(still_in(&others.into_iter().map(|(_, who)| who).collect::<Vec<_>>()));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn engine_id(&mut self) -> Result<String> {
        Ok(format!("{}/{}", server_id(&mut self.session).await?, self.database))
    }

    /// Transactions that were prepared can be committed by anybody.
    async fn prepared(&mut self) -> Result<usize> {
        Ok(self.session.rows("xa recover").await.doing("look for prepared transactions")?.len())
    }
}

/// An event, and what it was made under: an event that is altered takes these from the session.
struct Event {
    name: String,
    definer: String,
    sql_mode: String,
    time_zone: String,
    charset: String,
    collation: String,
    once: bool,
    ends: bool,
}

impl Event {
    fn door(&self, database: &str) -> Door {
        let under = format!(
            "set names {} collate {}, sql_mode = {}, time_zone = {}",
            self.charset,
            self.collation,
            sql::literal(&self.sql_mode),
            sql::literal(&self.time_zone)
        );
        // Without its definer an altered event would belong to whoever altered it.
        let alter = format!("alter definer = {} event {}.{}", sql::account(&self.definer), sql::ident(database), sql::ident(&self.name));
        let all = |what: &str| format!("{under}; {alter} {what}; set names utf8mb4, sql_mode = '', time_zone = '+00:00'");
        Door { who: format!("event {}", self.name), key: vec![self.name.clone()], shut: all("disable"), open: all("enable") }
    }
}

#[async_trait]
impl Fence for MyFence {
    async fn doors(&mut self) -> Result<Doors> {
        self.read(false).await
    }

    async fn doors_apart(&mut self) -> Result<Doors> {
        self.read(true).await
    }

    async fn raise(&mut self, doors: &Doors, drain: Duration) -> Result<()> {
        same_database(doors, &self.engine_id().await?)?;
        let there = self.shut(doors).await?;
        let open: Vec<&Door> = doors.doors.iter().zip(there).filter(|(_, shut)| *shut == Some(false)).map(|(door, _)| door).collect();
        // Those of the database come when nobody is in any more: a schema change waits for everybody who has the table in use, and everybody else behind it.
        let (own, others): (Vec<&Door>, Vec<&Door>) = open.into_iter().partition(|door| Self::is_own(door));
        for door in others {
            self.turn(door, &door.shut, format!("shut out {}", door.who)).await?;
        }
        self.clear(doors, drain).await?;
        for door in own {
            self.turn(door, &door.shut, format!("shut {}", door.who)).await?;
        }
        Ok(())
    }

    async fn lift(&mut self, doors: &Doors) -> Result<()> {
        same_database(doors, &self.engine_id().await?)?;
        let mut failed = None;
        let shut = self.shut(doors).await?;
        for (door, _) in doors.doors.iter().zip(shut).rev().filter(|(_, shut)| *shut == Some(true)) {
            // One that cannot be opened, since its account was dropped for example, must not keep the others shut.
            if let Err(e) = self.turn(door, &door.open, format!("open production again for {}", door.who)).await {
                if e.kind == ErrorKind::Lost {
                    return Err(e);
                }
                failed.get_or_insert(e);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn part(&mut self, doors: &Doors) -> Result<()> {
        same_database(doors, &self.engine_id().await?)?;
        let doing = "let users in beside the former production";
        let shut = self.shut(doors).await?;
        let mut open: Vec<String> =
            doors.doors.iter().zip(&shut).filter(|(d, s)| Self::is_own(d) && **s == Some(false)).map(|(d, _)| d.who.clone()).collect();
        open.extend(apart::open_tables(&mut self.session, &self.database).await?);
        if !doors.apart || !open.is_empty() {
            let what = format!("the former production is not shut but by its accounts' locks: {}", open.join(", "));
            return Err(EngineError::new(ErrorKind::Conflict, doing, what));
        }
        let us = self.us(doing).await?;
        apart::take_rights(&mut self.session, &self.database, &us).await?;
        // That took a while, and whoever is not locked may have made a table meanwhile.
        let open = apart::open_tables(&mut self.session, &self.database).await?;
        if !open.is_empty() {
            let what = format!("the former production can be written to: {}", open.join(", "));
            return Err(EngineError::new(ErrorKind::Conflict, doing, what));
        }
        for (door, _) in doors.doors.iter().zip(shut).filter(|(d, shut)| d.key.len() == 2 && *shut == Some(true)) {
            self.turn(door, &door.open, format!("let {} in", door.who)).await?;
        }
        Ok(())
    }

    async fn look(&mut self, doors: &Doors) -> Result<Fenced> {
        same_database(doors, &self.engine_id().await?)?;
        let shut = self.shut(doors).await?;
        let sessions = self.others(doors).await?.into_iter().map(|(_, who)| who).collect();
        let stands = Stands::of(shut.into_iter().flatten());
        let mut open = if stands == Stands::Down { Vec::new() } else { self.may_come().await? };
        if doors.apart && stands != Stands::Down {
            open.extend(apart::open_tables(&mut self.session, &self.database).await?);
        }
        Ok(Fenced { stands, open, sessions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grantees_are_read_as_the_information_schema_writes_them() {
        assert_eq!(grantee("'app'@'%'"), ("app".to_owned(), "%".to_owned()));
        assert_eq!(grantee("'testers'@''"), ("testers".to_owned(), String::new()));
        assert_eq!(grantee("testers"), ("testers".to_owned(), String::new()));
        assert_eq!(spelled(&("o'neil".to_owned(), "10.%".to_owned())), "'o''neil'@'10.%'");
    }
}
