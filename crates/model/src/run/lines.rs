//! The record as a file for others: one line of JSON for each event, its texts as they are stored, so that whoever has the file checks the same hashes. Every byte of the
//! file counts: what is read has to be what would be written.

use super::{Broken, Event, Stored, check_chain};
use crate::hash::Hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the file begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    greenroom_record: u32,
    events: u64,
    head: Hash,
}

/// What stands beside the chain, with what proves that it belongs there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Which of the event's commitments it is.
    pub commitment: Hash,
    /// The salt, in hexadecimal digits.
    pub salt: String,
    /// Who acted and what they said, as JSON.
    pub data: String,
}

/// An event of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    seq: i64,
    run: Option<String>,
    epoch: i64,
    at: String,
    personal: String,
    prev: String,
    body: String,
    hash: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    beside: Vec<Beside>,
}

/// What such a file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The events, their chain checked.
    pub events: Vec<Event>,
    /// What stands beside them, as it is written: whether it fits its commitment is for others to check.
    pub beside: Vec<(u64, Beside)>,
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

/// Writes a record.
pub fn write_lines(stored: &[Stored], mut beside: BTreeMap<i64, Vec<Beside>>) -> String {
    let head = stored.last().and_then(|s| Hash::parse(&s.hash)).unwrap_or(Hash::ZERO);
    let mut out = json(&First { greenroom_record: 1, events: stored.len() as u64, head });
    for s in stored {
        let line = Line {
            seq: s.seq,
            run: s.run.clone(),
            epoch: s.epoch,
            at: s.at.clone(),
            personal: s.personal.clone(),
            prev: s.prev.clone(),
            body: s.body.clone(),
            hash: s.hash.clone(),
            beside: beside.remove(&s.seq).unwrap_or_default(),
        };
        out.push_str(&json(&line));
    }
    out
}

/// Reads and checks a record.
///
/// # Errors
/// The first line, or event, that does not fit. Number 0 is the file's first line.
pub fn read_lines(text: &str) -> Result<Read, Broken> {
    let broken = |seq: u64, why: String| Broken { seq, why };
    let mut lines = text.split_inclusive('\n');
    let begin = lines.next().unwrap_or_default();
    let first: First = serde_json::from_str(begin).map_err(|_| broken(0, "the file does not begin as a record does".into()))?;
    if first.greenroom_record != 1 {
        return Err(broken(0, format!("the file has form {}, this Greenroom knows 1", first.greenroom_record)));
    }
    if json(&first) != begin {
        return Err(broken(0, "its first line was changed".into()));
    }
    let mut read = Read { events: Vec::new(), beside: Vec::new() };
    let mut prev = Hash::ZERO;
    for (line, seq) in lines.zip(1u64..) {
        let l: Line = serde_json::from_str(line).map_err(|_| broken(seq, "its line cannot be read".into()))?;
        if json(&l) != line {
            return Err(broken(seq, "its line was changed".into()));
        }
        let stored =
            Stored { seq: l.seq, run: l.run, epoch: l.epoch, at: l.at, personal: l.personal, prev: l.prev, body: l.body, hash: l.hash };
        let event = stored.decode().map_err(|b| broken(seq, b.why))?;
        if event.seq != seq {
            return Err(broken(seq, format!("event {} stands in its place", event.seq)));
        }
        if event.prev != prev {
            return Err(broken(seq, "it does not continue the event before it".into()));
        }
        prev = event.hash;
        for b in l.beside {
            if !event.personal.contains(&b.commitment) {
                return Err(broken(seq, "what stands beside it is not what it has committed itself to".into()));
            }
            read.beside.push((seq, b));
        }
        read.events.push(event);
    }
    check_chain(&read.events)?;
    let (count, head) = (read.events.len() as u64, prev);
    if count != first.events || head != first.head {
        let why = format!("the file announces {} events and has {count}: something was taken away or put in", first.events);
        return Err(broken(count.min(first.events) + 1, why));
    }
    Ok(read)
}
