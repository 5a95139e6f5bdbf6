//! Step: what later carry-overs compare with is kept, and identities are reserved for what people will add (P20). Compared is with the
//! configuration as people will find it or, where it was carried over, with production's side of that; records are known by keyed hashes.

use super::sides::{Cells, hashed, into_records, next_base, not, stored};
use super::{Execution, RunError, StepError};
use crate::base::{Base, BaseBand, BaseParents, BaseRecords, BaseTable};
use crate::workspace::RunKeys;
use greenroom_engine::Generation;
use greenroom_model::carry::{Band, Into, ShapeInput, Shapes, band, range_of, shapes};
use greenroom_model::catalog::{Catalog, Generation as Generated, Table, TableName};
use greenroom_model::run::Outcome;
use std::collections::BTreeSet;

/// Rows of records, over all tables, whose hashes are kept: beyond that they would be a burden. Small tables come first.
const MOST_COUNTED: u64 = 1_000_000;

impl Execution {
    pub(super) async fn save_base(&mut self) -> Result<Outcome, StepError> {
        let source = self.source_catalog()?;
        let (setup, plan) = (self.setup.clone(), self.plan.clone());
        let former = match &plan.carry {
            Some(from) => {
                let path = setup.carry.base(&from.nonce);
                Base::open(&path).map_err(|source| RunError::Scratch { path, source })?
            }
            None => None,
        };
        let kept = match &plan.carry {
            Some(_) => Some(self.carried()?),
            None => None,
        };
        let inside = self.generation().await?;
        let catalog = inside.inspect().await?;
        // For a base only tables and references count; what is wrong with them is said when something is carried over.
        let input = ShapeInput {
            program: &setup.program,
            source: &source,
            made_from: &source,
            pilot: &catalog,
            new: &catalog,
            copies: &plan.tables,
            renewed: &plan.tables,
            into: Into::Pilot,
        };
        let (shapes, _) = shapes(input);
        let mut base = Base {
            nonce: plan.names.nonce.clone(),
            catalog: catalog.clone(),
            tables: Vec::new(),
            parents: Vec::new(),
            records: Vec::new(),
            not_counted: Vec::new(),
            bands: Vec::new(),
        };
        let mut cells = Cells::of(inside.as_mut());
        for shape in &shapes.tables {
            let Some(table) = catalog.table(&shape.table) else { continue };
            let columns = stored(table);
            let opened = cells.rows(table, &columns, shape.condition.clone()).await?;
            let carried = kept.as_ref().and_then(|kept| kept.table(&shape.table));
            let rows = match carried {
                Some((shape, base)) => next_base(shape, base, opened)?,
                None => opened,
            };
            base.tables.push(BaseTable { table: shape.table.clone(), columns: columns.iter().map(|c| (*c).to_owned()).collect(), rows });
        }
        for ((name, columns), _) in into_records(&shapes) {
            let Some(table) = catalog.table(&name) else { continue };
            let wanted: Vec<&str> = columns.iter().map(String::as_str).collect();
            let mut values: Vec<u64> = cells.rows(table, &wanted, None).await?.iter().map(|v| hashed(&setup.keys, v)).collect();
            values.sort_unstable();
            base.parents.push(BaseParents { table: name, columns, values });
        }
        let copied = plan.tables.iter().map(|t| &t.table).collect();
        save_records(&mut cells, &mut base, copied, &shapes, &setup.keys).await?;
        let mut outcome = Outcome::default();
        for (table, column) in counting(&catalog, &shapes) {
            let name = format!("{}.{column}", table.name.short(catalog.engine));
            let before = former.iter().flat_map(|b| &b.bands).find(|b| b.table == table.name && b.column == column).map(|b| b.band);
            match reserve(inside.as_mut(), &catalog, table, &column, &name, before).await? {
                Reserved::Band(band) => {
                    outcome.notes.push(format!("{name}: people's rows count from {} to {}", band.first, band.last));
                    base.bands.push(BaseBand { table: table.name.clone(), column, band });
                }
                Reserved::Not => {}
                Reserved::NoRoom(why) => outcome.notes.push(why),
            }
        }
        let rows: usize = base.tables.iter().map(|t| t.rows.len()).sum();
        outcome.rows = Some(rows as u64);
        let path = setup.carry.base(&base.nonce);
        base.save(&path).map_err(|source| RunError::Scratch { path, source })?;
        Ok(outcome)
    }
}

/// Hashes of the rows that are no configuration, to count later what people entered.
async fn save_records(
    inside: &mut Cells<'_>,
    base: &mut Base,
    copied: BTreeSet<&TableName>,
    shapes: &Shapes,
    keys: &RunKeys,
) -> Result<(), StepError> {
    let mut tables: Vec<&Table> = base.catalog.tables.iter().filter(|t| t.is_copied() && copied.contains(&t.name)).collect();
    tables.sort_by_key(|t| (t.estimated_rows, &t.name));
    let mut counted = 0u64;
    for table in tables {
        let shape = shapes.tables.iter().find(|s| s.table == table.name);
        let filter = match shape.map(|s| &s.condition) {
            Some(None) => continue,
            Some(Some(condition)) => Some(not(condition)),
            None => None,
        };
        counted = counted.saturating_add(table.estimated_rows);
        if counted > MOST_COUNTED {
            base.not_counted.push(table.name.clone());
            continue;
        }
        let mut rows = inside.row_hashes(table, filter.clone(), keys).await?;
        rows.sort_unstable();
        let columns = stored(table).into_iter().map(str::to_owned).collect();
        base.records.push(BaseRecords { table: table.name.clone(), columns, filter, rows });
    }
    Ok(())
}

/// Columns of configuration that may count by themselves.
fn counting<'c>(catalog: &'c Catalog, shapes: &Shapes) -> Vec<(&'c Table, String)> {
    let mut all = Vec::new();
    for table in shapes.tables.iter().filter_map(|s| catalog.table(&s.table)) {
        let counts = |c: &&greenroom_model::catalog::Column| {
            matches!(c.generated, Some(Generated::IdentityAlways | Generated::IdentityByDefault))
                || c.default.as_deref().is_some_and(|d| d.to_ascii_lowercase().contains("nextval("))
                || table.primary_key == [c.name.clone()]
        };
        all.extend(table.columns.iter().filter(counts).map(|c| (table, c.name.clone())));
    }
    all
}

enum Reserved {
    Band(Band),
    /// It does not count, or nobody can tell it where to go on.
    Not,
    NoRoom(String),
}

async fn reserve(
    inside: &mut dyn Generation,
    catalog: &Catalog,
    table: &Table,
    column: &str,
    named: &str,
    former: Option<Band>,
) -> Result<Reserved, StepError> {
    let Some(range) = table.column(column).and_then(|c| range_of(catalog.engine, c)) else { return Ok(Reserved::Not) };
    // What lies in the former band was given to people, not by production.
    let production = inside.highest(&table.name, column, former.map(|f| f.first)).await?;
    let band = match band(named, range, production, former) {
        Ok(band) => band,
        Err(finding) => return Ok(Reserved::NoRoom(finding.message)),
    };
    let given = inside.highest(&table.name, column, band.last.checked_add(1)).await?.filter(|n| band.contains(*n));
    let Some(next) = band.next(given) else {
        return Ok(Reserved::NoRoom(format!("the band of identities of `{named}` is full")));
    };
    Ok(if inside.reserve(&table.name, column, next).await? { Reserved::Band(band) } else { Reserved::Not })
}
