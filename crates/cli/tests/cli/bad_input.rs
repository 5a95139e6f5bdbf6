//! What people get wrong: a clear message, an exit code, nothing changed.

use crate::clinic::Clinic;
use insta::assert_snapshot;

#[test]
fn an_unknown_mask_is_shown_where_it_is_written() {
    let c = Clinic::ready();
    c.edit("columns.toml", |t| t.replacen("\"first_name\"", "\"frist_name\"", 1));
    assert_snapshot!(c.run(&["check"]), @r##"
    exit 1
    --- err
    error[GR0117]: there is no mask `frist_name`
      --> columns.toml:18:23
       |
    18 | first_name = { mask = "frist_name", domain = "person:client", identity = "id" }  # first name: named `firstname` (likely)
       |                       ^^^^^^^^^^^^
       |
       = hint: did you mean `first_name`?

    1 error
    error: the program has errors
    hint: mend the places above; `greenroom explain CODE` tells more
    "##);
}

#[test]
fn drift_names_the_columns_and_columns_write_adds_them() {
    let c = Clinic::ready();
    c.sql("ALTER TABLE client ADD COLUMN pesel TEXT; ALTER TABLE client DROP COLUMN status");
    assert_snapshot!(c.run(&["rehearse"]), @r##"
    exit 1
    --- err
    error[GR0201]: `client` has a column without a decision: `pesel`
      hint: `greenroom columns` shows proposals; write a decision for each into columns.toml

    error[GR0204]: the schema is not the one that was decided on (now `[HASH]`, pinned `[HASH]`); columns without a decision: 1; decided on but no longer there: 1
      hint: look at what changed, then pin the new fingerprint with `greenroom columns --write`

    error[GR0203]: a decision names column `client.status`, which does not exist
      --> columns.toml:21:1
       |
    21 | status     = "keep"  # few values that repeat, named as a code
       | ^^^^^^
       |
       = hint: remove it; for a column that the upgrade creates say `after_upgrade = true`

    3 errors
    error: the program cannot be run as it is
    hint: do what the findings above say, then `greenroom check` again; `greenroom explain CODE` tells more
    "##);
    assert_snapshot!(c.run(&["columns"]), @r##"
    exit 0
    --- out

    1 column without a decision, 1 with a proposal

    [client]
    pesel = { mask = "national_id" }  # national number: named `pesel` (likely)
    # gone: client.status

    remove from columns.toml what is marked as gone: 1 column
    --- err
    error[GR0203]: a decision names column `client.status`, which does not exist
      --> columns.toml:21:1
       |
    21 | status     = "keep"  # few values that repeat, named as a code
       | ^^^^^^
       |
       = hint: remove it; for a column that the upgrade creates say `after_upgrade = true`

    1 error
    next: `greenroom columns --write` adds the proposals; complete what is left by hand
    "##);
    assert_snapshot!(c.run(&["columns", "--write", "--quiet"]), @r##"
    exit 0
    --- out
    added to columns.toml: 1 decision
    [client]
    pesel = { mask = "national_id" }  # national number: named `pesel` (likely)
    # gone: client.status

    remove from columns.toml what is marked as gone: 1 column
    --- err
    error[GR0203]: a decision names column `client.status`, which does not exist
      --> columns.toml:21:1
       |
    21 | status     = "keep"  # few values that repeat, named as a code
       | ^^^^^^
       |
       = hint: remove it; for a column that the upgrade creates say `after_upgrade = true`

    1 error
    "##);
    assert!(!c.run(&["columns"]).contains("pesel"));
}

#[test]
fn a_database_that_is_not_ours_is_never_replaced() {
    let c = Clinic::ready();
    rusqlite::Connection::open(c.path("prod-pilot.db")).unwrap().execute_batch("CREATE TABLE theirs(a)").unwrap();
    let before = std::fs::read(c.path("prod-pilot.db")).unwrap();
    assert_snapshot!(c.run(&["rehearse"]), @r##"
    exit 1
    --- err
    error[GR0503]: a database that must not be replaced stands under the pilot's name `prod-pilot.db`: it bears no marker of ours
      hint: choose another `[pilot] name`, or rename that database yourself

    1 error
    error: the program cannot be run as it is
    hint: do what the findings above say, then `greenroom check` again; `greenroom explain CODE` tells more
    "##);
    assert_eq!(std::fs::read(c.path("prod-pilot.db")).unwrap(), before);
}

#[test]
fn the_pilot_cannot_be_the_source() {
    let c = Clinic::ready();
    c.edit("greenroom.toml", |t| t.replace("\"prod-pilot.db\"", "\"../prod.db\""));
    assert_snapshot!(c.run(&["rehearse"]), @r##"
    exit 1
    --- err
    error[GR0114]: the pilot `../prod.db` is the source file itself
      --> greenroom.toml:15:8
       |
    15 | name = "../prod.db"
       |        ^^^^^^^^^^^^
       |
       = hint: give the pilot a file of its own

    1 error
    error: the program has errors
    hint: mend the places above; `greenroom explain CODE` tells more
    "##);
}

#[test]
fn a_source_that_is_no_database_is_named_with_the_path_as_written() {
    let c = Clinic::ready();
    let source = |c: &Clinic, written: &str| {
        c.edit("greenroom.toml", |t| {
            let at = t.find("path = \"").unwrap();
            let end = at + 8 + t[at + 8..].find('"').unwrap();
            format!("{}path = \"{written}{}", &t[..at], &t[end..])
        })
    };
    source(&c, "../gone.db");
    assert_snapshot!(c.run(&["rehearse"]), @r##"
    exit 1
    --- err
    error[GR0512]: could not open the source `../gone.db`: there is no file `[DIR]/clinic/../gone.db`
    hint: correct the path; in greenroom.toml (`[source] path`) it is read relative to the program's folder
    "##);
    source(&c, "nowhere/prod.db");
    let nowhere = c.run(&["check"]);
    assert!(nowhere.contains("GR0512") && nowhere.contains("nor the folder that it would be in"), "{nowhere}");
    source(&c, "upgrade");
    let folder = c.run(&["check"]);
    assert!(folder.contains("GR0512") && folder.contains("is a folder, not a file"), "{folder}");
    c.write("empty.db", "");
    source(&c, "empty.db");
    let empty = c.run(&["plan"]);
    assert!(empty.contains("GR0512") && empty.contains("is empty"), "{empty}");
    c.write("text.db", &"no database at all\n".repeat(100));
    source(&c, "text.db");
    let text = c.run(&["plan"]);
    assert!(text.contains("error[GR0512]: could not open the source `text.db`: file is not a database"), "{text}");
    assert!(text.contains("hint: check the path; an encrypted database"), "{text}");
    assert!(!c.path("../gone.db").exists());
}

#[test]
fn rows_that_break_a_check_in_production_are_copied_counted_and_reported() {
    let c = Clinic::bare();
    c.sql(
        "PRAGMA ignore_check_constraints = on;
         CREATE TABLE visit(id INTEGER PRIMARY KEY, state TEXT CONSTRAINT known_state CHECK (state IN ('open', 'done')), minutes INT CHECK (minutes > 0));
         INSERT INTO visit VALUES(1, 'open', 5), (2, 'lost', 5), (3, 'gone', NULL), (4, 'done', -1)",
    );
    c.decide();
    let (code, out, err) = c.raw(&["--json", "rehearse"]);
    assert_eq!(code, 0, "{out}{err}");
    let shown = c.run(&["run", "show"]);
    assert!(shown.contains("visit.known_state: 2 rows break this check, as in the source"), "{shown}");
    assert!(shown.contains("visit: check 2: 1 rows break this check, as in the source"), "{shown}");
    assert!(!shown.contains("lost"), "{shown}");
    let pilot = rusqlite::Connection::open(c.path("prod-pilot.db")).unwrap();
    assert_eq!(pilot.query_row("SELECT count(*) FROM visit", [], |r| r.get::<_, i64>(0)).unwrap(), 4);
}

#[test]
fn a_mask_that_breaks_a_check_is_a_difference() {
    let c = Clinic::bare();
    c.sql("CREATE TABLE card(id INTEGER PRIMARY KEY, code TEXT NOT NULL CONSTRAINT one_of_two CHECK (code IN ('K12', 'K77'))); INSERT INTO card VALUES(1, 'K12'), (2, 'K77')");
    c.decide();
    c.edit("columns.toml", |t| t.replace("code  = \"keep\"", "code = { mask = \"token\" }"));
    let (code, out, err) = c.raw(&["rehearse"]);
    assert_eq!(code, 4, "{err}");
    assert!(out.contains("card.one_of_two: 2 rows break this check, 0 did in the source"), "{err}");
}

#[test]
fn a_table_that_is_left_out_is_created_empty_and_said_so() {
    let c = Clinic::bare();
    c.sql("CREATE TABLE legacy_rows(id INTEGER PRIMARY KEY, raw TEXT); INSERT INTO legacy_rows VALUES(1, 'secret'); CREATE VIEW imported AS SELECT id FROM legacy_rows");
    c.decide();
    c.edit("greenroom.toml", |t| t + "\n[leave_out]\nlegacy_rows = \"left over from 2019\"\n");
    let planned = c.run(&["plan"]);
    assert!(planned.contains("legacy_rows: left out by the program, created empty: left over from 2019"), "{planned}");
    let (code, out, err) = c.raw(&["rehearse"]);
    assert_eq!(code, 0, "{out}{err}");
    let shown = c.run(&["run", "show"]);
    assert!(shown.contains("legacy_rows: left out by the program, created empty: left over from 2019"), "{shown}");
    let pilot = rusqlite::Connection::open(c.path("prod-pilot.db")).unwrap();
    assert_eq!(pilot.query_row("SELECT count(*) FROM imported", [], |r| r.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn columns_that_were_retyped_are_named_with_their_old_and_new_type() {
    let c = Clinic::ready();
    assert_eq!(c.raw(&["check"]).0, 0);
    c.sql("ALTER TABLE mail_queue RENAME TO old; CREATE TABLE mail_queue(id INTEGER PRIMARY KEY, recipient BLOB NOT NULL); DROP TABLE old");
    let shown = c.run(&["check"]);
    assert!(shown.contains("changed: `mail_queue.recipient` from `TEXT` to `BLOB` not null"), "{shown}");
    let shown = c.run(&["columns"]);
    assert!(shown.contains("changed: `mail_queue.recipient` from `TEXT` to `BLOB` not null"), "{shown}");
}

#[test]
fn a_secret_in_clear_is_not_repeated() {
    let c = Clinic::ready();
    c.edit("greenroom.toml", |t| t.replace("[source]\n", "[source]\npasword = \"hunter2\"\n"));
    let shown = c.run(&["check"]);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_snapshot!(shown, @r##"
    exit 1
    --- err
    error[GR0111]: `source.pasword` would be a secret written in clear
      --> greenroom.toml:10:1
       |
    10 | pasword = …
       | ^^^^^^^
       |
       = hint: write `password = { env = "NAME" }`, and change the password if the file was ever shared

    1 error
    error: the program has errors
    hint: mend the places above; `greenroom explain CODE` tells more
    "##);
}

#[test]
fn a_folder_without_a_program_says_so() {
    let c = Clinic::bare();
    assert_snapshot!(c.run(&["status"]), @r##"
    exit 1
    --- err
    error: could not read the program in clinic
      caused by: No such file or directory (os error 2)
    hint: `-C DIR` names the program's folder; `greenroom init` writes a new program
    "##);
    assert_snapshot!(c.run(&["init"]), @r##"
    exit 2
    --- err
    error: `--engine` is missing, and nobody can be asked here
    hint: `greenroom init --help` shows examples
    "##);
}

#[test]
fn an_edited_program_is_not_resumed() {
    let c = Clinic::ready();
    c.write("upgrade/001_bad.sql", "INSERT INTO nowhere VALUES (1);\n");
    assert_eq!(c.raw(&["rehearse"]).0, 4);
    c.write("upgrade/001_bad.sql", "SELECT 1;\n");
    assert_snapshot!(c.run(&["resume"]), @r##"
    exit 1
    --- err
    error[GR0721]: the program was edited after this plan was made
    hint: put the files back, or `greenroom undo` the run and plan again
    "##);
}

#[test]
fn names_that_do_not_exist_are_refused_with_a_hint() {
    let c = Clinic::ready();
    assert_snapshot!(c.run(&["columns", "--table", "cleint"]), @r##"
    exit 2
    --- err
    error: the source has no table `cleint`
    hint: did you mean `client`?
    "##);
    assert_snapshot!(c.run(&["run", "show", "rehearsal-9"]), @r##"
    exit 1
    --- err
    error[GR0722]: there is no run `rehearsal-9`
    hint: `greenroom runs` lists them
    "##);
    assert_snapshot!(c.run(&["plan", "--show", "beef"]), @r##"
    exit 1
    --- err
    error[GR0722]: no plan begins with `beef`
    hint: `greenroom plan` makes one
    "##);
    assert_snapshot!(c.run(&["drop", "prod.db"]), @r##"
    exit 1
    --- err
    error[GR0503]: the journal does not know a database `prod.db` of ours that stands now
    hint: `greenroom status` lists those that it knows; others are not Greenroom's to drop
    "##);
    assert_snapshot!(c.run(&["explain", "GR9999"]), @r##"
    exit 2
    --- err
    error: there is no code `GR9999`
    hint: `greenroom explain` lists all codes
    "##);
    assert_snapshot!(c.run(&["mask", "preview", "client"]), @r##"
    exit 2
    --- err
    error: the preview shows production's values, and standard output is no terminal
    hint: run it on a terminal, without `--json` and without a pipe or file behind it
    "##);
}
