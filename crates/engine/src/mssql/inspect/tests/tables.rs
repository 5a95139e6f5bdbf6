//! Tables, columns, indexes and constraints.

use super::super::facts::Facts;
use super::super::rows::{Behind, CheckRow, ForeignRow, IndexKind, IndexRow, TableRows};
use super::super::{indexes, neutral, spell, tables};
use super::{column, index, table};
use greenroom_model::catalog::{Generation, TableForm};

#[test]
fn columns_are_spelled_with_everything_that_belongs_to_them() {
    for (made, expected) in [
        (column("a", "nvarchar", "80", &[]), "[a] nvarchar(40) NULL"),
        (column("a", "varchar", "-1", &[("is_nullable", "0")]), "[a] varchar(max) NOT NULL"),
        (column("a]b", "decimal", "9", &[("precision", "10"), ("scale", "2")]), "[a]]b] decimal(10,2) NULL"),
        (column("a", "datetimeoffset", "10", &[("scale", "3")]), "[a] datetimeoffset(3) NULL"),
        (column("a", "timestamp", "8", &[("is_nullable", "0"), ("default_value", "x")]), "[a] rowversion NOT NULL"),
        (column("a", "hierarchyid", "892", &[("is_assembly_type", "1")]), "[a] hierarchyid NULL"),
        (column("a", "varchar", "10", &[("collation_name", "Latin1_General_BIN2")]), "[a] varchar(10) COLLATE Latin1_General_BIN2 NULL"),
        (column("a", "varchar", "10", &[("collation_name", "LATIN1_GENERAL_CI_AS")]), "[a] varchar(10) NULL"),
        (
            column(
                "a",
                "int",
                "4",
                &[("is_identity", "1"), ("seed", "-5"), ("increment", "10"), ("is_not_for_replication", "1"), ("is_nullable", "0")],
            ),
            "[a] int IDENTITY(-5, 10) NOT FOR REPLICATION NOT NULL",
        ),
        (
            column(
                "a",
                "uniqueidentifier",
                "16",
                &[("is_rowguidcol", "1"), ("default_name", "DF__t__a__3B75D760"), ("default_value", "(newsequentialid())")],
            ),
            "[a] uniqueidentifier NULL ROWGUIDCOL CONSTRAINT [DF__t__a__3B75D760] DEFAULT (newsequentialid())",
        ),
        (column("a", "int", "4", &[("is_sparse", "1")]), "[a] int SPARSE NULL"),
        (column("a", "xml", "-1", &[("is_column_set", "1")]), "[a] xml COLUMN_SET FOR ALL_SPARSE_COLUMNS"),
        (
            column("a", "xml", "-1", &[("xml_name", "orders"), ("xml_schema", "s"), ("is_xml_document", "1")]),
            "[a] xml(DOCUMENT [s].[orders]) NULL",
        ),
        (
            column("a", "nvarchar", "60", &[("is_user_defined", "1"), ("type_schema", "dbo"), ("type_name", "code")]),
            "[a] [dbo].[code] NULL",
        ),
        (
            column("a", "varchar", "20", &[("masking_function", "partial(1, \"x'x\", 0)")]),
            "[a] varchar(20) MASKED WITH (FUNCTION = 'partial(1, \"x''x\", 0)') NULL",
        ),
        (column("a", "int", "4", &[("is_computed", "1"), ("computed", "([b]*(2))")]), "[a] AS ([b]*(2))"),
        (
            column(
                "a",
                "int",
                "4",
                &[("is_computed", "1"), ("computed", "(isnull([b],(0)))"), ("is_persisted", "1"), ("is_nullable", "0")],
            ),
            "[a] AS (isnull([b],(0))) PERSISTED NOT NULL",
        ),
    ] {
        assert_eq!(spell::column(&made), expected);
    }
}

