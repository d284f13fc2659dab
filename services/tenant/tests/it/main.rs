//! The tenant service as a process, with its own account, against a control plane of the tests' own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod admission;
mod bad_input;
mod budget;
mod budget_edits;
mod budget_keys;
mod conformance;
mod drift;
mod escalation;
mod fairness;
mod grpc;
mod grpc_sight;
mod guardrails;
mod guardrails_cases;
mod guardrails_later;
mod history;
mod leftovers;
mod lifecycle;
mod matrix;
mod metadata;
mod metrics;
mod network;
mod past;
mod patience;
mod plan;
mod refused;
mod replicas;
mod roles;
mod room;
mod sandboxes;
mod schema;
mod self_service;
mod store;
mod support;
mod tutorial;
mod unreadable;
