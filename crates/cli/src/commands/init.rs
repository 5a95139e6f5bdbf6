//! `greenroom init`: writes a program from a real database.

mod files;

use super::password::PasswordArgs;
use super::{Done, columns};
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::render::style::{GOOD, WARN, paint};
use crate::render::words;
use crate::templates::Template;
use clap::{Args, ValueEnum};
use greenroom_engine::secret::Secrets;
use greenroom_model::catalog::{Catalog, EngineKind};
use greenroom_model::columns::Samples;
use greenroom_model::columns::names::find_table;
use greenroom_model::finding::any_error;
use greenroom_model::program::write::{NewProgram, ProposedKind, new_program};
use greenroom_model::program::{Address, Layer, Program, SecretRef, parse};
use greenroom_runner::secrets::LocalSecrets;
use greenroom_runner::workspace::Workspace;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Write a new program from the production database, with proposed decisions
///
/// Connects, reads the schema and a small sample of each table (never stored), and writes a commented program into the folder. Nothing is
/// written if any of its files is there already. Without flags it asks.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  greenroom init                                                  asks
  greenroom init --engine sqlite --source /srv/app/app.db
  greenroom -C clinic init --engine postgres --source db.example --database clinic --user greenroom --password-env CLINIC_PW
  greenroom init --engine mssql --source db.example --port 1433 --database Clinic --user greenroom --password-env CLINIC_PW
  greenroom init --engine sqlite --source app.db --extends ../kit-5
  greenroom init --engine sqlite --source app.db --template audited-migration

Passwords never stand on the command line: name where they come from.")]
pub struct InitArgs {
    /// The engine of the production database
    #[arg(long)]
    engine: Option<Engine>,
    /// SQLite: the database file; servers: the host (or the socket, or its folder)
    #[arg(long, value_name = "FILE|HOST")]
    source: Option<String>,
    /// Servers: the host, in other words for `--source`
    #[arg(long, conflicts_with = "source")]
    host: Option<String>,
    /// Servers: the port
    #[arg(long)]
    port: Option<u16>,
    /// Servers: the database
    #[arg(long)]
    database: Option<String>,
    /// Servers: the login
    #[arg(long)]
    user: Option<String>,
    #[command(flatten)]
    password: PasswordArgs,
    /// The pilot: a database name (servers) or a file (SQLite), relative to the program's folder
    #[arg(long)]
    pilot: Option<String>,
    /// The program's name: at most 32 of a-z, 0-9, `_` and `-`
    #[arg(long)]
    name: Option<String>,
    /// Folder of a kit, relative to the program's folder
    #[arg(long, value_name = "DIR")]
    extends: Option<String>,
    /// Write the people, stages, gates and tasks of a procedure, too: `process.toml`, to be adapted
    #[arg(long, value_enum, value_name = "NAME")]
    template: Option<Template>,
    /// Query that returns the product's version
    #[arg(long, value_name = "SQL")]
    version_query: Option<String>,
}

/// An engine on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// A SQLite file
    Sqlite,
    /// A PostgreSQL database
    Postgres,
    /// A database of MariaDB or MySQL
    #[value(alias = "mariadb")]
    Mysql,
    /// A database of SQL Server, Azure SQL or Babelfish
    #[value(alias = "sqlserver")]
    Mssql,
}

#[derive(Serialize)]
struct Written {
    program: String,
    folder: PathBuf,
    files: Vec<String>,
    tables: usize,
    columns: usize,
    undecided: usize,
    kinds: usize,
}

