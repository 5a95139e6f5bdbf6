//! Dumps as their tools write them, hostile ones and damaged ones, read statement by statement.

use super::*;

/// Everything in a text, pushed in pieces of `step` bytes.
fn read(engine: EngineKind, text: &str, step: usize) -> (Vec<Piece>, bool) {
    let mut reader = Reader::new(engine);
    let mut pieces = Vec::new();
    for chunk in text.as_bytes().chunks(step) {
        reader.push(chunk);
        while let Some(p) = reader.next().unwrap() {
            pieces.push(p);
        }
    }
    reader.end();
    while let Some(p) = reader.next().unwrap() {
        pieces.push(p);
    }
    (pieces, reader.unfinished())
}

/// Statements as `line: text`, other pieces in words; the same for every way of cutting the text into chunks.
fn shown(engine: EngineKind, text: &str) -> Vec<String> {
    let words = |pieces: Vec<Piece>| {
        let mut out: Vec<String> = Vec::new();
        for p in pieces {
            match p {
                Piece::Statement(s) => out.push(format!("{}: {}", s.line, String::from_utf8_lossy(&s.sql))),
                Piece::Data(d) => match out.last_mut().filter(|l| l.starts_with("data ")) {
                    Some(last) => last.push_str(&String::from_utf8_lossy(&d)),
                    None => out.push(format!("data {}", String::from_utf8_lossy(&d))),
                },
                Piece::DataEnd => out.push("end".into()),
                Piece::Command(name, rest, line) => out.push(format!("{line}: command {name} {rest}")),
            }
        }
        out
    };
    let whole = words(read(engine, text, text.len().max(1)).0);
    for step in [1, 2, 3, 7, 64] {
        assert_eq!(words(read(engine, text, step).0), whole, "in chunks of {step}");
    }
    whole
}

#[test]
fn a_dump_of_postgresql_falls_into_statements_data_and_commands() {
    let text = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\nSET x = on;\nCREATE FUNCTION f() RETURNS text LANGUAGE sql AS $_$ select ';' || $1; $_$;\n\
                CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;\nCREATE RULE r AS ON DELETE TO t DO ALSO (SELECT 1; SELECT 2);\n\
                COPY public.t (a, b) FROM stdin;\n1\t;\\n\n2\t'\n\\.\n\n/* a /* nested */ one; */ SELECT E'it\\'s;', 'a\\', \"we;ird\";\n\\unrestrict abc\n";
    assert_eq!(
        shown(EngineKind::Postgres, text),
        [
            "5: command restrict abc",
            "6: SET x = on",
            "7: CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $_$ select ';' || $1; $_$",
            "8: CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
            "9: CREATE RULE r AS ON DELETE TO t DO ALSO (SELECT 1; SELECT 2)",
            "10: COPY public.t (a, b) FROM stdin",
            "data 1\t;\\n\n2\t'\n",
            "end",
            "15: SELECT E'it\\'s;', 'a\\', \"we;ird\"",
            "16: command unrestrict abc",
        ]
    );
}

#[test]
fn a_dump_of_mysql_falls_into_statements_as_its_client_reads_them() {
    let text = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n/*!40101 SET NAMES utf8mb4 */;\n# a note;\nINSERT INTO `t;` VALUES (1,'it\\'s;',\"b;\"),(2,'--');\n\
                DELIMITER ;;\n/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; SET @b = 2; END */;;\nDELIMITER ;\nSELECT 5-- 3;\n;\n";
    assert_eq!(
        shown(EngineKind::Mysql, text),
        [
            "3: /*!40101 SET NAMES utf8mb4 */",
            "5: INSERT INTO `t;` VALUES (1,'it\\'s;',\"b;\"),(2,'--')",
            "7: /*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; SET @b = 2; END */",
            "9: SELECT 5-- 3;\n",
        ]
    );
}

#[test]
fn a_dump_of_sqlite_keeps_triggers_whole() {
    let text = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; DELETE FROM u; END;\n\
                INSERT INTO t VALUES('it''s;',X'00');\nCREATE TABLE [a;b](x);\nCOMMIT;\n";
    assert_eq!(
        shown(EngineKind::Sqlite, text),
        [
            "1: PRAGMA foreign_keys=OFF",
            "2: BEGIN TRANSACTION",
            "3: CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; DELETE FROM u; END",
            "4: INSERT INTO t VALUES('it''s;',X'00')",
            "5: CREATE TABLE [a;b](x)",
            "6: COMMIT",
        ]
    );
}

#[test]
fn a_text_that_was_cut_off_is_unfinished_wherever_it_was_cut() {
    let whole = "COPY t FROM stdin;\n1\n2\n\\.\nSELECT 'a';\n";
    assert!(!read(EngineKind::Postgres, whole, 5).1);
    for cut in [5, 19, 21, 24, 30, 34] {
        assert!(read(EngineKind::Postgres, &whole[..cut], 5).1, "cut at {cut}");
    }
    assert!(read(EngineKind::Sqlite, "INSERT INTO t VALUES('a", 5).1);
}

#[test]
fn a_skeleton_holds_no_values_but_every_name() {
    let (pieces, _) = read(EngineKind::Mysql, "INSERT INTO `client` VALUES ('ann@bank.com',\"Ann\",load_file('/etc/passwd'));", 9);
    let Piece::Statement(s) = &pieces[0] else { panic!() };
    assert_eq!(s.skeleton, "INSERT INTO `client` VALUES ('',\"\",load_file(''))");
    assert!(s.is(&["INSERT", "INTO"]));
    assert_eq!(s.words(), ["INSERT", "INTO"]);
}
