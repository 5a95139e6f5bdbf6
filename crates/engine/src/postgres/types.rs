//! What a column's type is underneath: domains resolved, modifiers read. Owns the family that masks see, the codec that rows are decoded
//! with, and which types have a faithful binary form (P5).

use super::connect::Session;
use super::encoding::field::Codec;
use super::encoding::{Format, PgEncoding};
use super::error::Doing;
use super::sql;
use crate::error::{EngineError, ErrorKind, Result};
use greenroom_model::catalog::{Family, TableName};
use std::collections::BTreeMap;

/// A column's type, resolved down to its base type.
#[derive(Clone, Debug)]
pub(crate) struct ColumnType {
    pub(crate) name: String,
    /// As the engine spells it, domains kept.
    pub(crate) spelled: String,
    pub(crate) not_null: bool,
    /// Computed from other columns.
    pub(crate) computed: bool,
    schema: String,
    base: String,
    /// `pg_type.typtype` of the base type.
    kind: String,
    modifier: i32,
    /// For arrays the element's schema, name, kind and oid.
    element: Option<(String, String, String, u32)>,
    /// For ranges: whether the subtype is the server's own.
    plain_subtype: bool,
}

/// Lists columns with resolved types: `oid`, `attnum` and what [`from_row`] reads. `{0}` restricts `a` (pg_attribute).
pub(crate) const COLUMN_TYPES: &str = "
    with recursive base(relid, num, oid, modifier, required, depth) as (
        select a.attrelid, a.attnum, a.atttypid, a.atttypmod, a.attnotnull, 0
        from pg_catalog.pg_attribute a where a.attnum > 0 and not a.attisdropped and {0}
        union all
        select b.relid, b.num, t.typbasetype, t.typtypmod, b.required or t.typnotnull, b.depth + 1
        from base b join pg_catalog.pg_type t on t.oid = b.oid where t.typtype = 'd'),
    last as (select distinct on (relid, num) * from base order by relid, num, depth desc)
    select l.relid, l.num, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), l.required, a.attgenerated <> '',
        n.nspname::text, t.typname::text, t.typtype::text, l.modifier,
        en.nspname::text, e.typname::text, e.typtype::text, e.oid,
        coalesce((select sn.nspname = 'pg_catalog' from pg_catalog.pg_range r join pg_catalog.pg_type s on s.oid = r.rngsubtype
                  join pg_catalog.pg_namespace sn on sn.oid = s.typnamespace
                  where r.rngtypid = t.oid {1}), false)
    from last l
    join pg_catalog.pg_attribute a on a.attrelid = l.relid and a.attnum = l.num
    join pg_catalog.pg_type t on t.oid = l.oid join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join pg_catalog.pg_type e on e.oid = t.typelem and t.typlen = -1 and t.typcategory = 'A'
    left join pg_catalog.pg_namespace en on en.oid = e.typnamespace
    order by l.relid, l.num";

/// The query above for a server's version, restricted to some columns.
pub(crate) fn column_types_sql(version: i32, restriction: &str) -> String {
    let multirange = if version >= 140_000 { "or r.rngmultitypid = t.oid" } else { "" };
    COLUMN_TYPES.replace("{0}", restriction).replace("{1}", multirange)
}

/// Reads a row of [`column_types_sql`].
pub(crate) fn from_row(row: &tokio_postgres::Row) -> ColumnType {
    ColumnType {
        name: row.get(2),
        spelled: row.get(3),
        not_null: row.get(4),
        computed: row.get(5),
        schema: row.get(6),
        base: row.get(7),
        kind: row.get(8),
        modifier: row.get(9),
        element: row.get::<_, Option<String>>(10).map(|schema| (schema, row.get(11), row.get(12), row.get(13))),
        plain_subtype: row.get(14),
    }
}

/// The columns of one table by name, and its oid.
pub(crate) async fn of_table(session: &Session, table: &TableName) -> Result<(u32, BTreeMap<String, ColumnType>)> {
    let doing = || format!("read the columns of {table}");
    let found = session
        .client
        .query_opt(
            "select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where n.nspname = $1::text and c.relname = $2::text",
            &[&table.schema, &table.name],
        )
        .await
        .doing(doing())?;
    let Some(found) = found else {
        return Err(EngineError::new(ErrorKind::Conflict, doing(), "the table does not exist").object(table.to_string()));
    };
    let oid: u32 = found.get(0);
    let rows = session.client.query(&column_types_sql(session.version, "a.attrelid = $1"), &[&oid]).await.doing(doing())?;
    Ok((oid, rows.iter().map(from_row).map(|t| (t.name.clone(), t)).collect()))
}

/// Base types whose binary form says the same as their text on every server.
const FAITHFUL: &[&str] = &[
    "bool",
    "bytea",
    "char",
    "name",
    "int2",
    "int4",
    "int8",
    "text",
    "varchar",
    "bpchar",
    "json",
    "jsonb",
    "float4",
    "float8",
    "money",
    "numeric",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "bit",
    "varbit",
    "point",
    "lseg",
    "path",
    "box",
    "polygon",
    "line",
    "circle",
    "oid",
    "xid8",
    "tsvector",
    "pg_lsn",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "tsmultirange",
    "tstzmultirange",
    "datemultirange",
];

fn faithful_base(schema: &str, name: &str) -> bool {
    schema == "pg_catalog" && FAITHFUL.contains(&name)
}

impl ColumnType {
    /// Whether binary COPY carries it truly. An array's binary form embeds its element's oid, which for a user's type differs between
    /// databases; enums travel as labels, ranges without any oid.
    pub(crate) fn faithful(&self) -> bool {
        match self.kind.as_str() {
            "e" => true,
            "r" | "m" if self.schema != "pg_catalog" => self.plain_subtype,
            _ => match &self.element {
                Some((schema, name, _, _)) => faithful_base(schema, name),
                None => faithful_base(&self.schema, &self.base),
            },
        }
    }

