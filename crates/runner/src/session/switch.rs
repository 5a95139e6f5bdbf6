//! The go-live: what has to be so before production is touched, and its plan. Nothing here changes a database. What is asked is asked again by the
//! steps that depend on it.

use super::{Session, SessionError};
use crate::execute::foreign;
use crate::fencing::ACCOUNTS_ALONE;
use crate::journal::{Journal, Projection};
use crate::planning::{self, Over, Survey};
use greenroom_model::catalog::TableForm;
use greenroom_model::fence::Doors;
use greenroom_model::finding::{Finding, Severity, any_error};
use greenroom_model::hash::Hash;
use greenroom_model::plan::{Plan, PlannedHook, Production};
use greenroom_model::program::{FinalCopy, Hook, Strategy};
use greenroom_model::run::Body;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::path::Path;

/// One thing that a switch depends on, and how it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Guard {
    /// What is asked.
    pub what: &'static str,
    /// What was found, where nothing is wrong; none where something else has to be right first.
    pub found: Option<String>,
    /// What is wrong, with the way out; errors refuse the switch.
    pub findings: Vec<Finding>,
}

impl Guard {
    pub(super) fn new(what: &'static str, found: impl Into<String>, findings: Vec<Finding>) -> Guard {
        Guard { what, found: Some(found.into()), findings }
    }

    /// Whether it lets the switch pass.
    pub fn passes(&self) -> bool {
        !any_error(&self.findings)
    }
}

/// A switch as it would be now.
#[derive(Clone, Debug, Serialize)]
pub struct SwitchPreview {
    /// Everything it depends on.
    pub guards: Vec<Guard>,
    /// The plan, where one could be made.
    pub plan: Option<Plan>,
}

impl SwitchPreview {
    /// Whether nothing refuses it.
    pub fn passes(&self) -> bool {
        self.plan.is_some() && self.guards.iter().all(Guard::passes)
    }
}

impl Session {
    /// Asks everything that a switch depends on and makes its plan, recording nothing. `ask`: a person says when the window opens; `hold`: and once more
    /// when users may be let in.
    ///
    /// # Errors
    /// When production or the target cannot be reached.
    pub async fn switch_preview(&self, ask: bool, hold: bool) -> Result<SwitchPreview, SessionError> {
        Ok(self.guarded(ask, hold, None).await?.0)
    }

