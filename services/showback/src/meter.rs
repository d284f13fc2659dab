//! What pods and nodes hold, from when to when: watched, never sampled.

mod hearing;
mod ledger;
mod node;
mod pod;
mod request;

pub use hearing::Hearing;
pub use ledger::{Change, End, Ledger, NewUsage, NodeState, PodState};
pub use node::NodeSighting;
pub use pod::{PodEnd, PodSighting};

#[cfg(test)]
mod tests;
