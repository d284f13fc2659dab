//! `test`: the one gate. What it finds wrong in one step doesn't hide what the next would find.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::up::{Only, start};
use crate::control_plane::ControlPlane;
use crate::exec::Spec;
use crate::home;
use crate::report::{say, seconds, table};
use crate::stack::Stack;
use crate::tool::{self, web};

/// The stack of the tests: nobody's standing `dev` is disturbed.
const STACK: &str = "test";
/// Cold caches included.
const STEP_MAX: Duration = Duration::from_secs(50 * 60);

/// What a step of the gate came to.
struct Outcome {
    title: &'static str,
    took: Duration,
    error: Option<anyhow::Error>,
}

/// Every step of the gate, and one table of how they went.
pub(crate) fn run() -> Result<()> {
    tool::ensure_debian_packages()?;
    let mut outcomes = vec![
        step("formatting", || cargo(&["fmt", "--all", "--check"])),
        // First of what compiles: the console carries it inside.
        step("web application", web::build),
        step("proto", || web_script("lint:proto")),
        step("docker-compose.yml", compose),
        step("web lints", || web_script("check")),
        step("lints", || {
            cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--quiet",
                "--",
                "-D",
                "warnings",
            ])
        }),
        // Before the stack starts: a compiler on both cores would outlast the patience of probes.
        step("build", || {
            cargo(&["test", "--workspace", "--no-run", "--quiet"])
        }),
    ];
    // From the state of a new machine: what an earlier run left must not carry this one.
    let mut stack = None;
    outcomes.push(step("stack", || {
        super::down::reset(STACK)?;
        stack = Some(start(STACK, Only::Services)?);
        Ok(())
    }));
    outcomes.extend(stack.iter().flat_map(on_the_stack));
    outcomes.push(step("stop", stop));
    say!(
        "{}",
        table(["STEP", "RESULT", "TIME"], outcomes.iter().map(row))
    );
    for outcome in &outcomes {
        if let Some(error) = &outcome.error {
            eprintln!("✗ {}: {error:#}", outcome.title);
        }
    }
    match outcomes
        .iter()
        .filter(|outcome| outcome.error.is_some())
        .count()
    {
        0 => Ok(()),
        failed => bail!("{failed} of {} steps failed", outcomes.len()),
    }
}

/// What needs the running stack.
fn on_the_stack(stack: &Stack) -> Vec<Outcome> {
    let tests = tool::cargo().args(["test", "--workspace", "--no-fail-fast"]);
    vec![
        step("tests", || pass(&tests.envs(stack.environment()))),
        step("aws", || pass(&aws_front())),
        step("browser", || pass(&browser(stack)?)),
        // Last: it makes cargo compile the services once more.
        step("queries", || super::sqlx::check(stack)),
    ]
}

fn step(title: &'static str, work: impl FnOnce() -> Result<()>) -> Outcome {
    eprintln!("\n== {title}");
    let since = Instant::now();
    let error = work().err();
    if let Some(error) = &error {
        eprintln!("✗ {error:#}");
    }
    Outcome {
        title,
        took: since.elapsed(),
        error,
    }
}

fn row(outcome: &Outcome) -> [String; 3] {
    let result = if outcome.error.is_none() {
        "✓"
    } else {
        "✗ failed"
    };
    [
        outcome.title.to_owned(),
        result.to_owned(),
        seconds(outcome.took),
    ]
}

fn cargo(args: &[&str]) -> Result<()> {
    pass(&tool::cargo().args(args.iter().copied()))
}

fn pass(spec: &Spec) -> Result<()> {
    let status = spec.pass_through(STEP_MAX)?;
    if !status.success() {
        bail!("{spec}: {status}");
    }
    Ok(())
}

fn web_script(name: &str) -> Result<()> {
    pass(&web::script(name)?)
}

/// Compose's own reader takes the file; what it prints is of no interest.
fn compose() -> Result<()> {
    let read = Spec::new(tool::compose()?).directory(home::repository());
    read.arg("docker-compose.yml").run(STEP_MAX).map(drop)
}

/// The fake cloud's own tests: it must refuse what AWS refuses.
fn aws_front() -> Spec {
    let directory = home::repository().join("deploy/dev/aws");
    Spec::new(tool::python())
        .args(["-B", "-m", "unittest", "--quiet"])
        .directory(directory)
}

fn browser(stack: &Stack) -> Result<Spec> {
    Ok(web::script("test")?
        .envs(stack.environment())
        .envs(stack.browser_environment()))
}

/// Stops the stack, and what a killed test left of its own control planes.
fn stop() -> Result<()> {
    ControlPlane::sweep()?;
    super::down::run(STACK)
}
