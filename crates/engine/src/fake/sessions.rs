//! What a simulated process sees: source, snapshot, target, generation. Every effect has a cut before and after it; dead processes do
//! nothing any more.

use super::cuts::Cuts;
use super::encoding::FakeEncoding;
use super::world::{Database, Inner, Rows, World, catalog};
use crate::backup::{Backup, Restored, Tell};
use crate::batch::{MaskedBatch, RawBatch};
use crate::capture::{Capture, Captured};
use crate::carry::{GuardedChange, RowAct, RowChange, SpelledChange};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::*;
use async_trait::async_trait;
use bytes::Bytes;
use greenroom_model::carry::Cell;
use greenroom_model::catalog::{Catalog, ForeignKey, Table, TableName};
use greenroom_model::fence::Doors;
use greenroom_model::hash::Hash;
use greenroom_model::plan::TableCopy;
use greenroom_model::upgrade::Statement;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

/// One effect on the world with its two cuts.
pub(super) fn effect<T>(world: &World, cuts: &Cuts, what: &str, act: impl FnOnce(&mut Inner) -> Result<T>) -> Result<T> {
    cuts.pass(what)?;
    let result = act(&mut world.inner());
    cuts.pass(what)?;
    result
}

fn conflict(attempted: &str, message: impl Into<String>) -> EngineError {
    EngineError::new(ErrorKind::Conflict, attempted, message)
}

fn capabilities(world: &World) -> Capabilities {
    let (atomicity, apart) = {
        let inner = world.inner();
        (inner.atomicity, inner.apart)
    };
    Capabilities {
        transactional_ddl: atomicity.scripts,
        rename_database: !apart,
        shared_snapshot: true,
        max_readers: 1,
        atomic_swap: atomicity.swap,
        takes_production: true,
        grants_let_in: apart,
        progress_with_rows: true,
        physical_ranges: false,
        tools: Vec::new(),
    }
}

pub(super) struct FakeSource {
    world: World,
    cuts: Cuts,
    /// The raw copy that is read in place of production.
    raw: Option<String>,
}

impl FakeSource {
    pub(super) fn new(world: World, cuts: Cuts, raw: Option<String>) -> FakeSource {
        FakeSource { world, cuts, raw }
    }

    fn rows(&self) -> BTreeMap<TableName, Rows> {
        let inner = self.world.inner();
        match &self.raw {
            Some(name) => inner.databases.get(name).map(|d| d.tables.clone()).unwrap_or_default(),
            None => inner.source.clone(),
        }
    }

    fn catalog(&self) -> Catalog {
        catalog(&self.rows().keys().collect::<Vec<_>>(), true)
    }
}

#[async_trait]
impl Source for FakeSource {
    async fn capabilities(&mut self) -> Result<Capabilities> {
        Ok(capabilities(&self.world))
    }
    async fn inspect(&mut self) -> Result<Catalog> {
        Ok(self.catalog())
    }
    async fn sample(&mut self, table: &Table, _rows: u32) -> Result<Vec<Vec<Option<String>>>> {
        Ok(vec![Vec::new(); table.columns.len()])
    }
    async fn query_value(&mut self, _sql: &str) -> Result<Option<String>> {
        Ok(None)
    }
    async fn missing_rights(&mut self, _tables: &[TableName]) -> Result<Vec<MissingRight>> {
        Ok(Vec::new())
    }
    async fn identity(&mut self) -> Result<String> {
        Ok(self.world.inner().production.map_or_else(|| "source".into(), |id| id.to_string()))
    }
    async fn hold(&mut self, _tables: &[TableName]) -> Result<Box<dyn Held>> {
        self.cuts.pass("hold")?;
        let rows = Arc::new(self.rows());
        Ok(Box::new(FakeHeld { rows, catalog: self.catalog() }))
    }
}

/// A snapshot: a copy of the source's rows.
struct FakeHeld {
    rows: Arc<BTreeMap<TableName, Rows>>,
    catalog: Catalog,
}

