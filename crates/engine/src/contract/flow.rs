//! A copy as the runner makes it, in the small: reader, masker, loader, and reading back. Owns the masks of the tests.

use crate::batch::{ColumnRule, FieldEffect, RowMasker};
use crate::error::Result;
use crate::seam::{Generation, Held, Loader, Prepared, RangeDone, RangeSpec, Reader};
use greenroom_model::catalog::{Catalog, Family, Generation as Generated, Table};
use greenroom_model::mask::{Mask, MaskError, MaskRule, MaskTraits, Uniqueness, Value};
use greenroom_model::plan::{CopyColumn, FieldAction, FieldRule, TableCopy};
use greenroom_model::verify::{DigestKey, TableDigest};
use std::collections::BTreeMap;

/// A mask of the tests, by the name that a rule gives it.
struct TestMask {
    reverses: bool,
    traits: MaskTraits,
}

/// Gives values back as they came: decoding and encoding happen, nothing changes.
pub(super) const UNCHANGED: &str = "unchanged";
/// Text backwards, numbers plus one; everything else as it came.
pub(super) const REVERSED: &str = "reversed";

impl Mask for TestMask {
    fn traits(&self) -> &MaskTraits {
        &self.traits
    }

    fn apply<'v>(&self, _identity: &[u8], value: Value<'v>) -> std::result::Result<Value<'v>, MaskError> {
        Ok(match value {
            Value::Text(t) if self.reverses => Value::Text(t.chars().rev().collect::<String>().into()),
            Value::Int(i) if self.reverses => Value::Int(i.wrapping_add(1)),
            other => other,
        })
    }
}

fn mask(name: &str) -> Box<dyn Mask> {
    let traits =
        MaskTraits { uniqueness: Uniqueness::Permutation, max_output: None, case_proof: false, may_null: false, by_identity: false };
    Box::new(TestMask { reverses: name == REVERSED, traits })
}

/// The action that masks a field.
pub(super) fn masked(name: &str) -> FieldAction {
    FieldAction::Mask { rule: MaskRule { name: name.to_owned(), params: BTreeMap::new() }, domain: "contract".to_owned(), identity: None }
}

/// How a table travels when every column is kept, cut by the key that the planner would take.
pub(super) fn plain(table: &Table) -> TableCopy {
    let columns = table
        .columns
        .iter()
        .filter(|c| c.generated != Some(Generated::Computed))
        .map(|c| CopyColumn { name: c.name.clone(), native_type: c.native_type.clone(), family: c.family, rules: Vec::new() })
        .collect();
    let range_key = match table.primary_key.as_slice() {
        [key] => table.column(key).filter(|c| matches!(c.family, Family::Integer | Family::Uuid | Family::Bytes)).map(|c| c.name.clone()),
        _ => None,
    };
    TableCopy { table: table.name.clone(), columns, conditions: Vec::new(), filter: None, empty: false, range_key }
}

/// Adds a rule to a column.
pub(super) fn decide(copy: &mut TableCopy, column: &str, when: Option<usize>, action: FieldAction) {
    for c in copy.columns.iter_mut().filter(|c| c.name == column) {
        c.rules.push(FieldRule { when, action: action.clone() });
    }
}

fn key() -> DigestKey {
    DigestKey::new(&[0x5c; 32])
}

/// The gate between reading and loading.
pub(super) fn gate(copy: &TableCopy, prepared: Prepared) -> RowMasker {
    let mut constants = prepared.constants.into_iter();
    let columns = copy
        .columns
        .iter()
        .map(|c| {
            let mut constants = constants.next().unwrap_or_default().into_iter();
            let rules = c
                .rules
                .iter()
                .map(|r| {
                    let constant = constants.next().flatten();
                    let effect = match &r.action {
                        FieldAction::Keep => FieldEffect::Keep,
                        FieldAction::Null => FieldEffect::Null,
                        FieldAction::Constant(_) => FieldEffect::Constant(constant),
                        FieldAction::Mask { rule, identity, .. } => FieldEffect::Mask { mask: mask(&rule.name), identity: *identity },
                    };
                    ColumnRule { when: r.when, effect }
                })
                .collect();
            (c.name.clone(), rules)
        })
        .collect();
    RowMasker::new(copy.table.to_string(), columns, copy.conditions.len(), prepared.encoding, key())
}

