//! Schemas built by hand: Chinook's shape and ugly ones.

use super::*;
use crate::catalog::{Check, EngineKind, ForeignKey, Index, IndexPart, TableForm, TableName};
use crate::columns::{Decision, Treatment};
use crate::mask::Uniqueness;
use crate::program::{
    Address, CopySettings, FenceSettings, FinalCopy, Kind, KindRule, MaskSettings, OwnerSettings, Pack, PackAction, Pilot, Reopen, Shape,
    Strategy, SwitchSettings, VerifySettings,
};
use std::collections::BTreeMap;

pub(crate) fn catalog(engine: EngineKind, tables: Vec<Table>) -> Catalog {
    Catalog {
        engine,
        version: String::new(),
        tables,
        objects: Vec::new(),
        settings: BTreeMap::new(),
        outbound: Vec::new(),
        not_carried: Vec::new(),
        large_objects: 0,
    }
}

/// A column from `name type`, with `!` in front for NOT NULL.
pub(crate) fn column(spec: &str) -> Column {
    let (name, native) = spec.trim_start_matches('!').rsplit_once(' ').unwrap();
    let family = match native.split('(').next().unwrap() {
        "int" => Family::Integer,
        "bool" => Family::Boolean,
        "date" => Family::Date,
        "timestamp" => Family::Timestamp,
        "numeric" => Family::Decimal,
        "bytes" => Family::Bytes,
        "json" => Family::Json,
        "enum" => Family::Other,
        _ => Family::Text,
    };
    let max_length = native.split_once('(').and_then(|(_, n)| n.trim_end_matches(')').parse().ok());
    Column {
        name: name.into(),
        native_type: native.into(),
        family,
        max_length,
        precision: None,
        nullable: !spec.starts_with('!'),
        default: None,
        generated: None,
        collation: None,
    }
}

