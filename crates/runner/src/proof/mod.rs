//! What can be proved without trusting this machine: signatures made with keys, files of the record, what stands beside the chain. Owns checking and making them; what is signed
//! and what follows from it is the model's.

pub mod ssh;
#[cfg(test)]
mod tests;

use crate::journal::commitment;
use greenroom_model::hash::Hash;
use greenroom_model::process::Fact;
use greenroom_model::process::keys::Statement;
use greenroom_model::run::{Beside, Body, Broken, Event, Read, origin, read_lines};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// An approval or a rejection as the record has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// Number of the event.
    pub seq: u64,
    /// The gate.
    pub gate: String,
    /// Who, by their id.
    pub by: String,
    /// Approved, or rejected.
    pub approve: bool,
    /// The key that signed, checked; by login only without.
    pub key: Option<String>,
}

/// Every approval and rejection; each signature that was made with a key is checked with the key that stands in the event.
///
/// # Errors
/// The first event whose signature is not good.
pub fn signatures(events: &[Event]) -> Result<Vec<Signed>, Broken> {
    let Some(origin) = origin(events) else { return Ok(Vec::new()) };
    let mut asked: BTreeMap<&str, u64> = BTreeMap::new();
    let mut all = Vec::new();
    for e in events {
        let Body::Process { by, fact } = &e.body else { continue };
        match fact {
            Fact::Asked { gate, .. } => drop(asked.insert(gate, e.seq)),
            Fact::Signed { gate, approve, of, key } => {
                let by = by.clone().unwrap_or_default();
                if let Some(made) = key {
                    let (gate, person, asked) = (gate.clone(), by.clone(), asked.get(gate.as_str()).copied().unwrap_or(0));
                    let statement = Statement { origin: origin.clone(), gate, person, approve: *approve, of: *of, asked };
                    ssh::check(made, &statement.text())
                        .map_err(|why| Broken { seq: e.seq, why: format!("the signature of {by} is not good: {why}") })?;
                }
                all.push(Signed { seq: e.seq, gate: gate.clone(), by, approve: *approve, key: key.as_ref().map(|k| k.key.clone()) });
            }
            _ => {}
        }
    }
    Ok(all)
}

/// What stands beside a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct People {
    /// Entries that are there, and are what their events have committed themselves to.
    pub there: u64,
    /// Events whose entry was erased, which is on record.
    pub erased: Vec<u64>,
    /// Events whose entry is not there, without a word of it on record.
    pub missing: Vec<u64>,
}

/// Checks what stands beside a chain: commitment, salt, data.
///
/// # Errors
/// The event whose entry was changed.
pub fn people(events: &[Event], rows: &[(String, Vec<u8>, String)]) -> Result<People, Broken> {
    let mut of: BTreeMap<Hash, u64> = events.iter().flat_map(|e| e.personal.iter().map(|c| (*c, e.seq))).collect();
    let erased: BTreeSet<u64> = events
        .iter()
        .filter_map(|e| if let Body::Process { fact: Fact::Erased { events }, .. } = &e.body { Some(events) } else { None })
        .flatten()
        .copied()
        .collect();
    let (mut people, mut strange) = (People::default(), false);
    let changed = |seq, why: &str| Broken { seq, why: why.to_owned() };
    for (commitment_text, salt, data) in rows {
        let known = Hash::parse(commitment_text).filter(|h| h.to_string() == *commitment_text);
        let Some((c, seq)) = known.and_then(|c| Some((c, of.remove(&c)?))) else {
            strange = true;
            continue;
        };
        if commitment(salt, data) != c {
            return Err(changed(seq, "who acted, or what they said, was changed since"));
        }
        people.there += 1;
    }
    for seq in of.into_values() {
        match erased.contains(&seq) {
            true => people.erased.push(seq),
            false => people.missing.push(seq),
        }
    }
    people.erased.sort_unstable();
    people.missing.sort_unstable();
    if strange {
        // Of an event whose entry is missing, or of one that is not there any more.
        let seq = people.missing.first().copied().unwrap_or(events.len() as u64 + 1);
        return Err(changed(seq, "something stands beside the chain that belongs to no event of it"));
    }
    Ok(people)
}

/// Reads a file of the record and checks everything in it.
///
/// # Errors
/// The first line or event that does not fit.
pub fn read_file(bytes: &[u8]) -> Result<(Read, Vec<Signed>), Broken> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() as u64;
        Broken { seq: line, why: "its line is no text".into() }
    })?;
    let read = read_lines(text)?;
    for (seq, Beside { commitment: c, salt, data }) in &read.beside {
        let fits = unhex(salt).is_some_and(|salt| commitment(&salt, data) == *c);
        if !fits {
            return Err(Broken { seq: *seq, why: "who acted, or what they said, is not what the event has committed itself to".into() });
        }
    }
    let signed = signatures(&read.events)?;
    Ok((read, signed))
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Bytes of lower-case hexadecimal digits.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