#[async_trait]
impl CellSource for FakeHeld {
    async fn cell_reader(&mut self) -> Result<Box<dyn Reader>> {
        self.reader().await
    }
    async fn picking(&mut self, _table: &TableName, keys: &[Vec<(String, Cell)>]) -> Result<String> {
        Ok(picked(keys))
    }
    async fn spelled(&mut self, _changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
        Err(EngineError::unsupported("write changes down", "the fake has no language"))
    }
}

#[async_trait]
impl Held for FakeHeld {
    async fn inspect(&mut self) -> Result<Catalog> {
        Ok(self.catalog.clone())
    }
    async fn schema(&mut self, _scratch: &Path) -> Result<SchemaScript> {
        Ok(SchemaScript { hash: Some(Hash::of(b"schema")), ..SchemaScript::default() })
    }
    async fn ranges(&mut self, copy: &TableCopy, _rows: u64) -> Result<Vec<RangeSpec>> {
        // Three ranges of a table with a key; their bounds are the same in every snapshot.
        if copy.range_key.is_none() {
            return Ok(vec![RangeSpec::whole()]);
        }
        let bound = |n: Option<i64>| n.map(|n| n.to_string());
        let cuts = [(None, Some(10)), (Some(10), Some(20)), (Some(20), None)];
        Ok((0u32..).zip(cuts).map(|(i, (f, t))| RangeSpec { ordinal: i, from: bound(f), to: bound(t), physical: false }).collect())
    }
    async fn reader(&mut self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(FakeReader { rows: self.rows.clone(), queue: VecDeque::new(), of: None }))
    }
    async fn query_value(&mut self, _sql: &str) -> Result<Option<String>> {
        Ok(None)
    }
    async fn sequences(&mut self) -> Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }
    async fn disturbed(&mut self) -> Result<Option<Disturbance>> {
        Ok(None)
    }
    async fn release(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// What the fake reader understands as a filter: keys. Other conditions choose everything, and the caller sorts out.
fn picked(keys: &[Vec<(String, Cell)>]) -> String {
    let by_key = keys.iter().all(|key| matches!(key.as_slice(), [(column, _)] if column == "id"));
    let values = keys.iter().flatten().filter_map(|(_, cell)| cell.bytes().map(|b| String::from_utf8_lossy(b).into_owned()));
    let values = values.collect::<Vec<_>>().join(",");
    if by_key { format!("{KEYS}{values}") } else { values }
}

/// What a filter by keys begins with.
const KEYS: &str = "keys ";

fn chosen(filter: Option<&String>, key: i64) -> bool {
    let keys = filter.and_then(|f| f.strip_prefix(KEYS));
    keys.is_none_or(|keys| keys.split(',').any(|k| k.parse() == Ok(key)))
}

struct FakeReader {
    rows: Arc<BTreeMap<TableName, Rows>>,
    queue: VecDeque<Vec<u8>>,
    /// The table that is read in place of whatever is asked for.
    of: Option<TableName>,
}

fn within(range: &RangeSpec, key: i64) -> bool {
    let bound = |b: &Option<String>| b.as_ref().and_then(|b| b.parse::<i64>().ok());
    bound(&range.from).is_none_or(|f| key >= f) && bound(&range.to).is_none_or(|t| key < t)
}

#[async_trait]
impl Reader for FakeReader {
    async fn prepare(&mut self, copy: &TableCopy) -> Result<Prepared> {
        Ok(Prepared { encoding: Box::new(FakeEncoding), constants: copy.columns.iter().map(|c| vec![None; c.rules.len()]).collect() })
    }
    async fn begin(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()> {
        let rows = self.rows.get(self.of.as_ref().unwrap_or(&copy.table));
        self.queue = rows
            .into_iter()
            .flatten()
            .filter(|(k, _)| within(range, **k) && chosen(copy.filter.as_ref(), **k))
            .map(|(_, r)| r.clone())
            .collect();
        Ok(())
    }
    async fn next(&mut self) -> Result<Option<RawBatch>> {
        let batch: Vec<u8> = self.queue.drain(..self.queue.len().min(4)).flatten().collect();
        Ok((!batch.is_empty()).then(|| RawBatch { data: Bytes::from(batch) }))
    }
}

pub(super) struct FakeTarget {
    world: World,
    cuts: Cuts,
}

impl FakeTarget {
    pub(super) fn new(world: World, cuts: Cuts) -> FakeTarget {
        FakeTarget { world, cuts }
    }
}

struct FakeLock;
impl ServerLock for FakeLock {}

impl FakeTarget {
    /// Both names, in one act or in two.
    fn exchange(&self, swap: &Swap) -> Result<()> {
        let together = self.world.inner().atomicity.swap;
        let aside = |w: &mut Inner| -> Result<()> {
            let Some(former) = &swap.former else { return Ok(()) };
            if w.databases.contains_key(&swap.generation)
                && let Some(d) = w.databases.remove(&swap.pilot)
                && w.databases.insert(former.clone(), d).is_some()
            {
                return Err(conflict("swap", "the former name is taken"));
            }
            Ok(())
        };
        let onto = |w: &mut Inner| -> Result<()> {
            if let Some(d) = w.databases.remove(&swap.generation)
                && w.databases.insert(swap.pilot.clone(), d).is_some()
            {
                return Err(conflict("swap", "the pilot's name is taken"));
            }
            Ok(())
        };
        if together {
            return effect(&self.world, &self.cuts, "swap", |w| aside(w).and_then(|()| onto(w)));
        }
        // Called again after a cut between the acts, the first finds its work done: the former name is taken by the former pilot.
        effect(&self.world, &self.cuts, "put aside", |w| match &swap.former {
            Some(f) if w.databases.contains_key(f) => Ok(()),
            _ => aside(w),
        })?;
        effect(&self.world, &self.cuts, "put onto", onto)
    }
}

/// The database under a name, which must be there.
fn there<'i>(inner: &'i mut Inner, name: &str) -> Result<&'i mut Database> {
    inner.databases.get_mut(name).ok_or_else(|| conflict("find a database", format!("`{name}` is not there")))
}

