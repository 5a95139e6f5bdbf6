//! The verbs of a fence around production (P22–P24): read what stands open, shut it, open it again, ask what is true.
//!
//! Not part of [`Source`](crate::Source), which never writes to production. Each engine has a file `fence`. Durable on every engine: a dead
//! process, a restarted server lift nothing. Does not own when it is raised, deadlines, nor the card with the statements (`runner`).

use crate::error::{EngineError, ErrorKind, Result};
use async_trait::async_trait;
use greenroom_model::fence::{Doors, Stands};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the database says of a fence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fenced {
    /// How much of it stands.
    #[serde(flatten)]
    pub stands: Stands,
    /// Who may come in all the same: a right given since, a door opened by hand, or one that nobody knew of.
    pub open: Vec<String>,
    /// Sessions of others that are in the database: login and program, one line each. Engines without sessions have none.
    pub sessions: Vec<String>,
}

impl Fenced {
    /// Nobody else is in or may come in.
    pub fn is_tight(&self) -> bool {
        self.open.is_empty() && self.sessions.is_empty()
    }
}

/// Production, to be shut and opened.
#[async_trait]
pub trait Fence: Send {
    /// What stands open now. Changes nothing.
    async fn doors(&mut self) -> Result<Doors>;
    /// The same where production stays beside the new one on the same server and accounts lead to both: doors of the database itself are among them, so that
    /// [`Fence::part`] can open the others. Changes nothing.
    async fn doors_apart(&mut self) -> Result<Doors> {
        Err(EngineError::unsupported("shut production for good beside the new one", "this engine cannot do that yet"))
    }
    /// Shuts every door, lets transactions that run end for as long as `drain`, then ends what sessions are left. Repeatable. When it returns
    /// without an error, every door is shut and nobody else is in. After an error some doors may be shut: see [`Fence::lift`].
    async fn raise(&mut self, doors: &Doors, drain: Duration) -> Result<()>;
    /// Opens every door as it was, whichever are shut. Repeatable.
    async fn lift(&mut self, doors: &Doors) -> Result<()>;
    /// Opens the doors that lead to more than production, once users are let into what stands beside it; production itself stays shut for good, by doors of its own
    /// and by the rights on it that are taken away first. Refuses while one of its own doors is open. Repeatable; there is no way back.
    async fn part(&mut self, doors: &Doors) -> Result<()> {
        let _ = doors;
        Err(EngineError::unsupported("shut production for good beside the new one", "this engine cannot do that yet"))
    }
    /// What is true now.
    async fn look(&mut self, doors: &Doors) -> Result<Fenced>;
}

/// Refuses another database than the one whose doors were read.
pub(crate) fn same_database(doors: &Doors, engine_id: &str) -> Result<()> {
    if doors.engine_id == engine_id {
        return Ok(());
    }
    let what = format!("`{}` is another database now than the one that was fenced", doors.database);
    Err(EngineError::new(ErrorKind::Conflict, "fence production", what).hint("find out who replaced it before anything else"))
}

/// Somebody is in whom the fence cannot end.
pub(crate) fn still_in(sessions: &[String]) -> EngineError {
    let what =
        format!("{} of others could not be ended: {}", if sessions.len() == 1 { "a session" } else { "sessions" }, sessions.join("; "));
    EngineError::new(ErrorKind::Conflict, "shut others out of production", what)
        .hint("give Greenroom's login the right to end others' sessions, or have them ended, and raise the fence again")
}
