//! A script of row changes for a person to run on production, in one transaction, each change only if its row is still what it was. Owns the text around the
//! engine's own statements, for the client that each engine comes with; does not own the statements (`engine::carry`).

use greenroom_engine::carry::SpelledChange;
use greenroom_model::catalog::EngineKind;

/// One change and what it is, in words without values: `the row of status in change 3`.
pub(crate) type Named = (String, SpelledChange);

/// The script. `head` becomes remarks before it.
pub(crate) fn script(engine: EngineKind, head: &[String], changes: &[Named]) -> String {
    let mut out: String = head.iter().map(|line| format!("-- {line}\n")).collect();
    let (begin, end) = match engine {
        EngineKind::Postgres => ("begin isolation level repeatable read;\nset constraints all deferred;\n", "commit;\n"),
        // The settings are strict: NULL is not let into the table, which makes a failed check an error.
        EngineKind::Mysql => (
            "create temporary table greenroom_check (the_row_is_not_what_it_was int not null, what varchar(200));\n\
             set transaction isolation level serializable;\nstart transaction;\n",
            "rollback;\ndrop temporary table greenroom_check;\n",
        ),
        EngineKind::Mssql => ("begin transaction;\n", "commit;\n"),
        EngineKind::Sqlite | EngineKind::Fake => (
            "pragma foreign_keys = on;\n\
             create temp table greenroom_check (rows integer constraint the_row_is_what_it_was check (rows >= 1), what text);\n\
             begin immediate;\npragma defer_foreign_keys = on;\n",
            "commit;\ndrop table temp.greenroom_check;\n",
        ),
    };
    // What the client itself is told: to stop at the first error, and what the file is written in.
    out.push_str(match engine {
        EngineKind::Postgres => "\\set ON_ERROR_STOP on\n\\encoding UTF8\n",
        EngineKind::Sqlite | EngineKind::Fake => ".bail on\n",
        EngineKind::Mysql | EngineKind::Mssql => "",
    });
    out.push_str(&greenroom_engine::settings(engine));
    out.push_str(begin);
    for (what, change) in changes {
        if let Some(count) = &change.count {
            out.push_str(&check(engine, what, count));
        }
        out.push_str(&change.statement);
        out.push_str(";\n");
        if engine == EngineKind::Mysql {
            // After an error the number of rows is -1.
            out.push_str("insert into greenroom_check select if(row_count() >= 0, 1, null), 'the change before';\n");
        }
    }
    if engine == EngineKind::Mysql {
        // `source` in that client goes on after an error: then a line is missing, and nothing is committed.
        let checks = changes.len() + changes.iter().filter(|(_, c)| c.count.is_some()).count();
        out.push_str(&format!("set @greenroom = if((select count(*) from greenroom_check) = {checks}, 'commit', 'do 0');\n"));
        out.push_str("prepare greenroom from @greenroom;\nexecute greenroom;\ndeallocate prepare greenroom;\n");
    }
    out.push_str(end);
    out
}

/// A statement that fails unless the count is one or more.
fn check(engine: EngineKind, what: &str, count: &str) -> String {
    let quoted = what.replace('\'', "''");
    match engine {
        EngineKind::Postgres => {
            // The quotes around the block appear in no value.
            let tag = (0..).map(|n| format!("$greenroom{n}$")).find(|tag| !count.contains(tag.as_str()) && !what.contains(tag.as_str()));
            let tag = tag.unwrap_or_default();
            let message = quoted.replace('%', "%%");
            format!(
                "do {tag} begin if ({count}) < 1 then raise exception '{message} is not what it was when this script was written'; end if; end {tag};\n"
            )
        }
        EngineKind::Mssql => {
            format!("if ({count}) < 1 throw 50001, N'{quoted} is not what it was when this script was written', 1;\n")
        }
        EngineKind::Mysql => {
            let quoted = quoted.replace('\\', "\\\\");
            format!("insert into greenroom_check select if(({count}) >= 1, 1, null), '{quoted}';\n")
        }
        EngineKind::Sqlite | EngineKind::Fake => format!("insert into temp.greenroom_check values (({count}), '{quoted}');\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes() -> Vec<Named> {
        let change =
            |count: Option<&str>, statement: &str| SpelledChange { count: count.map(str::to_owned), statement: statement.to_owned() };
        vec![
            ("row 1 of it's".into(), change(Some("select count(*) from s where id = 1"), "update s set a = '$greenroom0$' where id = 1")),
            ("row 2 of it's".into(), change(None, "insert into s (id) values (2)")),
        ]
    }

    #[test]
    fn a_script_is_one_transaction_that_ends_at_the_first_row_that_changed() {
        let of = |engine| script(engine, &["for clinic".into()], &changes());
        let changed = "update s set a = '$greenroom0$' where id = 1;\n";
        for (engine, before, check, after) in [
            (
                EngineKind::Postgres,
                "\\set ON_ERROR_STOP on\n\\encoding UTF8\nset extra_float_digits = 3; set datestyle = 'ISO, YMD';",
                "do $greenroom0$ begin if (select count(*) from s where id = 1) < 1 then raise exception 'row 1 of it''s is not what it was \
                 when this script was written'; end if; end $greenroom0$;\n",
                "commit;\n",
            ),
            (
                EngineKind::Mysql,
                "set names utf8mb4; set session time_zone = '+00:00'",
                "start transaction;\ninsert into greenroom_check select if((select count(*) from s where id = 1) >= 1, 1, null), 'row 1 of it''s';\n",
                "= 3, 'commit', 'do 0');\nprepare greenroom from @greenroom;\nexecute greenroom;\ndeallocate prepare greenroom;\n\
                 rollback;\ndrop temporary table greenroom_check;\n",
            ),
            (
                EngineKind::Mssql,
                "set quoted_identifier on; set ansi_nulls on;",
                "if (select count(*) from s where id = 1) < 1 throw 50001, N'row 1 of it''s is not what it was when this script was written', 1;\n",
                "commit;\n",
            ),
            (
                EngineKind::Sqlite,
                ".bail on\npragma foreign_keys = on;\n",
                "insert into temp.greenroom_check values ((select count(*) from s where id = 1), 'row 1 of it''s');\n",
                "commit;\ndrop table temp.greenroom_check;\n",
            ),
        ] {
            let text = of(engine);
            assert!(text.starts_with(&format!("-- for clinic\n{before}")), "{text}");
            assert!(text.contains(&format!("{check}{changed}")), "{text}");
            assert!(text.ends_with(after), "{text}");
        }
    }

    #[test]
    fn no_value_ends_the_block_around_it() {
        let text = check(EngineKind::Postgres, "row 1 of s", "select count(*) from s where a = '$greenroom0$'");
        assert!(text.starts_with("do $greenroom1$ begin"), "{text}");
    }
}
