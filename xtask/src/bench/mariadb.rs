//! Objects of every kind on MariaDB (the engine's tests use the same), with files of 10 MiB each beside about as many rows as asked for; a
//! server for them, gone at the end; a program that masks people in four character sets. Not flushed to disk, as on PostgreSQL.

use super::{Users, made, measured, told};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const OBJECTS: &str = include_str!("../../../crates/testkit/data/objects.mariadb.sql");
const COLUMNS: &str = include_str!("../../../crates/testkit/data/objects.mariadb.columns.sql");

/// Files of 10 MiB, whose rows stand in memory whole.
const FILES: &str =
    "insert into attachment (name, body) select 'large', repeat(unhex(concat(md5(seq), '00ff5c0a27')), 500000) from seq_1_to_24;";

/// What a busy user does, again and again: one transaction over several tables, acknowledged.
const WRITER: &str = "set @n = floor(rand() * 1000); start transaction; insert into visit (client_id, at, note) values (@n, now(), 'writer');
    insert into no_key values (@n, 'writer'); update client set `order` = 1000000 + @n where id = @n; delete from visit where id = @n * 7; commit;
    do sleep(0.02); select 'written';";

/// Measures it.
pub fn run(rows: u64, greenroom: &Path) -> Result<bool, String> {
    let server = Server::start()?;
    println!("== making objects of every kind, {rows} rows");
    server.client("mysql", "create database every character set utf8mb4; create database bare character set utf8mb4")?;
    server.client("every", &format!("set @rows = {rows};\n{OBJECTS};\n{FILES}"))?;
    let size = "select concat(round(sum(data_length + index_length) / 1048576), ' MB') from information_schema.tables where table_schema = 'every'";
    let size = server.client("every", &format!("analyze table visit, client, device, measure, attachment; {size}"))?;
    let size = size.lines().next_back().unwrap_or_default().to_owned();
    let folder = server.folder.join("program");
    program(&folder, &server)?;

    println!("== rehearsing, while users write");
    let mut client = server.program("mariadb");
    client.args(["--batch", "--skip-column-names", "--unbuffered", "every"]);
    let users = Users::start(client, WRITER.to_owned())?;
    let rehearsed = made(greenroom, &folder, "rehearse")?;

    println!("== mariadb-dump | mariadb");
    // With locks around the rows, and without --force, its own output cannot be restored: a default that counts a sequence, a view with a
    // check over a view.
    let socket = server.socket().display().to_string();
    let login = format!("--no-defaults --user=root --socket={socket} --default-character-set=utf8mb4");
    let dump =
        format!("mariadb-dump {login} --single-transaction --skip-add-locks --max-allowed-packet=64M --routines --events --triggers every");
    let mut bare = Command::new("bash");
    let line = format!("set -o pipefail; {dump} | mariadb {login} --force --max-allowed-packet=64M bare");
    let (dumped, _) = measured(bare.args(["-c", &line]).stderr(Stdio::null()))?;
    let written = users.stop()?;
    let restored = server.client("bare", "select count(*) from visit")?;
    if restored.trim().parse::<u64>().is_ok_and(|n| n < rows / 2) {
        return Err(format!("the bare copy is not whole: {restored} visits"));
    }
    Ok(told(&format!("{size}, {rows} rows, 24 files of 10 MiB"), &[("dump | load", dumped)], rehearsed, written))
}

