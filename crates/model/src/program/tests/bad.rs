//! Programs with mistakes: every finding with its place.

use super::{SMALL, layer, render};
use crate::hash::Hash;
use crate::program::{Layer, parse};

fn findings(layers: &[Layer]) -> String {
    let (program, findings) = parse(layers);
    assert!(program.is_none(), "a bad program must not come through");
    for f in &findings {
        assert!(crate::finding::explain(f.code).is_some(), "{} is not registered", f.code);
    }
    render(layers, &findings)
}

fn main_file(text: &str) -> String {
    findings(&[layer("program", &[("greenroom.toml", text)])])
}

fn with(path: &str, text: &str) -> String {
    findings(&[layer("program", &[("greenroom.toml", SMALL), (path, text)])])
}

#[test]
fn everything_wrong_in_the_main_file_is_reported_at_once() {
    insta::assert_snapshot!(main_file(
        r#"
colour = 1
[program]
name = "Große Klinik"
extend = "../kit"
[source]
engine = "postgers"
host = 5
port = 99999
pasword = "x"
[target]
pwd_of_admin = "x"
url = "x"
[pilot]
name = "p"
testers = ["a", 1]
open_after = true
testers_mode = 640
[tables]
mail_queue = "queu"
audit = { kind = "history", days = 9 }
a = [{ kind = "queue" }, { kind = "records" }]
b = { where = "1" }
billing.client = "queue"
[copy]
workers = 0
min_free_disk_percent = 100
range_rows = -1
large_objects = 'drop'
[verify]
residual_sample_rows = 1.5
"#
    ));
}

