//! Steps: packs' statements, and the safety check: pack assertions and the residual scan, before the upgrade and again just before people
//! come in (P12).

use super::facts::keyed;
use super::known::{KNOWN, Known};
use super::neutral::assertion_sql;
use super::read_back::{ReadBack, Reading};
use super::residual::{Look, Scan, ScanFinding, Search};
use super::{Execution, StepError};
use greenroom_engine::{EngineError, Generation};
use greenroom_model::catalog::{Catalog, EngineKind, Family, Table, TableName};
use greenroom_model::columns::names::find_table;
use greenroom_model::hash::Hash;
use greenroom_model::mask::MaskRule;
use greenroom_model::plan::{CopyColumn, FieldAction, Plan, TableCopy};
use greenroom_model::program::{Expect, PackAction, PackRule, Program, Shape};
use greenroom_model::run::{Outcome, Verdict};
use greenroom_model::upgrade::Statement;
use greenroom_model::verify::TableDigest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the digests of tables are kept that packs' statements name, as the statements left them.
pub(super) const NEUTRAL: &str = "neutral.json";

/// Where the scans of tables are kept that were searched while they were read for their digests.
const SCANNED: &str = "scanned.json";

/// What scanning one table gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Scanned {
    /// Text columns that were searched.
    columns: usize,
    /// Not every row was.
    sampled: bool,
    /// What was found.
    found: Vec<ScanFinding>,
}

/// What a safety check needs to know besides the database.
pub(crate) struct SafetyInput<'a> {
    /// The program.
    pub program: &'a Program,
    /// The plan whose decisions were applied.
    pub plan: &'a Plan,
    /// What is searched for.
    pub search: Arc<Search>,
    /// After the upgrade.
    pub after_upgrade: bool,
    /// Scans of tables that hold, by digest, what was scanned then: they are not read again.
    pub scanned: BTreeMap<TableName, Scanned>,
    /// How tables are read.
    pub read: ReadBack,
    /// Packs whose functions are switched on again: until when, and whether that time is over.
    pub reopened: BTreeMap<String, (jiff::Timestamp, bool)>,
}

impl Execution {
    pub(super) async fn neutralise(&mut self, rules: &[(String, PackRule)]) -> Result<Outcome, StepError> {
        let inside = self.generation().await?;
        let mut outcome = Outcome::default();
        for (pack, rule) in rules {
            let PackAction::Statement { sql } = &rule.action else { continue };
            let key = format!("pack:{pack}/{}", rule.id);
            let hash = Hash::of(sql.as_bytes());
            // Idempotent by contract, but not run twice when the record says that it is in.
            let state = inside.script_state(&key).await?;
            if state.complete && state.hash == Some(hash) {
                continue;
            }
            let statement = Statement { sql: sql.clone(), line: 1, copy_data: None };
            let applied = inside.script(&key, &hash, &[statement], 0).await.map_err(|e| {
                let mut f = super::failure_of(&e);
                f.message = format!("pack `{pack}`, rule `{}`: {}", rule.id, f.message);
                StepError::from(f)
            })?;
            outcome.notes.push(format!("{pack}/{}: {} rows", rule.id, applied.rows));
        }
        // What the upgrade is compared with later is the table as it stands now, not as it was copied.
        let texts: Vec<String> = rules
            .iter()
            .filter_map(|(_, r)| if let PackAction::Statement { sql } = &r.action { Some(sql.to_lowercase()) } else { None })
            .collect();
        let named = |table: &TableCopy| texts.iter().any(|sql| sql.contains(&table.table.name.to_lowercase()));
        let copies: Vec<TableCopy> = self.plan.tables.iter().filter(|t| named(t)).cloned().collect();
        let digests: Vec<(TableName, TableDigest)> = self.digest_and_scan(&copies).await?.into_iter().collect();
        self.keep(NEUTRAL, &digests)?;
        Ok(outcome)
    }

