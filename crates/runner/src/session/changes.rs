//! What people changed on the pilot, and whose that is: the changes with the notes on record, and putting a note there. Hashes of the rows that a note is about stay in the
//! workspace; the record has numbers, names of columns and a digest.
//!
//! Does not own what counts as a change (`model::carry`), nor when a note may be made (`model::process::changes`).

use super::error::refused;
use super::{Recorded, Session, SessionError};
use crate::base::Base;
use crate::execute::{ChangesRead, StepError, TableRead, read_changes};
use crate::journal::Journal;
use crate::workspace::{read_json, write_json};
use greenroom_model::carry::{CarryKey, Cell, ChangeId, Key, RowChange, RowDeed, SchemaChange, key_text};
use greenroom_model::catalog::{Catalog, TableName};
use greenroom_model::columns::names::find_table;
use greenroom_model::hash::Hash;
use greenroom_model::process::changes::{Note, Noted, NotedRows, NotedTable};
use greenroom_model::program::Strategy;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Hexadecimal digits of a row's hash by which people may name it.
pub const ROW_DIGITS: usize = 8;

/// Objects of the schema that a note names; of a whole schema that was installed anew a number is enough.
const NAMED: usize = 200;

/// A changed row and whose it is.
#[derive(Clone, Debug, Serialize)]
pub struct RowLine {
    /// What was done.
    #[serde(flatten)]
    pub change: RowChange,
    /// The event of the note that it belongs to.
    pub noted: Option<u64>,
    /// The event of a note about the row as it was changed before it was changed once more.
    pub noted_before: Option<u64>,
}

impl RowLine {
    /// The row's short name, where its key says nothing.
    pub fn short(&self) -> String {
        format!("#{}", &self.change.id.place.to_string()[..ROW_DIGITS])
    }
}

/// Numbers of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RowCounts {
    /// Inserted.
    pub inserted: u64,
    /// Changed.
    pub changed: u64,
    /// Deleted, those with them that are no configuration any more.
    pub deleted: u64,
    /// All of them.
    pub rows: u64,
    /// Those that nobody noted as theirs.
    pub nobodys: u64,
}

/// A table with changed rows.
#[derive(Clone, Debug, Serialize)]
pub struct TableChanges {
    /// As program files write it.
    pub table: String,
    /// Columns of its key; none without one.
    pub key: Vec<String>,
    /// See [`RowCounts`].
    pub counts: RowCounts,
    /// Why nothing of it goes along.
    pub not_carried: Option<&'static str>,
    /// In the order of keys.
    pub rows: Vec<RowLine>,
    #[serde(skip)]
    name: Option<TableName>,
}

/// An object of the schema and whose it is.
#[derive(Clone, Debug, Serialize)]
pub struct SchemaLine {
    /// What was done.
    #[serde(flatten)]
    pub change: SchemaChange,
    /// The event of the note that it belongs to.
    pub noted: Option<u64>,
}

/// A note on record.
#[derive(Clone, Debug, Serialize)]
pub struct NoteLine {
    /// See [`Noted`].
    #[serde(flatten)]
    pub noted: Noted,
    /// What the person said to it, where that was not erased.
    pub words: Option<String>,
    /// The workspace has what tells which rows were meant, and it is what the record says.
    pub rows_known: bool,
}

/// What people changed on the pilot.
#[derive(Clone, Debug, Serialize)]
pub struct Changes {
    /// The pilot's name.
    pub pilot: String,
    /// Its generation.
    pub generation: u32,
    /// The run that made it.
    pub run: String,
    /// Configuration of the pilot goes into production at the go-live.
    pub carried: bool,
    /// Tables of configuration, by name.
    pub tables: Vec<TableChanges>,
    /// Objects of the schema; none of them goes along.
    pub schema: Vec<SchemaLine>,
    /// Records that people entered or changed, by table; none of them goes along. Left out where nobody counted them.
    pub records: Option<BTreeMap<String, u64>>,
    /// What was not compared, and why.
    pub not_compared: Vec<(String, String)>,
    /// What would stop carrying over.
    pub findings: Vec<String>,
    /// Packs that are switched on again: what their statements did shows as changes.
    pub reopened: Vec<String>,
    /// Notes, in order.
    pub notes: Vec<NoteLine>,
    #[serde(skip)]
    catalog: Catalog,
    /// Names of all tables of configuration that were compared.
    #[serde(skip)]
    configuration: Vec<String>,
}

