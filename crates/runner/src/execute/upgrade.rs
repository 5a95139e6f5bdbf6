//! Steps of the vendor's upgrade: scripts, programs, people.

use super::{Execution, StepError, failure, failure_of};
use crate::child;
use greenroom_engine::{EngineError, ErrorKind, ScriptState};
use greenroom_model::catalog::{Catalog, EngineKind};
use greenroom_model::hash::Hash;
use greenroom_model::plan::{PlannedHow, Step};
use greenroom_model::program::Address;
use greenroom_model::run::{Outcome, Question};
use greenroom_model::upgrade::Statement;
use std::time::Duration;

/// What the names of files with programs' output begin with.
pub(super) const OUTPUT: &str = "output-";

impl Execution {
    pub(super) async fn upgrade(&mut self, step: &Step, index: usize, unknown: bool, answer: Option<&str>) -> Result<Outcome, StepError> {
        let plan = self.plan.clone();
        let Some(u) = plan.upgrade.get(index) else {
            return Err(failure("GR0710", "the plan has no such upgrade step").into());
        };
        match &u.how {
            PlannedHow::Script { statements, .. } if self.setup.by_hand || answer.is_some() => {
                self.by_person(step, &by_hand_text(self.plan.engine, &self.plan.names.generation, statements), answer).await
            }
            PlannedHow::Script { file, hash, statements, apart } => self.script(&u.key, file, hash, statements, *apart).await,
            PlannedHow::Program { command, hash, timeout_seconds } => match (unknown, answer) {
                (true, None) | (_, Some("ask")) => Err(StepError::Waits(Question {
                    text: format!("nobody knows whether `{}` ran to its end before Greenroom was interrupted", command.join(" ")),
                    choices: vec![
                        ("done".into(), "it did its work: go on".into()),
                        ("again".into(), "run it once more".into()),
                        ("undo".into(), "choose `greenroom undo` instead: the generation is dropped, the former pilot stays".into()),
                    ],
                })),
                (_, Some("done")) => self.catalog_change(step).await,
                _ => self.program(step, command, *hash, *timeout_seconds).await,
            },
            PlannedHow::Person { instruction } => self.by_person(step, instruction, answer).await,
        }
    }

    async fn script(&mut self, key: &str, file: &str, hash: &Hash, statements: &[Statement], apart: bool) -> Result<Outcome, StepError> {
        let inside = self.generation().await?;
        let state: ScriptState = inside.script_state(key).await?;
        if state.hash.is_some_and(|h| h != *hash) {
            return Err(failure("GR0719", format!("another version of `{file}` has been applied to this generation")).into());
        }
        let mut outcome = Outcome::default();
        if state.complete {
            outcome.notes.push("was in already when the run was resumed".into());
            return Ok(outcome);
        }
        let applied = match apart {
            true => inside.script_apart(key, hash, statements, state.done).await,
            false => inside.script(key, hash, statements, state.done).await,
        };
        let applied = applied.map_err(|e| script_failure(file, statements, &e))?;
        outcome.rows = Some(applied.rows);
        outcome.facts.insert("statements".into(), applied.statements.to_string());
        outcome.notes = applied.notices;
        Ok(outcome)
    }

    /// Runs a program with a clean environment; its output goes into the run's folder and never into the journal (P34).
    async fn program(&mut self, step: &Step, command: &[String], hash: Option<Hash>, timeout: u64) -> Result<Outcome, StepError> {
        self.remember_catalog(step).await?;
        let filled: Vec<String> = command.iter().map(|c| fill(c, &self.setup.program.target, &self.plan.names.generation)).collect();
        // Sessions of ours could stand in the program's way.
        if let Some(inside) = self.inside.take() {
            inside.leave().await?;
        }
        let texts = self.run_program(&step.key.0, &filled, &command.join(" "), hash, timeout).await?;
        let mut outcome = self.catalog_change(step).await?;
        outcome.facts.insert("output".into(), Hash::of_json(&texts).to_string());
        Ok(outcome)
    }

    /// Runs a program in the program's folder with a clean environment; what it prints goes into the run's folder under this key, and comes back.
    pub(super) async fn run_program(
        &mut self,
        key: &str,
        filled: &[String],
        shown: &str,
        hash: Option<Hash>,
        timeout: u64,
    ) -> Result<[String; 2], StepError> {
        let Some((program, arguments)) = filled.split_first() else {
            return Err(failure("GR0720", "the step names no program").into());
        };
        let program = child::named(&self.setup.folder, program);
        if let Some(expected) = hash
            && Hash::of(&std::fs::read(&program).map_err(|e| failure("GR0720", format!("could not read {}: {e}", program.display())))?)
                != expected
        {
            return Err(failure("GR0713", format!("{} is not the file that the plan was made with", program.display())).into());
        }
        let mut child = child::clean(&self.setup.folder, &program, arguments);
        let waited = tokio::time::timeout(Duration::from_secs(timeout), child.output()).await;
        let output = match waited {
            Err(_) => return Err(failure("GR0717", format!("`{shown}` did not end within {timeout} s and was stopped")).into()),
            Ok(Err(e)) => return Err(failure("GR0720", format!("could not run `{shown}`: {e}")).into()),
            Ok(Ok(output)) => output,
        };
        let name = format!("{OUTPUT}{}.json", key.replace(['/', ':'], "_"));
        let texts = [&output.stdout, &output.stderr].map(|b| String::from_utf8_lossy(b).into_owned());
        self.keep(&name, &texts)?;
        if !output.status.success() {
            let mut f = failure("GR0717", format!("`{shown}` ended with {}", output.status));
            f.hint = Some(format!("its output is in {}", self.setup.scratch.join(&name).display()));
            return Err(f.into());
        }
        Ok(texts)
    }

