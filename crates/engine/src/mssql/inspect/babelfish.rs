//! What Babelfish tells otherwise than SQL Server, put right after it is read: names that it makes up from PostgreSQL's, and sequences, which its
//! view leaves out. Everything else here is as on SQL Server.

use super::super::connect::Session;
use super::super::sql::qualified;
use super::facts::{self, Facts};
use super::rows::TableRows;
use super::{Made, not_ours, objects, positions};
use crate::error::Result;

/// Puts right what was read.
pub(super) async fn mend(
    session: &mut Session,
    tables: &mut [TableRows],
    types: &mut Vec<TableRows>,
    before: &mut Vec<Made>,
) -> Result<()> {
    // The rows that a function returns are a type of that name there.
    types.retain(|t| !t.name.starts_with('@'));
    for t in tables.iter_mut().chain(types.iter_mut()) {
        names(t);
    }
    for f in sequence_facts(session).await? {
        before.push(objects::sequence(&f));
    }
    Ok(())
}

/// Names of one table.
pub(super) fn names(t: &mut TableRows) {
    // Never told otherwise there, and never kept.
    t.ansi_padding_off = false;
    for i in &mut t.indexes {
        i.name = index_name(&i.name, &t.name);
    }
    for c in &mut t.columns {
        // Called after a number that is another one in every database.
        if let Some((name, expression)) = &mut c.default {
            name.clear();
            if let Some(sequence) = next_value(expression) {
                *expression = sequence;
            }
        }
    }
}

/// An index's name without the table's and the checksum that are hung to it. PostgreSQL's 63 bytes cut what is too long: then a part of the
/// table's name is left, or none, and what stands before the checksum is all that both sides have in common.
fn index_name(name: &str, table: &str) -> String {
    let Some((front, sum)) = name.len().checked_sub(32).and_then(|at| name.split_at_checked(at)) else { return name.to_owned() };
    if front.is_empty() || !sum.bytes().all(|b| b.is_ascii_hexdigit()) {
        return name.to_owned();
    }
    let cut = name.len() == 63;
    let own = (1..=table.len())
        .rev()
        .filter(|n| cut || *n == table.len())
        .filter_map(|n| front.strip_suffix(table.get(..n)?))
        .find(|own| !own.is_empty());
    match own {
        Some(own) => own.to_owned(),
        None if cut => front.to_owned(),
        None => name.to_owned(),
    }
}

/// `nextval('db_schema.name')` as T-SQL says it.
fn next_value(expression: &str) -> Option<String> {
    let inside = expression.split("nextval(").nth(1)?.split('\'').nth(1)?;
    let (schema, name) = inside.rsplit_once('.').unwrap_or(("dbo", inside));
    let schema = schema.trim_matches('"');
    let schema = schema.rsplit_once('_').map_or(schema, |(_, s)| s);
    Some(format!("NEXT VALUE FOR {}", qualified(schema, name.trim_matches('"'))))
}

/// Sequences that are no identity's.
async fn sequence_facts(session: &mut Session) -> Result<Vec<Facts>> {
    let query = format!(
        "select o.object_id as id, schema_name(o.schema_id) as schema_name, o.name as object_name, \
            case cast(s.seqtypid as int) when 21 then 'smallint' when 23 then 'int' else 'bigint' end as type_name, 0 as is_user_defined, \
            cast(s.seqstart as nvarchar(40)) as start_value, cast(s.seqincrement as nvarchar(40)) as increment, \
            cast(s.seqmin as nvarchar(40)) as minimum_value, cast(s.seqmax as nvarchar(40)) as maximum_value, \
            cast(s.seqcycle as int) as is_cycling, 1 as is_cached, cast(s.seqcache as int) as cache_size \
         from sys.objects o join pg_catalog.pg_sequence s on s.seqrelid = o.object_id \
         where o.type = 'SO' and {} and not exists (select 1 from pg_catalog.pg_depend d where d.objid = o.object_id and d.deptype in ('i', 'a') \
            and d.refobjsubid > 0) order by 2, 3",
        not_ours("o.schema_id")
    );
    facts::read(session, "read the sequences", &query).await
}

