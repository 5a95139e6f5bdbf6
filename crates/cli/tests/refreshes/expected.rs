//! What a refresh must leave, worked out from the three sides alone: the pilot's configuration stays as it is, but where both changed the same
//! thing the program's rules decide, what was emptied on the way is production's, and rows of production's stay that something needs.

use super::world::{FOR_PRODUCTION, FORMS, Form, Row, Rows, State, form};
use std::collections::{BTreeMap, BTreeSet};

/// One row: as it stands after the refresh, none where it is not there.
fn row(f: &Form, base: Option<&Row>, pilot: Option<&Row>, new: Option<&Row>) -> Option<Row> {
    let for_production = FOR_PRODUCTION.contains(&f.name);
    let chosen = |of_pilot: Option<Row>, of_new: Option<Row>| if for_production { of_new } else { of_pilot };
    match (base, pilot, new) {
        (None, None, _) => None,
        (None, Some(p), None) => Some(p.clone()),
        (None, Some(p), Some(n)) if p == n => Some(p.clone()),
        (None, Some(p), Some(n)) => chosen(Some(p.clone()), Some(n.clone())),
        (Some(_), None, None) => None,
        (Some(b), None, Some(n)) if b == n => None,
        (Some(_), None, Some(n)) => chosen(None, Some(n.clone())),
        (Some(b), Some(p), None) if b == p => Some(b.clone()),
        (Some(_), Some(p), None) => chosen(Some(p.clone()), None),
        (Some(b), Some(p), Some(n)) => Some(
            b.iter()
                .zip(p)
                .zip(n)
                .map(|((b, p), n)| match (p == b, n == b) {
                    (true, _) => b.clone(),
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
pub fn expected(base: &State, pilot: &State, new: &State, clients: &BTreeMap<u64, String>) -> State {
    let mut after = State::default();
    for f in FORMS {
        let (b, p, n) = (base.table(f.name), pilot.table(f.name), new.table(f.name));
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
            if let Some(row) = row(f, b.as_ref(), p.as_ref(), n.as_ref()) {
                rows.insert(key.clone(), row);
            }
        }
        after.set(f.name, rows);
    }
    needed(&mut after, new, clients);
    after
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
