//! Production's fence: shown beforehand, raised, prolonged, lifted. What it takes away is written down before the first change, twice: for
//! `lift`, and on a card with statements that a person can type when nothing of ours works any more.
//!
//! Owns the order of these, and what the journal is told. Does not own how people are shut out (`engine::fence`).

use super::error::refused;
use super::{Session, SessionError};
use crate::journal::Journal;
use crate::ports::Notice;
use crate::workspace::{read_json, write_json, write_whole};
use greenroom_engine::fence::{self as engine, Fenced};
use greenroom_model::fence::{Doors, Fence, Progress, Stands};
use greenroom_model::hash::Hash;
use greenroom_model::run::{Body, Failure};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// How long somebody who watches a fence looks away.
const PAUSE: Duration = Duration::from_secs(2);

/// What somebody who watches a fence is told.
pub enum Watching<'f> {
    /// It is lifted at its time.
    Until(&'f Fence),
    /// It should have been lifted and could not be; it is tried again.
    Failed(&'f SessionError),
}

/// What is known of production's fence.
#[derive(Clone, Debug, Serialize)]
pub struct FenceView {
    /// The fence that the journal knows.
    pub fence: Option<Fence>,
    /// Its time is over.
    pub overdue: bool,
    /// What the fence shut; without one, what one would shut now.
    pub doors: Doors,
    /// What the database says.
    pub now: Fenced,
    /// Where the card lies, once there is one.
    pub card: Option<PathBuf>,
}

impl Session {
    /// What journal and database say. Changes nothing.
    ///
    /// # Errors
    /// When production cannot be reached, or what a fence took away is lost.
    pub async fn fence(&self) -> Result<FenceView, SessionError> {
        let fence = self.whole_history()?.fence;
        let mut production = self.engines.production().await?;
        let doors = match &fence {
            Some(fence) => self.doors_of(fence)?,
            None => production.doors().await?,
        };
        let now = production.look(&doors).await?;
        let overdue = fence.as_ref().is_some_and(|f| f.until <= self.clock.now());
        let card = fence.as_ref().map(|_| self.workspace.card());
        Ok(FenceView { fence, overdue, doors, now, card })
    }

    /// When a fence that is raised now must be lifted, unless somebody says otherwise.
    pub fn fence_until(&self) -> Timestamp {
        self.clock.now() + SignedDuration::from_mins(i64::from(self.program.fence.minutes))
    }

    /// Raises the fence, or goes on raising one that was cut off. `shown` gets the card before the first change.
    ///
    /// # Errors
    /// When something is in the way, with nothing changed; when it does not stand afterwards.
    pub async fn raise_fence(
        &self,
        until: Timestamp,
        reason: Option<&str>,
        shown: &mut (dyn FnMut(&str, &Doors) + Send),
    ) -> Result<FenceView, SessionError> {
        let _lock = self.fence_lock()?;
        let mut production = self.engines.production().await?;
        let begun = match self.whole_history()?.fence {
            Some(fence) => {
                let doors = self.doors_of(&fence)?;
                let now = production.look(&doors).await?;
                match (fence.progress, now.stands) {
                    // Nothing of it is left: who may come in may be somebody else by now.
                    (_, Stands::Down) => None,
                    (Progress::Raised, Stands::Up) if now.is_tight() => {
                        let hint = "`greenroom fence` shows it; `greenroom fence prolong` gives it more time, `greenroom fence lift` takes it down";
                        return Err(refused("GR0742", "production is fenced already", hint));
                    }
                    _ => Some(doors),
                }
            }
            None => None,
        };
        let doors = match begun {
            Some(doors) => doors,
            None => {
                let doors = production.doors().await?;
                self.unobstructed(&doors)?;
                write_json(&self.workspace.doors(doors.hash()), &doors)?;
                doors
            }
        };
        let card = card(&self.program.name, &doors, until);
        write_whole(&self.workspace.card(), card.as_bytes())?;
        shown(&card, &doors);
        let mut journal = self.journal()?;
        let intent = Body::FenceIntended { doors: doors.hash(), until, reason: reason.map(str::to_owned) };
        journal.append(None, Some(&self.actor), intent)?;
        if let Err(e) = self.keep_out(production.as_mut(), &doors).await {
            // A fence that does not hold shuts people out for nothing.
            drop(production);
            self.give_back(&doors).await.map_err(|second| half_raised(&e, &second))?;
            self.observer.notice(Notice::Line("what had been shut is open again".to_owned()));
            return Err(e);
        }
        journal.append(None, None, Body::FenceRaised)?;
        drop(production);
        self.fence().await
    }

    async fn keep_out(&self, production: &mut dyn engine::Fence, doors: &Doors) -> Result<(), SessionError> {
        let drain = Duration::from_secs(u64::from(self.program.fence.drain_seconds));
        production.raise(doors, drain).await?;
        let now = production.look(doors).await?;
        if now.stands != Stands::Up || !now.is_tight() {
            return Err(otherwise("raised", &now));
        }
        Ok(())
    }

    /// Gives the fence another deadline.
    ///
    /// # Errors
    /// When there is none.
    pub async fn prolong_fence(&self, until: Timestamp) -> Result<FenceView, SessionError> {
        {
            let _lock = self.fence_lock()?;
            let fence = self.whole_history()?.fence.ok_or_else(no_fence)?;
            self.journal()?.append(None, Some(&self.actor), Body::FenceProlonged { until })?;
            write_whole(&self.workspace.card(), card(&self.program.name, &self.doors_of(&fence)?, until).as_bytes())?;
        }
        self.fence().await
    }

    /// Opens production as it was, however far the fence got.
    ///
    /// # Errors
    /// When there is none; when it still stands afterwards.
    pub async fn lift_fence(&self) -> Result<(), SessionError> {
        let _lock = self.fence_lock()?;
        let doors = match self.whole_history() {
            Ok(history) => self.doors_of(&history.fence.ok_or_else(no_fence)?)?,
            // Production is given back also when the journal cannot be read.
            Err(e) => self.only_doors()?.ok_or(e)?,
        };
        self.give_back(&doors).await
    }

    /// Puts on record that a person gave production back by hand: for when what the fence took away is lost, or names what is gone. The database is
    /// not asked.
    ///
    /// # Errors
    /// When there is no fence, or the journal refuses.
    pub fn lifted_by_hand(&self) -> Result<(), SessionError> {
        let _lock = self.fence_lock()?;
        let fence = self.whole_history()?.fence.ok_or_else(no_fence)?;
        let mut journal = self.journal()?;
        journal.append(None, Some(&self.actor), Body::FenceLifting)?;
        journal.append(None, Some(&self.actor), Body::FenceLifted)?;
        Ok(self.put_aside(fence.doors)?)
    }

    /// Opens first and writes down afterwards: nobody is kept out because a disk is full.
    async fn give_back(&self, doors: &Doors) -> Result<(), SessionError> {
        let mut journal = self.journal();
        // What cannot be written down now is said at the end.
        let _ = journal.as_mut().map(|j| j.append(None, Some(&self.actor), Body::FenceLifting));
        let mut production = self.engines.production().await?;
        // Where nothing is shut nothing is changed: a database that somebody holds locked is none that we must wait for.
        if production.look(doors).await?.stands != Stands::Down {
            production.lift(doors).await?;
        }
        let now = production.look(doors).await?;
        if now.stands != Stands::Down {
            return Err(otherwise("lifted", &now));
        }
        let unrecorded = |why: String| {
            let hint = "mend or restore the workspace, then `greenroom fence lift --by-hand` puts it on record";
            refused("GR0724", format!("production is open as it was, and the journal does not know: {why}"), hint)
        };
        let mut journal = journal.map_err(|e| unrecorded(e.to_string()))?;
        journal.append(None, None, Body::FenceLifted).map_err(|e| unrecorded(e.to_string()))?;
        Ok(self.put_aside(doors.hash())?)
    }

    /// Card and doors are of no fence any more; what they say is kept all the same, until the next fence is lifted.
    fn put_aside(&self, doors: Hash) -> std::io::Result<()> {
        for path in [self.workspace.card(), self.workspace.doors(doors)] {
            let aside = self.workspace.card().with_file_name(if path.extension().is_some_and(|e| e == "json") {
                "latest.lifted"
            } else {
                "card.lifted"
            });
            match std::fs::rename(&path, aside) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    /// The doors that lie in the workspace, if they are the only ones.
    fn only_doors(&self) -> Result<Option<Doors>, SessionError> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.workspace.card().with_file_name(""))? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "json") {
                found.extend(read_json::<Doors>(&path)?);
            }
        }
        Ok(if found.len() == 1 { found.pop() } else { None })
    }

    /// Waits until the fence's time is over and lifts it then, again and again until that succeeds; ends early when somebody else lifts it, or this
    /// process is told to stop. True when it was lifted here.
    ///
    /// # Errors
    /// When the journal cannot be read at the beginning.
    pub async fn watch_fence(&self, tell: &mut (dyn FnMut(Watching<'_>) + Send)) -> Result<bool, SessionError> {
        let mut fence = self.whole_history()?.fence;
        let mut told = None;
        loop {
            let Some(known) = &fence else { return Ok(false) };
            let left = known.until.duration_since(self.clock.now());
            let mut pause = Duration::try_from(left).unwrap_or_default().min(PAUSE);
            if left <= SignedDuration::ZERO {
                match self.lift_when_due().await {
                    Ok(lifted) => return Ok(lifted),
                    Err(e) => {
                        tell(Watching::Failed(&e));
                        pause = PAUSE;
                    }
                }
            } else if told != Some(known.until) {
                tell(Watching::Until(known));
                told = Some(known.until);
            }
            // Somebody may prolong or lift it meanwhile.
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.cancel.cancelled() => return Ok(false),
            }
            if let Ok(history) = self.whole_history() {
                fence = history.fence;
            }
        }
    }

    /// Lifts the fence if its time is over, asked again under the lock: somebody may have prolonged it this moment.
    async fn lift_when_due(&self) -> Result<bool, SessionError> {
        let _lock = self.fence_lock()?;
        let Some(fence) = self.whole_history()?.fence else { return Ok(false) };
        if fence.until > self.clock.now() {
            return Err(refused("GR0742", "the fence was prolonged", "it is lifted when that time is over"));
        }
        self.give_back(&self.doors_of(&fence)?).await?;
        Ok(true)
    }

    /// The card of the fence that stands.
    ///
    /// # Errors
    /// When there is none.
    pub fn fence_card(&self) -> Result<String, SessionError> {
        let known = self.whole_history().map(|history| history.fence);
        if let Ok(None) = known {
            return Err(no_fence());
        }
        match known {
            Ok(Some(fence)) if self.doors_of(&fence).is_ok() => Ok(card(&self.program.name, &self.doors_of(&fence)?, fence.until)),
            // The second copy, when the first or the journal is lost.
            _ => Ok(std::fs::read_to_string(self.workspace.card())?),
        }
    }

    fn fence_lock(&self) -> Result<crate::workspace::RunLock, SessionError> {
        let busy = || refused("GR0723", "another Greenroom is raising or lifting the fence", "wait for it, or stop it");
        self.workspace.lock("fence")?.ok_or_else(busy)
    }

    fn doors_of(&self, fence: &Fence) -> Result<Doors, SessionError> {
        let path = self.workspace.doors(fence.doors);
        let doors: Option<Doors> = read_json(&path)?;
        doors.filter(|d| d.hash() == fence.doors).ok_or_else(|| {
            let hint = format!(
                "type the statements of the card `{}`; they give back what the fence took. Then `greenroom fence lift --by-hand`",
                self.workspace.card().display()
            );
            refused("GR0743", format!("how production stood open before the fence is lost: `{}`", path.display()), hint)
        })
    }

    fn unobstructed(&self, doors: &Doors) -> Result<(), SessionError> {
        if doors.obstacles.is_empty() {
            return Ok(());
        }
        Err(SessionError::Failed(Box::new(Failure {
            code: "GR0741".into(),
            message: format!("production `{}` cannot be fenced as it is; nothing was changed", doors.database),
            hint: Some("get what is listed out of the way; `greenroom fence` shows what is left".into()),
            details: doors.obstacles.iter().map(|o| format!("{}: {}", o.what, o.way_out)).collect(),
        })))
    }
}