/// Where identities and sequences stand. Both are sequences there, which tell whether their value was given; an identity's first value is the one
/// that is set as long as the table is empty.
pub(super) async fn positions(session: &mut Session) -> Result<Vec<(String, String)>> {
    let mut positions = Vec::new();
    let query = format!(
        "select schema_name(t.schema_id) as schema_name, t.name as object_name, schema_name(o.schema_id) as counter_schema, o.name as counter, \
            cast(i.seed_value as nvarchar(40)) as start_value, cast(i.increment_value as nvarchar(40)) as increment \
         from sys.identity_columns i join sys.tables t on t.object_id = i.object_id \
         join pg_catalog.pg_depend d on d.refobjid = i.object_id and d.refobjsubid = i.column_id and d.deptype in ('i', 'a') \
         join sys.objects o on o.object_id = d.objid and o.type = 'SO' where {} order by 1, 2",
        not_ours("t.schema_id")
    );
    for f in facts::read(session, "read the positions of identities", &query).await? {
        let (schema, name) = (f.said("schema_name"), f.said("object_name"));
        let Some(next) = next(session, &f, &qualified(&f.said("counter_schema"), &f.said("counter"))).await? else { continue };
        let never = format!("not exists (select 1 from {})", qualified(&schema, &name));
        positions.push((format!("{schema}.{name}"), positions::reseed(&schema, &name, &never, next, number(&f, "increment"))));
    }
    for f in sequence_facts(session).await? {
        let (schema, name) = (f.said("schema_name"), f.said("object_name"));
        let quoted = qualified(&schema, &name);
        if let Some(next) = next(session, &f, &quoted).await? {
            positions.push((format!("{schema}.{name}"), format!("alter sequence {quoted} restart with {next}")));
        }
    }
    Ok(positions)
}

fn number(f: &Facts, name: &str) -> i128 {
    f.text(name).and_then(|t| t.parse().ok()).unwrap_or(0)
}

/// The next value, where it is not the first.
async fn next(session: &mut Session, f: &Facts, counter: &str) -> Result<Option<i128>> {
    let query = format!("select cast(last_value as nvarchar(40)) as present, cast(is_called as int) as used from {counter}");
    let found = facts::read(session, &format!("read the position of {counter}"), &query).await?;
    let next = found.first().map(|at| number(at, "present") + if at.truth("used") { number(f, "increment") } else { 0 });
    Ok(next.filter(|next| *next != number(f, "start_value")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_made_up_are_taken_back() {
        assert_eq!(index_name("ix_np836e5bfe4dbf58df6e56c06d89fbf282", "p"), "ix_n");
        assert_eq!(index_name("pk_p", "p"), "pk_p");
        assert_eq!(next_value("nextval('insp_dbo.sq'::regclass)").as_deref(), Some("NEXT VALUE FOR [dbo].[sq]"));
        assert_eq!(next_value("nextval('numbers')").as_deref(), Some("NEXT VALUE FOR [dbo].[numbers]"));
        assert_eq!(next_value("getdate()"), None);
    }

    #[test]
    fn indexes_have_the_names_that_they_were_given() {
        assert_eq!(index_name("ix_fp3b84f94a3da2614402b435fe328f68e0", "p"), "ix_f");
        assert_eq!(
            index_name("ifk_playlisttracktrackidplaylis49e965b8eae448c9f654fbc95e122222", "playlisttrack"),
            "ifk_playlisttracktrackid"
        );
        assert_eq!(
            index_name("ix_a_name_of_an_index_that_is_t49e965b8eae448c9f654fbc95e122222", "zone"),
            "ix_a_name_of_an_index_that_is_t"
        );
        assert_eq!(index_name("pk_p", "p"), "pk_p");
        assert_eq!(index_name("49e965b8eae448c9f654fbc95e122222", "p"), "49e965b8eae448c9f654fbc95e122222");
    }
}
