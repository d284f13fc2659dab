//! The service against its real dependencies.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod faults;
mod group;
mod grpc;
mod history;
mod key;
mod mapping;
mod policy;
mod support;
mod user;
