//! Outputs without meaning: hashes, tokens, partly blanked text, password hashes.

use super::Mask;
use super::args::Args;
use super::carrier::{Carrier, Input, Promise, TextMask};
use super::draw::Prf;
use crate::finding::Finding;

/// Fewer characters than this are no pseudonym but a label.
const SHORTEST: usize = 4;

struct Opaque {
    prf: Prf,
    prefix: String,
    length: usize,
    hex: bool,
}

impl TextMask for Opaque {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let mut draw = self.prf.draw(input.key, input.attempt);
        out.push_str(&self.prefix);
        if self.hex {
            draw.hex(self.length, out)
        } else {
            draw.base32(self.length, out)
        }
        Ok(())
    }
}

/// The length: as written, or the usual one cut to the column.
fn length(args: &mut Args<'_>, usual: usize, prefix: usize) -> usize {
    let room = args.limit().map_or(usize::MAX, |limit| limit.saturating_sub(prefix));
    let wanted = args.whole("length", SHORTEST..=128);
    let length = wanted.unwrap_or_else(|| usual.min(room));
    if length > room || length < SHORTEST {
        args.too_short(prefix + length.max(SHORTEST), "give a smaller `length`, or use `null`, `constant` or `partial`");
    }
    length
}

/// `hash`.
pub(super) fn hash(args: &mut Args<'_>) -> Box<dyn Mask> {
    let length = length(args, 32, 0);
    let mask = Opaque { prf: Prf::new(args.key, "hash"), prefix: String::new(), length, hex: true };
    Carrier::boxed(args, mask, Promise::bits(length * 4, length))
}

/// `token`.
pub(super) fn token(args: &mut Args<'_>) -> Box<dyn Mask> {
    let prefix = args.text("prefix").unwrap_or_default().to_owned();
    let prefix_length = prefix.chars().count();
    let length = length(args, 24, prefix_length);
    let promise = Promise::bits(length * 5, prefix_length + length);
    Carrier::boxed(args, Opaque { prf: Prf::new(args.key, "token"), prefix, length, hex: false }, promise)
}

struct Partial {
    first: usize,
    last: usize,
    with: char,
}

impl TextMask for Partial {
    fn write(&self, input: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        let count = input.text.chars().count();
        // Where everything would be kept, nothing is.
        let (first, last) = if self.first + self.last >= count { (0, 0) } else { (self.first, self.last) };
        out.extend(input.text.chars().enumerate().map(|(i, c)| if i < first || i >= count - last { c } else { self.with }));
        Ok(())
    }

    fn has_choice(&self) -> bool {
        false
    }
}

/// `partial`.
pub(super) fn partial(args: &mut Args<'_>) -> Box<dyn Mask> {
    let first = args.whole("keep_first", 0..=64).unwrap_or(1);
    let last = args.whole("keep_last", 0..=64).unwrap_or(0);
    let with = args.text("with").unwrap_or("*");
    let mut chars = with.chars();
    let with = match (chars.next(), chars.next()) {
        (Some(c), None) if !c.is_whitespace() && !c.is_control() => c,
        _ => {
            args.bad("with", "must be one visible character");
            '*'
        }
    };
    Carrier::boxed(args, Partial { first, last, with }, Promise::lossy(None))
}

struct Fixed(String);

impl TextMask for Fixed {
    fn write(&self, _: &Input<'_>, out: &mut String) -> Result<(), &'static str> {
        out.push_str(&self.0);
        Ok(())
    }

    fn has_choice(&self) -> bool {
        false
    }
}

/// `password_hash`.
pub(super) fn password_hash(args: &mut Args<'_>) -> Box<dyn Mask> {
    let value = args.required_text("value").to_owned();
    if !value.is_empty() && !looks_like_password_hash(&value) {
        // The value itself is not quoted: somebody may have written a password there.
        let message = "parameter `value` of mask `password_hash` is no password hash of a known shape";
        let hint = "give the stored hash of a test password: bcrypt, argon2, pbkdf2, scrypt, crypt or hexadecimal digits";
        args.findings.push(Finding::error("GR0308", message).hint(hint));
    }
    args.must_fit(&value, "the application itself could not store this hash here; check the column and the hash");
    let length = value.chars().count();
    Carrier::boxed(args, Fixed(value), Promise::lossy(Some(length)))
}

/// Whether a text has the shape of a stored password hash. Shapes: bcrypt, PHC strings and crypt(3) (`$id$…$…`), Django
/// (`algorithm$iterations$salt$hash`), LDAP (`{SSHA}…`), hexadecimal digests of the usual lengths.
fn looks_like_password_hash(text: &str) -> bool {
    let visible = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_graphic());
    let base64 = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"./+=-_".contains(&b));
    if !visible(text) {
        return false;
    }
    if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|p| text.starts_with(p)) {
        return text.len() == 60 && text[4..6].bytes().all(|b| b.is_ascii_digit()) && &text[6..7] == "$" && base64(&text[7..]);
    }
    if let Some(rest) = text.strip_prefix('$') {
        let parts: Vec<&str> = rest.split('$').collect();
        return parts.len() >= 3 && parts.iter().all(|p| !p.is_empty()) && parts.last().is_some_and(|p| base64(p) && p.len() >= 16);
    }
    if let Some((scheme, rest)) = text.strip_prefix('{').and_then(|t| t.split_once('}')) {
        return !scheme.is_empty() && rest.len() >= 16;
    }
    if text.contains('$') {
        let parts: Vec<&str> = text.split('$').collect();
        return parts.len() >= 3 && parts.last().is_some_and(|p| base64(p) && p.len() >= 16);
    }
    matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128) && text.bytes().all(|b| b.is_ascii_hexdigit())
}
