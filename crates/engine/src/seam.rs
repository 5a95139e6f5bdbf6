//! The verbs every engine speaks, and the plain data they take and return. Coarse, batched, cancellable by dropping the session.
//!
//! A future dropped midway poisons its session: the runner discards the session, never reuses it.

use crate::backup::{Backup, Restored, Tell};
use crate::batch::{Encoding, MaskedBatch, RawBatch};
use crate::capture::{Capture, Captured};
use crate::carry::{GuardedChange, RowChange, SpelledChange};
use crate::error::Result;
use async_trait::async_trait;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::{Catalog, Table, TableName};
use greenroom_model::hash::Hash;
use greenroom_model::plan::TableCopy;
use greenroom_model::program::OwnerSettings;
use greenroom_model::upgrade::Statement;
use greenroom_model::verify::TableDigest;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What an engine, at its version and with the rights we have, can do. Only the planner reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// DDL takes part in transactions: a failed script leaves nothing behind.
    pub transactional_ddl: bool,
    /// A database can be given another name. Where it cannot, a swap changes what a pilot's name stands for, and people connect to the
    /// database that [`Standing::database`] names.
    pub rename_database: bool,
    /// Several sessions can read one snapshot; otherwise one reader.
    pub shared_snapshot: bool,
    /// Most readers that make sense.
    pub max_readers: u32,
    /// Pilot's and former generation's names change in one atomic act.
    pub atomic_swap: bool,
    /// A database of ours can take production's place: see [`Target::put_in_place`] and [`Target::promote`]. Where databases cannot be renamed, on another server
    /// than production's, or under another name: see [`crate::fence::Fence::doors_apart`].
    pub takes_production: bool,
    /// Rights on objects let their holders in, whatever is sealed: [`Target::promote`] gives them, nothing before.
    pub grants_let_in: bool,
    /// Progress of a range commits together with its rows.
    pub progress_with_rows: bool,
    /// Physical row order can cut tables without a key into ranges.
    pub physical_ranges: bool,
    /// Tools that must be there, with the version found (`pg_dump 15.18`).
    pub tools: Vec<String>,
}

/// A right that is missing, and the statement that gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingRight {
    /// What cannot be done without it.
    pub what: String,
    /// Statement that an administrator may run.
    pub grant: String,
}

/// Free and total bytes where a target keeps its data; `None` where the engine cannot tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Bytes free for us.
    pub free: Option<u64>,
    /// Bytes in all.
    pub total: Option<u64>,
}

/// One range of a table. Ordinals are for the journal; bounds never leave the engine and the generation (P11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeSpec {
    /// 0-based number within the table.
    pub ordinal: u32,
    /// Inclusive lower bound as the engine's SQL literal; open below without one.
    pub from: Option<String>,
    /// Exclusive upper bound; open above without one.
    pub to: Option<String>,
    /// Bounds are physical row positions: valid within one snapshot only.
    pub physical: bool,
}

impl RangeSpec {
    /// The whole table as one range.
    pub fn whole() -> RangeSpec {
        RangeSpec { ordinal: 0, from: None, to: None, physical: false }
    }
}

/// A finished range as the generation itself records it, in the transaction of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeDone {
    /// The table.
    pub table: TableName,
    /// The range.
    pub range: RangeSpec,
    /// Digest of what was loaded, after masking.
    pub digest: TableDigest,
    /// Encoded bytes loaded.
    pub bytes: u64,
}

/// The schema as the source's own tools tell it, outbound references disabled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaScript {
    /// What must stand before rows: tables, types, functions.
    pub pre: Vec<String>,
    /// What comes after rows: indexes, constraints, triggers, views that need them.
    pub post: Vec<String>,
    /// The engine tool's own archive, where it works from one (pg_dump -Fc).
    pub archive: Option<PathBuf>,
    /// Outbound references that were left out or disabled: name and how.
    pub disabled: Vec<(String, String)>,
    /// What is not carried: name and reason.
    pub not_carried: Vec<(String, String)>,
    /// Hash of what will be executed, free of time stamps and tool noise.
    pub hash: Option<Hash>,
    /// Owners, grants and default privileges, in the order in which they can be applied. Carried as far as the program says.
    #[serde(default)]
    pub access: Vec<AccessStatement>,
}

