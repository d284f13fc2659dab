//! The event log and its way through the stream, against real Postgres and NATS.

mod consumer;
mod log;
mod relay;
mod support;
