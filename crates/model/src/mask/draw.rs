//! Keyed pseudo-random draws. Owns how a key and an input become bits, indexes and characters; does not own what they are used for.

use super::DomainKey;

const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// A keyed function for one purpose: keyed BLAKE3 over the input.
pub(super) struct Prf([u8; 32]);

impl Prf {
    /// Derives the function; equal domain keys and purposes give equal functions.
    pub(super) fn new(key: &DomainKey, purpose: &str) -> Prf {
        Prf(key.bytes(purpose, b""))
    }

    /// The draws for an input. `attempt` above zero gives further, independent draws for the same input.
    pub(super) fn draw(&self, input: &[u8], attempt: u32) -> Draw<'_> {
        let seed = *blake3::keyed_hash(&self.0, input).as_bytes();
        let mut draw = Draw { prf: self, seed, block: seed, next: 0, blocks: 0 };
        if attempt > 0 {
            draw.seed[..4].iter_mut().zip(attempt.to_le_bytes()).for_each(|(s, a)| *s ^= a);
            draw.refill();
        }
        draw
    }

    /// Two 64-bit halves of the key, for a cheaper function of the caller's own.
    pub(super) fn halves(&self) -> (u64, u64) {
        let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| self.0[at + i]));
        (half(0), half(8))
    }
}

/// An endless sequence of draws.
pub(super) struct Draw<'k> {
    prf: &'k Prf,
    seed: [u8; 32],
    block: [u8; 32],
    next: usize,
    blocks: u32,
}

impl Draw<'_> {
    // Later blocks are hashed from the seed under the key, so that no output tells what follows it.
    fn refill(&mut self) {
        self.blocks += 1;
        let mut input = [0u8; 40];
        input[..4].copy_from_slice(b"more");
        input[4..8].copy_from_slice(&self.blocks.to_le_bytes());
        input[8..].copy_from_slice(&self.seed);
        self.block = *blake3::keyed_hash(&self.prf.0, &input).as_bytes();
        self.next = 0;
    }

    /// Eight bits.
    pub(super) fn byte(&mut self) -> u8 {
        if self.next == self.block.len() {
            self.refill();
        }
        self.next += 1;
        self.block[self.next - 1]
    }

    /// As many bytes as wanted.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// A whole number below `n` (by multiply and shift of 64 bits; the bias is far below what anybody could see).
    pub(super) fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(u64::from_le_bytes(self.bytes())) * u128::from(n);
        u64::try_from(wide >> 64).expect("the high half of a product of 64-bit numbers has 64 bits")
    }

    /// An index below `n`.
    pub(super) fn index(&mut self, n: usize) -> usize {
        if n <= 256 {
            // Sixteen bits are enough here and save hashing for digits and letters.
            return (usize::from(u16::from_le_bytes(self.bytes())) * n) >> 16;
        }
        usize::try_from(self.below(n as u64)).expect("below a usize")
    }

    /// One of the items.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// `0` to `9`.
    pub(super) fn digit(&mut self) -> char {
        char::from(b'0' + u8::try_from(self.index(10)).expect("below ten"))
    }

    /// `a` to `z`.
    pub(super) fn letter(&mut self) -> char {
        char::from(b'a' + u8::try_from(self.index(26)).expect("below 26"))
    }

    /// Appends lower-case base32 characters, each with five whole bits.
    pub(super) fn base32(&mut self, length: usize, out: &mut String) {
        (0..length).for_each(|_| out.push(char::from(BASE32[usize::from(self.byte() & 31)])));
    }

    /// Appends lower-case hexadecimal digits, each with four whole bits.
    pub(super) fn hex(&mut self, length: usize, out: &mut String) {
        (0..length).for_each(|_| out.push(char::from(HEX[usize::from(self.byte() & 15)])));
    }

    /// Replaces a character by one of its class: digits by digits, letters by ASCII letters of the same case, everything else stays.
    pub(super) fn like(&mut self, c: char) -> char {
        match c {
            c if c.is_numeric() => self.digit(),
            c if c.is_uppercase() => self.letter().to_ascii_uppercase(),
            c if c.is_alphabetic() => self.letter(),
            c => c,
        }
    }
}
