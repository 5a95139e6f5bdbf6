//! The order in which changes are made, so that no foreign key and no unique key is violated on the way: parents before children, values freed
//! before they are taken, children away before their parents. Owns the order and the splitting of changes that wait for each other (a NULL
//! first, the value later); does not own whether the result is consistent (`closure`).
//!
//! The changes are the nodes of a graph in which one waits for another, emptied as in A. B. Kahn, "Topological sorting of large networks",
//! CACM 5 (1962). Where nothing is free, a cycle is found by following what each waits for, and one of its changes is split.

use super::cell::{Cell, Key};
use super::closure::{unique_value, value};
use super::compare::{Change, Draft};
use super::shape::Shapes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is done to one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A row is inserted: a value by column (index in the shape); a column that is not named takes its default, or NULL.
    Insert {
        /// Value by column.
        cells: BTreeMap<usize, Cell>,
    },
    /// A row's values are set.
    Update {
        /// Value by column.
        cells: BTreeMap<usize, Cell>,
    },
    /// A row is deleted; in a table without a key one of the rows that are equal to it.
    Delete,
}

/// One change of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Index of the table's shape.
    pub table: usize,
    /// The row's key; in a table without a key all cells, then the row's number among equal ones.
    pub key: Key,
    /// What is done.
    pub act: Act,
    /// A constraint is violated between this and a later operation, whatever the order: the engine has to check constraints at the end.
    pub deferred: bool,
}

/// One change waits for another.
#[derive(Clone, Debug)]
struct Wait {
    on: usize,
    /// The waiting change's columns that are the reason; empty where the row itself is (it is deleted).
    group: Vec<usize>,
    /// The other change's columns that are waited for.
    theirs: Vec<usize>,
    /// It is waited for a value to go away, so that NULL does as well.
    away: bool,
}

struct Node {
    table: usize,
    key: Key,
    act: Act,
    waits: Vec<Wait>,
    done: bool,
}

/// Orders the changes of all tables.
pub(super) fn order(shapes: &Shapes, drafts: &[Draft]) -> Vec<Operation> {
    let mut graph = Graph::new(shapes, drafts);
    graph.references(drafts);
    graph.unique(drafts);
    graph.run()
}

struct Graph<'a> {
    shapes: &'a Shapes,
    nodes: Vec<Node>,
    /// By table and key.
    index: BTreeMap<(usize, Key), usize>,
    /// Changes that cannot be made without violating something for a moment.
    deferred: BTreeSet<usize>,
    out: Vec<Operation>,
}

