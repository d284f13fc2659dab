//! `down` and `reset`: users of a part stop before the part.

use std::fs;

use anyhow::{Context, Result};

use super::up::lock;
use crate::graph;
use crate::home::Home;
use crate::part::{UNITS, Unit};
use crate::report::Report;
use crate::stack::Stack;

/// Stops every process.
pub(crate) fn run(stack: &Stack) -> Result<()> {
    let _only_one = lock(&stack.home)?;
    stop(stack)
}

/// Stops every process and removes what they wrote.
pub(crate) fn reset(name: &str) -> Result<()> {
    let home = Home::named(name);
    if !home.description().exists() {
        return Ok(());
    }
    let _only_one = lock(&home)?;
    let stack = Stack::load_named(name)?;
    stop(&stack)?;
    for directory in [&stack.postgres_data, stack.root()] {
        if directory.exists() {
            fs::remove_dir_all(directory)
                .with_context(|| format!("removing {}", directory.display()))?;
        }
    }
    println!("Stack `{name}` is gone.");
    Ok(())
}

fn stop(stack: &Stack) -> Result<()> {
    let report = Report::new();
    // All of them: a service needs NATS through the task that declares the stream.
    let units: Vec<&Unit> = UNITS.iter().collect();
    graph::down(&units, |unit| {
        if stack.process(unit.name).is_none() {
            return Ok(());
        }
        let stopping = report.begin(unit.name);
        let outcome = unit.stop(stack);
        stopping.end(outcome.is_ok());
        outcome
    })
}
