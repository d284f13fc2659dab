//! Keeps the certificate in its Secret, which the replicas share, and its authorities in our webhook configurations.

use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use k8s_openapi::{
    ByteString,
    api::{
        admissionregistration::v1::{
            MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
        },
        core::v1::Secret,
    },
};
use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams, PostParams},
    runtime::WatchStreamExt as _,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tenantry_runtime::{
    Chain,
    cluster::{self as way, watching},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    certificate::{self, Generation, Schedule},
    listen::Shown,
};
use crate::{
    cluster::{self, within},
    reconcile::object::MANAGER,
};

/// Name of the Secret, which the installation brings, empty: the right to create one cannot be limited to a name.
const SECRET: &str = "tenantry-webhook-tls";
/// Name of both configurations.
const CONFIGURATION: &str = "tenantry-tenant";
/// Key in the Secret: generations as JSON, newest first.
const GENERATIONS: &str = "generations.json";

/// Why the certificate could not be kept. Tried again a second later.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("keeping the webhook's certificate")]
    Cluster(#[from] cluster::Error),
    #[error("making a certificate")]
    Make(#[from] rcgen::Error),
    #[error("reading the certificate in secret {SECRET}")]
    Read(#[from] serde_json::Error),
    #[error("showing the certificate in secret {SECRET}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("showing the certificate in secret {SECRET}")]
    Tls(#[from] rustls::Error),
}

/// See the module.
pub(super) struct Keeper {
    pub(super) client: Client,
    /// Namespace of the Secret.
    pub(super) namespace: String,
    /// Names that the apiserver calls us by.
    pub(super) names: Vec<String>,
    pub(super) schedule: Schedule,
    /// What connections are answered with.
    pub(super) shown: watch::Sender<Shown>,
}

/// What the cluster holds of ours.
#[derive(Default)]
struct There {
    secret: Option<Secret>,
    /// Names of webhooks to the bundle each has, by kind.
    validating: BTreeMap<String, Option<ByteString>>,
    mutating: BTreeMap<String, Option<ByteString>>,
    /// The certificate that is shown.
    certificate: String,
}

impl Keeper {
    /// Keeps everything until `token` is cancelled.
    pub(super) async fn keep(self, token: CancellationToken) {
        let mut there = There::default();
        let secrets = Api::<Secret>::namespaced(self.client.clone(), &self.namespace);
        let mut secrets = pin!(followed(secrets, SECRET));
        let mut validating = pin!(followed(Api::all(self.client.clone()), CONFIGURATION));
        let mut mutating = pin!(followed(Api::all(self.client.clone()), CONFIGURATION));
        // Also the clock by which certificates come and go.
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                Some(secret) = secrets.next() => there.secret = Some(secret),
                Some(found) = validating.next() => there.validating = bundles_of_validating(found),
                Some(found) = mutating.next() => there.mutating = bundles_of_mutating(found),
                _ = seconds.tick() => {}
                () = token.cancelled() => return,
            }
            if let Err(failure) = self.look(&mut there, Timestamp::now()).await {
                tracing::warn!(error = %Chain(&failure), "The webhook's certificate is not settled; it is tried again.");
            }
        }
    }

    async fn look(&self, there: &mut There, now: Timestamp) -> Result<(), Error> {
        let Some(secret) = &there.secret else {
            return Ok(());
        };
        let Held { sound, fault } = Held::read(secret);
        let renewed = self.schedule.renewed(&sound, &self.names, now)?;
        let generations = match renewed {
            Some(renewed) => match self.store(secret, &renewed).await? {
                Some(stored) => {
                    there.secret = Some(stored);
                    if let Some(fault) = fault {
                        tracing::warn!(error = %Chain(&fault), "The webhook's certificate was spoilt and is made anew.");
                    }
                    renewed
                }
                None => return Ok(()),
            },
            None => sound,
        };
        self.show(there, &generations, now)?;
        self.publish(there, &certificate::bundle(&generations))
            .await?;
        Ok(())
    }

    /// Writes the Secret; none if another replica was faster, whose certificates the watch will bring.
    async fn store(
        &self,
        secret: &Secret,
        generations: &[Generation],
    ) -> Result<Option<Secret>, Error> {
        let mut secret = secret.clone();
        let text = ByteString(serde_json::to_vec(generations)?);
        secret
            .data
            .get_or_insert_default()
            .insert(GENERATIONS.to_owned(), text);
        let api = Api::<Secret>::namespaced(self.client.clone(), &self.namespace);
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        match within(api.replace(SECRET, &params, &secret)).await {
            Ok(stored) => {
                tracing::info!("The webhook has a new certificate.");
                Ok(Some(stored))
            }
            Err(failure) if failure.code() == Some(409) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    fn show(
        &self,
        there: &mut There,
        generations: &[Generation],
        now: Timestamp,
    ) -> Result<(), Error> {
        let shown = self.schedule.shown(generations, &self.names, now);
        if let Some(shown) = shown.filter(|shown| shown.certificate != there.certificate) {
            self.shown.send_replace(Some(Arc::new(tls(shown)?)));
            there.certificate.clone_from(&shown.certificate);
        }
        Ok(())
    }

    /// Says in our configurations which authorities to trust.
    async fn publish(&self, there: &There, bundle: &str) -> Result<(), Error> {
        let bundle = ByteString(bundle.as_bytes().to_vec());
        if let Some(patch) = patch(&there.validating, &bundle) {
            self.trust::<ValidatingWebhookConfiguration>(patch).await?;
        }
        if let Some(patch) = patch(&there.mutating, &bundle) {
            self.trust::<MutatingWebhookConfiguration>(patch).await?;
        }
        Ok(())
    }

    async fn trust<K>(&self, patch: Value) -> Result<(), Error>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
    {
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let api = Api::<K>::all(self.client.clone());
        within(api.patch(CONFIGURATION, &params, &Patch::Strategic(patch))).await?;
        Ok(())
    }
}

/// The one object of that name, each time it changes.
fn followed<K>(api: Api<K>, name: &str) -> impl Stream<Item = K> + use<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let config = watching().fields(&format!("metadata.name={name}"));
    let changes = way::watch(api, config).applied_objects();
    changes.filter_map(async |change| {
        change
            .inspect_err(|failure| {
                tracing::debug!(error = %Chain(failure), "A watch is taken up again.");
            })
            .ok()
    })
}

/// What the Secret holds.
#[derive(Default)]
struct Held {
    /// What can be shown and trusted, newest first.
    sound: Vec<Generation>,
    /// What is wrong with something else in it.
    fault: Option<Error>,
}

impl Held {
    /// What nobody can read is as good as absent: the certificate is ours to make, and nobody else would mend it.
    fn read(secret: &Secret) -> Self {
        let text = secret.data.as_ref().and_then(|data| data.get(GENERATIONS));
        let Some(text) = text else {
            return Self::default();
        };
        match serde_json::from_slice(&text.0) {
            Ok(generations) => Self::of(generations),
            Err(fault) => Self {
                fault: Some(fault.into()),
                ..Self::default()
            },
        }
    }

    fn of(generations: Vec<Generation>) -> Self {
        let mut held = Self::default();
        for generation in generations {
            match check(&generation) {
                Ok(()) => held.sound.push(generation),
                Err(fault) => held.fault = Some(fault),
            }
        }
        held
    }
}

/// Whether `generation` can be shown, and trusted.
fn check(generation: &Generation) -> Result<(), Error> {
    CertificateDer::from_pem_slice(generation.authority.as_bytes())?;
    tls(generation).map(drop)
}

fn tls(generation: &Generation) -> Result<ServerConfig, Error> {
    let chain = CertificateDer::from_pem_slice(generation.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(generation.key.as_bytes())?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn bundles_of_validating(
    found: ValidatingWebhookConfiguration,
) -> BTreeMap<String, Option<ByteString>> {
    let webhooks = found.webhooks.into_iter().flatten();
    bundles(webhooks.map(|webhook| (webhook.name, webhook.client_config)))
}

fn bundles_of_mutating(
    found: MutatingWebhookConfiguration,
) -> BTreeMap<String, Option<ByteString>> {
    let webhooks = found.webhooks.into_iter().flatten();
    bundles(webhooks.map(|webhook| (webhook.name, webhook.client_config)))
}

fn bundles(
    webhooks: impl Iterator<Item = (String, WebhookClientConfig)>,
) -> BTreeMap<String, Option<ByteString>> {
    webhooks
        .map(|(name, client)| (name, client.ca_bundle))
        .collect()
}

/// What changes the bundle of every webhook that has another one; none if all have it.
fn patch(webhooks: &BTreeMap<String, Option<ByteString>>, bundle: &ByteString) -> Option<Value> {
    let stale = webhooks
        .iter()
        .filter(|(_, found)| found.as_ref() != Some(bundle));
    let patches: Vec<Value> = stale
        .map(|(name, _)| json!({"name": name, "clientConfig": {"caBundle": bundle}}))
        .collect();
    (!patches.is_empty()).then(|| json!({ "webhooks": patches }))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn secret(text: &str) -> Secret {
        let text = ByteString(text.as_bytes().to_vec());
        Secret {
            data: Some([(GENERATIONS.to_owned(), text)].into()),
            ..Secret::default()
        }
    }

    #[test]
    fn a_secret_that_was_spoilt_is_as_good_as_empty() {
        tenantry_runtime::install_tls_provider();
        let schedule = Schedule::of(SignedDuration::from_hours(1));
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let made = schedule.renewed(&[], &["a.svc".to_owned()], now).unwrap();
        let text = serde_json::to_string(&made).unwrap();
        let check = |text: &str, sound: usize, is_spoilt: bool| {
            let held = Held::read(&secret(text));
            let found = (held.sound.len(), held.fault.is_some());
            assert_eq!(found, (sound, is_spoilt), "{:?}", held.fault);
        };
        check(&text, 1, false);
        check("[]", 0, false);
        check("", 0, true);
        check("{\"made_at\": 7}", 0, true);
        check(&text.replace("PRIVATE KEY", "NOTHING"), 0, true);
        check(&text.replace("CERTIFICATE", "NOTHING"), 0, true);
        assert!(Held::read(&Secret::default()).sound.is_empty());
    }
}
