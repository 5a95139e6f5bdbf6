//! The databases of one test: made under names that only this test uses, and cleared away behind it. Owns the checks that decide what may
//! be removed.

use super::flow::{load_table, plain, sum};
use super::ground::{Dialect, Ground};
use super::{Step, Stop};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Capabilities, Generation, Held, Marker, MarkerState, RangeDone, SchemaPart, SchemaScript, Standing, Target};
use greenroom_model::catalog::{Catalog, TableName};
use greenroom_model::plan::TableCopy;
use greenroom_model::upgrade::Statement;
use greenroom_model::verify::TableDigest;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// Program in the markers of all generations that the tests build.
pub(super) const PROGRAM: &str = "greenroom-engine-test";

/// Text that stands in the tests' rows and must never stand in an error.
pub(super) const PLANTED: &str = "planted-secret";

/// Names that a test has taken, so that they can be cleared when it has ended, however it ended.
#[derive(Clone, Default)]
pub(super) struct Names(Arc<Mutex<Vec<String>>>);

impl Names {
    /// Takes them out.
    pub fn take(&self) -> Vec<String> {
        self.0.lock().map(|mut n| std::mem::take(&mut *n)).unwrap_or_default()
    }

    fn add(&self, name: &str) {
        if let Ok(mut names) = self.0.lock() {
            names.push(name.to_owned());
        }
    }
}

/// What a test works with.
pub(super) struct Scene {
    ground: Arc<dyn Ground>,
    number: usize,
    taken: AtomicU32,
    names: Names,
}

/// A source under its snapshot.
pub(super) struct Production {
    /// Its name.
    pub name: String,
    /// The snapshot.
    pub held: Box<dyn Held>,
    /// The schema in it.
    pub catalog: Catalog,
    /// The schema's script.
    pub script: SchemaScript,
}

/// A generation that is being built.
pub(super) struct Built {
    /// Its name.
    pub name: String,
    /// Its marker.
    pub marker: Marker,
    /// Its inside.
    pub inside: Box<dyn Generation>,
}

impl Scene {
    pub fn new(ground: Arc<dyn Ground>, number: usize) -> Scene {
        Scene { ground, number, taken: AtomicU32::new(0), names: Names::default() }
    }

    pub fn names(&self) -> Names {
        self.names.clone()
    }

    pub fn ground(&self) -> &dyn Ground {
        self.ground.as_ref()
    }

    /// The place, for tasks beside the test.
    pub fn shared_ground(&self) -> Arc<dyn Ground> {
        self.ground.clone()
    }

    pub fn dialect(&self) -> &'static Dialect {
        self.ground.dialect()
    }

    pub fn quote(&self, name: &str) -> String {
        (self.dialect().quote)(name)
    }

    pub async fn target(&self) -> Result<Box<dyn Target>> {
        self.ground.target().await
    }

    /// What the target can do.
    pub async fn capabilities(&self) -> Result<Capabilities> {
        self.target().await?.capabilities().await
    }

    /// A name that no other test uses.
    pub fn name(&self, hint: &str) -> String {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let name = self.ground.name(&format!("{hint}_{}_{taken}", self.number));
        self.names.add(&name);
        name
    }

    /// A marker with a nonce that no other generation bears, and the name of its generation, which carries it.
    pub fn marker(&self) -> (String, Marker) {
        let unique = format!("{} {} {}", self.ground.nonce(), self.number, self.taken.fetch_add(1, Ordering::Relaxed));
        let nonce = blake3::hash(unique.as_bytes()).to_hex()[..10].to_owned();
        let name = self.ground.name(&format!("build_{nonce}"));
        self.names.add(&name);
        (name, Marker { program: PROGRAM.to_owned(), generation: 1, nonce, state: MarkerState::Building })
    }

    /// A database of somebody else, with these statements executed in it.
    pub async fn found(&self, statements: &[String]) -> Result<String> {
        let name = self.name("source");
        self.ground.found(&name).await?;
        self.ground.run(&name, statements).await?;
        Ok(name)
    }

    /// Holds a database under a snapshot of all its tables.
    pub async fn hold(&self, name: &str) -> Result<Production> {
        let mut source = self.ground.source(name).await?;
        let tables: Vec<TableName> = source.inspect().await?.tables.iter().filter(|t| t.is_copied()).map(|t| t.name.clone()).collect();
        let mut held = source.hold(&tables).await?;
        let catalog = held.inspect().await?;
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let scratch = Folder::new(&format!("{}-{}-{taken}", self.ground.nonce(), self.number))?;
        let script = held.schema(&scratch.0).await?;
        Ok(Production { name: name.to_owned(), held, catalog, script })
    }

    /// A database with these statements executed in it, held.
    pub async fn production(&self, statements: &[String]) -> Result<Production> {
        let name = self.found(statements).await?;
        self.hold(&name).await
    }

    /// An empty generation with the first part of a source's schema.
    pub async fn build(&self, production: &mut Production) -> Result<Built> {
        let (name, marker) = self.marker();
        let mut target = self.target().await?;
        target.create(&name, &marker, &production.catalog).await?;
        let mut inside = target.enter(&name).await?;
        inside.schema(SchemaPart::Pre, &production.script).await?;
        Ok(Built { name, marker, inside })
    }

    /// Copies all tables; `decide` changes how each travels. Completes the schema and settles the copy.
    pub async fn copy(&self, production: &mut Production, rows: u64, decide: impl Fn(&mut TableCopy)) -> Result<(Built, Copied)> {
        let mut built = self.build(production).await?;
        let mut copied = Copied::default();
        {
            let mut reader = production.held.reader().await?;
            let mut loader = built.inside.loader().await?;
            for table in production.catalog.tables.iter().filter(|t| t.is_copied()) {
                let mut copy = plain(table);
                decide(&mut copy);
                let done = load_table(production.held.as_mut(), reader.as_mut(), loader.as_mut(), &copy, rows).await?;
                copied.0.insert(table.name.clone(), done);
            }
        }
        built.inside.schema(SchemaPart::Post, &production.script).await?;
        let sequences = production.held.sequences().await?;
        built.inside.settle(&sequences).await?;
        Ok((built, copied))
    }
}

