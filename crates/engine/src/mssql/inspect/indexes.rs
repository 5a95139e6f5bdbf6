//! Reads indexes of tables, table types and views off the server into `rows`.

use super::super::connect::Session;
use super::facts::{self, Facts, Views};
use super::rows::{Behind, IndexKind, IndexRow};
use super::tables::ById;
use crate::error::Result;
use std::collections::BTreeMap;

const INDEX: &[&str] = &[
    "is_unique",
    "ignore_dup_key",
    "is_primary_key",
    "is_unique_constraint",
    "fill_factor",
    "is_padded",
    "is_disabled",
    "allow_row_locks",
    "allow_page_locks",
    "filter_definition",
    "compression_delay",
    "optimize_for_sequential_key",
];

/// Reads the indexes of what `owners` selects into `tables`, and where heaps lie.
pub(super) async fn read(session: &mut Session, views: &Views, owners: &str, tables: &mut ById) -> Result<()> {
    let stats = if views.has_column("stats", "no_recompute") {
        "(select s.no_recompute from sys.stats s where s.object_id = i.object_id and s.stats_id = i.index_id)"
    } else {
        "0"
    };
    // Compression of single partitions is not kept apart: it counts when all have the same.
    let compression = if views.has_column("partitions", "data_compression_desc") {
        "(select case when min(p.data_compression_desc) = max(p.data_compression_desc) then min(p.data_compression_desc) end \
          from sys.partitions p where p.object_id = i.object_id and p.index_id = i.index_id)"
    } else {
        "null"
    };
    let query = format!(
        "select i.object_id as id, i.index_id, i.name as index_name, i.type as kind, s.name as space_name, s.type as space_kind, \
            {stats} as no_recompute, {compression} as compression, {} \
         from sys.indexes i left join sys.data_spaces s on s.data_space_id = i.data_space_id \
         where i.object_id in ({owners}) and i.is_hypothetical = 0 order by i.object_id, i.index_id",
        views.pick("indexes", "i", INDEX)
    );
    let found = facts::read(session, "read the indexes", &query).await?;
    let mut keys: BTreeMap<(String, i64), Vec<Facts>> = BTreeMap::new();
    let query = format!(
        "select c.object_id as id, c.index_id, n.name as column_name, c.key_ordinal, c.partition_ordinal, c.is_descending_key, \
            c.is_included_column, {} from sys.index_columns c \
         join sys.columns n on n.object_id = c.object_id and n.column_id = c.column_id where c.object_id in ({owners}) \
         order by c.object_id, c.index_id, c.key_ordinal, c.index_column_id",
        views.pick("index_columns", "c", &["column_store_order_ordinal"])
    );
    for f in facts::read(session, "read the columns of indexes", &query).await? {
        keys.entry((f.said("id"), f.number("index_id"))).or_default().push(f);
    }
    let special = special(session, views).await?;
    for f in &found {
        let key = (f.said("id"), f.number("index_id"));
        let Some(table) = tables.get_mut(&key.0) else { continue };
        let columns = keys.remove(&key).unwrap_or_default();
        let compression = f.text("compression").filter(|how| !matches!(*how, "" | "NONE" | "COLUMNSTORE")).map(str::to_owned);
        if f.number("kind") == 0 {
            table.partitioned = partitioned(f, &columns);
            table.compression = compression;
            continue;
        }
        let mut row = index(f, &columns, compression);
        if let Some(special) = special.get(&key) {
            row.secondary = special.text("secondary").map(|how| (special.said("primary_name"), how.to_owned()));
            row.tessellation = special.text("tessellation").map(str::to_owned);
        }
        if row.kind == IndexKind::Clustered && row.disabled {
            table.refused.get_or_insert_with(|| "its clustered index is disabled: its rows cannot be read".to_owned());
        }
        table.indexes.push(row);
    }
    Ok(())
}

fn partitioned(f: &Facts, columns: &[Facts]) -> Option<(String, String)> {
    let column = columns.iter().find(|c| c.number("partition_ordinal") > 0)?;
    (f.said("space_kind").trim() == "PS").then(|| (f.said("space_name"), column.said("column_name")))
}

