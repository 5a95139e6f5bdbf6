//! `greenroom.toml` as written. Every setting is optional here, since a kit may leave it to the program and the other way round.

use super::{At, RawCarry, RawNumbers, RawRollback};
use crate::catalog::EngineKind;
use crate::program::{Audience, FinalCopy, HookMoment, Kind, LargeObjects, SecretRef, Strategy, Tls};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Greenroom's main program file: databases, table kinds, retention, verification.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "greenroom.toml")]
pub struct RawGreenroom {
    /// Name of the program and the kit it extends.
    pub program: Option<RawHead>,
    /// The production database. It is only read, but by `greenroom fence` and `greenroom switch`.
    pub source: Option<RawAddress>,
    /// Where pilots live. SQLite: not needed. PostgreSQL: the source's server unless a host is given.
    pub target: Option<RawAddress>,
    /// Where `greenroom try` may restore a backup. Servers: the target's server unless a host is given. SQLite: a folder of its own.
    pub quarantine: Option<RawQuarantine>,
    /// The rehearsal database people use, and further ones over the same source: `[pilot.training]`.
    pub pilot: Option<RawPilots>,
    /// Whether the go-live may be tried out with unmasked rows.
    pub dress: Option<RawDress>,
    /// Trees of files that belong to the application, copied by `greenroom files copy`: `[files.reports]`.
    #[serde(default)]
    pub files: BTreeMap<At<String>, RawFiles>,
    /// The fence around production: who raises it and for how long.
    pub fence: Option<RawFence>,
    /// The go-live itself, `greenroom switch`.
    pub switch: Option<RawSwitch>,
    /// How rows are carried back after the go-live where the upgrade changed their tables.
    pub rollback: Option<RawRollback>,
    /// Series of document numbers, which must go on without a gap: `[[numbers]]`.
    #[serde(default)]
    pub numbers: Vec<RawNumbers>,
    /// Kind of each table: `table = "queue"`. Tables not named are `records`. Tables of other schemas in quotes: `"billing.mail_queue"`.
    #[serde(default)]
    pub tables: BTreeMap<At<String>, RawKinds>,
    /// Tables none of whose rows is read, with the reason: `tmp_import = "left over from 2019"`. They are created empty, since views, functions,
    /// foreign keys and the upgrade may name them; only what cannot be carried at all is not created.
    #[serde(default)]
    pub leave_out: BTreeMap<At<String>, At<String>>,
    /// References that the schema does not declare as foreign keys: `"invoice.status" = "status.code"`.
    #[serde(default)]
    pub references: BTreeMap<At<String>, At<String>>,
    /// How the pilot's configuration is carried into the next generation.
    pub carry: Option<RawCarry>,
    /// Objects that reach outside the database and are accepted as they are, with the reason: `srv_billing = "accepted: read-only"`.
    #[serde(default)]
    pub outbound: BTreeMap<At<String>, At<String>>,
    /// Key and stability of pseudonyms.
    pub masks: Option<RawMasks>,
    /// How rows are copied.
    pub copy: Option<RawCopy>,
    /// What verification reads and allows.
    pub verify: Option<RawVerify>,
    /// Owners and grants on PostgreSQL and SQL Server.
    pub owners: Option<RawOwners>,
}

/// Name of the program and the kit it extends.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHead {
    /// 1 to 32 characters out of a-z, 0-9, `_` and `-`; appears in names of generations.
    pub name: Option<At<String>>,
    /// Folder of a kit, relative to this file.
    pub extends: Option<At<String>>,
    /// Query that returns the product's version as one value.
    pub version_query: Option<At<String>>,
}

/// An engine, as program files name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EngineWord {
    /// SQLite 3.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MariaDB or MySQL.
    Mysql,
    /// SQL Server, Azure SQL or Babelfish.
    Mssql,
}

impl From<EngineWord> for EngineKind {
    fn from(word: EngineWord) -> EngineKind {
        match word {
            EngineWord::Sqlite => EngineKind::Sqlite,
            EngineWord::Postgres => EngineKind::Postgres,
            EngineWord::Mysql => EngineKind::Mysql,
            EngineWord::Mssql => EngineKind::Mssql,
        }
    }
}

