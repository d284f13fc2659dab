use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
    core::ObjectMeta,
};

use crate::unique;

/// Label of what one crowd made in one go.
const LABEL: &str = "crowd";

/// What the apiserver says to a create.
pub(super) enum Answer {
    Done,
    /// By a quota, or because too many asked it at once.
    Refused,
}

/// Secrets of one go.
pub(super) struct Items {
    client: Client,
    go: String,
}

impl Items {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            go: unique("go-"),
        }
    }

    /// Selects them.
    pub(super) fn selector(&self) -> String {
        format!("{LABEL}={}", self.go)
    }

    pub(super) async fn create(&self, namespace: &str, name: &str) -> Answer {
        let metadata = ObjectMeta {
            name: Some(self.name(name)),
            labels: Some([(LABEL.to_owned(), self.go.clone())].into()),
            ..ObjectMeta::default()
        };
        let secret = Secret {
            metadata,
            ..Secret::default()
        };
        let api = self.api(namespace);
        match api.create(&PostParams::default(), &secret).await {
            Ok(_) => Answer::Done,
            Err(kube::Error::Api(status)) if is_for_later(&status) => Answer::Refused,
            Err(failure) => panic!("creating {name} in {namespace}: {failure:?}"),
        }
    }

    pub(super) async fn delete(&self, namespace: &str, name: &str) {
        let api = self.api(namespace);
        let deleted = api.delete(&self.name(name), &DeleteParams::default()).await;
        if let Err(failure) = deleted {
            panic!("deleting {name} in {namespace}: {failure:?}");
        }
    }

    fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.go)
    }

    fn api(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

/// A full quota, one that is not filled in yet, or one that others changed at every try of the apiserver.
fn is_for_later(status: &kube::core::Status) -> bool {
    let words = ["exceeded quota", "status unknown for quota"];
    let is_quota = words.iter().any(|words| status.message.contains(words));
    (status.code == 403 && is_quota)
        || (status.code == 409 && status.message.contains("resourcequotas"))
}
