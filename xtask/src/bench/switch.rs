//! How long nobody can work while production is switched: on SQLite and PostgreSQL, for a share of changed rows, with everything read again in the window and with
//! touched rows alone, beside what was predicted. Each switch is undone before the next. Owns the made-up databases and the arithmetic; the times are those of whole processes.

use super::server::Server;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Every how manieth row changes between the copy and the window.
const SHARES: [(u64, &str); 3] = [(1000, "0.1 %"), (100, "1 %"), (10, "10 %")];

enum Database {
    Postgres(Box<Server>),
    /// The file.
    Sqlite(PathBuf),
}

/// Measures both engines with so many rows.
pub fn run(rows: u64, greenroom: &Path) -> Result<bool, String> {
    let folder = std::env::temp_dir().join(format!("greenroom-bench-switch-{}", std::process::id()));
    let sqlite = Command::new("sqlite3").arg("--version").stdout(Stdio::null()).status();
    let measured = (|| {
        fs::create_dir_all(folder.join("files")).map_err(|e| format!("make {}: {e}", folder.display()))?;
        match sqlite {
            Ok(ended) if ended.success() => {
                measure(&Database::Sqlite(folder.join("files/app.db")), rows, greenroom, &folder.join("sqlite"))?;
            }
            _ => println!("skipped: sqlite3 is not installed"),
        }
        let binaries = crate::test::binaries()?.ok_or("PostgreSQL is not installed")?;
        let server = Server::start(&binaries)?;
        server.psql("postgres", "create database app")?;
        measure(&Database::Postgres(Box::new(server)), rows, greenroom, &folder.join("postgres"))
    })();
    drop(fs::remove_dir_all(&folder));
    measured.map(|()| true)
}

impl Database {
    fn name(&self) -> &'static str {
        match self {
            Database::Postgres(_) => "PostgreSQL",
            Database::Sqlite(_) => "SQLite",
        }
    }

    fn sql(&self, sql: &str) -> Result<String, String> {
        match self {
            Database::Postgres(server) => server.psql("app", sql),
            Database::Sqlite(file) => {
                let output = Command::new("sqlite3").arg(file).arg(sql).output().map_err(|e| format!("run sqlite3: {e}"))?;
                match output.status.success() {
                    true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
                    false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
                }
            }
        }
    }

    fn fill(&self, rows: u64) -> Result<(), String> {
        let numbers = |n: u64| match self {
            Database::Postgres(_) => format!("select i from generate_series(1, {n}) i"),
            Database::Sqlite(_) => {
                format!("with recursive s(i) as (select 1 union all select i + 1 from s where i < {n}) select i from s")
            }
        };
        let clients = rows / 20 + 1;
        self.sql(&format!(
            "create table client (id integer primary key, label varchar(60) not null);
             create table entry (id integer primary key, client_id integer not null references client (id), amount integer not null, what varchar(80));
             insert into client select i, 'Client number ' || i from ({}) n;
             insert into entry select i, i * 7 % {clients} + 1, i % 1000, 'what happened on that day, in a few words, ' || i from ({}) n;
             create index entry_client on entry (client_id);",
            numbers(clients),
            numbers(rows)
        ))?;
        self.sql("analyze").map(drop)
    }

    fn program(&self, folder: &Path) -> Result<(), String> {
        let (databases, quarantine) = match self {
            Database::Postgres(server) => {
                let address =
                    format!("engine = \"postgres\"\nhost = \"{}\"\nport = {}\nuser = \"postgres\"", server.folder.display(), server.port);
                (format!("[source]\n{address}\ndatabase = \"app\"\n[target]\n{address}\n[pilot]\nname = \"app_pilot\"\n"), "")
            }
            Database::Sqlite(_) => (
                "[source]\nengine = \"sqlite\"\npath = \"../files/app.db\"\n[pilot]\nname = \"pilot.db\"\n".to_owned(),
                "path = \"quarantine\"\n",
            ),
        };
        let main = format!(
            "[program]\nname = \"bench\"\n{databases}[copy]\nmin_free_disk_percent = 0\n[dress]\nunmasked = true\n[quarantine]\n{quarantine}[switch]\nminutes = 600\nrestore_point_hours = 100\n"
        );
        let files = [
            ("greenroom.toml", main.as_str()),
            (
                "columns.toml",
                "[client]\nid = \"keep\"\nlabel = \"keep\"\n[entry]\nid = \"keep\"\nclient_id = \"keep\"\namount = \"keep\"\nwhat = \"keep\"\nlevel = { keep = true, after_upgrade = true }\n",
            ),
            ("upgrade/1.sql", "alter table entry add column level integer;\n"),
        ];
        for (name, text) in files {
            let path = folder.join(name);
            let written = fs::create_dir_all(path.parent().unwrap_or(folder)).and_then(|()| fs::write(&path, text));
            written.map_err(|e| format!("write {}: {e}", path.display()))?;
        }
        Ok(())
    }

    /// A backup by the engine's own means.
    fn backup(&self, folder: &Path) -> Result<PathBuf, String> {
        let path = folder.join("backup");
        match self {
            Database::Postgres(server) => {
                let ended = server.program("pg_dump").args(["-Fc", "-d", "app", "-f"]).arg(&path).status();
                if !ended.map_err(|e| format!("run pg_dump: {e}"))?.success() {
                    return Err("pg_dump failed".to_owned());
                }
            }
            Database::Sqlite(_) => drop(self.sql(&format!("vacuum into '{}'", path.display()))?),
        }
        Ok(path)
    }
}

