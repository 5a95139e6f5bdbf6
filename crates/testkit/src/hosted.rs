//! What all servers for tests have in common: a folder and a port of their own, a shell that ends them with the process that started them.
//! Does not know which server it is.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Two cores shared with a whole build may take this long to start a server; a healthy start takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server's folder, port and watching shell. Dropping it ends the server and removes the folder.
#[derive(Debug)]
pub(crate) struct Hosted {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    watch: Child,
}

impl Hosted {
    /// A server that `watch` (see [`watched`]) starts.
    pub(crate) fn start(folder: PathBuf, port: u16, watch: &mut Command) -> Hosted {
        let watch = watch.spawn().unwrap_or_else(|e| panic!("start `sh`: {e}"));
        Hosted { folder, port, watch }
    }

    /// Waits for the server to answer; its log when it ends instead, or takes too long.
    pub(crate) fn wait_until(&self, ready: impl Fn() -> bool) -> Result<(), String> {
        let began = Instant::now();
        while !ready() {
            if self.folder.join("ended").exists() || began.elapsed() > PATIENCE {
                return Err(self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        // The shell ends the server and removes the folder.
        drop(self.watch.wait());
    }
}

/// Tries to start a server until one has a port: another process may take it between our finding it free and the server's taking it.
pub(crate) fn attempts<T>(name: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let mut last = String::new();
    for _ in 0..5 {
        match attempt() {
            Ok(server) => return server,
            Err(log) if log.contains("Address already in use") => last = log,
            Err(log) => panic!("{name} did not start:\n{log}"),
        }
    }
    panic!("{name} found no free port in five attempts:\n{last}");
}

/// A new folder. A socket's path may have 107 bytes, which folders for temporary files have exceeded.
pub(crate) fn folder(prefix: &str) -> tempfile::TempDir {
    let parent = Some(std::env::temp_dir()).filter(|p| p.as_os_str().len() < 60).unwrap_or_else(|| PathBuf::from("/tmp"));
    tempfile::Builder::new().prefix(prefix).tempdir_in(parent).unwrap_or_else(|e| panic!("make the server's folder: {e}"))
}

/// The shell that runs a server, whose program and arguments are still to be added, and ends it with `signal` when we are gone.
pub(crate) fn watched(folder: &Path, signal: &str) -> Command {
    let mut watch = Command::new("sh");
    watch.args(["-c", include_str!("watch.sh"), "watch"]).arg(folder).arg(signal);
    watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own: an interrupt from the terminal, or a runner that kills a test's group, must not end the shell before it has
    // ended the server.
    std::os::unix::process::CommandExt::process_group(&mut watch, 0);
    watch
}

/// A port that nobody uses now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|e| panic!("find a free port: {e}"));
    listener.local_addr().unwrap_or_else(|e| panic!("find a free port: {e}")).port()
}
