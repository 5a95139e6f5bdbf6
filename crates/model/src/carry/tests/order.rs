//! References, questions about records, and the order of changes.

use super::*;

fn kinds(plan: &CarryPlan) -> Vec<ConflictKind> {
    plan.tables.iter().flat_map(|t| &t.conflicts).map(|c| c.kind).collect()
}

/// `a` and `b` refer to each other.
fn circle(column: &str) -> Shapes {
    shapes(vec![table("a", &["!id", column]), table("b", &["!id", column])], &[("a", "ref", "b"), ("b", "ref", "a")])
}

/// A tree, and what refers to it.
fn tree() -> Shapes {
    shapes(vec![table("leaf", &["!id", "node"]), table("node", &["!id", "up"])], &[("leaf", "node", "node"), ("node", "up", "node")])
}

#[test]
fn parents_come_before_children_also_within_a_table() {
    let shapes = tree();
    let sides: &Sides<'_> = &[(&[], &["1 5"], &[]), (&[], &["3 -", "4 3", "5 5", "2 4"], &[])];
    let plan = carried(&shapes, sides, &Told::default());
    assert_eq!(after(&shapes, sides, &plan), [vec!["1 5".to_owned()], vec!["2 4".into(), "3 -".into(), "4 3".into(), "5 5".into()]]);
    assert_eq!(plan.operations.len(), 5, "nothing is done in two steps");
}

#[test]
fn children_go_before_parents() {
    let shapes = tree();
    let sides: &Sides<'_> = &[(&["1 3"], &[], &["1 3"]), (&["1 -", "2 1", "3 2"], &["1 -"], &["1 -", "2 1", "3 2"])];
    let plan = carried(&shapes, sides, &Told::default());
    assert_eq!(after(&shapes, sides, &plan), [vec![], vec!["1 -".to_owned()]]);
}

#[test]
fn a_circle_is_opened_by_a_null_that_is_filled_later() {
    let shapes = circle("ref");
    let sides: &Sides<'_> = &[(&[], &["1 1", "2 2"], &[]), (&[], &["1 1", "2 2"], &[])];
    let plan = carried(&shapes, sides, &Told::default());
    assert_eq!(after(&shapes, sides, &plan), [["1 1", "2 2"], ["1 1", "2 2"]]);
    assert!(plan.operations.iter().all(|o| !o.deferred));
    let gone: &Sides<'_> = &[(&["1 1"], &[], &["1 1"]), (&["1 1"], &[], &["1 1"])];
    let plan = carried(&shapes, gone, &Told::default());
    assert_eq!(after(&shapes, gone, &plan), [Vec::<String>::new(), vec![]]);
    assert_eq!(plan.operations.len(), 3);
}

#[test]
fn a_circle_without_a_nullable_column_is_flagged() {
    let shapes = circle("!ref");
    let sides: &Sides<'_> = &[(&[], &["1 1"], &[]), (&[], &["1 1"], &[])];
    let plan = carried(&shapes, sides, &Told::default());
    assert_eq!(plan.operations.iter().filter(|o| o.deferred).count(), 1);
    assert_eq!(after(&shapes, sides, &plan), [["1 1"], ["1 1"]]);
    let findings = plan.findings(&shapes);
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["GR0821"]);
}

#[test]
fn unique_values_are_exchanged_through_null() {
    let mut shapes = shapes(vec![table("t", &["!id", "code", "label"])], &[]);
    shapes.tables[0].unique = vec![vec![1]];
    let sides: &Sides<'_> = &[(&["1 a x", "2 b x", "3 c x"], &["1 b x", "2 a x", "4 c x"], &["1 a x", "2 b x", "3 c x"])];
    let plan = carried(&shapes, sides, &Told::default());
    assert_eq!(after(&shapes, sides, &plan), [["1 b x", "2 a x", "4 c x"]]);
    assert!(plan.operations.iter().all(|o| !o.deferred));
}

#[test]
fn a_unique_value_that_production_gave_to_another_row_is_a_conflict() {
    let mut shapes = shapes(vec![table("t", &["!id", "code"])], &[]);
    shapes.tables[0].unique = vec![vec![1]];
    let sides: &Sides<'_> = &[(&["1 a"], &["1 a", "900 AR"], &["1 a", "13 AR"])];
    let plan = carried(&shapes, sides, &Told::default());
    assert_eq!(kinds(&plan), [ConflictKind::Occupied]);
    assert_eq!(after(&shapes, sides, &plan), [["1 a", "13 AR"]]);
}

#[test]
fn a_row_whose_parent_is_decided_away_does_not_come_either() {
    let shapes = tree();
    let sides: &Sides<'_> = &[(&[], &["1 12"], &[]), (&["12 -"], &["12 12"], &[])];
    let told = Told { rules: vec![rule(Some(ConflictKind::DeletedInProduction), Take::Production)], ..Told::default() };
    let plan = carried(&shapes, sides, &told);
    assert_eq!(kinds(&plan), [ConflictKind::MissingParent, ConflictKind::DeletedInProduction]);
    assert_eq!(after(&shapes, sides, &plan), [Vec::<String>::new(), vec![]]);
    let null = Told { rules: vec![rule(Some(ConflictKind::MissingParent), Take::Null), rule(None, Take::Production)], ..Told::default() };
    let plan = carried(&shapes, sides, &null);
    assert_eq!((after(&shapes, sides, &plan), plan.is_ready()), (vec![vec!["1 -".to_owned()], vec![]], true));
}

