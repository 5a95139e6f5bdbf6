//! `greenroom columns`.

use super::Done;
use crate::app::{App, Opened};
use crate::error::{CliError, Exit};
use crate::render::style::{GOOD, WARN, heading, paint};
use crate::render::table::{Align, table};
use crate::render::words;
use clap::Args;
use greenroom_model::catalog::{Catalog, TableForm, TableName};
use greenroom_model::columns::names::{decisions_of, find_table, is_left_out, suggest_table};
use greenroom_model::columns::{self, Decision, Samples, Treatment};
use greenroom_model::finding::{Finding, any_error};
use greenroom_model::hash::Hash;
use greenroom_model::program::Program;
use greenroom_model::program::write::{ProposedColumn, add_columns, difference};
use greenroom_runner::ports::Silent;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows looked at per table, to propose decisions. They are never stored.
pub const SAMPLED: u32 = 200;

/// Show what nobody has decided yet, with proposals; after a schema change just the difference
///
/// Looks at names, types, foreign keys and a sample of values (which is never stored). People decide: proposals are only written with
/// `--write`, and what is doubtful stays undecided, so that the check stops at it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom columns                      what is undecided, new or gone
  greenroom columns --write              add the proposals to columns.toml, pin the schema
  greenroom columns --all --table client every column of one table and what happens to it")]
pub struct ColumnsArgs {
    /// Add proposed decisions to columns.toml and pin the schema's fingerprint
    #[arg(long)]
    write: bool,
    /// Only this table
    #[arg(long)]
    table: Option<String>,
    /// Also the columns that are decided
    #[arg(long)]
    all: bool,
    /// Look at this raw copy in the quarantine instead of the source; `greenroom status` lists them
    #[arg(long, value_name = "NAME")]
    raw: Option<String>,
}

/// What happens to a column.
#[derive(Serialize)]
struct Line {
    table: String,
    column: String,
    native_type: String,
    decision: Option<String>,
    proposal: Option<String>,
    detected: Option<columns::Detected>,
    why: String,
}

#[derive(Serialize)]
struct Report {
    tables: usize,
    columns: usize,
    undecided: usize,
    proposed: usize,
    gone: Vec<String>,
    /// Columns whose type or nullability changed since the decisions; unknown where this workspace has not seen the former schema.
    retyped: Option<Vec<String>>,
    pinned: Option<Hash>,
    fingerprint: Hash,
    written: bool,
    lines: Vec<Line>,
    findings: Vec<Finding>,
    #[serde(skip)]
    difference: String,
}

pub async fn cmd_columns(app: &App, args: ColumnsArgs) -> Done {
    let opened = app.open()?;
    let session = app.session_with(Arc::new(Silent))?.0;
    let raw = match &args.raw {
        Some(name) => Some(session.raw_copy(name).await?),
        None => None,
    };
    let mut source = session.engines_over(raw.as_ref()).source().await?;
    let (catalog, samples) = look(source.as_mut()).await?;
    let only = wanted(&catalog, args.table.as_deref())?;
    let (program, told) = session.program_for(&catalog)?;
    let program = &program;
    let open = undecided(program, &catalog, &samples, only.as_ref());
    let gone = gone(program, &catalog);
    let undecided = open.iter().filter(|c| c.decision.is_none()).count();
    let decided = session.decided_schema(&catalog);
    let mut found = columns::check_since(program, &catalog, Some(&samples), decided.as_ref());
    // Said at length by the command itself.
    found.retain(|f| !matches!(f.code, "GR0201" | "GR0204" | "GR0206"));
    found.extend(told);
    found.extend(columns::quasi(program, &catalog, Some(&samples)));
    if args.write {
        write(app, &opened, &catalog, &open)?;
        session.remember_schema(&catalog);
    }
    app.show(&found, &opened.layers);
    let names: Vec<String> = gone.iter().map(|(t, c)| format!("{}.{c}", t.short(catalog.engine))).collect();
    let report = Report {
        tables: catalog.tables.len(),
        columns: catalog.tables.iter().map(|t| t.columns.len()).sum(),
        undecided,
        proposed: open.len() - undecided,
        difference: difference(catalog.engine, &open, &gone),
        gone: names,
        retyped: decided.as_ref().map(|d| columns::retyped(d, &catalog)),
        pinned: program.pinned,
        fingerprint: catalog.columns_fingerprint(),
        written: args.write,
        lines: lines(program, &catalog, &samples, &open, only.as_ref(), args.all),
        findings: found,
    };
    app.result(&report, |r| text(r, args.all))?;
    let stops = report.undecided > 0 || !args.write && report.proposed > 0 || any_error(&report.findings);
    app.say(if stops && !args.write && report.proposed > 0 {
        "next: `greenroom columns --write` adds the proposals; complete what is left by hand"
    } else if stops {
        "next: complete what is left in columns.toml, then `greenroom check`"
    } else {
        "next: `greenroom check`"
    });
    Ok(Exit::Ok)
}

