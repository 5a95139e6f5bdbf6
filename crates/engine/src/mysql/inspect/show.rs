//! Reading what `SHOW CREATE …` prints. Owns cutting such texts into their parts; does not ask the server.

/// A text of `SHOW CREATE TABLE`, cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Columns, keys and constraints in order, as printed, without the commas between.
    pub(crate) items: Vec<String>,
    /// What follows the closing parenthesis, without the AUTO_INCREMENT position.
    pub(crate) options: String,
    /// The AUTO_INCREMENT position.
    pub(crate) position: Option<String>,
}

/// Walks over a text, telling for each byte whether it stands outside of strings and quoted names, and how deep in parentheses.
pub(crate) fn walk(text: &str, mut f: impl FnMut(usize, u8, usize) -> bool) {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0usize);
    while at < bytes.len() {
        let b = bytes[at];
        match b {
            b'\'' | b'"' | b'`' => {
                at += 1;
                while at < bytes.len() {
                    if bytes[at] == b'\\' && b != b'`' {
                        at += 1;
                    } else if bytes[at] == b {
                        if bytes.get(at + 1) == Some(&b) {
                            at += 1;
                        } else {
                            break;
                        }
                    }
                    at += 1;
                }
            }
            _ => {
                if b == b')' {
                    depth = depth.saturating_sub(1);
                }
                if f(at, b, depth) {
                    return;
                }
                if b == b'(' {
                    depth += 1;
                }
            }
        }
        at += 1;
    }
}

/// Cuts a table's text.
pub(crate) fn table(text: &str) -> Option<Shown> {
    let (items, rest) = list(text)?;
    let mut options = rest.trim().to_owned();
    let mut position = None;
    let mut found = None;
    walk(&options, |at, b, depth| {
        if depth == 0 && b == b'A' && options[at..].starts_with("AUTO_INCREMENT=") {
            found = Some(at);
        }
        found.is_some()
    });
    if let Some(at) = found {
        let digits: String = options[at + 15..].chars().take_while(char::is_ascii_digit).collect();
        options.replace_range(at..(at + 15 + digits.len()), "");
        options = options.replacen("  ", " ", 1).trim().to_owned();
        position = Some(digits);
    }
    Some(Shown { items, options, position })
}

/// A quoted name at the beginning of a text, and what follows it.
pub(crate) fn name(text: &str) -> Option<(String, &str)> {
    quoted(text, '`')
}

/// As [`name`], by another sign.
fn quoted(text: &str, sign: char) -> Option<(String, &str)> {
    let rest = text.trim_start().strip_prefix(sign)?;
    let mut name = String::new();
    let mut at = 0;
    loop {
        let end = rest[at..].find(sign)? + at;
        name.push_str(&rest[at..end]);
        if rest[end + 1..].starts_with(sign) {
            name.push(sign);
            at = end + 2;
        } else {
            return Some((name, &rest[end + 1..]));
        }
    }
}

/// The parts of the first parenthesised list, and what follows it.
pub(crate) fn list(text: &str) -> Option<(Vec<String>, &str)> {
    let (mut open, mut close, mut cuts) = (None, None, Vec::new());
    walk(text, |at, b, depth| {
        match (b, depth) {
            (b'(', 0) if open.is_none() => open = Some(at),
            (b')', 0) => close = Some(at),
            (b',', 1) => cuts.push(at),
            _ => {}
        }
        close.is_some()
    });
    let (open, close) = (open?, close?);
    let mut parts = Vec::new();
    let mut from = open + 1;
    for to in cuts.into_iter().chain([close]) {
        parts.push(text[from..to].trim().to_owned());
        from = to + 1;
    }
    Some((parts, &text[close + 1..]))
}

/// A text without its first `DEFINER=…`, and that definer (`user@host`, or a role's name).
pub(crate) fn without_definer(text: &str) -> (String, Option<String>) {
    let mut found = None;
    walk(text, |at, b, _| {
        if b == b'D' && text[at..].starts_with("DEFINER=") {
            found = Some(at);
        }
        // The body begins somewhere behind; a definer stands among the first words.
        found.is_some() || at > 200
    });
    let Some(at) = found else { return (text.to_owned(), None) };
    let mut rest = &text[at + 8..];
    let mut definer = String::new();
    loop {
        // Under ANSI_QUOTES the server shows it in double quotes.
        let end = match name(rest).or_else(|| quoted(rest, '"')) {
            Some((part, after)) => {
                definer.push_str(&part);
                rest.len() - after.len()
            }
            None => {
                let end = rest.find(['@', ' ', '\n']).unwrap_or(rest.len());
                definer.push_str(rest[..end].trim_matches('\''));
                end
            }
        };
        rest = &rest[end..];
        match rest.strip_prefix('@') {
            Some(host) => {
                definer.push('@');
                rest = host;
            }
            None => break,
        }
    }
    (format!("{}{}", &text[..at], rest.trim_start()), Some(definer))
}

