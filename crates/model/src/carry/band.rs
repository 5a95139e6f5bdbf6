//! The band of identities that is reserved for what people configure on the pilot, so that production, which goes on counting, never gives the
//! same number to something else (P20). Owns the arithmetic; does not own how an engine moves a sequence or an identity there.

use crate::catalog::{Column, EngineKind, Family};
use crate::finding::Finding;
use serde::{Deserialize, Serialize};

/// Identities in a band unless the type leaves less.
pub const WANTED: i128 = 1_000_000;
/// A band smaller than this would be full before the pilot is configured.
pub const LEAST: i128 = 64;

/// A reserved range of identities of one column, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// First.
    pub first: i128,
    /// Last.
    pub last: i128,
}

impl Band {
    /// Whether an identity lies in it.
    pub fn contains(self, identity: i128) -> bool {
        (self.first..=self.last).contains(&identity)
    }

    /// The identity that the pilot gives next, where the highest that it gave within the band is known; none when the band is full.
    pub fn next(self, highest: Option<i128>) -> Option<i128> {
        let next = highest.map_or(self.first, |h| h.saturating_add(1).max(self.first));
        (next <= self.last).then_some(next)
    }
}

/// The range of whole numbers that a column holds; none for columns that hold something else.
pub fn range_of(engine: EngineKind, column: &Column) -> Option<(i128, i128)> {
    let bits = |n: u32| (-(1i128 << (n - 1)), (1i128 << (n - 1)) - 1);
    let unsigned = |n: u32| (0, (1i128 << n) - 1);
    if column.family == Family::Decimal {
        let (digits, scale) = column.precision?;
        let most = 10i128.checked_pow(digits.min(36))? - 1;
        return (scale == 0).then_some((-most, most));
    }
    if column.family != Family::Integer {
        return None;
    }
    let native = column.native_type.to_ascii_lowercase();
    let word = native.split([' ', '(']).next().unwrap_or_default();
    if engine == EngineKind::Sqlite || engine == EngineKind::Fake {
        return Some(bits(64));
    }
    let wide = match word {
        "tinyint" if engine == EngineKind::Mssql => return Some(unsigned(8)),
        "tinyint" => 8,
        "smallint" | "int2" | "smallserial" => 16,
        "mediumint" => 24,
        "int" | "integer" | "int4" | "serial" => 32,
        "bigint" | "int8" | "bigserial" => 64,
        _ => return None,
    };
    Some(if native.contains("unsigned") { unsigned(wide) } else { bits(wide) })
}

/// Chooses the band of one column. `highest` is production's highest identity, `range` what the column's type holds, `former` the band of the
/// generation before, which is kept while it is far enough away. Production gets room to grow to ten times its highest number, and by a
/// thousand at least (a quarter of the type's range where that is less).
///
/// # Errors
/// GR0809 when the type leaves no room for a band above that. The message names the column.
pub fn band(named: &str, range: (i128, i128), highest: Option<i128>, former: Option<Band>) -> Result<Band, Finding> {
    let (_, most) = range;
    let now = highest.unwrap_or(0).clamp(0, most);
    let room = (now.saturating_mul(9)).max(1_000.min(most / 4));
    let free = now.saturating_add(room).saturating_add(1);
    if let Some(former) = former.filter(|f| f.first >= now.saturating_add(room / 2) && f.last <= most) {
        return Ok(former);
    }
    let round = std::iter::successors(Some(1_000i128), |n| n.checked_mul(10)).find(|n| *n >= free).filter(|n| n + WANTED - 1 <= most);
    if let Some(first) = round {
        return Ok(Band { first, last: first + WANTED - 1 });
    }
    let size = WANTED.min(most - free + 1);
    if size < LEAST {
        let message = format!("the type of `{named}` leaves no room for a band of identities above production's");
        let hint =
            "widen the column with the upgrade, or give the pilot's new rows their identities by hand and leave the column out of the band";
        return Err(Finding::error("GR0809", message).hint(hint));
    }
    Ok(Band { first: most - size + 1, last: most })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INT: (i128, i128) = (-(1 << 31), (1 << 31) - 1);

    #[test]
    fn a_band_starts_at_a_round_number_far_above_production() {
        assert_eq!(band("t.id", INT, Some(42), None).unwrap(), Band { first: 10_000, last: 1_009_999 });
        assert_eq!(band("t.id", INT, None, None).unwrap().first, 10_000);
        assert_eq!(band("t.id", INT, Some(123_456), None).unwrap().first, 10_000_000);
    }

    #[test]
    fn a_narrow_type_gets_its_upper_end_or_is_refused() {
        assert_eq!(band("t.id", (-32768, 32767), Some(2_000), None).unwrap(), Band { first: 20_001, last: 32_767 });
        assert_eq!(band("t.id", (0, 255), Some(12), None).unwrap(), Band { first: 121, last: 255 });
        let refused = band("t.id", (-32768, 32767), Some(30_000), None).unwrap_err();
        assert_eq!(refused.code, "GR0809");
        assert!(refused.message.contains("`t.id`") && !refused.message.contains("30"), "{}", refused.message);
        assert!(band("t.id", (-128, 127), Some(100), None).is_err());
    }

    #[test]
    fn a_band_stays_until_production_comes_near() {
        let former = Band { first: 10_000, last: 1_009_999 };
        assert_eq!(band("t.id", INT, Some(900), Some(former)).unwrap(), former);
        assert_eq!(band("t.id", INT, Some(9_000), Some(former)).unwrap().first, 100_000);
        assert_ne!(band("t.id", (-32768, 32767), Some(5), Some(former)).unwrap(), former, "the type became smaller");
    }

    #[test]
    fn identities_are_given_within_the_band_until_it_is_full() {
        let band = Band { first: 100, last: 102 };
        assert_eq!([None, Some(7), Some(100), Some(102)].map(|h| band.next(h)), [Some(100), Some(100), Some(101), None]);
        assert!(band.contains(102) && !band.contains(103));
    }

    #[test]
    fn types_are_as_wide_as_their_engine_makes_them() {
        let column = |native: &str, family| Column {
            name: "id".into(),
            native_type: native.into(),
            family,
            max_length: None,
            precision: (family == Family::Decimal).then_some((5, 0)),
            nullable: false,
            default: None,
            generated: None,
            collation: None,
        };
        let range = |engine, native| range_of(engine, &column(native, Family::Integer));
        assert_eq!(range(EngineKind::Mssql, "tinyint"), Some((0, 255)));
        assert_eq!(range(EngineKind::Mysql, "tinyint(4)"), Some((-128, 127)));
        assert_eq!(range(EngineKind::Mysql, "int(10) unsigned"), Some((0, 4_294_967_295)));
        assert_eq!(range(EngineKind::Postgres, "smallint"), Some((-32768, 32767)));
        assert_eq!(range(EngineKind::Sqlite, "INT"), Some((i128::from(i64::MIN), i128::from(i64::MAX))));
        assert_eq!(range_of(EngineKind::Postgres, &column("numeric(5,0)", Family::Decimal)), Some((-99_999, 99_999)));
        assert_eq!(range_of(EngineKind::Postgres, &column("text", Family::Text)), None);
    }
}
