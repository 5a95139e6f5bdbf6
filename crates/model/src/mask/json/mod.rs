//! Masks inside JSON documents. Owns the walk that rewrites values at paths and leaves every other byte as it is; does not own the masks
//! it applies there.

mod path;

use super::args::Args;
use super::carrier::{Input, Promise, TextMask, wrong_type};
use super::draw::Prf;
use super::redact::{Mode, Redact};
use super::{Mask, MaskError, MaskRule, MaskTraits, Value};
use crate::catalog::{Column, Family};
use crate::finding::Finding;
use path::{Path, Step};
use std::borrow::Cow;

/// Documents nested deeper count as malformed, so that none can exhaust the stack.
const DEEPEST: usize = 200;

struct Json {
    paths: Vec<(Path, Box<dyn Mask>)>,
    on_invalid: &'static str,
    redact: Redact,
    limit: Option<usize>,
    traits: MaskTraits,
}

struct Walk<'a> {
    mask: &'a Json,
    text: &'a str,
    at: usize,
    /// Everything before this byte is in `out` already.
    copied: usize,
    out: String,
    way: Vec<Step>,
    identity: &'a [u8],
}

const INVALID: &str = "not valid JSON";

impl Walk<'_> {
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over a value; the document is known to be valid.
    fn skip(&mut self) {
        let bytes = self.text.as_bytes();
        let mut depth = 0usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    while let Some(b) = bytes.get(self.at) {
                        self.at += if *b == b'\\' { 2 } else { 1 };
                        if *b == b'"' {
                            break;
                        }
                    }
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                Some(b',' | b':') => self.at += 1,
                Some(_) => {
                    let scalar = |b: &&u8| !b.is_ascii_whitespace() && !matches!(b, b',' | b':' | b'}' | b']');
                    self.at += bytes[self.at..].iter().take_while(scalar).count();
                }
                None => return,
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn value(&mut self) -> Result<(), &'static str> {
        if self.way.len() > DEEPEST {
            return Err("nested too deeply");
        }
        let first = self.peek().ok_or(INVALID)?;
        let mask = self.mask;
        if let Some((_, inner)) = mask.paths.iter().find(|(path, _)| path.matches(&self.way)) {
            let start = self.at;
            self.skip();
            let new = self.replace(inner.as_ref(), &self.text[start..self.at])?;
            self.out.push_str(&self.text[self.copied..start]);
            self.out.push_str(&new);
            self.copied = self.at;
            return Ok(());
        }
        let close = match first {
            b'{' => b'}',
            b'[' => b']',
            _ => {
                self.skip();
                return Ok(());
            }
        };
        self.at += 1;
        let mut index = 0;
        while self.peek().ok_or(INVALID)? != close {
            if close == b'}' {
                let start = self.at;
                self.skip();
                self.way.push(Step::Name(serde_json::from_str(&self.text[start..self.at]).map_err(|_| INVALID)?));
                self.peek();
                self.at += 1;
            } else {
                self.way.push(Step::Index(index));
                index += 1;
            }
            self.value()?;
            self.way.pop();
            if self.peek() == Some(b',') {
                self.at += 1;
            }
        }
        self.at += 1;
        Ok(())
    }

    fn replace(&self, inner: &dyn Mask, raw: &str) -> Result<String, &'static str> {
        let old = match raw.as_bytes().first() {
            Some(b'"') => Value::Text(Cow::Owned(serde_json::from_str(raw).map_err(|_| INVALID)?)),
            Some(b'{' | b'[') => Value::Json(Cow::Borrowed(raw)),
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') => Value::Null,
            _ => match raw.parse::<i64>() {
                Ok(n) => Value::Int(n),
                Err(_) if raw.contains(['e', 'E']) => Value::Float(raw.parse().map_err(|_| INVALID)?),
                Err(_) => Value::Decimal(Cow::Borrowed(raw)),
            },
        };
        // The elements of an array are different people.
        let mut identity = Cow::Borrowed(self.identity);
        for step in &self.way {
            if let Step::Index(i) = step {
                identity.to_mut().push(0);
                identity.to_mut().extend_from_slice(&i.to_le_bytes());
            }
        }
        let new = inner.apply(&identity, old).map_err(|_| "a value at one of the paths is not one its mask takes")?;
        Ok(match new {
            Value::Null => "null".to_owned(),
            Value::Bool(b) => b.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Float(x) => serde_json::Number::from_f64(x).map_or_else(|| "null".to_owned(), |n| n.to_string()),
            Value::Decimal(t) | Value::Json(t) => t.into_owned(),
            Value::Text(t) => serde_json::Value::String(t.into_owned()).to_string(),
            _ => return Err("a mask gave something that JSON cannot hold"),
        })
    }
}

