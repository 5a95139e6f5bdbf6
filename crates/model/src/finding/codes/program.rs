//! GR01xx: the program's files.

use super::CodeInfo;

const fn code(code: &'static str, title: &'static str, explain: &'static str) -> CodeInfo {
    CodeInfo { code, title, explain }
}

/// See the module.
pub static CODES: &[CodeInfo] = &[
    code(
        "GR0101",
        "program file missing",
        "A program is a folder with a file `greenroom.toml`. Without it Greenroom does not know which database to read. Run `greenroom init` to \
         write a commented program from the real database, or change into the folder that has one.",
    ),
    code(
        "GR0102",
        "kit not found or empty",
        "`extends` names the folder of a kit, relative to the folder of the file that says so. The folder must exist and hold at least one file \
         of a program (`greenroom.toml`, `columns.toml`, `packs/`, `upgrade/`, `verify/`). Usually the path is wrong or a submodule is not checked out.",
    ),
    code(
        "GR0103",
        "kits extend each other in a circle",
        "A kit may extend another kit, but following `extends` must come to an end. Remove one of the `extends` lines.",
    ),
    code(
        "GR0104",
        "not valid TOML",
        "The file does not follow TOML's grammar at the place shown. Frequent causes: text without quotes, a quote left open, the same key or \
         the same `[table]` header twice, an inline table over several lines. Nothing else in the file is checked until this is put right.",
    ),
    code(
        "GR0105",
        "file is not UTF-8 text",
        "Program files, assertions and dictionaries are read as UTF-8. Save the file as UTF-8 (not as Latin-1, Windows-1252 or UTF-16).",
    ),
    code(
        "GR0106",
        "unknown key",
        "The key means nothing at this place. Greenroom refuses it instead of ignoring it, because a mistyped key would silently switch off what it \
         was meant to do. Table names with a schema are written in quotes: `[\"billing.client\"]`. `greenroom schema` prints every key for your editor.",
    ),
    code(
        "GR0107",
        "value of the wrong type",
        "The key takes another type of value, for example a number without quotes or a list in brackets.",
    ),
    code(
        "GR0108",
        "unknown word",
        "The setting takes one of a few words and this is none of them. The finding lists them. Masks are written as `{ mask = \"email\" }`.",
    ),
    code("GR0109", "required setting missing", "Greenroom cannot go on without this setting and does not guess it."),
    code(
        "GR0110",
        "name not allowed",
        "A program's name appears in names of databases and files: 1 to 32 characters out of a-z, 0-9, `_` and `-`. A pilot's name must be \
         a name that the engine takes as it is (PostgreSQL: at most 63 bytes, not a database of the server's own).",
    ),
    code(
        "GR0111",
        "secret written in clear",
        "Passwords and keys are never written in program files, since those are shared, mailed and put under version control. Write where the \
         secret comes from: `{ env = \"NAME\" }`, `{ file = \"path\" }`, `{ credential = \"name\" }` or `{ prompt = true }`. If the file was ever shared, change the password.",
    ),
    code(
        "GR0112",
        "address carries a password",
        "The value looks like a URL or connection string with a password inside. Write host, port, database and user as separate keys and the \
         password as a reference. If the file was ever shared, change the password.",
    ),
    code(
        "GR0113",
        "setting does not fit the engine",
        "SQLite databases are files and have a `path`; PostgreSQL databases are reached by `host`, `port`, `database` and `user`. Source and \
         target are of the same engine.",
    ),
    code(
        "GR0114",
        "pilot is the source",
        "The pilot's name and place are those of the production database. A rehearsal ends by putting the new generation under the pilot's name, \
         which would replace production. Give the pilot a name of its own.",
    ),
    code(
        "GR0115",
        "empty program",
        "`greenroom.toml` says nothing. At least the source and the pilot's name are needed. `greenroom init` writes a commented program.",
    ),
    code(
        "GR0116",
        "contradictory column decision",
        "A decision says exactly one of `mask = \"…\"`, `keep = true`, `null = true`, `clear = true`, `default = true`; `params`, `domain` and \
         `identity` belong to masks only. What contradicts itself is refused, since a column that was meant to be masked might be kept.",
    ),
    code(
        "GR0117",
        "unknown mask",
        "No mask of this name exists. A mistyped mask must never mean an unmasked column, so the run stops. `greenroom mask list` shows all masks.",
    ),
    code(
        "GR0118",
        "table named twice",
        "The same table is written once with and once without the engine's default schema in one file, so that it is unclear which counts.",
    ),
    code(
        "GR0119",
        "rule about a table's kind does not add up",
        "At most one rule of a table may be without `where`; `column` and `days` belong together and to the kind `history`.",
    ),
    code(
        "GR0120",
        "pack rule does not add up",
        "A rule does exactly one of `empty`, `delete`, `blank`, `set`, `mask`, `statement`. All but `statement` name a `table`; `delete` needs a \
         condition; a `statement` needs an `assert` query of its own, because nothing can be derived from it.",
    ),
    code("GR0121", "rule id used twice", "Ids are unique within a pack: plans, journals and reports name rules by them."),
    code(
        "GR0122",
        "assertion file not understood",
        "A file of `verify/` holds queries separated by `;`. Comment lines before a query say what is expected: `-- expect: no rows` (the default) \
         or `-- expect: same as source`, `-- source: <query>`, `-- shape: before`, `after` or `both`.",
    ),
    code(
        "GR0123",
        "dictionary without entries",
        "A dictionary has one entry per line and needs at least one. An empty one would leave the mask nothing to choose from.",
    ),
    code("GR0124", "value out of range", "The number is outside the range that makes sense for this setting."),
    code(
        "GR0125",
        "file is not read",
        "The file lies where Greenroom looks for files but its name is not one that is read, so its content has no effect. Rename or remove it.",
    ),
    code(
        "GR0126",
        "malformed fingerprint",
        "`schema` in columns.toml pins the columns the decisions were made for, as 64 hexadecimal digits. `greenroom columns` writes it.",
    ),
    code("GR0127", "table both left out and used", "The same file leaves a table out and gives it a kind. Only one can be meant."),
    code(
        "GR0128",
        "not the name of a column",
        "`[references]` and `fresh` name columns as `table.column`, with the schema in front where it is not the default one; `[carry.moved]` names two columns or two tables. A column is either `moved` or `fresh`.",
    ),
    code(
        "GR0129",
        "rule of `[[carry.rule]]` does not add up",
        "A rule names what is taken (`take`) and at most a table, a column of it and a kind of conflict. What was masked or neutralised is never taken from the pilot by rule: that is a person's decision. A reference whose row is missing can only become NULL or stay as production has it.",
    ),
    code(
        "GR0130",
        "one of several pilots",
        "`[pilot.NAME]` is a further pilot over the same source, which `--profile NAME` chooses. Its own decisions, packs and other settings lie in `pilots/NAME/`, a folder like the program's; what the program as a whole has (name, source, target, quarantine, pilots) is in the program's own greenroom.toml.",
    ),
    code(
        "GR0131",
        "a calendar file cannot be read",
        "`[calendar.NAME] file = \"…\"` names a calendar file (RFC 5545, `.ics`) in the program's folder or a kit's. It is not there, was not sent whole, has a line that is none, a day or moment that cannot be read, or names a time zone that is not in the IANA's list (`Europe/Warsaw`).",
    ),
    code(
        "GR0132",
        "what repeats in a calendar file is not understood",
        "Events of a calendar file may repeat daily, weekly, monthly and yearly (`RRULE` with INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, WKST), leave days out (`EXDATE`), add some (`RDATE`), and single ones may be moved (`RECURRENCE-ID`). Anything else is refused instead of being taken for fewer days than it means. What repeats without an end is followed to 2079.",
    ),
    code(
        "GR0133",
        "a calendar file says less than it seems",
        "An event of a calendar file has no begin and is left out, or the whole file has no event. Nothing is refused because of that; but holidays may be missing.",
    ),
    CodeInfo {
        code: "GR0130",
        title: "`process.toml` says something that cannot be",
        explain: "A stage, task, person or role that is named does not exist, stages or tasks come after each other in a circle, a day or length of time cannot be read, or a gate lacks what its kind asks for. `greenroom schema process` describes the file.",
    },
    code(
        "GR0134",
        "a public key that cannot be used",
        "`keys` under `[person.NAME]` holds public keys as OpenSSH writes them: the one line of a `.pub` file, `ssh-ed25519 AAAA… comment`. Other kinds of keys are not taken. A key belongs to one person: a signature says who signed.",
    ),
    code(
        "GR0135",
        "a backup and its key have the same recipient",
        "An artefact with `key_of` opens another one. Whoever can read both has the plain text, and who takes the store and that one person's key has it, too: give the two different recipients.",
    ),
    code(
        "GR0136",
        "an artefact of `process.toml` cannot be as it is written",
        "`recipients` are age recipients of the form `age1…`, whole as `age-keygen` prints them; never the secret key. `key_of` names another artefact of the file. Names of artefacts become names of files and begin with a letter or a digit.",
    ),
    CodeInfo {
        code: "GR0137",
        title: "notices in `process.toml` cannot be sent as they are written",
        explain: "`[notices]` says how people are told of what is recorded (a mail server, or a folder into which everything is written instead), `[notice.NAME]` who is told of what. Something in them does not name a person, party or role of the file, would send in clear, or lacks an address or a secret.",
    },
    CodeInfo {
        code: "GR0138",
        title: "somebody is told by mail and has no address",
        explain: "A notice names a person without `mail` in `process.toml`. It stays in the outbox and counts as not sent until they have an address: `greenroom notices` shows it.",
    },
    CodeInfo {
        code: "GR0838",
        title: "nothing says who vouches for a head of the record",
        explain: "A notice with `on = [\"head\"]` sends the head of the record by itself. `key` names the private key that signs it: whoever keeps the head can then show who vouched for it, and without the key nothing is sent. `unsigned = true` lets it go without a signature: it shows a rewrite all the same, but not who stands for it. One of the two is to be said.",
    },
    CodeInfo {
        code: "GR0139",
        title: "what a task does, or a probe, cannot be",
        explain: "`does` of a task and the probes of an integration say exactly one thing: `run`, `command`, `sql`, `http`, `dns`, `tcp`, `disk`, `copy` or `wait`, with the keys that belong to it. `greenroom schema process` describes them.",
    },
    CodeInfo {
        code: "GR0140",
        title: "an integration that may not be",
        explain: "`[process]` forbids an integration's id, kind or product, or allows of its kind other products only. It is said before anything is touched; a gate of the kind `integrations` with `state = \"allowed\"` keeps a stage from being entered until it is replaced.",
    },
    CodeInfo {
        code: "GR0141",
        title: "what a task or a probe needs is not there",
        explain: "`process.toml` names a file with a query, a program or a tree of files that the program's folder does not have, or a program that cannot be run. It is said when the program is checked, so that it is not found out on the night.",
    },
];