#[test]
fn indexes_of_every_kind_are_spelled() {
    let filtered = IndexRow {
        unique: true,
        keys: vec![("a".into(), false), ("b".into(), true)],
        included: vec!["c".into(), "d]".into()],
        filter: Some("([a]>(5))".into()),
        fill_factor: 80,
        padded: true,
        ignore_dup_key: true,
        no_page_locks: true,
        compression: Some("PAGE".into()),
        ..index("ix", IndexKind::Nonclustered, &[])
    };
    let key = IndexRow { behind: Behind::PrimaryKey, unique: true, ..index("PK__t__3213E83F", IndexKind::Clustered, &["a"]) };
    let unique = IndexRow { behind: Behind::Unique, unique: true, ..index("uq", IndexKind::Nonclustered, &["a"]) };
    let partitioned = IndexRow { partitioned: Some(("ps".into(), "a".into())), ..key.clone() };
    let columns = IndexRow { included: vec!["a".into(), "b".into()], delay: 10, ..index("nci", IndexKind::Columnstore, &[]) };
    let whole = IndexRow { compression: Some("COLUMNSTORE_ARCHIVE".into()), ..index("cci", IndexKind::ClusteredColumnstore, &[]) };
    let secondary = IndexRow { secondary: Some(("px".into(), "PATH".into())), ..index("sx", IndexKind::Xml, &["doc"]) };
    let spatial = IndexRow {
        tessellation: Some("GEOMETRY_AUTO_GRID WITH (BOUNDING_BOX = (0, 0, 10, 10), CELLS_PER_OBJECT = 8)".into()),
        ..index("sp", IndexKind::Spatial, &["g"])
    };
    for (made, expected) in [
        (
            &filtered,
            "CREATE UNIQUE NONCLUSTERED INDEX [ix] ON [dbo].[t] ([a], [b] DESC) INCLUDE ([c], [d]]]) WHERE ([a]>(5)) \
             WITH (PAD_INDEX = ON, FILLFACTOR = 80, IGNORE_DUP_KEY = ON, ALLOW_PAGE_LOCKS = OFF, DATA_COMPRESSION = PAGE)",
        ),
        (&key, "ALTER TABLE [dbo].[t] ADD CONSTRAINT [PK__t__3213E83F] PRIMARY KEY CLUSTERED ([a])"),
        (&unique, "ALTER TABLE [dbo].[t] ADD CONSTRAINT [uq] UNIQUE NONCLUSTERED ([a])"),
        (&partitioned, "ALTER TABLE [dbo].[t] ADD CONSTRAINT [PK__t__3213E83F] PRIMARY KEY CLUSTERED ([a]) ON [ps]([a])"),
        (&columns, "CREATE NONCLUSTERED COLUMNSTORE INDEX [nci] ON [dbo].[t] ([a], [b]) WITH (COMPRESSION_DELAY = 10 MINUTES)"),
        (&whole, "CREATE CLUSTERED COLUMNSTORE INDEX [cci] ON [dbo].[t] WITH (DATA_COMPRESSION = COLUMNSTORE_ARCHIVE)"),
        (&index("px", IndexKind::Xml, &["doc"]), "CREATE PRIMARY XML INDEX [px] ON [dbo].[t] ([doc])"),
        (&secondary, "CREATE XML INDEX [sx] ON [dbo].[t] ([doc]) USING XML INDEX [px] FOR PATH"),
        (
            &spatial,
            "CREATE SPATIAL INDEX [sp] ON [dbo].[t] ([g]) USING GEOMETRY_AUTO_GRID WITH (BOUNDING_BOX = (0, 0, 10, 10), CELLS_PER_OBJECT = 8)",
        ),
    ] {
        assert_eq!(spell::index("dbo", "t", made).as_deref(), Some(expected));
    }
    assert_eq!(spell::index("dbo", "t", &index("h", IndexKind::Unknown, &["a"])), None);
    assert_eq!(
        spell::index_off("dbo", "t", &IndexRow { disabled: true, ..filtered }).as_deref(),
        Some("ALTER INDEX [ix] ON [dbo].[t] DISABLE")
    );
    // What orders the rows stands before them, a columnstore index behind: it packs them.
    assert!(key.early() && !unique.early() && !whole.early());
}

