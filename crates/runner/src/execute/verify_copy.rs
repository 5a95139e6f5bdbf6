//! Step: the copy is what the source was, masked: rows and digests of every table, objects one by one, sequences, foreign keys.

use super::{Execution, StepError, failure};
use greenroom_model::catalog::{Catalog, Object, Table};
use greenroom_model::plan::{Action, StepKey};
use greenroom_model::run::{Body, Outcome, Verdict};
use greenroom_model::verify::TableDigest;
use std::collections::{BTreeMap, BTreeSet};

impl Execution {
    pub(super) async fn verify_copy(&mut self) -> Result<Outcome, StepError> {
        let source = self.source_catalog()?;
        let script = self.schema_script()?;
        let facts = self.facts()?;
        let state = self.log.state();
        let plan = self.plan.clone();
        let mut verdict = Verdict {
            what: "copy".into(),
            passed: false,
            compared: Vec::new(),
            not_compared: Vec::new(),
            differences: Vec::new(),
            fingerprint: greenroom_model::hash::Hash::ZERO,
        };

        let sent: BTreeMap<_, TableDigest> = plan
            .steps
            .iter()
            .filter_map(|s| match s.action {
                Action::CopyTable { table } => {
                    Some((plan.tables[table].table.clone(), state.outcome(&s.key).and_then(|o| o.digest).unwrap_or_default()))
                }
                _ => None,
            })
            .collect();
        let stored = self.digest_and_scan(&plan.tables).await?;
        let mut rows = 0;
        for (table, sent) in &sent {
            let stored = stored.get(table).copied().unwrap_or_default();
            rows += stored.rows;
            if stored.rows != sent.rows {
                verdict.differences.push(format!("{table}: {} rows sent, {} found", sent.rows, stored.rows));
            } else if stored.sum != sent.sum {
                verdict.differences.push(format!("{table}: {} rows as sent, but their contents differ", stored.rows));
            }
        }
        verdict.compared.push(format!(
            "{} tables, {rows} rows, every field{} (digest of what was sent = digest of what is stored)",
            sent.len(),
            if self.plan.kind.is_unmasked() { "" } else { ", masked ones included" }
        ));

        let inside = self.generation().await?;
        let copy = inside.inspect().await?;
        verdict.fingerprint = copy.fingerprint();
        let left_out: Vec<String> = script.disabled.iter().chain(&script.not_carried).map(|(n, _)| n.clone()).collect();
        let (compared, differences) = differences(&source, &copy, &left_out);
        verdict.compared.extend(compared);
        verdict.differences.extend(differences);

        let sequences: BTreeMap<String, String> = inside.sequences().await?.into_iter().collect();
        for (name, position) in &facts.sequences {
            if sequences.get(name) != Some(position) {
                verdict.differences.push(format!("sequence {name} does not stand where the source's stood"));
            }
        }
        if !facts.sequences.is_empty() {
            verdict.compared.push(format!("positions of {} sequences", facts.sequences.len()));
        }

        let (mut proved, mut counted) = (0, 0);
        for table in &copy.tables {
            for key in &table.foreign_keys {
                if key.validated {
                    proved += 1;
                    continue;
                }
                counted += 1;
                let orphans = inside.orphans(table, key).await?;
                let before = facts.orphans.get(&format!("{}.{}", table.name, key.name)).copied().unwrap_or(0);
                if orphans > before {
                    verdict
                        .differences
                        .push(format!("{}.{}: {orphans} rows point nowhere, {before} did in the source", table.name, key.name));
                } else if orphans > 0 {
                    verdict.compared.push(format!("{}.{}: {orphans} rows point nowhere, as in the source", table.name, key.name));
                }
            }
        }
        if proved + counted > 0 {
            verdict.compared.push(format!("{} foreign keys ({proved} proved by the engine, {counted} by anti-join)", proved + counted));
        }
        let engine = self.plan.engine;
        let inside = self.generation().await?;
        for table in source.tables.iter().filter(|t| t.is_copied() && copy.table(&t.name).is_some()) {
            for (check, found) in super::checks::in_copy(inside.as_mut(), table, engine).await? {
                match (found, facts.broken.get(&check).copied().unwrap_or(Some(0))) {
                    (Some(0), _) => {}
                    (Some(n), Some(before)) if n > before => {
                        verdict.differences.push(format!("{check}: {n} rows break this check, {before} did in the source"));
                    }
                    (Some(n), Some(_)) => verdict.compared.push(format!("{check}: {n} rows break this check, as in the source")),
                    _ => verdict.not_compared.push(format!("{check}: rows that break this check could not be counted")),
                }
            }
        }
        if !self.plan.copies_whole() {
            verdict.not_compared.extend(source.not_carried.iter().map(|(n, why)| format!("{n}: {why}")));
        }
        verdict.not_compared.extend(script.not_carried.iter().map(|(n, why)| format!("{n}: {why}")));
        if !self.plan.kind.is_unmasked() {
            let left_out = crate::planning::left_out(&self.setup.program, &source);
            verdict.not_compared.extend(left_out.into_iter().map(|(n, why)| format!("{n}: {why}")));
        }
        let access: Vec<(String, String)> = self.kept(super::schema::NOT_CARRIED)?.unwrap_or_default();
        verdict.not_compared.extend(access.iter().map(|(n, why)| format!("{n}: {why}")));
        verdict.not_compared.extend(script.disabled.iter().map(|(n, how)| format!("{n}: {how}")));
        // An engine may say the same of its schema and of the script made from it.
        let mut seen = BTreeSet::new();
        verdict.not_compared.retain(|line| seen.insert(line.clone()));

        verdict.not_compared.sort();
        verdict.not_compared.dedup();
        let failed = self.assertions(self.plan.source_shape(), &mut verdict).await?;
        verdict.differences.extend(failed);
        self.conclude(verdict, "GR0601", "the copy is not what the source was")
    }

