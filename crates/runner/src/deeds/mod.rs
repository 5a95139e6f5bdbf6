//! What tasks do by themselves, and probes: performed, timed, and told in words that may be recorded. Does not own when something may be done (`model::process::deed`) nor the record.

mod disk;
mod http;
mod lacking;
mod net;
mod program;
mod sql;

pub(crate) use lacking::lacking;

use crate::ports::{Clock, Engines};
use greenroom_engine::secret::Secrets;
use greenroom_model::hash::Hash;
use greenroom_model::process::deed::{Deed, Doing, Outcome, shown_url};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a wait is over: the clock may be put forward meanwhile.
const LOOK: Duration = Duration::from_millis(500);
/// Shorter secrets would take ordinary words out of what is kept.
const SHORTEST_SECRET: usize = 4;

/// What deeds are performed with.
pub(crate) struct Ground {
    /// The program's folder.
    pub(crate) folder: PathBuf,
    pub(crate) engines: Arc<dyn Engines>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel: CancellationToken,
    /// What queries on the pilot are asked of; why not otherwise.
    pub(crate) pilot: Result<String, String>,
    /// What queries on the target are asked of.
    pub(crate) target: Result<String, String>,
    /// What is run in place of production's programs.
    pub(crate) in_rehearsal: bool,
    /// Since when waits count.
    pub(crate) since: Timestamp,
}

/// What something came to: whether it is as expected, in words, and what it gave out.
pub(crate) struct Seen {
    good: bool,
    words: String,
    output: Vec<u8>,
}

impl Seen {
    fn good(words: impl Into<String>) -> Seen {
        Seen { good: true, words: words.into(), output: Vec::new() }
    }

    fn bad(words: impl Into<String>) -> Seen {
        Seen { good: false, words: words.into(), output: Vec::new() }
    }

    fn with(mut self, output: Vec<u8>) -> Seen {
        self.output = output;
        self
    }
}

/// Performs a deed; what it gave out comes beside the outcome. Runs and copies of trees are not performed here.
pub(crate) async fn perform(ground: &Ground, deed: &Deed) -> (Outcome, Vec<u8>) {
    let began = ground.clock.millis();
    let secrets = match secrets(ground, deed) {
        Ok(secrets) => secrets,
        Err(why) => return told(ground, began, Seen::bad(why), &[]),
    };
    let patience = match &deed.doing {
        Doing::Wait { seconds } => Duration::from_secs(*seconds).saturating_add(Duration::from_secs(3600)),
        _ => Duration::from_secs(deed.timeout_seconds),
    };
    let doing = async {
        match &deed.doing {
            Doing::Command { command, rehearsal, .. } => {
                let words = rehearsal.as_ref().filter(|_| ground.in_rehearsal).unwrap_or(command);
                program::run(&ground.folder, words, &secrets).await
            }
            Doing::Sql { file, on, expect } => sql::ask(ground, file, *on, expect).await,
            Doing::Http { url, status, body_contains } => http::fetch(url, *status, body_contains.as_deref(), patience).await,
            Doing::Dns { name, expect, server } => net::look_up(name, expect.as_deref(), server.as_deref(), patience).await,
            Doing::Tcp { host, port, open } => net::connect(host, *port, *open, patience).await,
            Doing::Disk { path, free } => disk::room(ground, path.as_deref(), *free).await,
            Doing::Wait { seconds } => wait(ground, *seconds).await,
            Doing::Run { .. } | Doing::Copy { .. } => Seen::bad("nothing was done"),
        }
    };
    let seen = tokio::select! {
        biased;
        () = ground.cancel.cancelled() => Seen::bad("stopped by a person"),
        seen = doing => seen,
        // What measures its own time ends before.
        () = tokio::time::sleep(patience.saturating_add(Duration::from_secs(1))) => {
            Seen::bad(format!("did not end within {} and was stopped", lasting(deed.timeout_seconds)))
        }
    };
    let texts: Vec<SecretString> = secrets.into_iter().map(|(_, secret)| secret).collect();
    told(ground, began, seen, &texts)
}

/// An outcome of what began so many milliseconds after some start.
fn told(ground: &Ground, began: u64, seen: Seen, secrets: &[SecretString]) -> (Outcome, Vec<u8>) {
    let output = without(seen.output, secrets);
    let outcome = Outcome {
        good: seen.good,
        words: seen.words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(400).collect(),
        millis: ground.clock.millis().saturating_sub(began),
        output: (!output.is_empty()).then(|| Hash::of(&output)),
    };
    (outcome, output)
}

/// The secrets of a deed's environment.
fn secrets(ground: &Ground, deed: &Deed) -> Result<Vec<(String, SecretString)>, String> {
    let Doing::Command { env, .. } = &deed.doing else { return Ok(Vec::new()) };
    env.iter().map(|(name, from)| Ok((name.clone(), ground.secrets.resolve(from)?))).collect()
}

/// What a program gave out, without the secrets that it was given.
fn without(output: Vec<u8>, secrets: &[SecretString]) -> Vec<u8> {
    let long = |s: &&SecretString| s.expose_secret().len() >= SHORTEST_SECRET;
    if output.is_empty() || !secrets.iter().any(|s| long(&s)) {
        return output;
    }
    let mut text = String::from_utf8_lossy(&output).into_owned();
    for secret in secrets.iter().filter(long) {
        text = text.replace(secret.expose_secret(), "…");
    }
    text.into_bytes()
}

async fn wait(ground: &Ground, seconds: u64) -> Seen {
    let until = ground.since + SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    loop {
        let left = until.duration_since(ground.clock.now());
        if left <= SignedDuration::ZERO {
            return Seen::good(format!("{} have passed", lasting(seconds)));
        }
        tokio::time::sleep(LOOK.min(left.unsigned_abs())).await;
    }
}

/// A length of time in words: `90 s`, `15 min`.
pub(crate) fn lasting(seconds: u64) -> String {
    match seconds {
        s if s >= 3600 && s.is_multiple_of(3600) => format!("{} h", s / 3600),
        s if s >= 60 && s.is_multiple_of(60) => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

/// What a deed does, in words for people: free of secrets.
pub fn told_before(deed: &Deed, in_rehearsal: bool) -> String {
    match &deed.doing {
        Doing::Run { run } => format!("waits for `greenroom {}`", if in_rehearsal { run.rehearsed() } else { *run }.word()),
        Doing::Command { command, rehearsal, .. } => {
            let words = rehearsal.as_ref().filter(|_| in_rehearsal).unwrap_or(command);
            format!("runs `{}`", words.first().map_or("", String::as_str))
        }
        Doing::Sql { file, .. } => format!("asks {file}"),
        Doing::Http { url, .. } => format!("fetches {}", shown_url(url)),
        Doing::Dns { name, .. } => format!("looks up {name}"),
        Doing::Tcp { host, port, .. } => format!("tries {host}:{port}"),
        Doing::Disk { path, .. } => format!("looks at the room {}", path.as_ref().map_or("of the target".into(), |p| format!("in {p}"))),
        Doing::Copy { tree } => format!("copies the files `{tree}`"),
        Doing::Wait { seconds } => format!("waits {}", lasting(*seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_gave_out_is_kept_without_its_secrets() {
        let kept = without(b"token=hunter22, a=ab".to_vec(), &["hunter22".to_owned().into(), "ab".to_owned().into()]);
        assert_eq!(String::from_utf8(kept).unwrap(), "token=…, a=ab");
        assert_eq!(without(vec![0xff, 0], &[]), [0xff, 0]);
    }
}
