//! Runs units in the order of their needs, as parallel as that allows.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;

use anyhow::{Result, anyhow};

use crate::part::Unit;

/// Starts: each unit after everything it needs. The first failure lets running units finish and starts no more.
pub(crate) fn up(units: &[&Unit], work: impl Fn(&Unit) -> Result<()> + Sync) -> Result<()> {
    run(units, &|unit| unit.after.to_vec(), &work)
}

/// Stops: each unit after everything that needs it.
pub(crate) fn down(units: &[&Unit], work: impl Fn(&Unit) -> Result<()> + Sync) -> Result<()> {
    let users = |unit: &Unit| {
        units
            .iter()
            .filter(|other| other.after.contains(&unit.name))
            .map(|other| other.name)
            .collect()
    };
    run(units, &users, &work)
}

fn run(
    units: &[&Unit],
    after: &dyn Fn(&Unit) -> Vec<&'static str>,
    work: &(impl Fn(&Unit) -> Result<()> + Sync),
) -> Result<()> {
    let names: BTreeSet<&str> = units.iter().map(|unit| unit.name).collect();
    let mut waiting = units.to_vec();
    let mut done = BTreeSet::new();
    let mut failure = None;
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let mut running = 0;
        loop {
            if failure.is_none() {
                let is_ready = |unit: &Unit| {
                    after(unit)
                        .iter()
                        .all(|need| done.contains(need) || !names.contains(need))
                };
                for unit in waiting.extract_if(.., |unit| is_ready(unit)) {
                    let tell = tell.clone();
                    running += 1;
                    scope.spawn(move || tell.send((unit.name, work(unit))));
                }
            }
            if running == 0 {
                break;
            }
            let Ok((name, outcome)) = told.recv() else {
                break;
            };
            running -= 1;
            match outcome {
                Ok(()) => drop(done.insert(name)),
                Err(error) => failure = failure.take().or(Some(error.context(name))),
            }
        }
    });
    match failure {
        Some(error) => Err(error),
        None if waiting.is_empty() => Ok(()),
        None => Err(anyhow!(
            "units that wait for each other: {:?}",
            waiting.iter().map(|unit| unit.name).collect::<Vec<_>>()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::part::{Layer, Work};

    const fn unit(name: &'static str, after: &'static [&'static str]) -> Unit {
        Unit {
            name,
            after,
            layer: Layer::Platform,
            work: Work::Task(|_| Ok(())),
            deadline: Duration::ZERO,
        }
    }

    const UNITS: [Unit; 3] = [
        unit("roof", &["walls"]),
        unit("walls", &["ground"]),
        unit("ground", &["elsewhere"]),
    ];

    fn order(run: impl Fn(&[&Unit], &Mutex<Vec<&'static str>>) -> Result<()>) -> Vec<&'static str> {
        let seen = Mutex::default();
        run(&UNITS.iter().collect::<Vec<_>>(), &seen).unwrap();
        seen.into_inner().unwrap()
    }

    #[test]
    fn units_start_after_what_they_need_and_stop_before_it() {
        let note = |seen: &Mutex<Vec<&'static str>>, unit: &Unit| {
            seen.lock().unwrap().push(unit.name);
            Ok(())
        };
        assert_eq!(
            order(|units, seen| up(units, |unit| note(seen, unit))),
            ["ground", "walls", "roof"]
        );
        assert_eq!(
            order(|units, seen| down(units, |unit| note(seen, unit))),
            ["roof", "walls", "ground"]
        );
    }

    #[test]
    fn nothing_is_started_on_top_of_a_failure() {
        let units: Vec<&Unit> = UNITS.iter().collect();
        let failing = |unit: &Unit| {
            if unit.name == "walls" {
                Err(anyhow!("cracked"))
            } else {
                Ok(())
            }
        };
        let error = up(&units, |unit| {
            assert_ne!(unit.name, "roof");
            failing(unit)
        });
        assert_eq!(format!("{:#}", error.unwrap_err()), "walls: cracked");
    }
}
