//! Who has what.
//!
//! Enters: Tenant, Quota and IntegrationConfig (by kubectl, Git or gRPC), and the apiserver's questions about them. Leaves: namespaces, role bindings, quotas,
//! limits and ingresses in the cluster; `evt.tenant.>`; conditions on the resources.
//! Deliberately absent: who people are (identity), what it cost (showback), and any call to either.

pub mod admission;
pub mod cluster;
pub mod config;
pub mod convert;
pub mod grpc;
pub mod metrics;
mod read;
pub mod reconcile;
pub mod shard;
pub mod store;
pub mod view;

pub use tenantry_k8s::member;
