//! From a program and its databases to a plan: asks source and target what they are and allow, checks the program against that, and lets
//! the model's planner make the plan. Writes nothing anywhere.

mod footprint;

pub(crate) use footprint::left_out;

use crate::execute::foreign;
use crate::journal::Projection;
use crate::ports::{Engines, Random};
use crate::workspace::RunKeys;
use greenroom_engine::{Capabilities, EngineError, MissingRight, Room, Standing};
use greenroom_model::catalog::{Catalog, EngineKind};
use greenroom_model::columns;
use greenroom_model::finding::{Finding, Place};
use greenroom_model::plan::{
    CarryFrom, ImportFrom, Names, Plan, PlanInput, PlannedHow, PlannedInverse, PlannedUpgrade, Production, RawCopy, Reached, TableCopy,
    plan, tables,
};
use greenroom_model::program::{FinalCopy, PackAction, Program};
use greenroom_model::upgrade::{self, UpgradeAction};

/// What source and target told.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The source's schema.
    pub catalog: Catalog,
    /// What the source can do.
    pub source: Capabilities,
    /// Identity of the source's database.
    pub source_id: String,
    /// The product's version, if the program has a query for it.
    pub product_version: Option<String>,
    /// Rights missing on the source.
    pub source_rights: Vec<MissingRight>,
    /// What the target can do.
    pub target: Capabilities,
    /// Rights missing on the target.
    pub target_rights: Vec<MissingRight>,
    /// Free disk on the target.
    pub room: Room,
    /// What stands under the pilot's name.
    pub pilot: Option<Standing>,
    /// The schema that the column decisions were made for, where it is still known.
    pub decided: Option<Catalog>,
    /// Production has been upgraded already.
    pub reached: Option<Reached>,
    /// The pilot is to follow it: no upgrade step is run.
    pub follow: bool,
}

/// Asks the source and the target.
///
/// # Errors
/// When one of them cannot be reached or read.
pub async fn survey(program: &Program, engines: &dyn Engines) -> Result<Survey, EngineError> {
    let mut source = engines.source().await?;
    let catalog = source.inspect().await?;
    let names: Vec<_> = catalog.tables.iter().filter(|t| t.is_copied()).map(|t| t.name.clone()).collect();
    let product_version = match &program.version_query {
        Some(sql) => source.query_value(sql).await.map_err(|e| e.while_doing("read the product's version with `version_query`"))?,
        None => None,
    };
    let mut target = engines.target().await?;
    Ok(Survey {
        source: source.capabilities().await?,
        source_id: source.identity().await?,
        product_version,
        source_rights: source.missing_rights(&names).await?,
        target: target.capabilities().await?,
        target_rights: target.missing_rights().await?,
        room: target.room().await?,
        pilot: target.look(&program.pilot.name).await?,
        decided: None,
        reached: None,
        follow: false,
        catalog,
    })
}

/// A program checked against its databases.
pub struct Checked {
    /// How every table travels.
    pub tables: Vec<TableCopy>,
    /// The upgrade steps that apply.
    pub upgrade: Vec<PlannedUpgrade>,
    /// Upgrade steps that `when` leaves out, or that production has already.
    pub skipped: Vec<String>,
    /// See [`Reached`]; with the steps that are left out.
    pub reached: Option<Reached>,
    /// Everything that was found.
    pub findings: Vec<Finding>,
}

/// Checks a program against what its databases told. The program is what of it holds for the version that production has.
pub fn check(program: &Program, survey: &Survey, keys: &RunKeys) -> Checked {
    let mut findings = columns::check_since(program, &survey.catalog, None, survey.decided.as_ref());
    let (tables, more) = tables::resolve(program, &survey.catalog, &keys.masks);
    findings.extend(more);
    // Once production is upgraded, what is said about the version before is about another schema.
    if survey.reached.is_none() {
        findings.extend(program.check_back(&survey.catalog));
    }
    let mut reached = survey.reached.clone();
    let (upgrade, skipped) = pick_upgrade(program, survey, &mut reached, &mut findings);
    pack_statements(program, survey, &mut findings);
    places(program, survey, &tables, &mut findings);
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.code.cmp(b.code)));
    findings.dedup();
    Checked { tables, upgrade, skipped, reached, findings }
}

