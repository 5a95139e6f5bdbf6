//! `greenroom engine-test`: the contract of an engine, tried on somebody's own server.

use super::Done;
use super::password::PasswordArgs;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::style::{BAD, GOOD, WARN, paint};
use crate::render::table::{Align, table};
use crate::render::words;
use clap::Args;
use greenroom_engine::contract::{self, NextTest, Report, Test, Verdict};
use greenroom_model::catalog::EngineKind;
use greenroom_model::program::Address;
use greenroom_runner::ports::{Random, SystemRandom};
use greenroom_runner::secrets::LocalSecrets;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Prove the engine on a server of your own, with scratch databases that are removed again
///
/// Tries everything that Greenroom relies on: consistent snapshots, every type's nasty values, masks, progress, scripts, markers, the swap.
/// Creates and drops only scratch databases of its own, marked with a number that no other test has; reads and touches nothing else, and
/// prints no values. Needs the rights of a target: to create databases.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom engine-test sqlite:/var/tmp
  greenroom engine-test postgres://greenroom@db.example:5432 --password-env PILOT_PW
  greenroom engine-test 'postgres://postgres@/?host=/var/run/postgresql'
  greenroom engine-test 'mysql://root@/?host=/run/mysqld/mysqld.sock'
  greenroom engine-test mssql://sa@db.example:1433 --password-env SA_PW
  greenroom engine-test sqlite:. --only swap
  greenroom engine-test --list

Passwords never stand in the URL: name where they come from.
Exit codes: 0 every promise that applies is kept, 4 one is broken or something is left behind, 1 it could not begin.")]
pub struct EngineTestArgs {
    /// Where: `sqlite:FOLDER`, `postgres://[USER@]HOST[:PORT]`, `mysql://…` or `mssql://…` (a socket as `?host=`, protection as `?tls=require`)
    #[arg(value_name = "URL", required_unless_present = "list")]
    url: Option<String>,
    /// Only tests whose theme or sentence contains this
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
    /// List the tests instead of running them
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    password: PasswordArgs,
    /// Do not ask before the first database is created
    #[arg(short, long)]
    yes: bool,
}

#[derive(Serialize)]
struct Listed {
    theme: &'static str,
    test: String,
}

pub async fn cmd_engine_test(app: &App, args: EngineTestArgs) -> Done {
    let tests = chosen(args.only.as_deref())?;
    let Some(url) = args.url.as_deref().filter(|_| !args.list) else {
        let all: Vec<Listed> = tests.iter().map(|t| Listed { theme: t.theme, test: t.sentence() }).collect();
        app.result(&all, |all| {
            let rows: Vec<Vec<String>> = all.iter().map(|t| vec![t.theme.to_owned(), t.test.clone()]).collect();
            table(&[("about", Align::Left), ("promise", Align::Left)], &rows)
        })?;
        return Ok(Exit::Ok);
    };
    let address = address(url, &args)?;
    let here = std::env::current_dir().map_err(CliError::io("find the present folder"))?;
    let secrets = LocalSecrets::new(&here, App::prompt());
    let ground = greenroom_engine::ground(&address, &secrets, &here, &SystemRandom.name(10)).await?;
    app.say(format!("{} on {}; it {}", words::count(tests.len() as u64, "test"), address.engine, ground.footprint()));
    if let Err(e) = app.confirm("go on?", args.yes) {
        ground.close().await?;
        return Err(e);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let run = contract::run(ground, &tests, &stop, |next| tell(app, &next));
    tokio::pin!(run);
    let report = loop {
        tokio::select! {
            report = &mut run => break report,
            pressed = tokio::signal::ctrl_c() => {
                if pressed.is_err() || stop.swap(true, Ordering::SeqCst) {
                    return Err(CliError::Interrupted);
                }
                app.say("stopping after this test; once more ends at once, and may leave scratch databases behind");
            }
        }
    };
    app.result(&report, text)?;
    Ok(match (report.kept(), report.stopped) {
        (false, _) => Exit::Negative,
        (true, true) => Exit::Interrupted,
        (true, false) => Exit::Ok,
    })
}

fn chosen(only: Option<&str>) -> Result<Vec<Test>, CliError> {
    let fits = |t: &Test| only.is_none_or(|word| t.theme.contains(word) || t.sentence().contains(word));
    let tests: Vec<Test> = contract::all().into_iter().filter(fits).collect();
    if tests.is_empty() {
        return Err(CliError::usage("no test's theme or sentence contains that", "`greenroom engine-test --list` shows them"));
    }
    Ok(tests)
}

fn address(url: &str, args: &EngineTestArgs) -> Result<Address, CliError> {
    let mut address = Address::from_url(url)
        .map_err(|why| CliError::usage(why, "as in `sqlite:/var/tmp` or `postgres://greenroom@db.example --password-env PILOT_PW`"))?;
    address.password = args.password.reference();
    if let (EngineKind::Sqlite, Some(path)) = (address.engine, &address.path) {
        if address.password.is_some() {
            return Err(CliError::usage("SQLite has no passwords", "leave the password's option away"));
        }
        if !Path::new(path).is_dir() {
            let message = format!("`{path}` is no folder");
            return Err(CliError::missing(message, "name a folder in which a scratch folder may be made, as in `sqlite:/var/tmp`"));
        }
    }
    Ok(address)
}

fn tell(app: &App, next: &NextTest<'_>) {
    if let NextTest::Ended { number, of, ended } = next {
        let verdict = match &ended.verdict {
            Verdict::Passed => paint(GOOD, "kept"),
            Verdict::Failed { .. } => paint(BAD, "BROKEN"),
            Verdict::NotApplicable { .. } => paint(WARN, "does not apply"),
        };
        app.say(format!("[{number}/{of}] {}: {}: {verdict} ({} ms)", ended.theme, ended.test, ended.milliseconds));
    }
}

fn text(report: &Report) -> String {
    let row = |t: &contract::Ended| {
        let (word, why) = match &t.verdict {
            Verdict::Passed => ("kept", String::new()),
            Verdict::Failed { why } => ("BROKEN", why.clone()),
            Verdict::NotApplicable { lacks, so } => ("does not apply", format!("no {lacks}: {so}")),
        };
        vec![t.theme.clone(), t.test.clone(), word.to_owned(), why]
    };
    let rows: Vec<Vec<String>> = report.tests.iter().map(row).collect();
    let columns = [("about", Align::Left), ("promise", Align::Left), ("verdict", Align::Left), ("reason", Align::Left)];
    let mut out = table(&columns, &rows);
    let count = |fits: fn(&Verdict) -> bool| report.tests.iter().filter(|t| fits(&t.verdict)).count();
    let broken = count(|v| matches!(v, Verdict::Failed { .. }));
    let style = if report.kept() { GOOD } else { BAD };
    out.push_str(&format!(
        "\n{}: {} kept, {broken} broken, {} not applicable on {} {}\n",
        paint(style, if report.kept() { "ok" } else { "broken" }),
        count(|v| matches!(v, Verdict::Passed)),
        count(|v| matches!(v, Verdict::NotApplicable { .. })),
        report.engine,
        report.version.as_deref().unwrap_or("(version unknown)"),
    ));
    if report.stopped {
        out.push_str("stopped before the end on request\n");
    }
    match report.left_behind.as_slice() {
        [] => out.push_str("every scratch database is gone again\n"),
        left => left.iter().for_each(|l| out.push_str(&format!("{}: {l}\n", paint(BAD, "left behind")))),
    }
    out
}
