use k8s_openapi::api::core::v1::Namespace;
use kube::core::ObjectMeta;
use tenantry_k8s::keys;

use crate::reconcile::{
    object::{Kind, Object},
    validate::{Space, Valid},
};

/// The namespaces of the tenant, labels and all from the first moment.
pub(super) fn wanted(valid: &Valid) -> Vec<Object> {
    valid
        .spaces
        .iter()
        .map(|space| namespace(valid, space))
        .collect()
}

fn namespace(valid: &Valid, space: &Space) -> Object {
    let mut labels = space.metadata.labels.clone();
    labels.extend(super::labels(valid.name.as_str()));
    labels.extend(
        space
            .kind
            .iter()
            .map(|kind| (keys::KIND.to_owned(), kind.clone())),
    );
    let mut annotations = space.metadata.annotations.clone();
    annotations.insert(keys::ORIGIN.to_owned(), space.origin.as_str().to_owned());
    let user = space.user.iter();
    annotations.extend(user.map(|user| (keys::SANDBOX_USER.to_owned(), user.clone())));
    let metadata = ObjectMeta {
        name: Some(space.name.clone()),
        labels: Some(labels),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    };
    Object::wanted(
        Kind::Namespace,
        &Namespace {
            metadata,
            ..Namespace::default()
        },
    )
}
