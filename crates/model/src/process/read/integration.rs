//! Integrations as `process.toml` writes them: whose they are, their addresses, their probes; and which products may be used.

use super::super::deed::Deed;
use super::super::integrations::{Allowed, Integration, IntegrationsWanted, OfPilot, OnPilot, Owner};
use super::deed::RawDeed;
use super::raw::RawProcess;
use super::{Entry, Reader, entries, text, value};
use crate::finding::{Finding, Place};
use crate::program::file::File;
use crate::program::raw::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Something that production talks to, or that talks to it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIntegration {
    /// What people call it.
    pub(super) title: Option<At<String>>,
    /// Whose it is: the id of a person or a party, or a role. Whoever is known may switch it without.
    pub(super) owner: Option<At<String>>,
    /// What it is, in a word of your own: `payment-gateway`, `brand`, `sms`.
    pub(super) kind: Option<At<String>>,
    /// Whose product, or which: what `allowed_integrations` and `forbidden_integrations` name.
    pub(super) product: Option<At<String>>,
    /// Its address before the go-live.
    pub(super) old: Option<At<String>>,
    /// Its address afterwards; the same where none is said. One that changes is shown as such.
    pub(super) new: Option<At<String>>,
    /// What shows that a side works; `{address}` and `{host}` are those of the side that is looked at.
    pub(super) probe: Option<At<RawDeed>>,
    /// For the old side only, in place of `probe`.
    pub(super) probe_old: Option<At<RawDeed>>,
    /// For the new side only, in place of `probe`.
    pub(super) probe_new: Option<At<RawDeed>>,
    /// Integrations that must be connected again before.
    #[serde(default)]
    pub(super) after: Vec<At<String>>,
    /// Connected again on the next business day after the go-live, and not before.
    #[serde(default)]
    pub(super) business_day_after: bool,
    /// How it stands on the pilot: `off` by default, or `test`, where the other party gave an address for tests.
    pub(super) on_pilot: Option<At<OnPilot>>,
    /// The pack of the program that switches it off on the pilot: `greenroom reopen` of that pack switches it on for a test.
    pub(super) pack: Option<At<String>>,
    /// Whether that may be: `never` by default, or `on-request`.
    pub(super) pilot: Option<At<OfPilot>>,
}

/// What the readers of integrations and of gates share: ids that may be named.
pub(super) struct Names<'n> {
    pub(super) roles: &'n BTreeSet<String>,
    pub(super) persons: BTreeSet<&'n str>,
    pub(super) parties: BTreeSet<&'n str>,
}

