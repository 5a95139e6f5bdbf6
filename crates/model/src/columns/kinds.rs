//! Proposals for the kinds of tables, from names, sizes and who refers to whom. Does not own what a kind means (`program`, `plan`).

use super::detect::{Detected, PersonalKind};
use super::words::{is_person_table, words_of};
use crate::catalog::{Catalog, Family, Table};
use crate::program::Kind;
use std::collections::BTreeMap;

static QUEUE: &str = "queue queues queued outbox inbox spool pending mailqueue jobqueue deadletter warteschlange ausgang kolejka cola coda wachtrij attente file_attente";
static HISTORY: &str = "log logs logging history hist historie historia historique historial storico audit audits auditlog changelog journal protokoll protokol \
     dziennik archive archiv archiwum eventlog accesslog loginattempts tracking";
static SCRATCH: &str =
    "tmp temp temporary scratch staging stage cache cached session sessions bak backup old copy draft import imports sitzung sesja";
static CONFIGURATION: &str = "config configuration setting settings option options preference preferences parameter parameters param params lookup type types status \
     statuses state states category categories role roles permission permissions template templates translation translations country countries \
     currency currencies language languages feature features rule rules konfiguration einstellung einstellungen ustawienia slownik konfiguracja \
     parametre reglages configuracion ajustes instelling instellingen configurazione impostazioni genre genres unit units tax rate rates";

/// Rows up to which a table that others refer to may be a lookup table.
const SMALL: u64 = 500;

/// The likely kind and why; `records` is not proposed, since tables without a rule are records.
pub(super) fn propose_kind(catalog: &Catalog, table: &Table, detected: Option<&BTreeMap<String, Detected>>) -> Option<(Kind, String)> {
    let words = words_of(&table.name.name);
    let has = |list: &str| words.iter().find(|w| list.split_whitespace().any(|l| l == *w)).cloned();
    let referred = catalog.tables.iter().any(|t| t.name != table.name && t.foreign_keys.iter().any(|k| k.references == table.name));
    let personal = detected.is_some_and(|d| d.values().any(|x| !matches!(x.what, PersonalKind::FreeText | PersonalKind::Secret)));
    // A table that others refer to cannot be emptied without asking what becomes of the references.
    if !referred {
        for (list, kind) in [(QUEUE, Kind::Queue), (SCRATCH, Kind::Scratch), (HISTORY, Kind::History)] {
            if let Some(word) = has(list) {
                return Some((kind, format!("named `{word}`, and no table refers to it")));
            }
        }
    }
    if personal || is_person_table(&table.name.name) {
        return None;
    }
    if let Some(word) = has(CONFIGURATION).filter(|_| table.estimated_rows <= SMALL * 20) {
        return Some((Kind::Configuration, format!("named `{word}`, without personal columns")));
    }
    let dates = table.columns.iter().any(|c| matches!(c.family, Family::Date | Family::Timestamp));
    let small = (1..=SMALL).contains(&table.estimated_rows) && table.foreign_keys.is_empty() && table.columns.len() <= 6 && !dates;
    (referred && small).then(|| (Kind::Configuration, "small, refers to nothing, and others refer to it".into()))
}
