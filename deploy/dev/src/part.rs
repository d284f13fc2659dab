//! The parts of a stack and what each needs. One file per part says how it starts and when it is ready.

pub(crate) mod authenticator;
pub(crate) mod aws;
pub(crate) mod control_plane;
pub(crate) mod keycloak;
pub(crate) mod kwok;
pub(crate) mod manifests;
pub(crate) mod nats;
pub(crate) mod postgres;
pub(crate) mod service;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::exec::Spec;
use crate::home::Home;
use crate::probe::{self, Probe};
use crate::process::Recorded;
use crate::stack::Stack;
use crate::tool;

/// A node of the graph.
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    /// Names of the units that must be ready before.
    pub(crate) after: &'static [&'static str],
    pub(crate) layer: Layer,
    pub(crate) work: Work,
    pub(crate) deadline: Duration,
}

/// How far up the stack a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    /// Built or installed once per version.
    Tool,
    /// Third-party parts.
    Platform,
    /// Ours.
    Service,
}

/// What a unit does.
pub(crate) enum Work {
    /// Stays until it is stopped.
    Process(Process),
    /// Ends; repeating it changes nothing.
    Task(fn(&Stack) -> Result<()>),
}

/// How to start a process, and when it is ready.
pub(crate) struct Process {
    /// Writes what the process reads when it starts.
    pub(crate) prepare: fn(&Stack) -> Result<()>,
    pub(crate) spec: fn(&Stack) -> Result<Spec>,
    pub(crate) probe: fn(&Stack) -> Probe,
    /// Between SIGTERM and SIGKILL; zero for a process that doesn't listen.
    pub(crate) grace: Duration,
}

/// Every unit, in reading order.
pub(crate) const UNITS: &[Unit] = &[
    tool::CONTROL_PLANE,
    tool::NATS,
    tool::KWOK,
    tool::AUTHENTICATOR,
    tool::GRPCURL,
    tool::KEYCLOAK,
    tool::AWS,
    tool::WEB,
    tool::BINARIES,
    tool::PROGRAMS,
    postgres::UNIT,
    postgres::DATABASES,
    nats::UNIT,
    control_plane::ETCD,
    control_plane::APISERVER,
    control_plane::CONTROLLER_MANAGER,
    control_plane::SCHEDULER,
    kwok::UNIT,
    kwok::NODES,
    aws::UNIT,
    authenticator::UNIT,
    keycloak::UNIT,
    manifests::UNIT,
    service::STREAM,
    service::MIGRATIONS,
    service::ACCOUNTS,
    service::IDENTITY,
    service::TENANT,
    manifests::WEBHOOKS,
    manifests::CUSTOM,
    service::SHOWBACK,
    service::CONSOLE,
];

/// The unit of this name.
pub(crate) fn find(name: &str) -> Result<&'static Unit> {
    let names = || {
        UNITS
            .iter()
            .map(|unit| unit.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    UNITS
        .iter()
        .find(|unit| unit.name == name)
        .with_context(|| format!("no unit `{name}`; there are {}", names()))
}

impl Unit {
    /// Runs the task, or sees that the process runs and is ready.
    pub(crate) fn start(&self, stack: &Stack) -> Result<()> {
        let process = match &self.work {
            Work::Task(task) => return task(stack),
            Work::Process(process) => process,
        };
        let spec = (process.spec)(stack)?;
        let running = match stack.process(self.name) {
            Some(running) if running.runs(&spec) => running,
            outdated => {
                outdated.map_or(Ok(()), |running| running.stop(process.grace))?;
                (process.prepare)(stack)?;
                Recorded::start(&spec, &stack.log(self.name), &stack.home.record(self.name))?
            }
        };
        let probe = (process.probe)(stack);
        probe::wait(self.deadline, || running.is_alive(), || probe.ask())
            .with_context(|| last_words(&stack.log(self.name)))
    }

    /// Ends the process if it runs.
    pub(crate) fn stop(&self, home: &Home) -> Result<()> {
        match (&self.work, Recorded::find(&home.record(self.name))) {
            (Work::Process(process), Some(running)) => running.stop(process.grace),
            _ => Ok(()),
        }
    }
}

/// The end of a log: whoever reads the error may not have the machine any more.
fn last_words(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(8)..];
    format!("{} ends with\n    {}\n", log.display(), last.join("\n    "))
}

/// Nothing to write before the start.
pub(crate) fn prepared(_: &Stack) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_need_is_a_unit_above() {
        for (position, unit) in UNITS.iter().enumerate() {
            for need in unit.after {
                assert!(
                    UNITS[..position].iter().any(|other| other.name == *need),
                    "{} needs {need}",
                    unit.name
                );
            }
        }
    }

    #[test]
    fn lower_layers_need_nothing_of_higher_ones() {
        for unit in UNITS {
            for need in unit.after {
                assert!(
                    find(need).unwrap().layer <= unit.layer,
                    "{} needs {need}",
                    unit.name
                );
            }
        }
    }
}
