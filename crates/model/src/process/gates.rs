//! Whether a gate is met, why not, whose turn it is; and what may be recorded. Every decision is made from what is written, what was recorded and the time that is passed in.

use super::keys::Asks;
use super::{Asked, Fact, Gate, Kind, Level, Mark, Moment, Process, Proofs, Side, State, TaskState};
use crate::hash::Hash;
use jiff::Timestamp;
use serde::Serialize;

/// How a gate stands at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its id.
    pub gate: String,
    /// It lets pass.
    pub met: bool,
    /// Because somebody waived it.
    pub waived: bool,
    /// It is only recommended.
    pub recommended: bool,
    /// Why it is met, or what is missing.
    pub why: String,
    /// Whose turn it is: ids of persons.
    pub turn: Vec<String>,
    /// It cannot be met before.
    pub not_before: Option<Timestamp>,
    /// It is met until then only.
    pub until: Option<Timestamp>,
}

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

/// Everything that a decision is made from.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// What is written.
    pub process: &'a Process,
    /// What was recorded.
    pub state: &'a State,
    /// What runs have proved.
    pub proofs: &'a Proofs,
    /// Now.
    pub now: Timestamp,
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
    /// From when on what is said at a gate counts: what was said before the stage was last entered (or, at its entry, before it last ended badly) was about another try.
    pub(super) fn since(&self, gate: &Gate) -> u64 {
        let stage = self.state.stage(&gate.stage);
        let from = match gate.side {
            Side::Exit => stage.entered,
            Side::Entry => stage.left.filter(|(_, good)| !good).map(|(at, _)| at),
        };
        from.map_or(0, |mark| mark.number)
    }

    /// Where a task stands in this try of its stage: what was done in one that ended badly is to be done again.
    pub fn task(&self, id: &str) -> TaskState {
        let now = self.state.task(id);
        let entered = self.process.tasks.get(id).and_then(|t| self.state.stages.get(&t.stage)).and_then(|s| s.entered);
        match (now.done, entered) {
            (Some(done), Some(entered)) if done.number <= entered.number => TaskState::default(),
            _ => now,
        }
    }

    /// When a moment was.
    pub(super) fn mark(&self, moment: &Moment) -> Option<Mark> {
        match moment {
            Moment::Entered(stage) => self.state.stage(stage).entered,
            Moment::Left(stage) => self.state.stage(stage).left.filter(|(_, good)| *good).map(|(at, _)| at),
            Moment::Done(task) => self.task(task).done,
        }
    }

    /// Hash of what a signature at this gate is about: everything else that is written and recorded on this side of the stage. When it changes, signatures are stale.
    pub fn content(&self, id: &str) -> Hash {
        let Some(gate) = self.process.gates.get(id) else { return Hash::ZERO };
        let since = self.since(gate);
        let others: Vec<_> = self.process.gates_of(&gate.stage, gate.side).collect();
        let ticked = self.state.ticked.iter().filter(|((g, _), (_, at))| others.iter().any(|(o, _)| *o == g) && at.number > since);
        let ticked: Vec<_> = ticked.map(|((g, item), _)| (g, item)).collect();
        let named = |name: &String| others.iter().any(|(_, g)| matches!(&g.kind, Kind::Artefacts { names } if names.contains(name)));
        let received: Vec<_> = self.state.received.iter().filter(|(name, _)| named(name)).map(|(name, (_, hash))| (name, hash)).collect();
        // What waits for this gate comes after it.
        let behind = self.process.behind(id);
        let tasks = self.process.tasks_of(&gate.stage).filter(|(t, _)| !behind.contains(t.as_str()));
        let tasks: Vec<_> = tasks.map(|(t, task)| (t, task, self.task(t).done)).collect();
        let agreed = self.state.stage(&gate.stage).agreed.map(|(date, _)| date);
        let stage = self.process.stages.get(&gate.stage);
        let plain = Hash::of_json(&(&others, stage, ticked, received, tasks, agreed, since));
        let asked = |id: &String, case: &super::cases::Case| {
            others.iter().any(|(_, g)| match &g.kind {
                Kind::TestPlan { cases } if cases.is_empty() => case.stage == g.stage,
                Kind::TestPlan { cases } => cases.contains(id),
                _ => false,
            })
        };
        let cases: Vec<_> =
            self.process.cases.iter().filter(|(id, c)| asked(id, c)).map(|(id, c)| (id, c, self.case(id, c).stands)).collect();
        if cases.is_empty() { plain } else { Hash::of_json(&(plain, cases)) }
    }

    /// People with one of these roles, by themselves or in another's place.
    pub(super) fn with_roles(&self, roles: &std::collections::BTreeSet<String>) -> Vec<String> {
        self.process.persons.keys().filter(|id| self.process.has_role(id, roles)).cloned().collect()
    }

    /// How a gate stands.
    pub fn standing(&self, id: &str) -> Standing {
        let Some(gate) = self.process.gates.get(id) else {
            return Standing { gate: id.to_owned(), why: "there is no such gate".into(), ..Standing::default() };
        };
        let mut standing = self.judged(id, gate);
        standing.recommended = gate.level == Level::Recommend;
        if !standing.met
            && let Some((by, at)) = self.state.waived.get(id).filter(|(_, at)| at.number > self.since(gate))
        {
            let why = format!("waived by {by} on {}; what was missing: {}", self.day(at.at), standing.why);
            standing = Standing { met: true, waived: true, why, turn: Vec::new(), ..standing };
        }
        standing
    }

    pub(super) fn day(&self, at: Timestamp) -> String {
        self.process.calendar.local(at).strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn judged(&self, id: &str, gate: &Gate) -> Standing {
        let base = Standing { gate: id.to_owned(), ..Standing::default() };
        let missing = |why: String| Standing { why, ..base.clone() };
        let met = |why: String| Standing { met: true, why, ..base.clone() };
        let (calendar, since) = (&self.process.calendar, self.since(gate));
        match &gate.kind {
            Kind::Wait { since: moment, at_least, at_most } => {
                let said = said(moment);
                let Some(began) = self.mark(moment).map(|mark| mark.at) else {
                    return missing(format!("it is not on record yet that {said}"));
                };
                let least = at_least.map(|l| (l, calendar.after(began, l)));
                let most = at_most.map(|l| (l, calendar.after(began, l)));
                match (least, most) {
                    (Some((lapse, from)), _) if self.now < from => Standing {
                        not_before: Some(from),
                        ..missing(format!("{said} on {}, and {lapse} must pass: not before {}", self.day(began), self.day(from)))
                    },
                    (_, Some((lapse, until))) if self.now > until => missing(format!(
                        "{said} on {}, more than {lapse} ago: the time for it ended on {}",
                        self.day(began),
                        self.day(until)
                    )),
                    (_, until) => Standing { until: until.map(|(_, u)| u), ..met(format!("{said} on {}", self.day(began))) },
                }
            }
            Kind::LeadTime { at_least } => match self.state.stage(&gate.stage).agreed {
                None => missing(format!("no date is agreed for `{}`: `greenroom stage date {} DATE`", gate.stage, gate.stage)),
                Some((date, agreed)) if calendar.after(agreed, *at_least) > date => {
                    missing(format!("{} was agreed on {}, less than {at_least} before", self.day(date), self.day(agreed)))
                }
                Some((date, agreed)) => met(format!("{} was agreed on {}", self.day(date), self.day(agreed))),
            },
            Kind::Window(window) => match calendar.within(window, self.now) {
                Some(until) => Standing { until: Some(until), ..met(format!("the window is open until {}", self.day(until))) },
                None => {
                    let next = calendar.next_window(window, self.now);
                    let said =
                        next.map_or("no window opens within a year".to_owned(), |n| format!("the next window opens {}", self.day(n)));
                    Standing { not_before: next, ..missing(said) }
                }
            },
            Kind::SignOff { roles, of, signature } => self.signed(id, roles, (*of, *signature), since, &base),
            Kind::Checklist { items, roles } => {
                let ticked = |item: &&String| {
                    let tick = self.state.ticked.get(&(id.to_owned(), (*item).clone()));
                    tick.is_some_and(|(_, at)| at.number > since)
                };
                let open: Vec<&str> = items.iter().filter(|i| !ticked(i)).map(String::as_str).collect();
                match open.is_empty() {
                    true => met(format!("all {} items are ticked", items.len())),
                    false => Standing { turn: self.with_roles(roles), ..missing(format!("not ticked: {}", open.join("; "))) },
                }
            }
            Kind::Artefacts { names } => {
                let open: Vec<&str> = names.iter().filter(|n| !self.state.received.contains_key(*n)).map(String::as_str).collect();
                match open.is_empty() {
                    true => met(format!("received: {}", names.join(", "))),
                    false => missing(format!("not received: {}", open.join(", "))),
                }
            }
            Kind::Tasks => {
                let tasks: Vec<_> = self.process.tasks_of(&gate.stage).collect();
                let open: Vec<_> = tasks.iter().filter(|(t, _)| self.task(t).done.is_none_or(|at| at.number <= since)).collect();
                let mut turn: Vec<String> = open
                    .iter()
                    .flat_map(|(t, task)| match self.task(t).by {
                        Some(by) => vec![by],
                        None => self.with_roles(&[task.role.clone()].into()),
                    })
                    .collect();
                turn.sort();
                turn.dedup();
                match open.is_empty() {
                    true => met(format!("all {} tasks are done", tasks.len())),
                    false => {
                        let names: Vec<&str> = open.iter().map(|(t, _)| t.as_str()).collect();
                        Standing { turn, ..missing(format!("not done: {}", names.join(", "))) }
                    }
                }
            }
            Kind::Run { what: super::Proof::GoLive, .. } if gate.side == Side::Exit => {
                // The go-live of this stage, not of an earlier one.
                let entered = self.state.stage(&gate.stage).entered.map(|m| m.at);
                match self.proofs.went_live.filter(|at| entered.is_some_and(|e| *at >= e)) {
                    Some(at) => met(format!("users work in the new production since {}", self.day(at))),
                    None => missing(proof_missing(super::Proof::GoLive).to_owned()),
                }
            }
            Kind::TestPlan { cases } => self.test_plan(&gate.stage, cases, since, base),
            Kind::Run { what, at_most } => {
                let at = self.proofs.proved.get(what).copied();
                // What was proved goes stale where the gate says after what time.
                let stale = at_most.zip(at).map(|(lapse, at)| (lapse, at, calendar.after(at, lapse)));
                match (self.proofs.hold.contains(what), stale) {
                    (false, _) => missing(proof_missing(*what).to_owned()),
                    (true, Some((lapse, at, until))) if self.now > until => {
                        missing(format!("proved on {}, more than {lapse} ago: once more", self.day(at)))
                    }
                    (true, stale) => Standing {
                        until: stale.map(|(.., until)| until),
                        ..met(at.map_or_else(|| "proved".to_owned(), |at| format!("proved on {}", self.day(at))))
                    },
                }
            }
            Kind::Integrations { state, names } => self.integrations_standing(*state, names, &base),
            Kind::RunbookRehearsed => self.runbook_rehearsed(gate, &base),
            Kind::Requirements { names } => self.requirements_standing(names, &base),
        }
    }

    fn signed(
        &self,
        id: &str,
        roles: &std::collections::BTreeSet<String>,
        (of, asks): (u32, Asks),
        since: u64,
        base: &Standing,
    ) -> Standing {
        let missing = |why: String, turn: Vec<String>| Standing { why, turn, ..base.clone() };
        let Some(asked) = self.state.asked.get(id).filter(|a| a.at.number > since) else {
            return missing(format!("nobody has asked for it yet: `greenroom gate ask {id}`"), Vec::new());
        };
        if asked.of != self.content(id) {
            return missing(
                format!("what was asked on {} has changed since: `greenroom gate ask {id}` anew", self.day(asked.at.at)),
                Vec::new(),
            );
        }
        if let Some(no) = asked.signed.iter().find(|s| !s.approve) {
            return missing(format!("rejected by {} on {}: mend it and ask anew", no.by, self.day(no.at)), Vec::new());
        }
        let counts = |s: &&super::Signature| asks.is_login() || s.key.is_some();
        let approved: Vec<&str> = asked.signed.iter().filter(counts).map(|s| s.by.as_str()).collect();
        let shown = |s: &super::Signature| match s.key {
            Some(_) => format!("{} (with a key)", s.by),
            None => format!("{} (by login only: an indication)", s.by),
        };
        let shown = asked.signed.iter().filter(counts).map(shown).collect::<Vec<_>>().join(", ");
        let enough = u32::try_from(approved.len()).unwrap_or(u32::MAX) >= of;
        if enough {
            return Standing { met: true, why: format!("approved by {shown}"), ..base.clone() };
        }
        let turn = self.with_roles(roles).into_iter().filter(|p| *p != asked.by && !approved.contains(&p.as_str())).collect();
        let far = if shown.is_empty() { String::new() } else { format!(": {shown}") };
        let with = if asks == Asks::Key { " with a key" } else { "" };
        missing(format!("{} of {of} approved{with}{far}; asked by {} on {}", approved.len(), asked.by, self.day(asked.at.at)), turn)
    }

    /// The gates of a stage's side that are not met: those required, and those recommended.
    pub fn unmet(&self, stage: &str, side: Side) -> (Vec<Standing>, Vec<Standing>) {
        let open = self.process.gates_of(stage, side).map(|(id, _)| self.standing(id)).filter(|s| !s.met);
        open.partition(|s| !s.recommended)
    }

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
        let by = known(by)?;
        if self.process.waivers.is_empty() || !self.process.has_role(by, &self.process.waivers) {
            let who = if self.process.waivers.is_empty() {
                "nobody (`waivers` under `[process]`)".into()
            } else {
                self.with_roles(&self.process.waivers).join(", ")
            };
            return refused(format!("{by} may not waive gates"), format!("those who may: {who}"));
        }
        if self.standing(gate).met {
            return refused(format!("`{gate}` is met"), "there is nothing to waive");
        }
        Ok(Fact::Waived { gate: gate.to_owned() })
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
            false => {
                refused(format!("`{task}` is not {person}'s: it is for a {}", written.role), format!("those who may: {}", able.join(", ")))
            }
        }
    }

    /// Who may do a task: those with its role, of its party where it names one, and their substitutes.
    pub fn owners(&self, task: &super::Task) -> Vec<String> {
        let of_party =
            |id: &String| task.party.as_ref().is_none_or(|party| self.process.persons.get(id).is_some_and(|p| p.party == *party));
        self.with_roles(&[task.role.clone()].into()).into_iter().filter(of_party).collect()
    }
}

/// What happened at a moment.
pub(super) fn said(moment: &Moment) -> String {
    match moment {
        Moment::Entered(stage) => format!("`{stage}` was entered"),
        Moment::Left(stage) => format!("`{stage}` ended well"),
        Moment::Done(task) => format!("`{task}` was done"),
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

fn proof_missing(what: super::Proof) -> &'static str {
    match what {
        super::Proof::DressRehearsal => "no dress rehearsal of the program as it is: `greenroom dress`",
        super::Proof::RehearsedRollback => "the way back was not tried out: `greenroom rollback --rehearse`",
        super::Proof::RestorePoint => "no backup from which a restore was proven: `greenroom prove BACKUP`",
        super::Proof::VerifiedPilot => "no pilot stands that was verified: `greenroom rehearse`",
        super::Proof::GoLive => "no switch is finished: `greenroom switch`",
    }
}