    /// Digests of tables as they stand in the generation, each searched in the same reading. What the search found is kept for the safety
    /// checks, which judge it. Tables of which the program wants only a sample searched are left to them.
    pub(super) async fn digest_and_scan(&mut self, copies: &[TableCopy]) -> Result<BTreeMap<TableName, TableDigest>, StepError> {
        let search = self.search()?;
        let catalog = self.generation().await?.inspect().await?;
        let sample = self.setup.program.verify.residual_sample_rows;
        let reading = |copy: &TableCopy| {
            let mut reading = Reading::digest(copy);
            if let Some(table) = catalog.table(&copy.table).filter(|t| sample.is_none_or(|rows| rows >= t.estimated_rows)) {
                reading.looks = looks(&self.plan, table, catalog.engine, &reading.copy.columns);
            }
            reading
        };
        let readings: Vec<Reading> = copies.iter().map(reading).collect();
        let searched: BTreeMap<TableName, usize> =
            readings.iter().filter(|r| !r.looks.is_empty()).map(|r| (r.copy.table.clone(), r.looks.iter().flatten().count())).collect();
        let read = self.read_back(readings, Some(search.clone())).await?;
        search.sound()?;
        let mut scanned = self.scanned()?;
        for (table, read) in &read {
            match searched.get(table) {
                Some(&columns) => drop(scanned.insert(table.clone(), Scanned { columns, sampled: false, found: read.found.clone() })),
                None => drop(scanned.remove(table)),
            }
        }
        self.keep_scanned(&scanned)?;
        Ok(read.into_iter().map(|(table, read)| (table, read.digest)).collect())
    }

    /// What is searched for, prepared once.
    fn search(&mut self) -> Result<Arc<Search>, StepError> {
        if let Some(search) = &self.search {
            return Ok(search.clone());
        }
        let scratch = &self.setup.scratch;
        let known = Known::open(scratch).map_err(|source| super::RunError::Scratch { path: scratch.join(KNOWN), source })?;
        let search = Arc::new(Search::new(known.as_ref(), &self.setup.keys.values, &self.setup.program.verify.allowed_mail_domains));
        self.search = Some(search.clone());
        Ok(search)
    }

    fn scanned(&self) -> Result<BTreeMap<TableName, Scanned>, StepError> {
        let kept: Option<Vec<(TableName, Scanned)>> = self.kept(SCANNED)?;
        Ok(kept.unwrap_or_default().into_iter().collect())
    }

    fn keep_scanned(&self, scanned: &BTreeMap<TableName, Scanned>) -> Result<(), StepError> {
        Ok(self.keep(SCANNED, &scanned.iter().collect::<Vec<_>>())?)
    }

    pub(super) async fn safety_check(&mut self, after_upgrade: bool) -> Result<Outcome, StepError> {
        let setup = self.setup.clone();
        let plan = self.plan.clone();
        let mut scanned = self.scanned()?;
        if after_upgrade {
            let untouched: Vec<TableName> = self.kept(super::verify_upgrade::UNTOUCHED)?.unwrap_or_default();
            scanned.retain(|table, _| untouched.contains(table));
        }
        let search = self.search()?;
        let read = self.reading(Some(search.clone())).await?;
        let mut input =
            SafetyInput { program: &setup.program, plan: &plan, search, after_upgrade, scanned, read, reopened: BTreeMap::new() };
        let verdict = check_safety(self.generation().await?.as_mut(), &mut input).await.map_err(|e| self.stopped_or(e))?;
        if !verdict.passed {
            // Whoever mends the generation and resumes must have it looked at again.
            input.scanned.retain(|_, s| s.found.is_empty());
        }
        self.keep_scanned(&input.scanned)?;
        self.conclude(verdict, "GR0602", "something personal or live would be within people's reach")
    }

    /// Runs the program's assertions for a shape; returns the failed ones and adds counted lines.
    pub(super) async fn assertions(&mut self, shape: Shape, verdict: &mut Verdict) -> Result<Vec<String>, StepError> {
        let facts = self.facts()?;
        let setup = self.setup.clone();
        let key = setup.keys.values;
        let inside = self.generation().await?;
        let answer = |name: &str| facts.answers.get(name).cloned();
        Ok(run_assertions(inside.as_mut(), &setup.program, shape, &key, &answer, verdict).await?)
    }
}

/// Whether an assertion for shape `of` holds in shape `now`.
fn applies(of: Shape, now: Shape) -> bool {
    of == Shape::Both || of == now
}

