//! How long it takes to look at a long process: 60 stages, 1,500 tasks, 20,000 events and three rehearsals on the embedded database. The facts are decided by the model and appended
//! by the real journal (`crates/runner/examples/process_facts.rs`); the times are those of whole processes. Judges `greenroom status` by the median.

use crate::shell::command;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const STAGES: usize = 60;
const TASKS: usize = 25;
const EVENTS: u64 = 20_000;
/// How often each command is run.
const RUNS: usize = 20;
/// The promise for `greenroom status`.
const MOST: Duration = Duration::from_millis(200);

/// Measures. Whether the promise is kept.
pub fn run(greenroom: &Path) -> Result<bool, String> {
    let folder = std::env::temp_dir().join(format!("greenroom-bench-process-{}", std::process::id()));
    let measured = measure(greenroom, &folder);
    drop(fs::remove_dir_all(&folder));
    measured
}

fn measure(greenroom: &Path, folder: &Path) -> Result<bool, String> {
    let program = folder.join("program");
    fs::create_dir_all(&program).map_err(|e| format!("make {}: {e}", program.display()))?;
    let main = "[program]\nname = \"bench\"\n[source]\nengine = \"sqlite\"\npath = \"../source.db\"\n[pilot]\nname = \"pilot.db\"\n\
                [quarantine]\npath = \"quarantine\"\n";
    for (name, text) in
        [("greenroom.toml", main), ("columns.toml", "[t]\nid = \"keep\"\nn = \"keep\"\n"), ("process.toml", &process_toml())]
    {
        fs::write(program.join(name), text).map_err(|e| format!("write {name}: {e}"))?;
    }
    println!("== recording {EVENTS} events");
    facts(&[&folder.to_string_lossy(), "source"])?;
    facts(&[&program.to_string_lossy(), "facts", &EVENTS.to_string()])?;
    for _ in 0..3 {
        timed(greenroom, &program, &["--quiet", "rehearse"])?;
    }
    println!("== {RUNS} runs each");
    let mut kept = true;
    for arguments in [&["status"][..], &["stage"], &["night"]] {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            times.push(timed(greenroom, &program, arguments)?);
        }
        times.sort();
        let median = times[times.len() / 2];
        let promised = arguments == ["status"];
        let most = if promised { format!("   (below {} ms)", MOST.as_millis()) } else { String::new() };
        println!("{:8} least {:>6} ms, median {:>6} ms{most}", arguments.join(" "), times[0].as_millis(), median.as_millis());
        kept &= !promised || median < MOST;
    }
    Ok(kept)
}

/// Runs a command to its end.
fn timed(greenroom: &Path, program: &Path, arguments: &[&str]) -> Result<Duration, String> {
    let mut run = Command::new(greenroom);
    run.arg("-C").arg(program).args(arguments).env("USER", "anna").stdin(Stdio::null());
    let began = Instant::now();
    let output = run.output().map_err(|e| format!("run greenroom: {e}"))?;
    let took = began.elapsed();
    match output.status.success() {
        true => Ok(took),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("greenroom {} failed: {}\n{said}", arguments.join(" "), output.status))
        }
    }
}

/// Has facts recorded.
fn facts(arguments: &[&str]) -> Result<(), String> {
    let mut cargo = command("cargo run --quiet -p greenroom-runner --example process_facts --");
    let ended = cargo.args(arguments).status().map_err(|e| format!("run cargo: {e}"))?;
    if ended.success() { Ok(()) } else { Err(format!("the facts could not be recorded: {ended}")) }
}

/// A process of [`STAGES`] stages with [`TASKS`] tasks and seven gates each; the go-live is the stage after the first half.
fn process_toml() -> String {
    let night = STAGES / 2 + 1;
    let mut text = format!(
        "[process]\ntimezone = \"Europe/Warsaw\"\ngo_live = \"s{night:02}\"\nwaivers = [\"decider\"]\n[party.clinic]\n[party.vendor]\n[party.host]\n"
    );
    let people = [
        ("anna", "clinic", "\"decider\", \"tester\""),
        ("ewa", "clinic", "\"decider\""),
        ("jan", "vendor", "\"decider\""),
        ("ola", "vendor", "\"technician\", \"tester\""),
    ];
    let more: Vec<String> = (1..=16).map(|n| format!("p{n:02}")).collect();
    let more = more.iter().map(|id| (id.as_str(), "host", "\"technician\""));
    for (id, party, roles) in people.into_iter().chain(more) {
        let _ = writeln!(
            text,
            "[person.{id}]\nname = \"{id} of the {party}\"\nparty = \"{party}\"\nroles = [{roles}]\nlogin = \"{id}\"\ntelephone = \"+48 600 000 000\""
        );
    }
    for stage in 1..=STAGES {
        let s = format!("s{stage:02}");
        let before = format!("s{:02}", stage - 1);
        let _ = writeln!(text, "[stage.{s}]\ntitle = \"Stage number {stage}\"");
        if stage > 1 {
            let _ = writeln!(text, "after = [\"{before}\"]");
            let _ = writeln!(
                text,
                "[gate.{s}-waited]\nstage = \"{s}\"\nat = \"entry\"\nkind = \"wait\"\nsince = \"{before}\"\nat_least = \"1 hour\""
            );
        }
        for side in ["entry", "exit"] {
            let items: Vec<String> = (1..=10).map(|n| format!("\"point {n} at the {side} of {s} was looked at by two people\"")).collect();
            let items = items.join(", ");
            let _ = writeln!(
                text,
                "[gate.{s}-{side}-list]\nstage = \"{s}\"\nat = \"{side}\"\nkind = \"checklist\"\nitems = [{items}]\nroles = [\"technician\"]\n\
                 [gate.{s}-{side}-signed]\nstage = \"{s}\"\nat = \"{side}\"\nkind = \"sign-off\"\nroles = [\"decider\"]\nof = 2"
            );
        }
        let _ = writeln!(
            text,
            "[gate.{s}-rehearsed]\nstage = \"{s}\"\nat = \"entry\"\nkind = \"runbook-rehearsed\"\n\
             [gate.{s}-done]\nstage = \"{s}\"\nat = \"exit\"\nkind = \"tasks\""
        );
        for task in 1..=TASKS {
            let _ = writeln!(
                text,
                "[task.{s}-t{task:02}]\ntitle = \"Task {task} of stage {stage}\"\nstage = \"{s}\"\nrole = \"technician\"\nparty = \"vendor\"\nminutes = {}\n\
                 rate = 30000\ninstruction = \"Do what page {task} of the vendor's manual says, and look at the log afterwards\"",
                5 + task % 7 * 5
            );
            // Two by two, each pair after the one before.
            if task > 2 {
                let pair = (task - 1) / 2 * 2;
                let _ = writeln!(text, "after = [\"{s}-t{:02}\", \"{s}-t{pair:02}\"]", pair - 1);
            }
            if task == TASKS - 3 {
                let _ = writeln!(text, "point_of_no_return = true");
                if stage == night {
                    let _ = writeln!(text, "gates = [\"{s}-exit-signed\"]");
                }
            }
        }
    }
    text
}
