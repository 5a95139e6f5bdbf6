//! Network addresses: outputs come from the ranges reserved for documentation (RFC 5737, RFC 3849).

use super::args::Args;
use super::carrier::{Promise, wrong_type};
use super::draw::Prf;
use super::{Mask, MaskError, MaskTraits, Value};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

struct Ip {
    prf: Prf,
    traits: MaskTraits,
    limit: Option<usize>,
}

impl Ip {
    fn text(&self, text: &str) -> String {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, length.parse::<u32>().ok()),
            None => (text, None),
        };
        let old = address.trim().parse::<IpAddr>().ok();
        let room = self.limit.unwrap_or(usize::MAX);
        for attempt in 0..8 {
            let new = self.address(text.as_bytes(), attempt, old, length);
            let out = match length.filter(|_| old.is_some()) {
                Some(n) => format!("{new}/{n}"),
                None => new.to_string(),
            };
            if out != text && out.len() <= room {
                return out;
            }
        }
        // Short columns hold addresses of version 4 only, and so is this.
        "192.0.2.1".to_owned()
    }

    fn address(&self, key: &[u8], attempt: u32, old: Option<IpAddr>, length: Option<u32>) -> IpAddr {
        let mut draw = self.prf.draw(key, attempt);
        if let Some(IpAddr::V6(old)) = old {
            let low = u128::from_be_bytes(draw.bytes()) >> 32;
            let new = 0x2001_0db8_u128 << 96 | low;
            let host = length.and_then(|n| u128::MAX.checked_shr(n)).unwrap_or(0);
            // A network (no bits beyond its length) stays one, as the type `cidr` demands.
            let network = length.is_some() && u128::from(old) & host == 0;
            return Ipv6Addr::from(if network { new & !host } else { new }).into();
        }
        let base = draw.pick(&[[192u8, 0, 2], [198, 51, 100], [203, 0, 113]]);
        let last = u8::try_from(1 + draw.index(254)).expect("at most 254");
        let new = u32::from_be_bytes([base[0], base[1], base[2], last]);
        let host = length.and_then(|n| u32::MAX.checked_shr(n)).unwrap_or(0);
        let network = matches!(old, Some(IpAddr::V4(old)) if length.is_some() && u32::from(old) & host == 0);
        Ipv4Addr::from(if network { new & !host } else { new }).into()
    }
}

impl Mask for Ip {
    fn traits(&self) -> &MaskTraits {
        &self.traits
    }

    fn apply<'v>(&self, _: &[u8], value: Value<'v>) -> Result<Value<'v>, MaskError> {
        Ok(match value {
            Value::Null => Value::Null,
            Value::Text(t) if t.trim().is_empty() => Value::Text(t),
            Value::Text(t) => Value::Text(Cow::Owned(self.text(&t))),
            Value::Inet(t) => Value::Inet(Cow::Owned(self.text(&t))),
            other => return Err(wrong_type("ip", &other)),
        })
    }
}

/// `ip`.
pub(super) fn ip(args: &mut Args<'_>) -> Box<dyn Mask> {
    const LONGEST: usize = 43;
    const SHORTEST: usize = 15;
    if args.limit().is_some_and(|limit| limit < SHORTEST) {
        args.too_short(SHORTEST, "use `null` or `constant`");
    }
    let traits = Promise::lossy(Some(LONGEST)).traits(args.limit());
    Box::new(Ip { prf: Prf::new(args.key, "ip"), traits, limit: args.limit() })
}
