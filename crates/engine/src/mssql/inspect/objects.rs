//! What stands before tables: schemas, types, sequences, synonyms, partitions, collections of XML schemas.

use super::super::connect::Session;
use super::super::sql::{ident, literal, qualified};
use super::super::types::ColumnType;
use super::facts::{self, Facts, Views};
use super::rows::{Behind, IndexKind, TableRows};
use super::{Made, OURS, not_ours, outbound, spell};
use crate::error::Result;
use greenroom_model::catalog::Outbound;
use std::collections::BTreeMap;

/// Schemas that every database has.
const EVERYWHERE: &[&str] = &[
    "dbo",
    "guest",
    "INFORMATION_SCHEMA",
    "sys",
    "db_owner",
    "db_accessadmin",
    "db_securityadmin",
    "db_ddladmin",
    "db_backupoperator",
    "db_datareader",
    "db_datawriter",
    "db_denydatareader",
    "db_denydatawriter",
    OURS,
];

fn made(kind: &'static str, schema: String, own: String, id: String, statement: String) -> Made {
    Made { kind, schema, own, id, statements: vec![statement], ..Made::default() }
}

/// Reads all but table types and synonyms, in an order in which they can be made.
pub(super) async fn read(session: &mut Session, views: &Views) -> Result<Vec<Made>> {
    let mut all = Vec::new();
    let known = EVERYWHERE.iter().map(|n| literal(n)).collect::<Vec<_>>().join(", ");
    let query = format!("select s.name as schema_name from sys.schemas s where s.name not in ({known}) order by 1");
    for f in facts::read(session, "read the schemas", &query).await? {
        let name = f.said("schema_name");
        let statement = format!("CREATE SCHEMA {} AUTHORIZATION [dbo]", ident(&name));
        all.push(made("schema", String::new(), name, String::new(), statement));
    }
    collections(session, views, &mut all).await?;
    partitions(session, views, &mut all).await?;
    alias_types(session, &mut all).await?;
    let query = format!(
        "select q.object_id as id, schema_name(q.schema_id) as schema_name, q.name as object_name, t.name as type_name, t.is_user_defined, \
            schema_name(t.schema_id) as type_schema, q.precision, cast(q.start_value as nvarchar(40)) as start_value, \
            cast(q.increment as nvarchar(40)) as increment, cast(q.minimum_value as nvarchar(40)) as minimum_value, \
            cast(q.maximum_value as nvarchar(40)) as maximum_value, q.is_cycling, q.is_cached, q.cache_size \
         from sys.sequences q join sys.types t on t.user_type_id = q.user_type_id where q.is_ms_shipped = 0 and {} order by 2, 3",
        not_ours("q.schema_id")
    );
    for f in views.read(session, "sequences", &query).await? {
        all.push(sequence(&f));
    }
    Ok(all)
}

pub(super) fn sequence(f: &Facts) -> Made {
    let (schema, name, ty) = (f.said("schema_name"), f.said("object_name"), f.said("type_name"));
    let declared = match ty.to_lowercase().as_str() {
        _ if f.truth("is_user_defined") => qualified(&f.said("type_schema"), &ty),
        "decimal" | "numeric" => format!("{ty}({}, 0)", f.said("precision")),
        _ => ty,
    };
    let cache = match (f.truth("is_cached"), f.number("cache_size")) {
        (false, _) => " NO CACHE".to_owned(),
        (true, 0) => String::new(),
        (true, size) => format!(" CACHE {size}"),
    };
    let limits = format!(
        "INCREMENT BY {} MINVALUE {} MAXVALUE {} {}CYCLE{cache}",
        f.said("increment"),
        f.said("minimum_value"),
        f.said("maximum_value"),
        if f.truth("is_cycling") { "" } else { "NO " }
    );
    let head = format!("CREATE SEQUENCE {} AS {declared}", qualified(&schema, &name));
    let statement = format!("{head} START WITH {} {limits}", f.said("start_value"));
    // Setting its position changes where it starts.
    Made { compared: Some(format!("{head} {limits}")), ..made("sequence", schema, name, f.said("id"), statement) }
}

