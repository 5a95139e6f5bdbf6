//! Steps: packs' statements, and the safety check: pack assertions and the residual scan, before the upgrade and again just before people
//! come in (P12).

use super::facts::keyed;
use super::residual::{Known, Look, Scan, ScanFinding};
use super::{Execution, StepError};
use greenroom_engine::{EngineError, Generation, RangeSpec};
use greenroom_model::catalog::{Catalog, Family, Table, TableName};
use greenroom_model::hash::Hash;
use greenroom_model::mask::{MaskRule, Value};
use greenroom_model::plan::{CopyColumn, FieldAction, Plan, TableCopy};
use greenroom_model::program::{Expect, PackAction, PackRule, Program, Shape};
use greenroom_model::run::{Outcome, Verdict};
use greenroom_model::upgrade::Statement;
use greenroom_model::verify::TableDigest;

/// Where the digests of tables are kept that packs' statements name, as the statements left them.
pub(super) const NEUTRAL: &str = "neutral.json";

/// What a safety check needs to know besides the database.
pub struct SafetyInput<'a> {
    /// The program.
    pub program: &'a Program,
    /// The plan whose decisions were applied.
    pub plan: &'a Plan,
    /// Key of value hashes.
    pub key: &'a [u8; 32],
    /// Keyed hashes of the source's values; `None` where the run's folder is gone.
    pub(crate) known: Option<Known>,
    /// After the upgrade.
    pub after_upgrade: bool,
    /// Tables that hold, by digest, what an earlier scan of this run found clean: they are not read again.
    pub(crate) unchanged: Vec<TableName>,
}

impl<'a> SafetyInput<'a> {
    /// For a check on request, after the upgrade. `known` is what the run's folder still holds of the source's values.
    pub(crate) fn new(program: &'a Program, plan: &'a Plan, key: &'a [u8; 32], known: Option<Known>) -> SafetyInput<'a> {
        SafetyInput { program, plan, key, known, after_upgrade: true, unchanged: Vec::new() }
    }
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
        let digests: Vec<(TableName, TableDigest)> = self.digests(copies).await?.into_iter().collect();
        self.keep(NEUTRAL, &digests)?;
        Ok(outcome)
    }

