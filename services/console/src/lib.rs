//! The web front door: login at the identity provider, sessions, and the way from a browser to the services.
//!
//! Enters: a browser's requests with a session cookie. Leaves: the web app, redirects to the identity provider, and gRPC
//! calls to the services with the caller's own token.
//! Deliberately absent: rights (the services decide, by the caller's token), any state of its own beside sessions, and
//! any JSON interface beside gRPC-web.

mod assets;
mod config;
mod cookies;
mod gateway;
mod grpc;
mod http;
mod login;
mod metrics;
mod oidc;
mod session;

pub use config::{Config, OidcConfig, PublicUrl, SessionConfig, UpstreamConfig};
pub use gateway::{Upstreams, upstreams};
pub use http::{App, serve};
pub use oidc::Provider;
pub use session::Sessions;
