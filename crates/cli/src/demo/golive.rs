//! The story `production-upgrade`: the rehearsed upgrade goes live while the clinic's front desk keeps writing; the testers refuse once, and everything goes
//! back; then it stays. Every figure in it is measured or counted.

use super::desk::{Desk, look};
use super::folder::{Place, file};
use super::production::Size;
use super::story::{PILOT, PRODUCTION, Teller, build, millis, open, rehearse, shown};
use super::watch::seconds;
use super::{DemoError, Out};
use greenroom_model::run::RunId;
use greenroom_runner::execute::Ended;
use greenroom_runner::session::{Proved, Session};
use rusqlite::{Connection, OpenFlags};
use std::time::Instant;

/// What the go-live needs of the program beyond what a pilot needs.
const GO_LIVE: &str = "\n[dress]\nunmasked = true\n\n[quarantine]\npath = \"quarantine\"\n\n[switch]\nminutes = 30\n";

/// What the upgrade changes in production's own rows besides what it changes in masked ones.
const TOUCHED_TOO: (&str, &str) = ("\"note\", \"rating\"", "\"attachment\", \"note\", \"portal_account\", \"rating\"");

pub(super) fn off(what: &'static str, ended: impl std::fmt::Debug) -> DemoError {
    DemoError::OffScript { what, ended: format!("{ended:?}") }
}

/// Tells the story in a folder that was taken for it.
pub(super) async fn tell(place: &Place, clinic: Size, out: &Out) -> Result<(), DemoError> {
    let begin = Instant::now();
    let teller = Teller { out };
    build(place, clinic, &teller)?;
    place.mend()?;
    place.change("clinic/greenroom.toml", TOUCHED_TOO)?;
    place.append("clinic/greenroom.toml", GO_LIVE)?;
    let session = open(place, out)?;
    pilot(place, &session, &teller).await?;
    let desk = Desk::open(place.path(PRODUCTION));
    desk.works()?;
    proofs(place, &session, &teller).await?;
    refused(place, &session, &teller, &desk).await?;
    stays(place, &session, &teller, &desk).await?;
    teller.say(&format!("\nAll of it took {}. `greenroom demo production-upgrade` builds it anew.", seconds(millis(begin))))
}

/// Chapter 3: the pilot, on which people configure.
async fn pilot(place: &Place, session: &Session, teller: &Teller<'_>) -> Result<(), DemoError> {
    let program = shown(&place.path("clinic"));
    teller.say(&format!(
        "\n3. The pilot (how a first rehearsal fails and is mended tells `greenroom demo`)\n   $ greenroom -C {program} rehearse"
    ))?;
    match rehearse(session, teller).await? {
        (_, Ended::Finished, _) => {}
        (_, ended, _) => return Err(off("the rehearsal was to pass", ended)),
    }
    let c = Connection::open(place.path(PILOT)).map_err(look)?;
    c.execute_batch(
        "INSERT INTO programme (title, fee) VALUES ('Crisis intervention', 42.5); UPDATE notification SET active = 0 WHERE id = 1",
    )
    .map_err(look)?;
    teller.say("   People configure it: a new programme `Crisis intervention`, and notification 1 is switched off.")
}

/// Chapter 4: what a switch depends on.
async fn proofs(place: &Place, session: &Session, teller: &Teller<'_>) -> Result<(), DemoError> {
    let program = shown(&place.path("clinic"));
    teller.say(&format!("\n4. What has to be proved. The front desk works on meanwhile.\n   $ greenroom -C {program} dress"))?;
    dressed(session, teller, "the go-live").await?;
    prove(place, session, teller).await?;
    previewed(place, session, teller).await
}

/// Backs production up by SQLite's own means, and proves that it can be restored.
pub(super) async fn prove(place: &Place, session: &Session, teller: &Teller<'_>) -> Result<(), DemoError> {
    let program = shown(&place.path("clinic"));
    let backup = place.path("production/backup.db");
    let copy = format!("VACUUM INTO '{}'", backup.display().to_string().replace('\'', "''"));
    match std::fs::remove_file(&backup) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(file(format!("remove {}", backup.display()))(e)),
        _ => {}
    }
    Connection::open(place.path(PRODUCTION)).and_then(|c| c.execute_batch(&copy)).map_err(look)?;
    teller.say(&format!("   $ greenroom -C {program} prove {}", shown(&backup)))?;
    let found = session.recognise(&backup).await?;
    let (hash, plan) = session.plan_restore(&found, false).await?;
    match session.prove(hash, &plan).await? {
        Proved::Yes { point, .. } => {
            let took = seconds(point.millis);
            teller.say(&format!("   production can be restored from it: {} tables, {} rows read, in {took}", point.tables, point.rows))?;
        }
        Proved::No(_, ended) => return Err(off("the backup was to be restored", ended)),
    }
    Ok(())
}

