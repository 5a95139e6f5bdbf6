//! Rights that are missing, with the statements that give them (P9). Nothing is granted here.

use super::connect::Session;
use super::error::Doing;
use super::sql;
use crate::error::Result;
use crate::seam::MissingRight;
use greenroom_model::catalog::TableName;

fn missing(what: impl Into<String>, grant: impl Into<String>) -> MissingRight {
    MissingRight { what: what.into(), grant: grant.into() }
}

/// Rights that holding and reading a source needs.
pub(crate) async fn of_source(session: &Session, tables: &[TableName]) -> Result<Vec<MissingRight>> {
    let doing = "check the rights on the source";
    let login = sql::ident(&session.login);
    let mut found = Vec::new();
    let (schemas, names): (Vec<&str>, Vec<&str>) = tables.iter().map(|t| (t.schema.as_str(), t.name.as_str())).unzip();
    let rows = session
        .client
        .query(
            "select distinct n.nspname::text from pg_catalog.pg_namespace n join unnest($1::text[]) w(s) on w.s = n.nspname \
             where not pg_catalog.has_schema_privilege(n.oid, 'usage') order by 1",
            &[&schemas],
        )
        .await
        .doing(doing)?;
    for row in rows {
        let schema: String = row.get(0);
        found.push(missing(format!("use schema {schema}"), format!("grant usage on schema {} to {login};", sql::ident(&schema))));
    }
    let rows = session
        .client
        .query(
            "select n.nspname::text, c.relname::text, pg_catalog.has_table_privilege(c.oid, 'select'), \
                pg_catalog.row_security_active(c.oid) \
             from unnest($1::text[], $2::text[]) w(s, t) join pg_catalog.pg_namespace n on n.nspname = w.s \
             join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.t \
             where not pg_catalog.has_table_privilege(c.oid, 'select') or pg_catalog.row_security_active(c.oid) order by 1, 2",
            &[&schemas, &names],
        )
        .await
        .doing(doing)?;
    let mut filtered = false;
    for row in rows {
        let table = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        if !row.get::<_, bool>(2) {
            found.push(missing(format!("read {table}"), format!("grant select on table {} to {login};", sql::qualified(&table))));
        }
        if row.get(3) && !filtered {
            filtered = true;
            found.push(missing(format!("read all rows of {table} past its row security"), format!("alter role {login} bypassrls;")));
        }
    }
    // pg_dump reads every sequence; `select` on a sequence is what its position needs.
    let rows = session
        .client
        .query(
            "select n.nspname::text, c.relname::text from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where n.nspname = any($1) and case c.relkind when 'S' then not pg_catalog.has_sequence_privilege(c.oid, 'select') else false end \
             order by 1, 2",
            &[&schemas],
        )
        .await
        .doing(doing)?;
    for row in rows {
        let name = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        found.push(missing(
            format!("read the position of sequence {name}"),
            format!("grant select on sequence {} to {login};", sql::qualified(&name)),
        ));
    }
    let row = session
        .client
        .query_one(
            "select count(*) from pg_catalog.pg_largeobject_metadata m, pg_catalog.pg_roles r where r.rolname = session_user \
             and not r.rolsuper and not pg_catalog.pg_has_role(m.lomowner, 'usage') \
             and not exists (select 1 from pg_catalog.aclexplode(m.lomacl) a where a.privilege_type = 'SELECT' and a.grantee in (0, r.oid))",
            &[],
        )
        .await
        .doing(doing)?;
    let hidden: i64 = row.get(0);
    if hidden > 0 {
        let grant = format!(
            "do $$ declare o oid; begin for o in select oid from pg_largeobject_metadata loop \
             execute format('grant select on large object %s to {login}', o); end loop; end $$;"
        );
        found.push(missing(format!("read {hidden} large objects"), grant));
    }
    Ok(found)
}

/// Rights that creating, filling and swapping generations needs.
pub(crate) async fn of_target(session: &Session) -> Result<Vec<MissingRight>> {
    let login = sql::ident(&session.login);
    let row = session
        .client
        .query_one(
            "select rolsuper, rolcreatedb, pg_catalog.pg_has_role(session_user, 'pg_signal_backend', 'member') \
             from pg_catalog.pg_roles where rolname = session_user",
            &[],
        )
        .await
        .doing("check the rights on the target")?;
    let (superuser, creates, signals): (bool, bool, bool) = (row.get(0), row.get(1), row.get(2));
    let mut found = Vec::new();
    if !superuser && !creates {
        found.push(missing("create databases", format!("alter role {login} createdb;")));
    }
    if !superuser && !signals {
        found.push(missing("end other roles' sessions in a pilot before it is swapped", format!("grant pg_signal_backend to {login};")));
    }
    Ok(found)
}
