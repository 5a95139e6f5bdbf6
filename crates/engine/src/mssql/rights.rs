//! Rights that are missing, with the statements that give them.

use super::connect::Session;
use super::error::Doing;
use super::hold::{Way, way};
use super::sql;
use crate::error::Result;
use crate::seam::MissingRight;

/// Whether the login has a permission; `scope` is `database` or the server.
async fn has(session: &mut Session, database: bool, permission: &str) -> Result<bool> {
    let scope = if database { "quotename(db_name()), 'DATABASE'" } else { "null, null" };
    let query = format!("select has_perms_by_name({scope}, '{permission}')");
    Ok(session.value(&query).await.doing("read our own rights")?.as_deref() == Some("1"))
}

async fn name(session: &mut Session, query: &str) -> Result<String> {
    Ok(sql::ident(&session.value(query).await.doing("read our own name")?.unwrap_or_default()))
}

async fn administers(session: &mut Session) -> Result<bool> {
    Ok(session.value("select is_srvrolemember('sysadmin')").await.doing("read our own rights")?.as_deref() == Some("1"))
}

/// Rights that holding and reading a source needs.
pub(crate) async fn of_source(session: &mut Session, database: &str) -> Result<Vec<MissingRight>> {
    let mut found = Vec::new();
    if !administers(session).await? {
        let user = name(session, "select user_name()").await?;
        for (permission, what) in
            [("SELECT", "read the tables"), ("VIEW DEFINITION", "read the definitions, which are invisible without it")]
        {
            if !has(session, true, permission).await? {
                found.push(MissingRight { what: what.to_owned(), grant: format!("grant {} to {user};", permission.to_lowercase()) });
            }
        }
    }
    // Dynamic data masking: without the right the login reads masked values, and no error says so. Babelfish has none.
    let masked = session
        .value("select case when object_id(N'sys.masked_columns') is null then 0 else 1 end")
        .await
        .doing("look for masked columns")?;
    if masked.as_deref() == Some("1") {
        let columns =
            session.value("select count(*) from sys.masked_columns where is_masked = 1").await.doing("look for masked columns")?;
        if columns.is_some_and(|n| n != "0") && !has(session, true, "UNMASK").await? {
            let user = name(session, "select user_name()").await?;
            found.push(MissingRight {
                what: "read columns with dynamic data masking as they are stored".to_owned(),
                grant: format!("grant unmask to {user};"),
            });
        }
    }
    if way(session).await? == Way::Off {
        found.push(MissingRight {
            what:
                "see one moment of the database: snapshot isolation is off (or name a database snapshot or a restored backup as the source)"
                    .to_owned(),
            grant: format!("alter database {} set allow_snapshot_isolation on;", sql::ident(database)),
        });
    }
    Ok(found)
}

/// Rights that creating, filling and opening generations needs.
pub(crate) async fn of_target(session: &mut Session) -> Result<Vec<MissingRight>> {
    let mut found = Vec::new();
    if administers(session).await? {
        return Ok(found);
    }
    let login = name(session, "select suser_sname()").await?;
    for (permission, what) in [
        ("CREATE ANY DATABASE", "create generations"),
        ("VIEW SERVER STATE", "see who is in a pilot before it is swapped or sealed"),
        ("ALTER ANY CONNECTION", "end other logins' sessions in a pilot before it is swapped or sealed"),
    ] {
        if !has(session, false, permission).await? {
            found.push(MissingRight { what: what.to_owned(), grant: format!("grant {} to {login};", permission.to_lowercase()) });
        }
    }
    Ok(found)
}
