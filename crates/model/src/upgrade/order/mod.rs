//! One order for the vendor's scripts: `steps.toml` where there is one, else what each folder's file names say.
//!
//! Owns recognising how a folder is numbered, checksums, and findings about files. Does not own reading files, nor running steps.

mod folder;
mod listed;
pub(crate) use listed::schema as steps_schema;

use super::{UpgradeAction, UpgradeStep, outsides, split_within};
use crate::catalog::EngineKind;
use crate::finding::{Finding, Place, Severity};
use crate::hash::Hash;
use crate::program::Origin;
use std::collections::{BTreeMap, BTreeSet};

/// One file below a layer's `upgrade/`.
#[derive(Clone, Copy, Debug)]
pub struct UpgradeFile<'a> {
    /// The kit's name, or `program`.
    pub layer: &'a str,
    /// Path relative to `upgrade/`, `/` between folders.
    pub path: &'a str,
    /// The text; `None` when the file is neither UTF-8 nor UTF-16 with a byte-order mark.
    pub text: Option<&'a str>,
    /// Hash of the file's bytes.
    pub hash: Hash,
}

impl UpgradeFile<'_> {
    fn place(&self, span: std::ops::Range<usize>) -> Place {
        let file = if self.layer == "program" { format!("upgrade/{}", self.path) } else { format!("{}/upgrade/{}", self.layer, self.path) };
        Place { file, span }
    }

    fn origin(&self, span: (usize, usize)) -> Origin {
        Origin { layer: self.layer.to_owned(), file: format!("upgrade/{}", self.path), span }
    }

    fn is_script(&self) -> bool {
        let extension = self.path.rsplit('/').next().unwrap_or("").rsplit_once('.').map_or("", |(_, e)| e);
        ["sql", "psql", "pgsql"].iter().any(|e| extension.eq_ignore_ascii_case(e))
    }
}

type Files<'a> = BTreeMap<&'a str, UpgradeFile<'a>>;

/// Puts the files of all layers into one order, base layer first in `files`; a later layer's file replaces one of the same path.
///
/// Every script is also split and looked at, so that what the engine's tool would refuse, and what reaches outside the database, is found before a run.
/// `database` is the source's name, where it is known: see [`split_within`].
pub fn collect(files: &[UpgradeFile<'_>], engine: EngineKind, database: Option<&str>) -> (Vec<UpgradeStep>, Vec<Finding>) {
    let files: Files<'_> = files.iter().map(|f| (f.path, *f)).collect();
    let mut findings = Vec::new();
    let ordered = folder::order(&files, !files.contains_key("steps.toml"), &mut findings);
    let mut declared = BTreeMap::new();
    let mut steps = match files.get("steps.toml") {
        Some(list) => listed::steps(list, &files, &ordered, &mut declared, &mut findings),
        None => ordered.iter().filter_map(|f| script(f, None, &mut findings)).collect(),
    };
    if !files.contains_key("steps.toml") {
        files
            .values()
            .filter(|f| !f.is_script() && !folder::belongs_to_tool(f.path) && !is_readme(f.path))
            .for_each(|f| findings.push(ignored(f, "it is no SQL script")));
    }
    for step in &steps {
        let runs = Runs { engine, database };
        check(step, &files, runs, declared.get(&step.key).map(String::as_str), &mut findings);
    }
    unique_keys(&mut steps);
    (steps, findings)
}

/// Files for people are no scripts that somebody forgot.
fn is_readme(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.to_lowercase().starts_with("readme"))
}

fn ignored(file: &UpgradeFile<'_>, why: &str) -> Finding {
    Finding::note("GR0401", format!("`{}` is not run: {why}", file.path)).at(file.place(0..0))
}

/// Whether a script's statements may share one transaction; dbmate's `-- migrate:up transaction:false` says no.
pub fn allows_transaction(text: &str) -> bool {
    !text.lines().any(|l| marker(l, "up").is_some_and(|options| options.contains("transaction:false")))
}

/// What stands behind dbmate's `-- migrate:<section>` on a line.
fn marker<'l>(line: &'l str, section: &str) -> Option<&'l str> {
    let rest = line.trim().strip_prefix("--")?.trim_start().strip_prefix("migrate:")?.strip_prefix(section)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

/// The step that runs a script, or the findings why there is none.
fn script(file: &UpgradeFile<'_>, when: Option<String>, findings: &mut Vec<Finding>) -> Option<UpgradeStep> {
    let Some(text) = file.text else {
        findings.push(Finding::error("GR0405", format!("`{}` is neither UTF-8 nor UTF-16 text", file.path)).at(file.place(0..0)).hint(
            "convert it and look at the accents: `iconv -f WINDOWS-1252 -t UTF-8` for files of older Windows tools, `iconv -f UTF-16LE -t UTF-8` \
                 for UTF-16 without a byte-order mark",
        ));
        return None;
    };
    let text = up_section(file, text.strip_prefix('\u{feff}').unwrap_or(text), findings)?;
    let hash = Hash::of(text.replace("\r\n", "\n").replace('\r', "\n").as_bytes());
    let key = file.path.rsplit_once('.').map_or(file.path, |(stem, _)| stem).to_owned();
    Some(UpgradeStep {
        key,
        action: UpgradeAction::Script { text: text.to_owned(), hash },
        when,
        inverse: None,
        origin: file.origin((0, 0)),
    })
}