/// A dress rehearsal, which has to pass.
pub(super) async fn dressed(session: &Session, teller: &Teller<'_>, what: &str) -> Result<(), DemoError> {
    let (hash, plan, _) = session.plan_dress(false).await?;
    match session.start(hash, &plan, false).await? {
        (id, Ended::Finished) => teller.say(&format!("   {id}: {what} was tried out with production's own rows, unmasked, and dropped")),
        (_, ended) => Err(off("the dress rehearsal was to pass", ended)),
    }
}

/// What the go-live depends on: nothing may refuse it.
pub(super) async fn previewed(place: &Place, session: &Session, teller: &Teller<'_>) -> Result<(), DemoError> {
    let program = shown(&place.path("clinic"));
    teller.say(&format!("   $ greenroom -C {program} switch --preview"))?;
    let preview = session.switch_preview(false, false).await?;
    for guard in &preview.guards {
        let mark = if guard.passes() { "ok" } else { "no" };
        teller.say(&format!("   {mark}  {}: {}", guard.what, guard.found.as_deref().unwrap_or("not asked")))?;
    }
    if preview.passes() { Ok(()) } else { Err(off("nothing was to refuse the switch", preview.guards)) }
}

/// Plans and drives a switch until the testers are asked.
pub(super) async fn switch(place: &Place, session: &Session, teller: &Teller<'_>) -> Result<RunId, DemoError> {
    teller.say(&format!("   $ greenroom -C {} switch --now", shown(&place.path("clinic"))))?;
    let (hash, plan, _) = session.plan_switch(false, false).await?;
    match session.start(hash, &plan, false).await? {
        (id, Ended::Waiting(_, question)) => {
            teller.say(&format!("   {id} asks: {}", question.text))?;
            Ok(id)
        }
        (_, ended) => Err(off("the switch was to ask the testers", ended)),
    }
}

/// Chapter 5: the testers refuse.
async fn refused(place: &Place, session: &Session, teller: &Teller<'_>, desk: &Desk) -> Result<(), DemoError> {
    teller.say("\n5. The window opens")?;
    let since = Instant::now();
    let id = switch(place, session, teller).await?;
    session.answer(Some(&id.0), "refuse")?;
    teller.say("   $ greenroom answer refuse && greenroom resume")?;
    match session.resume(Some(&id.0), false).await? {
        (_, Ended::Undone) => {}
        (_, ended) => return Err(off("the refused switch was to go back", ended)),
    }
    desk.works()?;
    let missing = desk.missing(&place.path(PRODUCTION))?;
    teller.say(&format!(
        "   UNDONE: production has its name back. The front desk could not write for {}; of {} entries that it was told are stored, {missing} are missing.",
        seconds(desk.longest_gap(since)),
        desk.entries().len()
    ))?;
    if missing == 0 { Ok(()) } else { Err(off("nothing was to be missing", missing)) }
}

/// Chapter 6: the testers accept.
async fn stays(place: &Place, session: &Session, teller: &Teller<'_>, desk: &Desk) -> Result<(), DemoError> {
    teller.say("\n6. Once more, and it stays")?;
    let since = Instant::now();
    let id = switch(place, session, teller).await?;
    session.answer(Some(&id.0), "accept")?;
    teller.say("   $ greenroom answer accept && greenroom resume")?;
    match session.resume(Some(&id.0), false).await? {
        (_, Ended::Finished) => {}
        (_, ended) => return Err(off("the accepted switch was to end well", ended)),
    }
    desk.works()?;
    let path = place.path(PRODUCTION);
    let missing = desk.missing(&path)?;
    let c = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(look)?;
    let text = |sql: &str| c.query_row(sql, [], |r| r.get::<_, String>(0)).map_err(look);
    teller.say(&format!(
        "   DONE: users work in version {}. The front desk could not write for {}; of {} entries that it was told are stored, {missing} are missing.",
        text("SELECT value FROM setting WHERE key = 'product.version'")?,
        seconds(desk.longest_gap(since)),
        desk.entries().len()
    ))?;
    let configured = text("SELECT count(*) || '' FROM programme WHERE title = 'Crisis intervention'")?;
    let masked = text("SELECT count(*) || '' FROM client WHERE email LIKE '%.invalid'")?;
    teller.say(&format!("   `Crisis intervention` is in it ({configured}), addresses made up for the pilot are not ({masked})."))?;
    let run = session.find_run(Some(&id.0))?;
    let former = run.outcome_of(|a| matches!(a, greenroom_model::plan::Action::Swap)).and_then(|o| o.facts.get("former"));
    if let Some(former) = former {
        let former = former.trim_start_matches("../");
        teller.say(&format!("   The former production stands beside it, fenced and unchanged: {}", place.path(former).display()))?;
    }
    let program = shown(&place.path("clinic"));
    teller.say("\n7. What to look at next")?;
    for command in ["status", "run show", "runs"] {
        teller.say(&format!("   $ greenroom -C {program} {command}"))?;
    }
    if missing == 0 && configured == "1" && masked == "0" {
        Ok(())
    } else {
        Err(off("everything was to be in the new production", (missing, configured, masked)))
    }
}
