//! The story `server-migration`: a clinic's database and scanned letters move from the old server's folder to the new one's, while the front desk goes on writing wherever its
//! connection file says. Testers refuse once, and everything is as it was; then it stays. Every figure is measured or counted. What belongs to no database (names on the
//! network, devices) is a hook's or a person's, and no part of it.

use super::desk::{Desk, look};
use super::files::{KIT, PROGRAM};
use super::folder::{Place, file};
use super::golive::{dressed, off, previewed, prove, switch};
use super::production::{self, Size};
use super::story::{PRODUCTION, Teller, millis, open, shown};
use super::watch::seconds;
use super::{DemoError, Out};
use greenroom_runner::execute::Ended;
use greenroom_runner::planning::size;
use greenroom_runner::session::Session;
use greenroom_runner::trees::{Choice, TreeReport};
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::path::Path;
use std::time::Instant;

/// Where the front desk reads which database it is to use.
const CONNECTION: &str = "production/connection.conf";

const NEW: &str = "new-server/clinic.db";

/// What the move needs of the program.
const MOVE: &str = r#"
[dress]
unmasked = true

[quarantine]
path = "quarantine"

# Scanned letters go along: `greenroom files copy` beforehand, a short last pass in the window.
[files.letters]
from = "../production/letters"
to = "../new-server/letters"

[switch]
strategy = "server-move"
name = "../new-server/clinic.db"
minutes = 30

# Programs learn where production is just before users are let in, and unlearn it when everything goes back.
[[switch.hook]]
name = "connection"
at = "accepted"
command = ["cp", "connection.new", "../production/connection.conf"]
undo = ["cp", "connection.old", "../production/connection.conf"]
"#;

/// Letters scanned before the move begins.
const LETTERS: u32 = 400;

/// Tells the story in a folder that was taken for it.
pub(super) async fn tell(place: &Place, clinic: Size, out: &Out) -> Result<(), DemoError> {
    let begin = Instant::now();
    let teller = Teller { out };
    build(place, clinic, &teller)?;
    let session = open(place, out)?;
    let connection = place.path(CONNECTION);
    let desk = Desk::wherever(move || fs::read_to_string(&connection).ok().map(|path| path.trim().into()));
    desk.works()?;
    prepared(place, &session, &teller).await?;
    refused(place, &session, &teller, &desk).await?;
    stays(place, &session, &teller, &desk).await?;
    teller.say(&format!("\nAll of it took {}. `greenroom demo server-migration` builds it anew.", seconds(millis(begin))))
}

fn build(place: &Place, clinic: Size, teller: &Teller<'_>) -> Result<(), DemoError> {
    teller.say("A family clinic gives up the server in its cellar: database and scanned letters move, the version stays. Nothing here is real; everything runs.\n")?;
    let path = place.path(PRODUCTION);
    let made = production::make(&path, clinic).map_err(|source| DemoError::Database { doing: "make the clinic's database", source })?;
    let bytes = fs::metadata(&path).map_err(file(format!("look at {}", path.display())))?.len();
    teller.say(&format!(
        "1. The old server: {} ({}, {} tables), which programs find by {}",
        path.display(),
        size(bytes),
        made.tables,
        place.path(CONNECTION).display()
    ))?;
    place.write(KIT)?;
    let kept: Vec<_> = PROGRAM.iter().filter(|(path, _)| !path.contains("/upgrade/") && !path.contains("/verify/")).copied().collect();
    place.write(&kept)?;
    place.append("clinic/greenroom.toml", MOVE)?;
    let absolute = |below: &str| -> Result<String, DemoError> {
        let root = place.shown.canonicalize().map_err(file(format!("find {}", place.shown.display())))?;
        Ok(format!("{}\n", root.join(below).display()))
    };
    for (to, database) in [(CONNECTION, PRODUCTION), ("clinic/connection.old", PRODUCTION), ("clinic/connection.new", NEW)] {
        put(&place.path(to), &absolute(database)?)?;
    }
    for n in 1..=LETTERS {
        letter(place, n)?;
    }
    fs::create_dir_all(place.path("new-server")).map_err(file("make the new server's folder".to_owned()))?;
    teller.say(&format!(
        "   {LETTERS} scanned letters in {}; the new server: {}",
        place.path("production/letters").display(),
        place.path("new-server").display()
    ))
}

/// A letter as a scanner leaves it: bytes of its own.
fn letter(place: &Place, n: u32) -> Result<(), DemoError> {
    let text: String = (0..200 + n % 37).map(|line| format!("letter {n}, line {line}: {}\n", (n * 31 + line * 17) % 9973)).collect();
    put(&place.path(&format!("production/letters/{:02}/letter-{n}.txt", n % 12)), &text)
}

