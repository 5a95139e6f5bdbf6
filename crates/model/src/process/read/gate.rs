//! Gates as `process.toml` writes them: which keys belong to which kind.

use super::super::{Gate, Kind, Moment, Window};
use super::audit::Of;
use super::raw::{KindWord, RawGate};
use super::{Reader, text};
use crate::finding::Place;
use crate::program::file::File;
use crate::program::raw::At;
use jiff::civil::Time;
use std::collections::BTreeSet;

impl Reader<'_> {
    #[expect(clippy::too_many_arguments, reason = "what may be named stands in six lists")]
    pub(super) fn gate(
        &mut self,
        id: &str,
        file: &File<'_>,
        place: Place,
        g: &RawGate,
        stages: &BTreeSet<&str>,
        tasks: &BTreeSet<&str>,
        integrations: &BTreeSet<&str>,
        requirements: &BTreeSet<&str>,
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
            ("away_from_long_weekends", g.away_from_long_weekends.as_ref().map(|a| &a.span)),
            ("roles", g.roles.as_ref().map(|a| &a.span)),
            ("of", g.of.as_ref().map(|a| &a.span)),
            ("items", g.items.as_ref().map(|a| &a.span)),
            ("names", g.names.as_ref().map(|a| &a.span)),
            ("what", g.what.as_ref().map(|a| &a.span)),
            ("state", g.state.as_ref().map(|a| &a.span)),
            ("signature", g.signature.as_ref().map(|a| &a.span)),
            ("cases", g.cases.as_ref().map(|a| &a.span)),
            ("audit", g.audit.as_ref().map(|a| &a.span)),
            ("accepted", g.accepted.as_ref().and_then(|a| a.keys().next()).map(|a| &a.span)),
        ];
        let takes: &[&str] = match kind.value {
            KindWord::Wait => &["since", "at_least", "at_most"],
            KindWord::LeadTime => &["at_least"],
            KindWord::Window => &["days", "from", "until", "away_from_holidays", "away_from_long_weekends"],
            KindWord::SignOff => &["roles", "of", "signature"],
            KindWord::Checklist => &["items", "roles"],
            KindWord::Artefacts => &["names"],
            KindWord::Tasks => &[],
            KindWord::Run => &["what", "at_most"],
            KindWord::Integrations => &["state", "names"],
            KindWord::RunbookRehearsed => &[],
            KindWord::Requirements => &["names"],
            KindWord::TestPlan => &["cases"],
            KindWord::Audit => &["audit"],
            KindWord::Findings => &["of", "at_most", "accepted"],
        };
        for (key, span) in given.iter().filter_map(|(key, span)| Some((*key, (*span)?))).filter(|(key, _)| !takes.contains(key)) {
            self.wrong(file.place(span.clone()), format!("`{key}` means nothing for a gate of this kind"), "remove it, or correct `kind`");
        }
        let words = |at: &Option<At<Vec<String>>>| at.as_ref().map(|a| a.value.clone()).unwrap_or_default();
        let read = match kind.value {
            KindWord::Wait => {
                let (at_least, at_most) = (self.lapse(file, g.at_least.as_ref()), self.lapse(file, g.at_most.as_ref()));
                let Some(since) = &g.since else {
                    self.wrong(place, lacks("since"), "since when: `STAGE` (ended well), `STAGE entered`, `task NAME`, `audit NAME`");
                    return None;
                };
                if at_least.is_none() && at_most.is_none() {
                    self.wrong(place, lacks("at_least"), "how long: `4 weeks`; or `at_most`, or both");
                    return None;
                }
                let since = match since.value.trim().split_once(' ') {
                    // Whether there is one is looked up once audits are read.
                    Some(("audit", audit)) if audit.trim() != "entered" => Moment::Audited(audit.trim().to_owned()),
                    words => self.stage_or_task(file, since, words, stages, tasks, place)?,
                };
                Kind::Wait { since, at_least, at_most }
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
                    away_from_long_weekends: g.away_from_long_weekends.as_ref().is_some_and(|a| a.value),
                })
            }
            KindWord::SignOff => {
                let Some(at) = g.roles.as_ref().filter(|r| !r.value.is_empty()) else {
                    self.wrong(place, lacks("roles"), "who signs: `roles = [\"decider\"]`");
                    return None;
                };
                Kind::SignOff {
                    roles: self.some_roles(file, at, roles),
                    of: match &g.of {
                        Some(At { value: Of::Count(n), .. }) => (*n).max(1),
                        Some(At { span, .. }) => {
                            self.wrong(file.place(span.clone()), "`of` is no number", "how many have to approve: `of = 2`");
                            return None;
                        }
                        None => 1,
                    },
                    signature: g.signature.as_ref().map(|s| s.value).unwrap_or_default(),
                }
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
            KindWord::TestPlan => Kind::TestPlan { cases: words(&g.cases).into_iter().collect() },
            KindWord::Run => match &g.what {
                Some(what) => Kind::Run { what: what.value, at_most: self.lapse(file, g.at_most.as_ref()) },
                None => {
                    self.wrong(place, lacks("what"), "what has to be proved: `what = \"dress-rehearsal\"`");
                    return None;
                }
            },
            KindWord::Integrations => self.integrations_gate(file, g.state.as_ref(), g.names.as_ref(), integrations, place)?,
            KindWord::RunbookRehearsed => Kind::RunbookRehearsed,
            KindWord::Requirements => Kind::Requirements { names: self.requirements_gate(file, g.names.as_ref(), requirements) },
            KindWord::Audit => match &g.audit {
                Some(audit) => Kind::Audit { audit: audit.value.clone() },
                None => {
                    self.wrong(place, lacks("audit"), "which: `audit = \"audit-1\"`");
                    return None;
                }
            },
            KindWord::Findings => self.findings_gate(id, file, place, g)?,
        };
        let gate = Gate {
            title: text(&g.title, id),
            stage: stage?,
            side: side.value,
            level: g.level.as_ref().map(|l| l.value).unwrap_or_default(),
            kind: read,
            covers: g.covers.clone(),
        };
        Some(gate)
    }

    /// Since when a wait is counted: `STAGE`, `STAGE entered`, `task NAME`.
    fn stage_or_task(
        &mut self,
        file: &File<'_>,
        since: &At<String>,
        words: Option<(&str, &str)>,
        stages: &BTreeSet<&str>,
        tasks: &BTreeSet<&str>,
        place: Place,
    ) -> Option<Moment> {
        let (known, name, moment): (_, &str, fn(String) -> Moment) = match words {
            None => (stages, since.value.trim(), Moment::Left),
            Some((stage, "entered")) => (stages, stage, Moment::Entered),
            Some(("task", task)) => (tasks, task.trim(), Moment::Done),
            Some(_) => (stages, since.value.as_str(), Moment::Left),
        };
        let named = At { value: name.to_owned(), span: since.span.clone() };
        let what = if std::ptr::eq(known, tasks) { "task" } else { "stage" };
        Some(moment(self.named(file, Some(&named), known, what, place)?))
    }
}
