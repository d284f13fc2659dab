//! `down` and `reset`: users of a part stop before the part.

use std::fs;

use anyhow::{Context, Result};

use super::up::lock;
use crate::graph;
use crate::home::Home;
use crate::part::{UNITS, Unit, postgres};
use crate::process::Recorded;
use crate::report::{Report, say};
use crate::stack::Stack;

/// Stops every process.
pub(crate) fn run(name: &str) -> Result<()> {
    let home = Home::named(name);
    if !home.description().exists() {
        say!("There is no stack `{name}`, so there is nothing to stop.");
        return Ok(());
    }
    let _only_one = lock(&home)?;
    stop(&home)
}

/// Stops every process and removes what they wrote.
pub(crate) fn reset(name: &str) -> Result<()> {
    let home = Home::named(name);
    if !home.description().exists() {
        say!("There is no stack `{name}`, so there is nothing to forget.");
        return Ok(());
    }
    let _only_one = lock(&home)?;
    stop(&home)?;
    // Another version's description may be unreadable; the place that it names is known all the same.
    let postgres_data = match Stack::load_named(name) {
        Ok(stack) => stack.postgres_data,
        Err(_unreadable) => postgres::data_directory(&home)?,
    };
    for directory in [postgres_data.as_path(), home.root()] {
        if directory.exists() {
            fs::remove_dir_all(directory)
                .with_context(|| format!("removing {}", directory.display()))?;
        }
    }
    say!("Stack `{name}` is gone.");
    Ok(())
}

fn stop(home: &Home) -> Result<()> {
    let report = Report::new();
    // All of them: a service needs NATS through the task that declares the stream.
    let units: Vec<&Unit> = UNITS.iter().collect();
    graph::down(&units, |unit| {
        if Recorded::find(&home.record(unit.name)).is_none() {
            return Ok(());
        }
        let stopping = report.begin(unit.name);
        let outcome = unit.stop(home);
        stopping.end(outcome.is_ok());
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Spec;

    #[test]
    fn a_stack_with_an_unreadable_description_is_stopped_and_forgotten() {
        let name = format!("unreadable-{}", std::process::id());
        let home = Home::named(&name);
        home.create().unwrap();
        fs::write(home.description(), "{\"of\": \"another version\"}").unwrap();
        let sleep = Spec::new("sleep").arg("600");
        let process = Recorded::start(&sleep, &home.log("nats"), &home.record("nats")).unwrap();
        reset(&name).unwrap();
        assert!(!process.is_alive() && !home.root().exists());
    }

    #[test]
    fn no_stack_is_nothing_to_stop() {
        let name = format!("absent-{}", std::process::id());
        run(&name).unwrap();
        reset(&name).unwrap();
        assert!(!Home::named(&name).root().exists());
    }
}
