//! Rights that are missing, with the statements that give them.

use super::connect::{Session, Variety, said};
use super::error::Doing;
use super::sql;
use crate::error::Result;
use crate::seam::MissingRight;

/// Rights of our own login, from `SHOW GRANTS`: privileges in upper case with the pattern of databases they hold for.
async fn granted(session: &mut Session) -> Result<Vec<(String, String)>> {
    let rows = session.rows("show grants").await.doing("read our own rights")?;
    Ok(rows.iter().flat_map(|row| parse(&said(row, 0))).collect())
}

/// ``GRANT a, b ON `db`.* TO …``: pairs of right and database pattern (`*` for all).
fn parse(line: &str) -> Vec<(String, String)> {
    let Some(rest) = line.strip_prefix("GRANT ") else { return Vec::new() };
    let Some((rights, rest)) = rest.split_once(" ON ") else { return Vec::new() };
    let Some((on, _)) = rest.split_once(" TO ") else { return Vec::new() };
    let Some(database) = on.strip_suffix(".*") else { return Vec::new() };
    let database = database.trim_matches('`').replace("``", "`");
    rights.split(',').map(|r| (r.trim().to_uppercase(), database.clone())).collect()
}

/// Whether a grant's pattern covers a database: `_` and `%` are wildcards unless escaped.
pub(crate) fn covers(pattern: &str, database: &str) -> bool {
    covers_as(pattern, database, true)
}

/// The same; `fold`: the server takes names that differ in case only for one (`lower_case_table_names`).
pub(crate) fn covers_as(pattern: &str, database: &str, fold: bool) -> bool {
    fn go(p: &[char], d: &[char], fold: bool) -> bool {
        match (p.first(), d.first()) {
            (None, None) => true,
            (Some('\\'), Some(c)) if p.get(1) == Some(c) => go(&p[2..], &d[1..], fold),
            (Some('%'), _) => go(&p[1..], d, fold) || (!d.is_empty() && go(p, &d[1..], fold)),
            (Some('_'), Some(_)) => go(&p[1..], &d[1..], fold),
            (Some(a), Some(b)) if a == b || (fold && a.eq_ignore_ascii_case(b)) => go(&p[1..], &d[1..], fold),
            _ => false,
        }
    }
    pattern == "*" || go(&pattern.chars().collect::<Vec<_>>(), &database.chars().collect::<Vec<_>>(), fold)
}

/// How much of a pattern is said before its first wildcard: of several grants that cover a database, a server goes by the one that says most.
pub(crate) fn said_first(pattern: &str) -> usize {
    let chars: Vec<char> = pattern.chars().collect();
    let wild = |at: &usize| matches!(chars[*at], '%' | '_') && (*at == 0 || chars[*at - 1] != '\\');
    (0..chars.len()).find(wild).unwrap_or(usize::MAX)
}

fn has(granted: &[(String, String)], right: &str, database: Option<&str>) -> bool {
    granted
        .iter()
        .any(|(r, pattern)| (r == right || r == "ALL PRIVILEGES") && (pattern == "*" || database.is_some_and(|d| covers(pattern, d))))
}

async fn login(session: &mut Session) -> Result<String> {
    let user = session.value("select current_user()").await.doing("read our own account")?.unwrap_or_default();
    Ok(sql::account(&user))
}

/// Rights that holding and reading a source needs.
pub(crate) async fn of_source(session: &mut Session, database: &str) -> Result<Vec<MissingRight>> {
    let (login, granted) = (login(session).await?, granted(session).await?);
    let mut found = Vec::new();
    let here = format!("{}.*", sql::ident(&sql::pattern(database)));
    for (right, what) in [
        ("SELECT", "read the tables"),
        ("SHOW VIEW", "read the definitions of views"),
        ("TRIGGER", "see the triggers, which are invisible without it"),
        ("EVENT", "see the events, which are invisible without it"),
    ] {
        if !has(&granted, right, Some(database)) {
            found.push(MissingRight { what: what.to_owned(), grant: format!("grant {} on {here} to {login};", right.to_lowercase()) });
        }
    }
    if !has(&granted, "RELOAD", None) && !has(&granted, "FLUSH_TABLES", None) && !has(&granted, "LOCK TABLES", Some(database)) {
        found.push(MissingRight {
            what: "lock the tables while the readers' snapshots begin".to_owned(),
            grant: format!("grant lock tables on {here} to {login};"),
        });
    }
    if !has(&granted, "PROCESS", None) {
        found.push(MissingRight {
            what: "see whether somebody's schema change waits for the copy".to_owned(),
            grant: format!("grant process on *.* to {login};"),
        });
    }
    let query = "select count(*) from information_schema.routines where routine_schema = database() and routine_definition is null";
    if session.value(query).await.doing("look at the routines")?.is_some_and(|n| n != "0") {
        let grant = match session.variety {
            Variety::MariaDb => format!("grant select on mysql.proc to {login};"),
            Variety::MySql => format!("grant show_routine on *.* to {login};"),
        };
        found.push(MissingRight { what: "read the bodies of routines".to_owned(), grant });
    }
    Ok(found)
}

/// Rights that creating, filling and opening generations needs.
pub(crate) async fn of_target(session: &mut Session) -> Result<Vec<MissingRight>> {
    let (login, granted) = (login(session).await?, granted(session).await?);
    let all =
        ["CREATE", "DROP", "ALTER", "INDEX", "INSERT", "UPDATE", "DELETE", "SELECT", "CREATE VIEW", "CREATE ROUTINE", "TRIGGER", "EVENT"];
    let missing: Vec<&str> = all
        .into_iter()
        .filter(|r| !has(&granted, r, None) && !granted.iter().any(|(g, p)| (g == r || g == "ALL PRIVILEGES") && p.contains('%')))
        .collect();
    let mut found = Vec::new();
    if !missing.is_empty() {
        found.push(MissingRight {
            what: format!("create and fill generations ({})", missing.join(", ").to_lowercase()),
            grant: format!(
                "grant all privileges on `<pilot>%`.* to {login} with grant option; grant all privileges on `greenroom`.* to {login};"
            ),
        });
    }
    let kills = match session.variety {
        Variety::MariaDb => has(&granted, "CONNECTION ADMIN", None) || has(&granted, "SUPER", None),
        Variety::MySql => has(&granted, "CONNECTION_ADMIN", None) || has(&granted, "SUPER", None),
    };
    if !kills {
        let right = if session.variety == Variety::MariaDb { "connection admin" } else { "connection_admin" };
        found.push(MissingRight {
            what: "end other accounts' sessions in a pilot before it is swapped or sealed".to_owned(),
            grant: format!("grant {right}, process on *.* to {login};"),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read_with_their_patterns() {
        let got = parse("GRANT SELECT, LOCK TABLES ON `shop\\_x`.* TO `a`@`%` WITH GRANT OPTION");
        assert!(has(&got, "SELECT", Some("shop_x")) && !has(&got, "SELECT", Some("shopyx")) && !has(&got, "TRIGGER", Some("shop_x")));
        assert!(has(&parse("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`"), "RELOAD", None));
        assert!(parse("GRANT `role` TO `a`@`%`").is_empty());
        assert!(covers("pilot%", "pilot_7") && !covers("pilot", "pilot_7"));
    }
}
