//! Reads tables, columns and constraints off the server into `rows`.

use super::super::connect::Session;
use super::super::types::ColumnType;
use super::facts::{self, Facts, Views};
use super::rows::{CheckRow, ColumnRow, Computed, ForeignRow, Identity, TableRows};
use super::{indexes, not_ours};
use crate::error::Result;
use std::collections::BTreeMap;

/// Tables by the server's number of them.
pub(super) type ById = BTreeMap<String, TableRows>;

/// Reads all tables by name. `collation` is the database's own.
pub(super) async fn read(session: &mut Session, views: &Views, collation: &str) -> Result<Vec<TableRows>> {
    let mut tables = tables(session, views).await?;
    let owners = "select object_id from sys.tables";
    sizes(session, views, &mut tables).await?;
    columns(session, views, collation, owners, &mut tables).await?;
    indexes::read(session, views, owners, &mut tables).await?;
    checks(session, views, &mut tables).await?;
    foreign_keys(session, &mut tables).await?;
    let mut all: Vec<TableRows> = tables.into_values().collect();
    all.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    Ok(all)
}

/// Table types, as tables whose constraints have names of the server's.
pub(super) async fn types(session: &mut Session, views: &Views, collation: &str) -> Result<Vec<TableRows>> {
    let query = format!(
        "select t.type_table_object_id as id, schema_name(t.schema_id) as schema_name, t.name as table_name, {} from sys.table_types t \
         where {}",
        views.pick("table_types", "t", &["is_memory_optimized"]),
        not_ours("t.schema_id")
    );
    let found = views.read(session, "table_types", &query).await?;
    let mut types: ById = found.iter().map(|f| (f.said("id"), table(f))).collect();
    let owners = "select type_table_object_id from sys.table_types";
    columns(session, views, collation, owners, &mut types).await?;
    indexes::read(session, views, owners, &mut types).await?;
    checks(session, views, &mut types).await?;
    let mut all: Vec<TableRows> = types.into_values().collect();
    all.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    Ok(all)
}

/// Views that have indexes, by the server's number; nothing is told of them but the indexes.
pub(super) async fn indexed_views(session: &mut Session, views: &Views) -> Result<ById> {
    let query = format!(
        "select v.object_id as id, schema_name(v.schema_id) as schema_name, v.name as table_name from sys.views v \
         where v.is_ms_shipped = 0 and {} and v.object_id in (select i.object_id from sys.indexes i where i.index_id > 0)",
        not_ours("v.schema_id")
    );
    let found = facts::read(session, "read the indexed views", &query).await?;
    let mut all: ById = found.iter().map(|f| (f.said("id"), table(f))).collect();
    if !all.is_empty() {
        indexes::read(session, views, "select object_id from sys.views", &mut all).await?;
    }
    Ok(all)
}

