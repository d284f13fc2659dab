use pbjson_types::Timestamp;
use tenantry_proto::{common::v1::Reason, showback::v1::GetCostReportRequest};
use tenantry_runtime::status;
use tonic::Status;

use crate::cost::Span;

/// Longest window of one report: a leap year and a month. What a report reads and keeps in memory grows with it.
const WINDOW_DAYS_MAX: i64 = 400;
const WINDOW_MAX_S: i64 = WINDOW_DAYS_MAX * 24 * 3600;

/// The seconds asked for, as far as they were given.
pub(super) fn bounds(request: &GetCostReportRequest) -> Result<(Option<i64>, Option<i64>), Status> {
    let from_s = second("start_time", request.start_time.as_ref())?;
    let to_s = second("end_time", request.end_time.as_ref())?;
    match (from_s, to_s) {
        (Some(from_s), Some(to_s)) if from_s >= to_s => Err(invalid(
            "end_time",
            "is not after start_time; swap them or widen the window",
        )),
        bounds => Ok(bounds),
    }
}

fn second(field: &'static str, time: Option<&Timestamp>) -> Result<Option<i64>, Status> {
    match time {
        Some(time) if time.nanos != 0 => Err(status::invalid_field(
            field,
            "has a fraction of a second; give whole seconds",
        )),
        // Far enough for every calendar, near enough that no sum of seconds overflows.
        Some(time) if jiff::Timestamp::from_second(time.seconds).is_err() => Err(
            status::invalid_field(field, "is not between the years 1 and 9999"),
        ),
        time => Ok(time.map(|time| time.seconds)),
    }
}

/// The window that can be answered: it begins at `first_s` unless asked otherwise, and ends where knowledge ends.
pub(super) fn window(
    from_s: Option<i64>,
    first_s: Option<i64>,
    to_s: Option<i64>,
    as_of_s: i64,
) -> Result<Span, Status> {
    let to_s = to_s.unwrap_or(as_of_s).min(as_of_s);
    if from_s.is_some_and(|from_s| to_s.saturating_sub(from_s) > WINDOW_MAX_S) {
        let rule =
            format!("is more than {WINDOW_DAYS_MAX} days before the end; ask for parts of it");
        return Err(invalid("start_time", rule));
    }
    // Nothing was ever metered: an empty answer, not an error.
    let first_s = first_s.unwrap_or(to_s).max(to_s - WINDOW_MAX_S);
    Span::new(from_s.unwrap_or(first_s), to_s).ok_or_else(|| {
        invalid(
            "start_time",
            "is later than anything metered yet; choose an earlier one",
        )
    })
}

fn invalid(field: &'static str, rule: impl Into<String>) -> Status {
    status::with_field(Reason::WindowInvalid, field, rule, [])
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic_types::StatusExt as _;

    use super::*;

    fn request(from_s: i64, to_s: i64) -> GetCostReportRequest {
        let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let (start_time, end_time) = (time(from_s), time(to_s));
        GetCostReportRequest {
            start_time,
            end_time,
            ..GetCostReportRequest::default()
        }
    }

    fn reason(status: &Status) -> String {
        status
            .get_error_details()
            .error_info()
            .unwrap()
            .reason
            .clone()
    }

    fn field(status: &Status) -> String {
        let details = status.get_error_details();
        details.bad_request().unwrap().field_violations[0]
            .field
            .clone()
    }

    #[test]
    fn an_empty_or_reversed_window_is_refused() {
        assert_eq!(bounds(&request(5, 6)).unwrap(), (Some(5), Some(6)));
        for (from_s, to_s) in [(5, 5), (6, 5)] {
            let refused = bounds(&request(from_s, to_s)).unwrap_err();
            assert_eq!(
                (refused.code(), reason(&refused).as_str()),
                (Code::InvalidArgument, "WINDOW_INVALID")
            );
            assert_eq!(field(&refused), "end_time");
        }
    }

    #[test]
    fn a_fraction_of_a_second_is_refused() {
        let start_time = Some(Timestamp {
            seconds: 1,
            nanos: 1,
        });
        let refused = bounds(&GetCostReportRequest {
            start_time,
            ..Default::default()
        })
        .unwrap_err();
        assert_eq!(reason(&refused), "FIELD_INVALID");
        assert_eq!(
            reason(&bounds(&request(i64::MIN, 0)).unwrap_err()),
            "FIELD_INVALID"
        );
    }

    #[test]
    fn a_window_ends_where_knowledge_ends() {
        assert_eq!(
            window(Some(5), None, Some(500), 100).unwrap(),
            Span::new(5, 100).unwrap()
        );
        assert_eq!(
            window(None, None, None, 100).unwrap(),
            Span::new(100, 100).unwrap()
        );
        let refused = window(Some(101), None, None, 100).unwrap_err();
        assert_eq!(reason(&refused), "WINDOW_INVALID");
        assert_eq!(field(&refused), "start_time");
    }

    #[test]
    fn a_window_has_a_longest_length() {
        let as_of_s = WINDOW_MAX_S + 100;
        assert_eq!(
            window(Some(100), None, None, as_of_s).unwrap(),
            Span::new(100, as_of_s).unwrap()
        );
        let refused = window(Some(99), None, None, as_of_s).unwrap_err();
        assert_eq!(reason(&refused), "WINDOW_INVALID");
        assert_eq!(field(&refused), "start_time");
        assert!(
            refused.message().contains("400 days"),
            "{}",
            refused.message()
        );
        // Nobody asked for all of it.
        assert_eq!(
            window(None, Some(5), None, as_of_s).unwrap(),
            Span::new(100, as_of_s).unwrap()
        );
    }
}