/// What a statement about access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessKind {
    /// Gives an object its owner.
    Owner,
    /// Gives the rights of an owner to one who is not carried as the owner.
    OwnerRights,
    /// Grants rights, or takes away what everybody has by default.
    Grant,
    /// Grants rights on what will be created later. The first role is the one who creates it.
    Default,
}

/// One statement about who owns or may do something, with gaps where roles of the source are named: they may be called otherwise on the
/// target, or not be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessStatement {
    /// See [`AccessKind`].
    pub kind: AccessKind,
    /// The object, kind first (`table public.client`).
    pub object: String,
    /// Roles of the source, one for each gap; PUBLIC is no role and stands in the text.
    pub roles: Vec<String>,
    /// The statement, cut where roles belong.
    pub sql: Vec<String>,
}

/// A large object (PostgreSQL) of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObject {
    /// Its number, by which rows refer to it; the copy's object bears the same.
    pub id: u32,
}

/// Why a held snapshot must be given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Disturbance {
    /// Somebody's schema change waits behind our locks: who (login, application, pid) and on which table.
    SchemaChangeWaits {
        /// Login and application as the server names them.
        who: String,
        /// What they wait for.
        table: String,
        /// Seconds they have waited.
        seconds: u64,
    },
    /// The session that holds the snapshot is gone.
    SnapshotLost,
}

/// Where a production database is read.
#[async_trait]
pub trait Source: Send {
    /// What it can do.
    async fn capabilities(&mut self) -> Result<Capabilities>;
    /// The schema as it is now; our own objects left out.
    async fn inspect(&mut self) -> Result<Catalog>;
    /// Up to `rows` rows' values as text, by column in catalog order, for detection and `mask preview` only. Never stored.
    async fn sample(&mut self, table: &Table, rows: u32) -> Result<Vec<Vec<Option<String>>>>;
    /// Runs a query and returns its first value as text.
    async fn query_value(&mut self, sql: &str) -> Result<Option<String>>;
    /// Rights missing for holding and reading everything that `tables` names.
    async fn missing_rights(&mut self, tables: &[TableName]) -> Result<Vec<MissingRight>>;
    /// Identity of the database behind the address, to refuse a pilot that is its own source.
    async fn identity(&mut self) -> Result<String>;
    /// Says who asks: sessions opened from now on bear `owner`, the random name of a process that the journal knows. Engines without names of
    /// sessions need nothing of it.
    async fn introduce(&mut self, owner: &str) -> Result<()> {
        let _ = owner;
        Ok(())
    }
    /// Ends sessions that were opened under these owners and still exist though their process is dead; nobody else's. Returns how many.
    async fn end_sessions_of(&mut self, owners: &[String]) -> Result<u32> {
        let _ = owners;
        Ok(0)
    }
    /// Takes and holds one consistent snapshot of the tables (P1–P3). Nothing is written to the source.
    async fn hold(&mut self, tables: &[TableName]) -> Result<Box<dyn Held>>;
}

/// A held snapshot. Dropping it releases everything.
#[async_trait]
pub trait Held: CellSource {
    /// The schema inside the snapshot.
    async fn inspect(&mut self) -> Result<Catalog>;
    /// The schema's script; files go into `scratch`, which belongs to the run.
    async fn schema(&mut self, scratch: &Path) -> Result<SchemaScript>;
    /// Cuts a table into ranges of about `rows` rows (P4); one whole range where it cannot be cut.
    async fn ranges(&mut self, copy: &TableCopy, rows: u64) -> Result<Vec<RangeSpec>>;
    /// Opens another reader on the same snapshot; fails on engines without shared snapshots when one is open.
    async fn reader(&mut self) -> Result<Box<dyn Reader>>;
    /// Runs a query inside the snapshot and returns its first value as text.
    async fn query_value(&mut self, sql: &str) -> Result<Option<String>>;
    /// Positions of sequences and identities that must go on from where they are: (name, SQL that sets it on the copy).
    async fn sequences(&mut self) -> Result<Vec<(String, String)>>;
    /// Large objects with numbers after `after` (all without), in order, some at a time; none on engines without them.
    async fn large_objects(&mut self, after: Option<u32>) -> Result<Vec<LargeObject>> {
        let _ = after;
        Ok(Vec::new())
    }
    /// Up to `most` bytes of a large object from `offset` on; empty behind its end.
    async fn large_object(&mut self, id: u32, offset: u64, most: u32) -> Result<Vec<u8>> {
        let _ = (offset, most);
        Err(crate::error::EngineError::unsupported(format!("read large object {id}"), "this engine has no large objects"))
    }
    /// Whether the snapshot is still good and nobody waits behind it.
    async fn disturbed(&mut self) -> Result<Option<Disturbance>>;
    /// Lets go of snapshot and locks.
    async fn release(self: Box<Self>) -> Result<()>;
}

