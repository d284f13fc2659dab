use k8s_openapi::api::core::v1::{Namespace, ResourceQuota};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::Crowd;
use crate::eventually;

impl Crowd {
    /// Clients in one namespace of nobody's, `name`, with one quota of the apiserver's own for `budget` secrets.
    ///
    /// Panics: the apiserver does not make them.
    pub async fn native(client: &Client, name: &str, budget: usize, clients: usize) -> Self {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let quota = json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name},
            "spec": {"hard": {"secrets": budget.to_string()}},
        });
        let params = PatchParams::apply("crowd");
        let namespaces = Api::<Namespace>::all(client.clone());
        let made = namespaces
            .patch(name, &params, &Patch::Apply(namespace))
            .await;
        made.expect("making a namespace");
        let quotas = Api::<ResourceQuota>::namespaced(client.clone(), name);
        let made = quotas.patch(name, &params, &Patch::Apply(quota)).await;
        made.expect("making a quota");
        eventually("a quota that is enforced", async || {
            let quota = quotas.get(name).await.expect("reading a quota");
            let enforced = quota.status.and_then(|status| status.hard);
            enforced.ok_or("no status.hard")
        })
        .await;
        Self {
            judge: client.clone(),
            member: client.clone(),
            namespaces: vec![name.to_owned()],
            clients,
        }
    }
}
