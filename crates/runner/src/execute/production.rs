//! Steps of a switch around production itself: the window, the fence, taking its place, what testers say, letting users in; and going back by itself
//! when time is up. Does not own how the fence is raised (`fencing`), nor the exchange of names (`swap`).

use super::swap::{FORMER, Former, same};
use super::{Execution, RunError, StepError, admission, failure};
use crate::fencing::{Aim, FenceError};
use crate::journal::Actor;
use crate::ports::Notice;
use greenroom_engine::Admission;
use greenroom_model::catalog::EngineKind;
use greenroom_model::fence::{Doors, Fence, Progress};
use greenroom_model::plan::{Plan, Production};
use greenroom_model::process::Closing;
use greenroom_model::program::Audience;
use greenroom_model::run::{Body, Outcome, Question};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};

/// Where a switch keeps how production stood open: needed until users are in the new one.
const DOORS: &str = "doors.json";

/// The fence under which production was read for the last time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Fenced {
    pub(super) doors: Doors,
    /// When it was begun: another one, raised later, says nothing about what was written in between.
    since: Option<Timestamp>,
}

impl Execution {
    /// Step: everything that can be prepared is; a person says when the window opens.
    pub(super) fn window(&mut self, answer: Option<&str>) -> Result<Outcome, StepError> {
        if answer == Some("go") {
            return Ok(Outcome::default());
        }
        let minutes = self.plan.production.as_ref().map_or(0, |p| p.minutes);
        let closes = self.setup.windows.as_ref().map_or_else(String::new, |windows| match windows.closing(self.setup.clock.now()) {
            Closing::At(close) => format!(", and when the window closes, {}, at the latest", windows.show(close)),
            Closing::Closed(next) => {
                format!("; the window is closed now{}", next.map_or_else(String::new, |n| format!(", and opens {}", windows.show(n))))
            }
        });
        let so_far = match self.plan.copies_whole() {
            true => "nothing is copied yet, and production is open as ever",
            false => "production's rows are copied as they were a moment ago, and it is open as ever",
        };
        Err(StepError::Waits(Question {
            text: format!(
                "{so_far}. From `go` on nobody can work until users are let in, or until everything goes back by itself {minutes} minutes later{closes}"
            ),
            choices: vec![("go".into(), "the window has opened: shut everybody out and go on".into())],
        }))
    }

    /// Step of a dress rehearsal: the steps that read production come again under a new snapshot, as after the fence.
    pub(super) async fn read_again(&mut self) -> Result<Outcome, StepError> {
        if let Some(held) = self.held.take() {
            held.release().await?;
        }
        Ok(Outcome::default())
    }

