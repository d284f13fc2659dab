use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::{Id, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info};

/// Collects the tasks of a process; see [`Supervisor`].
pub fn supervise(grace: Duration) -> Supervisor {
    Supervisor {
        grace,
        stop: CancellationToken::new(),
        drain: CancellationToken::new(),
        tasks: JoinSet::new(),
        drains: JoinSet::new(),
        names: Vec::new(),
    }
}

/// Runs `work` to its end even if the caller goes away, as a cluster or cloud write must.
///
/// Panics in `work` continue in the caller.
pub async fn to_completion<F>(work: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[allow(clippy::disallowed_methods, reason = "this is the room for it")]
    let handle = tokio::spawn(work.in_current_span());
    match handle.await {
        Ok(output) => output,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    }
}

/// The tasks of a process. One that ends without being told to is a bug and ends the process.
pub struct Supervisor {
    grace: Duration,
    stop: CancellationToken,
    drain: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
    drains: JoinSet<anyhow::Result<()>>,
    names: Vec<(Id, &'static str)>,
}

type Ended = Result<(Id, anyhow::Result<()>), tokio::task::JoinError>;

impl Supervisor {
    /// Cancelled when the process is told to stop.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Cancelled when every ordinary task has ended: the relay stops after those that write.
    pub fn drain(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Adds a task that ends on [`Self::stop`].
    pub fn task<F>(mut self, name: &'static str, task: F) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let handle = self.tasks.spawn(task);
        self.names.push((handle.id(), name));
        self
    }

    /// Adds a task that ends on [`Self::drain`].
    pub fn last<F>(mut self, name: &'static str, task: F) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let handle = self.drains.spawn(task);
        self.names.push((handle.id(), name));
        self
    }

    /// Runs until SIGTERM or SIGINT, then stops in order, within the grace.
    ///
    /// Errors: a task that ended by itself, named, with its cause.
    pub async fn until_signal(mut self) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
        let early = tokio::select! {
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            Some(ended) = self.tasks.join_next_with_id() => Some(ended),
            Some(ended) = self.drains.join_next_with_id() => Some(ended),
        };
        info!("Stopping.");
        self.stop.cancel();
        if tokio::time::timeout(self.grace, self.wind_down())
            .await
            .is_err()
        {
            error!("Tasks did not end within the grace.");
        }
        match early {
            None => Ok(()),
            Some(ended) => Err(self.explain(ended)),
        }
    }

    async fn wind_down(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.log_failure(ended);
        }
        self.drain.cancel();
        while let Some(ended) = self.drains.join_next_with_id().await {
            self.log_failure(ended);
        }
    }

    fn log_failure(&self, ended: Ended) {
        if !matches!(ended, Ok((_, Ok(())))) {
            let failure = self.explain(ended);
            error!(
                error = format!("{failure:#}"),
                "Task failed while stopping."
            );
        }
    }

    fn explain(&self, ended: Ended) -> anyhow::Error {
        let name = |id| {
            self.names
                .iter()
                .find(|(known, _)| *known == id)
                .map_or("?", |(_, name)| *name)
        };
        match ended {
            Ok((id, Ok(()))) => anyhow!("task {} ended without being told to", name(id)),
            Ok((id, Err(failure))) => failure.context(format!("task {}", name(id))),
            Err(panic) => {
                let id = panic.id();
                anyhow::Error::new(panic).context(format!("task {}", name(id)))
            }
        }
    }
}
