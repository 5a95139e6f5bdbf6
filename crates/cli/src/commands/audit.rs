//! `greenroom audit`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::audit::{list, page};
use crate::render::process::recorded;
use clap::{Args, Subcommand, ValueEnum};
use greenroom_model::process::audits::{AuditLine, Look, Weight};
use greenroom_runner::session::FindingShown;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;

/// Show the audits, put on record what was looked at and found, mend and verify it, conclude
///
/// What is looked at, by whom and in which stage is written in `process.toml`. What findings are in words stays outside the chain of the record; they are known by ids like `audit-1/2`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom audit\n  greenroom audit show audit-1\n  greenroom audit point audit-1 2 good\n  greenroom audit find audit-1 --severity blocking --title \"backups are not restored\" --owner it --due 2027-02-12\n  greenroom audit mended audit-1/1 --note \"restored on Tuesday\"\n  greenroom audit verify audit-1/1\n  greenroom audit conclude audit-1 positive"
)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: Option<AuditCommand>,
}

#[derive(Subcommand, Debug)]
enum AuditCommand {
    /// Show an audit: its points, its findings with everything that was said of them, its conclusion
    Show {
        /// The audit
        audit: String,
    },
    /// Put on record how a point was seen
    Point {
        /// The audit
        audit: String,
        /// The point's number, counted from 1, or its words
        point: String,
        /// How
        #[arg(value_enum)]
        look: LookWord,
        /// A few words to it, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        note: Option<String>,
    },
    /// Put on record what was found; after a conclusion that makes it stale
    Find {
        /// The audit
        audit: String,
        /// How much it weighs: with a blocking one open no audit is positive
        #[arg(long, value_enum)]
        severity: WeightWord,
        /// What it is, in a line, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        title: String,
        /// More of it, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        note: Option<String>,
        /// Who mends it: a person's id, or a role; anybody without
        #[arg(long, value_name = "PERSON|ROLE")]
        owner: Option<String>,
        /// Until which day: `2027-02-12`
        #[arg(long, value_name = "DATE")]
        due: Option<Date>,
    },
    /// Say that a finding of yours is mended
    Mended {
        /// The finding
        finding: String,
        /// What was done, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        note: String,
    },
    /// Put on record that what was said to be mended is; not by whoever said so
    Verify {
        /// The finding
        finding: String,
        /// A few words to it, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        note: Option<String>,
    },
    /// Put on record that what was said to be mended is not: it is open again
    Reject {
        /// The finding
        finding: String,
        /// What is wrong still, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        note: String,
    },
    /// Let a finding stay as it is, for those who may waive
    Accept {
        /// The finding
        finding: String,
        /// Why, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        reason: String,
    },
    /// Conclude an audit; a negative one is begun anew in the next try of its stage
    Conclude {
        /// The audit
        audit: String,
        /// How
        #[arg(value_enum)]
        conclusion: Conclusion,
        /// A few words to it, kept outside the chain of the record
        #[arg(long, value_name = "WORDS")]
        note: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LookWord {
    /// As it should be
    Good,
    /// Not as it should be
    Bad,
    /// There is nothing to be looked at
    NotApplicable,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WeightWord {
    /// Nothing goes on before it is mended
    Blocking,
    /// To be mended
    Important,
    /// Worth mending some time
    Minor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Conclusion {
    /// All is well
    Positive,
    /// It is not
    Negative,
}

/// An audit in full.
#[derive(Serialize)]
pub struct Audited {
    /// As it stands.
    pub line: AuditLine,
    /// What was said to its points.
    pub notes: BTreeMap<String, String>,
    /// What was said to its conclusion.
    pub conclusion: Option<String>,
    /// Its findings, and those of audits before it that are open still, in words.
    pub findings: Vec<FindingShown>,
}

pub async fn cmd_audit(app: &App, args: AuditArgs) -> Done {
    let session = app.session()?;
    let process = session.process()?;
    let done = match args.command {
        None => {
            let lines = session.judged(|sight| sight.audit_lines())?;
            let open = lines.iter().flat_map(|l| l.findings.iter().filter(|f| !f.stands.is_over()).cloned()).collect();
            let findings = session.with_words(open)?;
            app.result(&lines, |lines| list(lines, &findings, process))?;
            return Ok(Exit::Ok);
        }
        Some(AuditCommand::Show { audit }) => {
            let shown = session.judged(|sight| {
                let written = sight.known_audit(&audit)?;
                let before = process.followed(&audit).into_iter().skip(1).filter_map(|b| process.audits.get_key_value(b));
                let before = before.flat_map(|(id, a)| sight.audit_line(id, a).findings).filter(|f| !f.stands.is_over());
                Ok((sight.audit_line(&audit, written), before.collect::<Vec<_>>()))
            })?;
            let missing = |r: greenroom_model::process::gates::Refused| CliError::Missing { message: r.message, hint: r.hint };
            let (line, before) = shown.map_err(missing)?;
            let findings = session.with_words(before.into_iter().chain(line.findings.iter().cloned()).collect())?;
            let (mut notes, conclusion) = session.audit_words(&audit)?;
            // What was said in an earlier try is in the record.
            notes.retain(|point, _| line.points.iter().any(|p| p.point == *point && p.look.is_some()));
            let conclusion = conclusion.filter(|_| line.by.is_some());
            app.result(&Audited { line, notes, conclusion, findings }, |a| page(a, process))?;
            return Ok(Exit::Ok);
        }
        Some(AuditCommand::Point { audit, point, look, note }) => {
            let look = match look {
                LookWord::Good => Look::Good,
                LookWord::Bad => Look::Bad,
                LookWord::NotApplicable => Look::NotApplicable,
            };
            session.decide_process(note.as_deref(), |sight, by| sight.look(&audit, &point, look, by))?
        }
        Some(AuditCommand::Find { audit, severity, title, note, owner, due }) => {
            let weight = match severity {
                WeightWord::Blocking => Weight::Blocking,
                WeightWord::Important => Weight::Important,
                WeightWord::Minor => Weight::Minor,
            };
            session.found(&title, note.as_deref(), |sight, by| sight.find(&audit, weight, owner.as_deref(), due, by))?
        }
        Some(AuditCommand::Mended { finding, note }) => session.decide_process(Some(&note), |sight, by| sight.mended(&finding, by))?,
        Some(AuditCommand::Verify { finding, note }) => {
            session.decide_process(note.as_deref(), |sight, by| sight.verify(&finding, true, by))?
        }
        Some(AuditCommand::Reject { finding, note }) => {
            session.decide_process(Some(&note), |sight, by| sight.verify(&finding, false, by))?
        }
        Some(AuditCommand::Accept { finding, reason }) => session.decide_process(Some(&reason), |sight, by| sight.accept(&finding, by))?,
        Some(AuditCommand::Conclude { audit, conclusion, note }) => {
            session.decide_process(note.as_deref(), |sight, by| sight.conclude(&audit, conclusion == Conclusion::Positive, by))?
        }
    };
    app.result(&done, |d| recorded(d, process))?;
    Ok(Exit::Ok)
}
