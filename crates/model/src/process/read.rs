//! `process.toml` as people write it, and what it means. A later layer's entry replaces that of the same id in a kit's.

use super::calendar::DAYS;
use super::{Calendar, Gate, Kind, Lapse, Level, Moment, Party, Person, Process, Proof, Side, Stage, Task, Window};
use crate::finding::{Finding, Place, any_error};
use crate::program::file::File;
use crate::program::raw::At;
use crate::program::{Layer, PROGRAM_LAYER, structure};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The file's name.
pub const PROCESS: &str = "process.toml";

/// The people, stages, gates and tasks around the runs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawProcess {
    /// Settings of the whole.
    process: Option<RawSettings>,
    /// Companies that take part: `[party.clinic]`.
    #[serde(default)]
    party: BTreeMap<At<String>, RawParty>,
    /// People: `[person.anna]`.
    #[serde(default)]
    person: BTreeMap<At<String>, RawPerson>,
    /// Parts of the way: `[stage.audit-1]`.
    #[serde(default)]
    stage: BTreeMap<At<String>, RawStage>,
    /// What has to be so when a stage is entered or left: `[gate.audit-1-wait]`.
    #[serde(default)]
    gate: BTreeMap<At<String>, RawGate>,
    /// What somebody does: `[task.stop-services]`.
    #[serde(default)]
    task: BTreeMap<At<String>, RawTask>,
}

/// Settings of the whole.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawSettings {
    /// Time zone whose days and hours are meant, `Europe/Warsaw`; UTC by default.
    timezone: Option<At<String>>,
    /// Days on which people work: `["mon", "tue", "wed", "thu", "fri"]` by default.
    weekdays: Option<At<Vec<String>>>,
    /// Days on which they do not: `["2026-12-25"]`.
    holidays: Option<At<Vec<String>>>,
    /// The stage in which `greenroom switch` may begin. Without it the switch asks nothing of the process.
    go_live: Option<At<String>>,
    /// Roles whose holders may waive a gate. Nobody by default.
    waivers: Option<At<Vec<String>>>,
}

/// A company that takes part.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawParty {
    /// What people call it.
    title: Option<At<String>>,
}

/// Somebody who takes part.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawPerson {
    /// Their name.
    name: Option<At<String>>,
    /// Whom they work for: the id of a party.
    party: Option<At<String>>,
    /// What they may do: words that gates and tasks name.
    #[serde(default)]
    roles: Vec<String>,
    /// Where they are reached on the night.
    telephone: Option<At<String>>,
    /// Mail address.
    mail: Option<At<String>>,
    /// The operating system's user by which the command line knows them: an indication, no signature.
    login: Option<At<String>>,
    /// Who acts in their place: the id of a person.
    substitute: Option<At<String>>,
}

/// A part of the way.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawStage {
    /// What people call it.
    title: Option<At<String>>,
    /// Stages that must have ended well before.
    #[serde(default)]
    after: Vec<At<String>>,
}

/// What a gate asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum KindWord {
    /// Time must have passed since something: `since`, `at_least`, `at_most`.
    Wait,
    /// The stage's date is agreed early enough: `at_least`.
    LeadTime,
    /// Hours of certain days: `days`, `from`, `until`, `away_from_holidays`.
    Window,
    /// People approve: `roles`, `of`.
    SignOff,
    /// Items are ticked: `items`, `roles`.
    Checklist,
    /// Files are received: `names`.
    Artefacts,
    /// Every task of the stage is done.
    Tasks,
    /// A run has proved something: `what`.
    Run,
}

