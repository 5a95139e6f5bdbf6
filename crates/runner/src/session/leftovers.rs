//! What is left over: every raw or former copy that still exists, and every file of ours that holds values of configuration; where, why, until
//! when. Owns the list; does not drop anything (`databases`).

use super::databases::{FORMER_PRODUCTION, PRODUCTION, UNMASKED};
use super::{Session, SessionError};
use crate::base::Base;
use crate::workspace::IMPORT_FILE;
use greenroom_model::run::Phase;
use std::collections::BTreeSet;
use std::path::Path;

/// Something that is left over.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Leftover {
    /// `former pilot`, `generation`, `raw copy`, `half-restored raw copy`, `base`, `compared configuration`.
    pub what: String,
    /// Name of the database, or path of the file.
    pub place: String,
    /// Its bytes, where that is known.
    pub bytes: Option<u64>,
    /// Why it is there.
    pub why: String,
    /// When it may go, where that has a date.
    pub until: Option<jiff::Timestamp>,
    /// How it goes.
    pub goes: String,
    /// It holds production's values as they are.
    pub raw: bool,
}

impl Session {
    /// Everything that is left over. Empty when only the pilot stands.
    ///
    /// # Errors
    /// When the target or the workspace cannot be asked.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, SessionError> {
        let history = self.whole_history()?;
        let mut all = Vec::new();
        let mut standing: BTreeSet<String> = BTreeSet::new();
        for k in self.databases().await? {
            standing.insert(k.nonce.clone());
            let bytes = k.standing.as_ref().map(|s| s.bytes);
            let run = history.run(&k.run);
            let open = run.is_some_and(|r| matches!(r.phase, Phase::Running | Phase::Undoing));
            let (what, why, goes) = match k.role.as_str() {
                "pilot" | PRODUCTION => continue,
                FORMER_PRODUCTION => match &k.elsewhere {
                    None => (
                        FORMER_PRODUCTION,
                        format!("production until `{}`, fenced", k.run),
                        format!("`greenroom retire {}` drops it, once its time is over", k.name),
                    ),
                    Some(there) => (
                        FORMER_PRODUCTION,
                        format!("production until `{}`, fenced, on {}{}", k.run, there.server, there.unsure()),
                        format!("a person drops it there once its time is over, and says so: `greenroom retire {} --by-hand`", k.name),
                    ),
                },
                "former" => (
                    "former pilot",
                    format!("the pilot before `{}`, so that it can be undone", k.run),
                    "the next run drops it once its time is over, `greenroom drop` at once".to_owned(),
                ),
                role @ ("generation" | UNMASKED) if open => {
                    (role, format!("`{}` is not finished", k.run), format!("`greenroom resume {0}` or `greenroom undo {0}`", k.run))
                }
                role @ ("generation" | UNMASKED) => (role, format!("`{}` left it", k.run), format!("`greenroom drop {}`", k.name)),
                role => (
                    role,
                    format!("the backup that `{}` restored", k.run),
                    format!("`greenroom drop {}`, or when its time is over", k.name),
                ),
            };
            let raw = k.role.ends_with("raw copy") || k.role == UNMASKED || k.role == FORMER_PRODUCTION;
            all.push(Leftover { what: what.to_owned(), place: k.name, bytes, why, until: k.until, goes, raw });
        }
        for (path, bytes) in files(&self.workspace.bases())? {
            let Some(base) = Base::open(Path::new(&path))? else { continue };
            let made = history.runs.iter().find(|r| r.plan.names.nonce == base.nonce);
            let of = made.map_or_else(|| "a run that the journal does not know".to_owned(), |r| format!("`{}`", r.id));
            let stands = standing.contains(&base.nonce);
            let why = match stands {
                true => format!("what refreshes compare the pilot of {of} with"),
                false => format!("what refreshes compared the pilot of {of} with, which is gone"),
            };
            let goes = if stands { "with its database".to_owned() } else { "delete the file".to_owned() };
            all.push(Leftover { what: "base".into(), place: path, bytes: Some(bytes), why, until: None, goes, raw: false });
        }
        for (path, bytes) in files(&self.workspace.imports())? {
            if path.ends_with(IMPORT_FILE) {
                let why = "rows of exported files, kept from the plan of an import to its end".to_owned();
                let goes = "with the run; delete the file if no import waits for anybody".to_owned();
                all.push(Leftover {
                    what: "compared configuration".into(),
                    place: path,
                    bytes: Some(bytes),
                    why,
                    until: None,
                    goes,
                    raw: false,
                });
            }
        }
        for run in history.runs.iter().filter(|r| r.plan.carry.is_some() && r.phase == Phase::Finished) {
            let scratch = self.workspace.scratch(&run.id)?;
            for name in ["preview.json", "carry.json", "import-preview.json", "import.json"] {
                let path = scratch.join(name);
                if let Ok(data) = path.metadata() {
                    let why = format!("what `{}` carried over, for `greenroom preview --run {0}`", run.id);
                    let (place, bytes) = (path.display().to_string(), Some(data.len()));
                    let goes = "delete the file: the run does not need it any more".to_owned();
                    all.push(Leftover { what: "compared configuration".into(), place, bytes, why, until: None, goes, raw: false });
                }
            }
        }
        Ok(all)
    }
}

/// Files of a folder with their bytes, by name.
fn files(folder: &Path) -> std::io::Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|e| e == "json") {
            found.push((entry.path().display().to_string(), entry.metadata()?.len()));
        }
    }
    found.sort();
    Ok(found)
}
