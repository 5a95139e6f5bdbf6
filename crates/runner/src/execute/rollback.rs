//! Steps of a rollback (P28): what users wrote since a switch is noted from before they are let in, carried back into the former production, which then takes its name again
//! and is opened. Until it is, undo opens the new production as it was. Does not own the comparison (`back`).

use super::back::{self, BackAccount, Ways};
use super::swap::{FORMER, Former};
use super::{Execution, RunError, StepError, failure, inverse, objects, synthetic};
use crate::fencing::FenceError;
use greenroom_engine::fence::Fenced;
use greenroom_engine::{Generation, Swap};
use greenroom_model::fence::Stands;
use greenroom_model::numbers::SeriesReport;
use greenroom_model::plan::Rollback;
use greenroom_model::run::{Body, Outcome, Question, Verdict};

/// Where the account of what is carried back is kept.
pub(crate) const ACCOUNT: &str = "back.json";

/// Losses named in a question.
const SHOWN: usize = 12;

impl Execution {
    /// Step of a switch: nobody has written to the new production yet.
    pub(super) async fn capture(&mut self) -> Result<Outcome, StepError> {
        let names = self.plan.names.clone();
        if self.target.look(&names.pilot).await?.and_then(|s| s.marker).is_none_or(|m| m.nonce != names.nonce) {
            return Err(failure("GR0712", format!("another database stands under the name `{}`", names.pilot)).into());
        }
        let mut new = self.target.enter(&names.pilot).await?;
        let noting = back::begin_noting(new.as_mut(), "a rollback would compare them whole").await;
        new.leave().await?;
        noting
    }

    /// Step of a dress rehearsal: a second copy stays in the former shape, in the former production's place.
    pub(super) async fn keep_former(&mut self) -> Result<Outcome, StepError> {
        if let Some(inside) = self.inside.take() {
            inside.leave().await?;
        }
        let names = self.plan.names.clone();
        self.target.duplicate(&names.generation, &names.former, &self.marker(self.making())).await?;
        Ok(Outcome::default())
    }

    /// Step of a dress rehearsal: somebody writes into the new version, and all of it is carried back into the copy in the former shape.
    pub(super) async fn try_rollback(&mut self) -> Result<Outcome, StepError> {
        let names = self.plan.names.clone();
        let setup = self.setup.clone();
        let ways = Ways::of(&setup.program);
        let mut former = self.target.enter(&names.former).await?;
        let new = self.generation().await?;
        let catalog = new.inspect().await?;
        let inexact = inverse::given_apart(former.as_mut(), new.as_mut(), ways).await?;
        back::begin_noting(new.as_mut(), "they are compared whole").await?;
        let written = synthetic::write(new.as_mut(), &catalog).await?;
        let mut compared = back::compare(former.as_mut(), new.as_mut(), ways).await?;
        // Rows that were made up bear numbers of others, and leave gaps.
        for series in &mut compared.account.numbers {
            series.groups.iter_mut().for_each(|g| (g.twice, g.gaps) = (Vec::new(), Vec::new()));
        }
        let counts = compared.account.counts();
        let stuck = back::apply(former.as_mut(), &compared).await.map_err(|e| match e {
            StepError::Failed(mut f) => {
                f.hint = Some(
                    "a rollback after the go-live could fail in the same way; without `[switch] rollback_hours` none is promised".into(),
                );
                StepError::Failed(f)
            }
            other => other,
        })?;
        objects::take_objects(former.as_mut(), new.as_mut(), &compared).await?;
        former.derive().await?;
        let mut again = back::compare(former.as_mut(), new.as_mut(), ways).await?;
        again.counters.retain(|(name, _)| !stuck.contains(name));
        let apart = inverse::given_apart(former.as_mut(), new.as_mut(), ways).await?;
        former.leave().await?;
        inverse::nothing_missed(&inexact, &apart)?;
        self.keep(ACCOUNT, &compared.account)?;
        let mut outcome = self.conclude(verdict(&again), "GR0777", "what was written on trial is not what was carried back")?;
        let refused = if written.refused > 0 { format!("; {} tables took nothing", written.refused) } else { String::new() };
        outcome.notes.insert(
            0,
            format!(
                "on trial {} rows were inserted, {} changed and {} deleted in {} tables{refused}; carried back: {} inserted, {} updated, {} deleted",
                written.inserted, written.updated, written.deleted, written.tables, counts.inserted, counts.updated, counts.deleted
            ),
        );
        outcome.notes.extend(compared.account.losses().into_iter().map(|l| format!("would be {l}")));
        let off = inexact.iter().filter(|(_, keys)| !keys.is_empty());
        outcome.notes.extend(off.map(|(table, keys)| {
            format!(
                "inverse of `{table}`: {} rows come back otherwise than they were before the upgrade, once somebody touches them",
                keys.len()
            )
        }));
        Ok(outcome)
    }

