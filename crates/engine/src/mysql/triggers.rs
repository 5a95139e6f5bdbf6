//! Triggers that must be silent while rows are loaded. These servers cannot switch a trigger off: it is dropped, its statement kept in a table of
//! ours, and made again when the load has ended. What a cut load left behind is made again before anything else is done in the generation.

use super::connect::{Session, number, said};
use super::ddl::How;
use super::error::Doing;
use super::sql;
use crate::error::Result;
use greenroom_model::catalog::TableName;

/// Takes a table's triggers away.
pub(crate) async fn suspend(session: &mut Session, table: &TableName) -> Result<()> {
    let doing = || format!("keep the triggers of {} silent", table.name);
    let query = format!(
        "select trigger_name from information_schema.triggers where event_object_schema = database() and event_object_table = {} \
         order by action_timing, event_manipulation, action_order",
        sql::literal(&table.name)
    );
    for row in session.rows(&query).await.doing(doing())? {
        let name = said(&row, 0);
        let shown = session.rows(&format!("show create trigger {}", sql::ident(&name))).await.doing(doing())?;
        let Some(shown) = shown.first() else { continue };
        let record = format!(
            "insert ignore into greenroom_trigger (name, mode, collation, statement) values ({}, {}, {}, {})",
            sql::literal(&name),
            sql::literal(&said(shown, 1)),
            sql::literal(&said(shown, 4)),
            sql::literal(&said(shown, 2))
        );
        session.run(&record).await.doing(doing())?;
        session.run(&format!("drop trigger if exists {}", sql::ident(&name))).await.doing(doing())?;
    }
    Ok(())
}

/// Makes again what was taken away, here or by a process that is gone.
pub(crate) async fn restore(session: &mut Session) -> Result<()> {
    let doing = "make triggers again";
    let there = "select count(*) from information_schema.tables where table_schema = database() and table_name = 'greenroom_trigger'";
    if session.value(there).await.doing(doing)?.as_deref() != Some("1") {
        return Ok(());
    }
    let rows = session.rows("select name, mode, statement, place, collation from greenroom_trigger order by place").await.doing(doing)?;
    if rows.is_empty() {
        return Ok(());
    }
    let before = session.value("select @@session.sql_mode").await.doing(doing)?.unwrap_or_default();
    for row in rows {
        let (mode, collation) = (Some(said(&row, 1)), Some(said(&row, 4)));
        let how = How { kind: "trigger".to_owned(), name: said(&row, 0), mode, zone: None, collation };
        super::ddl::make(session, &how, &said(&row, 2)).await.doing(doing)?;
        session.run(&format!("delete from greenroom_trigger where place = {}", number(&row, 3))).await.doing(doing)?;
    }
    session.run(&format!("set session sql_mode = {}", sql::literal(&before))).await.doing(doing)
}