#[async_trait]
impl Target for FakeTarget {
    async fn capabilities(&mut self) -> Result<Capabilities> {
        Ok(capabilities(&self.world))
    }
    async fn missing_rights(&mut self) -> Result<Vec<MissingRight>> {
        Ok(Vec::new())
    }
    async fn room(&mut self) -> Result<Room> {
        Ok(Room::default())
    }
    async fn lock(&mut self, _pilot: &str) -> Result<Option<Box<dyn ServerLock>>> {
        Ok(Some(Box::new(FakeLock)))
    }
    async fn look(&mut self, name: &str) -> Result<Option<Standing>> {
        self.cuts.pass("look")?;
        Ok(self.world.inner().standing(name))
    }
    async fn create(&mut self, name: &str, marker: &Marker, _like: &Catalog) -> Result<Standing> {
        effect(&self.world, &self.cuts, "create", |w| {
            match w.databases.get(name) {
                Some(d) if d.marker.as_ref().is_some_and(|m| m != marker) || !d.tables.is_empty() => {
                    return Err(conflict("create", "something stands there"));
                }
                Some(_) => return Ok(()),
                None => {}
            }
            let id = w.next_id;
            w.next_id += 1;
            let database = Database::empty(id);
            w.databases.insert(name.to_owned(), database);
            Ok(())
        })?;
        effect(&self.world, &self.cuts, "mark", |w| {
            there(w, name)?.marker = Some(marker.clone());
            Ok(())
        })?;
        self.world.inner().standing(name).ok_or_else(|| conflict("create", "it is gone"))
    }
    async fn enter(&mut self, name: &str) -> Result<Box<dyn Generation>> {
        self.cuts.pass("enter")?;
        let id = there(&mut self.world.inner(), name)?.id;
        Ok(Box::new(FakeGeneration { world: self.world.clone(), cuts: self.cuts.clone(), id }))
    }
    async fn mark(&mut self, name: &str, marker: &Marker) -> Result<()> {
        effect(&self.world, &self.cuts, "mark", |w| {
            let d = there(w, name)?;
            if d.marker.as_ref().map(|m| &m.nonce) != Some(&marker.nonce) {
                return Err(conflict("mark", "another marker is there"));
            }
            d.marker = Some(marker.clone());
            Ok(())
        })
    }
    async fn swap(&mut self, swap: &Swap) -> Result<()> {
        self.exchange(swap)
    }
    async fn call(&mut self, _name: &str, database: &str) -> Result<()> {
        // What a name stands for is what the world keeps its databases under.
        effect(&self.world, &self.cuts, "call", |w| match w.databases.contains_key(database) {
            true => Err(conflict("call", "a database of that name stands there already")),
            false => Ok(()),
        })
    }
    async fn put_in_place(&mut self, swap: &Swap, production: &str) -> Result<()> {
        {
            let inner = self.world.inner();
            let takes_part = |name: &String| {
                let promoted = |m: &Marker| m.state == MarkerState::Promoted;
                inner.databases.get(name).is_none_or(|d| d.id.to_string() == production || d.marker.as_ref().is_some_and(promoted))
            };
            if ![&swap.generation, &swap.pilot].into_iter().all(takes_part) {
                return Err(conflict("swap", "neither production nor what is to take its place"));
            }
        }
        self.exchange(swap)
    }
    async fn aside_open(&mut self, former: &str, _doors: &Doors) -> Result<Vec<String>> {
        self.cuts.pass("look at the former production")?;
        let mut inner = self.world.inner();
        let id = there(&mut inner, former)?.id;
        Ok(if inner.is_fenced(id) { Vec::new() } else { vec!["everybody".into()] })
    }
    async fn duplicate(&mut self, from: &str, to: &str, marker: &Marker) -> Result<()> {
        effect(&self.world, &self.cuts, "duplicate", |w| {
            let mut copy = there(w, from)?.clone();
            (copy.id, copy.marker) = (w.next_id, None);
            w.next_id += 1;
            match w.databases.get(to) {
                Some(d) if d.marker.as_ref() == Some(marker) => Ok(()),
                _ => {
                    // Half made, it is empty.
                    copy.tables.clear();
                    w.databases.insert(to.to_owned(), copy);
                    Ok(())
                }
            }
        })?;
        effect(&self.world, &self.cuts, "fill the second copy", |w| {
            let tables = there(w, from)?.tables.clone();
            let copy = there(w, to)?;
            (copy.tables, copy.marker) = (tables, Some(marker.clone()));
            Ok(())
        })
    }
    async fn copy_whole(&mut self, production: &str, engine_id: &str, to: &str, marker: &Marker) -> Result<()> {
        // What is in production is what is read from it.
        effect(&self.world, &self.cuts, "create the whole copy", |w| {
            // Production's name as the program has it is not the world's.
            if !w.databases.values().any(|d| d.id.to_string() == engine_id) {
                return Err(conflict("copy production", format!("`{production}` is not there")));
            }
            if w.databases.get(to).is_some_and(|d| d.marker.as_ref() != Some(marker) && (d.marker.is_some() || !d.tables.is_empty())) {
                return Err(conflict("copy production", "something stands there"));
            }
            let id = w.next_id;
            w.next_id += 1;
            w.databases.entry(to.to_owned()).or_insert_with(|| Database::empty(id));
            Ok(())
        })?;
        effect(&self.world, &self.cuts, "fill the whole copy", |w| {
            let tables = w.source.clone();
            let copy = there(w, to)?;
            if copy.marker.is_none() {
                (copy.tables, copy.marker, copy.indexed) = (tables, Some(marker.clone()), true);
            }
            Ok(())
        })
    }
    async fn enter_former(&mut self, name: &str, engine_id: &str) -> Result<Box<dyn Generation>> {
        self.cuts.pass("enter the former production")?;
        let id = there(&mut self.world.inner(), name)?.id;
        if id.to_string() != engine_id {
            return Err(conflict("enter the former production", "it is another database"));
        }
        Ok(Box::new(FakeGeneration { world: self.world.clone(), cuts: self.cuts.clone(), id }))
    }
    async fn promote(&mut self, name: &str, _former: Option<&str>, _doors: &Doors) -> Result<()> {
        effect(&self.world, &self.cuts, "promote", |w| {
            let d = there(w, name)?;
            if d.marker.as_ref().is_none_or(|m| m.state != MarkerState::Promoted) {
                return Err(conflict("promote", "the marker is another"));
            }
            d.admission = Admission::Everybody { mode: 0o644 };
            Ok(())
        })
    }
    async fn admit(&mut self, name: &str, admission: &Admission) -> Result<()> {
        effect(&self.world, &self.cuts, "admit", |w| {
            there(w, name)?.admission = admission.clone();
            Ok(())
        })
    }
    async fn admission(&mut self, name: &str) -> Result<Admission> {
        Ok(there(&mut self.world.inner(), name)?.admission.clone())
    }
    async fn restore(&mut self, name: &str, marker: &Marker, _: &Backup, tell: Tell) -> Result<Restored> {
        let world = (self.world.clone(), self.cuts.clone());
        super::restore::restore(self, world, name, marker, tell).await
    }
    async fn drop_former(&mut self, name: &str, engine_id: &str) -> Result<bool> {
        effect(&self.world, &self.cuts, "drop the former production", |w| match w.databases.get(name) {
            None => Ok(false),
            Some(d) if d.id.to_string() == engine_id => Ok(w.databases.remove(name).is_some()),
            Some(_) => Err(conflict("drop the former production", "another database stands there")),
        })
    }
    async fn drop_marked(&mut self, name: &str, nonce: &str) -> Result<()> {
        effect(&self.world, &self.cuts, "drop", |w| {
            let marker = there(w, name)?.marker.clone();
            match marker {
                Some(m) if m.nonce == nonce && m.state != MarkerState::Promoted => w.databases.remove(name),
                _ => return Err(conflict("drop", "the marker is another")),
            };
            Ok(())
        })
    }
}

