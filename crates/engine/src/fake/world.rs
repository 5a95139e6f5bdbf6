//! The simulated server: databases by name, a source with versions of its rows, and what every simulated process may do to them.

use super::cuts::Cuts;
use super::encoding::FakeEncoding;
use super::fence::FakeFence;
use super::sessions::{FakeSource, FakeTarget};
use crate::fence::Fence;
use crate::seam::{Admission, Marker, RangeDone, ScriptState, Source, Standing, Target};
use greenroom_model::catalog::{Catalog, Column, EngineKind, Family, Index, IndexPart, Table, TableForm, TableName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

/// Every table that the simulated product may have, with its columns.
pub(super) const COLUMNS: [(&str, [&str; 3]); 4] = [
    ("client", ["id", "name", "mail"]),
    ("visit", ["id", "client_id", "state"]),
    ("queue", ["id", "mail", "body"]),
    ("status", ["id", "label", "colour"]),
];

/// Encoded rows by key.
pub type Rows = BTreeMap<i64, Vec<u8>>;

/// What is atomic on this simulated server.
#[derive(Clone, Copy, Debug)]
pub struct Atomicity {
    /// Both names change at once.
    pub swap: bool,
    /// Scripts are transactions; otherwise every statement commits by itself.
    pub scripts: bool,
}

/// A simulated database.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// Identity that survives renames.
    pub id: u64,
    /// Marker, absent in a half-made database.
    pub marker: Option<Marker>,
    /// Who may connect.
    pub admission: Admission,
    /// Rows by table; a table is there once the schema is.
    pub tables: BTreeMap<TableName, Rows>,
    /// The part after the rows is in.
    pub indexed: bool,
    /// Recorded ranges.
    pub ranges: Vec<RangeDone>,
    /// Recorded scripts.
    pub scripts: BTreeMap<String, ScriptState>,
    /// Every statement that was ever executed, in order.
    pub executed: Vec<String>,
    /// Keys that were touched, where they are noted.
    pub captured: Option<BTreeMap<TableName, BTreeSet<i64>>>,
    /// Nobody but Greenroom can write to it. Of the database that was production at first [`Inner::fenced`] says so.
    pub fenced: bool,
}

impl Database {
    /// Sealed, without marker, with nothing in it.
    pub(super) fn empty(id: u64) -> Database {
        Database {
            id,
            marker: None,
            admission: Admission::Sealed,
            tables: BTreeMap::new(),
            indexed: false,
            ranges: Vec::new(),
            scripts: BTreeMap::new(),
            executed: Vec::new(),
            captured: None,
            fenced: false,
        }
    }
}

/// What is inside the world.
#[derive(Debug)]
pub struct Inner {
    /// The source's rows now.
    pub source: BTreeMap<TableName, Rows>,
    /// Databases of the target by name.
    pub databases: BTreeMap<String, Database>,
    /// Next identity.
    pub next_id: u64,
    /// See [`Atomicity`].
    pub atomicity: Atomicity,
    /// Statements that fail.
    pub failing: Vec<String>,
    /// Nobody else can write to production.
    pub fenced: bool,
    /// Somebody writes to production at the very last moment before it is fenced.
    pub late_writer: bool,
    /// Identity of the database that is production, where it stands among those of the target.
    pub production: Option<u64>,
    /// The name that it bore at first.
    pub production_name: String,
    /// Databases are not renamed, and accounts lead to all of them: the new production stands beside the former one under a name of its own.
    pub apart: bool,
    /// Nobody but Greenroom can log in.
    pub locked: bool,
}

/// A simulated server that outlives simulated processes; clones share it.
#[derive(Clone, Debug)]
pub struct World {
    inner: Arc<Mutex<Inner>>,
}

impl World {
    /// A world whose source has clients, visits and a queue, made-up but recognisable.
    pub fn new(atomicity: Atomicity) -> World {
        let table = |name: &str, rows: Vec<(i64, Vec<String>)>| {
            let encoded = rows.into_iter().map(|(k, fields)| (k, FakeEncoding::row(k, &fields))).collect();
            (TableName::new("main", name), encoded)
        };
        let clients = (1..=25).map(|i| (i, vec![format!("Realname{i} Surname{i}"), format!("real{i}@bank.com")])).collect();
        let visits = (1..=7).map(|i| (i, vec![format!("{}", i % 5 + 1), "ok".to_owned()])).collect();
        let queue = (1..=3).map(|i| (i, vec![format!("real{i}@bank.com"), "hello".to_owned()])).collect();
        let source = [table("client", clients), table("visit", visits), table("queue", queue)].into_iter().collect();
        World {
            inner: Arc::new(Mutex::new(Inner {
                source,
                databases: BTreeMap::new(),
                next_id: 1,
                atomicity,
                failing: Vec::new(),
                fenced: false,
                late_writer: false,
                production: None,
                production_name: String::new(),
                apart: false,
                locked: false,
            })),
        }
    }

