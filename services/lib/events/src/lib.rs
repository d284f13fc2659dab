//! The event log of a service and its way through NATS JetStream. All NATS code of the services is here.
//!
//! Enters: [`Fact`]s inside the caller's transaction; messages of other services.
//! Leaves: the log in Postgres (outbox and audit history in one), envelopes on the stream, [`audit::service`].
//! Deliberately absent: what any fact means.

pub mod audit;
mod bus;
mod consume;
mod database;
mod envelope;
mod fact;
mod log;
mod metrics;
mod refusals;
mod relay;
mod stream;

pub use bus::{Bus, BusError, NatsConfig};
pub use consume::{ApplyError, ConsumerSpec, Projection, Verdict, consume};
pub use database::{DatabaseConfig, migrate, pool};
pub use envelope::{DecodeError, Envelope};
pub use fact::{Fact, uid};
pub use log::{RecordError, Recorded, record};
pub use refusals::refusals;
pub use relay::{Wake, relay, replay};
pub use stream::{StreamSpec, apply as apply_stream};
