//! Brings the layers together: base kit first, the program last; what a later layer says replaces what an earlier one said, key by key.

use super::layers::{MAIN, Read, last};
use super::raw::RawPilots;
use super::{address, assertions, back, carry, decisions, kinds, packs, quarantine, settings};
use crate::finding::{Finding, any_error};
use crate::hash::Hash;
use crate::program::{Layer, Program, SecretRef};
use crate::upgrade::UpgradeFile;
use std::collections::BTreeMap;

/// Resolves a program over its kits: base kit first, the program last. All findings come at once; the program is `None` if any of them is
/// an error.
pub fn parse(layers: &[Layer]) -> (Option<Program>, Vec<Finding>) {
    parse_for(layers, None)
}

/// The same for one of several pilots, `[pilot.NAME]`: its own layer, if it has one, comes after the program's (see
/// [`pilot_layer`](super::pilot_layer)).
pub fn parse_for(layers: &[Layer], pilot: Option<&str>) -> (Option<Program>, Vec<Finding>) {
    let mut findings = Vec::new();
    let layer_of_pilot = pilot.map(super::pilot_layer);
    let is_pilots = |l: &Layer| layer_of_pilot.as_ref() == Some(&l.name);
    let own = layers.iter().rposition(|l| !is_pilots(l));
    let mut read: Vec<Read<'_>> = layers.iter().enumerate().map(|(i, l)| Read::new(l, own == Some(i), &mut findings)).collect();
    let pilots = settings::pilots(&read, &mut findings);
    if let Some(name) = pilot {
        choose(&mut read, name, &pilots, &mut findings);
    }
    let (read, chosen) = (read, pilot.filter(|name| pilots.iter().any(|p| p == name)).map(str::to_owned));
    if read.is_empty() {
        findings.push(Finding::error("GR0101", format!("the program has no `{MAIN}`")).hint("run `greenroom init` to write one"));
    }
    for layer in &read {
        if let Some(at) = layer.main.program.as_ref().and_then(|p| p.extends.as_ref()).filter(|at| at.value.trim().is_empty()) {
            let finding = Finding::error("GR0102", "`extends` names no folder").at(layer.file(MAIN).place(at.span.clone()));
            findings.push(finding.hint("write the kit's folder, relative to this file, or remove the line"));
        }
    }
    let program = if says_nothing(&read) {
        let place = read[own.unwrap_or_default()].file(MAIN).place(0..0);
        let finding = Finding::error("GR0115", format!("`{MAIN}` is empty")).at(place);
        findings.push(finding.hint("`greenroom init` writes a commented program"));
        None
    } else {
        resolved(&read, &mut findings).map(|program| Program { profile: chosen, pilots, ..program })
    };
    let program = program.filter(|_| !any_error(&findings));
    findings.sort_by_key(|f| f.place.as_ref().map(|p| (p.file.clone(), p.span.start)));
    (program, findings)
}

