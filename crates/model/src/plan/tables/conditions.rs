//! Conditions on rows as boolean SQL that is never NULL. Owns the two rules "unknown counts as true" (for what removes or masks) and
//! "unknown counts as not exempt"; does not own which rows a program means.

use crate::catalog::EngineKind;

/// The engine's spelling of a truth value.
pub(super) fn truth(engine: EngineKind, value: bool) -> &'static str {
    match (engine, value) {
        (EngineKind::Postgres, true) => "true",
        (EngineKind::Postgres, false) => "false",
        (EngineKind::Mssql, true) => "(1 = 1)",
        (EngineKind::Mssql, false) => "(1 = 0)",
        (_, true) => "1",
        (_, false) => "0",
    }
}

/// `sql` as a boolean in which NULL counts as `unknown`.
pub(super) fn decided(engine: EngineKind, sql: &str, unknown: bool) -> String {
    // A comment at the end of a line of the program's must not swallow our parenthesis.
    let end = if sql.contains("--") || (engine == EngineKind::Mysql && sql.contains('#')) { "\n" } else { "" };
    if engine == EngineKind::Mssql {
        // Conditions are no values there: what is neither true nor false falls to `else`.
        let (asked, then, otherwise) = if unknown { ("not ", 0, 1) } else { ("", 1, 0) };
        return format!("(case when {asked}({}{end}) then {then} else {otherwise} end = 1)", sql.trim());
    }
    let inner = format!("coalesce(({}{end}), {})", sql.trim(), truth(engine, unknown));
    match engine {
        EngineKind::Postgres | EngineKind::Mssql => inner,
        // Expressions of SQLite, MariaDB and MySQL have any type: `is true` makes 0 or 1 of it.
        EngineKind::Sqlite | EngineKind::Mysql | EngineKind::Fake => format!("({inner} is true)"),
    }
}

/// Rows to which a rule applies, `None` meaning all of them: those for which `when` is not plainly false and `unless` is not plainly true.
pub(super) fn applies(engine: EngineKind, when: Option<&str>, unless: Option<&str>) -> Option<String> {
    let when = when.map(|w| decided(engine, w, true));
    let unless = unless.map(|u| format!("not {}", decided(engine, u, false)));
    match (when, unless) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one),
        (Some(w), Some(u)) => Some(format!("{w} and {u}")),
    }
}

/// Both conditions together.
pub(super) fn both(a: Option<String>, b: Option<String>) -> Option<String> {
    match (a, b) {
        (Some(a), Some(b)) => Some(format!("({a}) and ({b})")),
        (one, None) | (None, one) => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_counts_as_applying_and_as_not_exempt() {
        assert_eq!(
            applies(EngineKind::Postgres, Some("a > 1"), Some("b")).as_deref(),
            Some("coalesce((a > 1), true) and not coalesce((b), false)")
        );
        assert_eq!(applies(EngineKind::Sqlite, None, Some("b")).as_deref(), Some("not (coalesce((b), 0) is true)"));
        assert_eq!(applies(EngineKind::Sqlite, None, None), None);
    }

    #[test]
    fn a_trailing_comment_does_not_swallow_the_parenthesis() {
        assert_eq!(decided(EngineKind::Postgres, "a -- why", true), "coalesce((a -- why\n), true)");
    }
}
