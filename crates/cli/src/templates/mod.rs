//! The five vendors' procedures as templates, by six names: what `greenroom init --template` writes beside a program, and what `greenroom demo` plays. Owns the files; does
//! not own what they mean (`model::process`), nor how a play is performed (`demo::play`).

use clap::ValueEnum;

/// A procedure. Row ids of REQUIREMENTS.md stand in its `covers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// An association goes to its vendor's cloud, with direct SQL access on the way (A)
    DirectSqlAccess,
    /// Database and documents move to a new server, in steps that two companies take in turn (B)
    ServerMigration,
    /// A pilot is configured and renewed until it becomes production (C1–C3, C5)
    PilotUpgrade,
    /// Production is upgraded in one step, with a tested way back (C4, C5)
    ProductionUpgrade,
    /// A database server is replaced after two audits, on agreed dates (D)
    AuditedMigration,
    /// A harmless copy of production, on which migration scripts are tried again and again (E)
    MigrationDatabase,
}

/// A template's files.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    /// `process.toml`.
    pub process: &'static str,
    /// What it needs of `greenroom.toml`, with values for embedded SQLite.
    pub program: &'static str,
    /// The play, in the language of `demo::play`.
    pub play: &'static str,
}

macro_rules! files {
    ($name:literal) => {
        Files {
            process: include_str!(concat!($name, "/process.toml")),
            program: include_str!(concat!($name, "/program.toml")),
            play: include_str!(concat!($name, "/play.txt")),
        }
    };
}

impl Template {
    /// All six.
    #[cfg(test)]
    pub const ALL: [Template; 6] = [
        Template::DirectSqlAccess,
        Template::ServerMigration,
        Template::PilotUpgrade,
        Template::ProductionUpgrade,
        Template::AuditedMigration,
        Template::MigrationDatabase,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Template::DirectSqlAccess => "direct-sql-access",
            Template::ServerMigration => "server-migration",
            Template::PilotUpgrade => "pilot-upgrade",
            Template::ProductionUpgrade => "production-upgrade",
            Template::AuditedMigration => "audited-migration",
            Template::MigrationDatabase => "migration-database",
        }
    }

    /// Its files.
    pub fn files(self) -> Files {
        match self {
            Template::DirectSqlAccess => files!("direct-sql-access"),
            Template::ServerMigration => files!("server-migration"),
            Template::PilotUpgrade => files!("pilot-upgrade"),
            Template::ProductionUpgrade => files!("production-upgrade"),
            Template::AuditedMigration => files!("audited-migration"),
            Template::MigrationDatabase => files!("migration-database"),
        }
    }
}
