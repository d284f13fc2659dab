//! Showback against real Postgres, NATS and kube-apiserver.

mod cluster;
mod interval;
mod ownership;
mod support;
