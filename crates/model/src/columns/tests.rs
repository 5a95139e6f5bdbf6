//! Detection, proposals and coverage on Chinook's shape and on ugly schemas.

use super::*;
use crate::catalog::{Catalog, EngineKind, Generation, Outbound, Table, TableForm, TableName};
use crate::finding::{Finding, Severity};
use crate::plan::tables::tests::{catalog, decision, kind, mask, program, refers, table, unique};
use crate::program::Kind;
use std::collections::BTreeMap;

const PG: EngineKind = EngineKind::Postgres;

fn samples(table: &Table, column: &str, values: &[&str]) -> Samples {
    let mut s = Samples::default();
    s.add(&table.name, column, values.iter().map(|v| Some((*v).to_owned())));
    s
}

fn one(columns: &[&str], name: &str, values: &[&str]) -> Option<(PersonalKind, Confidence)> {
    let t = table(PG, "thing", &["id"], columns);
    let s = samples(&t, name, values);
    detect_column(&t, t.column(name).unwrap(), s.of(&t.name, name)).map(|d| (d.what, d.confidence))
}

fn chinook() -> Catalog {
    let employee = [
        "!EmployeeId int",
        "!LastName text(20)",
        "!FirstName text(20)",
        "Title text(30)",
        "ReportsTo int",
        "BirthDate timestamp",
        "HireDate timestamp",
        "Address text(70)",
        "PostalCode text(10)",
        "Phone text(24)",
        "Email text(60)",
    ];
    let customer =
        ["!CustomerId int", "!FirstName text(40)", "!LastName text(20)", "Company text(80)", "Email text(20)", "SupportRepId int"];
    let mut genre = table(PG, "Genre", &["GenreId"], &["!GenreId int", "Name text(120)"]);
    genre.estimated_rows = 25;
    let track =
        table(PG, "Track", &["TrackId"], &["!TrackId int", "!Name text(200)", "GenreId int", "!Milliseconds int", "Composer text(220)"]);
    catalog(
        PG,
        vec![
            refers(table(PG, "Customer", &["CustomerId"], &customer), &["SupportRepId"], "Employee", &["EmployeeId"]),
            unique(refers(table(PG, "Employee", &["EmployeeId"], &employee), &["ReportsTo"], "Employee", &["EmployeeId"]), &["Email"]),
            genre,
            refers(track, &["GenreId"], "Genre", &["GenreId"]),
        ],
    )
}

fn codes(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|f| f.code).collect()
}

#[test]
fn types_veto_names_and_samples_decide_what_names_do_not() {
    use Confidence::{Certain, Likely, Possible};
    use PersonalKind as K;
    assert_eq!(one(&["id int", "email bool"], "email", &[]), None);
    assert_eq!(one(&["id int", "email text"], "email", &["a@b.org", "c@d.org", "e@f.org"]), Some((K::Email, Certain)));
    assert_eq!(one(&["id int", "login text"], "login", &["a@b.org", "c@d.org", "e@f.org"]), Some((K::Email, Likely)));
    assert_eq!(one(&["id int", "x1 text"], "x1", &["a@b.org", "c@d.org", "e@f.org", ""]), Some((K::Email, Likely)));
    assert_eq!(one(&["id int", "email text"], "email", &["1"; 9]), Some((K::Email, Possible)));
    assert_eq!(one(&["id int", "x text"], "x", &["44051401359"; 6]), None, "one number again and again proves nothing");
    let pesel = ["44051401359", "02070803628", "90090515836", "92071314764", "81100216357"];
    assert_eq!(one(&["id int", "x text"], "x", &pesel), Some((K::NationalId, Likely)));
    assert_eq!(one(&["!id int"], "id", &pesel), None, "numbers of rows are not judged by checksums");
    assert_eq!(one(&["id int", "name text"], "name", &["chair", "table 4"]), None);
    assert_eq!(one(&["id int", "name text"], "name", &["Anna Nowak", "Jan Kos", "Eva Li"]), Some((K::FullName, Possible)));
}

