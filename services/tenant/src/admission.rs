//! The webhooks on our own kinds, for what a rule needs other objects for and for who asked; and one that makes room for creates.
//!
//! Enters: AdmissionReviews of the apiserver. Leaves: verdicts, the stamp of who changed a spec, refusals for the audit, demands
//! for larger shares.
//! Deliberately absent: Postgres and NATS. Only the cluster is asked, so that an answer needs nothing else.

mod answer;
mod certificate;
mod claims;
mod deletion;
mod idle;
mod keep;
mod listen;
mod requester;
mod room;
mod rules;
mod stamp;
pub(crate) mod usage;
pub mod verdict;

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use kube::Client;
use tenantry_domain::Refusal;
use tenantry_runtime::Pulse;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tokio_util::sync::CancellationToken;

use crate::{config::WebhookConfig, metrics, view::View};
use answer::Answerer;
use certificate::Schedule;
use keep::Keeper;
use requester::Ourselves;
use room::Room;

/// What the webhooks need.
pub struct Webhook {
    /// The cluster, as ourselves.
    pub client: Client,
    /// What there is, as reconciles know it.
    pub view: Arc<View>,
    /// Namespace of the installation.
    pub namespace: String,
    /// Settings of the webhooks.
    pub config: WebhookConfig,
    /// Where refusals go.
    pub refusals: mpsc::Sender<Refusal>,
    /// Sign of life.
    pub pulse: Pulse,
}

/// Takes the port; none if the webhooks are off.
///
/// Errors: the address, with the cause.
pub async fn bind(config: &WebhookConfig) -> anyhow::Result<Option<TcpListener>> {
    match config.webhook_addr {
        Some(addr) => Ok(Some(tenantry_runtime::bind(addr).await?)),
        None => Ok(None),
    }
}

/// Answers the apiserver on `listener` until `token` is cancelled.
pub async fn serve(
    listener: Option<TcpListener>,
    webhook: Webhook,
    token: CancellationToken,
) -> anyhow::Result<()> {
    let Some(listener) = listener else {
        tracing::warn!("TENANTRY_WEBHOOK_ADDR is not set: no webhook checks tenants and quotas.");
        return beat(&webhook.pulse, &token).await;
    };
    metrics::describe_reviews();
    let answerer = Arc::new(Answerer {
        client: webhook.client.clone(),
        room: Room::new(webhook.client.clone(), webhook.view.clone()),
        view: webhook.view,
        ourselves: Ourselves::default(),
        refusals: webhook.refusals,
    });
    let (shown, showing) = watch::channel(None);
    let keeper = Keeper {
        client: webhook.client,
        names: webhook.config.names(&webhook.namespace),
        namespace: webhook.namespace,
        schedule: Schedule::of(SignedDuration::from_secs(i64::from(
            webhook.config.webhook_certificate_seconds,
        ))),
        shown,
    };
    let routes = answer::routes(answerer);
    tokio::join!(
        listen::serve(listener, showing, routes, token.clone()),
        keeper.keep(token.clone()),
        async { drop(beat(&webhook.pulse, &token).await) },
    );
    Ok(())
}

/// The webhooks share one task, so a stuck one silences them all.
async fn beat(pulse: &Pulse, token: &CancellationToken) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    while token.run_until_cancelled(ticks.tick()).await.is_some() {
        pulse.beat();
    }
    Ok(())
}
