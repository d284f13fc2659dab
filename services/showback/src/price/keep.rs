use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tenantry_events::Wake;
use tenantry_runtime::Chain;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::PriceBook;
use crate::store::Store;

const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Records that `book` came into force, as soon as the database takes it; then waits for `token`.
pub async fn keep(
    book: Arc<PriceBook>,
    store: Store,
    wake: Wake,
    token: CancellationToken,
) -> anyhow::Result<()> {
    let delays = ExponentialBuilder::default()
        .with_max_delay(PAUSE_MAX)
        .with_jitter();
    let mut pauses = delays.without_max_times().build();
    while !token.is_cancelled() {
        match store.load_price_book(&book).await {
            Ok(false) => token.cancelled().await,
            Ok(true) => {
                wake.wake();
                info!(price_book = book.label, "Price book came into force.");
                token.cancelled().await;
            }
            Err(failure) => {
                warn!(error = %Chain(&failure), "Price book waits for the database.");
                let pause = pauses.next().unwrap_or(PAUSE_MAX);
                let _ = timeout(pause, token.cancelled()).await;
            }
        }
    }
    Ok(())
}
