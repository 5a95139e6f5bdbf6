//! Row batches in an engine's own encoding, and the one gate between reading and loading.
//!
//! A [`RawBatch`] comes from a source and cannot be loaded; only a [`RowMasker`] turns it into a [`MaskedBatch`] by applying the column
//! decisions to named fields (unmasked fields pass undecoded) and taking the keyed digest of what leaves. Does not own encodings: each
//! engine implements [`Encoding`].

use crate::error::{EngineError, ErrorKind, Result};
use bytes::Bytes;
use greenroom_model::carry::Cell;
use greenroom_model::mask::{Mask, Value};
use greenroom_model::verify::{DigestKey, TableDigest};

/// Rows as read from a source: whole rows in the engine's own encoding.
#[derive(Debug)]
pub struct RawBatch {
    /// Encoded rows, back to back.
    pub data: Bytes,
}

/// Rows over which the decisions have passed. Only [`RowMasker::pass`] makes one.
#[derive(Debug)]
pub struct MaskedBatch {
    data: Bytes,
    rows: u64,
}

impl MaskedBatch {
    /// Encoded rows, back to back.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// An engine's row encoding for one table: splits rows into fields, decodes the few that masks see, encodes what masks return.
pub trait Encoding: Send + Sync {
    /// Takes the next row off `data` and lists its fields (`None` is NULL), conditions last. False at the end.
    ///
    /// # Errors
    /// When the bytes are not what the engine promised.
    fn next_row<'a>(&self, data: &mut &'a [u8], fields: &mut Vec<Option<&'a [u8]>>) -> Result<bool>;

    /// Begins a row of so many fields.
    fn begin_row(&self, fields: usize, out: &mut Vec<u8>);

    /// Appends an already encoded field (`None` is NULL); `first` for the first of its row.
    fn put_field(&self, first: bool, field: Option<&[u8]>, out: &mut Vec<u8>);

    /// Ends the row.
    fn end_row(&self, out: &mut Vec<u8>);

    /// Decodes a field of a column for a mask.
    ///
    /// # Errors
    /// When the bytes are not what the column's type promises; never quotes them.
    fn decode<'a>(&self, column: usize, field: &'a [u8]) -> Result<Value<'a>>;

    /// Encodes what a mask returned into `out`, canonically for the column. False means NULL and leaves `out` alone.
    ///
    /// # Errors
    /// When the value does not fit the column.
    fn encode(&self, column: usize, value: &Value<'_>, out: &mut Vec<u8>) -> Result<bool>;

    /// A field as people read it, in one spelling for each value: what configuration is compared by (`model::carry`). The engine's literals are
    /// made of it again.
    ///
    /// # Errors
    /// When the bytes are not what the column's type promises; never quotes them.
    fn cell(&self, column: usize, field: Option<&[u8]>) -> Result<Cell>;

    /// Whether a condition field is true.
    fn is_true(&self, field: Option<&[u8]>) -> bool;
}

/// What becomes of a field when a rule applies.
pub enum FieldEffect {
    /// Passes undecoded.
    Keep,
    /// NULL.
    Null,
    /// An encoded constant (`None` is NULL).
    Constant(Option<Vec<u8>>),
    /// A mask; `identity` is the index of the identity column.
    Mask {
        /// The mask.
        mask: Box<dyn Mask>,
        /// Column whose canonical value identifies the person or thing.
        identity: Option<usize>,
    },
}

/// One rule of one column: the condition's index and the effect.
pub struct ColumnRule {
    /// Index among the row's condition fields; `None` applies to all rows.
    pub when: Option<usize>,
    /// What happens.
    pub effect: FieldEffect,
}

/// Applies one table's decisions to its batches.
pub struct RowMasker {
    table: String,
    columns: Vec<(String, Vec<ColumnRule>)>,
    ruled: Vec<usize>,
    conditions: usize,
    encoding: Box<dyn Encoding>,
    digest_key: DigestKey,
}

impl RowMasker {
    /// Builds the gate for one table. `columns` holds name and rules of each column in reading order; `conditions` counts the boolean
    /// fields that follow them in every row.
    pub fn new(
        table: String,
        columns: Vec<(String, Vec<ColumnRule>)>,
        conditions: usize,
        encoding: Box<dyn Encoding>,
        digest_key: DigestKey,
    ) -> RowMasker {
        let ruled = (0..columns.len()).filter(|&i| !columns[i].1.is_empty()).collect();
        RowMasker { table, columns, ruled, conditions, encoding, digest_key }
    }