/// A database or server, without secrets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAddress {
    /// `sqlite`, `postgres`, `mysql` (MariaDB too) or `mssql` (SQL Server, Azure SQL, Babelfish).
    pub engine: Option<At<EngineWord>>,
    /// SQLite: the file, relative to the program's folder.
    pub path: Option<At<String>>,
    /// Servers: host name or address. PostgreSQL also: the socket's folder. MariaDB and MySQL also: the socket.
    pub host: Option<At<String>>,
    /// Servers: TCP port; by default 5432 (PostgreSQL), 3306 (MariaDB, MySQL) or 1433 (SQL Server, where an instance is named by its port).
    pub port: Option<At<u16>>,
    /// Servers: database. For a target of PostgreSQL the maintenance database, `postgres` by default; other targets need none.
    pub database: Option<At<String>>,
    /// Servers: login.
    pub user: Option<At<String>>,
    /// Servers: where the password comes from, e.g. `{ env = "CLINIC_PASSWORD" }`. Never the password itself.
    pub password: Option<At<SecretRef>>,
    /// Servers: `disable` (the default on sockets and loopback), `require` or `verify` (the default elsewhere).
    pub tls: Option<At<Tls>>,
}

/// Where backups are restored: raw production data stands there, sealed, until its time is over.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawQuarantine {
    /// SQLite: the folder, relative to the program's folder. It is created for its owner only (mode 0700). SQL Server: the folder in which the
    /// server's machine finds the backups, where that is not the path that `greenroom try` is given.
    pub path: Option<At<String>>,
    /// Servers: host name or address, or the socket.
    pub host: Option<At<String>>,
    /// Servers: TCP port.
    pub port: Option<At<u16>>,
    /// PostgreSQL: the maintenance database, `postgres` by default.
    pub database: Option<At<String>>,
    /// Servers: login. It should have no more rights than creating databases: a backup is foreign code.
    pub user: Option<At<String>>,
    /// Servers: where the password comes from, e.g. `{ env = "CLINIC_PASSWORD" }`. Never the password itself.
    pub password: Option<At<SecretRef>>,
    /// Servers: `disable` (the default on sockets and loopback), `require` or `verify` (the default elsewhere).
    pub tls: Option<At<Tls>>,
    /// Days after which a raw copy that was kept is over and `greenroom drop --expired` drops it, 3 by default; 0: it is over at once.
    pub expires_days: Option<At<u32>>,
}

/// Dress rehearsals: the go-live tried out with production's own rows.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDress {
    /// Whether production's rows may stand on the target, unmasked and sealed, while `greenroom dress` runs; false by default.
    pub unmasked: Option<At<bool>>,
}

/// A tree of files that belongs to the application: reports, documents, themes, images.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFiles {
    /// The folder in which it stands, relative to the program's folder.
    pub from: Option<At<String>>,
    /// The folder to which it is copied, relative to the program's folder. It may be there already.
    pub to: Option<At<String>>,
    /// Names of files and folders that are left out, `*` stands for any characters: `["*.tmp", "cache"]`.
    pub leave_out: Option<At<Vec<String>>>,
}

/// The fence around production, which `greenroom fence` raises and lifts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFence {
    /// Servers: the login that shuts others out and is not shut out itself, that of `[source]` by default. PostgreSQL: the database's owner or a
    /// superuser. MariaDB: with SELECT on mysql.*, CREATE USER, PROCESS, CONNECTION ADMIN, SET USER and, where it has events, EVENT on the database.
    pub user: Option<At<String>>,
    /// Servers: where its password comes from, e.g. `{ env = "CLINIC_PASSWORD" }`. Never the password itself.
    pub password: Option<At<SecretRef>>,
    /// Minutes after which production must be given back, 240 by default.
    pub minutes: Option<At<u32>>,
    /// Seconds that transactions which run have to end before their sessions are ended, 30 by default.
    pub drain_seconds: Option<At<u32>>,
}

