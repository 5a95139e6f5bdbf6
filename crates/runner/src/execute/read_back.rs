//! Reading a generation back: every row once, several readers at a time, for whatever wants to see it: the keyed digest of each table,
//! and the search for what should not be there. Owns how the work is shared out; does not own what is searched for (`residual`) nor what
//! follows from it.

use super::masker::plain;
use super::residual::{Look, Scan, ScanFinding, Search};
use super::{Execution, StepError};
use crate::ports::Notice;
use greenroom_engine::{EngineError, ErrorKind, Generation, RangeSpec, Reader};
use greenroom_model::catalog::TableName;
use greenroom_model::mask::Value;
use greenroom_model::plan::TableCopy;
use greenroom_model::verify::{DigestKey, TableDigest};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// One table to be read.
pub(crate) struct Reading {
    /// Table, columns and filter; rules are not applied.
    pub copy: TableCopy,
    /// What is looked for in each column, with its name for people; none at all for tables that are only digested.
    pub looks: Vec<Option<(String, Look)>>,
}

impl Reading {
    /// Reads a table for its digest only, all its columns and rows as they are.
    pub fn digest(copy: &TableCopy) -> Reading {
        Reading { copy: plain(copy), looks: Vec::new() }
    }
}

/// What reading a table gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadTable {
    /// Keyed digest of the rows.
    pub digest: TableDigest,
    /// What was found in them.
    pub found: Vec<ScanFinding>,
}

/// Is told how many rows and bytes were read.
pub(crate) type Tell = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// How tables are read back.
#[derive(Clone)]
pub(crate) struct ReadBack {
    /// Key of the row digests.
    pub key: DigestKey,
    /// What the readings' looks are for.
    pub search: Option<Arc<Search>>,
    /// Most readers.
    pub width: usize,
    /// Tables are cut into ranges of about so many rows. Only while nobody writes: rows move between ranges when they are changed.
    pub range_rows: Option<u64>,
    /// Stops the reading.
    pub cancel: CancellationToken,
    /// Progress.
    pub tell: Tell,
}

/// What the readers share.
struct Shared {
    readings: Vec<Reading>,
    queue: Mutex<VecDeque<(usize, RangeSpec)>>,
    with: ReadBack,
}

impl ReadBack {
    /// Reads tables as they stand in a generation.
    ///
    /// # Errors
    /// When they cannot be read; [`ErrorKind::Cancelled`] when stopped.
    pub async fn read(&self, inside: &mut dyn Generation, readings: Vec<Reading>) -> Result<BTreeMap<TableName, ReadTable>, EngineError> {
        let mut queue = VecDeque::new();
        for (n, reading) in readings.iter().enumerate() {
            let ranges = match self.range_rows {
                Some(rows) => inside.ranges(&reading.copy, rows).await?,
                None => vec![RangeSpec::whole()],
            };
            queue.extend(ranges.into_iter().map(|r| (n, r)));
        }
        let mut readers = Vec::new();
        for _ in 0..self.width.max(1).min(queue.len()) {
            readers.push(inside.reader().await?);
        }
        let mut tables: BTreeMap<TableName, ReadTable> = readings.iter().map(|r| (r.copy.table.clone(), ReadTable::default())).collect();
        let shared = Arc::new(Shared { readings, queue: Mutex::new(queue), with: self.clone() });
        let mut tasks = tokio::task::JoinSet::new();
        for reader in readers {
            tasks.spawn(work(shared.clone(), reader));
        }
        while let Some(joined) = tasks.join_next().await {
            let done = joined.map_err(|e| EngineError::other("read the generation back", format!("a reader died: {e}")))??;
            for (n, part) in done {
                let table = tables.entry(shared.readings[n].copy.table.clone()).or_default();
                table.digest.merge(&part.digest);
                add_up(&mut table.found, part.found);
            }
        }
        Ok(tables)
    }
}

/// Adds what was found in one range to what was found in others.
fn add_up(all: &mut Vec<ScanFinding>, more: Vec<ScanFinding>) {
    for f in more {
        match all.iter_mut().find(|g| g.column == f.column && g.what == f.what) {
            Some(same) => same.values += f.values,
            None => all.push(f),
        }
    }
}