impl Changes {
    /// Rows and objects that nobody noted as theirs.
    pub fn nobodys(&self) -> u64 {
        let objects = self.schema.iter().filter(|s| s.noted.is_none()).count() as u64;
        self.tables.iter().map(|t| t.counts.nobodys).sum::<u64>() + objects
    }

    /// Nothing was changed, as far as it was compared.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.schema.is_empty() && self.not_compared.is_empty() && self.records.iter().all(BTreeMap::is_empty)
    }

    /// A table of configuration has this name, whether it was changed or not.
    pub fn compares(&self, table: &str) -> bool {
        self.configuration.iter().any(|t| t == table) || self.not_compared.iter().any(|(t, _)| t == table)
    }

    /// Leaves these tables only, with what was done to their schema.
    pub fn only_tables(&mut self, tables: &[String]) {
        let names: Vec<TableName> = tables.iter().filter_map(|t| find_table(&self.catalog, t)).map(|t| t.name.clone()).collect();
        let named = |t: &String| tables.contains(t);
        self.tables.retain(|t| named(&t.table));
        self.schema.retain(|s| s.change.table.as_ref().is_some_and(|t| names.contains(t)));
        self.not_compared.retain(|(t, _)| named(t));
        self.records = None;
    }

    /// Leaves only what is noted so: by the event of the note, none for nobody's. The counts stay those of all.
    pub fn only(&mut self, wanted: impl Fn(Option<u64>) -> bool) {
        self.tables.iter_mut().for_each(|t| t.rows.retain(|r| wanted(r.noted)));
        self.tables.retain(|t| !t.rows.is_empty());
        self.schema.retain(|s| wanted(s.noted));
    }

    /// Whose note an event is.
    pub fn note(&self, event: u64) -> Option<&NoteLine> {
        self.notes.iter().find(|n| n.noted.event == event)
    }
}

/// Which row belongs to which note.
#[derive(Default)]
struct Claims {
    seen: BTreeMap<Hash, u64>,
    places: BTreeMap<Hash, u64>,
    schema: BTreeMap<Hash, u64>,
}

impl Claims {
    fn add(&mut self, event: u64, rows: NotedRows) {
        for id in rows.rows.into_values().flatten() {
            // Whoever said so first has it; two people may read the same changes at the same time.
            self.seen.entry(id.seen).or_insert(event);
            self.places.insert(id.place, event);
        }
        for id in rows.schema {
            self.schema.entry(id).or_insert(event);
        }
    }

    fn table(&self, t: TableRead) -> TableChanges {
        let mut counts = RowCounts::default();
        let line = |change: RowChange| {
            let noted = self.seen.get(&change.id.seen).copied();
            let noted_before = self.places.get(&change.id.place).copied().filter(|_| noted.is_none());
            counts.add(change.what, noted.is_none());
            RowLine { change, noted, noted_before }
        };
        let mut rows: Vec<RowLine> = t.rows.into_iter().map(line).collect();
        rows.sort_by_cached_key(|r| natural(r.change.key.as_ref()));
        TableChanges { table: t.short, key: t.key, not_carried: t.stays, rows, counts, name: Some(t.name) }
    }
}

impl RowCounts {
    fn add(&mut self, what: RowDeed, nobodys: bool) {
        match what {
            RowDeed::Inserted => self.inserted += 1,
            RowDeed::Changed => self.changed += 1,
            RowDeed::Deleted | RowDeed::Left => self.deleted += 1,
        }
        self.rows += 1;
        self.nobodys += u64::from(nobodys);
    }
}

/// What somebody says is theirs: a table, and a row of it.
struct Meant {
    table: TableName,
    row: Option<String>,
}

