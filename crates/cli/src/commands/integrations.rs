//! `greenroom integrations`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::automated::{probings, register};
use crate::render::process::recorded;
use clap::{Args, Subcommand, ValueEnum};
use greenroom_model::process::integrations::End;
use greenroom_runner::session::{IntegrationLine, Probing};
use serde::Serialize;

/// Show what production talks to: owners, addresses, what is on; look at each, switch them off, connect them again
///
/// The register is written in `process.toml` as `[integration.NAME]`. The old side is production as it was, the new side what takes its place.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom integrations\n  greenroom integrations probe --all --side old\n  greenroom integrations off crm\n  greenroom integrations reconnect crm\n  greenroom integrations reconnect sms --despite \"their test number answers, the operator knows\""
)]
pub struct IntegrationsArgs {
    #[command(subcommand)]
    command: Option<IntegrationsCommand>,
}

/// A side of an integration.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Side {
    /// Production as it was
    Old,
    /// What takes its place
    New,
}

#[derive(Subcommand, Debug)]
enum IntegrationsCommand {
    /// Look whether a side answers as it should, and put that on record
    Probe {
        /// The integration
        #[arg(required_unless_present = "all")]
        name: Option<String>,
        /// All of the register
        #[arg(long, conflicts_with = "name")]
        all: bool,
        /// The side; both by default
        #[arg(long, value_enum)]
        side: Option<Side>,
    },
    /// Put on record that the old side is switched off
    Off {
        /// The integration
        name: String,
        /// A few words to it, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        comment: Option<String>,
    },
    /// Put on record that the old side is on again, because the go-live is put off
    OnAgain {
        /// The integration
        name: String,
        /// A few words to it, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        comment: Option<String>,
    },
    /// Connect the new side: after the go-live, on its day, and when its probe goes well
    Reconnect {
        /// The integration
        name: String,
        /// Although its probe fails: why, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        despite: Option<String>,
    },
}

#[derive(Serialize)]
struct Register {
    integrations: Vec<IntegrationLine>,
}

#[derive(Serialize)]
struct Probings {
    probes: Vec<Probing>,
}

pub async fn cmd_integrations(app: &App, args: IntegrationsArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    let done = match args.command {
        None => {
            app.result(&Register { integrations: session.integrations()? }, |r| register(&r.integrations, process))?;
            return Ok(Exit::Ok);
        }
        Some(IntegrationsCommand::Probe { name, side, .. }) => {
            super::files::stoppable(&session);
            let names: Vec<String> = match name {
                Some(name) => vec![name],
                None => process.integrations.keys().cloned().collect(),
            };
            let ends: &[End] = match side {
                Some(Side::Old) => &[End::Old],
                Some(Side::New) => &[End::New],
                None => &[End::Old, End::New],
            };
            let mut probes = Vec::new();
            for name in &names {
                for end in ends {
                    if session.cancel.is_cancelled() {
                        break;
                    }
                    probes.push(
                        session.probe_integration(name, *end, |what| app.say(format!("`{name}`, {} side: {what}", end.word()))).await?,
                    );
                }
            }
            if probes.iter().all(|p| p.outcome.is_none()) {
                let what =
                    if names.len() == 1 { format!("`{}` has no probe there", names[0]) } else { "no integration has a probe there".into() };
                return Err(CliError::missing(
                    what,
                    "write `probe = { http = { url = \"{address}/health\" } }` into its section of process.toml",
                ));
            }
            let good = probes.iter().all(|p| p.outcome.as_ref().is_none_or(|o| o.good));
            app.result(&Probings { probes }, |p| probings(&p.probes))?;
            return Ok(if good { Exit::Ok } else { Exit::Negative });
        }
        Some(IntegrationsCommand::Off { name, comment }) => session.turn_integration(&name, false, comment.as_deref())?,
        Some(IntegrationsCommand::OnAgain { name, comment }) => session.turn_integration(&name, true, comment.as_deref())?,
        Some(IntegrationsCommand::Reconnect { name, despite }) => {
            super::files::stoppable(&session);
            session.reconnect(&name, despite.as_deref(), |what| app.say(format!("`{name}`, new side: {what}"))).await?
        }
    };
    app.result(&done, |d| recorded(d, process))?;
    Ok(Exit::Ok)
}
