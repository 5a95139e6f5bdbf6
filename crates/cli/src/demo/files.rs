//! The demo's files, as they are written: the kit, the clinic's program, and what mends it.

/// Path below the demo's folder, and text.
pub(super) type File = (&'static str, &'static str);

macro_rules! file {
    ($to:literal, $from:literal) => {
        ($to, include_str!(concat!("files/", $from)))
    };
}

/// The kit for version 5 of the product.
pub(super) const KIT: &[File] = &[
    file!("kit-clinic-5/greenroom.toml", "kit/greenroom.toml"),
    file!("kit-clinic-5/columns.toml", "kit/columns.toml"),
    file!("kit-clinic-5/packs/cards.toml", "kit/packs/cards.toml"),
    file!("kit-clinic-5/packs/communication.toml", "kit/packs/communication.toml"),
    file!("kit-clinic-5/packs/exchange.toml", "kit/packs/exchange.toml"),
    file!("kit-clinic-5/packs/files.toml", "kit/packs/files.toml"),
    file!("kit-clinic-5/packs/ledger.toml", "kit/packs/ledger.toml"),
    file!("kit-clinic-5/packs/portals.toml", "kit/packs/portals.toml"),
    file!("kit-clinic-5/packs/rating.toml", "kit/packs/rating.toml"),
    file!("kit-clinic-5/packs/reporting.toml", "kit/packs/reporting.toml"),
    file!("kit-clinic-5/packs/triggers.toml", "kit/packs/triggers.toml"),
    file!("kit-clinic-5/packs/workers.toml", "kit/packs/workers.toml"),
    file!("kit-clinic-5/verify/sense.sql", "kit/verify/sense.sql"),
    file!("kit-clinic-5/verify/whole.sql", "kit/verify/whole.sql"),
];

/// The clinic's own program.
pub(super) const PROGRAM: &[File] = &[
    file!("clinic/greenroom.toml", "clinic/greenroom.toml"),
    file!("clinic/columns.toml", "clinic/columns.toml"),
    file!("clinic/upgrade/001_add_consent.sql", "clinic/upgrade/001_add_consent.sql"),
    file!("clinic/upgrade/002_split_street.sql", "clinic/upgrade/002_split_street.sql"),
    file!("clinic/upgrade/003_file_number_once.sql", "clinic/upgrade/003_file_number_once.sql"),
    file!("clinic/verify/rides.sql", "clinic/verify/rides.sql"),
];

/// What mends the program after the first rehearsal: new files …
pub(super) const MENDING: &[File] = &[
    file!("clinic/upgrade/002a_merge_duplicates.sql", "fix/002a_merge_duplicates.sql"),
    file!("clinic/verify/merged.sql", "fix/merged.sql"),
];

/// … lines added to `clinic/columns.toml` …
pub(super) const MORE_COLUMNS: &str = include_str!("files/fix/columns.toml");

/// … and the line of `clinic/greenroom.toml` that says what the upgrade may change, as it was and as it becomes.
pub(super) const TOUCHED: (&str, &str) = (
    "touched_tables = [\"setting\"]",
    "touched_tables = [\"setting\", \"appointment\", \"case_file\", \"contact\", \"invoice\", \"note\", \"rating\", \"x_ride\"]",
);
