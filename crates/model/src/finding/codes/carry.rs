//! GR08xx: carrying configuration over.

use super::CodeInfo;

const fn code(code: &'static str, title: &'static str, explain: &'static str) -> CodeInfo {
    CodeInfo { code, title, explain }
}

/// See the module.
pub static CODES: &[CodeInfo] = &[
    code(
        "GR0801",
        "origin of a new configuration column is not known",
        "What was masked or neutralised must not travel as configuration, also when the upgrade puts it into another column or table. So every column of a configuration table that the upgrade creates needs a word on where its values come from: under `[carry.moved]` the column or table it is moved from as it is, in columns.toml `derived_from` what it is made of, or an entry in `fresh` under `[carry]` if it comes from nothing.",
    ),
    code(
        "GR0802",
        "key of a configuration table is changed on the pilot",
        "Rows are told apart by their key. A key that is masked differs from generation to generation, so that nothing could be compared. Keep the key's columns. Between pilots a stable mask also does (`stable = true` under `[masks]`), into unmasked data nothing but `keep`.",
    ),
    code(
        "GR0803",
        "name in `[carry]`, `[references]` or `derived_from` does not exist",
        "A line about a column that does not exist protects or follows nothing. The left side of `[carry.moved]` and of `fresh` is looked up in the new version, the right side in the source and on the pilot, both sides of `[references]` in the new version.",
    ),
    code(
        "GR0804",
        "configuration rows come from several tables",
        "The new version makes one table's rows out of several tables of the pilot's version. Which rows belong together cannot be told from keys alone. Bring the pilot to the new version first: then its rows stand in the same shape.",
    ),
    code(
        "GR0805",
        "key of a configuration table is not on the pilot",
        "The new version tells rows apart by a column that the pilot's version does not have. Say where it comes from under `[carry.moved]`, or bring the pilot to the new version first.",
    ),
    code(
        "GR0806",
        "configuration without a place in the new version",
        "The pilot has configuration columns that the new version does not. What people configured in them is not carried. If the upgrade moved them, say so under `[carry.moved]`.",
    ),
    code(
        "GR0807",
        "table without a key has columns that do not travel",
        "Without a key, rows are compared as wholes, and a column that is masked or neutralised differs in every generation. Give the table a primary key or a unique index over columns that are never NULL, keep its columns, or give it another kind.",
    ),
    code(
        "GR0808",
        "configuration table without a key",
        "Its rows are compared as wholes: a row that was changed counts as one deleted and one inserted, and conflicts between pilot and production about the same row are not recognised as such.",
    ),
    code(
        "GR0809",
        "no room for a band of identities",
        "Rows that are configured on the pilot get identities from a band that production will not reach, so that the same number never means two things. The column's type is too small for that. Widen it with the upgrade.",
    ),
    code(
        "GR0820",
        "conflicts are not decided",
        "Pilot and production did different things to the same configuration, or a person edited what must not travel by itself. A person decides in the preview, or a `[[carry.rule]]` says what is taken. A decision counts for the values that were seen: when one of them changes, it is asked again.",
    ),
    code(
        "GR0821",
        "changes that wait for each other",
        "Rows refer to each other in a circle, or exchange unique values, and no column of them takes NULL in between. The changes can only be made where the engine checks constraints at the end of the transaction.",
    ),
    code(
        "GR0822",
        "another pilot than planned",
        "The refresh was planned over the pilot that stood there then. Another one stands under its name now: somebody rehearsed, undid or swapped in between. Undo this run and refresh again.",
    ),
    code(
        "GR0823",
        "two configuration rows with one key",
        "Rows are told apart by their primary key, or else by a unique index over columns that are never NULL. Two rows have the same values there, so that nobody can say which is which. SQLite lets this happen where a primary key's columns are not declared NOT NULL.",
    ),
    code(
        "GR0824",
        "no base to compare with",
        "What people changed is found by comparing the pilot with what it was when it was opened. That is kept for generations that were made while the table was declared as configuration, in the workspace that made them. Without it a change of the pilot's cannot be told from one of production's.",
    ),
    code(
        "GR0825",
        "no configuration declared",
        "A refresh carries the tables and rows over whose kind is `configuration`. The program declares none under `[tables]`.",
    ),
    code(
        "GR0826",
        "carried configuration differs",
        "After the carry-over the three sides were compared once more, and something was still left to do: a trigger, a default or another session changed what had been written. The generation is kept for looking; the pilot is untouched.",
    ),
    code(
        "GR0827",
        "the pilot changed while the run rested",
        "Configuration had been carried over when the run stopped, failed or was resumed, and people changed the pilot's configuration since. What they changed would be lost, so the run does not go on. Undo it and refresh again.",
    ),
    code(
        "GR0828",
        "a row could not be carried over",
        "The new version's database refused a row of configuration: a check, a unique index over an expression or with a condition, or a type that became narrower. The message names the table and what the engine says, never the values; the preview shows the row.",
    ),
    code(
        "GR0829",
        "unmasked data not allowed on the target",
        "A dress rehearsal tries the go-live out with production's own rows. They stand on the target, sealed, until the run drops them at its end or is undone. The program must say that they may: `unmasked = true` under `[dress]`.",
    ),
    code(
        "GR0830",
        "not configuration",
        "Only configuration is exported: tables, and rows of tables, whose kind is `configuration` under `[tables]`. What people enter as records stays on the pilot.",
    ),
    code(
        "GR0831",
        "production has not been upgraded",
        "`greenroom follow` brings the pilot to the version to which production was upgraded. Production's tables are those that the pilot was made from: either the go-live has not been, or the pilot has followed it already.",
    ),
    code(
        "GR0832",
        "production's version is not the pilot's",
        "Production was upgraded, but not to quite what the upgrade made of the pilot: another build of the vendor's, a script that was changed, something added by hand. The pilot can follow all the same; decisions, kinds and packs must have a word for what differs.",
    ),
    code(
        "GR0833",
        "a file for what is no configuration",
        "`greenroom import` brings rows into tables and rows whose kind is `configuration` under `[tables]`. A file names another table: it was exported from another program, or the table's kind was changed since.",
    ),
    code(
        "GR0834",
        "a file of exported configuration does not fit",
        "The file was not written by `greenroom export`, was edited into another form, or is about a table that has another key now. Nothing was brought in.",
    ),
];
