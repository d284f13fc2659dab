//! The custom resources that Tenantry speaks, in the shape of Stakater's Multi Tenant Operator, and one of its own.
//!
//! Enters: what people write in YAML. Leaves: types, and the CRDs that the apiserver checks them by.
//! Deliberately absent: a client, and any decision about what a resource means.
#![allow(
    unreachable_pub,
    reason = "KubeSchema makes a public twin of each type inside a function"
)]

pub mod guardrails;
pub mod integration_config;
pub mod keys;
pub mod member;
pub mod quantity;
pub mod quota;
pub mod schema;
pub mod tenant;

pub use guardrails::{Guardrails, GuardrailsSpec};
pub use integration_config::{IntegrationConfig, IntegrationConfigSpec, IntegrationConfigStatus};
pub use quota::{Quota, QuotaSpec, QuotaStatus};
pub use tenant::{Tenant, TenantSpec, TenantStatus};

/// API group of the resources.
pub const GROUP: &str = "tenantoperator.stakater.com";
