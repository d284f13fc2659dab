//! The two cookies, and nothing but their form.
use std::time::Duration;

use ::http::{HeaderMap, header};
use cookie::{Cookie, SameSite};

use crate::PublicUrl;

/// Which cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Names the session.
    Session,
    /// Binds a login that is under way to the browser that began it.
    Login,
}

impl Kind {
    /// `__Host-` makes browsers refuse the cookie from a subdomain or without TLS; plain HTTP in development cannot have it.
    fn name(self, public: &PublicUrl) -> &'static str {
        match (self, public.is_tls()) {
            (Self::Session, true) => "__Host-tenantry",
            (Self::Session, false) => "tenantry",
            (Self::Login, true) => "__Host-tenantry-login",
            (Self::Login, false) => "tenantry-login",
        }
    }
}

/// The value that the browser sent.
pub(crate) fn find(headers: &HeaderMap, kind: Kind, public: &PublicUrl) -> Option<String> {
    let name = kind.name(public);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}

/// A Set-Cookie line.
pub(crate) fn set(kind: Kind, value: &str, age_max: Duration, public: &PublicUrl) -> String {
    let seconds = i64::try_from(age_max.as_secs()).unwrap_or(i64::MAX);
    Cookie::build((kind.name(public), value))
        .path("/")
        .http_only(true)
        .secure(public.is_tls())
        // Lax, not Strict: the way back from the identity provider is a cross-site navigation.
        .same_site(SameSite::Lax)
        .max_age(cookie::time::Duration::seconds(seconds))
        .build()
        .to_string()
}

/// A Set-Cookie line that makes the browser forget.
pub(crate) fn clear(kind: Kind, public: &PublicUrl) -> String {
    set(kind, "", Duration::ZERO, public)
}
