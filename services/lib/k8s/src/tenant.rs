//! Tenant: who may work in which namespaces, within which budget.

#[allow(
    unreachable_pub,
    reason = "the derive makes a hidden twin of each checked type"
)]
mod spec;
mod status;

pub use spec::{
    AccessControl, Allowed, Denied, HostValidation, Members, Metadata, NamespaceMetadata,
    Namespaces, Sandboxes, SpecificMetadata, Tenant, TenantSpec,
};
pub use status::{
    AppliedMetadata, Available, AvailableList, BudgetShare, ContainerDefaults, NamespacesStatus,
    TenantStatus,
};