    /// Step: nobody but Greenroom can write to production from here on. The snapshot is let go: the rows are read once more under a new one.
    pub(super) async fn fence_production(&mut self) -> Result<Outcome, StepError> {
        self.read_again().await?;
        let fencing = self.setup.fencing.clone();
        let known = self.known_fence()?;
        let mut outcome = Outcome::default();
        let standing = match &known {
            Some(fence) if fence.progress == Progress::Raised => Some(fencing.doors_of(fence)?),
            _ => None,
        };
        let production = self.production()?;
        let until = self.fence_end(production.minutes)?;
        let whole = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Trunc);
        let until = until.round(whole).unwrap_or(until);
        let first = card_first(&self.plan);
        let log = self.log.clone();
        let doors = match standing {
            Some(doors) if production.apart && !doors.apart => return Err(crate::fencing::by_accounts_alone().into()),
            Some(doors) if fencing.is_tight(&doors).await? => {
                // From now on it is the switch's, with its own time and its own card.
                self.log.beside(Some(&fencing.actor), Body::FenceProlonged { until }).map_err(RunError::from)?;
                fencing.rewrite_card(&doors, until, first.as_deref())?;
                outcome.notes.push("production was fenced already".into());
                doors
            }
            _ => {
                let reason = log.state().id.to_string();
                let mut record = |actor: Option<&Actor>, body: Body| log.beside(actor, body);
                let observer = self.setup.observer.clone();
                let mut shown = |card: &str, _: &Doors| observer.notice(Notice::Line(card.to_owned()));
                let aim = Aim { until, reason: Some(&reason), first: first.as_deref(), replaced: true, apart: production.apart };
                fencing.raise(&mut record, known, aim, &mut shown).await?
            }
        };
        let since = self.known_fence()?.map(|f| f.since);
        self.keep(DOORS, &Fenced { doors: doors.clone(), since })?;
        outcome.facts.insert("doors".into(), doors.hash().to_string());
        Ok(outcome)
    }

    /// When everything goes back by itself: after the minutes of the switch, or when the window closes, whichever comes first.
    fn fence_end(&self, minutes: u32) -> Result<Timestamp, StepError> {
        let now = self.setup.clock.now();
        let until = now + SignedDuration::from_mins(i64::from(minutes));
        let Some(windows) = &self.setup.windows else { return Ok(until) };
        match windows.closing(now) {
            Closing::At(close) => Ok(until.min(close)),
            Closing::Closed(next) => {
                let next = next.map_or_else(|| "none opens within a year".to_owned(), |n| format!("the next opens {}", windows.show(n)));
                let mut f = failure("GR0793", format!("the window of the go-live is closed, and production stays open; {next}"));
                f.hint = Some("`greenroom resume` when it opens, or `greenroom undo`".into());
                Err(f.into())
            }
        }
    }

    /// Production as it stands before the swap, noted at first; nobody may have written to it since the last copy.
    pub(super) async fn former_production(&mut self) -> Result<Former, StepError> {
        let names = self.plan.names.clone();
        let production = self.production()?;
        let pilot = self.target.look(&names.pilot).await?;
        if let Some(noted) = self.kept::<Former>(FORMER)? {
            let ours = pilot.as_ref().and_then(|s| s.marker.as_ref()).is_some_and(|m| m.nonce == names.nonce);
            let aside = self.target.look(&names.former).await?;
            let put_aside = matches!((&noted.standing, &aside), (Some(f), Some(a)) if same(f, a));
            if ours || put_aside {
                return Ok(noted);
            }
        }
        let found = pilot.as_ref().map(|s| s.engine_id.as_str());
        let expected = production.on_target.then_some(production.engine_id.as_str());
        if found != expected {
            let what = if found.is_some() { "another database stands" } else { "nothing stands any more" };
            let mut f = failure("GR0761", format!("{what} under production's name `{}`, contrary to the plan", names.pilot));
            f.hint = Some("find out who replaced it; `greenroom undo` gives production back".into());
            return Err(f.into());
        }
        let tight = match self.known_fence()? {
            Some(fence) => self.setup.fencing.is_tight(&self.setup.fencing.doors_of(&fence)?).await?,
            None => false,
        };
        if !tight {
            let mut f = failure(
                "GR0762",
                "production has been opened since it was read for the last time: what was written since is not in the copy",
            );
            f.hint = Some("`greenroom undo` gives production back as it is; then switch again".into());
            return Err(f.into());
        }
        // Somebody may have been given rights since the plan was made; from the exchange on, and for whoever is to be let in, it must be certain.
        if let Some(fence) = self.known_fence()? {
            let doors = self.setup.fencing.doors_of(&fence)?;
            let welcome = self.target.welcome(&names.pilot, &doors, &self.setup.program.pilot.testers, !production.on_target).await?;
            if !welcome.refused.is_empty() {
                let mut f = failure("GR0766", "not everybody could be let into the new production as they came into the former one");
                f.details = welcome.refused.into_iter().map(|o| format!("{}: {}", o.what, o.way_out)).collect();
                f.hint = Some("do what is listed, then `greenroom resume`; or `greenroom undo`".into());
                return Err(f.into());
            }
        }
        let noted = Former { standing: pilot, admission: None };
        self.keep(FORMER, &noted)?;
        Ok(noted)
    }

    /// Step: testers are let in, and decide.
    pub(super) async fn accept(&mut self, answer: Option<&str>) -> Result<Outcome, StepError> {
        let name = self.plan.names.pilot.clone();
        match answer {
            Some("accept") => {
                self.former_still_shut().await?;
                return Ok(Outcome::default());
            }
            Some("refuse") => {
                let f = failure("GR0763", format!("the testers refused the new `{name}`: everything goes back"));
                return Err(StepError::GoBack(f));
            }
            _ => {}
        }
        let testers = admission(&self.setup.program.pilot, Audience::Testers);
        self.target.admit(&name, &testers).await?;
        let grants_let_in = self.target.capabilities().await?.grants_let_in;
        let who = match &testers {
            Admission::Some { roles, .. } if !roles.is_empty() && grants_let_in => {
                format!(
                    "testers ({}) can come in, and may work with all rows; so can accounts with rights on all databases",
                    roles.join(", ")
                )
            }
            Admission::Some { roles, .. } if !roles.is_empty() => {
                format!("testers ({}) can come in, with the rights that they have in production, nobody else", roles.join(", "))
            }
            _ if self.plan.engine == EngineKind::Sqlite => "testers can look at it, and nobody can write into it".to_owned(),
            _ => "`[pilot] testers` names nobody, so that only Greenroom's login comes in".to_owned(),
        };
        let until =
            self.known_fence()?.map(|f| format!("; at {} everything goes back by itself, while `greenroom fence watch` runs", f.until));
        Err(StepError::Waits(Question {
            text: format!("the new `{name}` stands in production's place, verified: {who}{}", until.unwrap_or_default()),
            choices: vec![
                ("accept".into(), "users are let in: from there on there is no way back without what they write".into()),
                ("refuse".into(), "everything goes back to where it was".into()),
            ],
        }))
    }

    /// Step: testers have accepted, and everything beside is done; somebody says the last word.
    pub(super) async fn hold(&mut self, answer: Option<&str>) -> Result<Outcome, StepError> {
        let name = self.plan.names.pilot.clone();
        match answer {
            Some("go") => return Ok(Outcome::default()),
            Some("refuse") => {
                let f = failure("GR0763", format!("users are not let into the new `{name}`: everything goes back"));
                return Err(StepError::GoBack(f));
            }
            _ => {}
        }
        let until =
            self.known_fence()?.map(|f| format!("; at {} everything goes back by itself, while `greenroom fence watch` runs", f.until));
        Err(StepError::Waits(Question {
            text: format!(
                "testers have accepted the new `{name}`; from `go` on there is no way back without what users write{}",
                until.unwrap_or_default()
            ),
            choices: vec![("go".into(), "users are let in".into()), ("refuse".into(), "everything goes back to where it was".into())],
        }))
    }

    /// Step: users are let in. The fence around the former production stays: it must never be written to again.
    pub(super) async fn promote(&mut self) -> Result<Outcome, StepError> {
        let names = self.plan.names.clone();
        let production = self.production()?;
        let doors = self.fenced_doors()?.doors;
        // Once the fence is kept users may be in, and there is nothing more to be found out.
        if !self.log.kept_fences().map_err(RunError::from)?.contains(&doors.hash()) {
            self.former_still_shut().await?;
            self.log.beside(Some(&self.setup.fencing.actor), Body::FenceKept).map_err(RunError::from)?;
        }
        let former = production.on_target.then_some(names.former.as_str());
        self.target.promote(&names.pilot, former, &doors).await?;
        if production.apart {
            self.setup.fencing.part(&doors).await?;
        }
        self.setup.fencing.put_aside(doors.hash(), "kept").map_err(FenceError::from)?;
        self.forget_numbers()?;
        Ok(Outcome::default())
    }

    /// What was production is as shut as when it was read for the last time, and the fence is the same: asked before anybody decides that the new one
    /// is good, and before users come in.
    async fn former_still_shut(&mut self) -> Result<(), StepError> {
        let (fenced, names, production) = (self.fenced_doors()?, self.plan.names.clone(), self.production()?);
        let same_fence = self.known_fence()?.is_some_and(|fence| Some(fence.since) == fenced.since);
        let new = self.target.look(&names.pilot).await?.and_then(|s| s.marker);
        let aside = self.target.look(&names.former).await?.map(|s| s.engine_id);
        let exchanged = new.is_some_and(|m| m.nonce == names.nonce) && aside == production.on_target.then(|| production.engine_id.clone());
        if !exchanged || !same_fence {
            return Err(opened(&[]).into());
        }
        let open = match production.on_target {
            true => self.target.aside_open(&names.former, &fenced.doors).await?,
            false if self.setup.fencing.is_tight(&fenced.doors).await? => Vec::new(),
            false => vec![fenced.doors.database.clone()],
        };
        if open.is_empty() { Ok(()) } else { Err(opened(&open).into()) }
    }

    /// What was shut under the fence under which production was read for the last time.
    pub(super) fn fenced_doors(&self) -> Result<Fenced, StepError> {
        self.kept::<Fenced>(DOORS)?.ok_or_else(|| {
            let mut f = failure("GR0711", format!("the run's folder has lost `{DOORS}`, which says who could work in production"));
            f.hint = Some("`greenroom undo` gives production back, as long as users have not been let in".into());
            f.into()
        })
    }

    /// Part of undo: production is open as it was.
    pub(super) async fn open_production(&mut self) -> Result<(), StepError> {
        // What production is shut by may be part of its tables, and whoever reads them holds them. A snapshot that is lost holds nothing.
        if let Some(held) = self.held.take() {
            let _ = held.release().await;
        }
        let Some(fence) = self.known_fence()? else { return Ok(()) };
        let fencing = self.setup.fencing.clone();
        let doors = fencing.doors_of(&fence)?;
        let log = self.log.clone();
        let mut record = |actor: Option<&Actor>, body: Body| log.beside(actor, body);
        Ok(fencing.give_back(&mut record, &doors).await?)
    }

    /// When a switch must go back by itself: production is shut, and users have not been let in.
    pub(super) fn deadline(&self) -> Result<Option<Timestamp>, RunError> {
        if self.plan.production.is_none() || !self.log.state().fences() {
            return Ok(None);
        }
        Ok(self.log.fence()?.map(|f| f.until))
    }

    pub(super) fn known_fence(&self) -> Result<Option<Fence>, StepError> {
        Ok(self.log.fence().map_err(RunError::from)?)
    }

    pub(super) fn production(&self) -> Result<Production, StepError> {
        self.plan.production.clone().ok_or_else(|| failure("GR0710", "the plan names no production").into())
    }
}

