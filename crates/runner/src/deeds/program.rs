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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use greenroom_testkit::proc::wait_until;
    use std::fs;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn gone(pid: i32) -> bool {
        // What has ended and was not asked for its end yet is gone, too.
        match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')),
            Err(_) => true,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_stops_a_program_stops_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = "sleep 600 & echo $! $$ > pids.part; mv pids.part pids; wait";
        let words: Vec<String> = ["sh", "-c", script].map(str::to_owned).into();
        let home = folder.path().to_owned();
        let running = tokio::spawn(async move { run(&home, &words, &[]).await.good });
        let seen = pids.clone();
        tokio::task::spawn_blocking(move || wait_until("it has started something", PATIENCE, || seen.exists())).await.unwrap();
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        let both: Vec<i32> = fs::read_to_string(&pids).unwrap().split_whitespace().map(|p| p.parse().unwrap()).collect();
        assert_eq!(both.len(), 2);
        wait_until("both are gone", PATIENCE, || both.iter().all(|pid| gone(*pid)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_program_that_leaves_something_running_has_ended_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        // What stays holds the streams open.
        let words: Vec<String> = ["sh", "-c", "sleep 600 & echo $!; echo gone wrong >&2; exit 3"].map(str::to_owned).into();
        let seen = run(folder.path(), &words, &[]).await;
        assert!(!seen.good && seen.words == "`sh` ended with exit status: 3", "{}", seen.words);
        let text = String::from_utf8(seen.output).unwrap();
        assert!(text.ends_with("\ngone wrong\n"), "{text}");
        let pid: i32 = text.lines().next().unwrap().parse().unwrap();
        assert!(!gone(pid), "it was to stay");
        rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn what_is_kept_of_a_talkative_program_is_bounded() {
        let words: Vec<String> = ["sh", "-c", "head -c 5000000 /dev/zero"].map(str::to_owned).into();
        let seen = run(Path::new("/"), &words, &[]).await;
        assert!(seen.good && seen.output.len() == KEPT, "{} {}", seen.words, seen.output.len());
        assert!(!run(Path::new("/"), &["./no-such-program".to_owned()], &[]).await.good);
    }
}
