//! From a program, a schema and capabilities to a plan. Pure: the same input gives the same plan, byte for byte.

use super::{
    Action, CarryFrom, Expected, Footprint, ImportFrom, Names, Plan, PlannedHow, PlannedUpgrade, Production, RawCopy, Reached, Recipe,
    Rollback, RunKind, Step, StepKey, TableCopy,
};
use crate::catalog::{Catalog, EngineKind};
use crate::hash::Hash;
use crate::program::{FinalCopy, HookMoment, Kind, LargeObjects, PackAction, PackRule, Program, Shape, Strategy};
use crate::upgrade::runs_apart;
use std::collections::BTreeMap;

/// Everything a plan is made from.
pub struct PlanInput<'a> {
    /// The program.
    pub program: &'a Program,
    /// The source as it is.
    pub catalog: &'a Catalog,
    /// The resolved copies.
    pub tables: Vec<TableCopy>,
    /// The upgrade steps that apply, split.
    pub upgrade: Vec<PlannedUpgrade>,
    /// Names of what will be created.
    pub names: Names,
    /// Product version read from the source.
    pub product_version: Option<String>,
    /// Greenroom's version.
    pub tool: &'a str,
    /// Footprint as far as the engines told it.
    pub footprint: Footprint,
    /// Measured times of earlier runs.
    pub expected: BTreeMap<StepKey, Expected>,
    /// The raw copy that is read instead of the source.
    pub raw: Option<RawCopy>,
    /// The pilot whose configuration is carried over, and whether a person is asked before it is.
    pub carry: Option<(CarryFrom, bool)>,
    /// The go-live is tried out; `tables` are read as they are then (see [`unmasked`](super::tables::unmasked)).
    pub dress: bool,
    /// Going back after the go-live is tried out, too.
    pub rollback: bool,
    /// Production was upgraded, and the pilot follows it.
    pub follow: bool,
    /// See [`Reached`].
    pub reached: Option<Reached>,
    /// Exported configuration that is brought in, and whether a person is asked before it is.
    pub import: Option<(ImportFrom, bool)>,
    /// The go-live itself: whose place is taken, and whether a person says when the window opens.
    pub switch: Option<(Production, bool)>,
}

/// Makes the plan of restoring a backup. What is in the backup is known only once it stands, so that the rehearsal over it has a plan of its
/// own, made from the raw copy.
pub fn restore(program: &Program, raw: RawCopy, tool: &str) -> Plan {
    let mut chain = Chain { steps: Vec::new(), upgrade: &[] };
    chain.then("restore", format!("restore the backup as the sealed raw copy `{}`", raw.name), Action::Restore);
    Plan {
        kind: RunKind::Restore,
        program: program.name.clone(),
        program_hash: program.hash(),
        engine: program.source.engine,
        product_version: None,
        names: Names {
            number: raw.number,
            nonce: raw.nonce.clone(),
            generation: raw.name.clone(),
            pilot: program.pilot.name.clone(),
            former: String::new(),
        },
        recipe: Recipe {
            copy: raw.backup.hash,
            upgrade: Hash::ZERO,
            carry: Hash::ZERO,
            back: Hash::ZERO,
            source: Hash::ZERO,
            engine: program.source.engine.to_string(),
            tool: tool.to_owned(),
        },
        tables: Vec::new(),
        upgrade: Vec::new(),
        steps: chain.steps,
        footprint: Footprint { read_bytes: raw.backup.bytes, ..Footprint::default() },
        expected: BTreeMap::new(),
        raw: Some(raw),
        carry: None,
        reached: None,
        profile: program.profile.clone(),
        import: None,
        production: None,
        rollback: None,
    }
}

