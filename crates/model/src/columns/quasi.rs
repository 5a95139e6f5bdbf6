//! Quasi-identifiers: kept columns that together single people out. Reports combinations per table; does not own what is done about it.

use super::detect::{Detected, PersonalKind as K, Samples, detect};
use super::names::{decisions_of, is_left_out, listed};
use super::propose::label;
use super::{Decision, Treatment};
use crate::catalog::Catalog;
use crate::finding::Finding;
use crate::plan::tables::travels_empty;
use crate::program::Program;

/// One warning per table in which at least two attributes stay that together can single a person out.
pub fn quasi(program: &Program, catalog: &Catalog, samples: Option<&Samples>) -> Vec<Finding> {
    let none = Samples::default();
    let detected = detect(catalog, samples.unwrap_or(&none));
    let mut findings = Vec::new();
    for table in catalog.tables.iter().filter(|t| t.is_copied() && !is_left_out(program, catalog, t)) {
        let decisions = decisions_of(program, catalog, table);
        let Some(found) = detected.get(&table.name) else { continue };
        let stays = |column: &str, d: &Detected| {
            let decided = decisions.get(column).copied();
            identifies(d.what) && decided.is_some_and(|x| leaves_trace(d.what, x))
        };
        let kept: Vec<(&String, &Detected)> = found.iter().filter(|(c, d)| stays(c, d)).collect();
        let kinds: std::collections::BTreeSet<K> = kept.iter().map(|(_, d)| group(d.what)).collect();
        if kinds.len() < 2 || travels_empty(program, catalog, table) {
            continue;
        }
        let names: Vec<String> = kept.iter().map(|(c, _)| (*c).clone()).collect();
        let what: Vec<&str> = kinds.iter().map(|k| label(*k)).collect();
        let message = format!(
            "`{}` keeps {} ({}), which together can single people out",
            table.name.short(catalog.engine),
            listed(&names, 6),
            what.join(" + ")
        );
        let hint = "mask or coarsen one of them, or accept that the pilot is pseudonymised, not anonymous";
        findings.push(if kinds.len() >= 3 { Finding::warning("GR0213", message) } else { Finding::note("GR0213", message) }.hint(hint));
    }
    findings
}

fn identifies(what: K) -> bool {
    matches!(what, K::BirthDate | K::Postcode | K::City | K::Gender | K::Job | K::Special | K::GeoLocation | K::FirstName)
}

/// Postcode, place and coordinates say the same thing.
fn group(what: K) -> K {
    match what {
        K::City | K::GeoLocation => K::Postcode,
        other => other,
    }
}

/// Whether what identifies is still there: kept for some rows, or masked so that a part stays (a birth date keeps its year).
fn leaves_trace(what: K, decision: &Decision) -> bool {
    match &decision.treatment {
        Treatment::Keep => true,
        Treatment::Mask { rule, .. } => {
            (what == K::BirthDate && rule.name == "birth_date")
                || rule.name == "partial"
                || decision.when.is_some()
                || decision.unless.is_some()
        }
        _ => decision.when.is_some() || decision.unless.is_some(),
    }
}
