use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, api::PostParams, core::ObjectMeta};
use tokio::time::Instant;

/// Creates a secret, and gives how long that took.
pub async fn timed_create(
    client: &Client,
    namespace: &str,
    name: String,
) -> kube::Result<Duration> {
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name),
            ..ObjectMeta::default()
        },
        ..Secret::default()
    };
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let began = Instant::now();
    api.create(&PostParams::default(), &secret).await?;
    Ok(began.elapsed())
}