/// The schema and a sample of each table's rows.
pub async fn look(source: &mut dyn greenroom_engine::Source) -> Result<(Catalog, Samples), CliError> {
    let catalog = source.inspect().await?;
    let mut samples = Samples::default();
    for t in catalog.tables.iter().filter(|t| t.is_copied()) {
        let by_column = source.sample(t, SAMPLED).await?;
        let width = t.columns.len();
        let mut of: Vec<Vec<Option<String>>> = vec![Vec::new(); width];
        for row in by_column {
            row.into_iter().take(width).zip(of.iter_mut()).for_each(|(v, column)| column.push(v));
        }
        t.columns.iter().zip(of).for_each(|(c, values)| samples.add(&t.name, &c.name, values));
    }
    Ok((catalog, samples))
}

fn wanted(catalog: &Catalog, written: Option<&str>) -> Result<Option<TableName>, CliError> {
    let Some(written) = written else { return Ok(None) };
    match find_table(catalog, written) {
        Some(t) => Ok(Some(t.name.clone())),
        None => {
            let hint = suggest_table(catalog, written)
                .map_or("`greenroom columns --all` lists the tables".into(), |n| format!("did you mean `{n}`?"));
            Err(CliError::usage(format!("the source has no table `{written}`"), hint))
        }
    }
}

/// Columns without a decision, with what is proposed for each.
pub fn undecided(program: &Program, catalog: &Catalog, samples: &Samples, only: Option<&TableName>) -> Vec<ProposedColumn> {
    let open: BTreeSet<(&TableName, &str)> =
        columns::undecided(program, catalog).into_iter().flat_map(|(t, cs)| cs.into_iter().map(move |c| (&t.name, c))).collect();
    let mut out = Vec::new();
    for proposal in columns::propose(catalog, samples) {
        let Some(t) = catalog.table(&proposal.table).filter(|t| only.is_none_or(|o| *o == t.name)) else { continue };
        // A partitioned table holds no rows itself; its partitions take over what is decided for it.
        let parent = t.form == TableForm::Partitioned && !is_left_out(program, catalog, t);
        let decided = decisions_of(program, catalog, t);
        for c in proposal.columns {
            if open.contains(&(&t.name, c.column.as_str())) || parent && !decided.contains_key(c.column.as_str()) {
                out.push(proposed(&proposal.table, c));
            }
        }
    }
    out
}

/// A proposal as it is written: the reason as a comment, so that reasons in the file are people's.
fn proposed(table: &TableName, c: columns::Proposal) -> ProposedColumn {
    let sure = c.detected.as_ref().map(|d| word(&d.confidence));
    let why = match (&c.decision, &c.detected) {
        (Some(d), _) => {
            let sure = sure.map(|s| format!(" ({s})")).unwrap_or_default();
            format!("{}{sure}", d.reason.clone().unwrap_or_default())
        }
        (None, Some(d)) => d.why.clone(),
        (None, None) => "no sign either way: look at what it holds".to_owned(),
    };
    let detected = c.detected.as_ref().filter(|_| c.decision.is_none()).map(|d| format!("{}, {}", word(&d.what), word(&d.confidence)));
    let decision = c.decision.map(|d| Decision { reason: None, ..d });
    ProposedColumn { table: table.clone(), column: c.column, decision, why, detected }
}

