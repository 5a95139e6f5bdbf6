//! Tables with columns, indexes, foreign keys and checks.

use super::super::connect::Session;
use super::super::error::Doing;
use super::super::types;
use super::USER_SCHEMA;
use super::outbound::LEFT_OUT_EXTENSIONS;
use crate::error::Result;
use greenroom_model::catalog::{Check, Column, ForeignKey, Generation, Index, IndexPart, Table, TableForm, TableName};
use std::collections::BTreeMap;
use tokio_postgres::Row;

const DOING: &str = "read the tables";

/// Reads all tables by name.
pub(super) async fn read(session: &Session) -> Result<Vec<Table>> {
    let mut tables = relations(session).await?;
    columns(session, &mut tables).await?;
    indexes(session, &mut tables).await?;
    constraints(session, &mut tables).await?;
    let mut tables: Vec<Table> = tables.into_values().collect();
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

fn put(table: &mut Table, key: &str, value: Option<String>) {
    if let Some(value) = value {
        table.properties.insert(key.to_owned(), value);
    }
}

async fn relations(session: &Session) -> Result<BTreeMap<u32, Table>> {
    // An extension's own tables are its business, except those it declares as configuration.
    let query = format!(
        "select c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relispartition, c.relpersistence::text, \
            c.relrowsecurity, c.relforcerowsecurity, c.relreplident::text, am.amname::text, c.reltuples::float8, \
            case when c.reltuples < 0 and c.relkind = 'r' then pg_catalog.pg_relation_size(c.oid) \
                 else c.relpages::int8 * pg_catalog.current_setting('block_size')::int8 end, \
            pg_catalog.pg_get_expr(c.relpartbound, c.oid), \
            case when c.relkind = 'p' then pg_catalog.pg_get_partkeydef(c.oid) end, \
            array_to_string(c.reloptions, ', '), x.extname::text, x.extcondition[array_position(x.extconfig, c.oid)], \
            (select array_agg(pn.nspname::text || '.' || p.relname order by i.inhseqno) from pg_catalog.pg_inherits i \
                join pg_catalog.pg_class p on p.oid = i.inhparent join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace \
                where i.inhrelid = c.oid), \
            (select array_agg(pn.nspname::text order by i.inhseqno) from pg_catalog.pg_inherits i \
                join pg_catalog.pg_class p on p.oid = i.inhparent join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace \
                where i.inhrelid = c.oid), \
            array_to_string(ft.ftoptions, ', '), pg_catalog.format_type(nullif(c.reloftype, 0), null) \
         from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         left join pg_catalog.pg_am am on am.oid = c.relam \
         left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid \
            and d.objsubid = 0 and d.deptype = 'e' \
         left join pg_catalog.pg_extension x on x.oid = d.refobjid \
         left join pg_catalog.pg_foreign_table ft on ft.ftrelid = c.oid \
         where c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't' \
           and (({USER_SCHEMA} and d.objid is null) or c.oid = any(x.extconfig)) \
         order by 2, 3"
    );
    let rows = session.client.query(&query, &[]).await.doing(DOING)?;
    Ok(rows.iter().map(|row| (row.get(0), relation(row))).collect())
}

fn relation(row: &Row) -> Table {
    let kind: String = row.get(3);
    let parents: Option<Vec<String>> = row.get(17);
    let schemas: Option<Vec<String>> = row.get(18);
    let extension: Option<String> = row.get(15);
    let form = if let Some(extension) = extension {
        if LEFT_OUT_EXTENSIONS.contains(&extension.as_str()) {
            TableForm::Rebuilt(format!("belongs to the extension {extension}, which is not carried"))
        } else {
            TableForm::ExtensionConfiguration { extension, condition: row.get::<_, Option<String>>(16).unwrap_or_default() }
        }
    } else {
        match (kind.as_str(), parents.zip(schemas)) {
            ("f", _) => TableForm::Foreign,
            ("p", _) => TableForm::Partitioned,
            (_, Some((parents, schemas))) => TableForm::Child {
                of: parents.iter().zip(schemas).map(|(name, s)| TableName::new(s.clone(), &name[s.len() + 1..])).collect(),
            },
            _ => TableForm::Ordinary,
        }
    };
    let tuples: f64 = row.get(10);
    let bytes = u64::try_from(row.get::<_, i64>(11)).unwrap_or(0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate, not negative here")]
    let estimated_rows = if tuples >= 0.0 { tuples as u64 } else { bytes / 100 };
    let mut table = Table {
        name: TableName::new(row.get::<_, String>(1), row.get::<_, String>(2)),
        form,
        columns: Vec::new(),
        primary_key: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        properties: BTreeMap::new(),
        estimated_rows,
        estimated_bytes: bytes,
    };
    let flag = |b: bool| b.then(|| "true".to_owned());
    put(&mut table, "unlogged", flag(row.get::<_, String>(5) == "u"));
    put(&mut table, "row_security", flag(row.get(6)));
    put(&mut table, "forced_row_security", flag(row.get(7)));
    put(&mut table, "replica_identity", Some(row.get::<_, String>(8)).filter(|r| r != "d"));
    put(&mut table, "access_method", row.get::<_, Option<String>>(9).filter(|a| a != "heap"));
    put(&mut table, "partition_bound", row.get(12));
    put(&mut table, "partition_key", row.get(13));
    put(&mut table, "options", row.get(14));
    put(&mut table, "foreign_options", row.get(19));
    put(&mut table, "of_type", row.get(20));
    // A partitioned or foreign child still says whose child it is.
    if let (Some(parents), true) = (row.get::<_, Option<Vec<String>>>(17), kind != "r") {
        put(&mut table, "parents", Some(parents.join(", ")));
    }
    table
}

async fn columns(session: &Session, tables: &mut BTreeMap<u32, Table>) -> Result<()> {
    let oids: Vec<u32> = tables.keys().copied().collect();
    let sql = types::column_types_sql(session.version, "a.attrelid = any($1)");
    let rows = session.client.query(&sql, &[&oids]).await.doing(DOING)?;
    let more = session
        .client
        .query(
            "select a.attrelid, a.attname::text, a.attidentity::text, a.attgenerated::text, pg_catalog.pg_get_expr(d.adbin, d.adrelid), \
                case when a.attcollation <> t.typcollation then cn.nspname::text || '.' || co.collname end, co.collisdeterministic, \
                a.attstorage::text <> t.typstorage::text, a.attstorage::text \
             from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid \
             left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum \
             left join pg_catalog.pg_collation co on co.oid = a.attcollation left join pg_catalog.pg_namespace cn on cn.oid = co.collnamespace \
             where a.attrelid = any($1) and a.attnum > 0 and not a.attisdropped",
            &[&oids],
        )
        .await
        .doing(DOING)?;
    let mut details: BTreeMap<(u32, String), &Row> = more.iter().map(|row| ((row.get(0), row.get(1)), row)).collect();
    for row in &rows {
        let oid: u32 = row.get(0);
        let ty = types::from_row(row);
        let Some((table, detail)) = tables.get_mut(&oid).zip(details.remove(&(oid, ty.name.clone()))) else { continue };
        let identity: String = detail.get(2);
        let generated = match (identity.as_str(), ty.computed) {
            (_, true) => Some(Generation::Computed),
            ("a", _) => Some(Generation::IdentityAlways),
            ("d", _) => Some(Generation::IdentityByDefault),
            _ => None,
        };
        if detail.get(7) {
            table.properties.insert(format!("storage:{}", ty.name), detail.get(8));
        }
        table.columns.push(Column {
            name: ty.name.clone(),
            native_type: ty.spelled.clone(),
            family: ty.family(),
            max_length: ty.length(),
            precision: ty.precision(),
            nullable: !ty.not_null,
            default: detail.get(4),
            generated,
            collation: detail.get::<_, Option<String>>(5).map(|name| (name, !detail.get::<_, Option<bool>>(6).unwrap_or(true))),
        });
    }
    Ok(())
}

async fn indexes(session: &Session, tables: &mut BTreeMap<u32, Table>) -> Result<()> {
    let oids: Vec<u32> = tables.keys().copied().collect();
    let rows = session
        .client
        .query(
            "select i.indrelid, c.relname::text, i.indisunique, i.indisprimary, i.indpred is not null, \
                pg_catalog.pg_get_expr(i.indpred, i.indrelid), pg_catalog.pg_get_indexdef(i.indexrelid), \
                (select array_agg(pg_catalog.pg_get_indexdef(i.indexrelid, k, false) order by k) \
                    from generate_series(1, i.indnkeyatts::int4) k), \
                (select array_agg(a.attname::text order by k) from generate_series(1, i.indnkeyatts::int4) k \
                    left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k - 1] and a.attnum > 0), \
                (select array_agg(distinct a.attname::text) from pg_catalog.pg_depend d \
                    join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid \
                    where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = i.indexrelid \
                      and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = i.indrelid and d.refobjsubid > 0), \
                i.indisclustered, i.indisreplident, i.indisvalid \
             from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid \
             where i.indrelid = any($1) order by 1, 2",
            &[&oids],
        )
        .await
        .doing(DOING)?;
    for row in &rows {
        let Some(table) = tables.get_mut(&row.get::<_, u32>(0)) else { continue };
        let name: String = row.get(1);
        let texts: Vec<String> = row.get(7);
        let names: Vec<Option<String>> = row.get(8);
        let read: Vec<String> = row.get::<_, Option<Vec<String>>>(9).unwrap_or_default();
        let parts: Vec<IndexPart> = texts
            .into_iter()
            .zip(names)
            .map(|(sql, column)| match column {
                Some(column) => IndexPart::Column(column),
                None => {
                    let columns = read.iter().filter(|c| sql.contains(c.as_str())).cloned().collect();
                    IndexPart::Expression { sql, columns }
                }
            })
            .collect();
        if row.get(3) {
            table.primary_key = parts
                .iter()
                .filter_map(|p| match p {
                    IndexPart::Column(c) => Some(c.clone()),
                    IndexPart::Expression { .. } => None,
                })
                .collect();
        }
        put(table, "clustered_on", row.get::<_, bool>(10).then(|| name.clone()));
        put(table, "replica_identity_index", row.get::<_, bool>(11).then(|| name.clone()));
        put(table, &format!("invalid_index:{name}"), (!row.get::<_, bool>(12)).then(|| "true".to_owned()));
        table.indexes.push(Index { name, unique: row.get(2), primary: row.get(3), parts, predicate: row.get(5), definition: row.get(6) });
    }
    Ok(())
}

async fn constraints(session: &Session, tables: &mut BTreeMap<u32, Table>) -> Result<()> {
    let oids: Vec<u32> = tables.keys().copied().collect();
    // A key to a partitioned table is repeated for each of its partitions; the repetitions are the server's own book-keeping.
    let rows = session
        .client
        .query(
            "select k.conrelid, k.contype::text, k.conname::text, pg_catalog.pg_get_constraintdef(k.oid), k.convalidated, \
                rn.nspname::text, r.relname::text, \
                (select array_agg(a.attname::text order by o) from unnest(k.conkey) with ordinality u(n, o) \
                    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n), \
                (select array_agg(a.attname::text order by o) from unnest(k.confkey) with ordinality u(n, o) \
                    join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n), \
                pg_catalog.pg_get_expr(k.conbin, k.conrelid), k.connoinherit \
             from pg_catalog.pg_constraint k \
             left join pg_catalog.pg_class r on r.oid = k.confrelid left join pg_catalog.pg_namespace rn on rn.oid = r.relnamespace \
             where k.conrelid = any($1) and k.contype in ('f', 'c') \
               and not exists (select 1 from pg_catalog.pg_constraint up where up.oid = k.conparentid and up.conrelid = k.conrelid) \
             order by 1, 3",
            &[&oids],
        )
        .await
        .doing(DOING)?;
    for row in &rows {
        let Some(table) = tables.get_mut(&row.get::<_, u32>(0)) else { continue };
        let name: String = row.get(2);
        let validated: bool = row.get(4);
        if row.get::<_, String>(1) == "f" {
            table.foreign_keys.push(ForeignKey {
                name,
                columns: row.get(7),
                references: TableName::new(row.get::<_, String>(5), row.get::<_, String>(6)),
                referenced_columns: row.get(8),
                definition: row.get(3),
                validated,
            });
        } else {
            put(table, &format!("check_not_validated:{name}"), (!validated).then(|| "true".to_owned()));
            put(table, &format!("check_not_inherited:{name}"), row.get::<_, bool>(10).then(|| "true".to_owned()));
            table.checks.push(Check { name, sql: row.get(9) });
        }
    }
    Ok(())
}
