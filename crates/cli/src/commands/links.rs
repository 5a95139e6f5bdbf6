//! `greenroom artefact link`, `links` and `listen`.

use super::{Done, notices};
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::process::{at, moment, recorded};
use crate::render::style::{BAD, DIM, GOOD, HEAD, WARN, paint};
use crate::render::table::{Align, table};
use clap::Args;
use greenroom_console::{Heard, Limits, Listener, Uploads, certified};
use greenroom_model::process::gates::Sight;
use greenroom_model::process::links::{LinkLine, LinkStands, base_address};
use greenroom_model::process::{Fact, Lapse, Process, deed};
use greenroom_runner::session::{MadeLink, Session, SessionError};
use jiff::Timestamp;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;

/// What links begin with where nothing else is said: only this machine reaches that.
const HERE: &str = "http://127.0.0.1:8443";

/// Make a link by which somebody hands over one file, once; or withdraw one
///
/// Whoever has the link can use it, until its time is over. It is printed this once: on record is only a hash of it. `greenroom artefact listen` takes what comes.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom artefact link backup --for anna --until \"2 days\"\n  greenroom artefact link backup --until 2027-02-09T18:00 --url https://files.example.org/in\n  greenroom artefact link --withdraw 12"
)]
pub struct LinkArgs {
    /// What is to be handed over
    #[arg(required_unless_present = "withdraw", conflicts_with = "withdraw")]
    artefact: Option<String>,
    /// Who hands it over: a person of process.toml, in whose name it is recorded; you without
    #[arg(long = "for", value_name = "PERSON", conflicts_with = "withdraw")]
    person: Option<String>,
    /// Until when the file has to begin to come: a day and time in the process's time zone, or a length of time (`2 days`, `8 business hours`)
    #[arg(long, value_name = "WHEN", required_unless_present = "withdraw", conflicts_with = "withdraw")]
    until: Option<String>,
    /// What the link begins with, as it is reached from outside; `upload_url` of process.toml without
    #[arg(long, value_name = "URL", conflicts_with = "withdraw")]
    url: Option<String>,
    /// Withdraw a link by its number
    #[arg(long, value_name = "NUMBER")]
    withdraw: Option<u64>,
}

/// Take files by links, until Ctrl-C
///
/// Listens for people who hold a link: a page with a form for browsers, and `curl -T FILE LINK`. What comes is encrypted while it comes, and put on record. Without a certificate only this machine itself is
/// listened to: a web server on it that has one may pass requests on.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom artefact listen --address 0.0.0.0:8443 --tls-certificate chain.pem --tls-key key.pem\n  greenroom artefact listen --url https://files.example.org/in --max-size \"200 GB\"\n  greenroom artefact listen --once --until \"8 hours\""
)]
pub struct ListenArgs {
    /// Address and port of this machine
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    address: SocketAddr,
    /// PEM file with the certificate, and those that vouch for it
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key, readable by you only
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// What links begin with, as they are reached from outside; `upload_url` of process.toml without
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The largest file that is taken
    #[arg(long, value_name = "SIZE", default_value = "64 GB")]
    max_size: String,
    /// End at this time, or after this length of time
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// End after one file was received
    #[arg(long)]
    once: bool,
}

/// A moment, or how far ahead one is.
enum When {
    At(Timestamp),
    In(Lapse),
}

impl When {
    fn read(process: &Process, text: &str) -> Result<When, CliError> {
        let wrong = || {
            let message = format!("`{text}` is neither a day and time nor a length of time");
            CliError::missing(message, "write it as `2027-02-09T18:00`, or as `2 days`, `36 hours`, `8 business hours`")
        };
        match Lapse::parse(text) {
            Ok(lapse) => Ok(When::In(lapse)),
            Err(_) => moment(process, text).map(When::At).map_err(|_| wrong()),
        }
    }

    fn from(&self, sight: &Sight<'_>) -> Timestamp {
        match self {
            When::At(at) => *at,
            When::In(lapse) => sight.process.calendar.after(sight.now, *lapse),
        }
    }
}

/// A link, as it is printed once.
#[derive(Serialize)]
struct Printed {
    url: String,
    #[serde(flatten)]
    made: MadeLink,
}

/// What links begin with, and whether that was said.
fn base(process: &Process, url: Option<&str>) -> Result<(String, bool), CliError> {
    let unfit = |url: &str, why: &str| {
        let hint = "write `https://files.example.org/in`".to_owned();
        CliError::from(SessionError::Refused { code: "GR0862", message: format!("no link can begin with `{url}`: {why}"), hint })
    };
    match (url, &process.upload_url) {
        (Some(url), _) => Ok((base_address(url).map_err(|why| unfit(url, why))?, true)),
        (None, Some(url)) => Ok((url.clone(), true)),
        (None, None) => Ok((HERE.to_owned(), false)),
    }
}

pub(super) fn link(app: &App, session: &Session, args: &LinkArgs) -> Done {
    let process = session.process()?;
    if let Some(id) = args.withdraw {
        let done = session.decide_process(None, |sight, by| sight.withdraw_link(id, by))?;
        app.result(&done, |d| recorded(d, process))?;
        return Ok(Exit::Ok);
    }
    // Clap has seen to it that both are there.
    let (artefact, until) = (args.artefact.as_deref().unwrap_or_default(), args.until.as_deref().unwrap_or_default());
    let when = When::read(process, until)?;
    let (base, said) = base(process, args.url.as_deref())?;
    let made = session.make_link(artefact, args.person.as_deref(), |sight| when.from(sight))?;
    let printed = Printed { url: format!("{base}/{}", made.token), made };
    app.result(&printed, |p| format!("{}\n{}", paint(HEAD, &p.url), recorded(&p.made.recorded, process)))?;
    app.say("it is shown this once, and whoever has it can use it: send it on a way that others do not read");
    if !said {
        app.say("only this machine reaches it: `upload_url` under `[process]`, or `--url`, says what links begin with outside");
    }
    Ok(Exit::Ok)
}

