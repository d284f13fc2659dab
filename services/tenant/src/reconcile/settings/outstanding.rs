use tenantry_k8s::Tenant;

use crate::reconcile::{
    Context, build,
    build::Revoke,
    dereference::dereference,
    object::{Key, Kind},
    pause,
    validate::validate,
};

/// Names in a status: it is read by people.
const TOLD_MAX: usize = 100;

/// Bindings that nobody should have any more and that are still there, as `namespace/name`.
///
/// Taking them is the tenants' own work. What it did not come to yet, or was refused, is left here.
pub(super) async fn bindings(context: &Context) -> Vec<String> {
    let mut names = Vec::new();
    for tenant in context.view.tenants.now().state() {
        names.extend(of(&tenant, context));
        // Others have work to do, too, and there may be a thousand tenants.
        tokio::task::yield_now().await;
    }
    names.sort();
    names.truncate(TOLD_MAX);
    names
}

fn of(tenant: &Tenant, context: &Context) -> Vec<String> {
    let is_left_alone =
        tenant.metadata.deletion_timestamp.is_some() || pause::is_asked(&tenant.metadata);
    let observed = dereference(&context.view, tenant, &context.config.namespace);
    let Some(valid) = validate(tenant, &observed).ok().filter(|_| !is_left_alone) else {
        return Vec::new();
    };
    let plan = build::build(&valid, &observed);
    let goes = plan.revoke.iter().filter_map(|revoke| match revoke {
        Revoke::Delete(key) if key.kind == Kind::RoleBinding => Some(name(key)),
        Revoke::Delete(_) | Revoke::Narrow(_) => None,
    });
    goes.collect()
}

fn name(key: &Key) -> String {
    format!("{}/{}", key.namespace, key.name)
}
