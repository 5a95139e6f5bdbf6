//! Heads of the record that go by themselves: what a head names is fixed when it is decided that it goes, so that it is the same head however often it is sent.

use super::Undelivered;
use crate::proof::ssh;
use crate::session::SessionError;
use greenroom_engine::secret::Secrets;
use greenroom_model::process::keys::KeySignature;
use greenroom_model::process::notices::{Refusal, Vouch};
use greenroom_model::program::SecretRef;
use greenroom_model::run::{Event, Head};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A head as it travels.
#[derive(Clone, Debug)]
pub struct Attached {
    /// What the file is called.
    pub name: String,
    /// Its text, as `greenroom record head` writes it.
    pub text: String,
}

/// Signs heads.
pub trait Signer: Send + Sync {
    /// Signs a text with the key in a file.
    ///
    /// # Errors
    /// Why the key cannot be used.
    fn sign(&self, file: &str, passphrase: Option<&SecretRef>, text: &str) -> Result<KeySignature, String>;
}

/// Keys in files, relative to the program's folder. Read for one signature each, never kept.
pub struct Keys {
    /// The program's folder.
    pub folder: PathBuf,
    /// Where passphrases come from.
    pub secrets: Arc<dyn Secrets>,
}

impl Signer for Keys {
    fn sign(&self, file: &str, passphrase: Option<&SecretRef>, text: &str) -> Result<KeySignature, String> {
        let asked = || match passphrase {
            Some(reference) => self.secrets.resolve(reference).map_err(SessionError::Secret),
            None => Err(crate::session::refused(
                "GR0796",
                "it has a passphrase",
                "`passphrase = { env = \"NAME\" }` says where that comes from",
            )),
        };
        ssh::sign(&self.folder.join(Path::new(file)), asked, text).map_err(|e| e.to_string())
    }
}

/// The head of what was on record before an event, vouched for as it is written.
pub(super) fn head(events: &[Event], before: u64, vouch: &Vouch, signer: &dyn Signer) -> Result<Attached, Undelivered> {
    let upto = events.partition_point(|e| e.seq < before);
    let known = events.get(..upto).unwrap_or(events);
    let none = || Undelivered { why: Refusal::Gone, said: None };
    // Its moment is that of the event which it names: the same head whenever it is made again.
    let mut head = Head::of(known, known.last().ok_or_else(none)?.at).ok_or_else(none)?;
    if let Vouch::Key { file, passphrase } = vouch {
        let signed = signer.sign(file, passphrase.as_ref(), &head.text());
        head.signature = Some(signed.map_err(|said| Undelivered::new(Refusal::NoKey, said))?);
    }
    let text = serde_json::to_string_pretty(&head).map_err(|_| none())?;
    Ok(Attached { name: format!("head-{}-{}.json", plain(&head.program), head.seq), text: format!("{text}\n") })
}

/// A name that is one of a file everywhere.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' }).collect()
}