pub(super) fn index(f: &Facts, columns: &[Facts], compression: Option<String>) -> IndexRow {
    let mut ordered: Vec<(i64, String)> = columns
        .iter()
        .filter(|c| c.number("column_store_order_ordinal") > 0)
        .map(|c| (c.number("column_store_order_ordinal"), c.said("column_name")))
        .collect();
    ordered.sort();
    let kind = match f.number("kind") {
        1 => IndexKind::Clustered,
        2 => IndexKind::Nonclustered,
        3 => IndexKind::Xml,
        4 => IndexKind::Spatial,
        5 => IndexKind::ClusteredColumnstore,
        6 => IndexKind::Columnstore,
        _ => IndexKind::Unknown,
    };
    let columnstore = kind == IndexKind::Columnstore;
    IndexRow {
        name: f.said("index_name"),
        kind,
        behind: match (f.truth("is_primary_key"), f.truth("is_unique_constraint")) {
            (true, _) => Behind::PrimaryKey,
            (false, true) => Behind::Unique,
            _ => Behind::Nothing,
        },
        unique: f.truth("is_unique"),
        keys: columns
            .iter()
            .filter(|c| c.number("key_ordinal") > 0 && !columnstore)
            .map(|c| (c.said("column_name"), c.truth("is_descending_key")))
            .collect(),
        // A partitioning column that is not named otherwise stands here without being included.
        included: columns.iter().filter(|c| c.truth("is_included_column")).map(|c| c.said("column_name")).collect(),
        filter: f.text("filter_definition").map(str::to_owned),
        disabled: f.truth("is_disabled"),
        ignore_dup_key: f.truth("ignore_dup_key"),
        fill_factor: f.number("fill_factor"),
        padded: f.truth("is_padded"),
        no_row_locks: f.text("allow_row_locks") == Some("0") && !columnstore,
        no_page_locks: f.text("allow_page_locks") == Some("0") && !columnstore,
        sequential_key: f.truth("optimize_for_sequential_key"),
        no_recompute: f.truth("no_recompute"),
        compression,
        delay: f.number("compression_delay"),
        partitioned: partitioned(f, columns),
        secondary: None,
        tessellation: None,
        ordered: ordered.into_iter().map(|(_, name)| name).collect(),
    }
}

/// What XML and spatial indexes have of their own, by table and number.
async fn special(session: &mut Session, views: &Views) -> Result<BTreeMap<(String, i64), Facts>> {
    let xml = "select x.object_id as id, x.index_id, p.name as primary_name, x.secondary_type_desc as secondary from sys.xml_indexes x \
               left join sys.xml_indexes p on p.object_id = x.object_id and p.index_id = x.using_xml_index_id";
    let number = |column: &str| format!("convert(nvarchar(40), t.{column}, 2)");
    let spatial = format!(
        "select s.object_id as id, s.index_id, concat(s.tessellation_scheme, ' WITH (', \
            case when t.bounding_box_xmin is not null then concat('BOUNDING_BOX = (', {}, ', ', {}, ', ', {}, ', ', {}, '), ') end, \
            case when t.level_1_grid_desc is not null and s.tessellation_scheme not like '%AUTO%' then concat('GRIDS = (LEVEL_1 = ', \
                t.level_1_grid_desc, ', LEVEL_2 = ', t.level_2_grid_desc, ', LEVEL_3 = ', t.level_3_grid_desc, ', LEVEL_4 = ', \
                t.level_4_grid_desc, '), ') end, 'CELLS_PER_OBJECT = ', t.cells_per_object, ')') as tessellation \
         from sys.spatial_indexes s join sys.spatial_index_tessellations t on t.object_id = s.object_id and t.index_id = s.index_id",
        number("bounding_box_xmin"),
        number("bounding_box_ymin"),
        number("bounding_box_xmax"),
        number("bounding_box_ymax")
    );
    let mut found = BTreeMap::new();
    let mut all = views.read(session, "xml_indexes", xml).await?;
    if views.has("spatial_index_tessellations") {
        all.extend(views.read(session, "spatial_indexes", &spatial).await?);
    }
    for f in all {
        found.insert((f.said("id"), f.number("index_id")), f);
    }
    Ok(found)
}
