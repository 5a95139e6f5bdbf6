//! The story: what was made, what a person would type, what happened, what to look at next. Every figure in it is measured or counted.

use super::files::{KIT, PROGRAM};
use super::folder::{Place, file};
use super::production::{self, Size};
use super::watch::{Watch, seconds};
use super::{DemoError, Out};
use greenroom_model::finding::Severity;
use greenroom_model::hash::Hash;
use greenroom_model::program::Program;
use greenroom_model::run::{Failure, RunId, RunState};
use greenroom_runner::execute::Ended;
use greenroom_runner::planning::size;
use greenroom_runner::session::{self, Session, SessionError};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

pub(super) const PRODUCTION: &str = "production/clinic.db";
pub(super) const PILOT: &str = "clinic/pilot/clinic.db";

/// Clients whose file number another client has too, but for blanks and case.
const TWICE: &str = "SELECT count(*) FROM (SELECT 1 FROM client GROUP BY upper(replace(file_no, ' ', '')) HAVING count(*) > 1)";

/// Writes lines.
pub(super) struct Teller<'a> {
    pub out: &'a Out,
}

impl Teller<'_> {
    /// Writes a line.
    pub fn say(&self, text: &str) -> Result<(), DemoError> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(file("write the story".to_owned()))
    }
}

/// Tells the story in a folder that was taken for it.
pub(super) async fn tell(place: &Place, clinic: Size, out: &Out) -> Result<(), DemoError> {
    let begin = Instant::now();
    let teller = Teller { out };
    let raw = build(place, clinic, &teller)?;
    let generation = first(place, &teller, &raw).await?;
    second(place, &teller, &generation).await?;
    let untouched = digest(&place.path(PRODUCTION))? == raw;
    let word = if untouched { "byte for byte what it was" } else { "changed, though nothing but this demo should know of it" };
    teller.say(&format!("   production is {word}\n"))?;
    next(place, &teller)?;
    teller.say(&format!("\nAll of it took {}. `greenroom demo` builds it anew.", seconds(millis(begin))))
}

/// Chapters 1 and 2: the database, the kit, the program.
pub(super) fn build(place: &Place, clinic: Size, teller: &Teller<'_>) -> Result<Hash, DemoError> {
    let begin = Instant::now();
    teller.say("A family clinic is to go from version 5.1 of its case management to 5.2. Nothing here is real; everything runs.\n")?;
    let path = place.path(PRODUCTION);
    let made = production::make(&path, clinic).map_err(|source| DemoError::Database { doing: "make the clinic's database", source })?;
    let bytes = std::fs::metadata(&path).map_err(file(format!("look at {}", path.display())))?.len();
    teller.say(&format!(
        "1. Production: {} ({}, {} tables, made in {})",
        path.display(),
        size(bytes),
        made.tables,
        seconds(millis(begin))
    ))?;
    teller.say(&format!(
        "   {} clients, {} workers in 8 groups, {} appointments, {} notes full of names and numbers, {} scans;",
        made.clients, made.workers, made.appointments, made.notes, made.attachments
    ))?;
    teller
        .say(&format!("   {} messages waiting to be sent; live credentials of mail, cards, ratings, reporting and ledger.", made.queued))?;
    place.write(KIT)?;
    place.write(PROGRAM)?;
    let (_, program) = program(place)?;
    let decided = |own: bool| program.columns.values().flat_map(|t| t.values()).filter(|d| (d.origin.layer == "program") == own).count();
    let assertions = program.assertions.len();
    teller.say(&format!("\n2. What a vendor or consultant brings: {}", place.path("kit-clinic-5").display()))?;
    teller.say(&format!(
        "   {} column decisions, {} packs that make a copy harmless, {assertions} assertions. What is the clinic's own: {}",
        decided(false),
        program.packs.len(),
        place.path("clinic").display()
    ))?;
    let scripts: Vec<&str> = program.upgrade.iter().map(|s| s.key.as_str()).collect();
    teller.say(&format!("   {} decisions of its own, and the upgrade as shipped: {}", decided(true), scripts.join(", ")))?;
    digest(&path)
}