async fn collections(session: &mut Session, views: &Views, all: &mut Vec<Made>) -> Result<()> {
    let query = format!(
        "select schema_name(x.schema_id) as schema_name, x.name as object_name from sys.xml_schema_collections x \
         where x.xml_collection_id > 1 and schema_name(x.schema_id) <> N'sys' and {} order by 1, 2",
        not_ours("x.schema_id")
    );
    for f in views.read(session, "xml_schema_collections", &query).await? {
        let (schema, name) = (f.said("schema_name"), f.said("object_name"));
        let query = format!("select cast(xml_schema_namespace({}, {}) as nvarchar(max)) as schemas", literal(&schema), literal(&name));
        let found = facts::read(session, "read a collection of XML schemas", &query).await?;
        let text = found.first().map(|f| f.said("schemas")).unwrap_or_default();
        let statement = format!("CREATE XML SCHEMA COLLECTION {} AS {}", qualified(&schema, &name), literal(&text));
        all.push(made("xml schema collection", schema, name, String::new(), statement));
    }
    Ok(())
}

async fn alias_types(session: &mut Session, all: &mut Vec<Made>) -> Result<()> {
    let query = format!(
        "select t.name as object_name, schema_name(t.schema_id) as schema_name, b.name as base_name, t.max_length, t.precision, t.scale, \
            t.is_nullable \
         from sys.types t join sys.types b on b.user_type_id = t.system_type_id \
         where t.is_user_defined = 1 and t.is_table_type = 0 and t.is_assembly_type = 0 and {} order by 2, 1",
        not_ours("t.schema_id")
    );
    for f in facts::read(session, "read the types", &query).await? {
        all.push(alias_type(&f));
    }
    Ok(())
}

pub(super) fn alias_type(f: &Facts) -> Made {
    let small = |name: &str| u32::try_from(f.number(name)).unwrap_or(0);
    let base = ColumnType {
        base: f.said("base_name").to_lowercase(),
        bytes: i32::try_from(f.number("max_length")).unwrap_or(-1),
        precision: small("precision"),
        scale: small("scale"),
        ..ColumnType::default()
    };
    let (schema, name) = (f.said("schema_name"), f.said("object_name"));
    let null = if f.truth("is_nullable") { "NULL" } else { "NOT NULL" };
    let statement = format!("CREATE TYPE {} FROM {} {null}", qualified(&schema, &name), base.spelled());
    made("type", schema, name, String::new(), statement)
}

async fn partitions(session: &mut Session, views: &Views, all: &mut Vec<Made>) -> Result<()> {
    let bounds = "select v.function_id as id, v.boundary_id, cast(sql_variant_property(v.value, 'BaseType') as nvarchar(128)) as base, \
                     case when cast(sql_variant_property(v.value, 'BaseType') as nvarchar(128)) in ('binary', 'varbinary') \
                         then convert(nvarchar(4000), cast(v.value as varbinary(8000)), 1) \
                         when cast(sql_variant_property(v.value, 'BaseType') as nvarchar(128)) like '%date%' then convert(nvarchar(100), v.value, 126) \
                         else cast(v.value as nvarchar(4000)) end as bound \
                  from sys.partition_range_values v order by 1, 2";
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for f in views.read(session, "partition_range_values", bounds).await? {
        values.entry(f.said("id")).or_default().push(bound(&f));
    }
    if !views.has("partition_parameters") {
        return Ok(());
    }
    let query = "select f.function_id as id, f.name as object_name, f.boundary_value_on_right, t.name as base_name, p.max_length, p.precision, \
                    p.scale, p.collation_name \
                 from sys.partition_functions f join sys.partition_parameters p on p.function_id = f.function_id \
                 join sys.types t on t.user_type_id = p.system_type_id order by 2";
    for f in views.read(session, "partition_functions", query).await? {
        all.push(partition_function(&f, &values.remove(&f.said("id")).unwrap_or_default()));
    }
    let query = "select s.name as object_name, f.name as function_name from sys.partition_schemes s \
                 join sys.partition_functions f on f.function_id = s.function_id order by 1";
    for f in views.read(session, "partition_schemes", query).await? {
        let name = f.said("object_name");
        // Whatever filegroups the source has: the copy has one.
        let statement =
            format!("CREATE PARTITION SCHEME {} AS PARTITION {} ALL TO ([PRIMARY])", ident(&name), ident(&f.said("function_name")));
        all.push(made("partition scheme", String::new(), name, String::new(), statement));
    }
    Ok(())
}

/// A boundary as a literal.
pub(super) fn bound(f: &Facts) -> String {
    let text = f.said("bound");
    match f.said("base").as_str() {
        "int" | "bigint" | "smallint" | "tinyint" | "bit" | "decimal" | "numeric" | "money" | "smallmoney" | "float" | "real"
        | "binary" | "varbinary" => text,
        _ if f.text("bound").is_none() => "NULL".to_owned(),
        _ => literal(&text),
    }
}