/// Runs greenroom; how long it took, and what it printed. Another exit code than these is an error.
fn greenroom(binary: &Path, folder: &Path, arguments: &[&str], codes: &[i32]) -> Result<(Duration, String), String> {
    let began = Instant::now();
    let output = Command::new(binary).arg("-C").arg(folder).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|e| format!("run greenroom: {e}"))?;
    let took = began.elapsed();
    if output.status.code().is_some_and(|code| codes.contains(&code)) {
        return Ok((took, String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    Err(format!("greenroom {} ended with {}: {}", arguments.join(" "), output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Milliseconds from the fence until testers are asked, as the plan expects them (`read_again`: copying comes once more after the fence); the steps that it expects nothing of.
fn predicted(preview: &str, read_again: bool) -> Result<(u64, Vec<String>), String> {
    let preview: Value = serde_json::from_str(preview).map_err(|e| format!("read the preview: {e}"))?;
    let plan = &preview["plan"];
    let (mut known, mut unknown, mut fenced) = (0, Vec::new(), false);
    for step in plan["steps"].as_array().into_iter().flatten() {
        let key = step["key"].as_str().unwrap_or_default();
        fenced |= key == "fence";
        if key == "accept" {
            break;
        }
        if fenced || (read_again && (key.starts_with("copy:") || key == "check-source")) {
            match plan["expected"][key]["millis"].as_u64() {
                Some(millis) => known += millis,
                None => unknown.push(key.to_owned()),
            }
        }
    }
    Ok((known, unknown))
}

/// The same of a switch that waits for its window.
fn now(status: &str) -> Result<(u64, Vec<String>), String> {
    let status: Value = serde_json::from_str(status).map_err(|e| format!("read the status: {e}"))?;
    let time = &status["downtime"];
    let unknown = time["unknown"].as_array().ok_or("the status knows no downtime")?;
    // Users are never let in here, so that nobody has timed that.
    let unknown = unknown.iter().filter_map(Value::as_str).filter(|k| *k != "promote").map(str::to_owned);
    Ok((time["millis"].as_u64().unwrap_or_default(), unknown.collect()))
}

fn measure(database: &Database, rows: u64, binary: &Path, folder: &Path) -> Result<(), String> {
    println!("== {}: {rows} rows", database.name());
    database.fill(rows)?;
    database.program(folder)?;
    let quiet = |arguments: &[&str], codes: &[i32]| greenroom(binary, folder, arguments, codes);
    quiet(&["dress", "--quiet"], &[0])?;
    let backup = database.backup(folder)?;
    quiet(&["prove", &backup.display().to_string(), "--yes", "--quiet"], &[0])?;
    let settings = folder.join("greenroom.toml");
    let plain = fs::read_to_string(&settings).map_err(|e| format!("read the program: {e}"))?;
    println!("{:10} {:>10} {:>8} {:>8} {:>11} {:>11} {:>7}", "engine", "rows", "read", "changed", "predicted", "nobody works", "ratio");
    for (how, setting) in
        [("all", "final_copy = \"all\""), ("touched", "final_copy = \"touched\""), ("in place", "strategy = \"in-place\"")]
    {
        fs::write(&settings, format!("{plain}{setting}\n")).map_err(|e| format!("write the program: {e}"))?;
        for (round, (every, share)) in (0u64..).zip(SHARES) {
            let (_, preview) = quiet(&["switch", "--preview", "--json"], &[0])?;
            let (expected, unknown) = predicted(&preview, how == "all")?;
            quiet(&["switch", "--yes", "--quiet"], &[5])?;
            database.sql(&format!("update entry set amount = amount + 1 where id % {every} = {}", round % every))?;
            // What users touch meanwhile is known when the window opens, not before.
            let (expected, unknown) = match how {
                "touched" => now(&quiet(&["status", "--json"], &[0])?.1)?,
                _ => (expected, unknown),
            };
            quiet(&["answer", "go", "--quiet"], &[0])?;
            let (took, _) = quiet(&["resume", "--quiet"], &[5])?;
            quiet(&["undo", "--yes", "--quiet"], &[0])?;
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let (shown, ratio) = match unknown.is_empty() {
                true => (format!("{} ms", expected), format!("{:.2}", ratio(millis, expected))),
                false => ("not timed".to_owned(), "-".to_owned()),
            };
            println!("{:10} {rows:>10} {how:>8} {share:>8} {shown:>11} {:>9} ms {ratio:>7}", database.name(), millis);
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn ratio(measured: u64, expected: u64) -> f64 {
    measured as f64 / expected.max(1) as f64
}