/// dbmate's script up to `-- migrate:down`, lines as in the file; other tools' down sections are refused, as they would be run.
fn up_section<'t>(file: &UpgradeFile<'_>, text: &'t str, findings: &mut Vec<Finding>) -> Option<&'t str> {
    let (mut at, mut up, mut end) = (0, None, None);
    for line in text.split_inclusive('\n') {
        let plain = line.trim().to_ascii_lowercase().replace(' ', "");
        let other = ["--+goosedown", "--+migratedown", "--//@undo", "--rambledown", "--ramblerdown"].iter().any(|m| plain.starts_with(m));
        let again = end.is_none() && up.is_some() && marker(line, "up").is_some();
        if other || again {
            let what = if again { "a second `-- migrate:up`" } else { "a section that takes the upgrade back, as another tool writes it" };
            findings.push(
                Finding::error("GR0406", format!("`{}` holds {what}", file.path))
                    .at(file.place(at..at + line.len()))
                    .hint("keep only the statements of the upgrade in the script"),
            );
            return None;
        }
        if marker(line, "up").is_some() {
            up.get_or_insert(at);
        } else if marker(line, "down").is_some() {
            end.get_or_insert(at);
        }
        at += line.len();
    }
    match (up, end) {
        (None, Some(_)) => {
            findings.push(
                Finding::error("GR0406", format!("`{}` has `-- migrate:down` but no `-- migrate:up`", file.path))
                    .at(file.place(0..0))
                    .hint("mark where the upgrade begins with `-- migrate:up`"),
            );
            None
        }
        (Some(up), Some(end)) if end < up => {
            findings.push(
                Finding::error("GR0406", format!("`{}` has `-- migrate:down` before `-- migrate:up`", file.path))
                    .at(file.place(end..end))
                    .hint("put the upgrade first"),
            );
            None
        }
        (_, Some(end)) => Some(&text[..end]),
        (_, None) => Some(text),
    }
}

/// What scripts run on.
#[derive(Clone, Copy)]
struct Runs<'a> {
    engine: EngineKind,
    database: Option<&'a str>,
}

/// Looks at a script's statements.
fn check(step: &UpgradeStep, files: &Files<'_>, on: Runs<'_>, declared: Option<&str>, findings: &mut Vec<Finding>) {
    let UpgradeAction::Script { text, .. } = &step.action else { return };
    let Some(file) = step.origin.file.strip_prefix("upgrade/").and_then(|p| files.get(p)) else { return };
    let path = file.path;
    let place = |line: u32| {
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        let mark = file.text.map_or(0, |t| if t.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 });
        let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let length = text[start..].lines().next().map_or(0, str::len);
        file.place(start + mark..start + mark + length)
    };
    match split_within(on.engine, text, on.database) {
        Err(e) => {
            findings.push(Finding::error("GR0408", format!("`{path}` line {}: {}", e.line, e.message)).at(place(e.line)).hint(e.hint))
        }
        Ok((statements, _)) if statements.is_empty() => {
            findings.push(
                Finding::warning("GR0407", format!("`{path}` holds no statement"))
                    .at(file.place(0..0))
                    .hint("remove the script, or see whether it arrived whole"),
            );
        }
        Ok((statements, left_out)) => {
            for line in left_out {
                let message =
                    format!("`{path}` line {line}: `USE` of the source's own database is left out: the script runs in the generation");
                findings.push(Finding::note("GR0411", message).at(place(line)));
            }
            let mut told = BTreeSet::new();
            for (statement, found) in statements.iter().flat_map(|s| outsides(on.engine, s).into_iter().map(move |o| (s, o))) {
                let line = statement.line.saturating_add(found.below);
                let message = format!("`{path}` line {line}: `{}`: {}", found.what, found.why);
                // A batch that runs several times is told once.
                if !told.insert(message.clone()) {
                    continue;
                }
                let finding = match (found.severity, declared) {
                    (Severity::Error, None) => Finding::error("GR0409", message)
                        .hint(format!("take it out of the script, or declare it in `upgrade/steps.toml`: `[[step]] script = \"{path}\" outside = \"why\" inverse = \"the script that undoes it\"`")),
                    (Severity::Error, Some(why)) => Finding::note("GR0409", format!("{message}; declared: {why}")),
                    (Severity::Warning, _) => Finding::warning("GR0409", message),
                    (Severity::Note, _) => Finding::note("GR0410", message),
                };
                findings.push(finding.at(place(line)));
            }
        }
    }
}

fn unique_keys(steps: &mut [UpgradeStep]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for step in steps {
        let count = seen.entry(step.key.clone()).or_default();
        *count += 1;
        if *count > 1 {
            step.key = format!("{}#{count}", step.key);
        }
    }
}

#[cfg(test)]
mod tests;
