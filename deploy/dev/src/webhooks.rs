//! The webhooks of the tenant service, reached by URL: no Service of a local cluster leads to a process outside it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::exec::Spec;
use crate::home::repository;
use crate::stack::COMMAND;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// Refused by whoever answers, for no quota can have such a name.
const PROBE: &str = "
apiVersion: tenantoperator.stakater.com/v1beta3
kind: Tenant
metadata: {name: probe-of-the-webhooks}
spec: {quota: none-of-the-webhooks-probe}
";

/// Installs the webhooks for a service that answers at `url`, and waits until it does. `kubectl` is the administrator's.
pub(crate) fn install(kubectl: &Spec, url: &str) -> Result<()> {
    let path = repository().join("deploy/webhooks/tenant.yaml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=tenantry-dev",
        "-f",
        "-",
    ];
    let apply = kubectl.clone().args(apply).input(by_url(&text, url));
    apply.run(COMMAND).context("applying deploy/webhooks")?;
    wait(kubectl)
}

/// Waits until the webhooks answer, as after a start of the service: before, writes to our kinds are refused.
pub(crate) fn wait(kubectl: &Spec) -> Result<()> {
    let create = kubectl
        .clone()
        .args(["create", "--dry-run=server", "-f", "-"])
        .input(PROBE);
    let deadline = Instant::now() + COMMAND;
    loop {
        let output = create.output(COMMAND)?;
        if output.stderr.contains("denied the request") {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the webhooks do not answer: {}", output.stderr);
        }
        std::thread::sleep(LOOK);
    }
}

/// The manifest with `url` in place of the Service.
fn by_url(text: &str, url: &str) -> String {
    let lines = text
        .lines()
        .map(|line| match line.split_once("{service: {") {
            Some((before, service)) => {
                let path = service.rsplit_once("path: ").map_or("", |(_, path)| path);
                format!("{before}{{url: \"{url}{}\"}}", path.trim_end_matches('}'))
            }
            None => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_gives_way_to_the_url_and_the_path_stays() {
        let check = |line: &str, expected: &str| {
            assert_eq!(by_url(line, "https://127.0.0.1:1"), expected);
        };
        check(
            "  clientConfig: {service: {name: a, namespace: b, path: /validate}}",
            "  clientConfig: {url: \"https://127.0.0.1:1/validate\"}",
        );
        check("kind: Service", "kind: Service");
    }
}
