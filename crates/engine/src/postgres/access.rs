//! Who owns what and who may do what: read from the source's catalogs, carried as far as the program says, and the rights that people
//! need to work in a pilot when no grants are carried.
//!
//! Read from the catalogs and not from pg_dump's text: role names are gaps in a statement, never something to be found and replaced. Does
//! not own who may connect (`swap`), which is what keeps a generation sealed whatever is granted here.

use super::connect::Session;
use super::error::{Doing, mapped};
use super::inspect::{USER_SCHEMA, no_member};
use super::sql;
use crate::error::Result;
use crate::seam::{AccessKind, AccessStatement, Admission};
use greenroom_model::program::OwnerSettings;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that has an owner or an access list: class, oid, sub-object, owner, schema, list.
fn objects() -> String {
    let plain = [
        ("pg_proc", "proowner", "pronamespace", "proacl"),
        ("pg_collation", "collowner", "collnamespace", "null::aclitem[]"),
        ("pg_operator", "oprowner", "oprnamespace", "null::aclitem[]"),
        ("pg_ts_config", "cfgowner", "cfgnamespace", "null::aclitem[]"),
        ("pg_ts_dict", "dictowner", "dictnamespace", "null::aclitem[]"),
        ("pg_statistic_ext", "stxowner", "stxnamespace", "null::aclitem[]"),
        ("pg_conversion", "conowner", "connamespace", "null::aclitem[]"),
        ("pg_namespace", "nspowner", "oid", "nspacl"),
        ("pg_publication", "pubowner", "0::oid", "null::aclitem[]"),
        ("pg_foreign_server", "srvowner", "0::oid", "srvacl"),
    ];
    let mut parts: Vec<String> = plain
        .iter()
        .map(|(class, owner, space, acl)| {
            format!("select 'pg_catalog.{class}'::pg_catalog.regclass, oid, 0, {owner}, {space}, {acl} from pg_catalog.{class}")
        })
        .collect();
    // Sequences of columns follow their table's owner and refuse to be given away alone; their access list is their own.
    parts.push(
        "select 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0, case when c.relkind = 'S' and exists (select 1 from pg_catalog.pg_depend d \
            where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype in ('a', 'i') and d.refobjsubid > 0) \
            then null else c.relowner end, c.relnamespace, c.relacl from pg_catalog.pg_class c where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')"
            .to_owned(),
    );
    parts.push(
        "select 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, a.attnum::int4, null::oid, c.relnamespace, a.attacl from pg_catalog.pg_attribute a \
         join pg_catalog.pg_class c on c.oid = a.attrelid where a.attacl is not null and not a.attisdropped and a.attnum > 0"
            .to_owned(),
    );
    parts.push(
        "select 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, 0, t.typowner, t.typnamespace, t.typacl from pg_catalog.pg_type t \
         where t.typtype in ('d', 'e', 'r') or (t.typtype = 'c' and exists \
            (select 1 from pg_catalog.pg_class c where c.oid = t.typrelid and c.relkind = 'c'))"
            .to_owned(),
    );
    parts.push(
        "select 'pg_catalog.pg_largeobject'::pg_catalog.regclass, oid, 0, lomowner, 0::oid, lomacl from pg_catalog.pg_largeobject_metadata"
            .to_owned(),
    );
    format!(
        "with object(class, oid, sub, owner, space, acl) as (select o.* from ({}) o(class, oid, sub, owner, space, acl) \
            left join pg_catalog.pg_namespace n on n.oid = o.space where (o.space = 0 or ({USER_SCHEMA})) and {} )",
        parts.join(" union all "),
        no_member("pg_class", "o.oid").replace("'pg_catalog.pg_class'::pg_catalog.regclass", "o.class")
    )
}

/// What GRANT calls a kind of object; `None` for kinds without access lists.
fn grant_word(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "table" | "view" | "materialized view" | "foreign table" => "table",
        "sequence" => "sequence",
        "function" | "aggregate" => "function",
        "procedure" => "procedure",
        "type" => "type",
        "schema" => "schema",
        "large object" => "large object",
        "server" => "foreign server",
        _ => return None,
    })
}

