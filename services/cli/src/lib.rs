//! `tenantry`: the three services at the command line, also as `kubectl tenantry`.
//!
//! Enters: arguments, the kubeconfig user's own token, manifests. Leaves: API messages or tables on stdout, talk and errors on
//! stderr, an exit code that scripts can branch on.
//! Deliberately absent: credentials of its own, a cache, and any rule about tenancy; the services decide, this shows.

pub mod args;
pub mod commands;
mod confirm;
mod credentials_file;
pub mod error;
mod hint;
mod manifest;
mod moment;
mod output;
mod report;
mod service;
mod session;
mod token;
mod view;

pub use report::report;
