//! Who says that changes of the pilot's configuration are theirs (A8: "keep detailed notes"): the note on record, and the commitment that ties it to the rows that were meant.
//!
//! Owns what a note says and when there may be one. Does not own what was changed (`carry::changes`), nor the rows' hashes, which stay beside the record.

use super::gates::{Refused, Sight, known, refused};
use super::{Fact, Mark, State};
use crate::carry::ChangeId;
use crate::hash::Hash;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a note says of one table: numbers and names of columns, no values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedTable {
    /// As program files write it.
    pub table: String,
    /// Rows.
    pub inserted: u64,
    /// Rows.
    pub changed: u64,
    /// Rows, those with them that are no configuration any more.
    pub deleted: u64,
    /// Columns of changed rows.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub columns: BTreeSet<String>,
}

/// What somebody puts on record as theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The run that made the pilot.
    pub run: String,
    /// Its generation.
    pub generation: u32,
    /// The case of the test plan for which it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Rows of configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<NotedTable>,
    /// Objects of the schema, the first of them: kind, name, and what was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schema: Vec<(String, String, String)>,
    /// How many more objects the digest is about.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
    /// See [`NotedRows::commitment`].
    pub digest: Hash,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A note as it stands on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Noted {
    /// Number of the event.
    pub event: u64,
    /// When.
    pub at: Mark,
    /// Whose.
    pub by: String,
    /// What.
    #[serde(flatten)]
    pub note: Note,
}

/// What a note is about, by hashes. It is kept beside the record; with the salt, the record's digest shows that nothing was added or taken away since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedRows {
    /// Random: without it the digest cannot be tried against guesses.
    pub salt: Hash,
    /// By table as program files write it: rows in the order of their hashes.
    pub rows: BTreeMap<String, BTreeSet<ChangeId>>,
    /// Objects of the schema.
    pub schema: BTreeSet<Hash>,
}

impl NotedRows {
    /// The digest over all of them that goes on record.
    pub fn commitment(&self) -> Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.salt.0);
        let number = |hasher: &mut blake3::Hasher, n: usize| {
            hasher.update(&u64::try_from(n).unwrap_or(u64::MAX).to_le_bytes());
        };
        hasher.update(b"greenroom note v1");
        number(&mut hasher, self.rows.len());
        for (table, rows) in &self.rows {
            number(&mut hasher, table.len());
            hasher.update(table.as_bytes());
            number(&mut hasher, rows.len());
            for id in rows {
                hasher.update(&id.place.0);
                hasher.update(&id.seen.0);
            }
        }
        number(&mut hasher, self.schema.len());
        for id in &self.schema {
            hasher.update(&id.0);
        }
        Hash(*hasher.finalize().as_bytes())
    }
}

impl State {
    pub(super) fn noted(&mut self, at: Mark, by: &str, note: &Note) {
        self.notes.push(Noted { event: self.event, at, by: by.to_owned(), note: note.clone() });
    }
}

