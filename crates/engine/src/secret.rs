//! How engines get at secrets without knowing where they come from. Owns the port; the runner implements it over environment, files,
//! named credentials and prompts.

use greenroom_model::program::SecretRef;
use secrecy::SecretString;

/// Resolves references to secrets.
pub trait Secrets: Send + Sync {
    /// Fetches the secret.
    ///
    /// # Errors
    /// A message that says where was looked, never what was found.
    fn resolve(&self, reference: &SecretRef) -> std::result::Result<SecretString, String>;
}

/// No secrets: for embedded databases and sockets with peer authentication.
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn resolve(&self, _: &SecretRef) -> std::result::Result<SecretString, String> {
        Err("no source of secrets was given".to_owned())
    }
}
