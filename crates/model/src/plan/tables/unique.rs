//! The proof that no unique index can be violated by what happens to fields. Refuses what it cannot prove. Does not own foreign keys.
//!
//! Two rows that the source's index allows differ in some part of some unique key, or are not covered by it (a NULL, a condition). They
//! stay apart on the copy if every part of that key *separates*: different values of two rows stay different, whatever rules apply to the
//! two, and NULL stays NULL. The key need not be the index's own: any whole unique key among its columns will do. A column whose output
//! follows from a unique identity keeps rows apart by itself.

use super::expression::{Shape, shape};
use super::keys::{names_loose_collation, never_null, nulls_count, parenthesised, split_at_and, unique_keys};
use super::lex::{Token, lex, mentions};
use super::{Built, placed};
use crate::catalog::{Catalog, EngineKind, Family, Generation, Index, IndexPart};
use crate::finding::Finding;
use crate::mask::{MaskTraits, Uniqueness};
use crate::plan::FieldAction;
use std::collections::BTreeSet;

/// How an index compares a part, beyond equality of values.
#[derive(Clone, Copy, Debug, Default)]
struct Comparison {
    /// Some different values count as equal (case, a nondeterministic collation).
    folds_case: bool,
    /// Ends of the value do not count.
    trims: bool,
    /// NULL is a value like any other.
    null_counts: bool,
    /// NULL counts as some literal, which a value may equal.
    fills_null: bool,
}

/// Checks every unique index of a table, and exclusion constraints as far as they are seen.
pub(super) fn check(catalog: &Catalog, b: &Built<'_>, findings: &mut Vec<Finding>) {
    let view = View { catalog, b, keys: unique_keys(b.table) };
    for index in &view.keys {
        let Err((column, why)) = view.prove(index) else { continue };
        let message = format!("unique index `{}` of `{}` may be violated: {why}", index.name, b.table.name.short(catalog.engine));
        let hint = "use a mask that keeps values distinct (`permute`, `token`, `uuid`, `email`), set `identity` to a unique column, or keep the column";
        let place = column.as_deref().and_then(|c| b.place_of(c));
        findings.push(placed(Finding::error("GR0350", message), place).hint(hint));
    }
    for index in b.table.indexes.iter().filter(|i| !i.unique && i.definition.to_lowercase().contains("exclude")) {
        let changed: Vec<&str> = b.table.columns.iter().map(|c| c.name.as_str()).filter(|c| view.changes(c)).collect();
        let read = |c: &&&str| {
            index.parts.iter().any(|p| match p {
                IndexPart::Column(name) => name == **c,
                IndexPart::Expression { sql, .. } => mentions(catalog.engine, sql, b.table).contains(*c),
            })
        };
        if let Some(column) = changed.iter().find(read) {
            let message = format!("exclusion constraint `{}` reads `{}`, which changes", index.name, b.named(catalog, column));
            let hint = "keep the column, or take the constraint off before the pilot is made";
            findings.push(placed(Finding::error("GR0356", message), b.place_of(column)).hint(hint));
        }
    }
}

/// What happens to one field of some rows.
enum Case<'b> {
    Keep,
    Null,
    Constant,
    Mask { action: &'b FieldAction, traits: Option<&'b MaskTraits>, identity: Option<usize> },
}

/// Why something is not proved, and about which column.
type Refusal = (Option<String>, String);

struct View<'b, 'c> {
    catalog: &'b Catalog,
    b: &'b Built<'c>,
    keys: Vec<Index>,
}