/// An enum's serialised word, for people.
fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(|s| s.replace('_', " "))).unwrap_or_default()
}

/// Decisions of the program itself about columns that are not there.
fn gone(program: &Program, catalog: &Catalog) -> Vec<(TableName, String)> {
    let mut out = Vec::new();
    for (written, columns) in &program.columns {
        let found = find_table(catalog, written);
        let name = found.map_or_else(|| TableName::new(catalog.engine.default_schema(), written.clone()), |t| t.name.clone());
        let ours = columns.iter().filter(|(_, d)| !d.after_upgrade && d.origin.is_own());
        let missing = ours.filter(|(c, _)| found.is_none_or(|t| t.column(c).is_none()));
        out.extend(missing.map(|(c, _)| (name.clone(), c.clone())));
    }
    out
}

fn lines(
    program: &Program,
    catalog: &Catalog,
    samples: &Samples,
    open: &[ProposedColumn],
    only: Option<&TableName>,
    all: bool,
) -> Vec<Line> {
    let detected = columns::detect(catalog, samples);
    let open: BTreeMap<(&TableName, &str), &ProposedColumn> = open.iter().map(|c| ((&c.table, c.column.as_str()), c)).collect();
    let mut out = Vec::new();
    for t in catalog.tables.iter().filter(|t| only.is_none_or(|o| *o == t.name)) {
        let decisions = decisions_of(program, catalog, t);
        for c in &t.columns {
            let proposal = open.get(&(&t.name, c.name.as_str()));
            if proposal.is_none() && !all {
                continue;
            }
            let decision = decisions.get(c.name.as_str());
            out.push(Line {
                table: t.name.short(catalog.engine),
                column: c.name.clone(),
                native_type: c.native_type.clone(),
                decision: decision.map(|d| shown(d)),
                proposal: proposal.and_then(|p| p.decision.as_ref()).map(shown),
                detected: detected.get(&t.name).and_then(|d| d.get(&c.name)).cloned(),
                why: proposal.map(|p| p.why.clone()).or_else(|| decision.and_then(|d| d.reason.clone())).unwrap_or_default(),
            });
        }
    }
    out
}

/// A decision in a few words.
pub fn shown(d: &Decision) -> String {
    let mut out = match &d.treatment {
        Treatment::Keep => "keep".to_owned(),
        Treatment::Null => "null".to_owned(),
        Treatment::Clear => "clear".to_owned(),
        Treatment::Default => "default".to_owned(),
        Treatment::Mask { rule, identity, .. } => match identity {
            Some(i) => format!("mask {} (by {i})", rule.name),
            None => format!("mask {}", rule.name),
        },
    };
    if let Some(by) = &d.approved_by {
        out.push_str(&format!(", approved by {by}"));
    }
    if d.when.is_some() || d.unless.is_some() {
        out.push_str(", for some rows");
    }
    out
}

fn text(r: &Report, all: bool) -> String {
    let mut out = String::new();
    if all {
        let row = |l: &Line| {
            let now = l.decision.clone().unwrap_or_else(|| if l.proposal.is_some() { "undecided".into() } else { String::new() });
            let looks = l.detected.as_ref().map(|d| format!("{} ({})", word(&d.what), word(&d.confidence))).unwrap_or_default();
            vec![l.table.clone(), l.column.clone(), l.native_type.to_lowercase(), now, looks]
        };
        let rows: Vec<Vec<String>> = r.lines.iter().map(row).collect();
        let left = |h| (h, Align::Left);
        out.push_str(&table(&[left("table"), left("column"), left("type"), left("decision"), left("looks like")], &rows));
    }
    let open = r.undecided + r.proposed;
    if open == 0 && r.gone.is_empty() {
        let drifted = r.pinned.is_some_and(|p| p != r.fingerprint) && !r.written;
        out.push_str(&match drifted {
            true => format!(
                "{}: {}; look at it, then `greenroom columns --write` pins the schema\n",
                paint(WARN, "changed"),
                match &r.retyped {
                    Some(changes) if !changes.is_empty() => changes.join(", "),
                    _ => "a column changed its type, or whether it may be NULL".to_owned(),
                }
            ),
            false => format!("{}: every column that is copied has a decision\n", paint(GOOD, "ok")),
        });
        return out;
    }
    if r.written {
        out.push_str(&format!("added to columns.toml: {}", words::count(r.proposed as u64, "decision")));
        out.push_str(&match r.undecided {
            0 => "\n".to_owned(),
            n => format!("; still undecided, to be completed there: {}\n", words::count(n as u64, "column")),
        });
    } else if open > 0 {
        let what = format!("{} without a decision, {} with a proposal", words::count(open as u64, "column"), r.proposed);
        out.push_str(&heading(&what));
        out.push('\n');
    }
    if !r.written || !r.gone.is_empty() {
        out.push_str(&r.difference);
    }
    if let Some(changes) = r.retyped.as_ref().filter(|c| !c.is_empty()) {
        out.push_str(&format!("\nchanged since the decisions: {}\n", changes.join(", ")));
    }
    if !r.gone.is_empty() {
        out.push_str(&format!("\nremove from columns.toml what is marked as gone: {}\n", words::count(r.gone.len() as u64, "column")));
    }
    out
}