impl Json {
    fn rewrite(&self, identity: &[u8], text: &str) -> Result<String, &'static str> {
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_| INVALID)?;
        let out = String::with_capacity(text.len() + 64);
        let mut walk = Walk { mask: self, text, at: 0, copied: 0, out, way: Vec::new(), identity };
        walk.value()?;
        walk.out.push_str(&text[walk.copied..]);
        if self.limit.is_some_and(|limit| walk.out.len() > limit && walk.out.chars().count() > limit) {
            return Err("the masked document is too long for the column");
        }
        Ok(walk.out)
    }
}

impl Mask for Json {
    fn traits(&self) -> &MaskTraits {
        &self.traits
    }

    fn apply<'v>(&self, identity: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        let (text, is_json) = match value {
            Value::Null => return Ok(Value::Null),
            Value::Text(t) if t.trim().is_empty() => return Ok(Value::Text(t)),
            Value::Text(t) => (t, false),
            Value::Json(t) => (t, true),
            other => return Err(wrong_type("json", &other)),
        };
        let wrap = |t: String| if is_json { Value::Json(Cow::Owned(t)) } else { Value::Text(Cow::Owned(t)) };
        match (self.rewrite(identity, &text), self.on_invalid) {
            (Ok(new), _) => Ok(wrap(new)),
            (Err(_), "null") => Ok(Value::Null),
            // A column of type JSON takes nothing but JSON, which dummy words are not.
            (Err(_), "redact") if is_json => Ok(wrap("{}".to_owned())),
            (Err(_), "redact") => {
                let mut out = String::new();
                let input = Input { identity, key: text.as_bytes(), text: &text, attempt: 0 };
                self.redact.write(&input, &mut out).map_err(|why| MaskError::Malformed { mask: "json".to_owned(), why })?;
                Ok(wrap(out))
            }
            (Err(why), _) => Err(MaskError::Malformed { mask: "json".to_owned(), why }),
        }
    }
}

/// Reads `"email"` or `{ mask = "email", domain = "…" }`.
pub(super) fn inner_rule(raw: &serde_json::Value) -> Option<MaskRule> {
    match raw {
        serde_json::Value::String(name) => Some(MaskRule { name: name.clone(), params: Default::default() }),
        serde_json::Value::Object(map) => {
            let name = map.get("mask")?.as_str()?.to_owned();
            let params = map.iter().filter(|(k, _)| *k != "mask").map(|(k, v)| (k.clone(), v.clone())).collect();
            Some(MaskRule { name, params })
        }
        _ => None,
    }
}

/// `json`.
pub(super) fn json(args: &mut Args<'_>) -> Box<dyn Mask> {
    let on_invalid = args.choice("on_invalid", &["error", "null", "redact"]);
    if on_invalid == "null" {
        args.must_be_nullable();
    }
    // Inside a document nothing bounds a value, and its own kind decides.
    let column = Column {
        family: Family::Any,
        native_type: String::new(),
        max_length: None,
        precision: None,
        nullable: true,
        ..args.column.clone()
    };
    let mut paths = Vec::new();
    let written = args.raw("paths").and_then(serde_json::Value::as_object).filter(|map| !map.is_empty());
    if written.is_none() {
        args.bad("paths", "must be a table of at least one path and its mask");
    }
    for (text, raw) in written.into_iter().flatten() {
        let Some(path) = Path::parse(text) else {
            let message = format!("mask `json` does not understand the path `{text}`");
            args.findings.push(Finding::error("GR0310", message).hint("write `$.name`, `$.list[*].name`, `$['odd name']` or `$..name`"));
            continue;
        };
        let Some(rule) = inner_rule(raw) else {
            args.bad("paths", &format!("has no mask at `{text}`: write `\"name\"` or `{{ mask = \"name\" }}`"));
            continue;
        };
        match super::compile(&rule, &column, args.key) {
            Ok(mask) => paths.push((path, mask)),
            Err(findings) => args.findings.extend(findings),
        }
    }
    let mut traits = Promise::lossy(None).traits(None);
    traits.max_output = args.limit().and_then(|n| u32::try_from(n).ok());
    traits.by_identity = paths.iter().any(|(_, m)| m.traits().by_identity);
    traits.may_null = on_invalid == "null";
    let redact = Redact::new(Prf::new(args.key, "redact"), Mode::Lorem);
    Box::new(Json { paths, on_invalid, redact, limit: args.limit(), traits })
}
