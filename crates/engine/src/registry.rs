//! The registry of pilots on servers that cannot rename a database (docs/design/0007): which database a name stands for, and the statements that
//! change it. Owns the rules; where the table stands is the engine's.

/// The database that a name stands for: the registered one, or the one of that very name unless that is registered under another.
pub(crate) fn database(registered: &[(String, String)], name: &str) -> Option<String> {
    match registered.iter().find(|(n, _)| n == name) {
        Some((_, database)) => Some(database.clone()),
        None if registered.iter().any(|(_, database)| database == name) => None,
        None => Some(name.to_owned()),
    }
}

/// The statements that let `name` stand for `database`, whatever either was registered as before.
pub(crate) fn assign(table: &str, name: &str, database: &str, literal: fn(&str) -> String) -> Vec<String> {
    let mut statements = vec![forget(table, database, literal), format!("delete from {table} where name = {}", literal(name))];
    if name != database {
        statements.push(format!("insert into {table} (name, stands_for) values ({}, {})", literal(name), literal(database)));
    }
    statements
}

/// The statement that forgets what a database was called.
pub(crate) fn forget(table: &str, database: &str, literal: fn(&str) -> String) -> String {
    format!("delete from {table} where stands_for = {}", literal(database))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_called_by_one_name_only() {
        let registered = vec![("pilot".to_owned(), "pilot_gr2".to_owned())];
        assert_eq!(database(&registered, "pilot").as_deref(), Some("pilot_gr2"));
        assert_eq!(database(&registered, "pilot_gr2"), None);
        assert_eq!(database(&registered, "other").as_deref(), Some("other"));
        let quote = |t: &str| format!("'{t}'");
        assert_eq!(assign("r", "a", "a", quote).len(), 2);
        assert_eq!(assign("r", "a", "b", quote)[2], "insert into r (name, stands_for) values ('a', 'b')");
    }
}
