//! What is said of an event: what happened, whose turn it is, by when, with which command. Texts that somebody reads on a telephone at night.

use super::decide::Invite;
use super::{Happened, Topic, What};
use crate::process::cases::Outcome;
use crate::process::gates::{Sight, Standing};
use crate::process::{Fact, Gate, Kind, Process, Side, Task, ics, runbook};
use jiff::{SignedDuration, Timestamp};

/// How many gates or tasks are listed before it says how many more there are.
const LISTED: usize = 12;

/// What is said of one side of an event.
pub(super) struct Said {
    /// Of what.
    pub topic: Topic,
    /// Whom it concerns: whose turn it is, or who waits for it.
    pub concerned: Vec<String>,
    /// One line.
    pub subject: String,
    /// Sentences.
    pub lines: Vec<String>,
    /// What to type next.
    pub command: Option<String>,
    /// What it is about.
    pub about: Vec<(&'static str, String)>,
    /// For the calendar.
    pub invite: Option<Invite>,
}

/// A moment in the process's time zone.
pub(super) fn day(process: &Process, at: Timestamp) -> String {
    process.calendar.local(at).strftime("%a %Y-%m-%d %H:%M").to_string()
}

fn name<'p>(process: &'p Process, id: &'p str) -> &'p str {
    match process.persons.get(id) {
        Some(person) => &person.name,
        None if id.is_empty() => "somebody",
        None => id,
    }
}

pub(super) fn names(process: &Process, ids: &[String]) -> String {
    ids.iter().map(|id| name(process, id)).collect::<Vec<_>>().join(", ")
}

/// `` `id`: title ``, or the id alone where there is no other title.
pub(super) fn titled(id: &str, title: &str) -> String {
    if id == title { format!("`{id}`") } else { format!("`{id}` ({title})") }
}

/// A stage's date that an event changed: the stage, the sequence number, the date before, the date now.
type Moved = (String, u32, Option<Timestamp>, Option<Timestamp>);

/// Everything that is said of an event. The sight is that right after it.
pub(super) fn said(program: &str, sight: &Sight<'_>, h: &Happened<'_>, date: Option<Moved>) -> Vec<Said> {
    let Some(fact) = (match h.what {
        What::Fact(fact) => Some(fact),
        What::GoLive { .. } => None,
    }) else {
        return vec![go_live(sight, program)];
    };
    let view = View { sight, by: h.by, at: h.at };
    let mut all: Vec<Said> = view.fact(fact).into_iter().collect();
    all.extend(view.ready(fact));
    all.extend(date.and_then(|date| view.date(program, date)));
    all
}

fn go_live(sight: &Sight<'_>, program: &str) -> Said {
    Said {
        topic: Topic::GoLive,
        concerned: sight.process.persons.keys().cloned().collect(),
        subject: "the go-live is finished: users work in the new production".into(),
        lines: vec![
            format!("The switch of `{program}` is finished. Users work in the new production."),
            "`greenroom stage` shows what remains to be done; `greenroom rollback` shows whether there is a way back, and until when."
                .into(),
        ],
        command: Some("greenroom stage".into()),
        about: Vec::new(),
        invite: None,
    }
}

/// An event and where all stood right after it.
pub(super) struct View<'a> {
    pub(super) sight: &'a Sight<'a>,
    by: &'a str,
    at: Timestamp,
}

