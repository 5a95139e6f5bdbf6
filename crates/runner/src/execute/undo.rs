//! Undo: the former state stands again. Every part can be done again after a crash and asks the databases, not the names.

use super::swap::{FORMER, Former, not_the_former, same};
use super::{Execution, RunError, StepError, failure, failure_of};
use greenroom_engine::{Admission, MarkerState, Swap};
use greenroom_model::plan::Action;
use greenroom_model::run::{Body, Failure, Outcome, UndoPart};

impl Execution {
    /// Why a run whose generation is on stage cannot be undone any more; asked before anything is recorded, so that a run which cannot go
    /// back stays finished instead of being stuck half way.
    pub(super) async fn no_way_back(&mut self) -> Result<Option<Failure>, RunError> {
        if self.log.state().promoted() {
            return Ok(Some(match self.plan.rollback {
                Some(_) => let_in_again(&self.plan.names.pilot),
                None => let_in(&self.plan.names.pilot),
            }));
        }
        if self.plan.rollback.is_some() {
            return Ok(None);
        }
        if !self.log.state().swapped() {
            return Ok(None);
        }
        let names = self.plan.names.clone();
        let pilot = self.target.look(&names.pilot).await?;
        let note = self.kept::<Former>(FORMER)?;
        // Somebody has exchanged the names back by hand, as the card says.
        if let (Some(standing), Some(Former { standing: Some(former), .. })) = (&pilot, &note)
            && same(standing, former)
        {
            return Ok(None);
        }
        if pilot.and_then(|s| s.marker).is_none_or(|m| m.nonce != names.nonce) {
            return Ok(Some(replaced(&names.pilot)));
        }
        let Some(note) = note else { return Ok(Some(former_gone(&names.former))) };
        if let Some(former) = &note.standing {
            match self.target.look(&names.former).await? {
                None => return Ok(Some(former_gone(&names.former))),
                Some(aside) if !same(&aside, former) => return Ok(Some(not_the_former(&names.pilot))),
                Some(_) => {}
            }
        }
        Ok(None)
    }

    /// Performs one part, intent first; a failure is recorded as such.
    pub(super) async fn undo(&mut self, part: UndoPart) -> Result<(), StepError> {
        self.log.record(Body::UndoStepStarted { part })?;
        let done = match part {
            UndoPart::SwapBack if self.plan.rollback.is_some() => self.change_forth().await,
            UndoPart::SwapBack => self.swap_back().await,
            UndoPart::LiftFence => match self.stop_copying().await {
                Ok(()) => self.open_production().await,
                Err(e) => Err(e),
            },
            UndoPart::EndCapture => self.end_capture().await,
            UndoPart::Hooks => self.undo_hooks().await,
            UndoPart::Admission => self.former_admission().await,
            UndoPart::DropGeneration => self.drop_generation().await,
            UndoPart::Inverse => self.inverse().await,
            UndoPart::DropRaw => self.undo_raw().await,
        };
        match done {
            Ok(()) => Ok(self.log.record(Body::UndoStepFinished { part })?),
            Err(StepError::Failed(failure)) => {
                let recorded: Result<(), RunError> = self.log.record(Body::UndoFailed { part, failure: failure.clone() });
                recorded?;
                Err(StepError::Failed(failure))
            }
            Err(e) => Err(e),
        }
    }

    /// A copy that the engine still makes keeps production shut.
    async fn stop_copying(&mut self) -> Result<(), StepError> {
        if self.plan.copies_whole() {
            self.target.stop_copying(&self.plan.names.generation).await?;
        }
        Ok(())
    }

    async fn swap_back(&mut self) -> Result<(), StepError> {
        if let Some(inside) = self.inside.take() {
            inside.leave().await?;
        }
        let names = self.plan.names.clone();
        // Without the note nothing was swapped: it is written before the first change.
        let Some(former) = self.kept::<Former>(FORMER)? else { return Ok(()) };
        let ours =
            |s: &Option<greenroom_engine::Standing>| s.as_ref().and_then(|s| s.marker.as_ref()).is_some_and(|m| m.nonce == names.nonce);
        let before = former.standing.as_ref();
        let is_former = |s: &Option<greenroom_engine::Standing>| matches!((s, before), (Some(s), Some(f)) if same(s, f));
        let pilot = self.target.look(&names.pilot).await?;
        if pilot.is_some() && !ours(&pilot) {
            return if is_former(&pilot) { Ok(()) } else { Err(replaced(&names.pilot).into()) };
        }
        // An engine that swaps in two acts may have put the former pilot aside and nothing into its place yet.
        let stands_aside = self.target.look(&names.former).await?;
        let aside = is_former(&stands_aside);
        if before.is_some() && stands_aside.is_some() && !aside {
            return Err(not_the_former(&names.pilot).into());
        }
        if pilot.is_none() && !aside {
            return Ok(());
        }
        let swap = Swap {
            generation: names.generation.clone(),
            pilot: names.pilot.clone(),
            former: former.standing.as_ref().map(|_| names.former.clone()),
        };
        // A swap that was cut midway is completed first: from there the way back is known.
        self.exchange(&swap).await?;
        // It leaves the stage: nobody may come in under its other name.
        self.target.admit(&names.pilot, &Admission::Sealed).await?;
        let back = match &swap.former {
            Some(f) => Swap { generation: f.clone(), pilot: names.pilot.clone(), former: Some(names.generation.clone()) },
            None => Swap { generation: names.pilot.clone(), pilot: names.generation.clone(), former: None },
        };
        if let (Some(name), None) = (&swap.former, self.target.look(&names.former).await?) {
            return Err(former_gone(name).into());
        }
        self.exchange(&back).await
    }

