//! What `greenroom record` does for the other party: heads, files of the record, checking both, erasing. Does not own the list of what was decided.

use super::Done;
use super::password::PasswordArgs;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::style::{GOOD, WARN, paint};
use crate::render::words;
use clap::Args;
use greenroom_engine::secret::Secrets;
use greenroom_model::hash::Hash;
use greenroom_model::process::Process;
use greenroom_model::process::keys::key_line;
use greenroom_model::program::SecretRef;
use greenroom_model::run::{Broken, Event, Head};
use greenroom_runner::proof::{People, Signed, read_file, ssh};
use greenroom_runner::secrets::LocalSecrets;
use greenroom_runner::session::{Erase, Session, SessionError};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// How the passphrase of a key is come by: from where it is said to be, or from whoever sits at the terminal.
pub fn asked<'a>(session: &'a Session, at: &'a PasswordArgs) -> impl FnOnce() -> Result<SecretString, SessionError> + 'a {
    move || {
        let reference = at.reference().unwrap_or(SecretRef::Prompt(true));
        LocalSecrets::new(&session.folder, App::prompt()).resolve(&reference).map_err(SessionError::Secret)
    }
}

#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// Check that the record contains this head, which was written earlier and kept elsewhere
    #[arg(long, value_name = "HEAD")]
    against: Option<PathBuf>,
    /// Whose signature the head must have: a person of process.toml, or a public key line
    #[arg(long, value_name = "PERSON|KEY", requires = "against")]
    allowed: Option<String>,
    /// Check a file that `greenroom record export` wrote, without a program or workspace
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct HeadArgs {
    /// Sign it with this private key (ed25519, as OpenSSH keeps it)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Write it to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PasswordArgs,
}

#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The file to be written
    file: PathBuf,
    /// With logins and what people said in their own words; without, the other party sees that there was something, and can check it once it is shown
    #[arg(long)]
    with_personal: bool,
}

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct EraseArgs {
    /// Every entry of this login
    #[arg(long, value_name = "LOGIN", group = "what")]
    login: Option<String>,
    /// The entry of this event
    #[arg(long, value_name = "SEQ", group = "what")]
    event: Option<u64>,
    /// Why, kept outside the chain of the record
    #[arg(long, value_name = "WORDS")]
    reason: String,
}

/// An approval or a rejection, and whose key it was made with.
#[derive(Serialize)]
struct SignedLine {
    #[serde(flatten)]
    signed: Signed,
    /// As `ssh-keygen -l` prints it.
    fingerprint: Option<String>,
    /// Under whom the key stands in process.toml now.
    whose_now: Option<String>,
}

#[derive(Serialize)]
struct Checked {
    events: u64,
    head: Hash,
    latest: Option<Timestamp>,
    clock_went_back_at: Vec<u64>,
    signed: Vec<SignedLine>,
    /// How what stands beside the chain is; none for a file without it.
    people: Option<People>,
    against: Option<Against>,
}

/// A head that the record contains.
#[derive(Serialize)]
struct Against {
    seq: u64,
    at: Timestamp,
    /// The key that signed it; none where it is not signed.
    fingerprint: Option<String>,
    /// Under whom that key stands in process.toml now.
    whose_now: Option<String>,
    /// That is who was to have signed it.
    allowed: bool,
}

fn differs(message: String, hint: &str) -> CliError {
    CliError::Session(SessionError::Refused { code: "GR0797", message, hint: hint.into() })
}

fn unsigned(message: String, hint: &str) -> CliError {
    CliError::Session(SessionError::Refused { code: "GR0796", message, hint: hint.into() })
}

