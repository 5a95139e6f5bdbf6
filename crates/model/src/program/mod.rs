//! The program: what the user writes, resolved over its kits. Owns the meaning of the files; does not own reading them from disk
//! (`runner::files`) nor what they mean for one schema (`columns`, `plan`).
//!
//! A program is a folder: `greenroom.toml`, `columns.toml`, `packs/*.toml`, `upgrade/`, `verify/*.sql`. `extends` names a kit, a folder of
//! the same shape; kits may extend kits. Layers are merged base first; what comes from where is kept in [`Origin`].

mod address;
mod assertions;
mod carry;
mod decisions;
pub(crate) mod file;
mod kinds;
mod layers;
mod packs;
mod quarantine;
pub(crate) mod raw;
mod resolve;
mod schema;
mod settings;
pub(crate) mod structure;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod url;
pub mod write;

pub use resolve::{extends, parse, parse_for};
pub use schema::schema;
pub use text::{excerpt, line_col};
pub(crate) use write::toml_key;

use crate::carry::{ConflictKind, Take};
use crate::catalog::EngineKind;
use crate::columns::Decision;
use crate::hash::Hash;
use crate::upgrade::UpgradeStep;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Layer: the kit's name, or `program`.
    pub layer: String,
    /// File within the layer.
    pub file: String,
    /// Byte span within the file.
    pub span: (usize, usize),
}

/// The files of one layer, read by the caller: text by relative path with `/` between folders.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// The kit's name (its folder's name), or `program`.
    pub name: String,
    /// Text files by relative path.
    pub files: BTreeMap<String, String>,
    /// Files that are not UTF-8 text or that are pinned but not read (programs of upgrade steps): hash by relative path.
    pub opaque: BTreeMap<String, Hash>,
}

/// The layer of the program itself.
pub(crate) const PROGRAM_LAYER: &str = "program";
/// What the names of layers begin with that one of several pilots has of its own.
const PILOT_LAYERS: &str = "pilots/";

/// The layer of one of several pilots, and its folder below the program's.
pub fn pilot_layer(pilot: &str) -> String {
    format!("{PILOT_LAYERS}{pilot}")
}

impl Origin {
    /// Whether it is written in the program, or for one of its pilots, and not in a kit.
    pub fn is_own(&self) -> bool {
        self.layer == PROGRAM_LAYER || self.layer.starts_with(PILOT_LAYERS)
    }
}

/// Where a secret comes from; never the secret itself (P35).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file, relative to the program's folder; its first line counts. Readable by its owner only.
    File(String),
    /// A named entry of the user's `credentials.toml`.
    Credential(String),
    /// Asked for on the terminal.
    Prompt(bool),
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// No TLS. The default for sockets and loopback only.
    Disable,
    /// TLS without checking the certificate.
    Require,
    /// TLS, certificate and host name checked. The default for everything that leaves the machine.
    #[default]
    Verify,
}

/// A database or server address, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Which engine.
    pub engine: EngineKind,
    /// SQLite: the file, relative to the program's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Host name, address or socket folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// TCP port; the engine's usual one by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Database; for a target the maintenance database (`postgres` by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where the password comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// TLS mode; by default `disable` on sockets and loopback, else `verify`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// A tree of files that belongs to the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTree {
    /// The NAME of `[files.NAME]`.
    pub name: String,
    /// Where it stands, relative to the program's folder.
    pub from: String,
    /// Where it is copied to, relative to the program's folder.
    pub to: String,
    /// Names of files and folders that are left out; `*` stands for any characters.
    pub leave_out: Vec<String>,
}

/// How production is fenced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FenceSettings {
    /// Production, with a login that may shut others out.
    pub address: Address,
    /// Minutes after which production must be given back, unless somebody says otherwise.
    pub minutes: u32,
    /// Seconds that transactions which run have to end.
    pub drain_seconds: u32,
}

/// What a switch is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchSettings {
    /// Minutes from the fence on after which everything goes back by itself unless users have been let in.
    pub minutes: u32,
    /// Hours that a backup may be old from which a restore was proven.
    pub restore_point_hours: u32,
    /// Days that the former production is kept.
    pub keep_former_days: u32,
    /// Hours after users were let in during which a switch is to be taken back with what they wrote; 0: what they write is not noted, and it cannot be.
    #[serde(default, skip_serializing_if = "none")]
    pub rollback_hours: u32,
    /// What the new production is called, where that is another name than production's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What takes production's place.
    #[serde(default, skip_serializing_if = "Strategy::is_default")]
    pub strategy: Strategy,
    /// What is read of production once it is shut.
    #[serde(default, skip_serializing_if = "FinalCopy::is_all")]
    pub final_copy: FinalCopy,
    /// Folders of programs that go live in the same window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<String>,
    /// Programs that run beside it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<Hook>,
}

