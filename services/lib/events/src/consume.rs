//! The consumer loop: one durable pull consumer per purpose, one transaction per event, ack last.

mod store;

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    AckKind, Message,
    consumer::{AckPolicy, PullConsumer, pull},
};
use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures::StreamExt as _;
use sqlx::{PgConnection, PgPool};
use tenantry_runtime::{Chain, Pulse};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Bus, BusError, DecodeError, Envelope, RecordError, Wake, metrics};

/// How long JetStream waits for our ack before it delivers again.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// Messages unacked at most, so a slow projection bounds memory.
const UNACKED_MAX: i64 = 256;
/// Silence after which the loop looks whether its consumer still exists.
const SILENCE: Duration = Duration::from_secs(10);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What a consumer wants.
#[derive(Debug, Clone)]
pub struct ConsumerSpec {
    /// Stable name, such as `showback-ownership`.
    pub durable: String,
    /// Subjects without the first token, such as `tenant.v1.namespace.*`.
    pub subjects: Vec<String>,
}

/// What to do with a message that was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may be applied later: deliver it again after this time.
    Later(Duration),
    /// It never will be: keep it as a dead letter and end it.
    Reject,
}

/// Why an event was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It is not what its type promises, or of a type that the projection does not know.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It is well-formed and cannot be true, such as a tenant's name that breaks the rule.
    #[error("event {id} cannot be applied: {why}")]
    Nonsense {
        /// Id of the event.
        id: uuid::Uuid,
        /// Why.
        why: String,
    },
    /// The database did not take it.
    #[error("storing an event")]
    Store(#[from] sqlx::Error),
    /// A fact that follows from it was not recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl ApplyError {
    /// The single place where a failure becomes a decision about redelivery.
    pub fn verdict(&self, delivered: u32) -> Verdict {
        match self {
            Self::Decode(_)
            | Self::Nonsense { .. }
            | Self::Record(RecordError::TooLarge { .. }) => Verdict::Reject,
            Self::Store(_) | Self::Record(RecordError::Store { .. }) => {
                Verdict::Later(pause(delivered))
            }
        }
    }
}

fn pause(delivered: u32) -> Duration {
    Duration::from_millis(200)
        .saturating_mul(2u32.saturating_pow(delivered.min(10)))
        .min(PAUSE_MAX)
}

/// Turns events into state.
pub trait Projection: Send + Sync + 'static {
    /// Applies a newer event of its thing inside `conn`'s transaction. Old and repeated events do not come here.
    fn apply(
        &self,
        conn: &mut PgConnection,
        event: &Envelope,
    ) -> impl Future<Output = Result<(), ApplyError>> + Send;
}

