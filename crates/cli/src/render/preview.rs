//! What a refresh carries over, as text and as a page. Owns the wording; does not own what is in it (`model::carry::Preview`).

use super::style::{HEAD, paint};
use super::table::{Align, table};
use super::words;
use greenroom_model::carry::{Cell, Conflict, ConflictKind, Into, Key, Preview, ReportKind, TablePreview, Take, Taken};
use greenroom_runner::execute::Shown;

/// Rows of one table that a terminal is given; the page and JSON have all.
const SHOWN: usize = 20;
/// Characters of a value that a terminal is given.
const WIDE: usize = 40;

/// A value for people.
pub fn value(cell: &Cell) -> String {
    match cell.bytes() {
        None => "NULL".to_owned(),
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
            Err(_) => format!("{} bytes", bytes.len()),
        },
    }
}

fn short(text: String) -> String {
    if text.chars().count() <= WIDE { text } else { format!("{}…", text.chars().take(WIDE - 1).collect::<String>()) }
}

fn key(key: &Key) -> String {
    key.iter().map(value).collect::<Vec<_>>().join(", ")
}

fn cells(cells: Option<&Vec<Cell>>) -> String {
    match cells {
        None => "no row".to_owned(),
        Some(cells) => cells.iter().map(value).collect::<Vec<_>>().join(", "),
    }
}

fn changed(taken: &Taken) -> String {
    taken.cells.iter().map(|(column, cell)| format!("{column} = {}", value(cell))).collect::<Vec<_>>().join(", ")
}

/// Why it is a conflict, in a few words.
fn why(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::BothChanged => "both changed it, differently",
        ConflictKind::SameKey => "both added a row with this key",
        ConflictKind::DeletedOnPilot => "deleted on the pilot, changed in production",
        ConflictKind::DeletedInProduction => "changed on the pilot, deleted in production",
        ConflictKind::Left => "no configuration any more on one side",
        ConflictKind::Tainted => "a masked or neutralised value was edited on the pilot",
        ConflictKind::NoValue => "a masked column takes neither NULL nor a default",
        ConflictKind::MissingParent => "it refers to a row that will not be there",
        ConflictKind::Referenced => "other rows refer to it",
        ConflictKind::Occupied => "another row has the value already",
        ConflictKind::Planted => "a value that also stands in a masked column of the pilot",
    }
}

fn reported(kind: ReportKind, into: Into) -> &'static str {
    let raw = into == Into::Raw;
    match kind {
        ReportKind::ProductionChanged if raw => "changed in production, stays so",
        ReportKind::ProductionInserted if raw => "added in production, stays",
        ReportKind::ProductionDeleted if raw => "deleted in production, stays so",
        ReportKind::ProductionChanged => "changed in production, not taken",
        ReportKind::ProductionInserted => "added in production, not taken",
        ReportKind::ProductionDeleted => "deleted in production, kept",
        ReportKind::Needed => "added in production, taken because other rows need it",
        ReportKind::Withheld => "masked or neutralised: does not travel",
    }
}

fn take(take: Take) -> &'static str {
    match take {
        Take::Pilot => "pilot",
        Take::Production => "production",
        Take::Null => "null",
        Take::Ask => "ask",
    }
}

fn decision(conflict: &Conflict) -> String {
    let choices = || conflict.choices.iter().map(|t| take(*t)).collect::<Vec<_>>().join(" or ");
    match conflict.taken {
        Some((taken, greenroom_model::carry::By::Person)) => format!("{}, decided", take(taken)),
        Some((taken, greenroom_model::carry::By::Rule(n))) => format!("{}, by rule {}", take(taken), n + 1),
        None if conflict.stale => format!("OPEN ({}); decided before on other values", choices()),
        None => format!("OPEN ({})", choices()),
    }
}