/// What takes production's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Production's rows, copied by Greenroom, with the configuration of the pilot.
    #[default]
    PilotToProduction,
    /// Production upgraded in a single step: in the window the engine itself makes a second database of it, which is upgraded.
    InPlace,
    /// Production as it is, on another server or under another name; upgraded there, if the program has an upgrade.
    ServerMove,
}

impl Strategy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_default(&self) -> bool {
        *self == Strategy::PilotToProduction
    }
}

/// What is read of production once it is shut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FinalCopy {
    /// Every row once more; what differs is copied. Nothing is created in production.
    #[default]
    All,
    /// The rows that were touched since the copy began: production itself notes their keys, by triggers.
    Touched,
}

impl FinalCopy {
    fn is_all(&self) -> bool {
        *self == FinalCopy::All
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn none(hours: &u32) -> bool {
    *hours == 0
}

/// When a program runs beside a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HookMoment {
    /// Nobody is in production any more.
    Fenced,
    /// The new database bears production's name; testers are not in yet.
    Swapped,
    /// Testers have accepted; users are not in yet.
    Accepted,
    /// Users are in.
    Promoted,
}

/// A program that runs beside a switch. It must do no harm when it runs twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// A word for it, unique within the program.
    pub name: String,
    /// When.
    pub at: HookMoment,
    /// Program and arguments, with gaps.
    pub command: Vec<String>,
    /// What takes it back.
    pub undo: Option<Vec<String>>,
    /// Seconds for each attempt.
    pub timeout_seconds: u64,
    /// Attempts after the first.
    pub retries: u32,
}

/// The pilot: the name people use, and who is let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pilot {
    /// PostgreSQL: database name. SQLite: file, relative to the program's folder.
    pub name: String,
    /// Roles (PostgreSQL) let in by `open --to testers`.
    pub testers: Vec<String>,
    /// Roles (PostgreSQL) let in by `open --to all`; empty means everybody who could connect to an ordinary database.
    pub users: Vec<String>,
    /// File mode of an open SQLite pilot: (testers, all).
    pub modes: (u32, u32),
    /// Open at the end of a green rehearsal: to whom, or not at all.
    pub open_after: Option<Audience>,
    /// Hours the former generation is kept after a swap.
    pub keep_former_hours: u32,
}

/// To whom a pilot is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Testers only.
    Testers,
    /// Everybody meant to use it.
    All,
}

/// Kind of a table, or of its rows under a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Business records: copied, masked.
    Records,
    /// What people configure: copied, and later carried over from the pilot.
    Configuration,
    /// Work waiting to be done: emptied on a pilot.
    Queue,
    /// Old records: the last days, or none.
    History,
    /// Belongs to nobody: not copied.
    Scratch,
}

/// One rule about a table's kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindRule {
    /// Table as written: `client` (default schema) or `billing.client`.
    pub table: String,
    /// The kind.
    pub kind: Kind,
    /// Rows it applies to, in the engine's SQL; the whole table without one.
    pub condition: Option<String>,
    /// History: keep rows whose `column` is at most so many days old; without it the history is empty on the pilot.
    pub keep_days: Option<(String, u32)>,
    /// Where it was written.
    pub origin: Origin,
}

/// What happens to large objects (PostgreSQL).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LargeObjects {
    /// Copied as they are.
    Keep,
    /// Created empty, so that references stay valid.
    Clear,
}

/// Which shape of the database an assertion holds for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Before the upgrade only.
    Before,
    /// After the upgrade only.
    After,
    /// Both.
    #[default]
    Both,
}

/// What one neutralisation does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum PackAction {
    /// No rows of the table are carried, or none for which the condition is not plainly false. In flight.
    Empty,
    /// Rows are not carried unless the condition is plainly false. In flight.
    Delete,
    /// Columns become NULL, or empty where they may not be NULL. In flight.
    Blank {
        /// The columns.
        columns: Vec<String>,
    },
    /// Columns take constants (SQL expressions without row references). In flight. Disabling functions, deactivating accounts.
    Set {
        /// Expression by column.
        values: BTreeMap<String, String>,
    },
    /// Columns are masked. In flight.
    Mask {
        /// Decision by column.
        columns: BTreeMap<String, Decision>,
    },
    /// A statement after the copy, idempotent; only for what is no secret and no personal data.
    Statement {
        /// The engine's SQL.
        sql: String,
    },
}

