//! A table as the catalog views tell it, before it becomes the neutral picture (`neutral`) or statements (`spell`). Plain data: golden tests
//! make it by hand.

use super::super::types::ColumnType;
use greenroom_model::catalog::TableName;

/// A table with everything that belongs to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableRows {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// The server's number of it.
    pub(crate) id: String,
    /// Why it cannot be carried.
    pub(crate) refused: Option<String>,
    /// Its rows live elsewhere.
    pub(crate) foreign: bool,
    pub(crate) columns: Vec<ColumnRow>,
    /// Those behind keys included; a heap is none.
    pub(crate) indexes: Vec<IndexRow>,
    pub(crate) checks: Vec<CheckRow>,
    pub(crate) foreign_keys: Vec<ForeignRow>,
    /// Where the heap lies, when that is a partition scheme: scheme and column.
    pub(crate) partitioned: Option<(String, String)>,
    /// `PAGE` or `ROW`, when all partitions of the heap have it.
    pub(crate) compression: Option<String>,
    /// Made under `SET ANSI_NULLS OFF`.
    pub(crate) ansi_nulls_off: bool,
    /// Texts made under `SET ANSI_PADDING OFF`: blanks at their end are cut.
    pub(crate) ansi_padding_off: bool,
    /// Options of the table that are not the default: name and value for `sp_tableoption`.
    pub(crate) options: Vec<(String, String)>,
    /// `AUTO` or `DISABLE`.
    pub(crate) lock_escalation: Option<String>,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl TableRows {
    pub(crate) fn table_name(&self) -> TableName {
        TableName::new(&self.schema, &self.name)
    }

    /// `schema.name`, for messages.
    pub(crate) fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Whether it is made on the copy at all.
    pub(crate) fn carried(&self) -> bool {
        self.refused.is_none() && !self.foreign
    }
}

/// A column.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnRow {
    pub(crate) ty: ColumnType,
    /// The collation, when it is not the database's own.
    pub(crate) collation: Option<String>,
    pub(crate) identity: Option<Identity>,
    pub(crate) computed: Option<Computed>,
    /// Name and expression. Without a name where the server keeps none.
    pub(crate) default: Option<(String, String)>,
    /// A default of the old kind, an object that is bound to the column, or a rule.
    pub(crate) bound: Vec<String>,
    pub(crate) rowguid: bool,
    pub(crate) sparse: bool,
    /// `COLUMN_SET FOR ALL_SPARSE_COLUMNS`.
    pub(crate) column_set: bool,
    /// Function of dynamic data masking.
    pub(crate) masked_with: Option<String>,
    /// Schema and name of the XML schema collection, and whether the column holds documents only.
    pub(crate) xml: Option<(String, String, bool)>,
}

/// Seed and increment as the server writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) seed: String,
    pub(crate) increment: String,
    pub(crate) not_for_replication: bool,
}

/// A computed column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Computed {
    pub(crate) expression: String,
    pub(crate) persisted: bool,
}

/// How an index is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum IndexKind {
    #[default]
    Nonclustered,
    Clustered,
    Xml,
    Spatial,
    ClusteredColumnstore,
    Columnstore,
    /// Hash indexes and what comes later.
    Unknown,
}

/// What an index stands behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behind {
    #[default]
    Nothing,
    PrimaryKey,
    Unique,
}

/// An index.
#[derive(Clone, Debug, Default)]
pub(crate) struct IndexRow {
    pub(crate) name: String,
    pub(crate) kind: IndexKind,
    pub(crate) behind: Behind,
    pub(crate) unique: bool,
    /// Columns, and whether descending.
    pub(crate) keys: Vec<(String, bool)>,
    pub(crate) included: Vec<String>,
    pub(crate) filter: Option<String>,
    pub(crate) disabled: bool,
    pub(crate) ignore_dup_key: bool,
    /// 0 where the server's own holds.
    pub(crate) fill_factor: i64,
    pub(crate) padded: bool,
    pub(crate) no_row_locks: bool,
    pub(crate) no_page_locks: bool,
    pub(crate) sequential_key: bool,
    pub(crate) no_recompute: bool,
    /// `PAGE`, `ROW`, `COLUMNSTORE_ARCHIVE`.
    pub(crate) compression: Option<String>,
    /// Minutes of a columnstore index's `COMPRESSION_DELAY`.
    pub(crate) delay: i64,
    pub(crate) partitioned: Option<(String, String)>,
    /// XML: `None` for a primary one, else the primary one's name and `PATH`, `VALUE` or `PROPERTY`.
    pub(crate) secondary: Option<(String, String)>,
    /// Spatial: what stands behind `USING`, options included.
    pub(crate) tessellation: Option<String>,
    /// Columnstore: columns that order the rows, in their order.
    pub(crate) ordered: Vec<String>,
}

impl IndexRow {
    /// Whether it stands before the rows: they are kept in its order, or found again by it. What orders them afterwards would move them all
    /// once more and take the room twice.
    pub(crate) fn early(&self) -> bool {
        self.kind == IndexKind::Clustered || self.behind == Behind::PrimaryKey
    }
}

/// A check.
#[derive(Clone, Debug, Default)]
pub(crate) struct CheckRow {
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) disabled: bool,
    pub(crate) trusted: bool,
    pub(crate) not_for_replication: bool,
}

/// A foreign key.
#[derive(Clone, Debug, Default)]
pub(crate) struct ForeignRow {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) referenced: Vec<String>,
    /// `NO_ACTION`, `CASCADE`, `SET_NULL`, `SET_DEFAULT`.
    pub(crate) on_delete: String,
    pub(crate) on_update: String,
    pub(crate) disabled: bool,
    pub(crate) trusted: bool,
    pub(crate) not_for_replication: bool,
}
