//! The schema as statements, and their execution in a generation.
//!
//! Before the rows: options of the database, schemas, types, sequences, functions that tables need, tables with their primary key and clustered
//! index. A clustered index *is* the table: made after the rows, it would write all of them once more and take the room twice. After the rows:
//! other indexes, checks and foreign keys (checked by the server, so that they come back trusted, unless the source's are not), views, routines,
//! triggers, extended properties.
//!
//! Nobody knows all references between objects: what names something that is not there is tried again after the others, until nothing more
//! succeeds. Every statement is recorded in the transaction of its effect; those that refuse transactions do nothing when done again.

use super::connect::Session;
use super::error::{UNNUMBERED, code, kind_of, mapped};
use super::inspect::rows::{IndexKind, IndexRow, TableRows};
use super::inspect::{Made, Modes, Picture, spell};
use super::{access, own};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{SchemaPart, SchemaScript};
use greenroom_model::hash::Hash;
use std::collections::BTreeSet;

/// Makes the script of a schema.
pub(crate) async fn script(session: &mut Session, picture: &Picture) -> Result<SchemaScript> {
    let (pre, post) = statements(picture);
    let catalog = &picture.catalog;
    let mut not_carried = catalog.not_carried.clone();
    for t in &picture.tables {
        if let Some(why) = &t.refused {
            not_carried.push((t.shown(), why.clone()));
        }
    }
    let disabled =
        catalog.outbound.iter().filter_map(|o| o.disabled_by.clone().map(|how| (format!("{} {}", o.kind, o.name), how))).collect();
    let hash = Some(Hash::of_json(&(&pre, &post)));
    let access = access::read(session).await?;
    Ok(SchemaScript { pre, post, archive: None, disabled, not_carried, hash, access })
}

/// The statements of both parts.
pub(crate) fn statements(picture: &Picture) -> (Vec<String>, Vec<String>) {
    let (mut pre, mut post) = (Vec::new(), Vec::new());
    let carried: Vec<&TableRows> = picture.tables.iter().filter(|t| t.carried()).collect();
    for made in picture.options.iter().chain(&picture.before) {
        pre.extend(made_statements(made));
    }
    for made in needed_early(&picture.modules, &carried) {
        pre.extend(made_statements(made));
    }
    for t in &carried {
        let modes = Modes { ansi_nulls_off: t.ansi_nulls_off, quoted_identifier_off: false, ansi_padding_off: t.ansi_padding_off };
        let name = t.shown();
        pre.push(step("table", &name, modes, &spell::table(t)));
        pre.extend(spell::options(t).iter().map(|sql| step("options of table", &name, Modes::default(), sql)));
        for i in t.indexes.iter().filter(|i| i.early()) {
            pre.extend(index(t, i));
        }
    }
    for t in &carried {
        let mut late: Vec<&IndexRow> = t.indexes.iter().filter(|i| !i.early()).collect();
        late.sort_by_key(|i| (rank(i), i.name.clone()));
        for i in late {
            post.extend(index(t, i));
        }
        // Switched off behind the others: without the clustered one nothing can be built.
        post.extend(t.indexes.iter().filter_map(|i| {
            let off = spell::index_off(&t.schema, &t.name, i)?;
            Some(step("index", &format!("{}.{}", t.shown(), i.name), Modes::default(), &off))
        }));
    }
    for t in &carried {
        for c in &t.checks {
            let name = format!("{}.{}", t.shown(), c.name);
            post.extend(spell::check(&t.schema, &t.name, c).iter().map(|sql| step("check", &name, Modes::default(), sql)));
        }
    }
    let reachable = |schema: &str, table: &str| carried.iter().any(|t| t.schema == schema && t.name == table);
    for t in &carried {
        // One that refers to a table that is not made cannot be made either; the refused table is named by itself.
        for f in t.foreign_keys.iter().filter(|f| reachable(&f.schema, &f.table)) {
            let name = format!("{}.{}", t.shown(), f.name);
            post.extend(spell::foreign_key(&t.schema, &t.name, f).iter().map(|sql| step("foreign key", &name, Modes::default(), sql)));
        }
    }
    for made in picture.modules.iter().chain(&picture.properties) {
        post.extend(made_statements(made));
    }
    (pre, post)
}

/// Order in which a table's indexes are made: XML indexes need the primary one among them.
fn rank(i: &IndexRow) -> u8 {
    match (i.kind, &i.secondary) {
        (IndexKind::ClusteredColumnstore, _) => 0,
        (IndexKind::Xml, None) => 2,
        (IndexKind::Xml, Some(_)) => 3,
        (IndexKind::Spatial, _) => 4,
        _ => 1,
    }
}

