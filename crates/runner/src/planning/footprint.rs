//! What a run costs, locks, loads, takes and leaves behind, as the plan prints it (P9). Owns the words; what follows from it is the planner's.

use super::{Checked, Survey, read_bytes, size, target_bytes};
use crate::journal::Projection;
use greenroom_model::catalog::{Catalog, EngineKind, TableForm};
use greenroom_model::columns;
use greenroom_model::plan::{Action, Expected, Footprint, PlannedHow, StepKey, TableCopy};
use greenroom_model::program::{LargeObjects, Program};
use greenroom_model::run::{Phase, StepState};
use greenroom_model::upgrade;
use std::collections::BTreeMap;

/// What the run costs and touches (P9).
pub(super) fn footprint(program: &Program, survey: &Survey, checked: &Checked) -> Footprint {
    let c = &survey.catalog;
    let copied = checked.tables.iter().filter(|t| !t.empty).count();
    let readers = program.copy.workers.unwrap_or(survey.source.max_readers).min(survey.source.max_readers).max(1);
    let mut f = Footprint {
        read_bytes: read_bytes(survey, &checked.tables),
        target_bytes: target_bytes(survey, &checked.tables),
        created_in_source: Vec::new(),
        grants: survey.source_rights.iter().chain(&survey.target_rights).map(|r| r.grant.clone()).collect(),
        skipped_upgrade: checked.skipped.clone(),
        not_carried: c.not_carried.clone(),
        ..Footprint::default()
    };
    match c.engine {
        EngineKind::Postgres => {
            if !program.owners.keep_owners {
                f.not_carried.push(("owners".into(), "everything belongs to Greenroom's role; `[owners] keep_owners` carries them".into()));
            }
            if !program.owners.keep_grants {
                let why = "whom the pilot is opened to may read and change every table; `[owners] keep_grants` carries the source's grants";
                f.not_carried.push(("grants".into(), why.into()));
            }
            f.locks.push(format!(
                "ACCESS SHARE on {copied} tables until their rows are copied: reading and writing go on, schema changes and TRUNCATE wait"
            ));
            f.locks.push(format!("a schema change that waits longer than {} s makes the copy give way", program.copy.give_way_seconds));
            f.load.push(format!(
                "{} sessions on the source: 1 holds the snapshot, {readers} read, 1 watches, pg_dump reads the schema",
                readers + 2
            ));
            f.load.push("one old snapshot on the source while rows are copied: vacuum cannot clean what is newer".into());
        }
        EngineKind::Mssql => mssql(&mut f, program, survey, copied, readers),
        EngineKind::Mysql => {
            if !program.owners.keep_owners {
                let why = "views and routines are made with Greenroom's account as their definer; `[owners] keep_owners` carries them";
                f.not_carried.push(("definers".into(), why.into()));
            }
            let why = "a grant would let its holder into a sealed generation; whom the pilot is opened to may read and change every table";
            f.not_carried.push(("grants".into(), why.into()));
            f.locks.push(
                "a global read lock (or a read lock on every table, where the right for it is missing) for the moment in which the readers' \
                 snapshots begin: writers wait that long, at most 5 s for long statements to end"
                    .into(),
            );
            f.locks.push(format!(
                "metadata locks on {copied} tables until their rows are copied: reading and writing go on, schema changes and TRUNCATE wait"
            ));
            f.locks.push(format!("a schema change that waits longer than {} s makes the copy give way", program.copy.give_way_seconds));
            f.load.push(format!(
                "{} sessions on the source: 1 holds the snapshot, {} read, 1 watches",
                survey.source.max_readers + 2,
                survey.source.max_readers
            ));
            f.load.push("one old snapshot on the source while rows are copied: the server keeps undo for what is newer".into());
            f.consequences.push("accounts with rights on all databases (`ON *.*`) can enter every generation, sealed or not".into());
        }
        EngineKind::Sqlite if c.settings.get("journal_mode").is_some_and(|m| m == "wal") => {
            f.locks.push("none that writers notice; the write-ahead log cannot be reset while rows are read".into());
            f.load.push("1 reader".into());
        }
        EngineKind::Sqlite | EngineKind::Fake => {
            f.locks.push("a shared lock on the file while rows are read: writers wait".into());
            f.load.push("1 reader".into());
        }
    }
    if let Some(rate) = program.copy.max_bytes_per_second {
        f.load.push(format!("each reader is held to {} per second", size(rate)));
    }
    let caps = &survey.target;
    f.consequences.push(if caps.transactional_ddl {
        "a failed upgrade script leaves nothing behind: it runs in one transaction".into()
    } else {
        "a failed upgrade script costs the generation: the engine cannot undo schema changes".to_owned()
    });
    for u in checked.upgrade.iter().filter(|_| caps.transactional_ddl) {
        let PlannedHow::Script { file, statements, apart, .. } = &u.how else { continue };
        if let Some(why) = upgrade::runs_apart(c.engine, statements, *apart) {
            f.consequences.push(format!(
                "`{file}` runs statement by statement, outside a transaction: {why}; when it fails, what ran before stays in the generation"
            ));
        }
    }
    for (u, inverse) in checked.upgrade.iter().filter_map(|u| u.inverse.as_ref().map(|i| (u, i))) {
        f.consequences.push(format!(
            "what `{}` does outside the database outlives the generation; `undo` takes it back with `{}` once the generation is dropped",
            u.key, inverse.file
        ));
    }
    f.consequences.push(if !caps.rename_database {
        "databases cannot be renamed here: people connect to the database of the new generation, whose name `open` and `status` tell"
            .to_owned()
    } else if caps.atomic_swap {
        "pilot and generation change names in one atomic act".into()
    } else {
        "pilot and generation change names in two acts; `resume` completes a swap that was cut between them".to_owned()
    });
    for t in &c.tables {
        match &t.form {
            TableForm::Foreign => {
                f.not_carried.push((t.name.to_string(), "foreign table: its rows live elsewhere and are not read".into()))
            }
            TableForm::Refused(why) => f.not_carried.push((t.name.to_string(), why.clone())),
            TableForm::Rebuilt(how) => f.consequences.push(format!("{} is not copied but rebuilt: {how}", t.name.short(c.engine))),
            _ => {}
        }
    }
    f.not_carried.extend(left_out(program, c));
    for o in &c.outbound {
        if let Some(how) = &o.disabled_by {
            f.consequences.push(format!("{} {} reaches outside: {how}", o.kind, o.name));
        }
    }
    if c.large_objects > 0 && program.large_objects == Some(LargeObjects::Clear) {
        f.not_carried.push(("large objects".into(), "their contents are cleared, as the program says".into()));
    }
    f
}

