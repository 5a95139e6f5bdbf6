//! Scripts split into statements as each engine's own tool does it.

use super::*;
use crate::upgrade::token::significant;
use proptest::prelude::*;

fn parts(engine: EngineKind, text: &str) -> Vec<(String, u32)> {
    split(engine, text).unwrap().into_iter().map(|s| (s.sql, s.line)).collect()
}

fn pg(text: &str) -> Vec<(String, u32)> {
    parts(EngineKind::Postgres, text)
}

fn lite(text: &str) -> Vec<(String, u32)> {
    parts(EngineKind::Sqlite, text)
}

fn refused(engine: EngineKind, text: &str) -> SplitError {
    split(engine, text).unwrap_err()
}

fn one(text: &str) {
    assert_eq!(pg(text), vec![(text.trim().trim_end_matches(';').trim().to_owned(), 1)], "{text}");
}

#[test]
fn lines_are_those_of_the_first_token() {
    assert_eq!(
        pg("\u{feff}-- head\r\n\r\nselect 1;\r\n/* a\n b */ select\n2 ; select 3"),
        vec![("select 1".into(), 3), ("select\n2".into(), 5), ("select 3".into(), 6)]
    );
}

#[test]
fn comments_and_empty_statements_are_no_statements() {
    assert_eq!(pg(";; -- a\n /* ; /* nested; */ ; */ ;"), vec![]);
    assert_eq!(lite("-- only\n;\n/* ; */"), vec![]);
}

#[test]
fn postgres_quotes_hide_semicolons() {
    for text in [
        "select 'a;''b;';",
        r"select 'a\';",
        r"select E'a\';b';",
        "select E'a'\n -- c\n  'b\\';c';",
        r#"select ";"";" from t;"#,
        r#"select U&"d\0061;t", U&';' ;"#,
        "select $$a;b$$;",
        "select $f$ $$;$$ $g$;$g$ $f$;",
        "select $ä1$;$ä1$;",
        "select b';', x';';",
        "select /* /* ; */ ; */ 1;",
        "select 1 -- ;\n;",
        "select a$b$;",
        "create rule r as on insert to t do also (delete from a; delete from b);",
        "select $1, $2;",
    ] {
        if text.contains("-- ;") {
            assert_eq!(pg(text).len(), 1);
        } else {
            one(text);
        }
    }
}

#[test]
fn standard_function_bodies_keep_their_semicolons() {
    one("create or replace function f(a int) returns int language sql begin atomic select case when a = 1 then 2 end; select 3; end;");
    one("CREATE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); END;");
    assert_eq!(pg("begin; update t set a = 1; end;").len(), 3, "a transaction is no body");
    assert_eq!(pg("create function f() returns int as $$ begin return 1; end $$ language plpgsql; select 1;").len(), 2);
    assert_eq!(refused(EngineKind::Postgres, "\ncreate function f() begin atomic select 1;").line, 2);
}

#[test]
fn copy_data_is_kept_as_it_stands() {
    let got = split(EngineKind::Postgres, "select 1;\nCOPY public.t (a, b) FROM stdin;\r\n1\tit's; \\N\n\\\\.\n\\.\nselect 2;").unwrap();
    assert_eq!(got.len(), 3);
    assert_eq!(got[1].copy_data.as_deref(), Some("1\tit's; \\N\n\\\\.\n"));
    assert_eq!((got[1].sql.as_str(), got[1].line, got[2].line), ("COPY public.t (a, b) FROM stdin", 2, 6));
}

#[test]
fn copy_data_may_end_with_the_file_or_be_empty() {
    let got = split(EngineKind::Postgres, "copy t from STDIN with (format csv);\n1,'\n2").unwrap();
    assert_eq!(got[0].copy_data.as_deref(), Some("1,'\n2"));
    let got = split(EngineKind::Postgres, "copy t from stdin;\n\\.\n").unwrap();
    assert_eq!(got[0].copy_data.as_deref(), Some(""));
    let got = split(EngineKind::Postgres, "copy t from stdin").unwrap();
    assert_eq!(got[0].copy_data.as_deref(), Some(""));
    for text in ["copy t to stdout;\nselect 1;", "copy (select a from stdin) to stdout; select 1;", "copy \"from\" from 'x';select 1"] {
        let got = split(EngineKind::Postgres, text).unwrap();
        assert_eq!((got.len(), &got[0].copy_data), (2, &None), "{text}");
    }
    assert_eq!(refused(EngineKind::Postgres, "copy t from stdin; select 1;\n\\.").line, 1);
}

