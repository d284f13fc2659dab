use std::collections::BTreeMap;

use futures::try_join;
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota};
use kube::{Client, ResourceExt};
use tenantry_domain::TenantName;
use tenantry_k8s::keys;
use tenantry_proto::tenant::v1::{self as proto, ListNamespacesRequest, ListNamespacesResponse};
use tenantry_runtime::auth::Authority;
use tonic::Status;

use super::{
    list::Wanted,
    refuse::{self, Doing},
};
use crate::{cluster, convert::timestamp, reconcile::build};

/// A page of the namespaces of the tenant that `authority` was given for, by name.
pub(super) async fn list(
    client: &Client,
    authority: &Authority,
    request: &ListNamespacesRequest,
) -> Result<ListNamespacesResponse, Status> {
    let tenant: TenantName = refuse::name("tenant", &authority.access().name)?;
    let query = format!("namespaces of {tenant}");
    let page = Wanted::parse(request.page_size, &request.page_token, &query)?;
    super::resource::get::<tenantry_k8s::Tenant>(client, tenant.as_str()).await?;
    let (all, quotas) = read(client, &tenant)
        .await
        .map_err(|failure| refuse::cluster(&failure, &query, Doing::Reading))?;
    let by_name: BTreeMap<String, Namespace> = all
        .into_iter()
        .map(|namespace| (namespace.name_any(), namespace))
        .collect();
    let (namespaces, next_page_token) = page.of(by_name.into_iter());
    Ok(ListNamespacesResponse {
        namespaces: namespaces
            .iter()
            .map(|namespace| message(namespace, &quotas))
            .collect(),
        next_page_token,
    })
}

async fn read(
    client: &Client,
    tenant: &TenantName,
) -> Result<(Vec<Namespace>, BTreeMap<String, ResourceQuota>), cluster::Error> {
    let of_tenant = format!("{}={tenant}", keys::TENANT);
    let ours = format!("{of_tenant},{}={}", keys::MANAGED_BY, build::MANAGED_BY);
    let (namespaces, quotas) = try_join!(
        cluster::list::<Namespace>(client, &of_tenant),
        cluster::list::<ResourceQuota>(client, &ours)
    )?;
    let quotas = quotas
        .into_iter()
        .filter_map(|quota| Some((quota.namespace()?, quota)));
    Ok((namespaces, quotas.collect()))
}

fn message(namespace: &Namespace, quotas: &BTreeMap<String, ResourceQuota>) -> proto::Namespace {
    let label = |key: &str| namespace.labels().get(key).cloned().unwrap_or_default();
    let phase = namespace
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    proto::Namespace {
        name: namespace.name_any(),
        uid: namespace.uid().unwrap_or_default(),
        tenant: label(keys::TENANT),
        kind: label(keys::KIND),
        is_active: phase == Some("Active"),
        quota: quotas
            .get(&namespace.name_any())
            .map(usage)
            .unwrap_or_default(),
        create_time: namespace.creation_timestamp().map(|time| timestamp(time.0)),
    }
}

fn usage(quota: &ResourceQuota) -> Vec<proto::ResourceUsage> {
    let status = quota.status.clone().unwrap_or_default();
    let used = status.used.unwrap_or_default();
    let lines = status
        .hard
        .unwrap_or_default()
        .into_iter()
        .map(|(resource, hard)| proto::ResourceUsage {
            used: used
                .get(&resource)
                .map_or_else(|| "0".to_owned(), |used| used.0.clone()),
            resource,
            hard: hard.0,
        });
    lines.collect()
}