/// A database whose rows can be read as cells: a snapshot of the source, or a generation.
#[async_trait]
pub trait CellSource: Send {
    /// Opens a reader, on a session of its own, whose encoding tells [`Encoding::cell`](crate::batch::Encoding::cell)s apart.
    async fn cell_reader(&mut self) -> Result<Box<dyn Reader>>;
    /// A filter over the row (aliased `t`) that is true for rows that have one of these values in these columns. Not for logs: it holds values.
    async fn picking(&mut self, table: &TableName, keys: &[Vec<(String, Cell)>]) -> Result<String>;
    /// Changes of single rows as statements that a person runs, each with a query that counts the row as it must still be. Changes nothing.
    async fn spelled(&mut self, changes: &[GuardedChange]) -> Result<Vec<SpelledChange>>;
}

/// What a reader needs told, and tells, before it reads a table.
pub struct Prepared {
    /// The encoding of this table's rows; two, since source rows carry conditions and loaders may want their own.
    pub encoding: Box<dyn Encoding>,
    /// Encoded constants by column and rule, for rules that are `Constant`; `None` inside is NULL.
    pub constants: Vec<Vec<Option<Vec<u8>>>>,
}

/// Reads rows in batches.
#[async_trait]
pub trait Reader: Send {
    /// Prepares reading of a table.
    async fn prepare(&mut self, copy: &TableCopy) -> Result<Prepared>;
    /// Starts reading a range.
    async fn begin(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()>;
    /// The next batch (about 256 KiB to 1 MiB), or `None` at the end.
    async fn next(&mut self) -> Result<Option<RawBatch>>;
}

/// Loads rows into a generation.
#[async_trait]
pub trait Loader: Send {
    /// Starts a range in a transaction of its own; triggers and foreign keys do not fire (P7).
    async fn begin(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()>;
    /// Adds rows.
    async fn push(&mut self, batch: MaskedBatch) -> Result<()>;
    /// Records the range as done and commits both together. Fails when the engine counted other rows than the digest.
    async fn commit(&mut self, done: &RangeDone) -> Result<()>;
    /// Gives up the range; nothing of it stays.
    async fn discard(&mut self) -> Result<()>;
}

/// State written inside every database that we make; names prove nothing (P30).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarkerState {
    /// Being built.
    Building,
    /// Stands under the pilot's name, or stood there.
    Pilot,
    /// Production: must never be dropped by us.
    Promoted,
    /// A whole raw copy, restored from a backup: production's values, sealed, never opened.
    Raw,
}

/// The marker inside a database that we made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Program's name.
    pub program: String,
    /// Number of the generation.
    pub generation: u32,
    /// Random, known to the journal.
    pub nonce: String,
    /// See [`MarkerState`].
    pub state: MarkerState,
}

/// What stands under a name on a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The engine's identity of the database (OID, inode); survives a rename.
    pub engine_id: String,
    /// Our marker, if it is ours.
    pub marker: Option<Marker>,
    /// Holds no user tables.
    pub empty: bool,
    /// Bytes on disk.
    pub bytes: u64,
    /// What people connect to, where databases cannot be renamed and the name given is not the database's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}

/// Names of one swap. Everything is stored byte for byte in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// The finished generation's present name.
    pub generation: String,
    /// The name people use.
    pub pilot: String,
    /// What the present pilot, if there is one, is called afterwards.
    pub former: Option<String>,
}

