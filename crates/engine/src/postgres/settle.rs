//! What follows the rows: sequences, materialised views, statistics. Repeatable.

use super::connect::Session;
use super::error::Doing;
use super::sql;
use crate::error::Result;
use std::collections::{BTreeMap, BTreeSet};

/// Sets sequences, refreshes materialised views in the order of their dependencies, gathers statistics. `plain` is a session with the
/// database's own settings, since views may call functions that rely on its search path.
pub(crate) async fn settle(session: &Session, plain: &Session, sequences: &[(String, String)]) -> Result<()> {
    for (name, statement) in sequences {
        session.client.batch_execute(statement).await.doing(format!("set sequence {name}"))?;
    }
    refresh(session, plain, FRESH).await?;
    plain.client.batch_execute("analyze").await.doing("gather statistics")
}

/// Refreshes materialised views that are filled.
pub(crate) async fn derive(session: &Session, plain: &Session) -> Result<()> {
    refresh(session, plain, "c.relispopulated").await
}

/// Views of a copy are all empty; those that were empty in the source stay so.
const FRESH: &str = "not exists (select 1 from greenroom.left_unpopulated l where l.view_schema = n.nspname and l.view_name = c.relname)";

/// Refreshes materialised views in the order of their dependencies.
async fn refresh(session: &Session, plain: &Session, which: &str) -> Result<()> {
    for (schema, name) in views(session, which).await? {
        let qualified = format!("{}.{}", sql::ident(&schema), sql::ident(&name));
        plain
            .client
            .batch_execute(&format!("refresh materialized view {qualified}"))
            .await
            .doing(format!("refresh materialized view {schema}.{name}"))?;
    }
    Ok(())
}

/// Materialised views to refresh, each after those it reads, however many views stand between.
async fn views(session: &Session, which: &str) -> Result<Vec<(String, String)>> {
    let doing = "order the materialized views";
    let reads = session
        .client
        .query(
            "select distinct r.ev_class, d.refobjid from pg_catalog.pg_rewrite r \
             join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid \
                and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> r.ev_class \
             join pg_catalog.pg_class c on c.oid = d.refobjid and c.relkind in ('v', 'm')",
            &[],
        )
        .await
        .doing(doing)?;
    let mut needs: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for row in &reads {
        needs.entry(row.get(0)).or_default().push(row.get(1));
    }
    let wanted = session
        .client
        .query(
            &format!(
                "select c.oid, n.nspname::text, c.relname::text from pg_catalog.pg_class c \
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
                 where c.relkind = 'm' and {which} \
                   and not exists (select 1 from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::regclass \
                    and d.objid = c.oid and d.deptype = 'e') \
                 order by 2, 3"
            ),
            &[],
        )
        .await
        .doing(doing)?;
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for row in &wanted {
        visit(row.get(0), &needs, &mut seen, &mut order);
    }
    let names: BTreeMap<u32, (String, String)> = wanted.iter().map(|r| (r.get(0), (r.get(1), r.get(2)))).collect();
    Ok(order.into_iter().filter_map(|oid| names.get(&oid).cloned()).collect())
}

/// Depth first; views cannot read in circles, and `seen` would end it if they did.
fn visit(oid: u32, needs: &BTreeMap<u32, Vec<u32>>, seen: &mut BTreeSet<u32>, order: &mut Vec<u32>) {
    if !seen.insert(oid) {
        return;
    }
    for need in needs.get(&oid).into_iter().flatten() {
        visit(*need, needs, seen, order);
    }
    order.push(oid);
}