#[test]
fn indexes_are_read_with_keys_included_columns_and_partitions_apart() {
    let facts = Facts::of(&[
        ("index_name", "ix"),
        ("kind", "2"),
        ("is_unique", "1"),
        ("space_kind", "PS"),
        ("space_name", "ps"),
        ("fill_factor", "0"),
        ("allow_row_locks", "1"),
    ]);
    let columns = [
        Facts::of(&[("column_name", "b"), ("key_ordinal", "0"), ("is_included_column", "1")]),
        Facts::of(&[("column_name", "p"), ("key_ordinal", "0"), ("partition_ordinal", "1")]),
        Facts::of(&[("column_name", "a"), ("key_ordinal", "1"), ("is_descending_key", "1")]),
    ];
    let made = indexes::index(&facts, &columns, None);
    assert_eq!(
        spell::index("s", "t", &made).unwrap(),
        "CREATE UNIQUE NONCLUSTERED INDEX [ix] ON [s].[t] ([a] DESC) INCLUDE ([b]) ON [ps]([p])"
    );
}

#[test]
fn constraints_come_back_as_trusted_as_they_were() {
    let check = CheckRow { name: "ck".into(), expression: "([a]>(0))".into(), disabled: false, trusted: true, not_for_replication: false };
    assert_eq!(spell::check("dbo", "t", &check), ["ALTER TABLE [dbo].[t] ADD CONSTRAINT [ck] CHECK (([a]>(0)))"]);
    let off = CheckRow { disabled: true, trusted: false, not_for_replication: true, ..check };
    assert_eq!(
        spell::check("dbo", "t", &off),
        [
            "ALTER TABLE [dbo].[t] WITH NOCHECK ADD CONSTRAINT [ck] CHECK NOT FOR REPLICATION (([a]>(0)))",
            "ALTER TABLE [dbo].[t] NOCHECK CONSTRAINT [ck]"
        ]
    );
    let key = ForeignRow {
        name: "fk".into(),
        columns: vec!["a".into(), "b".into()],
        schema: "s".into(),
        table: "p".into(),
        referenced: vec!["x".into(), "y".into()],
        on_delete: "SET_NULL".into(),
        on_update: "NO_ACTION".into(),
        disabled: false,
        trusted: true,
        not_for_replication: false,
    };
    assert_eq!(
        spell::foreign_key("dbo", "t", &key),
        ["ALTER TABLE [dbo].[t] ADD CONSTRAINT [fk] FOREIGN KEY ([a], [b]) REFERENCES [s].[p] ([x], [y]) ON DELETE SET NULL"]
    );
    let untrusted = ForeignRow { trusted: false, on_delete: "CASCADE".into(), on_update: "SET_DEFAULT".into(), ..key };
    assert_eq!(
        spell::foreign_key("dbo", "t", &untrusted),
        [
            "ALTER TABLE [dbo].[t] WITH NOCHECK ADD CONSTRAINT [fk] FOREIGN KEY ([a], [b]) REFERENCES [s].[p] ([x], [y]) ON DELETE CASCADE ON UPDATE SET DEFAULT"
        ]
    );
}

#[test]
fn tables_that_cannot_be_carried_are_refused_by_name() {
    for (fact, value, word) in [
        ("temporal_type", "2", "temporal"),
        ("temporal_type", "1", "history"),
        ("ledger_type", "2", "ledger"),
        ("is_memory_optimized", "1", "memory-optimised"),
        ("is_filetable", "1", "FileTable"),
        ("filestream_data_space_id", "65537", "FILESTREAM"),
        ("is_node", "1", "graph"),
        ("is_edge", "1", "graph"),
        ("is_remote_data_archive_enabled", "1", "Azure"),
    ] {
        let why = tables::refusal(&Facts::of(&[(fact, value)])).unwrap();
        assert!(why.contains(word), "{fact}: {why}");
    }
    assert_eq!(tables::refusal(&Facts::of(&[("temporal_type", "0"), ("is_node", "0")])), None);
    for (facts, word) in [
        ([("encryption_type", "1"), ("is_user_defined", "0")], "always encrypted"),
        ([("is_filestream", "1"), ("is_user_defined", "0")], "FILESTREAM"),
        ([("is_assembly_type", "1"), ("is_user_defined", "1")], "assembly"),
        ([("generated_always_type", "1"), ("is_user_defined", "0")], "generated always"),
        ([("graph_type", "1"), ("is_user_defined", "0")], "graph"),
    ] {
        let mut all = vec![("column_name", "secret")];
        all.extend(facts);
        let why = tables::column_refusal(&Facts::of(&all)).unwrap();
        assert!(why.contains(word) && why.contains("`secret`"), "{why}");
    }
    // Types of the server's own that are made of an assembly are carried.
    assert_eq!(tables::column_refusal(&Facts::of(&[("column_name", "g"), ("is_assembly_type", "1"), ("is_user_defined", "0")])), None);
    let refused = TableRows { refused: Some("temporal".into()), ..table(Vec::new()) };
    assert_eq!(neutral::table(&refused, "x").form, TableForm::Refused("temporal".into()));
    let external = TableRows { foreign: true, ..table(Vec::new()) };
    assert_eq!(neutral::table(&external, "x").form, TableForm::Foreign);
}

