//! The words of T-SQL for the contract's tests, and the values that are hard for its types and their encodings.

use super::sql;
use crate::contract::{Dialect, Sample};
use crate::seam::Admission;

/// The login that is let in: made and dropped by the test.
pub(super) const SOMEBODY: &str = "greenroom_engine_test";

/// SQL Server's words.
pub(super) static SQL_SERVER: Dialect = Dialect { everybody: || Admission::Everybody { mode: 0 }, samples: SQL_SERVER_SAMPLES, ..COMMON };

/// Babelfish's words. It does not show whether guests may connect.
pub(super) static BABELFISH: Dialect = Dialect { exactly: shown_by_babelfish, ..COMMON };

/// Babelfish has no JSON of bytes, and shows them as text in no way: their length and half of their SHA-256 stand for them.
fn shown_by_babelfish(column: &str, of: &Sample) -> String {
    let shown = if of.ty.starts_with("VARBINARY") {
        let part = |from| format!("cast(substring(hashbytes('sha2_256', {column}), {from}, 8) as bigint)");
        format!("concat(datalength({column}), ':', {}, ':', {})", part(1), part(9))
    } else {
        format!("concat('<', {column}, '>')")
    };
    format!("case when {column} is null then null else {shown} end")
}

const COMMON: Dialect = Dialect {
    quote: sql::ident,
    text: "NVARCHAR(MAX)",
    big_key: "BIGINT NOT NULL PRIMARY KEY",
    counting_key: "INTEGER NOT NULL IDENTITY(1,1) PRIMARY KEY",
    computed: |expression| format!("AS ({expression}) PERSISTED"),
    samples: SAMPLES,
    // JSON shows every digit and every blank.
    exactly: |column, _| format!("case when {column} is null then null else (select {column} as v for json path) end"),
    trigger: |table, log| vec![format!("CREATE TRIGGER note_{table} ON {table} AFTER INSERT AS INSERT INTO {log} SELECT 1 FROM inserted")],
    upheavals: |table| vec![format!("TRUNCATE TABLE {table}"), format!("ALTER TABLE {table} ADD w BIGINT"), format!("DROP TABLE {table}")],
    blunder: |text| format!("SELECT cast('{text}' as int)"),
    writing_queries: &[
        "DELETE FROM TABLE_T",
        "SELECT 1; DELETE FROM TABLE_T",
        "SELECT 1 DELETE FROM TABLE_T",
        "COMMIT; DELETE FROM TABLE_T",
        "WITH x AS (SELECT * FROM TABLE_T) DELETE FROM x",
        "SELECT * INTO added_by_a_query FROM TABLE_T",
        "SELECT 1 EXEC('DELETE FROM TABLE_T')",
        "TRUNCATE TABLE TABLE_T",
        "DROP TABLE TABLE_T",
        "CREATE TABLE added_by_a_query (a int)",
        "SELECT 1 MERGE TABLE_T AS t USING (SELECT 1 AS a) AS s ON 1 = 1 WHEN MATCHED THEN DELETE;",
    ],
    some: one,
    everybody: one,
    case_tells_apart: false,
};

fn one() -> Admission {
    Admission::Some { roles: vec![SOMEBODY.to_owned()], mode: 0 }
}

const fn sample(name: &'static str, ty: &'static str, values: &'static [&'static str], decodes: bool) -> Sample {
    Sample { name, ty, values, decodes }
}

