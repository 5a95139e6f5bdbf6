//! Everything that is not a table, one object per definition. Each kind is a query that returns name and definition.

use super::super::connect::Session;
use super::super::error::Doing;
use super::{USER_SCHEMA, no_member};
use crate::error::Result;
use greenroom_model::catalog::Object;

/// Reads all objects.
pub(super) async fn read(session: &Session) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    for (kind, query) in queries(session.version) {
        let rows = session.client.query(&query, &[]).await.doing(format!("read the schema's objects of kind {kind}"))?;
        for row in rows {
            // Some kinds say more exactly what they are.
            let kind = row.try_get::<_, String>(2).unwrap_or_else(|_| kind.to_owned());
            objects.push(Object { kind, name: row.get(0), definition: row.get(1) });
        }
    }
    Ok(objects)
}

/// Kind and query: name, definition, and perhaps a more exact kind.
fn queries(version: i32) -> Vec<(&'static str, String)> {
    let s = USER_SCHEMA;
    let class = no_member("pg_class", "c.oid");
    let typ = no_member("pg_type", "t.oid");
    let proc = no_member("pg_proc", "p.oid");
    let relation = "pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace";
    let of_table = "pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)";
    let clone = if version >= 130_000 { "tg.tgparentid = 0" } else { "true" };
    let collation = match version {
        170_000.. => "co.colllocale",
        150_000.. => "co.colliculocale",
        _ => "null::text",
    };
    let deterministic = if version >= 120_000 { "co.collisdeterministic" } else { "true" };
    let statistics =
        if version >= 140_000 { "pg_catalog.pg_get_statisticsobjdef(o.oid)" } else { "pg_catalog.pg_get_statisticsobjdef(o.oid)::text" };
    vec![
        ("schema", format!("select n.nspname::text, n.nspname::text from pg_catalog.pg_namespace n where {s} and {}", no_member("pg_namespace", "n.oid"))),
        (
            "view",
            format!(
                "select n.nspname || '.' || c.relname, pg_catalog.pg_get_viewdef(c.oid) || coalesce(' with ' || array_to_string(c.reloptions, ', '), ''), \
                 case when c.relkind = 'v' then 'view' when c.relispopulated then 'materialized view' else 'materialized view (not populated)' end \
                 from {relation} where c.relkind in ('v', 'm') and {s} and {class}"
            ),
        ),
        (
            "index",
            // Indexes of tables are listed with their tables; those of materialised views here.
            format!(
                "select n.nspname || '.' || i.relname, pg_catalog.pg_get_indexdef(x.indexrelid) from {relation} \
                 join pg_catalog.pg_index x on x.indrelid = c.oid join pg_catalog.pg_class i on i.oid = x.indexrelid \
                 where c.relkind = 'm' and {s} and {class}"
            ),
        ),
        (
            "sequence",
            format!(
                "select n.nspname || '.' || c.relname, concat_ws(' ', pg_catalog.format_type(q.seqtypid, null), 'start', q.seqstart, 'increment', q.seqincrement, \
                 'min', q.seqmin, 'max', q.seqmax, 'cache', q.seqcache, case when q.seqcycle then 'cycle' end, \
                 case when c.relpersistence = 'u' then 'unlogged' end, \
                 (select case d.deptype when 'i' then 'identity of ' else 'owned by ' end || on_.nspname || '.' || ot.relname || '.' || a.attname \
                    from pg_catalog.pg_depend d join pg_catalog.pg_class ot on ot.oid = d.refobjid \
                    join pg_catalog.pg_namespace on_ on on_.oid = ot.relnamespace \
                    join pg_catalog.pg_attribute a on a.attrelid = ot.oid and a.attnum = d.refobjsubid \
                    where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype in ('a', 'i') \
                      and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass limit 1)) \
                 from {relation} join pg_catalog.pg_sequence q on q.seqrelid = c.oid where {s} and {class}"
            ),
        ),
        (
            "function",
            format!(
                "select n.nspname || '.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', \
                 pg_catalog.pg_get_functiondef(p.oid), case when p.prokind = 'p' then 'procedure' else 'function' end \
                 from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace where p.prokind <> 'a' and {s} and {proc}"
            ),
        ),
        (
            "aggregate",
            format!(
                "select n.nspname || '.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', \
                 concat_ws(' ', g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn, g.aggdeserialfn, g.aggmtransfn, g.aggminvtransfn, \
                 g.aggmfinalfn, pg_catalog.format_type(g.aggtranstype, null), g.agginitval, g.aggkind, g.aggsortop::pg_catalog.regoperator, \
                 p.proparallel, pg_catalog.pg_get_function_result(p.oid)) \
                 from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
                 join pg_catalog.pg_aggregate g on g.aggfnoid = p.oid where {s} and {proc}"
            ),
        ),
        (
            "constraint",
            format!(
                "select {of_table} || '.' || k.conname, pg_catalog.pg_get_constraintdef(k.oid) from pg_catalog.pg_constraint k \
                 join pg_catalog.pg_class c on c.oid = k.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
                 where k.contype in ('p', 'u', 'x') and {s} and {class}"
            ),
        ),
        (
            "trigger",
            format!(
                "select {of_table} || '.' || tg.tgname, pg_catalog.pg_get_triggerdef(tg.oid) || ' enabled: ' || tg.tgenabled::text \
                 from pg_catalog.pg_trigger tg join pg_catalog.pg_class c on c.oid = tg.tgrelid \
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace where not tg.tgisinternal and tg.tgname not in ('greenroom_capture', 'greenroom_capture_all') and {clone} and {s} and {class}"
            ),
        ),
        (
            "event trigger",
            format!(
                "select e.evtname::text, concat_ws(' ', e.evtevent, e.evtfoid::pg_catalog.regprocedure, e.evtenabled, array_to_string(e.evttags, ',')) \
                 from pg_catalog.pg_event_trigger e where {}",
                no_member("pg_event_trigger", "e.oid")
            ),
        ),
        (
            "rule",
            format!(
                "select {of_table} || '.' || r.rulename, pg_catalog.pg_get_ruledef(r.oid) || ' enabled: ' || r.ev_enabled::text \
                 from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class \
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace where r.rulename <> '_RETURN' and {s} and {class}"
            ),
        ),
        (
            "policy",
            format!(
                "select {of_table} || '.' || o.polname, concat_ws(' ', o.polcmd, case when o.polpermissive then 'permissive' else 'restrictive' end, \
                 (select string_agg(coalesce(r.rolname, 'public'), ',' order by r.rolname) from unnest(o.polroles) u(oid) left join pg_catalog.pg_roles r on r.oid = u.oid), \
                 'using', pg_catalog.pg_get_expr(o.polqual, o.polrelid), 'check', pg_catalog.pg_get_expr(o.polwithcheck, o.polrelid)) \
                 from pg_catalog.pg_policy o join pg_catalog.pg_class c on c.oid = o.polrelid \
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace where {s} and {class}"
            ),
        ),
        (
            "type",
            format!(
                "select n.nspname || '.' || t.typname, case t.typtype \
                 when 'e' then 'enum ' || coalesce((select string_agg(pg_catalog.quote_literal(l.enumlabel), ', ' order by l.enumsortorder) \
                    from pg_catalog.pg_enum l where l.enumtypid = t.oid), '') \
                 when 'd' then concat_ws(' ', 'domain over', pg_catalog.format_type(t.typbasetype, t.typtypmod), case when t.typnotnull then 'not null' end, \
                    'default ' || t.typdefault, 'collate ' || nullif(t.typcollation, b.typcollation)::pg_catalog.regcollation::text, \
                    (select string_agg(k.conname || ' ' || pg_catalog.pg_get_constraintdef(k.oid), ' ' order by k.conname) \
                     from pg_catalog.pg_constraint k where k.contypid = t.oid)) \
                 when 'c' then 'composite ' || coalesce((select string_agg(a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum) \
                    from pg_catalog.pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped), '') \
                 when 'r' then (select concat_ws(' ', 'range over', pg_catalog.format_type(r.rngsubtype, null), nullif(r.rngcollation, 0)::pg_catalog.regcollation, \
                    nullif(r.rngcanonical::oid, 0)::pg_catalog.regprocedure, nullif(r.rngsubdiff::oid, 0)::pg_catalog.regprocedure) \
                    from pg_catalog.pg_range r where r.rngtypid = t.oid) \
                 else concat_ws(' ', 'base', t.typinput, t.typoutput, t.typlen, t.typalign, t.typstorage) end \
                 from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace \
                 left join pg_catalog.pg_type b on b.oid = t.typbasetype \
                 where (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and exists (select 1 from pg_catalog.pg_class c where c.oid = t.typrelid and c.relkind = 'c')) \
                    or (t.typtype = 'b' and not exists (select 1 from pg_catalog.pg_type e where e.typarray = t.oid))) and {s} and {typ}"
            ),
        ),
        ("extension", "select e.extname::text, concat_ws(' ', e.extversion, 'in', n.nspname) from pg_catalog.pg_extension e \
            join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname <> 'plpgsql' and e.extname <> 'pg_cron'".to_owned()),
        (
            "collation",
            format!(
                "select n.nspname || '.' || co.collname, concat_ws(' ', co.collprovider, co.collcollate, co.collctype, {collation}, {deterministic}) \
                 from pg_catalog.pg_collation co join pg_catalog.pg_namespace n on n.oid = co.collnamespace where {s} and {}",
                no_member("pg_collation", "co.oid")
            ),
        ),
        (
            "text search configuration",
            format!(
                "select n.nspname || '.' || f.cfgname, concat_ws(' ', pr.prsname, (select string_agg(m.maptokentype || ':' || m.mapseqno || ':' || m.mapdict::pg_catalog.regdictionary, ',' \
                 order by m.maptokentype, m.mapseqno) from pg_catalog.pg_ts_config_map m where m.mapcfg = f.oid)) \
                 from pg_catalog.pg_ts_config f join pg_catalog.pg_namespace n on n.oid = f.cfgnamespace \
                 join pg_catalog.pg_ts_parser pr on pr.oid = f.cfgparser where {s} and {}",
                no_member("pg_ts_config", "f.oid")
            ),
        ),
        (
            "text search dictionary",
            format!(
                "select n.nspname || '.' || f.dictname, concat_ws(' ', tm.tmplname, f.dictinitoption) from pg_catalog.pg_ts_dict f \
                 join pg_catalog.pg_namespace n on n.oid = f.dictnamespace join pg_catalog.pg_ts_template tm on tm.oid = f.dicttemplate where {s} and {}",
                no_member("pg_ts_dict", "f.oid")
            ),
        ),
        (
            "cast",
            format!(
                "select pg_catalog.format_type(k.castsource, null) || ' as ' || pg_catalog.format_type(k.casttarget, null), \
                 concat_ws(' ', k.castcontext, k.castmethod, nullif(k.castfunc, 0)::pg_catalog.regprocedure) \
                 from pg_catalog.pg_cast k where k.oid >= 16384 and {}",
                no_member("pg_cast", "k.oid")
            ),
        ),
        (
            "operator",
            format!(
                "select o.oid::pg_catalog.regoperator::text, concat_ws(' ', o.oprcode, o.oprrest, o.oprjoin, o.oprcanmerge, o.oprcanhash, \
                 nullif(o.oprcom, 0)::pg_catalog.regoperator, nullif(o.oprnegate, 0)::pg_catalog.regoperator) \
                 from pg_catalog.pg_operator o join pg_catalog.pg_namespace n on n.oid = o.oprnamespace where o.oprcode <> 0 and {s} and {}",
                no_member("pg_operator", "o.oid")
            ),
        ),
        (
            "operator class",
            format!(
                "select n.nspname || '.' || o.opcname || ' using ' || am.amname, concat_ws(' ', pg_catalog.format_type(o.opcintype, null), o.opcdefault) \
                 from pg_catalog.pg_opclass o join pg_catalog.pg_namespace n on n.oid = o.opcnamespace join pg_catalog.pg_am am on am.oid = o.opcmethod \
                 where {s} and {}",
                no_member("pg_opclass", "o.oid")
            ),
        ),
        (
            "statistics",
            format!(
                "select n.nspname || '.' || o.stxname, {statistics} from pg_catalog.pg_statistic_ext o \
                 join pg_catalog.pg_namespace n on n.oid = o.stxnamespace where {s}"
            ),
        ),
        (
            "publication",
            "select p.pubname::text, concat_ws(' ', p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot, \
             (select string_agg(r.prrelid::pg_catalog.regclass::text, ',' order by r.prrelid::pg_catalog.regclass::text) \
              from pg_catalog.pg_publication_rel r where r.prpubid = p.oid)) from pg_catalog.pg_publication p"
                .to_owned(),
        ),
        (
            "comment",
            // Comments on what an extension brought belong to the extension.
            "select i.type || ' ' || i.identity, d.description from pg_catalog.pg_description d \
             cross join lateral pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) i \
             where d.objoid >= 16384 and i.identity is not null and i.type <> 'extension' \
               and coalesce(i.schema, '') not in ('greenroom', 'information_schema') and coalesce(i.schema, '') !~ '^pg_' \
               and not exists (select 1 from pg_catalog.pg_depend e where e.classid = d.classoid and e.objid = d.objoid and e.deptype = 'e')"
                .to_owned(),
        ),
    ]
}
