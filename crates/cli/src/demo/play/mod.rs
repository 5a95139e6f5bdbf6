//! Plays of the templates: people of several companies type commands over months that a simulated clock passes in seconds; everything else is real. Every command is the
//! one that a person would type; what it prints is what is told. Owns performing; does not own the plays (`crate::templates`).

mod script;

use super::desk::{Desk, look};
use super::files::{KIT, PROGRAM};
use super::folder::{Place, file};
use super::production::{self, Size};
use super::story::{PRODUCTION, Teller, millis, shown};
use super::watch::seconds;
use super::{DemoError, Out};
use crate::app::{App, Simulation};
use crate::commands::record::{covered_by, covered_table};
use crate::commands::{self, Arguments};
use crate::templates::Template;
use clap::Parser;
use greenroom_runner::planning::size;
use greenroom_runner::ports::SimulatedClock;
use jiff::tz::TimeZone;
use rusqlite::Connection;
use script::{Ends, Happens, Typed};
use secrecy::ExposeSecret;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

/// What the upgrade changes in production's own rows besides what it changes in masked ones.
const TOUCHED_TOO: (&str, &str) = ("\"note\", \"rating\"", "\"attachment\", \"note\", \"portal_account\", \"rating\"");

/// A play under way.
struct Stage<'a> {
    place: &'a Place,
    teller: Teller<'a>,
    template: Template,
    clinic: Size,
    zone: TimeZone,
    clock: Arc<SimulatedClock>,
    desk: Option<Desk>,
    begun: Instant,
    chapters: u32,
    line: (usize, String),
}

/// Plays a template in a folder that was taken for it.
pub(super) async fn tell(place: &Place, template: Template, clinic: Size, out: &Out) -> Result<(), DemoError> {
    let text = template.files().play;
    let wrong = |(line, text): (usize, String)| DemoError::Play { line, text, ended: "the line says nothing that can happen".into() };
    let happens = script::read(text).map_err(wrong)?;
    let zone = TimeZone::get("Europe/Warsaw").map_err(|e| DemoError::Play { line: 0, text: "time zone".into(), ended: e.to_string() })?;
    let first = happens.iter().find_map(|(_, h)| if let Happens::Clock(at) = h { Some(*at) } else { None }).unwrap_or_default();
    // A little before: the clock is never set back.
    let begin = first.to_zoned(zone.clone()).map(|z| z.timestamp() - jiff::SignedDuration::from_mins(1)).unwrap_or_default();
    let mut stage = Stage {
        place,
        teller: Teller { out },
        template,
        clinic,
        zone,
        clock: Arc::new(SimulatedClock::at(begin)),
        desk: None,
        begun: Instant::now(),
        chapters: 0,
        line: (0, String::new()),
    };
    stage.teller.say(&format!(
        "The template `{}`, played to its end. SIMULATED: dates and people are made up, and so is the clinic; everything runs.",
        template.name()
    ))?;
    for (n, happens) in happens {
        stage.line = (n, text.lines().nth(n - 1).unwrap_or_default().trim().to_owned());
        stage.happens(happens).await?;
    }
    stage.ends()
}

