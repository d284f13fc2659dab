use std::{fmt::Debug, time::Duration};

use backon::{ConstantBuilder, Retryable as _};

/// Waits up to 20 s until `probe` gives an `Ok`, and panics with its last answer otherwise.
///
/// Shape: the probe's value.
pub async fn eventually<T, E, F>(what: &str, probe: impl FnMut() -> F) -> T
where
    E: Debug,
    F: Future<Output = Result<T, E>>,
{
    let looks = ConstantBuilder::default()
        .with_delay(Duration::from_millis(50))
        .with_max_times(400);
    match probe.retry(looks).await {
        Ok(value) => value,
        Err(last) => panic!("{what} did not become true within 20 s; last: {last:?}"),
    }
}