/// What has to be so when a stage is entered, or left with a good result.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawGate {
    /// What people call it.
    title: Option<At<String>>,
    /// The stage.
    stage: Option<At<String>>,
    /// `entry` or `exit`.
    at: Option<At<Side>>,
    /// `require` by default, or `recommend`: whoever passes is warned, and that is on record.
    level: Option<At<Level>>,
    /// What it asks.
    kind: Option<At<KindWord>>,
    /// `wait`: since when: `STAGE` (ended well), `STAGE entered`, `task NAME`.
    since: Option<At<String>>,
    /// `wait`, `lead-time`: the least time: `4 weeks`, `2 business days`, `36 hours`, `1 month`.
    at_least: Option<At<String>>,
    /// `wait`: the most.
    at_most: Option<At<String>>,
    /// `window`: days on which it begins; all by default.
    days: Option<At<Vec<String>>>,
    /// `window`: when it begins: `18:00`.
    from: Option<At<String>>,
    /// `window`: when it ends, on the next day where that is earlier.
    until: Option<At<String>>,
    /// `window`: not on a holiday, nor on the day before one.
    away_from_holidays: Option<At<bool>>,
    /// `sign-off`, `checklist`: who may.
    roles: Option<At<Vec<String>>>,
    /// `sign-off`: how many have to approve; one by default.
    of: Option<At<u32>>,
    /// `checklist`: what is ticked.
    items: Option<At<Vec<String>>>,
    /// `artefacts`: what is received.
    names: Option<At<Vec<String>>>,
    /// `run`: what has to be proved.
    what: Option<At<Proof>>,
}

/// Something that somebody does.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawTask {
    /// What is done.
    title: Option<At<String>>,
    /// The stage that it belongs to.
    stage: Option<At<String>>,
    /// Who does it: a role.
    role: Option<At<String>>,
    /// Whose it is, where several parties have people with the role.
    party: Option<At<String>>,
    /// Minutes quoted for it.
    minutes: Option<At<u32>>,
    /// What an hour costs, in hundredths of the agreed currency; not charged without it.
    rate: Option<At<u64>>,
    /// Tasks that must be done before.
    #[serde(default)]
    after: Vec<At<String>>,
    /// What a person does, in words.
    instruction: Option<At<String>>,
    /// From here on there is no way back by itself.
    #[serde(default)]
    point_of_no_return: bool,
}

/// The JSON schema of `process.toml`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(RawProcess).to_value()
}

