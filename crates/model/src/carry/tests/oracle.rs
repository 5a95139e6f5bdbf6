//! The comparison against a second, simpler one that looks at one cell at a time, and orders against a store that checks every step.

use super::*;
use proptest::prelude::*;

type Row = [Option<u8>; 2];
type Rows = BTreeMap<u8, Row>;

fn rows() -> impl Strategy<Value = Rows> {
    let cell = || prop::option::weighted(0.8, 0u8..3);
    prop::collection::btree_map(0u8..6, [cell(), cell()], 0..6)
}

/// Rows that mostly stay as they were.
fn edited(base: Rows) -> impl Strategy<Value = Rows> {
    (rows(), prop::collection::vec(any::<bool>(), 6)).prop_map(move |(other, keep)| {
        let mut out = Rows::new();
        for key in 0u8..6 {
            let from = if keep[usize::from(key)] { &base } else { &other };
            out.extend(from.get(&key).map(|row| (key, *row)));
        }
        out
    })
}

fn three() -> impl Strategy<Value = [Rows; 3]> {
    rows().prop_flat_map(|b| (Just(b.clone()), edited(b.clone()), edited(b))).prop_map(|(b, p, n)| [b, p, n])
}

fn cell(value: Option<u8>) -> Cell {
    value.map_or(Cell::NULL, |v| Cell::text(&v.to_string()))
}

fn full(shape: &TableShape, rows: &Rows) -> Side {
    let mut side = Side::default();
    for (key, [x, y]) in rows {
        side.push(shape, None, vec![cell(Some(*key)), cell(*x), cell(*y)]).unwrap();
    }
    side
}

/// What the rule says about the first cell and the tainted second of one row, written down without the comparison's words.
fn expected(b: Option<&Row>, p: Option<&Row>, n: Option<&Row>, pilot_wins: bool, set_aside: bool) -> Option<Row> {
    match (b, p, n) {
        (None, None, n) => n.copied().filter(|_| !set_aside),
        (None, Some(p), None) => Some([p[0], None]),
        (None, Some(p), Some(n)) => Some([if pilot_wins { p[0] } else { n[0] }, n[1]]),
        (Some(_), None, None) => None,
        (Some(b), Some(p), None) if b == p => set_aside.then_some([p[0], None]),
        (Some(_), Some(p), None) => pilot_wins.then_some([p[0], None]),
        (Some(b), None, Some(n)) => (b[0] != n[0] && !pilot_wins).then_some(*n),
        (Some(b), Some(p), Some(n)) => {
            let x = match (p[0] == b[0], n[0] == b[0]) {
                (true, _) => {
                    if set_aside {
                        b[0]
                    } else {
                        n[0]
                    }
                }
                (false, true) => p[0],
                (false, false) => {
                    if pilot_wins {
                        p[0]
                    } else {
                        n[0]
                    }
                }
            };
            Some([x, n[1]])
        }
    }
}

fn plan_of(shapes: &Shapes, sides: [&Side; 3], told: &Told) -> CarryPlan {
    let secret = secret();
    let later = if told.set_aside { Later::SetAside } else { Later::Kept };
    let mut carrying = Carrying::new(shapes, Words::new(&told.rules, &told.decided, &secret), later);
    carrying.table(0, sides[0], sides[1], sides[2].clone());
    carrying.finish(&told.answers)
}

