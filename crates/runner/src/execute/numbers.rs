//! Series of document numbers on the way to the new production and back: read from both sides, compared, asked about. The numbers themselves are row values: they go to the
//! terminal and into a file of the run's folder, their counts and a keyed hash on record.
//!
//! Owns reading and asking. Does not own what is missing (`model::numbers`).

use super::sides::Cells;
use super::{Execution, RunError, StepError, failure};
use crate::ports::Notice;
use greenroom_engine::{CellSource, ErrorKind, Generation};
use greenroom_model::carry::{Cell, Shapes, Side};
use greenroom_model::catalog::Catalog;
use greenroom_model::columns::names::find_table;
use greenroom_model::hash::Hash;
use greenroom_model::numbers::{Numbers, SeriesReport};
use greenroom_model::program::{NumberColumn, NumberSeries};
use greenroom_model::run::{Outcome, Question, Verdict};
use std::collections::BTreeMap;

/// Where production's numbers are kept until they were compared.
const NUMBERS: &str = "numbers.json";
/// The list for people.
const LIST: &str = "numbers.txt";
/// Lines of the list that are shown on the terminal.
const SHOWN: usize = 20;

/// What a cell holds, as text: cells of SQLite put quotes around texts in columns of another affinity.
fn plain(cell: &Cell) -> Option<&str> {
    let text = std::str::from_utf8(cell.bytes()?).ok()?;
    Some(text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).unwrap_or(text))
}

/// The numbers of a series in one database, or why they cannot be read there.
async fn read(database: &mut dyn CellSource, catalog: &Catalog, form: &NumberColumn) -> Result<Result<Numbers, String>, StepError> {
    let Some(table) = find_table(catalog, &form.table) else { return Ok(Err(format!("there is no table `{}`", form.table))) };
    let mut columns = vec![form.column.as_str()];
    columns.extend(form.group.as_deref());
    if let Some(lacking) = columns.iter().find(|c| table.column(c).is_none()) {
        return Ok(Err(format!("there is no column `{}.{lacking}`", form.table)));
    }
    let mut numbers = Numbers::default();
    let mut take = |row: Vec<Cell>| {
        if let Some(value) = row.first().and_then(plain) {
            numbers.add(form, value, row.get(1).filter(|_| form.group.is_some()).and_then(plain).unwrap_or_default());
        }
    };
    Cells::of(database).each_of(table, &columns, None, &mut take).await?;
    numbers.sort();
    Ok(Ok(numbers))
}

/// The numbers of rows in a shape's columns.
fn of_side(form: &NumberColumn, side: &Side, at: usize, group: Option<usize>) -> Numbers {
    let row = |row: &Vec<Cell>| (plain(&row[at]).map(str::to_owned), group.and_then(|g| plain(&row[g]).map(str::to_owned)));
    Numbers::of(form, side.rows.values().map(row))
}

/// The number that is given next, and the group that it belongs to: by the program's query, else by the column's own counter.
async fn next(database: &mut dyn Generation, catalog: &Catalog, form: &NumberColumn) -> Result<Option<(String, u64)>, StepError> {
    if let Some(sql) = &form.next {
        let value = database.query(sql).await.map_err(|e| match e.kind {
            ErrorKind::Statement | ErrorKind::Data | ErrorKind::Other => {
                let mut f =
                    failure("GR0781", format!("the query for the next number after `{}.{}` does not work: {e}", form.table, form.column));
                f.hint = Some("mend `next` under `[[numbers]]`".into());
                StepError::from(f)
            }
            _ => e.into(),
        })?;
        let Some(text) = value.first else { return Ok(None) };
        let written = Numbers::of(form, [(Some(text.as_str()), None)]);
        let bare = || text.trim().parse().ok().map(|n| (String::new(), n));
        return Ok(written.only().map(|(group, n)| (group.to_owned(), n)).or_else(bare));
    }
    // A counter that counts for several series says nothing about one of them.
    let Some(table) = find_table(catalog, &form.table).filter(|t| form.group.is_none() && t.column(&form.column).is_some()) else {
        return Ok(None);
    };
    Ok(database.next_number(&table.name, &form.column).await?.and_then(|n| Some((String::new(), u64::try_from(n).ok()?))))
}

