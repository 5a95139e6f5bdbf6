//! SQLite's words for the contract's tests, and the values that are hard for its storage classes and affinities.

use super::connect::quoted;
use crate::contract::{Dialect, Sample};
use crate::seam::Admission;

pub(super) static DIALECT: Dialect = Dialect {
    quote: quoted,
    text: "TEXT",
    big_key: "INTEGER PRIMARY KEY",
    counting_key: "INTEGER PRIMARY KEY AUTOINCREMENT",
    computed: |expression| format!("INTEGER GENERATED ALWAYS AS ({expression}) STORED"),
    samples: SAMPLES,
    exactly: |column, _| {
        format!("CASE WHEN {column} IS NOT NULL THEN typeof({column}) || ':' || hex({column}) || ':' || quote({column}) END")
    },
    trigger: |table, log| vec![format!("CREATE TRIGGER note_{table} AFTER INSERT ON {table} BEGIN INSERT INTO {log} VALUES (1); END")],
    upheavals: |table| {
        vec![
            format!("DELETE FROM {table}"),
            format!("ALTER TABLE {table} DROP COLUMN note"),
            format!("ALTER TABLE {table} RENAME TO moved"),
            format!("DROP TABLE {table}"),
            "VACUUM".to_owned(),
        ]
    },
    blunder: |text| format!("SELECT json('{{{text}')"),
    writing_queries: &[
        "DELETE FROM TABLE_T",
        "DELETE FROM TABLE_T RETURNING 1",
        "SELECT 1; DELETE FROM TABLE_T",
        "COMMIT; DELETE FROM TABLE_T",
        "DROP TABLE TABLE_T",
        "CREATE TABLE added_by_a_query (a)",
        "PRAGMA user_version = 7",
        "PRAGMA writable_schema = 1",
    ],
    some: || Admission::Some { roles: Vec::new(), mode: 0o660 },
    everybody: || Admission::Everybody { mode: 0o666 },
    case_tells_apart: false,
};

const SAMPLES: &[Sample] = &[
    Sample {
        name: "integer",
        ty: "INTEGER",
        values: &["-9223372036854775808", "9223372036854775807", "0", "-1", "9007199254740993", "'seven'", "0.5"],
        decodes: true,
    },
    Sample {
        name: "real",
        ty: "REAL",
        values: &["0.0", "-0.0", "1e308", "5e-324", "9e999", "-9e999", "0.1", "9007199254740993", "3", "1.7976931348623157e308"],
        decodes: true,
    },
    Sample {
        name: "text",
        ty: "TEXT",
        values: &[
            "''",
            "'é'",
            "'e' || char(769)",
            "char(128512)",
            "char(1114111)",
            "'a' || char(0) || 'b'",
            "'''\"'",
            "5",
            "0.5",
            "x'00ff'",
        ],
        decodes: true,
    },
    Sample {
        name: "broken_text",
        ty: "TEXT",
        values: &["CAST(x'fffe' AS TEXT)", "CAST(x'80' AS TEXT)", "CAST(x'c3' AS TEXT)"],
        decodes: false,
    },
    Sample {
        name: "blob",
        ty: "BLOB",
        values: &["x''", "x'00'", "x'ff00fe'", "randomblob(70000)", "zeroblob(300000)", "'text'", "1"],
        decodes: true,
    },
    Sample { name: "untyped", ty: "", values: &["1", "'1'", "1.0", "x'31'", "''", "'00123'", "9e999", "-0.0"], decodes: true },
    Sample { name: "numeric", ty: "NUMERIC", values: &["'00123'", "'x'", "1e20", "0.1", "'1e3'", "' 7 '", "x'31'"], decodes: true },
    Sample { name: "decimal", ty: "DECIMAL(10,2)", values: &["1.005", "'12.50'", "-0.01", "99999999.99"], decodes: true },
    Sample { name: "boolean", ty: "BOOLEAN", values: &["0", "1", "'true'", "2"], decodes: true },
    Sample { name: "date", ty: "DATE", values: &["'0000-00-00'", "'2024-02-29'", "20240229", "2460369.5"], decodes: true },
    Sample { name: "datetime", ty: "DATETIME", values: &["'2024-02-29 23:59:60.999999999'", "1709251199", "''"], decodes: true },
    Sample { name: "varchar", ty: "VARCHAR(4)", values: &["'longer than declared'", "'    '", "''"], decodes: true },
    Sample { name: "string", ty: "STRING", values: &["'0042'", "'abc'", "x'00ff'"], decodes: true },
    Sample { name: "json", ty: "JSON", values: &["'{\"b\": 1,   \"a\":[1.50]}'", "'not json'", "'\"\\ud83d\\ude00\"'"], decodes: true },
];
