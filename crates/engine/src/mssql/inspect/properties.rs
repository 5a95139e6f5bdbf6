//! Extended properties of all levels.

use super::super::connect::Session;
use super::super::sql::literal;
use super::Made;
use super::facts::{Facts, Views};
use crate::error::Result;
use std::collections::BTreeSet;

/// Reads those of objects that are made on the copy; `carried` are their numbers.
pub(super) async fn read(session: &mut Session, views: &Views, carried: &BTreeSet<String>) -> Result<Vec<Made>> {
    let parameters = if views.has("parameters") {
        "left join sys.parameters q on e.class = 2 and q.object_id = e.major_id and q.parameter_id = e.minor_id"
    } else {
        "left join (select null as name) q on 1 = 0"
    };
    let functions = if views.has("partition_functions") {
        "left join sys.partition_functions pf on e.class = 21 and pf.function_id = e.major_id \
         left join sys.data_spaces ps on e.class = 20 and ps.data_space_id = e.major_id and ps.type = 'PS'"
    } else {
        "left join (select null as name) pf on 1 = 0 left join (select null as name) ps on 1 = 0"
    };
    let query = format!(
        "select e.class, e.minor_id, e.name as property, cast(e.value as nvarchar(4000)) as value, \
            cast(sql_variant_property(e.value, 'BaseType') as nvarchar(128)) as base, \
            e.major_id as id, o.name as object_name, o.type as object_kind, schema_name(o.schema_id) as object_schema, \
            p.object_id as parent_id, p.name as parent_name, p.type as parent_kind, schema_name(p.schema_id) as parent_schema, \
            c.name as column_name, q.name as parameter_name, i.name as index_name, s.name as schema_name, \
            t.name as type_name, t.is_table_type, schema_name(t.schema_id) as type_schema, pf.name as function_name, ps.name as scheme_name \
         from sys.extended_properties e \
         left join sys.objects o on e.class in (1, 2, 7) and o.object_id = e.major_id \
         left join sys.objects p on p.object_id = o.parent_object_id \
         left join sys.columns c on e.class = 1 and e.minor_id > 0 and c.object_id = e.major_id and c.column_id = e.minor_id \
         {parameters} \
         left join sys.indexes i on e.class = 7 and i.object_id = e.major_id and i.index_id = e.minor_id \
         left join sys.schemas s on e.class = 3 and s.schema_id = e.major_id \
         left join sys.types t on e.class = 6 and t.user_type_id = e.major_id {functions} \
         order by 1, 2, 3"
    );
    let mut all: Vec<Made> =
        views.read(session, "extended_properties", &query).await?.iter().filter_map(|f| property(f, carried)).collect();
    all.sort_by_key(Made::name);
    Ok(all)
}

/// The word by which a level names a type of object.
fn level(kind: &str) -> Option<&'static str> {
    Some(match kind.trim() {
        "U" => "TABLE",
        "V" => "VIEW",
        "P" => "PROCEDURE",
        "FN" | "IF" | "TF" => "FUNCTION",
        "SO" => "SEQUENCE",
        "SN" => "SYNONYM",
        "C" | "D" | "F" | "PK" | "UQ" => "CONSTRAINT",
        "TR" => "TRIGGER",
        _ => return None,
    })
}

/// The statement that adds a property; `None` where what it belongs to is not made.
pub(super) fn property(f: &Facts, carried: &BTreeSet<String>) -> Option<Made> {
    let mut levels: Vec<(&str, String)> = Vec::new();
    match f.number("class") {
        0 => {}
        1 | 2 | 7 => {
            let kind = level(&f.said("object_kind"))?;
            if matches!(kind, "CONSTRAINT" | "TRIGGER") {
                if !carried.contains(&f.said("parent_id")) {
                    return None;
                }
                levels.push(("SCHEMA", f.said("parent_schema")));
                levels.push((level(&f.said("parent_kind"))?, f.said("parent_name")));
            } else {
                if !carried.contains(&f.said("id")) {
                    return None;
                }
                levels.push(("SCHEMA", f.said("object_schema")));
            }
            levels.push((kind, f.said("object_name")));
            for (column, word) in [("column_name", "COLUMN"), ("parameter_name", "PARAMETER"), ("index_name", "INDEX")] {
                levels.extend(f.text(column).map(|name| (word, name.to_owned())));
            }
            // Its column, parameter or index is not told.
            if f.number("minor_id") > 0 && f.text("column_name").or(f.text("parameter_name")).or(f.text("index_name")).is_none() {
                return None;
            }
        }
        3 => {
            let schema = f.text("schema_name").filter(|s| *s != super::OURS)?;
            levels.push(("SCHEMA", schema.to_owned()));
        }
        6 => {
            levels.push(("SCHEMA", f.said("type_schema")));
            levels.push((if f.truth("is_table_type") { "TABLE_TYPE" } else { "TYPE" }, f.text("type_name")?.to_owned()));
        }
        20 => levels.push(("PARTITION SCHEME", f.text("scheme_name")?.to_owned())),
        21 => levels.push(("PARTITION FUNCTION", f.text("function_name")?.to_owned())),
        _ => return None,
    }
    let property = f.said("property");
    // A variant keeps the type of what it is given.
    let (declared, value) = match f.said("base").to_lowercase().as_str() {
        "" => ("sql_variant".to_owned(), "NULL".to_owned()),
        "varchar" | "char" => ("varchar(7500)".to_owned(), f.text("value").map_or("NULL".to_owned(), literal)),
        "nvarchar" | "nchar" => ("nvarchar(3750)".to_owned(), f.text("value").map_or("NULL".to_owned(), literal)),
        "decimal" | "numeric" => ("decimal(38, 10)".to_owned(), literal(&f.said("value"))),
        "binary" | "varbinary" => ("nvarchar(3750)".to_owned(), literal(&f.said("value"))),
        other => (other.to_owned(), literal(&f.said("value"))),
    };
    let mut statement = format!("DECLARE @v {declared} = {value}; EXEC sp_addextendedproperty @name = {}, @value = @v", literal(&property));
    let mut name = String::new();
    for (i, (word, own)) in levels.iter().enumerate() {
        statement.push_str(&format!(", @level{i}type = N'{word}', @level{i}name = {}", literal(own)));
        name = if i == 0 { own.clone() } else { format!("{name}.{own}") };
    }
    let kind = levels.last().map_or("database", |(word, _)| *word).to_lowercase();
    let own = if levels.is_empty() { format!("{property} of the database") } else { format!("{property} of {kind} {name}") };
    Some(Made { kind: "extended property", own, statements: vec![statement], ..Made::default() })
}