/// Reads `process.toml` of every layer. None where no layer has one, or it cannot be understood; then there are findings.
pub fn read(layers: &[Layer]) -> (Option<Process>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut reader = Reader { findings: &mut findings };
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
        for (file, id) in parties
            .values()
            .map(|(f, i, _)| (f, i))
            .chain(persons.values().map(|(f, i, _)| (f, i)))
            .chain(stages.values().map(|(f, i, _)| (f, i)))
            .chain(gates.values().map(|(f, i, _)| (f, i)))
            .chain(tasks.values().map(|(f, i, _)| (f, i)))
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
        let read_parties = parties.iter().map(|(id, (_, _, p))| (id.clone(), Party { title: text(&p.title, id) })).collect();
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
            read_stages.insert(id.clone(), Stage { title: text(&s.title, id), after });
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
                instruction: value(&t.instruction),
                point_of_no_return: t.point_of_no_return,
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
        let mut read_gates = BTreeMap::new();
        for (id, (file, at, g)) in &gates {
            if let Some(gate) = self.gate(id, file, file.place(at.span.clone()), g, &stage_ids, &task_ids, &roles) {
                read_gates.insert(id.clone(), gate);
            }
        }
        let last =
            |get: fn(&RawSettings) -> Option<&At<String>>| raws.iter().rev().find_map(|(file, r)| Some((file, get(r.process.as_ref()?)?)));
        let go_live = last(|s| s.go_live.as_ref())
            .and_then(|(file, at)| self.named(file, Some(at), &stage_ids, "stage", file.place(at.span.clone())));
        let waivers = raws.iter().rev().find_map(|(file, r)| Some((file, r.process.as_ref()?.waivers.as_ref()?)));
        let waivers = waivers.map(|(file, at)| self.some_roles(file, at, &roles)).unwrap_or_default();
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
        })
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

    fn days(&mut self, file: &File<'_>, at: &At<Vec<String>>) -> BTreeSet<i8> {
        let mut days = BTreeSet::new();
        for word in &at.value {
            match DAYS.iter().position(|d| d == word) {
                Some(n) => drop(days.insert(i8::try_from(n).unwrap_or(0))),
                None => self.wrong(file.place(at.span.clone()), format!("`{word}` is no day"), format!("days are {}", DAYS.join(", "))),
            }
        }
        days
    }

    fn calendar(&mut self, raws: &[(File<'_>, RawProcess)]) -> Option<Calendar> {
        fn last<'r, T>(
            raws: &'r [(File<'r>, RawProcess)],
            get: impl Fn(&'r RawSettings) -> Option<&'r At<T>>,
        ) -> Option<(&'r File<'r>, &'r At<T>)> {
            raws.iter().rev().find_map(|(file, r)| Some((file, get(r.process.as_ref()?)?)))
        }
        let zone = last(raws, |s| s.timezone.as_ref());
        let name = zone.map_or("UTC", |(_, at)| at.value.as_str());
        let tz = match TimeZone::get(name) {
            Ok(tz) => tz,
            Err(_) => {
                if let Some((file, at)) = zone {
                    self.wrong(
                        file.place(at.span.clone()),
                        format!("there is no time zone `{name}`"),
                        "write it as in `Europe/Warsaw`; `UTC` by default",
                    );
                }
                return None;
            }
        };
        let weekdays = last(raws, |s| s.weekdays.as_ref()).map_or_else(|| (0..5).collect(), |(file, at)| self.days(file, at));
        let mut holidays = BTreeSet::new();
        if let Some((file, at)) = last(raws, |s| s.holidays.as_ref()) {
            for day in &at.value {
                match day.parse::<Date>() {
                    Ok(day) => drop(holidays.insert(day)),
                    Err(_) => self.wrong(file.place(at.span.clone()), format!("`{day}` is no day"), "write days as `2026-12-25`"),
                }
            }
        }
        Some(Calendar { zone: name.to_owned(), weekdays, holidays, tz })
    }

    fn lapse(&mut self, file: &File<'_>, at: Option<&At<String>>) -> Option<Lapse> {
        let at = at?;
        Lapse::parse(&at.value)
            .map_err(|hint| self.wrong(file.place(at.span.clone()), format!("`{}` is no length of time", at.value), hint))
            .ok()
    }

    #[expect(clippy::too_many_arguments, reason = "what may be named stands in four lists")]
    fn gate(
        &mut self,
        id: &str,
        file: &File<'_>,
        place: Place,
        g: &RawGate,
        stages: &BTreeSet<&str>,
        tasks: &BTreeSet<&str>,
        roles: &BTreeSet<String>,
    ) -> Option<Gate> {
        let stage = self.named(file, g.stage.as_ref(), stages, "stage", place.clone());
        let (Some(side), Some(kind)) = (&g.at, &g.kind) else {
            self.wrong(
                place,
                format!("the gate `{id}` lacks `at` or `kind`"),
                "`at = \"entry\"` or `\"exit\"`; `greenroom schema process` describes the kinds",
            );
            return None;
        };
        let lacks = |what: &str| format!("the gate `{id}` lacks `{what}`");
        let given = [
            ("since", g.since.as_ref().map(|a| &a.span)),
            ("at_least", g.at_least.as_ref().map(|a| &a.span)),
            ("at_most", g.at_most.as_ref().map(|a| &a.span)),
            ("days", g.days.as_ref().map(|a| &a.span)),
            ("from", g.from.as_ref().map(|a| &a.span)),
            ("until", g.until.as_ref().map(|a| &a.span)),
            ("away_from_holidays", g.away_from_holidays.as_ref().map(|a| &a.span)),
            ("roles", g.roles.as_ref().map(|a| &a.span)),
            ("of", g.of.as_ref().map(|a| &a.span)),
            ("items", g.items.as_ref().map(|a| &a.span)),
            ("names", g.names.as_ref().map(|a| &a.span)),
            ("what", g.what.as_ref().map(|a| &a.span)),
        ];
        let takes: &[&str] = match kind.value {
            KindWord::Wait => &["since", "at_least", "at_most"],
            KindWord::LeadTime => &["at_least"],
            KindWord::Window => &["days", "from", "until", "away_from_holidays"],
            KindWord::SignOff => &["roles", "of"],
            KindWord::Checklist => &["items", "roles"],
            KindWord::Artefacts => &["names"],
            KindWord::Tasks => &[],
            KindWord::Run => &["what"],
        };
        for (key, span) in given.iter().filter_map(|(key, span)| Some((*key, (*span)?))).filter(|(key, _)| !takes.contains(key)) {
            self.wrong(file.place(span.clone()), format!("`{key}` means nothing for a gate of this kind"), "remove it, or correct `kind`");
        }
        let words = |at: &Option<At<Vec<String>>>| at.as_ref().map(|a| a.value.clone()).unwrap_or_default();
        let read = match kind.value {
            KindWord::Wait => {
                let (at_least, at_most) = (self.lapse(file, g.at_least.as_ref()), self.lapse(file, g.at_most.as_ref()));
                let Some(since) = &g.since else {
                    self.wrong(place, lacks("since"), "since when: `STAGE` (ended well), `STAGE entered`, `task NAME`");
                    return None;
                };
                if at_least.is_none() && at_most.is_none() {
                    self.wrong(place, lacks("at_least"), "how long: `4 weeks`; or `at_most`, or both");
                    return None;
                }
                let (known, name, moment): (_, &str, fn(String) -> Moment) = match since.value.trim().split_once(' ') {
                    None => (stages, since.value.trim(), Moment::Left),
                    Some((stage, "entered")) => (stages, stage, Moment::Entered),
                    Some(("task", task)) => (tasks, task.trim(), Moment::Done),
                    Some(_) => (stages, since.value.as_str(), Moment::Left),
                };
                let named = At { value: name.to_owned(), span: since.span.clone() };
                let what = if std::ptr::eq(known, tasks) { "task" } else { "stage" };
                Kind::Wait { since: moment(self.named(file, Some(&named), known, what, place)?), at_least, at_most }
            }
            KindWord::LeadTime => match self.lapse(file, g.at_least.as_ref()) {
                Some(at_least) => Kind::LeadTime { at_least },
                None => {
                    self.wrong(place, lacks("at_least"), "how long before its date a stage is agreed upon: `4 weeks`");
                    return None;
                }
            },
            KindWord::Window => {
                let mut time = |key: &str, at: &Option<At<String>>| match at {
                    Some(at) => at
                        .value
                        .parse::<Time>()
                        .map_err(|_| self.wrong(file.place(at.span.clone()), format!("`{}` is no time of day", at.value), "write `18:00`"))
                        .ok(),
                    None => {
                        self.wrong(place.clone(), lacks(key), "write `18:00`");
                        None
                    }
                };
                let (from, until) = (time("from", &g.from), time("until", &g.until));
                let days = g.days.as_ref().map_or_else(|| (0..7).collect(), |at| self.days(file, at));
                Kind::Window(Window {
                    days,
                    from: from?,
                    until: until?,
                    away_from_holidays: g.away_from_holidays.as_ref().is_some_and(|a| a.value),
                })
            }
            KindWord::SignOff => {
                let Some(at) = g.roles.as_ref().filter(|r| !r.value.is_empty()) else {
                    self.wrong(place, lacks("roles"), "who signs: `roles = [\"decider\"]`");
                    return None;
                };
                Kind::SignOff { roles: self.some_roles(file, at, roles), of: g.of.as_ref().map_or(1, |o| o.value.max(1)) }
            }
            KindWord::Checklist => {
                let items = words(&g.items);
                if items.is_empty() {
                    self.wrong(place, lacks("items"), "what is ticked: `items = [\"backups run\"]`");
                }
                Kind::Checklist { items, roles: g.roles.as_ref().map(|at| self.some_roles(file, at, roles)).unwrap_or_default() }
            }
            KindWord::Artefacts => {
                let names = words(&g.names);
                if names.is_empty() {
                    self.wrong(place, lacks("names"), "what is received: `names = [\"backup\", \"key\"]`");
                }
                Kind::Artefacts { names }
            }
            KindWord::Tasks => Kind::Tasks,
            KindWord::Run => match &g.what {
                Some(what) => Kind::Run { what: what.value },
                None => {
                    self.wrong(place, lacks("what"), "what has to be proved: `what = \"dress-rehearsal\"`");
                    return None;
                }
            },
        };
        let gate = Gate {
            title: text(&g.title, id),
            stage: stage?,
            side: side.value,
            level: g.level.as_ref().map(|l| l.value).unwrap_or_default(),
            kind: read,
        };
        Some(gate)
    }
}

fn text(at: &Option<At<String>>, id: &str) -> String {
    at.as_ref().map_or_else(|| id.to_owned(), |a| a.value.clone())
}

fn value(at: &Option<At<String>>) -> Option<String> {
    at.as_ref().map(|a| a.value.clone()).filter(|v| !v.is_empty())
}
