//! The neutral picture of a database's schema. Every type keeps its native spelling; the family says only what masks and checks need.
//! Owns names, columns, keys, objects and the fingerprint. Does not own how an engine reads its catalogs (`engine/*/inspect`).

use crate::hash::Hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// SQLite 3, embedded.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MariaDB and MySQL.
    Mysql,
    /// SQL Server, Azure SQL and Babelfish: what speaks TDS and T-SQL.
    Mssql,
    /// The in-memory engine of the crash tests.
    Fake,
}

impl EngineKind {
    /// Databases live on a server, with logins; otherwise they are files.
    pub fn has_server(self) -> bool {
        matches!(self, EngineKind::Postgres | EngineKind::Mysql | EngineKind::Mssql)
    }

    /// The TCP port that its servers listen on unless told otherwise.
    pub fn default_port(self) -> Option<u16> {
        match self {
            EngineKind::Postgres => Some(5432),
            EngineKind::Mysql => Some(3306),
            EngineKind::Mssql => Some(1433),
            EngineKind::Sqlite | EngineKind::Fake => None,
        }
    }

    /// Writes a name as a quoted identifier, which the engine reads byte for byte.
    pub fn quote(self, name: &str) -> String {
        let (open, close) = match self {
            EngineKind::Mysql => ("`", "`"),
            EngineKind::Mssql => ("[", "]"),
            EngineKind::Sqlite | EngineKind::Postgres | EngineKind::Fake => ("\"", "\""),
        };
        format!("{open}{}{close}", name.replace(close, &close.repeat(2)))
    }

    /// Writes a table's name, quoted: with its schema, except where a database has none within.
    pub fn quote_table(self, name: &TableName) -> String {
        match self {
            EngineKind::Mysql => self.quote(&name.name),
            _ => format!("{}.{}", self.quote(&name.schema), self.quote(&name.name)),
        }
    }

    /// The schema that is meant when a table is named without one.
    pub fn default_schema(self) -> &'static str {
        match self {
            EngineKind::Postgres => "public",
            EngineKind::Mssql => "dbo",
            // A database of MariaDB or MySQL has no schemas within; its own name differs between source and pilots and belongs to none of
            // its objects.
            EngineKind::Sqlite | EngineKind::Mysql | EngineKind::Fake => "main",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EngineKind::Sqlite => "SQLite",
            EngineKind::Postgres => "PostgreSQL",
            EngineKind::Mysql => "MariaDB/MySQL",
            EngineKind::Mssql => "SQL Server",
            EngineKind::Fake => "fake",
        })
    }
}

/// A table's (or view's, or routine's) name, byte for byte as the engine stores it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    /// `main` on SQLite, MariaDB and MySQL.
    pub schema: String,
    /// The name without quotes.
    pub name: String,
}

impl TableName {
    /// Joins the two parts.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> TableName {
        TableName { schema: schema.into(), name: name.into() }
    }

    /// How program files name it: the bare name in the engine's default schema, else `schema.name`.
    pub fn short(&self, engine: EngineKind) -> String {
        if self.schema == engine.default_schema() { self.name.clone() } else { self.to_string() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// What a column holds, as far as masks and checks need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Character strings of any length.
    Text,
    /// Whole numbers.
    Integer,
    /// Exact decimals (`numeric`, `decimal`, `money`).
    Decimal,
    /// Binary floating point.
    Float,
    /// Truth values.
    Boolean,
    /// Calendar dates.
    Date,
    /// Time of day.
    Time,
    /// Date and time, with or without zone.
    Timestamp,
    /// Byte strings.
    Bytes,
    /// UUIDs.
    Uuid,
    /// JSON documents.
    Json,
    /// IP addresses and networks.
    Inet,
    /// One-dimensional arrays of text.
    TextArray,
    /// SQLite columns without a declared type: the value decides.
    Any,
    /// Everything else: may be kept, nulled, cleared or defaulted, not masked.
    Other,
}

/// How a column gets its value when a row does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// Computed from other columns; never copied.
    Computed,
    /// Identity that refuses explicit values unless overridden.
    IdentityAlways,
    /// Identity or auto-increment that yields to explicit values.
    IdentityByDefault,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Name, byte for byte.
    pub name: String,
    /// The engine's own spelling, e.g. `character varying(40)`.
    pub native_type: String,
    /// See [`Family`].
    pub family: Family,
    /// Maximum length in characters (text) or bytes (binary), if bounded.
    pub max_length: Option<u32>,
    /// Digits before and after the point for decimals: (precision, scale).
    pub precision: Option<(u32, i32)>,
    /// May hold NULL.
    pub nullable: bool,
    /// The default's expression in the engine's own SQL.
    pub default: Option<String>,
    /// See [`Generation`].
    pub generated: Option<Generation>,
    /// Collation if not the database's own; `true` in the second place when it makes different strings equal (case-insensitive, nondeterministic).
    pub collation: Option<(String, bool)>,
}

/// One part of an index key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexPart {
    /// A plain column.
    Column(String),
    /// An expression: its SQL and the columns it reads.
    Expression {
        /// In the engine's own SQL.
        sql: String,
        /// Columns the expression reads.
        columns: Vec<String>,
    },
}