/// Writes the program.
fn program(folder: &Path, server: &Server) -> Result<(), String> {
    let columns = server.client("every", COLUMNS)?.replace("[\"hen\"]\n", "[\"hen\"]\nlevel = { keep = true, after_upgrade = true }\n");
    let main = format!(
        "[program]\nname = \"bench\"\n[source]\nengine = \"mysql\"\nhost = \"{}\"\ndatabase = \"every\"\nuser = \"root\"\n[pilot]\nname = \"every_pilot\"\n\
         [tables]\nlog = \"queue\"\n[copy]\nmin_free_disk_percent = 0\n[verify]\ntouched_tables = [\"hen\"]\n\
         [leave_out]\nprice_history = \"system-versioned\"\n",
        server.socket().display()
    );
    let pack = "[pack]\ntitle = \"off\"\n[[rule]]\nid = \"jobs\"\nstatement = \"update hen set egg = null where id = 2\"\nassert = \"select 1 from hen where id = 2 and egg is not null\"\n";
    let files = [
        ("greenroom.toml", main.as_str()),
        ("columns.toml", columns.as_str()),
        ("packs/off.toml", pack),
        ("upgrade/V1__level.sql", "alter table hen add level int;\n"),
        ("verify/count.sql", "-- expect: same as source\nselect count(*) from visit;\n"),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        let written = fs::create_dir_all(path.parent().unwrap_or(folder)).and_then(|()| fs::write(&path, text));
        written.map_err(|e| format!("write {}: {e}", path.display()))?;
    }
    Ok(())
}

/// A running server in a folder of its own.
struct Server {
    folder: PathBuf,
    process: Child,
}

impl Server {
    fn start() -> Result<Server, String> {
        let folder = std::env::temp_dir().join(format!("greenroom-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|e| format!("make {}: {e}", folder.display()))?;
        let root = crate::shell::output("id -u")?.trim() == "0";
        let own = |program: &str| {
            let mut command = Command::new(program);
            command.arg("--no-defaults").arg(format!("--datadir={}", folder.join("data").display()));
            command.args(root.then_some("--user=root")).current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::null());
            command
        };
        let made = own("mariadb-install-db").args(["--auth-root-authentication-method=normal", "--skip-test-db"]).output();
        let made = made.map_err(|e| format!("run mariadb-install-db: {e}"))?;
        if !made.status.success() {
            return Err(format!("mariadb-install-db failed: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let mut command = own("mariadbd");
        command.args(["--skip-networking", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite"]);
        command.args(["--innodb-buffer-pool-size=256M", "--innodb-log-file-size=1G", "--max-allowed-packet=64M", "--local-infile=1"]);
        command.args(["--character-set-server=utf8mb4", "--performance-schema=off", "--event-scheduler=on", "--log-warnings=1"]);
        command.arg(format!("--socket={}", folder.join("socket").display())).arg(format!("--pid-file={}", folder.join("pid").display()));
        command.arg(format!("--tmpdir={}", folder.display()));
        let log = fs::File::create(folder.join("log")).map_err(|e| format!("make the server's log: {e}"))?;
        let process = command.stderr(log).spawn().map_err(|e| format!("run mariadbd: {e}"))?;
        let server = Server { folder, process };
        for _ in 0..300 {
            if server.client("mysql", "select 1").is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(format!("the server did not start: {}", fs::read_to_string(server.folder.join("log")).unwrap_or_default()))
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// A client program that connects to this server.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.args(["--no-defaults", "--user=root", "--default-character-set=utf8mb4"]);
        command.arg(format!("--socket={}", self.socket().display()));
        command
    }

    /// Runs a script and returns what it prints.
    fn client(&self, database: &str, script: &str) -> Result<String, String> {
        let mut client = self.program("mariadb");
        client
            .args(["--batch", "--raw", "--skip-column-names", database])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut client = client.spawn().map_err(|e| format!("run mariadb: {e}"))?;
        let mut input = client.stdin.take().ok_or("mariadb has no standard input")?;
        let script = script.to_owned();
        // From a thread: it may print before it has read everything.
        let feed = std::thread::spawn(move || input.write_all(script.as_bytes()));
        let output = client.wait_with_output().map_err(|e| format!("wait for mariadb: {e}"))?;
        drop(feed.join());
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked = Command::new("kill").arg(self.process.id().to_string()).status();
        if !asked.is_ok_and(|s| s.success()) {
            drop(self.process.kill());
        }
        drop(self.process.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}