/// Runs the program's assertions; returns those that failed and adds one counted line. `answer` gives the keyed hash of what the source
/// answered inside the snapshot, `None` where it was not asked.
///
/// # Errors
/// When the database cannot be asked at all; a query that is wrong in itself is a failed assertion.
pub async fn run_assertions(
    inside: &mut dyn Generation,
    program: &Program,
    shape: Shape,
    key: &[u8; 32],
    answer: &(dyn Fn(&str) -> Option<Option<String>> + Sync),
    verdict: &mut Verdict,
) -> Result<Vec<String>, EngineError> {
    let mut failed = Vec::new();
    let mut held = 0;
    for a in program.assertions.iter().filter(|a| applies(a.shape, shape)) {
        let outcome = match inside.query(&a.sql).await {
            Ok(o) => o,
            Err(e) if matches!(e.kind, greenroom_engine::ErrorKind::Lost | greenroom_engine::ErrorKind::Cancelled) => return Err(e),
            Err(e) => {
                failed.push(format!("assertion {}: {e}", a.name));
                continue;
            }
        };
        match &a.expect {
            Expect::NoRows if outcome.rows > 0 => {
                let more = if outcome.rows >= 1000 { " or more" } else { "" };
                failed.push(format!("assertion {}: {}{more} rows contradict it", a.name, outcome.rows));
            }
            Expect::NoRows => held += 1,
            Expect::SameAsSource { .. } => match answer(&a.name) {
                Some(source) if source == outcome.first.as_ref().map(|v| keyed(key, v)) => held += 1,
                Some(_) => failed.push(format!("assertion {}: the value is not the source's", a.name)),
                None => verdict.not_compared.push(format!("assertion {}: the source was not asked", a.name)),
            },
        }
    }
    if held + failed.len() > 0 {
        verdict.compared.push(format!("{held} of {} assertions hold", held + failed.len()));
    }
    Ok(failed)
}

/// Pack assertions and the residual scan over a database as it stands now.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn check_safety(inside: &mut dyn Generation, input: &mut SafetyInput<'_>) -> Result<Verdict, EngineError> {
    let catalog = inside.inspect().await?;
    let mut verdict = Verdict {
        what: if input.after_upgrade { "safety-after" } else { "safety-before" }.into(),
        passed: false,
        compared: Vec::new(),
        not_compared: Vec::new(),
        differences: Vec::new(),
        fingerprint: catalog.fingerprint(),
    };
    let now = if input.after_upgrade { Shape::After } else { Shape::Before };
    let mut count = 0;
    for pack in &input.program.packs {
        match input.reopened.get(&pack.name) {
            Some((until, false)) => {
                verdict.not_compared.push(format!("pack {}: switched on again until {until}, on record", pack.name));
                continue;
            }
            Some((until, true)) => verdict
                .differences
                .push(format!("pack {0}: its time was over at {until}, and it is not closed: `greenroom reopen {0} --close`", pack.name)),
            None => {}
        }
        for rule in pack.rules.iter().filter(|r| applies(r.shape, now)) {
            let missing = rule.table.as_deref().filter(|written| rule.shape == Shape::After && find_table(&catalog, written).is_none());
            if let Some(written) = missing {
                let named = format!("pack {}, rule {}: `{written}` is not there after the upgrade", pack.name, rule.id);
                verdict.differences.push(named);
                continue;
            }
            let Some(sql) = assertion_sql(rule, &catalog, input.after_upgrade) else { continue };
            count += 1;
            match inside.query(&sql).await {
                Ok(o) if o.rows == 0 => {}
                Ok(o) => verdict.differences.push(format!("pack {}, rule {}: {} rows are not neutralised", pack.name, rule.id, o.rows)),
                Err(e) if matches!(e.kind, greenroom_engine::ErrorKind::Lost | greenroom_engine::ErrorKind::Cancelled) => return Err(e),
                Err(e) => verdict.differences.push(format!("pack {}, rule {}: its assertion cannot be asked: {e}", pack.name, rule.id)),
            }
        }
    }
    if count > 0 {
        verdict.compared.push(format!("{count} pack assertions"));
    }
    residual(inside, input, &catalog, &mut verdict).await?;
    verdict.passed = verdict.differences.is_empty();
    Ok(verdict)
}

/// What is looked for in each column that may hold text.
fn looks(plan: &Plan, table: &Table, engine: EngineKind, columns: &[CopyColumn]) -> Vec<Option<(String, Look)>> {
    let look = |c: &CopyColumn| {
        let made = |masks: &[&str]| makes(plan, table, &c.name, masks);
        (format!("{}.{}", table.name.short(engine), c.name), Look { names: !made(&NAMES), phones: !made(&NUMBERS) })
    };
    let text = |c: &CopyColumn| matches!(c.family, Family::Text | Family::Json | Family::Any | Family::TextArray | Family::Other);
    columns.iter().map(|c| text(c).then(|| look(c))).collect()
}