impl Reader<'_> {
    /// The register.
    pub(super) fn integrations(&mut self, raws: &[(File<'_>, RawProcess)], names: &Names<'_>) -> BTreeMap<String, Integration> {
        let all = entries(raws, |r| &r.integration);
        let ids: BTreeSet<&str> = all.keys().map(String::as_str).collect();
        let mut read = BTreeMap::new();
        for (id, (file, at, i)) in &all {
            let place = || file.place(at.span.clone());
            let (old, new) = (value(&i.old), value(&i.new));
            let owner = i.owner.as_ref().and_then(|o| self.owner(file, o, names));
            let of_new = new.as_deref().or(old.as_deref());
            let probe_old = self.of_end(file, i.probe_old.as_ref(), i.probe.as_ref(), old.as_deref());
            let probe_new = self.of_end(file, i.probe_new.as_ref(), i.probe.as_ref(), of_new);
            let after: BTreeSet<String> =
                i.after.iter().filter_map(|a| self.named(file, Some(a), &ids, "integration", file.place(a.span.clone()))).collect();
            if after.contains(id) {
                self.wrong(place(), format!("`{id}` comes after itself"), "take it out of its `after`");
            }
            if let (Some(pilot), None) = (&i.pilot, &i.pack) {
                let place = file.place(pilot.span.clone());
                self.wrong(
                    place,
                    format!("nobody knows what switches `{id}` off on the pilot"),
                    "name the pack that does: `pack = \"NAME\"`",
                );
            }
            let may = i.pilot.as_ref().map(|p| p.value).unwrap_or_default();
            let integration = Integration {
                pack: value(&i.pack).map(|pack| (pack, may)),
                title: text(&i.title, id),
                owner,
                kind: value(&i.kind),
                product: value(&i.product),
                old,
                new,
                probe_old,
                probe_new,
                after,
                business_day_after: i.business_day_after,
                on_pilot: i.on_pilot.as_ref().map(|o| o.value).unwrap_or_default(),
            };
            read.insert(id.clone(), integration);
        }
        let place_of = |id: &str| all.get(id).map(|(file, at, _): &Entry<'_, RawIntegration>| file.place(at.span.clone()));
        self.in_order(&read.iter().map(|(id, i)| (id.as_str(), &i.after)).collect(), "integrations", &place_of);
        read
    }

    /// A side's probe: its own, or the common one where the side has an address.
    fn of_end(&mut self, file: &File<'_>, own: Option<&At<RawDeed>>, common: Option<&At<RawDeed>>, address: Option<&str>) -> Option<Deed> {
        match (own, common) {
            (Some(own), _) => self.probe(file, own, address),
            (None, Some(common)) if address.is_some() => self.probe(file, common, address),
            _ => None,
        }
    }

    fn owner(&mut self, file: &File<'_>, at: &At<String>, names: &Names<'_>) -> Option<Owner> {
        let word = at.value.as_str();
        if names.persons.contains(word) {
            return Some(Owner::Person(word.to_owned()));
        }
        if names.roles.contains(word) {
            return Some(Owner::Role(word.to_owned()));
        }
        if names.parties.contains(word) {
            return Some(Owner::Party(word.to_owned()));
        }
        let all = names.persons.iter().chain(&names.parties).copied().chain(names.roles.iter().map(String::as_str));
        let hint = match crate::program::text::nearest(word, all.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("those of this file: {}", all.collect::<Vec<_>>().join(", ")),
        };
        self.wrong(file.place(at.span.clone()), format!("`{word}` is no person, role or party"), hint);
        None
    }

    /// Which products may be used. An integration that may not be is warned about, and a gate can stand before it.
    pub(super) fn allowed(&mut self, raws: &[(File<'_>, RawProcess)], integrations: &BTreeMap<String, Integration>) -> Allowed {
        let mut allowed = Allowed::default();
        for (_, raw) in raws {
            let Some(settings) = &raw.process else { continue };
            if let Some(forbidden) = &settings.forbidden_integrations {
                allowed.forbidden = forbidden.value.iter().cloned().collect();
            }
            for (kind, products) in &settings.allowed_integrations {
                allowed.products.insert(kind.value.clone(), products.iter().cloned().collect());
            }
        }
        let all = entries(raws, |r| &r.integration);
        for (id, integration) in integrations {
            if let (Some(why), Some((file, at, _))) = (allowed.against(id, integration), all.get(id)) {
                let finding = Finding::warning("GR0140", format!("the integration `{id}` may not be: {why}"));
                self.findings.push(finding.at(file.place(at.span.clone())).hint("replace it, or change what `[process]` allows"));
            }
        }
        allowed
    }

    /// What a gate asks of integrations.
    pub(super) fn integrations_gate(
        &mut self,
        file: &File<'_>,
        state: Option<&At<IntegrationsWanted>>,
        names: Option<&At<Vec<String>>>,
        known: &BTreeSet<&str>,
        place: Place,
    ) -> Option<super::super::Kind> {
        let Some(state) = state else {
            self.wrong(place, "a gate of the kind `integrations` lacks `state`", "`state = \"off\"`, `\"on\"` or `\"allowed\"`");
            return None;
        };
        let mut chosen = BTreeSet::new();
        if let Some(names) = names {
            for name in &names.value {
                let at = At { value: name.clone(), span: names.span.clone() };
                chosen.extend(self.named(file, Some(&at), known, "integration", file.place(names.span.clone())));
            }
        }
        Some(super::super::Kind::Integrations { state: state.value, names: chosen })
    }
}
