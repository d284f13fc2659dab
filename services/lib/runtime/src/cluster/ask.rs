use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures::future::BoxFuture;
use http::{Request, Response};
use kube::client::Body;
use tokio::time::{Instant, sleep_until, timeout_at};
use tower::{BoxError, Service};

use super::{
    bound::{Bound, Bounded},
    closed::{Closed, asked_to_wait, is_temporary},
};

/// Asks again where the apiserver cannot answer now, within the time of one call.
#[derive(Clone)]
pub(super) struct Ask<S> {
    inner: S,
    closed: Arc<Closed>,
}

impl<S> Ask<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            closed: Arc::default(),
        }
    }
}

impl<S, B> Service<Request<Body>> for Ask<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<Bounded<B>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that was found ready is the one to use.
        let next = self.clone();
        let ready = std::mem::replace(self, next);
        Box::pin(ready.ask(request))
    }
}

impl<S, B> Ask<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
{
    async fn ask(mut self, request: Request<Body>) -> Result<Response<Bounded<B>>, BoxError> {
        let bound = Bound::of(request.uri());
        let question = (request.method().clone(), request.uri().path().to_owned());
        let mut pauses = pauses();
        let mut request = request;
        loop {
            self.closed.opened(&question, bound.last_try()).await?;
            let again = copy(&request);
            let answer = timeout_at(bound.head(), self.inner.call(request)).await;
            let answer = answer.map_err(|_elapsed| bound.silent())??;
            let (status, now) = (answer.status(), Instant::now());
            let asked = asked_to_wait(status, answer.headers());
            let until = asked.or_else(|| pauses.next().filter(|_| is_temporary(status)));
            let (Some(until), Some(again)) = (until.map(|pause| now + pause), again) else {
                return Ok(answer.map(|body| bound.body(body)));
            };
            match asked {
                Some(_) => self.closed.close(question.clone(), until),
                // The caller is told what was answered while there is time.
                None if until > bound.last_try() => return Ok(answer.map(|body| bound.body(body))),
                None => sleep_until(until).await,
            }
            request = again;
            std::future::poll_fn(|context| self.inner.poll_ready(context)).await?;
        }
    }
}

/// Between tries where the apiserver does not say when.
fn pauses() -> ExponentialBackoff {
    let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(100));
    pauses
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(8)
        .with_jitter()
        .build()
}

/// The same request once more; none if its body can be sent only once.
fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy.extensions_mut().clone_from(request.extensions());
    Some(copy)
}

#[cfg(test)]
mod tests {
    use std::{future, sync::Mutex};

    use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
    use tower::{ServiceExt as _, service_fn, util::BoxCloneService};

    use super::super::{Busy, Silent};
    use super::*;

    type Asked = Arc<Mutex<Vec<u64>>>;
    type Fake = BoxCloneService<Request<Body>, Response<()>, BoxError>;

    /// Answers one after the other, the last one again and again: status, and seconds to wait if any.
    fn answering(answers: &'static [(u16, u32)]) -> (Ask<Fake>, Asked) {
        let (began, asked) = (Instant::now(), Asked::default());
        let noted = Arc::clone(&asked);
        let inner = service_fn(move |_: Request<Body>| {
            let mut asked = noted.lock().unwrap();
            let (status, seconds) = answers[asked.len().min(answers.len() - 1)];
            asked.push(began.elapsed().as_secs());
            let mut answer = Response::new(());
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            if seconds > 0 {
                let headers = answer.headers_mut();
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            future::ready(Ok::<_, BoxError>(answer))
        });
        (Ask::new(BoxCloneService::new(inner)), asked)
    }

    async fn once(ask: &Ask<Fake>) -> Result<u16, BoxError> {
        let answer = ask.clone().oneshot(Request::new(Body::empty())).await?;
        Ok(answer.status().as_u16())
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_wait_is_waited_out() {
        let (ask, asked) = answering(&[(429, 3), (503, 2), (200, 0)]);
        assert_eq!(once(&ask).await.unwrap(), 200);
        assert_eq!(*asked.lock().unwrap(), [0, 3, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_is_the_callers_and_nobody_asks_before() {
        let (ask, asked) = answering(&[(429, 12), (200, 0)]);
        for _ in 0..2 {
            let failure = once(&ask).await.unwrap_err();
            let left = failure.downcast_ref::<Busy>().unwrap().left();
            assert_eq!(left, Duration::from_secs(12));
        }
        tokio::time::advance(Duration::from_secs(6)).await;
        // What is left fits a call now.
        assert_eq!(once(&ask).await.unwrap(), 200);
        assert_eq!(*asked.lock().unwrap(), [0, 12]);
    }

    #[tokio::test(start_paused = true)]
    async fn tries_of_which_nobody_says_when_are_few_and_end_with_the_answer() {
        let (ask, asked) = answering(&[(503, 0)]);
        let began = Instant::now();
        assert_eq!(once(&ask).await.unwrap(), 503);
        assert!(began.elapsed() <= Duration::from_secs(8));
        let tries = asked.lock().unwrap().len();
        assert!((4..=9).contains(&tries), "{tries}");
        let (ask, asked) = answering(&[(500, 0)]);
        assert_eq!(once(&ask).await.unwrap(), 500);
        assert_eq!(asked.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_after_ten_seconds() {
        let hung = service_fn(|_: Request<Body>| future::pending());
        let ask: Ask<Fake> = Ask::new(BoxCloneService::new(hung));
        let began = Instant::now();
        let failure = once(&ask).await.unwrap_err();
        assert!(failure.is::<Silent>(), "{failure}");
        assert_eq!(began.elapsed().as_secs(), 10);
    }
}
