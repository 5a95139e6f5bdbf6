//! The files of a new program.

use super::toml_text::{comment, inline, key, string, table, value};
use super::{NewProgram, ProposedKind, columns_toml};
use crate::catalog::{EngineKind, TableForm};
use crate::program::{Address, Kind, SecretRef, Tls};

/// Renders a new program: paths and texts, `greenroom.toml` first.
pub fn new_program(input: &NewProgram<'_>) -> Vec<(String, String)> {
    let engine = input.catalog.engine;
    let files = [
        ("greenroom.toml", main_file(input)),
        ("columns.toml", columns_toml(engine, input.catalog.columns_fingerprint(), &input.columns)),
        ("packs/example.toml", PACK.to_owned()),
        ("upgrade/README.md", UPGRADE.to_owned()),
        ("verify/example.sql", VERIFY.to_owned()),
    ];
    files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect()
}

fn main_file(input: &NewProgram<'_>) -> String {
    let engine = input.catalog.engine;
    let mut out = String::from(
        "# A Greenroom program. `greenroom check` says what is missing; `greenroom schema` describes every key for your editor.\n\n",
    );
    out.push_str(&format!("[program]\nname = {}\n", string(&input.name)));
    match &input.extends {
        Some(kit) => out.push_str(&format!("extends = {}\n", string(kit))),
        None => out.push_str("# extends = \"../kit\"              # a kit for one version of the product, shared between clients\n"),
    }
    match &input.version_query {
        Some(query) => out.push_str(&format!("version_query = {}\n", string(query))),
        None => out.push_str("# version_query = \"select …\"      # one value: the product's version, for upgrade steps with `when`\n"),
    }
    out.push_str("\n# Production. It is only read, but by `greenroom fence` and `greenroom switch`.\n[source]\n");
    out.push_str(&address(&input.source, engine));
    if let (true, Some(target)) = (engine.has_server(), &input.target) {
        out.push_str("\n# The server where pilots live.\n[target]\n");
        out.push_str(&address(target, engine));
    } else if engine.has_server() {
        out.push_str("\n# The server where pilots live: the source's own, unless another one is named here.\n# [target]\n# host = \"test.example\"\n");
    }
    out.push_str(&format!(
        "\n# What people use. Each rehearsal builds a new generation and swaps it in under this name.\n[pilot]\nname = {}\n",
        string(&input.pilot)
    ));
    out.push_str("# open_after = \"testers\"          # open at the end of a green rehearsal; otherwise `greenroom open`\n");
    if engine.has_server() {
        out.push_str(
            "# testers = [\"…\"]                # roles let in first\n# users = [\"…\"]                  # roles let in afterwards\n",
        );
    }
    out.push_str("keep_former_hours = 48\n\n");
    out.push_str(&tables(engine, &input.kinds));
    out.push_str(&left_out(input));
    out.push_str(&outbound(input));
    if input.catalog.large_objects > 0 {
        let n = input.catalog.large_objects;
        out.push_str(&format!("[copy]\n# The source has {n} large objects; the check stops until this is decided.\n# large_objects = ?                # \"keep\" or \"clear\"\n\n"));
    }
    out.push_str("# [verify]\n# allowed_mail_domains = [\"vendor.example\"]   # addresses that may stay in the pilot\n# touched_tables = [\"client\"]                 # tables whose rows the upgrade changes\n# accepted = { \"artist.name\" = \"public persons\" }   # where the residual scan finds names that may stay\n");
    out
}

fn address(a: &Address, engine: EngineKind) -> String {
    let word = match engine {
        EngineKind::Postgres => "postgres",
        EngineKind::Mysql => "mysql",
        EngineKind::Mssql => "mssql",
        EngineKind::Sqlite | EngineKind::Fake => "sqlite",
    };
    let mut lines = vec![format!("engine = \"{word}\"")];
    let texts = [("path", &a.path), ("host", &a.host), ("database", &a.database), ("user", &a.user)];
    for (name, text) in texts {
        lines.extend(text.iter().map(|t| format!("{name} = {}", string(t))));
    }
    lines.extend(a.port.map(|p| format!("port = {p}")));
    match &a.password {
        Some(secret) => lines.push(format!("password = {}", secret_ref(secret))),
        None if engine.has_server() => {
            lines.push("# password = { env = \"…\" }         # or { file = \"…\" }, { credential = \"…\" }, { prompt = true }; never the password itself".to_owned());
        }
        None => {}
    }
    let tls = a.tls.map(|t| match t {
        Tls::Disable => "disable",
        Tls::Require => "require",
        Tls::Verify => "verify",
    });
    lines.extend(tls.map(|t| format!("tls = \"{t}\"")));
    lines.join("\n") + "\n"
}