/// An index, also one that stands behind a primary key or unique constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Name.
    pub name: String,
    /// Forbids equal keys.
    pub unique: bool,
    /// Stands behind the primary key.
    pub primary: bool,
    /// Key parts in order.
    pub parts: Vec<IndexPart>,
    /// Condition of a partial index.
    pub predicate: Option<String>,
    /// The statement that makes it, or a canonical description.
    pub definition: String,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Name; made up from the columns where the engine has none.
    pub name: String,
    /// Referencing columns.
    pub columns: Vec<String>,
    /// Referenced table.
    pub references: TableName,
    /// Referenced columns, same length as `columns`.
    pub referenced_columns: Vec<String>,
    /// The clause in the engine's SQL, actions included.
    pub definition: String,
    /// False where the engine itself has not checked the existing rows.
    pub validated: bool,
}

/// A check constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Name or empty.
    pub name: String,
    /// Expression in the engine's SQL.
    pub sql: String,
}

/// What sort of table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableForm {
    /// Rows live here.
    Ordinary,
    /// Partitioned parent: holds no rows itself, its partitions are copied.
    Partitioned,
    /// Partition or inheritance child of another table.
    Child {
        /// The parents.
        of: Vec<TableName>,
    },
    /// Rebuilt from other tables after the copy instead of copied (FTS5 with external content, materialised views …); the text says how.
    Rebuilt(String),
    /// Configuration rows of an extension.
    ExtensionConfiguration {
        /// Which extension.
        extension: String,
        /// Which rows its dump condition selects (may be empty).
        condition: String,
    },
    /// Cannot be carried; the text says why. A run refuses by name unless the program leaves the table out.
    Refused(String),
    /// Foreign data: reaches outside, never read.
    Foreign,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Name.
    pub name: TableName,
    /// See [`TableForm`].
    pub form: TableForm,
    /// Columns in the engine's order.
    pub columns: Vec<Column>,
    /// Primary key columns in key order; empty without one.
    pub primary_key: Vec<String>,
    /// All indexes, those behind keys included.
    pub indexes: Vec<Index>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Checks.
    pub checks: Vec<Check>,
    /// Engine-specific properties that belong to the schema (`without_rowid`, `strict`, `unlogged`, `row_security` …).
    pub properties: BTreeMap<String, String>,
    /// Estimated rows; not part of the fingerprint.
    pub estimated_rows: u64,
    /// Estimated size on disk in bytes, without indexes; not part of the fingerprint.
    pub estimated_bytes: u64,
}

impl Table {
    /// Finds a column by its exact name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Whether rows are read from it.
    pub fn is_copied(&self) -> bool {
        matches!(self.form, TableForm::Ordinary | TableForm::Child { .. } | TableForm::ExtensionConfiguration { .. })
    }
}

/// Any other schema object, compared by its definition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Object {
    /// Engine's word for the kind: `view`, `trigger`, `function`, `sequence`, `policy`, `type`, `extension`, `comment` …
    pub kind: String,
    /// Qualified name, with signature or table where needed to be unique.
    pub name: String,
    /// Normalised definition text.
    pub definition: String,
}

/// Something in the schema that reaches outside the database (P13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// `foreign server`, `subscription`, `dblink`, `cron job`, `attached database` …
    pub kind: String,
    /// Name of the object that reaches out.
    pub name: String,
    /// What Greenroom does about it at the schema stage; `None` means it cannot and the program must say.
    pub disabled_by: Option<String>,
}

/// The schema of one database at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// Which engine.
    pub engine: EngineKind,
    /// The server's (library's) version text.
    pub version: String,
    /// Tables by name order.
    pub tables: Vec<Table>,
    /// Everything else by (kind, name).
    pub objects: Vec<Object>,
    /// Database-wide settings that are carried (`user_version`, `application_id`, encoding, collation, `ALTER DATABASE … SET`).
    pub settings: BTreeMap<String, String>,
    /// What reaches outside.
    pub outbound: Vec<Outbound>,
    /// Kinds or objects that this engine module knows it does not carry: name and reason.
    pub not_carried: Vec<(String, String)>,
    /// Number of large objects (PostgreSQL); they need a decision of their own.
    pub large_objects: u64,
}

impl Catalog {
    /// Finds a table.
    pub fn table(&self, name: &TableName) -> Option<&Table> {
        self.tables.iter().find(|t| t.name == *name)
    }

    /// The hash of everything structural: tables (without estimates) and objects. Settings, versions and sizes are not part of it.
    pub fn fingerprint(&self) -> Hash {
        let mut tables = self.tables.clone();
        for t in &mut tables {
            t.estimated_rows = 0;
            t.estimated_bytes = 0;
        }
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        let mut objects: Vec<&Object> = self.objects.iter().collect();
        objects.sort();
        Hash::of_json(&(tables, objects))
    }

    /// The hash of tables and columns only, which is what column decisions depend on.
    pub fn columns_fingerprint(&self) -> Hash {
        let of_table = |t: &Table| -> Vec<String> {
            let column = |c: &Column| format!("{}\0{}\0{}", c.name, c.native_type, c.nullable);
            t.columns.iter().map(column).collect()
        };
        let mut columns: Vec<(&TableName, Vec<String>)> = self.tables.iter().map(|t| (&t.name, of_table(t))).collect();
        columns.sort();
        Hash::of_json(&columns)
    }
}