/// Makes the plan of taking a switch back after users were let in (P28). `of` is the switch's plan; `names.generation` is what was production is called now,
/// `names.former` what the new production will be called. `ask`: a person is asked before anything is given up.
pub fn rollback(program: &Program, of: &Plan, production: Production, rollback: Rollback, names: Names, ask: bool, tool: &str) -> Plan {
    let mut chain = Chain { steps: Vec::new(), upgrade: &[] };
    chain.then("fence", "shut everybody out of production", Action::Fence);
    chain.then("carry-back", "give the former production what was written since", Action::CarryBack { ask });
    chain.then("verify-back", "compare what was carried back", Action::VerifyBack);
    chain.then("swap", format!("give the former production its name `{}` again", names.pilot), Action::Swap);
    chain.then("reopen", "let users into the former production again", Action::Reopen);
    for (index, planned) in production.hooks.iter().enumerate() {
        let (name, command) = (&planned.hook.name, planned.hook.command.first().map_or("", String::as_str));
        chain.then(format!("hook:{name}"), format!("{name}: run {command}"), Action::Hook { index });
    }
    Plan {
        kind: RunKind::Rollback,
        program: program.name.clone(),
        program_hash: program.hash(),
        engine: of.engine,
        product_version: of.product_version.clone(),
        names,
        recipe: Recipe { tool: tool.to_owned(), back: said_of_back(program), ..of.recipe.clone() },
        tables: Vec::new(),
        upgrade: Vec::new(),
        steps: chain.steps,
        footprint: Footprint::default(),
        expected: BTreeMap::new(),
        raw: None,
        carry: None,
        reached: None,
        profile: program.profile.clone(),
        import: None,
        production: Some(production),
        rollback: Some(rollback),
    }
}