async fn work(s: Arc<Shared>, mut reader: Box<dyn Reader>) -> Result<Vec<(usize, ReadTable)>, EngineError> {
    let mut done = Vec::new();
    loop {
        let next = s.queue.lock().expect("no thread panics while it holds the queue").pop_front();
        let Some((n, range)) = next else { return Ok(done) };
        done.push((n, one(&s.with, reader.as_mut(), &s.readings[n], &range).await?));
    }
}

/// Reads one range.
async fn one(with: &ReadBack, reader: &mut dyn Reader, reading: &Reading, range: &RangeSpec) -> Result<ReadTable, EngineError> {
    let encoding = reader.prepare(&reading.copy).await?.encoding;
    let mut scan = with.search.as_ref().map(|search| Scan::new(search.clone()));
    let mut digest = TableDigest::default();
    reader.begin(&reading.copy, range).await?;
    while let Some(batch) = reader.next().await? {
        if with.cancel.is_cancelled() {
            return Err(EngineError::new(ErrorKind::Cancelled, format!("read {} back", reading.copy.table), "stopped on request"));
        }
        let before = digest.rows;
        let mut rest = &batch.data[..];
        let mut fields = Vec::with_capacity(reading.copy.columns.len());
        loop {
            let row = rest;
            if !encoding.next_row(&mut rest, &mut fields)? {
                break;
            }
            digest.add(with.key.row(&row[..row.len() - rest.len()]));
            let Some(scan) = &mut scan else { continue };
            for (i, (field, look)) in fields.iter().zip(&reading.looks).enumerate() {
                let (Some(field), Some((column, look))) = (field, look) else { continue };
                // What cannot be decoded as text holds no text to be found.
                match encoding.decode(i, field) {
                    Ok(Value::Text(t) | Value::Json(t)) => scan.look(column, &t, *look),
                    Ok(Value::TextArray(items)) => items.iter().flatten().for_each(|t| scan.look(column, t, *look)),
                    _ => {}
                }
            }
        }
        (with.tell)(digest.rows - before, batch.data.len() as u64);
    }
    Ok(ReadTable { digest, found: scan.map(Scan::finish).unwrap_or_default() })
}

impl Execution {
    /// How this run reads its generation back, which nobody writes to meanwhile.
    pub(super) async fn reading(&mut self, search: Option<Arc<Search>>) -> Result<ReadBack, StepError> {
        let width = self.target.capabilities().await?.max_readers as usize;
        let setup = &self.setup;
        let tell: Tell = match self.performing.clone() {
            Some(step) => {
                let observer = setup.observer.clone();
                Arc::new(move |rows, bytes| observer.notice(Notice::Rows { step: step.clone(), rows, bytes }))
            }
            None => Arc::new(|_, _| {}),
        };
        let (key, cancel) = (setup.keys.digests.clone(), setup.cancel.clone());
        Ok(ReadBack { key, search, width, range_rows: Some(setup.program.copy.range_rows), cancel, tell })
    }

    /// Reads tables of the generation back, searching where the readings say so.
    pub(super) async fn read_back(
        &mut self,
        readings: Vec<Reading>,
        search: Option<Arc<Search>>,
    ) -> Result<BTreeMap<TableName, ReadTable>, StepError> {
        let with = self.reading(search).await?;
        with.read(self.generation().await?.as_mut(), readings).await.map_err(|e| self.stopped_or(e))
    }

    /// Digests of tables as they stand in the generation.
    pub(super) async fn digests(&mut self, copies: &[TableCopy]) -> Result<BTreeMap<TableName, TableDigest>, StepError> {
        let read = self.read_back(copies.iter().map(Reading::digest).collect(), None).await?;
        Ok(read.into_iter().map(|(table, read)| (table, read.digest)).collect())
    }

    /// Being stopped on request is no failure of the step.
    pub(super) fn stopped_or(&self, e: EngineError) -> StepError {
        if e.kind == ErrorKind::Cancelled && self.setup.cancel.is_cancelled() { StepError::Stopped } else { e.into() }
    }
}
