use crate::Actor;

/// One call or admission that was refused, before aggregation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// Who asked; a caller without a valid token is `system:anonymous`.
    pub actor: Actor,
    /// Method that was refused, such as `tenantry.tenant.v1.TenantService/CreateTenant`.
    pub method: String,
    /// Machine reason, such as `PERMISSION_DENIED`.
    pub reason: String,
    /// What was named: a tenant, an ARN; empty if nothing.
    pub subject: String,
}