    /// Records a verdict; a failed one is a failed step.
    pub(super) fn conclude(&self, mut verdict: Verdict, code: &str, message: &str) -> Result<Outcome, StepError> {
        verdict.passed = verdict.differences.is_empty();
        self.log.record(Body::Verified { verdict: verdict.clone() })?;
        self.setup.observer.notice(crate::ports::Notice::Verified(verdict.clone()));
        if !verdict.passed {
            let mut f = failure(code, message);
            f.details = verdict.differences;
            f.hint = Some(format!("the generation `{}` is kept for looking; what stood before is untouched", self.plan.names.generation));
            return Err(f.into());
        }
        let mut outcome = Outcome::default();
        outcome.facts.insert("fingerprint".into(), verdict.fingerprint.to_string());
        outcome.notes = verdict.compared;
        Ok(outcome)
    }

    /// Rows and digest that a table had when it was copied.
    pub(super) fn copied_digest(&self, table: &greenroom_model::catalog::TableName) -> Option<TableDigest> {
        let state = self.log.state();
        let key: &StepKey = self.plan.steps.iter().find_map(|s| match s.action {
            Action::CopyTable { table: i } if self.plan.tables[i].table == *table => Some(&s.key),
            _ => None,
        })?;
        state.outcome(key).and_then(|o| o.digest)
    }
}

