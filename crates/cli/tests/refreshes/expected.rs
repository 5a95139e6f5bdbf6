//! What a refresh must leave, and what the next one compares with, worked out from the three sides alone: the pilot's configuration stays as it is, but where both changed the same
//! thing the program's rules decide, what was emptied on the way is production's, and rows of production's stay that something needs.

use super::world::{FOR_PRODUCTION, FORMS, Form, Row, Rows, State, form};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of what production alone changed.
#[derive(Clone, Copy, PartialEq)]
pub enum Later {
    /// It is taken back, on a pilot.
    SetAside,
    /// It stays, in production's own rows.
    Kept,
}

/// One row: as it stands after the carry-over, none where it is not there.
fn row(f: &Form, base: Option<&Row>, pilot: Option<&Row>, new: Option<&Row>, later: Later) -> Option<Row> {
    let for_production = FOR_PRODUCTION.contains(&f.name);
    let chosen = |of_pilot: Option<Row>, of_new: Option<Row>| if for_production { of_new } else { of_pilot };
    match (base, pilot, new) {
        (None, None, n) => n.filter(|_| later == Later::Kept).cloned(),
        (None, Some(p), None) => Some(p.clone()),
        (None, Some(p), Some(n)) if p == n => Some(p.clone()),
        (None, Some(p), Some(n)) => chosen(Some(p.clone()), Some(n.clone())),
        (Some(_), None, None) => None,
        (Some(b), None, Some(n)) if b == n => None,
        (Some(_), None, Some(n)) => chosen(None, Some(n.clone())),
        (Some(b), Some(p), None) if b == p => Some(b.clone()).filter(|_| later == Later::SetAside),
        (Some(_), Some(p), None) => chosen(Some(p.clone()), None),
        (Some(b), Some(p), Some(n)) => Some(
            b.iter()
                .zip(p)
                .zip(n)
                .map(|((b, p), n)| match (p == b, n == b) {
                    (true, _) if later == Later::SetAside => b.clone(),
                    (true, _) => n.clone(),
                    (false, true) => p.clone(),
                    (false, false) if p == n => p.clone(),
                    (false, false) => {
                        if for_production {
                            n.clone()
                        } else {
                            p.clone()
                        }
                    }
                })
                .collect(),
        ),
    }
}

/// The whole: `clients` are the statuses that records of the new generation refer to.
pub fn expected(base: &State, pilot: &State, new: &State, clients: &BTreeMap<u64, String>, later: Later) -> State {
    let mut after = State::default();
    for f in FORMS {
        let (b, p, n) = (base.table(f.name), pilot.table(f.name), new.table(f.name));
        let secrets: BTreeMap<&String, Option<String>> = match f.name {
            "c04" => n.iter().map(|(key, row)| (key, row[3].clone())).collect(),
            _ => BTreeMap::new(),
        };
        // Without a key a row is itself: what the pilot has is what it keeps.
        if f.name == "c12" {
            after.set(f.name, p.clone());
            continue;
        }
        let keys: BTreeSet<&String> = b.keys().chain(p.keys()).chain(n.keys()).collect();
        let mut rows = Rows::new();
        for key in keys {
            // What was emptied never travels: production's, which is nothing.
            let clean = |row: Option<&Row>| {
                let mut row = row.cloned()?;
                if f.name == "c04" {
                    row[3] = None;
                }
                Some(row)
            };
            let (b, p, n) = (clean(b.get(key)), clean(p.get(key)), clean(n.get(key)));
            if let Some(mut row) = row(f, b.as_ref(), p.as_ref(), n.as_ref(), later) {
                if let Some(secret) = secrets.get(key) {
                    row[3].clone_from(secret);
                }
                rows.insert(key.clone(), row);
            }
        }
        after.set(f.name, rows);
    }
    needed(&mut after, new, clients);
    after
}

/// What the next refresh compares with: where production changed what the pilot had left alone, and the pilot kept it, the same as before;
/// everywhere else production's.
pub fn next_base(base: &State, pilot: &State, new: &State, after: &State) -> State {
    let mut next = State::default();
    for f in FORMS {
        let (b, p, n, a) = (base.table(f.name), pilot.table(f.name), new.table(f.name), after.table(f.name));
        let mut rows = Rows::new();
        for key in b.keys().chain(n.keys()) {
            let (b, p, n, a) = (b.get(key), p.get(key), n.get(key), a.get(key));
            let ignored: &[usize] = if f.name == "c04" { &[3] } else { &[] };
            let same = |one: &Row, other: &Row| (0..one.len()).all(|at| one[at] == other[at] || ignored.contains(&at));
            let row = match (b, p, n, a) {
                // Deleted by production alone, and still on the pilot.
                (Some(b), Some(p), None, Some(_)) if same(b, p) && (f.name != "c04" || b[3] == p[3]) => b.clone(),
                // Inserted by production alone, and not on the pilot.
                (None, None, Some(_), None) => continue,
                (Some(b), Some(p), Some(n), Some(a)) => {
                    let cell = |at: usize| if p[at] == b[at] && a[at] == b[at] && !ignored.contains(&at) { &b[at] } else { &n[at] };
                    (0..n.len()).map(|at| cell(at).clone()).collect()
                }
                (_, _, Some(n), _) => n.clone(),
                (_, _, None, _) => continue,
            };
            rows.insert(key.clone(), row);
        }
        next.set(f.name, rows);
    }
    next
}

/// Rows of production's own stay where rows that stay refer to them, and so on.
fn needed(after: &mut State, new: &State, clients: &BTreeMap<u64, String>) {
    loop {
        let mut wanted: BTreeSet<(&'static str, String)> = clients.values().map(|status| ("c01", status.clone())).collect();
        for (name, rows) in after.tables() {
            if let Some(parent) = form(name).parent {
                wanted.extend(rows.values().filter_map(|row| row[3].clone()).map(|id| (parent, id)));
            }
        }
        let missing: Vec<(&'static str, String)> = wanted.into_iter().filter(|(t, id)| !after.table(t).contains_key(id)).collect();
        if missing.is_empty() {
            return;
        }
        for (table, id) in missing {
            let row = new.table(table).get(&id).unwrap_or_else(|| panic!("{table} {id} is nowhere")).clone();
            let mut rows = after.table(table).clone();
            rows.insert(id, row);
            after.set(table, rows);
        }
    }
}