fn put(path: &Path, text: &str) -> Result<(), DemoError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(file(format!("write {}", path.display())))
}

fn told(report: &TreeReport) -> String {
    format!("{} files, {} copied ({}), {} wrong", report.files, report.copied, size(report.copied_bytes), report.wrongs)
}

/// Chapter 2: what is done while people work.
async fn prepared(place: &Place, session: &Session, teller: &Teller<'_>) -> Result<(), DemoError> {
    let program = shown(&place.path("clinic"));
    teller.say(&format!("\n2. While people work\n   $ greenroom -C {program} files copy"))?;
    for report in session.copy_files(&[], Choice::default(), &mut |_, _| {})? {
        teller.say(&format!("   {}: {}", report.tree, told(&report)))?;
    }
    teller.say(&format!("   $ greenroom -C {program} dress"))?;
    dressed(session, teller, "the move").await?;
    prove(place, session, teller).await?;
    previewed(place, session, teller).await
}

/// Chapter 3: letters come in until the last moment; the testers refuse.
async fn refused(place: &Place, session: &Session, teller: &Teller<'_>, desk: &Desk) -> Result<(), DemoError> {
    letter(place, LETTERS + 1)?;
    fs::remove_file(place.path("production/letters/01/letter-1.txt")).map_err(file("remove a letter".to_owned()))?;
    teller.say("\n3. The window opens; a letter has come in since, and one was thrown away")?;
    let since = Instant::now();
    let id = switch(place, session, teller).await?;
    let run = session.find_run(Some(&id.0))?;
    for note in run.outcome_of(|a| matches!(a, greenroom_model::plan::Action::CopyFiles)).map(|o| o.notes.clone()).unwrap_or_default() {
        teller.say(&format!("   files, in the window: {note}"))?;
    }
    session.answer(Some(&id.0), "refuse")?;
    teller.say("   $ greenroom answer refuse && greenroom resume")?;
    match session.resume(Some(&id.0), false).await? {
        (_, Ended::Undone) => {}
        (_, ended) => return Err(off("the refused move was to go back", ended)),
    }
    desk.works()?;
    let missing = desk.missing(&place.path(PRODUCTION))?;
    let left = place.path(NEW).exists();
    teller.say(&format!(
        "   UNDONE: people work on the old server. The front desk could not write for {}; of {} entries that it was told are stored, {missing} are missing.",
        seconds(desk.longest_gap(since)),
        desk.entries().len()
    ))?;
    if missing == 0 && !left { Ok(()) } else { Err(off("nothing was to be missing, and nothing left", (missing, left))) }
}

/// Chapter 4: the testers accept.
async fn stays(place: &Place, session: &Session, teller: &Teller<'_>, desk: &Desk) -> Result<(), DemoError> {
    teller.say("\n4. Once more, and it stays")?;
    let since = Instant::now();
    let id = switch(place, session, teller).await?;
    session.answer(Some(&id.0), "accept")?;
    teller.say("   $ greenroom answer accept && greenroom resume")?;
    match session.resume(Some(&id.0), false).await? {
        (_, Ended::Finished) => {}
        (_, ended) => return Err(off("the accepted move was to end well", ended)),
    }
    desk.works()?;
    let missing = desk.missing(&place.path(NEW))?;
    let old = Connection::open_with_flags(place.path(PRODUCTION), OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(look)?;
    let shut = old.execute("DELETE FROM audit_log", []).is_err();
    teller.say(&format!(
        "   DONE: people work on the new server. The front desk could not write for {}; of {} entries that it was told are stored, {missing} are missing.",
        seconds(desk.longest_gap(since)),
        desk.entries().len()
    ))?;
    let program = shown(&place.path("clinic"));
    teller.say(&format!("   $ greenroom -C {program} files verify"))?;
    let reports = session.verify_files(&[], &mut |_, _| {})?;
    for report in &reports {
        teller.say(&format!("   {}: {} files, every byte compared, {} wrong", report.tree, report.files, report.wrongs))?;
    }
    teller.say(&format!(
        "   The old database stands where it stood, {}.",
        if shut { "fenced: nobody can write to it" } else { "open, which it must not be" }
    ))?;
    teller.say("\n5. What to look at next")?;
    for command in ["status", "run show", "files"] {
        teller.say(&format!("   $ greenroom -C {program} {command}"))?;
    }
    let whole = reports.iter().all(TreeReport::is_good);
    if missing == 0 && shut && whole { Ok(()) } else { Err(off("everything was to be on the new server, once", (missing, shut, whole))) }
}
