//! The words of MariaDB and MySQL for the contract's tests, and the values that are hard for their types and their encodings.

use super::sql;
use crate::contract::{Dialect, Sample};
use crate::seam::Admission;

/// MariaDB's words.
pub(super) static MARIADB: Dialect = Dialect { samples: MARIADB_SAMPLES, some: || one("mariadb.sys@localhost"), ..COMMON };

/// MySQL's words. It knows no grants to everybody, so that the same account stands for everybody.
pub(super) static MYSQL: Dialect = Dialect { some: || one("mysql.sys@localhost"), ..COMMON };

fn one(account: &str) -> Admission {
    Admission::Some { roles: vec![account.to_owned()], mode: 0 }
}

const COMMON: Dialect = Dialect {
    quote: sql::ident,
    text: "LONGTEXT",
    big_key: "BIGINT PRIMARY KEY",
    counting_key: "INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY",
    computed: |expression| format!("INTEGER GENERATED ALWAYS AS ({expression}) STORED"),
    samples: SAMPLES,
    exactly: |column, _| format!("hex(concat({column}))"),
    trigger: |table, log| vec![format!("CREATE TRIGGER note_{table} AFTER INSERT ON {table} FOR EACH ROW INSERT INTO {log} VALUES (1)")],
    upheavals: |table| {
        vec![
            format!("TRUNCATE TABLE {table}"),
            format!("ALTER TABLE {table} MODIFY v BIGINT"),
            format!("DROP TABLE {table}"),
            format!("ALTER TABLE {table} FORCE"),
        ]
    },
    blunder: |text| format!("SELECT extractvalue('<a/>', concat('~', '{text}'))"),
    writing_queries: &[
        "DELETE FROM TABLE_T",
        "SELECT 1; DELETE FROM TABLE_T",
        "COMMIT; DELETE FROM TABLE_T",
        "SELECT 1; COMMIT; DELETE FROM TABLE_T",
        "SET SESSION TRANSACTION READ WRITE; DELETE FROM TABLE_T",
        "ROLLBACK; START TRANSACTION READ WRITE; DELETE FROM TABLE_T; COMMIT",
        "/*! DELETE FROM TABLE_T */",
        "SELECT 1 /*! ; DELETE FROM TABLE_T */",
        "TRUNCATE TABLE TABLE_T",
        "DROP TABLE TABLE_T",
        "CREATE TABLE added_by_a_query (a int)",
        "CREATE TABLE added_by_a_query AS SELECT * FROM TABLE_T",
        "CREATE TEMPORARY TABLE added_by_a_query AS SELECT * FROM TABLE_T",
        "WITH x AS (SELECT 1) DELETE FROM TABLE_T",
    ],
    some: || one("root@localhost"),
    everybody: || Admission::Everybody { mode: 0 },
    case_tells_apart: !cfg!(any(windows, target_os = "macos")),
};

const fn sample(name: &'static str, ty: &'static str, values: &'static [&'static str], decodes: bool) -> Sample {
    Sample { name, ty, values, decodes }
}

