//! Where identities and sequences stand, as statements that bring the copy's to the same place.

use super::super::connect::{Session, Variety};
use super::super::sql::{literal, qualified};
use super::babelfish;
use super::facts::{self, Facts, Views};
use super::not_ours;
use crate::error::Result;

/// Names and statements; the same words on source and copy where they stand at the same place.
pub(crate) async fn sequences(session: &mut Session) -> Result<Vec<(String, String)>> {
    if session.variety == Variety::Babelfish {
        return babelfish::positions(session).await;
    }
    // A table that rows were inserted into has a last value, also when they are gone. The next one is computed here, where no type overflows.
    let query = format!(
        "select schema_name(t.schema_id) as schema_name, t.name as object_name, cast(i.seed_value as nvarchar(40)) as seed, \
            cast(i.increment_value as nvarchar(40)) as increment, cast(i.last_value as nvarchar(40)) as last_value, \
            cast(cast(ident_current(quotename(schema_name(t.schema_id)) + '.' + quotename(t.name)) as decimal(38, 0)) as nvarchar(40)) as present \
         from sys.identity_columns i join sys.tables t on t.object_id = i.object_id where t.is_ms_shipped = 0 and {} order by 1, 2",
        not_ours("t.schema_id")
    );
    let mut positions: Vec<(String, String)> =
        facts::read(session, "read the positions of identities", &query).await?.iter().filter_map(identity).collect();
    let views = Views::ask(session).await?;
    // Tells from 2017 on whether a value was ever given.
    let known = views.has_column("sequences", "last_used_value");
    let used = if known { "case when q.last_used_value is null then 0 else 1 end" } else { "1" };
    let query = format!(
        "select schema_name(q.schema_id) as schema_name, q.name as object_name, cast(q.current_value as nvarchar(40)) as present, {used} as used \
         from sys.sequences q where q.is_ms_shipped = 0 and {} order by 1, 2",
        not_ours("q.schema_id")
    );
    positions.extend(views.read(session, "sequences", &query).await?.iter().filter_map(sequence));
    Ok(positions)
}

/// A whole number as the server writes it, with or without digits behind a point.
fn whole(text: Option<&str>) -> Option<i128> {
    text.and_then(|t| t.split('.').next()).and_then(|t| t.parse().ok())
}

/// The next value of an identity, where it is not its seed.
pub(super) fn identity(f: &Facts) -> Option<(String, String)> {
    let (seed, increment) = (whole(f.text("seed"))?, whole(f.text("increment"))?);
    let next = match whole(f.text("last_value")) {
        Some(last) => last + increment,
        // Never used: the seed, or what it was set to since.
        None => whole(f.text("present")).unwrap_or(seed),
    };
    let (schema, name) = (f.said("schema_name"), f.said("object_name"));
    let never = format!(
        "(select last_value from sys.identity_columns where object_id = object_id({})) is null",
        quoted(&qualified(&schema, &name))
    );
    (next != seed).then(|| (format!("{schema}.{name}"), reseed(&schema, &name, &never, next, increment)))
}

/// Sets an identity: to the value before the next one, but to the next one itself where a condition holds, since the server gives the first
/// row of a table the very value that is set.
pub(crate) fn reseed(schema: &str, name: &str, never: &str, next: i128, increment: i128) -> String {
    let table = quoted(&qualified(schema, name));
    format!(
        "if {never} dbcc checkident({table}, reseed, {next}) with no_infomsgs else dbcc checkident({table}, reseed, {}) with no_infomsgs",
        next - increment
    )
}

/// A name as a string. Babelfish takes no Unicode string there, so that it is one only where it must.
fn quoted(name: &str) -> String {
    if name.is_ascii() { format!("'{}'", name.replace('\'', "''")) } else { literal(name) }
}

/// The present value of a sequence, given once more where the source has given it: it cannot be set as given. Where nobody can tell, one value
/// is left out rather than given twice.
pub(super) fn sequence(f: &Facts) -> Option<(String, String)> {
    let present = whole(f.text("present"))?;
    let (schema, name) = (f.said("schema_name"), f.said("object_name"));
    let quoted = qualified(&schema, &name);
    let given = if f.truth("used") { format!("; declare @given decimal(38, 0) = next value for {quoted}") } else { String::new() };
    Some((format!("{schema}.{name}"), format!("alter sequence {quoted} restart with {present}{given}")))
}
