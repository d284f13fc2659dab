//! Quotas: recorded when they change, with budget and use of each tenant in the status.

use std::{collections::BTreeMap, sync::Arc};

use futures::try_join;
use k8s_openapi::{
    api::core::v1::ResourceQuota, apimachinery::pkg::api::resource::Quantity, jiff::Timestamp,
};
use kube::{Api, Client, ResourceExt, api::ListParams, runtime::controller::Action};
use serde_json::json;
use tenantry_k8s::{
    Quota, QuotaStatus, Tenant, keys,
    quantity::Millis,
    quota::{TenantUsage, Usage},
};
use tenantry_runtime::Chain;
use uuid::Uuid;

use super::{
    Context, Error, SOON, actor, build, record, set_finalizers, status::Teller, validate,
    write_status_of,
};
use crate::cluster::{self, list, within};

/// Tenants that name a quota, and their ResourceQuotas.
struct Used {
    tenants: Vec<Tenant>,
    shares: Vec<ResourceQuota>,
}

pub(super) async fn reconcile(quota: Arc<Quota>, context: Arc<Context>) -> Result<Action, Error> {
    let name = quota.name_any();
    let failed = |source| Error::Cluster {
        name: name.clone(),
        source,
    };
    // The apiserver gives every object a uid.
    let Some(uid) = quota.uid().and_then(|uid| Uuid::parse_str(&uid).ok()) else {
        return Ok(Action::await_change());
    };
    let used = used(&context.client, &name).await.map_err(failed)?;
    if quota.metadata.deletion_timestamp.is_some() {
        return release(&quota, uid, &used, &context).await;
    }
    if !quota
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == keys::FINALIZER)
    {
        set_finalizers::<Quota>(&context.client, &name, &[keys::FINALIZER])
            .await
            .map_err(failed)?;
    }
    let recorded =
        record::quota_intent(&context.store, &quota, uid, &actor::of(&quota.metadata)).await;
    let status = status(&quota, &used, recorded.is_ok());
    write(&quota, &context, status).await.map_err(failed)?;
    match recorded {
        Ok(()) => Ok(Action::await_change()),
        Err(source) => Err(Error::Store { name, source }),
    }
}

/// A quota that tenants use stays until they do not: without it they would lose nothing, and could gain nothing.
async fn release(
    quota: &Quota,
    uid: Uuid,
    used: &Used,
    context: &Context,
) -> Result<Action, Error> {
    let name = quota.name_any();
    let failed = |source| Error::Cluster {
        name: name.clone(),
        source,
    };
    if !quota
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == keys::FINALIZER)
    {
        return Ok(Action::await_change());
    }
    if !used.tenants.is_empty() {
        write(quota, context, status(quota, used, true))
            .await
            .map_err(failed)?;
        return Ok(Action::await_change());
    }
    let who = actor::of_deletion(&quota.metadata);
    if let Err(failure) = record::quota_deleted(&context.store, quota, uid, &who).await {
        tracing::warn!(quota = %name, error = %Chain(&failure), "Deletion waits for the history.");
        return Ok(Action::requeue(SOON));
    }
    set_finalizers::<Quota>(&context.client, &name, &[])
        .await
        .map_err(failed)?;
    Ok(Action::await_change())
}

async fn used(client: &Client, quota: &str) -> Result<Used, cluster::Error> {
    let params = ListParams::default().fields(&format!("spec.quota={quota}"));
    let api = Api::<Tenant>::all(client.clone());
    let label = format!(
        "{}={quota},{}={}",
        build::QUOTA,
        keys::MANAGED_BY,
        build::MANAGED_BY
    );
    let (tenants, shares) = try_join!(
        within(api.list(&params)),
        list::<ResourceQuota>(client, &label)
    )?;
    Ok(Used {
        tenants: tenants.items,
        shares,
    })
}

fn status(quota: &Quota, used: &Used, is_recorded: bool) -> QuotaStatus {
    let before = quota.status.clone().unwrap_or_default();
    let generation = quota.metadata.generation.unwrap_or(1);
    let teller = Teller {
        before: &before.conditions,
        generation,
        now: Timestamp::now(),
    };
    let names: Vec<String> = used.tenants.iter().map(ResourceExt::name_any).collect();
    let is_going = quota.metadata.deletion_timestamp.is_some();
    let ready = if is_going {
        let message = format!(
            "used by tenants: {}; it goes when none names it any more",
            names.join(", ")
        );
        teller.tell("Ready", false, "InUse", &message)
    } else {
        teller.tell(
            "Ready",
            true,
            "Accepted",
            "each tenant that names it has this budget for all its namespaces together",
        )
    };
    let mut conditions = vec![
        ready,
        teller.tell(
            "Reconciling",
            is_going,
            if is_going { "InUse" } else { "Idle" },
            "",
        ),
        teller.tell("Stalled", false, "Progressing", ""),
    ];
    if !is_recorded {
        conditions.push(teller.tell(
            "HistoryUnavailable",
            true,
            "DatabaseUnavailable",
            "the tenant database does not answer",
        ));
    }
    let unsupported = validate::of_quota(&quota.spec);
    if !unsupported.is_empty() {
        let message = format!("not acted on yet: {}", unsupported.join(", "));
        conditions.push(teller.tell("FieldsUnsupported", true, "NotActedOn", &message));
    }
    QuotaStatus {
        observed_generation: Some(generation),
        tenant_count: i32::try_from(names.len()).unwrap_or(i32::MAX),
        tenants: names
            .into_iter()
            .map(|name| (name.clone(), usage(quota, &name, &used.shares)))
            .collect(),
        conditions,
    }
}

/// The budget as written, and what is in use over all shares of the tenant.
fn usage(quota: &Quota, tenant: &str, shares: &[ResourceQuota]) -> TenantUsage {
    let hard = quota.spec.resourcequota.clone().unwrap_or_default().hard;
    let of_tenant: Vec<&ResourceQuota> = shares
        .iter()
        .filter(|share| {
            share
                .labels()
                .get(keys::TENANT)
                .is_some_and(|name| name == tenant)
        })
        .collect();
    let sum = |resource: &String, written: &Quantity| {
        let used = of_tenant
            .iter()
            .filter_map(|share| share.status.as_ref()?.used.as_ref()?.get(resource));
        let total: i128 = used
            .filter_map(|used| Millis::parse(used).ok())
            .map(Millis::get)
            .sum();
        Millis::new(total).like(written)
    };
    let used: BTreeMap<String, Quantity> = hard
        .iter()
        .map(|(resource, written)| (resource.clone(), sum(resource, written)))
        .collect();
    TenantUsage {
        status: Usage { hard, used },
    }
}

async fn write(
    quota: &Quota,
    context: &Context,
    status: QuotaStatus,
) -> Result<(), cluster::Error> {
    if quota.status.as_ref() == Some(&status) {
        return Ok(());
    }
    write_status_of::<Quota>(&context.client, None, &quota.name_any(), json!(status)).await
}
