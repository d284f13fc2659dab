/// What a plain scalar is to the authenticator's YAML 1.1 reader (yaml.v2), as far as a mapping can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// A string.
    Text,
    /// Null.
    Null,
    /// A boolean or number: a type error where a string is wanted.
    Other,
    /// NaN or infinity: JSON has no word for it, so the whole section is dropped.
    NotJson,
}

const NULLS: &[&str] = &["", "~", "null", "Null", "NULL"];
const BOOLEANS: &[&str] = &[
    "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "n", "N", "no", "No",
    "NO", "false", "False", "FALSE", "off", "Off", "OFF",
];
const NOT_JSON: &[&str] = &[
    ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf",
    "-.INF",
];

/// Resolves the text of an unquoted scalar.
pub(super) fn resolve(text: &str) -> Plain {
    if NULLS.contains(&text) {
        return Plain::Null;
    }
    if NOT_JSON.contains(&text) {
        return Plain::NotJson;
    }
    if BOOLEANS.contains(&text) || is_number(text) {
        return Plain::Other;
    }
    Plain::Text
}

fn is_number(text: &str) -> bool {
    if text.starts_with('.') {
        return is_finite(text);
    }
    let starts = |c: char| c.is_ascii_digit() || c == '+' || c == '-';
    if !text.starts_with(starts) {
        return false;
    }
    let plain = text.replace('_', "");
    is_integer(&plain) || (is_decimal(&plain) && is_finite(&plain))
}

/// Go's `ParseInt` with base 0, or `ParseUint` where there is no sign.
fn is_integer(plain: &str) -> bool {
    let unsigned = plain.trim_start_matches(['+', '-']);
    if plain.len() - unsigned.len() > 1 {
        return false;
    }
    let lower = unsigned.to_ascii_lowercase();
    let (digits, base) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (&*lower, 10),
    };
    let is_signed = unsigned.len() != plain.len();
    let max = match (is_signed, plain.starts_with('-')) {
        (false, _) => u64::MAX,
        (true, true) => i64::MIN.unsigned_abs(),
        (true, false) => i64::MAX.unsigned_abs(),
    };
    let has_sign_inside = digits.starts_with(['+', '-']);
    !has_sign_inside && u64::from_str_radix(digits, base).is_ok_and(|value| value <= max)
}

/// yaml.v2's own pattern of a float: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn is_decimal(plain: &str) -> bool {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let is_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    is_mantissa && is_exponent
}

fn is_finite(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_what_yaml_1_1_says() {
        let check = |text: &str, expected| assert_eq!(resolve(text), expected, "{text:?}");
        for text in [
            "falcon@nordmart.com",
            "2025-02-03",
            "1.2.3",
            "0x",
            "08x",
            "1e999",
            "+",
            "yEs",
            "0b2",
            ".e5",
        ] {
            check(text, Plain::Text);
        }
        for text in [
            "y",
            "No",
            "off",
            "123",
            "012345678901",
            "1_000",
            "0x1F",
            "-0b11",
            "1e3",
            ".5",
            "089",
            "5.",
        ] {
            check(text, Plain::Other);
        }
        for text in ["", "~", "Null"] {
            check(text, Plain::Null);
        }
        check(".NaN", Plain::NotJson);
    }
}
