//! Where a database server listens and how to log in: what all engines with servers have in common. Owns the reading of addresses, the
//! default of TLS and which certificates are believed; does not own connections.

use crate::error::{EngineError, ErrorKind, Result};
use crate::secret::Secrets;
use greenroom_model::program::{Address, Tls};
use rustls::pki_types::CertificateDer;
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The Unix socket, or its folder, as the engine has it.
    Socket(PathBuf),
    /// Host name or address.
    Host(String),
}

impl Place {
    /// Whether the server runs on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Place::Socket(_) => true,
            Place::Host(host) => host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        }
    }
}

/// A server and how to log in; the password never shows in `Debug`.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) place: Place,
    pub(crate) port: u16,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretString>,
    pub(crate) tls: Tls,
}

impl Endpoint {
    /// Reads an address. `socket` finds the engine's usual socket, for addresses that name no host.
    ///
    /// # Errors
    /// When the password cannot be had.
    pub(crate) fn resolve(
        address: &Address,
        secrets: &dyn Secrets,
        base: &Path,
        port: u16,
        socket: impl FnOnce() -> Option<PathBuf>,
    ) -> Result<Endpoint> {
        let place = match &address.host {
            Some(host) if host.contains('/') => Place::Socket(base.join(host)),
            Some(host) => Place::Host(host.clone()),
            None => socket().map_or_else(|| Place::Host("localhost".to_owned()), Place::Socket),
        };
        let password = match &address.password {
            Some(reference) => {
                Some(secrets.resolve(reference).map_err(|why| EngineError::new(ErrorKind::Denied, "fetch the password", why))?)
            }
            None => None,
        };
        let tls = address.tls.unwrap_or(if place.is_local() { Tls::Disable } else { Tls::Verify });
        Ok(Endpoint { place, port: address.port.unwrap_or(port), user: address.user.clone(), password, tls })
    }

    /// What to look at when no connection comes about.
    pub(crate) fn hint(&self) -> &'static str {
        match self.tls {
            Tls::Verify => "check host, port and the server's certificate; `tls = \"require\"` encrypts without checking it",
            _ => "check that the server runs and listens on this host and port",
        }
    }
}

/// The machine's trusted certificates.
///
/// # Errors
/// When it has none.
pub(crate) fn native_certificates() -> Result<Vec<CertificateDer<'static>>> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err(EngineError::new(
            ErrorKind::Other,
            "set up TLS",
            "the machine has no trusted certificates to check the server's against",
        )
        .hint("install the package `ca-certificates`, or set SSL_CERT_FILE to the file of your certificate authority"));
    }
    Ok(found.certs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::NoSecrets;
    use greenroom_model::catalog::EngineKind;

    #[test]
    fn tls_is_verified_as_soon_as_the_connection_leaves_the_machine() {
        let tls = |host: &str| {
            let address = Address {
                engine: EngineKind::Postgres,
                path: None,
                host: Some(host.to_owned()),
                port: None,
                database: None,
                user: None,
                password: None,
                tls: None,
            };
            Endpoint::resolve(&address, &NoSecrets, Path::new("/"), 1, || None).unwrap().tls
        };
        assert_eq!(tls("db.example.org"), Tls::Verify);
        assert_eq!(tls("10.0.0.3"), Tls::Verify);
        assert_eq!(tls("localhost"), Tls::Disable);
        assert_eq!(tls("::1"), Tls::Disable);
        assert_eq!(tls("/run/postgresql"), Tls::Disable);
    }
}
