//! AdmissionReview in → rules → AdmissionReview out.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use kube::{
    Api, Client, ResourceExt as _,
    api::ListParams,
    core::{
        DynamicObject,
        admission::{AdmissionRequest, AdmissionResponse, AdmissionReview, Operation},
    },
    runtime::reflector::ObjectRef,
};
use serde::de::DeserializeOwned;
use serde_json::json;
use tenantry_domain::{Refusal, TenantName};
use tenantry_k8s::{IntegrationConfig, Quota, Tenant};
use tenantry_runtime::Chain;
use tokio::sync::mpsc;

use super::{
    claims, deletion, idle,
    requester::{Ourselves, Requester},
    room::Room,
    rules, stamp,
    verdict::{Refused, Rule},
};
use crate::{
    cluster::{self, within},
    metrics::{answered, reviewed},
    view::View,
};

type Request = AdmissionRequest<DynamicObject>;
type Review = Json<AdmissionReview<DynamicObject>>;

/// What answers need.
pub(super) struct Answerer {
    pub(super) client: Client,
    pub(super) view: Arc<View>,
    pub(super) room: Room,
    pub(super) ourselves: Ourselves,
    pub(super) refusals: mpsc::Sender<Refusal>,
}

/// The paths that our webhook configurations name.
pub(super) fn routes(answerer: Arc<Answerer>) -> Router {
    Router::new()
        .route("/validate", post(validate))
        .route("/mutate", post(mutate))
        .route("/room", post(room))
        .with_state(answerer)
}

async fn validate(
    State(answerer): State<Arc<Answerer>>,
    Json(review): Review,
) -> Result<Review, StatusCode> {
    let request: Request = review.try_into().map_err(|_none| StatusCode::BAD_REQUEST)?;
    let mut response = AdmissionResponse::from(&request);
    // On the heap: it waits for the apiserver in many ways.
    let judging = Box::pin(answerer.judge(&request));
    match reviewed("validate", judging).await {
        Ok(words) => response.warnings = (!words.is_empty()).then_some(words),
        Err(refused) => {
            response.allowed = false;
            response.result = refused.status();
        }
    }
    Ok(Json(response.into_review()))
}

async fn mutate(
    State(answerer): State<Arc<Answerer>>,
    Json(review): Review,
) -> Result<Review, StatusCode> {
    let request: Request = review.try_into().map_err(|_none| StatusCode::BAD_REQUEST)?;
    let mut response = AdmissionResponse::from(&request);
    match Box::pin(reviewed("mutate", answerer.requester(&request))).await {
        Ok(requester) => {
            let patch = stamp::stamp(&request, &requester);
            if !patch.is_empty() {
                response = response
                    .with_patch(patch)
                    .expect("a patch of strings is JSON");
            }
        }
        Err(refused) => {
            response.allowed = false;
            response.result = refused.status();
        }
    }
    Ok(Json(response.into_review()))
}

async fn room(
    State(answerer): State<Arc<Answerer>>,
    Json(review): Review,
) -> Result<Review, StatusCode> {
    let request: Request = review.try_into().map_err(|_none| StatusCode::BAD_REQUEST)?;
    let mut response = AdmissionResponse::from(&request);
    let making = answerer.room.make(&request);
    let words = answered("room", making, |words| match words {
        Some(_) => "warned",
        None => "allowed",
    });
    response.warnings = words.await.map(|words| vec![words]);
    Ok(Json(response.into_review()))
}

impl Answerer {
    async fn requester(&self, request: &Request) -> Result<Requester, Refused> {
        let ourselves = self.ourselves.name(&self.client).await.map_err(unknown)?;
        Ok(Requester::of(request, ourselves))
    }

    /// The verdict, with what the sender of something that is taken should know; a refusal is noted for the audit, unless
    /// nothing was to happen anyway.
    async fn judge(&self, request: &Request) -> Result<Vec<String>, Refused> {
        let requester = self.requester(request).await?;
        let verdict = self.rule(request).await;
        match &verdict {
            Ok(_) if request.operation == Operation::Delete => {
                deletion::sign(&self.client, request, &requester).await;
            }
            Err(refused) if !request.dry_run && refused.rule != Rule::ClusterKnown => {
                self.note(request, &requester, refused);
            }
            Ok(_) | Err(_) => {}
        }
        verdict
    }

