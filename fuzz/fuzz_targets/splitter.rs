//! Any text, split as a script of either engine: no panic, and statements that stand in the text, in order, on the lines they claim.
#![no_main]

use greenroom_model::catalog::EngineKind;
use greenroom_model::upgrade::split;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for engine in [EngineKind::Sqlite, EngineKind::Postgres, EngineKind::Mysql] {
        let lines = text.split('\n').count();
        match split(engine, text) {
            Ok(statements) => {
                let mut from = 0;
                for statement in &statements {
                    // To both engines a space outside ASCII is a letter.
                    assert!(!statement.sql.trim_ascii().is_empty(), "{engine:?}: an empty statement");
                    let at = text[from..].find(&statement.sql);
                    from += at.unwrap_or_else(|| panic!("{engine:?}: a statement that does not stand in the text: {:?}", statement.sql));
                    from += statement.sql.len();
                }
                let claimed: Vec<u32> = statements.iter().map(|s| s.line).collect();
                assert!(claimed.is_sorted(), "{engine:?}: lines out of order: {claimed:?}");
                assert!(claimed.iter().all(|l| (1..=lines).contains(&(*l as usize))), "{engine:?}: lines outside the text: {claimed:?}");
            }
            Err(error) => assert!((1..=lines).contains(&(error.line as usize)), "{engine:?}: {error}"),
        }
    }
});
