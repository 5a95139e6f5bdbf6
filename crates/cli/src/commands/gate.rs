//! `greenroom gate`, and `greenroom why`.

use super::Done;
use super::password::PasswordArgs;
use super::proof::asked;
use crate::app::App;
use crate::error::Exit;
use crate::render::audit;
use crate::render::process::{gates, recorded, why};
use clap::{Args, Subcommand};
use greenroom_model::process::gates::Standing;
use greenroom_model::process::schedule::Objection;
use greenroom_runner::session::{FindingShown, SignWith};
use serde::Serialize;
use std::path::PathBuf;

/// Show the gates, ask for approval, sign, tick, receive files, waive
///
/// Who acts is known by the operating system's user, whom `process.toml` maps to a person: an indication. A signature is made with a key; the two are told apart wherever they are shown.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom gate\n  greenroom gate ask acceptance\n  greenroom gate sign acceptance\n  greenroom gate sign acceptance --key ~/.ssh/id_ed25519\n  greenroom gate tick readiness 2\n  greenroom gate receive backup /srv/in/clinic.bak\n  greenroom gate waive lead-time --reason \"agreed by telephone with the board\""
)]
pub struct GateArgs {
    #[command(subcommand)]
    command: Option<GateCommand>,
}

#[derive(Subcommand, Debug)]
enum GateCommand {
    /// Ask for approval of a stage as it stands; whoever asks does not sign
    Ask {
        /// The gate
        gate: String,
    },
    /// Approve of what was asked, or reject it, which is final until it is asked anew
    Sign {
        /// The gate
        gate: String,
        /// Reject it
        #[arg(long)]
        reject: bool,
        /// Sign with this private key (ed25519, as OpenSSH keeps it), which has to be one of yours in process.toml
        #[arg(long, value_name = "FILE", group = "with")]
        key: Option<PathBuf>,
        /// Take a signature that `ssh-keygen -Y sign -n greenroom` made over what `--statement` prints
        #[arg(long, value_name = "FILE", group = "with")]
        signature: Option<PathBuf>,
        /// Print what is to be signed, and record nothing
        #[arg(long, group = "with")]
        statement: bool,
        #[command(flatten)]
        passphrase: PasswordArgs,
        /// A few words to it, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        comment: Option<String>,
    },
    /// Tick an item of a checklist
    Tick {
        /// The gate
        gate: String,
        /// The item's number, counted from 1, or its words
        item: String,
        /// Take the tick back
        #[arg(long)]
        undo: bool,
    },
    /// Put a received file on record with its checksums (BLAKE3, SHA-256), stored encrypted where it has recipients; the file itself stays where it is
    Receive {
        /// What it is, as a gate names it
        name: String,
        /// The file
        file: PathBuf,
    },
    /// Let a gate pass that is not met, for those who may
    Waive {
        /// The gate
        gate: String,
        /// Why, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        reason: String,
    },
}

/// Explain a gate: what it asks, whether it is met, what is missing and whose turn it is
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom why audit-1-wait")]
pub struct WhyArgs {
    /// The gate
    gate: String,
}

pub async fn cmd_gate(app: &App, args: GateArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    let Some(command) = args.command else {
        let all: Vec<Standing> = session.judged(|sight| process.gates.keys().map(|id| sight.standing(id)).collect())?;
        app.result(&all, |all| gates(all, process))?;
        return Ok(Exit::Ok);
    };
    let done = match command {
        GateCommand::Ask { gate } => session.decide_process(None, |sight, by| sight.ask(&gate, by))?,
        GateCommand::Sign { gate, reject, statement: true, .. } => {
            let statement = session.statement(&gate, !reject)?;
            app.print(&statement.text())?;
            return Ok(Exit::Ok);
        }
        GateCommand::Sign { gate, reject, key, signature, passphrase, comment, .. } => {
            let with = key.as_deref().map(SignWith::Key).or(signature.as_deref().map(SignWith::Made));
            match with {
                Some(with) => session.sign_with(&gate, !reject, comment.as_deref(), &with, asked(&session, &passphrase))?,
                None => session.decide_process(comment.as_deref(), |sight, by| sight.sign(&gate, by, !reject))?,
            }
        }
        GateCommand::Tick { gate, item, undo } => session.decide_process(None, |sight, by| sight.tick(&gate, &item, !undo, by))?,
        GateCommand::Receive { name, file } => session.receive(&name, &file)?,
        GateCommand::Waive { gate, reason } => session.decide_process(Some(&reason), |sight, by| sight.waive(&gate, by))?,
    };
    app.result(&done, |d| recorded(d, process))?;
    Ok(Exit::Ok)
}

/// A gate as it stands, and what it has against the agreed date.
#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    standing: Standing,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    date: Vec<Objection>,
    /// Findings of audits that are open and that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<FindingShown>,
}

pub async fn cmd_why(app: &App, args: WhyArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    let (standing, date, findings) = session.judged(|sight| {
        // What the gate says of the date that was agreed for its stage.
        let of = process.gates.get(&args.gate).map(|g| sight.misfits(&g.stage)).unwrap_or_default();
        let date = of.into_iter().filter(|o| o.about == args.gate).collect();
        (sight.standing(&args.gate), date, sight.findings_at(&args.gate))
    })?;
    let explained = Explained { standing, date, findings: session.with_words(findings)? };
    let standing = &explained.standing;
    app.result(&explained, |e| {
        let against = |o: &Objection| format!("  the agreed date does not fit it: {}\n", o.why);
        why(&e.standing, process) + &audit::findings(&e.findings, process) + &e.date.iter().map(against).collect::<String>()
    })?;
    Ok(if standing.met || standing.recommended { Exit::Ok } else { Exit::Negative })
}
