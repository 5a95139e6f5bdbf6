//! The register of integrations: who owns each, its address before and after the go-live, whether it is on, what its probes said, and when it may be connected again.
//! Owns decisions; probing is the runner's.

use super::deed::{Deed, Outcome, host_of, shown_url};
use super::gates::{Refused, Sight, Standing, known, refused};
use super::{Fact, Mark, Process, Proof, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Before the go-live, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Production as it was.
    Old,
    /// What has taken its place.
    New,
}

impl End {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            End::Old => "old",
            End::New => "new",
        }
    }
}

/// What a gate asks of integrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IntegrationsWanted {
    /// Each is switched off on the old side, and does not answer there any more.
    Off,
    /// Each is connected again on the new side, and answers there.
    On,
    /// None is forbidden, each is among those allowed of its kind.
    Allowed,
}

/// Whether something is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnPilot {
    /// Nothing leaves the pilot: what the packs disabled stays disabled.
    #[default]
    Off,
    /// The other party gave an address for tests.
    Test,
}

/// Whether the pack that switches it off on the pilot may be opened again for a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OfPilot {
    /// Never: `greenroom reopen` refuses a pack that would switch it on.
    #[default]
    Never,
    /// Until a time, with a reason on record.
    OnRequest,
}

impl OfPilot {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            OfPilot::Never => "never",
            OfPilot::OnRequest => "on request",
        }
    }
}

/// Whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// A person, or their substitute.
    Person(String),
    /// Whoever has a role.
    Role(String),
    /// Whoever works for a party.
    Party(String),
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Owner::Person(id) | Owner::Role(id) | Owner::Party(id) => f.write_str(id),
        }
    }
}

/// Something that production talks to, or that talks to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Integration {
    /// What people call it.
    pub title: String,
    /// Whose it is; whoever is known may act for it without.
    pub owner: Option<Owner>,
    /// What it is: `payment-gateway`, `brand`, `sms`.
    pub kind: Option<String>,
    /// Whose product, or which.
    pub product: Option<String>,
    /// Its address before the go-live.
    pub old: Option<String>,
    /// Its address afterwards; the same where none is said.
    pub new: Option<String>,
    /// What shows that the old side works.
    pub probe_old: Option<Deed>,
    /// What shows that the new side works.
    pub probe_new: Option<Deed>,
    /// Those that must be connected again before.
    pub after: BTreeSet<String>,
    /// Connected again on the next business day after the go-live, and not before.
    pub business_day_after: bool,
    /// How it stands on the pilot.
    pub on_pilot: OnPilot,
    /// The pack of the program that switches it off on the pilot, and whether that may be opened again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<(String, OfPilot)>,
}

impl Integration {
    /// What shows that a side works.
    pub fn probe(&self, end: End) -> Option<&Deed> {
        match end {
            End::Old => self.probe_old.as_ref(),
            End::New => self.probe_new.as_ref(),
        }
    }

    /// Its address on a side, fit to be shown.
    pub fn address(&self, end: End) -> Option<String> {
        let of = match end {
            End::Old => self.old.as_ref(),
            End::New => self.new.as_ref().or(self.old.as_ref()),
        };
        of.map(|a| shown_url(a))
    }

    /// Its address changes: its owner has to be told.
    pub fn moves(&self) -> bool {
        self.new.is_some() && self.new != self.old
    }
}

/// Which products may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// Ids, kinds or products that may not be.
    pub forbidden: BTreeSet<String>,
    /// By kind: the only products that may be.
    pub products: BTreeMap<String, BTreeSet<String>>,
}

impl Allowed {
    /// Why an integration may not be, if it may not.
    pub fn against(&self, id: &str, integration: &Integration) -> Option<String> {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        let names = [Some(id), integration.kind.as_deref(), integration.product.as_deref()];
        if let Some(word) = self.forbidden.iter().find(|f| names.iter().flatten().any(|n| same(n, f))) {
            return Some(format!("`{word}` is forbidden"));
        }
        let kind = integration.kind.as_deref()?;
        let (_, products) = self.products.iter().find(|(k, _)| same(k, kind))?;
        let all = products.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        match &integration.product {
            None => Some(format!("it names no product, and of the kind `{kind}` only {all} may be")),
            Some(p) if products.iter().any(|o| same(o, p)) => None,
            Some(p) => Some(format!("`{p}` is none of those allowed of the kind `{kind}`: {all}")),
        }
    }
}

