//! An order for views, routines and triggers in which each follows those that it names. A first guess: what the server does not know is found
//! by trying again (`ddl`).

use super::super::connect::Session;
use super::Made;
use super::facts::Views;
use crate::error::Result;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds in the order in which they come where nothing else is known.
fn rank(kind: &str) -> u8 {
    match kind {
        "function" => 0,
        "view" => 1,
        "procedure" => 2,
        "trigger" => 3,
        _ => 4,
    }
}

/// Orders them by what the server knows of their references. `left` are the numbers of tables that are not made: what cannot be made without
/// them is left, too, and named.
pub(super) async fn by_names(
    session: &mut Session,
    views: &Views,
    modules: Vec<Made>,
    left: BTreeSet<String>,
    not_carried: &mut Vec<(String, String)>,
) -> Result<Vec<Made>> {
    let query = "select distinct d.referencing_id, d.referenced_id from sys.sql_expression_dependencies d \
                 where d.referenced_id is not null and d.referencing_id <> d.referenced_id";
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for f in views.read(session, "sql_expression_dependencies", query).await? {
        names.entry(f.said("referencing_id")).or_default().insert(f.said("referenced_id"));
    }
    let (modules, lost) = without(modules, &names, left);
    not_carried.extend(lost);
    Ok(ordered(modules, &names))
}

/// Takes out what cannot be made without what is left: views, functions and triggers need what they name or stand on; procedures look for it
/// when they run.
pub(super) fn without(
    mut modules: Vec<Made>,
    names: &BTreeMap<String, BTreeSet<String>>,
    mut left: BTreeSet<String>,
) -> (Vec<Made>, Vec<(String, String)>) {
    let mut lost = Vec::new();
    loop {
        let needs = |m: &Made| {
            let named = matches!(m.kind, "view" | "function") && names.get(&m.id).is_some_and(|all| !all.is_disjoint(&left));
            named || left.contains(&m.parent)
        };
        let (gone, kept): (Vec<Made>, Vec<Made>) = modules.into_iter().partition(needs);
        modules = kept;
        if gone.is_empty() {
            return (modules, lost);
        }
        for m in gone {
            lost.push((format!("{} {}", m.kind, m.name()), "it needs a table that is not carried".to_owned()));
            left.insert(m.id);
        }
    }
}

/// Each after those that it names; circles, which only routines form, are cut where they are entered.
pub(super) fn ordered(mut modules: Vec<Made>, names: &BTreeMap<String, BTreeSet<String>>) -> Vec<Made> {
    modules.sort_by_key(|m| (rank(m.kind), m.name()));
    let place: BTreeMap<&str, usize> = modules.iter().enumerate().map(|(i, m)| (m.id.as_str(), i)).collect();
    let needs: Vec<Vec<usize>> = modules
        .iter()
        .map(|m| names.get(&m.id).map(|all| all.iter().filter_map(|id| place.get(id.as_str()).copied()).collect()).unwrap_or_default())
        .collect();
    let (mut seen, mut order) = (vec![false; modules.len()], Vec::with_capacity(modules.len()));
    for start in 0..modules.len() {
        // Depth first, without recursion: chains of views can be long.
        let mut path: Vec<(usize, usize)> = Vec::new();
        if !std::mem::replace(&mut seen[start], true) {
            path.push((start, 0));
        }
        while let Some((at, next)) = path.last_mut() {
            match needs[*at].get(*next) {
                Some(&need) => {
                    *next += 1;
                    if !std::mem::replace(&mut seen[need], true) {
                        path.push((need, 0));
                    }
                }
                None => {
                    order.push(*at);
                    path.pop();
                }
            }
        }
    }
    let mut left: Vec<Option<Made>> = modules.into_iter().map(Some).collect();
    order.into_iter().filter_map(|i| left[i].take()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_table_that_is_left_is_left_and_named() {
        let made = |kind: &'static str, id: &str, parent: &str| Made {
            kind,
            own: format!("n{id}"),
            id: id.to_owned(),
            parent: parent.to_owned(),
            ..Made::default()
        };
        let names: BTreeMap<String, BTreeSet<String>> = [("1", "t"), ("2", "1"), ("3", "t"), ("4", "u")]
            .into_iter()
            .map(|(a, b)| (a.to_owned(), BTreeSet::from([b.to_owned()])))
            .collect();
        let modules = vec![
            made("view", "2", ""),
            made("view", "1", ""),
            made("procedure", "3", ""),
            made("view", "4", ""),
            made("trigger", "5", "t"),
        ];
        let (kept, lost) = without(modules, &names, BTreeSet::from(["t".to_owned()]));
        assert_eq!(kept.iter().map(|m| m.id.as_str()).collect::<Vec<_>>(), ["3", "4"]);
        assert_eq!(lost.iter().map(|(what, _)| what.as_str()).collect::<Vec<_>>(), ["view n1", "trigger n5", "view n2"]);
    }

    #[test]
    fn everything_follows_what_it_names_and_circles_end() {
        let made = |kind: &'static str, id: &str| Made { kind, own: format!("n{id}"), id: id.to_owned(), ..Made::default() };
        let names: BTreeMap<String, BTreeSet<String>> = [("1", vec!["2", "9"]), ("2", vec!["3"]), ("4", vec!["5"]), ("5", vec!["4", "1"])]
            .into_iter()
            .map(|(a, b)| (a.to_owned(), b.into_iter().map(str::to_owned).collect()))
            .collect();
        let modules = vec![
            made("view", "1"),
            made("view", "2"),
            made("view", "3"),
            made("procedure", "4"),
            made("procedure", "5"),
            made("function", "6"),
        ];
        let order: Vec<String> = ordered(modules, &names).into_iter().map(|m| m.id).collect();
        assert_eq!(order, ["6", "3", "2", "1", "5", "4"]);
    }
}
