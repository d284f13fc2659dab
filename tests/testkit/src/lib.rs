//! What tests across the workspace share: the standing stack, with a database, a stream and names of one's own.
//!
//! Enters: the stack that `cargo dev test` (or `cargo dev up`) started. Leaves: isolated places in it, gone on drop.
//! Deliberately absent: fakes of our own code.

mod crowd;
mod database;
mod edits;
mod eventually;
mod installation;
mod place;
mod stream;

pub use crowd::{Churn, Contention, Crowd, timed_create};
pub use database::Database;
pub use edits::{Editor, beside, is_ready, without_end};
pub use eventually::{PATIENCE, eventually};
pub use installation::{Installation, Ports, Stored};
pub use place::stack;
pub use stream::TestStream;
pub use tenantry_dev::{ControlPlane, Nodes, Service, Stack};

/// A name that no other test has: `prefix` and eight random letters.
pub fn unique(prefix: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{prefix}{}", &random[..8])
}