fn index(t: &TableRows, i: &IndexRow) -> Option<String> {
    let sql = spell::index(&t.schema, &t.name, i)?;
    Some(step("index", &format!("{}.{}", t.shown(), i.name), Modes::default(), &sql))
}

fn made_statements(made: &Made) -> impl Iterator<Item = String> + '_ {
    let name = made.name();
    // Only the text of a module depends on the settings; what follows gives it its state.
    made.statements.iter().enumerate().map(move |(i, sql)| step(made.kind, &name, if i == 0 { made.modes } else { Modes::default() }, sql))
}

/// Functions that tables name in defaults and computed columns, and those that these name, in their order. Found by name in the texts: one too
/// many does no harm.
fn needed_early<'a>(modules: &'a [Made], tables: &[&TableRows]) -> Vec<&'a Made> {
    let functions: Vec<&Made> = modules.iter().filter(|m| m.kind == "function").collect();
    let mut texts: Vec<String> = tables
        .iter()
        .flat_map(|t| &t.columns)
        .flat_map(|c| c.computed.iter().map(|k| k.expression.as_str()).chain(c.default.iter().map(|(_, d)| d.as_str())))
        .filter(|text| text.contains('('))
        .map(str::to_lowercase)
        .collect();
    let mut needed: BTreeSet<usize> = BTreeSet::new();
    while let Some(text) = texts.pop() {
        for (i, f) in functions.iter().enumerate() {
            if !needed.contains(&i) && text.contains(&f.own.to_lowercase()) {
                needed.insert(i);
                texts.extend(f.statements.first().map(|s| s.to_lowercase()));
            }
        }
    }
    needed.into_iter().map(|i| functions[i]).collect()
}

/// A statement with its first line: settings that it is made under, kind and name.
fn step(kind: &str, name: &str, modes: Modes, sql: &str) -> String {
    let off: Vec<String> = settings(modes).iter().map(|name| format!("{name} off")).collect();
    let off = if off.is_empty() { String::new() } else { format!("({}) ", off.join(", ")) };
    format!("-- {off}{kind} {}\n{sql}", name.replace(['\n', '\r'], " "))
}

fn settings(modes: Modes) -> Vec<&'static str> {
    [(modes.ansi_nulls_off, "ansi_nulls"), (modes.quoted_identifier_off, "quoted_identifier"), (modes.ansi_padding_off, "ansi_padding")]
        .into_iter()
        .filter_map(|(off, name)| off.then_some(name))
        .collect()
}

/// A statement of a script.
#[derive(Debug, PartialEq, Eq)]
struct Step<'a> {
    off: Vec<&'a str>,
    /// Kind and name, for messages.
    what: &'a str,
    sql: &'a str,
    hash: String,
}

impl Step<'_> {
    /// Whether it refuses a transaction.
    fn alone(&self) -> bool {
        self.what.starts_with("database option ") || self.what.starts_with("scoped configuration ")
    }

    fn is_function(&self) -> bool {
        self.what.starts_with("function ")
    }
}

/// Takes the first line off.
fn parse(text: &str) -> Option<Step<'_>> {
    let (head, sql) = text.strip_prefix("-- ")?.split_once('\n')?;
    let (off, what) = match head.strip_prefix('(').and_then(|h| h.split_once(") ")) {
        Some((off, what)) => (off.split(", ").filter_map(|s| s.strip_suffix(" off")).collect(), what),
        None => (Vec::new(), head),
    };
    Some(Step { off, what, sql, hash: Hash::of(text.as_bytes()).to_string() })
}