/// A table of the default schema whose first column is its key (unless the key is empty).
pub(crate) fn table(engine: EngineKind, name: &str, key: &[&str], columns: &[&str]) -> Table {
    Table {
        name: TableName::new(engine.default_schema(), name),
        form: TableForm::Ordinary,
        columns: columns.iter().map(|c| column(c)).collect(),
        primary_key: key.iter().map(|k| (*k).to_owned()).collect(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        properties: BTreeMap::new(),
        estimated_rows: 1000,
        estimated_bytes: 1 << 20,
    }
}

pub(crate) fn refers(mut table: Table, columns: &[&str], to: &str, referenced: &[&str]) -> Table {
    let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let references = TableName::new(table.name.schema.clone(), to);
    let name = format!("fk_{}", columns.join("_"));
    let key = ForeignKey {
        name,
        columns: owned(columns),
        references,
        referenced_columns: owned(referenced),
        definition: String::new(),
        validated: true,
    };
    table.foreign_keys.push(key);
    table
}

pub(crate) fn unique(mut table: Table, columns: &[&str]) -> Table {
    let parts = columns.iter().map(|c| IndexPart::Column((*c).to_owned())).collect();
    let name = format!("ux_{}", columns.join("_"));
    table.indexes.push(Index { name, unique: true, primary: false, parts, predicate: None, definition: String::new() });
    table
}

pub(crate) fn origin() -> Origin {
    Origin { layer: "program".into(), file: "columns.toml".into(), span: (3, 9) }
}

pub(crate) fn decision(treatment: Treatment) -> Decision {
    Decision {
        treatment,
        reason: None,
        approved_by: None,
        when: None,
        unless: None,
        after_upgrade: false,
        derived_from: Vec::new(),
        origin: origin(),
    }
}

pub(crate) fn mask(name: &str) -> Decision {
    let rule = MaskRule { name: name.into(), params: BTreeMap::new() };
    decision(Treatment::Mask { rule, domain: None, identity: None })
}

fn by_identity(name: &str, identity: &str) -> Decision {
    let rule = MaskRule { name: name.into(), params: BTreeMap::new() };
    decision(Treatment::Mask { rule, domain: None, identity: Some(identity.into()) })
}

/// A program that keeps every column of the catalog, except as given.
pub(crate) fn program(catalog: &Catalog, decided: &[(&str, &str, Decision)]) -> Program {
    let address =
        Address { engine: catalog.engine, path: None, host: None, port: None, database: None, user: None, password: None, tls: None };
    let mut columns: BTreeMap<String, BTreeMap<String, Decision>> = BTreeMap::new();
    for t in &catalog.tables {
        let all = t.columns.iter().map(|c| (c.name.clone(), decision(Treatment::Keep))).collect();
        columns.insert(t.name.short(catalog.engine), all);
    }
    for (t, c, d) in decided {
        columns.entry((*t).into()).or_default().insert((*c).into(), d.clone());
    }
    Program {
        name: "test".into(),
        layers: vec!["program".into()],
        source: address.clone(),
        target: address.clone(),
        quarantine: None,
        fence: FenceSettings { address, minutes: 1, drain_seconds: 1 },
        switch: SwitchSettings {
            minutes: 240,
            restore_point_hours: 24,
            keep_former_days: 30,
            rollback_hours: 0,
            name: None,
            strategy: Strategy::PilotToProduction,
            final_copy: FinalCopy::All,
            together: Vec::new(),
            hooks: Vec::new(),
        },
        files: Vec::new(),
        dress: false,
        pilot: Pilot {
            name: "pilot".into(),
            testers: vec![],
            users: vec![],
            modes: (0o600, 0o644),
            open_after: None,
            keep_former_hours: 1,
        },
        profile: None,
        pilots: Vec::new(),
        version_query: None,
        kinds: Vec::new(),
        columns,
        pinned: None,
        large_objects: None,
        packs: Vec::new(),
        upgrade: Vec::new(),
        assertions: Vec::new(),
        masks: MaskSettings::default(),
        copy: CopySettings { workers: None, range_rows: 1, give_way_seconds: 1, min_free_disk_percent: 1, max_bytes_per_second: None },
        verify: VerifySettings {
            residual_sample_rows: None,
            allowed_mail_domains: vec![],
            touched_tables: vec![],
            accepted: BTreeMap::new(),
        },
        owners: OwnerSettings::default(),
        carry: Default::default(),
        outbound_accepted: BTreeMap::new(),
        left_out: BTreeMap::new(),
    }
}

pub(crate) fn kind(table: &str, kind: Kind, condition: Option<&str>, keep: Option<(&str, u32)>) -> KindRule {
    let keep_days = keep.map(|(c, d)| (c.to_owned(), d));
    KindRule { table: table.into(), kind, condition: condition.map(str::to_owned), keep_days, origin: origin() }
}

/// Table, action, `when`, `unless`.
type RuleOf<'a> = (&'a str, PackAction, Option<&'a str>, Option<&'a str>);

fn pack(rules: Vec<RuleOf<'_>>) -> Pack {
    let rule = |(n, (t, action, when, unless)): (usize, RuleOf<'_>)| crate::program::PackRule {
        id: format!("r{n}"),
        table: Some(t.into()),
        action,
        when: when.map(str::to_owned),
        unless: unless.map(str::to_owned),
        assert: None,
        assert_after: None,
        shape: Shape::Both,
        origin: origin(),
    };
    Pack {
        name: "p".into(),
        title: String::new(),
        reopen: Reopen::Never,
        rules: rules.into_iter().enumerate().map(rule).collect(),
        open: Vec::new(),
        close: Vec::new(),
    }
}

fn promise(rule: &MaskRule, column: &Column, _: &str) -> Result<MaskTraits, Vec<Finding>> {
    let uniqueness = match rule.name.as_str() {
        "permute" => Uniqueness::Permutation,
        "email" | "token" => Uniqueness::Distinct,
        "unknown" => return Err(vec![Finding::error("GR0301", "mask `unknown` is not known")]),
        _ => Uniqueness::Lossy,
    };
    Ok(MaskTraits {
        uniqueness,
        max_output: column.max_length,
        case_proof: true,
        may_null: false,
        by_identity: matches!(rule.name.as_str(), "email" | "first_name"),
    })
}

fn resolved(program: &Program, catalog: &Catalog) -> (Vec<TableCopy>, Vec<Finding>) {
    resolve_with(program, catalog, &promise)
}

fn codes(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|f| f.code).collect()
}

fn copy_of<'c>(copies: &'c [TableCopy], name: &str) -> &'c TableCopy {
    copies.iter().find(|c| c.table.name == name).unwrap()
}

