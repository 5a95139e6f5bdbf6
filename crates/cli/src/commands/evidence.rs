//! `greenroom evidence`.

use super::Done;
use super::record::{Covered, covered_by};
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::evidence::{Language, page};
use clap::Args;
use greenroom_model::hash::Hash;
use greenroom_model::process::changes::Noted;
use greenroom_model::process::{Fact, Gate, Kind, Process, Side, runbook};
use greenroom_model::run::{Body, StepState, Verdict};
use greenroom_runner::session::{Session, SessionError};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Write what is handed over: acceptance protocol, gates, sign-offs, tasks, runs, verification, and the record they rest on
///
/// A page without scripts or links, for the screen and for paper, and the same as JSON beside it. Row values are in neither; people's own words, telephone numbers and mail
/// addresses are not either.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom evidence evidence.html\n  greenroom evidence dowody.html --lang pl")]
pub struct EvidenceArgs {
    /// The page; the JSON beside it has the same name with `.json`
    file: PathBuf,
    /// Its language; titles and names are as process.toml has them
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
}

/// Everything that is handed over.
#[derive(Serialize)]
pub struct Pack {
    /// The program's name.
    pub program: String,
    /// When it was made.
    pub made: Timestamp,
    /// Times and people are made up.
    pub simulated: bool,
    /// Events of the record.
    pub events: u64,
    /// Hash of the last one.
    pub head: Hash,
    /// Events at which the clock went back.
    pub clock_went_back_at: Vec<u64>,
    /// In order.
    pub stages: Vec<StageLine>,
    /// By stage, in order.
    pub gates: Vec<GateLine>,
    /// Approvals, rejections and waivers, in order.
    pub sign_offs: Vec<SignOff>,
    /// Items of checklists as they are ticked now.
    pub ticks: Vec<Tick>,
    /// Files that were received.
    pub files: Vec<FileLine>,
    /// The test plan.
    pub cases: Vec<greenroom_model::process::cases::CaseLine>,
    /// Tasks by stage.
    pub tasks: Vec<TaskLine>,
    /// Minutes quoted and taken, and what those cost in hundredths, by party.
    pub times: BTreeMap<String, (u64, u64, u64)>,
    /// Runs in order.
    pub runs: Vec<RunLine>,
    /// Backups from which a restore was proven.
    pub restore_points: Vec<PointLine>,
    /// Requirements and what shows them.
    pub covered: Covered,
    /// Every decision of the process, in order.
    pub decisions: Vec<Decision>,
    /// Changes of the pilot's configuration that people noted as theirs, in order.
    pub notes: Vec<Noted>,
    /// Changes on the pilot that nobody noted as theirs: tables with numbers of rows, and objects of the schema. None where there is nothing to compare with.
    pub nobodys: Option<Vec<(String, u64)>>,
    /// The code of why they could not be read.
    pub nobodys_unread: Option<String>,
    /// Audits with points and findings; what findings are in words is people's own.
    pub audits: Vec<greenroom_model::process::audits::AuditLine>,
    /// What was accepted by name of what Greenroom itself found: gate, code, why.
    pub accepted: Vec<(String, String, String)>,
}

/// A stage.
#[derive(Serialize)]
pub struct StageLine {
    /// Its id.
    pub stage: String,
    /// What people call it.
    pub title: String,
    /// The agreed date.
    pub date: Option<Timestamp>,
    /// When it was entered last.
    pub entered: Option<Timestamp>,
    /// When it was left since.
    pub left: Option<Timestamp>,
    /// With a good result.
    pub good: Option<bool>,
}

/// A gate.
#[derive(Serialize)]
pub struct GateLine {
    /// Its id.
    pub gate: String,
    /// What people call it.
    pub title: String,
    /// The stage.
    pub stage: String,
    /// Entry or exit.
    pub side: Side,
    /// What it asks.
    pub kind: String,
    /// It lets pass; for a stage that is over, it did when that was left.
    pub met: bool,
    /// Because somebody waived it.
    pub waived: bool,
    /// It is only recommended.
    pub recommended: bool,
}

/// An approval, a rejection or a waiver.
#[derive(Serialize)]
pub struct SignOff {
    /// The event.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Where.
    pub gate: String,
    /// Approved, not rejected.
    pub approved: bool,
    /// The gate was waived.
    pub waived: bool,
    /// With a key; by login otherwise.
    pub with_key: bool,
    /// Hash of what they saw.
    pub of: Option<Hash>,
}

