//! `cargo xtask bench postgres|mariadb [--rows N] [--binary PATH]`: a whole rehearsal (masked, neutralised, verified) beside the bare copy that
//! the engine's own tools make of the same database on the same server (`pg_dump -Fd -j2` and `pg_restore -j2`; `mariadb-dump | mariadb`),
//! while its users keep writing to it. `bench switch`: how long nobody can work. `bench process`: how long it takes to look at a long process. Owns the servers and the made-up databases; judges nothing but the time and the memory.

mod clinic;
mod mariadb;
mod process;
mod server;
mod switch;

use crate::shell::{command, root};
use server::Server;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The promise: a rehearsal takes at most so many times what the bare copy takes.
const MOST: f64 = 1.5;

/// The promise: peak memory of Greenroom's own process, in KiB.
const MOST_KIB: u64 = 128 * 1024;

/// See the module.
pub fn run(args: &[String]) -> Result<bool, String> {
    let usage = || "usage: cargo xtask bench postgres|mariadb|switch|process [--rows N] [--binary PATH]".to_owned();
    let Some((what, options)) = args.split_first() else { return Err(usage()) };
    let bench = match what.as_str() {
        "postgres" => postgres,
        "mariadb" => mariadb::run,
        "switch" => switch::run,
        "process" => |_, greenroom: &Path| process::run(greenroom),
        _ => return Err(usage()),
    };
    let (mut rows, mut binary) = (1_000_000, None);
    for option in options.chunks(2) {
        match option {
            [flag, n] if flag == "--rows" => rows = n.parse().map_err(|_| usage())?,
            [flag, path] if flag == "--binary" => binary = Some(PathBuf::from(path)),
            _ => return Err(usage()),
        }
    }
    bench(rows, &binary.map_or_else(build, Ok)?)
}