/// Checks a head and its signature against a record.
fn against(path: &Path, allowed: Option<&str>, events: &[Event], process: Option<&Process>) -> Result<Against, CliError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(CliError::io(format!("read {shown}")))?;
    let head: Head = serde_json::from_str(&text)
        .map_err(|_| differs(format!("{shown} is no head of a record"), "take the file that `greenroom record head` wrote, unchanged"))?;
    if head.greenroom_head != 1 {
        let message = format!("{shown} has form {}, this Greenroom knows 1", head.greenroom_head);
        return Err(differs(message, "use the newer Greenroom that wrote it"));
    }
    if let Some(made) = &head.signature {
        ssh::check(made, &head.text()).map_err(|why| {
            unsigned(
                format!("the signature of {shown} is not good: {why}"),
                "take the file as it was handed over; who changed it is not known",
            )
        })?;
    }
    let key = head.signature.as_ref().map(|s| s.key.clone());
    if let Some(allowed) = allowed {
        let keys = match (key_line(allowed), process) {
            (Ok(key), _) => vec![key],
            (Err(why), _) if allowed.starts_with("ssh-") => {
                return Err(CliError::usage(format!("`{allowed}` cannot be used: {why}"), "give the line of the `.pub` file, in quotes"));
            }
            (_, Some(process)) => match process.persons.get(allowed) {
                Some(person) if !person.keys.is_empty() => person.keys.clone(),
                Some(_) => {
                    return Err(CliError::missing(
                        format!("`{allowed}` has no keys in process.toml"),
                        format!("`[person.{allowed}]` takes `keys = [\"ssh-ed25519 …\"]`"),
                    ));
                }
                None => {
                    let all = process.persons.keys().cloned().collect::<Vec<_>>().join(", ");
                    return Err(CliError::missing(
                        format!("nobody is called `{allowed}`"),
                        format!("those of process.toml: {all}; or a public key line"),
                    ));
                }
            },
            _ => {
                return Err(CliError::usage(
                    format!("`{allowed}` is no public key line"),
                    "without a program give the line of the `.pub` file, in quotes",
                ));
            }
        };
        match &key {
            None => return Err(unsigned(format!("{shown} is not signed"), "`greenroom record head --key FILE` signs one")),
            Some(key) if !keys.contains(key) => {
                let message = format!("{shown} is signed with {}, which is not a key of `{allowed}`", ssh::fingerprint(key));
                return Err(unsigned(message, "ask who signed it; a good signature of somebody else proves nothing here"));
            }
            Some(_) => {}
        }
    }
    head.within(events).map_err(|why| {
        differs(
            format!("the record is not the one that {shown} was made of: {why}"),
            "compare with the files of the record that were exported since; `greenroom record verify --file FILE` checks one",
        )
    })?;
    let whose_now = key.as_ref().and_then(|k| process?.by_key(k)).map(str::to_owned);
    Ok(Against { seq: head.seq, at: head.at, fingerprint: key.as_deref().map(ssh::fingerprint), whose_now, allowed: allowed.is_some() })
}

pub fn verify(app: &App, args: &VerifyArgs) -> Done {
    let (events, signed, people, process, head);
    let contained = |events: &[Event], process: Option<&Process>| {
        args.against.as_ref().map(|path| against(path, args.allowed.as_deref(), events, process)).transpose()
    };
    match &args.file {
        Some(file) => {
            let shown = file.display();
            let bytes = std::fs::read(file).map_err(CliError::io(format!("read {shown}")))?;
            let (read, all) = read_file(&bytes).map_err(|Broken { seq, why }| {
                let place = if seq == 0 { "in its first line".to_owned() } else { format!("at event {seq}") };
                differs(
                    format!("{shown} is broken {place}: {why}"),
                    "ask for the file again: what was changed on the way, or before, is not known",
                )
            })?;
            let with_people = !read.beside.is_empty();
            let there = read.beside.len() as u64;
            (events, signed, process) = (read.events, all, None);
            head = contained(&events, None)?;
            people = with_people.then(|| People { there, ..People::default() });
        }
        None => {
            // Replaying checks the chain: a broken link is the error, with its number.
            let session = app.session()?;
            events = session.events()?;
            process = session.process().ok().cloned();
            // What was rewritten as a whole is said before what does not fit in it.
            head = contained(&events, process.as_ref())?;
            let (all, beside) = session.proved(&events)?;
            (signed, people) = (all, Some(beside));
        }
    }
    let line = |signed: Signed| SignedLine {
        fingerprint: signed.key.as_deref().map(ssh::fingerprint),
        whose_now: signed.key.as_ref().and_then(|k| process.as_ref()?.by_key(k)).map(str::to_owned),
        signed,
    };
    let last = events.last();
    let back = |pair: &[Event]| (pair[1].at < pair[0].at).then_some(pair[1].seq);
    let checked = Checked {
        events: events.len() as u64,
        head: last.map_or(Hash::ZERO, |e| e.hash),
        latest: last.map(|e| e.at),
        clock_went_back_at: events.windows(2).filter_map(back).collect(),
        signed: signed.into_iter().map(line).collect(),
        people,
        against: head,
    };
    app.result(&checked, |c| text(c, process.is_some()))?;
    Ok(Exit::Ok)
}

