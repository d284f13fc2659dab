//! Ports on loopback, chosen free once and then kept with the stack.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Below Linux' ephemeral range (from 32768), so that no outgoing connection takes a port between two starts.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

macro_rules! ports {
    ($($(#[$attribute:meta])* $name:ident),+ $(,)?) => {
        /// One port of loopback per listener of the stack.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Ports { $($(#[$attribute])* pub $name: u16),+ }

        impl Ports {
            /// A free port for each.
            pub(crate) fn choose() -> Result<Self> {
                let mut taken = Vec::new();
                Ok(Self { $($name: free(&mut taken)?),+ })
            }

            /// Whether every one could be bound now.
            pub(crate) fn are_free(&self) -> bool {
                [$(self.$name),+].into_iter().all(is_free)
            }
        }
    };
}

// A macro, because name, choice and check of each port would otherwise be three lists that must agree.
ports! {
    /// PostgreSQL.
    postgres,
    /// NATS clients.
    nats,
    /// NATS monitoring, HTTP.
    nats_monitor,
    /// etcd clients.
    etcd,
    /// etcd peers.
    etcd_peer,
    /// kube-apiserver, HTTPS.
    apiserver,
    /// kube-controller-manager, HTTPS.
    controller_manager,
    /// kube-scheduler, HTTPS.
    scheduler,
    /// kwok.
    kwok,
    /// IAM and STS, HTTP.
    aws,
    /// The proxy that aws-iam-authenticator reaches STS through.
    sts_proxy,
    /// aws-iam-authenticator, HTTPS.
    authenticator,
    /// Keycloak, HTTPS.
    keycloak,
    /// Keycloak, HTTP.
    keycloak_http,
    /// Keycloak's health.
    keycloak_management,
    /// Identity, gRPC.
    identity,
    /// Tenant, gRPC.
    tenant,
    /// Webhooks of the tenant service, HTTPS. 0 in a stack older than them, which gets new ports at its next start.
    #[serde(default)]
    tenant_webhook,
    /// Showback, gRPC.
    showback,
    /// Console, HTTP.
    console,
    /// Identity's figures, HTTP. 0, like the next three, in a stack older than them.
    #[serde(default)]
    identity_metrics,
    /// Tenant's figures, HTTP.
    #[serde(default)]
    tenant_metrics,
    /// Showback's figures, HTTP.
    #[serde(default)]
    showback_metrics,
    /// The console's figures, HTTP.
    #[serde(default)]
    console_metrics,
}

fn free(taken: &mut Vec<u16>) -> Result<u16> {
    let mut rng = rand::rng();
    let mut candidates = std::iter::repeat_with(|| rng.random_range(RANGE)).take(1_000);
    let port = candidates
        .find(|port| !taken.contains(port) && is_free(*port))
        .context("no free port on loopback")?;
    taken.push(port);
    Ok(port)
}

fn is_free(port: u16) -> bool {
    // Port 0 would be a free one each time.
    port != 0 && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
