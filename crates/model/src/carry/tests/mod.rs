//! Whole comparisons over small shapes.

mod back;
mod changes;
mod export;
mod oracle;
mod order;
mod rules;
mod shapes;

use super::*;
use crate::catalog::TableName;
use crate::program::{CarryRule, Origin};
use std::collections::{BTreeMap, BTreeSet};

/// A column from its name: `!` may not be NULL, `~` is tainted, `+` is new to the pilot, `=` has a default.
pub(super) fn column(spec: &str) -> ColumnShape {
    let name = spec.trim_start_matches(['!', '~', '+', '=']);
    let marks = &spec[..spec.len() - name.len()];
    ColumnShape {
        name: name.to_owned(),
        on_pilot: if marks.contains('+') { OnPilot::Missing } else { OnPilot::Column(name.to_owned()) },
        tainted: marks.contains('~').then_some(Taint::Decided),
        nullable: !marks.contains('!'),
        has_default: marks.contains('='),
    }
}

/// A table whose first column is its key.
pub(super) fn table(name: &str, columns: &[&str]) -> TableShape {
    TableShape {
        table: TableName::new("main", name),
        short: name.to_owned(),
        pilot: Some(TableName::new("main", name)),
        condition: None,
        columns: columns.iter().map(|c| column(c)).collect(),
        key: KeyForm::Columns(vec![0]),
        unique: Vec::new(),
    }
}

/// A foreign key `from.column` to the first column of a table; tables without a shape hold records.
pub(super) fn refers(tables: &[TableShape], from: &str, column: &str, to: &str) -> Reference {
    let at = |name: &str| tables.iter().position(|t| t.short == name);
    Reference {
        name: format!("{from}_{column}"),
        from: TableName::new("main", from),
        columns: vec![column.to_owned()],
        to: TableName::new("main", to),
        to_columns: vec![at(to).map_or("id".to_owned(), |t| tables[t].columns[0].name.clone())],
        enforced: true,
        from_shape: at(from),
        to_shape: at(to),
        from_records: at(from).is_none(),
        to_records: at(to).is_none(),
        simple: true,
    }
}

pub(super) fn shapes(tables: Vec<TableShape>, references: &[(&str, &str, &str)]) -> Shapes {
    let references = references.iter().map(|(from, column, to)| refers(&tables, from, column, to)).collect();
    Shapes { tables, references, into: Into::Pilot }
}

/// Rows from texts: `1 Open -` has three cells, the last of them NULL.
pub(super) fn side(shape: &TableShape, rows: &[&str]) -> Side {
    let mut side = Side::default();
    for row in rows {
        let cells = row.split(' ').map(|c| if c == "-" { Cell::NULL } else { Cell::text(c) }).collect();
        side.push(shape, None, cells).unwrap();
    }
    side
}

pub(super) fn key(text: &str) -> Key {
    vec![Cell::text(text)]
}

pub(super) fn rule(kind: Option<ConflictKind>, take: Take) -> CarryRule {
    let origin = Origin { layer: "program".into(), file: "greenroom.toml".into(), span: (0, 0) };
    CarryRule { table: None, column: None, kind, take, reason: None, origin }
}

pub(super) fn secret() -> CarryKey {
    CarryKey::new(&[7; 32])
}

/// Everything that a comparison is told besides rows.
#[derive(Default)]
pub(super) struct Told {
    pub rules: Vec<CarryRule>,
    pub decided: Vec<Decided>,
    pub answers: Answers,
    pub set_aside: bool,
}

