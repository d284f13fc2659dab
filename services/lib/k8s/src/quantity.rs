//! Exact arithmetic on Kubernetes quantities.

use std::{collections::BTreeMap, ops::AddAssign};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Why a quantity was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed;

/// A quantity in thousandths, exact: Kubernetes keeps no finer fraction for limits.
///
/// Invariant: not negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(i128);

impl Millis {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From thousandths; below zero counts as zero.
    pub const fn new(millis: i128) -> Self {
        Self(if millis > 0 { millis } else { 0 })
    }

    /// Thousandths.
    pub fn get(self) -> i128 {
        self.0
    }

    /// True if it is a whole number.
    pub fn is_whole(self) -> bool {
        self.0 % 1000 == 0
    }

    /// Takes Kubernetes' notation; a fraction of a thousandth is rounded up, as the apiserver does.
    pub fn parse(quantity: &Quantity) -> Result<Self, Malformed> {
        let text = quantity.0.trim_start_matches('+');
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (digits, fraction_digits) = mantissa(&text[..end])?;
        let (factor, divisor) = scale(&text[end..])?;
        let divisor = divisor
            .checked_mul(power(fraction_digits)?)
            .ok_or(Malformed)?;
        let numerator = digits
            .checked_mul(factor)
            .and_then(|n| n.checked_mul(1000))
            .ok_or(Malformed)?;
        Ok(Self((numerator + divisor - 1) / divisor))
    }

    /// Canonical text, binary suffixes if `quantity` was written with one.
    pub fn like(self, quantity: &Quantity) -> Quantity {
        let suffixes: &[(&str, i128)] = if quantity.0.ends_with('i') {
            &[
                ("Ei", 1 << 60),
                ("Pi", 1 << 50),
                ("Ti", 1 << 40),
                ("Gi", 1 << 30),
                ("Mi", 1 << 20),
                ("Ki", 1 << 10),
            ]
        } else {
            const K: i128 = 1000;
            &[
                ("E", K.pow(6)),
                ("P", K.pow(5)),
                ("T", K.pow(4)),
                ("G", K.pow(3)),
                ("M", K.pow(2)),
                ("k", K),
            ]
        };
        Quantity(self.text(suffixes))
    }

    fn text(self, suffixes: &[(&str, i128)]) -> String {
        if self.0 == 0 {
            return "0".to_owned();
        }
        if !self.is_whole() {
            return format!("{}m", self.0);
        }
        let whole = self.0 / 1000;
        suffixes
            .iter()
            .find(|(_, size)| whole % size == 0)
            .map_or_else(
                || whole.to_string(),
                |(suffix, size)| format!("{}{suffix}", whole / size),
            )
    }
}

impl AddAssign for Millis {
    fn add_assign(&mut self, more: Self) {
        self.0 += more.0;
    }
}

/// Amounts by key of a ResourceQuota.
pub type Amounts = BTreeMap<String, Millis>;

/// What is `written`, as numbers; what is none is left out.
pub fn amounts(written: Option<&BTreeMap<String, Quantity>>) -> Amounts {
    let read =
        |(key, quantity): (&String, &Quantity)| Some((key.clone(), Millis::parse(quantity).ok()?));
    written.into_iter().flatten().filter_map(read).collect()
}

fn mantissa(text: &str) -> Result<(i128, u32), Malformed> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}").parse().ok().ok_or(Malformed)?;
    let fraction_digits = u32::try_from(fraction.len()).ok().ok_or(Malformed)?;
    Ok((digits, fraction_digits))
}

fn power(exponent: u32) -> Result<i128, Malformed> {
    10_i128.checked_pow(exponent).ok_or(Malformed)
}

/// Factor and divisor that a suffix stands for.
fn scale(suffix: &str) -> Result<(i128, i128), Malformed> {
    Ok(match suffix {
        "" => (1, 1),
        "n" => (1, 1_000_000_000),
        "u" => (1, 1_000_000),
        "m" => (1, 1_000),
        "k" => (1_000, 1),
        "M" => (1_000_000, 1),
        "G" => (1_000_000_000, 1),
        "T" => (1_000_000_000_000, 1),
        "P" => (1_000_000_000_000_000, 1),
        "E" => (1_000_000_000_000_000_000, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        "Pi" => (1 << 50, 1),
        "Ei" => (1 << 60, 1),
        exponent => return exponential(exponent),
    })
}

fn exponential(suffix: &str) -> Result<(i128, i128), Malformed> {
    let exponent: i32 = suffix
        .strip_prefix(['e', 'E'])
        .and_then(|digits| digits.parse().ok())
        .ok_or(Malformed)?;
    let size = power(exponent.unsigned_abs())?;
    Ok(if exponent < 0 { (1, size) } else { (size, 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        Quantity(text.to_owned())
    }

    #[test]
    fn quantities_are_read_as_the_apiserver_does() {
        let check = |text: &str, millis: i128| {
            assert_eq!(
                Millis::parse(&quantity(text)),
                Ok(Millis(millis)),
                "{text:?}"
            );
        };
        check("10", 10_000);
        check("800m", 800);
        check("8Gi", 8 * (1 << 30) * 1000);
        check("1.5", 1500);
        check(".5Mi", 524_288_000);
        check("1e3", 1_000_000);
        check("1E", 1_000_000_000_000_000_000_000);
        check("0.1m", 1); // rounded up
        check("+2k", 2_000_000);
        for text in ["", "m", "-1", "1.2.3", "1Qi", "1e", "e3"] {
            assert_eq!(Millis::parse(&quantity(text)), Err(Malformed), "{text:?}");
        }
    }

    #[test]
    fn text_is_canonical() {
        let check = |text: &str, expected: &str| {
            let millis = Millis::parse(&quantity(text)).unwrap();
            assert_eq!(millis.like(&quantity(text)).0, expected, "{text:?}");
        };
        check("1024Mi", "1Gi");
        check("1.5Gi", "1536Mi");
        check("1000m", "1");
        check("1.5", "1500m");
        check("1000", "1k");
        check("0", "0");
        check("8Gi", "8Gi");
    }
}