fn no_fence() -> SessionError {
    refused("GR0742", "production is not fenced", "`greenroom fence` shows what journal and database say")
}

/// The database says otherwise than it should.
fn otherwise(done: &str, now: &Fenced) -> SessionError {
    let stands = match now.stands {
        Stands::Down => "nothing of it stands".to_owned(),
        Stands::Up => "all of it stands".to_owned(),
        Stands::Part { shut, of } => format!("{shut} of {of} doors are shut"),
    };
    let mut details = vec![stands];
    details.extend(now.open.iter().map(|who| format!("may come in: {who}")));
    details.extend(now.sessions.iter().map(|s| format!("in the database: {s}")));
    SessionError::Failed(Box::new(Failure {
        code: "GR0744".into(),
        message: format!("the fence was {done}, and the database says otherwise"),
        hint: Some("`greenroom fence` shows what is true now".into()),
        details,
    }))
}

/// Raising failed, and giving back did too.
fn half_raised(first: &SessionError, second: &SessionError) -> SessionError {
    SessionError::Failed(Box::new(Failure {
        code: "GR0744".into(),
        message: format!("the fence could not be raised ({first}), and what had been shut could not be opened again: {second}"),
        hint: Some("`greenroom fence lift` tries again; the card under `.greenroom/fence` has the statements".into()),
        details: Vec::new(),
    }))
}

