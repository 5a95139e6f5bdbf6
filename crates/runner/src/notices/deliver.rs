//! What carries notices: a mail server and HTTPS, or a folder into which they are written instead.

use super::post::signature;
use super::{Content, Parcel};
use async_trait::async_trait;
use greenroom_engine::secret::Secrets;
use greenroom_model::process::notices::{MailTls, Refusal, Smtp};
use jiff::Timestamp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long one delivery may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Characters kept of what the other side said.
const SAID: usize = 300;

/// Why something was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// In a word, for the record.
    pub why: Refusal,
    /// What the other side said to it; may name people.
    pub said: Option<String>,
}

impl Undelivered {
    pub(super) fn new(why: Refusal, said: impl ToString) -> Undelivered {
        let said: String = said.to_string().chars().filter(|c| !c.is_control()).take(SAID).collect();
        Undelivered { why, said: Some(said).filter(|s| !s.is_empty()) }
    }
}

/// Carries notices.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Delivers one; ends well only when the other side has taken it.
    ///
    /// # Errors
    /// Why it did not.
    async fn deliver(&self, parcel: &Parcel, now: Timestamp) -> Result<(), Undelivered>;
}

/// The network.
pub struct Network {
    /// The mail server.
    pub smtp: Option<Smtp>,
    /// Where passwords and secrets come from.
    pub secrets: Arc<dyn Secrets>,
}

#[async_trait]
impl Transport for Network {
    async fn deliver(&self, parcel: &Parcel, now: Timestamp) -> Result<(), Undelivered> {
        match &parcel.content {
            Content::Mail(mail) => self.mail(mail).await,
            Content::Post(post) => {
                let no_secret = |e: String| Undelivered::new(Refusal::NoSecret, e);
                let secret = self.secrets.resolve(&post.hook.secret).map_err(no_secret)?;
                let signed = signature(&secret, &post.id, now, &post.body)
                    .ok_or_else(|| no_secret("it is empty, or no Base64 after `whsec_`".to_owned()))?;
                let post = post.clone();
                let posted = tokio::task::spawn_blocking(move || request(&post, &signed, now)).await;
                posted.unwrap_or_else(|e| Err(Undelivered::new(Refusal::Unreachable, e)))
            }
        }
    }
}

impl Network {
    async fn mail(&self, mail: &Message) -> Result<(), Undelivered> {
        let Some(smtp) = &self.smtp else { return Err(Undelivered { why: Refusal::Gone, said: None }) };
        let parameters = || TlsParameters::builder(smtp.host.clone()).build_rustls().map_err(|e| Undelivered::new(Refusal::Unreachable, e));
        let tls = match smtp.tls {
            MailTls::Starttls => Tls::Required(parameters()?),
            MailTls::Implicit => Tls::Wrapper(parameters()?),
            MailTls::None => Tls::None,
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host).port(smtp.port).tls(tls).timeout(Some(PATIENCE));
        let builder = match (&smtp.user, &smtp.password) {
            (Some(user), Some(reference)) => {
                let secret = self.secrets.resolve(reference).map_err(|e| Undelivered::new(Refusal::NoSecret, e))?;
                builder.credentials(Credentials::new(user.clone(), secret.expose_secret().to_owned()))
            }
            _ => builder,
        };
        // The library's own patience is for each read: a server that trickles would hold us for ever.
        match tokio::time::timeout(PATIENCE * 2, builder.build::<Tokio1Executor>().send(mail.clone())).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(e)) => {
                let code = e.status().and_then(|c| c.to_string().parse().ok());
                Err(Undelivered::new(code.map_or(Refusal::Unreachable, |code| Refusal::Answered { code }), e))
            }
            Err(_) => Err(Undelivered::new(Refusal::Unreachable, "it took too long")),
        }
    }
}

fn request(post: &super::post::Post, signature: &str, now: Timestamp) -> Result<(), Undelivered> {
    let roots: Vec<ureq::tls::Certificate<'static>> =
        rustls_native_certs::load_native_certs().certs.iter().map(|c| ureq::tls::Certificate::from_der(c).to_owned()).collect();
    let tls = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::new_with_certs(&roots)).build();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        // Wherever it is sent on to is not the address that somebody wrote down.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .tls_config(tls)
        .user_agent(concat!("greenroom/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let sent = agent
        .post(&post.hook.url)
        .header("content-type", "application/json")
        .header("webhook-id", &post.id)
        .header("webhook-timestamp", now.as_second().to_string())
        .header("webhook-signature", signature)
        .send(&post.body);
    match sent.map(|answer| answer.status()) {
        Ok(status) if status.is_success() => Ok(()),
        Ok(status) => Err(Undelivered { why: Refusal::Answered { code: status.as_u16() }, said: None }),
        Err(e) => Err(Undelivered::new(Refusal::Unreachable, e)),
    }
}

/// A folder: one file for each notice, `.eml` for mails and `.json` for posts; a head of the record in a file beside it, `.head.json`. The same notice is the same file however often it is sent.
pub struct Folder(pub PathBuf);

#[async_trait]
impl Transport for Folder {
    async fn deliver(&self, parcel: &Parcel, _: Timestamp) -> Result<(), Undelivered> {
        let id = &parcel.id;
        let to = id.to.as_deref().unwrap_or("webhook");
        let (end, bytes) = match &parcel.content {
            Content::Mail(mail) => ("eml", mail.formatted()),
            Content::Post(post) => {
                let body: serde_json::Value = serde_json::from_str(&post.body).unwrap_or_default();
                let shown = serde_json::json!({ "post_to": post.hook.url, "webhook-id": post.id, "body": body });
                ("json", format!("{shown:#}\n").into_bytes())
            }
        };
        let mark = id.mark.as_ref().map(|mark| format!("-{mark}")).unwrap_or_default();
        let name = format!("{:06}-{}-{to}{mark}", id.seq, id.rule);
        let head = parcel.head.as_ref().map_or(Ok(()), |head| self.write(&format!("{name}.head.json"), head.as_bytes()));
        head.and_then(|()| self.write(&format!("{name}.{end}"), &bytes))
    }
}

impl Folder {
    /// Whole under another name first: whoever watches the folder sees no half of a mail.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Undelivered> {
        let (path, part) = (self.0.join(name), self.0.join(format!(".{name}.part")));
        let write =
            || std::fs::create_dir_all(&self.0).and_then(|()| std::fs::write(&part, bytes)).and_then(|()| std::fs::rename(&part, &path));
        write().map_err(|e| Undelivered::new(Refusal::Folder, format!("{}: {e}", path.display())))
    }
}