pub(super) fn partition_function(f: &Facts, bounds: &[String]) -> Made {
    let small = |name: &str| u32::try_from(f.number(name)).unwrap_or(0);
    let ty = ColumnType {
        base: f.said("base_name").to_lowercase(),
        bytes: i32::try_from(f.number("max_length")).unwrap_or(-1),
        precision: small("precision"),
        scale: small("scale"),
        ..ColumnType::default()
    };
    let name = f.said("object_name");
    let collation = f.text("collation_name").map_or_else(String::new, |c| format!(" COLLATE {c}"));
    let side = if f.truth("boundary_value_on_right") { "RIGHT" } else { "LEFT" };
    let statement = format!(
        "CREATE PARTITION FUNCTION {}({}{collation}) AS RANGE {side} FOR VALUES ({})",
        ident(&name),
        ty.spelled(),
        bounds.join(", ")
    );
    made("partition function", String::new(), name, String::new(), statement)
}

/// Table types, behind the types that they use.
pub(super) fn add_table_types(all: &mut Vec<Made>, types: &[TableRows], not_carried: &mut Vec<(String, String)>) {
    for t in types {
        match &t.refused {
            Some(why) => not_carried.push((format!("table type {}", t.shown()), why.clone())),
            None => all.push(made("table type", t.schema.clone(), t.name.clone(), t.id.clone(), table_type(t))),
        }
    }
}

/// A table type's constraints bear names of the server's, which cannot be given.
pub(super) fn table_type(t: &TableRows) -> String {
    let mut items: Vec<String> = Vec::new();
    for c in &t.columns {
        let mut c = c.clone();
        if let Some((name, _)) = &mut c.default {
            name.clear();
        }
        items.push(spell::column(&c));
    }
    for i in &t.indexes {
        let keys = i.keys.iter().map(|(c, descending)| format!("{}{}", ident(c), if *descending { " DESC" } else { "" }));
        let keys = keys.collect::<Vec<_>>().join(", ");
        let clustered = if i.kind == IndexKind::Clustered { "CLUSTERED" } else { "NONCLUSTERED" };
        let ignore = if i.ignore_dup_key { " WITH (IGNORE_DUP_KEY = ON)" } else { "" };
        items.push(match i.behind {
            Behind::PrimaryKey => format!("PRIMARY KEY {clustered} ({keys}){ignore}"),
            Behind::Unique => format!("UNIQUE {clustered} ({keys}){ignore}"),
            Behind::Nothing => {
                let unique = if i.unique { "UNIQUE " } else { "" };
                format!("INDEX {} {unique}{clustered} ({keys}){ignore}", ident(&i.name))
            }
        });
    }
    items.extend(t.checks.iter().map(spell::check_clause));
    format!("CREATE TYPE {} AS TABLE (\n    {}\n)", qualified(&t.schema, &t.name), items.join(",\n    "))
}

/// Synonyms. Those that reach outside are not made; one that names its own database by name is made without that name, which is another on
/// the copy.
pub(super) async fn add_synonyms(session: &mut Session, views: &Views, all: &mut Vec<Made>, reach: &mut Vec<Outbound>) -> Result<()> {
    let query = format!(
        "select s.object_id as id, schema_name(s.schema_id) as schema_name, s.name as object_name, s.base_object_name, db_name() as own, \
            @@servername as server from sys.synonyms s where {} order by 2, 3",
        not_ours("s.schema_id")
    );
    for f in views.read(session, "synonyms", &query).await? {
        match synonym(&f) {
            Some(found) => all.push(found),
            None => reach.push(Outbound {
                kind: "synonym".to_owned(),
                name: format!("{}.{}", f.said("schema_name"), f.said("object_name")),
                disabled_by: Some(outbound::LEFT_OUT.to_owned()),
            }),
        }
    }
    Ok(())
}

pub(super) fn synonym(f: &Facts) -> Option<Made> {
    let parts = outbound::parts(&f.said("base_object_name"));
    let base = match parts.as_slice() {
        // As it was said: in the schema of whoever asks.
        [name] => ident(name),
        [schema, name] => qualified(if schema.is_empty() { "dbo" } else { schema }, name),
        [database, schema, name] if database.is_empty() || database.eq_ignore_ascii_case(&f.said("own")) => {
            qualified(if schema.is_empty() { "dbo" } else { schema }, name)
        }
        _ => return None,
    };
    let (schema, name) = (f.said("schema_name"), f.said("object_name"));
    let statement = format!("CREATE SYNONYM {} FOR {base}", qualified(&schema, &name));
    Some(made("synonym", schema, name, f.said("id"), statement))
}
