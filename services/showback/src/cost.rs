//! The cost engine: what was observed and a price book in, a report out. Pure, and exact until the last step.
//!
//! The path of a second of a pod: cut at window, owner and day (`assign`), weighed against all others on its node (`curve`),
//! multiplied by its node's price (`tally`), rounded with everybody else's (`report`).

mod assign;
mod curve;
mod each;
mod report;
mod span;
mod tally;

use std::fmt;

use tenantry_domain::TenantName;
use uuid::Uuid;

use crate::price::PriceKey;

pub use each::{Each, Quantities};
pub use report::{Amount, Report, Row};
pub use span::{DAY_SECONDS, Day, Span};
pub use tally::{Line, Note, Tally, tally};

/// A stretch of a node's life with one capacity and one price key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInterval {
    /// Name of the node.
    pub node: String,
    /// When; intervals of one name do not overlap.
    pub span: Span,
    /// What it has, with what the kubelet keeps for itself.
    pub capacity: Quantities,
    /// What its price is looked up by.
    pub price_key: PriceKey,
}

/// A stretch of a pod's life with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageInterval {
    /// Name of the node that reserved it.
    pub node: String,
    /// Namespace by identity: a namespace made again is another one.
    pub namespace_uid: Uuid,
    /// Namespace by name.
    pub namespace: String,
    /// When.
    pub span: Span,
    /// Kubernetes' effective request.
    pub request: Quantities,
}

/// A stretch in which a namespace belonged to a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnershipInterval {
    /// The namespace.
    pub namespace_uid: Uuid,
    /// Its owner.
    pub tenant: TenantName,
    /// When; intervals of one namespace do not overlap.
    pub span: Span,
}

/// Everything that bears on a window.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Nodes.
    pub nodes: Vec<NodeInterval>,
    /// Pods.
    pub usages: Vec<UsageInterval>,
    /// Owners.
    pub ownerships: Vec<OwnershipInterval>,
}

/// What a row is cut by, beside its owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grouping {
    /// A row for each namespace.
    pub is_by_namespace: bool,
    /// A row for each day.
    pub is_by_day: bool,
}

/// What becomes of capacity nobody asked for.
///
/// It is decided second by second, not over the window as OpenCost does: only so do the reports of two windows add up to the
/// report of both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IdleSharing {
    /// It stays a row of its own.
    #[default]
    Separate,
    /// Those on the node bear it, by resource, in proportion to their requests; what is idle with nobody there stays idle.
    ByNode,
}

/// Whose a row is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// A tenant's.
    Tenant(TenantName),
    /// Use in a namespace that was no tenant's at that second.
    Unallocated,
    /// Capacity nobody asked for.
    Idle,
    /// All of them together, in a report that is not cut by owner.
    Everybody,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(name) => name.fmt(f),
            // No tenant can take these names: the shape of tenant names has no underscore.
            Self::Unallocated => f.write_str("__unallocated__"),
            Self::Idle => f.write_str("__idle__"),
            Self::Everybody => Ok(()),
        }
    }
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    /// Whose it is.
    pub owner: Owner,
    /// Namespace, if grouped by it and not idle.
    pub namespace: Option<String>,
    /// Day, if grouped by it.
    pub day: Option<Day>,
}

#[cfg(test)]
mod tests;