/// Leaves the settings of one pilot in place of the first one's.
fn choose(layers: &mut [Read<'_>], name: &str, pilots: &[String], findings: &mut Vec<Finding>) {
    if !pilots.iter().any(|p| p == name) {
        let others = if pilots.is_empty() { "no further pilot".to_owned() } else { format!("these further ones: {}", pilots.join(", ")) };
        let finding = Finding::error("GR0130", format!("the program has no pilot `{name}`; it has {others}"));
        findings.push(finding.hint("leave `--profile` away for the one under `[pilot]`, or write a section `[pilot.NAME]`"));
    }
    for layer in layers {
        let main = &mut layer.main;
        if layer.layer.name == super::pilot_layer(name) {
            let sections = [
                ("program", main.program.is_some()),
                ("source", main.source.is_some()),
                ("target", main.target.is_some()),
                ("quarantine", main.quarantine.is_some()),
                ("fence", main.fence.is_some()),
                ("switch", main.switch.is_some()),
                ("files", !main.files.is_empty()),
                ("numbers", !main.numbers.is_empty()),
                ("rollback", main.rollback.is_some()),
                ("pilot", main.pilot.is_some()),
            ];
            for (section, _) in sections.into_iter().filter(|(_, there)| *there) {
                let message = format!("`[{section}]` is the whole program's, and cannot be another for one pilot");
                let finding = Finding::error("GR0130", message).at(layer.file(MAIN).place(0..0));
                findings.push(finding.hint("write it into the program's own greenroom.toml"));
            }
        }
        let main = &mut layer.main;
        if let Some(all) = main.pilot.take() {
            main.pilot = Some(RawPilots { main: all.only(name), others: BTreeMap::new() });
        }
    }
}

/// The folder of the kit that a `greenroom.toml` extends, as far as the text can be read. Findings about the text come from [`parse`].
pub fn extends(text: &str) -> Option<String> {
    let (root, _) = toml::de::DeTable::parse_recoverable(text);
    let kit = root.get_ref().get("program")?.get_ref().as_table()?.get("extends")?.get_ref().as_str()?;
    (!kit.trim().is_empty()).then(|| kit.to_owned())
}

/// The main file exists, parses, and sets nothing.
fn says_nothing(layers: &[Read<'_>]) -> bool {
    layers
        .iter()
        .find(|l| l.own)
        .and_then(|l| l.layer.files.get(MAIN))
        .is_some_and(|text| toml::de::DeTable::parse(text).is_ok_and(|t| t.get_ref().is_empty()))
}

/// Where secrets come from must say something: `{ prompt = false }` does not.
fn check_secrets(layers: &[Read<'_>], findings: &mut Vec<Finding>) {
    for layer in layers {
        let main = &layer.main;
        let passwords = [&main.source, &main.target].map(|a| a.as_ref().and_then(|a| a.password.as_ref()));
        let quarantine = main.quarantine.as_ref().and_then(|q| q.password.as_ref());
        let fence = main.fence.as_ref().and_then(|f| f.password.as_ref());
        let key = main.masks.as_ref().and_then(|m| m.key.as_ref());
        for at in passwords.into_iter().chain([quarantine, fence, key]).flatten().filter(|at| at.value == SecretRef::Prompt(false)) {
            let finding = Finding::error("GR0107", "`prompt` takes true").at(layer.file(MAIN).place(at.span.clone()));
            findings.push(finding.hint("write `{ prompt = true }`, or remove the setting"));
        }
    }
}

fn resolved(layers: &[Read<'_>], findings: &mut Vec<Finding>) -> Option<Program> {
    check_secrets(layers, findings);
    let name = settings::name(layers, findings);
    let pilot = settings::pilot(layers, findings);
    let engine = last(layers, |m| m.source.as_ref()?.engine.as_ref()).map(|(_, at)| at.value.into());
    let addresses = address::addresses(layers, pilot.as_ref(), findings);
    let kinds = kinds::merge(layers, engine, findings);
    let columns = decisions::merge(layers, engine, findings);
    let pinned = decisions::pinned(layers, findings);
    let left_out = decisions::left_out(layers, engine, findings);
    let carry = carry::merge(layers, engine, findings);
    let (numbers, inverses) = (back::numbers(layers, engine, findings), back::inverses(layers, engine, findings));
    let packs = packs::merge(layers, findings);
    let assertions = assertions::merge(layers, findings);
    let masks = settings::masks(layers, findings);
    let (copy, large_objects) = settings::copy(layers, findings);
    let files = upgrade_files(layers);
    let (upgrade, found) = match engine {
        Some(engine) => crate::upgrade::collect(&files, engine, addresses.as_ref().and_then(|(source, _)| source.database.as_deref())),
        None => (Vec::new(), Vec::new()),
    };
    findings.extend(found);
    let (source, target) = addresses?;
    let quarantine = quarantine::quarantine(layers, &target, findings);
    let fence = settings::fence(layers, &source, findings);
    let switch = settings::switch(layers, &source, pilot.as_ref(), &fence, findings);
    let files = settings::files(layers, findings);
    let accepted = layers.iter().flat_map(|l| &l.main.outbound);
    Some(Program {
        name: name?,
        layers: layers.iter().map(|l| l.layer.name.clone()).collect(),
        source,
        target,
        quarantine,
        fence,
        switch,
        files,
        pilot: pilot?,
        profile: None,
        pilots: Vec::new(),
        dress: last(layers, |m| m.dress.as_ref()?.unmasked.as_ref()).is_some_and(|(_, at)| at.value),
        version_query: last(layers, |m| m.program.as_ref()?.version_query.as_ref()).map(|(_, at)| at.value.clone()),
        kinds,
        columns,
        pinned,
        large_objects,
        packs,
        upgrade,
        assertions,
        masks,
        copy,
        verify: settings::verify(layers),
        owners: settings::owners(layers),
        carry,
        numbers,
        inverses,
        outbound_accepted: accepted.map(|(k, v)| (k.value.clone(), v.value.clone())).collect(),
        left_out,
    })
}

/// The files of `upgrade/`, those of later layers in place of earlier ones, by path.
fn upgrade_files<'r>(layers: &'r [Read<'_>]) -> Vec<UpgradeFile<'r>> {
    let mut files: BTreeMap<&str, UpgradeFile<'r>> = BTreeMap::new();
    for layer in layers {
        let name = layer.layer.name.as_str();
        let texts = layer.layer.files.iter().map(|(path, text)| (path, Some(text.as_str()), Hash::of(text.as_bytes())));
        for (path, text, hash) in texts.chain(layer.layer.opaque.iter().map(|(path, hash)| (path, None, *hash))) {
            if let Some(path) = path.strip_prefix("upgrade/") {
                files.insert(path, UpgradeFile { layer: name, path, text, hash });
            }
        }
    }
    files.into_values().collect()
}