    /// Looks at or changes the world from outside any process.
    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no thread panics while it holds the world")
    }

    /// Puts a pilot that people use under a name.
    pub fn stand(&self, name: &str, marker: Option<Marker>, admission: Admission) {
        let mut inner = self.inner();
        let id = inner.next_id;
        inner.next_id += 1;
        let tables = [(TableName::new("main", "client"), Rows::new())].into_iter().collect();
        let database = Database { marker, admission, tables, indexed: true, ..Database::empty(id) };
        inner.databases.insert(name.to_owned(), database);
    }

    /// Lets production stand under a name of the target's, so that it can be put aside. What is in it is what is read from it.
    pub fn stand_production(&self, name: &str) {
        self.stand(name, None, Admission::Everybody { mode: 0o644 });
        let mut inner = self.inner();
        inner.production = inner.databases.get(name).map(|d| d.id);
        inner.production_name = name.to_owned();
    }

    /// People write to what has taken production's place, where they are let in and it is not fenced: a row of `client` changes, one goes, one comes.
    pub fn write_to_the_new(&self, round: i64) {
        let mut inner = self.inner();
        let (name, production) = (inner.production_name.clone(), inner.production);
        let Some(d) = inner.databases.get_mut(&name).filter(|d| Some(d.id) != production) else { return };
        if d.fenced || !matches!(d.admission, Admission::Everybody { .. }) {
            return;
        }
        let table = TableName::new("main", "client");
        let (changed, gone, fresh) = (2 + round % 20, 1 + (round + 9) % 20, 2000 + round);
        let rows = d.tables.entry(table.clone()).or_default();
        for key in [changed, fresh] {
            rows.insert(key, FakeEncoding::row(key, &[format!("Newname{key} Round{round}"), format!("new{key}@new.example")]));
        }
        rows.remove(&gone);
        if let Some(captured) = &mut d.captured {
            captured.entry(table).or_default().extend([changed, gone, fresh]);
        }
    }

    /// Production writes, unless it is fenced: a row of `client` changes, one goes, one comes.
    pub fn write(&self, round: i64) {
        let mut inner = self.inner();
        if inner.fenced || inner.locked {
            return;
        }
        if let Some(rows) = inner.source.get_mut(&TableName::new("main", "client")) {
            let changed = 1 + round % 20;
            rows.insert(
                changed,
                FakeEncoding::row(changed, &[format!("Realname{changed} Changed{round}"), format!("new{round}@bank.com")]),
            );
            rows.remove(&(1 + (round + 7) % 20));
            let fresh = 1000 + round;
            rows.insert(fresh, FakeEncoding::row(fresh, &[format!("Realname{fresh} Surname"), format!("real{fresh}@bank.com")]));
            let production = inner.production;
            let noting = inner.databases.values_mut().filter(|d| Some(d.id) == production).filter_map(|d| d.captured.as_mut());
            noting.for_each(|c| c.entry(TableName::new("main", "client")).or_default().extend([changed, 1 + (round + 7) % 20, fresh]));
        }
    }

    /// A process's view of the source.
    pub fn source(&self, cuts: &Cuts) -> Box<dyn Source> {
        Box::new(FakeSource::new(self.clone(), cuts.clone(), None))
    }

    /// A process's view of a raw copy, read as a source.
    pub fn raw_source(&self, cuts: &Cuts, name: &str) -> Box<dyn Source> {
        Box::new(FakeSource::new(self.clone(), cuts.clone(), Some(name.to_owned())))
    }

    /// A process's hands on production's fence.
    pub fn production(&self, cuts: &Cuts) -> Box<dyn Fence> {
        Box::new(FakeFence::new(self.clone(), cuts.clone()))
    }

    /// A process's view of the target.
    pub fn target(&self, cuts: &Cuts) -> Box<dyn Target> {
        Box::new(FakeTarget::new(self.clone(), cuts.clone()))
    }
}

impl Inner {
    /// Whether nobody but Greenroom can write to what has this identity.
    pub(super) fn is_fenced(&self, id: u64) -> bool {
        if Some(id) == self.production { self.fenced } else { self.databases.values().any(|d| d.id == id && d.fenced) }
    }

    /// Identity of what stands under production's name; none where production is not among the target's databases, or nothing stands there.
    pub(super) fn on_stage(&self) -> Option<u64> {
        self.databases.get(&self.production_name).map(|d| d.id)
    }

    /// What stands under a name.
    pub(super) fn standing(&self, name: &str) -> Option<Standing> {
        self.databases.get(name).map(|d| Standing {
            engine_id: d.id.to_string(),
            marker: d.marker.clone(),
            empty: d.tables.is_empty(),
            bytes: 1,
            database: None,
        })
    }
}

/// The fixed schema of the simulated source; `indexed` adds what comes after the rows.
pub(super) fn catalog(tables: &[&TableName], indexed: bool) -> Catalog {
    let shape: BTreeMap<&str, [&str; 3]> = COLUMNS.into_iter().collect();
    let column = |name: &str| Column {
        name: name.to_owned(),
        native_type: "text".into(),
        family: Family::Text,
        max_length: None,
        precision: None,
        nullable: name != "id",
        default: None,
        generated: None,
        collation: None,
    };
    let key = Index {
        name: "key".into(),
        unique: true,
        primary: true,
        parts: vec![IndexPart::Column("id".into())],
        predicate: None,
        definition: "key (id)".into(),
    };
    let table = |name: &TableName| Table {
        name: name.clone(),
        form: TableForm::Ordinary,
        columns: shape.get(name.name.as_str()).into_iter().flatten().map(|c| column(c)).collect(),
        primary_key: vec!["id".into()],
        indexes: if indexed { vec![key.clone()] } else { Vec::new() },
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        properties: BTreeMap::new(),
        estimated_rows: 10,
        estimated_bytes: 100,
    };
    Catalog {
        engine: EngineKind::Fake,
        version: "1".into(),
        tables: tables.iter().map(|t| table(t)).collect(),
        objects: Vec::new(),
        settings: BTreeMap::new(),
        outbound: Vec::new(),
        not_carried: Vec::new(),
        large_objects: 0,
    }
}