/// What a probe said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probed {
    /// When.
    pub at: Mark,
    /// It was as expected.
    pub good: bool,
    /// In a few words.
    pub outcome: String,
}

/// How a side of an integration stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EndState {
    /// Switched on or off last: when, by whom.
    pub turned: Option<(bool, Mark, String)>,
    /// What its probe said last.
    pub probed: Option<Probed>,
}

/// How an integration stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IntegrationState {
    /// Before the go-live; on until somebody switches it off.
    pub old: EndState,
    /// After it; off until somebody connects it again.
    pub new: EndState,
}

impl IntegrationState {
    /// One of its sides.
    pub fn end(&self, end: End) -> &EndState {
        match end {
            End::Old => &self.old,
            End::New => &self.new,
        }
    }

    /// Whether a side is on.
    pub fn is_on(&self, end: End) -> bool {
        self.end(end).turned.as_ref().map_or(end == End::Old, |(on, ..)| *on)
    }

    fn end_mut(&mut self, end: End) -> &mut EndState {
        match end {
            End::Old => &mut self.old,
            End::New => &mut self.new,
        }
    }
}

impl State {
    /// How an integration stands.
    pub fn integration(&self, id: &str) -> IntegrationState {
        self.integrations.get(id).cloned().unwrap_or_default()
    }

    pub(super) fn probed(&mut self, mark: Mark, id: &str, end: End, good: bool, outcome: &str) {
        let state = self.integrations.entry(id.to_owned()).or_default();
        state.end_mut(end).probed = Some(Probed { at: mark, good, outcome: outcome.to_owned() });
    }

    pub(super) fn turned(&mut self, mark: Mark, by: &str, id: &str, end: End, on: bool) {
        let state = self.integrations.entry(id.to_owned()).or_default();
        state.end_mut(end).turned = Some((on, mark, by.to_owned()));
    }
}

impl Process {
    /// The integrations that a pack switches off on the pilot.
    pub fn switched_by<'p>(&'p self, pack: &'p str) -> impl Iterator<Item = (&'p String, &'p Integration, OfPilot)> {
        self.integrations.iter().filter_map(move |(id, i)| i.pack.as_ref().filter(|(p, _)| p == pack).map(|(_, may)| (id, i, *may)))
    }

    /// The integrations that are on while a pack's functions are switched on again on the pilot.
    ///
    /// # Errors
    /// When one of them never may be.
    pub fn may_reopen(&self, pack: &str) -> Result<Vec<String>, Refused> {
        let never: Vec<&str> = self.switched_by(pack).filter(|(.., may)| *may == OfPilot::Never).map(|(id, ..)| id.as_str()).collect();
        if !never.is_empty() {
            return refused(
                format!("the pack `{pack}` would switch on what is never on on a pilot: {}", never.join(", ")),
                "process.toml says so; `pilot = \"on-request\"` in the integration's section allows it, and its owner decides over that",
            );
        }
        Ok(self.switched_by(pack).map(|(id, ..)| id.clone()).collect())
    }

    /// Who may act for an integration.
    pub fn may_act_for(&self, integration: &Integration) -> Vec<String> {
        let fits = |id: &str| match &integration.owner {
            None => true,
            Some(Owner::Person(person)) => id == person || self.persons.get(person).is_some_and(|p| p.substitute.as_deref() == Some(id)),
            Some(Owner::Role(role)) => self.has_role(id, &[role.clone()].into()),
            Some(Owner::Party(party)) => self.persons.get(id).is_some_and(|p| p.party == *party),
        };
        self.persons.keys().filter(|id| fits(id)).cloned().collect()
    }
}

