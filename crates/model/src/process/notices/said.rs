//! What is said of an event: what happened, whose turn it is, by when, with which command. Texts that somebody reads on a telephone at night.

use super::decide::Invite;
use super::words::Words;
use super::{Happened, Topic, What};
use crate::process::cases::Outcome;
use crate::process::gates::{Sight, Standing};
use crate::process::words::{Language, fill, one as word_of};
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
pub(super) fn day(process: &Process, at: Timestamp, language: Language) -> String {
    language.date(&process.calendar.local(at))
}

fn name<'p>(process: &'p Process, id: &'p str) -> &'p str {
    process.persons.get(id).map_or(id, |person| &person.name)
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

/// Everything that is said of an event, in the same order in every language. The sight is that right after it.
pub(super) fn said(program: &str, sight: &Sight<'_>, h: &Happened<'_>, date: Option<Moved>, language: Language) -> Vec<Said> {
    let view = View { sight, by: h.by, at: h.at, w: Words::of(language) };
    let What::Fact(fact) = h.what else {
        return vec![view.go_live(program), view.head()];
    };
    let mut all: Vec<Said> = view.fact(fact).into_iter().collect();
    all.extend(view.ready(fact));
    all.extend(date.and_then(|date| view.date(program, fact, date)));
    if matches!(fact, Fact::StageLeft { .. }) {
        all.push(view.head());
    }
    all
}

/// An event and where all stood right after it.
pub(super) struct View<'a> {
    pub(super) sight: &'a Sight<'a>,
    pub(super) by: &'a str,
    pub(super) at: Timestamp,
    pub(super) w: &'static Words,
}

