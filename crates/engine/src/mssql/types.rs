//! Column types: the neutral family of each, how its values are selected, travel, and are put into a row. Owns reading column types off the
//! server; does not own the bytes (`encoding`).

use super::connect::{Session, Variety, number, said, text, truth};
use super::encoding::{Codec, MsEncoding, Page};
use super::error::Doing;
use super::sql;
use crate::error::{EngineError, ErrorKind, Result};
use greenroom_model::catalog::{Family, TableName};
use std::collections::BTreeMap;

/// A column's type as `sys.columns` and `sys.types` tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColumnType {
    /// The column.
    pub(crate) name: String,
    /// The system type in lower case, also where the column is declared with an alias of it (`nvarchar`, `hierarchyid`).
    pub(crate) base: String,
    /// Schema and name of the alias type, where one is declared.
    pub(crate) alias: Option<(String, String)>,
    /// Bytes; -1 for `max`.
    pub(crate) bytes: i32,
    /// Digits of decimals.
    pub(crate) precision: u32,
    /// Digits behind the point of decimals, or of a second.
    pub(crate) scale: u32,
    /// May hold NULL.
    pub(crate) nullable: bool,
    /// Collation of text.
    pub(crate) collation: Option<String>,
    /// Computed, or `rowversion`: the server makes the value.
    pub(crate) made_by_server: bool,
    /// Counts by itself.
    pub(crate) identity: bool,
}

impl ColumnType {
    /// The system type as statements spell it (`nvarchar(40)`, `decimal(10,2)`, `datetime2(3)`), aliases resolved.
    pub(crate) fn spelled(&self) -> String {
        let length = |unit: i32| if self.bytes < 0 { "max".to_owned() } else { (self.bytes / unit).to_string() };
        match self.base.as_str() {
            "char" | "varchar" | "binary" | "varbinary" => format!("{}({})", self.base, length(1)),
            "nchar" | "nvarchar" => format!("{}({})", self.base, length(2)),
            "decimal" | "numeric" => format!("{}({},{})", self.base, self.precision, self.scale),
            "datetime2" | "datetimeoffset" | "time" => format!("{}({})", self.base, self.scale),
            // The same type under another name that says less.
            "timestamp" => "rowversion".to_owned(),
            other => other.to_owned(),
        }
    }

    /// See [`Family`].
    pub(crate) fn family(&self) -> Family {
        match self.base.as_str() {
            "tinyint" | "smallint" | "int" | "bigint" => Family::Integer,
            "bit" => Family::Boolean,
            "decimal" | "numeric" | "money" | "smallmoney" => Family::Decimal,
            "real" | "float" => Family::Float,
            "date" => Family::Date,
            "time" => Family::Time,
            "datetime" | "smalldatetime" | "datetime2" | "datetimeoffset" => Family::Timestamp,
            "char" | "varchar" | "nchar" | "nvarchar" | "text" | "ntext" | "sysname" => Family::Text,
            "binary" | "varbinary" | "image" => Family::Bytes,
            "uniqueidentifier" => Family::Uuid,
            // xml, sql_variant, hierarchyid, geography, geometry, rowversion: kept, nulled or defaulted, not masked.
            _ => Family::Other,
        }
    }

    /// Characters (UTF-16 units for `n…` types, bytes of its code page for others) or bytes, where bounded.
    pub(crate) fn max_length(&self) -> Option<u32> {
        let unit = match self.base.as_str() {
            "char" | "varchar" | "binary" | "varbinary" => 1,
            "nchar" | "nvarchar" | "sysname" => 2,
            _ => return None,
        };
        u32::try_from(self.bytes).ok().map(|n| n / unit)
    }

    /// Precision and scale of decimals.
    pub(crate) fn decimal(&self) -> Option<(u32, i32)> {
        match self.base.as_str() {
            "decimal" | "numeric" => Some((self.precision, i32::try_from(self.scale).unwrap_or(0))),
            "money" => Some((19, 4)),
            "smallmoney" => Some((10, 4)),
            _ => None,
        }
    }

