//! Schemas built by hand: Chinook's shape and ugly ones.

use super::*;
use crate::catalog::EngineKind;
use std::collections::BTreeMap;

pub(crate) fn catalog(engine: EngineKind, tables: Vec<Table>) -> Catalog {
    Catalog {
        engine,
        version: String::new(),
        tables,
        objects: Vec::new(),
        settings: BTreeMap::new(),
        outbound: Vec::new(),
        not_carried: Vec::new(),
        large_objects: 0,
    }
}