/// Who may connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Admission {
    /// Only Greenroom's own login.
    Sealed,
    /// These roles (PostgreSQL), or whoever the file mode lets in (SQLite).
    Some {
        /// Role names.
        roles: Vec<String>,
        /// SQLite file mode.
        mode: u32,
    },
    /// Everybody who could connect to an ordinary database.
    Everybody {
        /// SQLite file mode.
        mode: u32,
    },
}

/// Who can be let into what takes production's place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Welcome {
    /// Who could not be, or not with what they have, and the way out.
    pub refused: Vec<greenroom_model::fence::Obstacle>,
    /// Who can come in at any time, unasked.
    pub unasked: Vec<String>,
}

/// A lock on the target's server that dies with its session, held outside the generation (P30).
pub trait ServerLock: Send + Sync {}

/// Where pilots live.
#[async_trait]
pub trait Target: Send {
    /// What it can do.
    async fn capabilities(&mut self) -> Result<Capabilities>;
    /// Rights missing for creating, filling and swapping generations.
    async fn missing_rights(&mut self) -> Result<Vec<MissingRight>>;
    /// Free disk.
    async fn room(&mut self) -> Result<Room>;
    /// As [`Source::introduce`].
    async fn introduce(&mut self, owner: &str) -> Result<()> {
        let _ = owner;
        Ok(())
    }
    /// As [`Source::end_sessions_of`].
    async fn end_sessions_of(&mut self, owners: &[String]) -> Result<u32> {
        let _ = owners;
        Ok(0)
    }
    /// Takes the lock for a pilot's name; `None` when another session holds it.
    async fn lock(&mut self, pilot: &str) -> Result<Option<Box<dyn ServerLock>>>;
    /// What stands under a name; `None` when nothing does.
    async fn look(&mut self, name: &str) -> Result<Option<Standing>>;
    /// Creates a sealed, marked, empty generation, or completes what an earlier attempt with the same marker began (the name carries the
    /// marker's nonce, so an unmarked, empty database under it is that attempt's). Anything else under the name is refused. `like` gives encoding, collation and other settings that are fixed at creation.
    async fn create(&mut self, name: &str, marker: &Marker, like: &Catalog) -> Result<Standing>;
    /// Opens a generation (or a pilot) for work inside it.
    async fn enter(&mut self, name: &str) -> Result<Box<dyn Generation>>;
    /// Rewrites the marker of a database that already bears its nonce.
    async fn mark(&mut self, name: &str, marker: &Marker) -> Result<()>;
    /// Ends foreign sessions in `pilot`, then exchanges names. Without `former` the pilot's name must be free.
    async fn swap(&mut self, swap: &Swap) -> Result<()>;
    /// Has a database that is to be created under `name` be called `database` by the server from its first moment on, where databases cannot be renamed and this one is to
    /// take production's name. Nothing may stand there. Repeatable.
    async fn call(&mut self, name: &str, database: &str) -> Result<()> {
        let _ = name;
        Err(crate::error::EngineError::unsupported(format!("call a new database `{database}`"), "databases are renamed here"))
    }
    /// Whether [`Target::promote`] can let in whom it is to let in, and testers before them, with what they have in production, into what bears `name` then. `elsewhere`:
    /// production is on another server, or stays where it is under another name.
    async fn welcome(&mut self, name: &str, doors: &greenroom_model::fence::Doors, testers: &[String], elsewhere: bool) -> Result<Welcome> {
        let _ = (name, doors, testers, elsewhere);
        Ok(Welcome::default())
    }
    /// Ends a [`Target::copy_whole`] that the server still makes though nobody waits for it any more: until then nobody can come into production.
    async fn stop_copying(&mut self, to: &str) -> Result<()> {
        let _ = to;
        Ok(())
    }
    /// As [`Target::swap`], where production is one of the two databases: it is known by its engine's identity, the other one bears our marker in the
    /// state `Promoted`. Either may be the one that is put aside. No marker is changed.
    async fn put_in_place(&mut self, swap: &Swap, production: &str) -> Result<()> {
        let _ = (swap, production);
        Err(crate::error::EngineError::unsupported("put a database in production's place", "this engine cannot do that yet"))
    }
    /// Who may come into what was production all the same, where it stands aside under this name with its doors shut: a right given since, a
    /// door opened by hand, a session. Empty while it is as shut as it was.
    async fn aside_open(&mut self, former: &str, doors: &greenroom_model::fence::Doors) -> Result<Vec<String>> {
        let _ = (former, doors);
        Err(crate::error::EngineError::unsupported("look at the former production", "this engine cannot do that yet"))
    }
    /// Makes a second database of one of ours, sealed, with the same marker, as it is now. Nobody is in the first one. Repeatable; a half-made one is empty and bears
    /// no marker.
    async fn duplicate(&mut self, from: &str, to: &str, marker: &Marker) -> Result<()> {
        let _ = (to, marker);
        Err(crate::error::EngineError::unsupported(format!("make a second copy of `{from}`"), "this engine cannot do that yet"))
    }
    /// Makes a sealed database that bears `marker` of production itself, the one with this identity, by the engine's own means: everything that is in it, without its fence.
    /// Nobody is in production any more. Repeatable. Dropped in its midst it stops soon; what it leaves then [`Target::clear_raw`] removes.
    async fn copy_whole(&mut self, production: &str, engine_id: &str, to: &str, marker: &Marker) -> Result<()> {
        let _ = (engine_id, to, marker);
        Err(crate::error::EngineError::unsupported(format!("copy `{production}` whole"), "this engine cannot do that yet"))
    }
    /// Enters a database that is, or was, production, if it is the one with this identity: to have its touched rows noted, or to give it back what was written
    /// since. Records of ours that are needed meanwhile go with [`Generation::tidy`].
    async fn enter_former(&mut self, name: &str, engine_id: &str) -> Result<Box<dyn Generation>> {
        let _ = engine_id;
        Err(crate::error::EngineError::unsupported(format!("enter the former production `{name}`"), "this engine cannot do that yet"))
    }
    /// Lets in whom production let in before it was fenced, with the same rights on the database as a whole, into what has taken its place.
    /// `former` is what production is called now, where it stands beside it. Repeatable.
    async fn promote(&mut self, name: &str, former: Option<&str>, doors: &greenroom_model::fence::Doors) -> Result<()> {
        let _ = (name, former, doors);
        Err(crate::error::EngineError::unsupported("let users into production", "this engine cannot do that yet"))
    }
    /// Lets people in, or seals. On PostgreSQL foreign sessions are ended when sealing.
    async fn admit(&mut self, name: &str, admission: &Admission) -> Result<()>;
    /// Who may connect now.
    async fn admission(&mut self, name: &str) -> Result<Admission>;
    /// Runs statements that undo what a script did outside its database, beside all generations: in the maintenance database, in one
    /// transaction where they allow it.
    async fn undo_outside(&mut self, statements: &[Statement]) -> Result<Applied> {
        let _ = statements;
        Err(crate::error::EngineError::unsupported("undo what a script did outside its database", "nothing reaches outside on this engine"))
    }
    /// Drops a former production: the database under this name, if it is the one with this identity; anything else is refused. True when it was there.
    async fn drop_former(&mut self, name: &str, engine_id: &str) -> Result<bool> {
        let _ = engine_id;
        Err(crate::error::EngineError::unsupported(format!("drop the former production `{name}`"), "this engine cannot do that yet"))
    }
    /// Drops a database whose marker bears this nonce and is not promoted; anything else is refused.
    async fn drop_marked(&mut self, name: &str, nonce: &str) -> Result<()>;
    /// Restores a backup, by the engine's own means, as a sealed database that bears `marker` (whose state is [`MarkerState::Raw`]) once it is
    /// whole, and the same marker in the state `Building` until then. Nothing may stand under the name. What the backup wants to do outside
    /// its own database is refused. A failure may leave a half-made database: see [`Target::clear_raw`].
    async fn restore(&mut self, name: &str, marker: &Marker, backup: &Backup, tell: Tell) -> Result<Restored> {
        let _ = (name, marker, tell);
        Err(crate::error::EngineError::unsupported(
            format!("restore `{}`", backup.path.display()),
            "restoring a backup is not supported on this engine yet",
        )
        .hint("rehearse from the source, or from a restored copy of it as `[source]`"))
    }
    /// Drops what a restore with this marker left, whole or half made; nothing to do where nothing is left. Repeatable.
    async fn clear_raw(&mut self, name: &str, marker: &Marker) -> Result<()> {
        clear_raw(self, name, marker).await
    }
}