#[test]
fn tables_lie_where_their_clustered_index_lies() {
    let mut t = table(vec![column("a", "int", "4", &[("is_nullable", "0")])]);
    t.partitioned = Some(("ps".into(), "a".into()));
    t.compression = Some("ROW".into());
    assert_eq!(spell::table(&t), "CREATE TABLE [dbo].[t] (\n    [a] int NOT NULL\n) ON [ps]([a]) WITH (DATA_COMPRESSION = ROW)");
    t.indexes.push(index("c", IndexKind::Clustered, &["a"]));
    assert_eq!(spell::table(&t), "CREATE TABLE [dbo].[t] (\n    [a] int NOT NULL\n)");
    t.lock_escalation = Some("DISABLE".into());
    t.options = vec![("text in row".into(), "256".into())];
    assert_eq!(
        spell::options(&t),
        ["ALTER TABLE [dbo].[t] SET (LOCK_ESCALATION = DISABLE)", "EXEC sp_tableoption N'[dbo].[t]', 'text in row', 256"]
    );
}

#[test]
fn the_neutral_picture_says_what_masks_and_checks_need() {
    let mut t = table(vec![
        column("id", "int", "4", &[("is_identity", "1"), ("seed", "1"), ("increment", "1"), ("is_nullable", "0")]),
        column(
            "mail",
            "nvarchar",
            "120",
            &[("collation_name", "Latin1_General_CI_AS"), ("default_name", "df"), ("default_value", "(N'x')")],
        ),
        column("code", "varchar", "10", &[("collation_name", "Latin1_General_100_BIN2_UTF8")]),
        column("rv", "timestamp", "8", &[]),
        column("sum", "int", "4", &[("is_computed", "1"), ("computed", "([id]+(1))")]),
    ]);
    t.indexes = vec![
        index("ix", IndexKind::Nonclustered, &["mail"]),
        IndexRow { behind: Behind::PrimaryKey, unique: true, ..index("pk", IndexKind::Clustered, &["id"]) },
        IndexRow { unique: true, disabled: true, ..index("off", IndexKind::Nonclustered, &["code"]) },
    ];
    t.foreign_keys = vec![ForeignRow {
        name: "fk".into(),
        columns: vec!["id".into()],
        schema: "s".into(),
        table: "p".into(),
        referenced: vec!["x".into()],
        disabled: true,
        ..ForeignRow::default()
    }];
    t.checks = vec![CheckRow { name: "ck".into(), expression: "([id]>(0))".into(), trusted: true, ..CheckRow::default() }];
    let seen = neutral::table(&t, "Latin1_General_CI_AS");
    assert_eq!(seen.primary_key, ["id"]);
    assert_eq!(seen.indexes.iter().map(|i| (i.name.as_str(), i.unique)).collect::<Vec<_>>(), [("pk", true), ("ix", false), ("off", false)]);
    let generated: Vec<_> = seen.columns.iter().map(|c| c.generated).collect();
    assert_eq!(generated, [Some(Generation::IdentityAlways), None, None, Some(Generation::Computed), Some(Generation::Computed)]);
    let mail = seen.column("mail").unwrap();
    assert_eq!((mail.max_length, mail.default.as_deref()), (Some(60), Some("(N'x')")));
    assert_eq!(mail.collation, Some(("Latin1_General_CI_AS".into(), true)));
    assert_eq!(seen.column("code").unwrap().collation, Some(("Latin1_General_100_BIN2_UTF8".into(), false)));
    assert!(!seen.foreign_keys[0].validated && seen.properties.contains_key("foreign_key_disabled:fk"));
    assert!(!seen.properties.contains_key("check_not_trusted:ck"));
    // The default's name is part of what is compared.
    assert!(seen.properties["column:mail"].contains("CONSTRAINT [df]"));
}
