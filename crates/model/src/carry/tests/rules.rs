//! One test per rule of the comparison.

use super::*;

fn one(columns: &[&str]) -> Shapes {
    shapes(vec![table("status", columns)], &[])
}

/// The conflicts of a plan: kind, key, column.
fn kinds(plan: &CarryPlan) -> Vec<ConflictKind> {
    plan.tables.iter().flat_map(|t| &t.conflicts).map(|c| c.kind).collect()
}

fn reports(plan: &CarryPlan) -> Vec<ReportKind> {
    plan.tables.iter().flat_map(|t| &t.reports).map(|r| r.kind).collect()
}

/// Carries one table with these rules and returns the rows after, and the plan.
fn run(columns: &[&str], sides: (&[&str], &[&str], &[&str]), told: &Told) -> (Vec<String>, CarryPlan) {
    let shapes = one(columns);
    let plan = carried(&shapes, &[sides], told);
    (after(&shapes, &[sides], &plan).remove(0), plan)
}

fn taking(kind: Option<ConflictKind>, take: Take) -> Told {
    Told { rules: vec![rule(kind, take)], ..Told::default() }
}

#[test]
fn a_cell_that_only_the_pilot_changed_is_taken_and_its_neighbour_stays_productions() {
    let sides: (&[&str], &[&str], &[&str]) = (&["1 Open red"], &["1 Opened red"], &["1 Open green"]);
    let (rows, plan) = run(&["!id", "label", "color"], sides, &Told::default());
    assert_eq!(rows, ["1 Opened green"]);
    assert!(plan.is_ready());
    assert_eq!(reports(&plan), [ReportKind::ProductionChanged]);
    assert_eq!(plan.operations.len(), 1);
}

#[test]
fn productions_later_changes_can_be_set_aside() {
    let told = Told { set_aside: true, ..Told::default() };
    let sides: (&[&str], &[&str], &[&str]) = (&["1 a", "2 b", "3 c"], &["1 a", "2 b", "3 c"], &["1 A", "3 c", "4 d"]);
    let (rows, plan) = run(&["!id", "label"], sides, &told);
    assert_eq!(rows, ["1 a", "2 b", "3 c"]);
    assert_eq!(reports(&plan), [ReportKind::ProductionChanged, ReportKind::ProductionDeleted, ReportKind::ProductionInserted]);
    let (rows, plan) = run(&["!id", "label"], sides, &Told::default());
    assert_eq!((rows, plan.operations.len()), (vec!["1 A".to_owned(), "3 c".into(), "4 d".into()], 0));
}

#[test]
fn raw_data_never_loses_productions_later_changes() {
    let mut shapes = one(&["!id", "label"]);
    shapes.into = Into::Raw;
    let told = Told { set_aside: true, ..Told::default() };
    let plan = carried(&shapes, &[(&["1 neutral"], &["1 neutral"], &["1 live", "2 new"])], &told);
    assert!(plan.operations.is_empty());
}

#[test]
fn a_new_generation_of_rows_without_edits_gives_an_empty_plan() {
    let (rows, plan) = run(&["!id", "label"], (&["1 a", "2 b"], &["1 a", "2 b"], &["1 a", "2 b"]), &Told::default());
    assert_eq!(rows.len(), 2);
    assert!(plan.operations.is_empty() && plan.tables[0].conflicts.is_empty() && plan.tables[0].reports.is_empty());
    assert_eq!(plan.tables[0].next_base.len(), 2);
}

#[test]
fn status_12_that_means_bankrupt_here_and_archived_there_is_a_conflict() {
    let sides: (&[&str], &[&str], &[&str]) = (&["11 Open"], &["11 Open", "12 Archived"], &["11 Open", "12 Bankrupt"]);
    let (rows, plan) = run(&["!id", "label"], sides, &Told::default());
    assert_eq!(rows, ["11 Open", "12 Bankrupt"], "production's meaning stands until somebody decides");
    assert_eq!((kinds(&plan), plan.is_ready()), (vec![ConflictKind::SameKey], false));
    let (rows, plan) = run(&["!id", "label"], sides, &taking(Some(ConflictKind::SameKey), Take::Pilot));
    assert_eq!((rows[1].as_str(), plan.is_ready()), ("12 Archived", true));
    let same: (&[&str], &[&str], &[&str]) = (&[], &["12 Archived"], &["12 Archived"]);
    assert!(kinds(&run(&["!id", "label"], same, &Told::default()).1).is_empty());
}