/// What quotes mean in a text, which depends on the mode it was written under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quoting {
    /// Double quotes hold names.
    names: bool,
    /// A backslash in a string escapes what follows.
    escapes: bool,
}

impl Default for Quoting {
    fn default() -> Quoting {
        Quoting { names: false, escapes: true }
    }
}

impl Quoting {
    /// Of an `sql_mode`.
    pub(crate) fn of(mode: Option<&str>) -> Quoting {
        let has = |word: &str| mode.unwrap_or_default().split(',').any(|m| m.eq_ignore_ascii_case(word));
        Quoting { names: has("ANSI_QUOTES"), escapes: !has("NO_BACKSLASH_ESCAPES") }
    }
}

/// A text without the database's own name in front of tables and routines, so that it means the same in a copy of another name. Names are
/// matched as identifiers only, quoted or not; strings and comments are left.
pub(crate) fn unqualified(text: &str, own: &str, quoting: Quoting) -> String {
    let quoted = format!("`{}`.", own.replace('`', "``"));
    let doubled = format!("\"{}\".", own.replace('"', "\"\""));
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut at, mut copied) = (0, 0);
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80;
    while at < bytes.len() {
        match bytes[at] {
            q @ (b'\'' | b'"' | b'`') => {
                let names = q == b'`' || (q == b'"' && quoting.names);
                let prefix = if q == b'`' { &quoted } else { &doubled };
                if names && text[at..].starts_with(prefix) && (at == 0 || bytes[at - 1] != b'.') {
                    out.push_str(&text[copied..at]);
                    at += prefix.len();
                    copied = at;
                    continue;
                }
                at += 1;
                while at < bytes.len() && bytes[at] != q {
                    at += if bytes[at] == b'\\' && !names && quoting.escapes { 2 } else { 1 };
                }
                at += 1;
            }
            b'#' => at += text[at..].find('\n').unwrap_or(text.len() - at),
            b'-' if text[at..].starts_with("-- ") => at += text[at..].find('\n').unwrap_or(text.len() - at),
            b'/' if text[at..].starts_with("/*") && !text[at..].starts_with("/*!") => {
                at += text[at..].find("*/").map_or(text.len() - at, |n| n + 2);
            }
            b if word(b) => {
                let end = bytes[at..].iter().position(|b| !word(*b)).map_or(bytes.len(), |n| at + n);
                let before = at == 0 || !matches!(bytes[at - 1], b'.' | b'@');
                if before && text[at..end].eq_ignore_ascii_case(own) && bytes.get(end) == Some(&b'.') {
                    out.push_str(&text[copied..at]);
                    copied = end + 1;
                }
                at = end;
            }
            _ => at += 1,
        }
        at = at.min(bytes.len());
    }
    out.push_str(&text[copied..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_cut_into_its_items() {
        let shown = table(
            "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `a,b` enum('x,)','y''z') DEFAULT 'x,)' COMMENT 'AUTO_INCREMENT=9',\n  \
             PRIMARY KEY (`id`),\n  KEY `k` (`a,b`(3),`id` DESC)\n) ENGINE=InnoDB AUTO_INCREMENT=42 DEFAULT CHARSET=utf8mb4",
        )
        .unwrap();
        assert_eq!(shown.items.len(), 4);
        assert_eq!(shown.position.as_deref(), Some("42"));
        assert_eq!(shown.options, "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
        assert_eq!(list(&shown.items[3]).unwrap().0, ["`a,b`(3)", "`id` DESC"]);
        assert_eq!(name("`a``b` int").unwrap(), ("a`b".to_owned(), " int"));
    }

    #[test]
    fn definers_and_the_databases_own_name_are_taken_out() {
        let (text, definer) = without_definer("CREATE ALGORITHM=UNDEFINED DEFINER=`ro``ot`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1");
        assert_eq!(
            (text.as_str(), definer.as_deref()),
            ("CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `v` AS select 1", Some("ro`ot@%"))
        );
        assert_eq!(
            without_definer("CREATE DEFINER=\"ro\"\"ot\"@\"%\" PACKAGE \"p\" as end"),
            ("CREATE PACKAGE \"p\" as end".to_owned(), Some("ro\"ot@%".to_owned()))
        );
        assert_eq!(without_definer("CREATE PROCEDURE `p`() select 'DEFINER=x'").1, None);
        let ansi = Quoting::of(Some("PIPES_AS_CONCAT,ANSI_QUOTES,NO_BACKSLASH_ESCAPES"));
        assert_eq!(unqualified("select '\\', \"shop\".\"t\", 'shop.t' from shop.t", "shop", ansi), "select '\\', \"t\", 'shop.t' from t");
        assert_eq!(
            unqualified(
                "select `shop`.`t`.`a`, SHOP.f(1), 'shop.t', x.shop.y, workshop.t from shop.t -- shop.z\n",
                "shop",
                Quoting::default()
            ),
            "select `t`.`a`, f(1), 'shop.t', x.shop.y, workshop.t from t -- shop.z\n"
        );
    }
}
