//! `process.toml` as people write it, and what it means. A later layer's entry replaces that of the same id in a kit's.
//! One file for each part of it that takes more than a few lines.

mod artefact;
mod audit;
mod calendar;
mod cases;
mod dates;
mod deed;
mod gate;
mod ics;
mod integration;
mod links;
mod notices;
mod raw;
mod requirement;

use super::{Party, Person, Process, Side, Stage, Task};
use crate::finding::{Finding, Place, any_error};
use crate::program::file::File;
use crate::program::raw::At;
use crate::program::{Layer, PROGRAM_LAYER, structure};
use raw::{KindWord, RawGate, RawProcess};
use std::collections::{BTreeMap, BTreeSet};

/// The file's name.
pub const PROCESS: &str = "process.toml";

/// The JSON schema of `process.toml`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(RawProcess).to_value()
}

/// Reads `process.toml` of every layer. None where no layer has one, or it cannot be understood; then there are findings.
pub fn read(layers: &[Layer]) -> (Option<Process>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut reader = Reader { findings: &mut findings, layers };
    let mut raws = Vec::new();
    for layer in layers.iter().filter(|l| l.files.contains_key(PROCESS)) {
        let text = layer.files.get(PROCESS).map_or("", String::as_str);
        let file = File { layer: &layer.name, own: layer.name == PROGRAM_LAYER, path: PROCESS, text };
        let (raw, _) = structure::read::<RawProcess>(file, reader.findings);
        raws.push((file, raw));
    }
    if raws.is_empty() {
        return (None, findings);
    }
    let process = reader.process(&raws);
    let process = process.filter(|_| !any_error(&findings));
    (process, findings)
}

struct Reader<'f> {
    findings: &'f mut Vec<Finding>,
    layers: &'f [Layer],
}

/// A raw entry with the place of its id.
type Entry<'r, T> = (&'r File<'r>, &'r At<String>, &'r T);

/// The entries of all layers, the last of each id.
fn entries<'r, T>(
    raws: &'r [(File<'r>, RawProcess)],
    of: impl Fn(&'r RawProcess) -> &'r BTreeMap<At<String>, T>,
) -> BTreeMap<String, Entry<'r, T>> {
    let all = raws.iter().flat_map(|(file, raw)| of(raw).iter().map(move |(id, entry)| (id.value.clone(), (file, id, entry))));
    all.collect()
}