#[test]
fn psql_commands_that_reach_out_are_refused_with_their_line() {
    for command in [
        "i other.sql",
        "ir x",
        "c prod",
        "connect prod",
        "! rm x",
        "copy t from 'f'",
        "set a 1",
        "gexec",
        "if true",
        "o f",
        "q",
        "echo `id`",
        ".",
        ";",
        "",
    ] {
        let error = refused(EngineKind::Postgres, &format!("select 1;\n\n\\{command}\n"));
        assert_eq!(error.line, 3, "{command}");
        assert!(!error.hint.is_empty());
    }
    for command in ["set ON_ERROR_STOP off", "encoding LATIN1", "echo a \\i x", "set ON_ERROR_ROLLBACK on"] {
        refused(EngineKind::Postgres, &format!("\\{command}\n"));
    }
    refused(EngineKind::Postgres, "select 1 \\g");
    refused(EngineKind::Postgres, "select 1 \\echo a");
}

#[test]
fn harmless_psql_commands_are_skipped() {
    let text = "\\set ON_ERROR_STOP on\r\n\\restrict aBc123\n\\echo it's on; its way\n\\pset pager off\n\\timing\n\\encoding UTF8\n\\set QUIET 1\n\\qecho 'x'\nselect 1;\n\\unrestrict aBc123\n";
    assert_eq!(pg(text), vec![("select 1".into(), 9)]);
    assert_eq!(pg("select 1; \\echo done\nselect 2;").len(), 2);
}

#[test]
fn psql_variables_are_refused_only_where_psql_would_fill_them_in() {
    for text in ["select :a;", "select :'a';", "select :\"a\";", "select :{?a};", "\n\nselect 1,\n :a"] {
        refused(EngineKind::Postgres, text);
    }
    assert_eq!(refused(EngineKind::Postgres, "\n\nselect 1,\n :a").line, 4);
    for text in [
        "select ':a';",
        "select 1::int;",
        "select a[1:2], a[x:y];",
        "select f(a := b);",
        "select '{\"a\":b}'::json;",
        "select $$ :a $$;",
        "select 1 -- :a\n;",
    ] {
        assert_eq!(pg(text).len(), 1, "{text}");
    }
}

#[test]
fn what_is_never_closed_is_reported_where_it_opened() {
    for (text, line) in [("select 1;\n'a", 2), ("\n\n/* /* */", 3), ("a\n$x$ \n$$", 2), ("\"", 1), ("\nE'\\'", 2)] {
        assert_eq!(refused(EngineKind::Postgres, text).line, line, "{text}");
    }
    for (text, line) in
        [("\n[a", 2), ("`", 1), ("'it", 1), ("select 1;\n/*", 2), ("\ncreate trigger t after insert on a begin select 1;", 2)]
    {
        assert_eq!(refused(EngineKind::Sqlite, text).line, line, "{text}");
    }
}

#[test]
fn a_nul_character_is_refused() {
    assert_eq!(refused(EngineKind::Sqlite, "select 1;\nselect\0 2;").line, 2);
}

#[test]
fn sqlite_triggers_keep_their_semicolons() {
    let trigger = "CREATE TEMP TRIGGER IF NOT EXISTS x AFTER UPDATE ON t WHEN new.a BEGIN\n SELECT CASE WHEN 1 THEN 2 END;\n UPDATE t SET a = ';' ; -- END;\n END";
    assert_eq!(lite(&format!("{trigger} ;\nselect 1")), vec![(trigger.into(), 1), ("select 1".into(), 5)]);
    assert_eq!(lite(trigger).len(), 1, "the last terminator may be missing");
    assert_eq!(lite(&format!("{trigger}\nGO\nselect 1;")).len(), 2);
    assert_eq!(lite("begin; update t set a = 1; end;").len(), 3);
    refused(EngineKind::Sqlite, "create trigger x after insert on t; select 1;");
}

#[test]
fn sqlite_quotes_hide_semicolons() {
    assert_eq!(lite("select [a;b], `c;``d`, \"e;\"\"f\", 'g;''h', x';' ;select 2;").len(), 2);
    assert_eq!(lite("select /* /* ; */ 1; select 2").len(), 2, "comments do not nest");
}

#[test]
fn the_shells_commands_count_at_the_start_of_a_line_only() {
    assert_eq!(
        lite(".bail on\n.echo off\n# a comment ';\n.print it's done\nselect 1;\n.mode list\nselect 2\n.5;"),
        vec![("select 1".into(), 5), ("select 2\n.5".into(), 7)]
    );
    for command in [".read x.sql", ".import a b", ".shell ls", ".once f", ".bail off", ".quit", ".nonsense"] {
        assert_eq!(refused(EngineKind::Sqlite, &format!("select 1;\n{command}\n")).line, 2, "{command}");
    }
}

#[test]
fn slash_and_go_end_a_statement_on_a_line_of_their_own() {
    assert_eq!(
        lite("select 1\n/\nselect 2\n go -- x\nselect 8 / 2"),
        vec![("select 1".into(), 1), ("select 2".into(), 3), ("select 8 / 2".into(), 5)]
    );
    assert_eq!(lite("select go\nfrom t;").len(), 1);
}