#[test]
fn what_both_changed_is_a_conflict_unless_they_agree() {
    let columns = ["!id", "label"];
    let sides: (&[&str], &[&str], &[&str]) = (&["1 a"], &["1 p"], &["1 n"]);
    assert_eq!(kinds(&run(&columns, sides, &Told::default()).1), [ConflictKind::BothChanged]);
    assert_eq!(run(&columns, sides, &Told::default()).0, ["1 n"]);
    assert_eq!(run(&columns, sides, &taking(None, Take::Pilot)).0, ["1 p"]);
    assert_eq!(run(&columns, sides, &taking(None, Take::Production)).0, ["1 n"]);
    let (_, plan) = run(&columns, (&["1 a"], &["1 x"], &["1 x"]), &Told::default());
    assert!(plan.operations.is_empty() && kinds(&plan).is_empty());
}

#[test]
fn null_and_empty_are_different_values() {
    let shapes = one(&["!id", "label"]);
    let plan = carried(&shapes, &[(&["1 -"], &["1 "], &["1 -"])], &Told::default());
    assert_eq!(plan.operations.len(), 1);
}

#[test]
fn rows_inserted_and_deleted_on_the_pilot_are_carried() {
    let (rows, plan) = run(&["!id", "label"], (&["1 a", "2 b"], &["2 b", "7 new"], &["1 a", "2 b"]), &Told::default());
    assert_eq!(rows, ["2 b", "7 new"]);
    assert!(plan.is_ready());
}

#[test]
fn a_deletion_against_a_change_is_a_conflict_on_either_side() {
    let columns = ["!id", "label"];
    let here: (&[&str], &[&str], &[&str]) = (&["1 a"], &[], &["1 n"]);
    assert_eq!(kinds(&run(&columns, here, &Told::default()).1), [ConflictKind::DeletedOnPilot]);
    assert!(run(&columns, here, &taking(None, Take::Pilot)).0.is_empty());
    let there: (&[&str], &[&str], &[&str]) = (&["1 a"], &["1 p"], &[]);
    assert_eq!(kinds(&run(&columns, there, &Told::default()).1), [ConflictKind::DeletedInProduction]);
    assert!(run(&columns, there, &Told::default()).0.is_empty());
    assert_eq!(run(&columns, there, &taking(None, Take::Pilot)).0, ["1 p"]);
    let untouched: (&[&str], &[&str], &[&str]) = (&["1 a"], &["1 a"], &[]);
    let (rows, plan) = run(&columns, untouched, &Told::default());
    assert!(rows.is_empty() && plan.is_ready());
    assert_eq!(reports(&plan), [ReportKind::ProductionDeleted]);
}

#[test]
fn a_tainted_cell_stays_productions_and_an_edited_one_is_asked_about() {
    let columns = ["!id", "~mail", "label"];
    let (rows, plan) = run(&columns, (&["1 x@invalid a"], &["1 x@invalid b"], &["1 ann@live a"]), &Told::default());
    assert_eq!(rows, ["1 ann@live b"]);
    assert!(plan.is_ready() && reports(&plan).is_empty(), "that production's value is not the mask's is no news");
    let edited: (&[&str], &[&str], &[&str]) = (&["1 x@invalid a"], &["1 me@test a"], &["1 ann@live a"]);
    let (rows, plan) = run(&columns, edited, &taking(None, Take::Pilot));
    assert_eq!((rows[0].as_str(), kinds(&plan), plan.is_ready()), ("1 ann@live a", vec![ConflictKind::Tainted], false), "no rule takes it");
    assert!(run(&columns, edited, &taking(Some(ConflictKind::Tainted), Take::Production)).1.is_ready());
    let id = plan.tables[0].conflicts[0].id;
    let told = Told { decided: vec![Decided { id, take: Take::Pilot }], ..Told::default() };
    let (rows, plan) = run(&columns, edited, &told);
    assert_eq!((rows[0].as_str(), plan.is_ready()), ("1 me@test a", true), "a person does");
}

