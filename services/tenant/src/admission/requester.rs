//! Who asked: the person behind a request, also where gRPC asks on behalf of somebody.

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::{
    Api, Client,
    api::PostParams,
    core::{DynamicObject, admission::AdmissionRequest},
};
use tenantry_domain::Actor;
use tenantry_k8s::keys;
use tokio::sync::OnceCell;

use crate::cluster::{self, within};

/// Our own username in this cluster, asked once.
#[derive(Default)]
pub(super) struct Ourselves(OnceCell<String>);

impl Ourselves {
    pub(super) async fn name(&self, client: &Client) -> Result<&str, cluster::Error> {
        let ask = async || {
            let api = Api::<SelfSubjectReview>::all(client.clone());
            let (params, review) = (PostParams::default(), SelfSubjectReview::default());
            let review = within(api.create(&params, &review)).await?;
            let user = review.status.and_then(|status| status.user_info);
            Ok(user.and_then(|user| user.username).unwrap_or_default())
        };
        self.0.get_or_try_init(ask).await.map(String::as_str)
    }
}

/// One request, with what its sender is worth.
pub(super) struct Requester {
    /// The apiserver's name of who sent it.
    pub(super) username: String,
    /// Whether that is us: then our annotations name the person.
    pub(super) is_ourselves: bool,
}

impl Requester {
    pub(super) fn of(request: &AdmissionRequest<DynamicObject>, ourselves: &str) -> Self {
        let username = request.user_info.username.clone().unwrap_or_default();
        Self {
            is_ourselves: username == ourselves,
            username,
        }
    }

    /// The person: whom gRPC names in the annotation `key` of `object`, or else the sender.
    pub(super) fn actor(&self, object: Option<&DynamicObject>, key: &str) -> Actor {
        let named = object
            .filter(|_| self.is_ourselves)
            .and_then(|object| object.metadata.annotations.as_ref()?.get(key));
        Actor::user(named.unwrap_or(&self.username))
    }

    /// The person of `request`, whatever it wants.
    pub(super) fn actor_of(&self, request: &AdmissionRequest<DynamicObject>) -> Actor {
        match &request.object {
            Some(object) => self.actor(Some(object), keys::ACTOR),
            None => self.actor(request.old_object.as_ref(), keys::DELETED_BY),
        }
    }
}
