//! Showback against real Postgres, NATS and kube-apiserver.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod cluster;
mod interval;
mod ownership;
mod support;
