//! Column types: the neutral family of each, how its values travel, and how they are put into a row. Owns reading column types off the
//! server; does not own the bytes (`encoding`).

use super::charset::Charset;
use super::connect::{Session, said, text};
use super::encoding::{Codec, MyEncoding};
use super::error::Doing;
use super::sql;
use crate::error::{EngineError, ErrorKind, Result};
use greenroom_model::catalog::{Family, TableName};
use std::collections::BTreeMap;

/// A column's type as the server tells it.
#[derive(Clone, Debug)]
pub(crate) struct ColumnType {
    /// Name.
    pub(crate) name: String,
    /// `data_type`, lower case.
    pub(crate) data: String,
    /// `column_type`.
    pub(crate) spelled: String,
    /// Character set of text columns.
    pub(crate) charset: Option<String>,
    /// Collation of text columns.
    pub(crate) collation: Option<String>,
    /// Most characters, or bytes.
    pub(crate) length: Option<u64>,
    /// Digits of decimals.
    pub(crate) precision: Option<u32>,
    /// Digits behind the point of decimals.
    pub(crate) scale: Option<u32>,
    /// Digits of fractions of seconds.
    pub(crate) fraction: usize,
    /// May hold NULL.
    pub(crate) nullable: bool,
    /// Default as the server's column says it.
    pub(crate) default: Option<String>,
    /// `extra`.
    pub(crate) extra: String,
    /// What a computed column is computed by.
    pub(crate) generation: Option<String>,
    /// A check says that it holds JSON (MariaDB has no type of its own for it).
    pub(crate) json: bool,
}

/// The query for [`from_row`]'s columns; the table stands first.
pub(crate) fn query(condition: &str) -> String {
    format!(
        "select c.table_name, c.column_name, c.data_type, c.column_type, c.character_set_name, c.collation_name, c.character_maximum_length, \
            c.numeric_precision, c.numeric_scale, c.datetime_precision, c.is_nullable, c.column_default, c.extra, c.generation_expression \
         from information_schema.columns c where c.table_schema = database() and {condition} order by c.table_name, c.ordinal_position"
    )
}

/// Reads a row of [`query`].
pub(crate) fn from_row(row: &mysql_async::Row) -> ColumnType {
    let n = |i: usize| text(row, i).and_then(|t| t.parse::<u64>().ok());
    let small = |i: usize| n(i).and_then(|n| u32::try_from(n).ok());
    ColumnType {
        name: said(row, 1),
        data: said(row, 2).to_lowercase(),
        spelled: said(row, 3),
        charset: text(row, 4),
        collation: text(row, 5),
        length: n(6),
        precision: small(7),
        scale: small(8),
        fraction: small(9).and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        nullable: said(row, 10) == "YES",
        default: text(row, 11),
        extra: said(row, 12),
        generation: text(row, 13).filter(|g| !g.is_empty()),
        json: false,
    }
}

impl ColumnType {
    /// Whether the server computes it.
    pub(crate) fn computed(&self) -> bool {
        let extra = self.extra.to_uppercase();
        extra.contains("VIRTUAL GENERATED") || extra.contains("STORED GENERATED") || extra.contains("PERSISTENT")
    }

    /// Whether it is an AUTO_INCREMENT column.
    pub(crate) fn counts(&self) -> bool {
        self.extra.to_lowercase().contains("auto_increment")
    }

    fn unsigned(&self) -> bool {
        self.spelled.to_lowercase().contains("unsigned")
    }

