//! What may be put on record: each decision is a fact, or a refusal that says what is in the way. Made from what is written, what was recorded and the time that is passed in; how
//! gates stand is [`super::gates`]'.

use super::gates::{Sight, Standing};
use super::keys::Asks;
use super::{Asked, Fact, Gate, Kind, Side};
use crate::hash::Hash;
use jiff::Timestamp;

/// Why something is not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What is in the way, in a sentence.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The gates that are not met.
    pub gates: Vec<Standing>,
}

pub(super) fn refused<T>(message: impl Into<String>, hint: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { message: message.into(), hint: hint.into(), gates: Vec::new() })
}

/// That somebody may sign.
pub(super) struct MaySign<'a> {
    /// Who.
    pub(super) by: &'a str,
    /// Hash of what they approve or reject.
    pub(super) of: Hash,
    /// What was asked.
    pub(super) asked: &'a Asked,
    /// With what they have to sign.
    pub(super) asks: Asks,
}

impl<'a> Sight<'a> {
    pub(super) fn known_stage(&self, stage: &str) -> Result<&'a super::Stage, Refused> {
        match self.process.stages.get(stage) {
            Some(s) => Ok(s),
            None => refused(format!("there is no stage `{stage}`"), format!("those of process.toml: {}", self.process.order.join(", "))),
        }
    }

    fn known_gate(&self, gate: &str) -> Result<&'a Gate, Refused> {
        match self.process.gates.get(gate) {
            Some(g) => Ok(g),
            None => {
                let all: Vec<&str> = self.process.gates.keys().map(String::as_str).collect();
                refused(format!("there is no gate `{gate}`"), format!("those of process.toml: {}", all.join(", ")))
            }
        }
    }

    /// Enters a stage.
    ///
    /// # Errors
    /// What is in the way: the stages before, or the gates.
    pub fn enter(&self, stage: &str) -> Result<Fact, Refused> {
        let written = self.known_stage(stage)?;
        let now = self.state.stage(stage);
        if now.is_on() {
            return refused(format!("`{stage}` was entered already"), format!("`greenroom stage leave {stage}` ends it"));
        }
        if now.is_over() {
            return refused(format!("`{stage}` ended well already"), "a stage that ended well is not entered again");
        }
        let before: Vec<&str> = written.after.iter().filter(|s| !self.state.stage(s).is_over()).map(String::as_str).collect();
        if !before.is_empty() {
            return refused(
                format!("`{stage}` comes after {}, which has not ended well yet", before.join(", ")),
                "`greenroom stage` shows where everything stands",
            );
        }
        let (required, recommended) = self.unmet(stage, Side::Entry);
        if !required.is_empty() {
            let message = format!("`{stage}` cannot be entered: {} not met", counted(required.len()));
            return Err(Refused { message, hint: "`greenroom why GATE` explains each".into(), gates: required });
        }
        Ok(Fact::StageEntered { stage: stage.to_owned(), despite: recommended.into_iter().map(|s| s.gate).collect() })
    }

    /// Leaves a stage, with a good result or a bad one.
    ///
    /// # Errors
    /// When it is not on, or a good result has gates that are not met.
    pub fn leave(&self, stage: &str, good: bool) -> Result<Fact, Refused> {
        self.known_stage(stage)?;
        if !self.state.stage(stage).is_on() {
            return refused(format!("`{stage}` is not on"), format!("`greenroom stage enter {stage}` begins it"));
        }
        let (required, recommended) = if good { self.unmet(stage, Side::Exit) } else { Default::default() };
        if !required.is_empty() {
            let message = format!("`{stage}` cannot end well: {} not met", counted(required.len()));
            return Err(Refused {
                message,
                hint: "`greenroom why GATE` explains each; `--failed` ends it with a bad result".into(),
                gates: required,
            });
        }
        if good && let Some((audit, why)) = self.unfinished_audit(stage) {
            let message = format!("`{stage}` cannot end well: the audit `{audit}` {why}");
            return refused(
                message,
                format!(
                    "`greenroom audit show {audit}` shows how it stands; `--failed` ends the stage with a bad result, and its next try begins the audit anew"
                ),
            );
        }
        Ok(Fact::StageLeft { stage: stage.to_owned(), good, despite: recommended.into_iter().map(|s| s.gate).collect() })
    }

    /// Agrees upon the date of a stage.
    ///
    /// # Errors
    /// When the stage has begun, or what is known forbids the date: it is past, lies outside the window, comes before a wait is over, nobody is there.
    pub fn agree(&self, stage: &str, at: Timestamp) -> Result<Fact, Refused> {
        self.known_stage(stage)?;
        if self.state.stage(stage).entered.is_some() && self.state.stage(stage).left.is_none_or(|(_, good)| good) {
            return refused(format!("`{stage}` has begun already"), "a date is agreed before");
        }
        if at <= self.now {
            return refused(format!("{} is past", self.day(at)), "give a date to come");
        }
        let despite = self.fitting(stage, at)?;
        Ok(Fact::DateAgreed { stage: stage.to_owned(), at, despite })
    }

    /// Asks for approval.
    ///
    /// # Errors
    /// When the gate takes no signatures, or the person is not known.
    pub fn ask(&self, gate: &str, by: Option<&str>) -> Result<Fact, Refused> {
        let written = self.known_gate(gate)?;
        known(by)?;
        if !matches!(written.kind, Kind::SignOff { .. }) {
            return refused(format!("nobody signs at `{gate}`"), format!("`greenroom why {gate}` says what is missing"));
        }
        Ok(Fact::Asked { gate: gate.to_owned(), of: self.content(gate) })
    }

    /// Approves or rejects what was asked.
    ///
    /// # Errors
    /// When the person may not, has asked for it themselves, has signed already, or what was asked has changed.
    pub fn sign(&self, gate: &str, by: Option<&str>, approve: bool) -> Result<Fact, Refused> {
        let may = self.may_sign(gate, by)?;
        if may.asks == Asks::Key {
            let hint = format!(
                "`greenroom gate sign {gate} --key FILE`; or `--statement` prints what `ssh-keygen -Y sign -n greenroom` signs elsewhere, and `--signature FILE` takes that"
            );
            return refused(format!("`{gate}` asks for a signature with a key: who the login says is there is an indication only"), hint);
        }
        Ok(Fact::Signed { gate: gate.to_owned(), approve, of: may.of, key: None })
    }

    /// Whether somebody may sign at a gate, and what.
    pub(super) fn may_sign<'b>(&'b self, gate: &str, by: Option<&'b str>) -> Result<MaySign<'b>, Refused> {
        let written = self.known_gate(gate)?;
        let by = known(by)?;
        let Kind::SignOff { roles, signature, .. } = &written.kind else {
            return refused(format!("nobody signs at `{gate}`"), format!("`greenroom why {gate}` says what is missing"));
        };
        if !self.process.has_role(by, roles) {
            let who = self.with_roles(roles).join(", ");
            return refused(format!("{by} may not sign `{gate}`"), format!("those who may: {who}"));
        }
        let Some(asked) = self.state.asked.get(gate).filter(|a| a.at.number > self.since(written)) else {
            return refused(
                format!("nobody has asked for approval at `{gate}`"),
                format!("`greenroom gate ask {gate}`, by somebody else than who signs"),
            );
        };
        if asked.by == by {
            return refused(format!("{by} asked for this approval, and cannot give it"), "somebody else has to sign");
        }
        let of = self.content(gate);
        if asked.of != of {
            return refused("what was asked has changed since".to_owned(), format!("`greenroom gate ask {gate}` anew"));
        }
        if asked.signed.iter().any(|s| !s.approve) {
            return refused(
                format!("`{gate}` was rejected, which is final"),
                format!("mend what was wrong, then `greenroom gate ask {gate}` anew"),
            );
        }
        if asked.signed.iter().any(|s| s.by == by) {
            return refused(format!("{by} has signed already"), "somebody else has to sign");
        }
        Ok(MaySign { by, of, asked, asks: *signature })
    }

    /// Ticks an item of a checklist, or takes that back.
    ///
    /// # Errors
    /// When there is no such item, or the person may not.
    pub fn tick(&self, gate: &str, item: &str, done: bool, by: Option<&str>) -> Result<Fact, Refused> {
        let written = self.known_gate(gate)?;
        let by = known(by)?;
        let Kind::Checklist { items, roles } = &written.kind else {
            return refused(format!("`{gate}` is no checklist"), format!("`greenroom why {gate}` says what it is"));
        };
        if !self.process.has_role(by, roles) {
            let who = self.with_roles(roles).join(", ");
            return refused(format!("{by} may not tick items of `{gate}`"), format!("those who may: {who}"));
        }
        // By number, counted from 1, or by its words.
        let item = item.parse::<usize>().ok().and_then(|n| items.get(n.checked_sub(1)?)).or_else(|| items.iter().find(|i| *i == item));
        match item {
            Some(item) => Ok(Fact::Ticked { gate: gate.to_owned(), item: item.clone(), done }),
            None => {
                let all: Vec<String> = items.iter().enumerate().map(|(n, i)| format!("{} {i}", n + 1)).collect();
                refused(format!("`{gate}` has no such item"), format!("its items: {}", all.join("; ")))
            }
        }
    }

    /// Lets a gate pass that is not met.
    ///
    /// # Errors
    /// When the person may not, or it is met.
    pub fn waive(&self, gate: &str, by: Option<&str>) -> Result<Fact, Refused> {
        self.known_gate(gate)?;
        self.may_waive(known(by)?, "waive gates")?;
        if self.standing(gate).met {
            return refused(format!("`{gate}` is met"), "there is nothing to waive");
        }
        Ok(Fact::Waived { gate: gate.to_owned() })
    }

    /// Whether somebody has one of the roles that may let something pass.
    pub(super) fn may_waive(&self, by: &str, what: &str) -> Result<(), Refused> {
        if self.process.waivers.is_empty() || !self.process.has_role(by, &self.process.waivers) {
            let who = if self.process.waivers.is_empty() {
                "nobody (`waivers` under `[process]`)".into()
            } else {
                self.with_roles(&self.process.waivers).join(", ")
            };
            return refused(format!("{by} may not {what}"), format!("those who may: {who}"));
        }
        Ok(())
    }

    /// Begins a task.
    ///
    /// # Errors
    /// When its stage is not on, tasks before it are not done, or the person has not its role.
    pub fn start_task(&self, task: &str, by: Option<&str>) -> Result<Fact, Refused> {
        let (written, by) = (self.known_task(task)?, known(by)?);
        self.may_work(task, written, by)?;
        let now = self.task(task);
        if now.done.is_some() {
            return refused(format!("`{task}` is done"), "`greenroom task` shows what comes next");
        }
        if now.started.is_some() {
            let who = now.by.unwrap_or_default();
            return refused(
                format!("`{task}` was begun by {who}"),
                format!("`greenroom task hand-over {task} --to PERSON` lets another go on"),
            );
        }
        if !self.state.stage(&written.stage).is_on() {
            return refused(format!("the stage `{}` is not on", written.stage), format!("`greenroom stage enter {}`", written.stage));
        }
        let open: Vec<&str> = written.after.iter().filter(|t| self.task(t).done.is_none()).map(String::as_str).collect();
        if !open.is_empty() {
            return refused(
                format!("`{task}` comes after {}, which is not done", open.join(", ")),
                "`greenroom task` shows whose turn it is",
            );
        }
        // A rehearsal waits for no approval and no window: it goes before.
        if self.state.in_rehearsal {
            return Ok(Fact::TaskStarted { task: task.to_owned() });
        }
        let shut: Vec<Standing> = written.gates.iter().map(|g| self.standing(g)).filter(|s| !s.met && !s.recommended).collect();
        if !shut.is_empty() {
            let message = format!("`{task}` waits: {} not met", counted(shut.len()));
            return Err(Refused { message, hint: "`greenroom why GATE` explains each".into(), gates: shut });
        }
        self.in_window(task, &written.stage)?;
        Ok(Fact::TaskStarted { task: task.to_owned() })
    }

    /// Ends a task that was begun.
    ///
    /// # Errors
    /// When it was not begun, somebody else does it, or it is done when what it does by itself has gone well.
    pub fn end_task(&self, task: &str, by: Option<&str>, good: bool) -> Result<Fact, Refused> {
        if good {
            self.may_say_done(task, self.known_task(task)?)?;
        }
        self.under_way(task, by)?;
        Ok(if good { Fact::TaskDone { task: task.to_owned() } } else { Fact::TaskFailed { task: task.to_owned() } })
    }

    /// Whether a task is under way, and this person's.
    pub(super) fn under_way(&self, task: &str, by: Option<&str>) -> Result<(), Refused> {
        let (written, by) = (self.known_task(task)?, known(by)?);
        self.may_work(task, written, by)?;
        let now = self.task(task);
        if now.started.is_none() || now.done.is_some() {
            return refused(format!("`{task}` is not under way"), format!("`greenroom task start {task}` begins it"));
        }
        if now.by.as_deref() != Some(by) {
            let who = now.by.unwrap_or_default();
            return refused(format!("{who} does `{task}`"), format!("`greenroom task hand-over {task} --to {by}` lets {by} go on"));
        }
        Ok(())
    }

    /// Lets another person go on with a task.
    ///
    /// # Errors
    /// When it is not under way, or the other has not its role.
    pub fn hand_over(&self, task: &str, by: Option<&str>, to: &str) -> Result<Fact, Refused> {
        let written = self.known_task(task)?;
        known(by)?;
        if !self.process.persons.contains_key(to) {
            let all: Vec<&str> = self.process.persons.keys().map(String::as_str).collect();
            return refused(format!("nobody is called `{to}`"), format!("those of process.toml: {}", all.join(", ")));
        }
        self.may_work(task, written, to)?;
        let now = self.task(task);
        if now.started.is_none() || now.done.is_some() {
            return refused(format!("`{task}` is not under way"), format!("`greenroom task start {task}` begins it"));
        }
        Ok(Fact::TaskHandedOver { task: task.to_owned(), to: to.to_owned() })
    }

    pub(super) fn known_task(&self, task: &str) -> Result<&'a super::Task, Refused> {
        match self.process.tasks.get(task) {
            Some(t) => Ok(t),
            None => refused(format!("there is no task `{task}`"), "`greenroom task` lists them"),
        }
    }

    fn may_work(&self, task: &str, written: &super::Task, person: &str) -> Result<(), Refused> {
        let able = self.owners(written);
        match able.iter().any(|p| p == person) {
            true => Ok(()),
            false => refused(
                format!("`{task}` is not {person}'s: it is for the role `{}`", written.role),
                format!("those who may: {}", able.join(", ")),
            ),
        }
    }
}

pub(super) fn known(by: Option<&str>) -> Result<&str, Refused> {
    match by {
        Some(by) => Ok(by),
        None => refused(
            "nobody in process.toml has your login",
            "give a person `login = \"…\"`, the name by which the operating system knows you",
        ),
    }
}

fn counted(n: usize) -> String {
    format!("{n} gate{} {}", if n == 1 { "" } else { "s" }, if n == 1 { "is" } else { "are" })
}