/// Splits the scripts that apply to the product's version and that production does not have yet.
fn pick_upgrade(
    program: &Program,
    survey: &Survey,
    reached: &mut Option<Reached>,
    findings: &mut Vec<Finding>,
) -> (Vec<PlannedUpgrade>, Vec<String>) {
    let mut picked = Vec::new();
    let mut skipped = Vec::new();
    for step in &program.upgrade {
        let place = || Place { file: step.origin.file.clone(), span: step.origin.span.0..step.origin.span.1 };
        if let Some(rule) = &step.when {
            let Some(version) = &survey.product_version else {
                findings.push(
                    Finding::error("GR0504", format!("step `{}` depends on the product's version, which is not known", step.key))
                        .at(place())
                        .hint("give `[program] version_query` a query that returns the version"),
                );
                continue;
            };
            match upgrade::satisfied(rule, version) {
                Ok(true) => {}
                Ok(false) => {
                    skipped.push(format!("{}: the source has version {version}, the step is for {rule}", step.key));
                    continue;
                }
                Err(e) => {
                    findings.push(Finding::error("GR0504", format!("step `{}`: {e}", step.key)).at(place()));
                    continue;
                }
            }
        }
        let how = match &step.action {
            UpgradeAction::Script { text, hash } => {
                match upgrade::split_within(survey.catalog.engine, text, program.source.database.as_deref()) {
                    Ok((statements, _)) => {
                        let file = format!("{}: {}", step.origin.layer, step.origin.file);
                        let apart = !upgrade::allows_transaction(text);
                        PlannedHow::Script { file: file.trim_start_matches("program: ").to_owned(), hash: *hash, statements, apart }
                    }
                    // Said when the program was read.
                    Err(_) => continue,
                }
            }
            UpgradeAction::Program { command, hash, timeout_seconds } => {
                PlannedHow::Program { command: command.clone(), hash: *hash, timeout_seconds: *timeout_seconds }
            }
            UpgradeAction::Person { instruction } => PlannedHow::Person { instruction: instruction.clone() },
        };
        let inverse = match step.inverse.as_ref().map(|i| (i, upgrade::split(survey.catalog.engine, &i.text))) {
            None => None,
            Some((i, Ok(statements))) => Some(PlannedInverse { file: i.file.clone(), hash: i.hash, statements }),
            Some((i, Err(e))) => {
                findings.push(Finding::error("GR0408", format!("`{}` line {}: {}", i.file, e.line, e.message)).at(place()).hint(e.hint));
                None
            }
        };
        let planned = PlannedUpgrade { key: step.key.clone(), how, inverse };
        match reached {
            Some(reached) if survey.follow || reached.has(&planned) => {
                let why = if reached.has(&planned) { format!(", as `{}` ran it on the pilot", reached.run) } else { String::new() };
                skipped.push(format!("{}: production has it{why}", step.key));
                if !reached.has(&planned) {
                    reached.steps.push((planned.key.clone(), planned.hash()));
                }
            }
            _ => picked.push(planned),
        }
    }
    (picked, skipped)
}

/// Packs' statements may not reach outside the database either (P17).
fn pack_statements(program: &Program, survey: &Survey, findings: &mut Vec<Finding>) {
    for (pack, rule) in program.packs.iter().flat_map(|p| p.rules.iter().map(move |r| (p, r))) {
        let PackAction::Statement { sql } = &rule.action else { continue };
        let place = || Place { file: rule.origin.file.clone(), span: rule.origin.span.0..rule.origin.span.1 };
        let named = |what: &str| format!("pack `{}`, rule `{}`: {what}", pack.name, rule.id);
        match upgrade::split(survey.catalog.engine, sql) {
            Err(e) => findings.push(Finding::error("GR0511", named(&e.message)).at(place())),
            Ok(statements) => {
                for found in statements.iter().flat_map(|s| upgrade::outsides(survey.catalog.engine, s)) {
                    let mut f = Finding::error("GR0511", named(&format!("`{}` reaches outside the database: {}", found.what, found.why)));
                    f.severity = found.severity;
                    findings.push(f.at(place()).hint("let an administrator do that outside the run, or leave it out"));
                }
            }
        }
    }
}