/// Makes the plan of a rehearsal, of a refresh where there is a pilot to carry over from, of a dress rehearsal, or of the switch that it rehearses.
pub fn plan(input: PlanInput<'_>) -> Plan {
    let PlanInput {
        program,
        catalog,
        tables,
        upgrade,
        names,
        product_version,
        tool,
        footprint,
        mut expected,
        raw,
        carry,
        dress,
        rollback,
        follow,
        reached,
        import,
        switch,
    } = input;
    // Production's own values, as they are.
    let raw_values = dress || switch.is_some();
    let upgraded = reached.is_some() && upgrade.is_empty();
    let statements = if raw_values { Vec::new() } else { pack_statements(program, upgraded) };
    // What is clear on the pilot is not in production.
    let large_objects = if raw_values { Some(LargeObjects::Keep) } else { program.large_objects };
    let recipe = Recipe {
        copy: Hash::of_json(&(&tables, pack_texts(program), large_objects)),
        upgrade: Hash::of_json(&upgrade),
        carry: Hash::of_json(&carry_texts(program)),
        back: said_of_back(program),
        source: catalog.fingerprint(),
        engine: format!("{} {}", catalog.engine, catalog.version),
        tool: tool.to_owned(),
    };

    let touched = switch.is_some() && program.switch.final_copy == FinalCopy::Touched;
    let mut chain = Chain { steps: Vec::new(), upgrade: &upgrade };
    if touched {
        chain.then("capture-source", "have production note which rows are touched from here on", Action::CaptureSource);
    }
    chain.then("check-source", "compare the source with what the plan was made for", Action::CheckSource);
    let whole = switch.as_ref().filter(|(production, _)| production.whole);
    if let Some((_, ask)) = whole {
        chain.window_and_fence(switch.as_ref(), FENCE_ALONE, *ask);
        chain.files(program);
        chain.then("copy-whole", format!("the engine makes a second database of production, `{}`", names.generation), Action::CopyWhole);
    } else {
        chain.then("create", format!("create the sealed generation `{}`", names.generation), Action::CreateGeneration);
        chain.then("schema-before", "tables, types and functions", Action::SchemaBefore);
    }
    let before_rows = chain.last();
    let mut copies: Vec<StepKey> = Vec::new();
    // Largest first, so that the last worker is not left alone with the biggest table.
    let mut order: Vec<usize> = (0..tables.len()).collect();
    let size = |i: usize| catalog.table(&tables[i].table).map_or(0, |t| t.estimated_bytes);
    order.sort_by(|&a, &b| size(b).cmp(&size(a)).then_with(|| tables[a].table.cmp(&tables[b].table)));
    for i in order {
        let name = tables[i].table.short(catalog.engine);
        let (key, title) = match (whole.is_some(), tables[i].empty) {
            (true, _) => (format!("read:{name}"), format!("read {name}, for comparison")),
            (false, true) => (format!("copy:{name}"), format!("leave {name} empty")),
            (false, false) => (format!("copy:{name}"), format!("copy {name}")),
        };
        copies.push(chain.beside(&before_rows, key, title, Action::CopyTable { table: i }));
    }
    // A switch takes them once, when nobody changes them any more: what was copied before could not be told from what is gone since.
    if let (Some(what), true, None) = (large_objects, catalog.large_objects > 0, &switch) {
        copies.push(chain.beside(&before_rows, "large-objects".into(), "large objects".into(), Action::LargeObjects { what }));
    }
    let mut rows = if copies.is_empty() { before_rows } else { copies };
    if let Some((_, ask)) = switch.as_ref().filter(|_| !touched && whole.is_none()) {
        if *ask {
            chain.after_all(rows, "window", WINDOW, Action::Window);
            rows = chain.last();
        }
        chain.after_all(rows, "fence", FENCE, Action::Fence);
        chain.hooks(switch.as_ref(), HookMoment::Fenced);
        chain.files(program);
        if catalog.engine == EngineKind::Postgres {
            chain.then("large-objects", "large objects", Action::LargeObjects { what: LargeObjects::Keep });
        }
        rows = chain.last();
    }
    if dress {
        chain.after_all(rows, "read-again", "let the snapshot go: every row is read again, as it will be in the window", Action::ReadAgain);
        rows = chain.last();
    }
    chain.after_all(rows, "source-facts", "positions of sequences, values to compare", Action::SourceFacts);
    if whole.is_none() {
        chain.then("schema-after", "indexes, constraints, triggers", Action::SchemaAfter);
        chain.then("settle", "sequences, derived tables, statistics", Action::Settle);
    }
    chain.then("verify-copy", "compare the copy with the source", Action::VerifyCopy);
    if let Some((_, ask)) = switch.as_ref().filter(|_| touched) {
        chain.touched(switch.as_ref(), catalog.engine, *ask);
    }
    if rollback {
        chain.then("keep-former", "keep a second copy in the former shape", Action::KeepFormer);
    }
    if !statements.is_empty() {
        chain.then("neutralise", "switch functions off", Action::Neutralise { rules: statements });
    }
    // Without an upgrade in between, what is checked just before people come in is the same.
    if !raw_values && !upgraded {
        chain.then("safety-before", "check that nothing personal or live got through", Action::SafetyCheck { after_upgrade: false });
    }
    for (index, u) in upgrade.iter().enumerate() {
        let title = match &u.how {
            PlannedHow::Script { statements, apart, .. } => {
                let plural = if statements.len() == 1 { "" } else { "s" };
                let one_by_one = if runs_apart(catalog.engine, statements, *apart).is_some() { ", one by one" } else { "" };
                format!("upgrade {} ({} statement{plural}{one_by_one})", u.key, statements.len())
            }
            PlannedHow::Program { command, .. } => format!("upgrade {}: run {}", u.key, command.first().map_or("", String::as_str)),
            PlannedHow::Person { .. } => format!("upgrade {}: a person acts", u.key),
        };
        chain.then(format!("upgrade:{}", u.key), title, Action::Upgrade { index });
    }
    if !upgrade.is_empty() {
        chain.then("verify-upgrade", "check the upgraded generation", Action::VerifyUpgrade);
    }
    if let Some((_, ask)) = &carry {
        chain.then("carry-over", "carry the pilot's configuration over", Action::CarryOver { ask: *ask });
        chain.then("verify-carry", "compare what was carried over", Action::VerifyCarry);
    }
    if let Some((_, ask)) = &import {
        chain.then("import", "bring the files' configuration in", Action::Import { ask: *ask });
        chain.then("verify-import", "compare what was brought in", Action::VerifyImport);
    }
    if raw_values && !program.numbers.is_empty() {
        chain.then("numbers", "compare the document numbers with production's", Action::VerifyNumbers);
    }
    if switch.is_some() {
        chain.then("swap", format!("give it production's name `{}`", names.pilot), Action::Swap);
        if program.switch.rollback_hours > 0 {
            chain.then("capture", "have noted which rows are touched from here on", Action::Capture);
        }
        chain.hooks(switch.as_ref(), HookMoment::Swapped);
        chain.then("accept", "testers look at it and decide", Action::Accept);
        chain.hooks(switch.as_ref(), HookMoment::Accepted);
        if switch.as_ref().is_some_and(|(p, _)| p.hold) {
            chain.then("hold", "wait for a word before users are let in", Action::Hold);
        }
        chain.then("promote", "let users in: it is production from here on", Action::Promote);
        chain.hooks(switch.as_ref(), HookMoment::Promoted);
    } else if dress {
        if rollback {
            chain.then("try-rollback", "write into it on trial, and carry that back into the second copy", Action::TryRollback);
        }
        chain.then("drop", "drop the unmasked generation", Action::DropGeneration);
    } else {
        chain.then("safety-after", "check safety once more, just before people come in", Action::SafetyCheck { after_upgrade: true });
        if program.kinds.iter().any(|k| k.kind == Kind::Configuration) {
            chain.then("save-base", "keep its configuration as people will find it", Action::SaveBase);
        }
        chain.then("swap", format!("give it the name `{}`", names.pilot), Action::Swap);
        if let Some(to) = program.pilot.open_after {
            chain.then("open", "let people in", Action::Open { to });
        }
    }
    if let Some(raw) = raw.as_ref().filter(|r| !r.keep) {
        chain.then("drop-raw", format!("drop the raw copy `{}`", raw.name), Action::DropRaw);
    }
    let steps = chain.steps;
    expected.retain(|k, _| steps.iter().any(|s| s.key == *k));
    Plan {
        kind: match &carry {
            _ if switch.is_some() => RunKind::Switch,
            _ if dress => RunKind::Dress,
            _ if follow => RunKind::Follow,
            _ if import.is_some() => RunKind::Import,
            Some(_) => RunKind::Refresh,
            None => RunKind::Rehearsal,
        },
        program: program.name.clone(),
        program_hash: program.hash(),
        engine: catalog.engine,
        product_version,
        names,
        recipe,
        tables,
        upgrade,
        steps,
        footprint,
        expected,
        raw,
        carry: carry.map(|(from, _)| from),
        reached,
        profile: program.profile.clone(),
        import: import.map(|(from, _)| from),
        production: switch.map(|(production, _)| production),
        rollback: None,
    }
}