#[test]
fn references_are_what_they_refer_to() {
    let person = unique(table(PG, "person", &["id"], &["!id int", "pesel text(11)"]), &["pesel"]);
    let visit = refers(table(PG, "visit", &[], &["who text(11)", "email text"]), &["who"], "person", &["pesel"]);
    let c = catalog(PG, vec![visit, person]);
    let found = detect(&c, &Samples::default());
    assert_eq!(found[&TableName::new("public", "visit")]["who"].what, PersonalKind::NationalId);
    let proposals = propose(&c, &Samples::default());
    let rule = |t: usize, column: usize| match &proposals[t].columns[column].decision.as_ref().unwrap().treatment {
        Treatment::Mask { rule, identity, .. } => (rule.name.clone(), identity.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(rule(1, 1).0, "permute", "a unique number must stay unique");
    assert_eq!(proposals[0].columns[0].decision.as_ref().map(|d| matches!(d.treatment, Treatment::Mask { .. })), Some(true));
}

#[test]
fn both_ends_of_a_foreign_key_are_proposed_alike() {
    let person = unique(table(PG, "person", &["id"], &["!id int", "!phone text(20)"]), &["phone"]);
    let call = refers(table(PG, "call", &["id"], &["!id int", "callee text(20)"]), &["callee"], "person", &["phone"]);
    let c = catalog(PG, vec![call, person]);
    let proposals = propose(&c, &Samples::default());
    let treatment = |t: usize| proposals[t].columns[1].decision.clone().unwrap().treatment;
    assert_eq!(treatment(0), treatment(1));
}

#[test]
fn chinook_is_proposed_as_a_person_would_decide() {
    let c = chinook();
    let proposals = propose(&c, &Samples::default());
    let of = |t: &str, column: &str| {
        let t = proposals.iter().find(|p| p.table.name == t).unwrap();
        t.columns.iter().find(|p| p.column == column).unwrap().decision.clone().map(|d| d.treatment)
    };
    let Some(Treatment::Mask { rule, domain, identity }) = of("Customer", "Email") else { panic!() };
    assert_eq!((rule.name.as_str(), domain.as_deref(), identity.as_deref()), ("email", Some("person:Customer"), Some("CustomerId")));
    assert_eq!(rule.params.get("unique"), Some(&serde_json::json!(false)), "20 characters have no room for a key");
    let Some(Treatment::Mask { rule, .. }) = of("Employee", "Email") else { panic!() };
    assert!(rule.params.is_empty(), "a unique index needs distinct addresses");
    assert!(matches!(of("Employee", "BirthDate"), Some(Treatment::Mask { rule, .. }) if rule.name == "birth_date"));
    assert_eq!(of("Employee", "HireDate"), Some(Treatment::Keep));
    assert_eq!(of("Employee", "ReportsTo"), Some(Treatment::Keep));
    assert_eq!(of("Genre", "Name"), Some(Treatment::Keep));
    assert_eq!(of("Track", "Composer"), None, "nobody knows without looking");
    assert!(matches!(proposals[2].kind, Some((Kind::Configuration, _))));
}

#[test]
fn the_value_of_a_named_setting_is_left_to_people() {
    let mut setting = table(PG, "setting", &["name"], &["!name text(40)", "value text(200)", "module text(40)"]);
    setting.estimated_rows = 12;
    let client = refers(table(PG, "client", &["id"], &["!id int", "setting text(40)"]), &["setting"], "setting", &["name"]);
    let proposed = propose(&catalog(PG, vec![setting, client]), &Samples::default());
    let columns = &proposed.iter().find(|t| t.table.name == "setting").unwrap().columns;
    let decided = |name: &str| columns.iter().find(|c| c.column == name).unwrap().decision.is_some();
    assert!(!decided("value"), "a password may stand there");
    assert!(decided("module"), "the rest of a lookup table is still proposed");
}

#[test]
fn emptying_is_proposed_only_for_tables_that_nothing_refers_to() {
    let queue = table(PG, "mail_queue", &["id"], &["!id int", "body text"]);
    let log = table(PG, "audit_log", &["id"], &["!id int"]);
    let child = refers(table(PG, "audit_detail", &["id"], &["!id int", "log_id int"]), &["log_id"], "audit_log", &["id"]);
    let proposals = propose(&catalog(PG, vec![queue, log, child]), &Samples::default());
    let kinds: Vec<Option<Kind>> = proposals.iter().map(|p| p.kind.as_ref().map(|(k, _)| *k)).collect();
    assert_eq!(kinds, [Some(Kind::Queue), None, Some(Kind::History)]);
}

#[test]
fn undecided_columns_are_one_finding_per_table_and_a_total() {
    let c = chinook();
    let mut p = program(&c, &[]);
    p.columns.remove("Track");
    p.columns.get_mut("Genre").unwrap().remove("Name");
    let findings: Vec<Finding> = check(&p, &c, None).into_iter().filter(|f| f.code != "GR0205").collect();
    assert_eq!(codes(&findings), ["GR0201", "GR0206", "GR0201"]);
    assert!(findings[0].message.contains("`Name`"), "{}", findings[0].message);
    assert!(findings[2].message.starts_with("6 columns in 2 tables"), "{}", findings[2].message);
    p.kinds.push(kind("Track", Kind::Queue, None, None));
    p.columns.get_mut("Genre").unwrap().insert("Name".into(), decision(Treatment::Keep));
    assert!(check(&p, &c, None).iter().all(|f| f.code == "GR0205"), "what travels empty needs no decisions");
}

#[test]
fn a_kept_personal_column_needs_somebody_who_answers_for_it() {
    let c = catalog(PG, vec![table(PG, "client", &["id"], &["!id int", "nazwisko text"])]);
    assert_eq!(codes(&check(&program(&c, &[]), &c, None)), ["GR0205"]);
    let blank = Decision { approved_by: Some(" ".into()), ..decision(Treatment::Keep) };
    assert_eq!(codes(&check(&program(&c, &[("client", "nazwisko", blank)]), &c, None)), ["GR0205"]);
    let approved = Decision { approved_by: Some("anna".into()), ..decision(Treatment::Keep) };
    assert_eq!(check(&program(&c, &[("client", "nazwisko", approved)]), &c, None), []);
    assert_eq!(check(&program(&c, &[("client", "nazwisko", mask("last_name"))]), &c, None), []);
}

#[test]
fn names_are_exact_and_near_misses_are_suggested() {
    let c = catalog(PG, vec![table(PG, "Client", &["id"], &["!id int", "Größe int"])]);
    let mut p = program(&c, &[("client", "id", decision(Treatment::Keep)), ("Client", "größe", decision(Treatment::Keep))]);
    p.kinds.push(kind("Clients", Kind::Queue, None, None));
    p.left_out.insert("nowhere.at_all".into(), "x".into());
    let findings = check(&p, &c, None);
    assert_eq!(codes(&findings), ["GR0203", "GR0202", "GR0202", "GR0202"]);
    assert_eq!(findings[0].hint.as_deref(), Some("did you mean `Größe`?"));
    assert_eq!(findings[1].hint.as_deref(), Some("did you mean `Client`?"));
    p.columns.get_mut("client").unwrap().get_mut("id").unwrap().origin.layer = "vendor".into();
    let kit = check(&p, &c, None).into_iter().find(|f| f.message.contains("`client`")).unwrap();
    assert_eq!(kit.severity, Severity::Warning, "a kit is for more than one version");
    assert_eq!(kit.place.unwrap().file, "vendor/columns.toml");
}

#[test]
fn drift_is_reported_with_what_can_be_told() {
    let before = catalog(PG, vec![table(PG, "t", &["id"], &["!id int", "a int"])]);
    let mut p = program(&before, &[]);
    p.pinned = Some(before.columns_fingerprint());
    assert_eq!(check(&p, &before, None), []);
    let after = catalog(PG, vec![table(PG, "t", &["id"], &["!id int", "b int"])]);
    let findings = check(&p, &after, None);
    assert_eq!(codes(&findings), ["GR0203", "GR0201", "GR0204"]);
    assert!(findings[2].message.contains("without a decision: 1; decided on but no longer there: 1"));
    let retyped = catalog(PG, vec![table(PG, "t", &["id"], &["!id int", "a text"])]);
    assert!(check(&p, &retyped, None)[0].message.contains("changed its type"));
    let named = &check_since(&p, &retyped, None, Some(&before))[0];
    assert!(named.message.ends_with("changed: `t.a` from `int` to `text`"), "{named:?}");
    let other = catalog(PG, vec![table(PG, "t", &["id"], &["id int", "a varchar"])]);
    let wrong = &check_since(&p, &retyped, None, Some(&other))[0];
    assert!(wrong.message.contains("changed its type"), "only the schema of the pinned fingerprint tells: {wrong:?}");
}

#[test]
fn a_program_holds_in_the_version_that_production_reached() {
    let former = catalog(PG, vec![table(PG, "t", &["id"], &["!id int", "mail text"]), table(PG, "gone", &["id"], &["!id int"])]);
    let now = catalog(PG, vec![table(PG, "t", &["id"], &["!id int"]), table(PG, "u", &["id"], &["!id int", "mail text", "active int"])]);
    let mail = mask("email");
    let mut p = program(&former, &[("t", "mail", mail.clone())]);
    p.kinds = vec![kind("gone", Kind::Queue, None, None)];
    let after = |d: Decision, from: &str| Decision { after_upgrade: true, derived_from: vec![from.into()], ..d };
    let keep = || decision(Treatment::Keep);
    let new = [("id", after(keep(), "t.id")), ("mail", after(keep(), "t.mail")), ("active", after(keep(), "t.id"))];
    p.columns.insert("u".into(), new.into_iter().map(|(c, d)| (c.to_owned(), d)).collect());
    assert!(codes(&check(&p, &now, None)).contains(&"GR0202"), "without knowing better, names are misspelt");
    let (here, findings) = reached(&p, &former, &now);
    assert_eq!(codes(&findings), ["GR0215", "GR0216"], "{findings:?}");
    assert!(findings[0].message.contains("`u.mail`") && findings[0].message.contains("`t.mail`"), "{:?}", findings[0]);
    assert!(findings[1].message.contains("`gone.id`") && findings[1].message.contains("`t.mail`"), "{:?}", findings[1]);
    assert_eq!(codes(&check(&here, &now, None)), ["GR0205"], "all is decided, one of it not rightly");
    // Masked, answered for, or changed by a pack: no longer raw.
    let answered = Decision { approved_by: Some("ann".into()), ..keep() };
    for decided in [mail, answered] {
        p.columns.get_mut("u").unwrap().insert("mail".into(), after(decided, "t.mail"));
        let (here, findings) = reached(&p, &former, &now);
        assert_eq!(codes(&findings), ["GR0216"]);
        assert_eq!(check(&here, &now, None), []);
    }
    // A name that neither version has is misspelt in both.
    p.columns.get_mut("u").unwrap().insert("activ".into(), keep());
    assert_eq!(codes(&check(&reached(&p, &former, &now).0, &now, None)), ["GR0203"]);
}

#[test]
fn what_reaches_outside_or_cannot_be_carried_stops() {
    let mut refused = table(PG, "r", &[], &["x int"]);
    refused.form = TableForm::Refused("virtual table".into());
    let mut c = catalog(PG, vec![refused]);
    c.large_objects = 3;
    c.outbound.push(Outbound { kind: "foreign server".into(), name: "erp".into(), disabled_by: None });
    c.outbound.push(Outbound { kind: "subscription".into(), name: "s".into(), disabled_by: Some("left out".into()) });
    let mut p = program(&c, &[]);
    assert_eq!(codes(&check(&p, &c, None)), ["GR0210", "GR0208", "GR0209"]);
    p.left_out.insert("r".into(), "not needed".into());
    p.large_objects = Some(crate::program::LargeObjects::Clear);
    p.outbound_accepted.insert("erp".into(), "read only".into());
    assert_eq!(check(&p, &c, None), []);
    assert_eq!(codes(&check(&p, &catalog(PG, vec![]), None)), ["GR0211"]);
}

#[test]
fn columns_that_the_upgrade_creates_need_decisions() {
    let before = catalog(PG, vec![table(PG, "client", &["id"], &["!id int", "email text"])]);
    let mut created = table(PG, "client", &["id"], &["!id int", "email text", "login text", "low text"]);
    created.columns[3].generated = Some(Generation::Computed);
    let after = catalog(PG, vec![created, table(PG, "consent", &["id"], &["!id int"])]);
    let mut p = program(&before, &[("client", "email", mask("email"))]);
    let findings = new_columns(&before, &after, &p);
    assert_eq!(codes(&findings), ["GR0212", "GR0212"]);
    assert!(findings[0].message.contains("`login`") && !findings[0].message.contains("`low`"));
    let new = Decision { after_upgrade: true, derived_from: vec!["client.email".into()], ..decision(Treatment::Keep) };
    p.columns.get_mut("client").unwrap().insert("login".into(), new.clone());
    p.columns.insert("consent".into(), BTreeMap::from([("id".into(), Decision { derived_from: vec![], ..new })]));
    assert_eq!(codes(&new_columns(&before, &after, &p)), ["GR0214"]);
    assert_eq!(check(&p, &before, None), [], "decisions for later do not disturb the check of today");
}

#[test]
fn kept_combinations_are_reported_and_masked_ones_are_not() {
    let c = catalog(PG, vec![table(PG, "patient", &["id"], &["!id int", "birth_date date", "postcode text", "plec text", "name text"])]);
    let p = program(&c, &[("patient", "birth_date", mask("birth_date"))]);
    let findings = quasi(&p, &c, None);
    assert_eq!(codes(&findings), ["GR0213"]);
    assert_eq!(findings[0].severity, Severity::Warning, "the year of birth stays");
    let p = program(&c, &[("patient", "birth_date", decision(Treatment::Null)), ("patient", "postcode", mask("postcode"))]);
    assert_eq!(quasi(&p, &c, None), []);
}

#[test]
fn samples_are_never_shown() {
    let t = table(PG, "t", &["id"], &["x text"]);
    let s = samples(&t, "x", &["secret@example.org", "other@example.org", "third@example.org"]);
    assert_eq!(format!("{s:?}"), "Samples(1 columns)");
    let c = catalog(PG, vec![t]);
    let all = format!("{:?} {:?} {:?}", detect(&c, &s), propose(&c, &s), check(&program(&c, &[]), &c, Some(&s)));
    assert!(all.contains("GR0205") && !all.contains("example.org"));
}

#[test]
fn a_schema_of_a_thousand_tables_is_checked_at_once() {
    let named = |n: usize| format!("table_number_{n}");
    let columns = ["!id int", "other_id int", "email text", "note_1 int", "note_2 int", "note_3 int"];
    let make = |n: usize| refers(table(PG, &named(n), &["id"], &columns), &["other_id"], &named((n * 7) % 1000), &["id"]);
    let c = catalog(PG, (0..1000).map(make).collect());
    let mut p = program(&c, &[]);
    for decisions in p.columns.values_mut() {
        decisions.insert("email".into(), mask("email"));
    }
    let started = std::time::Instant::now();
    assert_eq!(check(&p, &c, None), []);
    assert_eq!(quasi(&p, &c, None), []);
    // Seconds even unoptimised and on a busy machine; resolving every name against every table would take minutes.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn proposals_for_chinook_resolve_with_the_real_catalogue() {
    let c = chinook();
    let mut p = program(&c, &[]);
    for proposal in propose(&c, &Samples::default()) {
        let columns = p.columns.get_mut(&proposal.table.name).unwrap();
        columns.extend(proposal.columns.into_iter().filter_map(|c| Some((c.column, c.decision?))));
    }
    let (copies, findings) = crate::plan::tables::resolve(&p, &c, &crate::mask::MaskKey::new([7; 32]));
    assert_eq!(findings, []);
    assert!(copies.iter().filter(|t| t.changes_fields()).count() >= 2);
    assert_eq!(check(&p, &c, None), []);
}
