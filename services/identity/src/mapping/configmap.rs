use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, api::PostParams};

use super::Error;
use crate::aws_auth::Data;

const NAMESPACE: &str = "kube-system";
const NAME: &str = "aws-auth";
/// Field manager of our edits.
const MANAGER: &str = "tenantry-identity";
/// Longest time one call to the apiserver may take.
const CALL_MAX: Duration = Duration::from_secs(10);

/// The one ConfigMap.
#[derive(Clone)]
pub(super) struct AwsAuth {
    api: Api<ConfigMap>,
}

/// The ConfigMap as it was read; writing it back loses the race if somebody else wrote meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Object(ConfigMap);

impl Object {
    pub(super) fn data(&self) -> Data {
        self.0.data.clone().unwrap_or_default()
    }

    pub(super) fn resource_version(&self) -> &str {
        self.0
            .metadata
            .resource_version
            .as_deref()
            .unwrap_or_default()
    }
}

impl AwsAuth {
    pub(super) fn new(kube: kube::Client) -> Self {
        Self {
            api: Api::namespaced(kube, NAMESPACE),
        }
    }

    pub(super) async fn fetch(&self) -> Result<Option<Object>, Error> {
        let found = within("reading", self.api.get_opt(NAME)).await?;
        Ok(found
            .map_err(|failure| error("reading", failure))?
            .map(Object))
    }

    /// Writes `after` in place of `before`; false if somebody else was faster, a deletion included.
    pub(super) async fn write(&self, before: Option<Object>, after: Data) -> Result<bool, Error> {
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let answer = match before {
            Some(Object(object)) => {
                // The resourceVersion it was read at makes the apiserver refuse a lost update.
                let object = ConfigMap {
                    data: Some(after),
                    ..object
                };
                within("writing", self.api.replace(NAME, &params, &object)).await?
            }
            None => within("creating", self.api.create(&params, &new(after))).await?,
        };
        match answer {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
            Err(failure) => Err(error("writing", failure)),
        }
    }
}

fn new(data: Data) -> ConfigMap {
    let mut object = ConfigMap {
        data: Some(data),
        ..ConfigMap::default()
    };
    object.metadata.name = Some(NAME.to_owned());
    object.metadata.namespace = Some(NAMESPACE.to_owned());
    object
}

async fn within<T>(operation: &'static str, call: impl Future<Output = T>) -> Result<T, Error> {
    let answer = tokio::time::timeout(CALL_MAX, call).await;
    answer.map_err(|elapsed| Error::Unavailable {
        operation,
        source: elapsed.into(),
    })
}

fn error(operation: &'static str, failure: kube::Error) -> Error {
    match failure {
        kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 429 => {
            Error::Forbidden {
                operation,
                words: status.message,
            }
        }
        other => Error::Unavailable {
            operation,
            source: other.into(),
        },
    }
}