/// What decides over what is carried and how, without where it was written.
fn carry_texts(program: &Program) -> Vec<String> {
    let carry = &program.carry;
    let kinds = program.kinds.iter().map(|k| format!("kind {:?}", (&k.table, k.kind, &k.condition)));
    let references = carry.references.iter().map(|(from, to)| format!("reference {:?}", (from, &to.other)));
    let moved = carry.moved.iter().map(|(to, from)| format!("moved {:?}", (to, &from.other)));
    let fresh = carry.fresh.keys().map(|c| format!("fresh {c:?}"));
    let rules = carry.rules.iter().map(|r| format!("rule {:?}", (&r.table, &r.column, r.kind, r.take)));
    kinds.chain(references).chain(moved).chain(fresh).chain(rules).collect()
}

/// Hash of what is said about document numbers and about carrying back, wherever it was written; zero where nothing is.
pub fn said_of_back(program: &Program) -> Hash {
    if program.numbers.is_empty() && program.inverses.is_empty() {
        return Hash::ZERO;
    }
    let numbers: Vec<_> = program.numbers.iter().map(|n| (&n.name, &n.before, &n.after)).collect();
    let inverses: Vec<_> = program.inverses.iter().map(|i| (&i.table, &i.select, &i.touched_by)).collect();
    Hash::of_json(&(numbers, inverses))
}

