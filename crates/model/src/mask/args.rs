//! A rule's parameters against a column. Owns reading and checking parameters and collecting the findings; does not own the masks.

use super::{DomainKey, MaskRule};
use crate::catalog::{Column, Family};
use crate::finding::Finding;
use std::ops::RangeInclusive;

/// What a mask is made from. Reading a bad parameter records a finding and gives the default, so that one pass finds everything.
pub(super) struct Args<'a> {
    pub(super) rule: &'a MaskRule,
    pub(super) column: &'a Column,
    pub(super) key: &'a DomainKey,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Args<'a> {
    pub(super) fn new(rule: &'a MaskRule, column: &'a Column, key: &'a DomainKey) -> Args<'a> {
        Args { rule, column, key, findings: Vec::new() }
    }

    /// The parameter as written.
    pub(super) fn raw(&self, name: &str) -> Option<&'a serde_json::Value> {
        self.rule.params.get(name)
    }

    /// Records a parameter that cannot be used.
    pub(super) fn bad(&mut self, name: &str, why: &str) {
        let mask = &self.rule.name;
        let hint = format!("correct `{name}` of mask `{mask}`; `docs/masks.md` lists what it takes");
        self.findings.push(Finding::error("GR0303", format!("parameter `{name}` of mask `{mask}` {why}")).hint(hint));
    }

    /// A text parameter.
    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        let raw = self.raw(name)?;
        let text = raw.as_str();
        if text.is_none() {
            self.bad(name, "must be text");
        }
        text
    }

    /// A text parameter that must be there.
    pub(super) fn required_text(&mut self, name: &str) -> &'a str {
        if self.raw(name).is_none() {
            self.bad(name, "is missing");
        }
        self.text(name).unwrap_or_default()
    }

    /// One of several words; the first is the default.
    pub(super) fn choice(&mut self, name: &str, words: &[&'static str]) -> &'static str {
        let Some(text) = self.text(name) else { return words[0] };
        if let Some(word) = words.iter().find(|w| **w == text) {
            return word;
        }
        let list = words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ");
        self.bad(name, &format!("must be one of {list}"));
        words[0]
    }

    /// A whole number, if given.
    pub(super) fn whole(&mut self, name: &str, range: RangeInclusive<usize>) -> Option<usize> {
        let raw = self.raw(name)?;
        let number = raw.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| range.contains(n));
        if number.is_none() {
            self.bad(name, &format!("must be a whole number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// A truth value.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.raw(name) {
            None => default,
            Some(serde_json::Value::Bool(b)) => *b,
            Some(_) => {
                self.bad(name, "must be `true` or `false`");
                default
            }
        }
    }

    /// The most characters (bytes in binary columns) that the column holds.
    pub(super) fn limit(&self) -> Option<usize> {
        let textual = matches!(self.column.family, Family::Text | Family::Any | Family::Bytes | Family::Json | Family::TextArray);
        self.column.max_length.filter(|_| textual).and_then(|n| usize::try_from(n).ok())
    }

    /// Records that the shortest output worth having does not fit.
    pub(super) fn too_short(&mut self, needed: usize, hint: &str) {
        let limit = self.limit().unwrap_or_default();
        let message =
            format!("mask `{}` needs {needed} characters, but column `{}` holds at most {limit}", self.rule.name, self.column.name);
        self.findings.push(Finding::error("GR0305", message).hint(hint));
    }

    /// Checks that a fixed output fits.
    pub(super) fn must_fit(&mut self, output: &str, hint: &str) {
        let length = if self.column.family == Family::Bytes { output.len() } else { output.chars().count() };
        if self.limit().is_some_and(|limit| length > limit) {
            self.too_short(length, hint);
        }
    }

    /// Records a mask that gives NULL on a column that forbids it.
    pub(super) fn must_be_nullable(&mut self) {
        if !self.column.nullable {
            let message = format!("mask `{}` may give NULL, but column `{}` is NOT NULL", self.rule.name, self.column.name);
            self.findings.push(Finding::error("GR0306", message).hint("use `constant`, `empty` or another mask for this column"));
        }
    }
}
