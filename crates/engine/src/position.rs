//! Where a counter stands, read back from the statement that sets it there ([`Held::sequences`](crate::Held::sequences)). Owns the reading; each engine owns its statement.

/// Number and, where the engine tells that apart (PostgreSQL), whether it was given out already. Positions of one counter can be compared; none where the statement is
/// not one of those that have a number in a known place.
pub fn position(sql: &str) -> Option<(i128, bool)> {
    // `max(seq, 7)` on SQLite, `setval('…'::pg_catalog.regclass, 7, true)` on PostgreSQL.
    let places = ["max(seq, ", "::pg_catalog.regclass, "];
    let rest = places.iter().find_map(|place| sql.rfind(place).map(|at| &sql[at + place.len()..]))?;
    let end = rest.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((rest[..end].parse().ok()?, !rest[end..].contains("false")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_back_whatever_the_counter_is_called() {
        let sqlite = "UPDATE sqlite_sequence SET seq = max(seq, 41) WHERE name = 't 99'";
        assert_eq!(position(sqlite), Some((41, true)));
        let postgres = |value: &str| format!("select pg_catalog.setval('\"s\".\"n 12\"'::pg_catalog.regclass, {value})");
        assert_eq!(position(&postgres("-7, true")), Some((-7, true)));
        assert!(position(&postgres("1, false")) < position(&postgres("1, true")));
        assert!(position(&postgres("2, true")) < position(&postgres("10, true")));
        assert_eq!(position("alter table t auto_increment = 7"), None);
    }
}
