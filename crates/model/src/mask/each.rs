//! A mask on every element of a text array.

use super::args::Args;
use super::carrier::{Promise, wrong_type};
use super::json::inner_rule;
use super::{Mask, MaskError, MaskTraits, Value};
use crate::catalog::{Column, Family};
use std::borrow::Cow;

struct Each {
    inner: Box<dyn Mask>,
    traits: MaskTraits,
}

impl Mask for Each {
    fn traits(&self) -> &MaskTraits {
        &self.traits
    }

    fn apply<'v>(&self, identity: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        let items = match value {
            Value::Null => return Ok(Value::Null),
            Value::TextArray(items) => items,
            other => return Err(wrong_type("each", &other)),
        };
        let mask = |(index, item): (usize, Option<Cow<'v, str>>)| {
            let Some(text) = item else { return Ok(None) };
            // The elements are different people.
            let identity = [identity, &[0], &index.to_le_bytes()].concat();
            match self.inner.apply(&identity, Value::Text(text))? {
                Value::Text(new) => Ok(Some(new)),
                Value::Null => Ok(None),
                other => Err(wrong_type("each", &other)),
            }
        };
        items.into_iter().enumerate().map(mask).collect::<Result<Vec<_>, _>>().map(Value::TextArray)
    }
}

/// `each`.
pub(super) fn each(args: &mut Args<'_>) -> Option<Box<dyn Mask>> {
    let Some(rule) = args.raw("mask").and_then(inner_rule) else {
        args.bad("mask", "must be a mask: `\"name\"` or `{ mask = \"name\" }`");
        return None;
    };
    // Elements may be NULL whatever the column says.
    let column = Column { family: Family::Text, nullable: true, ..args.column.clone() };
    let inner = super::compile(&rule, &column, args.key).map_err(|findings| args.findings.extend(findings)).ok()?;
    let traits = MaskTraits { by_identity: inner.traits().by_identity, ..Promise::lossy(None).traits(None) };
    Some(Box::new(Each { inner, traits }))
}
