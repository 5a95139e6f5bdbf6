//! The shape in which configuration is compared: the new version's tables and columns, how rows are told apart, what may not travel, and where
//! on the pilot each value stands. Owns shapes and what is wrong with them (GR08xx); does not own which columns are tainted (`taint`).

use super::references::{Reference, references};
use super::taint::{Origins, Taint};
use crate::catalog::{Catalog, Column, Generation, IndexPart, Table, TableName};
use crate::columns::names::{is_left_out, listed};
use crate::finding::Finding;
use crate::plan::TableCopy;
use crate::plan::tables::{ConfigurationRows, configuration_rows};
use crate::program::Program;
use serde::{Deserialize, Serialize};

/// Names spelled out in one message.
const SHOWN: usize = 12;

/// What the configuration is carried into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Into {
    /// The next pilot: masked and neutralised like the present one.
    #[default]
    Pilot,
    /// Unmasked data: a dress rehearsal, or production itself.
    Raw,
}

/// Where a column's values stand on the pilot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnPilot {
    /// In this column of the pilot's table.
    Column(String),
    /// Nowhere: the new version brings the column, and nothing of it is compared.
    Missing,
}

/// A column of configuration in the new shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnShape {
    /// Name.
    pub name: String,
    /// See [`OnPilot`].
    pub on_pilot: OnPilot,
    /// Why it never travels, if it does not.
    pub tainted: Option<Taint>,
    /// May hold NULL.
    pub nullable: bool,
    /// Gets a value by itself where a row does not say.
    pub has_default: bool,
}

impl ColumnShape {
    /// Whether a row can be inserted without saying anything for it.
    pub fn fills_itself(&self) -> bool {
        self.nullable || self.has_default
    }
}

/// How rows are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// By these columns (indices): the primary key, else the first unique index over plain columns that are never NULL.
    Columns(Vec<usize>),
    /// There is no key: by the whole row and, among equal rows, by number. A changed row is then one deleted and one inserted.
    WholeRow,
}

/// A configuration table in the new shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableShape {
    /// Name in the new generation.
    pub table: TableName,
    /// As program files write it.
    pub short: String,
    /// Table on the pilot; none where the new version brings the table, and nothing of it is compared.
    pub pilot: Option<TableName>,
    /// Only rows for which this SQL over the row (aliased `t`) is true are configuration; in the new shape.
    pub condition: Option<String>,
    /// Stored columns in the table's order.
    pub columns: Vec<ColumnShape>,
    /// See [`KeyForm`].
    pub key: KeyForm,
    /// Other unique keys over plain columns (indices), of which no two rows may be equal at any moment.
    pub unique: Vec<Vec<usize>>,
}

impl TableShape {
    /// Index of a column.
    pub fn index(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }
}

/// What shapes are made from.
#[derive(Clone, Copy, Debug)]
pub struct ShapeInput<'a> {
    /// The program.
    pub program: &'a Program,
    /// Production's schema before the upgrade, which the decisions are about.
    pub source: &'a Catalog,
    /// Production's schema when the pilot was made, which `copies` are about: another one once production was upgraded or changed.
    pub made_from: &'a Catalog,
    /// The pilot's schema.
    pub pilot: &'a Catalog,
    /// The new generation's schema.
    pub new: &'a Catalog,
    /// How rows travelled from the source to the pilot.
    pub copies: &'a [TableCopy],
    /// How they travel from the source to the new generation, which may be another way by now.
    pub renewed: &'a [TableCopy],
    /// See [`Into`].
    pub into: Into,
}

/// All configuration tables and what refers to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shapes {
    /// By name.
    pub tables: Vec<TableShape>,
    /// References from and to configuration.
    pub references: Vec<Reference>,
    /// See [`Into`].
    pub into: Into,
}

/// Makes the shapes. With an error among the findings nothing may be carried over.
pub fn shapes(input: ShapeInput<'_>) -> (Shapes, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut tables: Vec<TableShape> = Vec::new();
    let origins = Origins::new(input, &mut findings);
    let carried = |t: &&Table| t.is_copied() && !is_left_out(input.program, input.new, t);
    for table in input.new.tables.iter().filter(carried) {
        let condition = match configuration_rows(input.program, input.new, table) {
            ConfigurationRows::None => continue,
            ConfigurationRows::All => None,
            ConfigurationRows::Where(sql) => Some(sql),
        };
        tables.extend(shape(input, &origins, table, condition, &mut findings));
    }
    tables.sort_by(|a, b| a.table.cmp(&b.table));
    gone(input, &origins, &tables, &mut findings);
    let references = references(input, &tables, &mut findings);
    (Shapes { tables, references, into: input.into }, findings)
}

fn stored(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|c| c.generated != Some(Generation::Computed))
}

