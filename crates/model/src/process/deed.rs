//! What a task does by itself, and what a probe looks at: the words for it, when it may be begun, gone on with and ended. Owns decisions; performing is the runner's.

use super::gates::{Refused, Sight, known, refused};
use super::{Fact, Task};
use crate::hash::Hash;
use crate::plan::RunKind;
use crate::program::SecretRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Seconds that a probe may take where nothing is said.
pub const PROBE_SECONDS: u64 = 10;

/// A run that a person starts by its own command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunWord {
    /// `greenroom rehearse`.
    Rehearse,
    /// `greenroom refresh`.
    Refresh,
    /// `greenroom dress`.
    Dress,
    /// `greenroom follow`.
    Follow,
    /// `greenroom switch`.
    Switch,
    /// `greenroom rollback`.
    Rollback,
}

impl RunWord {
    /// The command's word.
    pub fn word(self) -> &'static str {
        match self {
            RunWord::Rehearse => "rehearse",
            RunWord::Refresh => "refresh",
            RunWord::Dress => "dress",
            RunWord::Follow => "follow",
            RunWord::Switch => "switch",
            RunWord::Rollback => "rollback",
        }
    }

    /// What does in its place when the runbook is rehearsed: a dress rehearsal for what changes production.
    pub fn rehearsed(self) -> RunWord {
        match self {
            RunWord::Switch | RunWord::Rollback => RunWord::Dress,
            other => other,
        }
    }

    fn kind(self) -> RunKind {
        match self {
            RunWord::Rehearse => RunKind::Rehearsal,
            RunWord::Refresh => RunKind::Refresh,
            RunWord::Dress => RunKind::Dress,
            RunWord::Follow => RunKind::Follow,
            RunWord::Switch => RunKind::Switch,
            RunWord::Rollback => RunKind::Rollback,
        }
    }
}

/// A run, as far as tasks ask about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RanRun {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: RunKind,
    /// When it began.
    pub started: Timestamp,
    /// When it ended well; none where it did not, or has not yet.
    pub finished: Option<Timestamp>,
}

/// Where a query is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AskedOf {
    /// Production, as `[source]` names it.
    Source,
    /// The pilot that stands.
    Pilot,
    /// What has taken production's place; when the runbook is rehearsed, the pilot.
    Target,
}

/// What a query has to give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// No row.
    NoRows,
    /// This as its first value.
    Value(String),
    /// A number or version in its first value, this one or a higher one.
    AtLeast(String),
}

/// What is done, or looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub enum Doing {
    /// A person starts a run; the task is done once that has ended well.
    Run {
        /// Which.
        run: RunWord,
    },
    /// A program is run in the program's folder with a clean environment.
    Command {
        /// The program and its arguments.
        command: Vec<String>,
        /// What is run instead when the runbook is rehearsed.
        rehearsal: Option<Vec<String>>,
        /// Variables of its environment, and where their secrets come from.
        env: BTreeMap<String, SecretRef>,
    },
    /// A query that reads.
    Sql {
        /// File with the query, relative to the program's folder.
        file: String,
        /// Where it is asked.
        on: AskedOf,
        /// What it has to give.
        expect: Wanted,
    },
    /// A page is fetched; redirections are not followed.
    Http {
        /// Its address.
        url: String,
        /// The status it has to answer with.
        status: u16,
        /// Text that has to be in it.
        body_contains: Option<String>,
    },
    /// A name is looked up.
    Dns {
        /// The name.
        name: String,
        /// Exactly these addresses; any where none is said.
        expect: Option<Vec<String>>,
        /// Who is asked, `HOST` or `HOST:PORT`; whoever the machine asks without it.
        server: Option<String>,
    },
    /// A connection is tried.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
        /// Somebody has to listen there, or nobody.
        open: bool,
    },
    /// There is room on a disk.
    Disk {
        /// A folder of this machine, relative to the program's; where the target keeps its data without it.
        path: Option<String>,
        /// Bytes that have to be free.
        free: u64,
    },
    /// One of the program's trees of files is copied.
    Copy {
        /// Its name.
        tree: String,
    },
    /// So much time passes.
    Wait {
        /// Seconds, from the task's begin on.
        seconds: u64,
    },
}

impl Doing {
    /// A word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Doing::Run { .. } => "run",
            Doing::Command { .. } => "command",
            Doing::Sql { .. } => "sql",
            Doing::Http { .. } => "http",
            Doing::Dns { .. } => "dns",
            Doing::Tcp { .. } => "tcp",
            Doing::Disk { .. } => "disk",
            Doing::Copy { .. } => "copy",
            Doing::Wait { .. } => "wait",
        }
    }
}

/// Something done by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// What.
    #[serde(flatten)]
    pub doing: Doing,
    /// Seconds that it may take.
    pub timeout_seconds: u64,
    /// Doing it twice does no harm.
    pub repeatable: bool,
}

