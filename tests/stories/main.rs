//! Stories across services, on the stack that `cargo dev test` started.

mod doors;
mod refusals;
mod rest;
mod support;
mod tutorial;
