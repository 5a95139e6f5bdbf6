//! psql's own commands in scripts: which change nothing for the database and are skipped, and what to do about the others.
//!
//! Owns these two lists. Does not own finding the commands: see `split`.

/// Commands that may be skipped, if [`harmless`] says so of their arguments.
pub(super) const COMMANDS: &[&str] = &[
    "echo",
    "qecho",
    "warn",
    "pset",
    "timing",
    "set",
    "unset",
    "encoding",
    "restrict",
    "unrestrict",
    "x",
    "a",
    "t",
    "H",
    "f",
    "C",
    "T",
    "conninfo",
];

/// Commands that are refused with a hint of their own.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("i", "list the included file as a script of its own; `steps.toml` gives the order"),
    ("ir", "list the included file as a script of its own; `steps.toml` gives the order"),
    ("include", "list the included file as a script of its own; `steps.toml` gives the order"),
    ("include_relative", "list the included file as a script of its own; `steps.toml` gives the order"),
    ("c", "remove it: the upgrade runs in the generation's database and nowhere else"),
    ("connect", "remove it: the upgrade runs in the generation's database and nowhere else"),
    ("!", "make it a program step in `steps.toml`: `[[step]] program = [\"./tool\"]`"),
    ("copy", "write the data into the script with `COPY … FROM stdin;`, or make it a program step in `steps.toml`"),
    ("g", "end the statement with `;`"),
    ("gx", "end the statement with `;`"),
    ("gset", "write the value into the script, or compute it in a `DO` block"),
    ("gexec", "write the statements into the script, or run them with `EXECUTE` in a `DO` block"),
    ("if", "use `when` in `steps.toml` for what depends on the version, or a `DO` block"),
    ("elif", "use `when` in `steps.toml` for what depends on the version, or a `DO` block"),
    ("else", "use `when` in `steps.toml` for what depends on the version, or a `DO` block"),
    ("endif", "use `when` in `steps.toml` for what depends on the version, or a `DO` block"),
    ("o", "remove it: scripts write no files"),
    ("w", "remove it: scripts write no files"),
    ("prompt", "write the value into the script"),
    ("q", "remove it and what follows it"),
    (".", "`\\.` ends the data of `COPY … FROM stdin;` only; see whether that line is missing or ended before"),
    (
        "set",
        "remove it: only ON_ERROR_STOP, QUIET, ECHO, VERBOSITY and SHOW_CONTEXT are known, and a script always stops at its first error",
    ),
    ("unset", "remove it: only QUIET, ECHO, VERBOSITY and SHOW_CONTEXT may be unset"),
    ("encoding", "convert the script to UTF-8 and remove the command"),
];

/// Whether a known command may be skipped with these arguments.
pub(super) fn harmless(name: &str, arguments: &str) -> bool {
    // backquotes run a program, a backslash starts a further command on the line
    if arguments.contains(['`', '\\']) {
        return false;
    }
    let words: Vec<String> = arguments.split_whitespace().map(|w| w.trim_matches(['\'', '"', ';']).to_ascii_lowercase()).collect();
    let word = |i: usize| words.get(i).map_or("", String::as_str);
    let yes = |value: &str| matches!(value, "" | "on" | "true" | "yes" | "1" | "t" | "y");
    match name {
        "set" => match word(0) {
            "on_error_stop" => yes(word(1)),
            "on_error_rollback" => matches!(word(1), "off" | "false" | "0"),
            "autocommit" => yes(word(1)) && !word(1).is_empty(),
            "quiet" | "echo" | "verbosity" | "show_context" | "echo_hidden" => true,
            _ => false,
        },
        "unset" => matches!(word(0), "quiet" | "echo" | "verbosity" | "show_context" | "on_error_rollback"),
        "encoding" => matches!(word(0), "" | "utf8" | "utf-8" | "unicode"),
        _ => true,
    }
}

/// What to do about a refused command.
pub(super) fn hint(name: &str) -> &'static str {
    REFUSED
        .iter()
        .find(|(n, _)| *n == name)
        .map_or("remove it, or write what it does as SQL or as a program step in `steps.toml`", |(_, h)| h)
}
