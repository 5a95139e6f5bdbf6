//! Receiving files, and what becomes of them: listed, opened, compared, removed when their time is over.

use super::error::refused;
use super::process::not_allowed;
use super::{Recorded, Session, SessionError};
use crate::artefacts::{self, ArtefactError, Sums};
use crate::secrets::private_text;
use greenroom_model::process::artefact::Line;
use greenroom_model::process::{Fact, Stored};
use serde::Serialize;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// How often what was received is put on record anew while somebody else puts something there.
const TRIES: u32 = 300;
/// And how long is waited in between.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// What was decrypted.
#[derive(Clone, Debug, Serialize)]
pub struct Opened {
    /// Which artefact.
    pub name: String,
    /// Number of the event as which it was received.
    pub received: u64,
    /// Bytes of the plain file.
    pub bytes: u64,
}

/// Why nothing was kept of what was read.
#[derive(Debug)]
pub(super) enum NotKept {
    /// There was nothing in it.
    Empty,
    /// It could not be read, or stored.
    Files(ArtefactError),
    /// It may not be put on record, or not now.
    Refused(SessionError),
}

impl From<ArtefactError> for NotKept {
    fn from(e: ArtefactError) -> NotKept {
        NotKept::Files(e)
    }
}

impl From<SessionError> for NotKept {
    fn from(e: SessionError) -> NotKept {
        NotKept::Refused(e)
    }
}

impl Session {
    /// Reads a file that was received, stores it encrypted where it has recipients, and puts its checksums on record. The file itself stays where it is.
    ///
    /// # Errors
    /// GR0791 when nothing asks for it or it cannot be read, GR0798 when it cannot be stored. Nothing is stored or recorded then.
    pub fn receive(&self, name: &str, path: &Path) -> Result<Recorded, SessionError> {
        self.judged(|sight| sight.expects(name))?.map_err(not_allowed)?;
        let unread = |e: std::io::Error| {
            refused("GR0791", format!("`{}` cannot be read: {}", path.display(), e.kind()), "see that it is there, and may be read")
        };
        let mut file = File::open(path).map_err(unread)?;
        let record = |sums: Sums, stored: Option<Stored>| {
            let Sums { bytes, blake3, sha256 } = sums;
            let fact = Fact::Received { name: name.to_owned(), bytes, blake3, sha256, stored, link: None };
            self.patiently(|| self.decide_process(None, |sight, _| sight.expects(name).map(|()| fact.clone())))
        };
        self.keep(name, &mut file, record).map_err(|why| match why {
            NotKept::Empty => refused("GR0791", format!("`{}` is empty", path.display()), "was it sent whole?"),
            NotKept::Files(e) => self.not_stored(name, path, e),
            NotKept::Refused(e) => e,
        })
    }

    /// Reads to the end what is received of an artefact, stores it encrypted where it has recipients, and lets it be put on record. What is not put on record is not kept.
    pub(super) fn keep<T>(
        &self,
        name: &str,
        from: &mut dyn Read,
        record: impl FnOnce(Sums, Option<Stored>) -> Result<T, SessionError>,
    ) -> Result<T, NotKept> {
        let recipients = self.process()?.artefacts.get(name).map(|a| a.recipients.clone()).unwrap_or_default();
        if recipients.is_empty() {
            let sums = artefacts::sums(from)?;
            return if sums.bytes == 0 { Err(NotKept::Empty) } else { Ok(record(sums, None)?) };
        }
        let _lock = self.artefact_lock(name)?;
        let folder = self.workspace.artefacts();
        artefacts::sweep(&folder, name).map_err(SessionError::from)?;
        let (sums, stored) = artefacts::store(from, &folder, name, self.random.as_ref(), &recipients)?;
        if sums.bytes == 0 {
            return Err(NotKept::Empty);
        }
        let kept = stored.file.clone();
        let recorded = record(sums, Some(stored)).inspect_err(|_| {
            // Not on record, so it does not count; `greenroom artefact verify` names it where it cannot be removed.
            let _ = artefacts::remove(&folder, &kept);
        });
        Ok(recorded?)
    }