/// A ticked item.
#[derive(Serialize)]
pub struct Tick {
    /// The checklist.
    pub gate: String,
    /// The item.
    pub item: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A received file.
#[derive(Serialize)]
pub struct FileLine {
    /// What it is.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// Its bytes.
    pub bytes: u64,
    /// BLAKE3 of its content.
    pub blake3: Hash,
    /// SHA-256 of its content.
    pub sha256: String,
}

/// A task.
#[derive(Serialize)]
pub struct TaskLine {
    /// Its id.
    pub task: String,
    /// What is done.
    pub title: String,
    /// The stage.
    pub stage: String,
    /// Who did it.
    pub by: Option<String>,
    /// Quoted.
    pub minutes_quoted: u64,
    /// Taken.
    pub minutes_taken: Option<u64>,
    /// When it was done.
    pub done: Option<Timestamp>,
}

/// A run.
#[derive(Serialize)]
pub struct RunLine {
    /// Its name.
    pub run: String,
    /// What it was for.
    pub kind: String,
    /// How it ended: `finished`, `undone`, `running`, `undoing`.
    pub phase: String,
    /// When it began.
    pub began: Timestamp,
    /// Its last event.
    pub last: Timestamp,
    /// Milliseconds that its steps took, without waiting for people.
    pub worked_millis: u64,
    /// The plan's hash.
    pub plan: Hash,
    /// What was verified.
    pub verdicts: Vec<Verdict>,
}

/// A proven backup.
#[derive(Serialize)]
pub struct PointLine {
    /// The backup.
    pub backup: String,
    /// When it was proven.
    pub at: Timestamp,
    /// Rows read of its restored copy.
    pub rows: u64,
    /// How long restoring and reading took.
    pub millis: u64,
}

/// A decision of the process.
#[derive(Serialize)]
pub struct Decision {
    /// The event.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The person.
    pub by: Option<String>,
    /// What, as the record calls it.
    pub fact: String,
    /// About what.
    pub about: String,
}

fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Codes that gates accept by name.
fn accepted(process: &Process) -> Vec<(String, String, String)> {
    let of = |(id, g): (&String, &Gate)| match &g.kind {
        Kind::Findings(asked) => asked.accepted.iter().map(|(code, why)| (id.clone(), code.clone(), why.clone())).collect(),
        _ => Vec::new(),
    };
    process.gates.iter().flat_map(of).collect()
}

/// Collects everything.
fn collect(session: &Session, process: &Process) -> Result<Pack, SessionError> {
    let events = session.events()?;
    let history = session.history()?;
    let covered = covered_by(session, &events)?;
    // Gates that were only recommended, and through which somebody went all the same.
    let mut despite: BTreeMap<(String, Side), Vec<String>> = BTreeMap::new();
    for e in &events {
        match &e.body {
            Body::Process { fact: Fact::StageEntered { stage, despite: gates }, .. } => {
                drop(despite.insert((stage.clone(), Side::Entry), gates.clone()))
            }
            Body::Process { fact: Fact::StageLeft { stage, despite: gates, .. }, .. } => {
                drop(despite.insert((stage.clone(), Side::Exit), gates.clone()))
            }
            _ => {}
        }
    }
    let mut pack = session.judged(|sight| {
        let stage = |id: &String| {
            let s = sight.state.stage(id);
            StageLine {
                stage: id.clone(),
                title: process.stages[id].title.clone(),
                date: s.agreed.map(|(date, _)| date),
                entered: s.entered.map(|m| m.at),
                left: s.left.map(|(m, _)| m.at),
                good: s.left.map(|(_, good)| good),
            }
        };
        let mut pack = Pack {
            program: session.program.name.clone(),
            made: sight.now,
            simulated: history.simulated,
            events: events.len() as u64,
            head: events.last().map_or(Hash::ZERO, |e| e.hash),
            clock_went_back_at: history.clock_jumps.clone(),
            stages: process.order.iter().map(stage).collect(),
            gates: Vec::new(),
            sign_offs: Vec::new(),
            ticks: Vec::new(),
            files: Vec::new(),
            cases: process.cases.iter().map(|(id, case)| sight.case(id, case)).collect(),
            tasks: Vec::new(),
            times: BTreeMap::new(),
            runs: Vec::new(),
            restore_points: Vec::new(),
            covered,
            decisions: Vec::new(),
            notes: sight.state.notes.clone(),
            nobodys: None,
            nobodys_unread: None,
            audits: sight.audit_lines(),
            accepted: accepted(process),
        };
        for stage in &process.order {
            let state = sight.state.stage(stage);
            for (id, gate) in process.gates.iter().filter(|(_, g)| g.stage == *stage) {
                let standing = sight.standing(id);
                // A gate through which a stage was passed was met then, whatever the clock says now.
                let passed = match gate.side {
                    Side::Entry => state.entered.is_some(),
                    Side::Exit => state.is_over(),
                };
                pack.gates.push(GateLine {
                    gate: id.clone(),
                    title: gate.title.clone(),
                    stage: stage.clone(),
                    side: gate.side,
                    kind: serde_json::to_value(&gate.kind).ok().and_then(|v| v["kind"].as_str().map(str::to_owned)).unwrap_or_default(),
                    met: match passed {
                        true => !despite.get(&(stage.clone(), gate.side)).is_some_and(|gates| gates.contains(id)),
                        false => standing.met,
                    },
                    waived: standing.waived,
                    recommended: standing.recommended,
                });
            }
            for (id, task) in process.tasks_of(stage) {
                let t = sight.task(id);
                let taken =
                    t.started.zip(t.done).map(|(from, to)| u64::try_from((to.at.duration_since(from).as_secs() + 59) / 60).unwrap_or(0));
                pack.tasks.push(TaskLine {
                    task: id.clone(),
                    title: task.title.clone(),
                    stage: stage.clone(),
                    by: t.by,
                    minutes_quoted: u64::from(task.minutes),
                    minutes_taken: taken,
                    done: t.done.map(|m| m.at),
                });
            }
            for (party, (quoted, taken, cost)) in runbook::sheet(&sight, stage).times {
                let sum = pack.times.entry(party).or_default();
                *sum = (sum.0 + quoted, sum.1 + taken, sum.2 + cost);
            }
        }
        pack.ticks = sight
            .state
            .ticked
            .iter()
            .map(|((gate, item), (by, at))| Tick { gate: gate.clone(), item: item.clone(), by: by.clone(), at: at.at })
            .collect();
        pack
    })?;
    for e in &events {
        let Body::Process { by, fact } = &e.body else { continue };
        let who = || by.clone().unwrap_or_default();
        let value = serde_json::to_value(fact).unwrap_or_default();
        match fact {
            Fact::Signed { gate, approve, of, key } => pack.sign_offs.push(SignOff {
                seq: e.seq,
                at: e.at,
                by: who(),
                gate: gate.clone(),
                approved: *approve,
                waived: false,
                with_key: key.is_some(),
                of: Some(*of),
            }),
            Fact::Waived { gate } => pack.sign_offs.push(SignOff {
                seq: e.seq,
                at: e.at,
                by: who(),
                gate: gate.clone(),
                approved: true,
                waived: true,
                with_key: false,
                of: None,
            }),
            Fact::Received { name, bytes, blake3, sha256, .. } => {
                pack.files.push(FileLine { name: name.clone(), at: e.at, bytes: *bytes, blake3: *blake3, sha256: sha256.clone() })
            }
            _ => {}
        }
        let about: Vec<&str> =
            ["stage", "gate", "task", "item", "name", "to", "integration", "case", "artefact", "audit", "point", "finding"]
                .iter()
                .filter_map(|k| value[*k].as_str())
                .collect();
        let noted = if let Fact::ChangesNoted { note } = fact { Some(crate::render::changes::named(note)) } else { None };
        let fact = value["fact"].as_str().unwrap_or_default().to_owned();
        pack.decisions.push(Decision { seq: e.seq, at: e.at, by: by.clone(), fact, about: noted.unwrap_or_else(|| about.join(": ")) });
    }
    pack.runs = history
        .runs
        .iter()
        .map(|r| RunLine {
            run: r.id.0.clone(),
            kind: r.plan.kind.to_string(),
            phase: word(&r.phase),
            began: r.started,
            last: r.last,
            worked_millis: r.steps.values().map(|s| if let StepState::Finished { outcome, .. } = s { outcome.millis } else { 0 }).sum(),
            plan: r.plan_hash,
            verdicts: r.verdicts.iter().map(|(_, v)| v.clone()).collect(),
        })
        .collect();
    pack.restore_points = history
        .restore_points
        .iter()
        .map(|p| PointLine {
            backup: std::path::Path::new(&p.backup.path).file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
            at: p.at,
            rows: p.rows,
            millis: p.millis,
        })
        .collect();
    Ok(pack)
}

/// Changes on the pilot that nobody noted, where there is a pilot with configuration.
async fn nobodys(session: &Session, pack: &mut Pack) {
    match session.changes_to_note().await {
        Ok(None) => {}
        Ok(Some(changes)) => {
            let rows = changes.tables.iter().filter(|t| t.counts.nobodys > 0).map(|t| (t.table.clone(), t.counts.nobodys));
            let objects = changes.schema.iter().filter(|s| s.noted.is_none());
            let objects = objects.map(|s| (format!("{} {}: {}", s.change.kind, s.change.name, s.change.what.word()), 1));
            pack.nobodys = Some(rows.chain(objects).collect());
        }
        // What is handed over is worth having without a pilot that has gone since.
        Err(e) => pack.nobodys_unread = Some(CliError::from(e).report().code.unwrap_or_default()),
    }
}

pub async fn cmd_evidence(app: &App, args: EvidenceArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    let mut pack = collect(&session, process)?;
    nobodys(&session, &mut pack).await;
    let json_file = args.file.with_extension("json");
    if json_file == args.file {
        return Err(CliError::usage("the page cannot have the name of the JSON beside it", "give it another ending, `.html` for example"));
    }
    let mut json = serde_json::to_string_pretty(&pack).map_err(|e| CliError::Bug(format!("a result is no JSON: {e}")))?;
    json.push('\n');
    for (file, text) in [(&json_file, json), (&args.file, page(&pack, process, args.lang))] {
        std::fs::write(file, text).map_err(|source| CliError::Io { attempted: format!("write {}", file.display()), source })?;
    }
    let written = serde_json::json!({ "page": args.file, "json": json_file, "events": pack.events, "head": pack.head });
    app.result(&written, |_| format!("written: {} and {}\n", args.file.display(), json_file.display()))?;
    Ok(Exit::Ok)
}
