//! GR04xx: upgrade steps and scripts.

use super::CodeInfo;

const fn code(code: &'static str, title: &'static str, explain: &'static str) -> CodeInfo {
    CodeInfo { code, title, explain }
}

/// See the module.
pub static CODES: &[CodeInfo] = &[
    code(
        "GR0401",
        "file that is not run",
        "Only scripts (`.sql`, `.psql`, `.pgsql`) are run. Undo, revert, verify and baseline scripts of known tools, and other files, are left alone. Look whether one of them should have been a step.",
    ),
    code(
        "GR0402",
        "order is not clear",
        "Two scripts or folders could come in either order, or a folder mixes ways of numbering. Greenroom does not guess: rename them, or list every script in `upgrade/steps.toml`.",
    ),
    code(
        "GR0403",
        "script of a sqitch plan is missing",
        "`sqitch.plan` names a change whose script is not in `deploy/`. Ask the vendor for the script, or take the change out of the plan.",
    ),
    code(
        "GR0404",
        "steps.toml is wrong",
        "`upgrade/steps.toml` lists one `[[step]]` after the other, each with `script`, `program` or `person`. Once the file exists, every script has to be listed, once.",
    ),
    code(
        "GR0405",
        "script is neither UTF-8 nor UTF-16",
        "Scripts are UTF-8, or UTF-16 with a byte-order mark, as SSMS saves them. A script in another encoding would store wrong letters. Convert it, for example with `iconv`, and look at letters with accents afterwards.",
    ),
    code(
        "GR0406",
        "script holds another tool's sections",
        "The script has parts that take the upgrade back, or marks of a migration tool in an order that the tool does not know. Run as it stands, it would undo itself. Keep only the upgrade's statements.",
    ),
    code("GR0407", "script without statements", "The script is empty or holds comments only. It may have been cut off on its way."),
    code(
        "GR0408",
        "script cannot be split",
        "Scripts are cut into statements as psql, mysql, sqlcmd or the sqlite3 shell would. Something is never closed, or a command of those tools is used that Greenroom does not support. The hint says what to write instead.",
    ),
    code(
        "GR0409",
        "script reaches outside the database",
        "Roles, other databases, files, jobs and server settings outlive the generation: dropping it does not undo them, and production may feel them. Take such statements out, or declare them in `upgrade/steps.toml`: `outside = \"why\"`, and `inverse = \"roles.undo.sql\"`, the script that `greenroom undo` runs after the generation is dropped, in the server's maintenance database. It also runs when the script may have been applied only in part, and may run twice, so write it to do no harm then (`DROP ROLE IF EXISTS`). Where nothing has to be undone say why with `no_inverse = \"…\"`.",
    ),
    code(
        "GR0410",
        "statement that cannot be seen through",
        "A block puts statements together while it runs, or a setting holds for the connection only. Greenroom cannot tell in advance what it does; read it before the rehearsal.",
    ),
    code(
        "GR0411",
        "script switches to the source's own database",
        "SQL Server's tools put `USE [database]` at the head of a script. Greenroom runs scripts in a generation, which bears another name, so `USE` with the name in `[source] database` is left out. `USE` of any other database is refused.",
    ),
];
