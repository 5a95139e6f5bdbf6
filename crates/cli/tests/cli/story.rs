//! The main job from the first command to the last.

use crate::clinic::Clinic;
use greenroom_testkit::proc::Run;
use insta::assert_snapshot;
use std::fs;

const GOOD: &str = "ALTER TABLE client ADD COLUMN consent INTEGER NOT NULL DEFAULT 0;\n";

fn with_upgrade(script: &str) -> Clinic {
    let c = Clinic::ready();
    c.write("upgrade/001_consent.sql", script);
    c.edit("columns.toml", |t| t.replace("[client]\n", "[client]\nconsent = { keep = true, after_upgrade = true }\n"));
    c
}

#[test]
fn init_writes_a_program_that_only_lacks_peoples_decisions() {
    let c = Clinic::bare();
    assert_snapshot!(c.run(&["init", "--engine", "sqlite", "--source", "prod.db"]), @r##"
    exit 0
    --- out
    ok: wrote the program `clinic` into [DIR]/clinic
      greenroom.toml
      columns.toml
      packs/example.toml
      upgrade/README.md
      verify/example.sql

    4 tables; 9 columns decided by proposal; kinds proposed for 2 tables
    open: 2 columns still to be decided by a person: the lines with `= ?` in columns.toml

    Next
      read columns.toml     the proposals are guesses: people decide
      read greenroom.toml   kinds of tables, the pilot's name, who is let in
      upgrade/              put the vendor's scripts here
      greenroom check       says what is missing
    "##);
    assert_snapshot!(fs::read_to_string(c.path("greenroom.toml")).unwrap().lines().take(22).collect::<Vec<_>>().join("\n"), @r##"
    # A Greenroom program. `greenroom check` says what is missing; `greenroom schema` describes every key for your editor.

    [program]
    name = "clinic"
    # extends = "../kit"              # a kit for one version of the product, shared between clients
    # version_query = "select …"      # one value: the product's version, for upgrade steps with `when`

    # Production. It is only read, but by `greenroom fence` and `greenroom switch`.
    [source]
    engine = "sqlite"
    path = "../prod.db"

    # What people use. Each rehearsal builds a new generation and swaps it in under this name.
    [pilot]
    name = "prod-pilot.db"
    # open_after = "testers"          # open at the end of a green rehearsal; otherwise `greenroom open`
    keep_former_hours = 48

    # Kinds of tables: records (the default), configuration, queue (emptied), history (last days or empty), scratch (not copied).
    #   audit_log = { kind = "history", column = "created_at", days = 90 }
    #   status    = [{ kind = "configuration", where = "t.is_system = 1" }]
    [tables]
    "##);
    assert_snapshot!(c.run(&["columns"]), @r##"
    exit 0
    --- out

    2 columns without a decision, 0 with a proposal

    [Order]
    # select = ?  # undecided: no sign either way: look at what it holds

    [settings]
    # value = ?  # undecided: no sign either way: look at what it holds
    --- err
    next: complete what is left in columns.toml, then `greenroom check`
    "##);
    assert_snapshot!(c.run(&["check"]), @r##"
    exit 1
    --- err
    error[GR0201]: `Order` has a column without a decision: `select`
      hint: `greenroom columns` shows proposals; write a decision for each into columns.toml

    error[GR0201]: `settings` has a column without a decision: `value`
      hint: `greenroom columns` shows proposals; write a decision for each into columns.toml

    note[GR0201]: 2 columns in 2 tables are without a decision

    2 errors, 1 note
    error: the program cannot be run as it is
    hint: do what the findings above say, then `greenroom check` again; `greenroom explain CODE` tells more
    "##);
    assert!(
        c.run(&["init", "--engine", "sqlite", "--source", "prod.db"])
            .starts_with("exit 1\n--- err\nerror: [DIR]/clinic has a `greenroom.toml`")
    );
}

#[test]
fn a_plan_says_everything_before_anything_happens() {
    let c = with_upgrade(GOOD);
    assert_snapshot!(c.run(&["plan"]), @r##"
    exit 0
    --- out
    Plan [HASH] for `clinic`: rehearsal on SQLite
      builds `.prod-pilot.db.gr1.[NONCE]`, which then takes the name `prod-pilot.db`
      a present pilot is kept as `.prod-pilot.db.former.[NONCE]`

    Steps
       1  compare the source with what the plan was made for
       2  create the sealed generation `.prod-pilot.db.gr1.[NONCE]`
       3  tables, types and functions
       4  copy 4 tables, masked in flight
       5  positions of sequences, values to compare
       6  indexes, constraints, triggers
       7  sequences, derived tables, statistics
       8  compare the copy with the source
       9  check that nothing personal or live got through
      10  upgrade 001_consent (1 statement)
      11  check the upgraded generation
      12  check safety once more, just before people come in
      13  keep its configuration as people will find it
      14  give it the name `prod-pilot.db`

    Tables
      table       rows                    columns changed
      Order       all                              0 of 4
      client      all                              3 of 5
      mail_queue  none: it arrives empty
      settings    all                              0 of 2

    Upgrade
      upgrade/001_consent.sql (1 statement, [HASH])
        line   1 ALTER TABLE client

    Rights
      nothing is missing

    Locks on the source
      none that writers notice; the write-ahead log cannot be reset while rows are read

    Load
      1 reader

    Disk
      about [SIZE] read, about [SIZE] needed on the target beside the present pilot

    Created in the source
      nothing

    Consequences
      a failed upgrade script leaves nothing behind: it runs in one transaction
      pilot and generation change names in one atomic act

    Not carried
      journal mode WAL: the copy stands in rollback mode until an application sets WAL

    Expected time
      not known yet: no finished run has measured these steps

    hash [HASH]
    next: `greenroom rehearse --plan [HASH]` does exactly this
    "##);
    assert!(!c.path("prod-pilot.db").exists());
}

#[test]
fn a_rehearsal_makes_a_pilot_and_undo_brings_the_former_one_back() {
    let c = with_upgrade(GOOD);
    assert_snapshot!(c.run(&["rehearse"]), @r##"
    exit 0
    --- out
    Run rehearsal-1: finished
      the new generation stands under the name `prod-pilot.db`

    Verified
      the copy: passed (1 not compared)
        not compared: journal mode WAL: the copy stands in rollback mode until an application sets WAL
      safety before the upgrade: passed
      the upgrade: passed (1 not compared)
        not compared: contents of tables whose columns the upgrade changed or dropped: client
      safety before the swap: passed

    Times
      step                                                          rows  bytes  took  expected
      compare the source with what the plan was made for [TIME]
      create the sealed generation `.prod-pilot.db.gr1.[NONCE]` [TIME]
      tables, types and functions [TIME]
      copy Order                                                      40 [SIZE] [TIME]
      copy client                                                     40 [SIZE] [TIME]
      leave mail_queue empty                                           0 [TIME]
      copy settings                                                    1 [SIZE] [TIME]
      positions of sequences, values to compare [TIME]
      indexes, constraints, triggers [TIME]
      sequences, derived tables, statistics [TIME]
      compare the copy with the source [TIME]
      check that nothing personal or live got through [TIME]
      upgrade 001_consent (1 statement)                                0 [TIME]
      check the upgraded generation [TIME]
      check safety once more, just before people come in [TIME]
      keep its configuration as people will find it                    1 [TIME]
      give it the name `prod-pilot.db` [TIME]
      work in all [TIME]

    Next
      greenroom open --to testers     let testers in
      greenroom run show rehearsal-1  every step and what it found
      greenroom undo rehearsal-1      the former state back
    --- err
    [TIME]: plan [HASH]: 4 tables (2 with masks), [SIZE] to read, 1 upgrade step
    building `.prod-pilot.db.gr1.[NONCE]`
    about [SIZE] to read
    compare the source with what the plan was made for …
    compare the source with what the plan was made for: [TIME]
    create the sealed generation `.prod-pilot.db.gr1.[NONCE]` …
    create the sealed generation `.prod-pilot.db.gr1.[NONCE]`: [TIME]
    tables, types and functions …
    tables, types and functions: [TIME]
    copy Order: 40 rows, [SIZE], [TIME]
    copy client: 40 rows, [SIZE], [TIME]
    copy settings: 1 row, [SIZE], [TIME]
    positions of sequences, values to compare …
    positions of sequences, values to compare: [TIME]
    indexes, constraints, triggers …
    indexes, constraints, triggers: [TIME]
    sequences, derived tables, statistics …
    sequences, derived tables, statistics: [TIME]
    compare the copy with the source …
    the copy: passed (1 not compared)
    compare the copy with the source: [TIME]
    check that nothing personal or live got through …
    safety before the upgrade: passed
    check that nothing personal or live got through: [TIME]
    upgrade 001_consent (1 statement) …
    upgrade 001_consent (1 statement): 0 rows, [TIME]
    check the upgraded generation …
    the upgrade: passed (1 not compared)
    check the upgraded generation: [TIME]
    check safety once more, just before people come in …
    safety before the swap: passed
    check safety once more, just before people come in: [TIME]
    keep its configuration as people will find it …
    keep its configuration as people will find it: 1 row, [TIME]
    give it the name `prod-pilot.db` …
    give it the name `prod-pilot.db`: [TIME]
    "##);
    assert_snapshot!(c.run(&["status"]), @r##"
    exit 0
    --- out
    Program `clinic` on SQLite

    Pilot
      `prod-pilot.db`: generation 1 of run rehearsal-1, [SIZE]
      sealed: nobody but Greenroom can connect
      verified [AGE]: safety before the swap: passed

    Latest run
      rehearsal-1: finished, 17 of 17 steps, began [TIME], last event [AGE]

    Next
      greenroom open --to testers     let testers in
      greenroom run show rehearsal-1  every step and what it found
      greenroom undo rehearsal-1      the former state back
    "##);
    assert_snapshot!(c.run(&["verify"]), @r##"
    exit 0
    --- out
    on request: passed
      compared residual scan of 8 text columns against 42 known values of the source, and for live mail domains
      compared the schema is as it was when the run ended
      measured on schema [HASH]
    "##);
    assert_snapshot!(c.run(&["open", "--to", "testers"]), @r##"
    exit 0
    --- out
    safety before opening: passed
    `prod-pilot.db` is open to testers
    "##);
    for raw in ["Zdzisława", "Grzęda1", "zdzislawa1@", "klinika-raw"] {
        assert!(!c.holds(raw), "`{raw}` is in a file of the program's folder");
    }
    let first = fs::read(c.path("prod-pilot.db")).unwrap();
    let (code, ..) = c.raw(&["rehearse", "--quiet"]);
    assert_eq!(code, 0);
    assert_ne!(fs::read(c.path("prod-pilot.db")).unwrap(), first);
    assert_snapshot!(c.run(&["undo"]), @r##"
    exit 0
    --- out
    Run rehearsal-2: undone
      `prod-pilot.db` is what it was before the run

    Next
      greenroom rehearse  begin anew
    "##);
    assert_eq!(fs::read(c.path("prod-pilot.db")).unwrap(), first);
    assert_snapshot!(c.run(&["runs"]), @r##"
    exit 0
    --- out
      run          stands    began                lasted  steps  plan
      rehearsal-2  undone    [TIME] [TIME]  17/17  [HASH]
      rehearsal-1  finished  [TIME] [TIME]  17/17  [HASH]
    "##);
    assert_snapshot!(c.run(&["seal"]), @r##"
    exit 0
    --- out
    `prod-pilot.db` is sealed
    --- err
    next: `greenroom open --to testers` lets people in again
    "##);
    assert_snapshot!(c.run(&["drop", "prod-pilot.db"]), @r##"
    exit 0
    --- out
    dropped the pilot `prod-pilot.db` ( [SIZE])
    "##);
    assert_snapshot!(c.run(&["drop", "--expired"]), @r##"
    exit 0
    --- out
    nothing to drop: nothing's time is over
    "##);
}

#[test]
fn a_script_that_fails_is_shown_with_its_line_and_leaves_the_pilot_alone() {
    let c = with_upgrade(&format!("{GOOD}\nCREATE UNIQUE INDEX one_status\n  ON client(status);\n"));
    assert_snapshot!(c.run(&["rehearse", "--quiet"]), @r##"
    exit 4
    --- out
    Run rehearsal-1: failed
      the source and what stands under the name `prod-pilot.db` are untouched; the generation `.prod-pilot.db.gr1.[NONCE]` is kept for looking

    Verified
      the copy: passed (1 not compared)
        not compared: journal mode WAL: the copy stands in rollback mode until an application sets WAL
      safety before the upgrade: passed

    Times
      step                                                          rows  bytes  took  expected
      compare the source with what the plan was made for [TIME]
      create the sealed generation `.prod-pilot.db.gr1.[NONCE]` [TIME]
      tables, types and functions [TIME]
      copy Order                                                      40 [SIZE] [TIME]
      copy client                                                     40 [SIZE] [TIME]
      leave mail_queue empty                                           0 [TIME]
      copy settings                                                    1 [SIZE] [TIME]
      positions of sequences, values to compare [TIME]
      indexes, constraints, triggers [TIME]
      sequences, derived tables, statistics [TIME]
      compare the copy with the source [TIME]
      check that nothing personal or live got through [TIME]
      work in all [TIME]

    failed[GR0716]: upgrade 001_consent (2 statements)
      upgrade/001_consent.sql, line 3, statement 2 of 2: UNIQUE constraint failed: client.status [client.status]
            3 | CREATE UNIQUE INDEX one_status
            4 |   ON client(status)
    hint: mend the script or the data's rule in the program, then `greenroom undo` this run and rehearse again; the generation is kept for looking until then

    Next
      greenroom undo rehearsal-1    drop the generation; then mend and try again
      greenroom resume rehearsal-1  try the step again, where the cause lay outside the program
    "##);
    assert!(!c.path("prod-pilot.db").exists());
    assert_snapshot!(c.run(&["rehearse", "--quiet"]), @r##"
    exit 1
    --- err
    error[GR0723]: the run `rehearsal-1` is neither finished nor undone
    hint: `greenroom resume rehearsal-1` goes on, `greenroom undo rehearsal-1` goes back
    "##);
    assert_snapshot!(c.run(&["undo", "--quiet"]), @r##"
    exit 0
    --- out
    Run rehearsal-1: undone
      `prod-pilot.db` is what it was before the run

    Next
      greenroom rehearse  begin anew
    "##);
}

#[test]
fn a_killed_rehearsal_is_resumed() {
    let c = with_upgrade(GOOD);
    // Enough rows that the kill comes before the end.
    c.sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO \"Order\"(\"select\", total) SELECT 'x', i FROM n");
    // On a busy machine a rehearsal may end before the kill arrives: then the next one is killed.
    let resumed = (1..=20).find_map(|_| {
        let rehearsal = Run::new(env!("CARGO_BIN_EXE_greenroom")).folder(&c.path("")).args(["rehearse"]).env("NO_COLOR", "1");
        let ended = rehearsal.kill_at_line(|line| line.contains("copy Order"));
        assert!(ended.code.is_none_or(|code| code == 0), "{}{}", ended.stdout, ended.stderr);
        let latest = c.raw(&["runs"]).1.lines().find(|l| l.contains("rehearsal-")).unwrap_or_default().to_owned();
        (!latest.contains("finished")).then(|| c.raw(&["resume", "--quiet"]))
    });
    let (code, out, err) = resumed.expect("none of twenty rehearsals was killed in time");
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains(": finished"), "{out}");
}

#[test]
fn a_step_for_a_person_waits_with_exit_code_5() {
    let c = with_upgrade(GOOD);
    assert_snapshot!(c.run(&["rehearse", "--by-hand", "--quiet"]), @r##"
    exit 5
    --- out
    Run rehearsal-1: waiting for a person
      the source and what stands under the name `prod-pilot.db` are untouched; the generation `.prod-pilot.db.gr1.[NONCE]` is half built

    Verified
      the copy: passed (1 not compared)
        not compared: journal mode WAL: the copy stands in rollback mode until an application sets WAL
      safety before the upgrade: passed

    a person is needed: upgrade 001_consent (1 statement)

      run these statements in `.prod-pilot.db.gr1.[NONCE]`, in this order:

      ALTER TABLE client ADD COLUMN consent INTEGER NOT NULL DEFAULT 0;

      answer  means
      done    it is done: look at what changed and go on
      failed  it went wrong

    Next
      greenroom answer done         it is done: look at what changed and go on
      greenroom answer failed       it went wrong
      greenroom resume rehearsal-1  go on, once answered
    "##);
    assert_snapshot!(c.run(&["answer", "maybe"]), @r##"
    exit 1
    --- err
    error[GR0722]: `maybe` is no answer to what is asked
    hint: answer `done` or `failed`
    "##);
    assert_snapshot!(c.run(&["answer", "failed"]), @r##"
    exit 0
    --- out
    recorded `failed` for rehearsal-1
    --- err
    next: `greenroom resume`
    "##);
    let (code, ..) = c.raw(&["resume", "--by-hand", "--quiet"]);
    assert_eq!(code, 4);
}

#[test]
fn a_generation_that_was_mended_after_the_safety_check_is_looked_at_again() {
    let c = Clinic::ready();
    c.sql("UPDATE client SET status = 'ask zdzislawa2@klinika-raw.example.org' WHERE id = 1");
    let (code, out, err) = c.raw(&["rehearse"]);
    assert_eq!(code, 4, "{out}{err}");
    assert!(format!("{out}{err}").contains("client.status: mail address of the source in 1 values"), "{out}{err}");
    // Nothing was mended: the same again.
    assert_eq!(c.raw(&["resume"]).0, 4);
    let files = fs::read_dir(c.path("")).unwrap().map(|e| e.unwrap().path());
    let generation = files.filter(|p| p.to_string_lossy().contains(".gr1.")).min_by_key(|p| p.as_os_str().len()).unwrap();
    rusqlite::Connection::open(generation).unwrap().execute_batch("UPDATE client SET status = 'active' WHERE id = 1").unwrap();
    let (code, out, err) = c.raw(&["resume"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn a_template_comes_along_and_is_a_process_without_fault() {
    let c = Clinic::bare();
    let (code, out, err) = c.raw(&["init", "--engine", "sqlite", "--source", "prod.db", "--template", "audited-migration"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("process.toml") && out.contains("adapt names, dates, roles"), "{out}");
    let (code, out, err) = c.raw(&["stage"]);
    assert!(code == 0 && out.contains("audit-1"), "{out}{err}");
    // What the procedure needs of the program is there to be read, and not in force.
    let program = fs::read_to_string(c.path("greenroom.toml")).unwrap();
    assert!(program.contains("# strategy = \"server-move\""), "{program}");
    // A folder with a process is not written over.
    let (code, _, err) = c.raw(&["init", "--engine", "sqlite", "--source", "prod.db", "--template", "pilot-upgrade"]);
    assert!(code == 1 && err.contains("nothing was written"), "{err}");
}
