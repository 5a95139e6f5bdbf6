//! What an engine brings to its contract test: a place for scratch databases, another application's hands, and its own words.

use crate::error::Result;
use crate::seam::{Admission, Source, Target};
use async_trait::async_trait;
use greenroom_model::catalog::EngineKind;

/// Where the scratch databases of one contract test stand. Makes and removes only what bears the test's own mark.
#[async_trait]
pub trait Ground: Send + Sync {
    /// Which engine.
    fn engine(&self) -> EngineKind;

    /// What tells this test from all others.
    fn nonce(&self) -> &str;

    /// The engine's words.
    fn dialect(&self) -> &'static Dialect;

    /// What the test will create here and how it can be told from everything else, in one sentence for the person who starts it.
    fn footprint(&self) -> String;

    /// The whole name of a scratch database. `hint` is at most 30 of `a-z`, `0-9` and `_`.
    fn name(&self, hint: &str) -> String;

    /// Makes an empty database as if another application had, without Greenroom's marker, and marks it as this test's scratch.
    async fn found(&self, name: &str) -> Result<()>;

    /// Executes statements as another application would, each by itself, on a session of its own.
    async fn run(&self, name: &str, statements: &[String]) -> Result<()>;

    /// Opens a scratch database as a source.
    async fn source(&self, name: &str) -> Result<Box<dyn Source>>;

    /// Opens the place as a target.
    async fn target(&self) -> Result<Box<dyn Target>>;

    /// Removes a database that [`Ground::found`] made; refuses everything else. Fine when nothing stands there.
    async fn raze(&self, name: &str) -> Result<()>;

    /// Names of all databases that are this test's by their name.
    async fn standing(&self) -> Result<Vec<String>>;

    /// Removes what the ground itself needed. Called once everything is razed.
    async fn close(&self) -> Result<()>;
}

/// A column type and values that are hard for it.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Shown when it fails, and the name of the scratch column: `a-z`, `0-9` and `_`.
    pub name: &'static str,
    /// The type in the engine's spelling.
    pub ty: &'static str,
    /// Values as SQL expressions.
    pub values: &'static [&'static str],
    /// Whether masks may look at all of these values: then decoding and encoding them again must change nothing.
    pub decodes: bool,
}

/// An engine's words for what the tests need. Everything else is written in SQL that all engines share.
pub struct Dialect {
    /// Quotes a name.
    pub quote: fn(&str) -> String,
    /// Unicode text without a limit.
    pub text: &'static str,
    /// A key of 64 bits: everything behind its name.
    pub big_key: &'static str,
    /// A whole-number key that counts by itself: everything behind its name.
    pub counting_key: &'static str,
    /// A whole-number column computed and stored from an expression: everything behind its name.
    pub computed: fn(&str) -> String,
    /// Types and their nasty values.
    pub samples: &'static [Sample],
    /// An expression that shows what is stored in a column of a type exactly, as text; NULL for NULL.
    pub exactly: fn(&str, &Sample) -> String,
    /// Statements that make a trigger: each row inserted into the first table adds a row `(1)` to the second.
    pub trigger: fn(&str, &str) -> Vec<String>,
    /// Changes of a table's schema or all of its rows that are known to break snapshots (P1), each a way of its own.
    pub upheavals: fn(&str) -> Vec<String>,
    /// A query that can never succeed because of the text given, which the engine's own message may quote.
    pub blunder: fn(&str) -> String,
    /// What would write into a table if it were let, by every way out of a read-only query; the table stands as `TABLE_T`.
    pub writing_queries: &'static [&'static str],
    /// Somebody who can be let in besides Greenroom, and who is there on every server of this kind.
    pub some: fn() -> Admission,
    /// Everybody.
    pub everybody: fn() -> Admission,
    /// Whether names that differ in case only name two tables.
    pub case_tells_apart: bool,
}
