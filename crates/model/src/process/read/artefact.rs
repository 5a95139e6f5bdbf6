//! People's keys and `[artefact.NAME]` as `process.toml` writes them: which keys and recipients can be used, and that a backup and its key are not one person's to read.

use super::super::keys::key_line;
use super::super::{Artefact, Person};
use super::{Entry, Reader, text};
use crate::finding::Finding;
use crate::program::file::File;
use crate::program::raw::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A file that is received, and what becomes of it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArtefact {
    /// What people call it.
    pub(super) title: Option<At<String>>,
    /// Who hands it over: the id of a party.
    pub(super) party: Option<At<String>>,
    /// Who can read what is stored: `age1…`, as `age-keygen` prints them. Without any the file stays where it is, and only its checksums are recorded.
    #[serde(default)]
    pub(super) recipients: Vec<At<String>>,
    /// How long it is kept from when it was received: `6 months`. Without an end by default.
    pub(super) keep: Option<At<String>>,
    /// It is the key to this artefact: whoever can read the one must not be able to read the other.
    pub(super) key_of: Option<At<String>>,
}

impl Reader<'_> {
    fn found(&mut self, code: &'static str, file: &File<'_>, at: &At<String>, message: String, hint: &str) {
        self.findings.push(Finding::error(code, message).at(file.place(at.span.clone())).hint(hint));
    }

    /// The keys of a person, in the form in which they are compared. `others`: persons who were read before.
    pub(super) fn keys(&mut self, file: &File<'_>, written: &[At<String>], others: &BTreeMap<String, Person>) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for at in written {
            match key_line(&at.value) {
                Err(why) => {
                    let hint = "`ssh-keygen -t ed25519` makes a key; its `.pub` file holds the line";
                    self.found("GR0134", file, at, format!("this public key cannot be used: {why}"), hint);
                }
                Ok(key) => {
                    if let Some((other, _)) = others.iter().find(|(_, p)| p.keys.contains(&key)) {
                        let hint = "a signature says who signed: give each their own key";
                        self.found("GR0134", file, at, format!("this key is `{other}`'s already"), hint);
                    }
                    keys.push(key);
                }
            }
        }
        keys
    }

    pub(super) fn artefacts(
        &mut self,
        written: &BTreeMap<String, Entry<'_, RawArtefact>>,
        parties: &BTreeSet<&str>,
    ) -> BTreeMap<String, Artefact> {
        let mut read = BTreeMap::new();
        for (id, (file, at, a)) in written {
            if id.starts_with('.') {
                self.found("GR0136", file, at, format!("`{id}` is no name of a file"), "begin it with a letter or a digit");
            }
            let mut recipients: Vec<String> = Vec::new();
            for r in &a.recipients {
                match recipient(&r.value) {
                    Ok(known) if recipients.contains(&known) => {}
                    Ok(known) => recipients.push(known),
                    Err(why) => {
                        let hint = "`age-keygen` makes a key and prints its recipient; the key itself stays with whom it is for";
                        self.found("GR0136", file, r, format!("nothing can be encrypted to this recipient: {why}"), hint);
                    }
                }
            }
            if let Some(of) = &a.key_of
                && (!written.contains_key(&of.value) || of.value == *id)
            {
                let all = written.keys().filter(|other| *other != id).cloned().collect::<Vec<_>>().join(", ");
                let message = format!("there is no artefact `{}` that `{id}` could be the key of", of.value);
                self.found("GR0136", file, of, message, &format!("those of this file: {all}"));
            }
            let party = a.party.as_ref().and_then(|p| self.named(file, Some(p), parties, "party", file.place(p.span.clone())));
            let artefact = Artefact {
                title: text(&a.title, id),
                party,
                recipients,
                keep: self.lapse(file, a.keep.as_ref()),
                key_of: a.key_of.as_ref().map(|k| k.value.clone()),
            };
            read.insert(id.clone(), artefact);
        }
        let known: &BTreeMap<String, Artefact> = &read;
        for (id, (file, _, a)) in written {
            let (Some(key), Some(locked)) = (known.get(id), known.get(id).and_then(|k| known.get(k.key_of.as_ref()?))) else { continue };
            let shared = a
                .recipients
                .iter()
                .find(|r| recipient(&r.value).is_ok_and(|r| key.recipients.contains(&r) && locked.recipients.contains(&r)));
            if let Some(shared) = shared {
                let of = key.key_of.clone().unwrap_or_default();
                let message = format!("whoever reads `{id}` with this recipient reads `{of}`, too: to them it is plain text");
                self.found("GR0135", file, shared, message, "a backup and its key have different recipients");
            }
        }
        read
    }
}

/// A recipient in the form in which they are compared.
fn recipient(written: &str) -> Result<String, &'static str> {
    let text = written.trim();
    if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
        return Err("it is a secret key, which is not written down here: make a new one");
    }
    let (kind, data, variant) = bech32::decode(text).map_err(|_| "it is not whole: take it as `age-keygen` prints it")?;
    let bytes = <Vec<u8> as bech32::FromBase32>::from_base32(&data).map_err(|_| "it is not whole: take it as `age-keygen` prints it")?;
    match kind == "age" && bytes.len() == 32 && variant == bech32::Variant::Bech32 {
        true => Ok(text.to_ascii_lowercase()),
        false => Err("it is no recipient of the form `age1…`"),
    }
}
