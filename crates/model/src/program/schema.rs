//! JSON schemas for editors, made from the types the files are parsed with.

use super::raw::{RawColumns, RawGreenroom, RawPack};
use serde_json::{Value, json};

/// The JSON schemas of a program's files, by file: `greenroom.toml`, `columns.toml`, `packs/*.toml`, `upgrade/steps.toml`, `process.toml`. Each is a schema document of its own.
pub fn schema() -> Value {
    json!({
        "greenroom.toml": schemars::schema_for!(RawGreenroom),
        "columns.toml": schemars::schema_for!(RawColumns),
        "packs/*.toml": schemars::schema_for!(RawPack),
        "upgrade/steps.toml": crate::upgrade::steps_schema(),
        "process.toml": crate::process::schema(),
    })
}