/// Chapter 3: a rehearsal that finds what nobody knew of. Returns the name of the generation that it leaves for looking.
async fn first(place: &Place, teller: &Teller<'_>, raw: &Hash) -> Result<String, DemoError> {
    let program_folder = place.path("clinic");
    teller.say(&format!("\n3. First rehearsal\n   $ greenroom -C {} rehearse", shown(&program_folder)))?;
    let session = open(place, teller.out)?;
    let (id, ended, run) = rehearse(&session, teller).await?;
    let Ended::Failed(step, failure) = ended else {
        return Err(DemoError::OffScript {
            what: "the first rehearsal was to fail on data that nobody knew of",
            ended: format!("{ended:?}"),
        });
    };
    teller.say(&format!("   FAILED at `{step}`"))?;
    fail(teller, &failure)?;
    let generation = run.plan.names.generation;
    let twice = count(&program_folder.join(&generation), TWICE)?;
    teller.say(&format!(
        "   The copy is kept for looking, sealed. {twice} clients stand in it twice: an import in 2009 wrote the file numbers its own way."
    ))?;
    teller.say(&format!(
        "   $ sqlite3 {} \\\n     \"select group_concat(quote(file_no), ' = ') from client",
        shown(&program_folder.join(&generation))
    ))?;
    teller.say("      group by upper(replace(file_no, ' ', '')) having count(*) > 1 limit 5\"")?;
    let pilot = if place.path(PILOT).exists() { "exists, though it should not" } else { "was never touched: there is none yet" };
    let production = if digest(&place.path(PRODUCTION))? == *raw { "byte for byte what it was" } else { "changed" };
    teller.say(&format!("   Nobody was harmed: the pilot {pilot}; production is {production}."))?;
    teller.say(&format!("   $ greenroom -C {} undo {id}", shown(&program_folder)))?;
    let begin = Instant::now();
    match session.undo(Some(&id.0)).await? {
        (_, Ended::Undone) if !program_folder.join(&generation).exists() => {}
        (_, ended) => return Err(DemoError::OffScript { what: "the failed rehearsal was to be undone", ended: format!("{ended:?}") }),
    }
    teller.say(&format!("   undone: its copy is dropped ({})", seconds(millis(begin))))?;
    Ok(generation)
}

fn fail(teller: &Teller<'_>, failure: &Failure) -> Result<(), DemoError> {
    teller.say(&format!("   error[{}]: {}", failure.code, failure.message))?;
    for line in &failure.details {
        teller.say(&format!("   {line}"))?;
    }
    failure.hint.as_ref().map_or(Ok(()), |hint| teller.say(&format!("   hint: {hint}")))
}

/// Chapters 4 and 5: the program is mended, and the second rehearsal passes.
async fn second(place: &Place, teller: &Teller<'_>, former: &str) -> Result<(), DemoError> {
    let program_folder = place.path("clinic");
    place.mend()?;
    teller.say("\n4. The clinic mends it, between the vendor's second and third script")?;
    teller.say(&format!(
        "   + {}\n   + {}\n   ~ greenroom.toml: the tables that merging changes; columns.toml: what it leaves written down",
        program_folder.join("upgrade/002a_merge_duplicates.sql").display(),
        program_folder.join("verify/merged.sql").display()
    ))?;
    teller.say(&format!("\n5. Second rehearsal\n   $ greenroom -C {} rehearse", shown(&program_folder)))?;
    let session = open(place, teller.out)?;
    let (id, ended, run) = rehearse(&session, teller).await?;
    match ended {
        Ended::Finished => {}
        Ended::Failed(step, failure) => {
            fail(teller, &failure)?;
            return Err(DemoError::OffScript { what: "the second rehearsal was to pass", ended: format!("it failed at `{step}`") });
        }
        other => return Err(DemoError::OffScript { what: "the second rehearsal was to pass", ended: format!("{other:?}") }),
    }
    for (what, verdict) in verdicts(&run) {
        teller.say(&format!("   {} {what}", if verdict.passed { "GREEN" } else { "RED  " }))?;
        for line in &verdict.compared {
            teller.say(&format!("         {line}"))?;
        }
        for line in &verdict.not_compared {
            teller.say(&format!("         not compared: {line}"))?;
        }
    }
    let left = count(&place.path(PILOT), TWICE)?;
    let gone = !program_folder.join(former).exists();
    teller.say(&format!(
        "   PASSED: `{id}` is the pilot now, open to testers: {}{}",
        place.path(PILOT).display(),
        if left == 0 && gone { "" } else { " (but something of the first is left)" }
    ))
}