#[test]
fn a_copied_row_does_not_smuggle_masked_values() {
    let sides: (&[&str], &[&str], &[&str]) = (&["1 x@invalid a"], &["1 x@invalid a", "2 x@invalid copy", "3 - new"], &["1 ann@live a"]);
    let (rows, plan) = run(&["!id", "~mail", "label"], sides, &Told::default());
    assert_eq!(rows, ["1 ann@live a", "2 - copy", "3 - new"]);
    assert_eq!((kinds(&plan), plan.is_ready()), (vec![ConflictKind::Tainted], false));
    let told = taking(Some(ConflictKind::Tainted), Take::Production);
    assert!(run(&["!id", "~mail", "label"], sides, &told).1.is_ready());
    let (rows, plan) = run(&["!id", "!~mail", "label"], (&[], &["2 x@invalid copy"], &[]), &told);
    assert_eq!((rows.len(), kinds(&plan)), (0, vec![ConflictKind::Tainted, ConflictKind::NoValue]), "there is nothing to put in its place");
    let (rows, plan) = run(&["!id", "!=~active", "label"], (&[], &["2 0 copy"], &[]), &told);
    assert_eq!((rows.len(), plan.is_ready()), (1, true), "the default is put in its place");
}

#[test]
fn a_row_that_production_deleted_comes_back_without_what_was_masked() {
    let sides: (&[&str], &[&str], &[&str]) = (&["1 x@invalid a"], &["1 x@invalid b"], &[]);
    let (rows, plan) = run(&["!id", "~mail", "label"], sides, &taking(None, Take::Pilot));
    assert_eq!(rows, ["1 - b"]);
    assert_eq!(reports(&plan), [ReportKind::Withheld]);
}

#[test]
fn columns_and_tables_that_the_pilot_does_not_have_stay_as_they_are() {
    let (rows, plan) = run(&["!id", "label", "+note"], (&["1 a -", "2 b -"], &["1 p -", "3 c -"], &["1 a n", "2 b n"]), &Told::default());
    assert_eq!(rows, ["1 p n", "3 c -"]);
    assert!(plan.is_ready());
    let mut shapes = one(&["!id", "label"]);
    shapes.tables[0].pilot = None;
    let told = Told { set_aside: true, ..Told::default() };
    assert!(carried(&shapes, &[(&[], &[], &["1 a"])], &told).operations.is_empty());
}

#[test]
fn a_row_that_left_the_configuration_was_not_deleted() {
    let shapes = one(&["!id", "label"]);
    let shape = &shapes.tables[0];
    let secret = secret();
    let plan = |pilot: Side, new: Side| {
        let mut carrying = Carrying::new(&shapes, Words::new(&[], &[], &secret), Later::Kept);
        carrying.table(0, &side(shape, &["1 a"]), &pilot, new);
        carrying.finish(&Answers::default())
    };
    let outside = || Side { outside: [key("1")].into(), ..Side::default() };
    let here = plan(outside(), side(shape, &["1 a"]));
    assert!(here.operations.is_empty());
    assert_eq!(kinds(&here), [ConflictKind::Left]);
    assert_eq!(kinds(&plan(side(shape, &["1 p"]), outside())), [ConflictKind::Left]);
    let there = plan(side(shape, &["1 a"]), outside());
    assert!(there.operations.is_empty() && there.is_ready());
}

