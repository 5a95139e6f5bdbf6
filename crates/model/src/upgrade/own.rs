//! `USE` with the name of the source's own database, as SQL Server's tools put it at the head of every script: it is left out, since the script
//! runs in a generation, whose name is another. Owns leaving it out; every other `USE` is refused (`reach`).

use super::reach::Sql;
use super::token::{Kind, name_of};
use super::{SplitError, Statement, split};
use crate::catalog::EngineKind;

/// Splits a script as [`split`] does, and leaves out every `USE` of `database`, the source's own, where the engine's scripts have such. Also
/// tells the lines where it was left out.
///
/// # Errors
/// As [`split`].
pub fn split_within(engine: EngineKind, text: &str, database: Option<&str>) -> Result<(Vec<Statement>, Vec<u32>), SplitError> {
    let statements = split(engine, text)?;
    let Some(database) = database.filter(|_| engine == EngineKind::Mssql) else { return Ok((statements, Vec::new())) };
    let mut kept = Vec::with_capacity(statements.len());
    let mut lines = Vec::new();
    for statement in statements {
        kept.extend(without(statement, database, &mut lines));
    }
    lines.dedup();
    Ok((kept, lines))
}

fn without(statement: Statement, database: &str, lines: &mut Vec<u32>) -> Option<Statement> {
    let sql = Sql::new(EngineKind::Mssql, &statement.sql);
    let line_of = |offset: usize| {
        let newlines = statement.sql[..offset].bytes().filter(|b| *b == b'\n').count();
        statement.line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX))
    };
    let mut blanks = Vec::new();
    let mut depth = 0i32;
    for (at, token) in sql.tokens.iter().enumerate() {
        depth += i32::from(token.is_symbol(sql.text, "(")) - i32::from(token.is_symbol(sql.text, ")"));
        let Some(name) = sql.tokens.get(at + 1).filter(|_| depth == 0 && token.is_word(sql.text, "use")) else { continue };
        let written = if name.kind == Kind::Word { Some(name.of(sql.text).to_owned()) } else { name_of(*name, sql.text) };
        if written.is_some_and(|n| n.to_lowercase() == database.to_lowercase()) {
            lines.push(line_of(token.start));
            let end = if sql.symbol(at + 2, ";") { sql.tokens[at + 2].end } else { name.end };
            blanks.push((token.start, end));
        }
    }
    if blanks.is_empty() {
        return Some(statement);
    }
    // Blanks in place of every character, so that what stays keeps its line.
    let mut text = String::with_capacity(statement.sql.len());
    let mut at = 0;
    for (from, to) in blanks {
        text.push_str(&statement.sql[at..from]);
        text.extend(statement.sql[from..to].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        at = to;
    }
    text.push_str(&statement.sql[at..]);
    let left = Sql::new(EngineKind::Mssql, &text);
    let (first, last) = (left.tokens.first()?.start, left.tokens.last()?.end);
    let below = text[..first].bytes().filter(|b| *b == b'\n').count();
    let line = statement.line.saturating_add(u32::try_from(below).unwrap_or(u32::MAX));
    Some(Statement { sql: text[first..last].to_owned(), line, copy_data: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(text: &str) -> (Vec<(String, u32)>, Vec<u32>) {
        let (statements, lines) = split_within(EngineKind::Mssql, text, Some("ProductDb")).unwrap();
        (statements.into_iter().map(|s| (s.sql, s.line)).collect(), lines)
    }

    #[test]
    fn the_source_s_own_name_is_left_out_wherever_use_stands() {
        let text = "USE [ProductDb]\nGO\n\nuse productdb;\nSET NOCOUNT ON\nuse \"ProductDB\"\nprint N'USE ProductDb'\nGO\n";
        let (statements, lines) = within(text);
        assert_eq!(statements, [("SET NOCOUNT ON\n               \nprint N'USE ProductDb'".to_owned(), 5)]);
        assert_eq!(lines, [1, 4, 6]);
        let variable = ":setvar DatabaseName \"ProductDb\"\nGO\nUSE [$(DatabaseName)];\nGO\nselect 1";
        assert_eq!(within(variable), (vec![("select 1".to_owned(), 5)], vec![3]));
    }

    #[test]
    fn other_databases_stay_in_the_script() {
        assert_eq!(within("USE [ProductDb_archive]\nGO\nselect 1 option (use hint ('x'))").0.len(), 2);
        let statements = split_within(EngineKind::Mysql, "use productdb;", Some("productdb")).unwrap().0;
        assert_eq!(statements.len(), 1, "a database of MySQL is refused there");
    }
}
