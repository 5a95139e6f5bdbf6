//! Values of configuration as the engine hands them over, and the key under which they appear in ids. Owns equality, redaction and how a
//! value is written for a person; does not own how an engine reads or writes one.

use crate::hash::Hash;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// One value, or NULL. Two cells are equal when their bytes are: the engine gives the same bytes for the same stored value in every database it
/// compares (dates and numbers in one fixed form, floating point numbers exactly, trailing blanks as stored), and the same bytes for a value and
/// for a reference to it. NULL differs from the empty text. Collations do not count here: `Ann` is a change of `ann`.
///
/// `Debug` never shows the value. Serialisation does, because a person must see what they decide: `null`, the text, or `{"hex": "…"}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cell(Option<Box<[u8]>>);

/// What identifies a row: the values of its key as the engine tells rows apart (under a collation that ignores case, the same bytes for `A` and
/// `a`).
pub type Key = Vec<Cell>;

impl Cell {
    /// NULL.
    pub const NULL: Cell = Cell(None);

    /// A value that is not NULL.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Cell {
        Cell(Some(bytes.into()))
    }

    /// A text.
    pub fn text(text: &str) -> Cell {
        Cell::new(text.as_bytes())
    }

    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        self.0.is_none()
    }

    /// The bytes; none for NULL.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_null() { "NULL" } else { "…" })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Shown {
    Null,
    Text(String),
    Bytes { hex: String },
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let shown = match self.bytes() {
            None => Shown::Null,
            Some(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Shown::Text(text.to_owned()),
                Err(_) => Shown::Bytes { hex: bytes.iter().map(|b| format!("{b:02x}")).collect() },
            },
        };
        shown.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Cell, D::Error> {
        Ok(match Shown::deserialize(d).map_err(|_| serde::de::Error::custom("a cell is null, a text or hexadecimal bytes"))? {
            Shown::Null => Cell::NULL,
            Shown::Text(text) => Cell::text(&text),
            Shown::Bytes { hex } => {
                Cell::new(bytes_of(&hex).ok_or_else(|| serde::de::Error::custom("bytes are pairs of hexadecimal digits"))?)
            }
        })
    }
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|d| d.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect())
}

/// The secret under which values go into the ids of conflicts, so that an id in a journal tells nothing of a value that could be guessed. The
/// same for every run over a program, or a person's decisions would be forgotten.
#[derive(Clone)]
pub struct CarryKey([u8; 32]);

impl CarryKey {
    /// Derives the key of ids from 32 secret bytes that may serve other ends too.
    pub fn new(secret: &[u8; 32]) -> CarryKey {
        CarryKey(*blake3::Hasher::new_keyed(secret).update(b"greenroom carry ids v1").finalize().as_bytes())
    }

    /// Hashes named parts, each made of cells; neither the number of parts nor of cells, nor NULL and empty, can be confused.
    pub(super) fn hash(&self, words: &[&str], parts: &[Option<&[Cell]>]) -> Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        let mut sized = |bytes: &[u8]| {
            hasher.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(bytes);
        };
        for word in words {
            sized(word.as_bytes());
        }
        for part in parts {
            let Some(cells) = part else {
                sized(b"none");
                continue;
            };
            sized(cells.len().to_string().as_bytes());
            for cell in *cells {
                match cell.bytes() {
                    None => sized(b"n"),
                    Some(bytes) => {
                        sized(b"v+");
                        sized(bytes);
                    }
                }
            }
        }
        Hash(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for CarryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CarryKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_itself_to_people_and_never_to_a_log() {
        let cells = [Cell::NULL, Cell::text(""), Cell::text("Bankrupt"), Cell::new([0xff, 0x01])];
        assert_eq!(format!("{cells:?}"), "[NULL, …, …, …]");
        let json = serde_json::to_string(&cells).unwrap();
        assert_eq!(json, r#"[null,"","Bankrupt",{"hex":"ff01"}]"#);
        assert_eq!(serde_json::from_str::<Vec<Cell>>(&json).unwrap(), cells);
        assert!(serde_json::from_str::<Cell>(r#"{"hex":"f"}"#).is_err());
        assert_ne!(Cell::NULL, Cell::text(""));
    }

    #[test]
    fn an_id_needs_the_key_and_tells_parts_apart() {
        let (a, b) = (CarryKey::new(&[1; 32]), CarryKey::new(&[2; 32]));
        let one = [Cell::text("ab"), Cell::NULL];
        let other = [Cell::text("a"), Cell::text("b")];
        assert_ne!(a.hash(&["t"], &[Some(&one)]), b.hash(&["t"], &[Some(&one)]));
        assert_ne!(a.hash(&["t"], &[Some(&one)]), a.hash(&["t"], &[Some(&other)]));
        assert_ne!(a.hash(&["t"], &[None]), a.hash(&["t"], &[Some(&[])]));
        assert_ne!(a.hash(&["t"], &[Some(&[Cell::NULL])]), a.hash(&["t"], &[Some(&[Cell::text("")])]));
        assert_eq!(format!("{a:?}"), "CarryKey(…)");
    }
}
