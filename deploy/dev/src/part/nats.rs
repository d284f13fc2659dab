//! NATS with JetStream: a key per service that may publish its own context only.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nkeys::KeyPair;
use serde_json::{Value, json};

use super::{Layer, Probe, Process, Unit, Work};
use crate::exec::Spec;
use crate::home::write_private;
use crate::stack::{Service, Stack};
use crate::tool;

pub(crate) const UNIT: Unit = Unit {
    name: "nats",
    after: &[tool::NATS.name],
    layer: Layer::Platform,
    work: Work::Process(Process {
        prepare,
        spec,
        probe,
        grace: Duration::from_secs(10),
    }),
    deadline: Duration::from_secs(30),
};

/// The JetStream requests that a consumer of the stream makes. Making, changing and deleting a stream are not among them.
const CONSUME: [&str; 10] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.INFO.TENANTRY",
    "$JS.API.STREAM.MSG.GET.TENANTRY",
    "$JS.API.DIRECT.GET.TENANTRY",
    "$JS.API.DIRECT.GET.TENANTRY.>",
    "$JS.API.CONSUMER.*.TENANTRY.>",
    "$JS.API.CONSUMER.MSG.NEXT.TENANTRY.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.TENANTRY.>",
    "$JS.ACK.TENANTRY.>",
    "$JS.FC.TENANTRY.>",
];

/// What the console's sessions need: one bucket.
const SESSIONS: [&str; 7] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.INFO.KV_TENANTRY_SESSIONS",
    "$JS.API.STREAM.MSG.GET.KV_TENANTRY_SESSIONS",
    "$JS.API.DIRECT.GET.KV_TENANTRY_SESSIONS.>",
    "$JS.API.CONSUMER.*.KV_TENANTRY_SESSIONS.>",
    "$JS.FC.KV_TENANTRY_SESSIONS.>",
    "$KV.TENANTRY_SESSIONS.>",
];

fn prepare(stack: &Stack) -> Result<()> {
    let admin = json!({ "user": "admin", "password": stack.secrets().nats_admin });
    let services = Service::ALL.into_iter().map(|service| user(stack, service));
    let all = std::iter::once(Ok(admin))
        .chain(services)
        .collect::<Result<Vec<_>>>()?;
    let config = json!({
        "server_name": format!("tenantry-{}", stack.name),
        "listen": format!("127.0.0.1:{}", stack.ports().nats),
        "http": format!("127.0.0.1:{}", stack.ports().nats_monitor),
        "jetstream": { "store_dir": stack.home.data("nats"), "sync_interval": "always" },
        "authorization": { "users": all },
    });
    // The server's configuration language takes JSON as it is.
    let text = serde_json::to_string_pretty(&config).context("encoding the NATS configuration")?;
    write_private(&stack.home.config("nats.conf"), &text)
}

fn user(stack: &Stack, service: Service) -> Result<Value> {
    let publish = match service {
        Service::Console => SESSIONS.map(str::to_owned).to_vec(),
        Service::Identity | Service::Tenant | Service::Showback => {
            let own = format!("evt.{}.>", service.name());
            [vec![own], CONSUME.map(str::to_owned).to_vec()].concat()
        }
    };
    Ok(json!({
        "nkey": public_key(stack, service)?,
        "permissions": { "publish": { "allow": publish }, "subscribe": { "allow": ["_INBOX.>"] } },
    }))
}

/// The public half of a service's key, which is made on first use.
fn public_key(stack: &Stack, service: Service) -> Result<String> {
    let path = stack.nkey_file(service);
    if !path.exists() {
        let seed = KeyPair::new_user()
            .seed()
            .map_err(|error| anyhow!("making an nkey: {error}"))?;
        write_private(&path, &seed)?;
    }
    let seed = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let pair = KeyPair::from_seed(seed.trim())
        .map_err(|error| anyhow!("reading {}: {error}", path.display()))?;
    Ok(pair.public_key())
}

fn spec(stack: &Stack) -> Result<Spec> {
    Ok(Spec::new(tool::nats_server())
        .args(["-c", &stack.home.config("nats.conf").display().to_string()]))
}

fn probe(stack: &Stack) -> Probe {
    Probe::Http(stack.ports().nats_monitor, "/healthz?js-server-only=true")
}
