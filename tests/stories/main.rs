//! Stories across services, on the stack that `cargo dev test` started.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod doors;
mod hindsight;
mod house;
mod refusals;
mod rest;
mod support;
mod tutorial;