/// What [`Target::clear_raw`] does on engines whose half-made copies stand under their own name.
pub(crate) async fn clear_raw<T: Target + ?Sized>(target: &mut T, name: &str, marker: &Marker) -> Result<()> {
    match target.look(name).await? {
        None => Ok(()),
        Some(s) if s.marker.as_ref().is_some_and(|m| m.nonce == marker.nonce) => target.drop_marked(name, &marker.nonce).await,
        // Created, not yet marked: the name carries our nonce; completing it makes it ours to drop.
        Some(s) if s.marker.is_none() && s.empty && name.contains(&marker.nonce) => {
            let building = Marker { state: MarkerState::Building, ..marker.clone() };
            target.create(name, &building, &nothing_alike()).await?;
            target.drop_marked(name, &marker.nonce).await
        }
        Some(_) => Err(crate::error::EngineError::new(
            crate::error::ErrorKind::Conflict,
            format!("drop the raw copy `{name}`"),
            "what stands there is not ours",
        )),
    }
}

/// A schema that a database is created like when nothing is known of the one it is to hold.
pub(crate) fn nothing_alike() -> Catalog {
    Catalog {
        engine: greenroom_model::catalog::EngineKind::Fake,
        version: String::new(),
        tables: Vec::new(),
        objects: Vec::new(),
        settings: std::collections::BTreeMap::new(),
        outbound: Vec::new(),
        not_carried: Vec::new(),
        large_objects: 0,
    }
}

