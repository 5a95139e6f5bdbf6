//! The register of integrations: how each stands, its probes, switching them off and connecting them again. Does not own what may be (`model::process::integrations`).

use super::process::not_allowed;
use super::tasks::told;
use super::{Recorded, Session, SessionError};
use crate::deeds;
use greenroom_model::process::deed::Outcome;
use greenroom_model::process::integrations::{End, OfPilot, OnPilot, Probed};
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;

/// A side of an integration.
#[derive(Clone, Debug, Serialize)]
pub struct EndLine {
    /// Its address, without logins and tokens.
    pub address: Option<String>,
    /// Whether it is on.
    pub on: bool,
    /// Somebody switched it: when, and who.
    pub turned: Option<(Timestamp, String)>,
    /// It can be looked at.
    pub has_probe: bool,
    /// What was seen last.
    pub probed: Option<Probed>,
}

/// An integration on the pilot, as the runs' record has it.
#[derive(Clone, Debug, Serialize)]
pub struct PilotLine {
    /// The pack that switches it off.
    pub pack: String,
    /// The program has that pack.
    pub pack_known: bool,
    /// Whether it may be switched on for a test.
    pub may: OfPilot,
    /// Until when it is on; none where it is off.
    pub until: Option<Timestamp>,
    /// That time is over.
    pub overdue: bool,
    /// Who switched it on.
    pub by: Option<String>,
}

/// An integration as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct IntegrationLine {
    /// Its id.
    pub integration: String,
    /// What people call it.
    pub title: String,
    /// Whose it is.
    pub owner: Option<String>,
    /// Who may switch it: ids of persons.
    pub who: Vec<String>,
    /// What it is.
    pub kind: Option<String>,
    /// Whose product.
    pub product: Option<String>,
    /// Its address changes: its owner has to be told.
    pub moves: bool,
    /// Before the go-live.
    pub old: EndLine,
    /// After it.
    pub new: EndLine,
    /// On the pilot.
    pub on_pilot: OnPilot,
    /// What switches it off there, and whether that is open; none where process.toml names no pack for it.
    pub pilot: Option<PilotLine>,
    /// Connected again on the next business day after the go-live, not before.
    pub business_day_after: bool,
    /// When it may be connected again; none while the go-live is not finished.
    pub reconnect_from: Option<Timestamp>,
    /// Why it may not be at all.
    pub not_allowed: Option<String>,
}

/// What a probe saw.
#[derive(Clone, Debug, Serialize)]
pub struct Probing {
    /// The integration.
    pub integration: String,
    /// The side.
    pub end: End,
    /// What was seen; none where the side has no probe.
    pub outcome: Option<Outcome>,
    /// Where what it gave out is kept.
    pub output: Option<PathBuf>,
}

impl Session {
    /// The register.
    ///
    /// # Errors
    /// When there is no process, or the journal cannot be read.
    pub fn integrations(&self) -> Result<Vec<IntegrationLine>, SessionError> {
        let process = self.process()?;
        let functions = self.functions()?;
        self.judged(|sight| {
            let of_pilot = |(pack, may): &(String, OfPilot)| {
                let f = functions.iter().find(|f| f.pack == *pack);
                PilotLine {
                    pack: pack.clone(),
                    pack_known: f.is_some(),
                    may: *may,
                    until: f.and_then(|f| f.until),
                    overdue: f.is_some_and(|f| f.overdue),
                    by: f.and_then(|f| f.by.clone()),
                }
            };
            let line = |(id, i): (&String, &greenroom_model::process::integrations::Integration)| {
                let state = sight.state.integration(id);
                let end = |end: End| EndLine {
                    address: i.address(end),
                    on: state.is_on(end),
                    turned: state.end(end).turned.as_ref().map(|(_, at, by)| (at.at, by.clone())),
                    has_probe: i.probe(end).is_some(),
                    probed: state.end(end).probed.clone(),
                };
                IntegrationLine {
                    integration: id.clone(),
                    title: i.title.clone(),
                    owner: i.owner.as_ref().map(ToString::to_string),
                    who: process.may_act_for(i),
                    kind: i.kind.clone(),
                    product: i.product.clone(),
                    moves: i.moves(),
                    old: end(End::Old),
                    new: end(End::New),
                    on_pilot: i.on_pilot,
                    pilot: i.pack.as_ref().map(of_pilot),
                    business_day_after: i.business_day_after,
                    reconnect_from: sight.reconnect_from(i),
                    not_allowed: process.allowed.against(id, i),
                }
            };
            process.integrations.iter().map(line).collect()
        })
    }

    /// Looks at a side of an integration and puts on record what was seen. `tell` is told what is done, before.
    ///
    /// # Errors
    /// When there is no such integration, or nobody who is known asks; what goes wrong in the probe is its outcome.
    pub async fn probe_integration(&self, id: &str, end: End, tell: impl FnOnce(&str)) -> Result<Probing, SessionError> {
        let integration = self.judged(|sight| sight.known_integration(id).cloned())?.map_err(not_allowed)?;
        let Some(deed) = integration.probe(end) else {
            return Ok(Probing { integration: id.to_owned(), end, outcome: None, output: None });
        };
        self.somebody()?;
        tell(&told(deed));
        let (outcome, output) = deeds::perform(&self.ground(false, self.clock.now())?, deed).await;
        let recorded = self.record_soon(|| self.decide_process(None, |sight, by| sight.integration_probed(id, by, end, &outcome))).await?;
        let output = self.keep_output(&format!("{}-probe-{id}-{}.out", recorded.seq, end.word()), &output)?;
        Ok(Probing { integration: id.to_owned(), end, outcome: Some(outcome), output })
    }

    /// Connects an integration again on its new side, after a look at that. `despite`: the reason to do so although its probe fails.
    ///
    /// # Errors
    /// When it may not be yet, the person may not, or its probe fails and there is no reason.
    pub async fn reconnect(&self, id: &str, despite: Option<&str>, tell: impl FnOnce(&str)) -> Result<Recorded, SessionError> {
        let by = self.person().map(str::to_owned);
        self.judged(|sight| sight.may_reconnect(id, by.as_deref()))?.map_err(not_allowed)?;
        let probing = self.probe_integration(id, End::New, tell).await?;
        let outcome = probing.outcome.as_ref();
        self.record_soon(|| self.decide_process(despite, |sight, by| sight.reconnect(id, by, outcome, despite.is_some()))).await
    }

    /// Switches the old side of an integration off, or on again because the go-live is put off.
    ///
    /// # Errors
    /// When the person may not, or it stands so already.
    pub fn turn_integration(&self, id: &str, on: bool, words: Option<&str>) -> Result<Recorded, SessionError> {
        self.decide_process(words, |sight, by| match on {
            true => sight.integration_on_again(id, by),
            false => sight.integration_off(id, by),
        })
    }
}
