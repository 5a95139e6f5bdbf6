//! A notice as a post to a webhook, signed as Standard Webhooks has it (<https://www.standardwebhooks.com>): whoever receives it checks the signature over id, time and body, refuses
//! old times, and knows by the id what it has seen already.

use super::head::Attached;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greenroom_model::process::notices::{Hook, Message};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;

/// What a secret in its usual form begins with; the rest is Base64.
const PREFIX: &str = "whsec_";

/// What is posted.
#[derive(Clone, Debug)]
pub struct Post {
    /// Where to, and with which secret.
    pub hook: Hook,
    /// The header `webhook-id`: the same for this notice for ever.
    pub id: String,
    /// The body, JSON.
    pub body: String,
}

/// Makes the post. `identity`: what makes it this one for ever.
pub fn post(program: &str, hook: &Hook, message: &Message, head: Option<&Attached>, identity: &str) -> Post {
    let mut about: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    message.about.iter().for_each(|(what, id)| about.entry(what).or_default().push(id));
    let mut body = serde_json::json!({
        "type": "greenroom.notice",
        "timestamp": message.at,
        "data": {
            "program": program,
            "event": message.id.seq,
            "rule": message.id.rule,
            "topics": message.topics,
            "about": about,
            "subject": message.subject,
            "text": message.text,
        },
    });
    // The text of the file, so that who takes it keeps it byte for byte.
    if let (Some(head), Some(data)) = (head, body["data"].as_object_mut()) {
        data.insert("head".into(), serde_json::json!({ "name": head.name, "text": head.text }));
    }
    Post { hook: hook.clone(), id: format!("msg_{identity}"), body: body.to_string() }
}

/// The header `webhook-signature`: HMAC-SHA256 over `ID.SECONDS.BODY`. None when the secret is no Base64 although it says so, or empty.
pub fn signature(secret: &SecretString, id: &str, at: Timestamp, body: &str) -> Option<String> {
    let secret = secret.expose_secret();
    let key = match secret.strip_prefix(PREFIX) {
        Some(rest) => STANDARD.decode(rest).ok()?,
        None => secret.as_bytes().to_vec(),
    };
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).ok().filter(|_| !key.is_empty())?;
    mac.update(format!("{id}.{}.{body}", at.as_second()).as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        // From the specification's own libraries: id, seconds, body, secret, signature.
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let secret: SecretString = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, "{\"test\": 2432232314}").unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(signature(&"whsec_!".into(), "a", at, "b"), None);
        assert_eq!(signature(&"".into(), "a", at, "b"), None);
    }
}