/// Why a table cannot be carried, from its row of `sys.tables`.
pub(super) fn refusal(table: &Facts) -> Option<String> {
    let reason = if table.number("temporal_type") == 1 {
        "the history of a temporal table: its rows are the server's own"
    } else if table.number("temporal_type") == 2 {
        "temporal: the history of its rows cannot be carried"
    } else if table.number("ledger_type") != 0 {
        "a ledger table: its history is signed by the server"
    } else if table.truth("is_memory_optimized") {
        "memory-optimised: the copy would need a filegroup of its own"
    } else if table.truth("is_filetable") {
        "a FileTable: its rows are files"
    } else if table.number("filestream_data_space_id") != 0 {
        "has FILESTREAM columns: their values are files"
    } else if table.truth("is_node") || table.truth("is_edge") {
        "a graph table: its node numbers cannot be set"
    } else if table.truth("is_remote_data_archive_enabled") {
        "stretched: part of its rows live in Azure"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

const TABLE: &[&str] = &[
    "temporal_type",
    "ledger_type",
    "is_memory_optimized",
    "is_filetable",
    "filestream_data_space_id",
    "is_node",
    "is_edge",
    "is_remote_data_archive_enabled",
    "is_external",
    "uses_ansi_nulls",
    "text_in_row_limit",
    "large_value_types_out_of_row",
    "lock_on_bulk_load",
    "lock_escalation_desc",
];

async fn tables(session: &mut Session, views: &Views) -> Result<ById> {
    let query = format!(
        "select t.object_id as id, schema_name(t.schema_id) as schema_name, t.name as table_name, {} from sys.tables t \
         where t.is_ms_shipped = 0 and {}",
        views.pick("tables", "t", TABLE),
        not_ours("t.schema_id")
    );
    let rows = facts::read(session, "read the tables", &query).await?;
    Ok(rows.iter().map(|f| (f.said("id"), table(f))).collect())
}

fn table(f: &Facts) -> TableRows {
    let mut options = Vec::new();
    if f.number("text_in_row_limit") > 0 {
        options.push(("text in row".to_owned(), f.said("text_in_row_limit")));
    }
    for (column, option) in
        [("large_value_types_out_of_row", "large value types out of row"), ("lock_on_bulk_load", "table lock on bulk load")]
    {
        if f.truth(column) {
            options.push((option.to_owned(), "1".to_owned()));
        }
    }
    TableRows {
        schema: f.said("schema_name"),
        name: f.said("table_name"),
        id: f.said("id"),
        refused: refusal(f),
        foreign: f.truth("is_external"),
        ansi_nulls_off: f.text("uses_ansi_nulls") == Some("0"),
        options,
        lock_escalation: f.text("lock_escalation_desc").filter(|how| !how.is_empty() && *how != "TABLE").map(str::to_owned),
        ..TableRows::default()
    }
}

async fn sizes(session: &mut Session, views: &Views, tables: &mut ById) -> Result<()> {
    let query = "select p.object_id as id, sum(p.rows) as row_count from sys.partitions p where p.index_id in (0, 1) group by p.object_id";
    for f in views.read(session, "partitions", query).await? {
        if let Some(table) = tables.get_mut(&f.said("id")) {
            table.rows = u64::try_from(f.number("row_count")).unwrap_or(0);
        }
    }
    if !views.has("partitions") {
        return Ok(());
    }
    let query = "select p.object_id as id, sum(cast(a.total_pages as bigint)) * 8192 as byte_count from sys.partitions p \
                 join sys.allocation_units a on a.container_id = case when a.type = 2 then p.partition_id else p.hobt_id end \
                 where p.index_id in (0, 1) group by p.object_id";
    for f in views.read(session, "allocation_units", query).await? {
        if let Some(table) = tables.get_mut(&f.said("id")) {
            table.bytes = u64::try_from(f.number("byte_count")).unwrap_or(0);
        }
    }
    Ok(())
}

const COLUMN: &[&str] = &[
    "max_length",
    "precision",
    "scale",
    "collation_name",
    "is_nullable",
    "is_computed",
    "is_identity",
    "is_ansi_padded",
    "is_rowguidcol",
    "is_filestream",
    "is_xml_document",
    "is_sparse",
    "is_column_set",
    "generated_always_type",
    "encryption_type",
    "graph_type",
];

async fn columns(session: &mut Session, views: &Views, collation: &str, owners: &str, tables: &mut ById) -> Result<()> {
    let masked = if views.has("masked_columns") {
        "(select m.masking_function from sys.masked_columns m where m.object_id = c.object_id and m.column_id = c.column_id and m.is_masked = 1)"
    } else {
        "null"
    };
    let collections = if views.has("xml_schema_collections") && views.has_column("columns", "xml_collection_id") {
        "left join sys.xml_schema_collections x on x.xml_collection_id = c.xml_collection_id and c.xml_collection_id > 1"
    } else {
        "left join (select null as name, null as schema_id, null as xml_collection_id) x on 1 = 0"
    };
    let query = format!(
        "select c.object_id as id, c.name as column_name, coalesce(b.name, t.name) as base_name, t.is_user_defined, t.is_assembly_type, \
            schema_name(t.schema_id) as type_schema, t.name as type_name, {}, cast(i.seed_value as nvarchar(40)) as seed, \
            cast(i.increment_value as nvarchar(40)) as increment, i.is_not_for_replication, k.definition as computed, k.is_persisted, \
            d.name as default_name, d.definition as default_value, {masked} as masking_function, x.name as xml_name, \
            schema_name(x.schema_id) as xml_schema \
         from sys.columns c join sys.types t on t.user_type_id = c.user_type_id \
         left join sys.types b on b.user_type_id = c.system_type_id and t.is_user_defined = 1 and t.is_assembly_type = 0 \
         left join sys.identity_columns i on i.object_id = c.object_id and i.column_id = c.column_id \
         left join sys.computed_columns k on k.object_id = c.object_id and k.column_id = c.column_id \
         left join sys.default_constraints d on d.parent_object_id = c.object_id and d.parent_column_id = c.column_id \
         {collections} where c.object_id in ({owners}) order by c.object_id, c.column_id",
        views.pick("columns", "c", COLUMN)
    );
    for f in facts::read(session, "read the columns", &query).await? {
        let Some(table) = tables.get_mut(&f.said("id")) else { continue };
        table.refused = table.refused.take().or_else(|| column_refusal(&f));
        let text = matches!(f.said("base_name").to_lowercase().as_str(), "char" | "varchar" | "binary" | "varbinary");
        table.ansi_padding_off |= text && !f.truth("is_computed") && f.text("is_ansi_padded") == Some("0");
        table.columns.push(column(&f, collation));
    }
    if views.has_column("columns", "rule_object_id") {
        let query = "select c.object_id as id, c.name as column_name, o.name as bound, o.type as kind, schema_name(o.schema_id) as schema_name \
                     from sys.columns c join sys.objects o on o.object_id in (c.default_object_id, c.rule_object_id) and o.parent_object_id = 0";
        for f in facts::read(session, "read the defaults and rules of the old kind", query).await? {
            let Some(table) = tables.get_mut(&f.said("id")) else { continue };
            let Some(column) = table.columns.iter_mut().find(|c| c.ty.name == f.said("column_name")) else { continue };
            column.bound.push(format!("{}.{}", f.said("schema_name"), f.said("bound")));
        }
    }
    Ok(())
}

/// Why a column cannot be carried, and with it its table.
pub(super) fn column_refusal(f: &Facts) -> Option<String> {
    let name = f.said("column_name");
    if f.text("encryption_type").is_some_and(|t| !t.is_empty() && t != "0") {
        return Some(format!("column `{name}` is always encrypted: the server cannot read it"));
    }
    if f.truth("is_filestream") {
        return Some(format!("column `{name}` is FILESTREAM: its values are files"));
    }
    if f.truth("is_user_defined") && f.truth("is_assembly_type") {
        return Some(format!("column `{name}` has a type of an assembly, and assemblies are not carried"));
    }
    if f.number("generated_always_type") != 0 {
        return Some(format!("column `{name}` is generated always: its values cannot be set"));
    }
    f.text("graph_type").filter(|t| !t.is_empty()).map(|_| format!("column `{name}` belongs to a graph: its values cannot be set"))
}

pub(super) fn column(f: &Facts, collation: &str) -> ColumnRow {
    let base = f.said("base_name").to_lowercase();
    let small = |name: &str| u32::try_from(f.number(name)).unwrap_or(0);
    let computed = f.truth("is_computed");
    let aliased = f.truth("is_user_defined") && !f.truth("is_assembly_type") && base != f.said("type_name").to_lowercase();
    let made_by_server = computed || matches!(base.as_str(), "timestamp" | "rowversion");
    let own_collation = f.text("collation_name").filter(|c| !c.eq_ignore_ascii_case(collation) && !computed);
    ColumnRow {
        collation: own_collation.map(str::to_owned),
        identity: f.truth("is_identity").then(|| Identity {
            seed: f.said("seed"),
            increment: f.said("increment"),
            not_for_replication: f.truth("is_not_for_replication"),
        }),
        computed: computed.then(|| Computed { expression: f.said("computed"), persisted: f.truth("is_persisted") }),
        default: f.text("default_value").filter(|_| !made_by_server).map(|value| (f.said("default_name"), value.to_owned())),
        bound: Vec::new(),
        rowguid: f.truth("is_rowguidcol"),
        sparse: f.truth("is_sparse"),
        column_set: f.truth("is_column_set"),
        masked_with: f.text("masking_function").map(str::to_owned),
        xml: f.text("xml_name").map(|name| (f.said("xml_schema"), name.to_owned(), f.truth("is_xml_document"))),
        ty: ColumnType {
            name: f.said("column_name"),
            made_by_server,
            alias: aliased.then(|| (f.said("type_schema"), f.said("type_name"))),
            base,
            bytes: i32::try_from(f.number("max_length")).unwrap_or(-1),
            precision: small("precision"),
            scale: small("scale"),
            nullable: f.truth("is_nullable"),
            collation: f.text("collation_name").map(str::to_owned),
            identity: f.truth("is_identity"),
        },
    }
}

async fn checks(session: &mut Session, views: &Views, tables: &mut ById) -> Result<()> {
    let query = "select k.parent_object_id as id, k.name as check_name, k.definition, k.is_disabled, k.is_not_trusted, k.is_not_for_replication \
                 from sys.check_constraints k order by 1, 2";
    for f in views.read(session, "check_constraints", query).await? {
        let Some(table) = tables.get_mut(&f.said("id")) else { continue };
        table.checks.push(CheckRow {
            name: f.said("check_name"),
            expression: f.said("definition"),
            disabled: f.truth("is_disabled"),
            trusted: !f.truth("is_not_trusted"),
            not_for_replication: f.truth("is_not_for_replication"),
        });
    }
    Ok(())
}

async fn foreign_keys(session: &mut Session, tables: &mut ById) -> Result<()> {
    let query = "select k.parent_object_id as id, k.object_id as key_id, k.name as key_name, schema_name(r.schema_id) as schema_name, r.name as table_name, \
                    k.delete_referential_action_desc, k.update_referential_action_desc, k.is_disabled, k.is_not_trusted, k.is_not_for_replication, \
                    a.name as column_name, b.name as referenced_name \
                 from sys.foreign_keys k join sys.tables r on r.object_id = k.referenced_object_id \
                 join sys.foreign_key_columns c on c.constraint_object_id = k.object_id \
                 join sys.columns a on a.object_id = c.parent_object_id and a.column_id = c.parent_column_id \
                 join sys.columns b on b.object_id = c.referenced_object_id and b.column_id = c.referenced_column_id \
                 order by k.parent_object_id, k.name, c.constraint_column_id";
    for f in facts::read(session, "read the foreign keys", query).await? {
        let Some(table) = tables.get_mut(&f.said("id")) else { continue };
        let name = f.said("key_name");
        if table.foreign_keys.last().is_none_or(|last| last.name != name) {
            table.foreign_keys.push(ForeignRow {
                name,
                schema: f.said("schema_name"),
                table: f.said("table_name"),
                on_delete: f.said("delete_referential_action_desc"),
                on_update: f.said("update_referential_action_desc"),
                disabled: f.truth("is_disabled"),
                trusted: !f.truth("is_not_trusted"),
                not_for_replication: f.truth("is_not_for_replication"),
                ..ForeignRow::default()
            });
        }
        if let Some(key) = table.foreign_keys.last_mut() {
            key.columns.push(f.said("column_name"));
            key.referenced.push(f.said("referenced_name"));
        }
    }
    Ok(())
}