    /// How its fields are encoded.
    pub(crate) fn codec(&self) -> Codec {
        let scale = u8::try_from(self.scale.min(7)).unwrap_or(7);
        match self.base.as_str() {
            "tinyint" | "smallint" | "int" | "bigint" => Codec::Integer,
            "bit" => Codec::Bit,
            "decimal" | "numeric" => Codec::Decimal { scale: self.scale },
            "money" | "smallmoney" => Codec::Decimal { scale: 4 },
            "real" => Codec::Real,
            "float" => Codec::Float,
            "date" => Codec::Date,
            "time" => Codec::Time { scale },
            "datetime" => Codec::DateTime,
            "smalldatetime" => Codec::SmallDateTime,
            "datetime2" => Codec::DateTime2 { scale },
            "datetimeoffset" => Codec::Offset { scale },
            "char" | "nchar" => Codec::Text { padded: true, page: self.page() },
            "varchar" | "nvarchar" | "text" | "ntext" | "sysname" => Codec::Text { padded: false, page: self.page() },
            "binary" => Codec::Bytes { width: usize::try_from(self.bytes).ok() },
            "varbinary" | "image" => Codec::Bytes { width: None },
            "uniqueidentifier" => Codec::Guid,
            "xml" => Codec::Xml,
            "sql_variant" => Codec::Variant,
            // Types of the CLR, as the bytes that they are serialised to.
            _ => Codec::Opaque,
        }
    }

    /// What characters it can hold.
    fn page(&self) -> Page {
        match (self.base.as_str(), &self.collation) {
            ("char" | "varchar" | "text", Some(collation)) => Page::of(collation),
            ("char" | "varchar" | "text", None) => Page::Ascii,
            _ => Page::Any,
        }
    }

    /// What reads it: the column itself, or converted to what arrives exactly.
    pub(crate) fn selected(&self, reference: &str) -> String {
        match self.base.as_str() {
            // Text is exact; the driver reads money as a float, and Babelfish's decimals not at all.
            "decimal" | "numeric" => format!("cast({reference} as varchar(41))"),
            "money" | "smallmoney" => format!("cast(cast({reference} as decimal(19,4)) as varchar(41))"),
            // Unicode, whatever the column's code page; blanks that fill up a fixed length are the server's.
            "char" | "nchar" => format!("cast(rtrim({reference}) as nvarchar({}))", self.max_length().unwrap_or(4000).clamp(1, 4000)),
            "varchar" if self.bytes > 4000 || self.bytes < 0 => format!("cast({reference} as nvarchar(max))"),
            "varchar" => format!("cast({reference} as nvarchar({}))", self.bytes.max(1)),
            "text" | "ntext" | "xml" => format!("cast({reference} as nvarchar(max))"),
            "image" => format!("cast({reference} as varbinary(max))"),
            "sql_variant" => variant(reference),
            "hierarchyid" | "geography" | "geometry" => format!("cast({reference} as varbinary(max))"),
            _ => reference.to_owned(),
        }
    }

    /// Whether rows of it are loaded by statements: the driver's bulk load does not know the type, or the variety takes it only in part.
    pub(crate) fn needs_statement(&self, variety: Variety) -> bool {
        match self.base.as_str() {
            "text" | "ntext" | "image" | "xml" | "sql_variant" | "hierarchyid" | "geography" | "geometry" => true,
            // Babelfish expects as many bytes as the column's precision could need; the driver sends as many as the value does.
            "decimal" | "numeric" => variety == Variety::Babelfish,
            // What bulk loads bring, it takes otherwise than what statements do: negative small money loses its sign, fixed lengths are not
            // filled up, a three hundredth of a second is not rounded.
            "smallmoney" | "char" | "nchar" | "datetime" => variety == Variety::Babelfish,
            _ => false,
        }
    }

    /// The expression that gives a constant as this type.
    pub(crate) fn cast(&self, expression: &str) -> String {
        let ty = match self.base.as_str() {
            "text" | "ntext" => "nvarchar(max)".to_owned(),
            "image" => "varbinary(max)".to_owned(),
            _ => self.spelled(),
        };
        self.selected(&format!("cast(({expression}\n) as {ty})"))
    }
}

/// A variant as its type and its text, which is exact for every type that it can hold: `decimal|10|2|nvarchar-collation|text`.
fn variant(reference: &str) -> String {
    let property = |name: &str| format!("coalesce(cast(sql_variant_property({reference}, '{name}') as nvarchar(128)), '')");
    format!(
        "case when {reference} is null then null else cast(concat({}, '|', {}, '|', {}, '|', {}, '|', case \
         when sql_variant_property({reference}, 'BaseType') in ('float', 'real') then convert(nvarchar(100), cast({reference} as float), 3) \
         when sql_variant_property({reference}, 'BaseType') in ('binary', 'varbinary') then convert(nvarchar(max), cast({reference} as varbinary(8000)), 1) \
         when sql_variant_property({reference}, 'BaseType') in ('money', 'smallmoney') then convert(nvarchar(100), cast({reference} as money), 2) \
         when sql_variant_property({reference}, 'BaseType') in ('datetime', 'smalldatetime', 'datetime2', 'date', 'datetimeoffset', 'time') \
         then convert(nvarchar(100), {reference}, 121) else cast({reference} as nvarchar(4000)) end) as nvarchar(max)) end",
        property("BaseType"),
        property("Precision"),
        property("Scale"),
        property("MaxLength"),
    )
}

