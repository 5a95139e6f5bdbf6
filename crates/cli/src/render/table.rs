//! Plain aligned columns of text.

use super::style::{DIM, paint};

/// How a column is aligned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under headings, columns as wide as their widest cell, two spaces between. Styles in cells take no width.
pub fn table(columns: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let width = |text: &str| anstream::adapter::strip_str(text).to_string().chars().count();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, (head, _))| rows.iter().filter_map(|r| r.get(i)).map(|c| width(c)).chain([width(head)]).max().unwrap_or(0))
        .collect();
    let line = |cells: &[String]| {
        let mut out = String::from("  ");
        for (i, cell) in cells.iter().enumerate() {
            let pad = " ".repeat(widths.get(i).copied().unwrap_or(0).saturating_sub(width(cell)));
            match columns.get(i).map(|c| c.1) {
                Some(Align::Right) => out.push_str(&format!("{pad}{cell}  ")),
                _ => out.push_str(&format!("{cell}{pad}  ")),
            }
        }
        out.trim_end().to_owned()
    };
    let head: Vec<String> = columns.iter().map(|c| c.0.to_owned()).collect();
    let mut out = String::new();
    if head.iter().any(|h| !h.is_empty()) {
        out.push_str(&format!("{}\n", paint(DIM, line(&head))));
    }
    for row in rows {
        out.push_str(&line(row));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![vec!["client".into(), "12".into()], vec!["ż".into(), "1,234".into()]];
        let text = table(&[("table", Align::Left), ("rows", Align::Right)], &rows);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(plain, "  table    rows\n  client     12\n  ż       1,234\n");
    }
}