const PG: EngineKind = EngineKind::Postgres;
const LITE: EngineKind = EngineKind::Sqlite;

/// Chinook's people and invoices.
fn chinook(engine: EngineKind) -> Catalog {
    let employee = table(
        engine,
        "Employee",
        &["EmployeeId"],
        &["!EmployeeId int", "!LastName text(20)", "!FirstName text(20)", "ReportsTo int", "Email text(60)"],
    );
    let customer =
        table(engine, "Customer", &["CustomerId"], &["!CustomerId int", "!FirstName text(40)", "!Email text(60)", "SupportRepId int"]);
    let invoice =
        table(engine, "Invoice", &["InvoiceId"], &["!InvoiceId int", "!CustomerId int", "!InvoiceDate timestamp", "BillingCity text(40)"]);
    catalog(
        engine,
        vec![
            unique(refers(customer, &["SupportRepId"], "Employee", &["EmployeeId"]), &["Email"]),
            refers(employee, &["ReportsTo"], "Employee", &["EmployeeId"]),
            refers(invoice, &["CustomerId"], "Customer", &["CustomerId"]),
        ],
    )
}

#[test]
fn kept_columns_have_no_rules_and_undecided_ones_become_null() {
    let c = chinook(LITE);
    let mut p = program(&c, &[]);
    p.columns.get_mut("Customer").unwrap().remove("Email");
    let (copies, _) = resolved(&p, &c);
    assert!(!copy_of(&copies, "Invoice").changes_fields());
    assert_eq!(copy_of(&copies, "Customer").columns[2].rules, [FieldRule { when: None, action: FieldAction::Null }]);
    assert_eq!(copy_of(&copies, "Invoice").range_key.as_deref(), Some("InvoiceId"));
}

#[test]
fn an_identity_email_is_accepted_on_a_unique_index_only_over_a_unique_identity() {
    let c = chinook(PG);
    let (copies, findings) = resolved(&program(&c, &[("Customer", "Email", by_identity("email", "CustomerId"))]), &c);
    assert_eq!(findings, []);
    let FieldAction::Mask { domain, identity, .. } = &copy_of(&copies, "Customer").columns[2].rules[0].action else { panic!() };
    assert_eq!((domain.as_str(), *identity), ("email:Customer.Email", Some(0)));
    let (_, findings) = resolved(&program(&c, &[("Customer", "Email", by_identity("email", "SupportRepId"))]), &c);
    assert_eq!(codes(&findings), ["GR0350"]);
    assert!(findings[0].place.is_some());
}

#[test]
fn linked_columns_share_a_domain_across_a_self_reference_and_must_change_alike() {
    let c = chinook(PG);
    let all = [
        ("Employee", "EmployeeId", mask("permute")),
        ("Employee", "ReportsTo", mask("permute")),
        ("Customer", "SupportRepId", mask("permute")),
    ];
    let (copies, findings) = resolved(&program(&c, &all), &c);
    assert_eq!(findings, []);
    let domains: Vec<String> = copies
        .iter()
        .flat_map(|t| &t.columns)
        .flat_map(|c| &c.rules)
        .map(|r| match &r.action {
            FieldAction::Mask { domain, .. } => domain.clone(),
            _ => panic!(),
        })
        .collect();
    assert_eq!(domains, ["permute:Employee.EmployeeId"; 3]);
    let (_, findings) = resolved(&program(&c, &all[..2]), &c);
    assert_eq!(codes(&findings), ["GR0352"]);
    let (_, findings) =
        resolved(&program(&c, &[all[0].clone(), all[1].clone(), ("Customer", "SupportRepId", decision(Treatment::Null))]), &c);
    assert_eq!(findings, [], "a reference that becomes NULL needs no counterpart");
}

