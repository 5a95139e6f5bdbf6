//! The beginning of a module's text: `CREATE [OR ALTER] VIEW [schema.]name`. Renaming an object leaves its old name in the text, so that the
//! words are written anew from the catalog, the same on both sides; what stands before and behind stays byte for byte.

use super::super::sql::{ident, qualified};

/// Walks over a text's first words.
struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    /// Leaves blanks and comments behind; comments of T-SQL nest.
    fn skip(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let blank = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
            self.at += blank;
            let rest = &self.text[self.at..];
            if rest.starts_with("--") {
                self.at += rest.find('\n').map_or(rest.len(), |n| n + 1);
            } else if rest.starts_with("/*") {
                let (bytes, mut depth, mut i) = (rest.as_bytes(), 0usize, 0);
                while i < bytes.len() {
                    match bytes.get(i..i + 2) {
                        Some(b"/*") => (depth, i) = (depth + 1, i + 2),
                        Some(b"*/") => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 {
                        break;
                    }
                }
                self.at += i;
            } else {
                return;
            }
        }
    }

    /// The next plain word.
    fn word(&mut self) -> &'a str {
        self.skip();
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$'))).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Whether the next word is this one; it is left behind if so.
    fn is(&mut self, word: &str) -> bool {
        let before = self.at;
        let found = self.word().eq_ignore_ascii_case(word);
        if !found {
            self.at = before;
        }
        found
    }

    /// A name with all its parts is left behind; `false` when there is none.
    fn name(&mut self) -> bool {
        loop {
            self.skip();
            let rest = &self.text[self.at..];
            let end = match rest.chars().next() {
                Some('[') => quoted(rest, ']'),
                Some('"') => quoted(rest, '"'),
                _ => {
                    let before = self.at;
                    let length = self.word().len();
                    self.at = before;
                    (length > 0).then_some(length)
                }
            };
            let Some(end) = end else { return false };
            self.at += end;
            let after = self.at;
            self.skip();
            if self.text[self.at..].starts_with('.') {
                // `db..name` leaves a part out.
                while self.text[self.at..].starts_with('.') {
                    self.at += 1;
                    self.skip();
                }
            } else {
                self.at = after;
                return true;
            }
        }
    }
}

/// Bytes of a quoted name, quotes included; the closing one is written twice within.
fn quoted(text: &str, close: char) -> Option<usize> {
    let mut from = 1;
    loop {
        let end = from + text.get(from..)?.find(close)?;
        if !text[end + 1..].starts_with(close) {
            return Some(end + 1);
        }
        from = end + 2;
    }
}

/// What a trigger stands on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On<'a> {
    /// Not a trigger.
    Nothing,
    /// A table or view: schema and name.
    Object(&'a str, &'a str),
    /// The database: a trigger without a schema.
    Database,
}

/// A module's text with its first words written anew; `None` when they are not what they should be.
pub(crate) fn rewritten(text: &str, schema: &str, name: &str, on: On<'_>) -> Option<String> {
    let mut words = Words { text, at: 0 };
    words.skip();
    let begin = words.at;
    if words.is("CREATE") {
        if words.is("OR") && !words.is("ALTER") {
            return None;
        }
    } else if !words.is("ALTER") {
        return None;
    }
    let kind = match words.word().to_uppercase().as_str() {
        "PROC" | "PROCEDURE" => "PROCEDURE",
        "VIEW" => "VIEW",
        "FUNCTION" => "FUNCTION",
        "TRIGGER" => "TRIGGER",
        _ => return None,
    };
    if !words.name() {
        return None;
    }
    let own = if matches!(on, On::Database) { ident(name) } else { qualified(schema, name) };
    let mut head = format!("CREATE {kind} {own}");
    if kind == "TRIGGER" {
        if !words.is("ON") {
            return None;
        }
        match on {
            On::Object(schema, table) => {
                if !words.name() {
                    return None;
                }
                head.push_str(&format!(" ON {}", qualified(schema, table)));
            }
            _ => head.push_str(" ON"),
        }
    }
    Some(format!("{}{head}{}", &text[..begin], &text[words.at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_say_what_the_object_is_called_now_and_the_rest_stays() {
        for (text, expected) in [
            ("create view old as\r\n select 1 -- old\n", "CREATE VIEW [dbo].[n] as\r\n select 1 -- old\n"),
            ("CREATE OR ALTER   VIEW [dbo] . [o]]ld]\n(a) AS select 1", "CREATE VIEW [dbo].[n]\n(a) AS select 1"),
            (
                "-- create view x\n/* a /* nested */ create */ alter proc \"dbo\".\"old\";1 @a int as select 2",
                "-- create view x\n/* a /* nested */ create */ CREATE PROCEDURE [dbo].[n];1 @a int as select 2",
            ),
            (
                "create /* which */ function old(@a int) returns int as begin return 1 end",
                "CREATE FUNCTION [dbo].[n](@a int) returns int as begin return 1 end",
            ),
            ("CREATE PROC #Öld$ AS select 1", "CREATE PROCEDURE [dbo].[n] AS select 1"),
        ] {
            assert_eq!(rewritten(text, "dbo", "n", On::Nothing).as_deref(), Some(expected));
        }
        // A name that closes a bracket is written as such.
        assert_eq!(rewritten("create view v as select 1", "a.b", "c]d", On::Nothing).unwrap(), "CREATE VIEW [a.b].[c]]d] as select 1");
    }

    #[test]
    fn triggers_name_their_table_as_it_is_called_now() {
        let text = "create trigger dbo.tr -- on x\n on [old table] after insert as print 'on'";
        assert_eq!(
            rewritten(text, "s", "tr", On::Object("s", "new")).unwrap(),
            "CREATE TRIGGER [s].[tr] ON [s].[new] after insert as print 'on'"
        );
        let text = "create trigger guard on database for drop_table as rollback";
        assert_eq!(rewritten(text, "", "guard", On::Database).unwrap(), "CREATE TRIGGER [guard] ON database for drop_table as rollback");
    }

    #[test]
    fn what_is_no_module_is_not_touched() {
        for text in ["", "select 1", "create table t (a int)", "create view", "create or view v as select 1", "create view [unclosed"] {
            assert_eq!(rewritten(text, "dbo", "n", On::Nothing), None, "{text}");
        }
    }
}