    async fn rule(&self, request: &Request) -> Result<Vec<String>, Refused> {
        match (request.kind.kind.as_str(), &request.operation) {
            ("Tenant", Operation::Create | Operation::Update) => {
                let tenant = read::<Tenant>(request.object.as_ref())?;
                self.tenant(request, &tenant).await?;
                return Ok(idle::words(&tenant));
            }
            ("Quota", Operation::Create | Operation::Update) => {
                rules::spec_fits(request.object.as_ref(), "shorten it")?;
            }
            ("Quota", Operation::Delete) => self.quota(&request.name).await?,
            ("IntegrationConfig", Operation::Create | Operation::Update) => {
                rules::patterns_compile(&read::<IntegrationConfig>(request.object.as_ref())?)?;
            }
            _ => {}
        }
        Ok(Vec::new())
    }

    async fn tenant(&self, request: &Request, after: &Tenant) -> Result<(), Refused> {
        let before = match &request.old_object {
            Some(before) => Some(read::<Tenant>(Some(before))?),
            None => None,
        };
        let before = before.as_ref();
        if before.is_some_and(|before| before.spec == after.spec) {
            return Ok(());
        }
        let way_out = "shorten it, or divide the tenant";
        rules::spec_fits(request.object.as_ref(), way_out)?;
        if let Some(quota) = rules::new_quota(after, before)
            && !self.has_quota(quota).await?
        {
            return Err(rules::quota_missing(quota));
        }
        self.view.listed().await.map_err(|_unlisted| unlisted())?;
        let name = after.name_any();
        let owner = |namespace: &str| claims::owner(&self.view, namespace, &name);
        rules::namespaces_free(after, before, owner)
    }

    /// Whether the quota is there to stay. The apiserver is asked before a no: the watch may not have heard of it yet.
    async fn has_quota(&self, name: &str) -> Result<bool, Refused> {
        let stays = |quota: &Quota| quota.metadata.deletion_timestamp.is_none();
        let known = self.view.quotas.now().get(&ObjectRef::new(name));
        if known.is_some_and(|known| stays(&known)) {
            return Ok(true);
        }
        let found = cluster::find::<Quota>(&self.client, name).await;
        Ok(found.map_err(unknown)?.is_some_and(|found| stays(&found)))
    }

    /// Asks the apiserver and not the watch, which may not have heard of the newest tenant yet.
    async fn quota(&self, name: &str) -> Result<(), Refused> {
        let params = ListParams::default().fields(&format!("spec.quota={name}"));
        // Names are all it takes, and a tenant that cannot be read uses its quota, too.
        let tenants = Api::<Tenant>::all(self.client.clone());
        let users = within(tenants.list_metadata(&params)).await;
        let users: Vec<String> = users
            .map_err(unknown)?
            .iter()
            .map(|tenant| tenant.name_any())
            .collect();
        rules::quota_unused(name, &users)
    }

    fn note(&self, request: &Request, requester: &Requester, refused: &Refused) {
        let doing = match request.operation {
            Operation::Create => "Create",
            Operation::Update => "Update",
            Operation::Delete => "Delete",
            Operation::Connect => "Connect",
        };
        let kind = &request.kind.kind;
        let method = format!("tenantry.tenant.v1.Admission/{doing}{kind}");
        let (actor, reason) = (requester.actor_of(request), refused.rule.reason());
        let tenant = (kind == "Tenant")
            .then(|| TenantName::parse(&request.name).ok())
            .flatten();
        let refusal = Refusal::new(actor, &method, reason, &request.name).with_tenant(tenant);
        if let Err(full) = self.refusals.try_send(refusal) {
            tracing::warn!(error = %Chain(&full), "Refusal not recorded.");
        }
    }
}

/// The object as its kind; the schema was not asked yet where it is a mutation's turn.
fn read<K: DeserializeOwned>(object: Option<&DynamicObject>) -> Result<K, Refused> {
    serde_json::from_value(json!(object)).map_err(|fault| Refused {
        rule: Rule::FieldMeant,
        field: "spec".into(),
        message: format!("cannot be read: {fault}; see kubectl explain"),
        names: Vec::new(),
    })
}

fn unknown(failure: cluster::Error) -> Refused {
    tracing::warn!(error = %Chain(&failure), "The apiserver did not answer a call of a webhook.");
    unlisted()
}

fn unlisted() -> Refused {
    Refused {
        rule: Rule::ClusterKnown,
        field: "spec".into(),
        message: "the cluster cannot be asked now what there is; try again in a moment".into(),
        names: Vec::new(),
    }
}