#[test]
fn packs_come_before_the_columns_own_decision_and_conditions_are_never_null() {
    let c = chinook(PG);
    let mut p = program(&c, &[("Employee", "Email", mask("token"))]);
    let blank = PackAction::Blank { columns: vec!["Email".into(), "LastName".into()] };
    p.packs.push(pack(vec![("Employee", blank, Some("\"ReportsTo\" = 1"), Some("\"LastName\" like 'X%'"))]));
    let (copies, findings) = resolved(&p, &c);
    assert_eq!(findings, []);
    let employee = copy_of(&copies, "Employee");
    assert_eq!(employee.conditions, [r#"coalesce(("ReportsTo" = 1), true) and not coalesce(("LastName" like 'X%'), false)"#]);
    let email = &employee.columns[4].rules;
    assert_eq!((email.len(), email[0].when, &email[0].action, email[1].when), (2, Some(0), &FieldAction::Null, None));
    assert_eq!(employee.columns[1].rules[0].action, FieldAction::Constant("''".into()), "NOT NULL text is blanked to the empty string");
}

#[test]
fn kinds_become_filters_and_an_unknown_condition_removes() {
    let c = chinook(LITE);
    let filter = |kinds: Vec<KindRule>| {
        let mut p = program(&c, &[]);
        p.kinds = kinds;
        let (copies, _) = resolved(&p, &c);
        let t = copy_of(&copies, "Invoice");
        (t.empty, t.filter.clone().unwrap_or_default())
    };
    assert_eq!(filter(vec![kind("Invoice", Kind::Queue, None, None)]), (true, String::new()));
    assert_eq!(filter(vec![kind("Invoice", Kind::History, None, None)]), (true, String::new()));
    assert_eq!(filter(vec![kind("Invoice", Kind::Configuration, None, None)]), (false, String::new()));
    let (_, days) = filter(vec![kind("Invoice", Kind::History, None, Some(("InvoiceDate", 90)))]);
    assert_eq!(days, "(coalesce((date(t.\"InvoiceDate\") >= date('now', '-90 days')), 0) is true)");
    let (_, some) = filter(vec![kind("Invoice", Kind::Scratch, Some("x"), None)]);
    assert_eq!(some, "case when (coalesce((x), 1) is true) then 0 else 1 end");
    let (_, kept) = filter(vec![kind("Invoice", Kind::Queue, None, None), kind("Invoice", Kind::Records, Some("x"), None)]);
    assert_eq!(kept, "case when (coalesce((x), 0) is true) then 1 else 0 end");
}

#[test]
fn a_history_without_a_date_column_is_an_error_and_empty() {
    let c = chinook(PG);
    let mut p = program(&c, &[]);
    p.kinds = vec![kind("Invoice", Kind::History, None, Some(("BillingCity", 9)))];
    let (copies, findings) = resolved(&p, &c);
    assert_eq!(codes(&findings), ["GR0367"]);
    assert!(copy_of(&copies, "Invoice").empty);
}

#[test]
fn rows_that_would_dangle_are_an_error_whose_rule_once_pasted_silences_it() {
    let c = chinook(PG);
    let mut p = program(&c, &[]);
    p.packs.push(pack(vec![("Customer", PackAction::Delete, Some("\"Email\" like '%@spam.test'"), None)]));
    let (_, findings) = resolved(&p, &c);
    assert_eq!(codes(&findings), ["GR0368"]);
    let hint = findings[0].hint.clone().unwrap();
    let (_, rule) = hint.split_once("`when = '''").unwrap();
    let when = rule.strip_suffix("'''`").unwrap();
    p.packs.push(pack(vec![("Invoice", PackAction::Delete, Some(when), None)]));
    let (copies, findings) = resolved(&p, &c);
    assert_eq!(findings, []);
    assert!(copy_of(&copies, "Invoice").filter.as_deref().unwrap().contains("not exists"));
}

#[test]
fn references_that_may_be_null_become_null_where_their_row_stays_behind() {
    let c = chinook(LITE);
    let mut p = program(&c, &[("Employee", "Email", mask("token"))]);
    p.packs.push(pack(vec![("Employee", PackAction::Empty, None, None)]));
    let (copies, findings) = resolved(&p, &c);
    assert_eq!(codes(&findings), ["GR0369"]);
    let customer = copy_of(&copies, "Customer");
    assert_eq!(customer.columns[3].rules, [FieldRule { when: Some(0), action: FieldAction::Null }]);
    assert_eq!(customer.conditions, [r#"(coalesce((t."SupportRepId" is not null), 1) is true)"#]);
}

#[test]
fn filtered_self_references_and_cycles_end() {
    let a = refers(table(PG, "a", &["id"], &["!id int", "!b_id int", "!boss int"]), &["b_id"], "b", &["id"]);
    let a = refers(a, &["boss"], "a", &["id"]);
    let b = refers(table(PG, "b", &["id"], &["!id int", "!a_id int"]), &["a_id"], "a", &["id"]);
    let c = catalog(PG, vec![a, b]);
    let mut p = program(&c, &[("a", "id", mask("permute")), ("b", "a_id", mask("permute")), ("a", "boss", mask("permute"))]);
    p.packs.push(pack(vec![("a", PackAction::Delete, Some("id > 5"), None)]));
    let (_, findings) = resolved(&p, &c);
    assert_eq!(codes(&findings), ["GR0368", "GR0368"]);
    assert!(findings[0].hint.as_deref().unwrap().contains("refer to each other"));
}

#[test]
fn composite_keys_are_compared_column_by_column_and_another_unique_key_may_carry_the_proof() {
    let parent = table(PG, "order", &["tenant", "no"], &["!tenant int", "!no int", "!note text"]);
    let child =
        refers(table(PG, "line", &[], &["!tenant int", "!order_no int", "memo text"]), &["tenant", "order_no"], "order", &["tenant", "no"]);
    let c = catalog(PG, vec![unique(parent, &["tenant", "no", "note"]), child]);
    let (copies, findings) = resolved(&program(&c, &[("order", "note", mask("redact"))]), &c);
    assert_eq!(findings, [], "the primary key is part of the wider index");
    assert_eq!(copy_of(&copies, "line").range_key, None);
    let (_, findings) = resolved(&program(&c, &[("order", "no", mask("permute")), ("line", "order_no", mask("redact"))]), &c);
    assert_eq!(codes(&findings), ["GR0352"]);
    let (_, findings) = resolved(&program(&c, &[("order", "no", mask("permute")), ("line", "order_no", mask("permute"))]), &c);
    assert_eq!(findings, []);
}

#[test]
fn a_permutation_under_a_condition_may_hit_kept_values() {
    let c = catalog(PG, vec![unique(table(PG, "t", &["id"], &["!id int", "code text"]), &["code"])]);
    let conditional = Decision { when: Some("id > 5".into()), ..mask("permute") };
    let (_, findings) = resolved(&program(&c, &[("t", "code", conditional)]), &c);
    assert_eq!(codes(&findings), ["GR0350"]);
    let distinct = Decision { when: Some("id > 5".into()), ..mask("token") };
    assert_eq!(resolved(&program(&c, &[("t", "code", distinct)]), &c).1, []);
}

#[test]
fn expressions_collations_and_computed_columns_are_understood_or_refused() {
    let accept = |prepare: &dyn Fn(&mut Table), name: &str| {
        let mut t = table(PG, "t", &["id"], &["!id int", "!code text", "low text"]);
        prepare(&mut t);
        let c = catalog(PG, vec![t]);
        !crate::finding::any_error(&resolved(&program(&c, &[("t", "code", mask(name))]), &c).1)
    };
    let index = |sql: &str| {
        let part = IndexPart::Expression { sql: sql.into(), columns: vec!["code".into()] };
        Index { name: "u".into(), unique: true, primary: false, parts: vec![part], predicate: None, definition: String::new() }
    };
    assert!(accept(&|t| t.indexes.push(index("lower((code)::text)")), "token"));
    assert!(accept(&|t| t.indexes.push(index("TRIM(BOTH FROM code)")), "token"));
    assert!(!accept(&|t| t.indexes.push(index("lower(code)")), "permute"));
    assert!(!accept(&|t| t.indexes.push(index("substr(code, 1, 3)")), "token"));
    assert!(!accept(&|t| t.indexes.push(index("(code)::character varying(3)")), "token"));
    assert!(!accept(&|t| t.indexes.push(index("nullif(code, '')")), "token"));
    let nocase = |t: &mut Table| {
        t.columns[1].collation = Some(("nocase".into(), true));
        *t = unique(t.clone(), &["code"]);
    };
    assert!(accept(&nocase, "token") && !accept(&nocase, "permute"));
    let computed = |sql: Option<&'static str>| {
        move |t: &mut Table| {
            t.columns[2].generated = Some(Generation::Computed);
            t.columns[2].default = sql.map(str::to_owned);
            *t = unique(t.clone(), &["low"]);
        }
    };
    assert!(accept(&computed(Some("lower(code)")), "token") && accept(&computed(Some("lcase(code)")), "token"));
    assert!(!accept(&computed(Some("md5(code)")), "token") && !accept(&computed(None), "token"));
    assert!(!accept(&|t| t.checks.push(Check { name: String::new(), sql: "code <> ''".into() }), "unknown"));
}

#[test]
fn impossible_decisions_are_named_at_their_place() {
    let mut t = table(PG, "select", &[], &["!Größe int", "kind enum", "!day date", "nr int", "!x text"]);
    t.columns[3].default = Some("nextval('s'::regclass)".into());
    t.checks.push(Check { name: "x_ok".into(), sql: "(x)::text <> 'no'::text".into() });
    let c = catalog(PG, vec![t]);
    let missing = by_identity("token", "grösse");
    let p = program(
        &c,
        &[
            ("select", "Größe", decision(Treatment::Null)),
            ("select", "kind", mask("token")),
            ("select", "day", decision(Treatment::Clear)),
            ("select", "nr", decision(Treatment::Default)),
            ("select", "x", missing),
        ],
    );
    let (_, findings) = resolved(&p, &c);
    assert_eq!(codes(&findings), ["GR0360", "GR0361", "GR0362", "GR0363", "GR0351", "GR0354"]);
    assert!(findings.iter().all(|f| f.place == Some(place(&origin()))));
    assert_eq!(findings[3].hint.as_deref(), Some("did you mean `Größe`?"));
}

#[test]
fn sql_that_would_break_out_of_its_place_is_refused() {
    let c = chinook(PG);
    let mut p = program(&c, &[]);
    let set = |sql: &str| PackAction::Set { values: BTreeMap::from([("Email".into(), sql.to_owned())]) };
    p.packs.push(pack(vec![
        ("Employee", set("'x'"), Some("1) or (1"), None),
        ("Employee", set("'a'; drop table b"), None, None),
        ("Employee", set("lower(\"LastName\")"), None, None),
        ("employee", set("now()::date"), None, None),
    ]));
    let (_, findings) = resolved(&p, &c);
    assert_eq!(codes(&findings), ["GR0366", "GR0365", "GR0366", "GR0366"]);
    assert_eq!(findings[1].hint.as_deref(), Some("did you mean `Employee`?"));
}

#[test]
fn partitions_take_over_their_parents_decisions_and_domains() {
    let mut parent = table(PG, "m", &[], &["!day date", "who text"]);
    parent.form = TableForm::Partitioned;
    parent.properties.insert("partition_key".into(), "RANGE (day)".into());
    let mut child = table(PG, "m_2024", &[], &["!day date", "who text"]);
    child.form = TableForm::Child { of: vec![parent.name.clone()] };
    let c = catalog(PG, vec![parent, child]);
    let mut p = program(&c, &[("m", "who", mask("token")), ("m", "day", mask("date_shift"))]);
    p.columns.remove("m_2024");
    let (copies, findings) = resolved(&p, &c);
    assert_eq!(codes(&findings), ["GR0355"]);
    assert_eq!(copies.len(), 1);
    let FieldAction::Mask { domain, .. } = &copies[0].columns[1].rules[0].action else { panic!() };
    assert_eq!(domain, "token:m.who");
}

#[test]
fn named_dictionaries_become_values() {
    let c = chinook(PG);
    let mut words = mask("dictionary");
    let Treatment::Mask { rule, .. } = &mut words.treatment else { panic!() };
    rule.params.insert("name".into(), "towns".into());
    let mut p = program(&c, &[("Invoice", "BillingCity", words)]);
    assert_eq!(codes(&resolved(&p, &c).1), ["GR0364"]);
    p.masks.dictionaries.insert("towns".into(), vec!["A".into(), "B".into()]);
    let (copies, findings) = resolved(&p, &c);
    assert_eq!(findings, []);
    let FieldAction::Mask { rule, .. } = &copy_of(&copies, "Invoice").columns[3].rules[0].action else { panic!() };
    assert_eq!(rule.params, BTreeMap::from([("values".to_owned(), serde_json::json!(["A", "B"]))]));
}