/// Findings about source and target themselves.
fn places(program: &Program, survey: &Survey, tables: &[TableCopy], findings: &mut Vec<Finding>) {
    for (side, rights) in [("source", &survey.source_rights), ("target", &survey.target_rights)] {
        for r in rights {
            findings.push(
                Finding::error("GR0505", format!("right missing on the {side}: {}", r.what))
                    .hint(format!("let an administrator run: {}", r.grant)),
            );
        }
    }
    if let Some(standing) = &survey.pilot {
        if standing.engine_id == survey.source_id {
            findings.push(
                Finding::error("GR0508", format!("the pilot `{}` is the source itself", program.pilot.name))
                    .hint("give the pilot a name of its own in `[pilot] name`"),
            );
        } else if let Some(f) = foreign(Some(standing), &program.name, &program.pilot.name) {
            findings.push(Finding::error("GR0503", f.message).hint(f.hint.unwrap_or_default()));
        }
    }
    let need = target_bytes(survey, tables);
    if let Some(short) = shortage(survey.room, need, program.copy.min_free_disk_percent) {
        findings.push(
            Finding::error("GR0509", format!("the target has {}; the generation needs about {}", short, size(need)))
                .hint("free room (`greenroom drop --expired` removes former pilots), or lower `[copy] min_free_disk_percent`"),
        );
    }
    if survey.catalog.engine == EngineKind::Mssql && footprint::snapshot_isolation(&survey.catalog) == Some(false) {
        findings.push(
            Finding::warning("GR0510", "the source does not allow snapshot isolation: while its rows are read, nobody can write to it").hint(
                "run at a quiet time, or have its administrator decide about `ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON`, which makes \
                 `tempdb` keep row versions",
            ),
        );
    }
    if survey.catalog.settings.get("journal_mode").is_some_and(|m| m != "wal") && survey.catalog.engine == EngineKind::Sqlite {
        findings.push(
            Finding::warning("GR0510", "the source is not in WAL mode: while its rows are read, nobody can write to it")
                .hint("run at a quiet time, or have the application switch the database to WAL"),
        );
    }
}

/// Bytes that stay free at least where little is needed: below it, an estimate that is off would fill the disk.
const LEAST_RESERVE: u64 = 1 << 30;

/// What is free and what is to stay free, in words, when `need` bytes do not fit beside the reserve.
///
/// The reserve is the program's share of the disk, but no more than ten times the need (and [`LEAST_RESERVE`]): a small database is not
/// refused because a large disk, filled by others, is nine tenths full.
pub(crate) fn shortage(room: Room, need: u64, percent: u8) -> Option<String> {
    let Room { free: Some(free), total: Some(total) } = room else { return None };
    let reserve = (total / 100 * u64::from(percent)).min(need.saturating_mul(10).max(LEAST_RESERVE));
    (free < need.saturating_add(reserve)).then(|| format!("{} free, of which {} are to stay free", size(free), size(reserve)))
}

/// Bytes that a generation needs: the copied tables with room for indexes, or the source's own size where known.
fn target_bytes(survey: &Survey, tables: &[TableCopy]) -> u64 {
    read_bytes(survey, tables).saturating_mul(3) / 2
}

fn read_bytes(survey: &Survey, tables: &[TableCopy]) -> u64 {
    tables.iter().filter(|t| !t.empty).filter_map(|t| survey.catalog.table(&t.table)).map(|t| t.estimated_bytes).sum()
}

/// Bytes for people.
pub fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut tenths = bytes.saturating_mul(10);
    while tenths >= 10240 && unit + 1 < units.len() {
        tenths /= 1024;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{}.{} {}", tenths / 10, tenths % 10, units[unit]) }
}

/// Makes the plan. The program must have been checked without errors.
pub fn make(program: &Program, survey: &Survey, checked: Checked, history: &Projection, names: Names, tool: &str) -> Plan {
    make_over(program, survey, checked, history, names, tool, Over::default())
}

