//! `logs`: the log of one process, followed if asked.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::exec::Spec;
use crate::part;
use crate::stack::Stack;

/// Long enough for anybody who watches.
const WATCH: Duration = Duration::from_secs(24 * 60 * 60);

/// Options of `logs`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Its name in `status`.
    service: String,
    /// Go on printing what is added.
    #[arg(short, long)]
    follow: bool,
}

/// Prints the log.
pub(crate) fn run(stack: &Stack, arguments: &Arguments) -> Result<()> {
    let unit = part::find(&arguments.service)?;
    let log = stack.log(unit.name);
    ensure!(log.exists(), "{} has not run yet", unit.name);
    let tail = Spec::new("tail").args(["-n", "+1"]);
    let tail = if arguments.follow {
        tail.arg("-F")
    } else {
        tail
    };
    tail.arg(log.display().to_string())
        .pass_through(WATCH)
        .map(drop)
}
