//! Whether a gate is met, why not, whose turn it is: judged from what is written, what was recorded and the time that is passed in. What may be recorded is decided elsewhere (`decisions`).

pub use super::decisions::Refused;
pub(super) use super::decisions::{known, refused};
use super::keys::Asks;
use super::{Gate, Kind, Level, Mark, Moment, Process, Proofs, Side, State, TaskState};
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
            Moment::Audited(audit) => self.positive(audit),
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
        let plain = if cases.is_empty() { plain } else { Hash::of_json(&(plain, cases)) };
        let audits = others.iter().filter_map(|(_, g)| if let Kind::Audit { audit } = &g.kind { Some(audit.as_str()) } else { None });
        let plain = self.with_audits(audits, plain);
        self.with_findings(others.iter().filter_map(|(_, g)| if let Kind::Findings(asked) = &g.kind { Some(asked) } else { None }), plain)
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
            Kind::Audit { audit } => self.audit_standing(audit, &base),
            Kind::Findings(asked) => self.findings_standing(asked, &base),
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
        Moment::Audited(audit) => format!("the audit `{audit}` was concluded positive"),
    }
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
