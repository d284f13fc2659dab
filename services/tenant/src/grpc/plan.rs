//! What a write would change, without it.

use std::{collections::BTreeSet, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::ResourceExt as _;
use serde_json::Value;
use tenantry_domain::{QuotaName, TenantName};
use tenantry_k8s::{Quota, Tenant};
use tenantry_proto::tenant::v1::{
    ObjectChange, PlanQuotaRequest, PlanQuotaResponse, PlanTenantRequest, PlanTenantResponse,
    TenantPlan,
};
use tenantry_runtime::auth::{Access, Authority};
use tonic::{Request, Status};

use super::{
    Service,
    refuse::{self, Doing},
    resource::{self, Custom, Update},
    sight::Sight,
};
use crate::{
    cluster,
    convert::{change_message, plan_message, quota_spec, tenant_spec},
    reconcile::{
        dereference::{Observed, dereference},
        plan::{self, Change},
    },
};

/// Tenants of a quota that are planned at once.
const CONCURRENCY: usize = 4;

/// Proof that the caller may write the resource of that name, existing or not.
///
/// Who may change nothing of that name is told so first: whether it exists is none of his business.
async fn require<T: Sync>(
    service: &Service,
    request: &Request<T>,
    resource: &'static str,
    name: &str,
) -> Result<Authority, Status> {
    let right = Access::tenancy("update", resource).named(name);
    service.auth.require(request, right).await
}

pub(super) async fn tenant(
    service: &Service,
    request: Request<PlanTenantRequest>,
) -> Result<PlanTenantResponse, Status> {
    let asked = request.get_ref().tenant.clone();
    let name = asked.as_ref().map(|tenant| tenant.name.clone());
    let authority = require(service, &request, "tenants", &name.unwrap_or_default()).await?;
    let message = asked.ok_or_else(|| refuse::missing("tenant"))?;
    let name: TenantName = refuse::name("tenant.name", &message.name)?;
    let spec = message.spec.ok_or_else(|| refuse::missing("tenant.spec"))?;
    let spec = tenant_spec(&spec).map_err(|fault| refuse::unfit(&fault))?;
    let there = find::<Tenant>(service, name.as_str()).await?;
    if there.is_none() {
        let right = Access::tenancy("create", "tenants");
        service.auth.require(&request, right).await?;
    }
    let before = there.as_ref().map(|tenant| json(&tenant.spec));
    let wanted = Tenant::new(name.as_str(), spec);
    let change = |there, wanted: &Tenant| Tenant {
        spec: wanted.spec.clone(),
        ..there
    };
    let proposed = Box::pin(propose(service, &authority, there, wanted, change)).await?;
    let own = plan::of_spec(
        "Tenant",
        name.as_str(),
        before.as_ref(),
        &json(&proposed.spec),
    );
    let observed = observe(service, &proposed).await?;
    Ok(PlanTenantResponse {
        plan: Some(Box::pin(foresee(service, &proposed, observed, own)).await?),
    })
}

pub(super) async fn quota(
    service: &Service,
    request: Request<PlanQuotaRequest>,
) -> Result<PlanQuotaResponse, Status> {
    let asked = request.get_ref().quota.clone();
    let name = asked.as_ref().map(|quota| quota.name.clone());
    let authority = require(service, &request, "quotas", &name.unwrap_or_default()).await?;
    let message = asked.ok_or_else(|| refuse::missing("quota"))?;
    let name: QuotaName = refuse::name("quota.name", &message.name)?;
    let spec = message.spec.ok_or_else(|| refuse::missing("quota.spec"))?;
    let there = find::<Quota>(service, name.as_str()).await?;
    if there.is_none() {
        let right = Access::tenancy("create", "quotas");
        service.auth.require(&request, right).await?;
    }
    let kept = there.as_ref().map(|quota| &quota.spec);
    let spec = quota_spec(&spec, kept).map_err(|fault| refuse::unfit(&fault))?;
    let before = kept.map(json);
    let wanted = Quota::new(name.as_str(), spec);
    let change = |there, wanted: &Quota| Quota {
        spec: wanted.spec.clone(),
        ..there
    };
    let proposed = Box::pin(propose(service, &authority, there, wanted, change)).await?;
    let own = plan::of_spec(
        "Quota",
        name.as_str(),
        before.as_ref(),
        &json(&proposed.spec),
    );
    let sight = service.sight(&request, "list").await?;
    let (tenants, is_partial) = tenants_of(service, &sight, &proposed).await?;
    Ok(PlanQuotaResponse {
        changes: own
            .iter()
            .map(change_message)
            .collect::<Vec<ObjectChange>>(),
        tenants,
        is_partial,
    })
}

/// Plans of the tenants in sight that name `quota`, and whether there are others.
async fn tenants_of(
    service: &Service,
    sight: &Sight,
    quota: &Quota,
) -> Result<(Vec<TenantPlan>, bool), Status> {
    let all = service.indexes.tenants.now().await?;
    let name = quota.name_any();
    let naming: Vec<Arc<Tenant>> = all
        .things()
        .values()
        .filter(|tenant| tenant.spec.quota == name)
        .cloned()
        .collect();
    let names: BTreeSet<String> = naming.iter().map(|tenant| tenant.name_any()).collect();
    let seen = service.seen(sight, &all, names).await?;
    let (shown, hidden): (Vec<_>, Vec<_>) = naming
        .into_iter()
        .partition(|tenant| seen.has(&tenant.name_any()));
    let proposed = &Arc::new(quota.clone());
    let plans = stream::iter(shown)
        .map(|tenant| async move {
            let observed = Observed {
                quota: Some(Arc::clone(proposed)),
                ..observe(service, &tenant).await?
            };
            Box::pin(foresee(service, &tenant, observed, None)).await
        })
        .buffered(CONCURRENCY)
        .try_collect();
    Ok((plans.await?, !hidden.is_empty()))
}

async fn find<K: Custom>(service: &Service, name: &str) -> Result<Option<K>, Status> {
    let found = cluster::find::<K>(&service.client, name).await;
    found.map_err(|failure| refuse::cluster(&failure, name, Doing::Reading))
}

/// What the apiserver would make of `wanted`: its schema, its defaults and its admission speak.
async fn propose<K: Custom>(
    service: &Service,
    authority: &Authority,
    there: Option<K>,
    wanted: K,
    change: impl Fn(K, &K) -> K,
) -> Result<K, Status> {
    let (client, actor) = (&service.client, authority.actor());
    let Some(there) = there else {
        return resource::create(client, wanted, &actor, true).await;
    };
    let update = Update {
        etag: "",
        actor: &actor,
        dry_run: true,
        change: |there| Ok(change(there, &wanted)),
    };
    resource::update(client, there, update).await
}

async fn observe(service: &Service, tenant: &Tenant) -> Result<Observed, Status> {
    let listed = service.view.listed().await;
    listed.map_err(|_not_yet| refuse::unavailable("namespaces"))?;
    Ok(dereference(
        &service.view,
        tenant,
        &service.install_namespace,
    ))
}

/// The plan of one tenant, after what changes about the resource itself.
async fn foresee(
    service: &Service,
    tenant: &Tenant,
    observed: Observed,
    own: Option<Change>,
) -> Result<TenantPlan, Status> {
    let forecast = plan::forecast(tenant, observed)
        .map_err(|invalid| refuse::unplannable(&invalid.to_string()))?;
    let forecast = Box::pin(forecast.rehearse(&service.client)).await;
    let forecast = forecast.map_err(|failure| unasked(&failure, tenant))?;
    let forecast = Box::pin(forecast.count(&service.client)).await;
    let forecast = forecast.map_err(|failure| unasked(&failure, tenant))?;
    let violations = forecast.violations(&service.client).await;
    let violations = violations.map_err(|failure| unasked(&failure, tenant))?;
    Ok(plan_message(tenant, &forecast, own, violations))
}

fn unasked(failure: &cluster::Error, tenant: &Tenant) -> Status {
    refuse::cluster(
        failure,
        &format!("tenant {}", tenant.name_any()),
        Doing::Reading,
    )
}

/// Panics: a spec is always JSON.
fn json(spec: &impl serde::Serialize) -> Value {
    serde_json::to_value(spec).expect("a spec is JSON")
}