/// What a run is made over besides source and program.
#[derive(Clone, Debug, Default)]
pub struct Over {
    /// A raw copy in the source's place.
    pub raw: Option<RawCopy>,
    /// The pilot whose configuration is carried over, and whether a person is asked before it is.
    pub carry: Option<(CarryFrom, bool)>,
    /// The go-live is tried out, unmasked.
    pub dress: bool,
    /// Production was upgraded, and the pilot follows it.
    pub follow: bool,
    /// Exported configuration that is brought in, and whether a person is asked before it is.
    pub import: Option<(ImportFrom, bool)>,
    /// The go-live itself, and whether a person says when its window opens.
    pub switch: Option<(Production, bool)>,
}

/// The same over a raw copy, or over a pilot.
pub fn make_over(
    program: &Program,
    survey: &Survey,
    mut checked: Checked,
    history: &Projection,
    names: Names,
    tool: &str,
    over: Over,
) -> Plan {
    let Over { raw, carry, dress, follow, import, switch } = over;
    let unmasked = dress || switch.is_some();
    if unmasked {
        checked.tables = tables::unmasked(&survey.catalog);
    }
    let mut footprint = footprint::footprint(program, survey, &checked);
    if let Some(raw) = &raw {
        let what = format!("`source` is the raw copy `{}` of the backup `{}`: production is not connected to", raw.name, raw.backup.path);
        footprint.consequences.insert(0, what);
        let until = raw.until;
        footprint.consequences.insert(
            1,
            if raw.keep {
                format!("the raw copy is kept until {until}")
            } else {
                "the raw copy is dropped at the end of the run".to_owned()
            },
        );
    }
    if dress {
        let what = format!(
            "production's rows stand unmasked in `{}` on the target, sealed, until the run drops them at its end",
            names.generation
        );
        footprint.consequences.insert(0, what);
    }
    // What the engine cannot note cannot be tried either.
    let rollback = dress && program.switch.rollback_hours > 0 && survey.target.takes_production && survey.target.rename_database;
    if rollback {
        footprint.target_bytes *= 2;
        let what =
            format!("a second unmasked copy stands in `{}` meanwhile, into which what is written on trial is carried back", names.former);
        footprint.consequences.insert(1, what);
    }
    if let Some((production, _)) = &switch {
        let name = &names.pilot;
        let minutes = production.minutes;
        let lines = [
            match production.whole {
                false => {
                    format!("production's rows stand unmasked in `{}`, sealed, until it is put in production's place", names.generation)
                }
                true => format!(
                    "production itself is not changed: the engine makes `{}` of it once it is shut, everything in it as it is",
                    names.generation
                ),
            },
            format!(
                "nobody can work from the fence until users are let in; {minutes} minutes after the fence everything goes back by itself"
            ),
            match production.on_target {
                true => format!(
                    "`{name}` is another database after the swap; production itself is called `{}` then, stays fenced, and is not dropped",
                    names.former
                ),
                false if production.apart => format!(
                    "programs have to be pointed to `{name}`; production itself keeps its name and its rows, shut for good: rights on it are taken away, and triggers reject every change"
                ),
                false => format!(
                    "`{name}` stands on the target's server afterwards; production itself stays where it is, fenced, and is not dropped"
                ),
            },
        ];
        footprint.consequences.splice(0..0, lines);
        if program.switch.final_copy == FinalCopy::Touched {
            let what =
                "triggers that note the keys of touched rows, and tables of ours for them, from before the copy until it is complete"
                    .to_owned();
            footprint.created_in_source.push(what);
        }
        if production.apart {
            footprint
                .created_in_source
                .push("three triggers on each table that reject every change, from the fence on; they stay once users are let in".into());
        }
        footprint.created_in_source.push("the fence: nobody but Greenroom comes in, and the card says how to give that back".into());
    }
    if let Some((from, ask)) = &carry {
        let pilot = &program.pilot.name;
        let until = if switch.is_some() {
            "it was taken into production"
        } else if dress {
            "it is compared"
        } else {
            "the swap"
        };
        let mut lines = vec![format!(
            "the configuration of generation {} under `{pilot}` is carried over; nobody but Greenroom comes into it from then until {until}",
            from.number
        )];
        if *ask {
            lines.push("a person is shown what is carried over, and asked".into());
        }
        footprint.consequences.extend(lines);
    }
    if let Some((from, _)) = &import {
        let rows = from.rows;
        footprint.consequences.push(format!("{rows} rows of files are brought in, after that, into {}", from.tables.join(", ")));
    }
    plan(PlanInput {
        program,
        catalog: &survey.catalog,
        expected: footprint::expected(history, &checked.tables, survey, unmasked),
        tables: checked.tables,
        upgrade: checked.upgrade,
        names,
        product_version: survey.product_version.clone(),
        tool,
        footprint,
        raw,
        carry,
        dress,
        rollback,
        follow,
        reached: checked.reached,
        import,
        switch,
    })
}

