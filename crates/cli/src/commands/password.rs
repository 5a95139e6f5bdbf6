//! The options that say where a password is: never the password itself (P35).

use clap::Args;
use greenroom_model::program::SecretRef;

/// Where a password is.
#[derive(Args, Debug)]
pub struct PasswordArgs {
    /// Environment variable that holds the password
    #[arg(long, value_name = "NAME", group = "password")]
    password_env: Option<String>,
    /// File that holds the password, relative to the program's folder, readable by you only
    #[arg(long, value_name = "FILE", group = "password")]
    password_file: Option<String>,
    /// Entry of your credentials.toml
    #[arg(long, value_name = "NAME", group = "password")]
    password_credential: Option<String>,
    /// Ask for the password each time
    #[arg(long, group = "password")]
    password_prompt: bool,
}

impl PasswordArgs {
    /// What they point to; `None` when no option was given.
    pub fn reference(&self) -> Option<SecretRef> {
        let env = self.password_env.clone().map(SecretRef::Env);
        let file = || self.password_file.clone().map(SecretRef::File);
        let credential = || self.password_credential.clone().map(SecretRef::Credential);
        env.or_else(file).or_else(credential).or_else(|| self.password_prompt.then_some(SecretRef::Prompt(true)))
    }
}