/// What a person types to give production back, on one page.
fn card(program: &str, doors: &Doors, until: Timestamp) -> String {
    let mut out = format!(
        "BREAK GLASS: give production back by hand\n\nprogram:   {program}\ndatabase:  {}\nfenced until {until}; `greenroom fence lift` does all of this.\n\n\
         When nothing of Greenroom works any more, type in\n  {}\n\n",
        doors.database, doors.client
    );
    for statement in doors.opening() {
        out.push_str(&format!("  {statement};\n"));
    }
    out.push_str("\nEach statement can be typed again without harm. Afterwards, as soon as it can be: `greenroom fence lift`, so that the journal knows.\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_model::fence::Door;

    #[test]
    fn the_card_holds_the_statements_in_their_order() {
        let door = |n: u32| Door { who: format!("r{n}"), key: Vec::new(), shut: format!("shut {n}"), open: format!("open {n}") };
        let doors = Doors {
            database: "clinic".into(),
            engine_id: "7".into(),
            client: "psql -d postgres".into(),
            doors: vec![door(1), door(2)],
            gaps: Vec::new(),
            obstacles: Vec::new(),
        };
        let card = card("clinic", &doors, "2026-11-23T22:00:00Z".parse().unwrap());
        assert!(card.contains("database:  clinic\nfenced until 2026-11-23T22:00:00Z;"), "{card}");
        assert!(card.contains("type in\n  psql -d postgres\n\n  open 2;\n  open 1;\n"), "{card}");
    }
}