proptest! {
    #[test]
    fn every_cell_is_what_the_rule_says_and_a_second_time_changes_nothing(
        [b, p, n] in three(), pilot_wins in any::<bool>(), set_aside in any::<bool>(),
    ) {
        let shapes = shapes(vec![table("t", &["!id", "x", "~y"])], &[]);
        let take = if pilot_wins { Take::Pilot } else { Take::Production };
        let told = Told { rules: vec![rule(None, take)], set_aside, ..Told::default() };
        let [base, pilot, new] = [&b, &p, &n].map(|rows| full(&shapes.tables[0], rows));
        let plan = plan_of(&shapes, [&base, &pilot, &new], &told);
        let mut store = Store { tables: vec![new.rows.clone()] };
        prop_assert_eq!(store.apply(&shapes, &plan.operations), Ok(()));
        for key in 0u8..6 {
            let wanted = expected(b.get(&key), p.get(&key), n.get(&key), pilot_wins, set_aside);
            let wanted = wanted.map(|[x, y]| vec![cell(Some(key)), cell(x), cell(y)]);
            prop_assert_eq!(store.tables[0].get(&vec![cell(Some(key))]), wanted.as_ref(), "row {}", key);
        }
        let again = Side { rows: store.tables[0].clone(), ..Side::default() };
        prop_assert!(plan_of(&shapes, [&base, &pilot, &again], &told).operations.is_empty());
    }

    #[test]
    fn what_was_carried_over_once_is_carried_over_again_and_what_was_set_aside_is_not_lost(
        [b, p, n] in three(), pilot_wins in any::<bool>(),
    ) {
        let shapes = shapes(vec![table("t", &["!id", "x", "~y"])], &[]);
        let shape = &shapes.tables[0];
        let take = if pilot_wins { Take::Pilot } else { Take::Production };
        let told = |set_aside| Told { rules: vec![rule(None, take)], set_aside, ..Told::default() };
        let [base, pilot, new] = [&b, &p, &n].map(|rows| full(shape, rows));
        let first = plan_of(&shapes, [&base, &pilot, &new], &told(true));
        let mut store = Store { tables: vec![new.rows.clone()] };
        prop_assert_eq!(store.apply(&shapes, &first.operations), Ok(()));
        // The next generation is opened, and nobody touches anything.
        let pilot = Side { rows: store.tables[0].clone(), ..Side::default() };
        let mut base = Side::default();
        for row in &first.tables[0].next_base {
            let mut cells = row.cells.clone();
            let opened = pilot.rows.get(&cells[..1]);
            row.as_opened.iter().for_each(|at| cells[*at] = opened.map_or(Cell::NULL, |o| o[*at].clone()));
            base.push(shape, None, cells).unwrap();
        }
        for (set_aside, name) in [(true, "refreshed again"), (false, "into production")] {
            let plan = plan_of(&shapes, [&base, &pilot, &new], &told(set_aside));
            prop_assert!(plan.tables[0].conflicts.iter().all(|c| c.kind == ConflictKind::Tainted), "{}: asked again", name);
            let mut store = Store { tables: vec![new.rows.clone()] };
            prop_assert_eq!(store.apply(&shapes, &plan.operations), Ok(()));
            for key in 0u8..6 {
                let wanted = expected(b.get(&key), p.get(&key), n.get(&key), pilot_wins, set_aside);
                let wanted = wanted.map(|[x, y]| vec![cell(Some(key)), cell(x), cell(y)]);
                prop_assert_eq!(store.tables[0].get(&vec![cell(Some(key))]), wanted.as_ref(), "{}: row {}", name, key);
            }
        }
    }

    #[test]
    fn a_pilot_that_nobody_touched_gives_an_empty_plan([b, _, n] in three()) {
        let shapes = shapes(vec![table("t", &["!id", "x", "~y"])], &[]);
        let [base, new] = [&b, &n].map(|rows| full(&shapes.tables[0], rows));
        let plan = plan_of(&shapes, [&base, &base, &new], &Told::default());
        prop_assert!(plan.operations.is_empty() && plan.tables[0].conflicts.is_empty());
    }

    #[test]
    fn no_order_violates_a_key_on_the_way(
        base in stores(), pilot in stores(), new in stores(), keep in prop::collection::vec(any::<bool>(), 12),
        take in prop::sample::select(vec![Take::Pilot, Take::Production, Take::Ask]), null in any::<bool>(), set_aside in any::<bool>(),
    ) {
        let shapes = graph();
        let (pilot, new) = (consistent(mixed(&base, &pilot, &keep)), consistent(mixed(&base, &new, &keep[6..])));
        let base = consistent(base);
        let missing = rule(Some(ConflictKind::MissingParent), if null { Take::Null } else { Take::Production });
        let rules = vec![missing, rule(None, take)];
        let secret = secret();
        let later = if set_aside { Later::SetAside } else { Later::Kept };
        let mut carrying = Carrying::new(&shapes, Words::new(&rules, &[], &secret), later);
        for (at, shape) in shapes.tables.iter().enumerate() {
            carrying.table(at, &links(shape, &base[at]), &links(shape, &pilot[at]), links(shape, &new[at]));
        }
        let plan = carrying.finish(&Answers::default());
        let tables = shapes.tables.iter().zip(&new).map(|(shape, rows)| links(shape, rows).rows).collect();
        let mut store = Store { tables };
        prop_assert_eq!(store.check(&shapes), Ok(()));
        prop_assert!(plan.operations.iter().all(|o| !o.deferred));
        prop_assert_eq!(store.apply(&shapes, &plan.operations), Ok(()));
        prop_assert_eq!(store.check(&shapes), Ok(()));
    }
}

/// Three tables: `a` refers to itself and to `b`, `b` to `a` and to `c`, `c` to `a`; each has a unique code.
fn graph() -> Shapes {
    let columns = ["!id", "one", "two", "code"];
    let tables = ["a", "b", "c"].map(|t| table(t, &columns)).to_vec();
    let mut shapes = shapes(tables, &[("a", "one", "a"), ("a", "two", "b"), ("b", "one", "a"), ("b", "two", "c"), ("c", "one", "a")]);
    shapes.tables.iter_mut().for_each(|t| t.unique = vec![vec![3]]);
    shapes
}

type Links = BTreeMap<u8, [Option<u8>; 3]>;

fn stores() -> impl Strategy<Value = [Links; 3]> {
    let cell = || prop::option::weighted(0.8, 0u8..4);
    let table = move || prop::collection::btree_map(0u8..4, [cell(), cell(), cell()], 0..5);
    [table(), table(), table()]
}

fn mixed(base: &[Links; 3], other: &[Links; 3], keep: &[bool]) -> [Links; 3] {
    let mut out: [Links; 3] = Default::default();
    for (at, table) in out.iter_mut().enumerate() {
        for key in 0u8..4 {
            let from = if keep[(usize::from(key) + at) % 6] { base } else { other };
            table.extend(from[at].get(&key).map(|row| (key, *row)));
        }
    }
    out
}

/// Makes dangling references and repeated codes NULL.
fn consistent(mut tables: [Links; 3]) -> [Links; 3] {
    let keys: Vec<BTreeSet<u8>> = tables.iter().map(|t| t.keys().copied().collect()).collect();
    let to = [[Some(0), Some(1)], [Some(0), Some(2)], [Some(0), None]];
    for (table, to) in tables.iter_mut().zip(to) {
        let mut codes = BTreeSet::new();
        for row in table.values_mut() {
            for (at, to) in to.into_iter().enumerate() {
                row[at] = row[at].filter(|v| to.is_none_or(|to: usize| keys[to].contains(v)));
            }
            row[2] = row[2].filter(|code| codes.insert(*code));
        }
    }
    tables
}

fn links(shape: &TableShape, rows: &Links) -> Side {
    let mut side = Side::default();
    for (key, [one, two, code]) in rows {
        side.push(shape, None, vec![cell(Some(*key)), cell(*one), cell(*two), cell(*code)]).unwrap();
    }
    side
}