impl Sight<'_> {
    /// Puts on record that changes are somebody's.
    ///
    /// # Errors
    /// When there is nothing to note, there is no such case, nobody who is known says it, or another pilot stands by now.
    pub fn note_changes(&self, by: Option<&str>, note: Note) -> Result<Fact, Refused> {
        known(by)?;
        if note.tables.is_empty() && note.schema.is_empty() {
            return refused(
                "nothing of what was named has changed without being noted",
                "`greenroom changes` lists what was changed on the pilot, and whose it is",
            );
        }
        if let Some(case) = note.case.as_ref().filter(|c| !self.process.cases.contains_key(*c)) {
            let near = crate::program::text::nearest(case, self.process.cases.keys().map(String::as_str));
            let hint = near.map_or("`greenroom test-plan` lists them".to_owned(), |n| format!("did you mean `{n}`?"));
            return refused(format!("there is no case `{case}`"), hint);
        }
        match &self.proofs.pilot {
            Some(pilot) if pilot.run == note.run => Ok(Fact::ChangesNoted { note }),
            Some(_) => refused("another pilot stands since the changes were read", "look at them again: `greenroom changes`"),
            None => refused("no pilot stands", "`greenroom rehearse` makes one"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::cases::Tested;
    use crate::process::{Process, Proofs, read};
    use crate::program::{Layer, PROGRAM_LAYER};
    use jiff::Timestamp;

    const PEOPLE: &str = "[party.clinic]\n[person.anna]\nparty = \"clinic\"\nroles = [\"tester\"]\n[stage.test]\n[case.labels]\nstage = \"test\"\nrole = \"tester\"\n";

    fn process() -> Process {
        let files = [("process.toml".to_owned(), PEOPLE.to_owned())].into();
        read(&[Layer { name: PROGRAM_LAYER.into(), files, opaque: Default::default() }]).0.unwrap()
    }

    fn note(run: &str, case: Option<&str>, tables: usize) -> Note {
        let table = |n: usize| NotedTable { table: format!("t{n}"), changed: 1, ..NotedTable::default() };
        let case = case.map(str::to_owned);
        Note { run: run.into(), generation: 1, case, tables: (0..tables).map(table).collect(), schema: vec![], more: 0, digest: Hash::ZERO }
    }

    #[test]
    fn a_note_is_somebodys_about_the_pilot_that_stands_and_about_something() {
        let (process, mut state, mut proofs) = (process(), State::default(), Proofs::default());
        let refused = |state: &State, proofs: &Proofs, by: Option<&str>, n: Note, words: &str| {
            let r = Sight { process: &process, state, proofs, now: Timestamp::UNIX_EPOCH }.note_changes(by, n).unwrap_err();
            assert!(format!("{} {}", r.message, r.hint).contains(words), "{r:?}");
        };
        refused(&state, &proofs, Some("anna"), note("r1", None, 1), "no pilot stands");
        let tested = |run: &str| Tested { run: run.into(), generation: 1, recipe: Hash::ZERO, tables: BTreeMap::new() };
        proofs.pilot = Some(tested("r2"));
        refused(&state, &proofs, Some("anna"), note("r1", None, 1), "another pilot stands");
        proofs.pilot = Some(tested("r1"));
        refused(&state, &proofs, None, note("r1", None, 1), "login");
        refused(&state, &proofs, Some("anna"), note("r1", None, 0), "nothing of what was named");
        refused(&state, &proofs, Some("anna"), note("r1", Some("lables"), 1), "did you mean `labels`?");
        let fact = Sight { process: &process, state: &state, proofs: &proofs, now: Timestamp::UNIX_EPOCH }
            .note_changes(Some("anna"), note("r1", Some("labels"), 2))
            .unwrap();
        let json = serde_json::to_string(&fact).unwrap();
        assert_eq!(serde_json::from_str::<Fact>(&json).unwrap(), fact, "{json}");
        state.apply_event(7, Timestamp::UNIX_EPOCH, "anna", &fact);
        assert_eq!((state.notes[0].event, state.notes[0].by.as_str(), state.notes[0].note.tables.len()), (7, "anna", 2));
    }

    #[test]
    fn a_commitment_is_about_every_row_its_table_and_the_salt() {
        let id = |n: u8| ChangeId { place: Hash([n; 32]), seen: Hash([n + 100; 32]) };
        let rows = |tables: &[(&str, &[u8])], schema: &[u8], salt: u8| NotedRows {
            salt: Hash([salt; 32]),
            rows: tables.iter().map(|(t, ids)| ((*t).to_owned(), ids.iter().map(|n| id(*n)).collect())).collect(),
            schema: schema.iter().map(|n| Hash([*n; 32])).collect(),
        };
        let all = [
            rows(&[("a", &[1, 2])], &[], 1),
            rows(&[("a", &[1, 2])], &[], 2),
            rows(&[("b", &[1, 2])], &[], 1),
            rows(&[("a", &[1])], &[], 1),
            rows(&[("a", &[1]), ("b", &[2])], &[], 1),
            rows(&[("a", &[1, 2])], &[3], 1),
            rows(&[], &[], 1),
        ];
        let digests: BTreeSet<Hash> = all.iter().map(NotedRows::commitment).collect();
        assert_eq!(digests.len(), all.len());
        // The order in which rows came does not count.
        assert_eq!(all[0].commitment(), rows(&[("a", &[2, 1])], &[], 1).commitment());
        let json = serde_json::to_string(&all[4]).unwrap();
        assert_eq!(serde_json::from_str::<NotedRows>(&json).unwrap(), all[4]);
    }
}
