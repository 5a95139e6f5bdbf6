//! Raising production's fence and giving production back, as `greenroom fence` and a switch both do it. What the fence takes away is written down
//! before the first change, twice: for giving it back, and on a card with statements that a person can type when nothing of ours works any more.
//!
//! Owns the order of these, the files, and what the journal is told. Does not own how people are shut out (`engine::fence`), nor when.

use crate::journal::{Actor, AppendError};
use crate::ports::{Engines, Notice, Observer};
use crate::workspace::{read_json, write_json, write_whole};
use greenroom_engine::EngineError;
use greenroom_engine::fence::{self as engine, Fenced};
use greenroom_model::fence::{Doors, Fence, Progress, Stands};
use greenroom_model::hash::Hash;
use greenroom_model::run::{Body, Failure};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Writes an event that belongs to no run.
pub type Record<'r> = &'r mut (dyn FnMut(Option<&Actor>, Body) -> Result<(), AppendError> + Send);

/// Why production could not be fenced, or given back.
#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    /// Something is not as it has to be.
    #[error("{}", .0.message)]
    Failed(Box<Failure>),
    /// Production refused, or could not be reached.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The journal refused.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// What is to be written down could not be.
    #[error("could not use the fence's folder: {0}")]
    Files(#[from] std::io::Error),
}

/// A failure with its hint.
pub(crate) fn refusal(code: &str, message: impl Into<String>, hint: impl Into<String>) -> FenceError {
    FenceError::Failed(Box::new(Failure { code: code.into(), message: message.into(), hint: Some(hint.into()), details: Vec::new() }))
}

/// What a fence is raised for.
#[derive(Clone, Copy, Debug)]
pub struct Aim<'a> {
    /// When production must be given back.
    pub until: Timestamp,
    /// Why, in somebody's words.
    pub reason: Option<&'a str>,
    /// What has to be done by hand before the card's statements.
    pub first: Option<&'a str>,
    /// Another database is to take production's place: what would not survive that stands in the way, too.
    pub replaced: bool,
    /// Production stays beside the new one on the same server, and accounts lead to both: doors of the database itself are shut, too.
    pub apart: bool,
}

/// What a fence is raised with.
#[derive(Clone)]
pub struct Fencing {
    /// The program's name, for the card.
    pub program: String,
    /// Where it is written down what a fence takes away.
    pub folder: PathBuf,
    /// How long transactions may go on.
    pub drain: Duration,
    /// Connections.
    pub engines: Arc<dyn Engines>,
    /// Listener.
    pub observer: Arc<dyn Observer>,
    /// Who acts.
    pub actor: Actor,
}

impl Fencing {
    /// Where it is kept how production stood open before a fence.
    fn file(&self, doors: Hash) -> PathBuf {
        self.folder.join(format!("{doors}.json"))
    }

    /// The page with the statements that give production back.
    pub fn card_file(&self) -> PathBuf {
        self.folder.join("break-glass.txt")
    }

    /// What a fence that the journal knows shut.
    ///
    /// # Errors
    /// When that is lost.
    pub fn doors_of(&self, fence: &Fence) -> Result<Doors, FenceError> {
        let path = self.file(fence.doors);
        let doors: Option<Doors> = read_json(&path)?;
        doors.filter(|d| d.hash() == fence.doors).ok_or_else(|| {
            let hint = format!(
                "type the statements of the card `{}`; they give back what the fence took. Then `greenroom fence lift --by-hand`",
                self.card_file().display()
            );
            refusal("GR0743", format!("how production stood open before the fence is lost: `{}`", path.display()), hint)
        })
    }

