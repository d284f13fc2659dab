//! Where budgets are measured.

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use tenantry_testkit::Crowd;

use super::BUDGET;
use crate::{apply, judge, world::World};

const CLIENTS: usize = 16;
const NAMESPACES: usize = 10;

/// Namespaces whose creates are compared.
pub(super) struct Spots {
    /// Of a tenant with a budget that is never used up.
    pub(super) with_budget: String,
    /// Of a tenant whose quota has no budget.
    pub(super) without_budget: String,
    /// Of nobody.
    pub(super) outside: String,
}

/// Members of the tenant `name`, which has a budget of [`BUDGET`] secrets over ten namespaces.
pub(super) async fn crowd(world: &World, name: &str) -> anyhow::Result<Crowd> {
    let namespaces: Vec<String> = (0..NAMESPACES).map(|n| format!("n{n}")).collect();
    let budget = json!({"resourcequota": {"hard": {"secrets": BUDGET.to_string()}}});
    tenant(world, name, &budget, &namespaces).await?;
    Ok(Crowd {
        judge: world.client.clone(),
        member: world.client.clone(),
        namespaces: namespaces.iter().map(|n| format!("{name}-{n}")).collect(),
        clients: CLIENTS,
    })
}

/// The same clients in one namespace with one quota of the apiserver's own.
pub(super) async fn native(world: &World) -> Crowd {
    Crowd::native(&world.client, "native", BUDGET, CLIENTS).await
}

pub(super) async fn spots(world: &World) -> anyhow::Result<Spots> {
    let namespaces = ["n".to_owned()];
    let plenty = json!({"resourcequota": {"hard": {"secrets": "1000000"}}});
    tenant(world, "with", &plenty, &namespaces).await?;
    // A quota must limit something.
    let elsewhere = json!({"limitrange": {"limits": [{"type": "Container", "max": {"cpu": "8"}}]}});
    tenant(world, "without", &elsewhere, &namespaces).await?;
    namespace(world, "outside").await?;
    Ok(Spots {
        with_budget: "with-n".to_owned(),
        without_budget: "without-n".to_owned(),
        outside: "outside".to_owned(),
    })
}

/// A tenant with a quota `spec` of the same name, ready.
pub(super) async fn tenant(
    world: &World,
    name: &str,
    spec: &Value,
    namespaces: &[String],
) -> anyhow::Result<()> {
    apply::quota_of(&world.client, name, spec).await?;
    apply::tenant_of(&world.client, name, name, namespaces).await?;
    judge::ready(world, &[name.to_owned()]).await?;
    Ok(())
}

async fn namespace(world: &World, name: &str) -> anyhow::Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let api = Api::<Namespace>::all(world.client.clone());
    let params = PatchParams::apply("bench");
    api.patch(name, &params, &Patch::Apply(namespace)).await?;
    Ok(())
}