    /// Step: the former production gets what was written since.
    pub(super) async fn carry_back(&mut self, ask: bool, answer: Option<&str>) -> Result<Outcome, StepError> {
        if answer == Some("refuse") {
            let f = failure("GR0776", "what cannot be carried back is not given up: the new production is opened again");
            return Err(StepError::GoBack(f));
        }
        self.former_still_aside().await?;
        let setup = self.setup.clone();
        let (mut former, mut new) = self.both_sides().await?;
        let compared = back::compare(former.as_mut(), new.as_mut(), Ways::of(&setup.program)).await?;
        self.list_numbers(&compared.account.numbers)?;
        let losses = compared.account.losses();
        let seen = answer == Some("go") && self.kept::<BackAccount>(ACCOUNT)?.is_some_and(|a| a.losses() == losses);
        self.keep(ACCOUNT, &compared.account)?;
        if ask && !losses.is_empty() && !seen {
            former.leave().await?;
            new.leave().await?;
            return Err(StepError::Waits(question(&losses)));
        }
        let applied = match back::apply(former.as_mut(), &compared).await {
            Ok(stuck) => objects::take_objects(former.as_mut(), new.as_mut(), &compared).await.map(|()| stuck),
            Err(e) => Err(e),
        };
        let applied = match applied {
            Ok(stuck) => former.derive().await.map(|()| stuck).map_err(StepError::from),
            Err(e) => Err(e),
        };
        former.tidy().await?;
        former.leave().await?;
        new.leave().await?;
        // Nobody is kept out of the new production for what the former one refuses.
        let stuck = applied.map_err(|e| match e {
            StepError::Failed(f) if ["GR0775", "GR0785"].contains(&f.code.as_str()) => StepError::GoBack(f),
            other => other,
        })?;
        self.keep(ACCOUNT, &BackAccount { refused_counters: stuck.clone(), ..compared.account.clone() })?;
        let counts = compared.account.counts();
        let mut outcome = Outcome { rows: Some(counts.inserted + counts.updated + counts.deleted), ..Outcome::default() };
        outcome.notes.push(format!("{} rows inserted, {} updated, {} deleted", counts.inserted, counts.updated, counts.deleted));
        outcome.notes.extend(losses);
        outcome.notes.extend(compared.account.numbers.iter().flat_map(SeriesReport::remarks));
        outcome.facts.extend(self.numbers_facts(&compared.account.numbers));
        outcome.notes.extend(stuck.into_iter().map(|name| format!("the counter {name} could not go on: numbers may be given twice")));
        Ok(outcome)
    }

    /// Step: what was touched is the same on both sides, and the next document gets a number that none had.
    pub(super) async fn verify_back(&mut self, answer: Option<&str>) -> Result<Outcome, StepError> {
        if answer == Some("refuse") {
            let f =
                failure("GR0781", "document numbers would be given twice, and nobody takes that on: the new production is opened again");
            return Err(StepError::GoBack(f));
        }
        let setup = self.setup.clone();
        let (mut former, mut new) = self.both_sides().await?;
        let compared = back::compare(former.as_mut(), new.as_mut(), Ways::of(&setup.program)).await;
        let behind = match &compared {
            Ok(_) => self.counters_behind(former.as_mut(), new.as_mut()).await,
            Err(_) => Ok(Vec::new()),
        };
        former.tidy().await?;
        // What an earlier switch left noting in it.
        former.end_capture().await?;
        former.leave().await?;
        new.leave().await?;
        let (mut compared, behind) = (compared?, behind?);
        let account = self.kept::<BackAccount>(ACCOUNT)?.unwrap_or_default();
        compared.counters.retain(|(name, _)| !account.refused_counters.contains(name));
        let mut verdict = verdict(&compared);
        // What nobody has been asked about.
        for now in &compared.account.numbers {
            let asked = account.numbers.iter().find(|then| then.series == now.series).map_or(0, SeriesReport::lost);
            if now.lost() > asked {
                verdict.differences.push(format!("document numbers `{}`: {} are not there", now.series, now.lost()));
            }
        }
        if verdict.differences.is_empty() && !behind.is_empty() && answer != Some("go") {
            self.list_numbers(&account.numbers.iter().chain(&behind).cloned().collect::<Vec<_>>())?;
            let losses: Vec<String> = behind.iter().flat_map(SeriesReport::losses).collect();
            return Err(StepError::Waits(self.ask_about_numbers("where the former production's counters stand", &losses)));
        }
        let mut outcome = self.conclude(verdict, "GR0777", "what was carried back is not what stands in the new production")?;
        outcome.notes.extend(behind.iter().flat_map(SeriesReport::losses));
        Ok(outcome)
    }

