//! The tenant service as a process, with its own account, against a control plane of the tests' own.

mod drift;
mod grpc;
mod grpc_sight;
mod history;
mod lifecycle;
mod schema;
mod support;
mod tutorial;
