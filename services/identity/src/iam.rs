//! IAM, each operation made repeatable and recorded: intent, call, outcome.
//!
//! What AWS leaves to its callers is here: its paging, its eventual consistency, names that differ by case only.

mod error;
pub mod group;
pub mod key;
mod membership;
pub mod name;
mod offboard;
pub mod policy;
mod unfinished;
pub mod user;

use std::time::Duration;

use aws_config::{BehaviorVersion, timeout::TimeoutConfig};
use aws_sdk_iam::primitives::DateTime;
use backon::{ConstantBuilder, Retryable as _};
use jiff::Timestamp;
use moka::future::Cache;

pub use crate::history::Cause;
pub use error::Error;

use crate::store::Store;

/// Longest time one operation may take, the SDK's retries included.
pub(crate) const CALL_MAX: Duration = Duration::from_secs(10);
/// Longest time for one try of them.
const TRY_MAX: Duration = Duration::from_secs(4);
/// How long IAM may hide a thing that we have just made.
const HIDDEN_MAX: Duration = Duration::from_secs(10);
/// How often a hidden thing is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// Things remembered as just made, at most: more than IAM lets anybody make in [`HIDDEN_MAX`].
const YOUNG_MAX: u64 = 10_000;

/// Whether a call changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Apply,
    /// It checks everything, and changes nothing.
    Validate,
}

/// What a call that wants a thing to be there did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// Made or changed it, or would.
    Changed(T),
    /// Found it as wanted.
    Unchanged(T),
}

impl<T> Outcome<T> {
    /// The thing, and whether it was changed.
    pub fn into_parts(self) -> (T, bool) {
        match self {
            Self::Changed(thing) => (thing, true),
            Self::Unchanged(thing) => (thing, false),
        }
    }
}

/// IAM with the history of what is done to it. Clones share the connection.
#[derive(Clone)]
pub struct Iam {
    client: aws_sdk_iam::Client,
    store: Store,
    /// Names of users and groups made by this process a moment ago.
    young: Cache<String, ()>,
}

/// A client of IAM as the process' surroundings describe it: the SDK reads `AWS_…` by itself.
pub async fn client() -> aws_sdk_iam::Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(TRY_MAX)
        .operation_timeout(CALL_MAX)
        .build();
    let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
    aws_sdk_iam::Client::new(&config.load().await)
}

impl Iam {
    /// IAM through `client`, recorded in `store`.
    pub fn new(client: aws_sdk_iam::Client, store: Store) -> Self {
        let young = Cache::builder()
            .time_to_live(HIDDEN_MAX)
            .max_capacity(YOUNG_MAX)
            .build();
        Self {
            client,
            store,
            young,
        }
    }

    /// Repeats `call` while IAM cannot see one of `subjects` that we have just made, or somebody else holds it.
    async fn settled<T, F>(&self, subjects: &[&str], call: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let looks = ConstantBuilder::default()
            .with_delay(LOOK)
            .with_max_times(20);
        let is_young = |name: &&str| self.young.contains_key(&name.to_ascii_lowercase());
        call.retry(looks)
            .when(|failure: &Error| failure.passes(subjects.iter().any(is_young)))
            .await
    }

    async fn remember_young(&self, name: &str) {
        self.young.insert(name.to_ascii_lowercase(), ()).await;
    }

    async fn forget_young(&self, name: &str) {
        self.young.invalidate(&name.to_ascii_lowercase()).await;
    }
}

/// IAM's time as ours. IAM counts whole seconds.
fn moment(time: &DateTime) -> Timestamp {
    Timestamp::from_second(time.secs()).unwrap_or_default()
}
