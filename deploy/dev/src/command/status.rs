//! `status`: every process, its pid, and whether it answers.

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;

use crate::part::{UNITS, Unit, Work};
use crate::report::{self, say};
use crate::stack::Stack;

/// Options of `status`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How to print.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    state: State,
    pid: Option<i32>,
    log: String,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Ready,
    NotReady,
    Stopped,
}

/// Prints every process.
pub(crate) fn run(stack: &Stack, arguments: &Arguments) -> Result<()> {
    let processes = UNITS
        .iter()
        .filter(|unit| matches!(unit.work, Work::Process(_)));
    let rows = processes.map(|unit| row(stack, unit));
    match arguments.output {
        Format::Json => {
            let rows: Vec<Row> = rows.collect();
            say!(
                "{}",
                serde_json::to_string_pretty(&rows).context("encoding the status")?
            );
        }
        Format::Table => {
            let cells = rows.map(|row| {
                [
                    row.name.to_owned(),
                    state(row.state).to_owned(),
                    row.pid.map_or_else(String::new, |pid| pid.to_string()),
                    row.log,
                ]
            });
            say!("{}", report::table(["NAME", "STATE", "PID", "LOG"], cells));
        }
    }
    Ok(())
}

fn row(stack: &Stack, unit: &'static Unit) -> Row {
    let process = stack.process(unit.name);
    let state = match &process {
        Some(_) if stack.is_ready(unit) => State::Ready,
        Some(_) => State::NotReady,
        None => State::Stopped,
    };
    Row {
        name: unit.name,
        state,
        pid: process.map(|process| process.pid),
        log: stack.log(unit.name).display().to_string(),
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Ready => "ready",
        State::NotReady => "not ready",
        State::Stopped => "stopped",
    }
}
