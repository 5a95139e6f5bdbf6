//! `greenroom files`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::style::{BAD, GOOD, HEAD, WARN, paint};
use crate::render::words;
use clap::{Args, Subcommand};
use greenroom_runner::planning::size;
use greenroom_runner::session::KnownTree;
use greenroom_runner::trees::{Choice, TreeReport};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Copy the application's files (reports, documents, themes) to their new place, complete and unchanged
///
/// Which trees there are is written under `[files.NAME]`. Without a subcommand they are listed. A copy is made in passes: the first copies
/// everything, later ones what has changed since. Links are kept and never followed; what leads out of the tree is named and not copied.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  greenroom files copy\n  greenroom files copy reports --delete\n  greenroom files verify\n  greenroom files manifest reports > reports.b3"
)]
pub struct FilesArgs {
    #[command(subcommand)]
    command: Option<FilesCommand>,
}

#[derive(Subcommand, Debug)]
enum FilesCommand {
    Copy(CopyArgs),
    Verify(VerifyArgs),
    Manifest(ManifestArgs),
}

/// Copy what is new or changed; goes on where an earlier pass was cut off
///
/// Each file is copied beside its place, read back, and put into its place by a rename, with its mode, owner, times and extended attributes.
#[derive(Args, Debug)]
struct CopyArgs {
    /// Names of trees; all of the program by default
    names: Vec<String>,
    /// Remove at the new place what was copied there and has gone at the source
    #[arg(long)]
    delete: bool,
    /// Replace files at the new place that nobody copied, or that somebody changed there
    #[arg(long)]
    overwrite: bool,
    /// Read every file again, also where size and times say that nothing changed
    #[arg(long)]
    thorough: bool,
}

/// Compare trees with their copies, reading every file of both
#[derive(Args, Debug)]
struct VerifyArgs {
    /// Names of trees; all of the program by default
    names: Vec<String>,
}

/// Print what was copied as `b3sum --check` reads it
#[derive(Args, Debug)]
struct ManifestArgs {
    /// Name of the tree
    name: String,
    /// Into this file instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Trees {
    trees: Vec<KnownTree>,
}

#[derive(Serialize)]
struct Reports {
    files: Vec<TreeReport>,
}

pub async fn cmd_files(app: &App, args: FilesArgs) -> Done {
    let session = app.session()?;
    match args.command {
        None => {
            app.result(&Trees { trees: session.trees()? }, |t| listed(&t.trees))?;
            Ok(Exit::Ok)
        }
        Some(FilesCommand::Copy(args)) => {
            let choice = Choice { delete: args.delete, overwrite: args.overwrite, thorough: args.thorough };
            let bar = Bar::new(app);
            stoppable(&session);
            let reports =
                tokio::task::block_in_place(|| session.copy_files(&args.names, choice, &mut |tree, bytes| bar.moved(tree, bytes)));
            bar.clear();
            concluded(app, reports?, "copied")
        }
        Some(FilesCommand::Verify(args)) => {
            let bar = Bar::new(app);
            stoppable(&session);
            let reports = tokio::task::block_in_place(|| session.verify_files(&args.names, &mut |tree, bytes| bar.moved(tree, bytes)));
            bar.clear();
            concluded(app, reports?, "compared")
        }
        Some(FilesCommand::Manifest(args)) => {
            let mut text = Vec::new();
            let files = session.write_manifest(&args.name, &mut text)?;
            match &args.out {
                Some(path) => {
                    let io = |source| CliError::Io { attempted: format!("write {}", path.display()), source };
                    std::fs::write(path, &text).map_err(io)?;
                    app.say(format!("{} in {}", words::count(files, "file"), path.display()));
                }
                None => app.print(&String::from_utf8_lossy(&text))?,
            }
            Ok(Exit::Ok)
        }
    }
}

/// The first Ctrl-C, or a request to end, stops what is done: files between two of them. From this moment on, not from when somebody first waits for it.
pub(super) fn stoppable(session: &greenroom_runner::session::Session) {
    let cancel = session.cancel.clone();
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else { return };
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        cancel.cancel();
    });
}

fn concluded(app: &App, reports: Vec<TreeReport>, word: &str) -> Done {
    let good = reports.iter().all(TreeReport::is_good);
    app.result(&Reports { files: reports }, |r| r.files.iter().map(|r| report(r, word)).collect())?;
    Ok(if good { Exit::Ok } else { Exit::Negative })
}

/// Bytes so far, on a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(app: &App) -> Bar {
        let shown = std::io::stderr().is_terminal() && !app.quiet;
        let bar = ProgressBar::with_draw_target(None, if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {bytes} ({bytes_per_sec}), {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar(bar)
    }

    fn moved(&self, tree: &str, bytes: u64) {
        self.0.set_message(tree.to_owned());
        self.0.inc(bytes);
    }

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}

fn listed(trees: &[KnownTree]) -> String {
    if trees.is_empty() {
        return "the program names no trees of files; `[files.reports]` with `from` and `to` in greenroom.toml names one\n".to_owned();
    }
    let mut out = String::new();
    for t in trees {
        out.push_str(&format!("{} {} -> {}\n", paint(HEAD, format!("{}:", t.name)), t.from, t.to));
        let said = |what: &str, done: Option<(jiff::Timestamp, u64)>| match done {
            None => format!("  never {what}\n"),
            Some((at, 0)) => format!("  {what} {}, all as it should be\n", words::when(at)),
            Some((at, wrong)) => {
                format!("  {what} {}: {}\n", words::when(at), paint(BAD, format!("wrong at {}", words::count(wrong, "place"))))
            }
        };
        out.push_str(&said("copied", t.state.copied));
        out.push_str(&said("compared", t.state.verified));
    }
    out
}

fn report(r: &TreeReport, word: &str) -> String {
    let good =
        if r.is_good() { paint(GOOD, word) } else { paint(BAD, format!("{word}, and wrong at {}", words::count(r.wrongs, "place"))) };
    let mut out = format!("{} {good}\n", paint(HEAD, format!("{}:", r.tree)));
    let links = if r.links > 0 { format!(", {}", words::count(r.links, "link")) } else { String::new() };
    out.push_str(&format!("  {} ({}) in {}{links}\n", words::count(r.files, "file"), size(r.bytes), words::count(r.folders, "folder")));
    if word == "copied" {
        out.push_str(&format!("  {} copied ({})", words::count(r.copied, "file"), size(r.copied_bytes)));
        if r.found > 0 {
            out.push_str(&format!(", {} stood there already", words::count(r.found, "file")));
        }
        if r.removed > 0 {
            out.push_str(&format!(", {} removed", words::count(r.removed, "file")));
        }
        out.push('\n');
    }
    for (path, what) in &r.wrong {
        out.push_str(&format!("  {} {path}: {what}\n", paint(BAD, "-")));
    }
    let more = r.wrongs - r.wrong.len() as u64;
    if more > 0 {
        out.push_str(&format!("  and {more} more\n"));
    }
    for note in &r.notes {
        out.push_str(&format!("  {} {note}\n", paint(WARN, "mind:")));
    }
    out
}