#[test]
fn a_table_without_a_key_is_compared_by_whole_rows_and_their_number() {
    let mut shapes = one(&["a", "b"]);
    shapes.tables[0].key = KeyForm::WholeRow;
    let sides: (&[&str], &[&str], &[&str]) = (&["x 1", "x 1", "y 2"], &["x 1", "x 1", "x 1", "y 3"], &["x 1", "x 1", "y 2", "z 9"]);
    let plan = carried(&shapes, &[sides], &Told::default());
    let mut rows = after(&shapes, &[sides], &plan).remove(0);
    rows.sort();
    assert_eq!(rows, ["x 1", "x 1", "x 1", "y 3", "z 9"]);
}

#[test]
fn a_decision_counts_until_one_of_the_three_values_changes() {
    let columns = ["!id", "label"];
    let (_, first) = run(&columns, (&["1 a"], &["1 p"], &["1 n"]), &Told::default());
    let id = first.tables[0].conflicts[0].id;
    let told = Told { decided: vec![Decided { id, take: Take::Pilot }], rules: vec![], ..Told::default() };
    assert_eq!(run(&columns, (&["1 a"], &["1 p"], &["1 n"]), &told).0, ["1 p"]);
    for sides in [(&["1 A"], &["1 p"], &["1 n"]), (&["1 a"], &["1 P"], &["1 n"]), (&["1 a"], &["1 p"], &["1 N"])] {
        let (rows, plan) = run(&columns, (sides.0, sides.1, sides.2), &told);
        let conflict = &plan.tables[0].conflicts[0];
        assert_eq!((conflict.stale, conflict.taken, conflict.id.place == id.place), (true, None, true));
        assert_eq!(rows, sides.2.map(str::to_owned));
        assert!(plan.findings(&one(&columns))[0].message.contains("1 of them decided before"));
    }
    let against = Told { rules: vec![rule(None, Take::Production)], ..told };
    assert_eq!(run(&columns, (&["1 a"], &["1 p"], &["1 n"]), &against).0, ["1 p"], "a person's word counts before a rule");
}

#[test]
fn the_first_rule_that_fits_counts() {
    let columns = ["!id", "label", "color"];
    let sides: (&[&str], &[&str], &[&str]) = (&["1 a x"], &["1 p y"], &["1 n z"]);
    let label = CarryRule { table: Some("status".into()), column: Some("label".into()), ..rule(None, Take::Pilot) };
    let other = CarryRule { table: Some("other".into()), ..rule(None, Take::Pilot) };
    let told = Told { rules: vec![other, label.clone(), rule(None, Take::Production)], ..Told::default() };
    let (rows, plan) = run(&columns, sides, &told);
    assert_eq!((rows[0].as_str(), plan.is_ready()), ("1 p z", true));
    let ask = CarryRule { take: Take::Ask, ..label };
    let told = Told { rules: vec![ask, rule(None, Take::Pilot)], ..Told::default() };
    let (rows, plan) = run(&columns, sides, &told);
    assert_eq!((rows[0].as_str(), plan.is_ready()), ("1 n y", false));
}

#[test]
fn neither_findings_nor_debug_nor_ids_show_a_value() {
    let sides: (&[&str], &[&str], &[&str]) = (&["1 Alpha m"], &["1 Beta Edited"], &["1 Gamma m"]);
    let shapes = one(&["!id", "label", "~mail"]);
    let plan = carried(&shapes, &[sides], &Told::default());
    let preview = Preview::new(&plan, &shapes, BTreeMap::new(), Vec::new());
    let ids: Vec<_> = plan.open().map(|(_, c)| c.id).collect();
    let shown = format!("{plan:?} {preview:?} {:?} {}", plan.findings(&shapes), serde_json::to_string(&ids).unwrap());
    for value in ["Alpha", "Beta", "Gamma", "Edited"] {
        assert!(!shown.contains(value), "{value}");
        assert!(serde_json::to_string(&preview).unwrap().contains(value) || value == "m");
    }
}