    pub(super) async fn safety_check(&mut self, after_upgrade: bool) -> Result<Outcome, StepError> {
        let known = self.kept::<Known>("known.json")?;
        let setup = self.setup.clone();
        let plan = self.plan.clone();
        let unchanged = if after_upgrade { self.kept(super::verify_upgrade::UNTOUCHED)?.unwrap_or_default() } else { Vec::new() };
        let inside = self.generation().await?;
        let input = SafetyInput { program: &setup.program, plan: &plan, key: &setup.keys.values, known, after_upgrade, unchanged };
        let verdict = check_safety(inside.as_mut(), &input).await?;
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
pub async fn check_safety(inside: &mut dyn Generation, input: &SafetyInput<'_>) -> Result<Verdict, EngineError> {
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
        for rule in pack.rules.iter().filter(|r| applies(r.shape, now)) {
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

/// The query that returns rows when a rule does not hold: the program's, or what follows from the action.
fn assertion_sql(rule: &PackRule, catalog: &Catalog, after: bool) -> Option<String> {
    if after && rule.assert_after.is_some() {
        return rule.assert_after.clone();
    }
    if rule.assert.is_some() {
        return rule.assert.clone();
    }
    let q = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let written = rule.table.as_deref()?;
    let table = catalog.tables.iter().find(|t| t.name.short(catalog.engine) == written || t.name.to_string() == written)?;
    let mut conditions = Vec::new();
    // Unknown counts as: the rule applies. `true` and `false` are understood by every engine we have.
    if let Some(when) = &rule.when {
        conditions.push(format!("coalesce(({when}), true)"));
    }
    if let Some(unless) = &rule.unless {
        conditions.push(format!("not coalesce(({unless}), false)"));
    }
    match &rule.action {
        PackAction::Empty | PackAction::Delete => {}
        PackAction::Blank { columns } => {
            let full = columns.iter().map(|c| blank_test(table, c, &q(c))).collect::<Vec<_>>().join(" or ");
            conditions.push(format!("({full})"));
        }
        PackAction::Set { values } => {
            let other = values.iter().map(|(c, v)| format!("t.{} is distinct from ({v})", q(c))).collect::<Vec<_>>().join(" or ");
            conditions.push(format!("({other})"));
        }
        // Masked values are proved by the digest of what was sent, statements by their own assertion.
        PackAction::Mask { .. } | PackAction::Statement { .. } => return None,
    }
    let filter = if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
    Some(format!("select 1 from {}.{} t{filter} limit 1000", q(&table.name.schema), q(&table.name.name)))
}

/// True where a column that should be blank is not.
fn blank_test(table: &Table, column: &str, quoted: &str) -> String {
    match table.column(column).map(|c| (c.family, c.nullable)) {
        Some((Family::Text | Family::Bytes | Family::Any, _)) => format!("(t.{quoted} is not null and length(t.{quoted}) > 0)"),
        _ => format!("t.{quoted} is not null"),
    }
}

/// Scans every text that people could see.
async fn residual(
    inside: &mut dyn Generation,
    input: &SafetyInput<'_>,
    catalog: &Catalog,
    verdict: &mut Verdict,
) -> Result<(), EngineError> {
    let sample = input.program.verify.residual_sample_rows;
    let none = Known::new(None);
    let known = input.known.as_ref().unwrap_or(&none);
    let mut scan = Scan::new(known, input.key, &input.program.verify.allowed_mail_domains);
    let mut reader = inside.reader().await?;
    let (mut columns_read, mut sampled) = (0u64, 0u64);
    for table in catalog.tables.iter().filter(|t| t.is_copied() && !input.unchanged.contains(&t.name)) {
        let columns: Vec<CopyColumn> = table
            .columns
            .iter()
            .filter(|c| c.generated != Some(greenroom_model::catalog::Generation::Computed))
            .filter(|c| matches!(c.family, Family::Text | Family::Json | Family::Any | Family::TextArray | Family::Other))
            .map(|c| CopyColumn { name: c.name.clone(), native_type: c.native_type.clone(), family: c.family, rules: Vec::new() })
            .collect();
        if columns.is_empty() {
            continue;
        }
        columns_read += columns.len() as u64;
        let label = |c: &CopyColumn| format!("{}.{}", table.name.short(catalog.engine), c.name);
        let looks: Vec<(String, Look)> = columns
            .iter()
            .map(|c| {
                let made = |masks: &[&str]| makes(input.plan, table, &c.name, masks);
                (label(c), Look { names: !made(&NAMES), phones: !made(&NUMBERS) })
            })
            .collect();
        let mut copy =
            TableCopy { table: table.name.clone(), columns, conditions: Vec::new(), filter: None, empty: false, range_key: None };
        if let Some(rows) = sample.filter(|rows| *rows < table.estimated_rows) {
            copy.filter = Some(inside.sample_filter(rows, table.estimated_rows));
            sampled += 1;
        }
        let encoding = reader.prepare(&copy).await?.encoding;
        reader.begin(&copy, &RangeSpec::whole()).await?;
        while let Some(batch) = reader.next().await? {
            let mut rest = &batch.data[..];
            let mut fields = Vec::new();
            while encoding.next_row(&mut rest, &mut fields)? {
                for (i, (name, look)) in looks.iter().enumerate() {
                    let Some(field) = fields.get(i).copied().flatten() else { continue };
                    // What cannot be decoded as text holds no text to be found.
                    match encoding.decode(i, field) {
                        Ok(Value::Text(t) | Value::Json(t)) => scan.look(name, &t, *look),
                        Ok(Value::TextArray(items)) => items.iter().flatten().for_each(|t| scan.look(name, t, *look)),
                        _ => {}
                    }
                }
            }
        }
    }
    for o in &catalog.objects {
        scan.look(&format!("{} {}", o.kind, o.name), &o.definition, Look::ALL);
    }
    let accepted = &input.program.verify.accepted;
    let (stay, found): (Vec<ScanFinding>, Vec<ScanFinding>) = scan.finish().into_iter().partition(|f| accepted.contains_key(&f.column));
    for f in stay {
        let reason = accepted.get(&f.column).map_or("", String::as_str);
        verdict.not_compared.push(format!("{}: {} in {} values, accepted by the program: {reason}", f.column, f.what, f.values));
    }
    verdict.differences.extend(found.into_iter().map(|f| format!("{}: {} in {} values", f.column, f.what, f.values)));
    verdict.compared.push(format!(
        "residual scan of {columns_read} text columns against {} known values of the source, and for live mail domains",
        known.len()
    ));
    if !input.unchanged.is_empty() {
        verdict
            .compared
            .push(format!("residual scan: {} tables hold, by digest, what was scanned before the upgrade", input.unchanged.len()));
    }
    if sampled > 0 {
        verdict.not_compared.push(format!("residual scan: {sampled} large tables were sampled, not read whole"));
    }
    if input.known.is_none() {
        verdict
            .not_compared
            .push("residual scan: the source's values are not known any more, only live mail domains were looked for".into());
    } else if known.cut {
        verdict.not_compared.push("residual scan: not every value of the source was taken for comparison".into());
    }
    Ok(())
}

/// Masks that make up names: a made-up name may be a real one by chance.
const NAMES: [&str; 5] = ["first_name", "last_name", "full_name", "email", "user_name"];

/// Masks that make up digits: among tens of thousands of numbers some are others' by chance.
const NUMBERS: [&str; 8] = ["phone", "digits", "national_id", "postcode", "card", "iban", "permute", "redact"];

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