/// Which part of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaPart {
    /// Before rows.
    Pre,
    /// After rows.
    Post,
}

/// How a script was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Statements executed by this call.
    pub statements: u32,
    /// Rows changed, as far as the engine tells.
    pub rows: u64,
    /// Notices and warnings, without row values.
    pub notices: Vec<String>,
}

/// How far a script got, as the generation itself records it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptState {
    /// Hash of the script that was applied.
    pub hash: Option<Hash>,
    /// Statements that are done; equal to all when `complete`.
    pub done: u32,
    /// The whole script is in.
    pub complete: bool,
}

/// What became of changes that were tried and given up.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// Changes (by index) that were refused, with those that were made in one statement with them, and why.
    pub refused: Vec<(usize, crate::error::EngineError)>,
    /// What is refused only once all changes are made, constraints that wait for the end.
    pub at_the_end: Option<crate::error::EngineError>,
    /// Rows that point nowhere afterwards, by the keys that were asked about; empty when anything was refused.
    pub orphans: Vec<u64>,
}

/// Result of an assertion's query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryOutcome {
    /// Rows returned (counting stops at 1,000).
    pub rows: u64,
    /// First value of the first row as text. For comparison only; never shown or stored unless it is a number.
    #[serde(skip)]
    pub first: Option<String>,
}

