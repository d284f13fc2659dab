use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

/// How often pulses are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Health as progress: serving while every registered loop has shown life within its own bound.
#[derive(Clone)]
pub struct Health {
    started: Instant,
    pulses: Arc<Mutex<Vec<(Duration, Pulse)>>>,
    services: &'static [&'static str],
}

/// One loop's sign of life.
#[derive(Clone)]
pub struct Pulse {
    name: &'static str,
    started: Instant,
    last_ms: Arc<AtomicU64>,
}

impl Pulse {
    /// Says that the loop has gone round.
    pub fn beat(&self) {
        self.last_ms
            .store(millis(self.started.elapsed()), Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        self.started
            .elapsed()
            .saturating_sub(Duration::from_millis(self.last_ms.load(Ordering::Relaxed)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Health {
    /// Health of the gRPC `services` (full names) of this process.
    pub fn new(services: &'static [&'static str]) -> Self {
        Self {
            started: Instant::now(),
            pulses: Arc::default(),
            services,
        }
    }

    /// Registers a loop that promises to beat at least every `silence_max`.
    pub fn pulse(&self, name: &'static str, silence_max: Duration) -> Pulse {
        let pulse = Pulse {
            name,
            started: self.started,
            last_ms: Arc::default(),
        };
        pulse.beat();
        self.locked().push((silence_max, pulse.clone()));
        pulse
    }

    /// Loops that have been silent too long.
    pub fn silent(&self) -> Vec<&'static str> {
        let pulses = self.locked();
        pulses
            .iter()
            .filter(|(max, pulse)| pulse.silence() > *max)
            .map(|(_, pulse)| pulse.name)
            .collect()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<(Duration, Pulse)>> {
        self.pulses
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Reports to `grpc.health.v1` until `token` is cancelled, then NOT_SERVING.
    pub(crate) async fn report(self, reporter: HealthReporter, token: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK);
        let mut was_serving = None;
        while token.run_until_cancelled(ticks.tick()).await.is_some() {
            let silent = self.silent();
            let is_serving = silent.is_empty();
            if was_serving != Some(is_serving) {
                self.set(&reporter, is_serving).await;
                tracing::info!(is_serving, ?silent, "Health changed.");
                was_serving = Some(is_serving);
            }
        }
        self.set(&reporter, false).await;
    }

    async fn set(&self, reporter: &HealthReporter, is_serving: bool) {
        let status = if is_serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for service in self.services.iter().chain(&[""]) {
            reporter.set_service_status(service, status).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_loop_is_named() {
        let health = Health::new(&[]);
        let pulse = health.pulse("relay", Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(health.silent(), ["relay"]);
        pulse.beat();
        assert!(health.silent().is_empty());
    }
}
