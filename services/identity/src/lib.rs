//! Who is who: IAM groups, users, policies and keys, and their names in the cluster (aws-auth).
//!
//! Enters: calls of people and tools with a bearer token. Leaves: IAM calls, edits of aws-auth, facts in the event log.
//! Deliberately absent: tenants and what they own, any copy of IAM's state (IAM is asked each time), and the secret of an
//! access key anywhere but in the one reply that hands it over.

pub mod aws_auth;
pub mod config;
pub mod grpc;
mod history;
pub mod iam;
pub mod mapping;
mod message;
pub mod store;
