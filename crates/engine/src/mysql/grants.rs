//! Lines of `SHOW GRANTS`: which of them are rights on a database, what they are called on another one, and how they are taken away. Owns how these lines are read; `fence`
//! and `swap` say whose are read, and when.

use super::connect::{Session, number, said};
use super::error::{Doing, code};
use super::{rights, sql};
use crate::error::Result;

/// What an account keeps on a database that it may not work in, where grants on more than this database would hold otherwise: of all rights the least.
const LEAST: &str = "SHOW VIEW";

/// Kinds of objects as a line writes them before their names; tables bear none.
const KINDS: [&str; 5] = ["PROCEDURE ", "FUNCTION ", "PACKAGE BODY ", "PACKAGE ", ""];

/// One grantee's own lines.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    /// As statements take it.
    pub grantee: String,
    pub is_role: bool,
    pub lines: Vec<String>,
}

/// Every account, role and PUBLIC with its lines, but `us`.
pub(super) async fn holders(session: &mut Session, us: &(String, String)) -> Result<Vec<Holder>> {
    let doing = "read the rights on production";
    let query = "select user, host, ifnull(json_value(priv, '$.is_role') in (1, 'true'), 0) from mysql.global_priv where user <> 'PUBLIC' order by 3 desc, 1, 2";
    let mut grantees: Vec<(String, String, bool)> = Vec::new();
    for row in session.rows(query).await.doing(doing)? {
        let (account, is_role) = ((said(&row, 0), said(&row, 1)), number(&row, 2) == 1);
        if account != *us {
            let (user, host) = (&account.0, &account.1);
            let shown = if is_role { sql::ident(user) } else { format!("{}@{}", sql::literal(user), sql::literal(host)) };
            // Lines of SHOW GRANTS quote names as identifiers.
            let listed = if is_role { sql::ident(user) } else { format!("{}@{}", sql::ident(user), sql::ident(host)) };
            grantees.push((shown, listed, is_role));
        }
    }
    if session.version >= (10, 11, 0) {
        grantees.push(("public".to_owned(), "public".to_owned(), false));
    }
    let mut all = Vec::new();
    for (grantee, listed, is_role) in grantees {
        let lines = match session.rows(&format!("show grants for {grantee}")).await {
            // Nobody ever granted it anything.
            Err(e) if code(&e) == Some(1141) => continue,
            lines => lines.doing(doing)?,
        };
        // An account's lines show those of its roles, too.
        let own = lines.iter().map(|row| said(row, 0)).filter(|l| to(l).is_some_and(|t| t.eq_ignore_ascii_case(&listed))).collect();
        all.push(Holder { grantee, is_role, lines: own });
    }
    Ok(all)
}

/// To whom a line gives what it gives.
fn to(line: &str) -> Option<&str> {
    let (_, to) = line.rsplit_once(" TO ")?;
    Some(to.trim_end_matches(" WITH GRANT OPTION").trim_end_matches(" WITH ADMIN OPTION"))
}

/// A line about rights in its parts: rights, kind, object, and whom it is given to, options included. None for lines about roles.
fn parts(line: &str) -> Option<(&str, &'static str, &str, &str)> {
    let rest = line.strip_prefix("GRANT ")?;
    // Columns are named before the object, and may be called anything.
    let at = rest.match_indices(" ON ").map(|(at, _)| at).find(|at| rest[..*at].matches('`').count() % 2 == 0)?;
    let (rights, rest) = (&rest[..at], &rest[at + " ON ".len()..]);
    let (on, to) = rest.rsplit_once(" TO ")?;
    let kind = KINDS.iter().find(|kind| on.starts_with(**kind))?;
    Some((rights, kind, &on[kind.len()..], to))
}

/// The databases that a line about whole databases is given on, as a pattern.
fn pattern(object: &str) -> Option<String> {
    let quoted = object.strip_suffix(".*")?.strip_prefix('`')?.strip_suffix('`')?;
    Some(quoted.replace("``", "`"))
}