/// The clinic on PostgreSQL.
fn postgres(rows: u64, greenroom: &Path) -> Result<bool, String> {
    let binaries = crate::test::binaries()?.ok_or("PostgreSQL is not installed")?;
    let server = Server::start(&binaries)?;
    println!("== making a clinic of {rows} visits");
    server.psql("postgres", "create database clinic")?;
    server.psql("clinic", clinic::OBJECTS)?;
    server.psql("clinic", &clinic::schema(rows))?;
    let size = server.psql("postgres", "select pg_size_pretty(pg_database_size('clinic'))")?;

    let folder = server.folder.join("program");
    clinic::program(&folder, &server)?;
    println!("== rehearsing, while users write");
    let mut psql = server.program("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "clinic"]);
    let users = Users::start(psql, format!("{}\\echo written", clinic::WRITER))?;
    let rehearsed = made(greenroom, &folder, "rehearse")?;
    println!("== refreshing the pilot");
    let refreshed = made(greenroom, &folder, "refresh")?;

    println!("== pg_dump -Fd -j2, pg_restore -j2");
    let dump = server.folder.join("dump");
    let (dumped, _) = measured(server.program("pg_dump").args(["-Fd", "-j2", "-d", "clinic", "-f"]).arg(&dump))?;
    server.psql("postgres", "create database bare template template0")?;
    let (restored, _) = measured(server.program("pg_restore").args(["-j2", "-d", "bare"]).arg(&dump))?;
    let written = users.stop()?;

    let kept = told(&format!("{size}, {rows} visits"), &[("pg_dump", dumped), ("pg_restore", restored)], rehearsed, written);
    let ratio = refreshed.0.as_secs_f64() / rehearsed.0.as_secs_f64();
    println!("refresh       {:>8.1} s ({ratio:.2} of the rehearsal), peak {:.1} MiB", refreshed.0.as_secs_f64(), kib_to_mib(refreshed.1));
    Ok(kept && refreshed.1 < MOST_KIB)
}

/// Makes a pilot; how long it took and the most memory it had, in KiB.
fn made(greenroom: &Path, folder: &Path, how: &str) -> Result<(Duration, u64), String> {
    let mut rehearsal = Command::new(greenroom);
    let rehearsed = measured(rehearsal.arg("-C").arg(folder).arg("--quiet").arg(how))?;
    let mut show = Command::new(greenroom);
    show.arg("-C").arg(folder).args(["run", "show"]).status().map_err(|e| format!("run greenroom: {e}"))?;
    Ok(rehearsed)
}

/// Prints what was measured. Whether the promises are kept.
fn told(database: &str, bare: &[(&str, Duration)], (rehearsed, kib): (Duration, u64), written: u64) -> bool {
    let copy: Duration = bare.iter().map(|(_, took)| *took).sum();
    let ratio = rehearsed.as_secs_f64() / copy.as_secs_f64();
    println!("\ndatabase      {database}");
    for (tool, took) in bare {
        println!("{tool:13} {:>8.1} s", took.as_secs_f64());
    }
    println!("bare copy     {:>8.1} s", copy.as_secs_f64());
    println!("rehearsal     {:>8.1} s", rehearsed.as_secs_f64());
    println!("ratio         {ratio:>8.2}   (at most {MOST})");
    println!("meanwhile     {written:>8} rounds of writes to the source");
    println!("peak memory   {:>8.1} MiB (below {} MiB)", kib_to_mib(kib), MOST_KIB / 1024);
    ratio <= MOST && kib < MOST_KIB
}

/// Somebody who writes to the source until stopped.
struct Users {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<u64, String>>,
}

impl Users {
    /// Lets a client program execute a round again and again; the round's last statement prints `written`.
    fn start(mut client: Command, round: String) -> Result<Users, String> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|e| format!("run a client: {e}"))?;
        let mut input = client.stdin.take().ok_or("the client has no standard input")?;
        let mut output = BufReader::new(client.stdout.take().ok_or("the client has no standard output")?);
        let thread = std::thread::spawn(move || {
            let mut rounds = 0;
            let mut line = String::new();
            while !stopped.load(Ordering::Relaxed) {
                writeln!(input, "{round}").map_err(|e| format!("write to the client: {e}"))?;
                // A round is over when the client says so.
                while line != "written\n" {
                    line.clear();
                    let read = output.read_line(&mut line).map_err(|e| format!("read from the client: {e}"))?;
                    if read == 0 {
                        return Err("the writer ended by itself".to_owned());
                    }
                }
                line.clear();
                rounds += 1;
            }
            drop(input);
            client.wait().map_err(|e| format!("wait for the client: {e}"))?;
            Ok(rounds)
        });
        Ok(Users { stop, thread })
    }

    /// Stops and says how often they wrote.
    fn stop(self) -> Result<u64, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the writer died".to_owned())?
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn kib_to_mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// Builds the release binary and says where it is.
fn build() -> Result<PathBuf, String> {
    println!("== cargo build --release -p greenroom");
    let mut cargo = command("cargo build --release -p greenroom --message-format=json-render-diagnostics");
    let output = cargo.stderr(Stdio::inherit()).output().map_err(|e| format!("run cargo: {e}"))?;
    if !output.status.success() {
        return Err(format!("greenroom does not build, see above ({})", root().display()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let built = text.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    let path = built.filter_map(|m| m["executable"].as_str().map(PathBuf::from)).next_back();
    path.ok_or_else(|| "cargo names no executable".to_owned())
}

/// Runs a command to its end: how long it took, and the most memory it had at once in KiB, as the kernel keeps count.
fn measured(command: &mut Command) -> Result<(Duration, u64), String> {
    let shown = format!("{:?}", command.get_program());
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).spawn().map_err(|e| format!("run {shown}: {e}"))?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // Read until it ends: the mark only rises, so that the last reading is the peak but for the last moments.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|l| l.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        peak = mark.unwrap_or(0).max(peak);
        if let Some(ended) = child.try_wait().map_err(|e| format!("wait for {shown}: {e}"))? {
            return if ended.success() { Ok((began.elapsed(), peak)) } else { Err(format!("{shown} failed: {ended}")) };
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
