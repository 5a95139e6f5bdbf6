//! Commands that only show.

use crate::clinic::Clinic;
use insta::assert_snapshot;

#[test]
fn every_command_explains_itself_with_examples() {
    let c = Clinic::bare();
    let commands = [
        "init", "check", "columns", "plan", "rehearse", "status", "runs", "resume", "undo", "answer", "verify", "open", "seal", "drop",
        "schema", "explain",
    ];
    for command in commands {
        let (code, out, _) = c.raw(&[command, "--help"]);
        assert_eq!(code, 0, "{command}");
        assert!(out.contains("Example") && out.contains(&format!("greenroom {command}")), "{command} shows no example:\n{out}");
    }
}

#[test]
fn explain_tells_more_about_a_code() {
    assert_snapshot!(Clinic::bare().run(&["explain", "gr0201"]), @r##"
    exit 0
    --- out
    GR0201: column without a decision

    Every column of the source needs a decision (keep, mask, null, clear or default) before
    the first row is read. A column that nobody decided on might hold anything, so Greenroom
    stops instead of guessing. Run `greenroom columns` to see proposals for what is undecided,
    then write the decision into columns.toml.
    "##);
}

#[test]
fn schemas_are_json() {
    let c = Clinic::bare();
    for file in ["program", "columns", "packs"] {
        let (code, out, _) = c.raw(&["schema", file]);
        assert_eq!(code, 0);
        let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(schema.get("properties").is_some(), "{file}");
    }
}

#[test]
fn a_run_shows_its_steps_and_events() {
    let c = Clinic::ready();
    assert_eq!(c.raw(&["rehearse"]).0, 0);
    assert_snapshot!(c.run(&["run", "show"]), @r##"
    exit 0
    --- out
    Run rehearsal-1: finished
      began [TIME], last event [TIME]
      plan [HASH], generation `.prod-pilot.db.gr1.[NONCE]`, pilot `prod-pilot.db`

    Steps
      step                                                          state  rows  took  key
      compare the source with what the plan was made for            done [TIME]  check-source
      create the sealed generation `.prod-pilot.db.gr1.[NONCE]`  done [TIME]  create
      tables, types and functions                                   done [TIME]  schema-before
      copy Order                                                    done     40 [TIME]  copy:Order
      copy client                                                   done     40 [TIME]  copy:client
      leave mail_queue empty                                        done      0 [TIME]  copy:mail_queue
      copy settings                                                 done      1 [TIME]  copy:settings
      positions of sequences, values to compare                     done [TIME]  source-facts
      indexes, constraints, triggers                                done [TIME]  schema-after
      sequences, derived tables, statistics                         done [TIME]  settle
      compare the copy with the source                              done [TIME]  verify-copy
      check that nothing personal or live got through               done [TIME]  safety-before
      check safety once more, just before people come in            done [TIME]  safety-after
      keep its configuration as people will find it                 done      1 [TIME]  save-base
      give it the name `prod-pilot.db`                              done [TIME]  swap

    [TIME] the copy: passed
      compared 4 tables, 81 rows, every field, masked ones included (digest of what was sent = digest of what is stored)
      compared 4 tables with 13 columns and 5 indexes by definition
      compared positions of 1 sequences
      compared 1 foreign keys (0 proved by the engine, 1 by anti-join)
      not compared journal mode WAL: the copy stands in rollback mode until an application sets WAL
      measured on schema [HASH]

    [TIME] safety before the upgrade: passed
      compared residual scan of 8 text columns against 42 known values of the source, and for live mail domains
      measured on schema [HASH]

    [TIME] safety before the swap: passed
      compared residual scan of 8 text columns against 42 known values of the source, and for live mail domains
      measured on schema [HASH]

    Next
      greenroom open --to testers     let testers in
      greenroom run show rehearsal-1  every step and what it found
      greenroom undo rehearsal-1      the former state back
    "##);
    let events = c.run(&["run", "show", "--events"]);
    assert!(events.contains("run started") && events.contains("step finished") && events.contains("ann"), "{events}");
}

#[test]
fn the_reference_documents_are_what_the_binary_renders() {
    let folder = tempfile::tempdir().unwrap();
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_greenroom")).arg("reference").arg(folder.path()).output().unwrap();
    assert!(done.status.success());
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for file in std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap()) {
        let kept = std::fs::read(docs.join(file.file_name())).unwrap_or_default();
        assert!(
            kept == std::fs::read(file.path()).unwrap(),
            "docs/{} is not what the code says: run `cargo xtask gen`",
            file.file_name().display()
        );
    }
}