#[test]
fn secrets_in_clear_are_refused_and_never_shown() {
    let shown = main_file(
        r#"
[program]
name = "clinic"
[source]
engine = "postgres"
host = "postgres://ann:hunter2@db/clinic"
database = "host=db password=hunter2"
password = "hunter2"
[target]
secret_word = "hunter2"
password = { prompt = "hunter2" }
[pilot]
name = "p"
[masks]
key = "hunter2"
[outbound]
x = "smtp://me:hunter2@mail.example"
"#,
    );
    assert!(!shown.lines().filter(|l| l.starts_with("    ")).any(|l| l.contains("hunter2")), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn grammar_mistakes_of_all_files_are_reported_at_once() {
    let files = [
        ("greenroom.toml", "[program]\nname = clinic\n[source\nengine = \"sqlite\"\n[pilot]\nname = \"a\"\nname = \"b\"\n"),
        ("columns.toml", "[client]\nid = \"keep\n[client]\n"),
        ("packs/a.toml", "[[rule]]\nid = \"a\" table = \"b\"\n"),
    ];
    insta::assert_snapshot!(findings(&[layer("program", &files)]));
}

#[test]
fn contradictory_decisions_are_refused() {
    insta::assert_snapshot!(with(
        "columns.toml",
        r#"
schema = "abc"
[client]
a = "kept"
b = "email"
c = { keep = true, mask = "email" }
d = { reason = "why not" }
e = { keep = false }
f = { null = true, domain = "x", params = { a = 1 } }
g = { mask = "email", mode = "lorem" }
h = 7
i = { maks = "email" }
j = { keep = true, approved_by = 3 }
[billing.client]
id = "keep"
["main.client"]
z = "keep"
"#
    ));
}

#[test]
fn pack_rules_that_do_not_add_up_are_refused() {
    insta::assert_snapshot!(with(
        "packs/mail.toml",
        r#"
[pack]
titel = "Mail"
reopen = "on-request"
[[rule]]
id = "a"
table = "t"
[[rule]]
id = "a"
table = "t"
empty = true
blank = ["x"]
[[rule]]
id = "b"
empty = true
[[rule]]
id = "c"
table = "t"
delete = true
[[rule]]
id = "d"
statement = "update t set a = 1"
when = "1"
[[rule]]
id = "e"
table = "t"
mask = { a = "keep", b = { mask = "email", when = "1" } }
[[rule]]
id = "f"
table = "t"
set = { active = 0 }
[[rule]]
table = "t"
empty = true
[[rule]]
id = "g"
table = "t"
empty = false
when = " "
"#
    ));
}

#[test]
fn assertions_that_would_not_be_read_as_meant_are_refused() {
    let files = [
        ("greenroom.toml", SMALL),
        ("verify/a.sql", "-- expct: no rows\n-- shape: later\n-- expect: nothing\n-- source: select 1\nselect 1\n-- shape: after\n"),
        ("verify/b.sql", "select 'open"),
        ("verify/c.sql", "-- nothing here\n;;"),
        ("verify/d.txt", "select 1"),
        ("verify/deep/e.sql", "select 1"),
        ("pack/x.toml", ""),
        ("colums.toml", ""),
        ("packs/none.toml", ""),
        ("dictionaries/empty.txt", "\n \n"),
    ];
    insta::assert_snapshot!(findings(&[layer("program", &files)]));
}

#[test]
fn the_pilot_is_never_the_source() {
    let sqlite = SMALL.replace("pilot/clinic.db", "./pilot/../production.db");
    insta::assert_snapshot!(main_file(&sqlite), @r#"
    GR0114 greenroom.toml:8:8 `"./pilot/../production.db"`
        the pilot `./pilot/../production.db` is the source file itself
        hint: give the pilot a file of its own
    "#);
    let server = "[program]\nname='c'\n[source]\nengine='postgres'\nhost='127.0.0.1'\ndatabase='clinic'\n[target]\nhost='/run/postgresql'\n[pilot]\nname=";
    insta::assert_snapshot!(main_file(&format!("{server}'clinic'")), @r#"
    GR0114 greenroom.toml:10:6 `'clinic'`
        the pilot `clinic` is the source database itself
        hint: give the pilot a name of its own, e.g. with `_pilot` at its end
    "#);
    insta::assert_snapshot!(main_file(&format!("{server}'postgres'")), @r#"
    GR0110 greenroom.toml:10:6 `'postgres'`
        the pilot cannot be named `postgres`, a database the server needs
        hint: give the pilot a name of its own
    "#);
}

#[test]
fn settings_of_the_other_engine_are_refused() {
    let text = SMALL.replace("[pilot]", "host = 'db'\n[target]\nengine = 'postgres'\npath = 'x'\n[pilot]").replace("[tables]", "");
    insta::assert_snapshot!(main_file(&text));
}

#[test]
fn an_empty_or_missing_program_gets_one_finding() {
    insta::assert_snapshot!(main_file("# nothing yet\n"), @r#"
    GR0115 greenroom.toml:1:1 ``
        `greenroom.toml` is empty
        hint: `greenroom init` writes a commented program
    "#);
    insta::assert_snapshot!(findings(&[layer("kit-5", &[("notes.txt", "")]), layer("program", &[])]), @r#"
    GR0102 (no place)
        the kit `kit-5` has no file of a program in it
        hint: check the path that `extends` names
    GR0101 greenroom.toml:1:1 ``
        the program has no `greenroom.toml`
        hint: run `greenroom init` to write one, or change into the program's folder
    "#);
    insta::assert_snapshot!(main_file("[program]\nname = 'c'\n"));
}

#[test]
fn files_that_are_not_text_are_named_with_their_kit() {
    let mut kit = layer("kit-5", &[("greenroom.toml", "")]);
    kit.opaque.insert("columns.toml".to_owned(), Hash([0; 32]));
    kit.opaque.insert("upgrade/installer.exe".to_owned(), Hash([0; 32]));
    insta::assert_snapshot!(findings(&[kit, layer("program", &[("greenroom.toml", SMALL)])]), @r#"
    GR0105 kit-5/columns.toml:1:1 ``
        `columns.toml` is not UTF-8 text
        hint: save the file as UTF-8
    GR0401 kit-5/upgrade/installer.exe:1:1 `` (note)
        `installer.exe` is not run: it is no SQL script
    "#);
}

#[test]
fn a_table_left_out_has_no_kind() {
    insta::assert_snapshot!(main_file(&format!(
        "{SMALL}[tables]\nclient = 'queue'\n'main.client' = 'records'\n[leave_out]\nclient = 'old'\n"
    )));
}

#[test]
fn a_prompt_that_is_switched_off_and_a_path_of_a_file_target_are_refused() {
    insta::assert_snapshot!(main_file(&format!("{SMALL}[target]\npath = 'elsewhere'\n[masks]\nkey = {{ prompt = false }}\n")), @r"
    GR0113 greenroom.toml:10:8 `'elsewhere'`
        `target.path` means nothing for SQLite
        hint: the file that `pilot.name` names says where the pilot lives; remove `[target]`
    GR0107 greenroom.toml:12:7 `{ prompt = false }`
        `prompt` takes true
        hint: write `{ prompt = true }`, or remove the setting
    ");
}

fn on_sql_server(source: &str, pilot: &str) -> String {
    main_file(&format!("[program]\nname = \"clinic\"\n[source]\nengine = \"mssql\"\n{source}\n[pilot]\nname = \"{pilot}\"\n"))
}

#[test]
fn a_pilot_on_sql_server_is_none_of_its_own_databases_nor_the_source() {
    let clinic = "host = \"db.example\"\ndatabase = \"Clinic\"";
    for name in ["master", "MODEL", "msdb", "tempdb"] {
        assert!(on_sql_server(clinic, name).contains("GR0110"), "{name}");
    }
    assert!(on_sql_server(clinic, "CLINIC").contains("GR0114"), "names are told apart without case");
    assert!(on_sql_server(clinic, &"x".repeat(129)).contains("at most 128 characters"));
    assert!(on_sql_server("host = \".\"\ndatabase = \"Clinic\"\nport = 1433\n[target]\nhost = \"localhost\"", "clinic").contains("GR0114"));
}

#[test]
fn an_instance_is_named_by_its_port() {
    let named = on_sql_server("host = 'db\\SQLEXPRESS'\ndatabase = \"Clinic\"", "p");
    assert!(named.contains("`source.host` holds an instance besides the host") && named.contains("`port`"), "{named}");
    assert!(on_sql_server("host = 'db,1434'\ndatabase = \"Clinic\"", "p").contains("holds a port"));
}