fn secret_ref(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Env(name) => inline([("env", string(name))]),
        SecretRef::File(path) => inline([("file", string(path))]),
        SecretRef::Credential(name) => inline([("credential", string(name))]),
        SecretRef::Prompt(ask) => inline([("prompt", ask.to_string())]),
    }
}

fn tables(engine: EngineKind, kinds: &[ProposedKind]) -> String {
    let mut out = String::from(
        "# Kinds of tables: records (the default), configuration, queue (emptied), history (last days or empty), scratch (not copied).\n\
         #   audit_log = { kind = \"history\", column = \"created_at\", days = 90 }\n\
         #   status    = [{ kind = \"configuration\", where = \"t.is_system = 1\" }]\n[tables]\n",
    );
    let keys: Vec<String> = kinds.iter().map(|k| key(&table(&k.table, engine))).collect();
    let width = keys.iter().map(|k| k.chars().count()).filter(|n| *n <= 40).max().unwrap_or(0);
    for (kind, key) in kinds.iter().zip(keys) {
        let word = serde_json::to_value(kind.kind).unwrap_or_default();
        let shown = match (&kind.keep_days, kind.kind) {
            (Some((column, days)), Kind::History) => {
                inline([("kind", value(&word)), ("column", string(column)), ("days", days.to_string())])
            }
            _ => value(&word),
        };
        let why = comment(&kind.why);
        let why = if why.is_empty() { why } else { format!("  # {why}") };
        out.push_str(&format!("{key:width$} = {shown}{why}\n"));
    }
    out.push('\n');
    out
}

/// Tables that cannot be carried, for a person to leave out.
fn left_out(input: &NewProgram<'_>) -> String {
    let refused: Vec<(String, &str)> = input
        .catalog
        .tables
        .iter()
        .filter_map(|t| match &t.form {
            TableForm::Refused(why) => Some((key(&table(&t.name, input.catalog.engine)), why.as_str())),
            _ => None,
        })
        .collect();
    if refused.is_empty() {
        return String::new();
    }
    let mut out = String::from("# These tables cannot be carried; remove the `#` and say why they may be left out.\n[leave_out]\n");
    for (key, why) in refused {
        out.push_str(&format!("# {key} = \"…\"  # {}\n", comment(why)));
    }
    out.push('\n');
    out
}

/// What reaches outside and cannot be disabled, for a person to accept.
fn outbound(input: &NewProgram<'_>) -> String {
    let open: Vec<_> = input.catalog.outbound.iter().filter(|o| o.disabled_by.is_none()).collect();
    if open.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "# These reach outside the database and cannot be switched off; a run stops until each is accepted with a reason.\n[outbound]\n",
    );
    for o in open {
        out.push_str(&format!("# {} = \"accepted: …\"  # {}\n", key(&o.name), comment(&o.kind)));
    }
    out.push('\n');
    out
}

const PACK: &str = r##"# A pack neutralises one module of the application on the pilot. Rename this file after the module and remove the `#`.
# Exactly one of `empty`, `delete`, `blank`, `set`, `mask`, `statement` per rule; all but `statement` act in flight.

# [pack]
# title = "Example: outgoing mail"
# reopen = "never"                        # or "on request"

# [[rule]]
# id = "mail-queue"
# table = "mail_queue"
# empty = true

# [[rule]]
# id = "smtp-password"
# table = "settings"
# blank = ["value"]
# when = "t.key = 'smtp_password'"        # rows it applies to; unknown counts as true

# [[rule]]
# id = "portal-accounts"
# table = "account"
# set = { active = "0" }                  # SQL expressions
# unless = "t.login = 'tester'"           # rows exempt from it
"##;

const UPGRADE: &str = "# upgrade/

Put the vendor's upgrade here, as shipped: numbered scripts (`001_add_consent.sql`), `V1__name.sql`, or folders of them.
`greenroom plan` prints the one order in which they will run. Files are pinned by hash; line ends do not matter.
";

const VERIFY: &str = "-- Assertions: queries separated by `;`. This is a comment-only example; rename the file and write your own.
-- Directives stand in comment lines before a query, with two dashes and one blank:
--   expect: no rows          (the default: a query that returns rows has failed)
--   expect: same as source   (one value, compared with the source's)
--   source: select …         (the query on the source, where it differs)
--   shape: before            (before the upgrade; or after, both)
";
