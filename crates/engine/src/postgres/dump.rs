//! What the statements and commands in a dump of pg_dump are for: which run, which are left out of a raw copy and why. Executes nothing.

use crate::backup::text::Statement;

/// Commands of psql that mean nothing for the database.
pub(super) const HARMLESS: &[&str] =
    &["restrict", "unrestrict", "echo", "qecho", "warn", "set", "unset", "pset", "timing", "x", "a", "t", "conninfo", "encoding"];

/// Commands of psql that may be named when they are refused.
pub(super) const NAMED: &[&str] =
    &["!", "o", "copy", "connect", "c", "i", "ir", "include", "g", "gexec", "w", "cd", "setenv", "lo_import", "lo_export", "q"];

/// What becomes of a statement.
pub(super) enum Fate {
    Run,
    /// Runs, and what it may fail with is only worth a note.
    Try(&'static [&'static str], &'static str),
    LeftOut(&'static str, &'static str),
    Skip,
}

pub(super) fn fate(s: &Statement) -> Fate {
    let words = s.words();
    let word = |i: usize| words.get(i).map_or("", String::as_str);
    let upper = || s.skeleton.to_ascii_uppercase();
    const GONE: &[&str] = &["42P01", "42704", "42883", "3F000", "42703", "3D000"];
    match (word(0), word(1)) {
        ("SET" | "RESET", "SESSION") if word(2) == "AUTHORIZATION" => Fate::Skip,
        ("SET", "ROLE") | ("REASSIGN", _) => Fate::Skip,
        ("SET", _) => Fate::Try(&["42704", "22023", "42501"], "the quarantine's server does not know or allow this setting"),
        ("GRANT" | "REVOKE", _) => Fate::LeftOut("grants", "nobody but Greenroom comes into a raw copy"),
        ("ALTER", "DEFAULT") => Fate::LeftOut("default privileges", "nobody but Greenroom comes into a raw copy"),
        ("ALTER", _) if upper().contains(" OWNER TO ") => Fate::LeftOut("owners", "everything in a raw copy belongs to Greenroom's role"),
        ("COMMENT", "ON") if word(2) == "DATABASE" => Fate::Skip,
        ("COMMENT", "ON") if matches!(word(2), "EXTENSION" | "SCHEMA" | "CAST") => {
            Fate::Try(&["42501"], "comments of the server's own objects are not ours to set")
        }
        ("SECURITY", "LABEL") => Fate::LeftOut("security labels", "they need the provider that gave them"),
        ("ALTER", "ROLE" | "USER") if upper().contains(" IN DATABASE ") => Fate::LeftOut(
            "settings of roles for the database",
            "they belong to roles of the server, and nobody but Greenroom comes into a raw copy",
        ),
        ("CREATE" | "ALTER", "USER") if word(2) == "MAPPING" => {
            Fate::LeftOut("user mappings", "a raw copy must not be able to log in anywhere else")
        }
        ("CREATE" | "ALTER" | "DROP", "SUBSCRIPTION") => {
            Fate::LeftOut("subscriptions", "a raw copy must not fetch anything from production")
        }
        ("CREATE" | "ALTER" | "DROP", "PUBLICATION") => Fate::LeftOut("publications", "nobody subscribes to a raw copy"),
        ("CREATE" | "ALTER", "EVENT") if word(2) == "TRIGGER" => Fate::Try(&["42501"], "event triggers need a superuser"),
        ("CREATE", "POLICY") => Fate::Try(&["42704"], "the policy names a role that the quarantine's server does not have"),
        ("CREATE", "SCHEMA") if word(2) == "PUBLIC" || s.skeleton.contains("public") => Fate::Try(&["42P06"], ""),
        ("DROP", _) => Fate::Try(GONE, ""),
        ("ALTER", "TABLE") if upper().contains(" DROP ") || s.skeleton.contains("IF EXISTS") => Fate::Try(GONE, ""),
        _ => Fate::Run,
    }
}

/// Whether a statement only sets up the session.
pub(super) fn sets_up(s: &Statement) -> bool {
    s.is(&["SET"]) || s.is(&["RESET"]) || (s.is(&["SELECT", "PG_CATALOG"]) && s.skeleton.contains("set_config"))
}

/// The value of `KEY = 'value'` or `KEY = word` in a statement.
pub(super) fn option(sql: &str, key: &str) -> Option<String> {
    let upper = sql.to_ascii_uppercase();
    let mut from = 0;
    while let Some(found) = upper[from..].find(key) {
        let begin = from + found;
        from = begin + key.len();
        let alone = begin == 0 || !upper.as_bytes()[begin - 1].is_ascii_alphanumeric() && upper.as_bytes()[begin - 1] != b'_';
        let rest = sql[from..].trim_start();
        let Some(rest) = rest.strip_prefix('=').filter(|_| alone) else { continue };
        let rest = rest.trim_start();
        return Some(match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split('\'').next().unwrap_or("").to_owned(),
            None => rest.split(|c: char| c.is_whitespace() || c == ';').next().unwrap_or("").to_owned(),
        });
    }
    None
}

/// The name behind `CREATE DATABASE` and the like, and what follows it.
pub(super) fn named(sql: &str, words: usize) -> (String, &str) {
    let mut rest = sql.trim_start();
    for _ in 0..words {
        rest = rest.trim_start_matches(|c: char| !c.is_whitespace()).trim_start();
    }
    match rest.strip_prefix('"') {
        Some(quoted) => {
            let mut end = 0;
            let bytes = quoted.as_bytes();
            while end < bytes.len() && !(bytes[end] == b'"' && bytes.get(end + 1) != Some(&b'"')) {
                end += if bytes[end] == b'"' { 2 } else { 1 };
            }
            let end = end.min(quoted.len());
            (quoted[..end].replace("\"\"", "\""), quoted.get(end + 1..).unwrap_or("").trim_start())
        }
        None => {
            let end = rest.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(rest.len());
            (rest[..end].to_ascii_lowercase(), rest[end..].trim_start())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_settings_for_the_database_are_left_out_and_a_role_itself_is_not_made() {
        let one = |sql: &str| Statement { sql: sql.as_bytes().to_vec(), skeleton: sql.to_owned(), line: 1 };
        assert!(matches!(fate(&one("ALTER ROLE app IN DATABASE shop SET search_path TO 'a'")), Fate::LeftOut(..)));
        assert!(!matches!(fate(&one("ALTER ROLE app SUPERUSER")), Fate::LeftOut(..)));
    }

    #[test]
    fn what_a_dump_says_about_its_database_is_found() {
        let sql =
            "CREATE DATABASE \"My \"\"Shop\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'pl_PL.UTF-8'";
        assert_eq!(named(sql, 2).0, "My \"Shop");
        assert_eq!(option(sql, "ENCODING").as_deref(), Some("UTF8"));
        assert_eq!(option(sql, "LOCALE").as_deref(), Some("pl_PL.UTF-8"));
        assert_eq!(option(sql, "LOCALE_PROVIDER").as_deref(), Some("libc"));
        assert_eq!(option(sql, "ICU_LOCALE"), None);
        assert_eq!(named("ALTER DATABASE Shop SET x TO 'y'", 2), ("shop".to_owned(), "SET x TO 'y'"));
    }
}
