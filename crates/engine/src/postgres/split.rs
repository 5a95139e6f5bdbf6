//! Cuts what pg_restore prints into statements, as psql would. Owns only the lexical rules that pg_dump's output needs; vendors' scripts
//! are split by `model::upgrade`.

/// Splits SQL text into statements without terminators and leading comments; psql's own `\`-lines are dropped.
pub(crate) fn statements(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = skip_noise(rest);
        if rest.is_empty() {
            return found;
        }
        let end = end_of_statement(rest);
        let statement = rest[..end].trim_end();
        if !statement.is_empty() {
            found.push(statement.to_owned());
        }
        rest = rest[end..].strip_prefix(';').unwrap_or(&rest[end..]);
    }
}

/// Skips blanks, comments and `\restrict` lines in front of a statement.
fn skip_noise(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        if text.starts_with("--") || text.starts_with('\\') {
            text = text.find('\n').map_or("", |i| &text[i..]);
        } else if text.starts_with("/*") {
            text = &text[comment_end(text)..];
        } else {
            return text;
        }
    }
}

/// End of a block comment that `text` begins with; they nest.
fn comment_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut i) = (0, 0);
    while i < bytes.len() {
        match bytes.get(i..i + 2) {
            Some(b"/*") => {
                depth += 1;
                i += 2;
            }
            Some(b"*/") => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    bytes.len()
}

/// End of the quoted text that begins at `i`.
fn quote_end(bytes: &[u8], mut i: usize, escapes: bool) -> usize {
    let quote = bytes[i];
    i += 1;
    while i < bytes.len() {
        if bytes[i] == b'\\' && escapes {
            i += 2;
        } else if bytes[i] == quote {
            if bytes.get(i + 1) != Some(&quote) {
                return i + 1;
            }
            i += 2;
        } else {
            i += 1;
        }
    }
    bytes.len()
}

/// The dollar quote's tag at `i`, dollars included.
fn dollar_tag(text: &str, i: usize) -> Option<&str> {
    let close = text[i + 1..].find('$')? + i + 1;
    let name = &text[i + 1..close];
    let word = |c: char| c.is_alphanumeric() || c == '_';
    (name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())).then(|| &text[i..=close])
}

/// Byte offset of the terminating semicolon, or the end.
fn end_of_statement(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut i, mut parens, mut blocks) = (0usize, 0i32, 0i32);
    let mut words: Vec<String> = Vec::new();
    while i < bytes.len() {
        match bytes[i] {
            b';' if parens <= 0 && blocks <= 0 => return i,
            b'\'' => i = quote_end(bytes, i, i > 0 && matches!(bytes[i - 1], b'e' | b'E')),
            b'"' => i = quote_end(bytes, i, false),
            b'-' if bytes.get(i + 1) == Some(&b'-') => i += text[i..].find('\n').unwrap_or(bytes.len() - i),
            b'/' if bytes.get(i + 1) == Some(&b'*') => i += comment_end(&text[i..]),
            b'$' => match dollar_tag(text, i) {
                Some(tag) => {
                    let body = i + tag.len();
                    i = text[body..].find(tag).map_or(bytes.len(), |end| body + end + tag.len());
                }
                None => i += 1,
            },
            b'(' => {
                parens += 1;
                i += 1;
            }
            b')' => {
                parens -= 1;
                i += 1;
            }
            c if c.is_ascii_alphabetic() || c == b'_' || c >= 0x80 => {
                let end = text[i..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).map_or(bytes.len(), |n| i + n);
                let word = text[i..end].to_ascii_lowercase();
                // Bodies in SQL's own syntax, `BEGIN ATOMIC … END`, hold semicolons; CASE ends with END too.
                let routine =
                    words.first().is_some_and(|w| w == "create") && words.iter().take(5).any(|w| w == "function" || w == "procedure");
                match word.as_str() {
                    "begin" if routine => blocks += 1,
                    "case" if blocks > 0 => blocks += 1,
                    "end" if blocks > 0 => blocks -= 1,
                    _ => {}
                }
                if words.len() < 8 {
                    words.push(word);
                }
                // A word such as E'…' is followed by its quote, which the next round sees.
                i = end;
            }
            _ => i += 1,
        }
    }
    bytes.len()
}

/// What a statement is about, for messages: names only, nothing that might be a literal.
pub(crate) fn label(statement: &str) -> String {
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line.find(['(', '\'', '$']).unwrap_or(line.len());
    let mut label: String = line[..end].trim_end().to_owned();
    for stop in [" IS", " DEFAULT", " AS"] {
        if let Some(at) = label.find(&format!("{stop} ")).or_else(|| label.ends_with(stop).then(|| label.len() - stop.len())) {
            label.truncate(at);
        }
    }
    if label.chars().count() > 120 {
        label = label.chars().take(119).chain(['…']).collect();
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_inside_quotes_bodies_and_rules_do_not_cut() {
        let text = "--\n-- Name: f; Type: FUNCTION\n--\n\nSET x = 'a;b';\n\\restrict abc\n\
            CREATE FUNCTION f() RETURNS int LANGUAGE sql\n BEGIN ATOMIC\n SELECT CASE WHEN true THEN 1 ELSE 2 END;\n SELECT 2;\nEND;\n\
            CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $_$ begin perform 1; end; $_$;\n\
            CREATE RULE r AS ON INSERT TO t DO ( SELECT 1; SELECT 2; );\n\
            COMMENT ON TABLE t IS E'it\\'s; \"fine\"';\n/* a /* nested; */ one; */ CREATE TABLE \"od;d\" (a text DEFAULT ';');";
        let found = statements(text);
        assert_eq!(found.len(), 6, "{found:#?}");
        assert_eq!(found[0], "SET x = 'a;b'");
        assert!(found[1].ends_with("END"));
        assert!(found[2].ends_with("$_$"));
        assert!(found[3].ends_with(')'));
        assert!(found[5].starts_with("CREATE TABLE \"od;d\""));
    }

    #[test]
    fn labels_hold_names_and_no_literals() {
        assert_eq!(label("COMMENT ON TABLE public.t IS 'Ann'"), "COMMENT ON TABLE public.t");
        assert_eq!(
            label("ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c CHECK ((a > 1))"),
            "ALTER TABLE ONLY public.t ADD CONSTRAINT c CHECK"
        );
        assert_eq!(label("ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT 5"), "ALTER TABLE ONLY public.t ALTER COLUMN a SET");
    }
}
