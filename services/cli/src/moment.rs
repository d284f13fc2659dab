//! Points in time as people write and read them.

use std::str::FromStr;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp, civil::Date, tz::TimeZone};

/// A point in time as typed: RFC 3339, a day (UTC), or a duration back from now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moment {
    At(Timestamp),
    Ago(SignedDuration),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        if let Ok(day) = text.parse::<Date>() {
            let midnight = day
                .to_zoned(TimeZone::UTC)
                .map_err(|error| error.to_string())?;
            return Ok(Self::At(midnight.timestamp()));
        }
        let back = text
            .parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
        match back {
            Ok(back) if back.is_positive() => Ok(Self::Ago(back)),
            _ => Err(
                "write 2026-11-24, 2026-11-24T08:00:00Z, or a time back from now such as 2h or 7d"
                    .to_owned(),
            ),
        }
    }
}

impl Moment {
    /// The moment on the clock, in whole seconds.
    pub(crate) fn resolve(self, now: Timestamp) -> pbjson_types::Timestamp {
        let at = match self {
            Self::At(at) => at,
            Self::Ago(back) => now.checked_sub(back).unwrap_or(Timestamp::UNIX_EPOCH),
        };
        pbjson_types::Timestamp {
            seconds: at.as_second(),
            nanos: 0,
        }
    }
}

/// How long ago, as kubectl writes ages: `5s`, `12m`, `3h`, `9d`; empty if unknown.
pub(crate) fn age(time: Option<&pbjson_types::Timestamp>, now: Timestamp) -> String {
    let Some(time) = time else {
        return String::new();
    };
    let seconds = (now.as_second() - time.seconds).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The point in time as RFC 3339 in UTC, whole seconds; empty if unknown.
pub(crate) fn utc(time: Option<&pbjson_types::Timestamp>) -> String {
    let known = time.and_then(|time| Timestamp::from_second(time.seconds).ok());
    known.map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected_seconds: i64) {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        assert_eq!(
            text.parse::<Moment>().unwrap().resolve(now).seconds,
            expected_seconds,
            "{text}"
        );
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        check("2001-09-09T01:46:40Z", 1_000_000_000);
        check("2001-09-09", 999_993_600);
        check("2h", 999_992_800);
        check("7d", 999_395_200);
    }

    #[test]
    fn nonsense_and_the_future_are_refused() {
        assert!("soon".parse::<Moment>().is_err());
        assert!("-2h".parse::<Moment>().is_err());
    }

    #[test]
    fn ages_read_as_kubectls() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let ago = |seconds: i64| {
            age(
                Some(&pbjson_types::Timestamp {
                    seconds: 1_000_000 - seconds,
                    nanos: 0,
                }),
                now,
            )
        };
        assert_eq!(
            [ago(5), ago(180), ago(7200), ago(864_000)],
            ["5s", "3m", "2h", "10d"]
        );
        assert_eq!(age(None, now), "");
    }
}
