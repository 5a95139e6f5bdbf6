//! `steps.toml`: the explicit order, with programs, persons and `when` rules.

use super::{Files, UpgradeFile, ignored, script};
use crate::finding::Finding;
use crate::upgrade::{Inverse, UpgradeAction, UpgradeStep, check_rule};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The order of the upgrade where file names do not say it, with programs, persons and rules: one `[[step]]` each.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "upgrade/steps.toml")]
struct List {
    /// The steps in order; every script of `upgrade/` must be listed.
    #[serde(default)]
    #[schemars(with = "Vec<Step>")]
    step: Vec<toml::Spanned<Step>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Step {
    /// A script, relative to `upgrade/`.
    script: Option<String>,
    /// A program with its arguments; `./` at its beginning means `upgrade/`. `{host}`, `{port}`, `{user}`, `{database}` and `{path}` are filled in.
    program: Option<Vec<String>>,
    /// What a person is asked to do before the run goes on.
    person: Option<String>,
    /// Name of a program's or person's step; made from its text by default.
    name: Option<String>,
    /// Versions of the product that it applies to: `>= 5.1, < 5.3`.
    when: Option<String>,
    /// How long a program may take: `45s`, `30m`, `1h30m`; an hour by default.
    timeout: Option<String>,
    /// Why the script may reach outside the database (roles, other databases, files); needs `inverse` or `no_inverse`.
    outside: Option<String>,
    /// The script, relative to `upgrade/`, that undoes what reached outside. `greenroom undo` runs it in the server's maintenance database once
    /// the generation is dropped, also when the step was applied only in part, and maybe twice: write it to do no harm then.
    inverse: Option<String>,
    /// Why nothing that reached outside has to be undone.
    no_inverse: Option<String>,
}

/// The JSON schema of `steps.toml`.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(List)
}

/// Seconds of `45s`, `30m`, `2h` or `1h30m`.
fn seconds(text: &str) -> Option<u64> {
    let (mut total, mut number) = (0u64, String::new());
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    (number.is_empty() && total > 0).then_some(total)
}

fn slug(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    plain.split_whitespace().take(5).collect::<Vec<_>>().join("-")
}

/// The steps as listed; `runnable` are the scripts that have to be.
pub(super) fn steps(
    list: &UpgradeFile<'_>,
    files: &Files<'_>,
    runnable: &[UpgradeFile<'_>],
    declared: &mut BTreeMap<String, String>,
    findings: &mut Vec<Finding>,
) -> Vec<UpgradeStep> {
    let parsed: List = match toml::from_str(list.text.unwrap_or("step = 'not UTF-8'")) {
        Ok(parsed) => parsed,
        Err(e) => {
            findings.push(
                Finding::error("GR0404", format!("`steps.toml` cannot be read: {}", e.message())).at(list.place(e.span().unwrap_or(0..0))),
            );
            return Vec::new();
        }
    };
    let (mut out, mut mentioned) = (Vec::new(), BTreeSet::new());
    for step in parsed.step {
        let span = step.span();
        let step = step.into_inner();
        let wrong = |message: String, hint: &str| Finding::error("GR0404", message).at(list.place(span.clone())).hint(hint);
        if let Some(Err(e)) = step.when.as_deref().map(check_rule) {
            findings.push(wrong(e.to_string(), "write for example `when = \">= 5.1, < 5.3\"`"));
        }
        let timeout = step.timeout.as_deref().map_or(Some(3600), seconds);
        if timeout.is_none() || (step.timeout.is_some() && step.program.is_none()) {
            findings.push(wrong("`timeout` goes with `program` and looks like `30m`".into(), "use `s`, `m` and `h`, for example `1h30m`"));
        }
        let origin = list.origin((span.start, span.end));
        let when = step.when;
        if step.script.is_none() && (step.outside.is_some() || step.inverse.is_some() || step.no_inverse.is_some()) {
            findings.push(wrong(
                "`outside`, `inverse` and `no_inverse` go with `script`".into(),
                "a program or a person says in words what undoes it",
            ));
        }
        match (step.script, step.program, step.person) {
            (Some(path), None, None) => {
                let Some(file) = files.get(path.as_str()).filter(|f| f.is_script()) else {
                    findings.push(wrong(
                        format!("there is no script `{path}` in `upgrade/`"),
                        "paths are relative to `upgrade/`, with `/` between folders",
                    ));
                    continue;
                };
                if !mentioned.insert(file.path) {
                    findings.push(wrong(format!("`{path}` is listed twice"), "list every script once"));
                    continue;
                }
                let Some(mut found) = script(file, when, findings) else { continue };
                match (step.outside, step.inverse, step.no_inverse) {
                    (None, None, None) => {}
                    (Some(why), Some(path), None) => {
                        let Some(file) = files.get(path.as_str()).filter(|f| f.is_script()) else {
                            findings.push(wrong(format!("there is no script `{path}` in `upgrade/`"), "`inverse` is a path relative to `upgrade/`"));
                            continue;
                        };
                        mentioned.insert(file.path);
                        if let Some(UpgradeAction::Script { text, hash }) = script(file, None, findings).map(|s| s.action) {
                            found.inverse = Some(Inverse { file: path, text, hash });
                            declared.insert(found.key.clone(), why);
                        }
                    }
                    (Some(why), None, Some(nothing)) => {
                        declared.insert(found.key.clone(), format!("{why}; nothing to undo: {nothing}"));
                    }
                    _ => findings.push(wrong(
                        "`outside` needs either `inverse` or `no_inverse`".into(),
                        "`inverse = \"roles.undo.sql\"` names the script that `greenroom undo` runs; `no_inverse = \"…\"` says why nothing has to be undone",
                    )),
                }
                out.push(found);
            }
            (None, Some(command), None) if command.first().is_some_and(|c| !c.is_empty()) => {
                let local = command[0].strip_prefix("./");
                let file = files.get(local.unwrap_or(&command[0]));
                if let (Some(path), None) = (local, file) {
                    findings.push(wrong(
                        format!("there is no program `{path}` in `upgrade/`"),
                        "a program that begins with `./` lies in `upgrade/`",
                    ));
                }
                mentioned.extend(file.map(|f| f.path));
                let key = step.name.unwrap_or_else(|| format!("program/{}", command[0].rsplit('/').next().unwrap_or("")));
                let action = UpgradeAction::Program { hash: file.map(|f| f.hash), command, timeout_seconds: timeout.unwrap_or(3600) };
                out.push(UpgradeStep { key, action, when, inverse: None, origin });
            }
            (None, None, Some(instruction)) if !instruction.trim().is_empty() => {
                let key = step.name.unwrap_or_else(|| format!("person/{}", slug(&instruction)));
                out.push(UpgradeStep { key, action: UpgradeAction::Person { instruction }, when, inverse: None, origin });
            }
            _ => findings.push(wrong("a step has exactly one of `script`, `program` and `person`".into(), "write one `[[step]]` for each")),
        }
    }
    for file in runnable.iter().filter(|f| !mentioned.contains(f.path)) {
        findings.push(
            Finding::error("GR0404", format!("`{}` is not listed in `steps.toml`", file.path))
                .at(file.place(0..0))
                .hint("list it where it belongs, or remove the file"),
        );
    }
    let other = |f: &&UpgradeFile<'_>| !f.is_script() && !mentioned.contains(f.path) && !super::folder::belongs_to_tool(f.path);
    files.values().filter(other).for_each(|f| findings.push(ignored(f, "`steps.toml` does not name it")));
    out
}
