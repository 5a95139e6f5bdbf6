//! Pages that are fetched. Owns what is believed (the machine's certificates), what is followed (nothing) and how failures are told.

use super::{Seen, lasting};
use greenroom_model::process::deed::shown_url;
use std::sync::Arc;
use std::time::Duration;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Error};

/// Most that is read of a page.
const READ: u64 = 256 << 10;

/// Fetches a page and compares it with what is expected.
pub(super) async fn fetch(url: &str, status: u16, contains: Option<&str>, patience: Duration) -> Seen {
    let (url, contains) = (url.to_owned(), contains.map(str::to_owned));
    let fetching = tokio::task::spawn_blocking(move || fetched(&url, status, contains.as_deref(), patience));
    fetching.await.unwrap_or_else(|_| Seen::bad("the page could not be fetched"))
}

fn fetched(url: &str, status: u16, contains: Option<&str>, patience: Duration) -> Seen {
    let shown = shown_url(url);
    let mut config = Agent::config_builder()
        .timeout_global(Some(patience))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("greenroom/", env!("CARGO_PKG_VERSION")))
        // What is seen from here is asked for, not what somebody in between sees.
        .proxy(None);
    if url.starts_with("https:") {
        let roots: Vec<Certificate<'static>> =
            rustls_native_certs::load_native_certs().certs.iter().map(|c| Certificate::from_der(c.as_ref()).to_owned()).collect();
        if roots.is_empty() {
            return Seen::bad(format!("{shown} was not fetched: the machine has no trusted certificates (SSL_CERT_FILE names them)"));
        }
        config = config.tls_config(TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots))).build());
    }
    let mut answer = match config.build().new_agent().get(url).call() {
        Ok(answer) => answer,
        Err(e) => return Seen::bad(format!("{shown} was not fetched: {}", why(&e, patience))),
    };
    let got = answer.status().as_u16();
    // A page that is longer than what is read is read in part.
    let mut body = Vec::new();
    let reading = std::io::Read::read_to_end(&mut std::io::Read::take(answer.body_mut().as_reader(), READ), &mut body);
    if got != status {
        return Seen::bad(format!("{shown} answered {got}, not {status}")).with(body);
    }
    if reading.is_err() {
        return Seen::bad(format!("{shown} answered {got}, and broke off")).with(body);
    }
    match contains {
        None => Seen::good(format!("{shown} answered {got}")).with(body),
        Some(text) if String::from_utf8_lossy(&body).contains(text) => {
            Seen::good(format!("{shown} answered {got} with the text that is expected")).with(body)
        }
        Some(_) => Seen::bad(format!("{shown} answered {got} without the text that is expected")).with(body),
    }
}

/// Why there is no answer: never with the address in it, which may hold a token.
fn why(e: &Error, patience: Duration) -> String {
    match e {
        Error::Timeout(_) => format!("no answer within {}", lasting(patience.as_secs())),
        Error::HostNotFound => "nobody knows its host".into(),
        Error::ConnectionFailed => "nobody listens there".into(),
        Error::Io(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => "nobody listens there".into(),
        // rustls tells what is wrong with a certificate through the stream.
        Error::Io(e) => match e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => format!("its certificate or TLS is not believed: {tls}"),
            None => e.kind().to_string(),
        },
        Error::Rustls(tls) => format!("its certificate or TLS is not believed: {tls}"),
        Error::Tls(what) => format!("TLS: {what}"),
        Error::BadUri(_) => "its address cannot be read".into(),
        Error::Protocol(_) | Error::Http(_) => "what answered speaks no HTTP".into(),
        _ => "it could not be asked".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;

    /// Says this to whoever asks first.
    fn saying(words: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0u8; 4096];
            let _ = std::io::Read::read(&mut stream, &mut asked);
            let _ = stream.write_all(words.as_bytes());
            // Whoever says nothing stays on the line.
            if words.is_empty() {
                let _ = std::io::Read::read(&mut stream, &mut asked);
            }
        });
        format!("http://{at}/x?token=tok-1")
    }

    async fn seen(url: &str, status: u16, contains: Option<&str>) -> (bool, String) {
        let seen = fetch(url, status, contains, Duration::from_secs(if url.contains("slow") { 1 } else { 30 })).await;
        assert!(!seen.words.contains("tok-1"), "{}", seen.words);
        (seen.good, seen.words)
    }

    #[tokio::test]
    async fn redirections_are_not_followed_and_faults_are_told_without_the_token() {
        let moved = "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n";
        assert!(seen(&saying(moved), 301, None).await.0);
        let (good, words) = seen(&saying(moved), 200, None).await;
        assert!(!good && words.ends_with("/x answered 301, not 200"), "{words}");
        let (good, words) = seen(&saying("SSH-2.0-Other\r\n"), 200, None).await;
        assert!(!good && words.contains("was not fetched"), "{words}");
        let (good, words) = seen(&saying("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), 200, None).await;
        assert!(!good && words.contains("broke off"), "{words}");
        let (good, words) = seen(&saying("").replace("/x", "/slow"), 200, None).await;
        assert!(!good && words.contains("no answer within 1 s"), "{words}");
    }
}