impl<'a> Graph<'a> {
    fn new(shapes: &'a Shapes, drafts: &[Draft]) -> Graph<'a> {
        let mut nodes: Vec<Node> = Vec::new();
        for (table, draft) in drafts.iter().enumerate() {
            for (key, change) in &draft.changes {
                let act = match change {
                    Change::Insert(cells) => {
                        Act::Insert { cells: cells.iter().enumerate().filter_map(|(at, c)| c.clone().map(|c| (at, c))).collect() }
                    }
                    Change::Update(cells) => Act::Update { cells: cells.clone() },
                    Change::Delete => Act::Delete,
                };
                nodes.push(Node { table, key: key.clone(), act, waits: Vec::new(), done: false });
            }
        }
        let rank = |n: &Node| match n.act {
            Act::Insert { .. } => 0,
            Act::Update { .. } => 1,
            Act::Delete => 2,
        };
        nodes.sort_by(|a, b| (rank(a), a.table, &a.key).cmp(&(rank(b), b.table, &b.key)));
        let index = nodes.iter().enumerate().map(|(at, n)| ((n.table, n.key.clone()), at)).collect();
        Graph { shapes, nodes, index, deferred: BTreeSet::new(), out: Vec::new() }
    }

    fn wait(&mut self, node: usize, wait: Wait) {
        if wait.on != node {
            self.nodes[node].waits.push(wait);
        }
    }

    fn references(&mut self, drafts: &[Draft]) {
        let shapes = self.shapes;
        for reference in shapes.references.iter().filter(|r| r.enforced) {
            let (Some(from), Some(to)) = (reference.from_shape, reference.to_shape) else { continue };
            let at =
                |table: usize, columns: &[String]| -> Vec<usize> { columns.iter().filter_map(|c| shapes.tables[table].index(c)).collect() };
            let (group, theirs) = (at(from, &reference.columns), at(to, &reference.to_columns));
            let child = |row: Option<&Vec<Cell>>| row.and_then(|r| value(reference, &shapes.tables[from], &reference.columns, r));
            let parent = |row: Option<&Vec<Cell>>| row.and_then(|r| value(reference, &shapes.tables[to], &reference.to_columns, r));
            let mut provided: BTreeMap<Vec<Cell>, usize> = BTreeMap::new();
            let mut lost: BTreeMap<Vec<Cell>, usize> = BTreeMap::new();
            for key in drafts[to].changes.keys() {
                let node = self.index[&(to, key.clone())];
                let (before, after) = (parent(drafts[to].new.get(key)), parent(drafts[to].after(key).as_ref()));
                if before != after {
                    provided.extend(after.map(|v| (v, node)));
                    lost.extend(before.map(|v| (v, node)));
                }
            }
            for key in drafts[from].changes.keys() {
                let node = self.index[&(from, key.clone())];
                let (before, after) = (child(drafts[from].new.get(key)), child(drafts[from].after(key).as_ref()));
                if before == after {
                    continue;
                }
                // InnoDB refuses to delete a row that refers to itself.
                if before.is_some() && self.nodes[node].act == Act::Delete && from == to && before == parent(drafts[to].new.get(key)) {
                    self.detach(node, &group);
                }
                if let Some(on) = after.and_then(|v| provided.get(&v).copied()) {
                    self.wait(node, Wait { on, group: group.clone(), theirs: theirs.clone(), away: false });
                }
                if let Some(waiting) = before.and_then(|v| lost.get(&v).copied()) {
                    let deleted = self.nodes[waiting].act == Act::Delete;
                    let own = if deleted { Vec::new() } else { theirs.clone() };
                    self.wait(waiting, Wait { on: node, group: own, theirs: group.clone(), away: true });
                }
            }
            // A value that passes from one row to another while a row that does not change refers to it.
            let passing: BTreeSet<&Vec<Cell>> = lost.keys().filter(|v| provided.contains_key(*v)).collect();
            if !passing.is_empty() {
                let stays = |(key, row): (&Key, &Vec<Cell>)| {
                    child(Some(row)).filter(|v| passing.contains(v) && child(drafts[from].after(key).as_ref()).as_ref() == Some(v))
                };
                let held: Vec<usize> = drafts[from].new.iter().filter_map(stays).map(|v| lost[&v]).collect();
                self.deferred.extend(held);
            }
        }
    }

    fn unique(&mut self, drafts: &[Draft]) {
        for (table, draft) in drafts.iter().enumerate() {
            for columns in &self.shapes.tables[table].unique {
                let mut freed: BTreeMap<Vec<Cell>, usize> = BTreeMap::new();
                let mut taken: Vec<(Vec<Cell>, usize)> = Vec::new();
                for key in draft.changes.keys() {
                    let node = self.index[&(table, key.clone())];
                    let before = draft.new.get(key).and_then(|row| unique_value(columns, row));
                    let after = draft.after(key).and_then(|row| unique_value(columns, &row));
                    if before != after {
                        freed.extend(before.map(|v| (v, node)));
                        taken.extend(after.map(|v| (v, node)));
                    }
                }
                for (value, node) in taken {
                    if let Some(on) = freed.get(&value).copied() {
                        self.wait(node, Wait { on, group: columns.clone(), theirs: columns.clone(), away: true });
                    }
                }
            }
        }
    }

    fn run(mut self) -> Vec<Operation> {
        let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut ready: BTreeSet<usize> = BTreeSet::new();
        for at in 0..self.nodes.len() {
            self.nodes[at].waits.iter().for_each(|w| waiting[w.on].push(at));
            if self.nodes[at].waits.is_empty() {
                ready.insert(at);
            }
        }
        let mut first = 0;
        loop {
            while let Some(at) = ready.pop_first() {
                self.emit(at);
                for node in waiting.get(at).into_iter().flatten() {
                    if !self.nodes[*node].done && self.is_free(*node) {
                        ready.insert(*node);
                    }
                }
            }
            while self.nodes.get(first).is_some_and(|n| n.done) {
                first += 1;
            }
            let Some(_) = self.nodes.get(first) else { return self.out };
            let cycle = self.cycle(first);
            if !self.open(&cycle) {
                let at = cycle.iter().map(|(at, _)| *at).min().unwrap_or(first);
                self.deferred.insert(at);
                self.nodes[at].waits.clear();
            }
            // Splitting adds nodes and moves waits, for the changes of the cycle and for those that wait for them.
            waiting.resize(self.nodes.len(), Vec::new());
            let mut touched: BTreeSet<usize> = cycle.iter().map(|(at, _)| *at).collect();
            touched.extend(cycle.iter().flat_map(|(at, _)| waiting[*at].clone()));
            touched.insert(self.nodes.len() - 1);
            for at in touched {
                for wait in &self.nodes[at].waits {
                    if !waiting[wait.on].contains(&at) {
                        waiting[wait.on].push(at);
                    }
                }
                if !self.nodes[at].done && self.is_free(at) {
                    ready.insert(at);
                }
            }
        }
    }

    fn is_free(&self, at: usize) -> bool {
        self.nodes[at].waits.iter().all(|w| self.nodes[w.on].done)
    }

    fn emit(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.done = true;
        let operation =
            Operation { table: node.table, key: node.key.clone(), act: node.act.clone(), deferred: self.deferred.contains(&at) };
        self.out.push(operation);
    }

    /// Changes of which each waits for the next, and the last for the first, with the waits.
    fn cycle(&self, first: usize) -> Vec<(usize, Wait)> {
        let mut path: Vec<(usize, Wait)> = Vec::new();
        let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
        let mut at = first;
        loop {
            if let Some(start) = seen.get(&at) {
                return path.split_off(*start);
            }
            let Some(wait) = self.nodes[at].waits.iter().find(|w| !self.nodes[w.on].done).cloned() else { return path };
            seen.insert(at, path.len());
            let next = wait.on;
            path.push((at, wait));
            at = next;
        }
    }

    /// Splits one change of a cycle so that it is none any more.
    fn open(&mut self, cycle: &[(usize, Wait)]) -> bool {
        cycle.iter().any(|(at, wait)| self.postpone(*at, &wait.group))
            || cycle.iter().any(|(_, wait)| wait.away && self.detach(wait.on, &wait.theirs))
    }

    /// Makes the change at once but for some columns, which become NULL where they may and stay as they are where they may not, and follow
    /// in an update of their own.
    fn postpone(&mut self, at: usize, group: &[usize]) -> bool {
        let node = &self.nodes[at];
        let shape = &self.shapes.tables[node.table];
        let (cells, insert) = match &node.act {
            Act::Insert { cells } => (cells.clone(), true),
            Act::Update { cells } => (cells.clone(), false),
            Act::Delete => return false,
        };
        let nulls: Vec<usize> = group.iter().copied().filter(|c| cells.contains_key(c) && shape.columns[*c].nullable).collect();
        let later: Vec<usize> =
            if nulls.is_empty() { group.iter().copied().filter(|c| cells.contains_key(c)).collect() } else { nulls.clone() };
        let rest = cells.keys().any(|c| !later.contains(c));
        let again = nulls.iter().all(|c| cells[c].is_null());
        // A change that is nothing but the columns, and cannot be made NULL first, gains nothing; one that was split already neither.
        if later.is_empty() || (nulls.is_empty() && (insert || !rest)) || (!nulls.is_empty() && (again || self.is_split(at))) {
            return false;
        }
        let mut now = cells.clone();
        for column in &later {
            match nulls.is_empty() {
                true => drop(now.remove(column)),
                false => drop(now.insert(*column, Cell::NULL)),
            }
        }
        let then: BTreeMap<usize, Cell> = later.iter().map(|c| (*c, cells[c].clone())).collect();
        let new = self.nodes.len();
        let reason = |w: &Wait| !w.group.is_empty() && w.group.iter().any(|c| later.contains(c));
        let (mut moved, kept): (Vec<Wait>, Vec<Wait>) = std::mem::take(&mut self.nodes[at].waits).into_iter().partition(reason);
        moved.push(Wait { on: at, group: Vec::new(), theirs: Vec::new(), away: false });
        let node = &mut self.nodes[at];
        node.act = if insert { Act::Insert { cells: now } } else { Act::Update { cells: now } };
        node.waits = kept;
        let (table, key) = (node.table, node.key.clone());
        self.nodes.push(Node { table, key, act: Act::Update { cells: then }, waits: moved, done: false });
        // Who waits for these columns' new values waits for the second part; who waits for the old ones to go, for the first if it is NULL.
        for other in self.nodes.iter_mut().take(new).filter(|n| !n.done) {
            for wait in other.waits.iter_mut().filter(|w| w.on == at && w.theirs.iter().any(|c| later.contains(c))) {
                if !wait.away || nulls.is_empty() {
                    wait.on = new;
                }
            }
        }
        true
    }

    /// Whether the change is the second part of one that was split.
    fn is_split(&self, at: usize) -> bool {
        self.index.get(&(self.nodes[at].table, self.nodes[at].key.clone())) != Some(&at)
    }

    /// Makes columns of a row that is going to be deleted NULL first, so that what they refer to can go before it. False where they may not be.
    fn detach(&mut self, at: usize, columns: &[usize]) -> bool {
        let node = &self.nodes[at];
        let shape = &self.shapes.tables[node.table];
        let nulls: BTreeMap<usize, Cell> = columns.iter().filter(|c| shape.columns[**c].nullable).map(|c| (*c, Cell::NULL)).collect();
        if node.act != Act::Delete || nulls.is_empty() {
            return false;
        }
        let new = self.nodes.len();
        let (table, key) = (node.table, node.key.clone());
        self.nodes.push(Node { table, key, act: Act::Update { cells: nulls.clone() }, waits: Vec::new(), done: false });
        for other in self.nodes.iter_mut().take(new).filter(|n| !n.done) {
            for w in other.waits.iter_mut().filter(|w| w.on == at && w.away && w.theirs.iter().any(|c| nulls.contains_key(c))) {
                w.on = new;
            }
        }
        // The first part comes before the second.
        self.nodes[at].waits.push(Wait { on: new, group: Vec::new(), theirs: Vec::new(), away: false });
        true
    }
}
