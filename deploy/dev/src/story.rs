//! The tutorial, replayed: each step is a command line as a person types it and what it must answer.
//!
//! What enters: a standing stack. What leaves: one line per step, and how many went as they should.

mod check;
mod console;
mod history;
mod identity;
mod money;
mod replay;
mod step;
mod tenancy;

pub use replay::{Run, Summary, replay};

use step::Step;

/// Every step, in the tutorial's order.
fn steps() -> Vec<Step> {
    [
        identity::clean_up(),
        identity::steps(),
        tenancy::before(),
        tenancy::tenants(),
        tenancy::falcon(),
        tenancy::bear(),
        tenancy::platform(),
        console::steps(),
        money::steps(),
        tenancy::tidy_up(),
        history::steps(),
    ]
    .concat()
}
