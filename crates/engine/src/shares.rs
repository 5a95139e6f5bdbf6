//! Cutting the values of a key into equal shares (P4): what engines have in common whose ranges are bounded by literals of theirs. Owns no SQL.

use crate::seam::RangeSpec;

/// Bounds between whole numbers.
pub(crate) fn integers(least: i128, most: i128, parts: u64) -> Vec<String> {
    let span = most - least + 1;
    let mut bounds: Vec<i128> = (1..parts).map(|i| least + span * i128::from(i) / i128::from(parts)).filter(|b| *b > least).collect();
    bounds.dedup();
    bounds.into_iter().map(|b| b.to_string()).collect()
}

/// Bounds between so many equal shares of what two leading bytes can be.
pub(crate) fn shares(parts: u64) -> Vec<u16> {
    let mut shares: Vec<u64> = (1..parts).map(|i| 65_536 * i / parts).collect();
    shares.dedup();
    shares.into_iter().filter_map(|n| u16::try_from(n).ok()).filter(|n| *n > 0).collect()
}

/// Ranges that cover everything once, given the bounds between them.
pub(crate) fn specs(bounds: &[String]) -> Vec<RangeSpec> {
    (0..=bounds.len())
        .map(|i| RangeSpec {
            ordinal: u32::try_from(i).expect("at most 4096 ranges"),
            from: i.checked_sub(1).map(|i| bounds[i].clone()),
            to: bounds.get(i).cloned(),
            physical: false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_everything_once() {
        let made = specs(&integers(1, 18_446_744_073_709_551_615, 3));
        assert_eq!(made.len(), 3);
        assert!(made[0].from.is_none() && made[2].to.is_none());
        assert!(made.windows(2).all(|w| w[0].to == w[1].from));
        assert!(integers(5, 5, 4).is_empty());
        assert_eq!(specs(&[]), vec![RangeSpec::whole()]);
    }
}