    /// Puts something on record. Hours may have gone into what it is about: somebody who puts something else there this moment does not make all of that vain.
    pub(super) fn patiently<T>(&self, record: impl Fn() -> Result<T, SessionError>) -> Result<T, SessionError> {
        let mut tries = 0;
        loop {
            match record() {
                Err(SessionError::Refused { code: "GR0723", .. }) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(PAUSE);
                }
                done => return done,
            }
        }
    }

    fn artefact_lock(&self, name: &str) -> Result<crate::workspace::RunLock, SessionError> {
        let busy = || {
            refused(
                "GR0723",
                format!("`{name}` is being received or removed this moment"),
                "wait for it, then look at `greenroom artefact`",
            )
        };
        self.workspace.lock(&format!("artefact-{name}"))?.ok_or_else(busy)
    }

    fn not_stored(&self, name: &str, path: &Path, e: ArtefactError) -> SessionError {
        let folder = self.workspace.artefacts();
        match &e {
            ArtefactError::Read(e) => {
                refused("GR0791", format!("`{}` cannot be read: {}", path.display(), e.kind()), "see that it is there, and may be read")
            }
            _ if e.is_full() => refused(
                "GR0798",
                format!("`{name}` could not be stored: there is no room left in {} ({e})", folder.display()),
                "make room there, then receive it again; nothing of it is kept",
            ),
            _ => refused(
                "GR0798",
                format!("`{name}` could not be stored in {}: {e}", folder.display()),
                "nothing of it is kept; receive it again",
            ),
        }
    }

    /// Every artefact as it stands.
    ///
    /// # Errors
    /// When there is no process, or the journal cannot be read.
    pub fn artefacts(&self) -> Result<Vec<Line>, SessionError> {
        self.judged(|sight| sight.artefacts())
    }

    /// Decrypts what was received last of an artefact into a file that is not there yet.
    ///
    /// # Errors
    /// GR0798 when nothing is stored, the identity does not open it, or it was changed.
    pub fn open_artefact(&self, name: &str, identity: &Path, out: &Path) -> Result<Opened, SessionError> {
        self.judged(|sight| sight.expects(name))?.map_err(not_allowed)?;
        let held = self.process_state()?.held.get(name).and_then(|all| all.last().cloned());
        let none = |why: String, hint: &str| refused("GR0798", format!("`{name}` cannot be opened: {why}"), hint);
        let Some(held) = held else { return Err(none("it was not received yet".into(), "`greenroom gate receive NAME FILE`")) };
        let stored = match (&held.stored, held.removed) {
            (Some(stored), None) => stored,
            (Some(_), Some(at)) => {
                return Err(none(format!("it was removed on {at}, when its time was over"), "`greenroom artefact` lists what is stored"));
            }
            (None, _) => {
                let hint = "the file is where it was when it was received; with `recipients` it would have been stored";
                return Err(none("it was not stored".into(), hint));
            }
        };
        let text =
            private_text(identity).map_err(|why| none(why, "name the file that `age-keygen -o FILE` wrote, readable by you only"))?;
        artefacts::open(&self.workspace.artefacts(), stored, &text, out, (held.bytes, held.blake3)).map_err(|e| match e {
            ArtefactError::Key(why) => {
                none(format!("`{}` {why}", identity.display()), "take the key whose recipient stands in process.toml")
            }
            ArtefactError::Write(e) => none(
                format!("`{}` could not be written: {}", out.display(), e.kind()),
                "name a file that is not there yet, in a folder with room",
            ),
            ArtefactError::Read(e) => none(
                format!("what is stored cannot be read: {}", e.kind()),
                "`greenroom artefact verify` looks at everything that is stored",
            ),
            ArtefactError::Changed(why) => none(why, "ask for it again, and receive it anew"),
        })?;
        Ok(Opened { name: name.to_owned(), received: held.event, bytes: held.bytes })
    }

    /// Compares everything that is stored with what is on record: artefact, event and what is wrong, none where it is as it was. Files that are not on record come last, without an event.
    ///
    /// # Errors
    /// When the journal or a file cannot be read.
    pub fn verify_artefacts(&self) -> Result<Vec<(String, u64, Option<String>)>, SessionError> {
        let folder = self.workspace.artefacts();
        let (state, mut all) = (self.process_state()?, Vec::new());
        let mut known = Vec::new();
        for (name, held) in &state.held {
            for h in held {
                let Some(stored) = &h.stored else { continue };
                known.push(stored.file.clone());
                if h.removed.is_none() {
                    let wrong = artefacts::compare(&folder, stored).unwrap_or(Some("it cannot be read"));
                    all.push((name.clone(), h.event, wrong.map(str::to_owned)));
                }
            }
        }
        let unknown = artefacts::stored_files(&folder)?.into_iter().filter(|f| !known.contains(f));
        all.extend(unknown.map(|f| (f, 0, Some("it is stored, and not on record".to_owned()))));
        Ok(all)
    }

    /// Removes what is stored of artefacts whose time is over, each on record.
    ///
    /// # Errors
    /// When somebody may not, or a file cannot be removed.
    pub fn expire_artefacts(&self) -> Result<Vec<Recorded>, SessionError> {
        let folder = self.workspace.artefacts();
        let mut done = Vec::new();
        for line in self.artefacts()? {
            let Some((held, stored)) = line.held.as_ref().and_then(|h| Some((h, h.stored.as_ref()?))) else { continue };
            let _lock = self.artefact_lock(&line.name)?;
            match held.removed {
                // On record first: what is removed is known to be, and a process that dies in between leaves a file that the next one removes.
                None if line.over => done.push(self.decide_process(None, |sight, by| sight.remove_artefact(&line.name, held.event, by))?),
                None => continue,
                Some(_) => {}
            }
            artefacts::remove(&folder, &stored.file)?;
        }
        Ok(done)
    }
}