    async fn former_admission(&mut self) -> Result<(), StepError> {
        let Some(Former { standing: Some(s), admission: Some(admission) }) = self.kept::<Former>(self.note())? else { return Ok(()) };
        let name = self.carried_name();
        let now = self.target.look(&name).await?;
        if now.is_some_and(|now| same(&now, &s)) {
            self.target.admit(&name, &admission).await?;
        }
        Ok(())
    }

    /// Runs the scripts that undo what the upgrade did outside the database. After the generation is gone: what was made outside, a role for
    /// example, cannot be dropped while something in it depends on it. They are written to do no harm when they run twice.
    async fn inverse(&mut self) -> Result<(), StepError> {
        let state = self.log.state();
        for inverse in state.inverses() {
            self.target.undo_outside(&inverse.statements).await.map_err(|e| {
                let mut f =
                    failure("GR0726", format!("`upgrade/{}`, which undoes what the upgrade did outside the database: {e}", inverse.file));
                f.hint = Some("mend the cause, then `greenroom undo` again; everything else is undone".into());
                StepError::Failed(f)
            })?;
        }
        Ok(())
    }

    async fn drop_generation(&mut self) -> Result<(), StepError> {
        self.drop_made().await?;
        // What is left of the run's files is of no use any more; leaving them would be a leftover, not a danger.
        std::fs::remove_dir_all(&self.setup.scratch)
            .map_err(|e| failure_of(&io_error(&self.setup.scratch, &e)))
            .or_else(|f| if self.setup.scratch.exists() { Err(StepError::Failed(f)) } else { Ok(()) })
    }

    /// Step: drops a generation that was only to be tried, and what programs printed while they worked on it: it may hold production's values.
    pub(super) async fn drop_tried(&mut self) -> Result<Outcome, StepError> {
        self.drop_made().await?;
        self.forget_numbers()?;
        let remove = || -> std::io::Result<()> {
            for entry in std::fs::read_dir(&self.setup.scratch)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(super::upgrade::OUTPUT) {
                    std::fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        remove().map_err(|e| failure_of(&io_error(&self.setup.scratch, &e)))?;
        Ok(Outcome::default())
    }

    /// Drops the generation that this run made, whole or half made, and the second copy of one that tries a rollback; nothing to do when they are gone.
    pub(super) async fn drop_made(&mut self) -> Result<(), StepError> {
        if let Some(inside) = self.inside.take() {
            inside.leave().await?;
        }
        let names = self.plan.names.clone();
        if self.plan.steps.iter().any(|s| matches!(s.action, Action::KeepFormer)) {
            self.drop_one(&names.former).await?;
        }
        self.drop_one(&names.generation).await?;
        match std::fs::remove_file(self.setup.carry.base(&names.nonce)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failure_of(&io_error(&self.setup.carry.bases, &e)).into()),
            _ => Ok(()),
        }
    }

    async fn drop_one(&mut self, name: &str) -> Result<(), StepError> {
        let nonce = self.plan.names.nonce.clone();
        match self.target.look(name).await? {
            // What an engine was to copy, or restore, may be half made beside it.
            None => self.target.clear_raw(name, &self.marker(self.making())).await?,
            Some(s) if s.marker.as_ref().is_some_and(|m| m.nonce == nonce) => {
                // It was about to become production, and nobody but testers was in it.
                if s.marker.is_some_and(|m| m.state == MarkerState::Promoted) && !self.log.state().promoted() {
                    self.target.mark(name, &self.marker(self.making())).await?;
                }
                self.target.drop_marked(name, &nonce).await?;
            }
            // Half made: created, not yet marked. The name carries our nonce; completing it makes it ours to drop.
            Some(s) if s.marker.is_none() && s.empty => {
                let like = self.source_catalog()?;
                let marker = self.marker(self.making());
                self.target.create(name, &marker, &like).await?;
                self.target.drop_marked(name, &nonce).await?;
            }
            Some(_) => {
                let f = failure("GR0503", format!("what stands under `{name}` is not ours: it is left alone"));
                return Err(f.into());
            }
        }
        Ok(())
    }
}

fn replaced(pilot: &str) -> Failure {
    let mut f = failure("GR0714", format!("`{pilot}` has been replaced since: this run cannot be undone any more"));
    f.hint = Some("undo the later run first, or leave things as they are".into());
    f
}

fn let_in(production: &str) -> Failure {
    let mut f = failure(
        "GR0764",
        format!("users have been, or may have been, let into the new `{production}`: the switch cannot be undone any more"),
    );
    f.hint = Some(
        "`greenroom resume` ends a switch that is not finished; `greenroom rollback` carries back what users have written since, where it was noted (`[switch] rollback_hours`)"
            .into(),
    );
    f
}

fn let_in_again(production: &str) -> Failure {
    let mut f =
        failure("GR0764", format!("users have been let into the former `{production}` again: the rollback cannot be undone any more"));
    f.hint = Some("`greenroom resume` ends it; what was the new production stands beside it, fenced".into());
    f
}

fn former_gone(name: &str) -> Failure {
    let mut f = failure("GR0715", format!("the former pilot `{name}` is gone: it cannot be given its name back"));
    f.hint = Some("leave things as they are, or rehearse again".into());
    f
}

fn io_error(path: &std::path::Path, e: &std::io::Error) -> greenroom_engine::EngineError {
    greenroom_engine::EngineError::other(format!("remove {}", path.display()), e.to_string())
}