/// The query that lists columns with their types; `condition` restricts `c` (sys.columns) and `o` (sys.objects). Fields: schema, table, then
/// what [`from_row`] reads.
pub(crate) fn query(condition: &str) -> String {
    format!(
        "select schema_name(o.schema_id), o.name, c.name, coalesce(b.name, t.name), t.is_user_defined, schema_name(t.schema_id), t.name, \
         c.max_length, c.precision, c.scale, c.is_nullable, c.collation_name, c.is_computed, c.is_identity \
         from sys.columns c join sys.objects o on o.object_id = c.object_id join sys.types t on t.user_type_id = c.user_type_id \
         left join sys.types b on b.user_type_id = c.system_type_id and t.is_user_defined = 1 and t.is_assembly_type = 0 \
         where o.type = 'U' and {condition} order by 1, 2, c.column_id"
    )
}

/// Reads a row of [`query`].
pub(crate) fn from_row(row: &tiberius::Row) -> ColumnType {
    let small = |i: usize| u32::try_from(number(row, i)).unwrap_or(0);
    let base = said(row, 3).to_lowercase();
    let computed = truth(row, 12);
    ColumnType {
        name: said(row, 2),
        made_by_server: computed || matches!(base.as_str(), "timestamp" | "rowversion"),
        alias: (truth(row, 4) && base != said(row, 6).to_lowercase()).then(|| (said(row, 5), said(row, 6))),
        base,
        bytes: said(row, 7).parse().unwrap_or(0),
        precision: small(8),
        scale: small(9),
        nullable: truth(row, 10),
        collation: text(row, 11),
        identity: truth(row, 13),
    }
}

/// Column types in a copy's order, and the encoding of its rows.
pub(crate) struct Layout {
    pub(crate) columns: Vec<ColumnType>,
    pub(crate) encoding: MsEncoding,
}

/// Looks a copy's columns up.
pub(crate) async fn layout(session: &mut Session, table: &TableName, names: &[&str]) -> Result<Layout> {
    let doing = || format!("read rows of {}", table.name);
    let condition = format!("c.object_id = object_id({})", sql::literal(&sql::table(table)));
    let rows = session.rows(&query(&condition)).await.doing(doing())?;
    let mut known: BTreeMap<String, ColumnType> = rows.iter().map(from_row).map(|c| (c.name.clone(), c)).collect();
    if known.is_empty() {
        return Err(EngineError::new(ErrorKind::Conflict, doing(), "there is no such table, or it may not be read"));
    }
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let Some(column) = known.remove(*name) else {
            return Err(EngineError::new(ErrorKind::Conflict, doing(), format!("column `{name}` is gone")));
        };
        columns.push(column);
    }
    let encoding = MsEncoding::new(columns.iter().map(ColumnType::codec).collect());
    Ok(Layout { columns, encoding })
}

/// The expression that gives a `sql_variant` back from the text that reading it gives (see [`variant`]); `None` when it is none.
pub(crate) fn variant_value(text: &str) -> Option<String> {
    let mut parts = text.splitn(5, '|');
    let (base, precision, scale, length, value) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if !base.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.to_owned());
    let half = |t: &str| t.parse::<u32>().ok().map(|n| (n / 2).max(1));
    let ty = match base {
        "decimal" | "numeric" => format!("{base}({},{})", digits(precision)?, digits(scale)?),
        "char" | "varchar" | "binary" | "varbinary" => format!("{base}({})", length.parse::<u32>().ok()?.max(1)),
        "nchar" | "nvarchar" => format!("{base}({})", half(length)?),
        "datetime2" | "datetimeoffset" | "time" => format!("{base}({})", digits(scale)?),
        other => other.to_owned(),
    };
    let value = match base {
        "binary" | "varbinary" => value.bytes().all(|b| b.is_ascii_alphanumeric()).then(|| value.to_owned())?,
        "datetime" | "smalldatetime" | "datetime2" | "date" | "datetimeoffset" | "time" => {
            return Some(format!("cast(convert({ty}, {}, 121) as sql_variant)", sql::literal(value)));
        }
        _ => sql::literal(value),
    };
    Some(format!("cast(cast({value} as {ty}) as sql_variant)"))
}