impl View<'_> {
    pub(super) fn by(&self) -> &str {
        if self.by.is_empty() { self.w.somebody } else { name(self.sight.process, self.by) }
    }

    pub(super) fn day(&self, at: Timestamp) -> String {
        day(self.sight.process, at, self.w.language)
    }

    /// On which day, with what goes before it.
    pub(super) fn on(&self, at: Timestamp) -> String {
        self.w.language.on(&self.sight.process.calendar.local(at))
    }

    fn go_live(&self, program: &str) -> Said {
        Said {
            topic: Topic::GoLive,
            concerned: self.sight.process.persons.keys().cloned().collect(),
            subject: self.w.go_live.into(),
            lines: vec![fill(self.w.go_live_says, &[("program", program)]), self.w.go_live_then.into()],
            command: Some("greenroom stage".into()),
            about: Vec::new(),
            invite: None,
        }
    }

    /// The head of the record goes to whoever keeps one; what is in it is the runner's.
    pub(super) fn head(&self) -> Said {
        Said {
            topic: Topic::Head,
            concerned: self.sight.process.persons.keys().cloned().collect(),
            subject: self.w.head.into(),
            lines: [self.w.head_says, self.w.head_keep, self.w.head_check].map(str::to_owned).into(),
            command: Some("greenroom record verify --against FILE".into()),
            about: Vec::new(),
            invite: None,
        }
    }

    /// The word for a gate's kind.
    pub(super) fn kind(&self, gate: &str) -> String {
        let written = self.sight.process.gates.get(gate).and_then(|g| serde_json::to_value(&g.kind).ok());
        let word = written.as_ref().and_then(|v| v.get("kind")?.as_str()).unwrap_or_default();
        self.w.language.kind(word).to_owned()
    }

    pub(super) fn stage_title(&self, id: &str) -> String {
        titled(id, self.sight.process.stages.get(id).map_or(id, |s| &s.title))
    }

    pub(super) fn gate_title(&self, id: &str) -> String {
        titled(id, self.sight.process.gates.get(id).map_or(id, |g| &g.title))
    }

    pub(super) fn task_title(&self, id: &str) -> String {
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
    pub(super) fn open(&self, stage: &str, side: Side) -> Vec<String> {
        let (process, w) = (self.sight.process, self.w);
        let (required, recommended) = self.sight.unmet(stage, side);
        let line = |s: &Standing| {
            let turn = if s.turn.is_empty() { String::new() } else { fill(w.open_turn, &[("names", &names(process, &s.turn))]) };
            let not_before = s.not_before.map(|at| fill(w.open_not_before, &[("on", &self.on(at))])).unwrap_or_default();
            let word = if s.recommended { w.recommended } else { "" };
            let title = self.gate_title(&s.gate);
            let with = [
                ("gate", s.gate.as_str()),
                ("title", &title),
                ("recommended", word),
                ("kind", &self.kind(&s.gate)),
                ("why", &s.why),
                ("not_before", &not_before),
                ("turn", &turn),
            ];
            fill(w.open, &with)
        };
        let all: Vec<&Standing> = required.iter().chain(&recommended).collect();
        let mut lines: Vec<String> = all.iter().take(LISTED).map(|s| line(s)).collect();
        if all.len() > LISTED {
            lines.push(fill(w.more_listed, &[("n", &(all.len() - LISTED).to_string())]));
        }
        lines
    }

    /// By when, where a date to come is agreed for the stage of a gate.
    fn by_when(&self, gate: &Gate) -> Option<String> {
        let (date, _) = self.sight.state.stage(&gate.stage).agreed.filter(|(date, _)| *date > self.at)?;
        (gate.side == Side::Entry).then(|| fill(self.w.by_when, &[("stage", &gate.stage), ("date", &self.day(date))]))
    }

    fn fact(&self, fact: &Fact) -> Option<Said> {
        let (process, w) = (self.sight.process, self.w);
        let by = self.by();
        let one = |topic, concerned: Vec<String>, subject: String, lines: Vec<String>, command: Option<String>, about| {
            Some(Said { topic, concerned, subject, lines, command, about, invite: None })
        };
        match fact {
            Fact::StageEntered { stage, despite } => {
                let mut lines = vec![fill(w.entered_says, &[("by", by), ("title", &self.stage_title(stage))])];
                if !despite.is_empty() {
                    lines.push(fill(w.entered_despite, &[("gates", &despite.join(", "))]));
                }
                let open = self.open(stage, Side::Exit);
                lines.push(if open.is_empty() { w.nothing_before_end } else { w.before_end }.into());
                lines.extend(open);
                let about = vec![("stage", stage.clone())];
                let subject = fill(w.entered, &[("stage", stage)]);
                one(Topic::StageEntered, self.of_stage(stage), subject, lines, Some("greenroom stage".into()), about)
            }
            Fact::StageLeft { stage, good, .. } => {
                let (subject, says) = if *good { (w.left_well, w.left_well_says) } else { (w.left_badly, w.left_badly_says) };
                let mut lines = vec![fill(says, &[("by", by), ("title", &self.stage_title(stage))])];
                if *good {
                    for next in process.order.iter().filter(|s| process.stages.get(*s).is_some_and(|x| x.after.contains(stage))) {
                        let open = self.open(next, Side::Entry);
                        let says = if open.is_empty() { w.next_free } else { w.next_open };
                        lines.push(fill(says, &[("title", &self.stage_title(next)), ("stage", next)]));
                        lines.extend(open);
                    }
                } else {
                    lines.push(w.can_be_entered_again.into());
                }
                let about = vec![("stage", stage.clone())];
                let subject = fill(subject, &[("stage", stage)]);
                one(Topic::StageLeft, self.of_stage(stage), subject, lines, Some("greenroom stage".into()), about)
            }
            Fact::Asked { gate, of } => {
                let written = process.gates.get(gate)?;
                let turn = self.sight.standing(gate).turn;
                let says = if written.side == Side::Entry { w.asked_entry } else { w.asked_exit };
                let (title, stage) = (self.gate_title(gate), self.stage_title(&written.stage));
                let mut lines = vec![
                    fill(says, &[("by", by), ("title", &title), ("stage", &stage)]),
                    fill(w.asked_of, &[("hash", &of.short().to_string())]),
                    fill(w.whose_turn, &[("names", &names(process, &turn))]),
                ];
                lines.extend(self.by_when(written));
                lines.push(w.look_at_it.into());
                let about = vec![("gate", gate.clone()), ("stage", written.stage.clone())];
                one(Topic::Asked, turn, fill(w.asked, &[("gate", gate)]), lines, Some(format!("greenroom gate sign {gate}")), about)
            }
            Fact::Signed { gate, approve, .. } => {
                let written = process.gates.get(gate)?;
                let standing = self.sight.standing(gate);
                let asked = self.sight.state.asked.get(gate).map(|a| a.by.clone()).filter(|a| !a.is_empty());
                let (subject, says) = if *approve { (w.approved, w.approved_says) } else { (w.rejected, w.rejected_says) };
                let mut lines = vec![fill(says, &[("by", by), ("title", &self.gate_title(gate))])];
                lines.push(match (approve, standing.met) {
                    (true, true) => w.gate_met.into(),
                    (true, false) => fill(w.gate_not_met, &[("why", &standing.why), ("names", &names(process, &standing.turn))]),
                    (false, _) => w.rejected_final.into(),
                });
                let mut concerned: Vec<String> = asked.into_iter().collect();
                if *approve {
                    concerned.extend(standing.turn.iter().cloned());
                }
                let topic = if *approve { Topic::Signed } else { Topic::Rejected };
                let about = vec![("gate", gate.clone()), ("stage", written.stage.clone())];
                one(topic, concerned, fill(subject, &[("gate", gate)]), lines, Some(format!("greenroom why {gate}")), about)
            }
            Fact::Waived { gate } => {
                let written = process.gates.get(gate)?;
                let standing = self.sight.standing(gate);
                let lines = vec![fill(w.waived_says, &[("by", by), ("title", &self.gate_title(gate)), ("why", &standing.why)])];
                let about = vec![("gate", gate.clone()), ("stage", written.stage.clone())];
                let who = self.of_stage(&written.stage);
                one(Topic::Waived, who, fill(w.waived, &[("gate", gate)]), lines, Some(format!("greenroom why {gate}")), about)
            }
            Fact::Received { name, bytes, sha256, link, .. } => {
                let stages: Vec<&Gate> =
                    process.gates.values().filter(|g| matches!(&g.kind, Kind::Artefacts { names } if names.contains(name))).collect();
                let bytes = w.language.count(*bytes, &w.bytes);
                let says = if link.is_some() { w.received_by_link } else { w.received_says };
                let lines = vec![fill(says, &[("by", by), ("name", name), ("bytes", &bytes)]), format!("SHA-256: {sha256}")];
                let concerned = stages.iter().flat_map(|g| self.of_stage(&g.stage)).collect();
                one(Topic::Received, concerned, fill(w.received, &[("name", name)]), lines, None, vec![("artefact", name.clone())])
            }
            Fact::TaskStarted { task } => {
                let written = process.tasks.get(task)?;
                let mut lines = vec![fill(w.begun, &[("by", by), ("title", &self.task_title(task))])];
                lines.extend(self.quoted(w.quoted, written.minutes, self.at));
                self.about_task(Topic::TaskStarted, task, written, fill(w.under_way, &[("task", task)]), lines, self.waiting(task))
            }
            Fact::TaskDone { task } | Fact::TaskDoneByHand { task } | Fact::TaskRan { task, good: true, .. } => {
                let written = process.tasks.get(task)?;
                let lines = vec![fill(w.done_says, &[("by", by), ("title", &self.task_title(task))])];
                self.about_task(Topic::TaskDone, task, written, fill(w.done, &[("task", task)]), lines, self.waiting(task))
            }
            Fact::TaskFailed { task } | Fact::TaskRan { task, good: false, .. } => {
                let written = process.tasks.get(task)?;
                let waiting = self.waiting(task);
                let mut lines = vec![
                    fill(w.failed_says, &[("by", by), ("title", &self.task_title(task))]),
                    fill(w.failed_again, &[("names", &names(process, &self.sight.owners(written)))]),
                ];
                if !waiting.is_empty() {
                    lines.push(fill(w.who_waits, &[("names", &names(process, &waiting))]));
                }
                if written.point_of_no_return {
                    lines.push(w.no_return.into());
                }
                let concerned = self.sight.owners(written).into_iter().chain(waiting).collect();
                self.about_task(Topic::TaskFailed, task, written, fill(w.failed, &[("task", task)]), lines, concerned)
            }
            Fact::TaskHandedOver { task, to } => {
                let written = process.tasks.get(task)?;
                let whose = name(process, to);
                let lines = vec![fill(w.handed_over_says, &[("by", by), ("title", &self.task_title(task)), ("to", whose)])];
                let subject = fill(w.handed_over, &[("task", task), ("to", whose)]);
                let mut said = self.about_task(Topic::HandedOver, task, written, subject, lines, vec![to.clone()])?;
                said.about.push(("person", to.clone()));
                Some(said)
            }
            Fact::CaseJudged { case, outcome, on, .. } if *outcome != Outcome::Passed => {
                let written = process.cases.get(case)?;
                let title = titled(case, &written.title);
                let (generation, outcome) = (on.generation.to_string(), word_of(w.language.outcomes(), outcome.word()));
                let with = [("by", by), ("title", &title), ("case", case), ("generation", &generation), ("outcome", outcome)];
                let lines = vec![fill(w.case_says, &with), w.case_said_to_it.into()];
                let about = vec![("case", case.clone()), ("stage", written.stage.clone())];
                let command = Some(format!("greenroom test-plan show {case}"));
                one(Topic::CaseFailed, self.of_stage(&written.stage), fill(w.case, &with), lines, command, about)
            }
            _ => self.of_audits(fact),
        }
    }

    /// What was quoted, and when that is over; nothing where nothing was quoted.
    pub(super) fn quoted(&self, says: &str, minutes: u32, from: Timestamp) -> Option<String> {
        let end = from + SignedDuration::from_mins(i64::from(minutes));
        let with = [("minutes", self.w.minutes(minutes)), ("date", self.day(end)), ("on", self.on(end))];
        (minutes > 0).then(|| fill(says, &with.each_ref().map(|(place, value)| (*place, value.as_str()))))
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
    pub(super) fn waiting(&self, task: &str) -> Vec<String> {
        let mut all: Vec<String> =
            self.sight.process.tasks.values().filter(|t| t.after.contains(task)).flat_map(|t| self.sight.owners(t)).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Tasks that can be begun now, and could not before this.
    fn ready(&self, fact: &Fact) -> Vec<Said> {
        let (process, state, w) = (self.sight.process, self.sight.state, self.w);
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
            let says = match fact {
                Fact::TaskFailed { .. } | Fact::TaskRan { good: false, .. } => w.ready_again,
                _ => w.ready,
            };
            let mut lines = vec![fill(says, &[("title", &self.task_title(id))])];
            lines.push(match owners.is_empty() {
                true => fill(w.nobody_may, &[("role", &task.role)]),
                false => fill(w.whose_turn, &[("names", &names(process, &owners))]),
            });
            lines.extend(self.quoted(w.quoted_now, task.minutes, self.at));
            if task.point_of_no_return {
                lines.push(w.no_return_yet.into());
            }
            if let Some(instruction) = &task.instruction {
                lines.push(w.instruction.into());
                lines.extend(instruction.lines().map(|l| format!("    {l}")));
            }
            lines.push(w.say_begin.into());
            Said {
                topic: Topic::TaskReady,
                concerned: owners,
                subject: fill(w.your_turn, &[("title", &task.title)]),
                lines,
                command: Some(format!("greenroom task start {id}")),
                about: vec![("task", id.clone()), ("stage", task.stage.clone())],
                invite: None,
            }
        };
        process.tasks.iter().filter(|(id, t)| open(id) && freed(id, t)).map(said).collect()
    }

    /// A date that was agreed, has moved, or is off.
    fn date(&self, program: &str, fact: &Fact, (stage, sequence, before, date): Moved) -> Option<Said> {
        let start = date.or(before)?;
        let w = self.w;
        let (subject, says) = match (before, date, fact) {
            (_, None, Fact::DateWithdrawn { .. }) => (w.date_off, w.date_off_withdrawn),
            (_, None, _) => (w.date_off, w.date_off_bad_end),
            (None, Some(_), _) => (w.date_agreed, w.date_agreed_says),
            (Some(_), Some(_), _) => (w.date_moved, w.date_moved_says),
        };
        let (title, on_before) = (self.stage_title(&stage), before.map(|at| self.on(at)).unwrap_or_default());
        let (day, on) = (self.day(start), self.on(start));
        let with = [("by", self.by()), ("stage", &stage), ("title", &title), ("date", &day), ("on", &on), ("on_before", &on_before)];
        let subject = fill(subject, &with);
        let mut lines = vec![fill(says, &with)];
        if matches!(fact, Fact::DateWithdrawn { .. }) {
            lines.push(w.said_to_it.into());
        }
        let open = if date.is_some() { self.open(&stage, Side::Entry) } else { Vec::new() };
        if !open.is_empty() {
            lines.push(w.before_entry.into());
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
            description: format!("{}\n{}", lines.join("\n"), w.calendar_says),
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