    /// Asks a person, or acts on what they answered.
    async fn by_person(&mut self, step: &Step, instruction: &str, answer: Option<&str>) -> Result<Outcome, StepError> {
        match answer {
            Some("done") => self.catalog_change(step).await,
            Some("failed") => {
                let mut f = failure("GR0718", "the person who carried it out says that it failed");
                f.hint = Some("`greenroom resume` asks again, `greenroom undo` drops the generation".into());
                Err(f.into())
            }
            _ => {
                self.remember_catalog(step).await?;
                Err(StepError::Waits(Question {
                    text: instruction.to_owned(),
                    choices: vec![
                        ("done".into(), "it is done: look at what changed and go on".into()),
                        ("failed".into(), "it went wrong".into()),
                    ],
                }))
            }
        }
    }

    /// Keeps the schema as it is before somebody else changes it.
    async fn remember_catalog(&mut self, step: &Step) -> Result<(), StepError> {
        let catalog = self.generation().await?.inspect().await?;
        Ok(self.keep(&before_file(step), &catalog)?)
    }

    /// What a program or person changed, object by object.
    async fn catalog_change(&mut self, step: &Step) -> Result<Outcome, StepError> {
        let after = self.generation().await?.inspect().await?;
        let mut outcome = Outcome::default();
        outcome.facts.insert("fingerprint".into(), after.fingerprint().to_string());
        match self.kept::<Catalog>(&before_file(step))? {
            Some(before) => {
                let (_, changes) = super::verify_copy::differences(&before, &after, &[]);
                outcome.notes = if changes.is_empty() { vec!["no object of the schema changed".into()] } else { changes };
            }
            None => outcome.notes.push("the schema before the step was not kept: what it changed is unknown".into()),
        }
        Ok(outcome)
    }
}

fn before_file(step: &Step) -> String {
    format!("before-{}.json", step.key.0.replace(['/', ':'], "_"))
}

fn by_hand_text(engine: EngineKind, database: &str, statements: &[Statement]) -> String {
    // SQL Server's are batches, and a `;` would become part of the last statement in them.
    let end = if engine == EngineKind::Mssql { "\nGO" } else { ";" };
    let list: Vec<String> = statements.iter().map(|s| format!("{}{end}", s.sql.trim())).collect();
    format!("run these statements in `{database}`, in this order:\n\n{}", list.join("\n\n"))
}

/// Replaces the placeholders of a command.
pub(super) fn fill(text: &str, target: &Address, database: &str) -> String {
    text.replace("{host}", target.host.as_deref().unwrap_or("localhost"))
        .replace("{port}", &target.port.map(|p| p.to_string()).unwrap_or_default())
        .replace("{user}", target.user.as_deref().unwrap_or_default())
        .replace("{database}", database)
        .replace("{path}", database)
}

/// A failed script, with the statement's number, line and first words.
fn script_failure(file: &str, statements: &[Statement], e: &EngineError) -> StepError {
    let mut f = failure_of(e);
    if let Some((number, line)) = e.statement {
        f.message = format!("{file}, line {line}, statement {number} of {}: {}", statements.len(), e.message);
        if let Some(o) = &e.object {
            f.message.push_str(&format!(" [{o}]"));
        }
        if let Some(s) = usize::try_from(number).ok().and_then(|n| statements.get(n.saturating_sub(1))) {
            // The engine may have told a line further down.
            let above = usize::try_from(line.saturating_sub(s.line)).unwrap_or(0);
            let shown = s.sql.lines().skip(above).take(6).zip(line..);
            f.details = shown.map(|(l, number)| format!("{number:>5} | {l}")).collect();
        }
    } else {
        f.message = format!("{file}: {}", f.message);
    }
    if e.kind == ErrorKind::Data || e.kind == ErrorKind::Statement {
        f.code = "GR0716".into();
    }
    f.hint = Some(
        e.hint.clone().unwrap_or_else(|| "mend the script or the data's rule in the program, then `greenroom undo` this run and rehearse again; the generation is kept for looking until then".into()),
    );
    f.into()
}