/// One neutralisation of a pack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackRule {
    /// Unique within the pack.
    pub id: String,
    /// The table, except for statements.
    pub table: Option<String>,
    /// What is done.
    pub action: PackAction,
    /// Rows it applies to (engine's SQL over the row, subqueries allowed); unknown counts as true.
    pub when: Option<String>,
    /// Rows exempt from it; unknown counts as not exempt.
    pub unless: Option<String>,
    /// Query that returns rows if the neutralisation does not hold; derived from the action where not given.
    pub assert: Option<String>,
    /// The same after the upgrade, where the shape differs.
    pub assert_after: Option<String>,
    /// Which shapes the rule is for: where its assertion holds, and where what it names must be there.
    pub shape: Shape,
    /// Where it was written.
    pub origin: Origin,
}

/// Whether a pack's functions may be switched on again on the pilot (E5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Reopen {
    /// Never.
    #[default]
    #[serde(rename = "never")]
    Never,
    /// On record, until a date.
    #[serde(rename = "on request")]
    OnRequest,
}

/// An ordered set of neutralisations for one application module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pack {
    /// Name, unique in the program; a later layer's pack of the same name replaces the earlier.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// See [`Reopen`].
    pub reopen: Reopen,
    /// In order.
    pub rules: Vec<PackRule>,
    /// Statements that switch its functions on again on the pilot; none where it cannot be asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
    /// Statements that switch them off again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub close: Vec<String>,
}

/// What an assertion expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "expect", rename_all = "snake_case")]
pub enum Expect {
    /// The query returns no rows.
    NoRows,
    /// The query returns one value, equal to what `source_sql` (by default the same query) returned inside the source's snapshot.
    SameAsSource {
        /// Query on the source where it differs.
        source_sql: Option<String>,
    },
}

/// One assertion of `verify/*.sql`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assertion {
    /// File name without extension (and `#n` where a file has several).
    pub name: String,
    /// The query.
    pub sql: String,
    /// What is expected.
    pub expect: Expect,
    /// For which shape.
    pub shape: Shape,
    /// Where it was written.
    pub origin: Origin,
}

/// How pseudonyms are keyed (P14).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskSettings {
    /// Where the program's mask key comes from; by default a random key kept in the workspace.
    pub key: Option<SecretRef>,
    /// Keep the same pseudonyms in every generation.
    pub stable: bool,
    /// Word lists by name (`dictionaries/*.txt`, one entry per line) for the `dictionary` mask.
    pub dictionaries: BTreeMap<String, Vec<String>>,
}

/// Limits of the copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopySettings {
    /// Parallel workers; by default what the engine and the machine allow.
    pub workers: Option<u32>,
    /// Aim for ranges of about so many rows.
    pub range_rows: u64,
    /// Give way to a schema change that waits for our locks after so many seconds.
    pub give_way_seconds: u32,
    /// Refuse to start when the target would have less than this share of free disk left, in percent.
    pub min_free_disk_percent: u8,
    /// Highest average rate of reading from the source in bytes per second; no limit without it.
    pub max_bytes_per_second: Option<u64>,
}

/// What verification reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifySettings {
    /// Residual scan: every row, or so many sampled rows per table.
    pub residual_sample_rows: Option<u64>,
    /// Mail domains that may stay.
    pub allowed_mail_domains: Vec<String>,
    /// Tables (as written) whose rows the upgrade is expected to change; others must keep their digest.
    pub touched_tables: Vec<String>,
    /// Columns (`table.column`) in which a person accepts what the residual scan finds, with a reason each.
    pub accepted: BTreeMap<String, String>,
}

/// Where backups may be restored: nothing raw is put anywhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// The server, or SQLite's folder.
    pub address: Address,
    /// Days after which a raw copy that was kept is over.
    pub expires_days: u32,
}

/// Owners and grants on PostgreSQL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerSettings {
    /// Keep owners that exist on the target (by default everything belongs to Greenroom's role).
    pub keep_owners: bool,
    /// Keep grants whose roles exist on the target (by default they are dropped and listed).
    pub keep_grants: bool,
    /// Role on the target by role on the source.
    pub map: BTreeMap<String, String>,
}

/// What stands at the other end of a reference or of a move, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The column (`table.column`) or table that it refers to or comes from.
    pub other: String,
    /// Where it was written.
    pub origin: Origin,
}