/// The latest verdict of each sort.
fn verdicts(run: &RunState) -> Vec<(&'static str, &greenroom_model::run::Verdict)> {
    let sorts = [("copy", "copy"), ("upgrade", "upgrade"), ("safety-after", "safety")];
    sorts.into_iter().filter_map(|(key, what)| run.verdicts.iter().rev().find(|(_, v)| v.what == key).map(|(_, v)| (what, v))).collect()
}

/// What to look at next.
fn next(place: &Place, teller: &Teller<'_>) -> Result<(), DemoError> {
    let (production, pilot, program) = (shown(&place.path(PRODUCTION)), shown(&place.path(PILOT)), shown(&place.path("clinic")));
    teller.say("6. What to look at next")?;
    teller.say("   One client, in production and on the pilot (the year of birth stays; name and mail address belong together):")?;
    let columns = "file_no, first_name, last_name, birth_date, email, phone";
    teller.say(&format!("   $ sqlite3 -box {production} \"select {columns} from client where id = 4711\""))?;
    teller.say(&format!("   $ sqlite3 -box {pilot} \"select {columns}, street_name, house_no from client where id = 4711\""))?;
    teller.say("   What is switched off, and whose account still works:")?;
    teller.say(&format!("   $ sqlite3 -box {pilot} \"select code, enabled from module\""))?;
    teller.say(&format!("   $ sqlite3 -box {pilot} \"select title, sum(active) working, count(*) of_all from worker w join user_group g on g.id = group_id group by 1\""))?;
    teller.say("   What was planned, what was done, and whether the pilot is still what was verified:")?;
    for command in ["status", "runs", "run show", "verify", "plan"] {
        teller.say(&format!("   $ greenroom -C {program} {command}"))?;
    }
    teller.say("   A mask can hide what only raw data shows (two spellings of one address get two pseudonyms): see docs/masks.md before you trust a pilot with that.")
}

fn program(place: &Place) -> Result<(std::path::PathBuf, Program), DemoError> {
    let project = session::read(&place.path("clinic"))?;
    match project.program {
        Some(program) => Ok((project.loaded.folder, program)),
        None => Err(SessionError::Findings(project.findings).into()),
    }
}

pub(super) fn open(place: &Place, out: &Out) -> Result<Session, DemoError> {
    let (folder, program) = program(place)?;
    Ok(Session::open(folder, program, Box::new(|_| None), Arc::new(Watch::new(out.clone())))?)
}

/// Plans and runs.
pub(super) async fn rehearse(session: &Session, teller: &Teller<'_>) -> Result<(RunId, Ended, RunState), DemoError> {
    let (hash, plan, findings) = session.plan().await?;
    let warnings = findings.iter().filter(|f| f.severity == Severity::Warning);
    for f in warnings {
        teller.say(&format!("   warning[{}]: {}", f.code, f.message))?;
    }
    let expected = plan.expected_millis().map_or_else(String::new, |ms| format!(", {} expected", seconds(ms)));
    let begin = Instant::now();
    let empty = plan.tables.iter().filter(|t| t.empty).count();
    let full = plan.tables.len() - empty;
    teller.say(&format!("   plan {}: {} steps{expected}; {full} tables to copy, {empty} arrive empty", hash.short(), plan.steps.len()))?;
    let (id, ended) = session.start(hash, &plan, false).await?;
    let run = session.find_run(Some(&id.0))?;
    teller.say(&format!("   {id} ended after {}", seconds(millis(begin))))?;
    Ok((id, ended, run))
}

fn digest(path: &Path) -> Result<Hash, DemoError> {
    std::fs::read(path).map(|bytes| Hash::of(&bytes)).map_err(file(format!("read {}", path.display())))
}

fn count(path: &Path, sql: &str) -> Result<i64, DemoError> {
    let asked = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|c| c.query_row(sql, [], |r| r.get(0)));
    asked.map_err(|source| DemoError::Database { doing: "look into the copy", source })
}

pub(super) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A path as a shell takes it.
pub(super) fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
    if plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
