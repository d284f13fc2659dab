use std::{fmt::Debug, time::Duration};

use backon::{ExponentialBuilder, Retryable as _};

/// Longest wait for what must come, on a machine that others use too.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits up to a minute until `probe` gives an `Ok`, and panics with its last answer otherwise. It looks often at first, and
/// less so at what takes its time.
///
/// Shape: the probe's value.
pub async fn eventually<T, E, F>(what: &str, probe: impl FnMut() -> F) -> T
where
    E: Debug,
    F: Future<Output = Result<T, E>>,
{
    let looks = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_millis(200))
        .without_max_times()
        .with_total_delay(Some(PATIENCE));
    match probe.retry(looks).await {
        Ok(value) => value,
        Err(last) => panic!("{what} did not become true within a minute; last: {last:?}"),
    }
}