    /// Step: the names are exchanged back.
    pub(super) async fn change_back(&mut self, rollback: &Rollback) -> Result<Outcome, StepError> {
        let names = self.plan.names.clone();
        let former_id = self.production()?.engine_id;
        let pilot = self.target.look(&names.pilot).await?;
        let exchanged = pilot.as_ref().is_some_and(|s| s.engine_id == former_id);
        if let (Some(standing), false) = (&pilot, exchanged) {
            if standing.marker.as_ref().is_none_or(|m| m.nonce != rollback.nonce) {
                return Err(elsewhere(&names.pilot).into());
            }
            let tight = match self.known_fence()? {
                Some(fence) => self.setup.fencing.is_tight(&self.setup.fencing.doors_of(&fence)?).await?,
                None => false,
            };
            if !tight {
                let mut f = failure("GR0762", "production has been opened since it was carried back: what was written since is not in it");
                f.hint = Some("`greenroom undo` gives production back as it is; then roll back again".into());
                return Err(f.into());
            }
            self.former_still_aside().await?;
            self.keep(FORMER, &Former { standing: pilot, admission: None })?;
        }
        let Some(Former { standing: Some(new), .. }) = self.kept::<Former>(FORMER)? else { return Err(elsewhere(&names.pilot).into()) };
        self.exchange(&self.back_swap()).await?;
        if self.target.look(&names.pilot).await?.is_none_or(|s| s.engine_id != former_id) {
            return Err(failure("GR0712", format!("after the exchange another database stands under the name `{}`", names.pilot)).into());
        }
        let mut outcome = Outcome::default();
        outcome.facts.insert("engine_id".into(), former_id);
        outcome.facts.insert("former".into(), names.former);
        outcome.facts.insert("former_id".into(), new.engine_id);
        Ok(outcome)
    }

    /// Part of undo: the new production gets its name again.
    pub(super) async fn change_forth(&mut self) -> Result<(), StepError> {
        // Without the note nothing was exchanged: it is written before the first change.
        if self.kept::<Former>(FORMER)?.is_none() {
            return Ok(());
        }
        let names = self.plan.names.clone();
        let swap = self.back_swap();
        let stands = self.target.look(&names.pilot).await?;
        let aside = self.target.look(&names.former).await?;
        let nonce = self.plan.rollback.as_ref().map(|r| r.nonce.clone());
        if aside.is_none() && stands.and_then(|s| s.marker).map(|m| m.nonce) == nonce {
            return Ok(());
        }
        // An exchange that was cut midway is completed first: from there the way back is known.
        self.exchange(&swap).await?;
        let back = Swap { generation: names.former, pilot: names.pilot, former: Some(names.generation) };
        self.exchange(&back).await
    }

    /// Step: users are let into the former production again. The fence around the new one stays: it must never be written to again.
    pub(super) async fn reopen(&mut self, rollback: &Rollback) -> Result<Outcome, StepError> {
        let names = self.plan.names.clone();
        let doors = self.fenced_doors()?.doors;
        let former_id = self.production()?.engine_id;
        if !self.log.kept_fences().map_err(RunError::from)?.contains(&doors.hash()) {
            let in_place = self.target.look(&names.pilot).await?.is_some_and(|s| s.engine_id == former_id);
            let aside = self.target.look(&names.former).await?.and_then(|s| s.marker);
            let open = match in_place && aside.is_some_and(|m| m.nonce == rollback.nonce) {
                true => self.target.aside_open(&names.former, &doors).await?,
                false => vec!["the names were exchanged by somebody else".to_owned()],
            };
            if !open.is_empty() {
                let mut f = failure(
                    "GR0762",
                    "the new production has been opened since it was carried back: what was written since is lost otherwise",
                );
                f.hint = Some("`greenroom undo` opens the new production as it is; then roll back again".into());
                f.details = open;
                return Err(f.into());
            }
            self.log.beside(Some(&self.setup.fencing.actor), Body::FenceKept).map_err(RunError::from)?;
        }
        let mut production = self.setup.engines.production().await?;
        production.lift(&rollback.doors).await?;
        let Fenced { stands, .. } = production.look(&rollback.doors).await?;
        if stands != Stands::Down {
            let mut f = failure("GR0744", "the former production was opened, and the database says otherwise");
            f.hint = Some("`greenroom resume` tries again".into());
            return Err(f.into());
        }
        self.setup.fencing.put_aside(doors.hash(), "kept").map_err(FenceError::from)?;
        Ok(Outcome::default())
    }

