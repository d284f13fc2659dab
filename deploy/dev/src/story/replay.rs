use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::check::check;
use super::step::{Step, Who};
use super::steps;
use crate::exec::{Output, Spec};
use crate::home::repository;
use crate::report::say;
use crate::stack::Stack;

/// Longest time one command may take: the browser's walk.
const COMMAND_MAX: Duration = Duration::from_secs(180);
/// Between two tries of a step that needs a moment.
const PAUSE: Duration = Duration::from_millis(250);

/// How a replay went.
#[derive(Debug, Default)]
pub struct Summary {
    /// Steps that answered as they should.
    pub passed: usize,
    /// Titles of the others.
    pub failed: Vec<&'static str>,
}

/// Runs one step and says whether it answered as it should; a repetition counts instead of the run before.
pub type Run<'a> = &'a mut dyn FnMut() -> Result<bool>;

/// Replays the tutorial on `stack`, printing each step; `around` is given each step's title and runs it.
///
/// Errors: a command that could not be run at all, and those of `around`.
pub fn replay(
    stack: &Stack,
    mut around: impl FnMut(&str, Run<'_>) -> Result<()>,
) -> Result<Summary> {
    let mut summary = Summary::default();
    for step in steps() {
        let mut is_good = false;
        around(step.title, &mut || {
            let (output, verdict) = run(stack, &step)?;
            print(&step, &output, &verdict);
            is_good = verdict.is_ok();
            Ok(is_good)
        })?;
        match is_good {
            true => summary.passed += 1,
            false => summary.failed.push(step.title),
        }
    }
    Ok(summary)
}

fn run(stack: &Stack, step: &Step) -> Result<(Output, Result<(), String>)> {
    let until = Instant::now() + step.patience;
    loop {
        let output = spec(stack, step).output(COMMAND_MAX)?;
        let verdict = check(step.expect, &output);
        if verdict.is_ok() || Instant::now() >= until {
            return Ok((output, verdict));
        }
        thread::sleep(PAUSE);
    }
}

fn spec(stack: &Stack, step: &Step) -> Spec {
    let credentials = stack
        .home
        .secret("falcon.credentials")
        .display()
        .to_string();
    Spec::new("sh")
        .args(["-c", &step.command])
        .envs(stack.environment())
        .env(
            "KUBECONFIG",
            stack.kubeconfig(step.who.name()).display().to_string(),
        )
        .env("FALCON_CREDENTIALS", credentials)
        .envs(stack.browser_environment())
        .directory(repository().join("deploy/dev/tutorial"))
}

fn print(step: &Step, output: &Output, verdict: &Result<(), String>) {
    let prompt = if step.who == Who::Admin {
        "$".to_owned()
    } else {
        format!("{} $", step.who.name())
    };
    say!("\n# {}", step.title);
    say!("{prompt} {}", step.command);
    for line in output.stdout.lines().chain(output.stderr.lines()) {
        say!("  {line}");
    }
    match verdict {
        Ok(()) => say!("✓"),
        Err(why) => say!("✗ {why}"),
    }
}