impl Session {
    /// What people changed on the pilot since its configuration was last brought together with production's. With `records` it is counted what was entered beside it.
    ///
    /// # Errors
    /// When there is no pilot of ours with a base, or it cannot be read.
    pub async fn changes(&self, records: bool) -> Result<Changes, SessionError> {
        let from = self.carry_from().await?;
        let gone = || refused("GR0824", "the pilot's base is gone", "`greenroom rehearse` makes a pilot that has one");
        let base = Base::open(&self.base_of(&from.nonce))?.ok_or_else(gone)?;
        let (run, former) = self.former(&from)?;
        let mut target = self.engines.target().await?;
        let mut pilot = target.enter(&self.program.pilot.name).await?;
        let read = read_changes(pilot.as_mut(), &self.program, &former, &base, &self.change_key(), records).await;
        pilot.leave().await?;
        let read = read.map_err(|e| match e {
            StepError::Failed(f) | StepError::GoBack(f) => SessionError::Failed(Box::new(f)),
            StepError::Dead(e) => e.into(),
            StepError::Waits(_) | StepError::Stopped => refused("GR0709", "stopped", "ask again"),
        })?;
        let ChangesRead { tables, schema, records: entered, not_compared, findings, catalog, compared } = read;
        let (claims, notes) = self.claims()?;
        let object = |change: SchemaChange| SchemaLine { noted: claims.schema.get(&change.id).copied(), change };
        Ok(Changes {
            pilot: self.program.pilot.name.clone(),
            generation: from.number,
            run: run.0,
            carried: self.program.switch.strategy == Strategy::PilotToProduction,
            tables: tables.into_iter().map(|t| claims.table(t)).collect(),
            schema: schema.into_iter().map(object).collect(),
            records: records.then_some(entered),
            not_compared,
            findings,
            reopened: self.reopened(&from.nonce)?.into_keys().collect(),
            notes,
            catalog,
            configuration: compared,
        })
    }

    /// The same without counting, where a pilot stands on record and the program has configuration: for whoever only wants to remind people.
    ///
    /// # Errors
    /// As [`Session::changes`].
    pub async fn changes_to_note(&self) -> Result<Option<Changes>, SessionError> {
        match self.configures() && self.pilot_to_test()?.is_some() {
            true => self.changes(false).await.map(Some),
            false => Ok(None),
        }
    }

    /// Notes on record, in order.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn change_notes(&self) -> Result<Vec<NoteLine>, SessionError> {
        Ok(self.claims()?.1)
    }

    /// Puts on record that changes are the person's: all that nobody noted, or those of tables (`status`) and rows (`status=9`, `status=#1a2b3c4d`) among them.
    ///
    /// # Errors
    /// GR0851 when what is named was not changed, GR0791 when it may not be put on record.
    pub async fn note_changes(&self, meant: &[String], case: Option<&str>, words: &str) -> Result<Recorded, SessionError> {
        self.process()?;
        self.somebody()?;
        let all = self.changes(false).await?;
        let meant = meant.iter().map(|m| self.meant(&all, m)).collect::<Result<Vec<_>, _>>()?;
        let mut note = Note {
            run: all.run.clone(),
            generation: all.generation,
            case: case.map(str::to_owned),
            tables: Vec::new(),
            schema: Vec::new(),
            more: 0,
            digest: Hash::ZERO,
        };
        let mut kept = NotedRows { salt: Hash(self.random.key()), rows: BTreeMap::new(), schema: BTreeSet::new() };
        for table in &all.tables {
            let rows = chosen(table, &meant);
            if rows.is_empty() {
                continue;
            }
            note.tables.push(noted(table, &rows));
            kept.rows.insert(table.table.clone(), rows.iter().map(|r| r.change.id).collect::<BTreeSet<ChangeId>>());
        }
        for SchemaLine { change, noted } in &all.schema {
            let wanted = meant.is_empty() || meant.iter().any(|m| m.row.is_none() && change.table.as_ref() == Some(&m.table));
            if noted.is_none() && wanted {
                match note.schema.len() < NAMED {
                    true => note.schema.push((change.kind.clone(), change.name.clone(), change.what.word().to_owned())),
                    false => note.more += 1,
                }
                kept.schema.insert(change.id);
            }
        }
        note.digest = kept.commitment();
        // First what tells which rows are meant: a note on record without it would be about nothing.
        let path = self.workspace.noted(note.digest);
        let something = !kept.rows.is_empty() || !kept.schema.is_empty();
        if something {
            write_json(&path, &kept)?;
        }
        let done = self.decide_process(Some(words), |sight, by| sight.note_changes(by, note));
        if done.is_err() && something {
            // Nobody asks for it again; it holds hashes only.
            let _ = std::fs::remove_file(&path);
        }
        done
    }

    /// The table and row that somebody names.
    fn meant(&self, all: &Changes, written: &str) -> Result<Meant, SessionError> {
        let find = |name: &str| find_table(&all.catalog, name).map(|t| t.name.clone());
        // One that people made was not there when the pilot was opened.
        let made = all.schema.iter().map(|s| &s.change).find(|c| c.kind == "table" && c.name == written);
        if let Some(table) = find(written).or_else(|| made?.table.clone()) {
            return Ok(Meant { table, row: None });
        }
        // A name may hold `=`: the longest one that is a table's counts.
        let parts = written.match_indices('=').rev().map(|(at, _)| (&written[..at], &written[at + 1..]));
        let found = parts.filter_map(|(name, row)| Some((find(name)?, row))).next();
        // What follows the `=` may be anybody's value: it is not said again.
        let Some((table, row)) = found else {
            let name = written.split('=').next().unwrap_or_default();
            let names: Vec<&str> = all.tables.iter().map(|t| t.table.as_str()).collect();
            let hint = if names.is_empty() {
                "no table of configuration was changed".into()
            } else {
                format!("changed were: {}", names.join(", "))
            };
            return Err(refused("GR0851", format!("the pilot was opened without a table `{name}`"), hint));
        };
        let changed = all.tables.iter().find(|t| t.name.as_ref() == Some(&table));
        let named = changed.map_or(0, |t| t.rows.iter().filter(|r| is_named(r, row)).count());
        if named != 1 {
            let what = if named == 0 { "no changed row" } else { "more than one changed row" };
            let short = table.short(all.catalog.engine);
            let hint =
                "`greenroom changes --table TABLE` lists the rows; where a key is not enough, `TABLE=#…` names one by its short name";
            return Err(refused("GR0851", format!("{what} of `{short}` is named so"), hint));
        }
        Ok(Meant { table, row: Some(row.to_owned()) })
    }

    /// Under which rows are known again: the same for every pilot of a profile, so that a note stays about what was carried over.
    fn change_key(&self) -> CarryKey {
        let profile = self.program.profile.as_deref().map_or_else(|| "changes".to_owned(), |p| format!("changes of {p}"));
        CarryKey::new(&self.keys(&profile).values)
    }

    fn claims(&self) -> Result<(Claims, Vec<NoteLine>), SessionError> {
        let notes = self.process_state()?.notes;
        let mut claims = Claims::default();
        if notes.is_empty() {
            return Ok((claims, Vec::new()));
        }
        let (events, actors) = (self.events()?, self.journal()?.actors()?);
        let personal: BTreeMap<u64, &Vec<Hash>> = events.iter().map(|e| (e.seq, &e.personal)).collect();
        let mut lines = Vec::new();
        for noted in notes {
            let rows: Option<NotedRows> = read_json(&self.workspace.noted(noted.note.digest)).ok().flatten();
            let rows = rows.filter(|r| r.commitment() == noted.note.digest);
            let words = personal.get(&noted.event).and_then(|p| p.iter().find_map(|h| actors.get(h))).and_then(|a| a.words.clone());
            let rows_known = rows.is_some();
            rows.into_iter().for_each(|rows| claims.add(noted.event, rows));
            lines.push(NoteLine { noted, words, rows_known });
        }
        Ok((claims, lines))
    }
}