/// What came of it, fit for the record: no secret, no value of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// As it was expected.
    pub good: bool,
    /// In a few words.
    pub words: String,
    /// How long it took.
    pub millis: u64,
    /// Hash of what it gave out, where that was kept.
    pub output: Option<Hash>,
}

/// Reads `90 seconds`, `15 minutes`, `2 hours`.
///
/// # Errors
/// What may be written, where this is something else.
pub fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || "write `90 seconds`, `15 minutes` or `2 hours`".to_owned();
    let (number, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let factor = match unit.trim().trim_end_matches('s') {
        "second" => 1,
        "minute" => 60,
        "hour" => 3600,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).filter(|n| (1..=7 * 24 * 3600).contains(n)).ok_or_else(|| "from 1 second to 168 hours".to_owned())
}

/// Reads `200 GB`, `500 MB`, `2 TB`, in powers of 1024.
///
/// # Errors
/// What may be written, where this is something else.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "write `500 MB`, `200 GB` or `2 TB`".to_owned();
    let (number, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let power = match unit.trim() {
        "MB" => 20,
        "GB" => 30,
        "TB" => 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(1 << power).filter(|n| *n > 0).ok_or_else(wrong)
}

/// Bytes as [`bytes`] reads them, rounded down.
pub fn bytes_in_words(n: u64) -> String {
    match n {
        n if n >= 10 << 40 => format!("{} TB", n >> 40),
        n if n >= 10 << 30 => format!("{} GB", n >> 30),
        n => format!("{} MB", n >> 20),
    }
}

/// The first version or number in a text: of `PostgreSQL 15.18 (Debian)` it is `15.18`.
pub fn version_in(text: &str) -> Option<&str> {
    let from = text.find(|c: char| c.is_ascii_digit())?;
    let rest = &text[from..];
    let to = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let found = rest[..to].trim_end_matches('.');
    // Anything longer is no version, and might be somebody's.
    (found.len() <= 24).then_some(found)
}

/// Whether a version or number is this one or a higher one: parts between points are compared as numbers.
pub fn reaches(found: &str, least: &str) -> bool {
    let parts = |text: &str| -> Vec<u64> { text.split('.').map(|p| p.parse().unwrap_or(u64::MAX)).collect() };
    let (mut found, mut least) = (parts(found), parts(least));
    let length = found.len().max(least.len());
    found.resize(length, 0);
    least.resize(length, 0);
    found >= least
}

/// An address as it may be shown and recorded: without a login, and without what follows `?` or `#`, where tokens stand.
pub fn shown_url(url: &str) -> String {
    let cut = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = cut.split_once("://") else { return cut.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// The host of an address: of `https://crm.example:8443/x` it is `crm.example`, of `10.0.0.7:443` it is `10.0.0.7`.
pub fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        // More than one colon without brackets is an IPv6 address by itself.
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or_default(),
        None => host,
    }
}

impl<'a> Sight<'a> {
    /// A task with what it does by itself.
    ///
    /// # Errors
    /// When there is none of that name, or a person does it.
    pub fn automated(&self, task: &str) -> Result<(&'a Task, &'a Deed), Refused> {
        let written = self.known_task(task)?;
        match &written.does {
            Some(deed) => Ok((written, deed)),
            None => refused(
                format!("`{task}` does nothing by itself"),
                format!("a person does it: `greenroom task start {task}`, then `greenroom task done {task}`"),
            ),
        }
    }

    /// Begins an automated task, or goes on with one that was begun and whose end nobody knows. `again`: whoever asks knows that doing it twice does no harm.
    ///
    /// # Errors
    /// As [`Sight::start_task`]; when somebody else has begun it, or doing it twice might do harm.
    pub fn run_task(&self, task: &str, by: Option<&str>, again: bool, in_rehearsal: bool) -> Result<Fact, Refused> {
        let (_, deed) = self.automated(task)?;
        if in_rehearsal && matches!(&deed.doing, Doing::Command { rehearsal: None, .. }) {
            return refused(
                format!("what `{task}` runs is meant for production"),
                format!(
                    "`rehearsal = [\"./program\"]` beside its `command` says what is run instead; or `greenroom task --rehearsal start {task}` and `done`"
                ),
            );
        }
        let now = self.task(task);
        if now.started.is_none() || now.done.is_some() {
            return self.start_task(task, by);
        }
        let by = known(by)?;
        if now.by.as_deref() != Some(by) {
            let who = now.by.unwrap_or_default();
            return refused(format!("{who} does `{task}`"), format!("`greenroom task hand-over {task} --to {by}` lets {by} go on"));
        }
        if !deed.repeatable && !again {
            return refused(
                format!("`{task}` was begun, and nobody knows whether what it does ran to its end"),
                format!(
                    "look; then `greenroom task run {task} --again`, or `greenroom task done {task} --by-hand WORDS`, or `greenroom task failed {task}`"
                ),
            );
        }
        Ok(Fact::TaskTriedAgain { task: task.to_owned() })
    }

    /// Puts on record what came of an automated task.
    ///
    /// # Errors
    /// When it is not under way any more.
    pub fn ran_task(&self, task: &str, outcome: &Outcome) -> Result<Fact, Refused> {
        let (_, deed) = self.automated(task)?;
        let now = self.task(task);
        if now.started.is_none() || now.done.is_some() {
            return refused(
                format!("`{task}` is not under way any more: what came of it is not recorded"),
                "`greenroom task` shows how it stands",
            );
        }
        Ok(Fact::TaskRan {
            task: task.to_owned(),
            does: deed.doing.word().to_owned(),
            good: outcome.good,
            outcome: outcome.words.clone(),
            millis: outcome.millis,
            output: outcome.output,
        })
    }

    /// The run that a task waits for, if it has ended well since the task was begun; why not otherwise.
    ///
    /// # Errors
    /// What is missing, in a sentence.
    pub fn awaited_run(&self, task: &str, run: RunWord) -> Result<&'a RanRun, String> {
        let Some(since) = self.task(task).started else { return Err(format!("`{task}` is not under way")) };
        // The record keeps parts of a second, too: a run of the same moment came after.
        let later = self.proofs.runs.iter().filter(|r| r.kind == run.kind() && r.started >= since);
        let (ended, open): (Vec<&RanRun>, Vec<&RanRun>) = later.partition(|r| r.finished.is_some());
        match (ended.last(), open.last()) {
            (Some(run), _) => Ok(run),
            (None, Some(open)) => Err(format!("`{}` was begun and has not ended well yet", open.id)),
            (None, None) => Err(format!("no `greenroom {}` was begun since `{task}` was", run.word())),
        }
    }

    /// A person did what a task does by itself.
    ///
    /// # Errors
    /// When it was not begun, somebody else does it, or a person does it anyway.
    pub fn done_by_hand(&self, task: &str, by: Option<&str>) -> Result<Fact, Refused> {
        self.automated(task)?;
        self.under_way(task, by)?;
        Ok(Fact::TaskDoneByHand { task: task.to_owned() })
    }

    /// Whether a person may say that a task is done: not while something else decides over that.
    pub(super) fn may_say_done(&self, task: &str, written: &Task) -> Result<(), Refused> {
        let Some(deed) = &written.does else { return Ok(()) };
        if let Doing::Run { run } = &deed.doing {
            let run = if self.state.in_rehearsal { run.rehearsed() } else { *run };
            let Err(why) = self.awaited_run(task, run) else { return Ok(()) };
            return refused(
                format!("`{task}` is not done: {why}"),
                format!("`greenroom {}`; or `greenroom task done {task} --by-hand WORDS`", run.word()),
            );
        }
        refused(
            format!("`{task}` is done when what it does has gone well"),
            format!("`greenroom task run {task}`; or `greenroom task done {task} --by-hand WORDS` when a person did it in its place"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_logins_and_tokens() {
        for (url, shown) in [
            ("https://crm.example/health", "https://crm.example/health"),
            ("https://anna:pa@ss@crm.example:8443/a?token=x#y", "https://crm.example:8443/a"),
            ("https://crm.example?token=x", "https://crm.example"),
            ("http://user@[::1]:80", "http://[::1]:80"),
            ("10.0.0.7:443", "10.0.0.7:443"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }

    #[test]
    fn hosts_are_found_in_addresses() {
        for (address, host) in [
            ("https://u:p@crm.example:8443/x:1", "crm.example"),
            ("10.0.0.7:443", "10.0.0.7"),
            ("https://[fd00::7]:443/", "fd00::7"),
            ("fd00::7", "fd00::7"),
            ("crm.example", "crm.example"),
        ] {
            assert_eq!(host_of(address), host);
        }
    }

    #[test]
    fn versions_are_found_and_compared_by_their_numbers() {
        assert_eq!(version_in("PostgreSQL 15.18 (Debian 15.18-1)"), Some("15.18"));
        assert_eq!(version_in("10.11.6-MariaDB-1."), Some("10.11.6"));
        assert_eq!(version_in("ready. 7."), Some("7"));
        assert_eq!(version_in("none"), None);
        for (found, least, is) in
            [("15.18", "15.4", true), ("15.4", "15.18", false), ("16", "15.18", true), ("15", "15.0", true), ("8191", "8192", false)]
        {
            assert_eq!(reaches(found, least), is, "{found} {least}");
        }
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!(bytes("200 GB"), Ok(200 << 30));
        assert_eq!(bytes_in_words(200 << 30), "200 GB");
        for bad in ["200", "200GB", "0 MB", "-1 GB", "99999999999 TB", "5 KB"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lengths_of_time_are_read() {
        assert_eq!(seconds("90 seconds"), Ok(90));
        assert_eq!(seconds("1 minute"), Ok(60));
        assert_eq!(seconds("2 hours"), Ok(7200));
        for bad in ["15", "15min", "0 minutes", "-1 hours", "400 hours", "1 week"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
