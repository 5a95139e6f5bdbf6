//! The marker of databases that we made: a comment on the database, readable from the maintenance database without entering. Comments
//! can only be set by the database's owner.

use super::connect::Session;
use super::error::Doing;
use super::sql;
use crate::error::Result;
use crate::seam::Marker;

const PREFIX: &str = "greenroom marker v1 ";

/// What stands under a name.
pub(crate) struct Row {
    pub(crate) oid: u32,
    pub(crate) marker: Option<Marker>,
    /// Nobody at all can connect: the state between `CREATE DATABASE` and the marker.
    pub(crate) closed: bool,
}

/// The comment's text.
pub(crate) fn text(marker: &Marker) -> String {
    format!("{PREFIX}{}", serde_json::to_string(marker).expect("a marker serialises to JSON"))
}

/// The statement that writes a marker.
pub(crate) fn statement(name: &str, marker: &Marker) -> String {
    format!("comment on database {} is {}", sql::ident(name), sql::literal(&text(marker)))
}

fn parse(comment: &str) -> Option<Marker> {
    serde_json::from_str(comment.strip_prefix(PREFIX)?).ok()
}

/// Finds a database and its marker.
pub(crate) async fn find(session: &Session, name: &str) -> Result<Option<Row>> {
    let row = session
        .client
        .query_opt(
            "select d.oid, pg_catalog.shobj_description(d.oid, 'pg_database'), d.datallowconn from pg_catalog.pg_database d where d.datname = $1::text",
            &[&name],
        )
        .await
        .doing(format!("look for database `{name}`"))?;
    Ok(row.map(|row| Row {
        oid: row.get(0),
        marker: row.get::<_, Option<String>>(1).as_deref().and_then(parse),
        closed: !row.get::<_, bool>(2),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seam::MarkerState;

    #[test]
    fn a_marker_survives_its_comment_and_other_comments_are_none() {
        let marker = Marker { program: "o'neil".to_owned(), generation: 7, nonce: "ab12".to_owned(), state: MarkerState::Building };
        assert_eq!(parse(&text(&marker)), Some(marker));
        assert_eq!(parse("our production database"), None);
        assert_eq!(parse("greenroom marker v1 {"), None);
    }
}
