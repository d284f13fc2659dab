//! Isolation of a tenant, tried out: who may what, what an owner attempts in vain, and whether the policies are in place.
//!
//! Enters: a kubeconfig that may impersonate, a Tenant, and the matrix of rights in `matrix.snap`. Leaves: a report of what
//! held, what did not, and what could not be told. Only reviews and dry runs are sent: nothing in the cluster changes.
//! Deliberately absent: output, and any say in what the rights should be; the tenant service's tests keep the matrix.

pub mod attempt;
pub mod cluster;
pub mod matrix;
pub mod policies;
pub mod report;
pub mod rights;
pub mod run;
pub mod scene;

pub use cluster::{Cluster, Error};
pub use matrix::Matrix;
pub use report::{Check, Finding, Kind, Report, Right, Verdict};
pub use run::Run;
pub use scene::{Chosen, Scene, Wish};
