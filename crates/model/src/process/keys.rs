//! Signatures with keys: what exactly is signed, whose keys count, and what is recorded of it. A signature comes in already checked: this crate does no cryptography.

use super::gates::{Refused, Sight, refused};
use super::{Fact, Process};
use crate::hash::Hash;
use serde::{Deserialize, Serialize};

/// With what a sign-off has to be signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Asks {
    /// Whoever the operating system says is there: an indication.
    #[default]
    Login,
    /// A key that stands under the person.
    Key,
}

impl Asks {
    /// A login is enough.
    pub fn is_login(&self) -> bool {
        *self == Asks::Login
    }
}

/// A signature made with a key, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySignature {
    /// The public key as OpenSSH writes it, without its comment: `ssh-ed25519 AAAA…`.
    pub key: String,
    /// The signature as `ssh-keygen -Y sign` writes it.
    pub signature: String,
}

/// Which record something is about: a signature for one is none for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The program's name when the workspace was made.
    pub program: String,
    /// Hash of the first event.
    pub workspace: Hash,
}

/// What somebody signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// In which record.
    pub origin: Origin,
    /// The gate.
    pub gate: String,
    /// Who signs: their id.
    pub person: String,
    /// Approved, or rejected.
    pub approve: bool,
    /// Hash of what they were shown.
    pub of: Hash,
    /// Number of the event that asked for it.
    pub asked: u64,
}

impl Statement {
    /// The text whose bytes are signed. Its form never changes.
    pub fn text(&self) -> String {
        format!(
            "greenroom signature 1\nprogram: {}\nworkspace: {}\ngate: {}\nperson: {}\ndecision: {}\nof: {}\nasked: event {}\n",
            self.origin.program,
            self.origin.workspace,
            self.gate,
            self.person,
            if self.approve { "approve" } else { "reject" },
            self.of,
            self.asked
        )
    }
}

/// A public key line in the form in which keys are compared: algorithm and key, no comment.
///
/// # Errors
/// Why it cannot be used, where it is no ed25519 key as OpenSSH writes it.
pub fn key_line(line: &str) -> Result<String, String> {
    let mut words = line.split_whitespace();
    let (algorithm, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if algorithm != "ssh-ed25519" {
        let said: String = algorithm.chars().take(40).collect();
        return Err(format!("`{said}` is not `ssh-ed25519`, the one kind of key that is taken"));
    }
    // Every such key is 51 bytes, which begin alike: the algorithm's name, then the length 32.
    const BEGINS: &str = "AAAAC3NzaC1lZDI1NTE5AAAAI";
    let digits = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    let fits = key.len() == 68 && key.starts_with(BEGINS) && key.as_bytes().get(25).is_some_and(|b| (b'A'..=b'P').contains(b));
    if !digits || !fits {
        return Err("it is no ed25519 key: take the whole line of the `.pub` file".to_owned());
    }
    Ok(format!("{algorithm} {key}"))
}

impl Process {
    /// The person under whom a key stands now.
    pub fn by_key(&self, key: &str) -> Option<&str> {
        self.persons.iter().find(|(_, p)| p.keys.iter().any(|k| k == key)).map(|(id, _)| id.as_str())
    }
}

impl Sight<'_> {
    /// What a person would sign at a gate now.
    ///
    /// # Errors
    /// As [`Sight::sign`].
    pub fn statement(&self, gate: &str, by: Option<&str>, approve: bool, origin: &Origin) -> Result<Statement, Refused> {
        let may = self.may_sign(gate, by)?;
        Ok(Statement {
            origin: origin.clone(),
            gate: gate.to_owned(),
            person: may.by.to_owned(),
            approve,
            of: may.of,
            asked: may.asked.event,
        })
    }

    /// Approves or rejects with a key. `made` was checked over `text`, which has to be what is to be signed now.
    ///
    /// # Errors
    /// As [`Sight::sign`]; and when the key is none of the person's, or something else was signed.
    pub fn sign_with_key(
        &self,
        gate: &str,
        by: Option<&str>,
        approve: bool,
        origin: &Origin,
        (made, text): (KeySignature, &str),
    ) -> Result<Fact, Refused> {
        let statement = self.statement(gate, by, approve, origin)?;
        let person = &statement.person;
        if !self.process.persons.get(person).is_some_and(|p| p.keys.contains(&made.key)) {
            let whose = self.process.by_key(&made.key).map_or("nobody's".to_owned(), |other| format!("{other}'s"));
            let hint = format!("`[person.{person}]` takes `keys = [\"{} …\"]`", made.key);
            return refused(format!("the key is none of {person}'s: in process.toml it is {whose}"), hint);
        }
        if statement.text() != text {
            let hint = format!("`greenroom gate sign {gate} --statement` prints what is to be signed now");
            return refused("what was to be signed has changed since", hint);
        }
        Ok(Fact::Signed { gate: gate.to_owned(), approve, of: statement.of, key: Some(made) })
    }
}