impl<'a> Sight<'a> {
    /// An integration of the register.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn known_integration(&self, id: &str) -> Result<&'a Integration, Refused> {
        match self.process.integrations.get(id) {
            Some(i) => Ok(i),
            None if self.process.integrations.is_empty() => {
                refused("process.toml names no integrations", "write a section `[integration.crm]` with `old`, `new` and `owner`")
            }
            None => {
                let all: Vec<&str> = self.process.integrations.keys().map(String::as_str).collect();
                refused(format!("there is no integration `{id}`"), format!("those of process.toml: {}", all.join(", ")))
            }
        }
    }

    fn may_act(&self, id: &str, integration: &Integration, by: &str) -> Result<(), Refused> {
        let able = self.process.may_act_for(integration);
        match able.iter().any(|p| p == by) {
            true => Ok(()),
            false => refused(format!("`{id}` is not {by}'s to switch"), format!("those who may: {}", able.join(", "))),
        }
    }

    /// When an integration may be connected again at the earliest; none while the go-live is not finished.
    pub fn reconnect_from(&self, integration: &Integration) -> Option<Timestamp> {
        let done = self.proofs.hold.contains(&Proof::GoLive).then_some(self.proofs.went_live).flatten()?;
        match integration.business_day_after {
            true => self.process.calendar.next_business_day(done),
            false => Some(done),
        }
    }

    /// Switches the old side off.
    ///
    /// # Errors
    /// When the person may not, or it is off.
    pub fn integration_off(&self, id: &str, by: Option<&str>) -> Result<Fact, Refused> {
        let (integration, by) = (self.known_integration(id)?, known(by)?);
        self.may_act(id, integration, by)?;
        if !self.state.integration(id).is_on(End::Old) {
            return refused(format!("the old side of `{id}` is off already"), "`greenroom integrations` shows how each stands");
        }
        Ok(Fact::IntegrationTurned { integration: id.to_owned(), end: End::Old, on: false, despite: None })
    }

    /// Switches the old side on again, because the go-live is put off.
    ///
    /// # Errors
    /// When the person may not, it is on, or the go-live is finished.
    pub fn integration_on_again(&self, id: &str, by: Option<&str>) -> Result<Fact, Refused> {
        let (integration, by) = (self.known_integration(id)?, known(by)?);
        self.may_act(id, integration, by)?;
        if self.proofs.hold.contains(&Proof::GoLive) {
            return refused("the go-live is finished", format!("`greenroom integrations reconnect {id}` connects the new side"));
        }
        if self.state.integration(id).is_on(End::Old) {
            return refused(format!("the old side of `{id}` is on"), "`greenroom integrations` shows how each stands");
        }
        Ok(Fact::IntegrationTurned { integration: id.to_owned(), end: End::Old, on: true, despite: None })
    }

    /// Whether an integration may be connected again by somebody at this moment, whatever its probe will say.
    ///
    /// # Errors
    /// When the person may not, it is on, others come before it, the go-live is not finished, or its day has not come.
    pub fn may_reconnect(&self, id: &str, by: Option<&str>) -> Result<(), Refused> {
        let (integration, by) = (self.known_integration(id)?, known(by)?);
        self.may_act(id, integration, by)?;
        if self.state.integration(id).is_on(End::New) {
            return refused(format!("`{id}` is connected again already"), "`greenroom integrations` shows how each stands");
        }
        let Some(from) = self.reconnect_from(integration) else {
            return refused(
                format!("`{id}` is connected again after the go-live, and that is not finished"),
                "`greenroom status` shows where it stands",
            );
        };
        if self.now < from {
            let at = self.process.calendar.local(from).strftime("%a %Y-%m-%d %H:%M").to_string();
            return refused(
                format!("`{id}` is connected again on the next business day after the go-live: not before {at}"),
                "`business_day_after` in process.toml says so",
            );
        }
        let open: Vec<&str> =
            integration.after.iter().filter(|other| !self.state.integration(other).is_on(End::New)).map(String::as_str).collect();
        if !open.is_empty() {
            return refused(
                format!("`{id}` comes after {}, which is not connected again yet", open.join(", ")),
                "`greenroom integrations` shows how each stands",
            );
        }
        Ok(())
    }

    /// Connects the new side, on what its probe says now. `despite`: somebody gave a reason to go on although it failed.
    ///
    /// # Errors
    /// As [`Sight::may_reconnect`]; when the probe failed and nobody gave a reason.
    pub fn reconnect(&self, id: &str, by: Option<&str>, probe: Option<&Outcome>, despite: bool) -> Result<Fact, Refused> {
        self.may_reconnect(id, by)?;
        let failed = probe.filter(|p| !p.good);
        if let Some(failed) = failed
            && !despite
        {
            return refused(
                format!("the probe of the new side of `{id}` failed: {}", failed.words),
                format!("mend it; or `greenroom integrations reconnect {id} --despite WORDS`, which is on record"),
            );
        }
        Ok(Fact::IntegrationTurned { integration: id.to_owned(), end: End::New, on: true, despite: failed.map(|f| f.words.clone()) })
    }

    /// Puts on record what a probe said.
    ///
    /// # Errors
    /// When there is no such integration, or nobody who is known asks.
    pub fn integration_probed(&self, id: &str, by: Option<&str>, end: End, outcome: &Outcome) -> Result<Fact, Refused> {
        self.known_integration(id)?;
        known(by)?;
        Ok(Fact::IntegrationProbed {
            integration: id.to_owned(),
            end,
            good: outcome.good,
            outcome: outcome.words.clone(),
            millis: outcome.millis,
        })
    }

    /// How a gate stands that asks about integrations.
    pub(super) fn integrations_standing(&self, wanted: IntegrationsWanted, names: &BTreeSet<String>, base: &Standing) -> Standing {
        let chosen: Vec<_> = self.process.integrations.iter().filter(|(id, _)| names.is_empty() || names.contains(*id)).collect();
        let (mut open, mut turn) = (Vec::new(), BTreeSet::new());
        for (id, integration) in &chosen {
            let state = self.state.integration(id);
            let after = |end: End| {
                let side = state.end(end);
                side.probed.as_ref().filter(|p| side.turned.as_ref().is_some_and(|(_, at, _)| p.at.number > at.number))
            };
            let why = match wanted {
                IntegrationsWanted::Allowed => self.process.allowed.against(id, integration),
                IntegrationsWanted::Off if integration.old.is_none() && integration.probe_old.is_none() => None,
                IntegrationsWanted::Off if state.is_on(End::Old) => Some("the old side is on".to_owned()),
                IntegrationsWanted::Off => after(End::Old).filter(|p| p.good).map(|_| "the old side answers still".to_owned()),
                IntegrationsWanted::On if !state.is_on(End::New) => Some("not connected again".to_owned()),
                IntegrationsWanted::On => after(End::New).filter(|p| !p.good).map(|p| format!("its last probe failed: {}", p.outcome)),
            };
            if let Some(why) = why {
                open.push(format!("{id}: {why}"));
                if wanted != IntegrationsWanted::Allowed {
                    turn.extend(self.process.may_act_for(integration));
                }
            }
        }
        match open.is_empty() {
            true => {
                let word = match wanted {
                    IntegrationsWanted::Allowed => "allowed",
                    IntegrationsWanted::Off => "off",
                    IntegrationsWanted::On => "connected again",
                };
                Standing { met: true, why: format!("all {} integrations are {word}", chosen.len()), ..base.clone() }
            }
            false => Standing { why: open.join("; "), turn: turn.into_iter().collect(), ..base.clone() },
        }
    }
}

