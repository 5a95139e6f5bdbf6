//! What only the text of a CREATE statement tells: checks, collations, index expressions, AUTOINCREMENT, options of virtual tables.

use crate::sqlite::tokens::{Token, covered, inside, items, tokens};
use greenroom_model::catalog::{Check, IndexPart};

/// What a CREATE TABLE says beyond the PRAGMAs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TableText {
    /// Checks of columns and table, in order.
    pub checks: Vec<Check>,
    /// Collation by column, where one is written.
    pub collations: Vec<(String, String)>,
    /// `AUTOINCREMENT` is written.
    pub autoincrement: bool,
}

const TABLE_CONSTRAINTS: [&str; 5] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];

/// Reads a CREATE TABLE.
pub(super) fn table(sql: &str) -> TableText {
    let all = tokens(sql);
    let mut out = TableText::default();
    for item in items(&all, 1) {
        let first = item[0];
        let is_column = !TABLE_CONSTRAINTS.iter().any(|w| first.is(w));
        let mut name = String::new();
        for (i, t) in item.iter().enumerate().skip(usize::from(is_column)).filter(|(_, t)| t.depth == 1) {
            let next = item.get(i + 1);
            if t.is("CONSTRAINT") {
                name = next.and_then(Token::name).unwrap_or_default();
            } else if t.is("CHECK") && next.is_some_and(|n| n.sign("(")) {
                out.checks.push(Check { name: std::mem::take(&mut name), sql: inside(sql, item, i + 1).to_owned() });
            } else if is_column && t.is("COLLATE") {
                if let (Some(column), Some(collation)) = (first.name(), next.and_then(Token::name)) {
                    out.collations.push((column, collation));
                }
            } else if t.is("AUTOINCREMENT") {
                out.autoincrement = true;
            }
        }
    }
    out
}

/// Key parts of a CREATE INDEX as texts without `COLLATE`, `ASC` and `DESC`, and its WHERE.
pub(super) fn index(sql: &str) -> (Vec<String>, Option<String>) {
    let all = tokens(sql);
    let parts = items(&all, 1)
        .into_iter()
        .map(|item| {
            let mut end = item.len();
            loop {
                if end > 1 && (item[end - 1].is("ASC") || item[end - 1].is("DESC")) {
                    end -= 1;
                } else if end > 2 && item[end - 2].is("COLLATE") {
                    end -= 2;
                } else {
                    return covered(sql, &item[..end]).to_owned();
                }
            }
        })
        .collect();
    let predicate =
        all.iter().position(|t| t.depth == 0 && t.is("WHERE")).map(|i| covered(sql, &all[i + 1..]).trim_end_matches(';').trim().to_owned());
    (parts, predicate)
}

/// An expression as an index part, with the columns it reads: every name in it that is one.
pub(super) fn expression(sql: &str, columns: &[&str]) -> IndexPart {
    let mut read: Vec<String> = Vec::new();
    for name in tokens(sql).iter().filter_map(Token::name) {
        if let Some(c) = columns.iter().find(|c| c.eq_ignore_ascii_case(&name))
            && !read.iter().any(|r| r == c)
        {
            read.push((*c).to_owned());
        }
    }
    IndexPart::Expression { sql: sql.to_owned(), columns: read }
}

/// Module and arguments (as written) of a CREATE VIRTUAL TABLE.
pub(super) fn module(sql: &str) -> (String, Vec<String>) {
    let all = tokens(sql);
    let name = all.iter().position(|t| t.is("USING")).and_then(|i| all.get(i + 1)).and_then(Token::name).unwrap_or_default();
    (name, items(&all, 1).into_iter().map(|i| covered(sql, i).to_owned()).collect())
}

/// The value of an FTS5 option such as `content='…'`; `Some("")` where it is written empty.
pub(super) fn fts5_option(arguments: &[String], option: &str) -> Option<String> {
    arguments.iter().find_map(|a| match tokens(a).as_slice() {
        [name, equals, rest @ ..] if name.is(option) && equals.sign("=") => {
            Some(rest.first().and_then(|t| t.name().or_else(|| Some(t.text.to_owned()))).unwrap_or_default())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_and_collations_are_found_where_they_stand() {
        let t = table(
            "CREATE TABLE \"a,b\" (id INTEGER PRIMARY KEY AUTOINCREMENT, \"check\" TEXT COLLATE \"nocase\" CONSTRAINT k CHECK (length(\"check\") < 3), \
             x DEFAULT (1 COLLATE rtrim), CHECK (x IN (1,2)), CONSTRAINT \"n m\" CHECK(x <> ')'))",
        );
        assert!(t.autoincrement);
        assert_eq!(t.collations, [("check".to_owned(), "nocase".to_owned())]);
        let checks: Vec<_> = t.checks.iter().map(|c| (c.name.as_str(), c.sql.as_str())).collect();
        assert_eq!(checks, [("k", "length(\"check\") < 3"), ("", "x IN (1,2)"), ("n m", "x <> ')'")]);
    }

    #[test]
    fn index_parts_lose_order_and_collation_but_keep_expressions() {
        let (parts, predicate) =
            index("CREATE UNIQUE INDEX i ON t(lower(mail) COLLATE nocase DESC, \"a b\" ASC, a||',') WHERE a IS NOT NULL -- end");
        assert_eq!(parts, ["lower(mail)", "\"a b\"", "a||','"]);
        assert_eq!(predicate.as_deref(), Some("a IS NOT NULL"));
        assert_eq!(
            expression("lower(MAIL) || [a b]", &["mail", "a b", "lo"]),
            IndexPart::Expression { sql: "lower(MAIL) || [a b]".into(), columns: vec!["mail".into(), "a b".into()] }
        );
    }

    #[test]
    fn options_of_a_full_text_table_are_read() {
        let (name, args) =
            module("CREATE VIRTUAL TABLE f USING fts5(a, b UNINDEXED, content = 'my docs', tokenize=\"porter 'x'\", content_rowid=id)");
        assert_eq!(name, "fts5");
        assert_eq!(fts5_option(&args, "content").as_deref(), Some("my docs"));
        assert_eq!(fts5_option(&args, "content_rowid").as_deref(), Some("id"));
        assert_eq!(fts5_option(&module("CREATE VIRTUAL TABLE f USING fts5(a, content='')").1, "content").as_deref(), Some(""));
        assert_eq!(fts5_option(&args, "rank"), None);
    }
}