/// What SQL Server feels. How many can read one moment, and for how long writers wait, depends on whether the source allows snapshot
/// isolation (P3); switching that on would change production.
fn mssql(f: &mut Footprint, program: &Program, survey: &Survey, copied: usize, readers: u32) {
    if !program.owners.keep_owners {
        f.not_carried.push(("owners".into(), "schemas belong to `dbo`; `[owners] keep_owners` carries their owners".into()));
    }
    if !program.owners.keep_grants {
        let why = "whom the pilot is opened to may read and change every table; `[owners] keep_grants` carries users, roles and permissions \
                   as far as their logins exist on the target";
        f.not_carried.push(("users, roles and permissions".into(), why.into()));
    }
    f.not_carried.push(("logins, jobs and linked servers".into(), "they belong to the server, not to the database".into()));
    f.locks.push(if snapshot_isolation(&survey.catalog) == Some(false) {
        format!(
            "shared locks on {copied} tables until their rows are copied, since the source has ALLOW_SNAPSHOT_ISOLATION off: reading goes on, \
             writers wait"
        )
    } else if readers > 1 {
        format!(
            "shared locks on {copied} tables for the moment in which the readers' snapshots begin (ALLOW_SNAPSHOT_ISOLATION is on): writers \
             wait that long"
        )
    } else {
        format!(
            "none that writers notice on {copied} tables (one reader in one snapshot, ALLOW_SNAPSHOT_ISOLATION is on); schema changes wait \
             while a table is read"
        )
    });
    f.locks.push(format!("a schema change that waits longer than {} s makes the copy give way", program.copy.give_way_seconds));
    f.load.push(format!("{} sessions on the source: 1 holds the snapshot, {readers} read, 1 watches", readers + 2));
    if snapshot_isolation(&survey.catalog) != Some(false) {
        f.load.push("one old snapshot on the source while rows are copied: `tempdb` keeps row versions that are newer".into());
    }
    f.consequences.push("members of `sysadmin` can enter every generation, sealed or not".into());
}