fn statement(kind: AccessKind, object: String, roles: Vec<String>, sql: &[&str]) -> AccessStatement {
    AccessStatement { kind, object, roles, sql: sql.iter().map(|&s| s.to_owned()).collect() }
}

/// Owners, grants and default privileges of the source, in the order in which they must be applied: a schema's before its objects',
/// since an owner must be allowed to create where its object stands.
pub(crate) async fn read(session: &Session) -> Result<Vec<AccessStatement>> {
    let mut ranked: Vec<(u8, AccessStatement)> = Vec::new();
    owners(session, &mut ranked).await?;
    grants(session, &mut ranked).await?;
    defaults(session, &mut ranked).await?;
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(ranked.into_iter().map(|(_, s)| s).collect())
}

async fn owners(session: &Session, found: &mut Vec<(u8, AccessStatement)>) -> Result<()> {
    let query = format!(
        "{} select i.type, i.identity, r.rolname::text from object o \
         cross join lateral pg_catalog.pg_identify_object(o.class, o.oid, 0) i join pg_catalog.pg_roles r on r.oid = o.owner \
         where i.identity is not null order by 1, 2",
        objects()
    );
    for row in session.client.query(&query, &[]).await.doing("read the owners")? {
        let (kind, identity, role): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let object = format!("{kind} {identity}");
        let rank = if kind == "schema" { 0 } else { 2 };
        let word = if kind == "statistics object" { "statistics" } else { &kind };
        let owner = statement(AccessKind::Owner, object.clone(), vec![role.clone()], &[&format!("alter {word} {identity} owner to "), ""]);
        found.push((rank, owner));
        if let Some(word) = grant_word(&kind) {
            let sql = format!("grant all on {word} {identity} to ");
            found.push((rank + 1, statement(AccessKind::OwnerRights, object, vec![role], &[&sql, ""])));
        }
    }
    Ok(())
}

async fn grants(session: &Session, found: &mut Vec<(u8, AccessStatement)>) -> Result<()> {
    let query = format!(
        "{} select i.type, i.identity, (select a.attname::text from pg_catalog.pg_attribute a where o.sub > 0 and a.attrelid = o.oid and a.attnum = o.sub), \
            r.rolname::text, a.is_grantable, string_agg(distinct a.privilege_type, ',' order by a.privilege_type), a.grantee is null \
         from object o cross join lateral pg_catalog.pg_identify_object(o.class, o.oid, 0) i \
         cross join lateral (select grantee, is_grantable, privilege_type from pg_catalog.aclexplode(o.acl) where grantee is distinct from o.owner \
            union all select null, false, null) a \
         left join pg_catalog.pg_roles r on r.oid = a.grantee \
         where o.acl is not null and i.identity is not null and (a.grantee is null or a.grantee = 0 or r.oid is not null) \
         group by 1, 2, 3, 4, 5, a.grantee order by 1, 2, 3 nulls first, a.grantee is not null, 4 nulls first, 5",
        objects()
    );
    for row in session.client.query(&query, &[]).await.doing("read the grants")? {
        let (kind, identity, column): (String, String, Option<String>) = (row.get(0), row.get(1), row.get(2));
        let (role, grantable, rights): (Option<String>, bool, Option<String>) = (row.get(3), row.get(4), row.get(5));
        let Some(word) = grant_word(&kind) else { continue };
        let object = format!("{kind} {identity}");
        let rank = if kind == "schema" { 1 } else { 3 };
        let Some(rights) = rights else {
            // The list stands before its grants: what PUBLIC has without any list does not hold where there is one.
            if column.is_none() && matches!(word, "function" | "procedure" | "type" | "schema") {
                let sql = format!("revoke all on {word} {identity} from public");
                found.push((rank, statement(AccessKind::Grant, object, Vec::new(), &[&sql])));
            }
            continue;
        };
        let rights: Vec<String> = rights
            .split(',')
            .map(|right| column.as_ref().map_or_else(|| right.to_owned(), |c| format!("{right} ({})", sql::ident(c))))
            .collect();
        let head = format!("grant {} on {word} {identity} to ", rights.join(", "));
        let tail = if grantable { " with grant option" } else { "" };
        let made = match role {
            Some(role) => statement(AccessKind::Grant, object, vec![role], &[&head, tail]),
            None => statement(AccessKind::Grant, object, Vec::new(), &[&format!("{head}public")]),
        };
        found.push((rank, made));
    }
    Ok(())
}