/// The go-live itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSwitch {
    /// Minutes from the fence on after which everything goes back by itself unless users have been let in; those of `[fence]` by default.
    pub minutes: Option<At<u32>>,
    /// Hours that a backup may be old from which a restore was proven by `greenroom prove`, 24 by default.
    pub restore_point_hours: Option<At<u32>>,
    /// Days that the former production is kept after a switch, 30 by default. It is never dropped by itself.
    pub keep_former_days: Option<At<u32>>,
    /// What the new production is called, where production moves and is not to keep its name. SQLite: the file, relative to the program's folder. PostgreSQL, MariaDB: the database.
    /// Production itself stays under its own name then, fenced; on MariaDB, where databases are not renamed, nothing else is possible on production's own server.
    pub name: Option<At<String>>,
    /// What takes production's place: `pilot-to-production` by default, production's rows with the pilot's configuration; or `in-place`, production as it is:
    /// in the window the engine makes a second database of it by its own means, which is upgraded, and no pilot's configuration is carried over; or `server-move`, the same on the server of `[target]`, or under `name`.
    pub strategy: Option<At<Strategy>>,
    /// What is read of production once it is shut: `all` by default, or `touched`, for which production notes the keys of rows that are touched from before the
    /// copy on, by triggers that the switch makes and removes. With `touched` the copy is indexed and verified before the window.
    pub final_copy: Option<At<FinalCopy>>,
    /// Hours after users were let in during which a switch is to be taken back with what they wrote: the database notes the keys of all rows that are touched, by
    /// triggers, until `greenroom rollback --give-up`. 0 by default: nothing is noted, and once users are in there is no way back.
    pub rollback_hours: Option<At<u32>>,
    /// Folders of programs whose databases go live in the same window, relative to this program's folder: `greenroom together` switches all of them, or none.
    pub together: Option<At<Vec<String>>>,
    /// Programs that run beside the switch, in this order: `[[switch.hook]]`.
    #[serde(default)]
    pub hook: Vec<RawHook>,
}

/// A program that runs beside the switch: a first backup, a service that is stopped and started, a name that is pointed elsewhere.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHook {
    /// A word for it.
    pub name: Option<At<String>>,
    /// When: `fenced` (nobody is in any more), `swapped` (before testers come in), `accepted` (before users are let in), `promoted` (after).
    pub at: Option<At<HookMoment>>,
    /// The program and its arguments, run in the program's folder with a clean environment. After a crash it may run twice. `{database}`, `{former}`,
    /// `{host}`, `{port}` and `{user}` are filled in.
    pub command: Option<At<Vec<String>>>,
    /// What takes it back when the switch is undone, once production is open again.
    pub undo: Option<At<Vec<String>>>,
    /// Seconds that each attempt may take, 300 by default.
    pub timeout_seconds: Option<At<u64>>,
    /// How often it is tried again when it fails, 0 by default.
    pub retries: Option<At<u32>>,
}

/// The rehearsal database people use.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPilot {
    /// PostgreSQL, SQL Server: database name. MariaDB, MySQL: the name by which Greenroom knows the pilot (`greenroom status` tells the database people connect to). SQLite: file, relative to the program's folder.
    pub name: Option<At<String>>,
    /// Open at the end of a green rehearsal: `testers` or `all`; not opened without it.
    pub open_after: Option<At<Audience>>,
    /// Roles (MariaDB, MySQL: roles or accounts; SQL Server: logins) let in by `greenroom open --to testers`.
    pub testers: Option<At<Vec<String>>>,
    /// Roles (MariaDB, MySQL: roles or accounts; SQL Server: logins) let in by `greenroom open --to all`; empty on PostgreSQL: everybody who could connect to an ordinary database.
    pub users: Option<At<Vec<String>>>,
    /// SQLite: mode of the file while open to testers, 0o660 by default.
    pub testers_mode: Option<At<u32>>,
    /// SQLite: mode of the file while open to all, 0o666 by default.
    pub users_mode: Option<At<u32>>,
    /// Hours the former generation is kept after a swap, 48 by default.
    pub keep_former_hours: Option<At<u32>>,
}

/// The pilot, and further ones by name. What one of these does not set is as for the first, but for its name. Its own decisions and packs lie in
/// `pilots/NAME/`, a folder like the program's.
#[derive(Clone, Debug, Default)]
pub struct RawPilots {
    /// The first one.
    pub main: RawPilot,
    /// The others.
    pub others: BTreeMap<At<String>, RawPilot>,
}

impl JsonSchema for RawPilots {
    fn schema_name() -> Cow<'static, str> {
        "RawPilots".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = RawPilot::json_schema(generator);
        schema.insert("additionalProperties".into(), generator.subschema_for::<RawPilot>().to_value());
        schema
    }
}

impl<'de> Deserialize<'de> for RawPilots {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<RawPilots, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = RawPilots;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the settings of a pilot, and further pilots")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawPilots, A::Error> {
                let mut pilots = RawPilots::default();
                let main = &mut pilots.main;
                while let Some(key) = map.next_key::<At<String>>()? {
                    match key.value.as_str() {
                        "name" => main.name = map.next_value()?,
                        "open_after" => main.open_after = map.next_value()?,
                        "testers" => main.testers = map.next_value()?,
                        "users" => main.users = map.next_value()?,
                        "testers_mode" => main.testers_mode = map.next_value()?,
                        "users_mode" => main.users_mode = map.next_value()?,
                        "keep_former_hours" => main.keep_former_hours = map.next_value()?,
                        _ => drop(pilots.others.insert(key, map.next_value()?)),
                    }
                }
                Ok(pilots)
            }
        }
        d.deserialize_map(Entries)
    }
}

