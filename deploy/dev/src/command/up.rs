//! `up`: from whatever is there to a ready stack.

use std::fs::File;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::typed;
use crate::graph;
use crate::home::Home;
use crate::part::{Layer, UNITS, Unit};
use crate::report::{Report, say};
use crate::stack::{Service, Shape, Stack};
use crate::tool;

/// Options of `up`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Wait until everything is ready. Always so: the next unit starts only when what it needs is ready.
    #[arg(long)]
    wait: bool,
    /// Start no more than this.
    #[arg(long, default_value = "services")]
    only: Only,
}

/// How much of the stack.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// Install tools.
    Tools,
    /// Third-party parts as well.
    Platform,
    /// Everything.
    Services,
}

/// Starts what isn't running and says where it is.
pub(crate) fn run(name: &str, arguments: &Arguments) -> Result<()> {
    let stack = start(name, arguments.only)?;
    say!(
        "Stack `{name}` is ready. Console: {}",
        stack.url(Service::Console)
    );
    let dev = typed(name);
    say!("Next: eval \"$({dev} env)\", {dev} status, {dev} down");
    Ok(())
}

/// Starts what isn't running.
pub(crate) fn start(name: &str, only: Only) -> Result<Stack> {
    tool::ensure_debian_packages()?;
    let home = Home::named(name);
    home.create()?;
    let _only_one = lock(&home)?;
    let stack = Stack::prepare(home, name, Shape::Whole)?;
    let report = Report::new();
    graph::up(&units(only), |unit| {
        let running = report.begin(unit.name);
        let outcome = unit.start(&stack);
        running.end(outcome.is_ok());
        outcome
    })?;
    Ok(stack)
}

/// Held while the set of processes changes, so that two commands never start the same part.
pub(crate) fn lock(home: &Home) -> Result<File> {
    let file = File::create(home.root().join("lock")).context("creating the stack's lock")?;
    file.lock().context("waiting for another `cargo dev`")?;
    Ok(file)
}

fn units(only: Only) -> Vec<&'static Unit> {
    let highest = match only {
        Only::Tools => Layer::Tool,
        Only::Platform => Layer::Platform,
        Only::Services => Layer::Service,
    };
    UNITS.iter().filter(|unit| unit.layer <= highest).collect()
}