    fn base(&self) -> &str {
        // Extension types with well-known names behave alike wherever they are installed.
        if self.schema == "pg_catalog" || self.base == "citext" { &self.base } else { "" }
    }

    /// Length of `varchar(n)` and `char(n)`.
    pub(crate) fn length(&self) -> Option<u32> {
        match self.base() {
            "varchar" | "bpchar" => u32::try_from(self.modifier - 4).ok(),
            "name" => Some(63),
            "char" => Some(1),
            _ => None,
        }
    }

    /// (precision, scale) of `numeric(p,s)`; the scale is an 11-bit signed number from version 15 on.
    pub(crate) fn precision(&self) -> Option<(u32, i32)> {
        if self.base() != "numeric" || self.modifier < 4 {
            return None;
        }
        let packed = self.modifier - 4;
        let precision = u32::try_from(packed >> 16 & 0xffff).ok()?;
        Some((precision, ((packed & 0x7ff) ^ 0x400) - 0x400))
    }

    /// What masks and checks see.
    pub(crate) fn family(&self) -> Family {
        match self.codec() {
            Codec::Text { .. } | Codec::Char { .. } | Codec::Name => Family::Text,
            Codec::Int { .. } => Family::Integer,
            Codec::Numeric { .. } | Codec::Money => Family::Decimal,
            Codec::Float { .. } => Family::Float,
            Codec::Bool => Family::Boolean,
            Codec::Date => Family::Date,
            Codec::Timestamp { .. } => Family::Timestamp,
            Codec::Time { .. } => Family::Time,
            Codec::Uuid => Family::Uuid,
            Codec::Bytes => Family::Bytes,
            Codec::Json | Codec::Jsonb => Family::Json,
            Codec::Inet { .. } => Family::Inet,
            Codec::TextArray { .. } => Family::TextArray,
            Codec::Opaque => Family::Other,
        }
    }

    /// How its fields are decoded.
    pub(crate) fn codec(&self) -> Codec {
        if let Some((schema, name, _, oid)) = &self.element {
            return match (schema.as_str(), name.as_str()) {
                ("pg_catalog", "text" | "varchar" | "bpchar") => {
                    let element = ColumnType { element: None, base: name.clone(), ..self.clone() };
                    Codec::TextArray { element: Box::new(element.codec()), oid: *oid }
                }
                _ => Codec::Opaque,
            };
        }
        let places = u32::try_from(self.modifier).unwrap_or(6);
        match self.base() {
            "text" | "citext" => Codec::Text { most: None },
            "varchar" => Codec::Text { most: self.length() },
            // `bpchar` without a length keeps what it is given.
            "bpchar" => self.length().map_or(Codec::Text { most: None }, |width| Codec::Char { width }),
            "name" => Codec::Name,
            "int2" => Codec::Int { bytes: 2 },
            "int4" => Codec::Int { bytes: 4 },
            "int8" => Codec::Int { bytes: 8 },
            "numeric" => Codec::Numeric { limit: self.precision() },
            "money" => Codec::Money,
            "float4" => Codec::Float { bytes: 4 },
            "float8" => Codec::Float { bytes: 8 },
            "bool" => Codec::Bool,
            "date" => Codec::Date,
            "timestamp" => Codec::Timestamp { zone: false, places },
            "timestamptz" => Codec::Timestamp { zone: true, places },
            "time" => Codec::Time { places },
            "uuid" => Codec::Uuid,
            "bytea" => Codec::Bytes,
            "json" => Codec::Json,
            "jsonb" => Codec::Jsonb,
            "inet" => Codec::Inet { network: false },
            "cidr" => Codec::Inet { network: true },
            _ => Codec::Opaque,
        }
    }

    /// Whether ranges can be cut along it (P4): integers and UUIDs, never text.
    pub(crate) fn cuts(&self) -> bool {
        self.not_null && matches!(self.codec(), Codec::Int { .. } | Codec::Uuid)
    }
}

/// A table's columns as a copy names them, with the encoding they share.
pub(crate) struct Layout {
    pub(crate) encoding: PgEncoding,
    /// In the copy's order.
    pub(crate) columns: Vec<ColumnType>,
    /// The table's oid.
    pub(crate) oid: u32,
}

/// Looks up the columns that `names` lists; `conditions` counts the boolean fields behind them.
pub(crate) async fn layout(session: &Session, table: &TableName, names: &[&str], conditions: usize) -> Result<Layout> {
    let (oid, mut found) = of_table(session, table).await?;
    // The choice of format must not depend on which columns are copied, or both sides could differ.
    let format = if found.values().filter(|t| !t.computed).all(ColumnType::faithful) { Format::Binary } else { Format::Text };
    let columns = names
        .iter()
        .map(|name| {
            found.remove(*name).ok_or_else(|| {
                EngineError::new(ErrorKind::Conflict, format!("read the columns of {table}"), format!("column `{name}` does not exist"))
                    .hint("the schema changed since the plan was made; run `greenroom plan` again")
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let encoding = PgEncoding { format, columns: columns.iter().map(ColumnType::codec).collect(), width: names.len() + conditions };
    Ok(Layout { encoding, columns, oid })
}

/// The quoted column list of a COPY, empty for tables without columns.
pub(crate) fn column_list(columns: &[ColumnType]) -> String {
    let names: Vec<String> = columns.iter().map(|c| sql::ident(&c.name)).collect();
    if names.is_empty() { String::new() } else { format!("({})", names.join(", ")) }
}
