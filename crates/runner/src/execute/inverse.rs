//! Tables whose rows the program's inverse SQL gives back: a query over the new version, read in the former version's columns. Owns reading it and the proof that its
//! `touched_by` misses nothing; does not own which tables that are (`model::carry`), nor what is done with the rows (`back`).

use super::back::{ASKED, Ways, side, sorted};
use super::sides::{Cells, selection};
use super::{StepError, failure};
use greenroom_engine::carry::each;
use greenroom_engine::{ErrorKind, Generation};
use greenroom_model::carry::{BackShapes, Cell, Given, Side, TableShape, back_shapes, telling_apart};
use greenroom_model::catalog::{EngineKind, Table, TableName};
use std::collections::{BTreeMap, BTreeSet};

/// Rows, by the former version's table, that its inverse does not give back as they stand in the former side; whoever touched them.
pub(super) async fn given_apart(
    former: &mut dyn Generation,
    new: &mut dyn Generation,
    ways: Ways<'_>,
) -> Result<BTreeMap<String, BTreeSet<Vec<Cell>>>, StepError> {
    if ways.inverses.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (before, now) = (former.inspect().await?, new.inspect().await?);
    let BackShapes { shapes, given, unusable, .. } = back_shapes(&before, &now, ways.inverses);
    if !unusable.is_empty() {
        return Err(unfit(unusable).into());
    }
    let mut of_former = Cells::of(former);
    let mut apart = BTreeMap::new();
    for way in &given {
        let shape = &shapes.tables[way.at];
        let Some(was) = before.table(&shape.table) else { continue };
        let aside = side(&mut of_former, was, shape, &telling_apart(was), None).await?;
        let here = given_side(new, now.engine, was, shape, way, None, &mut of_former).await?;
        let all: BTreeSet<&Vec<Cell>> = aside.rows.keys().chain(here.rows.keys()).collect();
        let differ = all.into_iter().filter(|key| aside.rows.get(*key) != here.rows.get(*key)).cloned().collect();
        apart.insert(shape.short.clone(), differ);
    }
    Ok(apart)
}

/// After rows were written and carried back, an inverse gives no other rows otherwise than those that it did before.
///
/// # Errors
/// When it does: somebody wrote into a table that `touched_by` does not name, and a row came to be another by that.
pub(super) fn nothing_missed(
    before: &BTreeMap<String, BTreeSet<Vec<Cell>>>,
    after: &BTreeMap<String, BTreeSet<Vec<Cell>>>,
) -> Result<(), StepError> {
    let missed = |(table, keys): (&String, &BTreeSet<Vec<Cell>>)| {
        let new = keys.iter().filter(|k| before.get(table).is_none_or(|b| !b.contains(*k))).count();
        (new > 0).then(|| format!("table {table}: {new} rows changed that no touched key told of"))
    };
    let details: Vec<String> = after.iter().filter_map(missed).collect();
    if details.is_empty() {
        return Ok(());
    }
    let mut f = failure("GR0783", "what was written on trial did not all come back by the program's inverse SQL");
    f.details = details;
    f.hint =
        Some("name every table that the query reads and users write to in `touched_by`, or have every row compared: `whole = true`".into());
    Err(f.into())
}

/// Inverses that cannot be used.
pub(super) fn unfit(details: Vec<String>) -> greenroom_model::run::Failure {
    let mut f = failure("GR0782", "what the program says about carrying rows back does not fit the tables");
    f.details = details;
    f.hint = Some("mend `[[rollback.inverse]]` in greenroom.toml; `greenroom rollback --rehearse` tries it out".into());
    f
}

/// The touched keys of the rows that a query gives back; none where every row has to be compared.
pub(super) fn touched_keys(way: &Given, noted: &BTreeMap<TableName, Option<BTreeSet<Vec<Cell>>>>) -> Option<BTreeSet<Vec<Cell>>> {
    let mut all = BTreeSet::new();
    for table in &way.touched_by {
        all.extend(noted.get(table)?.as_ref()?.iter().cloned());
    }
    (!way.touched_by.is_empty()).then_some(all)
}

/// Rows that a query over the new version gives back, in the shape's columns: those with these keys, or all.
pub(super) async fn given_side(
    new: &mut dyn Generation,
    engine: EngineKind,
    was: &Table,
    shape: &TableShape,
    way: &Given,
    keys: Option<&BTreeSet<Vec<Cell>>>,
    of_former: &mut Cells<'_>,
) -> Result<Side, StepError> {
    if keys.is_some_and(BTreeSet::is_empty) {
        return Ok(Side::default());
    }
    let columns: Vec<&str> = shape.columns.iter().map(|c| c.name.as_str()).collect();
    let wrong = |e: greenroom_engine::EngineError| match e.kind {
        ErrorKind::Statement | ErrorKind::Data | ErrorKind::Other => {
            StepError::from(unfit(vec![format!("inverse of `{}`: {e}", shape.short)]))
        }
        _ => e.into(),
    };
    let mut reader = new.query_reader(&way.select).await.map_err(wrong)?;
    let mut rows = Vec::new();
    let key = telling_apart(was);
    // The server compares keys as the former columns' types do; elsewhere they are told apart here, as they would be stored.
    let chunks: Vec<Option<Vec<&Vec<Cell>>>> = match (engine, keys) {
        (EngineKind::Postgres, Some(keys)) => keys.iter().collect::<Vec<_>>().chunks(ASKED).map(|some| Some(some.to_vec())).collect(),
        _ => vec![None],
    };
    for some in chunks {
        let filter = match some {
            None => None,
            Some(some) => {
                let named: Vec<Vec<(String, Cell)>> =
                    some.iter().map(|values| key.iter().cloned().zip(values.iter().cloned()).collect()).collect();
                Some(of_former.picking(&was.name, &named).await?)
            }
        };
        let copy = selection(was, &columns, filter);
        let place = |row: &Vec<Cell>| -> Vec<Cell> {
            let at = |name: &String| shape.index(name).map_or(Cell::NULL, |at| row[at].clone());
            key.iter().map(at).collect()
        };
        let wanted = keys.filter(|_| engine != EngineKind::Postgres);
        let mut take = |row: Vec<Cell>| {
            if wanted.is_none_or(|keys| keys.contains(&place(&row))) {
                rows.push(row);
            }
        };
        each(reader.as_mut(), &copy, &mut take).await.map_err(wrong)?;
    }
    sorted(shape, rows)
}
