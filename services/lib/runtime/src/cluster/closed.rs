use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderMap, Method, StatusCode, header::RETRY_AFTER};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use tokio::time::{Instant, sleep_until};

/// The apiserver asked to be asked again later, and later is too late for this call.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the apiserver asks to wait {} s before the next try", self.left().as_secs())]
pub struct Busy {
    until: Instant,
}

impl Busy {
    /// How long to wait from now on.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// What `failure` says about when to try again; none if it says nothing.
    pub fn of(failure: &kube::Error) -> Option<Self> {
        match failure {
            kube::Error::Service(cause) => cause.downcast_ref().copied(),
            _ => None,
        }
    }
}

/// Method and path: what is asked, however it is asked.
pub(super) type Question = (Method, String);

/// Questions that are not to be asked before some time.
#[derive(Default)]
pub(super) struct Closed(Mutex<HashMap<Question, Instant>>);

impl Closed {
    /// Notes that `question` is not to be asked before `until`.
    pub(super) fn close(&self, question: Question, until: Instant) {
        let now = Instant::now();
        let mut all = self.locked();
        all.retain(|_, until| *until > now);
        all.insert(question, until);
    }

    /// Waits until `question` may be asked.
    ///
    /// Errors: at once, if that is after `latest`.
    pub(super) async fn opened(&self, question: &Question, latest: Instant) -> Result<(), Busy> {
        let until = self.locked().get(question).copied();
        let Some(until) = until.filter(|until| *until > Instant::now()) else {
            return Ok(());
        };
        if until > latest {
            return Err(Busy { until });
        }
        sleep_until(until).await;
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Question, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an answer of this status asks for another try.
pub(super) fn is_temporary(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 503 | 504)
}

/// How long an answer asks to wait; none if it does not say.
pub(super) fn asked_to_wait(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let is_meant = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_no_number) => until_date(text)?,
    };
    (is_meant && !wait.is_zero()).then_some(wait)
}

fn until_date(text: &str) -> Option<Duration> {
    let date = rfc2822::parse(text).ok()?.timestamp();
    let left: SignedDuration = date.duration_since(Timestamp::now());
    left.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_cannot_answer_now_is_asked_again() {
        let asked = |code: u16, text: &str| {
            let headers = [(RETRY_AFTER, text.parse().unwrap())].into_iter().collect();
            asked_to_wait(StatusCode::from_u16(code).unwrap(), &headers)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(asked(429, "3"), seconds(3));
        assert_eq!(asked(503, "3"), seconds(3));
        assert_eq!(asked(500, "3"), seconds(3));
        assert_eq!(asked(409, "3"), None);
        assert_eq!(asked(429, "0"), None);
        assert_eq!(asked(429, "soon"), None);
        assert_eq!(asked(429, "Wed, 21 Oct 2015 07:28:00 GMT"), None);
        let later = asked(429, "Wed, 21 Oct 2195 07:28:00 GMT").unwrap();
        assert!(later > Duration::from_secs(1 << 30));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_closed_opens_in_time_and_nothing_else_is_closed() {
        let question = |path: &str| (Method::GET, path.to_owned());
        let (closed, began) = (Closed::default(), Instant::now());
        let after = |seconds| began + Duration::from_secs(seconds);
        closed.close(question("/a"), after(4));
        closed.opened(&question("/b"), after(10)).await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
        let busy = closed.opened(&question("/a"), after(3)).await.unwrap_err();
        assert_eq!(busy.left(), Duration::from_secs(4));
        assert_eq!(began.elapsed(), Duration::ZERO);
        closed.opened(&question("/a"), after(10)).await.unwrap();
        assert!(began.elapsed() >= Duration::from_secs(4));
        assert!(began.elapsed() < Duration::from_millis(4010));
        // It was closed once.
        closed.opened(&question("/a"), began).await.unwrap();
    }
}
