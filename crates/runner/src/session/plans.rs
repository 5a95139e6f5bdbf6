//! Checking a program against its databases, and making and finding plans. Nothing here changes a database.

use super::error::refused;
use super::{Session, SessionError};
use crate::journal::Journal;
use crate::planning::{self, Checked, Over, Survey};
use greenroom_model::catalog::Catalog;
use greenroom_model::finding::{Finding, any_error};
use greenroom_model::hash::Hash;
use greenroom_model::plan::{Plan, RawCopy};
use greenroom_model::run::{Body, RunState};

impl Session {
    /// Asks source and target what they are and checks the program against them.
    ///
    /// # Errors
    /// When one cannot be reached.
    pub async fn check(&self) -> Result<(Survey, Checked), SessionError> {
        self.check_over(None, None).await
    }

    /// The same with a raw copy in the source's place.
    ///
    /// # Errors
    /// As [`Session::check`].
    pub async fn check_raw(&self, raw: &RawCopy) -> Result<(Survey, Checked), SessionError> {
        self.check_over(Some(raw), None).await
    }

    /// The same with a raw copy in the source's place; or for a pilot that is to follow production, which was upgraded.
    pub(super) async fn check_over(&self, raw: Option<&RawCopy>, follow: Option<&RunState>) -> Result<(Survey, Checked), SessionError> {
        let mut survey = planning::survey(&self.program, self.engines_over(raw).as_ref()).await?;
        survey.decided = self.decided_schema(&survey.catalog);
        survey.follow = follow.is_some();
        let (here, told) = match follow {
            None => (self.here(&survey.catalog)?, Vec::new()),
            Some(pilot) => {
                let (reached, told) = self.followed(pilot, &survey.catalog)?;
                (self.here_with(Some(reached), &survey.catalog)?, told)
            }
        };
        survey.reached = here.reached;
        let mut checked = planning::check(&here.program, &survey, &self.keys("check"));
        checked.findings.extend(here.findings.into_iter().chain(told));
        // Nobody writes to a raw copy.
        checked.findings.retain(|f| raw.is_none() || f.code != "GR0510");
        Ok((survey, checked))
    }

    /// The schema that the column decisions were made for, if this workspace has seen it; `now` is remembered if it is the one.
    pub fn decided_schema(&self, now: &Catalog) -> Option<Catalog> {
        let pinned = self.program.pinned?;
        if pinned == now.columns_fingerprint() {
            // Only for telling what drifted later: without it a finding says less.
            let _ = self.workspace.remember_schema(now);
            return None;
        }
        self.workspace.seen_schema(pinned)
    }

    /// Remembers a schema that decisions were just made for.
    pub fn remember_schema(&self, catalog: &Catalog) {
        // As above.
        let _ = self.workspace.remember_schema(catalog);
    }

    /// Makes a plan and records it. Nothing is executed.
    ///
    /// # Errors
    /// [`SessionError::Findings`] when something forbids a run.
    pub async fn plan(&self) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        self.plan_from(None).await
    }

    pub(super) async fn plan_from(&self, raw: Option<&RawCopy>) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        self.plan_made(Over { raw: raw.cloned(), ..Over::default() }).await
    }

    pub(super) async fn plan_made(&self, over: Over) -> Result<(Hash, Plan, Vec<Finding>), SessionError> {
        let follow = if over.follow { Some(self.pilot_run(self.engines.target().await?.as_mut()).await?.0) } else { None };
        let (survey, checked) = self.check_over(over.raw.as_ref(), follow.as_ref()).await?;
        if any_error(&checked.findings) {
            return Err(SessionError::Findings(checked.findings));
        }
        let findings = checked.findings.clone();
        let mut journal = self.journal()?;
        let history = self.history()?;
        let stage = if over.switch.is_some() { self.program.production_name() } else { &self.program.pilot.name };
        let names = planning::names(&self.program, stage, &history, self.random.as_ref());
        let plan = planning::make_over(&self.program, &survey, checked, &history, names, env!("CARGO_PKG_VERSION"), over);
        let hash = plan.hash();
        // Only for telling what drifted: a plan without it runs just as well.
        std::fs::write(self.workspace.planned_schema(hash), serde_json::to_vec(&survey.catalog).map_err(std::io::Error::from)?)?;
        journal.append(None, None, Body::PlanRecorded { hash, plan: Box::new(plan.clone()), found: Some(self.noticed(&findings)) })?;
        Ok((hash, plan, findings))
    }

    /// Finds a recorded plan by the first digits of its hash.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn find_plan(&self, prefix: &str) -> Result<(Hash, Plan), SessionError> {
        let history = self.history()?;
        let mut found = history.plans.into_iter().filter(|(h, _)| h.to_string().starts_with(prefix));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(refused("GR0722", format!("no plan begins with `{prefix}`"), "`greenroom plan` makes one")),
            (Some(_), Some(_)) => Err(refused("GR0722", format!("several plans begin with `{prefix}`"), "give more digits")),
        }
    }
}