impl View<'_> {
    pub(super) fn by(&self) -> &str {
        name(self.sight.process, self.by)
    }

    fn day(&self, at: Timestamp) -> String {
        day(self.sight.process, at)
    }

    pub(super) fn stage_title(&self, id: &str) -> String {
        titled(id, self.sight.process.stages.get(id).map_or(id, |s| &s.title))
    }

    fn gate_title(&self, id: &str) -> String {
        titled(id, self.sight.process.gates.get(id).map_or(id, |g| &g.title))
    }

    fn task_title(&self, id: &str) -> String {
        titled(id, self.sight.process.tasks.get(id).map_or(id, |t| &t.title))
    }

    /// Everybody who has something to do with a stage: whoever does its tasks, and those who sign or tick at its gates.
    pub(super) fn of_stage(&self, stage: &str) -> Vec<String> {
        let process = self.sight.process;
        let tasks = process.tasks_of(stage).flat_map(|(_, t)| self.sight.owners(t));
        let gates = process.gates.values().filter(|g| g.stage == stage).flat_map(|g| match &g.kind {
            Kind::SignOff { roles, .. } => self.sight.with_roles(roles),
            Kind::Checklist { roles, .. } if !roles.is_empty() => self.sight.with_roles(roles),
            Kind::Audit { audit } => process.audits.get(audit).map(|a| self.sight.auditors(a)).unwrap_or_default(),
            _ => Vec::new(),
        });
        let mut all: Vec<String> = tasks.chain(gates).collect();
        all.sort();
        all.dedup();
        all
    }

    /// What is not met on a side of a stage, one line each.
    fn open(&self, stage: &str, side: Side) -> Vec<String> {
        let process = self.sight.process;
        let (required, recommended) = self.sight.unmet(stage, side);
        let line = |s: &Standing| {
            let turn = if s.turn.is_empty() { String::new() } else { format!(" Whose turn it is: {}.", names(process, &s.turn)) };
            let word = if s.recommended { " (recommended)" } else { "" };
            format!("  - {}{word}: {}.{turn}", s.gate, s.why)
        };
        let all: Vec<&Standing> = required.iter().chain(&recommended).collect();
        let mut lines: Vec<String> = all.iter().take(LISTED).map(|s| line(s)).collect();
        if all.len() > LISTED {
            lines.push(format!("  - and {} more: `greenroom stage`", all.len() - LISTED));
        }
        lines
    }

    /// By when, where a date to come is agreed for the stage of a gate.
    fn by_when(&self, gate: &Gate) -> Option<String> {
        let (date, _) = self.sight.state.stage(&gate.stage).agreed.filter(|(date, _)| *date > self.at)?;
        (gate.side == Side::Entry).then(|| format!("By when: `{}` is agreed for {}.", gate.stage, self.day(date)))
    }

    fn fact(&self, fact: &Fact) -> Option<Said> {
        let process = self.sight.process;
        let by = self.by();
        let one = |topic, concerned: Vec<String>, subject: String, lines: Vec<String>, command: Option<String>, about| {
            Some(Said { topic, concerned, subject, lines, command, about, invite: None })
        };
        match fact {
            Fact::StageEntered { stage, despite } => {
                let mut lines = vec![format!("{by} has entered the stage {}.", self.stage_title(stage))];
                if !despite.is_empty() {
                    lines.push(format!("That was recommended otherwise, which is on record: {}.", despite.join(", ")));
                }
                let open = self.open(stage, Side::Exit);
                lines.push(if open.is_empty() { "Nothing is in the way of its end.".into() } else { "Before it can end well:".into() });
                lines.extend(open);
                let about = vec![("stage", stage.clone())];
                one(Topic::StageEntered, self.of_stage(stage), format!("`{stage}` has begun"), lines, Some("greenroom stage".into()), about)
            }
            Fact::StageLeft { stage, good, .. } => {
                let mut lines =
                    vec![format!("{by} has ended the stage {}, {}.", self.stage_title(stage), if *good { "well" } else { "badly" })];
                if *good {
                    for next in process.order.iter().filter(|s| process.stages.get(*s).is_some_and(|x| x.after.contains(stage))) {
                        let open = self.open(next, Side::Entry);
                        let stage = self.stage_title(next);
                        lines.push(match open.is_empty() {
                            true => format!("Next is {stage}, and nothing blocks it: `greenroom stage enter {next}`."),
                            false => format!("Next is {stage}. Before it can be entered:"),
                        });
                        lines.extend(open);
                    }
                } else {
                    lines.push(
                        "It can be entered again. What was ticked, signed or waived for this try does not count for the next one.".into(),
                    );
                }
                let word = if *good { "has ended well" } else { "has ended badly" };
                let about = vec![("stage", stage.clone())];
                one(Topic::StageLeft, self.of_stage(stage), format!("`{stage}` {word}"), lines, Some("greenroom stage".into()), about)
            }
            Fact::Asked { gate, of } => {
                let written = process.gates.get(gate)?;
                let turn = self.sight.standing(gate).turn;
                let side = if written.side == Side::Entry { "entering" } else { "leaving" };
                let mut lines = vec![
                    format!("{by} asks for approval at {}, before {side} {}.", self.gate_title(gate), self.stage_title(&written.stage)),
                    format!("It is about what stands now ({}): when something of it changes, it is asked anew.", of.short()),
                    format!("Whose turn it is: {}.", names(process, &turn)),
                ];
                lines.extend(self.by_when(written));
                lines.push("Look at it, then approve of it, or reject it with `--reject`, which is final until it is asked anew:".into());
                let about = vec![("gate", gate.clone()), ("stage", written.stage.clone())];
                one(
                    Topic::Asked,
                    turn,
                    format!("your approval is asked: `{gate}`"),
                    lines,
                    Some(format!("greenroom gate sign {gate}")),
                    about,
                )
            }
            Fact::Signed { gate, approve, .. } => {
                let written = process.gates.get(gate)?;
                let standing = self.sight.standing(gate);
                let asked = self.sight.state.asked.get(gate).map(|a| a.by.clone()).filter(|a| !a.is_empty());
                let verb = if *approve { "approved of" } else { "rejected" };
                let mut lines = vec![format!("{by} has {verb} what was asked at {}.", self.gate_title(gate))];
                lines.push(match (approve, standing.met) {
                    (true, true) => "The gate is met.".into(),
                    (true, false) => format!("It is not met yet: {}. Whose turn it is: {}.", standing.why, names(process, &standing.turn)),
                    (false, _) => {
                        "That is final until it is asked anew, after what was wrong is mended. What was said to it: `greenroom record`."
                            .into()
                    }
                });
                let mut concerned: Vec<String> = asked.into_iter().collect();
                if *approve {
                    concerned.extend(standing.turn.iter().cloned());
                }
                let topic = if *approve { Topic::Signed } else { Topic::Rejected };
                let about = vec![("gate", gate.clone()), ("stage", written.stage.clone())];
                let word = if *approve { "approved" } else { "rejected" };
                one(topic, concerned, format!("`{gate}` is {word}"), lines, Some(format!("greenroom why {gate}")), about)
            }
            Fact::Waived { gate } => {
                let written = process.gates.get(gate)?;
                let standing = self.sight.standing(gate);
                let lines = vec![format!("{by} lets {} pass although it is not met: {}.", self.gate_title(gate), standing.why)];
                let about = vec![("gate", gate.clone()), ("stage", written.stage.clone())];
                let who = self.of_stage(&written.stage);
                one(Topic::Waived, who, format!("`{gate}` is waived"), lines, Some(format!("greenroom why {gate}")), about)
            }
            Fact::Received { name, bytes, sha256, link, .. } => {
                let stages: Vec<&Gate> =
                    process.gates.values().filter(|g| matches!(&g.kind, Kind::Artefacts { names } if names.contains(name))).collect();
                let came = match link {
                    Some(_) => format!("A file came by the link for {by}: `{name}`, {bytes} bytes."),
                    None => format!("{by} has put a received file on record: `{name}`, {bytes} bytes."),
                };
                let lines = vec![came, format!("SHA-256: {sha256}")];
                let concerned = stages.iter().flat_map(|g| self.of_stage(&g.stage)).collect();
                one(Topic::Received, concerned, format!("`{name}` is received"), lines, None, vec![("artefact", name.clone())])
            }
            Fact::TaskStarted { task } => {
                let written = process.tasks.get(task)?;
                let end = self.at + SignedDuration::from_mins(i64::from(written.minutes));
                let mut lines = vec![format!("{by} has begun {}.", self.task_title(task))];
                if written.minutes > 0 {
                    lines.push(format!("Quoted: {} minutes, until {}.", written.minutes, self.day(end)));
                }
                self.about_task(Topic::TaskStarted, task, written, format!("`{task}` is under way"), lines, self.waiting(task))
            }
            Fact::TaskDone { task } | Fact::TaskDoneByHand { task } | Fact::TaskRan { task, good: true, .. } => {
                let written = process.tasks.get(task)?;
                let lines = vec![format!("{by} has done {}.", self.task_title(task))];
                self.about_task(Topic::TaskDone, task, written, format!("`{task}` is done"), lines, self.waiting(task))
            }
            Fact::TaskFailed { task } | Fact::TaskRan { task, good: false, .. } => {
                let written = process.tasks.get(task)?;
                let waiting = self.waiting(task);
                let mut lines = vec![
                    format!("{} could not be done; {by} says so. What was said to it: `greenroom record`.", self.task_title(task)),
                    format!("It can be begun again, by {}.", names(process, &self.sight.owners(written))),
                ];
                if !waiting.is_empty() {
                    lines.push(format!("Who waits for it: {}.", names(process, &waiting)));
                }
                if written.point_of_no_return {
                    lines.push("It is a point of no return.".into());
                }
                let concerned = self.sight.owners(written).into_iter().chain(waiting).collect();
                self.about_task(Topic::TaskFailed, task, written, format!("`{task}` FAILED"), lines, concerned)
            }
            Fact::TaskHandedOver { task, to } => {
                let written = process.tasks.get(task)?;
                let lines = vec![format!("{by} has handed over {}: {} goes on with it.", self.task_title(task), name(process, to))];
                let concerned = vec![to.clone()];
                let mut said = self.about_task(
                    Topic::HandedOver,
                    task,
                    written,
                    format!("`{task}` is {}'s now", name(process, to)),
                    lines,
                    concerned,
                )?;
                said.about.push(("person", to.clone()));
                Some(said)
            }
            Fact::CaseJudged { case, outcome, on, .. } if *outcome != Outcome::Passed => {
                let written = process.cases.get(case)?;
                let lines = vec![
                    format!(
                        "{by} has tried {} on generation {} of the pilot: {}.",
                        titled(case, &written.title),
                        on.generation,
                        outcome.word()
                    ),
                    "What was said to it: `greenroom test-plan show`.".into(),
                ];
                let about = vec![("case", case.clone()), ("stage", written.stage.clone())];
                let subject = format!("test case `{case}`: {}", outcome.word());
                let command = Some(format!("greenroom test-plan show {case}"));
                one(Topic::CaseFailed, self.of_stage(&written.stage), subject, lines, command, about)
            }
            _ => self.of_audits(fact),
        }
    }

    fn about_task(&self, topic: Topic, id: &str, task: &Task, subject: String, lines: Vec<String>, concerned: Vec<String>) -> Option<Said> {
        let command = Some(match topic {
            Topic::HandedOver => format!("greenroom task done {id}"),
            Topic::TaskFailed => format!("greenroom task start {id}"),
            _ => "greenroom task".to_owned(),
        });
        Some(Said {
            topic,
            concerned,
            subject,
            lines,
            command,
            about: vec![("task", id.to_owned()), ("stage", task.stage.clone())],
            invite: None,
        })
    }

    /// Whoever does the tasks that come right after this one.
    fn waiting(&self, task: &str) -> Vec<String> {
        let mut all: Vec<String> =
            self.sight.process.tasks.values().filter(|t| t.after.contains(task)).flat_map(|t| self.sight.owners(t)).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Tasks that can be begun now, and could not before this.
    fn ready(&self, fact: &Fact) -> Vec<Said> {
        let (process, state) = (self.sight.process, self.sight.state);
        let go = |t: &Task| t.after.iter().all(|a| state.task(a).done.is_some()) && t.gates.iter().all(|g| self.sight.standing(g).met);
        let freed = |id: &String, t: &Task| match fact {
            Fact::StageEntered { stage, .. } => t.stage == *stage && go(t),
            Fact::Signed { gate, approve: true, .. } | Fact::Waived { gate } => {
                t.gates.contains(gate) && state.stage(&t.stage).is_on() && go(t)
            }
            Fact::TaskDone { task } | Fact::TaskDoneByHand { task } | Fact::TaskRan { task, good: true, .. } => {
                t.after.contains(task) && state.stage(&t.stage).is_on() && go(t)
            }
            // A try in vain makes it somebody's turn again.
            Fact::TaskFailed { task } | Fact::TaskRan { task, good: false, .. } => id == task,
            _ => false,
        };
        let open = |id: &String| state.task(id).done.is_none() && state.task(id).started.is_none();
        let said = |(id, task): (&String, &Task)| {
            let owners = self.sight.owners(task);
            let end = self.at + SignedDuration::from_mins(i64::from(task.minutes));
            let mut lines = vec![match fact {
                Fact::TaskFailed { .. } | Fact::TaskRan { good: false, .. } => {
                    format!("The task {} can be begun again.", self.task_title(id))
                }
                _ => format!("The task {} can be begun: everything before it is done.", self.task_title(id)),
            }];
            lines.push(match owners.is_empty() {
                true => format!("Nobody may do it: nobody has the role `{}`.", task.role),
                false => format!("Whose turn it is: {}.", names(process, &owners)),
            });
            if task.minutes > 0 {
                lines.push(format!("Quoted: {} minutes; begun now, until {}.", task.minutes, self.day(end)));
            }
            if task.point_of_no_return {
                lines.push("It is a point of no return: from there on nothing goes back by itself.".into());
            }
            if let Some(instruction) = &task.instruction {
                lines.push("What is to be done:".into());
                lines.extend(instruction.lines().map(|l| format!("    {l}")));
            }
            lines.push("Say that you begin:".into());
            Said {
                topic: Topic::TaskReady,
                concerned: owners,
                subject: format!("your turn: {}", task.title),
                lines,
                command: Some(format!("greenroom task start {id}")),
                about: vec![("task", id.clone()), ("stage", task.stage.clone())],
                invite: None,
            }
        };
        process.tasks.iter().filter(|(id, t)| open(id) && freed(id, t)).map(said).collect()
    }

    /// A date that was agreed, has moved, or is off.
    fn date(&self, program: &str, (stage, sequence, before, date): Moved) -> Option<Said> {
        let start = date.or(before)?;
        let title = self.stage_title(&stage);
        let by = self.by();
        let (subject, line) = match (before, date) {
            (_, None) => {
                (format!("`{stage}` is off"), format!("{title} ended badly, and its date, {}, does not stand any more.", self.day(start)))
            }
            (None, Some(date)) => (
                format!("`{stage}` is agreed for {}", self.day(date)),
                format!("{by} has put on record that {title} is to begin on {}.", self.day(date)),
            ),
            (Some(old), Some(date)) => (
                format!("`{stage}` has moved to {}", self.day(date)),
                format!("{by} has put on record that {title} is to begin on {}, and not on {}.", self.day(date), self.day(old)),
            ),
        };
        let mut lines = vec![line];
        let open = if date.is_some() { self.open(&stage, Side::Entry) } else { Vec::new() };
        if !open.is_empty() {
            lines.push("Before it can be entered:".into());
            lines.extend(open);
        }
        let planned = runbook::sheet(&Sight { now: start, ..*self.sight }, &stage).end.filter(|end| *end > start);
        let hour = SignedDuration::from_hours(1);
        let invite = Invite {
            uid: ics::uid(&(program, "stage", &stage)),
            stage: stage.clone(),
            sequence,
            cancelled: date.is_none(),
            start,
            end: planned.unwrap_or(start + hour),
            summary: format!("{program}: {}", self.sight.process.stages.get(&stage).map_or(stage.as_str(), |s| &s.title)),
            description: format!("{}\n`greenroom stage` shows how it stands.", lines.join("\n")),
        };
        Some(Said {
            topic: Topic::DateAgreed,
            concerned: self.of_stage(&stage),
            subject,
            lines,
            command: Some("greenroom stage".into()),
            about: vec![("stage", stage)],
            invite: Some(invite),
        })
    }
}
