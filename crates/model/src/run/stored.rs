//! Events as they are stored: texts and numbers, checked before anything is believed. Owns decoding and the chain; does not read files.

use super::{Event, RunId, event_hash};
use crate::hash::Hash;
use serde::{Deserialize, Serialize};

/// One stored event, exactly as it lies in the journal; the hash covers these texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// See [`Event::seq`].
    pub seq: i64,
    /// See [`Event::run`].
    pub run: Option<String>,
    /// See [`Event::epoch`].
    pub epoch: i64,
    /// See [`Event::at`].
    pub at: String,
    /// See [`Event::personal`], as JSON.
    pub personal: String,
    /// See [`Event::prev`], in hexadecimal digits.
    pub prev: String,
    /// See [`Event::body`], as JSON.
    pub body: String,
    /// See [`Event::hash`], in hexadecimal digits.
    pub hash: String,
}

/// The first event that does not fit: something was changed, removed or torn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal's chain is broken at event {seq}: {why}")]
pub struct Broken {
    /// Its number.
    pub seq: u64,
    /// What does not fit.
    pub why: String,
}

impl Stored {
    /// Decodes the event, if it has the hash that was recorded with it.
    ///
    /// # Errors
    /// What cannot be read, or that the hash is another.
    pub fn decode(&self) -> Result<Event, Broken> {
        let seq = u64::try_from(self.seq).unwrap_or(0);
        let broken = |why: &str| Broken { seq, why: why.to_owned() };
        // The hash takes these two for 0 and for no run, so that they would go unnoticed.
        let epoch = u64::try_from(self.epoch).map_err(|_| broken("its epoch is below 0"))?;
        if self.seq < 1 {
            return Err(broken("its number is below 1"));
        }
        if self.run.as_deref() == Some("") {
            return Err(broken("its run has no name"));
        }
        let event = Event {
            seq,
            run: self.run.clone().map(RunId),
            epoch,
            at: self.at.parse().map_err(|_| broken("its time cannot be read"))?,
            personal: serde_json::from_str(&self.personal).map_err(|_| broken("its commitments cannot be read"))?,
            hash: exactly(&self.hash).ok_or_else(|| broken("its hash cannot be read"))?,
            prev: exactly(&self.prev).ok_or_else(|| broken("its link cannot be read"))?,
            body: serde_json::from_str(&self.body).map_err(|e| broken(&format!("its content cannot be read ({e})")))?,
        };
        if event_hash(seq, event.run.as_ref(), epoch, &self.at, &self.personal, event.prev, &self.body) != event.hash {
            return Err(broken("its content does not have the recorded hash"));
        }
        Ok(event)
    }
}

/// A hash in the one spelling in which it is written.
fn exactly(text: &str) -> Option<Hash> {
    Hash::parse(text).filter(|h| h.to_string() == text)
}

/// Checks that events are numbered from 1 and each continues the one before it.
///
/// # Errors
/// The first that does not.
pub fn check_chain(events: &[Event]) -> Result<(), Broken> {
    let mut prev = Hash::ZERO;
    for (e, expected) in events.iter().zip(1u64..) {
        if e.seq != expected {
            return Err(Broken { seq: expected, why: format!("event {} stands in its place", e.seq) });
        }
        if e.prev != prev {
            return Err(Broken { seq: e.seq, why: "it does not continue the event before it".into() });
        }
        prev = e.hash;
    }
    Ok(())
}

/// Decodes a whole journal in its order.
///
/// # Errors
/// The first event that does not fit.
pub fn decode_all(stored: &[Stored]) -> Result<Vec<Event>, Broken> {
    let events = stored.iter().map(Stored::decode).collect::<Result<Vec<_>, _>>()?;
    check_chain(&events)?;
    Ok(events)
}