/// What is taken in a conflict, by the program's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarryRule {
    /// Table as written; any without one.
    pub table: Option<String>,
    /// Column; any conflict without one.
    pub column: Option<String>,
    /// Kind of conflict; any without one.
    pub kind: Option<ConflictKind>,
    /// What is taken.
    pub take: Take,
    /// Why.
    pub reason: Option<String>,
    /// Where it was written.
    pub origin: Origin,
}

/// How configuration is carried over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrySettings {
    /// References that the schema does not declare: the referenced `table.column` by the referring one.
    pub references: BTreeMap<String, Link>,
    /// What the upgrade moves as it is: the former table or `table.column` by the new one.
    pub moved: BTreeMap<String, Link>,
    /// New columns (`table.column`) that come from no other.
    pub fresh: BTreeMap<String, Origin>,
    /// The first that fits counts.
    pub rules: Vec<CarryRule>,
}

impl CarrySettings {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == CarrySettings::default()
    }
}

/// A program, resolved over its kits and free of findings that forbid understanding it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Name; appears in generations' names and markers: `[a-z0-9_-]{1,32}`.
    pub name: String,
    /// Layer names, base first.
    pub layers: Vec<String>,
    /// Production.
    pub source: Address,
    /// Where the pilot lives; for SQLite the same engine and the pilot's folder.
    pub target: Address,
    /// See [`Quarantine`]; without one no backup can be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
    /// See [`FenceSettings`].
    pub fence: FenceSettings,
    /// See [`SwitchSettings`].
    pub switch: SwitchSettings,
    /// See [`FileTree`]; by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileTree>,
    /// See [`Pilot`].
    pub pilot: Pilot,
    /// Which of several pilots that is: the NAME of `[pilot.NAME]`; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The names of all further pilots. That there is one more is no edit of this one's program.
    #[serde(skip)]
    pub pilots: Vec<String>,
    /// Production's rows may stand on the target, unmasked and sealed, while a dress rehearsal runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dress: bool,
    /// Query that returns the product's version as one value.
    pub version_query: Option<String>,
    /// Kinds of tables; tables without a rule are `records`.
    pub kinds: Vec<KindRule>,
    /// Decision by table as written and column.
    pub columns: BTreeMap<String, BTreeMap<String, Decision>>,
    /// Fingerprint of the columns the decisions were made for.
    pub pinned: Option<Hash>,
    /// See [`LargeObjects`]; no decision stops a run over a database that has any.
    pub large_objects: Option<LargeObjects>,
    /// Packs in order of layers, then of names.
    pub packs: Vec<Pack>,
    /// Upgrade steps in order.
    pub upgrade: Vec<UpgradeStep>,
    /// Assertions by file name.
    pub assertions: Vec<Assertion>,
    /// See [`MaskSettings`].
    pub masks: MaskSettings,
    /// See [`CopySettings`].
    pub copy: CopySettings,
    /// See [`VerifySettings`].
    pub verify: VerifySettings,
    /// See [`OwnerSettings`].
    pub owners: OwnerSettings,
    /// See [`CarrySettings`].
    #[serde(default, skip_serializing_if = "CarrySettings::is_empty")]
    pub carry: CarrySettings,
    /// Outbound references (by name) that the program accepts as they are, with a reason each.
    pub outbound_accepted: BTreeMap<String, String>,
    /// Tables (as written) whose rows are left out, with a reason each; the tables are created empty where they can be carried.
    pub left_out: BTreeMap<String, String>,
}

impl Program {
    /// What the database is called that takes production's place: as production is, unless the program says otherwise. On SQLite the file, relative to the program's
    /// folder.
    pub fn production_name(&self) -> &str {
        self.switch.name.as_deref().unwrap_or_else(|| self.source_name())
    }

    /// What production is called.
    pub fn source_name(&self) -> &str {
        let name = if self.source.engine.has_server() { &self.source.database } else { &self.source.path };
        name.as_deref().unwrap_or_default()
    }

    /// Hash of what the program means: places in files do not count, so that a new comment or blank line is no edit.
    pub fn hash(&self) -> Hash {
        let mut json = serde_json::to_value(self).expect("domain types serialise to JSON");
        without_places(&mut json);
        Hash::of_json(&json)
    }
}

/// Removes every `origin`.
fn without_places(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Object(map) => {
            map.remove("origin");
            map.values_mut().for_each(without_places);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_places),
        _ => {}
    }
}
