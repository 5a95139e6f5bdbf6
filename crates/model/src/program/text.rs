//! Places in texts, words that look alike, and lines fit to be shown.

use super::structure::carries_password;

/// Line and column (both from 1, columns in characters) of a byte offset. Offsets past the end or inside a character count as the nearest
/// place before.
pub fn line_col(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..floor_boundary(text, offset)];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The line of an offset, for showing it with a finding. What stands right of the first `=` is left out where the line may hold a secret, so
/// that a password written in clear is not repeated on screens and in logs.
pub fn excerpt(text: &str, offset: usize) -> String {
    let at = floor_boundary(text, offset);
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let lower = line.to_lowercase();
    let spaceless: String = lower.chars().filter(|c| !c.is_whitespace()).collect();
    let named = ["pass", "pwd", "secret", "token"].iter().any(|w| lower.contains(w));
    let mask_key = ["key=", "\"key\"=", "'key'="].iter().any(|w| spaceless.starts_with(w) || spaceless.contains(&format!("{{{w}")));
    match line.split_once('=') {
        Some((left, _)) if named || mask_key || carries_password(line) => format!("{left}= …"),
        None if named || carries_password(line) => "…".to_owned(),
        _ => line.to_owned(),
    }
}

/// Whether a text is made of comments, so that nothing was meant to be said: the examples that a new program comes with.
pub(super) fn only_comments(text: &str, mark: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty()).peekable();
    lines.peek().is_some() && lines.all(|l| l.starts_with(mark))
}

/// The nearest character boundary at or before an offset.
pub(super) fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Edits (insert, remove, replace, swap neighbours) that lead from one word to the other, ignoring case: optimal string alignment,
/// <https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance>.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
            };
        }
    }
    rows[a.len()][b.len()]
}

/// The known word that was probably meant: at most one edit in three characters away.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Long words are no typing errors, and the comparison takes time in proportion to both lengths.
    if word.len() > 64 {
        return None;
    }
    known
        .into_iter()
        .map(|k| (distance(word, k), k))
        .filter(|(d, k)| *d <= k.chars().count().max(3) / 3)
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// Words in backticks, joined for a sentence: `` `a`, `b` or `c` ``.
pub(super) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| format!("`{w}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_and_column_count_characters_and_survive_bad_offsets() {
        let text = "a\nzażółć = 1\r\nlast";
        assert_eq!(line_col(text, 0), (1, 1));
        assert_eq!(line_col(text, 2), (2, 1));
        assert_eq!(line_col(text, text.find('=').unwrap()), (2, 8));
        assert_eq!(line_col(text, 5), (2, 3), "inside `ż`");
        assert_eq!(line_col(text, 10_000), (3, 5));
    }

    #[test]
    fn an_excerpt_shows_the_line_but_no_secret() {
        let text = "name = \"a\"\npassword = \"hunter2\"\nkey = \"hunter2\"\nhost = \"pg://a:hunter2@h\"\nmasks = { key = \"hunter2\" }\nwhen = \"t.key = 1\"";
        assert_eq!(excerpt(text, 3), "name = \"a\"");
        assert_eq!(excerpt(text, text.len()), "when = \"t.key = 1\"");
        for (at, _) in text.match_indices("hunter2") {
            assert!(excerpt(text, at).ends_with("= …"), "{}", excerpt(text, at));
        }
    }

    #[test]
    fn a_mistyped_word_finds_the_one_meant_and_a_foreign_word_none() {
        let words = ["first_name", "email", "phone"];
        assert_eq!(nearest("frist_name", words), Some("first_name"));
        assert_eq!(nearest("E-Mail", words), Some("email"));
        assert_eq!(nearest("colour", words), None);
        assert_eq!(one_of(words), "`first_name`, `email` or `phone`");
    }
}
