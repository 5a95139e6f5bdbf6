//! Exported configuration for production: compared with production as it is, and written as a script that a person runs. Production is only read.

use super::error::refused;
use super::{Session, SessionError};
use crate::execute::{ImportInput, Shown, StepError, compare, row_changes};
use crate::script::{Named, script};
use greenroom_engine::carry::{GuardedChange, RowAct, RowKey};
use greenroom_model::carry::{CarryKey, ExportedTable, Into, Shapes, Take, Words};
use greenroom_model::catalog::EngineKind;
use greenroom_model::finding::any_error;
use greenroom_model::hash::Hash;
use greenroom_model::plan::tables;
use greenroom_model::program::{CarryRule, Origin};
use std::collections::BTreeSet;

/// What files would change in production.
pub struct ForProduction {
    /// Row by row.
    pub shown: Shown,
    /// The script; none while conflicts are open.
    pub script: Option<String>,
    /// Statements in it.
    pub changes: usize,
}

impl Session {
    /// Compares exported configuration with production and writes what it would change as a script, in one transaction, each change only if its row is
    /// still what it is now. `rest` decides what no rule does. Changes nothing.
    ///
    /// # Errors
    /// When a file does not fit, or production cannot be read.
    pub async fn import_script(&self, files: &[ExportedTable], all: bool, rest: Option<Take>) -> Result<ForProduction, SessionError> {
        let mut source = self.engines.source().await?;
        let schema = source.inspect().await?;
        let here = self.here(&schema)?;
        if any_error(&here.findings) {
            return Err(SessionError::Findings(here.findings));
        }
        let mut held = source.hold(&[]).await?;
        let catalog = held.inspect().await?;
        // Columns that nobody decided on count as masked; saying so is the check's.
        let (copies, _) = tables::resolve(&here.program, &catalog, &self.keys("check").masks);
        let mut rules = here.program.carry.rules.clone();
        let origin = Origin { layer: "program".into(), file: String::new(), span: (0, 0) };
        rules.extend(rest.map(|take| CarryRule { table: None, column: None, kind: None, take, reason: None, origin }));
        let key = CarryKey::new(&self.keys("carry").values);
        let input = ImportInput {
            program: &here.program,
            source: &catalog,
            new: &catalog,
            copies: &copies,
            // Production's own values are nobody's to see.
            into: Into::Raw,
            files,
            all,
            seen: &self.keys("import").values,
        };
        // What was decided for a pilot was not decided for production.
        let words = Words::new(&rules, &[], &key);
        let compared = compare(held.as_mut(), input, words).await.map_err(|e| match e {
            StepError::Failed(f) | StepError::GoBack(f) => SessionError::Failed(Box::new(f)),
            StepError::Dead(e) => e.into(),
            StepError::Waits(_) | StepError::Stopped => refused("GR0709", "stopped", "import again"),
        })?;
        let mut text = None;
        let mut changes = 0;
        if compared.plan.is_ready() {
            let made = row_changes(&compared.shapes, &compared.plan);
            changes = made.len();
            let mut seen = BTreeSet::new();
            let (mut guarded, mut named) = (Vec::new(), Vec::new());
            for (at, (change, operation)) in made.into_iter().zip(&compared.plan.operations).enumerate() {
                let first = seen.insert((operation.table, &operation.key));
                let row = compared.there[operation.table].get(&operation.key).filter(|_| first);
                let expected = match &change.act {
                    RowAct::Insert(_) => None,
                    _ => row.map(|row| expected(&compared.shapes, operation.table, row)),
                };
                named.push(format!("the row of {} in change {}", compared.shapes.tables[operation.table].short, at + 1));
                guarded.push(GuardedChange { change, expected });
            }
            let spelled = held.spelled(&guarded).await?;
            let changes: Vec<Named> = named.into_iter().zip(spelled).collect();
            let seen: Hash = compared.shown.seen;
            let head = [
                format!(
                    "Configuration for production of `{}`, written by greenroom {} at {}.",
                    self.program.name,
                    env!("CARGO_PKG_VERSION"),
                    self.clock.now()
                ),
                format!(
                    "Compared with production's rows as they were then ({}). Run it with the server's own client, as in `{}`:",
                    seen.short(),
                    client(catalog.engine)
                ),
                "the first row that is not what it was then ends it, and nothing is changed. Triggers fire as for anybody.".to_owned(),
            ];
            text = Some(script(catalog.engine, &head, &changes));
        }
        held.release().await?;
        Ok(ForProduction { shown: compared.shown, script: text, changes })
    }
}

/// How a script is run. SQL Server's client would fill `$(names)` in even within values, and read the file in the console's code page.
fn client(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Postgres => "psql -X -f FILE DATABASE",
        EngineKind::Mysql => "mysql DATABASE < FILE",
        EngineKind::Mssql => "sqlcmd -b -x -f 65001 -d DATABASE -i FILE",
        EngineKind::Sqlite | EngineKind::Fake => "sqlite3 DATABASE < FILE",
    }
}

/// A row as it is: columns whose values may be seen.
fn expected(shapes: &Shapes, table: usize, row: &[greenroom_model::carry::Cell]) -> RowKey {
    let shape = &shapes.tables[table];
    let cells = shape.columns.iter().zip(row).filter(|(c, _)| c.tainted.is_none()).map(|(c, cell)| (c.name.clone(), cell.clone()));
    RowKey { cells: cells.collect(), whole: true }
}
