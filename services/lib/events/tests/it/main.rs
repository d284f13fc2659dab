//! The event log and its way through the stream, against real Postgres and NATS.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod consumer;
mod log;
mod refusals;
mod relay;
mod support;
