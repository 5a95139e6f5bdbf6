//! GR05xx: source, target and what they allow.

use super::CodeInfo;

/// See the module.
pub static CODES: &[CodeInfo] = &[
    CodeInfo {
        code: "GR0501",
        title: "the source is not what the plan was made for",
        explain: "Between planning and running, or between a crash and the resume, the source's schema or the product's version changed. Decisions made for the old schema may not cover the new one, so nothing was read. See what changed with `greenroom columns`, decide, and plan again.",
    },
    CodeInfo {
        code: "GR0502",
        title: "table gone from the source",
        explain: "A table that the plan copies is not in the source any more. Plan again.",
    },
    CodeInfo {
        code: "GR0503",
        title: "a foreign database stands in the way",
        explain: "A database that does not bear this program's marker stands under the pilot's name or a generation's name. Names prove nothing: Greenroom replaces and drops only what its journal and the marker inside the database both say is its own. Choose another pilot name, or move that database yourself.",
    },
    CodeInfo {
        code: "GR0504",
        title: "version rule cannot be judged",
        explain: "An upgrade step has a `when` rule, but the product's version is unknown or not understood. Give `[program] version_query` a query that returns one value such as `5.2.1`.",
    },
    CodeInfo {
        code: "GR0505",
        title: "right missing",
        explain: "The login lacks a right that the run needs. The hint holds the statement that an administrator can run; `greenroom plan` prints all of them together.",
    },
    CodeInfo {
        code: "GR0506",
        title: "gave way to a schema change",
        explain: "Somebody in production waited to change a table that the copy had locked against schema changes. The copy was stopped so that production could go on. When the change is done, resume (if the schema is the same as before) or plan again.",
    },
    CodeInfo {
        code: "GR0507",
        title: "snapshot lost",
        explain: "The session that held the source's snapshot ended: a restart, a failover, an administrator or the network. Resume takes a new snapshot, compares what was copied with it and copies again only what differs.",
    },
    CodeInfo {
        code: "GR0508",
        title: "the pilot is the source",
        explain: "The pilot's name leads to the production database itself. A rehearsal would replace production. Give the pilot another name.",
    },
    CodeInfo {
        code: "GR0509",
        title: "not enough room on the target",
        explain: "The generation is built beside the present pilot, so both need room at the same time, and a reserve is to stay free: `[copy] min_free_disk_percent` of the disk, but no more than ten times what the generation needs (1 GiB at least). Free room or lower the reserve.",
    },
    CodeInfo {
        code: "GR0511",
        title: "a pack's statement is not one for the copy",
        explain: "A statement of a pack cannot be understood, or reaches outside the database: logins, server settings, other databases, files. Dropping the copy would not undo that. Switch such things off by hand, or where they are defined.",
    },
    CodeInfo {
        code: "GR0510",
        title: "reading blocks writers",
        explain: "A SQLite database that is not in WAL mode cannot be written while it is read, nor can a SQL Server database that does not allow snapshot isolation. Rehearse at a quiet time, or have the setting changed by whoever is responsible for production: Greenroom does not change it.",
    },
    CodeInfo {
        code: "GR0512",
        title: "no database at the address",
        explain: "What the program's `[source]` (or `[target]`) names is not there, or is no database of the engine it names: no such file, a folder, an empty file, a file of another kind, an encrypted one. Paths are relative to the program's folder. Nothing was opened or created.",
    },
];