/// Keys in the order in which people count: 2 before 10.
fn natural(key: Option<&Key>) -> Vec<(i128, Cell)> {
    let number = |cell: &Cell| std::str::from_utf8(cell.bytes()?).ok()?.parse::<i128>().ok();
    // What is no number comes after those that are.
    key.into_iter().flatten().map(|cell| (number(cell).unwrap_or(i128::MAX), cell.clone())).collect()
}

/// A row is named by its key as it is shown, or by its short name.
fn is_named(row: &RowLine, name: &str) -> bool {
    match name.strip_prefix('#') {
        Some(digits) if digits.len() >= 4 && row.change.id.place.to_string().starts_with(digits) => true,
        _ => row.change.key.as_ref().is_some_and(|key| key_text(key) == name),
    }
}

fn chosen<'t>(table: &'t TableChanges, meant: &[Meant]) -> Vec<&'t RowLine> {
    let of_table: Vec<&Meant> = meant.iter().filter(|m| table.name.as_ref() == Some(&m.table)).collect();
    let whole = meant.is_empty() || of_table.iter().any(|m| m.row.is_none());
    let wanted = |r: &&RowLine| whole || of_table.iter().filter_map(|m| m.row.as_ref()).any(|row| is_named(r, row));
    table.rows.iter().filter(|r| r.noted.is_none()).filter(wanted).collect()
}

fn noted(table: &TableChanges, rows: &[&RowLine]) -> NotedTable {
    let mut counts = RowCounts::default();
    let mut columns = BTreeSet::new();
    for r in rows {
        counts.add(r.change.what, true);
        if r.change.what == RowDeed::Changed {
            columns.extend(r.change.values.iter().map(|v| v.column.clone()));
        }
    }
    let RowCounts { inserted, changed, deleted, .. } = counts;
    NotedTable { table: table.table.clone(), inserted, changed, deleted, columns }
}