/// Applies a part of the schema. Repeatable: what is recorded is left.
pub(crate) async fn apply(session: &mut Session, part: SchemaPart, script: &SchemaScript) -> Result<()> {
    let done = own::statements_done(session).await?;
    let (texts, doing) = match part {
        SchemaPart::Pre => (&script.pre, "create the schema"),
        SchemaPart::Post => (&script.post, "complete the schema"),
    };
    let mut pending = Vec::new();
    for text in texts {
        let step = parse(text).ok_or_else(|| EngineError::other(doing, "a statement of the schema's script is not understood"))?;
        if !done.contains(&step.hash) {
            pending.push(step);
        }
    }
    while !pending.is_empty() {
        let tried = pending.len();
        let (mut left, mut first): (Vec<Step<'_>>, Option<EngineError>) = (Vec::new(), None);
        for step in pending {
            // What gives an object its state waits for the object.
            if left.iter().any(|l| l.what == step.what) {
                left.push(step);
                continue;
            }
            let Err(e) = make(session, &step).await else { continue };
            let explained = explained(&e, &format!("{doing} ({})", step.what));
            if !again(&e) {
                return Err(explained);
            }
            // Functions that no table needs after all stand among those that do: they come again after the rows.
            if part == SchemaPart::Post || !step.is_function() {
                first.get_or_insert(explained);
            }
            left.push(step);
        }
        if left.len() == tried {
            return first.map_or(Ok(()), Err);
        }
        pending = left;
    }
    Ok(())
}

/// Makes one thing and records it, together where the statement allows.
async fn make(session: &mut Session, step: &Step<'_>) -> std::result::Result<(), tiberius::error::Error> {
    let record = own::record_statement(&step.hash);
    if step.alone() {
        session.run(step.sql).await?;
        return session.run(&record).await;
    }
    // A batch of its own: CREATE VIEW and its like must be, and settings hold from the next batch on.
    let set = |to: &str| step.off.iter().map(|name| format!("set {name} {to}; ")).collect::<String>();
    session.run(&format!("{}begin transaction", set("off"))).await?;
    let mut made = session.run(step.sql).await;
    if made.is_ok() {
        made = session.run(&format!("{record}; commit transaction")).await;
    }
    let reset = if made.is_err() { "if @@trancount > 0 rollback transaction; " } else { "" };
    let reset = format!("{reset}{}", set("on"));
    if !reset.is_empty() {
        let back = session.run(&reset).await;
        return made.and(back);
    }
    made
}

/// Whether it may succeed after others: something that it names is not there yet.
fn again(e: &tiberius::error::Error) -> bool {
    match code(e) {
        // Of an object: cannot find, may not; of a property: no such object.
        Some(1088 | 8197 | 15_151 | 15_135 | 15_165 | 15_517 | 1767 | 4902 | 4917 | UNNUMBERED) => true,
        Some(code) => kind_of(code) == ErrorKind::Statement,
        None => false,
    }
}

fn explained(e: &tiberius::error::Error, doing: &str) -> EngineError {
    let mapped = mapped(e, doing);
    match code(e) {
        Some(208 | 207 | 4121 | 2812 | 4413 | 4502) => {
            mapped.hint("the object names something that is not there; it does not work in the source either: repair or drop it there")
        }
        Some(448 | 15_048 | 195) => mapped.hint("the target's server is older than the source's: use one of the same version or later"),
        Some(15_151 | 15_517) => {
            mapped.hint("an object runs as a user who is not on the copy (`EXECUTE AS`), or names something that is not carried")
        }
        _ => mapped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_say_what_they_make_and_under_which_settings() {
        let modes = Modes { ansi_nulls_off: true, quoted_identifier_off: true, ansi_padding_off: false };
        let text = step("view", "dbo.a\nb", modes, "CREATE VIEW [dbo].[a\nb] AS\nselect 1");
        assert_eq!(text.lines().next(), Some("-- (ansi_nulls off, quoted_identifier off) view dbo.a b"));
        let parsed = parse(&text).unwrap();
        assert_eq!(
            (parsed.off, parsed.what, parsed.sql),
            (vec!["ansi_nulls", "quoted_identifier"], "view dbo.a b", "CREATE VIEW [dbo].[a\nb] AS\nselect 1")
        );
        let plain = step("table", "dbo.t", Modes::default(), "CREATE TABLE x (a int)");
        let parsed = parse(&plain).unwrap();
        assert_eq!((parsed.off.len(), parsed.what, parsed.alone()), (0, "table dbo.t", false));
        assert!(parse(&step("database option", "ansi_nulls", Modes::default(), "x")).unwrap().alone());
        assert_eq!(parse("CREATE VIEW v AS select 1"), None);
    }

    #[test]
    fn functions_that_tables_need_come_with_those_that_they_need() {
        use super::super::inspect::rows::{ColumnRow, Computed};
        let function = |own: &str, text: &str| Made {
            kind: "function",
            schema: "dbo".into(),
            own: own.into(),
            statements: vec![text.into()],
            ..Made::default()
        };
        let modules = [function("inner_one", "x"), function("outer_one", "return dbo.Inner_One(1)"), function("unneeded", "y")];
        let computed = Some(Computed { expression: "([dbo].[outer_one]([a]))".into(), persisted: false });
        let table = TableRows { columns: vec![ColumnRow { computed, ..ColumnRow::default() }], ..TableRows::default() };
        let early: Vec<&str> = needed_early(&modules, &[&table]).iter().map(|m| m.own.as_str()).collect();
        assert_eq!(early, ["inner_one", "outer_one"]);
    }
}