fn shape(
    input: ShapeInput<'_>,
    origins: &Origins<'_>,
    table: &Table,
    condition: Option<String>,
    findings: &mut Vec<Finding>,
) -> Option<TableShape> {
    let short = table.name.short(input.new.engine);
    let before = findings.len();
    let pilot = origins.table_on_pilot(table, findings);
    let mut unmapped: Vec<&str> = Vec::new();
    let mut columns = Vec::new();
    for column in stored(table) {
        let tainted = match origins.taint(table, &column.name, findings) {
            Some(taint) => taint,
            None => {
                unmapped.push(&column.name);
                None
            }
        };
        columns.push(ColumnShape {
            name: column.name.clone(),
            on_pilot: origins.column_on_pilot(table, &column.name, pilot),
            tainted,
            nullable: column.nullable && !table.primary_key.contains(&column.name),
            has_default: column.default.is_some() || column.generated.is_some(),
        });
    }
    if !unmapped.is_empty() {
        let message = format!("it is not known where the new version's columns of `{short}` come from: {}", listed(&unmapped, SHOWN));
        let hint = "say under `[carry.moved]` what they come from as it is, in columns.toml with `derived_from` what they are made of, or list them as `fresh` under `[carry]`";
        findings.push(Finding::error("GR0801", message).hint(hint));
    }
    let (key, unique) = keys(table, &columns);
    let stable = input.into == Into::Pilot && input.program.masks.stable;
    match &key {
        KeyForm::Columns(parts) => {
            let named = |bad: &dyn Fn(&ColumnShape) -> bool| -> Vec<String> {
                parts.iter().map(|p| &columns[*p]).filter(|c| bad(c)).map(|c| c.name.clone()).collect()
            };
            let tainted = named(&|c| c.tainted.is_some());
            if !tainted.is_empty() && !stable {
                let message = format!(
                    "rows of `{short}` cannot be told apart across generations, since their key is changed on the pilot: {}",
                    listed(&tainted, SHOWN)
                );
                let hint = "keep the key's columns; for pilots alone `stable = true` under `[masks]` also does";
                findings.push(Finding::error("GR0802", message).hint(hint));
            }
            let missing = named(&|c| c.on_pilot == OnPilot::Missing);
            if !missing.is_empty() && pilot.is_some() {
                let message = format!("the key of `{short}` is not on the pilot: {}", listed(&missing, SHOWN));
                let hint = "say under `[carry.moved]` where the key's columns come from, or bring the pilot to the new version first";
                findings.push(Finding::error("GR0805", message).hint(hint));
            }
        }
        KeyForm::WholeRow => {
            let bad: Vec<&str> = columns.iter().filter(|c| c.tainted.is_some()).map(|c| c.name.as_str()).collect();
            if !bad.is_empty() {
                let message = format!("`{short}` has no key, and columns that do not travel: {}", listed(&bad, SHOWN));
                let hint = "give the table a primary key with the upgrade, or another kind";
                findings.push(Finding::error("GR0807", message).hint(hint));
            } else if findings.len() == before {
                let message = format!(
                    "`{short}` has no key: its rows are compared as wholes, and a changed row counts as one deleted and one inserted"
                );
                findings.push(Finding::note("GR0808", message));
            }
        }
    }
    if let (KeyForm::Columns(parts), true) = (&key, stable) {
        parts.iter().for_each(|p| columns[*p].tainted = None);
    }
    Some(TableShape { table: table.name.clone(), short, pilot: pilot.map(|t| t.name.clone()), condition, columns, key, unique })
}

/// The key by which rows are told apart, and the other unique keys.
pub(super) fn keys(table: &Table, columns: &[ColumnShape]) -> (KeyForm, Vec<Vec<usize>>) {
    let at = |name: &str| columns.iter().position(|c| c.name == name);
    let plain = |parts: &[IndexPart]| -> Option<Vec<usize>> {
        parts.iter().map(|p| if let IndexPart::Column(name) = p { at(name) } else { None }).collect()
    };
    let primary: Option<Vec<usize>> = table.primary_key.iter().map(|c| at(c)).collect();
    let mut unique: Vec<Vec<usize>> = Vec::new();
    for index in table.indexes.iter().filter(|i| i.unique && !i.primary && i.predicate.is_none()) {
        unique.extend(plain(&index.parts).filter(|p| !p.is_empty()));
    }
    if let Some(primary) = primary.filter(|p| !p.is_empty()) {
        return (KeyForm::Columns(primary), unique);
    }
    match unique.iter().position(|u| u.iter().all(|c| !columns[*c].nullable)) {
        Some(first) => (KeyForm::Columns(unique.remove(first)), unique),
        None => (KeyForm::WholeRow, unique),
    }
}

/// Reports configuration of the pilot that has no place in the new version.
fn gone(input: ShapeInput<'_>, origins: &Origins<'_>, tables: &[TableShape], findings: &mut Vec<Finding>) {
    for table in input.pilot.tables.iter().filter(|t| t.is_copied() && !is_left_out(input.program, input.pilot, t)) {
        if configuration_rows(input.program, input.pilot, table) == ConfigurationRows::None {
            continue;
        }
        let used = |column: &str| {
            tables
                .iter()
                .filter(|s| s.pilot.as_ref() == Some(&table.name))
                .any(|s| s.columns.iter().any(|c| c.on_pilot == OnPilot::Column(column.to_owned())))
        };
        let lost: Vec<&str> = stored(table).map(|c| c.name.as_str()).filter(|c| !used(c) && !origins.moved_away(table, c)).collect();
        if !lost.is_empty() {
            let short = table.name.short(input.pilot.engine);
            let message = format!("the new version has no place for the pilot's columns of `{short}`: {}", listed(&lost, SHOWN));
            let hint = "what was configured in them is not carried; say under `[carry.moved]` where they went, if they did";
            findings.push(Finding::warning("GR0806", message).hint(hint));
        }
    }
}