/// Base, pilot and new generation of every table, as rows.
pub(super) type Sides<'a> = [(&'a [&'a str], &'a [&'a str], &'a [&'a str])];

pub(super) fn carried(shapes: &Shapes, sides: &Sides<'_>, told: &Told) -> CarryPlan {
    let secret = secret();
    let later = if told.set_aside { Later::SetAside } else { Later::Kept };
    let mut carrying = Carrying::new(shapes, Words::new(&told.rules, &told.decided, &secret), later);
    for (at, (base, pilot, new)) in sides.iter().enumerate() {
        let shape = &shapes.tables[at];
        carrying.table(at, &side(shape, base), &side(shape, pilot), side(shape, new));
    }
    carrying.finish(&told.answers)
}

/// A store of rows that checks keys, references and unique values after every operation, as an engine does.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Store {
    pub tables: Vec<BTreeMap<Key, Vec<Cell>>>,
}

impl Store {
    /// Carries operations out one by one.
    ///
    /// # Errors
    /// The first operation that a database would refuse.
    pub fn apply(&mut self, shapes: &Shapes, operations: &[Operation]) -> Result<(), String> {
        let mut deferred = false;
        for (number, operation) in operations.iter().enumerate() {
            let shape = &shapes.tables[operation.table];
            let rows = &mut self.tables[operation.table];
            match &operation.act {
                Act::Insert { cells } => {
                    let row = (0..shape.columns.len()).map(|c| cells.get(&c).cloned().unwrap_or_default()).collect();
                    if rows.insert(operation.key.clone(), row).is_some() {
                        return Err(format!("operation {number} inserts what is there"));
                    }
                }
                Act::Update { cells } => {
                    let Some(row) = rows.get_mut(&operation.key) else { return Err(format!("operation {number} updates nothing")) };
                    cells.iter().for_each(|(c, cell)| row[*c] = cell.clone());
                }
                Act::Delete => {
                    let Some(row) = rows.remove(&operation.key) else { return Err(format!("operation {number} deletes nothing")) };
                    let refers_to_itself = |r: &Reference| {
                        let cells = |columns: &[String]| columns.iter().map(|c| row[shape.index(c).unwrap()].clone()).collect::<Vec<_>>();
                        let (own, other) = (cells(&r.to_columns), cells(&r.columns));
                        own == other && !other.iter().any(Cell::is_null)
                    };
                    let here = Some(operation.table);
                    let mut own = shapes.references.iter().filter(|r| r.enforced && r.from_shape == here && r.to_shape == here);
                    if own.any(refers_to_itself) {
                        return Err(format!("operation {number} deletes a row that refers to itself, as InnoDB does not"));
                    }
                }
            }
            deferred |= operation.deferred;
            if !deferred || number + 1 == operations.len() {
                self.check(shapes).map_err(|why| format!("after operation {number}: {why}"))?;
            }
        }
        Ok(())
    }

    /// Whether every constraint holds.
    pub fn check(&self, shapes: &Shapes) -> Result<(), String> {
        for r in shapes.references.iter().filter(|r| r.enforced) {
            let (Some(from), Some(to)) = (r.from_shape, r.to_shape) else { continue };
            let cells = |shape: &TableShape, columns: &[String], row: &[Cell]| -> Vec<Cell> {
                columns.iter().map(|c| row[shape.index(c).unwrap()].clone()).collect()
            };
            let there: BTreeSet<Vec<Cell>> = self.tables[to].values().map(|row| cells(&shapes.tables[to], &r.to_columns, row)).collect();
            for row in self.tables[from].values() {
                let wanted = cells(&shapes.tables[from], &r.columns, row);
                if !wanted.iter().any(Cell::is_null) && !there.contains(&wanted) {
                    return Err(format!("{} refers to nothing", r.name));
                }
            }
        }
        for (shape, rows) in shapes.tables.iter().zip(&self.tables) {
            for row in rows.values() {
                if shape.columns.iter().zip(row).any(|(c, cell)| !c.fills_itself() && cell.is_null()) {
                    return Err(format!("NULL in {}", shape.short));
                }
            }
            for columns in &shape.unique {
                let mut seen = BTreeSet::new();
                for row in rows.values() {
                    let value: Vec<&Cell> = columns.iter().map(|c| &row[*c]).collect();
                    if !value.iter().any(|c| c.is_null()) && !seen.insert(value) {
                        return Err(format!("{} has a value twice", shape.short));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The new generation's tables after the plan, as sorted texts.
pub(super) fn after(shapes: &Shapes, sides: &Sides<'_>, plan: &CarryPlan) -> Vec<Vec<String>> {
    let tables = sides.iter().zip(&shapes.tables).map(|((_, _, new), shape)| side(shape, new).rows).collect();
    let mut store = Store { tables };
    store.check(shapes).expect("the new generation is consistent");
    store.apply(shapes, &plan.operations).unwrap();
    let text = |c: &Cell| c.bytes().map_or("-".to_owned(), |b| String::from_utf8(b.to_vec()).unwrap());
    let rows = |t: &BTreeMap<Key, Vec<Cell>>| t.values().map(|r| r.iter().map(text).collect::<Vec<_>>().join(" ")).collect();
    store.tables.iter().map(rows).collect()
}