/// Fresh names for the next generation, which is to be called `stage`: as the pilot, or as production.
pub fn names(program: &Program, stage: &str, history: &Projection, random: &dyn Random) -> Names {
    let number = history.generations + 1;
    let nonce = random.name(10);
    let pilot = stage.to_owned();
    let (generation, former) = match program.target.engine {
        EngineKind::Sqlite => {
            let (dir, file) = pilot.rsplit_once('/').map_or(("", pilot.as_str()), |(d, f)| (d, f));
            let dir = if dir.is_empty() { String::new() } else { format!("{dir}/") };
            (format!("{dir}.{file}.gr{number}.{nonce}"), format!("{dir}.{file}.former.{nonce}"))
        }
        // PostgreSQL cuts names at 63 bytes without a word; MariaDB and MySQL take 64 characters, SQL Server 128.
        EngineKind::Postgres | EngineKind::Mysql | EngineKind::Mssql | EngineKind::Fake => {
            let stem = cut(&pilot, 40);
            (format!("{stem}_gr{number}_{nonce}"), format!("{stem}_former_{nonce}"))
        }
    };
    Names { number, nonce, generation, pilot, former }
}

/// The name of a raw copy in the quarantine; on SQLite a hidden file in its folder.
pub fn raw_name(program: &Program, number: u32, nonce: &str) -> String {
    let pilot = program.pilot.name.as_str();
    if program.source.engine != EngineKind::Sqlite {
        return format!("{}_raw{number}_{nonce}", cut(pilot, 40));
    }
    let folder = program.quarantine.as_ref().and_then(|q| q.address.path.as_deref()).unwrap_or(".");
    let file = pilot.rsplit_once('/').map_or(pilot, |(_, f)| f);
    format!("{}/.{file}.raw{number}.{nonce}", folder.trim_end_matches('/'))
}

/// At most so many bytes, whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_down_to_a_tenth() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1024), "1.0 KiB");
        assert_eq!(size(1_500_000), "1.4 MiB");
        assert_eq!(size(u64::MAX), "1677721.5 TiB");
    }

    #[test]
    fn a_small_database_needs_no_tenth_of_a_large_disk() {
        const GIB: u64 = 1 << 30;
        let room = |free| Room { free: Some(free), total: Some(1000 * GIB) };
        assert_eq!(shortage(room(2 * GIB), 1 << 20, 10), None);
        assert_eq!(shortage(room(GIB), 1 << 20, 10).as_deref(), Some("1.0 GiB free, of which 1.0 GiB are to stay free"));
        assert_eq!(shortage(room(54 * GIB), 5 * GIB, 10).as_deref(), Some("54.0 GiB free, of which 50.0 GiB are to stay free"));
        assert_eq!(shortage(room(599 * GIB), 500 * GIB, 10).as_deref(), Some("599.0 GiB free, of which 100.0 GiB are to stay free"));
        assert_eq!(shortage(room(500 * GIB), 500 * GIB, 0), None);
        assert_eq!(shortage(Room::default(), 500 * GIB, 10), None);
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(cut("klinika_pilotowa", 40), "klinika_pilotowa");
        assert_eq!(cut("zażółć", 4), "zaż");
        assert_eq!(cut("zażółć", 3), "za");
    }
}