/// Adds proposals to columns.toml, keeping what people wrote; undecided columns that it mentions already are not mentioned twice.
fn write(app: &App, opened: &Opened, catalog: &Catalog, open: &[ProposedColumn]) -> Result<(), CliError> {
    let path = opened.folder.join("columns.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(CliError::io(format!("read {}", path.display()))(e)),
    };
    let mentioned = mentioned(&text);
    let added: Vec<ProposedColumn> = open
        .iter()
        .filter(|c| {
            let tables = [c.table.short(catalog.engine), c.table.to_string()];
            c.decision.is_some() || !tables.iter().any(|t| mentioned.contains(&(t.clone(), c.column.clone())))
        })
        .cloned()
        .collect();
    let Some(new) = add_columns(&text, catalog.engine, catalog.columns_fingerprint(), &added) else {
        return Err(CliError::missing(
            "columns.toml is written in a form that cannot be added to",
            "give each table a `[table]` section of its own, or add the proposals above by hand",
        ));
    };
    if new == text {
        return Ok(());
    }
    let part = opened.folder.join(".columns.toml.part");
    std::fs::write(&part, new).and_then(|()| std::fs::rename(&part, &path)).map_err(CliError::io(format!("write {}", path.display())))?;
    app.say(format!("wrote {}", path.display()));
    Ok(())
}

/// Tables and columns of the lines `# column = ?`.
fn mentioned(text: &str) -> BTreeSet<(String, String)> {
    let mut section = String::new();
    let mut out = BTreeSet::new();
    for line in text.lines() {
        if line.trim().starts_with('[') {
            section = path(line.trim()).unwrap_or_default();
        } else if let Some((key, _)) = line.strip_prefix('#').and_then(|l| l.split_once(" = ?"))
            && let Some(key) = path(&format!("{key} = 1"))
        {
            out.insert((section.clone(), key));
        }
    }
    out
}

/// The names that lead to what a line of TOML begins or sets, with dots between.
fn path(line: &str) -> Option<String> {
    let mut names = Vec::new();
    let mut at = line.parse::<toml::Table>().ok()?;
    while let Some((name, value)) = at.into_iter().next() {
        names.push(name);
        at = match value {
            toml::Value::Table(inner) => inner,
            _ => break,
        };
    }
    (!names.is_empty()).then(|| names.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undecided_lines_are_found_with_their_table() {
        let text = "schema = \"x\"\n[client]\nid = \"keep\"\n# notes = ?  # undecided: free text\n# a remark = nothing\n[\"a b\".x]\n# \"c d\" = ?\n[\"from \\\"x\\\" a.b\"]\n# \"k \\\"1\" = ?\n";
        let found: Vec<_> = mentioned(text).into_iter().collect();
        assert_eq!(found, [("a b.x", "c d"), ("client", "notes"), ("from \"x\" a.b", "k \"1")].map(|(t, c)| (t.to_owned(), c.to_owned())));
    }
}