/// Whether the source allows snapshot isolation, where the engine says so.
pub(super) fn snapshot_isolation(catalog: &Catalog) -> Option<bool> {
    let setting = catalog.settings.get("allow_snapshot_isolation")?;
    Some(setting.eq_ignore_ascii_case("on"))
}

/// What becomes of the tables that the program leaves out: created empty, or not at all where they cannot be carried.
pub(crate) fn left_out(program: &Program, catalog: &Catalog) -> Vec<(String, String)> {
    let line = |(written, why): (&String, &String)| {
        let table = columns::names::find_table(catalog, written);
        let created = table.is_some_and(|t| !matches!(t.form, TableForm::Refused(_)));
        let what = if created { "left out by the program, created empty" } else { "left out by the program, not created" };
        (table.map_or_else(|| written.clone(), |t| t.name.short(catalog.engine)), format!("{what}: {why}"))
    };
    program.left_out.iter().map(line).collect()
}

/// Expected durations: those of the latest run in which a step was finished, also of one that went back afterwards, scaled by rows for copies; of the latest
/// one that was masked, or unmasked, as this one is, where there is any.
pub(super) fn expected(history: &Projection, tables: &[TableCopy], survey: &Survey, unmasked: bool) -> BTreeMap<StepKey, Expected> {
    let mut out: BTreeMap<StepKey, Expected> = BTreeMap::new();
    let mut runs: Vec<_> = history.runs.iter().filter(|r| matches!(r.phase, Phase::Finished | Phase::Undone)).collect();
    runs.sort_by_key(|r| r.plan.kind.is_unmasked() == unmasked);
    for run in runs {
        for step in &run.plan.steps {
            let Some(StepState::Finished { outcome }) = run.steps.get(&step.key) else { continue };
            let now = match step.action {
                Action::CopyTable { table } => run
                    .plan
                    .tables
                    .get(table)
                    .filter(|t| tables.iter().any(|n| n.table == t.table))
                    .and_then(|t| survey.catalog.table(&t.table))
                    .map(|t| t.estimated_rows),
                _ => None,
            };
            let millis = match (now, outcome.rows) {
                (Some(now), Some(then)) if then > 1000 => {
                    u64::try_from(u128::from(outcome.millis) * u128::from(now.max(1)) / u128::from(then)).unwrap_or(u64::MAX)
                }
                _ => outcome.millis,
            };
            let runs = out.get(&step.key).map_or(0, |e| e.runs) + 1;
            let grows = matches!(step.action, Action::CopyTouched | Action::VerifyTouched);
            let touched = run.outcome_of(|a| matches!(a, Action::CopyTouched)).and_then(|o| o.rows).filter(|_| grows);
            out.insert(step.key.clone(), Expected { millis, runs, touched });
        }
    }
    alike(&mut out);
    out
}

/// Steps that were never measured are expected to take as long as others that do nearly the same: reading a table for comparison is part of copying it, and the second
/// copy of a dress rehearsal is made by the means by which a switch copies production whole.
fn alike(out: &mut BTreeMap<StepKey, Expected>) {
    let same = |key: &StepKey| match key.0.strip_prefix("copy:") {
        Some(table) => Some(format!("read:{table}")),
        None => (key.0 == "keep-former").then(|| "copy-whole".to_owned()),
    };
    let more: Vec<(StepKey, Expected)> = out.iter().filter_map(|(key, e)| Some((StepKey(same(key)?), *e))).collect();
    for (key, expected) in more {
        out.entry(key).or_insert(expected);
    }
}