/// Compares two schemas object by object: (counted lines of what agreed or was looked at, differences by name).
pub(crate) fn differences(source: &Catalog, copy: &Catalog, left_out: &[String]) -> (Vec<String>, Vec<String>) {
    let mut different = Vec::new();
    let skip = |name: &str| left_out.iter().any(|l| l == name);
    let bare = |t: &Table| Table { estimated_rows: 0, estimated_bytes: 0, ..t.clone() };
    for t in &source.tables {
        let name = t.name.to_string();
        match copy.table(&t.name) {
            _ if skip(&name) || skip(&t.name.name) => {}
            None => different.push(format!("table {name} is missing")),
            Some(c) => different.extend(table_differences(&bare(t), &bare(c))),
        }
    }
    for t in copy.tables.iter().filter(|t| source.table(&t.name).is_none()) {
        different.push(format!("table {} is not in the source", t.name));
    }
    let by_name = |c: &Catalog| -> BTreeMap<(String, String), Object> {
        c.objects.iter().map(|o| ((o.kind.clone(), o.name.clone()), o.clone())).collect()
    };
    let (theirs, ours) = (by_name(source), by_name(copy));
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for ((kind, name), o) in &theirs {
        if skip(name) || skip(&format!("{kind} {name}")) {
            continue;
        }
        *kinds.entry(kind).or_default() += 1;
        match ours.get(&(kind.clone(), name.clone())) {
            None => different.push(format!("{kind} {name} is missing")),
            Some(c) if c.definition != o.definition => different.push(format!("{kind} {name} has another definition")),
            Some(_) => {}
        }
    }
    for (kind, name) in ours.keys().filter(|k| !theirs.contains_key(*k)) {
        different.push(format!("{kind} {name} is not in the source"));
    }
    let columns: usize = source.tables.iter().map(|t| t.columns.len()).sum();
    let indexes: usize = source.tables.iter().map(|t| t.indexes.len()).sum();
    let mut lines = vec![format!("{} tables with {columns} columns and {indexes} indexes by definition", source.tables.len())];
    if !kinds.is_empty() {
        let list = kinds.iter().map(|(k, n)| format!("{n} × {k}")).collect::<Vec<_>>().join(", ");
        lines.push(format!("other objects by definition: {list}"));
    }
    (lines, different)
}

/// What differs between two tables of one name.
fn table_differences(a: &Table, b: &Table) -> Vec<String> {
    let mut d = Vec::new();
    let name = &a.name;
    for c in &a.columns {
        match b.column(&c.name) {
            None => d.push(format!("column {name}.{} is missing", c.name)),
            Some(o) if o != c => d.push(format!("column {name}.{} has another definition", c.name)),
            Some(_) => {}
        }
    }
    d.extend(b.columns.iter().filter(|c| a.column(&c.name).is_none()).map(|c| format!("column {name}.{} is new", c.name)));
    let mut parts = |what: &str, x: Vec<(String, String)>, y: Vec<(String, String)>| {
        let (x, y): (BTreeMap<_, _>, BTreeMap<_, _>) = (x.into_iter().collect(), y.into_iter().collect());
        for (n, v) in &x {
            match y.get(n) {
                None => d.push(format!("{what} {n} of {name} is missing")),
                Some(o) if o != v => d.push(format!("{what} {n} of {name} has another definition")),
                Some(_) => {}
            }
        }
        d.extend(y.keys().filter(|n| !x.contains_key(*n)).map(|n| format!("{what} {n} of {name} is new")));
    };
    let indexes = |t: &Table| t.indexes.iter().map(|i| (i.name.clone(), format!("{i:?}"))).collect();
    parts("index", indexes(a), indexes(b));
    let keys =
        |t: &Table| t.foreign_keys.iter().map(|k| (k.name.clone(), format!("{:?}", (&k.columns, &k.references, &k.definition)))).collect();
    parts("foreign key", keys(a), keys(b));
    // Checks may be nameless, so that several share a name: their text tells them apart.
    let checks = |t: &Table| t.checks.iter().map(|c| (format!("{} {}", c.name, c.sql), String::new())).collect();
    parts("check", checks(a), checks(b));
    let properties = |t: &Table| t.properties.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    parts("property", properties(a), properties(b));
    if a.form != b.form || a.primary_key != b.primary_key {
        d.push(format!("table {name} has another form or primary key"));
    }
    d
}
