//! What "verified" means: keyed digests of tables, comparisons, verdicts with an age. Does not read databases.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128_with_secret;

/// Key of the row digests of one run, so that digests of tiny tables cannot be guessed (P11).
#[derive(Clone)]
pub struct DigestKey(Box<[u8; 192]>);

impl DigestKey {
    /// Expands 32 key bytes to the secret that XXH3 takes.
    pub fn new(key: &[u8; 32]) -> DigestKey {
        let mut secret = Box::new([0u8; 192]);
        blake3::Hasher::new_keyed(key).update(b"greenroom row digest v1").finalize_xof().fill(&mut secret[..]);
        DigestKey(secret)
    }

    /// Hashes one row's normalised bytes.
    pub fn row(&self, bytes: &[u8]) -> u128 {
        xxh3_128_with_secret(bytes, &self.0[..])
    }
}

impl std::fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DigestKey(…)")
    }
}

/// Order-independent digest of rows: wrapping sum of keyed 128-bit row hashes, and the count. A sum, not XOR: equal rows must not cancel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDigest {
    /// Rows.
    pub rows: u64,
    /// Wrapping sum of row hashes, as 32 hexadecimal digits in JSON.
    #[serde(with = "hex_u128")]
    pub sum: u128,
}

impl TableDigest {
    /// Adds one row's hash.
    pub fn add(&mut self, row: u128) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(row);
    }

    /// Adds another digest (of a disjoint range).
    pub fn merge(&mut self, other: &TableDigest) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

mod hex_u128 {
    use serde::{Deserialize, Deserializer, Serializer};
    pub fn serialize<S: Serializer>(v: &u128, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{v:032x}"))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u128, D::Error> {
        u128::from_str_radix(&String::deserialize(d)?, 16).map_err(serde::de::Error::custom)
    }
}