macro_rules! samples {
    ($($more:expr),* $(,)?) => {
        &[
            sample("tiny", "TINYINT", &["0", "255"], true),
            sample("small", "SMALLINT", &["-32768", "32767"], true),
            sample("int4", "INT", &["-2147483648", "2147483647", "0"], true),
            sample("int8", "BIGINT", &["-9223372036854775808", "9223372036854775807", "0", "-1"], true),
            sample("flag", "BIT", &["0", "1"], true),
            sample("decimal38", "DECIMAL(38,10)", &["0", "-0.0000000001", "9999999999999999999999999999.9999999999"], true),
            sample("decimal2", "DECIMAL(10,2)", &["99999999.99", "-99999999.99", "0.005", "1"], true),
            sample("numeric0", "NUMERIC(5,0)", &["0", "99999", "-99999"], true),
            sample("cash", "MONEY", &["922337203685477.5807", "-922337203685477.5808", "0.0001", "1"], true),
            sample("coins", "SMALLMONEY", &["214748.3647", "-214748.3648", "0.0001"], true),
            sample("float4", "REAL", &["cast(0.1 as real)", "16777215", "3.4028234e38", "1.17549435e-38"], true),
            sample("float8", "FLOAT", &["cast(0.1 as float)", "1.7976931348623157e308", "2.2250738585072014e-308", "16777217", "1e22"], true),
            sample("day", "DATE", &["'0001-01-01'", "'9999-12-31'", "'2024-02-29'"], true),
            sample("clock7", "TIME(7)", &["'00:00:00'", "'04:05:06.007'"], true),
            sample("clock0", "TIME(0)", &["'23:59:59'"], true),
            sample("old", "DATETIME", &["'1753-01-01 00:00:00'", "'9999-12-31 23:59:59.997'", "'2020-02-03 04:05:06.003'"], true),
            sample("short", "SMALLDATETIME", &["'1900-01-01 00:00:00'", "'2079-06-06 23:59:00'"], true),
            sample("moment3", "DATETIME2(3)", &["'2020-02-03 04:05:06.007'", "'1969-12-31 23:59:59.999'"], true),
            sample("moment6", "DATETIME2(6)", &["'0001-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'"], true),
            sample("zoned", "DATETIMEOFFSET(3)", &["'2020-02-03 04:05:06.007 +01:00'", "'2020-06-30 23:30:00 -08:00'", "'2020-06-30 23:30:00 +00:00'"], false),
            sample("chars", "CHAR(6)", &["''", "'ab'", "'abcdef'"], true),
            sample("nchars", "NCHAR(6)", &["N''", "N'ab'", "N'äöü'", "N'表示'"], true),
            sample("varchars", "VARCHAR(20)", &["''", "'ab  '", "' '", "'é'", "'NULL'", "char(9) + char(10) + char(13)"], true),
            sample("nvarchars", "NVARCHAR(20)", &["N''", "N'ab  '", "N'äöü😀'", "N' '", "N'表示'"], true),
            sample("longest", "VARCHAR(MAX)", &["''", "replicate(cast('ab' as varchar(max)), 40000)"], true),
            sample("nlongest", "NVARCHAR(MAX)", &["N''", "replicate(cast(N'aä😀' as nvarchar(max)), 20000)"], true),
            sample("varbin", "VARBINARY(20)", &["0x", "0x00", "0x00FF0A0D09"], true),
            sample("blobs", "VARBINARY(MAX)", &["0x", "0xC328", "0x00FF5C0A"], true),
            sample("ids", "UNIQUEIDENTIFIER", &["'00000000-0000-0000-0000-000000000000'", "'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'", "'123e4567-e89b-12d3-a456-426655440000'"], true),
            $($more),*
        ]
    };
}

const SAMPLES: &[Sample] = samples![];

const SQL_SERVER_SAMPLES: &[Sample] = samples![
    sample(
        "decimal3838",
        "DECIMAL(38,38)",
        &["0.00000000000000000000000000000000000001", "-0.99999999999999999999999999999999999999"],
        true
    ),
    sample("clock_end", "TIME(7)", &["'23:59:59.9999999'"], true),
    sample("moment7", "DATETIME2(7)", &["'9999-12-31 23:59:59.9999999'", "'0001-01-01 00:00:00.0000001'"], true),
    sample("zoned7", "DATETIMEOFFSET(7)", &["'9999-12-31 23:59:59.9999999 +00:00'", "'0001-01-01 14:00:00.0000001 +14:00'"], false),
    sample("binary6", "BINARY(6)", &["0x", "0x00FF5C090A0D", "0x6162"], true),
    sample("polish", "VARCHAR(20) COLLATE Polish_CI_AS", &["N'zażółć'", "''"], true),
    sample("utf8", "VARCHAR(40) COLLATE Latin1_General_100_CI_AS_SC_UTF8", &["N'表示😀'"], true),
    sample("old_text", "TEXT", &["'a b  '", "''"], true),
    sample("old_ntext", "NTEXT", &["N'äöü  '"], true),
    sample("old_image", "IMAGE", &["0x00FF"], true),
    sample("markup", "XML", &["N'<a b=\"ä\">1<c/></a>'", "N''"], false),
    sample(
        "any_of",
        "SQL_VARIANT",
        &[
            "1",
            "N'ä  '",
            "cast(1.50 as decimal(10,3))",
            "cast('2020-02-03 04:05:06.0070000' as datetime2(7))",
            "0x00FF",
            "cast(0.1 as float)"
        ],
        false
    ),
    sample("tree", "HIERARCHYID", &["'/1/2.5/'", "'/'"], false),
    sample("place", "GEOGRAPHY", &["geography::Point(52.2, 21.0, 4326)"], false),
    sample("shape", "GEOMETRY", &["geometry::STGeomFromText('POLYGON((0 0,1 1,2 0,0 0))', 0)"], false),
];