/// Consumes until `token` is cancelled. Waits out an absent NATS or Postgres; beats `pulse` meanwhile.
pub async fn consume<P: Projection>(
    bus: Bus,
    pool: PgPool,
    spec: ConsumerSpec,
    projection: P,
    wake: Wake,
    pulse: Pulse,
    token: CancellationToken,
) -> anyhow::Result<()> {
    metrics::describe_consumer(&spec.durable);
    let worker = Arc::new(Worker {
        pool,
        consumer: spec.durable.clone(),
        projection,
        wake,
    });
    let delays = ExponentialBuilder::default().with_min_delay(Duration::from_millis(200));
    let delays = delays
        .with_max_delay(Duration::from_secs(5))
        .with_jitter()
        .without_max_times();
    let mut pauses = delays.build();
    while !token.is_cancelled() {
        pulse.beat();
        match round(&bus, &spec, &worker, &pulse, &token).await {
            Ok(()) => pauses = delays.build(),
            Err(failure) => {
                tracing::warn!(error = %Chain(&failure), "Consumer interrupted; events wait in the stream.")
            }
        }
        let pause = pauses.next().unwrap_or(PAUSE_MAX);
        let _ = timeout(pause, token.cancelled()).await;
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("creating the consumer")]
    Consumer(#[source] async_nats::jetstream::stream::ConsumerError),
    #[error("asking for messages")]
    Messages(#[source] async_nats::jetstream::consumer::StreamError),
    #[error("reading messages")]
    Read(#[source] async_nats::jetstream::consumer::pull::MessagesError),
    #[error("the consumer is gone")]
    Gone(#[source] async_nats::jetstream::context::ConsumerInfoError),
}

/// Consumes with one consumer handle until it breaks, or `token` is cancelled.
async fn round<P: Projection>(
    bus: &Bus,
    spec: &ConsumerSpec,
    worker: &Worker<P>,
    pulse: &Pulse,
    token: &CancellationToken,
) -> Result<(), RoundError> {
    let mut consumer = declare(bus, spec).await?;
    let mut messages = consumer.messages().await.map_err(RoundError::Messages)?;
    while let Some(next) = token
        .run_until_cancelled(timeout(SILENCE, messages.next()))
        .await
    {
        pulse.beat();
        match next {
            Ok(Some(Ok(message))) => worker.handle(&message).await,
            Ok(Some(Err(failure))) => return Err(RoundError::Read(failure)),
            Ok(None) => return Ok(()),
            // A consumer that vanished gives silence, not a missed heartbeat.
            Err(_silence) => {
                consumer.info().await.map_err(RoundError::Gone)?;
            }
        }
    }
    Ok(())
}

async fn declare(bus: &Bus, spec: &ConsumerSpec) -> Result<PullConsumer, RoundError> {
    let stream = bus.stream().await?;
    let config = pull::Config {
        durable_name: Some(spec.durable.clone()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: UNACKED_MAX,
        filter_subjects: spec
            .subjects
            .iter()
            .map(|rest| format!("{}.{rest}", bus.spec.prefix))
            .collect(),
        ..pull::Config::default()
    };
    stream
        .handle
        .create_consumer(config)
        .await
        .map_err(RoundError::Consumer)
}

struct Worker<P> {
    pool: PgPool,
    consumer: String,
    projection: P,
    wake: Wake,
}

impl<P: Projection> Worker<P> {
    async fn handle(&self, message: &Message) {
        let delivered = message.info().map_or(1, |info| info.delivered);
        let answer = match self.apply(message).await {
            Ok(()) => AckKind::Ack,
            Err(failure) => {
                let verdict = failure.verdict(u32::try_from(delivered).unwrap_or(1));
                self.settle(message, &failure, verdict).await
            }
        };
        if let Err(failure) = message.ack_with(answer).await {
            tracing::warn!(error = %failure, "Message not acked; it will come again.");
        }
    }

    async fn apply(&self, message: &Message) -> Result<(), ApplyError> {
        let event = Envelope::decode(&message.payload)?;
        let mut tx = self.pool.begin().await?;
        if store::is_newer(&mut tx, &self.consumer, event.uid, event.revision).await? {
            self.projection.apply(&mut tx, &event).await?;
            tx.commit().await?;
            self.wake.wake();
        }
        Ok(())
    }

    /// Keeps what will never be applied, and says when the rest comes again. Nothing un-understood is acked.
    async fn settle(&self, message: &Message, failure: &ApplyError, verdict: Verdict) -> AckKind {
        let error = Chain(failure).to_string();
        match verdict {
            Verdict::Later(pause) => {
                tracing::warn!(error, ?pause, "Event kept for later.");
                AckKind::Nak(Some(pause))
            }
            Verdict::Reject => match store::bury(&self.pool, &self.consumer, message, &error).await
            {
                Ok(()) => {
                    metrics::dead_letter(&self.consumer);
                    tracing::error!(error, subject = %message.subject, "Event kept as a dead letter.");
                    AckKind::Term
                }
                Err(failure) => {
                    tracing::warn!(error = %Chain(&failure), "Dead letter not stored; kept for later.");
                    AckKind::Nak(Some(PAUSE_MAX))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_understood_is_rejected_and_the_rest_waits_longer_each_time() {
        let garbage = ApplyError::from(Envelope::decode(b"{").unwrap_err());
        assert_eq!(garbage.verdict(1), Verdict::Reject);
        let absent = ApplyError::from(sqlx::Error::PoolTimedOut);
        assert_eq!(
            absent.verdict(1),
            Verdict::Later(Duration::from_millis(400))
        );
        assert_eq!(absent.verdict(99), Verdict::Later(PAUSE_MAX));
    }
}