async fn defaults(session: &Session, found: &mut Vec<(u8, AccessStatement)>) -> Result<()> {
    let rows = session
        .client
        .query(
            "select w.rolname::text, n.nspname::text, d.defaclobjtype::text, r.rolname::text, a.is_grantable, \
                string_agg(a.privilege_type, ', ' order by a.privilege_type), a.grantee = 0 \
             from pg_catalog.pg_default_acl d join pg_catalog.pg_roles w on w.oid = d.defaclrole \
             left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace cross join lateral pg_catalog.aclexplode(d.defaclacl) a \
             left join pg_catalog.pg_roles r on r.oid = a.grantee where a.grantee <> d.defaclrole and (a.grantee = 0 or r.oid is not null) \
             group by 1, 2, 3, 4, 5, 7 order by 1, 2 nulls first, 3, 4 nulls first, 5",
            &[],
        )
        .await
        .doing("read the default privileges")?;
    for row in rows {
        let (owner, schema, grantee): (String, Option<String>, Option<String>) = (row.get(0), row.get(1), row.get(3));
        let what = match row.get::<_, &str>(2) {
            "r" => "tables",
            "S" => "sequences",
            "f" => "functions",
            "T" => "types",
            "n" => "schemas",
            _ => continue,
        };
        let within = schema.map_or_else(String::new, |s| format!(" in schema {}", sql::ident(&s)));
        let middle = format!("{within} grant {} on {what} to ", row.get::<_, String>(5));
        let tail = if row.get(4) { " with grant option" } else { "" };
        let head = "alter default privileges for role ";
        let object = format!("default privileges on {what}{within}");
        let made = match grantee {
            Some(role) => statement(AccessKind::Default, object, vec![owner, role], &[head, &middle, tail]),
            None => statement(AccessKind::Default, object, vec![owner], &[head, &format!("{middle}public")]),
        };
        found.push((4, made));
    }
    Ok(())
}