/// The preview for a terminal.
pub fn text(shown: &Shown) -> String {
    let p = &shown.preview;
    let mut out = format!("{}\n", paint(HEAD, "Configuration that is carried over"));
    let rows: Vec<Vec<String>> = p
        .tables
        .iter()
        .map(|t| {
            let c = t.counts;
            let n = |n: u64| if n == 0 { String::new() } else { n.to_string() };
            vec![t.table.clone(), n(c.inserted), n(c.updated), n(c.cells), n(c.deleted), n(c.reports), n(c.conflicts), n(c.open)]
        })
        .collect();
    if rows.is_empty() {
        out.push_str("  nothing: pilot and production have the same configuration as before\n");
    } else {
        let right = |name| (name, Align::Right);
        let columns = [
            ("table", Align::Left),
            right("inserted"),
            right("updated"),
            right("cells"),
            right("deleted"),
            right("reported"),
            right("conflicts"),
            right("open"),
        ];
        out.push_str(&table(&columns, &rows));
    }
    p.tables.iter().for_each(|t| details(t, p.into, &mut out));
    rest(p, &shown.findings, &mut out);
    out
}

fn more(all: usize, out: &mut String) {
    if all > SHOWN {
        out.push_str(&format!("  … and {} more: `greenroom preview --html FILE` or `--json` has all\n", all - SHOWN));
    }
}

fn details(t: &TablePreview, into: Into, out: &mut String) {
    if !t.taken.is_empty() {
        out.push_str(&format!("\n{} from the pilot\n", paint(HEAD, &t.table)));
        let rows: Vec<Vec<String>> =
            t.taken.iter().take(SHOWN).map(|r| vec![r.what.clone(), short(key(&r.key)), short(changed(r))]).collect();
        out.push_str(&table(&[("", Align::Left), ("key", Align::Left), ("values", Align::Left)], &rows));
        more(t.taken.len(), out);
    }
    if !t.conflicts.is_empty() {
        out.push_str(&format!("\n{} in conflict\n", paint(HEAD, &t.table)));
        for c in t.conflicts.iter().take(SHOWN) {
            let column = c.column.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
            out.push_str(&format!(
                "  {}  row {}{column}: {} — {}\n",
                &c.id.place.to_string()[..8],
                short(key(&c.key)),
                why(c.kind),
                decision(c)
            ));
            for (side, cells_of) in [("before", &c.base), ("pilot", &c.pilot), ("production", &c.new)] {
                out.push_str(&format!("            {side:<10}  {}\n", short(cells(cells_of.as_ref()))));
            }
        }
        more(t.conflicts.len(), out);
    }
    if !t.reports.is_empty() {
        out.push_str(&format!("\n{} in production\n", paint(HEAD, &t.table)));
        let rows: Vec<Vec<String>> = t
            .reports
            .iter()
            .take(SHOWN)
            .map(|r| {
                vec![
                    short(key(&r.key)),
                    r.column.clone().unwrap_or_default(),
                    reported(r.kind, into).to_owned(),
                    short(cells(r.new.as_ref())),
                ]
            })
            .collect();
        out.push_str(&table(&[("key", Align::Left), ("column", Align::Left), ("", Align::Left), ("value", Align::Left)], &rows));
        more(t.reports.len(), out);
    }
}

fn rest(p: &Preview, findings: &[String], out: &mut String) {
    if !p.lost_records.is_empty() {
        out.push_str(&format!("\n{}\n", paint(HEAD, "Records that people entered or changed on the pilot, and that are lost")));
        for (name, n) in &p.lost_records {
            out.push_str(&format!("  {name}: {}\n", words::count(*n, "row")));
        }
    }
    let others: Vec<String> = p.not_carried.iter().map(|(what, why)| format!("{what}: {why}")).chain(findings.iter().cloned()).collect();
    if !others.is_empty() {
        out.push_str(&format!("\n{}\n", paint(HEAD, "Not carried over, and notes")));
        others.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
    }
    for t in p.tables.iter().filter(|t| !t.tainted.is_empty()) {
        out.push_str(&format!("  {}: never travels, because it was masked or neutralised: {}\n", t.table, t.tainted.join(", ")));
    }
}