#[test]
fn a_deleted_row_that_production_began_to_use_stays() {
    let shapes = tree();
    let sides: &Sides<'_> = &[(&[], &[], &["9 2"]), (&["1 -", "2 1"], &[], &["1 -", "2 1"])];
    let plan = carried(&shapes, sides, &Told::default());
    assert_eq!(kinds(&plan), [ConflictKind::Referenced, ConflictKind::Referenced]);
    assert_eq!(after(&shapes, sides, &plan), [vec!["9 2"], vec!["1 -", "2 1"]]);
}

/// Configuration `plan` between records: it refers to `client`, and `invoice` to it.
fn with_records() -> Shapes {
    shapes(vec![table("plan", &["!id", "client"])], &[("plan", "client", "client"), ("invoice", "plan", "plan")])
}

#[test]
fn a_record_that_a_row_refers_to_must_be_the_same_one_as_before() {
    let shapes = with_records();
    let sides: &Sides<'_> = &[(&[], &["1 70", "2 71", "3 72"], &[])];
    let secret = secret();
    let mut carrying = Carrying::new(&shapes, Words::new(&[], &[], &secret), Later::Kept);
    carrying.table(0, &Side::default(), &side(&shapes.tables[0], sides[0].1), Side::default());
    assert_eq!(carrying.questions().parents, BTreeMap::from([(0, BTreeSet::from([key("70"), key("71"), key("72")]))]));
    let answers = |r: [Record; 3]| ["70", "71", "72"].into_iter().zip(r).map(|(k, r)| ((0, key(k)), r)).collect();
    let told = Told {
        answers: Answers { parents: answers([Record::Same, Record::Another, Record::Gone]), ..Answers::default() },
        ..Told::default()
    };
    let plan = carried(&shapes, sides, &told);
    assert_eq!(kinds(&plan), [ConflictKind::MissingParent, ConflictKind::MissingParent]);
    assert_eq!(after(&shapes, sides, &plan), [["1 70"]]);
    assert!(after(&shapes, sides, &carried(&shapes, sides, &Told::default()))[0].is_empty(), "no answer is the worst");
}

#[test]
fn a_row_that_records_refer_to_is_not_deleted() {
    let shapes = with_records();
    let sides: &Sides<'_> = &[(&["1 -", "2 -"], &[], &["1 -", "2 -"])];
    let secret = secret();
    let mut carrying = Carrying::new(&shapes, Words::new(&[], &[], &secret), Later::Kept);
    carrying.table(0, &side(&shapes.tables[0], sides[0].0), &Side::default(), side(&shapes.tables[0], sides[0].2));
    assert_eq!(carrying.questions().children, BTreeMap::from([(1, BTreeSet::from([key("1"), key("2")]))]));
    let told = Told { answers: Answers { free: BTreeSet::from([(1, key("2"))]), ..Answers::default() }, ..Told::default() };
    let plan = carried(&shapes, sides, &told);
    assert_eq!((after(&shapes, sides, &plan), kinds(&plan)), (vec![vec!["1 -".to_owned()]], vec![ConflictKind::Referenced]));
}

#[test]
fn new_rows_that_production_needs_stay_although_later_changes_are_set_aside() {
    let shapes = with_records();
    let sides: &Sides<'_> = &[(&["1 -"], &["1 -"], &["1 -", "2 -", "3 -"])];
    let told =
        Told { set_aside: true, answers: Answers { free: BTreeSet::from([(1, key("3"))]), ..Answers::default() }, ..Told::default() };
    let plan = carried(&shapes, sides, &told);
    assert_eq!((after(&shapes, sides, &plan), plan.is_ready()), (vec![vec!["1 -".to_owned(), "2 -".into()]], true));
    assert!(plan.tables[0].reports.iter().any(|r| r.kind == ReportKind::Needed && r.key == key("2")));
}

#[test]
fn a_declared_reference_asks_for_its_row_but_does_not_bind_the_order() {
    let mut shapes = circle("!ref");
    shapes.references.iter_mut().for_each(|r| r.enforced = false);
    let sides: &Sides<'_> = &[(&[], &["1 1", "2 8"], &[]), (&[], &["1 1"], &[])];
    let plan = carried(&shapes, sides, &Told::default());
    assert!(plan.operations.iter().all(|o| !o.deferred));
    assert_eq!((after(&shapes, sides, &plan), kinds(&plan)), (vec![vec!["1 1".to_owned()]; 2], vec![ConflictKind::MissingParent]));
}

#[test]
fn a_table_that_was_not_given_holds_no_parents() {
    let shapes = tree();
    let secret = secret();
    let mut carrying = Carrying::new(&shapes, Words::new(&[], &[], &secret), Later::Kept);
    carrying.table(0, &Side::default(), &side(&shapes.tables[0], &["1 5"]), Side::default());
    assert_eq!(carrying.missing(), [1]);
    assert!(carrying.finish(&Answers::default()).operations.is_empty());
}

#[test]
fn the_store_of_these_tests_refuses_a_wrong_order() {
    let mut shapes = tree();
    let sides: &Sides<'_> = &[(&[], &["1 3"], &[]), (&[], &["3 -", "4 3"], &[])];
    let mut operations = carried(&shapes, sides, &Told::default()).operations;
    let empty = || Store { tables: vec![BTreeMap::new(); 2] };
    assert_eq!(empty().apply(&shapes, &operations), Ok(()));
    operations.reverse();
    assert!(empty().apply(&shapes, &operations).unwrap_err().contains("refers to nothing"));
    operations.reverse();
    shapes.tables[1].unique = vec![vec![1]];
    let node = operations.iter().find(|o| o.table == 1 && o.key == key("4")).unwrap();
    let twice = Operation { key: key("5"), ..node.clone() };
    operations.push(twice);
    assert!(empty().apply(&shapes, &operations).unwrap_err().contains("a value twice"), "{operations:?}");
}