impl Reader<'_> {
    fn wrong(&mut self, place: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Finding::error("GR0130", message).at(place).hint(hint));
    }

    fn process(&mut self, raws: &[(File<'_>, RawProcess)]) -> Option<Process> {
        let parties = entries(raws, |r| &r.party);
        let persons = entries(raws, |r| &r.person);
        let stages = entries(raws, |r| &r.stage);
        let gates = entries(raws, |r| &r.gate);
        let tasks = entries(raws, |r| &r.task);
        let integrations = entries(raws, |r| &r.integration);
        let required = entries(raws, |r| &r.requirement);
        let artefacts = entries(raws, |r| &r.artefact);
        let rules = entries(raws, |r| &r.notice);
        let cases = entries(raws, |r| &r.case);
        let audits = entries(raws, |r| &r.audit);
        for (file, id) in parties
            .values()
            .map(|(f, i, _)| (f, i))
            .chain(persons.values().map(|(f, i, _)| (f, i)))
            .chain(stages.values().map(|(f, i, _)| (f, i)))
            .chain(gates.values().map(|(f, i, _)| (f, i)))
            .chain(tasks.values().map(|(f, i, _)| (f, i)))
            .chain(integrations.values().map(|(f, i, _)| (f, i)))
            .chain(required.values().map(|(f, i, _)| (f, i)))
            .chain(artefacts.values().map(|(f, i, _)| (f, i)))
            .chain(rules.values().map(|(f, i, _)| (f, i)))
            .chain(cases.values().map(|(f, i, _)| (f, i)))
            .chain(audits.values().map(|(f, i, _)| (f, i)))
        {
            let fits = !id.value.is_empty()
                && id.value.len() <= 48
                && id.value.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_' || c == '.');
            if !fits {
                self.wrong(file.place(id.span.clone()), format!("`{}` is no id", id.value), "1 to 48 letters, digits, `-`, `_` or `.`");
            }
        }
        let calendar = self.calendar(raws);
        let roles: BTreeSet<String> = persons.values().flat_map(|(_, _, p)| p.roles.iter().cloned()).collect();
        let (stage_ids, task_ids): (BTreeSet<&str>, BTreeSet<&str>) =
            (stages.keys().map(String::as_str).collect(), tasks.keys().map(String::as_str).collect());
        let read_parties: BTreeMap<_, _> =
            parties.iter().map(|(id, (_, _, p))| (id.clone(), Party { title: text(&p.title, id) })).collect();
        let mut read_persons = BTreeMap::new();
        for (id, (file, at, p)) in &persons {
            let place = || file.place(at.span.clone());
            let party = self.named(file, p.party.as_ref(), &parties.keys().map(String::as_str).collect(), "party", place());
            if let Some(s) = &p.substitute
                && (!persons.contains_key(&s.value) || s.value == *id)
            {
                self.wrong(
                    file.place(s.span.clone()),
                    format!("`{}` is nobody who could act for `{id}`", s.value),
                    "name another person of this file",
                );
            }
            let person = Person {
                name: text(&p.name, id),
                party: party.unwrap_or_default(),
                roles: p.roles.iter().cloned().collect(),
                telephone: value(&p.telephone),
                mail: value(&p.mail),
                login: value(&p.login),
                substitute: value(&p.substitute),
                leave: self.leave(file, &p.leave, calendar.as_ref()),
                keys: self.keys(file, &p.keys, &read_persons),
            };
            if let Some(login) = &person.login
                && let Some((other, _)) = read_persons.iter().find(|(_, o): &(&String, &Person)| o.login.as_ref() == Some(login))
            {
                self.wrong(
                    place(),
                    format!("`{id}` has the login of `{other}`"),
                    "who acts on the command line is known by it: give each their own",
                );
            }
            read_persons.insert(id.clone(), person);
        }
        let mut read_stages = BTreeMap::new();
        for (id, (file, _, s)) in &stages {
            let after = s.after.iter().filter_map(|a| self.named(file, Some(a), &stage_ids, "stage", file.place(a.span.clone()))).collect();
            let (prefer, buffer) = self.wishes(file, s);
            read_stages.insert(id.clone(), Stage { title: text(&s.title, id), after, prefer, buffer, covers: s.covers.clone() });
        }
        let place_of = |id: &str| stages.get(id).map(|(file, at, _)| file.place(at.span.clone()));
        let order = self.in_order(&read_stages.iter().map(|(id, s)| (id.as_str(), &s.after)).collect(), "stages", &place_of);
        let mut read_tasks = BTreeMap::new();
        for (id, (file, at, t)) in &tasks {
            let place = || file.place(at.span.clone());
            let stage = self.named(file, t.stage.as_ref(), &stage_ids, "stage", place());
            let role = self.role(file, t.role.as_ref(), &roles, place());
            let party =
                t.party.as_ref().and_then(|p| self.named(file, Some(p), &parties.keys().map(String::as_str).collect(), "party", place()));
            let after: BTreeSet<String> =
                t.after.iter().filter_map(|a| self.named(file, Some(a), &task_ids, "task", file.place(a.span.clone()))).collect();
            let task = Task {
                title: text(&t.title, id),
                stage: stage.unwrap_or_default(),
                role: role.unwrap_or_default(),
                party,
                minutes: t.minutes.as_ref().map_or(0, |m| m.value),
                rate: t.rate.as_ref().map(|r| r.value),
                after,
                gates: t.gates.iter().filter_map(|g| self.go(file, g, t.stage.as_ref().map(|s| s.value.as_str()), &gates)).collect(),
                instruction: value(&t.instruction),
                point_of_no_return: t.point_of_no_return,
                covers: t.covers.clone(),
                does: t.does.as_ref().and_then(|d| self.deed(file, d, None)),
            };
            read_tasks.insert(id.clone(), task);
        }
        for (id, task) in &read_tasks {
            for other in task.after.iter().filter(|a| read_tasks.get(*a).is_some_and(|t| t.stage != task.stage)) {
                let place =
                    tasks.get(id).map(|(file, at, _)| file.place(at.span.clone())).unwrap_or(Place { file: PROCESS.into(), span: 0..0 });
                self.wrong(
                    place,
                    format!("`{id}` comes after `{other}`, which belongs to another stage"),
                    "stages come after one another as a whole",
                );
            }
        }
        let place_of = |id: &str| tasks.get(id).map(|(file, at, _)| file.place(at.span.clone()));
        self.in_order(&read_tasks.iter().map(|(id, t)| (id.as_str(), &t.after)).collect(), "tasks", &place_of);
        let names = integration::Names {
            roles: &roles,
            persons: persons.keys().map(String::as_str).collect(),
            parties: parties.keys().map(String::as_str).collect(),
        };
        let integrations = self.integrations(raws, &names);
        let allowed = self.allowed(raws, &integrations);
        let requirements = self.requirements(raws);
        let requirement_ids: BTreeSet<&str> = requirements.keys().map(String::as_str).collect();
        let integration_ids: BTreeSet<&str> = integrations.keys().map(String::as_str).collect();
        let mut read_gates = BTreeMap::new();
        for (id, (file, at, g)) in &gates {
            if let Some(gate) =
                self.gate(id, file, file.place(at.span.clone()), g, &stage_ids, &task_ids, &integration_ids, &requirement_ids, &roles)
            {
                read_gates.insert(id.clone(), gate);
            }
        }
        let go_live = raws.iter().rev().find_map(|(file, r)| Some((file, r.process.as_ref()?.go_live.as_ref()?)));
        let go_live = go_live.map_or_else(Vec::new, |(file, at)| {
            let word = |word: &String| At { value: word.clone(), span: at.span.clone() };
            let words = at.value.words().iter().map(word);
            words.filter_map(|w| self.named(file, Some(&w), &stage_ids, "stage", file.place(at.span.clone()))).collect()
        });
        let waivers = raws.iter().rev().find_map(|(file, r)| Some((file, r.process.as_ref()?.waivers.as_ref()?)));
        let waivers = waivers.map(|(file, at)| self.some_roles(file, at, &roles)).unwrap_or_default();
        let read_artefacts = self.artefacts(&artefacts, &parties.keys().map(String::as_str).collect());
        let cases = self.cases(&cases, &stage_ids, &parties.keys().map(String::as_str).collect(), &roles);
        for (id, gate) in &read_gates {
            let Some((file, at, raw)) = gates.get(id) else { continue };
            let span = raw.cases.as_ref().map_or(&at.span, |c| &c.span);
            self.cases_of_gate(file, span, gate, &cases);
        }
        let audits = self.audits(&audits, &stage_ids, &parties.keys().map(String::as_str).collect(), &roles);
        for (id, gate) in &read_gates {
            let Some((file, at, raw)) = gates.get(id) else { continue };
            self.audits_of_gate(file, at, raw, gate, &audits);
        }
        let known = notices::Known { persons: &read_persons, parties: &read_parties, roles: &roles };
        let notices = self.notices(raws, &rules, &known);
        Some(Process {
            calendar: calendar?,
            go_live,
            waivers,
            parties: read_parties,
            persons: read_persons,
            stages: read_stages,
            order,
            gates: read_gates,
            tasks: read_tasks,
            integrations,
            allowed,
            requirements,
            artefacts: read_artefacts,
            notices,
            cases,
            upload_url: self.upload_url(raws),
            audits,
        })
    }

    /// A gate that a task waits for: one that stands at the end of its stage, and does not itself wait for the stage's tasks.
    fn go(
        &mut self,
        file: &File<'_>,
        at: &At<String>,
        stage: Option<&str>,
        gates: &BTreeMap<String, Entry<'_, RawGate>>,
    ) -> Option<String> {
        let known: BTreeSet<&str> = gates.keys().map(String::as_str).collect();
        let place = file.place(at.span.clone());
        let id = self.named(file, Some(at), &known, "gate", place.clone())?;
        let (_, _, gate) = &gates[&id];
        let value = |at: &Option<At<Side>>| at.as_ref().map(|a| a.value);
        let fits = gate.stage.as_ref().map(|s| s.value.as_str()) == stage
            && value(&gate.at) == Some(Side::Exit)
            && gate.kind.as_ref().is_none_or(|k| k.value != KindWord::Tasks);
        if !fits {
            self.wrong(
                place,
                format!("no task can wait for the gate `{id}`"),
                "name an exit gate of the task's own stage, of another kind than `tasks`",
            );
        }
        fits.then_some(id)
    }

    /// An id that must be known.
    fn named(&mut self, file: &File<'_>, at: Option<&At<String>>, known: &BTreeSet<&str>, what: &str, place: Place) -> Option<String> {
        let all = || known.iter().copied().collect::<Vec<_>>().join(", ");
        match at {
            Some(at) if known.contains(at.value.as_str()) => Some(at.value.clone()),
            Some(at) => {
                let near = crate::program::text::nearest(&at.value, known.iter().copied());
                let hint = near.map_or_else(|| format!("those of this file: {}", all()), |n| format!("did you mean `{n}`?"));
                self.wrong(file.place(at.span.clone()), format!("there is no {what} `{}`", at.value), hint);
                None
            }
            None => {
                self.wrong(place, format!("`{what}` is missing"), format!("those of this file: {}", all()));
                None
            }
        }
    }

    fn role(&mut self, file: &File<'_>, at: Option<&At<String>>, roles: &BTreeSet<String>, place: Place) -> Option<String> {
        let Some(at) = at else {
            self.wrong(place, "`role` is missing", "who does it: a role that somebody has");
            return None;
        };
        if !roles.contains(&at.value) {
            let all = roles.iter().cloned().collect::<Vec<_>>().join(", ");
            self.wrong(file.place(at.span.clone()), format!("nobody has the role `{}`", at.value), format!("roles of this file: {all}"));
        }
        Some(at.value.clone())
    }

    fn some_roles(&mut self, file: &File<'_>, at: &At<Vec<String>>, roles: &BTreeSet<String>) -> BTreeSet<String> {
        for role in at.value.iter().filter(|r| !roles.contains(*r)) {
            let all = roles.iter().cloned().collect::<Vec<_>>().join(", ");
            self.wrong(file.place(at.span.clone()), format!("nobody has the role `{role}`"), format!("roles of this file: {all}"));
        }
        at.value.iter().cloned().collect()
    }

    /// Ids, each after those that it comes after; a circle is a finding.
    fn in_order(&mut self, all: &BTreeMap<&str, &BTreeSet<String>>, what: &str, place: &dyn Fn(&str) -> Option<Place>) -> Vec<String> {
        let mut order: Vec<String> = Vec::new();
        let mut left: BTreeSet<&str> = all.keys().copied().collect();
        while !left.is_empty() {
            let ready: Vec<&str> = left.iter().copied().filter(|id| all[id].iter().all(|a| !left.contains(a.as_str()))).collect();
            if ready.is_empty() {
                let circle = left.iter().copied().collect::<Vec<_>>().join(", ");
                let at = left.first().and_then(|id| place(id)).unwrap_or(Place { file: PROCESS.into(), span: 0..0 });
                self.wrong(
                    at,
                    format!("these {what} come after each other in a circle, or after one: {circle}"),
                    "take one of the `after`s out",
                );
                break;
            }
            for id in ready {
                left.remove(id);
                order.push(id.to_owned());
            }
        }
        order
    }
}

fn text(at: &Option<At<String>>, id: &str) -> String {
    at.as_ref().map_or_else(|| id.to_owned(), |a| a.value.clone())
}

fn value(at: &Option<At<String>>) -> Option<String> {
    at.as_ref().map(|a| a.value.clone()).filter(|v| !v.is_empty())
}
