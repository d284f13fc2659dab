//! IO out: what became true, with its events, in one transaction each.

mod application;
mod facts;
mod pause;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use serde_json::Value;
use tenantry_domain::{Actor, TenantName};
use tenantry_k8s::{Quota, Tenant};
use uuid::Uuid;

use super::{
    build::{Drift, Grant, Plan},
    dereference::Observed,
    validate::Valid,
};
use crate::{
    store::{Error, Record, Seen, Stage, Standing, Store},
    view::Objects,
};
pub(super) use pause::{Noted, paused};

/// Proof that the grants of one plan are recorded as wanted. Only [`request`] makes it, and no grant is applied without.
#[derive(Debug)]
pub struct Permit(());

/// Whose history it is.
#[derive(Debug, Clone)]
pub struct Whose {
    /// Name.
    pub name: TenantName,
    /// Kubernetes uid.
    pub uid: Uuid,
    /// Who caused what is recorded.
    pub actor: Actor,
}

impl From<&Valid> for Whose {
    fn from(valid: &Valid) -> Self {
        Self {
            name: valid.name.clone(),
            uid: valid.uid,
            actor: valid.actor.clone(),
        }
    }
}

/// Records the spec of `tenant`, if it is new.
pub async fn intent(store: &Store, tenant: &Tenant, valid: &Valid) -> Result<(), Error> {
    let mut record = store.begin().await?;
    let seen = record.tenant_seen(valid.uid, valid.generation).await?;
    let kind = match seen {
        Seen::New => "TenantCreated",
        Seen::Changed => "TenantUpdated",
        Seen::Same => return Ok(()),
    };
    let spec = value(&tenant.spec);
    record
        .tenant_revision(
            valid.uid,
            &valid.name,
            valid.generation,
            &spec,
            &valid.actor,
        )
        .await?;
    record
        .event(&facts::tenant(&Whose::from(valid), kind, tenant))
        .await?;
    record.commit().await
}

/// Records the grants of `plan` as wanted, before any of them is applied.
///
/// Errors: `Late`, and nothing is recorded, where the history has a newer spec.
pub async fn request(store: &Store, valid: &Valid, plan: &Plan) -> Result<Permit, Error> {
    let whose = Whose::from(valid);
    let mut record = store.begin().await?;
    record.tenant_held(valid.uid, valid.generation).await?;
    let known = record.grants(valid.uid).await?;
    for grant in plan
        .granted
        .iter()
        .filter(|grant| !known.contains_key(grant))
    {
        record.grant_at(valid.uid, grant, Stage::Requested).await?;
        record
            .event(&facts::grant(&whose, "MemberGrantRequested", grant))
            .await?;
    }
    record.commit().await?;
    Ok(Permit(()))
}

/// Records what is in place after `plan`: namespaces, grants, drift put back, and the tenant as applied once it is.
///
/// Errors: `Late`, and nothing is recorded, where the history has a newer spec.
pub(crate) async fn outcome(
    store: &Store,
    tenant: &Tenant,
    valid: &Valid,
    observed: &Observed,
    done: &Done<'_>,
    there: &Objects<Namespace>,
) -> Result<(), Error> {
    let whose = Whose::from(valid);
    let mut record = store.begin().await?;
    record.tenant_held(valid.uid, valid.generation).await?;
    let owned: Vec<&Namespace> = observed
        .namespaces
        .iter()
        .filter(|namespace| valid.owns(namespace))
        .collect();
    namespaces(&mut record, &whose, &owned, there).await?;
    grants(&mut record, &whose, done.granted).await?;
    for drift in done.drift {
        record.event(&facts::drift(&whose, drift)).await?;
    }
    if done.is_settled {
        application::keep(&mut record, valid, observed).await?;
    }
    if done.is_settled && record.tenant_applied(valid.uid, valid.generation).await? {
        record
            .event(&facts::tenant(&whose, "TenantApplied", tenant))
            .await?;
    }
    record.commit().await
}

/// What a reconcile achieved.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    /// Grants in force; none if it is not known, because applying them failed.
    pub granted: Option<&'a [Grant]>,
    /// Changes put back.
    pub drift: &'a [Drift],
    /// Whether everything wanted is in place.
    pub is_settled: bool,
}

/// What the history has of a tenant, as far as a repeated reconcile could change it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Generation of the newest spec.
    pub generation: i64,
    namespaces: BTreeSet<String>,
    granted: Option<BTreeSet<Grant>>,
    inputs: Vec<String>,
    is_settled: bool,
}

impl Recorded {
    /// What [`outcome`] records of this.
    pub fn of(valid: &Valid, observed: &Observed, done: &Done<'_>) -> Self {
        let owned = observed
            .namespaces
            .iter()
            .filter(|namespace| valid.owns(namespace));
        Self {
            generation: valid.generation,
            namespaces: owned.filter_map(ResourceExt::uid).collect(),
            granted: done
                .granted
                .map(|granted| granted.iter().cloned().collect()),
            inputs: application::inputs(observed),
            is_settled: done.is_settled,
        }
    }

