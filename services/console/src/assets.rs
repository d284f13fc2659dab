//! The web app: embedded files, and index.html for every page's address.
use std::borrow::Cow;

use ::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{App, session::secret_name};

#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Dist;

/// Files that Vite names by their content never change.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// A file of the web app; index.html where there is none, so that deep links work.
pub(crate) async fn serve(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    match Dist::get(path) {
        Some(found) if path != "index.html" => file(path, found, &headers),
        None if path.starts_with("assets/") => StatusCode::NOT_FOUND.into_response(),
        _ => index(&app),
    }
}

fn file(path: &str, found: EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = etag(&found);
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes())
    {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let age = if path.starts_with("assets/") {
        FOREVER
    } else {
        "no-cache"
    };
    let headers = [
        (header::CONTENT_TYPE, found.metadata.mimetype().to_owned()),
        (header::CACHE_CONTROL, age.to_owned()),
        (header::ETAG, etag),
    ];
    (headers, body(found.data)).into_response()
}

fn body(data: Cow<'static, [u8]>) -> Body {
    match data {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    }
}

fn etag(found: &EmbeddedFile) -> String {
    let hash: String = found.metadata.sha256_hash()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{hash}\"")
}

/// The page, with a nonce for the styles the component kit writes, and the identity provider's name for the login page.
fn index(app: &App) -> Response {
    let (Some(page), Ok(nonce)) = (Dist::get("index.html"), secret_name()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let text = String::from_utf8_lossy(&page.data)
        .replace("__NONCE__", &nonce)
        .replace("__ISSUER_NAME__", &escape(app.provider.name()));
    let mut answer = axum::response::Html(text).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::from_str(&policy(&nonce, &app.provider.origin())) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// Scripts only from here. The logout form ends at the issuer, so it is a place forms may lead to.
fn policy(nonce: &str, issuer: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; manifest-src 'self'; form-action 'self' {issuer}; base-uri 'none'; frame-ancestors 'none'"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}
