//! Shares of a whole that add up to it.

use rust_decimal::{Decimal, prelude::ToPrimitive as _};

/// Each part as a percentage of their sum, two places, rounded by largest remainder so that they add up to 100.00.
///
/// Shape: one text per part, in order; all `0.00` if the sum is zero.
pub(super) fn percent(parts: &[Decimal]) -> Vec<String> {
    let whole: Decimal = parts.iter().sum();
    if whole.is_zero() {
        return parts.iter().map(|_| "0.00".to_owned()).collect();
    }
    let exact: Vec<Decimal> = parts
        .iter()
        .map(|part| part / whole * Decimal::from(10_000))
        .collect();
    let mut hundredths: Vec<i64> = exact
        .iter()
        .map(|share| share.floor().to_i64().unwrap_or_default())
        .collect();
    let missing = usize::try_from(10_000 - hundredths.iter().sum::<i64>()).unwrap_or_default();
    let mut by_remainder: Vec<usize> = (0..exact.len()).collect();
    by_remainder.sort_by_key(|&index| std::cmp::Reverse(exact[index].fract()));
    for &index in by_remainder.iter().take(missing) {
        hundredths[index] += 1;
    }
    hundredths
        .into_iter()
        .map(|share| Decimal::new(share, 2).to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parts: &[i64], expected: &[&str]) {
        let parts: Vec<Decimal> = parts.iter().copied().map(Decimal::from).collect();
        assert_eq!(percent(&parts), expected);
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        check(&[1, 1, 1], &["33.34", "33.33", "33.33"]);
        check(&[1, 2], &["33.33", "66.67"]);
        check(&[5], &["100.00"]);
    }

    #[test]
    fn shares_of_nothing_are_nothing() {
        check(&[0, 0], &["0.00", "0.00"]);
        check(&[], &[]);
    }
}