/// One grantee's lines as grants on the database. Of several on databases that cover it only the one counts by which the server goes.
pub(super) fn on_this(lines: &[String], database: &str, fold: bool) -> Vec<String> {
    let (mut all, mut whole): (Vec<String>, Option<(usize, String)>) = (Vec::new(), None);
    for line in lines {
        let Some((rights, kind, object, to)) = parts(line) else { continue };
        match pattern(object) {
            Some(pattern) => {
                let said = rights::said_first(&pattern);
                if rights::covers_as(&pattern, database, fold) && whole.as_ref().is_none_or(|(best, _)| *best < said) {
                    whole = Some((said, format!("GRANT {rights} ON {}.* TO {to}", sql::ident(&sql::pattern(database)))));
                }
            }
            None => {
                let of = object.strip_prefix(&format!("{}.", sql::ident(database)));
                all.extend(of.map(|of| format!("GRANT {rights} ON {kind}{}.{of} TO {to}", sql::ident(database))));
            }
        }
    }
    whole.map(|(_, statement)| statement).into_iter().chain(all).collect()
}

/// A grant on one database, as [`on_this`] writes it, as the same on another one.
pub(super) fn renamed(statement: &str, from: &str, to: &str) -> String {
    let Some((rights, kind, object, whom)) = parts(statement) else { return statement.to_owned() };
    let object = match (pattern(object), object.strip_prefix(&format!("{}.", sql::ident(from)))) {
        (Some(pattern), _) if pattern == sql::pattern(from) => format!("{}.*", sql::ident(&sql::pattern(to))),
        (None, Some(of)) => format!("{}.{of}", sql::ident(to)),
        _ => return statement.to_owned(),
    };
    format!("GRANT {rights} ON {kind}{object} TO {whom}")
}

/// What takes one grantee's rights on a database, and on what is in it, away: nothing once they are. A grant on more than this database stays, and the least of rights on this
/// very one is put before it: a server goes by the grant that says most of a name. `alone`: whether a pattern says no other database, and may be revoked by us.
pub(super) fn taking(lines: &[String], database: &str, alone: &dyn Fn(&str) -> bool, fold: bool) -> Vec<String> {
    let exact = sql::pattern(database);
    let (mut narrow, mut inside, mut wide) = (Vec::new(), Vec::new(), None);
    for line in lines {
        let Some((rights, kind, object, whom)) = parts(line) else { continue };
        let (who, passed_on) = match whom.strip_suffix(" WITH GRANT OPTION") {
            Some(who) => (who, true),
            None => (whom, false),
        };
        let of = (rights, kind, object, who, passed_on);
        match pattern(object) {
            Some(pattern) if rights::covers_as(&pattern, database, fold) => {
                // Names are written without escapes by hand: that is this database all the same, unless there is another one that it says.
                let this = pattern == exact || (pattern == database && alone(&pattern));
                if this { narrow.push(of) } else { wide = Some(who) }
            }
            Some(_) => {}
            None if object.starts_with(&format!("{}.", sql::ident(database))) => inside.push(of),
            None => {}
        }
    }
    let here = format!("{}.*", sql::ident(&exact));
    let least = |of: &(&str, &str, &str, &str, bool)| of.0 == LEAST && of.2 == here && !of.4;
    let done = narrow.len() == 1 && narrow.iter().all(least);
    let mut all = Vec::new();
    let gone = if wide.is_some() && done { &[][..] } else { &narrow[..] };
    for (rights, kind, object, who, passed_on) in gone.iter().chain(&inside) {
        if *passed_on {
            all.push(format!("REVOKE GRANT OPTION ON {kind}{object} FROM {who}"));
        }
        if *rights != "USAGE" {
            all.push(format!("REVOKE {rights} ON {kind}{object} FROM {who}"));
        }
    }
    all.extend(wide.filter(|_| !done).map(|who| format!("GRANT {LEAST} ON {here} TO {who}")));
    all
}

