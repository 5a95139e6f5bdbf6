//! Triggers and constraints off while rows are loaded or removed, and back on (P7). Owns which were on; all of it happens inside the caller's
//! transaction, so that a load that is cut leaves them as they were.

use super::connect::{Session, Variety, said};
use super::error::Doing;
use super::sql;
use crate::error::{EngineError, ErrorKind, Result};
use greenroom_model::catalog::TableName;

/// What was on: what comes back on afterwards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    triggers: Vec<String>,
    /// Constraints and whether they were trusted.
    constraints: Vec<(String, bool)>,
}

/// Switches a table's triggers and constraints off.
pub(crate) async fn suspend(session: &mut Session, table: &TableName) -> Result<Guard> {
    let doing = || format!("switch triggers and constraints of {} off", table.name);
    let (name, object) = (sql::table(table), sql::literal(&sql::table(table)));
    let mut guard = Guard::default();
    let triggers = format!("select name from sys.triggers where parent_id = object_id({object}) and is_disabled = 0");
    for row in session.rows(&triggers).await.doing(doing())? {
        guard.triggers.push(said(&row, 0));
    }
    for trigger in &guard.triggers {
        session.run(&format!("disable trigger {} on {name}", sql::qualified(&table.schema, trigger))).await.doing(doing())?;
    }
    // Babelfish's constraints cannot be switched off. Foreign keys are made after the rows there as everywhere, so none stands by now.
    if session.variety == Variety::Babelfish {
        let standing = format!(
            "select count(*) from sys.foreign_keys where parent_object_id = object_id({object}) or referenced_object_id = object_id({object})"
        );
        return match session.value(&standing).await.doing(doing())?.as_deref() {
            Some("0") => Ok(guard),
            _ => Err(EngineError::new(ErrorKind::Denied, doing(), "its foreign keys stand already, and Babelfish cannot switch them off")
                .hint("rows are loaded before foreign keys are made: `greenroom undo`, then rehearse again")),
        };
    }
    let constraints = format!(
        "select name, is_not_trusted from sys.foreign_keys where parent_object_id = object_id({object}) and is_disabled = 0 \
         union all select name, is_not_trusted from sys.check_constraints where parent_object_id = object_id({object}) and is_disabled = 0"
    );
    for row in session.rows(&constraints).await.doing(doing())? {
        guard.constraints.push((said(&row, 0), said(&row, 1) == "0"));
    }
    for (constraint, _) in &guard.constraints {
        session.run(&format!("alter table {name} nocheck constraint {}", sql::ident(constraint))).await.doing(doing())?;
    }
    Ok(guard)
}

/// Switches on what was on. Constraints that were trusted are proved again; one that does not hold comes back on and untrusted, and the
/// verification counts its rows.
pub(crate) async fn restore(session: &mut Session, table: &TableName, guard: &Guard) -> Result<()> {
    let doing = || format!("switch triggers and constraints of {} on", table.name);
    let name = sql::table(table);
    for (constraint, trusted) in &guard.constraints {
        let constraint = sql::ident(constraint);
        if *trusted {
            // An error inside ends the batch, not the transaction.
            let prove = format!("set xact_abort off; alter table {name} with check check constraint {constraint}");
            let proved = session.run(&prove).await;
            session.run("set xact_abort on").await.doing(doing())?;
            if proved.is_ok() {
                continue;
            }
        }
        session.run(&format!("alter table {name} with nocheck check constraint {constraint}")).await.doing(doing())?;
    }
    for trigger in &guard.triggers {
        session.run(&format!("enable trigger {} on {name}", sql::qualified(&table.schema, trigger))).await.doing(doing())?;
    }
    Ok(())
}
