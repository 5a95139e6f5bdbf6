//! `greenroom explain`.

use super::Done;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::style::{HEAD, paint};
use crate::render::table::{Align, table};
use clap::Args;
use greenroom_model::finding::{CodeInfo, codes, explain};
use serde::Serialize;

/// Say what a code such as GR0201 means, why it matters and what to do
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  greenroom explain GR0201\n  greenroom explain            all codes")]
pub struct ExplainArgs {
    /// The code
    code: Option<String>,
}

#[derive(Serialize)]
struct Explained {
    code: &'static str,
    title: &'static str,
    explain: &'static str,
}

impl From<&CodeInfo> for Explained {
    fn from(c: &CodeInfo) -> Explained {
        Explained { code: c.code, title: c.title, explain: c.explain }
    }
}

pub fn cmd_explain(app: &App, args: &ExplainArgs) -> Done {
    match &args.code {
        None => {
            let all: Vec<Explained> = codes().map(Explained::from).collect();
            app.result(&all, |all| {
                let rows: Vec<Vec<String>> = all.iter().map(|c| vec![c.code.to_owned(), c.title.to_owned()]).collect();
                table(&[("code", Align::Left), ("means", Align::Left)], &rows)
            })?;
        }
        Some(code) => {
            let info = explain(code.trim())
                .ok_or_else(|| CliError::usage(format!("there is no code `{code}`"), "`greenroom explain` lists all codes"))?;
            app.result(&Explained::from(info), |e| format!("{}: {}\n\n{}\n", paint(HEAD, e.code), e.title, wrapped(e.explain, 90)))?;
        }
    }
    Ok(Exit::Ok)
}

/// Breaks text into lines of at most so many characters, between words.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join("\n")
}
