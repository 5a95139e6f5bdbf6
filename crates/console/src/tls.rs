//! The listener's certificate: read from PEM files, checked before anybody connects.

use greenroom_runner::secrets::private_text;
use greenroom_runner::session::SessionError;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;

/// A certificate with its key, ready for connections.
#[derive(Clone)]
pub struct Certified(pub(crate) Arc<ServerConfig>);

/// Reads a certificate (with those that vouch for it) and its private key.
///
/// # Errors
/// GR0861 when they cannot be used.
pub fn certified(certificate: &Path, key: &Path) -> Result<Certified, SessionError> {
    let unusable = |message: String, hint: &str| SessionError::Refused { code: "GR0861", message, hint: hint.into() };
    let pem = "name PEM files: the chain of certificates, and the key without a passphrase";
    let shown = certificate.display();
    let text = std::fs::read(certificate)
        .map_err(|e| unusable(format!("the certificate {shown} cannot be read: {}", e.kind()), "see that it is there, and may be read"))?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let chain = chain.ok().filter(|c| !c.is_empty()).ok_or_else(|| unusable(format!("{shown} holds no certificate in PEM"), pem))?;
    let text = private_text(key).map_err(|why| unusable(format!("the certificate's key: {why}"), "only its owner may read it"))?;
    let secret = PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| unusable(format!("{} holds no private key in PEM", key.display()), pem))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let made = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|c| c.with_no_client_auth().with_single_cert(chain, secret));
    let mut config = made.map_err(|e| unusable(format!("the certificate {shown} and its key cannot be used: {e}"), pem))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certified(Arc::new(config)))
}
