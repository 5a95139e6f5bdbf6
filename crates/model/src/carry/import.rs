//! Exported configuration on its way into another database: the rows of a file as two of the three sides that are compared. The base is what the
//! rows were, the pilot's side what they are; the third is where they come into.
//!
//! Owns fitting a file to a shape. Does not own reading files, nor the form ([`ExportedTable`]).

use super::cell::Key;
use super::export::{ExportedTable, FORM, Named};
use super::rows::Side;
use super::shape::{KeyForm, OnPilot, TableShape};
use std::collections::BTreeSet;

/// A file's rows beside a shape.
#[derive(Debug)]
pub struct Imported {
    /// What they were.
    pub base: Side,
    /// What they are.
    pub pilot: Side,
    /// Keys of all of them: other rows are none of an import's business.
    pub keys: BTreeSet<Key>,
    /// Columns of the file for which there is no place.
    pub no_place: Vec<String>,
}

/// Fits a file to a shape, of which columns that the file does not have are left alone. With `all`, rows that the file says nobody changed are brought
/// in like new ones.
///
/// # Errors
/// In words, without values, when the file is not one of ours or does not fit.
pub fn import(shape: &mut TableShape, file: &ExportedTable, all: bool) -> Result<Imported, String> {
    if file.form != FORM {
        return Err(format!("it says that it is `{}`, and `{FORM}` is read here", file.form.chars().take(40).collect::<String>()));
    }
    let rows: Vec<(Option<&Named>, Option<&Named>)> =
        file.rows.iter().map(|r| (r.was.as_ref().map_or(r.now.as_ref(), Option::as_ref), r.now.as_ref())).collect();
    let mut columns: Option<Vec<&str>> = None;
    for (at, named) in rows.iter().enumerate().flat_map(|(at, (was, now))| [*was, *now].into_iter().flatten().map(move |n| (at, n))) {
        let here: Vec<&str> = named.0.iter().map(|(name, _)| name.as_str()).collect();
        match &columns {
            None => columns = Some(here),
            Some(columns) if *columns != here => return Err(format!("row {} names other columns than those before it", at + 1)),
            Some(_) => {}
        }
    }
    let columns = columns.unwrap_or_default();
    let key: Vec<&str> = match &shape.key {
        KeyForm::Columns(key) => key.iter().map(|at| shape.columns[*at].name.as_str()).collect(),
        KeyForm::WholeRow => Vec::new(),
    };
    if file.key != key {
        let said = |key: &[&str]| if key.is_empty() { "the whole row".to_owned() } else { key.join(", ") };
        let of_file: Vec<&str> = file.key.iter().map(String::as_str).collect();
        return Err(format!("its rows are told apart by {}, those of the table by {}", said(&of_file), said(&key)));
    }
    if let Some(missing) = key.iter().find(|k| !rows.is_empty() && !columns.contains(k)) {
        return Err(format!("it lacks the column `{missing}` of the key"));
    }
    let no_place = columns.iter().filter(|c| shape.index(c).is_none()).map(|c| (*c).to_owned()).collect();
    for column in &mut shape.columns {
        let there = columns.contains(&column.name.as_str());
        column.on_pilot = if there { OnPilot::Column(column.name.clone()) } else { OnPilot::Missing };
    }
    if shape.key == KeyForm::WholeRow && shape.columns.iter().any(|c| c.on_pilot == OnPilot::Missing) {
        return Err("the table has no key, and columns that the file does not have: no row would be found again".to_owned());
    }
    let (mut base, mut pilot) = (Side::default(), Side::default());
    let places: Vec<Option<usize>> = shape.columns.iter().map(|c| columns.iter().position(|n| *n == c.name)).collect();
    for (at, (was, now)) in rows.into_iter().enumerate() {
        let unchanged = file.rows[at].was.is_none();
        for (side, row) in [(&mut base, was.filter(|_| !(all && unchanged))), (&mut pilot, now)] {
            let Some(row) = row else { continue };
            let cells = places.iter().map(|place| place.map(|p| row.0[p].1.clone()).unwrap_or_default()).collect();
            side.push(shape, None, cells).map_err(|_| format!("row {} has the key of one before it", at + 1))?;
        }
    }
    let keys = base.rows.keys().chain(pilot.rows.keys()).cloned().collect();
    Ok(Imported { base, pilot, keys, no_place })
}