fn numbers(all: &[u64]) -> String {
    all.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

fn text(c: &Checked, known: bool) -> String {
    let mut out = format!("{}: {} follow from one another\nhead: {}\n", paint(GOOD, "whole"), words::count(c.events, "event"), c.head);
    if !c.clock_went_back_at.is_empty() {
        out.push_str(&format!("the clock went back at event {}\n", numbers(&c.clock_went_back_at)));
    }
    for line in &c.signed {
        let s = &line.signed;
        let what = format!("event {}: `{}` {} by {}", s.seq, s.gate, if s.approve { "approved" } else { "rejected" }, s.by);
        let how = match (&line.fingerprint, &line.whose_now) {
            (None, _) => paint(WARN, "by login only: an indication"),
            (Some(f), Some(whose)) if *whose == s.by => format!("{}, {f}, a key of theirs", paint(GOOD, "signed with a key")),
            (Some(f), Some(whose)) => format!("{}, {f}, which is {whose}'s now", paint(WARN, "signed with a key")),
            (Some(f), None) if known => format!("{}, {f}, which is nobody's in process.toml now", paint(WARN, "signed with a key")),
            (Some(f), None) => format!("{}, {f}: ask {} whether it is theirs", paint(GOOD, "signed with a key"), s.by),
        };
        out.push_str(&format!("{what}, {how}\n"));
    }
    if let Some(p) = &c.people {
        out.push_str(&format!("beside the chain: {} as the events have committed themselves to\n", words::count(p.there, "entry")));
        if !p.erased.is_empty() {
            out.push_str(&format!("erased, which is on record: event {}\n", numbers(&p.erased)));
        }
        if !p.missing.is_empty() {
            out.push_str(&format!("not there, and nobody says why: event {}\n", numbers(&p.missing)));
        }
    }
    match &c.against {
        Some(a) => {
            let by = match (&a.fingerprint, &a.whose_now) {
                (None, _) => paint(WARN, "it is not signed"),
                (Some(f), Some(whose)) => format!("{}, {f}, {whose}'s", paint(GOOD, "its signature is good")),
                (Some(f), None) if a.allowed => format!("{}, {f}", paint(GOOD, "its signature is good")),
                (Some(f), None) => format!("its signature is good, {f}: `--allowed` says whose it must be"),
            };
            out.push_str(&format!("{}: the head of {}, event {}; {by}\n", paint(GOOD, "contained"), words::exactly(a.at), a.seq));
        }
        None => out.push_str("who wrote the whole file anew is not found by this alone: compare with a head that was handed to the other party before (`--against`)\n"),
    }
    out
}

/// Writes a file for its owner only.
pub(super) fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let attempted = || CliError::io(format!("write {}", path.display()));
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path).map_err(attempted())?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(attempted())
}

pub fn head(app: &App, args: &HeadArgs) -> Done {
    let session = app.session()?;
    let head = session.head(args.key.as_deref(), asked(&session, &args.passphrase))?;
    let mut text = serde_json::to_string_pretty(&head).map_err(|e| CliError::Bug(format!("a head is no JSON: {e}")))?;
    text.push('\n');
    match &args.out {
        None => app.print(&text)?,
        Some(file) => {
            write(file, &text)?;
            app.say(format!("written: {}; hand it to the other party, who keeps it", file.display()));
        }
    }
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct Exported {
    file: PathBuf,
    events: u64,
    with_personal: bool,
}

pub fn export(app: &App, args: &ExportArgs) -> Done {
    let session = app.session()?;
    let (text, events) = session.export_record(args.with_personal)?;
    write(&args.file, &text)?;
    let done = Exported { file: args.file.clone(), events, with_personal: args.with_personal };
    app.result(&done, |d| {
        let people = if d.with_personal { "with" } else { "without" };
        format!(
            "written: {}, {}, {people} logins and people's own words\n`greenroom record verify --file {}` checks it, anywhere\n",
            d.file.display(),
            words::count(d.events, "event"),
            d.file.display()
        )
    })?;
    Ok(Exit::Ok)
}

pub fn erase(app: &App, args: &EraseArgs) -> Done {
    let session = app.session()?;
    let what = match (&args.login, args.event) {
        (Some(login), _) => Erase::Login(login.clone()),
        (None, Some(seq)) => Erase::Event(seq),
        (None, None) => return Err(CliError::usage("nothing is named that is to be erased", "`--login LOGIN` or `--event SEQ`")),
    };
    let done = session.erase(&what, &args.reason)?;
    app.result(&done, |d| {
        let mut out =
            format!("erased from the journal's file: what stood beside event {}\non record as event {}\n", numbers(&d.events), d.seq);
        if !d.reason_kept {
            out.push_str("the reason is not kept: it would stand beside your own login\n");
        }
        out.push_str("files of the record that were exported with personal data, and backups of this folder, are yours to look after\n");
        out
    })?;
    Ok(Exit::Ok)
}