pub(super) fn links(app: &App, session: &Session) -> Done {
    let process = session.process()?;
    let all = session.links()?;
    app.result(&all, |all| list(all, process))?;
    Ok(Exit::Ok)
}

fn list(all: &[LinkLine], process: &Process) -> String {
    if all.is_empty() {
        return "no link was made: `greenroom artefact link ARTEFACT --until WHEN`\n".to_owned();
    }
    let row = |l: &LinkLine| {
        let stands = match (l.stands, l.link.used) {
            (LinkStands::Open, _) => paint(WARN, "open"),
            (LinkStands::Used, Some(event)) => paint(GOOD, format!("used (event {event})")),
            (LinkStands::Used, None) => paint(GOOD, "used"),
            (LinkStands::Expired, _) => paint(DIM, "expired"),
            (LinkStands::Withdrawn, _) => paint(DIM, "withdrawn"),
            (LinkStands::Idle, _) => paint(BAD, "idle"),
        };
        let made = format!("{}, {}", l.link.by, at(process, l.link.made));
        vec![l.link.id.to_string(), l.link.artefact.clone(), stands, l.name.clone(), at(process, l.link.until), made]
    };
    let left = |h| (h, Align::Left);
    let mut out = table(
        &[("link", Align::Right), left("artefact"), left("stands"), left("for"), left("until"), left("made by")],
        &all.iter().map(row).collect::<Vec<_>>(),
    );
    for l in all {
        l.why.iter().for_each(|why| out.push_str(&format!("link {}: {why}\n", l.link.id)));
    }
    out
}

pub(super) async fn listen(app: &App, session: Session, args: &ListenArgs) -> Done {
    let process = session.process()?.clone();
    let (base, said) = base(&process, args.url.as_deref())?;
    let bytes = deed::bytes(&args.max_size)
        .map_err(|why| CliError::usage(format!("`{}` is no size of a file", args.max_size), format!("{why}: `--max-size \"200 GB\"`")))?;
    let end = args.until.as_deref().map(|text| When::read(&process, text)).transpose()?;
    let left = session.judged(|sight| end.map(|w| w.from(&sight).duration_since(sight.now)))?;
    if left.is_some_and(|left| !left.is_positive()) {
        return Err(CliError::usage("the time until which files are to be taken is past", "`--until \"8 hours\"`"));
    }
    let certificate = match (&args.tls_certificate, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(certified(certificate, key)?),
        _ => None,
    };
    let listener = Listener::bind(args.address, certificate).await?;
    let scheme = if listener.is_private() { "https" } else { "http" };
    let address = listener.address().map_err(CliError::io("learn which port is listened on"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::io("listen to Ctrl-C"))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::io("listen to the signal to end"))?;
    let stop = session.cancel.clone();
    let (tell, mut heard) = unbounded_channel();
    let limits = Limits { bytes, ..Limits::default() };
    let uploads = Uploads::new(Arc::new(session), limits, said.then_some(base.as_str()), tell, stop.clone());
    let serving = tokio::spawn(listener.serve(uploads, stop.clone()));
    let outside = if said { format!(", for links that begin with {base}") } else { String::new() };
    app.say(format!("taking files at {scheme}://{address}{outside}, until Ctrl-C"));
    let over = tokio::time::sleep(left.and_then(|l| Duration::try_from(l).ok()).unwrap_or(Duration::MAX));
    tokio::pin!(over);
    let mut unshown: Option<CliError> = None;
    loop {
        let heard = tokio::select! {
            heard = heard.recv() => heard,
            _ = interrupt.recv(), if !stop.is_cancelled() => { stop.cancel(); continue }
            _ = terminate.recv(), if !stop.is_cancelled() => { stop.cancel(); continue }
            () = &mut over, if !stop.is_cancelled() => { stop.cancel(); continue }
        };
        match heard {
            None => break,
            Some(Heard::Received(receipt)) => {
                if args.once {
                    stop.cancel();
                }
                let shown = app.result(&receipt.recorded, |r| recorded(r, &process));
                notices::after(app).await;
                // What cannot be shown any more is on record all the same; what is coming now comes to its end.
                if let Err(e) = shown {
                    unshown.get_or_insert(e);
                    stop.cancel();
                }
            }
            Some(Heard::Broken { link, artefact, why }) => {
                app.say(format!("`{artefact}` was not received by link {link}: {why}; nothing of it is kept"));
            }
            Some(Heard::Failed(e)) => app.say(CliError::from(e).report().message),
        }
    }
    serving.await.map_err(|e| CliError::Bug(format!("the listener died: {e}")))?;
    app.say("no more files are taken");
    unshown.map_or(Ok(Exit::Ok), Err)
}

/// What is said of a link's fact.
pub fn fact(id: u64, fact: &Fact, process: &Process) -> String {
    match fact {
        Fact::LinkMade { artefact, until, person, .. } => {
            let who = crate::render::process::person(process, person);
            format!(
                "link {id} takes `{artefact}` once, until {} ({}), as handed over by {who}\n",
                at(process, *until),
                process.calendar.zone
            )
        }
        Fact::LinkWithdrawn { link } => format!("link {link} is withdrawn, and takes nothing any more\n"),
        _ => String::new(),
    }
}
