//! Where secrets come from: environment, files, named credentials, prompts (P35). Never written anywhere.

use greenroom_engine::secret::Secrets;
use greenroom_model::program::SecretRef;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Asks a person for a secret without showing it; `None` when nobody can be asked.
pub type Prompt = Box<dyn Fn(&str) -> Option<SecretString> + Send + Sync>;

/// The real sources of secrets.
pub struct LocalSecrets {
    folder: PathBuf,
    prompt: Prompt,
    answered: Mutex<BTreeMap<String, SecretString>>,
}

impl LocalSecrets {
    /// Secrets of a program in `folder`.
    pub fn new(folder: &Path, prompt: Prompt) -> LocalSecrets {
        LocalSecrets { folder: folder.to_owned(), prompt, answered: Mutex::new(BTreeMap::new()) }
    }

    /// `credentials.toml` in the user's configuration folder: one `name = "secret"` per line.
    fn credentials() -> Option<PathBuf> {
        let base = std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".config")))?;
        Some(base.join("greenroom").join("credentials.toml"))
    }
}

impl Secrets for LocalSecrets {
    fn resolve(&self, reference: &SecretRef) -> Result<SecretString, String> {
        match reference {
            SecretRef::Env(name) => match std::env::var(name) {
                Ok(v) if !v.is_empty() => Ok(v.into()),
                Ok(_) => Err(format!("the environment variable `{name}` is empty")),
                Err(_) => Err(format!("the environment variable `{name}` is not set")),
            },
            SecretRef::File(name) => {
                let path = self.folder.join(name);
                let text = private_text(&path)?;
                match text.lines().next() {
                    Some(line) if !line.is_empty() => Ok(line.to_owned().into()),
                    _ => Err(format!("the first line of {} is empty", path.display())),
                }
            }
            SecretRef::Credential(name) => {
                let path = Self::credentials().ok_or("neither XDG_CONFIG_HOME nor HOME is set, so credentials.toml cannot be found")?;
                let table: BTreeMap<String, String> = toml::from_str(&private_text(&path)?)
                    .map_err(|_| format!("{} is not a list of `name = \"secret\"` lines", path.display()))?;
                table.get(name).map(|v| v.clone().into()).ok_or(format!("{} has no entry `{name}`", path.display()))
            }
            SecretRef::Prompt(_) => {
                // Asked once per process, whatever connects how often.
                let mut answered = self.answered.lock().expect("no thread panics while it asks");
                if let Some(known) = answered.get("prompt") {
                    return Ok(known.clone());
                }
                let given = (self.prompt)("password: ").ok_or("nobody could be asked for the password: standard input is no terminal")?;
                answered.insert("prompt".into(), given.clone());
                Ok(given)
            }
        }
    }
}

/// Reads a file that only its owner can read.
///
/// # Errors
/// Why it is not read, with its path.
pub fn private_text(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let meta = std::fs::metadata(path).map_err(|e| format!("{shown} cannot be read: {e}"))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(format!("{shown} can be read by others: chmod 600 it"));
    }
    std::fs::read_to_string(path).map_err(|e| format!("{shown} cannot be read: {e}"))
}