    /// Passes the decisions over a batch and adds what leaves to `digest`.
    ///
    /// # Errors
    /// When a mask cannot take a value; names table and column, never the value. Nothing of the batch may be loaded then.
    pub fn pass(&self, batch: RawBatch, digest: &mut TableDigest) -> Result<MaskedBatch> {
        let mut rest = &batch.data[..];
        let width = self.columns.len() + self.conditions;
        let mut fields: Vec<Option<&[u8]>> = Vec::with_capacity(width);
        let mut rows = 0u64;
        if self.ruled.is_empty() && self.conditions == 0 {
            loop {
                let start = rest;
                if !self.encoding.next_row(&mut rest, &mut fields)? {
                    break;
                }
                digest.add(self.digest_key.row(&start[..start.len() - rest.len()]));
                rows += 1;
            }
            return Ok(MaskedBatch { data: batch.data.clone(), rows });
        }
        let mut out = Vec::with_capacity(batch.data.len() + batch.data.len() / 8);
        let mut scratch: Vec<u8> = Vec::with_capacity(256);
        let mut identity_bytes: Vec<u8> = Vec::with_capacity(64);
        // Encoded replacements of this row: (column, range in scratch or NULL).
        let mut replaced: Vec<(usize, Option<std::ops::Range<usize>>)> = Vec::with_capacity(self.ruled.len());
        while self.encoding.next_row(&mut rest, &mut fields)? {
            if fields.len() != width {
                return Err(EngineError::other(
                    format!("mask rows of {}", self.table),
                    format!("a row has {} fields where {width} were asked for", fields.len()),
                ));
            }
            scratch.clear();
            replaced.clear();
            for &c in &self.ruled {
                let Some(rule) = self.columns[c].1.iter().find(|r| match r.when {
                    None => true,
                    Some(i) => self.encoding.is_true(fields[self.columns.len() + i]),
                }) else {
                    continue;
                };
                match &rule.effect {
                    FieldEffect::Keep => {}
                    FieldEffect::Null => replaced.push((c, None)),
                    FieldEffect::Constant(None) => replaced.push((c, None)),
                    FieldEffect::Constant(Some(bytes)) => {
                        let start = scratch.len();
                        scratch.extend_from_slice(bytes);
                        replaced.push((c, Some(start..scratch.len())));
                    }
                    FieldEffect::Mask { mask, identity } => {
                        let value = match fields[c] {
                            Some(f) => self.encoding.decode(c, f).map_err(|e| self.in_column(c, e))?,
                            None => Value::Null,
                        };
                        identity_bytes.clear();
                        match identity.and_then(|i| fields[i].map(|f| (i, f))) {
                            Some((i, f)) => self.encoding.decode(i, f).map_err(|e| self.in_column(i, e))?.canonical(&mut identity_bytes),
                            None => value.canonical(&mut identity_bytes),
                        }
                        let masked = mask.apply(&identity_bytes, value).map_err(|e| {
                            EngineError::new(ErrorKind::Data, format!("mask {}.{}", self.table, self.columns[c].0), e.to_string())
                        })?;
                        let start = scratch.len();
                        let kept = self.encoding.encode(c, &masked, &mut scratch).map_err(|e| self.in_column(c, e))?;
                        replaced.push((c, kept.then_some(start..scratch.len())));
                    }
                }
            }
            let start = out.len();
            self.encoding.begin_row(self.columns.len(), &mut out);
            // `replaced` is in column order, since `ruled` is.
            let mut next = replaced.iter().peekable();
            for (c, field) in fields[..self.columns.len()].iter().enumerate() {
                let field = match next.next_if(|(r, _)| *r == c) {
                    Some((_, range)) => range.clone().map(|r| &scratch[r]),
                    None => *field,
                };
                self.encoding.put_field(c == 0, field, &mut out);
            }
            self.encoding.end_row(&mut out);
            digest.add(self.digest_key.row(&out[start..]));
            rows += 1;
        }
        Ok(MaskedBatch { data: Bytes::from(out), rows })
    }

    fn in_column(&self, column: usize, e: EngineError) -> EngineError {
        e.while_doing(format!("mask {}.{}", self.table, self.columns[column].0))
    }
}