    /// The doors that lie in the folder, if they are the only ones.
    pub(crate) fn only_doors(&self) -> Result<Option<Doors>, FenceError> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "json") {
                found.extend(read_json::<Doors>(&path)?);
            }
        }
        Ok(if found.len() == 1 { found.pop() } else { None })
    }

    /// What stands open now, for a fence with this aim.
    async fn read(production: &mut dyn engine::Fence, apart: bool) -> Result<Doors, FenceError> {
        Ok(if apart { production.doors_apart().await? } else { production.doors().await? })
    }

    /// Once users are let into the new production on the same server: the former one is shut for good by its own doors, and those of accounts, which lead to both, are
    /// opened. There is no way back.
    ///
    /// # Errors
    /// When it is not shut by its own doors, or rights on it are left: nobody is let in then.
    pub async fn part(&self, doors: &Doors) -> Result<(), FenceError> {
        self.engines.production().await?.part(doors).await.map_err(|e| {
            let hint = e.hint.clone().unwrap_or_else(|| "mend the cause, then `greenroom resume`: nobody is let in before".into());
            refusal("GR0787", format!("the former production is not shut for good: {e}"), hint)
        })
    }

    /// Whether the fence stands and nobody else is in.
    ///
    /// # Errors
    /// When production cannot be asked.
    pub async fn is_tight(&self, doors: &Doors) -> Result<bool, FenceError> {
        let now = self.engines.production().await?.look(doors).await?;
        Ok(now.stands == Stands::Up && now.is_tight())
    }

    /// Raises the fence, or goes on raising one that was cut off. `shown` gets the card before the first change.
    ///
    /// # Errors
    /// When something is in the way, or production is fenced already, with nothing changed; when the fence does not stand afterwards.
    pub async fn raise(
        &self,
        record: Record<'_>,
        known: Option<Fence>,
        aim: Aim<'_>,
        shown: &mut (dyn FnMut(&str, &Doors) + Send),
    ) -> Result<Doors, FenceError> {
        let mut production = self.engines.production().await?;
        let begun = match known {
            Some(fence) => {
                let doors = self.doors_of(&fence)?;
                let now = production.look(&doors).await?;
                match (fence.progress, now.stands) {
                    // Nothing of it is left: who may come in may be somebody else by now.
                    (_, Stands::Down) => None,
                    _ if aim.apart && !doors.apart => return Err(by_accounts_alone()),
                    (Progress::Raised, Stands::Up) if now.is_tight() => {
                        let hint = "`greenroom fence` shows it; `greenroom fence prolong` gives it more time, `greenroom fence lift` takes it down";
                        return Err(refusal("GR0742", "production is fenced already", hint));
                    }
                    _ => Some(doors),
                }
            }
            None => None,
        };
        let doors = match begun {
            Some(doors) => doors,
            None => {
                let doors = Self::read(production.as_mut(), aim.apart).await?;
                unobstructed(&doors, aim.replaced)?;
                write_json(&self.file(doors.hash()), &doors)?;
                doors
            }
        };
        let card = card(&self.program, &doors, aim.until, aim.first);
        write_whole(&self.card_file(), card.as_bytes())?;
        shown(&card, &doors);
        record(Some(&self.actor), Body::FenceIntended { doors: doors.hash(), until: aim.until, reason: aim.reason.map(str::to_owned) })?;
        if let Err(e) = self.keep_out(production.as_mut(), &doors).await {
            // A fence that does not hold shuts people out for nothing.
            drop(production);
            self.give_back(record, &doors).await.map_err(|second| half_raised(&e, &second))?;
            self.observer.notice(Notice::Line("what had been shut is open again".to_owned()));
            return Err(e);
        }
        record(None, Body::FenceRaised)?;
        Ok(doors)
    }

    async fn keep_out(&self, production: &mut dyn engine::Fence, doors: &Doors) -> Result<(), FenceError> {
        production.raise(doors, self.drain).await?;
        let now = production.look(doors).await?;
        if now.stands != Stands::Up || !now.is_tight() {
            return Err(otherwise("raised", &now));
        }
        Ok(())
    }

    /// Writes the card anew: another deadline, or what has to be done before its statements.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn rewrite_card(&self, doors: &Doors, until: Timestamp, first: Option<&str>) -> Result<(), FenceError> {
        Ok(write_whole(&self.card_file(), card(&self.program, doors, until, first).as_bytes())?)
    }

    /// Opens first and writes down afterwards: nobody is kept out because a disk is full.
    ///
    /// # Errors
    /// When production is not open afterwards; when it is and that could not be put on record.
    pub async fn give_back(&self, record: Record<'_>, doors: &Doors) -> Result<(), FenceError> {
        // What cannot be written down now is said at the end.
        let intended = record(Some(&self.actor), Body::FenceLifting);
        let mut production = self.engines.production().await?;
        // Where nothing is shut nothing is changed: a database that somebody holds locked is none that we must wait for.
        if production.look(doors).await?.stands != Stands::Down {
            production.lift(doors).await?;
        }
        let now = production.look(doors).await?;
        if now.stands != Stands::Down {
            return Err(otherwise("lifted", &now));
        }
        intended.and_then(|()| record(None, Body::FenceLifted)).map_err(|e| {
            let hint = "mend or restore the workspace, then `greenroom fence lift --by-hand` puts it on record";
            refusal("GR0724", format!("production is open as it was, and the journal does not know: {e}"), hint)
        })?;
        Ok(self.put_aside(doors.hash(), "lifted")?)
    }

    /// Card and doors are of no fence any more that anybody should lift; what they say is kept all the same, until the next fence's end.
    ///
    /// # Errors
    /// When a file cannot be renamed.
    pub fn put_aside(&self, doors: Hash, word: &str) -> std::io::Result<()> {
        for (path, aside) in [(self.card_file(), format!("card.{word}")), (self.file(doors), format!("latest.{word}"))] {
            match std::fs::rename(&path, self.folder.join(aside)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    /// The folder, for messages.
    pub fn shown_folder(&self) -> &Path {
        &self.folder
    }
}

/// What a fence whose doors are accounts alone is refused with, where accounts are to be let into the new production beside it; and the way out.
pub(crate) const ACCOUNTS_ALONE: [&str; 2] = [
    "production was fenced by locking accounts alone, which cannot stay so once users are let in on the same server",
    "`greenroom fence lift`: the switch raises its own, with triggers on every table",
];

/// See [`ACCOUNTS_ALONE`].
pub(crate) fn by_accounts_alone() -> FenceError {
    refusal("GR0786", ACCOUNTS_ALONE[0], ACCOUNTS_ALONE[1])
}

fn unobstructed(doors: &Doors, replaced: bool) -> Result<(), FenceError> {
    let hazards = doors.hazards.iter().filter(|_| replaced);
    let details: Vec<String> = doors.obstacles.iter().chain(hazards).map(|o| format!("{}: {}", o.what, o.way_out)).collect();
    if details.is_empty() {
        return Ok(());
    }
    Err(FenceError::Failed(Box::new(Failure {
        code: "GR0741".into(),
        message: format!("production `{}` cannot be fenced as it is; nothing was changed", doors.database),
        hint: Some("get what is listed out of the way; `greenroom fence` shows what is left".into()),
        details,
    })))
}

/// The database says otherwise than it should.
fn otherwise(done: &str, now: &Fenced) -> FenceError {
    let stands = match now.stands {
        Stands::Down => "nothing of it stands".to_owned(),
        Stands::Up => "all of it stands".to_owned(),
        Stands::Part { shut, of } => format!("{shut} of {of} doors are shut"),
    };
    let mut details = vec![stands];
    details.extend(now.open.iter().map(|who| format!("may come in: {who}")));
    details.extend(now.sessions.iter().map(|s| format!("in the database: {s}")));
    FenceError::Failed(Box::new(Failure {
        code: "GR0744".into(),
        message: format!("the fence was {done}, and the database says otherwise"),
        hint: Some("`greenroom fence` shows what is true now".into()),
        details,
    }))
}

/// Raising failed, and giving back did too.
fn half_raised(first: &FenceError, second: &FenceError) -> FenceError {
    FenceError::Failed(Box::new(Failure {
        code: "GR0744".into(),
        message: format!("the fence could not be raised ({first}), and what had been shut could not be opened again: {second}"),
        hint: Some("`greenroom fence lift` tries again; the card under `.greenroom/fence` has the statements".into()),
        details: Vec::new(),
    }))
}

/// What a person types to give production back, on one page. `first` is what has to be done before the statements.
pub(crate) fn card(program: &str, doors: &Doors, until: Timestamp, first: Option<&str>) -> String {
    let does = if first.is_some() { "`greenroom undo`" } else { "`greenroom fence lift`" };
    let mut out = format!(
        "BREAK GLASS: give production back by hand\n\nprogram:   {program}\ndatabase:  {}\nfenced until {until}; {does} does all of this.\n\n",
        doors.database
    );
    if let Some(first) = first {
        out.push_str(&format!("First, where another database stands under production's name already:\n{first}\n"));
    }
    out.push_str(&format!("When nothing of Greenroom works any more, type in\n  {}\n\n", doors.client));
    // How a file keeps its journal was changed by the exchange of names; rights beside the doors were not.
    let kept = doors.besides.iter().map(String::as_str).filter(|s| s.starts_with("PRAGMA "));
    for statement in doors.opening().chain(kept) {
        out.push_str(&format!("  {statement};\n"));
    }
    out.push_str(&format!(
        "\nEach statement can be typed again without harm. Afterwards, as soon as it can be: {does}, so that the journal knows.\n"
    ));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_model::fence::Door;

    #[test]
    fn the_card_holds_the_statements_in_their_order() {
        let door = |n: u32| Door { who: format!("r{n}"), key: Vec::new(), shut: format!("shut {n}"), open: format!("open {n}") };
        let doors = Doors {
            database: "clinic".into(),
            engine_id: "7".into(),
            client: "psql -d postgres".into(),
            doors: vec![door(1), door(2)],
            apart: false,
            spared: Vec::new(),
            besides: Vec::new(),
            gaps: Vec::new(),
            obstacles: Vec::new(),
            hazards: Vec::new(),
        };
        let until = "2026-11-23T22:00:00Z".parse().unwrap();
        let text = card("clinic", &doors, until, None);
        assert!(text.contains("database:  clinic\nfenced until 2026-11-23T22:00:00Z;"), "{text}");
        assert!(text.contains("type in\n  psql -d postgres\n\n  open 2;\n  open 1;\n"), "{text}");
        let text = card("clinic", &doors, until, Some("  rename it back\n"));
        assert!(text.find("rename it back") < text.find("open 2"), "{text}");
    }
}
