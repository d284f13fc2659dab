//! IO in: everything that a Tenant's reconcile looks at, read once.

use futures::{StreamExt as _, TryStreamExt as _, stream, try_join};
use k8s_openapi::api::{
    core::v1::{LimitRange, Namespace, ResourceQuota},
    rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding},
};
use kube::{Client, ResourceExt};
use tenantry_k8s::{IntegrationConfig, Quota, Tenant, integration_config, keys};

use crate::cluster::{self, find, find_in, list};

/// What is there.
///
/// Source: selective lists, not caches, so that our own last write is always in it.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Namespace of the installation.
    pub install_namespace: String,
    /// The quota that the tenant names.
    pub quota: Option<Quota>,
    /// The IntegrationConfig.
    pub config: Option<IntegrationConfig>,
    /// Namespaces with the tenant's label, and those of the spec that exist without it.
    pub namespaces: Vec<Namespace>,
    /// Our ResourceQuotas for this tenant.
    pub quotas: Vec<ResourceQuota>,
    /// Our LimitRanges for this tenant.
    pub limits: Vec<LimitRange>,
    /// Our RoleBindings for this tenant.
    pub bindings: Vec<RoleBinding>,
    /// Our ClusterRoles for this tenant.
    pub roles: Vec<ClusterRole>,
    /// Our ClusterRoleBindings for this tenant.
    pub role_bindings: Vec<ClusterRoleBinding>,
}

/// Reads what `tenant` refers to and what is there of it.
pub async fn dereference(
    client: &Client,
    tenant: &Tenant,
    install_namespace: &str,
) -> Result<Observed, cluster::Error> {
    let tenant_label = format!("{}={}", keys::TENANT, tenant.name_any());
    let ours = format!(
        "{tenant_label},{}={}",
        keys::MANAGED_BY,
        super::build::MANAGED_BY
    );
    let (quota, config, labelled, quotas, limits, bindings, roles, role_bindings) =
        Box::pin(async {
            try_join!(
                find::<Quota>(client, &tenant.spec.quota),
                find_in::<IntegrationConfig>(client, install_namespace, integration_config::NAME),
                list::<Namespace>(client, &tenant_label),
                list::<ResourceQuota>(client, &ours),
                list::<LimitRange>(client, &ours),
                list::<RoleBinding>(client, &ours),
                list::<ClusterRole>(client, &ours),
                list::<ClusterRoleBinding>(client, &ours),
            )
        })
        .await?;
    let namespaces = with_unlabelled(client, tenant, labelled).await?;
    let install_namespace = install_namespace.to_owned();
    Ok(Observed {
        install_namespace,
        quota,
        config,
        namespaces,
        quotas,
        limits,
        bindings,
        roles,
        role_bindings,
    })
}

/// Adds the namespaces of the spec that exist without the tenant's label.
async fn with_unlabelled(
    client: &Client,
    tenant: &Tenant,
    labelled: Vec<Namespace>,
) -> Result<Vec<Namespace>, cluster::Error> {
    let missing: Vec<String> = super::validate::wanted_names(tenant)
        .into_iter()
        .filter(|name| {
            labelled
                .iter()
                .all(|namespace| namespace.name_any() != *name)
        })
        .collect();
    let found: Vec<Option<Namespace>> = stream::iter(missing)
        .map(|name| async move { find::<Namespace>(client, &name).await })
        .buffered(8)
        .try_collect()
        .await?;
    Ok(labelled
        .into_iter()
        .chain(found.into_iter().flatten())
        .collect())
}
