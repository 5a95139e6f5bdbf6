//! The schema as the server's catalogs tell it. Everything is read from `pg_catalog` with an empty search path, so that every name in
//! every definition is qualified. Extension members, system schemas and our own objects are left out.

mod objects;
pub(crate) mod outbound;
mod tables;

use super::connect::Session;
use super::error::Doing;
use super::sql;
use crate::error::Result;
use greenroom_model::catalog::{Catalog, EngineKind};
use std::collections::BTreeMap;

/// Condition on a namespace `n`: users' schemas.
pub(crate) const USER_SCHEMA: &str = "n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'greenroom')";

/// Condition on an object: member of no extension.
pub(crate) fn no_member(class: &str, oid: &str) -> String {
    format!(
        "not exists (select 1 from pg_catalog.pg_depend ext where ext.classid = 'pg_catalog.{class}'::pg_catalog.regclass \
         and ext.objid = {oid} and ext.objsubid = 0 and ext.deptype = 'e')"
    )
}

/// Reads the whole schema.
pub(crate) async fn catalog(session: &Session) -> Result<Catalog> {
    let tables = tables::read(session).await?;
    let mut objects = objects::read(session).await?;
    objects.sort();
    let doing = "count the large objects";
    let row = session.client.query_one("select count(*) from pg_catalog.pg_largeobject_metadata", &[]).await.doing(doing)?;
    Ok(Catalog {
        engine: EngineKind::Postgres,
        version: session.version_text.clone(),
        tables,
        objects,
        settings: settings(session).await?,
        outbound: outbound::read(session).await?,
        not_carried: outbound::not_carried(session).await?,
        large_objects: u64::try_from(row.get::<_, i64>(0)).unwrap_or(0),
    })
}

/// Encoding, collation and `ALTER DATABASE … SET` (keys `set:<name>`).
async fn settings(session: &Session) -> Result<BTreeMap<String, String>> {
    let doing = "read the database's settings";
    let provider = match session.version {
        170_000.. => "datlocprovider::text, datlocale",
        150_000.. => "datlocprovider::text, daticulocale",
        _ => "'c'::text, null::text",
    };
    let row = session
        .client
        .query_one(
            &format!(
                "select oid, pg_catalog.pg_encoding_to_char(encoding)::text, datcollate::text, datctype::text, {provider} \
                 from pg_catalog.pg_database where datname = pg_catalog.current_database()"
            ),
            &[],
        )
        .await
        .doing(doing)?;
    let mut settings = BTreeMap::new();
    for (key, column) in [("encoding", 1), ("lc_collate", 2), ("lc_ctype", 3), ("locale_provider", 4), ("locale", 5)] {
        if let Some(value) = row.get::<_, Option<String>>(column) {
            settings.insert(key.to_owned(), value);
        }
    }
    let oid: u32 = row.get(0);
    let rows = session
        .client
        .query("select unnest(setconfig) from pg_catalog.pg_db_role_setting where setdatabase = $1 and setrole = 0", &[&oid])
        .await
        .doing(doing)?;
    for row in rows {
        let setting: String = row.get(0);
        if let Some((name, value)) = setting.split_once('=') {
            settings.insert(format!("set:{name}"), value.to_owned());
        }
    }
    Ok(settings)
}

/// Where sequences stand, as statements that bring the copy's to the same place.
pub(crate) async fn sequences(session: &Session) -> Result<Vec<(String, String)>> {
    let doing = "read the sequences' positions";
    let rows = session
        .client
        .query(
            &format!(
                "select n.nspname::text, c.relname::text from pg_catalog.pg_class c \
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
                 where c.relkind = 'S' and {USER_SCHEMA} and {} order by 1, 2",
                no_member("pg_class", "c.oid")
            ),
            &[],
        )
        .await
        .doing(doing)?;
    let mut positions = Vec::with_capacity(rows.len());
    for row in rows {
        let (schema, name): (String, String) = (row.get(0), row.get(1));
        let qualified = format!("{}.{}", sql::ident(&schema), sql::ident(&name));
        let row = session
            .client
            .query_one(&format!("select last_value, is_called from {qualified}"), &[])
            .await
            .doing(format!("read the position of sequence {schema}.{name}"))?;
        let (value, called): (i64, bool) = (row.get(0), row.get(1));
        let set = format!("select pg_catalog.setval({}::pg_catalog.regclass, {value}, {called})", sql::literal(&qualified));
        positions.push((format!("{schema}.{name}"), set));
    }
    Ok(positions)
}
