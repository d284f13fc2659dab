//! Labels and annotations that carry meaning.

/// Label on a namespace and on everything made for a tenant: the tenant it belongs to.
pub const TENANT: &str = "stakater.com/tenant";
/// Label on a namespace: its name as written in the tenant's list, or `sandbox`.
pub const KIND: &str = "stakater.com/kind";
/// Annotation on a namespace: how it came to the tenant. Pruning rests on it.
pub const ORIGIN: &str = "tenantry.dev/origin";
/// Annotation on a sandbox: the user it was made for.
pub const SANDBOX_USER: &str = "tenantry.dev/sandbox-user";
/// Annotation on a Tenant or Quota: the username of who wrote the spec, by our webhook, or by gRPC where that is off.
pub const ACTOR: &str = "tenantry.dev/actor";
/// Annotation on a Tenant or Quota: the generation that the actor wrote. With another one, he did not write this spec.
pub const ACTOR_GENERATION: &str = "tenantry.dev/actor-generation";
/// Annotation on a Tenant or Quota: the username of who asked for its deletion.
pub const DELETED_BY: &str = "tenantry.dev/deleted-by";
/// Annotation on a Tenant: `true` stops reconciling it, though not its deletion.
pub const PAUSED: &str = "tenantry.dev/paused";
/// Annotation on a Tenant: the username of who paused or resumed it, written by the webhook.
pub const PAUSED_BY: &str = "tenantry.dev/paused-by";
/// Annotation on a Tenant: which of both the name beside it stands for; after a change that no webhook saw, it does not fit.
pub const PAUSED_BY_STATE: &str = "tenantry.dev/paused-by-state";
/// Annotation on an object of ours: digest of what was last applied, so that a change by others is told from a change of plan.
pub const APPLIED: &str = "tenantry.dev/applied";
/// Annotation on our ResourceQuota: the share that creates on their way in need, as `{"asked": time, "hard": {resource: quantity}}`.
pub const DEMAND: &str = "tenantry.dev/demand";
/// Start of the labels that carry Pod Security levels.
pub const POD_SECURITY_PREFIX: &str = "pod-security.kubernetes.io/";
/// Pod Security level that a namespace enforces.
pub const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";
/// Who manages an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// What an object belongs to.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// Which part of it an object is.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Finalizer on a Tenant: what it granted is taken back before it goes.
pub const FINALIZER: &str = "tenantry.dev/release";
