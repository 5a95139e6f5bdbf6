//! Users, roles, owners and permissions as the catalog views tell them.

use super::super::access::create_role;
use super::super::connect::Session;
use super::super::sql::{ident, qualified};
use super::facts::{self, Facts, Views};
use super::not_ours;
use crate::error::Result;
use crate::seam::{AccessKind, AccessStatement};

/// Users and roles that every database has, and ours.
const EVERYWHERE: &str = "('dbo', 'guest', 'sys', 'INFORMATION_SCHEMA', 'public')";

fn statement(kind: AccessKind, object: String, roles: Vec<String>, sql: &[&str]) -> AccessStatement {
    AccessStatement { kind, object, roles, sql: sql.iter().map(|&s| s.to_owned()).collect() }
}

/// Everything, in an order in which it can be applied: roles and users, memberships, owners, permissions.
pub(crate) async fn read(session: &mut Session) -> Result<Vec<AccessStatement>> {
    let views = Views::ask(session).await?;
    let mut found = Vec::new();
    let query = format!(
        "select p.name as principal, p.type as kind, p.is_fixed_role, {} from sys.database_principals p \
         where p.name not in {EVERYWHERE} order by case p.type when 'R' then 0 else 1 end, 1",
        views.pick("database_principals", "p", &["authentication_type", "default_schema_name"])
    );
    for f in views.read(session, "database_principals", &query).await? {
        found.extend(principal(&f));
    }
    let query = "select r.name as role_name, m.name as member_name from sys.database_role_members x \
                 join sys.database_principals r on r.principal_id = x.role_principal_id \
                 join sys.database_principals m on m.principal_id = x.member_principal_id where m.name <> 'dbo' order by 1, 2";
    for f in views.read(session, "database_role_members", query).await? {
        let (role, member) = (f.said("role_name"), f.said("member_name"));
        let text = format!("ALTER ROLE {} ADD MEMBER ", ident(&role));
        found.push(statement(AccessKind::Grant, format!("membership in role {role}"), vec![member], &[&text, ""]));
    }
    let query = format!(
        "select 'schema' as what, '' as schema_name, s.name as object_name, p.name as principal from sys.schemas s \
         join sys.database_principals p on p.principal_id = s.principal_id where s.name <> p.name and p.name <> 'dbo' \
            and s.name not in ('dbo', 'sys', 'guest', 'INFORMATION_SCHEMA') and {} \
         union all select 'object', schema_name(o.schema_id), o.name, p.name from sys.objects o \
         join sys.database_principals p on p.principal_id = o.principal_id where o.is_ms_shipped = 0 and o.parent_object_id = 0 and p.name <> 'dbo' \
            and {} order by 1, 2, 3",
        not_ours("s.schema_id"),
        not_ours("o.schema_id")
    );
    for f in facts::read(session, "read the owners", &query).await? {
        found.extend(owner(&f));
    }
    let query = format!(
        "select x.class, x.permission_name as permission, x.state, g.name as grantee, o.name as object_name, schema_name(o.schema_id) as schema_name, \
            c.name as column_name, s.name as granted_schema, t.name as type_name, schema_name(t.schema_id) as type_schema, p.name as principal, \
            p.type as principal_kind \
         from sys.database_permissions x join sys.database_principals g on g.principal_id = x.grantee_principal_id \
         left join sys.objects o on x.class = 1 and o.object_id = x.major_id \
         left join sys.columns c on x.class = 1 and x.minor_id > 0 and c.object_id = x.major_id and c.column_id = x.minor_id \
         left join sys.schemas s on x.class = 3 and s.schema_id = x.major_id \
         left join sys.types t on x.class = 6 and t.user_type_id = x.major_id \
         left join sys.database_principals p on x.class = 4 and p.principal_id = x.major_id \
         where x.class in (0, 1, 3, 4, 6) and g.name <> 'dbo' and (x.class <> 1 or (o.is_ms_shipped = 0 and {})) \
            and not (x.class = 0 and x.permission_name in ('CONNECT', 'CONNECT REPLICATION')) \
            and not (x.class = 0 and g.name = 'public' and x.permission_name like 'VIEW ANY COLUMN%') \
         order by x.class, 6, 5, 7, 4, 2",
        not_ours("o.schema_id")
    );
    for f in views.read(session, "database_permissions", &query).await? {
        found.extend(permission(&f));
    }
    Ok(found)
}