/// Fills in what a probe says of the side that it looks at: `{address}` and `{host}`.
pub(super) fn filled(text: &str, address: &str) -> String {
    text.replace("{address}", address.trim_end_matches('/')).replace("{host}", host_of(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::read;
    use crate::program::{Layer, PROGRAM_LAYER};

    fn process(text: &str) -> Result<Process, String> {
        let files = [("process.toml".to_owned(), text.to_owned())].into();
        let (process, findings) = read(&[Layer { name: PROGRAM_LAYER.into(), files, opaque: Default::default() }]);
        process.ok_or_else(|| findings.into_iter().map(|f| f.message).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn a_pack_is_opened_only_when_all_that_it_switches_on_may_be() {
        let text = "[party.clinic]\n[integration.sms]\npack = \"messages\"\npilot = \"on-request\"\n[integration.mail]\npack = \"messages\"\npilot = \"on-request\"\n\
                    [integration.card]\npack = \"cards\"\n[integration.crm]\n";
        let p = process(text).unwrap();
        assert_eq!(p.may_reopen("messages").unwrap(), ["mail", "sms"]);
        assert!(p.may_reopen("nothing").unwrap().is_empty());
        // Without a word it is never.
        let refused = p.may_reopen("cards").unwrap_err();
        assert!(refused.message.ends_with("never on on a pilot: card") && refused.hint.contains("on-request"), "{refused:?}");
        let one = process(&text.replacen("on-request", "never", 1)).unwrap();
        assert!(one.may_reopen("messages").unwrap_err().message.ends_with(": sms"));
        let wrong = process("[party.clinic]\n[integration.sms]\npilot = \"on-request\"\n").unwrap_err();
        assert!(wrong.contains("nobody knows what switches `sms` off on the pilot"), "{wrong}");
        // What was signed before there was such a thing stays the same.
        let plain = serde_json::to_value(&p.integrations["crm"]).unwrap();
        assert!(plain.get("pack").is_none() && plain.get("pilot").is_none(), "{plain}");
    }
}