impl Stage<'_> {
    fn off(&self, ended: impl Into<String>) -> DemoError {
        DemoError::Play { line: self.line.0, text: self.line.1.clone(), ended: ended.into() }
    }

    fn say(&self, text: &str) -> Result<(), DemoError> {
        self.teller.say(&format!("   {text}"))
    }

    async fn happens(&mut self, happens: Happens) -> Result<(), DemoError> {
        match happens {
            Happens::Chapter(title) => {
                self.chapters += 1;
                self.teller.say(&format!("\n{}. {title}", self.chapters))
            }
            Happens::Told(text) => self.say(&text),
            Happens::Clock(at) => {
                let to = at.to_zoned(self.zone.clone()).map(|z| z.timestamp()).map_err(|e| self.off(e.to_string()))?;
                if !self.clock.forward(to) {
                    return Err(self.off("the clock would go back"));
                }
                self.say(&format!("-- {}", at.strftime("%A, %-d %B %Y, %H:%M")))
            }
            Happens::Clinic { upgraded } => self.build(upgraded),
            Happens::Typed(typed) => self.typed(typed).await,
            Happens::Sql { file, sql } => {
                let c = Connection::open(self.place.path(&file)).map_err(look)?;
                let sql = sql.replace("DEMO", &self.place.shown.display().to_string());
                c.busy_timeout(std::time::Duration::from_secs(5)).and_then(|()| c.execute_batch(&sql)).map_err(look)?;
                self.say(&format!("in {file}: {sql}"))
            }
            Happens::Sees { file, query, value } => {
                let c = Connection::open(self.place.path(&file)).map_err(look)?;
                let found: rusqlite::types::Value = c.query_row(&query, [], |r| r.get(0)).map_err(look)?;
                let found = match found {
                    rusqlite::types::Value::Integer(n) => n.to_string(),
                    rusqlite::types::Value::Text(t) => t,
                    other => format!("{other:?}"),
                };
                self.say(&format!("in {file}: {query} gives {found}"))?;
                if found == value { Ok(()) } else { Err(self.off(format!("it gives {found}"))) }
            }
            Happens::Put { file, text } => {
                put(&self.place.path(&file), &text)?;
                self.say(&format!("{file} is written"))
            }
            Happens::Change { file, was, becomes, everywhere } => {
                let path = self.place.path(&file);
                let text = fs::read_to_string(&path).map_err(super::folder::file(format!("read {}", path.display())))?;
                let found = text.matches(&was).count();
                if found == 0 || (found > 1 && !everywhere) {
                    return Err(self.off("the file does not say that once"));
                }
                put(&path, &text.replace(&was, &becomes))?;
                self.say(&format!("in {file}, `{was}` becomes `{}`", becomes.replace('\n', " ")))
            }
            Happens::Remove(path) => {
                let at = self.place.path(&path);
                let removed = if at.is_dir() { fs::remove_dir_all(&at) } else { fs::remove_file(&at) };
                removed.map_err(super::folder::file(format!("remove {path}")))?;
                self.say(&format!("$ rm -r {path}"))
            }
            Happens::Gone(path) => match self.place.path(&path).exists() {
                false => self.say(&format!("{path} is gone")),
                true => Err(self.off("it stands there")),
            },
            Happens::Run { script, file } => {
                let path = self.place.path(&script);
                let text = fs::read_to_string(&path).map_err(super::folder::file(format!("read {}", path.display())))?;
                // Lines with a dot are for the client program.
                let text: Vec<&str> = text.lines().filter(|l| !l.starts_with('.')).collect();
                Connection::open(self.place.path(&file)).and_then(|c| c.execute_batch(&text.join("\n"))).map_err(look)?;
                self.say(&format!("$ sqlite3 {file} < {script}"))
            }
            Happens::Identity { file, placeholder } => {
                let identity = age::x25519::Identity::generate();
                let path = self.place.path("clinic/process.toml");
                let text = fs::read_to_string(&path).map_err(super::folder::file(format!("read {}", path.display())))?;
                let line = format!("# recipients = [\"{placeholder}\"]");
                if text.matches(&line).count() != 1 {
                    return Err(self.off("process.toml has no such place"));
                }
                put(&path, &text.replace(&line, &format!("recipients = [\"{}\"]", identity.to_public())))?;
                let key = self.place.path(&file);
                put(&key, &format!("{}\n", identity.to_string().expose_secret()))?;
                let owner = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
                fs::set_permissions(&key, owner).map_err(super::folder::file(format!("keep {file} to its owner")))?;
                self.say(&format!("$ age-keygen -o {file}; its recipient stands in process.toml now"))
            }
            Happens::Copy { from, to } => {
                fs::copy(self.place.path(&from), self.place.path(&to)).map(drop).map_err(super::folder::file(format!("copy {from}")))?;
                self.say(&format!("$ cp {from} {to}"))
            }
            Happens::Upgrade(path) => {
                let c = Connection::open(self.place.path(&path)).map_err(look)?;
                let folder = self.place.path("clinic/upgrade");
                let read = |e: std::io::Error| super::folder::file(format!("read {}", folder.display()))(e);
                let entries: Result<Vec<PathBuf>, _> = fs::read_dir(&folder).map_err(read)?.map(|e| e.map(|e| e.path())).collect();
                let mut scripts = entries.map_err(read)?;
                scripts.retain(|p| p.extension().is_some_and(|e| e == "sql"));
                scripts.sort();
                for script in &scripts {
                    c.execute_batch(&fs::read_to_string(script).map_err(read)?).map_err(look)?;
                }
                self.say(&format!("{path} was upgraded by its vendor: {} scripts", scripts.len()))
            }
            Happens::Desk(path) => self.desk(self.place.path(&path)),
            Happens::Kept(path) => self.kept(&path),
        }
    }

    fn build(&self, upgraded: bool) -> Result<(), DemoError> {
        let place = self.place;
        let path = place.path(PRODUCTION);
        let made =
            production::make(&path, self.clinic).map_err(|source| DemoError::Database { doing: "make the clinic's database", source })?;
        let bytes = fs::metadata(&path).map_err(file(format!("look at {}", path.display())))?.len();
        place.write(KIT)?;
        let wanted = |path: &&str| upgraded || !(path.contains("/upgrade/") || path.contains("/verify/"));
        let own: Vec<_> = PROGRAM.iter().filter(|(path, _)| wanted(path)).copied().collect();
        place.write(&own)?;
        if upgraded {
            place.mend()?;
            place.change("clinic/greenroom.toml", TOUCHED_TOO)?;
        }
        let files = self.template.files();
        place.append("clinic/greenroom.toml", &format!("\n{}", files.program))?;
        put(&place.path("clinic/process.toml"), files.process)?;
        // Where programs find the database: what moves it points them elsewhere.
        let root = place.shown.canonicalize().map_err(file(format!("find {}", place.shown.display())))?;
        let connection = |to: &str, below: &str| put(&place.path(to), &format!("{}\n", root.join(below).display()));
        connection("production/connection.conf", PRODUCTION)?;
        connection("clinic/connection.old", PRODUCTION)?;
        connection("clinic/connection.new", "new-server/clinic.db")?;
        fs::create_dir_all(place.path("new-server")).map_err(file("make the new server's folder".to_owned()))?;
        for n in 1..=60_u32 {
            let text: String = (0..40 + n % 37).map(|line| format!("letter {n}, line {line}: {}\n", (n * 31 + line * 17) % 9973)).collect();
            put(&place.path(&format!("production/letters/{:02}/letter-{n}.txt", n % 12)), &text)?;
        }
        self.say(&format!("{}: {}, {} tables, {} clients", path.display(), size(bytes), made.tables, made.clients))?;
        self.say(&format!("{}: the program, with the template's process.toml", place.path("clinic").display()))
    }

    async fn typed(&mut self, typed: Typed) -> Result<(), DemoError> {
        let words: Vec<String> = typed.words.iter().map(|w| w.replace("DEMO", &self.place.shown.display().to_string())).collect();
        let typed_as = words.iter().map(|w| shown(Path::new(w))).collect::<Vec<_>>().join(" ");
        self.say(&format!("{}$ greenroom {typed_as}", typed.who))?;
        let folder = self.place.path("clinic").display().to_string();
        let all = ["greenroom", "-C", &folder, "--quiet"].into_iter().chain(words.iter().map(String::as_str));
        let arguments = Arguments::try_parse_from(all).map_err(|e| self.off(e.to_string()))?;
        let simulation = Simulation { clock: self.clock.clone(), login: typed.who, printed: Arc::default() };
        let app = App::simulated(&arguments.global, simulation.clone());
        // Boxed: `demo` is a command itself.
        let ended = Box::pin(commands::run(&app, arguments.command)).await;
        let (code, refused): (u8, Vec<String>) = match ended {
            Ok(exit) => (exit.code(), Vec::new()),
            Err(e) => {
                let report = e.report();
                app.fail(&e);
                (report.exit.code(), report.code.into_iter().chain(report.findings.iter().map(|f| f.code.to_string())).collect())
            }
        };
        let printed = std::mem::take(&mut *simulation.printed.lock().unwrap_or_else(PoisonError::into_inner));
        let fits = match &typed.ends {
            Ends::Code(wanted) => *wanted == code,
            Ends::Refused(wanted) => refused.contains(wanted),
        };
        let most = if fits { typed.shown } else { usize::MAX };
        let lines: Vec<&str> = printed.lines().filter(|l| !l.trim().is_empty()).collect();
        for line in lines.iter().take(most) {
            self.say(&format!("  {line}"))?;
        }
        if lines.len() > most && most > 1 {
            self.say(&format!("  … and {} more lines", lines.len() - most))?;
        }
        if fits { Ok(()) } else { Err(self.off(format!("it ended with exit code {code}"))) }
    }

    fn desk(&mut self, path: PathBuf) -> Result<(), DemoError> {
        let desk = match path.extension().is_some_and(|e| e == "conf") {
            true => Desk::wherever(move || fs::read_to_string(&path).ok().map(|path| path.trim().into())),
            false => Desk::open(path),
        };
        desk.works()?;
        self.desk = Some(desk);
        self.begun = Instant::now();
        self.say("the front desk writes on, whatever happens")
    }

    fn kept(&mut self, path: &str) -> Result<(), DemoError> {
        let Some(desk) = &self.desk else { return Err(self.off("no front desk writes")) };
        desk.works()?;
        let missing = desk.missing(&self.place.path(path))?;
        let gap = seconds(desk.longest_gap(self.begun));
        let all = desk.entries().len();
        self.say(&format!(
            "the front desk works in {path}; it could not write for {gap}; of {all} entries that it was told are stored, {missing} are missing"
        ))?;
        self.begun = Instant::now();
        if missing == 0 { Ok(()) } else { Err(self.off("entries are missing")) }
    }

    /// Which requirements were shown, and by which events of the record.
    fn ends(&mut self) -> Result<(), DemoError> {
        self.desk = None;
        self.line.1 = "the end".into();
        let arguments = Arguments::try_parse_from(["greenroom", "-C", &self.place.path("clinic").display().to_string(), "record"]);
        let global = arguments.map_err(|e| self.off(e.to_string()))?.global;
        let simulation = Simulation { clock: self.clock.clone(), login: "audience".into(), printed: Arc::default() };
        let session = App::simulated(&global, simulation).session().map_err(|e| self.off(format!("{:?}", e.report())))?;
        let covered = covered_by(&session, &session.events()?)?;
        let program = shown(&self.place.path("clinic"));
        self.teller.say(&format!(
            "\n{}. What was shown, by row of REQUIREMENTS.md, and where\n   $ greenroom -C {program} record covered",
            self.chapters + 1
        ))?;
        covered_table(&covered).lines().try_for_each(|line| self.say(&anstream::adapter::strip_str(line).to_string()))?;
        let open: Vec<&str> = covered.iter().filter(|(_, by)| by.iter().all(|s| s.events.is_empty())).map(|(id, _)| id.as_str()).collect();
        if !open.is_empty() {
            return Err(self.off(format!("nothing on record shows {}", open.join(", "))));
        }
        for command in ["stage", "record", "record verify", "night", "status"] {
            self.say(&format!("$ greenroom -C {program} {command}"))?;
        }
        self.teller.say(&format!(
            "\nAll of it took {}. `greenroom demo {}` builds it anew.",
            seconds(millis(self.begun_at())),
            self.template.name()
        ))
    }

    fn begun_at(&self) -> Instant {
        self.place.taken
    }
}

fn put(path: &Path, text: &str) -> Result<(), DemoError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(file(format!("write {}", path.display())))
}