impl<'b> View<'b, '_> {
    /// What can happen to a column in different rows; what stands behind a rule without condition cannot.
    fn cases(&self, column: &str) -> Vec<Case<'b>> {
        let Some(at) = self.b.index(column) else { return vec![Case::Keep] };
        let mut out = Vec::new();
        for (rule, traits) in self.b.copy.columns[at].rules.iter().zip(&self.b.traits[at]) {
            out.push(match &rule.action {
                FieldAction::Keep => Case::Keep,
                FieldAction::Null => Case::Null,
                FieldAction::Constant(_) => Case::Constant,
                action @ FieldAction::Mask { identity, .. } => Case::Mask { action, traits: traits.as_ref(), identity: *identity },
            });
            if rule.when.is_none() {
                return out;
            }
        }
        out.push(Case::Keep);
        out
    }

    /// Whether some row's value may differ from the source's; computed columns change with what they read.
    fn changes(&self, column: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut todo = vec![column];
        while let Some(name) = todo.pop() {
            if !seen.insert(name) {
                continue;
            }
            match self.b.table.column(name) {
                Some(c) if c.generated == Some(Generation::Computed) => match &c.default {
                    Some(sql) => todo.extend(mentions(self.catalog.engine, sql, self.b.table)),
                    None if self.b.copy.changes_fields() => return true,
                    None => {}
                },
                _ if self.cases(name).iter().any(|c| !matches!(c, Case::Keep)) => return true,
                _ => {}
            }
        }
        false
    }

    fn prove(&self, index: &Index) -> Result<(), Refusal> {
        let engine = self.catalog.engine;
        let read = |sql: &str| mentions(engine, sql, self.b.table).into_iter().any(|c| self.changes(c));
        let part_changes = |p: &IndexPart| match p {
            IndexPart::Column(c) => self.changes(c),
            IndexPart::Expression { sql, columns } => columns.iter().any(|c| self.changes(c)) || read(sql),
        };
        let predicate = index.predicate.as_deref().is_none_or(|p| self.predicate_holds(p));
        if !index.parts.iter().any(part_changes) && index.predicate.as_deref().is_none_or(|p| !read(p)) {
            return Ok(());
        }
        // By the index itself.
        let own = if predicate {
            index.parts.iter().try_for_each(|p| if part_changes(p) { self.part_separates(index, p) } else { Ok(()) })
        } else {
            let sql = index.predicate.as_deref().unwrap_or("");
            let column = mentions(engine, sql, self.b.table).into_iter().find(|c| self.changes(c)).map(str::to_owned);
            let named = column.as_deref().map(|c| self.b.named(self.catalog, c)).unwrap_or_default();
            Err((column, format!("its condition reads `{named}`, which changes, so that other rows may come under it")))
        };
        let Err(refusal) = own else { return Ok(()) };
        // By one column that tells all rows apart, or by another key among the index's columns.
        let apart = index.parts.iter().any(|p| self.part_tells_rows_apart(index, p));
        if apart || self.keys.iter().any(|k| self.implied_by(index, k, predicate)) { Ok(()) } else { Err(refusal) }
    }

    /// How the index compares one of its parts; the shape is that of the expression, if it is one that is understood.
    fn comparison(&self, index: &Index, column: &str, shape: Option<&Shape>) -> Comparison {
        let described = self.b.table.column(column);
        // SQL Server ignores blanks at the end of strings, and case unless a collation says otherwise.
        let mssql_text =
            self.catalog.engine == EngineKind::Mssql && described.is_none_or(|c| matches!(c.family, Family::Text | Family::Other));
        let loose = described.is_some_and(|c| c.collation.as_ref().map_or(mssql_text, |(_, loose)| *loose))
            || described.is_some_and(|c| c.native_type.to_lowercase().contains("citext"));
        Comparison {
            folds_case: loose || names_loose_collation(self.catalog.engine, &index.definition) || shape.is_some_and(|s| s.folds_case),
            trims: mssql_text || shape.is_some_and(|s| s.trims),
            null_counts: nulls_count(self.catalog.engine, index, column) || shape.is_some_and(|s| s.fills_null),
            fills_null: shape.is_some_and(|s| s.fills_null),
        }
    }

    /// The one column a part reads and how, through computed columns.
    fn shape_of(&self, part: &IndexPart) -> Option<Shape> {
        let plain = |c: &String| Shape { column: c.clone(), folds_case: false, trims: false, makes_null: false, fills_null: false };
        match part {
            IndexPart::Column(c) => {
                let described = self.b.table.column(c)?;
                if described.generated != Some(Generation::Computed) {
                    return Some(plain(c));
                }
                let inner = shape(self.catalog.engine, described.default.as_deref()?, self.b.table)?;
                // A computed column over a computed column is possible in SQLite; nobody needs a proof about one.
                let base = self.b.table.column(&inner.column)?;
                (base.generated != Some(Generation::Computed)).then_some(inner)
            }
            IndexPart::Expression { sql, .. } => {
                let inner = shape(self.catalog.engine, sql, self.b.table)?;
                let base = self.b.table.column(&inner.column)?;
                (base.generated != Some(Generation::Computed)).then_some(inner)
            }
        }
    }

    fn part_separates(&self, index: &Index, part: &IndexPart) -> Result<(), Refusal> {
        let Some(shape) = self.shape_of(part) else {
            let (what, column) = match part {
                IndexPart::Column(c) => (format!("computed column `{c}`"), None),
                IndexPart::Expression { sql, columns } => {
                    (format!("expression `{sql}`"), columns.iter().find(|c| self.changes(c)).cloned())
                }
            };
            return Err((column, format!("the {what} reads a column that changes, and nothing can be proved about it")));
        };
        if shape.makes_null {
            // Rows that the source's index did not cover because of the value may be covered on the copy.
            let named = self.b.named(self.catalog, &shape.column);
            return Err((Some(shape.column), format!("`nullif` over `{named}` may cover other rows than on the source")));
        }
        let comparison = self.comparison(index, &shape.column, Some(&shape));
        self.separates(&shape.column, comparison).map_err(|why| (Some(shape.column), why))
    }

    /// Different values of two rows stay different, and NULL stays NULL.
    fn separates(&self, column: &str, by: Comparison) -> Result<(), String> {
        let named = self.b.named(self.catalog, column);
        let cases = self.cases(column);
        let mut permutations: Vec<&FieldAction> = Vec::new();
        let mut keeps = false;
        for case in &cases {
            match case {
                Case::Keep => keeps = true,
                Case::Null if by.null_counts => return Err(format!("`{named}` becomes NULL, and the index lets NULL stand once only")),
                Case::Null => {}
                Case::Constant => return Err(format!("`{named}` becomes the same value in several rows")),
                Case::Mask { action, traits, identity } => {
                    let mask = mask_name(action);
                    let traits = traits.ok_or_else(|| format!("mask `{mask}` on `{named}` cannot be made"))?;
                    if traits.may_null && by.null_counts {
                        return Err(format!("mask `{mask}` may make `{named}` NULL, and the index lets NULL stand once only"));
                    }
                    match self.effective(traits, *identity) {
                        Uniqueness::Lossy if traits.uniqueness == Uniqueness::Lossy => {
                            return Err(format!("mask `{mask}` may give different values of `{named}` the same replacement"));
                        }
                        Uniqueness::Lossy => {
                            return Err(format!("mask `{mask}` on `{named}` follows from its identity, and several rows may share one"));
                        }
                        Uniqueness::Distinct if by.folds_case && !traits.case_proof => {
                            return Err(format!(
                                "replacements of `{named}` by mask `{mask}` may differ in case only, which the index ignores"
                            ));
                        }
                        Uniqueness::Distinct => {}
                        Uniqueness::Permutation if by.fills_null || ((by.folds_case || by.trims) && self.is_text(column)) => {
                            return Err(format!("the index ignores differences of `{named}` that mask `{mask}` relies on"));
                        }
                        Uniqueness::Permutation => permutations.push(action),
                    }
                }
            }
        }
        if identities_cross(&cases) {
            return Err(format!("rows of `{named}` follow from different identities in one domain, which may give equal replacements"));
        }
        if let [first, rest @ ..] = permutations.as_slice() {
            let mask = mask_name(first);
            if keeps {
                return Err(format!("mask `{mask}` on `{named}` may hit values that are kept in other rows"));
            }
            if rest.iter().any(|other| !same_function(first, other)) {
                return Err(format!("two different masks on `{named}` may give the same replacement in different rows"));
            }
        }
        Ok(())
    }

    /// What a mask's promise is worth here: outputs that follow from a shared identity are not distinct.
    fn effective(&self, traits: &MaskTraits, identity: Option<usize>) -> Uniqueness {
        match identity {
            Some(at) if traits.by_identity && (traits.uniqueness != Uniqueness::Distinct || !self.is_unique(at)) => Uniqueness::Lossy,
            _ => traits.uniqueness,
        }
    }

    fn is_text(&self, column: &str) -> bool {
        self.b.table.column(column).is_none_or(|c| !matches!(c.family, Family::Integer | Family::Decimal | Family::Date | Family::Uuid))
    }

    /// Whether a column of the copy never holds the same identity twice.
    fn is_unique(&self, at: usize) -> bool {
        let name = &self.b.copy.columns[at].name;
        let Some(column) = self.b.table.column(name) else { return false };
        let whole = |k: &&Index| k.predicate.is_none() && matches!(k.parts.as_slice(), [IndexPart::Column(c)] if c == name);
        // Identities are compared by their text, which tells values of these families apart.
        let told_apart = !matches!(column.family, Family::Any | Family::Other | Family::Float | Family::TextArray | Family::Json);
        told_apart && never_null(self.catalog.engine, self.b.table, name) && self.keys.iter().any(|k| whole(&k))
    }

    /// Whether the part differs between any two rows in which it is not NULL.
    fn part_tells_rows_apart(&self, index: &Index, part: &IndexPart) -> bool {
        let Some(shape) = self.shape_of(part) else { return false };
        let by = self.comparison(index, &shape.column, Some(&shape));
        if by.null_counts && !never_null(self.catalog.engine, self.b.table, &shape.column) {
            return false;
        }
        let cases = self.cases(&shape.column);
        !identities_cross(&cases)
            && cases.iter().all(|case| match case {
                Case::Null => !by.null_counts,
                Case::Keep | Case::Constant => false,
                Case::Mask { traits: Some(traits), identity: Some(at), .. } => {
                    let null = traits.may_null && by.null_counts;
                    let distinct = traits.by_identity && traits.uniqueness == Uniqueness::Distinct && !null;
                    distinct && self.is_unique(*at) && (traits.case_proof || !by.folds_case)
                }
                Case::Mask { .. } => false,
            })
    }

    /// Whether `key`, another unique key whose columns all stand plainly in the index, keeps the index's rows apart.
    fn implied_by(&self, index: &Index, key: &Index, index_predicate_holds: bool) -> bool {
        let whole = key.predicate.is_none() || (key.predicate == index.predicate && index_predicate_holds);
        whole
            && key.parts.iter().all(|part| {
                let IndexPart::Column(column) = part else { return false };
                let stored = self.b.table.column(column).is_some_and(|c| c.generated != Some(Generation::Computed));
                let standing = index.parts.iter().any(|p| matches!(p, IndexPart::Column(c) if c == column));
                let by = self.comparison(index, column, None);
                let same_folding = !by.folds_case || self.comparison(key, column, None).folds_case;
                let null_is_safe = !by.null_counts || never_null(self.catalog.engine, self.b.table, column);
                stored && standing && same_folding && null_is_safe && self.separates(column, by).is_ok()
            })
    }

    /// Whether no row comes under a partial index's condition that was not under it on the source.
    fn predicate_holds(&self, sql: &str) -> bool {
        let Ok(tokens) = lex(self.catalog.engine, sql) else { return false };
        self.conjunction_holds(&tokens)
    }

    fn conjunction_holds(&self, tokens: &[Token]) -> bool {
        let changed = |t: &Token| self.b.table.columns.iter().any(|c| t.names(&c.name) && self.changes(&c.name));
        if !tokens.iter().any(changed) {
            return true;
        }
        if let Some(inside) = parenthesised(tokens) {
            return self.conjunction_holds(inside);
        }
        if let Some(terms) = split_at_and(tokens) {
            return terms.iter().all(|t| self.conjunction_holds(t));
        }
        let [name, is, not, null] = tokens else { return false };
        if !(is.is("is") && not.is("not") && null.is("null")) {
            return false;
        }
        let mut columns = self.b.table.columns.iter().filter(|c| name.names(&c.name));
        columns.all(|c| c.generated != Some(Generation::Computed) && self.cases(&c.name).iter().all(stays_null))
    }
}