pub async fn cmd_init(app: &App, args: InitArgs) -> Done {
    std::fs::create_dir_all(&app.folder).map_err(CliError::io(format!("create {}", app.folder.display())))?;
    let folder = std::fs::canonicalize(&app.folder).map_err(CliError::io(format!("open {}", app.folder.display())))?;
    files::none_there(&folder)?;
    let address = address(app, &args, &folder)?;
    let secrets = LocalSecrets::new(&folder, App::prompt());
    let (catalog, samples) = look(&address, &secrets, &folder).await?;
    if catalog.tables.is_empty() {
        let hint = "see that the address names the database that is meant, and that the login may read its tables";
        return Err(CliError::missing("the database has no tables: there is nothing to write a program for", hint));
    }
    let name = name(app, &args, &folder)?;
    let pilot = pilot(app, &args, &address)?;
    let new = NewProgram {
        name,
        extends: args.extends.clone(),
        source: address,
        target: None,
        pilot,
        version_query: args.version_query.clone(),
        catalog: &catalog,
        kinds: Vec::new(),
        columns: Vec::new(),
    };
    let new = propose(new, &folder, &samples)?;
    let undecided = new.columns.iter().filter(|c| c.decision.is_none()).count();
    let mut texts = new_program(&new);
    if let Some(template) = args.template {
        with_template(&mut texts, template);
    }
    files::write(&folder, &texts)?;
    files::ignore(&folder, &new)?;
    // Only for naming later which columns were retyped: without it a finding says less.
    let _ = Workspace::open(&folder).and_then(|w| w.remember_schema(&catalog));
    let written = Written {
        program: new.name.clone(),
        folder,
        files: texts.into_iter().map(|(path, _)| path).collect(),
        tables: catalog.tables.len(),
        columns: new.columns.len(),
        undecided,
        kinds: new.kinds.len(),
    };
    app.result(&written, text)?;
    Ok(Exit::Ok)
}

/// Adds a template's files: its process, and what it needs of greenroom.toml, not in force yet.
fn with_template(texts: &mut Vec<(String, String)>, template: Template) {
    let files = template.files();
    for (_, text) in texts.iter_mut().filter(|(path, _)| path == "greenroom.toml") {
        let lines = files.program.lines().map(|l| if l.is_empty() || l.starts_with('#') { format!("{l}\n") } else { format!("# {l}\n") });
        let needs: String = lines.collect();
        text.push_str(&format!(
            "\n# What the template `{}` needs, with values for embedded SQLite: adapt it and remove the `#`.\n\n{needs}",
            template.name()
        ));
    }
    // The last file is written first: greenroom.toml stays the sign that all are there.
    texts.push(("process.toml".to_owned(), files.process.to_owned()));
}

async fn look(address: &Address, secrets: &dyn Secrets, folder: &Path) -> Result<(Catalog, Samples), CliError> {
    let mut source = greenroom_engine::source(address, secrets, folder).await?;
    columns::look(source.as_mut()).await
}

/// A value from its flag, or from a person, who is asked again when the answer will not do.
fn or_ask<T>(
    app: &App,
    given: Option<String>,
    question: &str,
    flag: &str,
    read: impl Fn(String) -> Result<T, CliError>,
) -> Result<T, CliError> {
    if let Some(value) = given {
        return read(value);
    }
    let missing =
        || CliError::usage(format!("`{flag}` is missing, and nobody can be asked here"), "`greenroom init --help` shows examples");
    if !app.can_ask() {
        return Err(missing());
    }
    loop {
        let Some(answer) = app.ask(question)? else { return Err(missing()) };
        if answer.is_empty() {
            continue;
        }
        match read(answer) {
            Ok(value) => return Ok(value),
            Err(e) => app.say(e.report().text(&[], false).trim_end()),
        }
    }
}