    fn back_swap(&self) -> Swap {
        let names = self.plan.names.clone();
        Swap { generation: names.generation, pilot: names.pilot, former: Some(names.former) }
    }

    /// The former production, and the new one.
    async fn both_sides(&mut self) -> Result<(Box<dyn Generation>, Box<dyn Generation>), StepError> {
        let names = self.plan.names.clone();
        let former = self.target.enter_former(&names.generation, &self.production()?.engine_id).await?;
        let new = self.target.enter(&names.pilot).await?;
        Ok((former, new))
    }

    /// The former production stands aside as the switch left it: nobody has written to it but a rollback.
    async fn former_still_aside(&mut self) -> Result<(), StepError> {
        let (names, production) = (self.plan.names.clone(), self.production()?);
        let Some(rollback) = self.plan.rollback.clone() else { return Err(failure("GR0710", "the plan names no switch").into()) };
        let aside = self.target.look(&names.generation).await?;
        if aside.is_none_or(|s| s.engine_id != production.engine_id) {
            let mut f =
                failure("GR0715", format!("the former production `{}` is gone: it cannot be given its name back", names.generation));
            f.hint = Some("`greenroom undo` opens the new production again".into());
            return Err(f.into());
        }
        let open = self.target.aside_open(&names.generation, &rollback.doors).await?;
        if open.is_empty() {
            return Ok(());
        }
        let mut f = failure("GR0762", "the former production has been opened since the switch: nobody knows what was written to it");
        f.hint = Some("`greenroom undo` opens the new production again; look who opened the former one".into());
        f.details = open;
        Err(f.into())
    }
}

/// What a comparison says after everything was carried back: that should be nothing.
pub(super) fn verdict(compared: &back::Compared) -> Verdict {
    let left = compared.account.tables.iter().filter_map(|t| {
        let n = t.counts.inserted + t.counts.updated + t.counts.deleted;
        (n > 0).then(|| format!("table {}: {n} rows differ", t.of.short))
    });
    let mut differences: Vec<String> = left.collect();
    differences.extend(compared.dangling.iter().cloned());
    if !compared.objects.is_empty() {
        differences.push(format!("{} large objects differ", compared.objects.len()));
    }
    if !compared.counters.is_empty() {
        differences.push(format!("{} counters stand elsewhere", compared.counters.len()));
    }
    let lost = compared.account.losses();
    let touched: u64 = compared.account.tables.iter().filter(|t| t.loss().is_none()).filter_map(|t| t.touched).sum();
    let mut not_compared =
        vec!["rows that nobody touched since the switch: the former production was shut when it was looked at".to_owned()];
    not_compared.extend(lost);
    Verdict {
        what: "carry-back".into(),
        passed: false,
        compared: std::iter::once(format!("{touched} touched rows, cell by cell; positions of all counters"))
            .chain(
                compared
                    .account
                    .numbers
                    .iter()
                    .filter(|n| n.missing.is_none())
                    .map(|n| format!("document numbers `{}`: {}", n.series, n.count)),
            )
            .collect(),
        not_compared,
        differences,
        fingerprint: compared.fingerprint,
    }
}

fn question(losses: &[String]) -> Question {
    let mut text = "what was written since cannot all be carried back; production is shut meanwhile. Given up would be:".to_owned();
    losses.iter().take(SHOWN).for_each(|l| text.push_str(&format!("\n  {l}")));
    if losses.len() > SHOWN {
        text.push_str(&format!("\n  and {} more: `greenroom rollback --preview` lists them", losses.len() - SHOWN));
    }
    Question {
        text,
        choices: vec![
            ("go".into(), "give it up, on record with your name".into()),
            ("refuse".into(), "open the new production again, with everything in it".into()),
        ],
    }
}

fn elsewhere(name: &str) -> greenroom_model::run::Failure {
    let mut f =
        failure("GR0761", format!("another database stands under production's name `{name}` than the one that the switch put there"));
    f.hint = Some("find out who replaced it before anything else".into());
    f
}