/// A series that could not be compared.
fn unread(series: &NumberSeries, why: String) -> SeriesReport {
    SeriesReport { series: series.name.clone(), missing: Some(why), ..SeriesReport::default() }
}

/// What a series would be once the touched rows are carried back.
pub(super) async fn predicted(
    former: &mut dyn Generation,
    new: &mut dyn Generation,
    (before, now): (&Catalog, &Catalog),
    series: &NumberSeries,
    shapes: &Shapes,
    sides: &BTreeMap<usize, (Side, Side)>,
) -> Result<SeriesReport, StepError> {
    let was = match read(former, before, &series.before).await? {
        Ok(numbers) => numbers,
        Err(why) => return Ok(unread(series, format!("in the former production {why}"))),
    };
    let due = match read(new, now, &series.after).await? {
        Ok(numbers) => numbers,
        Err(why) => return Ok(unread(series, format!("in the new production {why}"))),
    };
    let table = find_table(before, &series.before.table).map(|t| &t.name);
    let at = shapes.tables.iter().position(|s| Some(&s.table) == table);
    let place = at.and_then(|at| {
        let shape = &shapes.tables[at];
        Some((at, shape.index(&series.before.column)?, series.before.group.as_ref().and_then(|g| shape.index(g))))
    });
    let then = match place.and_then(|(at, column, group)| Some((sides.get(&at)?, column, group))) {
        Some(((aside, here), column, group)) => {
            let (gone, come) = (of_side(&series.before, aside, column, group), of_side(&series.before, here, column, group));
            was.clone().changed(&gone, &come)
        }
        None => was.clone(),
    };
    Ok(SeriesReport::new(&series.name, &was, &due, &then))
}

impl Execution {
    /// Part of a step that reads production inside its snapshot: the numbers that it has given.
    pub(super) async fn source_numbers(&mut self, catalog: &Catalog) -> Result<(), StepError> {
        let setup = self.setup.clone();
        if setup.program.numbers.is_empty() || !self.plan.kind.is_unmasked() {
            return Ok(());
        }
        let Some(held) = self.held.as_mut() else { return Err(failure("GR0710", "no snapshot is held").into()) };
        let mut all = BTreeMap::new();
        for series in setup.program.numbers.iter().filter(|s| !s.is_others(catalog)) {
            let read = read(held.as_mut(), catalog, &series.before).await?;
            let numbers = read
                .map_err(|why| failure("GR0781", format!("the document numbers `{}` cannot be read: in production {why}", series.name)))?;
            all.insert(series.name.clone(), numbers);
        }
        Ok(self.keep(NUMBERS, &all)?)
    }

    /// Step of a switch and of its rehearsal: every document number of production is there, once, and the counters go on behind the highest.
    pub(super) async fn verify_numbers(&mut self, answer: Option<&str>) -> Result<Outcome, StepError> {
        if answer == Some("refuse") {
            return Err(StepError::GoBack(failure(
                "GR0781",
                "document numbers are not what they were, and nobody takes that on: everything goes back",
            )));
        }
        let setup = self.setup.clone();
        let was: BTreeMap<String, Numbers> = self.kept(NUMBERS)?.ok_or_else(|| {
            let mut f = failure("GR0711", format!("the run's folder has lost `{NUMBERS}`, which says what numbers production has given"));
            f.hint = Some("`greenroom undo` and start again".into());
            f
        })?;
        let inside = self.generation().await?;
        let catalog = inside.inspect().await?;
        let mut reports = Vec::new();
        for series in &setup.program.numbers {
            // A kit's, about a table that production does not have.
            let Some(was) = was.get(&series.name) else { continue };
            reports.push(match read(inside.as_mut(), &catalog, &series.after).await? {
                Err(why) => unread(series, format!("in the new version {why}")),
                Ok(now) => {
                    let mut report = SeriesReport::new(&series.name, was, was, &now);
                    if let Some((group, next)) = next(inside.as_mut(), &catalog, &series.after).await? {
                        report.counter(Some(next), was.given_in(&group).max(now.given_in(&group)));
                    }
                    report
                }
            });
        }
        self.list_numbers(&reports)?;
        let losses: Vec<String> = reports.iter().flat_map(SeriesReport::losses).collect();
        if !losses.is_empty() && answer != Some("go") {
            return Err(StepError::Waits(self.ask_about_numbers("what the upgrade made of production's document numbers", &losses)));
        }
        let mut verdict = numbers_verdict(&reports, catalog.fingerprint());
        verdict.not_compared.extend(losses.iter().map(|l| format!("taken on by a person: {l}")));
        let mut outcome = self.conclude(verdict, "GR0781", "document numbers are not what they were")?;
        outcome.notes.extend(losses);
        outcome.notes.extend(reports.iter().flat_map(SeriesReport::remarks));
        outcome.facts.extend(self.numbers_facts(&reports));
        Ok(outcome)
    }

