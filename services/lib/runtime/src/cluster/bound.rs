use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until};
use tower::BoxError;

/// Longest time for the answer to a call, and for the head of the answer to a watch.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Of that, what an answer to the last try needs.
const TRY: Duration = Duration::from_secs(2);
/// A watch that goes on for so long beyond its end has died without a word.
const GRACE: Duration = Duration::from_secs(5);

/// The apiserver said nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("the apiserver did not answer within {} s", .0.as_secs())]
pub struct Silent(Duration);

/// How long one request may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    began: Instant,
    head: Duration,
    whole: Duration,
}

impl Bound {
    /// Of a request to `uri` that begins now.
    pub(super) fn of(uri: &Uri) -> Self {
        let whole = watch_seconds(uri).map_or(ANSWER_MAX, |lasts| lasts + GRACE);
        Self {
            began: Instant::now(),
            head: ANSWER_MAX,
            whole,
        }
    }

    /// When the head of the answer must be there.
    pub(super) fn head(&self) -> Instant {
        self.began + self.head
    }

    /// After that, another try has no time to be answered.
    pub(super) fn last_try(&self) -> Instant {
        self.head() - TRY
    }

    /// What is said when there is no head in time.
    pub(super) fn silent(&self) -> Silent {
        Silent(self.head)
    }

    /// `body`, which fails if it is not whole in time.
    pub(super) fn body<B>(&self, body: B) -> Bounded<B> {
        Bounded {
            body,
            end: Box::pin(sleep_until(self.began + self.whole)),
            silent: Some(Silent(self.whole)),
        }
    }
}

/// How long the apiserver keeps a watch; none if it is no watch.
fn watch_seconds(uri: &Uri) -> Option<Duration> {
    let query = || uri.query().unwrap_or_default().split('&');
    let is_watch = query().any(|pair| pair == "watch=true");
    let seconds = query().find_map(|pair| pair.strip_prefix("timeoutSeconds="));
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    seconds.map(Duration::from_secs).filter(|_| is_watch)
}

/// A body with an end in time.
pub(super) struct Bounded<B> {
    body: B,
    end: Pin<Box<Sleep>>,
    silent: Option<Silent>,
}

impl<B> Body for Bounded<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_ready() || self.end.as_mut().poll(context).is_pending() {
            return frame.map_err(Into::into);
        }
        // Told once; then the body is at its end.
        Poll::Ready(self.silent.take().map(|silent| Err(silent.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_watch_lasts_a_little_longer_than_the_apiserver_keeps_it_and_anything_else_ten_seconds()
     {
        let check = |uri: &'static str, whole: u64| {
            let bound = Bound::of(&Uri::from_static(uri));
            assert_eq!(bound.head, Duration::from_secs(10), "{uri}");
            assert_eq!(bound.whole, Duration::from_secs(whole), "{uri}");
        };
        check("/api/v1/pods?watch=true&timeoutSeconds=25&limit=5", 30);
        check("/api/v1/pods?timeoutSeconds=25", 10);
        check("/api/v1/pods", 10);
    }
}
