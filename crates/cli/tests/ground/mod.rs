//! Where a scenario is played: a folder with a program, and databases of one engine. Adding an engine is one more [`Ground`] in a file of its
//! own. Owns which of a scenario's files are an engine's; does not know what scenarios expect.

mod mssql;
mod mysql;
mod postgres;
mod sqlite;

pub use mssql::Mssql;
pub use mysql::Mysql;
pub use postgres::Postgres;
pub use sqlite::Sqlite;

use greenroom_testkit::proc::Run;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The engines' words in file names.
const ENGINES: &[&str] = &["sqlite", "postgres", "mysql", "mssql"];

/// A mask key for scenarios that compare masked values.
const MASK_KEY: (&str, &str) = ("SCENARIO_MASK_KEY", "the key of scenarios, the same on every engine");

/// One engine's databases and the program beside them.
pub trait Ground {
    /// The engine's word in file names.
    fn engine(&self) -> &'static str;
    /// The folder above the program.
    fn folder(&self) -> &Path;
    /// `[source]` and `[pilot]` as TOML.
    fn databases(&self) -> String;
    /// Runs a script on the source.
    fn fill(&self, sql: &str);
    /// Rows on lines, values between `|`, nothing for NULL, of `source`, `pilot` or `generation`.
    fn query(&self, on: &str, sql: &str) -> Result<String, String>;
    /// Runs statements on `source` or `pilot`, as a person with every right would.
    fn write(&self, on: &str, sql: &str);
    /// Runs a script for the engine's own client on `source` or `pilot`; what it says when it stops.
    fn client(&self, on: &str, script: &str) -> Result<(), String>;
    /// Whether `source`, `pilot` or `generation` is there.
    fn stands(&self, what: &str) -> bool;
    /// Folders and files in which what Greenroom made may lie, and nothing of the source.
    fn places(&self) -> Vec<PathBuf>;

    /// The binary, in the program's folder.
    fn greenroom(&self) -> Run {
        let run = Run::new(env!("CARGO_BIN_EXE_greenroom")).folder(&self.folder().join("program")).env("TZ", "UTC").env("USER", "ann");
        run.env(MASK_KEY.0, MASK_KEY.1).patience(self.patience())
    }

    /// How long one command may take.
    fn patience(&self) -> Duration {
        Duration::from_secs(120)
    }

    /// The database that `greenroom status` names as the `pilot`, the `former` one, the `generation` of a run that stopped, or one of several pilots
    /// (`pilot training`).
    fn told(&self, role: &str) -> Option<String> {
        let ended = self.greenroom().args(["status", "--json"]).finish();
        let status: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {ended:?}"));
        let list = |of: &str| status[of].as_array().into_iter().flatten();
        let known = match role.strip_prefix("pilot ") {
            Some(profile) => list("other_pilots").find(|known| known["profile"] == profile)?,
            None => list("others").chain(status.get("pilot")).find(|known| known["role"] == role && known["standing"].is_object())?,
        };
        // Where databases cannot be renamed, the name stands for one that has its own.
        let name = known["standing"]["database"].as_str().or_else(|| known["name"].as_str());
        Some(name.unwrap_or_else(|| panic!("no name: {status}")).to_owned())
    }
}

/// A file's name without the engines in it, and these.
fn split(path: &Path) -> (String, Vec<String>) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (engines, plain): (Vec<&str>, Vec<&str>) = name.split('.').partition(|part| ENGINES.contains(part));
    (plain.join("."), engines.into_iter().map(str::to_owned).collect())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|e| e.unwrap().path()).collect()
}

/// The files of a folder that go by a name: those that name this engine, and whether others name engines at all.
fn by_name(folder: &Path, plain: &str, engine: &str) -> (Option<PathBuf>, bool) {
    let mut all: Vec<_> = entries(folder).into_iter().map(|p| (split(&p), p)).filter(|((name, _), _)| name == plain).collect();
    all.retain(|((_, engines), _)| !engines.is_empty());
    let others = !all.is_empty();
    let mut own = all.into_iter().filter(|((_, engines), _)| engines.iter().any(|e| e == engine)).map(|(_, path)| path);
    let found = own.next();
    assert!(own.next().is_none(), "{}: two files `{plain}` for {engine}", folder.display());
    (found, others)
}

/// What fills the source, in order: none where the scenario is not for this engine.
pub fn sources(scenario: &Path, engine: &str) -> Vec<PathBuf> {
    let (own, others) = by_name(scenario, "source.sql", engine);
    if own.is_none() && others {
        return Vec::new();
    }
    own.into_iter().chain(Some(scenario.join("source.sql")).filter(|p| p.exists())).collect()
}

/// What is expected on this engine.
pub fn expected(scenario: &Path, engine: &str) -> PathBuf {
    by_name(scenario, "expect.toml", engine).0.unwrap_or_else(|| scenario.join("expect.toml"))
}

/// Copies files over the program: those of this engine under their plain names, those of others not at all.
pub fn put(ground: &dyn Ground, from: &Path) {
    put_below(ground, from, &ground.folder().join("program"));
}

fn put_below(ground: &dyn Ground, from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in entries(from) {
        if path.is_dir() {
            put_below(ground, &path, &to.join(path.file_name().unwrap()));
            continue;
        }
        let (plain, engines) = split(&path);
        let general = engines.is_empty() && by_name(from, &plain, ground.engine()).0.is_none();
        if general || engines.iter().any(|e| e == ground.engine()) {
            let text = fs::read_to_string(&path).unwrap().replace("@databases@", &ground.databases());
            fs::write(to.join(plain), text).unwrap();
        }
    }
}
