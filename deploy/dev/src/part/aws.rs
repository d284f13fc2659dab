//! IAM and STS of the account 630742778131: moto behind a front that verifies signatures.

use std::time::Duration;

use anyhow::Result;

use super::{Layer, Probe, Process, Unit, Work, prepared};
use crate::exec::Spec;
use crate::home::repository;
use crate::stack::{ACCOUNT, Stack};
use crate::tool;

pub(crate) const UNIT: Unit = Unit {
    name: "aws",
    after: &[tool::AWS.name],
    layer: Layer::Platform,
    work: Work::Process(Process {
        prepare: prepared,
        spec,
        probe,
        grace: Duration::from_secs(5),
    }),
    deadline: Duration::from_secs(90),
};

fn spec(stack: &Stack) -> Result<Spec> {
    let main = repository().join("deploy/dev/aws/main.py");
    Ok(Spec::new(tool::python())
        .args([
            main.display().to_string(),
            format!("--port={}", stack.ports().aws),
            format!("--proxy-port={}", stack.ports().sts_proxy),
        ])
        .arg(format!("--cert={}", stack.home.tls("sts.crt").display()))
        .arg(format!("--key={}", stack.home.tls("sts.key").display()))
        .envs(stack.aws_environment())
        .env("MOTO_ACCOUNT_ID", ACCOUNT)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1"))
}

fn probe(stack: &Stack) -> Probe {
    Probe::Http(stack.ports().aws, "/healthz")
}