/// Text inside a page.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn grid(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut out = String::from("<table><thead><tr>");
    head.iter().for_each(|h| out.push_str(&format!("<th scope=\"col\">{}</th>", escape(h))));
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        row.iter().for_each(|c| out.push_str(&format!("<td>{}</td>", escape(c))));
        out.push_str("</tr>");
    }
    out + "</tbody></table>"
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c1c1c}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}\
th,td{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}th{background:#f2f2f2}\
td:empty{color:#999}@media(prefers-color-scheme:dark){body{background:#161616;color:#e8e8e8}th{background:#262626}th,td{border-color:#444}}";

/// The preview as a page of its own, without scripts.
pub fn html(run: &str, shown: &Shown) -> String {
    let p = &shown.preview;
    let c = p.counts;
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\"><title>{run}: configuration carried over</title><style>{STYLE}</style></head><body><h1>{run}: configuration that is \
         carried over</h1><p>{} rows inserted, {} updated ({} cells), {} deleted. {} changes of production&rsquo;s own {}. \
         {} conflicts, <strong>{} open</strong>.</p>",
        c.inserted,
        c.updated,
        c.cells,
        c.deleted,
        c.reports,
        if p.into == Into::Raw { "stay" } else { "are reported and not taken" },
        c.conflicts,
        c.open
    );
    for t in &p.tables {
        out.push_str(&format!("<h2>{}</h2>", escape(&t.table)));
        if !t.conflicts.is_empty() {
            let rows = t.conflicts.iter().map(|c| {
                vec![
                    c.id.place.to_string()[..8].to_owned(),
                    key(&c.key),
                    c.column.clone().unwrap_or_default(),
                    why(c.kind).to_owned(),
                    cells(c.base.as_ref()),
                    cells(c.pilot.as_ref()),
                    cells(c.new.as_ref()),
                    decision(c),
                ]
            });
            out.push_str("<h3>Conflicts</h3>");
            out.push_str(&grid(&["id", "row", "column", "why", "before", "pilot", "production", "decision"], rows));
        }
        if !t.taken.is_empty() {
            out.push_str("<h3>From the pilot</h3>");
            out.push_str(&grid(&["", "row", "values"], t.taken.iter().map(|r| vec![r.what.clone(), key(&r.key), changed(r)])));
        }
        if !t.reports.is_empty() {
            let rows = t.reports.iter().map(|r| {
                let column = r.column.clone().unwrap_or_default();
                vec![key(&r.key), column, reported(r.kind, p.into).to_owned(), cells(r.base.as_ref()), cells(r.new.as_ref())]
            });
            out.push_str("<h3>In production</h3>");
            out.push_str(&grid(&["row", "column", "", "before", "now"], rows));
        }
        if !t.tainted.is_empty() {
            out.push_str(&format!("<p>Never travels, because it was masked or neutralised: {}</p>", escape(&t.tainted.join(", "))));
        }
    }
    if !p.lost_records.is_empty() {
        out.push_str("<h2>Records that people entered or changed on the pilot, and that are lost</h2>");
        out.push_str(&grid(&["table", "rows"], p.lost_records.iter().map(|(t, n)| vec![t.clone(), n.to_string()])));
    }
    let others = p.not_carried.iter().map(|(what, why)| format!("{what}: {why}")).chain(shown.findings.iter().cloned());
    let others: Vec<String> = others.map(|line| format!("<li>{}</li>", escape(&line))).collect();
    if !others.is_empty() {
        out.push_str(&format!("<h2>Not carried over, and notes</h2><ul>{}</ul>", others.concat()));
    }
    out + "</body></html>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_become_markup_or_control_a_terminal() {
        assert_eq!(escape("<b>&\"x\"</b>"), "&lt;b&gt;&amp;&quot;x&quot;&lt;/b&gt;");
        assert_eq!(value(&Cell::text("a\u{1b}[31mred")), "a\u{fffd}[31mred");
        assert_eq!(value(&Cell::new([0xff, 0x00])), "2 bytes");
        assert_eq!(value(&Cell::NULL), "NULL");
    }
}
