//! Names, actors and refusals that every service means the same way.
//!
//! Enters: text. Leaves: types that hold what the text promised.
//! Deliberately absent: tokio, sqlx, tonic, kube, async-nats and the clock.

mod actor;
mod name;
mod refusal;

pub use actor::{Actor, ActorKind};
pub use name::{NameError, NamespaceName, QuotaName, TenantName};
pub use refusal::Refusal;