fn address(app: &App, args: &InitArgs, folder: &Path) -> Result<Address, CliError> {
    let engine = match args.engine {
        Some(e) => e,
        None => {
            let read = |word: String| {
                Engine::from_str(&word, true)
                    .map_err(|_| CliError::usage(format!("`{word}` is no engine"), "say `sqlite`, `postgres`, `mysql` or `mssql`"))
            };
            or_ask(app, None, "engine of the production database (sqlite, postgres, mysql or mssql):", "--engine", read)?
        }
    };
    if engine == Engine::Sqlite {
        let path = or_ask(app, args.source.clone(), "database file:", "--source", |file| from_folder(&home(file), folder))?;
        return Ok(Address { path: Some(path), ..empty(EngineKind::Sqlite) });
    }
    let no_url = |host: String| match host.contains("://") || host.contains('@') {
        true => Err(CliError::usage("`--source` takes a host, not a URL", "use `--database`, `--user`, `--port` and `--password-env`")),
        false => Ok(host),
    };
    let no_instance = |host: String| match host.contains(['\\', ',']) && engine == Engine::Mssql {
        true => Err(CliError::usage("`--source` takes a host alone", "name an instance by its port: `--port`")),
        false => no_url(host),
    };
    let asked = if engine == Engine::Mssql { "host:" } else { "host (or socket):" };
    let host = or_ask(app, args.source.clone().or_else(|| args.host.clone()), asked, "--source", no_instance)?;
    let database = or_ask(app, args.database.clone(), "database:", "--database", Ok)?;
    let user = match &args.user {
        None if app.can_ask() => app.ask("login (empty: your own):")?.filter(|u| !u.is_empty()),
        user => user.clone(),
    };
    let mut password = args.password.reference();
    if password.is_none() && app.can_ask() && args.engine.is_none() {
        let name = app.ask("environment variable with the password (empty: none needed, `?`: ask each time):")?;
        password = match name.as_deref() {
            None | Some("") => None,
            Some("?") => Some(SecretRef::Prompt(true)),
            Some(name) => Some(SecretRef::Env(name.to_owned())),
        };
    }
    let (host, database) = (Some(host), Some(database));
    let kind = match engine {
        Engine::Mssql => EngineKind::Mssql,
        Engine::Mysql => EngineKind::Mysql,
        Engine::Sqlite | Engine::Postgres => EngineKind::Postgres,
    };
    Ok(Address { host, database, user, password, port: args.port, ..empty(kind) })
}

fn empty(engine: EngineKind) -> Address {
    Address { engine, path: None, host: None, port: None, database: None, user: None, password: None, tls: None }
}

/// At a prompt no shell turns `~` into the home folder.
fn home(file: String) -> String {
    match (file.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => file,
    }
}

/// A file as the program names it: relative to its folder where the two are near, else absolute.
fn from_folder(file: &str, folder: &Path) -> Result<String, CliError> {
    let hint = "give the path of an existing SQLite database";
    let path = std::fs::canonicalize(file).map_err(|e| CliError::missing(format!("could not open `{file}`: {e}"), hint))?;
    if !path.is_file() {
        return Err(CliError::missing(format!("`{file}` is no file"), hint));
    }
    let Some(text) = path.to_str() else {
        return Err(CliError::missing(format!("the path of `{file}` is not UTF-8"), "give the database a path that is"));
    };
    let near = [Some(folder), folder.parent()].into_iter().flatten().enumerate();
    for (up, base) in near.filter(|(_, b)| b.parent().is_some()) {
        if let Some(rest) = path.strip_prefix(base).ok().and_then(Path::to_str) {
            return Ok(format!("{}{rest}", "../".repeat(up)));
        }
    }
    Ok(text.to_owned())
}

