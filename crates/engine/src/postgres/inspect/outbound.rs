//! What reaches outside the database (P13), and what is known not to be carried (P8).

use super::super::connect::Session;
use super::super::ddl::DISABLED_WRAPPER;
use super::super::error::Doing;
use super::{USER_SCHEMA, no_member};
use crate::error::Result;
use greenroom_model::catalog::Outbound;

/// Extensions that act by themselves and are left out of every copy.
pub(crate) const LEFT_OUT_EXTENSIONS: &[&str] = &["pg_cron"];

async fn names(session: &Session, what: &str, query: &str) -> Result<Vec<(String, String)>> {
    let rows = session.client.query(query, &[]).await.doing(format!("look for {what}"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Lists what reaches outside.
pub(super) async fn read(session: &Session) -> Result<Vec<Outbound>> {
    let mut found = Vec::new();
    let mut push = |kind: &str, name: String, disabled_by: Option<&str>| {
        found.push(Outbound { kind: kind.to_owned(), name, disabled_by: disabled_by.map(str::to_owned) });
    };
    let servers = names(
        session,
        "foreign servers",
        "select s.srvname::text, w.fdwname::text from pg_catalog.pg_foreign_server s join pg_catalog.pg_foreign_data_wrapper w on w.oid = s.srvfdw order by 1",
    )
    .await?;
    for (server, wrapper) in servers {
        let how = if wrapper == DISABLED_WRAPPER { "has no handler" } else { "created on a wrapper without handler, without its options" };
        push("foreign server", server, Some(how));
    }
    // `pg_user_mappings` hides the options from those who may not see them.
    for (server, user) in
        names(session, "user mappings", "select srvname::text, usename::text from pg_catalog.pg_user_mappings order by 1, 2").await?
    {
        push("user mapping", format!("{user} on {server}"), Some("left out"));
    }
    // Readable by everybody: only the connection string's column is restricted.
    let subscriptions = "select subname::text, ''::text from pg_catalog.pg_subscription \
                         where subdbid = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()) order by 1";
    for (name, _) in names(session, "subscriptions", subscriptions).await? {
        push("subscription", name, Some("left out"));
    }
    for extension in LEFT_OUT_EXTENSIONS {
        let query = format!("select extname::text, ''::text from pg_catalog.pg_extension where extname = '{extension}'");
        for (name, _) in names(session, "cron jobs", &query).await? {
            push("cron jobs", name, Some("the extension and its jobs are left out"));
        }
    }
    let functions = format!(
        "select n.nspname || '.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', \
            case when not l.lanpltrusted and l.lanname not in ('c', 'internal') then 'function in the untrusted language ' || l.lanname \
                 else 'function that may reach outside' end \
         from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace join pg_catalog.pg_language l on l.oid = p.prolang \
         where {USER_SCHEMA} and {} and (l.lanname = 'c' or (not l.lanpltrusted and l.lanname <> 'internal') or {}) order by 1",
        no_member("pg_proc", "p.oid"),
        mentions("coalesce(p.prosrc, '') || coalesce(p.probin, '')")
    );
    for (name, kind) in names(session, "functions that reach outside", &functions).await? {
        push(&kind, name, None);
    }
    let views = format!(
        "select n.nspname || '.' || c.relname, ''::text from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where c.relkind in ('v', 'm') and {USER_SCHEMA} and {} and {} order by 1",
        no_member("pg_class", "c.oid"),
        mentions("pg_catalog.pg_get_viewdef(c.oid)")
    );
    for (name, _) in names(session, "views that reach outside", &views).await? {
        push("view that may reach outside", name, None);
    }
    Ok(found)
}

/// Condition: a text calls something that leaves the database. Coarse on purpose: a false alarm is accepted once in the program, a
/// missed one writes to production.
fn mentions(text: &str) -> String {
    format!(
        "({text}) ~* '\\mdblink|\\mhttp_(get|post|put|patch|delete|head)\\M|\\mhttp\\s*\\(|\\mnet\\.http_|copy\\M.*\\m(to|from)\\s+(program\\M|'')\
         |\\mlo_(import|export)\\M|\\mpg_(read|write|ls)_(file|binary_file|dir)|\\mpg_file_|\\mpostgres_fdw_|\\mcron\\.schedule'"
    )
}

/// Names and reasons of what this engine does not carry. What becomes of owners and grants is for the program to say.
pub(super) async fn not_carried(session: &Session) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let settings = "select r.rolname::text, array_to_string(array(select split_part(u, '=', 1) from unnest(s.setconfig) u), ', ') \
                    from pg_catalog.pg_db_role_setting s join pg_catalog.pg_roles r on r.oid = s.setrole \
                    where s.setdatabase = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()) order by 1";
    for (role, names) in names(session, "role settings", settings).await? {
        found.push((format!("settings of role {role} in this database"), format!("{names}; settings of roles are not carried")));
    }
    let labels = "select provider, count(*)::text from pg_catalog.pg_seclabel group by 1 order by 1";
    for (provider, count) in names(session, "security labels", labels).await? {
        found.push((format!("security labels of {provider}"), format!("{count} labels; they need their provider loaded on the target")));
    }
    let spaces = format!(
        "select s.spcname::text, count(*)::text from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         join pg_catalog.pg_tablespace s on s.oid = c.reltablespace where {USER_SCHEMA} group by 1 order by 1"
    );
    for (space, count) in names(session, "tablespaces", &spaces).await? {
        found.push((format!("tablespace {space}"), format!("holds {count} relations; the copy uses the target's default tablespace")));
    }
    Ok(found)
}