struct FakeGeneration {
    world: World,
    cuts: Cuts,
    id: u64,
}

/// Rows of a database by identity. Those of production are the source's.
fn rows_of(w: &mut Inner, id: u64) -> Result<&mut BTreeMap<TableName, Rows>> {
    if w.production == Some(id) {
        return Ok(&mut w.source);
    }
    Ok(&mut by_id(w, id)?.tables)
}

/// The table of notes about a table.
fn notes(table: &TableName) -> TableName {
    TableName::new("notes", table.name.clone())
}

/// A database by identity, wherever its name went.
fn by_id(w: &mut Inner, id: u64) -> Result<&mut Database> {
    w.databases.values_mut().find(|d| d.id == id).ok_or_else(|| conflict("use a database", "it is gone"))
}

#[async_trait]
impl CellSource for FakeGeneration {
    async fn cell_reader(&mut self) -> Result<Box<dyn Reader>> {
        self.reader().await
    }
    async fn picking(&mut self, _table: &TableName, keys: &[Vec<(String, Cell)>]) -> Result<String> {
        Ok(picked(keys))
    }
    async fn spelled(&mut self, changes: &[GuardedChange]) -> Result<Vec<SpelledChange>> {
        let spelled = |c: &GuardedChange| {
            let json = serde_json::to_string(&c.change).map_err(|e| EngineError::other("write a change down", e.to_string()))?;
            Ok(SpelledChange { count: None, statement: format!("{CHANGE}{json}") })
        };
        changes.iter().map(spelled).collect()
    }
}