#[test]
fn a_preview_says_what_is_taken_and_survives_json() {
    let shapes = one(&["!id", "label", "~mail"]);
    let sides: (&[&str], &[&str], &[&str]) = (&["1 a m", "2 b m", "3 c m"], &["1 p m", "3 c m", "4 d -"], &["1 a m", "2 b m", "3 C m"]);
    let plan = carried(&shapes, &[sides], &Told::default());
    let lost = BTreeMap::from([("invoice".to_owned(), 3)]);
    let preview = Preview::new(&plan, &shapes, lost, vec![("audit".into(), "history".into())]);
    let counts = Counts { inserted: 1, updated: 1, cells: 1, deleted: 1, reports: 1, conflicts: 0, open: 0 };
    assert_eq!((preview.counts, preview.tables[0].tainted.as_slice()), (counts, ["mail".to_owned()].as_slice()));
    let json = serde_json::to_string(&preview).unwrap();
    assert_eq!(serde_json::from_str::<Preview>(&json).unwrap(), preview);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<CarryPlan>(&json).unwrap(), plan);
}

#[test]
fn a_value_that_also_stands_in_a_masked_column_is_asked_about_on_its_way_into_raw_data() {
    let mut shapes = one(&["!id", "label", "note"]);
    shapes.into = Into::Raw;
    let sides: &Sides<'_> =
        &[(&["1 a x", "2 b x"], &["1 Marlow x", "2 b see@Shop.INVALID,", "3 Marlow y", "4 fine y"], &["1 a x", "2 b x"])];
    let masked: BTreeSet<Cell> = [Cell::text("Marlow")].into();
    let told = |rules| Told { rules, answers: Answers { masked: masked.clone(), ..Answers::default() }, ..Told::default() };
    let plan = carried(&shapes, sides, &told(vec![rule(Some(ConflictKind::Planted), Take::Production)]));
    assert!(plan.is_ready());
    assert_eq!(plan.tables[0].conflicts.iter().filter(|c| c.kind == ConflictKind::Planted).count(), 3);
    assert_eq!(after(&shapes, sides, &plan), [["1 a x", "2 b x", "4 fine y"]], "a row of their own stays behind as a whole");
    // Nobody has said anything, and no rule can say that it is harmless.
    for rules in [Vec::new(), vec![rule(None, Take::Pilot)]] {
        assert_eq!(carried(&shapes, sides, &told(rules)).open().count(), 3);
    }
    let open = carried(&shapes, sides, &told(Vec::new()));
    let decided = open.open().map(|(_, c)| Decided { id: c.id, take: Take::Pilot }).collect();
    let plan = carried(&shapes, sides, &Told { decided, ..told(Vec::new()) });
    assert_eq!(after(&shapes, sides, &plan), [["1 Marlow x", "2 b see@Shop.INVALID,", "3 Marlow y", "4 fine y"]]);
    shapes.into = Into::Pilot;
    assert!(carried(&shapes, sides, &told(Vec::new())).is_ready(), "from pilot to pilot it does no harm");
}

#[test]
fn what_production_has_in_columns_that_do_not_travel_is_not_shown() {
    let mut shapes = one(&["!id", "label", "~secret"]);
    shapes.into = Into::Raw;
    let sides: &Sides<'_> = &[(&["1 a -"], &["1 a edited"], &["1 a hunter2", "2 b hunter3"])];
    let plan = carried(&shapes, sides, &Told::default());
    let preview = Preview::new(&plan, &shapes, BTreeMap::new(), Vec::new());
    let shown = serde_json::to_string(&preview).unwrap();
    assert!(shown.contains("(withheld)") && shown.contains("edited") && !shown.contains("hunter"), "{shown}");
    // A row as it would be is the pilot's cells over production's.
    shapes.tables[0].unique = vec![vec![1, 2]];
    let sides: &Sides<'_> = &[(&["1 a x"], &["1 b x"], &["1 a hunter2", "2 b hunter2"])];
    let plan = carried(&shapes, sides, &Told::default());
    assert_eq!(plan.tables[0].conflicts.iter().filter(|c| c.kind == ConflictKind::Occupied).count(), 1);
    let shown = serde_json::to_string(&Preview::new(&plan, &shapes, BTreeMap::new(), Vec::new())).unwrap();
    assert!(!shown.contains("hunter"), "{shown}");
}
