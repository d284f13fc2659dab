//! `demo`: the stack, the tutorial on it, and what to do next.

use anyhow::{Result, bail};

use super::typed;
use super::up::{Only, start};
use crate::report::say;
use crate::stack::{Service, Stack};
use crate::story;

/// Replays the tutorial; the stack stays up.
///
/// Errors: any step that did not do exactly what the tutorial shows.
pub(crate) fn run(name: &str) -> Result<()> {
    let stack = start(name, Only::Services)?;
    let summary = story::replay(&stack, |_, step| step().map(drop))?;
    print_summary(&stack, summary.passed, &summary.failed);
    if !summary.failed.is_empty() {
        bail!(
            "{} steps went otherwise than the tutorial shows",
            summary.failed.len()
        );
    }
    Ok(())
}

fn print_summary(stack: &Stack, passed: usize, failed: &[&str]) {
    let dev = typed(&stack.name);
    say!(
        "\n{passed} steps as the tutorial shows them, {} otherwise.",
        failed.len()
    );
    for title in failed {
        say!("  ✗ {title}");
    }
    say!("\nConsole      {}", stack.url(Service::Console));
    say!("             bear@nordmart.com   {}", stack.secrets().bear);
    say!("             admin@nordmart.com  {}", stack.secrets().admin);
    say!("Pictures     {}", stack.root().display());
    say!("\nTry next     eval \"$({dev} env)\"");
    say!("             tenantry tenant list");
    say!("             tenantry cost --by tenant");
    say!("             tenantry audit");
    say!(
        "             kubectl --kubeconfig {} auth whoami",
        stack.kubeconfig("bear").display()
    );
    say!("             {dev} status");
    say!("Stop         {dev} down    (data stays; `{dev} reset` forgets it)");
}
