//! Programs that tasks run. Owns their ends: what they print is bounded, and nothing that they started stays behind when they are stopped.

use super::Seen;
use crate::child;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Most that is kept of each of a program's streams.
const KEPT: usize = 1 << 20;
/// How long it is read on after a program has ended: something that it leaves running may hold its streams open.
const AFTER: Duration = Duration::from_secs(1);

/// Everything that a program started, ended together with it unless it came to its end by itself.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // It may have ended this moment.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

type Kept = Arc<Mutex<Vec<u8>>>;

/// Runs a program to its end.
pub(super) async fn run(folder: &Path, words: &[String], env: &[(String, SecretString)]) -> Seen {
    let Some((program, arguments)) = words.split_first() else { return Seen::bad("no program is named") };
    let mut command = child::clean(folder, &child::named(folder, program), arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.envs(env.iter().map(|(name, secret)| (name, secret.expose_secret())));
    let mut running = match command.spawn() {
        Ok(running) => running,
        Err(e) => return Seen::bad(format!("could not run `{program}`: {}", e.kind())),
    };
    let mut group = Group(running.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let kept: [Kept; 2] = Default::default();
    let readers = [running.stdout.take().map(|s| reader(s, kept[0].clone())), running.stderr.take().map(|s| reader(s, kept[1].clone()))];
    let ended = running.wait().await;
    group.0 = None;
    let all = async {
        for reader in readers.into_iter().flatten() {
            let _ = reader.await;
        }
    };
    let _ = tokio::time::timeout(AFTER, all).await;
    let output: Vec<u8> = kept.iter().flat_map(|k| k.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect();
    match ended {
        Ok(status) if status.success() => Seen::good(format!("`{program}` ended well")),
        Ok(status) => Seen::bad(format!("`{program}` ended with {status}")),
        Err(e) => Seen::bad(format!("nobody knows how `{program}` ended: {}", e.kind())),
    }
    .with(output)
}

/// Reads a stream to its end and keeps its beginning.
fn reader(mut stream: impl AsyncRead + Unpin + Send + 'static, kept: Kept) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut buffer = vec![0u8; 1 << 14];
        while let Ok(n) = stream.read(&mut buffer).await {
            if n == 0 {
                break;
            }
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let room = KEPT.saturating_sub(kept.len()).min(n);
            kept.extend_from_slice(&buffer[..room]);
        }
    })
}
