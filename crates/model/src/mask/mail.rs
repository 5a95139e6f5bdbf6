//! E-mail addresses, user names and web addresses. Owns their shape and the reserved domains; does not own the person behind them.

use super::Mask;
use super::args::Args;
use super::carrier::{Carrier, Input, Promise, TextMask};
use super::draw::Prf;
use super::person::People;
use super::words::push_ascii;
use crate::finding::Finding;

/// Base32 characters that make an output distinct: 100 keyed bits.
const TAIL: usize = 20;
/// Base32 characters where equal outputs are acceptable.
const SHORT_TAIL: usize = 6;
/// Longest readable part; the tail must stay within the 64 characters that RFC 5321 allows before the `@`.
const NAMES: usize = 40;

/// Whether nobody can ever receive mail there (RFC 2606, RFC 6761).
pub(super) fn is_reserved(domain: &str) -> bool {
    let lower = domain.to_ascii_lowercase();
    let within = |zone: &str| lower == zone || lower.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'));
    let shape = !lower.is_empty() && lower.split('.').all(|l| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    shape && ["invalid", "test", "example", "example.com", "example.org", "example.net"].into_iter().any(within)
}

struct Address {
    people: People,
    tail: Prf,
    tail_length: usize,
    /// Characters of names and separator before the tail; 0 leaves them out.
    names: usize,
    /// `@` and the domain; empty for user names.
    domain: String,
}

impl TextMask for Address {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        if self.names > 0 {
            let person = self.people.find(input.identity, input.attempt);
            push_ascii(person.first, out);
            out.push('.');
            push_ascii(person.last, out);
            out.truncate(self.names - 1);
            if !out.ends_with('.') {
                out.push('.');
            }
        }
        // From the value, not the identity: two addresses of one person stay two.
        self.tail.draw(input.key, input.attempt).base32(self.tail_length, out);
        out.push_str(&self.domain);
        Ok(())
    }
}

fn address(args: &mut Args<'_>, domain: String) -> Box<dyn Mask> {
    let unique = args.flag("unique", true);
    let tail_length = if unique { TAIL } else { SHORT_TAIL };
    let fixed = tail_length + domain.len();
    let room = args.limit().unwrap_or(usize::MAX);
    if fixed > room {
        let hint = if unique {
            "set `unique = false` if no unique index needs different values, or use a shorter `domain` or another mask"
        } else {
            "use a shorter `domain`, or `null`, `constant` or `partial`"
        };
        args.too_short(fixed, hint);
    }
    // Fewer than four characters of a name only look odd.
    let names = Some(room.saturating_sub(fixed).min(NAMES)).filter(|n| *n >= 4).unwrap_or(0);
    let promise = Promise::bits(tail_length * 5, names + fixed).by_identity();
    let mask = Address { people: People::new(args.key), tail: Prf::new(args.key, "mail"), tail_length, names, domain };
    Carrier::boxed(args, mask, promise)
}

/// `email`.
pub(super) fn email(args: &mut Args<'_>) -> Box<dyn Mask> {
    let domain = args.text("domain").unwrap_or("example.invalid");
    if !is_reserved(domain) {
        let message = format!("mask `email` may not write addresses at `{domain}`, where somebody could receive mail");
        let hint = "use a domain that ends in `.invalid`, `.test` or `.example`, or `example.com`, `example.org` or `example.net`";
        args.findings.push(Finding::error("GR0307", message).hint(hint));
    }
    let domain = format!("@{}", domain.to_ascii_lowercase());
    address(args, domain)
}

/// `user_name`.
pub(super) fn user_name(args: &mut Args<'_>) -> Box<dyn Mask> {
    address(args, String::new())
}

struct Url {
    prf: Prf,
    length: usize,
    room: usize,
}

const ZONE: &str = ".example.invalid/";

impl TextMask for Url {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let scheme = ["https://", "http://", "ftp://"].into_iter().find(|s| input.text.starts_with(s)).unwrap_or("https://");
        // A column with room for `http` only gets that for everything.
        out.push_str(if scheme.len() <= self.room { scheme } else { "ftp://" });
        out.push('w');
        self.prf.draw(input.key, input.attempt).base32(self.length, out);
        out.push_str(ZONE);
        Ok(())
    }
}

/// `url`.
pub(super) fn url(args: &mut Args<'_>) -> Box<dyn Mask> {
    let unique = args.flag("unique", true);
    let length = if unique { TAIL } else { SHORT_TAIL };
    let fixed = 1 + length + ZONE.len();
    let longest = fixed + "https://".len();
    let limit = args.limit().unwrap_or(longest);
    let shortest = fixed + "ftp://".len();
    if limit < shortest {
        let hint = if unique { "set `unique = false`, or use `null` or `constant`" } else { "use `null` or `constant`" };
        args.too_short(shortest, hint);
    }
    let room = limit.saturating_sub(fixed);
    let mask = Url { prf: Prf::new(args.key, "url"), length, room };
    Carrier::boxed(args, mask, Promise::bits(length * 5, longest))
}