/// Whether two rules of one column share a domain but read different identities: person 7 and account 7 would get the same replacement.
fn identities_cross(cases: &[Case<'_>]) -> bool {
    let read = cases.iter().filter_map(|case| match case {
        Case::Mask { action: FieldAction::Mask { domain, .. }, traits: Some(traits), identity } => {
            Some((domain, identity.filter(|_| traits.by_identity)))
        }
        _ => None,
    });
    let read: Vec<_> = read.collect();
    read.iter().any(|(domain, identity)| read.iter().any(|(d, i)| d == domain && i != identity))
}

/// Whether NULL stays NULL. A lossy mask (such as a constant) may fill it.
fn stays_null(case: &Case<'_>) -> bool {
    match case {
        Case::Keep | Case::Null => true,
        Case::Constant => false,
        Case::Mask { traits, .. } => traits.is_some_and(|t| t.uniqueness != Uniqueness::Lossy),
    }
}

fn mask_name(action: &FieldAction) -> &str {
    match action {
        FieldAction::Mask { rule, .. } => &rule.name,
        _ => "",
    }
}

/// Whether two masks without identity replace equal values equally.
fn same_function(a: &FieldAction, b: &FieldAction) -> bool {
    match (a, b) {
        (FieldAction::Mask { rule, domain, .. }, FieldAction::Mask { rule: r, domain: d, .. }) => rule == r && domain == d,
        _ => false,
    }
}
