//! What a change would take away, and the question whether that is meant.

use std::collections::BTreeSet;

use tenantry_proto::tenant::v1::{PlanTenantRequest, Tenant, TenantPlan};

use super::past;
use crate::{confirm, error::Error, session::Session};

/// Asks before namespaces go and members lose roles, telling which; the service plans it.
///
/// Errors: usage, with the flag to add, where nobody is there to ask.
pub(crate) async fn confirm(
    session: &Session,
    tenant: &Tenant,
    confirmed: Option<&str>,
) -> Result<(), Error> {
    let request = PlanTenantRequest {
        tenant: Some(tenant.clone()),
    };
    let reply = session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.plan_tenant(request).await
        })
        .await?;
    let losses = losses(&reply.plan.unwrap_or_default());
    if losses.is_empty() {
        return Ok(());
    }
    let name = &tenant.name;
    let what = format!(
        "This change of tenant {name} takes away: {}.",
        losses.join("; ")
    );
    confirm::severe(&what, name, confirmed)
}

/// Namespaces that would go, then members that would lose a role in a namespace that stays.
fn losses(plan: &TenantPlan) -> Vec<String> {
    let gone = &plan.deleted_namespaces;
    let lost = plan
        .access
        .iter()
        .filter(|change| !change.is_gain && !gone.contains(&change.namespace))
        .map(|change| {
            let subject = past::subject(change.is_group, &change.subject);
            format!("{subject} as {}", past::role(change.role()))
        });
    let lost: BTreeSet<String> = lost.collect();
    gone.iter()
        .map(|namespace| format!("namespace {namespace} with everything in it"))
        .chain(lost)
        .collect()
}

#[cfg(test)]
mod tests {
    use tenantry_proto::tenant::v1::{AccessChange, Role};

    use super::*;

    fn change(is_gain: bool, namespace: &str, subject: &str) -> AccessChange {
        AccessChange {
            is_gain,
            namespace: namespace.to_owned(),
            role: Role::Editor.into(),
            subject: subject.to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn each_loss_is_told_once_and_gains_are_none() {
        let plan = TenantPlan {
            access: vec![
                change(true, "a-dev", "zoe"),
                change(false, "a-dev", "bob"),
                change(false, "a-build", "bob"),
                change(false, "a-test", "eve"),
            ],
            deleted_namespaces: vec!["a-test".to_owned()],
            ..Default::default()
        };
        assert_eq!(
            losses(&plan),
            ["namespace a-test with everything in it", "bob as editor"]
        );
        assert!(losses(&TenantPlan::default()).is_empty());
    }
}
