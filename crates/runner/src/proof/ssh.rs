//! Keys and signatures as OpenSSH writes them (ed25519, SSHSIG): made, read, checked. Private keys are read for one signature and never kept.

use crate::secrets::private_text;
use crate::session::{SessionError, refused};
use greenroom_model::process::keys::{KeySignature, key_line};
use secrecy::{ExposeSecret, SecretString};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};
use std::path::Path;

/// What a signature is made for: one that was made for files, mail or logins does not count.
pub const NAMESPACE: &str = "greenroom";

/// Signs a text. `passphrase` is asked only for a key that has one.
///
/// # Errors
/// GR0796 when the key cannot be read or used.
pub fn sign(key: &Path, passphrase: impl FnOnce() -> Result<SecretString, SessionError>, text: &str) -> Result<KeySignature, SessionError> {
    let shown = key.display();
    let unfit = |why: String| {
        refused(
            "GR0796",
            format!("`{shown}` cannot be used to sign: {why}"),
            "`ssh-keygen -t ed25519` makes a key; name the file without `.pub`",
        )
    };
    let secret = SecretString::from(private_text(key).map_err(|why| refused("GR0796", why, "name the file of the private key"))?);
    let key = PrivateKey::from_openssh(secret.expose_secret()).map_err(|_| unfit("it is no private key as OpenSSH writes it".into()))?;
    if key.public_key().algorithm() != Algorithm::Ed25519 {
        return Err(unfit(format!("it is of the kind {}, and only ed25519 is taken", key.public_key().algorithm())));
    }
    let key = match key.is_encrypted() {
        false => key,
        true => {
            let passphrase = passphrase()?;
            key.decrypt(passphrase.expose_secret())
                .map_err(|_| refused("GR0796", format!("the passphrase does not open `{shown}`"), "try again"))?
        }
    };
    let made = key.sign(NAMESPACE, HashAlg::Sha512, text.as_bytes()).map_err(|e| unfit(e.to_string()))?;
    recorded(&made).map_err(unfit)
}

/// Takes a signature that was made elsewhere, if it is a good one over this text.
///
/// # Errors
/// GR0796 when it is none.
pub fn take(file: &Path, text: &str) -> Result<KeySignature, SessionError> {
    let shown = file.display();
    let hint = "`ssh-keygen -Y sign -n greenroom -f KEY FILE` signs exactly what `--statement` prints, and writes `FILE.sig`";
    let unfit = |why: String| refused("GR0796", format!("the signature in `{shown}` is not good: {why}"), hint);
    let armored = std::fs::read_to_string(file).map_err(|e| unfit(format!("it cannot be read: {}", e.kind())))?;
    let signature = SshSig::from_pem(&armored).map_err(|_| unfit("it is no signature as `ssh-keygen` writes it".into()))?;
    let made = recorded(&signature).map_err(unfit)?;
    check(&made, text).map_err(unfit)?;
    Ok(made)
}

/// A signature in the one form in which it is recorded.
fn recorded(signature: &SshSig) -> Result<KeySignature, String> {
    let key = PublicKey::new(signature.public_key().clone(), "");
    let line = key.to_openssh().map_err(|e| e.to_string())?;
    Ok(KeySignature { key: key_line(&line)?, signature: signature.to_pem(LineEnding::LF).map_err(|e| e.to_string())? })
}

/// Checks a signature over a text with the key that came with it.
///
/// # Errors
/// Why it is not good.
pub fn check(made: &KeySignature, text: &str) -> Result<(), String> {
    let signature = SshSig::from_pem(&made.signature).map_err(|_| "it is no signature as `ssh-keygen` writes it".to_owned())?;
    if recorded(&signature)? != *made {
        return Err("it was made with another key, or is not written as it was".to_owned());
    }
    if signature.namespace() != NAMESPACE {
        return Err(format!("it was made for `{}`, not for `{NAMESPACE}`", signature.namespace()));
    }
    let key = PublicKey::new(signature.public_key().clone(), "");
    key.verify(NAMESPACE, text.as_bytes(), &signature).map_err(|_| "it is over another text, or was changed".to_owned())
}

/// What people compare keys by: `SHA256:…`, as `ssh-keygen -l` prints it.
pub fn fingerprint(key: &str) -> String {
    PublicKey::from_openssh(key).map_or_else(|_| "unreadable".to_owned(), |k| k.fingerprint(HashAlg::Sha256).to_string())
}