    /// See [`Family`].
    pub(crate) fn family(&self) -> Family {
        match self.data.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => Family::Integer,
            "decimal" => Family::Decimal,
            "float" | "double" => Family::Float,
            "date" => Family::Date,
            "time" => Family::Time,
            "datetime" | "timestamp" => Family::Timestamp,
            "json" => Family::Json,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
                if self.json {
                    Family::Json
                } else {
                    Family::Text
                }
            }
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Family::Bytes,
            "uuid" => Family::Uuid,
            "inet4" | "inet6" => Family::Inet,
            // enum, set, bit, geometry, vector: kept, nulled or defaulted, not masked.
            _ => Family::Other,
        }
    }

    /// Characters or bytes, where bounded.
    pub(crate) fn max_length(&self) -> Option<u32> {
        match self.data.as_str() {
            "char" | "varchar" | "binary" | "varbinary" | "tinytext" | "tinyblob" | "text" | "blob" => {
                self.length.and_then(|n| u32::try_from(n).ok())
            }
            _ => None,
        }
    }

    /// Precision and scale of decimals.
    pub(crate) fn decimal(&self) -> Option<(u32, i32)> {
        if self.data != "decimal" {
            return None;
        }
        Some((self.precision?, i32::try_from(self.scale.unwrap_or(0)).unwrap_or(0)))
    }

    /// How its fields are encoded.
    pub(crate) fn codec(&self) -> Codec {
        let charset = Charset::of(self.charset.as_deref().unwrap_or("utf8mb4"));
        match self.data.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => Codec::Integer,
            "year" => Codec::Year,
            "decimal" => Codec::Decimal { scale: self.scale.unwrap_or(0) },
            "float" => Codec::Float,
            "double" => Codec::Double,
            "date" => Codec::Date { nullable: self.nullable },
            "datetime" | "timestamp" => Codec::DateTime { fraction: self.fraction, nullable: self.nullable },
            "time" => Codec::Time { fraction: self.fraction },
            "char" => Codec::Text { charset, padded: true },
            "json" => Codec::Json,
            "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
                if self.json {
                    Codec::Json
                } else {
                    Codec::Text { charset, padded: false }
                }
            }
            "uuid" => Codec::Uuid,
            "inet4" | "inet6" => Codec::Inet,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Codec::Bytes,
            _ => Codec::Opaque,
        }
    }

    /// What reads it: the column itself, or converted where its own bytes do not travel.
    pub(crate) fn selected(&self, reference: &str) -> String {
        if self.converts() { format!("convert({reference} using utf8mb4)") } else { reference.to_owned() }
    }

    /// What stores it, given an expression of binary strings.
    pub(crate) fn stored(&self, value: &str) -> String {
        // These take no binary strings, or take them for something else.
        let textual = matches!(self.data.as_str(), "json" | "uuid" | "inet4" | "inet6");
        if textual || self.converts() { format!("convert({value} using utf8mb4)") } else { value.to_owned() }
    }

    /// Whether storing needs an expression at all.
    pub(crate) fn needs_expression(&self) -> bool {
        self.stored("x") != "x"
    }

    fn converts(&self) -> bool {
        let labels = self.json || matches!(self.data.as_str(), "enum" | "set");
        self.charset.as_deref().is_some_and(|c| match Charset::of(c) {
            Charset::Converted => true,
            Charset::Utf8 | Charset::Latin1 => false,
            // Labels are looked up as text, and JSON is read as UTF-8.
            Charset::Sixteen { .. } | Charset::Table(_) => labels,
        })
    }

    /// The expression that gives a constant as text of this type.
    pub(crate) fn cast(&self, expression: &str) -> String {
        let fraction = self.fraction;
        match self.data.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => {
                let sign = if self.unsigned() { "unsigned" } else { "signed" };
                format!("cast(({expression}\n) as {sign})")
            }
            "decimal" => format!("cast(({expression}\n) as decimal({},{}))", self.precision.unwrap_or(65), self.scale.unwrap_or(0)),
            "float" | "double" => format!("(({expression}\n) + 0e0)"),
            "date" => format!("cast(({expression}\n) as date)"),
            "datetime" | "timestamp" => format!("cast(({expression}\n) as datetime({fraction}))"),
            "time" => format!("cast(({expression}\n) as time({fraction}))"),
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "bit" => format!("cast(({expression}\n) as binary)"),
            _ => format!("cast(({expression}\n) as char character set utf8mb4)"),
        }
    }
}

/// Types of a table's columns by name.
pub(crate) async fn of_table(session: &mut Session, table: &TableName) -> Result<BTreeMap<String, ColumnType>> {
    let doing = || format!("read the column types of {}", table.name);
    let condition = format!("c.table_name = {}", sql::literal(&table.name));
    // In these sessions text comes in the column's own character set; names are the server's, which are UTF-8.
    let rows = session.rows(&query(&condition)).await.doing(doing())?;
    let mut columns: BTreeMap<String, ColumnType> = rows.iter().map(from_row).map(|c| (c.name.clone(), c)).collect();
    if columns.is_empty() {
        return Err(EngineError::new(ErrorKind::Conflict, doing(), "there is no such table, or it may not be read"));
    }
    for name in json_columns(session, &condition).await?.into_iter().map(|(_, column)| column) {
        if let Some(column) = columns.get_mut(&name) {
            column.json = true;
        }
    }
    Ok(columns)
}

/// Bytes of a table's row on average, as the server estimates it.
pub(crate) async fn average_width(session: &mut Session, table: &TableName) -> Result<u64> {
    let query = format!(
        "select coalesce(avg_row_length, 0) from information_schema.tables where table_schema = database() and table_name = {}",
        sql::literal(&table.name)
    );
    let found = session.value(&query).await.doing(format!("look at the width of {}", table.name))?;
    Ok(found.and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// Columns (table, column) of MariaDB that a check of their own holds to JSON. `condition` restricts a table `c`.
pub(crate) async fn json_columns(session: &mut Session, condition: &str) -> Result<Vec<(String, String)>> {
    if session.variety == super::connect::Variety::MySql {
        return Ok(Vec::new());
    }
    let query = format!(
        "select c.table_name, c.check_clause from information_schema.check_constraints c \
         where c.constraint_schema = database() and c.check_clause like 'json_valid(%' and {condition}"
    );
    let rows = session.rows(&query).await.doing("look for columns of JSON")?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let clause = said(row, 1);
            let column = clause.strip_prefix("json_valid(`")?.strip_suffix("`)")?.replace("``", "`");
            Some((said(row, 0), column))
        })
        .collect())
}

/// Column types in a copy's order, and the encoding of its rows with so many conditions behind them.
pub(crate) struct Layout {
    pub(crate) columns: Vec<ColumnType>,
    pub(crate) encoding: MyEncoding,
}

/// Looks a copy's columns up.
pub(crate) async fn layout(session: &mut Session, table: &TableName, names: &[&str]) -> Result<Layout> {
    let mut known = of_table(session, table).await?;
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let Some(column) = known.remove(*name) else {
            return Err(EngineError::new(ErrorKind::Conflict, format!("read rows of {}", table.name), format!("column `{name}` is gone")));
        };
        columns.push(column);
    }
    let encoding = MyEncoding::new(columns.iter().map(ColumnType::codec).collect());
    Ok(Layout { columns, encoding })
}
