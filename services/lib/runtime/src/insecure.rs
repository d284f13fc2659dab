use std::time::Duration;

use tokio_util::sync::CancellationToken;

const MINUTE: Duration = Duration::from_secs(60);

/// Warns each minute while `TENANTRY_INSECURE_DEV=1` is in force, until `token` is cancelled; says nothing otherwise.
pub async fn warn_while_insecure(
    insecure_dev: bool,
    token: CancellationToken,
) -> anyhow::Result<()> {
    if !insecure_dev {
        token.cancelled().await;
        return Ok(());
    }
    let mut minutes = tokio::time::interval(MINUTE);
    while token.run_until_cancelled(minutes.tick()).await.is_some() {
        tracing::warn!(
            "TENANTRY_INSECURE_DEV=1: plain text is allowed; never set it outside one machine."
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Lines, subscriber};

    async fn warnings(insecure_dev: bool) -> usize {
        let lines = Lines::default();
        let _guard =
            tracing::subscriber::set_default(subscriber("info", "json", lines.clone()).unwrap());
        let token = CancellationToken::new();
        let warning = warn_while_insecure(insecure_dev, token.clone());
        let ended = tokio::time::timeout(Duration::from_secs(150), warning).await;
        assert!(ended.is_err(), "it lasts until it is told to stop");
        lines.text().matches("TENANTRY_INSECURE_DEV=1").count()
    }

    #[tokio::test(start_paused = true)]
    async fn an_insecure_process_says_so_each_minute() {
        assert_eq!(warnings(true).await, 3);
        assert_eq!(warnings(false).await, 0);
    }
}
