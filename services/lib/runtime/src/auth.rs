//! Who is asking, and may they: TokenReview, then SubjectAccessReview, answered by the cluster itself.
//!
//! A handler gets an [`Authority`] only from [`Auth::require`]; the work behind it takes one as an argument.

mod access;
mod token;

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    SubjectAccessReview, SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use kube::api::PostParams;
use tenantry_domain::{Actor, Refusal};
use tenantry_proto::common::v1::Reason;
use tokio::sync::mpsc;
use tonic::{Code, Request, Status};

pub use access::Access;
use token::Authenticator;

use crate::{Chain, server::MethodPath, status};

/// Longest time one question to the apiserver may take.
const REVIEW_MAX: Duration = Duration::from_secs(10);
/// Groups that every authenticated request has; they say nothing about a person.
const ANONYMOUS: &str = "system:anonymous";

/// Somebody whose token the cluster accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Kubernetes username.
    pub username: String,
    /// Kubernetes groups.
    pub groups: Vec<String>,
    /// Identifier within the authenticator; may be empty.
    pub uid: String,
}

/// Proof that the cluster allowed one caller one thing. Only [`Auth`] makes it.
#[derive(Debug, Clone)]
pub struct Authority {
    caller: Caller,
    access: Access,
}

impl Authority {
    /// The caller as the history names him.
    pub fn actor(&self) -> Actor {
        Actor::user(&self.caller.username)
    }

    /// The caller.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What was allowed.
    pub fn access(&self) -> &Access {
        &self.access
    }
}

/// Asks the cluster who calls and what he may, and notes refusals.
#[derive(Clone)]
pub struct Auth {
    client: kube::Client,
    authenticator: Authenticator,
    refusals: mpsc::Sender<Refusal>,
}

impl Auth {
    /// Asks through `client`; refusals go to `refusals`, and are dropped when it is full, with a warning.
    pub fn new(client: kube::Client, refusals: mpsc::Sender<Refusal>) -> Self {
        Self {
            authenticator: Authenticator::new(client.clone()),
            client,
            refusals,
        }
    }

    /// The caller of `request`, if the cluster accepts the token.
    ///
    /// Errors: UNAUTHENTICATED with TOKEN_MISSING or TOKEN_INVALID, UNAVAILABLE with CLUSTER_UNAVAILABLE.
    pub async fn caller<T: Sync>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let answer = self.authenticator.authenticate(request.metadata()).await;
        if let Err(refused) = &answer
            && refused.code() == Code::Unauthenticated
        {
            let reason = status::reason(refused).unwrap_or_default();
            let method = method_of(request);
            self.note(Refusal::new(Actor::user(ANONYMOUS), method, &reason, ""));
        }
        answer
    }

    /// Proof that the caller of `request` may do `access`.
    ///
    /// Errors: those of [`Self::caller`], and PERMISSION_DENIED naming the right that is missing.
    pub async fn require<T: Sync>(
        &self,
        request: &Request<T>,
        access: Access,
    ) -> Result<Authority, Status> {
        let caller = self.caller(request).await?;
        if self.may(&caller, &access).await? {
            return Ok(Authority { caller, access });
        }
        let actor = Actor::user(&caller.username);
        let reason = status::word(Reason::PermissionDenied);
        let refusal = Refusal::new(actor, method_of(request), reason, &access.name);
        let Refusal { subject, .. } = self.note(refusal.with_tenant(access.tenant()));
        Err(denied(&caller, &access.named(subject)))
    }

    /// Whether `caller` may do `access`, where both answers lead on.
    ///
    /// Errors: UNAVAILABLE with CLUSTER_UNAVAILABLE.
    pub async fn may(&self, caller: &Caller, access: &Access) -> Result<bool, Status> {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(caller.username.clone()),
                groups: Some(caller.groups.clone()),
                uid: Some(caller.uid.clone()),
                resource_attributes: Some(access.attributes()),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let answer = review_within(&self.client, &review).await?;
        Ok(answer
            .status
            .is_some_and(|SubjectAccessReviewStatus { allowed, .. }| allowed))
    }

    /// Sends `refusal` to the history and gives it back.
    fn note(&self, refusal: Refusal) -> Refusal {
        if let Err(full) = self.refusals.try_send(refusal.clone()) {
            tracing::warn!(error = %Chain(&full), "Refusal not recorded.");
        }
        refusal
    }
}

fn method_of<T>(request: &Request<T>) -> &str {
    let path = request.extensions().get::<MethodPath>();
    path.map(|path| path.0.as_str()).unwrap_or_default()
}

fn denied(caller: &Caller, access: &Access) -> Status {
    let message = format!(
        "{} may not {access}; ask a platform administrator for that right (kubectl auth can-i {})",
        caller.username,
        access.can_i(),
    );
    let metadata = [
        ("username", caller.username.clone()),
        ("right", access.to_string()),
    ];
    status::with_reason(
        Code::PermissionDenied,
        Reason::PermissionDenied,
        message,
        metadata,
    )
}

/// Creates a review object and waits no longer than [`REVIEW_MAX`] for the answer.
async fn review_within<R>(client: &kube::Client, review: &R) -> Result<R, Status>
where
    R: kube::Resource<DynamicType = (), Scope = k8s_openapi::ClusterResourceScope>,
    R: Clone + serde::Serialize + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let api = kube::Api::<R>::all(client.clone());
    let params = PostParams::default();
    match tokio::time::timeout(REVIEW_MAX, api.create(&params, review)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(failure)) => {
            tracing::warn!(error = %Chain(&failure), "The apiserver did not answer a review.");
            Err(cluster_unavailable())
        }
        Err(_elapsed) => Err(cluster_unavailable()),
    }
}

fn cluster_unavailable() -> Status {
    let message = "the apiserver cannot say who you are or what you may; try again in a moment";
    status::with_reason(Code::Unavailable, Reason::ClusterUnavailable, message, [])
}
