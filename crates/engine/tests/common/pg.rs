//! Starts a throw-away PostgreSQL server for one test binary: socket and loopback, trust authentication, no fsync. Its postmaster is tied
//! to the test process by a pipe, so that it ends with it, however that ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A running server.
pub struct Pg {
    pub folder: PathBuf,
    pub port: u16,
    pub bin: PathBuf,
}

/// The server of this test binary, or `None` (said loudly) where PostgreSQL is not installed.
pub fn server() -> Option<&'static Pg> {
    static SERVER: OnceLock<Option<Pg>> = OnceLock::new();
    let found = SERVER.get_or_init(start).as_ref();
    if found.is_none() {
        eprintln!("skipped: PostgreSQL's server binaries were not found (install the package `postgresql`)");
    }
    found
}

fn binaries() -> Option<PathBuf> {
    let configured = Command::new("pg_config").arg("--bindir").output().ok().filter(|o| o.status.success());
    let mut folders: Vec<PathBuf> = configured.iter().map(|o| PathBuf::from(String::from_utf8_lossy(&o.stdout).trim())).collect();
    let mut installed: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin")).collect();
    installed.sort();
    folders.extend(installed.into_iter().rev());
    folders.into_iter().find(|f| f.join("initdb").is_file() && f.join("postgres").is_file())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"))
}

/// A shell command line as the server's user: initdb refuses root.
fn shell(script: &str) -> Command {
    let mut command = if is_root() {
        let mut c = Command::new("setpriv");
        c.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh"]);
        c
    } else {
        Command::new("sh")
    };
    command.arg("-c").arg(script).current_dir("/");
    command
}

fn start() -> Option<Pg> {
    let bin = binaries()?;
    let folder = std::env::temp_dir().join(format!("greenroom-pg-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    if is_root() {
        assert!(Command::new("chown").arg("postgres").arg(&folder).status().unwrap().success());
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (b, f) = (bin.display(), folder.display());
    let made = shell(&format!("{b}/initdb -D {f}/data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >{f}/initdb.log 2>&1"));
    assert!({ made }.status().unwrap().success(), "initdb failed, see {f}/initdb.log");
    let settings =
        "fsync=off\nfull_page_writes=off\nsynchronous_commit=off\nmax_connections=200\nmax_prepared_transactions=5\nwal_level=logical\n";
    let conf = format!("{settings}port={port}\nlisten_addresses='127.0.0.1'\nunix_socket_directories='{f}'\n");
    let mut write = shell(&format!("cat >>{f}/data/postgresql.conf")).stdin(Stdio::piped()).spawn().unwrap();
    write.stdin.take().unwrap().write_all(conf.as_bytes()).unwrap();
    assert!(write.wait().unwrap().success());
    // The watcher reads a pipe that closes when the test process ends, then stops the server at once and removes its folder.
    let watch = format!("{b}/postgres -D {f}/data >{f}/log 2>&1 & p=$!; cat >/dev/null; kill -QUIT $p; wait $p; rm -rf {f}");
    let mut child = shell(&watch).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::mem::forget(child.stdin.take());
    let pg = Pg { folder, port, bin };
    for _ in 0..300 {
        if pg.try_sql("postgres", "select 1").is_ok() {
            return Some(pg);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the server did not start, see {}/log", pg.folder.display());
}

impl Pg {
    /// Runs SQL with psql, stopping at the first error; returns unaligned tuples.
    pub fn try_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        self.try_sql_as("postgres", database, sql)
    }

    pub fn try_sql_as(&self, user: &str, database: &str, sql: &str) -> Result<String, String> {
        let mut child = Command::new(self.bin.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-", "-U", user, "-d", database])
            .arg("-h")
            .arg(&self.folder)
            .arg("-p")
            .arg(self.port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let text = sql.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let _ = writer.join();
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, sql).unwrap_or_else(|e| panic!("{e}"))
    }

    /// A fresh database.
    pub fn database(&self, name: &str, sql: &str) {
        self.sql("postgres", &format!("create database \"{name}\""));
        self.sql(name, sql);
    }

    pub fn socket(&self) -> &Path {
        &self.folder
    }
}