macro_rules! samples {
    ($($more:expr),* $(,)?) => {
        &[
            sample("tiny", "TINYINT", &["-128", "127", "0"], true),
            sample("tinyu", "TINYINT UNSIGNED ZEROFILL", &["0", "7", "255"], true),
            sample("small", "SMALLINT", &["-32768", "32767"], true),
            sample("medium", "MEDIUMINT", &["-8388608", "8388607"], true),
            sample("int4", "INTEGER", &["-2147483648", "2147483647", "0"], true),
            sample("int8", "BIGINT", &["-9223372036854775808", "9223372036854775807", "0", "-1"], true),
            sample("int8u", "BIGINT UNSIGNED", &["0", "9223372036854775808", "18446744073709551615"], true),
            sample("decimal65", "DECIMAL(65,30)", &["0", "-0.000000000000000000000000000001", "99999999999999999999999999999999999.999999999999999999999999999999"], true),
            sample("decimal2", "DECIMAL(10,2)", &["99999999.99", "-99999999.99", "0.005", "1"], true),
            sample("decimal0", "DECIMAL(5,0) UNSIGNED", &["0", "99999"], true),
            sample("float4", "FLOAT", &["0.1", "16777215", "3.4028234e38", "1.17549435e-38", "-0e0", "1e-45"], true),
            sample("float42", "FLOAT(10,2)", &["0.1", "12345.67"], true),
            sample("float8", "DOUBLE", &["0.1", "5e-324", "1.7976931348623157e308", "-0e0", "16777217", "1e22"], true),
            sample("bits", "BIT(64)", &["b'0'", "b'1'", "x'ffffffffffffffff'", "x'0a5c09000d4e2722'"], false),
            sample("bit1", "BIT(1)", &["b'0'", "b'1'"], false),
            sample("year4", "YEAR", &["0", "1901", "2155", "2000"], true),
            sample("day", "DATE", &["'1000-01-01'", "'9999-12-31'", "'2024-02-29'", "'0001-01-01'"], true),
            sample("odd_day", "DATE", &["'0000-00-00'", "'2020-00-12'", "'2020-02-31'"], false),
            sample("moment6", "DATETIME(6)", &["'1000-01-01 00:00:00.000001'", "'9999-12-31 23:59:59.999999'"], true),
            sample("moment3", "DATETIME(3)", &["'2020-02-03 04:05:06.007'", "'1969-12-31 23:59:59.999'"], true),
            sample("moment", "DATETIME", &["'2020-02-03 04:05:06'"], true),
            sample("odd_moment", "DATETIME(2) NULL", &["'0000-00-00 00:00:00'"], false),
            sample("stamp", "TIMESTAMP(6) NULL", &["'1970-01-02 00:00:01'", "'2038-01-18 03:14:07.999999'", "'2021-10-31 02:30:00'"], true),
            sample("span", "TIME(6)", &["'-838:59:59.000000'", "'838:59:59'", "'00:00:00.000001'", "'-00:00:00.5'"], true),
            sample("span0", "TIME", &["'23:59:59'", "'00:00:00'", "'-01:02:03'"], true),
            sample("chars", "CHAR(6)", &["''", "'ab'", "'abcdef'", "'ä'"], true),
            sample("varchars", "VARCHAR(10)", &["''", "'ab  '", "'äöü😀'", "' '", "'\\\\N'", "'NULL'", "'N'"], true),
            sample("texts", "TEXT", &["''", "'tab\\tnl\\n\\\\.\\0\\r\\Z'", "concat('e', _utf8mb4 x'cc81')", "_utf8mb4 x'f48fbfbf'"], true),
            sample("latin", "VARCHAR(20) CHARACTER SET latin1", &["'é€'", "x'80819fa0ff'", "''"], true),
            sample("utf16", "VARCHAR(20) CHARACTER SET utf16", &["'aé表😀'", "''"], true),
            sample("sjis", "VARCHAR(20) CHARACTER SET sjis", &["'表示'", "'a'"], true),
            sample("utf8mb3", "VARCHAR(20) CHARACTER SET utf8mb3", &["'表'"], true),
            sample("asciis", "VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin", &["'a b'"], true),
            sample("binary6", "BINARY(6)", &["''", "x'00ff5c090a0d'", "'ab'"], true),
            sample("varbin", "VARBINARY(20)", &["''", "x'00'", "x'5c4e'", "x'ff00fe5c270922'", "'ab  '"], true),
            sample("blobs", "LONGBLOB", &["''", "repeat(x'00ff5c0a', 70000)", "x'c328'"], true),
            sample("choice", "ENUM('a','b,c','d''e','','2','1','ä') COLLATE utf8mb4_bin", &["'a'", "'b,c'", "'d''e'", "''", "'1'", "'2'", "'ä'"], false),
            sample("some", "SET('a','b','c','ä') COLLATE utf8mb4_bin", &["''", "'a,c'", "'b,ä'"], false),
            sample("docs", "JSON", &["'{\"a\": [1.50, null, \"ä\\\\n\"], \"b\":   2}'", "'null'", "'\"\"'", "'[]'"], true),
            sample("place", "POINT", &["ST_GeomFromText('POINT(0.1 -1e300)')"], false),
            sample("area", "GEOMETRY", &["ST_GeomFromText('POLYGON((0 0,1 1,2 0,0 0))', 4326)", "ST_GeomFromText('LINESTRING(0 0,1 1)')"], false),
            $($more),*
        ]
    };
}

const SAMPLES: &[Sample] = samples![];

const MARIADB_SAMPLES: &[Sample] = samples![
    sample(
        "ids",
        "UUID",
        &["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'123e4567-e89b-12d3-a456-426655440000'"],
        true
    ),
    sample("ip6", "INET6", &["'2001:db8::1'", "'::'", "'::ffff:1.2.3.4'"], true),
    sample("ip4", "INET4", &["'0.0.0.0'", "'255.255.255.255'"], true),
    sample("squeezed", "TEXT COMPRESSED", &["repeat('a\\t', 500)", "''"], true),
];