/// What was loaded, by table.
#[derive(Default)]
pub(super) struct Copied(BTreeMap<TableName, Vec<RangeDone>>);

impl Copied {
    pub fn ranges(&self, table: &TableName) -> &[RangeDone] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }

    pub fn digest(&self, table: &TableName) -> TableDigest {
        sum(self.ranges(table))
    }
}

/// A folder that goes with its owner.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Folder> {
        let path = std::env::temp_dir().join(format!("greenroom-engine-test-{name}"));
        std::fs::create_dir(&path).map_err(|e| EngineError::other(format!("create `{}`", path.display()), e.to_string()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Only dumps of scratch schemas lie in it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Statements as the splitter gives them, ten lines apart.
pub(super) fn statements(all: &[&str]) -> Vec<Statement> {
    (1u32..).zip(all).map(|(i, sql)| Statement { sql: (*sql).to_owned(), line: i * 10, copy_data: None }).collect()
}

/// The error of what must fail, which must not show a row's value.
pub(super) fn refused<T>(what: &str, result: Result<T>) -> Step<EngineError> {
    match result {
        Ok(_) => Err(Stop::Broken(format!("{what} should have been refused"))),
        Err(e) if format!("{e} {e:?}").contains(PLANTED) => Err(Stop::Broken(format!("the error of {what} shows a row's value"))),
        Err(e) => Ok(e),
    }
}

/// As [`refused`], and as a conflict.
pub(super) fn conflicts<T>(what: &str, result: Result<T>) -> Step {
    let e = refused(what, result)?;
    match e.kind {
        ErrorKind::Conflict => Ok(()),
        other => Err(Stop::Broken(format!("{what} is refused as {other:?}, not as a conflict"))),
    }
}

/// First value of a query on a generation, which must give one.
pub(super) async fn value(inside: &mut dyn Generation, sql: &str) -> Result<String> {
    Ok(inside.query(sql).await?.first.unwrap_or_else(|| "NULL".to_owned()))
}

/// Rows `(1, …)` to `(count, …)` as INSERT statements of a few hundred; `columns` gives the values behind the number.
pub(super) fn rows(table: &str, count: i64, columns: impl Fn(i64) -> String) -> Vec<String> {
    let all: Vec<String> = (1..=count).map(|i| format!("({i}{})", columns(i))).collect();
    all.chunks(400).map(|some| format!("INSERT INTO {table} VALUES {}", some.join(", "))).collect()
}

/// Removes what stands under a name, if it is this test's by the marker inside it.
pub(super) async fn clear(ground: &dyn Ground, name: &str) -> std::result::Result<(), String> {
    let said = |e: EngineError| e.to_string();
    let mut target = ground.target().await.map_err(said)?;
    match target.look(name).await.map_err(said)? {
        None => Ok(()),
        Some(Standing { marker: Some(m), .. }) if m.program == PROGRAM => {
            if m.state == MarkerState::Promoted {
                // The test promoted its own scratch.
                target.mark(name, &Marker { state: MarkerState::Building, ..m.clone() }).await.map_err(said)?;
            }
            target.drop_marked(name, &m.nonce).await.map_err(said)
        }
        Some(_) => ground.raze(name).await.map_err(said),
    }
}