/// The program's name: as given, or made from the folder's.
fn name(app: &App, args: &InitArgs, folder: &Path) -> Result<String, CliError> {
    let read = |name: String| {
        let fits =
            (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        match fits {
            true => Ok(name),
            false => Err(CliError::usage(format!("`{name}` is no name for a program"), "use at most 32 of a-z, 0-9, `_` and `-`")),
        }
    };
    if let Some(name) = &args.name {
        return read(name.clone());
    }
    let from = folder.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let clean: String =
        from.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' { c } else { '_' }).take(32).collect();
    let guess = clean.trim_matches('_').to_owned();
    if guess.is_empty() {
        return or_ask(app, None, "name of the program:", "--name", read);
    }
    Ok(guess)
}

fn pilot(app: &App, args: &InitArgs, address: &Address) -> Result<String, CliError> {
    if let Some(pilot) = &args.pilot {
        return Ok(pilot.clone());
    }
    let guess = match (&address.path, &address.database) {
        (Some(path), _) => {
            let stem = Path::new(path).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            format!("{stem}-pilot.db")
        }
        (None, Some(database)) => format!("{database}_pilot"),
        (None, None) => "pilot".to_owned(),
    };
    if args.engine.is_none() && app.can_ask() {
        return Ok(app.ask(&format!("name of the pilot (empty: {guess}):"))?.filter(|p| !p.is_empty()).unwrap_or(guess));
    }
    Ok(guess)
}

/// Adds proposed kinds and decisions for what the kit, if there is one, does not say.
fn propose<'a>(mut new: NewProgram<'a>, folder: &Path, samples: &Samples) -> Result<NewProgram<'a>, CliError> {
    let kit = understood(&new, folder)?;
    let said =
        |t: &greenroom_model::catalog::TableName| kit.kinds.iter().any(|k| find_table(new.catalog, &k.table).is_some_and(|x| x.name == *t));
    let proposals = greenroom_model::columns::propose(new.catalog, samples);
    let kinds = proposals.into_iter().filter(|p| !said(&p.table)).filter_map(|p| {
        let (kind, why) = p.kind?;
        Some(ProposedKind { table: p.table, kind, keep_days: None, why })
    });
    new.kinds = kinds.collect();
    let with_kinds = understood(&new, folder)?;
    new.columns = columns::undecided(&with_kinds, new.catalog, samples, None);
    Ok(new)
}

/// The program as it would be understood now, over its kit.
fn understood(new: &NewProgram<'_>, folder: &Path) -> Result<Program, CliError> {
    let mut layers = Vec::new();
    if let Some(kit) = &new.extends {
        let path = folder.join(kit);
        let mut loaded = greenroom_runner::files::load(&path, None).map_err(|e| {
            CliError::missing(format!("could not read the kit `{kit}`: {e}"), "`--extends` names a folder, relative to the program's")
        })?;
        if let Some(last) = loaded.layers.last_mut() {
            last.name = loaded.folder.file_name().map_or_else(|| "kit".into(), |n| n.to_string_lossy().into_owned());
        }
        if any_error(&loaded.findings) {
            return Err(CliError::Program { findings: loaded.findings, layers: loaded.layers });
        }
        layers = loaded.layers;
    }
    let files = new_program(new).into_iter().collect();
    layers.push(Layer { name: "program".into(), files, ..Layer::default() });
    match parse(&layers) {
        (Some(program), _) => Ok(program),
        (None, findings) => Err(CliError::Program { findings, layers }),
    }
}

fn text(w: &Written) -> String {
    let mut out = format!("{}: wrote the program `{}` into {}\n", paint(GOOD, "ok"), w.program, w.folder.display());
    w.files.iter().for_each(|f| out.push_str(&format!("  {f}\n")));
    out.push_str(&format!(
        "\n{}; {} decided by proposal",
        words::count(w.tables as u64, "table"),
        words::count((w.columns - w.undecided) as u64, "column")
    ));
    if w.kinds > 0 {
        out.push_str(&format!("; kinds proposed for {}", words::count(w.kinds as u64, "table")));
    }
    out.push('\n');
    if w.undecided > 0 {
        let what = words::count(w.undecided as u64, "column");
        out.push_str(&format!("{}: {what} still to be decided by a person: the lines with `= ?` in columns.toml\n", paint(WARN, "open")));
    }
    out.push_str("\nNext\n");
    out.push_str("  read columns.toml     the proposals are guesses: people decide\n");
    out.push_str("  read greenroom.toml   kinds of tables, the pilot's name, who is let in\n");
    out.push_str("  upgrade/              put the vendor's scripts here\n");
    if w.files.iter().any(|f| f == "process.toml") {
        out.push_str("  read process.toml     people, stages, gates and tasks of the procedure: adapt names, dates, roles\n");
    }
    out.push_str("  greenroom check       says what is missing\n");
    out
}
