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

/// The first branch whose condition holds decides, else `otherwise`; all of them conditions that are never NULL.
pub(super) fn choice(engine: EngineKind, branches: &[(String, String)], otherwise: &str) -> String {
    // Where conditions are no values, a branch needs one.
    let (value, end) = if engine == EngineKind::Mssql {
        ((|sql: &str| format!("case when {sql} then 1 else 0 end")) as fn(&str) -> String, " = 1")
    } else {
        (str::to_owned as fn(&str) -> String, "")
    };
    let branches: String = branches.iter().map(|(when, then)| format!(" when {when} then {}", value(then))).collect();
    format!("case{branches} else {} end{end}", value(otherwise))
}

/// Rows to which a rule applies, `None` meaning all of them: those for which `when` is not plainly false and `unless` is not plainly true.
pub fn applies(engine: EngineKind, when: Option<&str>, unless: Option<&str>) -> Option<String> {
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
    fn conditions_are_no_values_on_sql_server() {
        let mssql = EngineKind::Mssql;
        assert_eq!(
            applies(mssql, Some("a > 1"), Some("b = 2 -- why")).as_deref(),
            Some("(case when not (a > 1) then 0 else 1 end = 1) and not (case when (b = 2 -- why\n) then 1 else 0 end = 1)")
        );
        let branches = [("(a = 1)".to_owned(), truth(mssql, false).to_owned())];
        assert_eq!(
            choice(mssql, &branches, truth(mssql, true)),
            "case when (a = 1) then case when (1 = 0) then 1 else 0 end else case when (1 = 1) then 1 else 0 end end = 1"
        );
        assert_eq!(choice(EngineKind::Postgres, &[("a".into(), "false".into())], "b"), "case when a then false else b end");
    }

    #[test]
    fn a_trailing_comment_does_not_swallow_the_parenthesis() {
        assert_eq!(decided(EngineKind::Postgres, "a -- why", true), "coalesce((a -- why\n), true)");
    }
}
