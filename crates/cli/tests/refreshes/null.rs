//! A reference of people's to a record that production has deleted, decided to become NULL.

use super::command;
use super::world::{self, World};
use crate::ground::{Ground, Sqlite};
use std::fs;

#[test]
fn a_reference_whose_record_is_gone_becomes_null_where_a_person_says_so() {
    let ground = Sqlite::new();
    let _world = World::found(&ground);
    world::write_program(&ground);
    // Without rules, which would also answer for what the second comparison finds.
    let program = ground.folder().join("program/greenroom.toml");
    let text = fs::read_to_string(&program).unwrap();
    fs::write(&program, text.split("[[carry.rule]]").next().unwrap()).unwrap();
    command(&ground, &["rehearse", "--quiet"], 0);
    ground.write("pilot", "UPDATE c10 SET client = 5 WHERE id = 1;\nINSERT INTO c10 (label, n, client) VALUES ('of testers', 1, 5);\n");
    ground.write("source", "DELETE FROM client WHERE id = 5;\n");
    command(&ground, &["refresh", "--quiet"], 5);
    command(&ground, &["decide", "all", "null", "--quiet"], 0);
    command(&ground, &["answer", "go", "--quiet"], 0);
    command(&ground, &["resume", "--quiet"], 0);
    let rows = ground.query("pilot", "SELECT count(*) FROM c10 WHERE client IS NULL").unwrap();
    assert_eq!(rows.trim(), "2");
    assert_eq!(ground.query("pilot", "SELECT label FROM c10 WHERE id > 9999").unwrap().trim(), "of testers");
}
