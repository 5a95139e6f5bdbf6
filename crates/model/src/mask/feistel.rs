//! Keyed permutations of `0..n`: an alternating Feistel network over a product of two nearly equal sides, with cycle walking for the few
//! numbers that the product has beyond `n` (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).

use super::draw::Prf;

/// Rounds; ten are the usual choice of such networks, two more cost little.
const ROUNDS: u64 = 12;

/// The largest `n`: its square root must fit 64 bits.
pub(super) const LARGEST: u128 = 10u128.pow(38);

/// A family of permutations, one for each tweak and `n`.
pub(super) struct Feistel {
    key: (u64, u64),
}

impl Feistel {
    pub(super) fn new(prf: &Prf) -> Feistel {
        Feistel { key: prf.halves() }
    }

    /// The image of `x`, which must be below `n`; a bijection of `0..n` for a fixed tweak.
    pub(super) fn permute(&self, tweak: u64, n: u128, x: u128) -> u128 {
        debug_assert!(x < n && n <= LARGEST);
        if n < 2 {
            return x;
        }
        let root = u64::try_from(n).map_or_else(|_| n.isqrt(), |small| u128::from(small.isqrt()));
        let left = if root * root < n { root + 1 } else { root };
        let right = n.div_ceil(left);
        let mut y = x;
        loop {
            y = self.network(tweak, left, right, y);
            if y < n {
                return y;
            }
        }
    }

    fn network(&self, tweak: u64, left: u128, right: u128, x: u128) -> u128 {
        let (mut l, mut r) = (x % left, x / left);
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                l += self.below(left, tweak, round, r);
                l -= if l >= left { left } else { 0 };
            } else {
                r += self.below(right, tweak, round, l);
                r -= if r >= right { right } else { 0 };
            }
        }
        l + r * left
    }

    fn below(&self, n: u128, tweak: u64, round: u64, half: u128) -> u128 {
        let half = u64::try_from(half).expect("sides of a domain up to 10^38 fit 64 bits");
        (u128::from(siphash(self.key, [tweak, half, round])) * n) >> 64
    }
}

/// SipHash-2-4 of three whole words (Aumasson and Bernstein, 2012); the length byte of the message stands in the last word.
fn siphash((k0, k1): (u64, u64), message: [u64; 3]) -> u64 {
    let mut v = [k0 ^ 0x736f_6d65_7073_6575, k1 ^ 0x646f_7261_6e64_6f6d, k0 ^ 0x6c79_6765_6e65_7261, k1 ^ 0x7465_6462_7974_6573];
    for word in message.into_iter().chain([24 << 56]) {
        v[3] ^= word;
        sip_round(&mut v);
        sip_round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    (0..4).for_each(|_| sip_round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn sip_round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::MaskKey;

    #[test]
    fn siphash_agrees_with_the_standard_library() {
        #[expect(deprecated, reason = "the only SipHash-2-4 with a key at hand to compare with")]
        let expected = {
            use std::hash::Hasher;
            let mut hasher = std::hash::SipHasher::new_with_keys(7, 11);
            [1u64, u64::MAX, 12345].iter().for_each(|w| hasher.write(&w.to_le_bytes()));
            hasher.finish()
        };
        assert_eq!(siphash((7, 11), [1, u64::MAX, 12345]), expected);
    }

    #[test]
    fn every_small_domain_is_permuted_exactly() {
        let feistel = Feistel::new(&Prf::new(&MaskKey::new([3; 32]).domain("d"), "permute"));
        for n in (1..=130).chain([999, 1000, 4096, 10_000]) {
            let mut seen: Vec<u128> = (0..n).map(|x| feistel.permute(7, n, x)).collect();
            seen.sort_unstable();
            assert!(seen.iter().copied().eq(0..n), "domain {n}");
        }
    }

    #[test]
    fn large_domains_stay_in_range_and_differ() {
        let feistel = Feistel::new(&Prf::new(&MaskKey::new([3; 32]).domain("d"), "permute"));
        for n in [u128::from(u64::MAX), 10u128.pow(30) + 7, LARGEST] {
            let out: std::collections::BTreeSet<u128> = (0..1000).map(|i| feistel.permute(0, n, n - 1 - i)).collect();
            assert_eq!(out.len(), 1000);
            assert!(out.iter().all(|y| *y < n));
        }
    }
}