impl RawPilots {
    /// One of them as if it were the only one: its own settings over the first one's.
    pub fn only(self, name: &str) -> RawPilot {
        let RawPilots { main, mut others } = self;
        let at = others.keys().find(|k| k.value == name).cloned();
        let own = at.and_then(|at| others.remove(&at)).unwrap_or_default();
        RawPilot {
            name: own.name,
            open_after: own.open_after.or(main.open_after),
            testers: own.testers.or(main.testers),
            users: own.users.or(main.users),
            testers_mode: own.testers_mode.or(main.testers_mode),
            users_mode: own.users_mode.or(main.users_mode),
            keep_former_hours: own.keep_former_hours.or(main.keep_former_hours),
        }
    }
}

/// One rule about a table's kind.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawKind {
    /// `records`, `configuration`, `queue`, `history` or `scratch`.
    pub kind: At<Kind>,
    /// Rows it applies to, in the engine's SQL (the row's alias is `t`); the whole table without it.
    #[serde(rename = "where")]
    pub condition: Option<At<String>>,
    /// History: column with the row's date.
    pub column: Option<At<String>>,
    /// History: rows at most so many days old are kept; none without it.
    pub days: Option<At<u32>>,
}

/// The kind of a table: a word, a rule, or several rules by condition.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum RawKinds {
    /// The whole table is of this kind.
    Word(Kind),
    /// A rule with a condition or retention.
    One(RawKind),
    /// Several rules by condition.
    Many(Vec<RawKind>),
}

impl<'de> Deserialize<'de> for RawKinds {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<RawKinds, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = RawKinds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind, a rule or a list of rules")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<RawKinds, E> {
                Kind::deserialize(StrDeserializer::new(word)).map(RawKinds::Word)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawKinds, A::Error> {
                RawKind::deserialize(MapAccessDeserializer::new(map)).map(RawKinds::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<RawKinds, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(RawKinds::Many)
            }
        }
        d.deserialize_any(Forms)
    }
}

/// Key and stability of pseudonyms.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMasks {
    /// Where the mask key comes from; a random key kept in the workspace by default.
    pub key: Option<At<SecretRef>>,
    /// Keep the same pseudonyms in every generation; false by default.
    pub stable: Option<At<bool>>,
}

/// How rows are copied.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCopy {
    /// Parallel workers; by default what the engine and the machine allow.
    pub workers: Option<At<u32>>,
    /// Large tables are copied in ranges of about so many rows, 200000 by default.
    pub range_rows: Option<At<u64>>,
    /// Seconds after which the copy gives way to a schema change in production that waits for it, 5 by default.
    pub give_way_seconds: Option<At<u32>>,
    /// Refuse to start when less than this share of the target's disk would stay free, in percent, 10 by default; a small database needs
    /// no more than ten times its size (1 GiB at least) to stay free.
    pub min_free_disk_percent: Option<At<u8>>,
    /// Highest average rate of reading from the source in bytes per second; no limit without it.
    pub max_bytes_per_second: Option<At<u64>>,
    /// PostgreSQL large objects: `keep` or `clear`. A database that has any needs this decision.
    pub large_objects: Option<At<LargeObjects>>,
}

/// What verification reads and allows.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawVerify {
    /// The scan for left-over personal data reads so many rows per table; every row without it.
    pub residual_sample_rows: Option<At<u64>>,
    /// Mail domains that may stay, e.g. the vendor's.
    pub allowed_mail_domains: Option<At<Vec<String>>>,
    /// Tables whose rows the upgrade is expected to change; all others must keep their digest.
    pub touched_tables: Option<At<Vec<String>>>,
    /// What the residual scan may find and leave: reason by `table.column`, where a person has looked.
    #[serde(default)]
    pub accepted: BTreeMap<String, String>,
}

/// Owners and grants on PostgreSQL and SQL Server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOwners {
    /// Keep owners that exist on the target; by default everything belongs to Greenroom's role.
    pub keep_owners: Option<At<bool>>,
    /// Keep grants whose roles (SQL Server: users whose logins) exist on the target; by default they are dropped and listed.
    pub keep_grants: Option<At<bool>>,
    /// Role on the target by role on the source.
    #[serde(default)]
    pub map: BTreeMap<At<String>, At<String>>,
}
