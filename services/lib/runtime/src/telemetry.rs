use anyhow::Context as _;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::TelemetryConfig;

/// Beginnings of targets whose TRACE and DEBUG lines print headers and bodies, and so secrets.
const CAPPED: [&str; 4] = ["aws_", "hyper", "h2", "rustls"];

/// Starts logging for `service`. Capped targets stay at `info`, whatever the filter says.
///
/// Errors: a filter that cannot be parsed.
pub fn telemetry(service: &'static str, config: &TelemetryConfig) -> anyhow::Result<()> {
    subscriber(&config.filter, &config.format, std::io::stderr)?.try_init()?;
    tracing::info!(service, version = env!("CARGO_PKG_VERSION"), "Starting.");
    Ok(())
}

/// Lines that `filter` lets through, in `format`, to `writer`.
pub(crate) fn subscriber<W>(
    filter: &str,
    format: &str,
    writer: W,
) -> anyhow::Result<Box<dyn Subscriber + Send + Sync>>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).context("parsing TENANTRY_LOG")?;
    let lines = fmt::layer().with_writer(writer);
    let lines = match format {
        "text" => lines.boxed(),
        _ => lines.json().flatten_event(true).boxed(),
    };
    // A filter of its own, behind the other: as directives of one filter, `h2::codec=trace` would beat `h2=info`.
    let caps = CAPPED.map(|target| (target, LevelFilter::INFO));
    let caps = Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_targets(caps);
    let registry = tracing_subscriber::registry().with(filter);
    Ok(Box::new(registry.with(lines.with_filter(caps))))
}

/// What was logged, for tests.
#[cfg(test)]
#[derive(Clone, Default)]
pub(crate) struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

#[cfg(test)]
impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[cfg(test)]
impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_directive_lifts_a_cap() {
        let lines = Lines::default();
        let filter = "trace,h2::codec=trace,aws_smithy_runtime::client=trace";
        tracing::subscriber::with_default(
            subscriber(filter, "json", lines.clone()).unwrap(),
            || {
                tracing::trace!(target: "h2::codec", "body");
                tracing::debug!(target: "aws_smithy_runtime::client", "body");
                tracing::trace!(target: "hyper_util::client", "body");
                tracing::info!(target: "h2::codec", "notable");
                tracing::trace!(target: "tenantry_identity", "ours");
            },
        );
        let text = lines.text();
        assert!(!text.contains("body"), "{text}");
        assert!(text.contains("notable") && text.contains("ours"), "{text}");
    }
}