/// What packs do beyond what is in the tables' copies: statements and assertions.
fn pack_texts(program: &Program) -> Vec<String> {
    let rules = program.packs.iter().flat_map(|p| p.rules.iter().map(move |r| (p, r)));
    rules
        .map(|(p, r)| {
            let sql = if let PackAction::Statement { sql } = &r.action { Some(sql) } else { None };
            format!("{:?}", (&p.name, &r.id, sql, &r.assert, &r.assert_after))
        })
        .collect()
}

/// Statements of packs, in order; those for the version before the upgrade only while production has it.
fn pack_statements(program: &Program, upgraded: bool) -> Vec<(String, PackRule)> {
    let rules = program.packs.iter().flat_map(|p| p.rules.iter().map(move |r| (p.name.clone(), r.clone())));
    rules.filter(|(_, r)| matches!(r.action, PackAction::Statement { .. }) && !(upgraded && r.shape == Shape::Before)).collect()
}

/// What waiting for the window is called.
const WINDOW: &str = "wait until the window opens";

/// What raising the fence is called.
const FENCE: &str = "shut everybody out of production; what changed since is copied after that";

/// The same where nothing is copied again for it.
const FENCE_ALONE: &str = "shut everybody out of production";

/// Builds steps one after the other.
struct Chain<'a> {
    steps: Vec<Step>,
    upgrade: &'a [PlannedUpgrade],
}

impl Chain<'_> {
    fn last(&self) -> Vec<StepKey> {
        self.steps.last().map(|s| s.key.clone()).into_iter().collect()
    }

    /// The programs that run at this moment of a switch.
    fn hooks(&mut self, switch: Option<&(Production, bool)>, at: HookMoment) {
        let all = switch.iter().flat_map(|(p, _)| p.hooks.iter().enumerate());
        for (index, planned) in all.filter(|(_, p)| p.hook.at == at) {
            let (name, program) = (&planned.hook.name, planned.hook.command.first().map_or("", String::as_str));
            self.then(format!("hook:{name}"), format!("{name}: run {program}"), Action::Hook { index });
        }
    }

    /// Files that move with production.
    fn files(&mut self, program: &Program) {
        if program.switch.strategy == Strategy::ServerMove && !program.files.is_empty() {
            let title = "copy what is new or changed in the trees of files, and remove what has gone";
            self.then("files", title, Action::CopyFiles);
        }
    }

    /// Somebody may say when; then nobody is in production any more.
    fn window_and_fence(&mut self, switch: Option<&(Production, bool)>, fence: &str, ask: bool) {
        if ask {
            self.then("window", WINDOW, Action::Window);
        }
        self.then("fence", fence, Action::Fence);
        self.hooks(switch, HookMoment::Fenced);
    }

    /// The window of a switch whose copy is complete and verified but for the rows that are touched until it opens (P26).
    fn touched(&mut self, switch: Option<&(Production, bool)>, engine: EngineKind, ask: bool) {
        self.window_and_fence(switch, FENCE_ALONE, ask);
        self.then("copy-touched", "copy the rows that were touched since", Action::CopyTouched);
        self.then("facts-again", "what assertions compare, owners and rights, as they are now", Action::SourceFacts);
        if engine == EngineKind::Postgres {
            self.then("large-objects", "large objects", Action::LargeObjects { what: LargeObjects::Keep });
        }
        self.then("settle-touched", "owners, rights, derived tables", Action::SettleTouched);
        self.then("verify-touched", "compare the touched rows with production's", Action::VerifyTouched);
        self.then("end-capture", "let production note nothing any more", Action::EndCapture);
    }

    fn then(&mut self, key: impl Into<String>, title: impl Into<String>, action: Action) {
        let after = self.last();
        self.after_all(after, key, title, action);
    }

    fn after_all(&mut self, after: Vec<StepKey>, key: impl Into<String>, title: impl Into<String>, action: Action) {
        let recovery = action.recovery(self.upgrade);
        self.steps.push(Step { key: StepKey(key.into()), title: title.into(), after, action, recovery });
    }

    fn beside(&mut self, after: &[StepKey], key: String, title: String, action: Action) -> StepKey {
        self.after_all(after.to_vec(), key.clone(), title, action);
        StepKey(key)
    }
}
