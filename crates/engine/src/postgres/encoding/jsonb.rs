//! The canonical text of `jsonb`: what the server prints after it has taken a document apart. Masks write JSON as they please; digests
//! compare what is stored (P40), so that what is sent must already be what comes back.
//!
//! Rules (server's `jsonb` input and output): keys sorted by length, then by bytes; of equal keys the last wins; `, ` and `: ` between;
//! numbers as `numeric` prints them; the few characters escaped that must be.

use super::numeric;
use crate::error::{EngineError, ErrorKind, Result};

enum Node {
    Plain(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

fn bad(why: &str) -> EngineError {
    EngineError::new(ErrorKind::Data, "write JSON", why)
}

/// Canonical text.
pub(crate) fn canonical(text: &str) -> Result<String> {
    let mut reader = Reader { rest: text.as_bytes(), depth: 0 };
    let node = reader.node()?;
    reader.blanks();
    if !reader.rest.is_empty() {
        return Err(bad("text follows the document"));
    }
    let mut out = String::with_capacity(text.len());
    print(&node, &mut out);
    Ok(out)
}

struct Reader<'a> {
    rest: &'a [u8],
    depth: u32,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        while let Some((b' ' | b'\t' | b'\n' | b'\r', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.blanks();
        match self.rest.split_first() {
            Some((b, rest)) if *b == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn node(&mut self) -> Result<Node> {
        self.blanks();
        self.depth += 1;
        if self.depth > 500 {
            return Err(bad("the document is nested too deeply"));
        }
        let node = match self.rest.first() {
            Some(b'{') => self.object()?,
            Some(b'[') => self.list()?,
            Some(b'"') => Node::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Node::Plain(self.number()?),
            _ => {
                let word = ["true", "false", "null"].into_iter().find(|w| self.rest.starts_with(w.as_bytes()));
                let word = word.ok_or_else(|| bad("the document is not well formed"))?;
                self.rest = &self.rest[word.len()..];
                Node::Plain(word.to_owned())
            }
        };
        self.depth -= 1;
        Ok(node)
    }

    fn object(&mut self) -> Result<Node> {
        self.take(b'{');
        let mut members: Vec<(String, Node)> = Vec::new();
        if self.take(b'}') {
            return Ok(Node::Object(members));
        }
        loop {
            self.blanks();
            let key = self.string()?;
            if !self.take(b':') {
                return Err(bad("a colon is missing"));
            }
            members.push((key, self.node()?));
            if self.take(b'}') {
                break;
            }
            if !self.take(b',') {
                return Err(bad("a comma is missing"));
            }
        }
        // Stable, so that the last of equal keys is the last of its group.
        members.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes())));
        let mut kept: Vec<(String, Node)> = Vec::with_capacity(members.len());
        for member in members {
            match kept.last_mut() {
                Some(last) if last.0 == member.0 => *last = member,
                _ => kept.push(member),
            }
        }
        Ok(Node::Object(kept))
    }

    fn list(&mut self) -> Result<Node> {
        self.take(b'[');
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Node::List(items));
        }
        loop {
            items.push(self.node()?);
            if self.take(b']') {
                return Ok(Node::List(items));
            }
            if !self.take(b',') {
                return Err(bad("a comma is missing"));
            }
        }
    }

    /// A string is small and rare enough to leave its escapes to serde_json.
    fn string(&mut self) -> Result<String> {
        if self.rest.first() != Some(&b'"') {
            return Err(bad("a string is missing"));
        }
        let mut end = 1;
        loop {
            match self.rest.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(bad("a string does not end")),
            }
        }
        let text: String = serde_json::from_slice(&self.rest[..=end]).map_err(|_| bad("a string is not well formed"))?;
        if text.contains('\0') {
            return Err(bad("a string holds the character U+0000, which jsonb cannot store"));
        }
        self.rest = &self.rest[end + 1..];
        Ok(text)
    }

    fn number(&mut self) -> Result<String> {
        let end = self.rest.iter().position(|b| !matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')).unwrap_or(self.rest.len());
        let text = std::str::from_utf8(&self.rest[..end]).map_err(|_| bad("a number is not well formed"))?;
        self.rest = &self.rest[end..];
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i32 = exponent.parse().map_err(|_| bad("a number is not well formed"))?;
        if exponent.abs() > 16_000 {
            return Err(bad("a number is out of range"));
        }
        numeric::canonical(&shifted(mantissa, exponent), None)
    }
}

/// Moves the point of a plain decimal.
fn shifted(mantissa: &str, exponent: i32) -> String {
    if exponent == 0 {
        return mantissa.to_owned();
    }
    let (sign, unsigned) = mantissa.strip_prefix('-').map_or(("", mantissa), |m| ("-", m));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut digits = format!("{whole}{fraction}");
    let by = exponent.unsigned_abs() as usize;
    if exponent > 0 {
        while digits.len() < whole.len() + by {
            digits.push('0');
        }
        let point = whole.len() + by;
        let (a, b) = digits.split_at(point);
        if b.is_empty() { format!("{sign}{a}") } else { format!("{sign}{a}.{b}") }
    } else {
        let zeros = (by + 1).saturating_sub(whole.len());
        let padded = format!("{}{digits}", "0".repeat(zeros));
        let (a, b) = padded.split_at(whole.len() + zeros - by);
        format!("{sign}{a}.{b}")
    }
}

fn print(node: &Node, out: &mut String) {
    match node {
        Node::Plain(text) => out.push_str(text),
        Node::Text(text) => quote(text, out),
        Node::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                print(item, out);
            }
            out.push(']');
        }
        Node::Object(members) => {
            out.push('{');
            for (i, (key, item)) in members.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                quote(key, out);
                out.push_str(": ");
                print(item, out);
            }
            out.push('}');
        }
    }
}

fn quote(text: &str, out: &mut String) {
    use std::fmt::Write;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a String cannot fail.
            c if u32::from(c) < 0x20 => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn documents_come_out_as_the_server_prints_them() {
        for (given, wanted) in [
            (r#"{"bb":1,"a":2,"a":[1,2.50,{"x":null}]}"#, r#"{"a": [1, 2.50, {"x": null}], "bb": 1}"#),
            ("1e5", "100000"),
            ("1.5e-3", "0.0015"),
            ("12.345e1", "123.45"),
            ("-0", "0"),
            (r#""\u00e4\n\/""#, "\"ä\\n/\""),
            ("[]", "[]"),
            ("{ }", "{}"),
        ] {
            assert_eq!(canonical(given).unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["", "{", "[1,]", "nul", "1 2", "\"\\u0000\"", "{\"a\" 1}"] {
            assert!(canonical(text).is_err(), "{text}");
        }
    }
}