/// The databases on which a line gives every right together with the right to pass it on, as a pattern; `*` for all.
pub(super) fn passed_on(line: &str) -> Option<String> {
    let (rights, kind, object, whom) = parts(line)?;
    let all = rights == "ALL PRIVILEGES" && kind.is_empty() && whom.ends_with(" WITH GRANT OPTION");
    if all && object == "*.*" { Some("*".to_owned()) } else { pattern(object).filter(|_| all) }
}

/// What takes a line's right away, where that is the least of rights on this very database.
pub(super) fn least_on(line: &str, database: &str) -> Option<String> {
    let (rights, kind, object, who) = parts(line)?;
    let here = format!("{}.*", sql::ident(&sql::pattern(database)));
    (rights == LEAST && kind.is_empty() && object == here && !who.ends_with(" WITH GRANT OPTION"))
        .then(|| format!("REVOKE {LEAST} ON {here} FROM {who}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|l| (*l).to_owned()).collect()
    }

    #[test]
    fn grants_on_the_database_are_told_from_others() {
        let on = |lines: &[&str]| on_this(&owned(lines), "my_shop", false);
        assert_eq!(on(&["GRANT SELECT, INSERT ON `my\\_shop`.* TO `app`@`%`"]), ["GRANT SELECT, INSERT ON `my\\_shop`.* TO `app`@`%`"]);
        assert_eq!(
            on(&["GRANT SELECT ON `my%`.* TO `app`@`%` WITH GRANT OPTION"]),
            ["GRANT SELECT ON `my\\_shop`.* TO `app`@`%` WITH GRANT OPTION"]
        );
        assert_eq!(on(&["GRANT SELECT (`a`) ON `my_shop`.`t TO x` TO `r`"]), ["GRANT SELECT (`a`) ON `my_shop`.`t TO x` TO `r`"]);
        assert_eq!(on(&["GRANT SELECT (`a ON b`) ON `my_shop`.`t` TO `r`"]), ["GRANT SELECT (`a ON b`) ON `my_shop`.`t` TO `r`"]);
        assert_eq!(on(&["GRANT EXECUTE ON PROCEDURE `my_shop`.`p` TO `r`"]), ["GRANT EXECUTE ON PROCEDURE `my_shop`.`p` TO `r`"]);
        // A server goes by the grant that says most of the name.
        let both = ["GRANT ALL PRIVILEGES ON `my%`.* TO `a`@`%`", "GRANT SELECT ON `my\\_shop`.* TO `a`@`%`"];
        assert_eq!(on(&both), ["GRANT SELECT ON `my\\_shop`.* TO `a`@`%`"]);
        for other in [
            "GRANT USAGE ON *.* TO `app`@`%`",
            "GRANT ALL PRIVILEGES ON `your_shop`.* TO `a`@`%`",
            "GRANT ALL PRIVILEGES ON `My_shop`.* TO `a`@`%`",
            "GRANT `r` TO `app`@`%`",
            "GRANT SELECT ON `my_shop2`.`t` TO `a`@`%`",
        ] {
            assert!(on(&[other]).is_empty(), "{other}");
        }
        assert_eq!(on_this(&owned(&["GRANT SELECT ON `My_shop`.* TO `a`@`%`"]), "my_shop", true).len(), 1);
    }

    #[test]
    fn a_grant_is_given_on_a_database_of_another_name() {
        let new = |s: &str| renamed(s, "my_shop", "my_shop_2");
        assert_eq!(
            new("GRANT SELECT ON `my\\_shop`.* TO `my_shop`@`%` WITH GRANT OPTION"),
            "GRANT SELECT ON `my\\_shop\\_2`.* TO `my_shop`@`%` WITH GRANT OPTION"
        );
        assert_eq!(new("GRANT SELECT (`x ON y`) ON `my_shop`.`a TO b` TO `r`"), "GRANT SELECT (`x ON y`) ON `my_shop_2`.`a TO b` TO `r`");
        assert_eq!(new("GRANT EXECUTE ON PROCEDURE `my_shop`.`p` TO `r`"), "GRANT EXECUTE ON PROCEDURE `my_shop_2`.`p` TO `r`");
        for other in ["GRANT SELECT ON `shop`.* TO `a`@`%`", "GRANT `my_shop` TO `a`@`%`", "GRANT USAGE ON *.* TO `a`@`%`"] {
            assert_eq!(new(other), other);
        }
    }

    #[test]
    fn rights_on_a_database_are_taken_away_and_no_others() {
        let taken = |lines: &[&str]| taking(&owned(lines), "my_shop", &|_| true, false);
        assert_eq!(taken(&["GRANT SELECT, INSERT ON `my\\_shop`.* TO `a`@`%`"]), ["REVOKE SELECT, INSERT ON `my\\_shop`.* FROM `a`@`%`"]);
        assert_eq!(taken(&["GRANT INSERT ON `my_shop`.* TO `a`@`%`"]), ["REVOKE INSERT ON `my_shop`.* FROM `a`@`%`"]);
        assert_eq!(
            taken(&["GRANT USAGE ON `my_shop`.`t` TO `a`@`%` WITH GRANT OPTION"]),
            ["REVOKE GRANT OPTION ON `my_shop`.`t` FROM `a`@`%`"]
        );
        assert_eq!(
            taken(&["GRANT SELECT (`a`) ON `my_shop`.`t` TO `r`", "GRANT EXECUTE ON FUNCTION `my_shop`.`f` TO `r`"]),
            ["REVOKE SELECT (`a`) ON `my_shop`.`t` FROM `r`", "REVOKE EXECUTE ON FUNCTION `my_shop`.`f` FROM `r`"]
        );
        // A grant on more stays, and does not hold here any more.
        let wide = "GRANT ALL PRIVILEGES ON `my%`.* TO `a`@`%`";
        assert_eq!(taken(&[wide]), ["GRANT SHOW VIEW ON `my\\_shop`.* TO `a`@`%`"]);
        let left = "GRANT SHOW VIEW ON `my\\_shop`.* TO `a`@`%`";
        assert!(taken(&[wide, left]).is_empty());
        assert_eq!(taken(&[wide, "GRANT SELECT ON `my\\_shop`.* TO `a`@`%`"]).len(), 2);
        // Without escapes it says another database, too, or is not ours to revoke.
        let both = taking(&owned(&["GRANT SELECT ON `my_shop`.* TO `a`@`%`"]), "my_shop", &|_| false, false);
        assert_eq!(both, ["GRANT SHOW VIEW ON `my\\_shop`.* TO `a`@`%`"]);
        assert_eq!(least_on(left, "my_shop").as_deref(), Some("REVOKE SHOW VIEW ON `my\\_shop`.* FROM `a`@`%`"));
        assert!(least_on(wide, "my_shop").is_none() && least_on(left, "my").is_none());
        assert_eq!(taken(&[left]), ["REVOKE SHOW VIEW ON `my\\_shop`.* FROM `a`@`%`"]);
        assert_eq!(passed_on("GRANT ALL PRIVILEGES ON `my\\_shop`.* TO `a`@`%` WITH GRANT OPTION").as_deref(), Some("my\\_shop"));
        assert_eq!(passed_on("GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION").as_deref(), Some("*"));
        assert!(passed_on(wide).is_none() && passed_on("GRANT SELECT ON *.* TO `a`@`%` WITH GRANT OPTION").is_none());
        for other in ["GRANT ALL PRIVILEGES ON *.* TO `a`@`%`", "GRANT SELECT ON `your_shop`.* TO `a`@`%`", "GRANT `r` TO `a`@`%`"] {
            assert!(taken(&[other]).is_empty(), "{other}");
        }
    }
}
