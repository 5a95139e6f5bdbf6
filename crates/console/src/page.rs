//! The pages: plain HTML without scripts that a telephone shows, and lines of text for programs. Owns wording, looks and headers; nothing of what it says is taken from a request.

use crate::desk::{Offer, Receipt};
use crate::uploads::Answer;
use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greenroom_model::process::deed::bytes_in_words;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use sha2::{Digest, Sha256};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:38rem;padding:1.5rem 1rem 3rem}\
h1{font-size:1.4rem;line-height:1.25;margin:0 0 1rem}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:1.25rem 0}\
dt{opacity:.75}dd{margin:0;overflow-wrap:anywhere}\
form{border:1px solid;border-radius:.5rem;padding:1rem;margin:1.25rem 0}\
label{display:block;font-weight:600;margin-bottom:.5rem}\
input,button,::file-selector-button{font:inherit;min-height:2.75rem}\
input,button{width:100%;box-sizing:border-box}\
::file-selector-button{padding:0 1rem;margin-right:.75rem}\
button{margin-top:1rem;padding:.5rem 1rem;border:0;border-radius:.5rem;background:#1a5c38;color:#fff;font-weight:600;cursor:pointer}\
:focus-visible{outline:3px solid #2f7de1;outline-offset:2px}\
code{font-family:ui-monospace,monospace;font-size:.9em}\
small{display:block;font-size:.9rem}\
@media(max-width:28rem){dl{display:block}dt{margin-top:.75rem}}";

/// Everything that is shown.
pub(crate) struct Pages {
    /// Bytes of a file, in words.
    most: String,
    policy: String,
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// So many bytes, and in words where that is shorter.
fn size(bytes: u64) -> String {
    if bytes < 10 << 20 { format!("{bytes} bytes") } else { format!("{bytes} bytes ({})", bytes_in_words(bytes)) }
}

fn list(rows: &[(&str, String)]) -> String {
    let row = |(name, value): &(&str, String)| format!("<dt>{name}</dt><dd>{value}</dd>");
    format!("<dl>{}</dl>", rows.iter().map(row).collect::<String>())
}

fn page(title: &str, content: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{0}</title><style>{STYLE}</style></head>\n<body><main>\n<h1>{0}</h1>\n{content}</main></body>\n</html>\n",
        escaped(title)
    )
}

const GONE: &str = "There is nothing here";
const WHY_GONE: &str = "A link takes one file, until a certain time. This one was used, or its time is over, or it was withdrawn, or it is not whole. Ask whoever gave it to you for another one.";
const LATER: &str = "Not now";
const WHY_LATER: &str = "Something is wrong here, and has to be mended first. Tell who gave you the link, and try again later.";
const STILL: &str = "Nothing of it was kept. The link can be used still.";

impl Pages {
    pub(crate) fn new(bytes: u64) -> Pages {
        let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        let policy = format!("default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
        let most = if bytes < 10 << 20 { format!("{bytes} bytes") } else { bytes_in_words(bytes) };
        Pages { most, policy }
    }

    /// The largest file, in words.
    pub(crate) fn most(&self) -> &str {
        &self.most
    }

    /// An answer with its headers. `plain`: who asks is a program.
    pub(crate) fn response(&self, answer: Answer, plain: bool) -> Response {
        let (status, body) = match answer {
            Answer::Form(offer) => (StatusCode::OK, self.form(&offer)),
            Answer::Received(receipt) if plain => (StatusCode::OK, receipt_lines(&receipt)),
            Answer::Received(receipt) => (StatusCode::OK, receipt_page(&receipt)),
            Answer::Not(status, said) if plain => (status, format!("{said}\n{STILL}\n")),
            Answer::Not(status, said) => {
                let content = format!("<p>{}</p>\n<p>{STILL} <a href=\"\">Choose the file again</a></p>\n", escaped(&said));
                (status, page("The file was not received", &content))
            }
            Answer::Gone if plain => (StatusCode::NOT_FOUND, format!("{GONE}.\n{WHY_GONE}\n")),
            Answer::Gone => (StatusCode::NOT_FOUND, page(GONE, &format!("<p>{WHY_GONE}</p>\n"))),
            Answer::Later if plain => (StatusCode::SERVICE_UNAVAILABLE, format!("{LATER}.\n{WHY_LATER}\n")),
            Answer::Later => (StatusCode::SERVICE_UNAVAILABLE, page(LATER, &format!("<p>{WHY_LATER}</p>\n"))),
        };
        let kind = if plain { "text/plain; charset=utf-8" } else { "text/html; charset=utf-8" };
        let built = Response::builder()
            .status(status)
            .header(CONTENT_TYPE, kind)
            .header(CACHE_CONTROL, "no-store")
            .header(REFERRER_POLICY, "no-referrer")
            .header(CONTENT_SECURITY_POLICY, &self.policy)
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(X_FRAME_OPTIONS, "DENY")
            .header("x-robots-tag", "noindex")
            .body(Body::from(body));
        // Nothing in it can fail to be a header; without them nothing is shown.
        built.unwrap_or_else(|_| {
            let mut nothing = Response::new(Body::empty());
            *nothing.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            nothing
        })
    }

    fn form(&self, offer: &Offer) -> String {
        let mut rows = vec![("For", escaped(&offer.program))];
        if !offer.stages.is_empty() {
            rows.push(("Stage", escaped(&offer.stages.join(", "))));
        }
        rows.push(("From", escaped(&offer.person)));
        rows.push(("Until", escaped(&offer.until)));
        rows.push(("At most", self.most.clone()));
        let content = format!(
            "{}\n<form method=\"post\" enctype=\"multipart/form-data\">\n<label for=\"file\">Choose the file</label>\n\
             <input id=\"file\" name=\"file\" type=\"file\" required aria-describedby=\"how\">\n<button type=\"submit\">Hand it over</button>\n</form>\n\
             <p id=\"how\">The link takes one file, once. Leave this page open until it says that the file was received: a large one takes its time. If it breaks off, nothing is kept, and \
             you can begin again. It is encrypted while it arrives, for those only who need it.</p>\n\
             <p><small>Without a browser: <code>curl -T FILE ADDRESS</code>, with the address of this page.</small></p>\n",
            list(&rows)
        );
        page(&format!("Hand over: {}", offer.title), &content)
    }
}

fn receipt_page(receipt: &Receipt) -> String {
    let rows = [
        ("Size", size(receipt.bytes)),
        ("SHA-256", format!("<code>{}</code>", receipt.sha256)),
        ("BLAKE3", format!("<code>{}</code>", receipt.blake3)),
        ("On record", format!("event {}", receipt.recorded.seq)),
    ];
    let content = format!(
        "<p role=\"status\">Thank you. The file arrived whole, and the link is used up.</p>\n{}\n\
         <p>To be sure, compare with your file: <code>sha256sum FILE</code>, <code>b3sum FILE</code>, or on Windows <code>certutil -hashfile FILE SHA256</code>.</p>\n",
        list(&rows)
    );
    page("The file was received", &content)
}

fn receipt_lines(receipt: &Receipt) -> String {
    format!(
        "The file was received, and the link is used up.\n{}\nsha256 {}\nblake3 {}\nevent {}\n",
        size(receipt.bytes),
        receipt.sha256,
        receipt.blake3,
        receipt.recorded.seq
    )
}
