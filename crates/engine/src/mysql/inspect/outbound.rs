//! What reaches outside the database (P13), and what is known not to be carried (P8).

use super::super::connect::Session;
use super::SCHEMA;
use super::objects::Made;
use super::tables::ShownTable;
use crate::error::Result;
use crate::mysql::target::other_databases;
use greenroom_model::catalog::Outbound;
use greenroom_model::upgrade::schemas_named;

/// Databases that may be read: they tell about the schema.
const TELLING: &[&str] = &["information_schema", "performance_schema"];

/// How a table whose rows live elsewhere is kept from reaching there.
pub(crate) const EMPTIED: &str = "created as an empty InnoDB table";

/// Lists what reaches outside.
pub(crate) async fn read(session: &mut Session, tables: &[ShownTable], made: &[Made]) -> Result<Vec<Outbound>> {
    let others = other_databases(session).await?;
    let mut found = Vec::new();
    let mut push = |kind: &str, name: &str, disabled_by: Option<&str>| {
        found.push(Outbound { kind: kind.to_owned(), name: name.to_owned(), disabled_by: disabled_by.map(str::to_owned) });
    };
    for t in tables {
        if t.elsewhere() {
            push("table", &format!("{SCHEMA}.{}", t.name), Some(EMPTIED));
        }
        let refers = |item: &&String| item.contains(" REFERENCES ") && !schemas_named(&format!("alter table t add {item}")).is_empty();
        if t.shown.items.iter().any(|i| refers(&i)) {
            push("foreign key to another database", &t.name, None);
        }
    }
    let packages: Vec<&str> = made.iter().filter(|m| m.kind == "package").map(|m| m.name.as_str()).collect();
    for m in made {
        if m.kind == "event" {
            push("event", &m.name, Some("created disabled"));
        }
        if reaches(m, &others, &packages) {
            push(&format!("{} that may reach outside", m.kind), &m.name, None);
        }
    }
    Ok(found)
}

/// Whether a definition names another database, reads or writes files, or holds such a name in a string that may become a statement. Coarse
/// on purpose: a false alarm is accepted once in the program, a missed one writes to production.
fn reaches(made: &Made, others: &[String], packages: &[&str]) -> bool {
    // What a package holds is named like what another database holds; such databases are looked for below.
    let own = |name: &String| packages.iter().any(|p| name.eq_ignore_ascii_case(p));
    let telling = |name: &String| own(name) || TELLING.iter().any(|t| name.eq_ignore_ascii_case(t));
    if schemas_named(&made.statement).iter().any(|name| !telling(name)) {
        return true;
    }
    let lower = made.statement.to_lowercase();
    if ["load_file", "outfile", "dumpfile", "sys_exec", "sys_eval", "federated"].iter().any(|w| lower.contains(w)) {
        return true;
    }
    let named = |name: &String| {
        let name = name.to_lowercase();
        lower.contains(&format!("`{name}`."))
            || lower
                .match_indices(&format!("{name}."))
                .any(|(at, _)| !lower[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.'))
    };
    others.iter().any(named)
}

/// Names and reasons of what this engine does not carry.
pub(crate) fn not_carried(tables: &[ShownTable]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for t in tables.iter().filter(|t| !t.in_snapshot() && !t.elsewhere()) {
        found.push((
            format!("one moment of table {}", t.name),
            format!("{} has no snapshots: its rows are read as they are when their turn comes", t.engine),
        ));
    }
    found
}
