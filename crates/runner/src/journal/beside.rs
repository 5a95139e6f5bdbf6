//! What a journal's file holds beside its chain, and how it goes away for good. Does not own what is put on record of that.

use super::{Actor, AppendError, ReplayError, SqliteJournal};
use greenroom_model::hash::Hash;
use greenroom_model::run::{Body, Event, Stored};

fn storage(e: rusqlite::Error) -> ReplayError {
    ReplayError::Storage(e.to_string())
}

impl SqliteJournal {
    /// All events as they are stored, unchecked.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn stored(&self) -> Result<Vec<Stored>, ReplayError> {
        let mut statement =
            self.db.prepare("select seq, run, epoch, at, personal, prev, body, hash from event order by seq").map_err(storage)?;
        let stored = |r: &rusqlite::Row<'_>| {
            Ok(Stored {
                seq: r.get(0)?,
                run: r.get(1)?,
                epoch: r.get(2)?,
                at: r.get(3)?,
                personal: r.get(4)?,
                prev: r.get(5)?,
                body: r.get(6)?,
                hash: r.get(7)?,
            })
        };
        statement.query_map([], stored).map_err(storage)?.collect::<Result<Vec<_>, _>>().map_err(storage)
    }

    /// What stands beside the chain, unchecked: commitment, salt, data.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn beside(&self) -> Result<Vec<(String, Vec<u8>, String)>, ReplayError> {
        let mut statement = self.db.prepare("select commitment, salt, data from personal order by commitment").map_err(storage)?;
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).map_err(storage)?;
        rows.collect::<Result<Vec<_>, _>>().map_err(storage)
    }

    /// Erases entries and puts that on record, both or neither.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn erase(&mut self, entries: &[Hash], actor: Option<&Actor>, body: Body) -> Result<Event, AppendError> {
        self.insert(None, actor, body, entries).map_err(|e| AppendError::Storage(e.to_string()))?
    }

    /// Takes what was erased out of the file, and out of the one beside it that holds the latest changes. False when another process reads it at this moment.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn scrub(&mut self) -> Result<bool, ReplayError> {
        if !self.fold_in()? {
            return Ok(false);
        }
        match self.db.execute_batch("vacuum") {
            Err(rusqlite::Error::SqliteFailure(e, _))
                if matches!(e.code, rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) =>
            {
                return Ok(false);
            }
            done => done.map_err(storage)?,
        }
        self.fold_in()
    }

    /// Writes the latest changes into the file and empties the one that held them.
    fn fold_in(&mut self) -> Result<bool, ReplayError> {
        let busy: i64 = self.db.query_row("pragma wal_checkpoint(truncate)", [], |r| r.get(0)).map_err(storage)?;
        Ok(busy == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;
    use crate::ports::{SystemClock, SystemRandom};
    use std::sync::Arc;

    #[test]
    fn a_reader_keeps_what_is_erased_in_the_file_and_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.db");
        let open = || SqliteJournal::open(&path, Arc::new(SystemClock::default()), Arc::new(SystemRandom)).unwrap();
        let mut journal = open();
        journal.db.busy_timeout(std::time::Duration::ZERO).unwrap();
        let body = || Body::WorkspaceCreated { program: "p".into(), tool: "1".into(), simulated: false };
        let actor = Actor { os_user: "somebody.of-the-desk".into(), words: None };
        let event = journal.append(None, Some(&actor), body()).unwrap();
        let holds = || {
            let bytes = |p: &std::path::Path| std::fs::read(p).unwrap_or_default();
            let all = [bytes(&path), bytes(&folder.path().join("j.db-wal"))].concat();
            all.windows(20).any(|w| w == b"somebody.of-the-desk")
        };
        let reader = open();
        reader.db.execute_batch("begin; select count(*) from personal").unwrap();
        assert_eq!(reader.beside().unwrap().len(), 1);
        let after = journal.erase(&event.personal, None, body()).unwrap();
        assert_eq!((after.seq, journal.beside().unwrap().len()), (2, 0));
        assert!(!journal.scrub().unwrap() && holds(), "the reader still needs it");
        reader.db.execute_batch("commit").unwrap();
        assert!(journal.scrub().unwrap() && !holds());
        assert_eq!(journal.replay().unwrap().len(), 2);
    }
}