proptest! {
    #[test]
    fn no_text_makes_the_splitter_panic(text in "\\PC*|[ -~\n\r;'\"$\\\\:.()/*\\[\\]`#-]{0,80}") {
        for engine in [EngineKind::Postgres, EngineKind::Sqlite, EngineKind::Mysql, EngineKind::Mssql, EngineKind::Fake] {
            let _ = split(engine, &text);
        }
    }

    #[test]
    fn every_token_is_in_exactly_one_statement(pieces in proptest::collection::vec(prop::sample::select(vec![
        "select", "a", "'x;y'", "E'\\';'", "\"q;\"", "$$;$$", "$t$ $$ $t$", "(", ")", ";", ";\n", "\n", " ", "-- c;\n", "/* ; */", "1", "::", "begin", "end",
        "case", "create", "trigger", "function", "x", ",", "[1:2]", "é", "copy", "/\n", "go", "`;`", ".", "=",
    ]), 0..40)) {
        let text = pieces.join(" ");
        for engine in [EngineKind::Postgres, EngineKind::Sqlite, EngineKind::Mysql] {
            let Ok(statements) = split(engine, &text) else { continue };
            let words = |text: &str| significant(engine, text).iter().map(|t| t.of(text).to_owned()).collect::<Vec<_>>();
            let ends = |t: &String| t == ";" || t == "/" || t.eq_ignore_ascii_case("go");
            let all: Vec<_> = words(&text).into_iter().filter(|t| !ends(t)).collect();
            let got: Vec<_> = statements.iter().flat_map(|s| words(&s.sql)).filter(|t| !ends(t)).collect();
            prop_assert_eq!(all, got);
            for s in &statements {
                let line = text.lines().nth(usize::try_from(s.line).unwrap() - 1).unwrap();
                prop_assert!(line.contains(s.sql.lines().next().unwrap()));
            }
        }
    }
}

fn mysql(text: &str) -> Vec<(String, u32)> {
    split(EngineKind::Mysql, text).unwrap().into_iter().map(|s| (s.sql, s.line)).collect()
}

#[test]
fn mysql_strings_names_and_comments_hide_the_delimiter() {
    let got = mysql("select 'a\\';b', \"x;\\\"y\", `n;``m` -- c;\n, 1--1 # d;\n, 2 /* e; */;\nselect 'it''s;';");
    assert_eq!(got.len(), 2, "{got:?}");
    assert!(got[0].0.contains("1--1") && got[0].0.ends_with('2'), "{got:?}");
    assert_eq!(got[1], ("select 'it''s;'".to_owned(), 4));
}

#[test]
fn mysql_delimiters_end_statements_also_within_words() {
    let got =
        mysql("DELIMITER $$\ncreate procedure p()\nbegin\n select 1; select 2;\nend$$\ndelimiter ;\nselect 3;\nselect 4\\G\nselect 5\\g");
    let texts: Vec<&str> = got.iter().map(|(t, _)| t.as_str()).collect();
    assert_eq!(texts, ["create procedure p()\nbegin\n select 1; select 2;\nend", "select 3", "select 4", "select 5"]);
    assert_eq!(got[0].1, 2);
    assert_eq!(mysql("delimiter //\nselect 1 //\nselect 2;\n//").len(), 2);
    assert_eq!(refused(EngineKind::Mysql, "select 1;\ndelimiter\n").line, 2);
}

#[test]
fn mysql_keeps_comments_that_the_server_executes_and_drops_others() {
    let got = mysql(
        "/*M!999999\\- enable the sandbox mode */\n/*!40101 SET NAMES utf8mb4 */;\n/* plain; */\n/*!50003 create trigger t before insert on a for each row set new.b = 'x' */;",
    );
    let texts: Vec<&str> = got.iter().map(|(t, _)| t.as_str()).collect();
    assert_eq!(texts, ["/*!40101 SET NAMES utf8mb4 */", "/*!50003 create trigger t before insert on a for each row set new.b = 'x' */"]);
    assert_eq!(mysql("create table t (a int /*! default 3; */)").len(), 2, "the client ends the statement inside such a comment too");
}

#[test]
fn mysql_client_commands_are_refused_with_their_line_or_skipped() {
    for (text, line) in [
        ("select 1;\nsource other.sql\n", 2),
        ("\\. other.sql", 1),
        ("select 1;\n\n  system ls\n", 3),
        ("\\! ls", 1),
        ("tee log.txt", 1),
        ("select 1;\nquit", 2),
        ("select 1 \\c", 1),
    ] {
        assert_eq!(refused(EngineKind::Mysql, text).line, line, "{text}");
    }
    assert_eq!(mysql("warnings;\nprompt x> \nselect 1;\\W\n\\u other\n"), [("select 1".to_owned(), 3), ("USE other".to_owned(), 4)]);
    assert_eq!(mysql("source_of_truth();").len(), 1, "a word that only begins like a command is none");
}