/// Scans every text that people could see, but for tables whose scan stands already. Those that are scanned now join them.
async fn residual(
    inside: &mut dyn Generation,
    input: &mut SafetyInput<'_>,
    catalog: &Catalog,
    verdict: &mut Verdict,
) -> Result<(), EngineError> {
    let sample = input.program.verify.residual_sample_rows;
    let before = input.scanned.len();
    let mut readings = Vec::new();
    for table in catalog.tables.iter().filter(|t| t.is_copied()) {
        if input.scanned.contains_key(&table.name) {
            continue;
        }
        let columns: Vec<CopyColumn> = table
            .columns
            .iter()
            .filter(|c| c.generated != Some(greenroom_model::catalog::Generation::Computed))
            .map(|c| CopyColumn { name: c.name.clone(), native_type: c.native_type.clone(), family: c.family, rules: Vec::new() })
            .collect();
        let (columns, looks): (Vec<CopyColumn>, Vec<_>) = looks(input.plan, table, catalog.engine, &columns)
            .into_iter()
            .zip(columns)
            .filter_map(|(look, column)| Some((column, Some(look?))))
            .unzip();
        if columns.is_empty() {
            continue;
        }
        let sampled = sample.filter(|rows| *rows < table.estimated_rows);
        let filter = sampled.map(|rows| inside.sample_filter(rows, table.estimated_rows));
        let scanned = Scanned { columns: columns.len(), sampled: sampled.is_some(), found: Vec::new() };
        input.scanned.insert(table.name.clone(), scanned);
        let copy = TableCopy { table: table.name.clone(), columns, conditions: Vec::new(), filter, empty: false, range_key: None };
        readings.push(Reading { copy, looks });
    }
    for (table, read) in input.read.read(inside, readings).await? {
        if let Some(scanned) = input.scanned.get_mut(&table) {
            scanned.found = read.found;
        }
    }
    // A table that the upgrade dropped has nothing left to be seen.
    input.scanned.retain(|name, _| catalog.table(name).is_some());
    let mut scan = Scan::new(input.search.clone());
    for o in &catalog.objects {
        scan.look(&format!("{} {}", o.kind, o.name), &o.definition, Look::ALL);
    }
    input.search.sound()?;
    let found = scan.finish().into_iter().chain(input.scanned.values().flat_map(|s| s.found.iter().cloned()));
    let accepted = &input.program.verify.accepted;
    let (stay, found): (Vec<ScanFinding>, Vec<ScanFinding>) = found.partition(|f| accepted.contains_key(&f.column));
    for f in stay {
        let reason = accepted.get(&f.column).map_or("", String::as_str);
        verdict.not_compared.push(format!("{}: {} in {} values, accepted by the program: {reason}", f.column, f.what, f.values));
    }
    verdict.differences.extend(found.into_iter().map(|f| format!("{}: {} in {} values", f.column, f.what, f.values)));
    let columns: usize = input.scanned.values().map(|s| s.columns).sum();
    let known = input.search.known.unwrap_or(0);
    verdict
        .compared
        .push(format!("residual scan of {columns} text columns against {known} known values of the source, and for live mail domains"));
    if input.after_upgrade && before > 0 {
        verdict.compared.push(format!("residual scan: {before} tables hold, by digest, what was scanned before the upgrade"));
    }
    let sampled = input.scanned.values().filter(|s| s.sampled).count();
    if sampled > 0 {
        verdict.not_compared.push(format!("residual scan: {sampled} large tables were sampled, not read whole"));
    }
    if input.search.known.is_none() {
        verdict
            .not_compared
            .push("residual scan: the source's values are not known any more, only live mail domains were looked for".into());
    }
    Ok(())
}

/// Masks that make up names: a made-up name may be a real one by chance.
const NAMES: [&str; 5] = ["first_name", "last_name", "full_name", "email", "user_name"];

/// Masks that make up digits: among tens of thousands of numbers some are others' by chance.
const NUMBERS: [&str; 12] =
    ["phone", "digits", "national_id", "postcode", "card", "iban", "permute", "redact", "email", "user_name", "token", "uuid"];

/// Whether a column is masked by one of these. That its values went through the mask is proved by the digest.
fn makes(plan: &Plan, table: &Table, column: &str, masks: &[&str]) -> bool {
    // What is redacted by patterns passes but for what looks like an address or a number, so that the search is worth more than its errors.
    let patterns = |rule: &MaskRule| rule.params.get("mode").is_some_and(|m| m == "patterns");
    let made = |rule: &MaskRule| masks.contains(&rule.name.as_str()) && !patterns(rule);
    plan.tables
        .iter()
        .filter(|t| t.table == table.name)
        .flat_map(|t| &t.columns)
        .filter(|c| c.name == column)
        .any(|c| c.rules.iter().any(|r| matches!(&r.action, FieldAction::Mask { rule, .. } if made(rule))))
}