/// A generation from within. Objects of ours inside it are left out of every inspection.
#[async_trait]
pub trait Generation: CellSource {
    /// Applies a part of the schema. `Post` is repeatable: what already stands is left.
    async fn schema(&mut self, part: SchemaPart, script: &SchemaScript) -> Result<()>;
    /// Opens a loader on a session of its own.
    async fn loader(&mut self) -> Result<Box<dyn Loader>>;
    /// Opens a reader on a session of its own, on what is committed now.
    async fn reader(&mut self) -> Result<Box<dyn Reader>>;
    /// Cuts a table into ranges of about `rows` rows, for reading it back with several readers; one whole range where that gains nothing.
    /// Good as long as nobody writes, as in a sealed generation.
    async fn ranges(&mut self, copy: &TableCopy, rows: u64) -> Result<Vec<RangeSpec>> {
        let _ = (copy, rows);
        Ok(vec![RangeSpec::whole()])
    }
    /// Ranges that are done, as the generation records them.
    async fn ranges_done(&mut self) -> Result<Vec<RangeDone>>;
    /// Removes the rows of a finished, non-physical range and its record, together.
    async fn forget_range(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()>;
    /// Removes all rows and records of a table, together.
    async fn forget_table(&mut self, copy: &TableCopy) -> Result<()>;
    /// Writes a piece of a large object, creating the object if it is missing. Repeatable.
    async fn put_large_object(&mut self, id: u32, offset: u64, data: &[u8]) -> Result<()> {
        let _ = (offset, data);
        Err(crate::error::EngineError::unsupported(format!("write large object {id}"), "this engine has no large objects"))
    }
    /// Sets sequences and identities, rebuilds what is derived (FTS, materialised views), gathers statistics. Repeatable.
    async fn settle(&mut self, sequences: &[(String, String)]) -> Result<()>;
    /// Makes anew what is derived from rows (FTS, materialised views), where rows came since. Repeatable.
    async fn derive(&mut self) -> Result<()> {
        Ok(())
    }
    /// Carries owners and grants as far as the program keeps them and their roles exist; returns what was not carried, with the reason.
    /// Repeatable. Who may connect is not touched by it. Engines without roles carry nothing and lose nothing.
    async fn access(&mut self, script: &SchemaScript, owners: &OwnerSettings) -> Result<Vec<(String, String)>> {
        let _ = (script, owners);
        Ok(Vec::new())
    }
    /// Gives those whom an admission lets in the rights to work with every table (not to change the schema). For programs that keep no
    /// grants: otherwise people would stand in a pilot and see nothing. Repeatable; nothing to do on engines without roles.
    async fn let_work(&mut self, admission: &Admission) -> Result<()> {
        let _ = admission;
        Ok(())
    }
    /// The schema as it is now.
    async fn inspect(&mut self) -> Result<Catalog>;
    /// Rows of a table whose foreign key points nowhere (anti-join, P7).
    async fn orphans(&mut self, table: &Table, key: &greenroom_model::catalog::ForeignKey) -> Result<u64>;
    /// Positions of sequences and identities as they stand now, in the same words as [`Held::sequences`].
    async fn sequences(&mut self) -> Result<Vec<(String, String)>>;
    /// A SQL condition that is true for about `rows` of `of` rows of a table, spread over it.
    fn sample_filter(&self, rows: u64, of: u64) -> String;
    /// Runs an assertion's query, read-only.
    async fn query(&mut self, sql: &str) -> Result<QueryOutcome>;
    /// How far a script got.
    async fn script_state(&mut self, key: &str) -> Result<ScriptState>;
    /// Runs a script's statements, from `skip` on, recording progress under `key` in the same transaction where the engine allows.
    /// Statement n failing undoes the script where DDL is transactional, else leaves n-1 recorded.
    async fn script(&mut self, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied>;
    /// The same for a script that says that it is not to run in one transaction: statement by statement, each recorded with its effect, or
    /// right after it where it refuses a transaction or ends its own. Statement n failing leaves n-1 recorded. Engines whose scripts always
    /// run so need nothing of their own.
    async fn script_apart(&mut self, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
        self.script(key, hash, statements, skip).await
    }
    /// Makes changes of single rows in their order, without firing triggers and with foreign keys in force, recording progress under `key` as
    /// [`Generation::script`] does: in one transaction where the engine's scripts are one. After a failure in the midst, `skip` says how many
    /// changes are done.
    async fn carry(&mut self, key: &str, hash: &Hash, changes: &[RowChange], skip: u32) -> Result<Applied>;
    /// Whether [`Generation::bring`] keeps foreign keys from acting: then the order of changes does not matter to them.
    async fn brings_freely(&mut self) -> Result<bool> {
        Ok(false)
    }
    /// Makes changes of single rows exactly as they are given, in one transaction where the engine's scripts are one: no trigger fires, and what foreign keys would do
    /// to other rows is not done where the engine can keep them from it. For bringing one side to where another one is, whatever that holds.
    async fn bring(&mut self, key: &str, hash: &Hash, changes: &[RowChange]) -> Result<Applied> {
        self.carry(key, hash, changes, 0).await
    }
    /// Lets counters go on where others stand, in the words of [`Generation::sequences`]; returns those that could not be set. Repeatable.
    async fn advance(&mut self, positions: &[(String, String)]) -> Result<Vec<String>> {
        Ok(positions.iter().map(|(name, _)| name.clone()).collect())
    }
    /// Large objects in the order of their numbers, each with a digest of its content; empty on engines without them. Reads all of them.
    async fn large_object_digests(&mut self) -> Result<Vec<(u32, String)>> {
        Ok(Vec::new())
    }
    /// Up to `most` bytes of a large object from `offset` on; empty behind its end.
    async fn large_object_piece(&mut self, id: u32, offset: u64, most: u32) -> Result<Vec<u8>> {
        let _ = (offset, most);
        Err(crate::error::EngineError::unsupported(format!("read large object {id}"), "this engine has no large objects"))
    }
    /// Statements that give a new large object the owner and the rights that this one has here.
    async fn large_object_rights(&mut self, id: u32) -> Result<Vec<String>> {
        let _ = id;
        Ok(Vec::new())
    }
    /// Gives a large object the content that it has in `from`, in one transaction; one that is not here yet is made, with owner and rights as there. Repeatable.
    async fn take_large_object(&mut self, id: u32, from: &mut dyn Generation) -> Result<()> {
        let _ = from;
        Err(crate::error::EngineError::unsupported(format!("write large object {id}"), "this engine has no large objects"))
    }
    /// Removes a large object, if it is there.
    async fn remove_large_object(&mut self, id: u32) -> Result<()> {
        Err(crate::error::EngineError::unsupported(format!("remove large object {id}"), "this engine has no large objects"))
    }
    /// Tries, as [`Generation::bring`] would do it, changes in a transaction that is given up whatever comes of it, and counts afterwards the rows that point nowhere by
    /// these keys. None where the engine cannot do that without leaving something behind.
    async fn try_bring(&mut self, changes: &[RowChange], keys: &[(Table, greenroom_model::catalog::ForeignKey)]) -> Result<Option<Tried>> {
        let _ = (changes, keys);
        Ok(None)
    }
    /// Opens a reader, on a session of its own, of the rows of a query in place of a table's: its columns bear the names that are asked for, and are read as their types would
    /// store them, but that nothing is cut off. Nothing can be written by it.
    async fn query_reader(&mut self, select: &str) -> Result<Box<dyn Reader>> {
        let _ = select;
        Err(crate::error::EngineError::unsupported("read the rows of a query", "this engine cannot do that yet"))
    }
    /// The number that a column which counts by itself gives next; none where it does not, or goes on from its highest row.
    async fn next_number(&mut self, table: &TableName, column: &str) -> Result<Option<i128>> {
        let _ = (table, column);
        Ok(None)
    }
    /// The highest number in a column of whole numbers, below a bound where one is given; none where there is none.
    async fn highest(&mut self, table: &TableName, column: &str, below: Option<i128>) -> Result<Option<i128>>;
    /// Lets a column that counts by itself go on with `next`. False where it does not count, or nobody can tell it where to go on.
    async fn reserve(&mut self, table: &TableName, column: &str, next: i128) -> Result<bool>;
    /// Has the keys of rows noted that anybody touches from now on; see [`crate::capture`]. Repeatable: what was noted stays.
    async fn capture(&mut self, tables: &[Capture]) -> Result<()> {
        let _ = tables;
        Err(crate::error::EngineError::unsupported("have the keys of touched rows noted", "this engine cannot do that yet"))
    }
    /// What is noted; empty where nothing is.
    async fn captured(&mut self) -> Result<Vec<Captured>> {
        Ok(Vec::new())
    }
    /// Ends the noting; nothing of it stays. Repeatable.
    async fn end_capture(&mut self) -> Result<()> {
        Ok(())
    }
    /// Removes progress and script records, leaving only the marker.
    async fn tidy(&mut self) -> Result<()>;
    /// Ends every session of this generation that we hold, so that it can be renamed.
    async fn leave(self: Box<Self>) -> Result<()>;
}