/// Moves a range without committing it; returns what should be recorded.
pub(super) async fn move_range(reader: &mut dyn Reader, loader: &mut dyn Loader, copy: &TableCopy, range: &RangeSpec) -> Result<RangeDone> {
    let gate = gate(copy, reader.prepare(copy).await?);
    let (mut digest, mut bytes) = (TableDigest::default(), 0);
    loader.begin(copy, range).await?;
    reader.begin(copy, range).await?;
    while let Some(batch) = reader.next().await? {
        let masked = gate.pass(batch, &mut digest)?;
        bytes += masked.data().len() as u64;
        loader.push(masked).await?;
    }
    Ok(RangeDone { table: copy.table.clone(), range: range.clone(), digest, bytes })
}

/// Moves a range and commits it.
pub(super) async fn load_range(reader: &mut dyn Reader, loader: &mut dyn Loader, copy: &TableCopy, range: &RangeSpec) -> Result<RangeDone> {
    let done = move_range(reader, loader, copy, range).await?;
    loader.commit(&done).await?;
    Ok(done)
}

/// Copies a whole table range by range; returns the ranges as they were done.
pub(super) async fn load_table(
    held: &mut dyn Held,
    reader: &mut dyn Reader,
    loader: &mut dyn Loader,
    copy: &TableCopy,
    rows: u64,
) -> Result<Vec<RangeDone>> {
    let mut all = Vec::new();
    for range in held.ranges(copy, rows).await? {
        all.push(load_range(reader, loader, copy, &range).await?);
    }
    Ok(all)
}

/// The digest of several ranges.
pub(super) fn sum(ranges: &[RangeDone]) -> TableDigest {
    let mut total = TableDigest::default();
    ranges.iter().for_each(|r| total.merge(&r.digest));
    total
}

/// The digest of a range as a reader sees it, nothing masked.
pub(super) async fn digest(reader: &mut dyn Reader, copy: &TableCopy, range: &RangeSpec) -> Result<TableDigest> {
    let gate = gate(copy, reader.prepare(copy).await?);
    let mut digest = TableDigest::default();
    reader.begin(copy, range).await?;
    while let Some(batch) = reader.next().await? {
        gate.pass(batch, &mut digest)?;
    }
    Ok(digest)
}

/// The digest of a table of a generation, read back.
pub(super) async fn read_back(generation: &mut dyn Generation, table: &Table) -> Result<TableDigest> {
    let mut reader = generation.reader().await?;
    digest(reader.as_mut(), &plain(table), &RangeSpec::whole()).await
}

/// One row's fields as they are encoded; `None` is NULL.
pub(super) type Fields = Vec<Option<Vec<u8>>>;

/// The encoded fields of all rows, in the order of their bytes.
pub(super) async fn fields(reader: &mut dyn Reader, copy: &TableCopy) -> Result<Vec<Fields>> {
    let encoding = reader.prepare(copy).await?.encoding;
    reader.begin(copy, &RangeSpec::whole()).await?;
    let mut rows = Vec::new();
    while let Some(batch) = reader.next().await? {
        let mut rest = &batch.data[..];
        let mut row = Vec::new();
        while encoding.next_row(&mut rest, &mut row)? {
            rows.push(row.iter().map(|f| f.map(<[u8]>::to_vec)).collect::<Fields>());
        }
    }
    rows.sort();
    Ok(rows)
}

/// A table by its bare name in the engine's default schema.
pub(super) fn table<'c>(catalog: &'c Catalog, name: &str) -> super::Step<&'c Table> {
    let found = catalog.tables.iter().find(|t| t.name.name == name && t.name.schema == catalog.engine.default_schema());
    found.ok_or_else(|| super::Stop::Broken(format!("inspection does not tell of table `{name}`")))
}
