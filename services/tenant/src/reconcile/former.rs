//! Former tenants of a name, which went without a release: the history says so once somebody sees it.

use std::{collections::BTreeSet, sync::Arc};

use backon::{ConstantBuilder, Retryable as _};
use kube::runtime::reflector::ObjectRef;
use tenantry_domain::TenantName;
use tenantry_k8s::{Tenant, TenantSpec};
use tenantry_runtime::Chain;
use uuid::Uuid;

use super::{
    Context, SOON, actor,
    record::{self, Whose},
    release,
    validate::Valid,
};
use crate::{
    convert::revision_spec,
    store::{self, RevisionQuery},
};

/// Names that the history has as living, and that no tenant has who can be read, once everything is listed.
pub(super) async fn names(context: Arc<Context>) -> Vec<ObjectRef<Tenant>> {
    let retries = ConstantBuilder::new().with_delay(SOON).without_max_times();
    let ask = || context.store.living_names();
    let living = ask.retry(retries).notify(|failure: &store::Error, _| {
        tracing::warn!(error = %Chain(failure), "Who is living is not known; it is asked again.");
    });
    let living: BTreeSet<String> = living.await.unwrap_or_default();
    // Each of these waits is long by itself.
    while context.view.listed().await.is_err() {}
    let now = context.view.tenants.now();
    let named = living.iter().map(|name| ObjectRef::new(name));
    named.filter(|named| now.get(named).is_none()).collect()
}

/// Records the end of everybody who had the name before `valid`, if that is new.
pub(super) async fn end_before(context: &Context, valid: &Valid) -> Result<(), store::Error> {
    let former = context.store.living_before(&valid.name, valid.uid).await?;
    end(context, &valid.name, &former).await
}

/// Records the end of these, by nobody knows whom.
pub(super) async fn end(
    context: &Context,
    name: &TenantName,
    uids: &[Uuid],
) -> Result<(), store::Error> {
    for uid in uids {
        let tenant = last(context, name.as_str(), *uid).await?;
        let whose = Whose {
            name: name.clone(),
            uid: *uid,
            actor: actor::of_deletion(&tenant.metadata),
        };
        record::deleted(&context.store, &tenant, &whose, &context.view.namespaces).await?;
        release::forget(context, &tenant, *uid);
    }
    Ok(())
}

/// A tenant as the history has it last.
async fn last(context: &Context, name: &str, uid: Uuid) -> Result<Tenant, store::Error> {
    let query = RevisionQuery {
        tenant: name,
        uid: Some(uid),
        limit: 1,
        ..RevisionQuery::default()
    };
    let revision = context.store.revisions(&query).await?.pop();
    let spec = revision.as_ref().map(revision_spec).transpose();
    let spec = spec.unwrap_or_else(|fault| {
        tracing::warn!(
            tenant = name,
            ?fault,
            "The last revision cannot be read; its end is told without a spec."
        );
        None
    });
    let mut tenant = stand_in(name, uid, spec.unwrap_or_default());
    tenant.metadata.generation = revision.map(|last| last.generation);
    Ok(tenant)
}

/// A tenant in the place of one that is gone.
pub(super) fn stand_in(name: &str, uid: Uuid, spec: TenantSpec) -> Tenant {
    let mut tenant = Tenant::new(name, spec);
    tenant.metadata.uid = Some(uid.to_string());
    tenant
}