/// Applies what the program keeps; returns what was not carried, counted by role and reason. Repeatable.
pub(crate) async fn apply(session: &Session, access: &[AccessStatement], keep: &OwnerSettings) -> Result<Vec<(String, String)>> {
    let doing = "carry owners and grants";
    let rows = session.client.query("select rolname::text from pg_catalog.pg_roles", &[]).await.doing(doing)?;
    let there: BTreeSet<String> = rows.iter().map(|r| r.get(0)).collect();
    session.client.batch_execute("set synchronous_commit = off").await.doing(doing)?;
    let mut lost: BTreeMap<(String, String), u64> = BTreeMap::new();
    for s in access {
        let label = match s.kind {
            AccessKind::Owner => format!("owner {}", s.roles.first().map_or("", String::as_str)),
            AccessKind::OwnerRights if keep.keep_owners => continue,
            AccessKind::OwnerRights => format!("rights of the owner {}", s.roles.first().map_or("", String::as_str)),
            AccessKind::Grant => format!("grants to {}", s.roles.first().map_or("public", String::as_str)),
            AccessKind::Default => format!("default privileges of {}", s.roles.first().map_or("", String::as_str)),
        };
        let (wanted, setting) = match s.kind {
            AccessKind::Owner => (keep.keep_owners, "keep_owners"),
            _ => (keep.keep_grants, "keep_grants"),
        };
        if !wanted {
            // Owners' rights are no grants of their own: what is dropped is said once, of the owner. And what every database begins with, or
            // belongs to our own role anyway, is not lost.
            let usual = s.object == "schema public" && s.roles.first().is_none_or(|r| r == "pg_database_owner");
            let taken = s.roles.is_empty() && s.sql.first().is_some_and(|sql| sql.starts_with("revoke "));
            let own = s.kind == AccessKind::Owner && s.roles.first().is_some_and(|r| *r == session.login);
            if s.kind != AccessKind::OwnerRights && !usual && !taken && !own {
                *lost.entry((label, format!("`{setting}` is not set"))).or_default() += 1;
            }
            continue;
        }
        let mut roles: Vec<String> = s.roles.iter().map(|r| keep.map.get(r).unwrap_or(r).clone()).collect();
        if s.kind == AccessKind::Default && !keep.keep_owners {
            // Whatever is created later belongs to Greenroom's role, as everything else does.
            if let Some(owner) = roles.first_mut() {
                owner.clone_from(&session.login);
            }
        }
        if let Some(absent) = roles.iter().find(|r| !there.contains(*r)) {
            *lost.entry((label, format!("role `{absent}` does not exist on the target"))).or_default() += 1;
            continue;
        }
        let mut text = String::new();
        for (i, piece) in s.sql.iter().enumerate() {
            text.push_str(piece);
            if let Some(role) = roles.get(i) {
                text.push_str(&sql::ident(role));
            }
        }
        if let Err(e) = session.client.batch_execute(&text).await {
            let e = mapped(&e, doing);
            if session.client.is_closed() {
                return Err(e);
            }
            *lost.entry((label, e.message)).or_default() += 1;
        }
    }
    Ok(lost.into_iter().map(|((what, why), n)| (what, format!("on {n} {}: {why}", if n == 1 { "object" } else { "objects" }))).collect())
}

/// Gives people the rights to work with every table: read and change rows, use sequences, in every schema, also of tables that Greenroom's
/// role creates later. No right to change the schema. Repeatable.
pub(crate) async fn let_work(session: &Session, admission: &Admission) -> Result<()> {
    let people = match admission {
        Admission::Sealed => return Ok(()),
        Admission::Some { roles, .. } if roles.is_empty() => return Ok(()),
        Admission::Some { roles, .. } => roles.iter().map(|r| sql::ident(r)).collect::<Vec<_>>().join(", "),
        Admission::Everybody { .. } => "public".to_owned(),
    };
    let doing = "let people work in the pilot";
    let schemas = format!("select n.nspname::text from pg_catalog.pg_namespace n where {USER_SCHEMA} order by 1");
    let mut statements = vec![
        "begin".to_owned(),
        format!("alter default privileges grant select, insert, update, delete on tables to {people}"),
        format!("alter default privileges grant usage, select, update on sequences to {people}"),
        format!("alter default privileges grant usage on schemas to {people}"),
    ];
    for row in session.client.query(&schemas, &[]).await.doing(doing)? {
        let schema = sql::ident(row.get(0));
        statements.push(format!("grant usage on schema {schema} to {people}"));
        statements.push(format!("grant select, insert, update, delete on all tables in schema {schema} to {people}"));
        statements.push(format!("grant usage, select, update on all sequences in schema {schema} to {people}"));
    }
    let each = format!(
        "declare o oid; begin for o in select oid from pg_catalog.pg_largeobject_metadata loop \
         execute 'grant select, update on large object ' || o || {}; end loop; end",
        sql::literal(&format!(" to {people}"))
    );
    statements.push(format!("do {}", sql::literal(&each)));
    statements.push("commit".to_owned());
    if let Err(e) = session.client.batch_execute(&statements.join("; ")).await {
        if !session.client.is_closed() {
            let _ = session.client.batch_execute("rollback").await;
        }
        let e = mapped(&e, doing);
        return Err(match e.native_code.as_deref() {
            Some("42704") => e.hint("create the role on the target's server, or take it off `[pilot] testers` and `users`"),
            _ => e,
        });
    }
    Ok(())
}