/// Production was, or is, open although it must not be, or somebody has exchanged the names back.
fn opened(who: &[String]) -> greenroom_model::run::Failure {
    let mut f =
        failure("GR0762", "production has been opened since it was read for the last time: what was written since is not in the copy");
    f.hint = Some("`greenroom undo` gives production back as it is; then switch again".into());
    f.details = who.iter().map(|w| format!("open: {w}")).collect();
    f
}

/// How production stood open before a switch, from the folder of its run.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn doors_before(scratch: &std::path::Path) -> std::io::Result<Option<Doors>> {
    Ok(crate::workspace::read_json::<Fenced>(&scratch.join(DOORS))?.map(|f| f.doors))
}

/// Why a switch went back by itself.
pub(super) fn time_is_up(until: Timestamp) -> greenroom_model::run::Failure {
    let mut f = failure("GR0765", format!("users had not been let in by {until}: everything goes back by itself"));
    f.hint = Some("`[switch] minutes` says how long a switch may take, `greenroom fence prolong` gives it more while it goes on".into());
    f
}

/// What the break-glass card says before its statements, once a switch may have given production's name to another database.
pub(crate) fn card_first(plan: &Plan) -> Option<String> {
    let names = &plan.names;
    if plan.production.as_ref()?.apart {
        return Some(format!(
            "  let nobody into the new `{}`: revoke the rights that testers have on it;\n  let the applications work with the former database again\n",
            names.pilot
        ));
    }
    if !plan.production.as_ref()?.on_target {
        return Some(format!("  point the applications at the former server again, and let nobody into the new `{}`\n", names.pilot));
    }
    let (new, former, built) = (&names.pilot, &names.former, &names.generation);
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let shell = |name: &str| format!("'{}'", name.replace('\'', "'\\''"));
    Some(match plan.engine {
        EngineKind::Sqlite => {
            let (new, former, built) = (shell(new), shell(former), shell(built));
            format!(
                "  in a shell, in the program's folder; it does nothing where the names are production's own:\n  \
                 if [ -e {former} ] && ! [ {new} -ef {former} ]; then mv -n {new} {built} && mv -n {former} {new}; fi\n"
            )
        }
        _ => {
            let (plain, new, former, built) = (new.replace('\'', "''"), quoted(new), quoted(former), quoted(built));
            format!(
                "  as a superuser in psql, if there is a database {former}; go on only when both renames are done:\n  \
                 select pg_terminate_backend(pid) from pg_stat_activity where datname = '{plain}';\n  \
                 begin; alter database {new} rename to {built}; alter database {former} rename to {new}; commit;\n"
            )
        }
    })
}