    /// Whether [`outcome`] would add nothing where the history has this. What a tenant was made from counts once it is made.
    pub fn covers(&self, told: &Self) -> bool {
        // No `..`: what is recorded must be compared before this compiles again.
        let Self {
            generation,
            namespaces,
            granted,
            inputs,
            is_settled,
        } = self;
        let is_same = *generation == told.generation
            && *namespaces == told.namespaces
            && *granted == told.granted;
        let is_applied = *is_settled && *inputs == told.inputs;
        is_same && (is_applied || !told.is_settled)
    }
}

impl From<Standing> for Recorded {
    fn from(standing: Standing) -> Self {
        let is_bound = standing.grants.values().all(|stage| *stage == Stage::Bound);
        Self {
            generation: standing.generation,
            namespaces: standing.namespaces.iter().map(Uuid::to_string).collect(),
            granted: is_bound.then(|| standing.grants.into_keys().collect()),
            inputs: standing.inputs,
            is_settled: standing.is_applied,
        }
    }
}

/// Records that a tenant is gone, with everything it granted and had.
pub(crate) async fn deleted(
    store: &Store,
    tenant: &Tenant,
    whose: &Whose,
    there: &Objects<Namespace>,
) -> Result<(), Error> {
    let mut record = store.begin().await?;
    if record.tenant_seen(whose.uid, 0).await? == Seen::New {
        return Ok(());
    }
    grants(&mut record, whose, Some(&[])).await?;
    namespaces(&mut record, whose, &[], there).await?;
    record.tenant_deleted(whose.uid).await?;
    record
        .event(&facts::tenant(whose, "TenantDeleted", tenant))
        .await?;
    record.commit().await
}

/// `there`: every namespace of the cluster, by which one that is gone is told from one that was let go.
async fn namespaces(
    record: &mut Record,
    whose: &Whose,
    ours: &[&Namespace],
    there: &Objects<Namespace>,
) -> Result<(), Error> {
    let known = record.namespaces(whose.uid).await?;
    let mut owned = BTreeSet::new();
    for namespace in ours {
        let Some(uid) = namespace.uid().and_then(|uid| Uuid::parse_str(&uid).ok()) else {
            continue;
        };
        owned.insert(uid);
        if !known.contains_key(&uid) {
            record
                .namespace_owned(whose.uid, uid, &namespace.name_any())
                .await?;
            record
                .event(&facts::namespace_created(whose, uid, &namespace.name_any()))
                .await?;
        }
    }
    for (uid, name) in known.iter().filter(|(uid, _)| !owned.contains(uid)) {
        record.namespace_released(whose.uid, *uid).await?;
        let is_kept = is_there(there, *uid, name);
        record
            .event(&facts::namespace_released(whose, *uid, name, is_kept))
            .await?;
    }
    Ok(())
}

/// One that is being deleted is as good as gone: nobody can keep it.
fn is_there(there: &Objects<Namespace>, uid: Uuid, name: &str) -> bool {
    there.find("", name).is_some_and(|found| {
        found.uid() == Some(uid.to_string()) && found.metadata.deletion_timestamp.is_none()
    })
}

async fn grants(
    record: &mut Record,
    whose: &Whose,
    granted: Option<&[Grant]>,
) -> Result<(), Error> {
    let Some(granted) = granted else {
        return Ok(());
    };
    let known = record.grants(whose.uid).await?;
    for grant in granted
        .iter()
        .filter(|grant| known.get(grant) != Some(&Stage::Bound))
    {
        record.grant_at(whose.uid, grant, Stage::Bound).await?;
        record
            .event(&facts::grant(whose, "MemberGranted", grant))
            .await?;
    }
    // A change of ClusterRoles is a new grant of the same member, not a loss.
    let is_kept = |known: &Grant| {
        granted
            .iter()
            .any(|grant| facts::key(grant) == facts::key(known))
    };
    for grant in known.keys().filter(|grant| !is_kept(grant)) {
        record.grant_gone(whose.uid, grant).await?;
        record
            .event(&facts::grant(whose, "MemberRevoked", grant))
            .await?;
    }
    Ok(())
}

/// Records the spec of `quota`, if it is new.
pub async fn quota_intent(
    store: &Store,
    quota: &Quota,
    uid: Uuid,
    actor: &Actor,
) -> Result<(), Error> {
    let generation = quota.metadata.generation.unwrap_or(1);
    let mut record = store.begin().await?;
    let kind = match record.quota_seen(uid, generation).await? {
        Seen::New => "QuotaCreated",
        Seen::Changed => "QuotaUpdated",
        Seen::Same => return Ok(()),
    };
    record
        .quota_revision(
            uid,
            &quota.name_any(),
            generation,
            &value(&quota.spec),
            actor,
        )
        .await?;
    record.event(&facts::quota(uid, actor, kind, quota)).await?;
    record.commit().await
}

/// Records that a quota is gone.
pub async fn quota_deleted(
    store: &Store,
    quota: &Quota,
    uid: Uuid,
    actor: &Actor,
) -> Result<(), Error> {
    let mut record = store.begin().await?;
    if record.quota_seen(uid, 0).await? == Seen::New {
        return Ok(());
    }
    record.quota_deleted(uid).await?;
    record
        .event(&facts::quota(uid, actor, "QuotaDeleted", quota))
        .await?;
    record.commit().await
}

fn value(spec: &impl serde::Serialize) -> Value {
    serde_json::to_value(spec).expect("a spec is JSON")
}
