//! Calls to the apiserver, none longer than ten seconds, and those that write a share no longer than two.

use std::{fmt::Debug, time::Duration};

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tenantry_runtime::{Chain, cluster::Busy};

use crate::reconcile::object::{Key, Kind, MANAGER, Object};

const CALL_MAX: Duration = Duration::from_secs(10);
/// Shares that two replicas raise at once could come to more than the budget, so a write of one ends before another replica
/// can look after the tenant.
pub(crate) const SHARE_MAX: Duration = Duration::from_secs(2);

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The apiserver answered with a failure, or not at all.
    #[error("{}", said(.0))]
    Call(kube::Error),
    /// No answer within the time that such a call has.
    #[error("the apiserver did not answer within the time of a call")]
    Elapsed,
}

/// Of a refusal the apiserver's words: kube would print its whole status beside them, and once more as the cause.
fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => Chain(other).to_string(),
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Call(error)
    }
}

impl Error {
    /// The HTTP code, if the apiserver gave one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Call(kube::Error::Api(status)) => Some(status.code),
            Self::Call(_) | Self::Elapsed => None,
        }
    }

    /// How long the apiserver asks to wait before the next try; none if it does not say.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call(failure) => Busy::of(failure).map(|busy| busy.left()),
            Self::Elapsed => None,
        }
    }
}

/// Waits for `call` no longer than ten seconds.
pub async fn within<T>(call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Error> {
    bounded(CALL_MAX, call).await
}

async fn bounded<T>(
    longest: Duration,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(longest, call).await {
        Ok(answer) => Ok(answer?),
        Err(_elapsed) => Err(Error::Elapsed),
    }
}

/// Everything of a kind with `labels`, in all namespaces.
pub async fn list<K>(client: &Client, labels: &str) -> Result<Vec<K>, Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let params = ListParams::default().labels(labels);
    Ok(within(Api::<K>::all(client.clone()).list(&params))
        .await?
        .items)
}

/// The object of that name; none if it is absent.
pub async fn find<K>(client: &Client, name: &str) -> Result<Option<K>, Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    within(Api::<K>::all(client.clone()).get_opt(name)).await
}

/// The object of that name in `namespace`; none if it is absent.
pub async fn find_in<K>(client: &Client, namespace: &str, name: &str) -> Result<Option<K>, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug,
{
    within(Api::<K>::namespaced(client.clone(), namespace).get_opt(name)).await
}

/// Writes `object` by server-side apply; what others own in it stays theirs. Gives it as it is then.
pub async fn apply(client: &Client, object: &Object) -> Result<DynamicObject, Error> {
    let params = PatchParams::apply(MANAGER).force();
    let patch = Patch::Apply(&object.value);
    let api = api(client, &object.key);
    let longest = if object.key.kind == Kind::ResourceQuota {
        SHARE_MAX
    } else {
        CALL_MAX
    };
    bounded(longest, api.patch(&object.key.name, &params, &patch)).await
}

/// What the apiserver would make of [`apply`], without doing it.
pub async fn rehearse(client: &Client, object: &Object) -> Result<Value, Error> {
    let params = PatchParams::apply(MANAGER).force().dry_run();
    let patch = Patch::Apply(&object.value);
    let answer = within(api(client, &object.key).patch(&object.key.name, &params, &patch)).await?;
    // An object that came as JSON goes back to it.
    Ok(serde_json::to_value(answer).unwrap_or_default())
}

/// Changes a few fields of an object that others write too. Gives it as it is then.
pub async fn merge(client: &Client, key: &Key, patch: Value) -> Result<DynamicObject, Error> {
    let params = PatchParams {
        field_manager: Some(MANAGER.into()),
        ..PatchParams::default()
    };
    within(api(client, key).patch(&key.name, &params, &Patch::Merge(patch))).await
}

/// Asks for the deletion of the object with that uid; one that is gone already is as good. Gives it if it still has to go.
///
/// Errors: 409 also where there is another of that name by now. It stays, and is looked at anew.
pub async fn delete(
    client: &Client,
    key: &Key,
    uid: Option<String>,
) -> Result<Option<DynamicObject>, Error> {
    let mut params = DeleteParams::background();
    params.preconditions = uid.map(|uid| Preconditions {
        uid: Some(uid),
        resource_version: None,
    });
    match within(api(client, key).delete(&key.name, &params)).await {
        Ok(answer) => Ok(answer
            .left()
            .filter(|left| !left.finalizers().is_empty() || key.kind == Kind::Namespace)),
        Err(failure) if failure.code() == Some(404) => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn api(client: &Client, key: &Key) -> Api<DynamicObject> {
    let resource = key.kind.resource();
    match key.namespace.as_str() {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn a_refusal_is_told_once_and_in_its_own_words() {
        let status = Status::failure("pods is no resource", "Invalid").with_code(422);
        let error = Error::from(kube::Error::Api(Box::new(status)));
        assert_eq!(Chain(&error).to_string(), "pods is no resource");
        assert_eq!(error.code(), Some(422));
    }
}