/// What a statement begins with that changes a row.
const CHANGE: &str = "row ";

/// Executes a statement as an application would: what changes a row is noted where that is asked for.
fn execute(d: &mut Database, sql: &str) -> Result<()> {
    d.executed.push(sql.to_owned());
    let Some(json) = sql.strip_prefix(CHANGE) else { return Ok(()) };
    let change: RowChange = serde_json::from_str(json).map_err(|e| conflict("change a row", e.to_string()))?;
    let rows = d.tables.get_mut(&change.table).ok_or_else(|| conflict("change a row", "the table is not there"))?;
    super::encoding::change(&change.table.name, rows, &change.act)?;
    let cells = match &change.act {
        RowAct::Insert(cells) => cells,
        RowAct::Update(key, _) | RowAct::Delete(key) => &key.cells,
    };
    let key = cells.iter().find(|(name, _)| name == "id").and_then(|(_, cell)| std::str::from_utf8(cell.bytes()?).ok()?.parse().ok());
    if let (Some(captured), Some(key)) = (&mut d.captured, key) {
        captured.entry(change.table).or_default().insert(key);
    }
    Ok(())
}

#[async_trait]
impl Generation for FakeGeneration {
    async fn schema(&mut self, part: SchemaPart, _script: &SchemaScript) -> Result<()> {
        let id = self.id;
        if part == SchemaPart::Post {
            return effect(&self.world, &self.cuts, "post", |w| {
                by_id(w, id)?.indexed = true;
                Ok(())
            });
        }
        // Table by table, as an engine without transactional DDL would.
        let names: Vec<TableName> = self.world.inner().source.keys().cloned().collect();
        for name in names {
            effect(&self.world, &self.cuts, "table", |w| match by_id(w, id)?.tables.insert(name, Rows::new()) {
                None => Ok(()),
                Some(_) => Err(conflict("create a table", "it exists")),
            })?;
        }
        Ok(())
    }
    async fn loader(&mut self) -> Result<Box<dyn Loader>> {
        Ok(Box::new(FakeLoader { world: self.world.clone(), cuts: self.cuts.clone(), id: self.id, pending: Vec::new() }))
    }
    async fn reader(&mut self) -> Result<Box<dyn Reader>> {
        let mut inner = self.world.inner();
        let mut rows = rows_of(&mut inner, self.id)?.clone();
        for (table, keys) in by_id(&mut inner, self.id)?.captured.iter().flatten() {
            rows.insert(notes(table), keys.iter().map(|k| (*k, FakeEncoding::row(*k, &[String::new(), String::new()]))).collect());
        }
        Ok(Box::new(FakeReader { rows: Arc::new(rows), queue: VecDeque::new(), of: None }))
    }
    async fn query_reader(&mut self, select: &str) -> Result<Box<dyn Reader>> {
        self.cuts.pass("read by a query")?;
        let rows = Arc::new(rows_of(&mut self.world.inner(), self.id)?.clone());
        // The only query that the fake knows is the name of a table.
        let of = TableName::new("main", select);
        if !rows.contains_key(&of) {
            return Err(conflict("read by a query", "the table is not there"));
        }
        Ok(Box::new(FakeReader { rows, queue: VecDeque::new(), of: Some(of) }))
    }
    async fn try_bring(&mut self, changes: &[RowChange], keys: &[(Table, ForeignKey)]) -> Result<Option<Tried>> {
        let mut tried = Tried { orphans: vec![0; keys.len()], ..Tried::default() };
        let mut tables = rows_of(&mut self.world.inner(), self.id)?.clone();
        for (at, change) in changes.iter().enumerate() {
            let rows = tables.get_mut(&change.table).ok_or_else(|| conflict("try a row", "the table is not there"))?;
            if let Err(e) = super::encoding::change(&change.table.name, rows, &change.act) {
                tried.refused.push((at, e));
            }
        }
        Ok(Some(tried))
    }
    async fn ranges_done(&mut self) -> Result<Vec<RangeDone>> {
        Ok(by_id(&mut self.world.inner(), self.id)?.ranges.clone())
    }
    async fn forget_range(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()> {
        let id = self.id;
        effect(&self.world, &self.cuts, "forget", |w| {
            let d = by_id(w, id)?;
            if let Some(rows) = d.tables.get_mut(&copy.table) {
                rows.retain(|k, _| !within(range, *k));
            }
            d.ranges.retain(|r| r.table != copy.table || r.range != *range);
            Ok(())
        })
    }
    async fn forget_table(&mut self, copy: &TableCopy) -> Result<()> {
        let whole = RangeSpec::whole();
        self.forget_range(copy, &whole).await?;
        let id = self.id;
        effect(&self.world, &self.cuts, "forget", |w| {
            by_id(w, id)?.ranges.retain(|r| r.table != copy.table);
            Ok(())
        })
    }
    async fn settle(&mut self, _sequences: &[(String, String)]) -> Result<()> {
        self.cuts.pass("settle")
    }
    async fn inspect(&mut self) -> Result<Catalog> {
        let mut inner = self.world.inner();
        let indexed = by_id(&mut inner, self.id)?.indexed;
        Ok(catalog(&rows_of(&mut inner, self.id)?.keys().collect::<Vec<_>>(), indexed))
    }
    async fn orphans(&mut self, _table: &Table, _key: &ForeignKey) -> Result<u64> {
        Ok(0)
    }
    async fn sequences(&mut self) -> Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }
    fn sample_filter(&self, _rows: u64, _of: u64) -> String {
        "true".into()
    }
    async fn query(&mut self, _sql: &str) -> Result<QueryOutcome> {
        self.cuts.pass("query")?;
        Ok(QueryOutcome::default())
    }
    async fn script_state(&mut self, key: &str) -> Result<ScriptState> {
        Ok(by_id(&mut self.world.inner(), self.id)?.scripts.get(key).cloned().unwrap_or_default())
    }
    async fn script(&mut self, key: &str, hash: &Hash, statements: &[Statement], skip: u32) -> Result<Applied> {
        let id = self.id;
        let together = self.world.inner().atomicity.scripts;
        let all = u32::try_from(statements.len()).unwrap_or(u32::MAX);
        let failed = |w: &Inner, s: &Statement, n: u32| -> Result<()> {
            if w.failing.contains(&s.sql) {
                let mut e = EngineError::new(ErrorKind::Data, "run a script", "the statement was made to fail");
                e.statement = Some((n, s.line));
                return Err(e);
            }
            Ok(())
        };
        let numbered = (1u32..).zip(statements).skip(skip as usize);
        if together {
            effect(&self.world, &self.cuts, "script", |w| {
                for (n, s) in numbered.clone() {
                    failed(w, s, n)?;
                }
                let d = by_id(w, id)?;
                for (_, s) in numbered {
                    execute(d, &s.sql)?;
                }
                d.scripts.insert(key.to_owned(), ScriptState { hash: Some(*hash), done: all, complete: true });
                Ok(())
            })?;
        } else {
            for (n, s) in numbered {
                effect(&self.world, &self.cuts, "statement", |w| {
                    failed(w, s, n)?;
                    let d = by_id(w, id)?;
                    execute(d, &s.sql)?;
                    d.scripts.insert(key.to_owned(), ScriptState { hash: Some(*hash), done: n, complete: n == all });
                    Ok(())
                })?;
            }
        }
        Ok(Applied { statements: all - skip, ..Applied::default() })
    }
    async fn carry(&mut self, key: &str, hash: &Hash, changes: &[RowChange], skip: u32) -> Result<Applied> {
        let id = self.id;
        let all = u32::try_from(changes.len()).unwrap_or(u32::MAX);
        let numbered: Vec<(u32, &RowChange)> = (1u32..).zip(changes).skip(skip as usize).collect();
        let each: Vec<&[(u32, &RowChange)]> =
            if self.world.inner().atomicity.scripts { vec![&numbered[..]] } else { numbered.chunks(1).collect() };
        for some in each {
            effect(&self.world, &self.cuts, "carry", |w| {
                let tables = rows_of(w, id)?;
                for (_, change) in some {
                    let rows = tables.get_mut(&change.table).ok_or_else(|| conflict("carry a row", "the table is not there"))?;
                    super::encoding::change(&change.table.name, rows, &change.act)?;
                }
                let d = by_id(w, id)?;
                let done = some.last().map_or(all, |(n, _)| *n);
                d.scripts.insert(key.to_owned(), ScriptState { hash: Some(*hash), done, complete: done == all });
                Ok(())
            })?;
        }
        if changes.is_empty() {
            by_id(&mut self.world.inner(), id)?.scripts.insert(key.to_owned(), ScriptState { hash: Some(*hash), done: 0, complete: true });
        }
        Ok(Applied { statements: all - skip, ..Applied::default() })
    }
    async fn highest(&mut self, table: &TableName, _column: &str, below: Option<i128>) -> Result<Option<i128>> {
        let mut inner = self.world.inner();
        let rows = by_id(&mut inner, self.id)?
            .tables
            .get(table)
            .and_then(|rows| rows.keys().map(|k| i128::from(*k)).filter(|k| below.is_none_or(|b| *k < b)).max());
        Ok(rows)
    }
    async fn reserve(&mut self, _table: &TableName, _column: &str, _next: i128) -> Result<bool> {
        self.cuts.pass("reserve")?;
        Ok(false)
    }
    async fn capture(&mut self, tables: &[Capture]) -> Result<()> {
        let id = self.id;
        effect(&self.world, &self.cuts, "capture", |w| {
            let captured = by_id(w, id)?.captured.get_or_insert_default();
            for t in tables {
                captured.entry(t.table.clone()).or_default();
            }
            Ok(())
        })
    }
    async fn captured(&mut self) -> Result<Vec<Captured>> {
        let mut inner = self.world.inner();
        let all = by_id(&mut inner, self.id)?.captured.iter().flatten();
        let one =
            |(table, _): (&TableName, _)| Captured { table: table.clone(), key: vec!["id".into()], notes: notes(table), truncated: false };
        Ok(all.map(one).collect())
    }
    async fn end_capture(&mut self) -> Result<()> {
        let id = self.id;
        effect(&self.world, &self.cuts, "end the capture", |w| {
            by_id(w, id)?.captured = None;
            Ok(())
        })
    }
    async fn tidy(&mut self) -> Result<()> {
        let id = self.id;
        effect(&self.world, &self.cuts, "tidy", |w| {
            let d = by_id(w, id)?;
            d.ranges.clear();
            d.scripts.clear();
            Ok(())
        })
    }
    async fn leave(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

struct FakeLoader {
    world: World,
    cuts: Cuts,
    id: u64,
    pending: Vec<(i64, Vec<u8>)>,
}

#[async_trait]
impl Loader for FakeLoader {
    async fn begin(&mut self, _copy: &TableCopy, _range: &RangeSpec) -> Result<()> {
        self.pending.clear();
        self.cuts.pass("begin range")
    }
    async fn push(&mut self, batch: MaskedBatch) -> Result<()> {
        use crate::batch::Encoding;
        let mut rest = &batch.data()[..];
        loop {
            let start = rest;
            if !FakeEncoding.next_row(&mut rest, &mut Vec::new())? {
                return Ok(());
            }
            let row = &start[..start.len() - rest.len()];
            let key = FakeEncoding::key(row).ok_or_else(|| EngineError::other("load a row", "its key is unreadable"))?;
            self.pending.push((key, row.to_vec()));
        }
    }
    async fn commit(&mut self, done: &RangeDone) -> Result<()> {
        let (id, rows) = (self.id, std::mem::take(&mut self.pending));
        effect(&self.world, &self.cuts, "commit range", |w| {
            let d = by_id(w, id)?;
            let table = d.tables.get_mut(&done.table).ok_or_else(|| conflict("load rows", "the table is not there"))?;
            for (key, row) in rows {
                if table.insert(key, row).is_some() {
                    return Err(conflict("load rows", "a key arrived twice"));
                }
            }
            d.ranges.push(done.clone());
            Ok(())
        })
    }
    async fn discard(&mut self) -> Result<()> {
        self.pending.clear();
        Ok(())
    }
}
