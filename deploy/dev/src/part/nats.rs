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

/// What the relay needs beside its subjects: to assert the stream.
const ASSERT: [&str; 1] = ["$JS.API.STREAM.INFO.TENANTRY"];

/// What showback's consumer needs, that one consumer's subjects only: another's could be emptied or taken away.
const CONSUME: [&str; 5] = [
    "$JS.API.CONSUMER.CREATE.TENANTRY.showback-ownership",
    "$JS.API.CONSUMER.CREATE.TENANTRY.showback-ownership.>",
    "$JS.API.CONSUMER.INFO.TENANTRY.showback-ownership",
    "$JS.API.CONSUMER.MSG.NEXT.TENANTRY.showback-ownership",
    "$JS.ACK.TENANTRY.showback-ownership.>",
];

/// What the console's sessions need: one bucket.
const SESSIONS: [&str; 8] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.INFO.KV_TENANTRY_SESSIONS",
    "$JS.API.STREAM.MSG.GET.KV_TENANTRY_SESSIONS",
    "$JS.API.DIRECT.GET.KV_TENANTRY_SESSIONS.>",
    // A watch of a key: its consumer has no name, so none is in the subject.
    "$JS.API.CONSUMER.CREATE.KV_TENANTRY_SESSIONS",
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
    let allowed = permissions(service);
    Ok(json!({ "nkey": public_key(stack, service)?, "permissions": allowed }))
}

/// What a service may say and hear. Replies come to an inbox of its own, so that no service reads another's.
fn permissions(service: Service) -> Value {
    let own = format!("evt.{}.>", service.name());
    let needed = match service {
        Service::Console => SESSIONS.to_vec(),
        Service::Identity | Service::Tenant => [&[own.as_str()], &ASSERT[..]].concat(),
        Service::Showback => [&[own.as_str()], &ASSERT[..], &CONSUME[..]].concat(),
    };
    let inbox = format!("_INBOX.{}.>", service.name());
    json!({ "publish": { "allow": needed }, "subscribe": { "allow": [inbox] } })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::repository;
    use crate::stack::COMMAND;

    fn allowed(service: Service, verb: &str) -> Vec<String> {
        serde_json::from_value(permissions(service)[verb]["allow"].clone()).unwrap()
    }

    #[test]
    fn only_who_consumes_may_speak_of_consumers_and_only_of_his_own() {
        for service in [Service::Identity, Service::Tenant] {
            let own = format!("evt.{}.>", service.name());
            assert_eq!(
                allowed(service, "publish"),
                [own.as_str(), "$JS.API.STREAM.INFO.TENANTRY"]
            );
        }
        let showback = allowed(Service::Showback, "publish");
        assert!(showback.iter().all(|subject| {
            !subject.contains("CONSUMER.") || subject.contains(".TENANTRY.showback-ownership")
        }));
    }

    #[test]
    fn no_two_services_share_an_inbox() {
        for service in Service::ALL {
            let inbox = format!("_INBOX.{}.>", service.name());
            assert_eq!(allowed(service, "subscribe"), [inbox]);
        }
    }

    /// Prints the server's configuration as the containers get it. Their keys need a library that this machine may lack, and no key is compared.
    const PREPARED: &str = r"
import importlib.util, json, os, sys, unittest.mock
for name in ['cryptography', 'cryptography.hazmat', 'cryptography.hazmat.primitives',
             'cryptography.hazmat.primitives.asymmetric', 'cryptography.hazmat.primitives.asymmetric.ed25519']:
    sys.modules[name] = unittest.mock.MagicMock()
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location('prepare', sys.argv[1])
prepare = importlib.util.module_from_spec(spec)
spec.loader.exec_module(prepare)
prepare.nkey = lambda service: service
prepare.write_json = lambda name, value: print(json.dumps(value))
os.environ['NATS_ADMIN_PASSWORD'] = ''
prepare.nats()
";

    #[test]
    fn containers_give_each_service_the_same_rights() {
        let prepare = repository().join("deploy/compose/prepare.py");
        let python = Spec::new("python3").inherit().args(["-c", PREPARED]);
        let printed = python.arg(prepare.display().to_string()).run(COMMAND);
        let prepared: Value = serde_json::from_str(&printed.unwrap()).unwrap();
        let users = prepared["authorization"]["users"].as_array().unwrap();
        for service in Service::ALL {
            let user = users.iter().find(|user| user["nkey"] == service.name());
            assert_eq!(
                user.unwrap()["permissions"],
                permissions(service),
                "{}",
                service.name()
            );
        }
    }
}