    /// Makes the plan of a switch and records it. Nothing is executed. `together`: the word of a window that it shares with other switches.
    ///
    /// # Errors
    /// [`SessionError::Findings`] when something refuses it.
    pub async fn plan_switch(&self, ask: bool, hold: bool, together: Option<&str>) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        let (preview, survey) = self.guarded(ask, hold, together).await?;
        let passes = preview.passes();
        let findings: Vec<Finding> = preview.guards.into_iter().flat_map(|g| g.findings).collect();
        let Some(plan) = preview.plan.filter(|_| passes) else { return Err(SessionError::Findings(findings)) };
        let hash = plan.hash();
        // Only for telling what drifted.
        std::fs::write(self.workspace.planned_schema(hash), serde_json::to_vec(&survey.catalog).map_err(std::io::Error::from)?)?;
        self.journal()?.append(
            None,
            None,
            Body::PlanRecorded { hash, plan: Box::new(plan.clone()), found: Some(self.noticed(&findings)) },
        )?;
        Ok((hash, plan, findings))
    }

    async fn guarded(&self, ask: bool, hold: bool, together: Option<&str>) -> Result<(SwitchPreview, Survey), SessionError> {
        let (survey, checked) = self.check_over(None, None).await?;
        let history = self.history()?;
        let mut guards = vec![Guard::new("program", "it fits its databases", checked.findings.clone())];
        guards.extend(self.process_guard()?);
        let (place, mut production) = self.place_guard(&survey).await?;
        let apart = production.as_ref().is_some_and(|p| p.apart);
        guards.push(self.engine_guard(&survey, apart).await);
        guards.push(place);
        let elsewhere = production.as_ref().filter(|p| !p.on_target).cloned();
        guards.extend(self.people(production.as_ref()).await?);
        guards.extend(self.final_copy(&survey, production.as_ref())?);
        let (hooks, guard) = self.hooks();
        guards.extend(guard);
        if let Some(production) = &mut production {
            production.hooks = hooks;
            production.hold = hold;
            production.together = together.map(str::to_owned);
        }
        guards.extend(self.moving_files()?);
        guards.push(match &production {
            Some(production) if production.whole => {
                Guard::new("completeness", "the engine copies production whole in the window: nothing is left out", Vec::new())
            }
            _ => whole(&survey),
        });
        let carry = match self.configures_production() {
            true => match self.carry_from().await {
                Ok(from) => {
                    guards.push(Guard::new(
                        "pilot",
                        format!("the configuration of generation {} is carried over", from.number),
                        Vec::new(),
                    ));
                    Some((from, false))
                }
                Err(e) => {
                    guards.push(Guard::new("pilot", "", vec![said(e)?]));
                    None
                }
            },
            false => {
                let why = match self.configures() {
                    true => "production keeps its own configuration (`[switch] strategy`): nothing is carried over",
                    false => "no table is configuration: nothing is carried over",
                };
                guards.push(Guard::new("pilot", why, Vec::new()));
                None
            }
        };
        let names = planning::names(&self.program, self.program.production_name(), &history, self.random.as_ref());
        let refused = guards.iter().any(|g| !g.passes());
        let over = Over { carry, switch: production.map(|p| (p, ask)), ..Over::default() };
        let plan = match over.switch {
            Some(_) if !refused => {
                Some(planning::make_over(&self.program, &survey, checked, &history, names, env!("CARGO_PKG_VERSION"), over))
            }
            _ => None,
        };
        guards.push(self.dress_guard(plan.as_ref())?);
        let rows = survey.catalog.tables.iter().filter(|t| t.is_copied()).map(|t| t.estimated_rows).sum();
        guards.push(self.restore_guard(&history, plan.as_ref(), rows).await?);
        guards.push(self.way_back(plan.as_ref(), elsewhere.as_ref())?);
        Ok((SwitchPreview { guards, plan }, survey))
    }

    /// Whether production can be fenced, and what is in the way of that now.
    async fn engine_guard(&self, survey: &Survey, apart: bool) -> Guard {
        const WHAT: &str = "fence";
        if !survey.target.takes_production {
            let message = format!("a database of {} cannot take production's place yet", survey.catalog.engine);
            let hint = "`greenroom dress` tries the go-live out; carry it out by the vendor's own procedure";
            return Guard::new(WHAT, "", vec![Finding::error("GR0767", message).hint(hint)]);
        }
        self.doors_guard_of(apart).await
    }

    /// Whether production can be shut, and what is in the way of that now.
    pub(super) async fn doors_guard(&self) -> Guard {
        self.doors_guard_of(false).await
    }

    /// The same; `apart`: by doors of its own, too.
    async fn doors_guard_of(&self, apart: bool) -> Guard {
        const WHAT: &str = "fence";
        let read = self.open_doors(apart).await;
        match read {
            Err(e) => {
                let hint = e.hint.clone().unwrap_or_else(|| "`[fence]` names the login that shuts others out".into());
                Guard::new(WHAT, "", vec![Finding::error("GR0741", e.to_string()).hint(hint)])
            }
            Ok(doors) => {
                let known = self.whole_history().ok().and_then(|history| history.fence);
                let obstacles = doors.obstacles.iter().filter(|_| known.is_none());
                let mut findings: Vec<Finding> =
                    obstacles.map(|o| Finding::error("GR0741", o.what.clone()).hint(o.way_out.clone())).collect();
                let alone = |fence| self.fencing().doors_of(fence).is_ok_and(|standing| apart && !standing.apart);
                if known.as_ref().is_some_and(alone) {
                    findings.push(Finding::error("GR0786", ACCOUNTS_ALONE[0]).hint(ACCOUNTS_ALONE[1]));
                }
                findings.extend(doors.hazards.iter().map(|o| Finding::error("GR0771", o.what.clone()).hint(o.way_out.clone())));
                findings.extend(doors.gaps.iter().map(|g| Finding::warning("GR0741", g.clone())));
                Guard::new(WHAT, format!("{} doors can be shut", doors.doors.len()), findings)
            }
        }
    }

    /// What stands open in production now; `apart`: doors of the database itself among them.
    async fn open_doors(&self, apart: bool) -> greenroom_engine::Result<Doors> {
        let mut production = self.engines.production().await?;
        if apart { production.doors_apart().await } else { production.doors().await }
    }

    /// Whether production can note what is touched, where only that is copied in the window.
    fn final_copy(&self, survey: &Survey, production: Option<&Production>) -> Result<Option<Guard>, SessionError> {
        const WHAT: &str = "final copy";
        let whole = production.is_some_and(|p| p.whole);
        if self.program.switch.final_copy != FinalCopy::Touched && !whole {
            return Ok(None);
        }
        // Going back would end what an earlier switch can be taken back with.
        if let Some(revocable) = self.revocable()? {
            let message =
                format!("what users write is noted since `{}`, so that it can be taken back; both cannot be noted", revocable.switch);
            let hint = match whole {
                true => "`greenroom rollback --give-up`",
                false => "`greenroom rollback --give-up`, or `[switch] final_copy = \"all\"`",
            };
            let finding = Finding::error("GR0779", message).hint(hint);
            return Ok(Some(Guard::new(WHAT, "", vec![finding])));
        }
        if whole {
            return Ok(None);
        }
        let tables: Vec<_> = survey.catalog.tables.iter().filter(|t| t.is_copied()).collect();
        if let Some(production) = production.filter(|p| !p.on_target) {
            let message = match production.apart {
                true => "production's server cannot be made to note what is touched",
                false => "production stands on another server than the target, and cannot be made to note what is touched",
            };
            let finding = Finding::error("GR0779", message).hint("`[switch] final_copy = \"all\"` reads every row once more in the window");
            return Ok(Some(Guard::new(WHAT, "", vec![finding])));
        }
        let blind = tables.iter().filter(|t| greenroom_model::carry::telling_apart(t).is_empty());
        let warn = |t: &&greenroom_model::catalog::Table| {
            let (name, rows) = (t.name.short(survey.catalog.engine), t.estimated_rows);
            Finding::warning("GR0779", format!("{name} has no key: its rows, about {rows}, are compared whole in the window"))
                .hint("a primary key, or a unique index over columns that are never NULL, lets touched rows be told apart")
        };
        let findings = blind.map(warn).collect();
        let found = format!("production notes which rows of {} tables are touched, from before the copy on", tables.len());
        Ok(Some(Guard::new(WHAT, found, findings)))
    }

    /// What stands under production's name on the target: production itself, or nothing.
    async fn place_guard(&self, survey: &Survey) -> Result<(Guard, Option<Production>), SessionError> {
        const WHAT: &str = "place";
        let name = self.program.production_name();
        let mut target = self.engines.target().await?;
        let standing = target.look(name).await?;
        // By what the server says of itself: one server can be written in many ways.
        let beside = match !survey.target.rename_database && self.program.source_name() != name {
            true => target.look(self.program.source_name()).await?.is_some_and(|s| s.engine_id == survey.source_id),
            false => false,
        };
        let strategy = self.program.switch.strategy;
        // The target's own means reach production where both are one server, or files.
        let one_server = !survey.catalog.engine.has_server() || same_server(&self.program.source, &self.program.target);
        let production = |on_target| Production {
            engine_id: survey.source_id.clone(),
            name: self.program.source_name().to_owned(),
            server: self.program.source.server(),
            on_target,
            apart: beside,
            whole: survey.target.rename_database && one_server && strategy != Strategy::PilotToProduction,
            minutes: self.program.switch.minutes,
            hold: false,
            together: None,
            hooks: Vec::new(),
        };
        let refused = |message: String, hint: &str| (Guard::new(WHAT, "", vec![Finding::error("GR0780", message).hint(hint)]), None);
        let folder = std::path::Path::new(name).parent().filter(|_| !survey.catalog.engine.has_server());
        Ok(match &standing {
            None if folder.is_some_and(|f| !self.folder.join(f).is_dir()) => {
                refused(format!("the folder of `{name}` is not there"), "make it, for the user who is to own the database")
            }
            None if strategy == Strategy::InPlace && !beside => {
                let message = "production does not stand on the target under the name that the new one is to bear".to_owned();
                refused(message, "leave out `[target]` and `[switch] name`, or write `strategy = \"server-move\"`")
            }
            Some(s) if s.engine_id == survey.source_id && strategy == Strategy::ServerMove => {
                let message = format!("production stands there already: `{name}` on the target is production itself");
                refused(message, "name another server under `[target]`, or another name with `[switch] name`")
            }
            None if beside => {
                let found = format!(
                    "`{name}` is free on production's own server; `{}` keeps its name, and is shut for good",
                    self.program.source_name()
                );
                (Guard::new(WHAT, found, Vec::new()), Some(production(false)))
            }
            None => (Guard::new(WHAT, format!("`{name}` is free on the target"), Vec::new()), Some(production(false))),
            Some(s) if s.engine_id == survey.source_id && !survey.target.rename_database => {
                let engine = survey.catalog.engine;
                let message = format!(
                    "`{name}` on the target is production itself, which cannot be put aside: databases of {engine} are not renamed"
                );
                let hint = format!(
                    "give the new production a name of its own, `name = \"{name}_2\"` under `[switch]`, and let a hook tell programs; or write `strategy = \"server-move\"` and name another server under `[target]`"
                );
                (Guard::new(WHAT, "", vec![Finding::error("GR0767", message).hint(hint)]), None)
            }
            Some(s) if s.engine_id == survey.source_id => (
                Guard::new(WHAT, format!("`{name}` on the target is production itself, and is put aside"), Vec::new()),
                Some(production(true)),
            ),
            Some(_) => {
                let why = foreign(standing.as_ref(), &self.program.name, name).map_or_else(String::new, |f| format!(" ({})", f.message));
                let message = format!("another database than production stands under the name `{name}` on the target{why}");
                let hint = "rename it, or name another server under `[target]`";
                (Guard::new(WHAT, "", vec![Finding::error("GR0761", message).hint(hint)]), None)
            }
        })
    }

    /// Whether a first pass over the files that move was made while people work.
    fn moving_files(&self) -> Result<Option<Guard>, SessionError> {
        let trees = self.trees()?;
        if self.program.switch.strategy != Strategy::ServerMove || trees.is_empty() {
            return Ok(None);
        }
        let finding = |tree: &super::KnownTree| {
            let message = match tree.state.copied {
                None => format!("the files `{}` were never copied: whether all of them can be is not known", tree.name),
                Some((_, 0)) => return None,
                Some((at, wrong)) => {
                    format!("{wrong} files of `{}` could not be copied by the pass of {at}, and would stop the move", tree.name)
                }
            };
            let hint = "`greenroom files copy`, until nothing is wrong; what cannot be copied, and need not be, is named in `leave_out`";
            Some(Finding::error("GR0750", message).hint(hint))
        };
        let findings = trees.iter().filter_map(finding);
        let found =
            format!("{}; what is new or changed is copied in the window", counted(trees.len(), "tree goes along", "trees go along"));
        Ok(Some(Guard::new("files", found, findings.collect())))
    }

    /// Whether the stage of the go-live was entered, and its gates are met still.
    fn process_guard(&self) -> Result<Option<Guard>, SessionError> {
        let Some((stage, on, open)) = self.go_live_gates()? else { return Ok(None) };
        let mut findings = Vec::new();
        if !on {
            let finding = Finding::error("GR0792", format!("the stage `{stage}`, in which the go-live is, was not entered"));
            findings.push(finding.hint(format!("`greenroom stage enter {stage}`; `greenroom stage` shows what comes before it")));
        }
        findings.extend(open.into_iter().map(|gate| {
            let make = if gate.recommended { Finding::warning } else { Finding::error };
            make("GR0792", format!("{}: {}", gate.gate, gate.why)).hint(format!("`greenroom why {}`", gate.gate))
        }));
        let (window, short) = self.window_told()?;
        findings.extend(short);
        Ok(Some(Guard::new("process", format!("`{stage}` was entered, and its gates are met{window}"), findings)))
    }

    /// Whether everybody who works in production, and testers before them, can be let into what takes its place.
    async fn people(&self, production: Option<&Production>) -> Result<Option<Guard>, SessionError> {
        let Some(production) = production.filter(|_| self.program.source.engine.has_server()) else { return Ok(None) };
        // Under a fence nobody can be seen to come in.
        let doors = match self.whole_history()?.fence {
            Some(fence) => self.fencing().doors_of(&fence)?,
            None => self.open_doors(production.apart).await?,
        };
        let name = self.program.production_name();
        let welcome = self.engines.target().await?.welcome(name, &doors, &self.program.pilot.testers, !production.on_target).await?;
        let mut findings: Vec<Finding> = welcome.refused.into_iter().map(|o| Finding::error("GR0766", o.what).hint(o.way_out)).collect();
        findings.extend(welcome.unasked.into_iter().map(|who| {
            let message = format!("{who} has rights on other databases that cover this one, or on all of them, and can come in at any time, also before testers have decided");
            Finding::warning("GR0766", message).hint("point programs to the new production after testers have accepted, not before")
        }));
        let found = match production.on_target || production.apart {
            true => "they can be let in",
            false => "all are known on the target's server",
        };
        Ok(Some(Guard::new("people", found, findings)))
    }

    /// The programs beside the switch with the hashes of their files, and whether they are there.
    fn hooks(&self) -> (Vec<PlannedHook>, Option<Guard>) {
        let mut findings = Vec::new();
        let mut pin = |name: &str, command: &[String]| -> Option<Hash> {
            let program = command.first()?;
            let path = self.folder.join(program);
            if path.is_file()
                && std::fs::metadata(&path).is_ok_and(|m| std::os::unix::fs::PermissionsExt::mode(&m.permissions()) & 0o111 == 0)
            {
                let message = format!("`{program}` of the hook `{name}` may not be executed");
                findings.push(Finding::error("GR0720", message).hint(format!("`chmod +x {program}`")));
                return None;
            }
            let found = std::env::var_os("PATH").is_some_and(|p| std::env::split_paths(&p).any(|folder| folder.join(program).is_file()));
            match std::fs::read(&path) {
                Ok(bytes) if path.is_file() => Some(Hash::of(&bytes)),
                _ if found => None,
                _ => {
                    let message = format!("`{program}` of the hook `{name}` is not there");
                    let hint = "a path is taken from the program's folder, a plain name from PATH";
                    findings.push(Finding::error("GR0720", message).hint(hint));
                    None
                }
            }
        };
        let planned = |hook: &Hook| PlannedHook {
            hash: pin(&hook.name, &hook.command),
            undo_hash: hook.undo.as_ref().and_then(|u| pin(&hook.name, u)),
            hook: hook.clone(),
        };
        let hooks: Vec<PlannedHook> = self.program.switch.hooks.iter().map(planned).collect();
        let guard = (!hooks.is_empty())
            .then(|| Guard::new("hooks", counted(hooks.len(), "program runs beside it", "programs run beside it"), findings));
        (hooks, guard)
    }

    /// Whether there is a way back once users are in, and whether it was tried.
    fn way_back(&self, plan: Option<&Plan>, elsewhere: Option<&Production>) -> Result<Guard, SessionError> {
        const WHAT: &str = "way back";
        let hours = self.program.switch.rollback_hours;
        if hours == 0 {
            let finding = Finding::warning("GR0774", "once users are in there is no way back: what they write is not noted");
            let finding = match elsewhere.is_some() {
                true => finding.hint("nothing can be carried back to another server, or another name"),
                false => finding.hint("`[switch] rollback_hours = 72` has it noted, so that it can be carried back"),
            };
            return Ok(Guard::new(WHAT, "until users are let in", vec![finding]));
        }
        if let Some(production) = elsewhere {
            let message = match production.apart {
                true => "production stays beside the new one under its own name: what users write into that cannot be carried back to it",
                false => "production moves to another server: what users write there cannot be carried back",
            };
            let finding =
                Finding::error("GR0774", message).hint("leave `[switch] rollback_hours` out; there is a way back until users are let in");
            return Ok(Guard::new(WHAT, "", vec![finding]));
        }
        let Some(plan) = plan else { return Ok(Guard { what: WHAT, found: None, findings: Vec::new() }) };
        let tried = self.dressed(Some(&plan.recipe))?.filter(|d| d.stale.is_empty());
        Ok(match tried {
            Some(d) if d.rolled_back => {
                Guard::new(WHAT, format!("`greenroom rollback` within {hours} hours; tried out by `{}`", d.run), Vec::new())
            }
            // What is wrong with it is said elsewhere.
            None => Guard { what: WHAT, found: None, findings: Vec::new() },
            Some(d) => {
                let finding = Finding::error("GR0778", format!("`{}` did not try out the way back", d.run));
                Guard::new(WHAT, "", vec![finding.hint("`greenroom rollback --rehearse` does, with another dress rehearsal")])
            }
        })
    }

    /// A dress rehearsal of the same upgrade, carry-over and schema (P19).
    fn dress_guard(&self, plan: Option<&Plan>) -> Result<Guard, SessionError> {
        const WHAT: &str = "dress rehearsal";
        let Some(plan) = plan else {
            return Ok(Guard { what: WHAT, found: None, findings: Vec::new() });
        };
        Ok(match self.dressed(Some(&plan.recipe))? {
            None => {
                let finding = Finding::error("GR0768", "the go-live has not been tried out").hint("`greenroom dress` does");
                Guard::new(WHAT, "", vec![finding])
            }
            Some(d) if d.stale.is_empty() && d.rights_lost > 0 => {
                let message = format!("{} owners and rights of production could not be carried in `{}`", d.rights_lost, d.run);
                let hint = format!("`greenroom run show {}` lists them: let Greenroom's login be a member of the roles named there", d.run);
                Guard::new(WHAT, "", vec![Finding::error("GR0766", message).hint(hint)])
            }
            Some(d) if d.stale.is_empty() => Guard::new(WHAT, format!("`{}` proved this recipe", d.run), Vec::new()),
            Some(d) => {
                let message = format!("the dress rehearsal `{}` proves nothing about this: {} changed since", d.run, d.stale.join(", "));
                Guard::new(WHAT, "", vec![Finding::error("GR0768", message).hint("`greenroom dress` once more")])
            }
        })
    }

    /// A backup that was restored, read and found whole, not too long ago, and that still lies where it did (promise 4).
    async fn restore_guard(&self, history: &Projection, plan: Option<&Plan>, expected: u64) -> Result<Guard, SessionError> {
        const WHAT: &str = "restore point";
        let Some(plan) = plan else {
            return Ok(Guard { what: WHAT, found: None, findings: Vec::new() });
        };
        let hours = self.program.switch.restore_point_hours;
        let hint = "back production up by the engine's own means, then `greenroom prove BACKUP`";
        let refused = |message: String| Guard::new(WHAT, "", vec![Finding::error("GR0769", message).hint(hint)]);
        let ours = |p: &&crate::journal::RestorePoint| !self.is_production(Path::new(&p.backup.path));
        let Some(point) = history.restore_points.iter().rev().filter(ours).find(|p| p.source == plan.recipe.source) else {
            let what = match history.restore_points.is_empty() {
                true => "no backup has been restored and read",
                false => "no backup with production's present schema has been restored and read",
            };
            return Ok(refused(what.to_owned()));
        };
        let path = &point.backup.path;
        // When it was made, as far as the file tells.
        let made = std::fs::metadata(path).and_then(|m| m.modified()).ok().and_then(|t| Timestamp::try_from(t).ok());
        let made = made.unwrap_or(point.at).min(point.at);
        if self.clock.now().duration_since(made) > SignedDuration::from_hours(i64::from(hours)) {
            return Ok(refused(format!("the backup `{path}` is older than {hours} hours")));
        }
        let mut findings = Vec::new();
        if point.rows.saturating_mul(2) < expected {
            let rows = point.rows;
            let finding = Finding::warning("GR0769", format!("the backup `{path}` has {rows} rows, and production about {expected} now"));
            findings.push(finding.hint("see that it is a backup of production, and back it up once more if it has grown"));
        }
        match self.recognise(Path::new(path)).await {
            Ok(backup) if backup.hash == point.backup.hash => {
                let rows = point.rows;
                Ok(Guard::new(WHAT, format!("`{path}` was restored, and its {rows} rows were read"), findings))
            }
            Ok(_) => Ok(refused(format!("`{path}` is not the backup any more that was proven"))),
            Err(e) => Ok(refused(format!("the backup that was proven cannot be read any more: {}", said(e)?.message))),
        }
    }
}

fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Whether two addresses name one server, as far as they are written alike.
fn same_server(a: &greenroom_model::program::Address, b: &greenroom_model::program::Address) -> bool {
    a.host == b.host && a.port.or(a.engine.default_port()) == b.port.or(b.engine.default_port())
}

/// What would be missing, or switched off, in a production that is a copy.
fn whole(survey: &Survey) -> Guard {
    let c = &survey.catalog;
    let mut findings = Vec::new();
    for t in &c.tables {
        if let TableForm::Refused(why) = &t.form {
            let message = format!("{} cannot be copied, and would be missing: {why}", t.name.short(c.engine));
            findings.push(Finding::error("GR0770", message).hint("change it in production, or move it by the vendor's own procedure"));
        }
    }
    for o in &c.outbound {
        if let Some(how) = &o.disabled_by {
            let message = format!("{} {} would be switched off in the new production: {how}", o.kind, o.name);
            let hint = "take it out of production before, and let a person or script of the upgrade bring it back after the window";
            findings.push(Finding::error("GR0770", message).hint(hint));
        }
    }
    // How a file keeps its journal comes with its doors.
    let lost = c.not_carried.iter().filter(|(what, _)| what != "journal mode WAL");
    findings.extend(lost.map(|(what, why)| Finding::warning("GR0770", format!("{what} is not carried: {why}"))));
    Guard::new("completeness", format!("{} tables are copied as they are", c.tables.len()), findings)
}

/// A refusal as a finding; anything else is an error of its own.
fn said(e: SessionError) -> Result<Finding, SessionError> {
    match e {
        SessionError::Refused { code, message, hint } => {
            Ok(Finding { severity: Severity::Error, ..Finding::error(code, message) }.hint(hint))
        }
        other => Err(other),
    }
}