/// A role or user. A fixed role is everywhere; Babelfish calls every role fixed.
pub(super) fn principal(f: &Facts) -> Option<AccessStatement> {
    let name = f.said("principal");
    match f.said("kind").trim() {
        "R" if f.truth("is_fixed_role") && name.starts_with("db_") => None,
        "R" => Some(statement(AccessKind::Grant, format!("role {name}"), Vec::new(), &[&create_role(&name)])),
        // Without statement: it is lost, and the object says why.
        "A" => {
            let why = "an application role's password cannot be read".to_owned();
            Some(statement(AccessKind::Grant, why, vec![name], &[]))
        }
        "C" | "K" => {
            let why = "a user of a certificate or key, and keys are not carried".to_owned();
            Some(statement(AccessKind::Grant, why, vec![name], &[]))
        }
        _ if f.text("authentication_type") == Some("0") => {
            Some(statement(AccessKind::Grant, format!("user {name}"), vec![name], &["CREATE USER ", " WITHOUT LOGIN"]))
        }
        _ => {
            let schema = f.text("default_schema_name").filter(|s| !s.is_empty()).unwrap_or("dbo");
            let text = format!(" WITH DEFAULT_SCHEMA = {}", ident(schema));
            Some(statement(AccessKind::Grant, format!("user {name}"), vec![name], &["ALTER USER ", &text]))
        }
    }
}

/// An owner, and the owner's rights for one who is not carried as the owner.
pub(super) fn owner(f: &Facts) -> Vec<AccessStatement> {
    let (name, role) = (f.said("object_name"), f.said("principal"));
    let (object, target) = if f.said("what") == "schema" {
        (format!("schema {name}"), format!("SCHEMA::{}", ident(&name)))
    } else {
        let schema = f.said("schema_name");
        (format!("object {schema}.{name}"), format!("OBJECT::{}", qualified(&schema, &name)))
    };
    let (own, rights) = (format!("ALTER AUTHORIZATION ON {target} TO "), format!("GRANT CONTROL ON {target} TO "));
    vec![
        statement(AccessKind::Owner, object.clone(), vec![role.clone()], &[&own, ""]),
        statement(AccessKind::OwnerRights, object, vec![role], &[&rights, ""]),
    ]
}

/// A permission that is given, given on, or denied.
pub(super) fn permission(f: &Facts) -> Option<AccessStatement> {
    let (object, target) = match f.number("class") {
        0 => ("the database".to_owned(), String::new()),
        1 => {
            let (schema, name) = (f.said("schema_name"), f.text("object_name")?);
            let column = f.text("column_name").map_or_else(String::new, |c| format!(" ({})", ident(c)));
            (format!("object {schema}.{name}"), format!(" ON OBJECT::{}{column}", qualified(&schema, name)))
        }
        3 => {
            let schema = f.text("granted_schema").filter(|s| *s != super::OURS)?;
            (format!("schema {schema}"), format!(" ON SCHEMA::{}", ident(schema)))
        }
        4 => {
            let word = if f.said("principal_kind").trim() == "R" { "ROLE" } else { "USER" };
            let name = f.text("principal")?;
            (format!("{} {name}", word.to_lowercase()), format!(" ON {word}::{}", ident(name)))
        }
        6 => {
            let (schema, name) = (f.said("type_schema"), f.text("type_name")?);
            (format!("type {schema}.{name}"), format!(" ON TYPE::{}", qualified(&schema, name)))
        }
        _ => return None,
    };
    let (verb, tail) = match f.said("state").trim() {
        "G" => ("GRANT", ""),
        "W" => ("GRANT", " WITH GRANT OPTION"),
        "D" => ("DENY", ""),
        _ => return None,
    };
    let head = format!("{verb} {}{target} TO ", f.said("permission"));
    Some(match f.said("grantee").as_str() {
        "public" => statement(AccessKind::Grant, object, Vec::new(), &[&format!("{head}public{tail}")]),
        grantee => statement(AccessKind::Grant, object, vec![grantee.to_owned()], &[&head, tail]),
    })
}
