//! What is composed for SQL Server, whose conditions are no values.

use super::tests::{catalog, decision, kind, mask, program, refers, table, unique};
use super::*;
use crate::catalog::EngineKind::Mssql;
use crate::columns::Treatment;
use crate::finding::Severity;
use crate::mask::Uniqueness;
use crate::program::Kind;

fn promise(rule: &MaskRule, column: &Column, _: &str) -> Result<MaskTraits, Vec<Finding>> {
    let uniqueness = if rule.name == "permute" { Uniqueness::Permutation } else { Uniqueness::Distinct };
    Ok(MaskTraits { uniqueness, max_output: column.max_length, case_proof: true, may_null: false, by_identity: false })
}

fn errors(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().filter(|f| f.severity == Severity::Error).map(|f| f.code).collect()
}

#[test]
fn history_and_kinds_by_condition_become_conditions_of_t_sql() {
    let log = table(Mssql, "log", &["id"], &["!id int", "at timestamp", "epoch int", "grp text", "raw bytes"]);
    let catalog = catalog(Mssql, vec![log]);
    let filter = |kinds: Vec<crate::program::KindRule>| {
        let mut p = program(&catalog, &[("log", "raw", decision(Treatment::Clear))]);
        p.kinds = kinds;
        let (copies, findings) = resolve_with(&p, &catalog, &promise);
        assert_eq!(errors(&findings), Vec::<&str>::new());
        assert_eq!(copies[0].columns[4].rules[0].action, FieldAction::Constant("0x".into()));
        copies[0].filter.clone().unwrap_or_default()
    };
    let dated = "(case when (t.[at] >= dateadd(day, -30, sysdatetime())) then 1 else 0 end = 1)";
    assert_eq!(filter(vec![kind("log", Kind::History, None, Some(("at", 30)))]), dated);
    assert_eq!(
        filter(vec![kind("log", Kind::History, None, Some(("epoch", 7)))]),
        "(case when (t.[epoch] >= datediff_big(second, '19700101', dateadd(day, -7, sysutcdatetime()))) then 1 else 0 end = 1)"
    );
    let mixed = vec![kind("log", Kind::Queue, Some("t.grp = N'ż'"), None), kind("log", Kind::History, None, Some(("at", 30)))];
    assert_eq!(
        filter(mixed),
        format!(
            "case when (case when not (t.grp = N'ż') then 0 else 1 end = 1) then case when (1 = 0) then 1 else 0 end \
             else case when {dated} then 1 else 0 end end = 1"
        )
    );
}

#[test]
fn a_unique_index_takes_null_once_unless_its_condition_keeps_null_out() {
    let person = |predicate: Option<&str>, collation: Option<(&str, bool)>| {
        let mut t = unique(table(Mssql, "person", &["id"], &["!id int", "mail text(80)"]), &["mail"]);
        t.columns[1].collation = collation.map(|(name, loose)| (name.to_owned(), loose));
        t.indexes[0].predicate = predicate.map(str::to_owned);
        catalog(Mssql, vec![t])
    };
    let codes = |catalog: &Catalog, how: Treatment| {
        errors(&resolve_with(&program(catalog, &[("person", "mail", decision(how))]), catalog, &promise).1)
    };
    let masked = |name: &str| mask(name).treatment;
    let binary = Some(("Latin1_General_BIN2", false));
    assert_eq!(codes(&person(None, binary), Treatment::Null), ["GR0350"]);
    assert_eq!(codes(&person(Some("([mail] IS NOT NULL)"), binary), Treatment::Null), Vec::<&str>::new());
    assert_eq!(codes(&person(None, None), masked("email")), Vec::<&str>::new());
    assert_eq!(codes(&person(None, binary), masked("permute")), ["GR0350"], "blanks at the end do not count");
    assert_eq!(codes(&person(None, None), masked("permute")), ["GR0350"], "case does not count unless a collation says so");
}

#[test]
fn rows_whose_parents_stay_behind_are_found_without_truth_values() {
    let parent = table(Mssql, "job", &["id"], &["!id int", "state int"]);
    let child = refers(table(Mssql, "job_log", &["id"], &["!id int", "!job int"]), &["job"], "job", &["id"]);
    let catalog = catalog(Mssql, vec![parent, child]);
    let mut p = program(&catalog, &[]);
    p.kinds = vec![kind("job", Kind::Queue, Some("t.state = 1"), None)];
    let (_, findings) = resolve_with(&p, &catalog, &promise);
    let hint = findings.iter().find(|f| f.code == "GR0368").and_then(|f| f.hint.clone()).unwrap();
    assert!(hint.contains("not exists (select 1 from (select t.[id] from [dbo].[job] t where case when"), "{hint}");
    assert!(!hint.contains("true"), "{hint}");
}
