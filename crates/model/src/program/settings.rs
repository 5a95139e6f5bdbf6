//! Name, pilot and the settings of copy, verification, masks and owners, merged key by key over the layers.

use super::address::missing;
use super::layers::{MAIN, Read, last, name_in};
use super::raw::{At, RawGreenroom};
use crate::catalog::EngineKind;
use crate::finding::{Finding, Place};
use crate::program::{
    Address, CopySettings, FenceSettings, FileTree, Hook, LargeObjects, MaskSettings, OwnerSettings, Pilot, Strategy, SwitchSettings,
    VerifySettings,
};
use std::collections::BTreeMap;

/// The last layer's value.
fn get<'r, T: Clone + 'r>(layers: &'r [Read<'_>], key: impl Fn(&'r RawGreenroom) -> Option<&'r At<T>>) -> Option<T> {
    last(layers, key).map(|(_, at)| at.value.clone())
}

fn place<T>(layer: &Read<'_>, at: &At<T>) -> Place {
    layer.file(MAIN).place(at.span.clone())
}

/// The program's name; a kit's name does not count.
pub(super) fn name(layers: &[Read<'_>], findings: &mut Vec<Finding>) -> Option<String> {
    let own = layers.iter().position(|l| l.own).unwrap_or_default();
    let Some((layer, at)) = last(&layers[own..], |m| m.program.as_ref()?.name.as_ref()) else {
        missing(&layers[own..], "program.name", "write `name = \"…\"` under `[program]`", findings);
        return None;
    };
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if (1..=32).contains(&at.value.len()) && at.value.chars().all(allowed) {
        return Some(at.value.clone());
    }
    let finding = Finding::error("GR0110", "`program.name` takes 1 to 32 characters out of a-z, 0-9, `_` and `-`").at(place(layer, at));
    findings.push(finding.hint("it appears in the names of generations; choose a short plain word"));
    None
}

/// Trees of files, merged key by key under their names.
pub(super) fn files(layers: &[Read<'_>], findings: &mut Vec<Finding>) -> Vec<FileTree> {
    let mut trees: BTreeMap<String, (FileTree, Place)> = BTreeMap::new();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    for layer in layers {
        for (name, raw) in &layer.main.files {
            let at = place(layer, name);
            if !(1..=32).contains(&name.value.len()) || !name.value.chars().all(allowed) {
                let message = "a tree of files is called by 1 to 32 characters out of a-z, 0-9, `_` and `-`";
                findings.push(Finding::error("GR0110", message).at(at));
                continue;
            }
            let fresh = || FileTree { name: name.value.clone(), from: String::new(), to: String::new(), leave_out: Vec::new() };
            let (tree, _) = trees.entry(name.value.clone()).or_insert_with(|| (fresh(), at));
            if let Some(from) = &raw.from {
                tree.from.clone_from(&from.value);
            }
            if let Some(to) = &raw.to {
                tree.to.clone_from(&to.value);
            }
            if let Some(names) = &raw.leave_out {
                tree.leave_out.clone_from(&names.value);
            }
        }
    }
    for (tree, at) in trees.values() {
        for (key, _) in [("from", &tree.from), ("to", &tree.to)].into_iter().filter(|(_, value)| value.is_empty()) {
            let finding = Finding::error("GR0109", format!("`files.{}` lacks `{key}`", tree.name)).at(at.clone());
            findings.push(finding.hint("`from` is the folder in which the tree stands, `to` the one to which it is copied"));
        }
    }
    trees.into_values().map(|(tree, _)| tree).collect()
}

/// Minutes after which a fenced production must be given back, unless the program or a person says otherwise.
const FENCE_MINUTES: u32 = 240;

/// Longest time that a fence may be meant to stand: four weeks.
const MOST_FENCE_MINUTES: u32 = 28 * 24 * 60;

/// Seconds that transactions have to end by themselves.
const DRAIN_SECONDS: u32 = 30;

/// Who fences production and for how long. A login of its own takes no password from the source's.
pub(super) fn fence(layers: &[Read<'_>], source: &Address, findings: &mut Vec<Finding>) -> FenceSettings {
    let mut address = source.clone();
    if !source.engine.has_server() {
        for layer in layers {
            let own = layer.main.fence.iter();
            let spans = own.flat_map(|f| [("user", f.user.as_ref().map(|a| &a.span)), ("password", f.password.as_ref().map(|a| &a.span))]);
            for (key, span) in spans.filter_map(|(key, span)| Some((key, span?))) {
                let finding = Finding::error("GR0113", format!("`fence.{key}` means nothing for {}", source.engine));
                findings.push(finding.at(layer.file(MAIN).place(span.clone())).hint("whoever may write the file can fence it"));
            }
        }
    }
    if let Some(user) = get(layers, |m| m.fence.as_ref()?.user.as_ref()) {
        address.user = Some(user);
        address.password = None;
    }
    if let Some(password) = get(layers, |m| m.fence.as_ref()?.password.as_ref()) {
        address.password = Some(password);
    }
    let minutes = last(layers, |m| m.fence.as_ref()?.minutes.as_ref());
    if let Some((layer, at)) = minutes.filter(|(_, at)| !(1..=MOST_FENCE_MINUTES).contains(&at.value)) {
        let finding = Finding::error("GR0124", format!("`fence.minutes` takes 1 to {MOST_FENCE_MINUTES}"));
        findings.push(finding.at(place(layer, at)).hint("it is the time after which people must be able to work again"));
    }
    FenceSettings {
        address,
        minutes: minutes.map_or(FENCE_MINUTES, |(_, at)| at.value),
        drain_seconds: get(layers, |m| m.fence.as_ref()?.drain_seconds.as_ref()).unwrap_or(DRAIN_SECONDS),
    }
}

/// Hours that a proven restore point may be old.
const RESTORE_POINT_HOURS: u32 = 24;

/// Days that a former production is kept.
const KEEP_FORMER_DAYS: u32 = 30;

/// What a switch is bound to.
pub(super) fn switch(
    layers: &[Read<'_>],
    source: &Address,
    pilot: Option<&Pilot>,
    fence: &FenceSettings,
    findings: &mut Vec<Finding>,
) -> SwitchSettings {
    let minutes = last(layers, |m| m.switch.as_ref()?.minutes.as_ref());
    if let Some((layer, at)) = minutes.filter(|(_, at)| !(1..=MOST_FENCE_MINUTES).contains(&at.value)) {
        let finding = Finding::error("GR0124", format!("`switch.minutes` takes 1 to {MOST_FENCE_MINUTES}"));
        findings.push(finding.at(place(layer, at)).hint("it is the time after which everything goes back by itself"));
    }
    let strategy: Strategy = get(layers, |m| m.switch.as_ref()?.strategy.as_ref()).unwrap_or_default();
    let final_copy = last(layers, |m| m.switch.as_ref()?.final_copy.as_ref());
    if let Some((layer, at)) = final_copy.filter(|_| strategy != Strategy::PilotToProduction) {
        let finding =
            Finding::error("GR0113", "`switch.final_copy` means nothing where production goes as it is (`strategy`)").at(place(layer, at));
        findings.push(finding.hint("leave it out: production is copied once it is shut"));
    }
    let name = last(layers, |m| m.switch.as_ref()?.name.as_ref()).filter(|(_, at)| !at.value.is_empty());
    if let Some((layer, at)) = &name {
        let renames = matches!(source.engine, EngineKind::Sqlite | EngineKind::Postgres | EngineKind::Mysql);
        let what = match () {
            () if !renames => Some("`switch.name` means nothing on this engine, which cannot be switched yet".to_owned()),
            () if source.engine == EngineKind::Mysql && at.value.chars().count() > 64 => {
                Some("a database's name holds at most 64 characters, and `switch.name` is longer".to_owned())
            }
            () if source.engine == EngineKind::Postgres && at.value.len() > 63 => {
                Some("PostgreSQL cuts names longer than 63 bytes, and `switch.name` is longer".to_owned())
            }
            () if pilot.is_some_and(|p| p.name == at.value) => {
                Some(format!("the new production cannot be called `{}`, as the pilot is", at.value))
            }
            () => None,
        };
        if let Some(what) = what {
            let finding = Finding::error("GR0113", what).at(place(layer, at));
            findings.push(finding.hint("leave it out: it bears production's own name then"));
        }
    }
    SwitchSettings {
        name: name.map(|(_, at)| at.value.clone()),
        strategy,
        minutes: minutes.map_or(fence.minutes, |(_, at)| at.value),
        restore_point_hours: get(layers, |m| m.switch.as_ref()?.restore_point_hours.as_ref()).unwrap_or(RESTORE_POINT_HOURS),
        keep_former_days: get(layers, |m| m.switch.as_ref()?.keep_former_days.as_ref()).unwrap_or(KEEP_FORMER_DAYS),
        rollback_hours: get(layers, |m| m.switch.as_ref()?.rollback_hours.as_ref()).unwrap_or_default(),
        final_copy: final_copy.map(|(_, at)| at.value).unwrap_or_default(),
        together: get(layers, |m| m.switch.as_ref()?.together.as_ref()).unwrap_or_default(),
        hooks: hooks(layers, findings),
    }
}

/// Seconds that a hook may take.
const HOOK_SECONDS: u64 = 300;

/// Programs beside the switch, those of kits first.
fn hooks(layers: &[Read<'_>], findings: &mut Vec<Finding>) -> Vec<Hook> {
    let mut hooks: Vec<Hook> = Vec::new();
    for (layer, raw) in layers.iter().flat_map(|l| l.main.switch.iter().flat_map(|s| &s.hook).map(move |h| (l, h))) {
        let spans = [raw.name.as_ref().map(|a| &a.span), raw.at.as_ref().map(|a| &a.span), raw.command.as_ref().map(|a| &a.span)];
        let at = || layer.file(MAIN).place(spans.iter().flatten().next().map_or(0..0, |s| (*s).clone()));
        let (Some(name), Some(moment), Some(command)) = (&raw.name, &raw.at, raw.command.as_ref().filter(|c| !c.value.is_empty())) else {
            let finding = Finding::error("GR0109", "a hook of the switch lacks `name`, `at` or `command`").at(at());
            findings.push(finding.hint("`name = \"first backup\"`, `at = \"accepted\"`, `command = [\"./backup.sh\", \"{database}\"]`"));
            continue;
        };
        if hooks.iter().any(|h| h.name == name.value) {
            let finding = Finding::error("GR0110", format!("two hooks of the switch are called `{}`", name.value)).at(at());
            findings.push(finding.hint("give each a name of its own: what is recorded of them goes by it"));
        }
        hooks.push(Hook {
            name: name.value.clone(),
            at: moment.value,
            command: command.value.clone(),
            undo: raw.undo.as_ref().map(|u| u.value.clone()).filter(|u| !u.is_empty()),
            timeout_seconds: raw.timeout_seconds.as_ref().map_or(HOOK_SECONDS, |t| t.value),
            retries: raw.retries.as_ref().map_or(0, |r| r.value),
        });
    }
    hooks
}

/// The names of the further pilots, each once and each with a database of its own.
pub(super) fn pilots(layers: &[Read<'_>], findings: &mut Vec<Finding>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut databases: Vec<String> = get(layers, |m| m.pilot.as_ref()?.main.name.as_ref()).into_iter().collect();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    for (layer, name) in layers.iter().flat_map(|l| l.main.pilot.iter().flat_map(|p| p.others.keys()).map(move |k| (l, k))) {
        if names.contains(&name.value) {
            continue;
        }
        names.push(name.value.clone());
        if !(1..=32).contains(&name.value.len()) || !name.value.chars().all(allowed) {
            let message = "a further pilot is called by 1 to 32 characters out of a-z, 0-9, `_` and `-`";
            findings.push(Finding::error("GR0110", message).at(place(layer, name)));
        }
        let own = |m: &'_ RawGreenroom| m.pilot.as_ref().and_then(|p| p.others.get(name)).and_then(|p| p.name.clone());
        let database = layers.iter().rev().find_map(|l| own(&l.main));
        let finding = match &database {
            None => Finding::error("GR0109", format!("`pilot.{0}` lacks `name`", name.value)),
            Some(at) if databases.contains(&at.value) => {
                Finding::error("GR0114", format!("`pilot.{}` has the name of another pilot, `{}`", name.value, at.value))
            }
            Some(at) => {
                databases.push(at.value.clone());
                continue;
            }
        };
        findings.push(finding.at(place(layer, name)).hint("give it a database or file of its own: `name = \"…\"`"));
    }
    names
}

/// The pilot.
pub(super) fn pilot(layers: &[Read<'_>], findings: &mut Vec<Finding>) -> Option<Pilot> {
    let Some(name) = get(layers, |m| m.pilot.as_ref()?.main.name.as_ref()).filter(|n| !n.is_empty()) else {
        missing(layers, "pilot.name", "write `name = \"…\"` under `[pilot]`: the database or file that people will use", findings);
        return None;
    };
    let mut mode = |key: fn(&RawGreenroom) -> Option<&At<u32>>, shown: &str, default: u32| match last(layers, key) {
        Some((layer, at)) if at.value & !0o777 != 0 || at.value & 0o600 != 0o600 => {
            let message = format!("`pilot.{shown}` takes a mode from 0o600 to 0o777 with which the owner can read and write");
            findings.push(Finding::error("GR0124", message).at(place(layer, at)).hint("octal numbers are written `0o660`"));
            default
        }
        Some((_, at)) => at.value,
        None => default,
    };
    let modes = (
        mode(|m| m.pilot.as_ref()?.main.testers_mode.as_ref(), "testers_mode", 0o660),
        mode(|m| m.pilot.as_ref()?.main.users_mode.as_ref(), "users_mode", 0o666),
    );
    Some(Pilot {
        name,
        testers: get(layers, |m| m.pilot.as_ref()?.main.testers.as_ref()).unwrap_or_default(),
        users: get(layers, |m| m.pilot.as_ref()?.main.users.as_ref()).unwrap_or_default(),
        modes,
        open_after: get(layers, |m| m.pilot.as_ref()?.main.open_after.as_ref()),
        keep_former_hours: get(layers, |m| m.pilot.as_ref()?.main.keep_former_hours.as_ref()).unwrap_or(48),
    })
}

/// How rows are copied.
pub(super) fn copy(layers: &[Read<'_>], findings: &mut Vec<Finding>) -> (CopySettings, Option<LargeObjects>) {
    let mut at_least_one = |key: fn(&RawGreenroom) -> Option<&At<u64>>, shown: &str| {
        let (layer, at) = last(layers, key)?;
        if at.value == 0 {
            findings.push(Finding::error("GR0124", format!("`copy.{shown}` must be at least 1")).at(place(layer, at)));
        }
        Some(at.value)
    };
    let range_rows = at_least_one(|m| m.copy.as_ref()?.range_rows.as_ref(), "range_rows").unwrap_or(200_000);
    let max_bytes_per_second = at_least_one(|m| m.copy.as_ref()?.max_bytes_per_second.as_ref(), "max_bytes_per_second");
    let workers = last(layers, |m| m.copy.as_ref()?.workers.as_ref());
    if let Some((layer, at)) = workers.filter(|(_, at)| !(1..=256).contains(&at.value)) {
        findings.push(Finding::error("GR0124", "`copy.workers` takes 1 to 256").at(place(layer, at)));
    }
    let free = last(layers, |m| m.copy.as_ref()?.min_free_disk_percent.as_ref());
    if let Some((layer, at)) = free.filter(|(_, at)| at.value > 99) {
        findings.push(Finding::error("GR0124", "`copy.min_free_disk_percent` takes 0 to 99").at(place(layer, at)));
    }
    let settings = CopySettings {
        workers: workers.map(|(_, at)| at.value),
        range_rows,
        give_way_seconds: get(layers, |m| m.copy.as_ref()?.give_way_seconds.as_ref()).unwrap_or(5),
        min_free_disk_percent: free.map_or(10, |(_, at)| at.value),
        max_bytes_per_second,
    };
    (settings, get(layers, |m| m.copy.as_ref()?.large_objects.as_ref()))
}

/// What verification reads.
pub(super) fn verify(layers: &[Read<'_>]) -> VerifySettings {
    let domains: Vec<String> = get(layers, |m| m.verify.as_ref()?.allowed_mail_domains.as_ref()).unwrap_or_default();
    VerifySettings {
        residual_sample_rows: get(layers, |m| m.verify.as_ref()?.residual_sample_rows.as_ref()),
        allowed_mail_domains: domains.iter().map(|d| d.trim_start_matches('@').to_lowercase()).collect(),
        touched_tables: get(layers, |m| m.verify.as_ref()?.touched_tables.as_ref()).unwrap_or_default(),
        accepted: layers
            .iter()
            .filter_map(|l| l.main.verify.as_ref())
            .flat_map(|v| v.accepted.iter().map(|(column, reason)| (column.clone(), reason.clone())))
            .collect(),
    }
}

/// Owners and grants; the role map is merged role by role.
pub(super) fn owners(layers: &[Read<'_>]) -> OwnerSettings {
    let maps = layers.iter().filter_map(|l| l.main.owners.as_ref()).flat_map(|o| &o.map);
    OwnerSettings {
        keep_owners: get(layers, |m| m.owners.as_ref()?.keep_owners.as_ref()).unwrap_or_default(),
        keep_grants: get(layers, |m| m.owners.as_ref()?.keep_grants.as_ref()).unwrap_or_default(),
        map: maps.map(|(from, to)| (from.value.clone(), to.value.clone())).collect(),
    }
}

/// Keys and dictionaries; a later layer's dictionary replaces an earlier one of the same name.
pub(super) fn masks(layers: &[Read<'_>], findings: &mut Vec<Finding>) -> MaskSettings {
    let mut dictionaries = BTreeMap::new();
    for layer in layers {
        for (path, text) in &layer.layer.files {
            let Some(name) = name_in("dictionaries", "txt", path) else { continue };
            let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|l| !l.is_empty());
            let entries: Vec<String> = lines.map(str::to_owned).collect();
            if entries.is_empty() {
                let finding = Finding::error("GR0123", format!("the dictionary `{name}` has no entries")).at(layer.file(path).place(0..0));
                findings.push(finding.hint("write one entry per line"));
            }
            dictionaries.insert(name.to_owned(), entries);
        }
    }
    MaskSettings {
        key: get(layers, |m| m.masks.as_ref()?.key.as_ref()),
        stable: get(layers, |m| m.masks.as_ref()?.stable.as_ref()).unwrap_or_default(),
        dictionaries,
    }
}