    /// Asks whether somebody takes it on what became of numbers.
    pub(super) fn ask_about_numbers(&self, what: &str, losses: &[String]) -> Question {
        let mut text = format!("{what} is not what it should be; `{LIST}` in the run's folder lists them:");
        losses.iter().for_each(|l| text.push_str(&format!("\n  {l}")));
        Question {
            text,
            choices: vec![
                ("go".into(), "take it on, on record with your name".into()),
                ("refuse".into(), "everything goes back to where it was".into()),
            ],
        }
    }

    /// Counters of the former production that stand behind a number that was given, there or in the new one, after rows and counters were carried back.
    pub(super) async fn counters_behind(
        &mut self,
        former: &mut dyn Generation,
        new: &mut dyn Generation,
    ) -> Result<Vec<SeriesReport>, StepError> {
        let program = self.setup.program.clone();
        if program.numbers.is_empty() {
            return Ok(Vec::new());
        }
        let (before, now) = (former.inspect().await?, new.inspect().await?);
        let mut behind = Vec::new();
        for series in program.numbers.iter().filter(|s| !s.is_others(&before)) {
            let (here, there) = (read(former, &before, &series.before).await?, read(new, &now, &series.after).await?);
            let mut report = SeriesReport { series: series.name.clone(), ..SeriesReport::default() };
            if let Some((group, next)) = next(former, &before, &series.before).await? {
                let given = [here, there].into_iter().filter_map(|n| n.ok()?.given_in(&group)).max();
                report.counter(Some(next), given);
            }
            behind.extend(report.behind.is_some().then_some(report));
        }
        Ok(behind)
    }

    /// Writes the numbers down for people: on the terminal, and beside the run.
    pub(super) fn list_numbers(&self, reports: &[SeriesReport]) -> Result<(), RunError> {
        let lines: Vec<String> = reports.iter().flat_map(SeriesReport::listed).collect();
        if lines.is_empty() {
            return self.forget(LIST);
        }
        let path = self.setup.scratch.join(LIST);
        crate::workspace::write_whole(&path, format!("{}\n", lines.join("\n")).as_bytes())
            .map_err(|source| RunError::Scratch { path: path.clone(), source })?;
        let more = lines.len().saturating_sub(SHOWN);
        lines.into_iter().take(SHOWN).for_each(|l| self.setup.observer.notice(Notice::Line(l)));
        if more > 0 {
            self.setup.observer.notice(Notice::Line(format!("and {more} lines more in {}", path.display())));
        }
        Ok(())
    }

    /// What goes on record about numbers: how many, and what nobody can guess them from.
    pub(super) fn numbers_facts(&self, reports: &[SeriesReport]) -> BTreeMap<String, String> {
        if reports.is_empty() {
            return BTreeMap::new();
        }
        let count: u64 = reports.iter().map(|r| r.count).sum();
        let hash = self.keyed_hash(Hash::of_json(&reports));
        [("document numbers".to_owned(), count.to_string()), ("numbers listed".to_owned(), hash.to_string())].into()
    }

    /// What was kept of production's numbers is of no more use.
    pub(super) fn forget_numbers(&self) -> Result<(), RunError> {
        self.forget(NUMBERS)
    }
}

/// What a comparison of numbers says.
fn numbers_verdict(reports: &[SeriesReport], fingerprint: Hash) -> Verdict {
    let each = |r: &SeriesReport| format!("document numbers `{}`: {}", r.series, r.count);
    Verdict {
        what: "document numbers".into(),
        passed: false,
        compared: reports.iter().filter(|r| r.missing.is_none()).map(each).collect(),
        not_compared: reports.iter().flat_map(SeriesReport::remarks).collect(),
        differences: Vec::new(),
        fingerprint,
    }
}
