//! Login and logout: the browser's way to the identity provider and back.
use ::http::{HeaderMap, StatusCode, header};
use axum::{
    extract::{Query, Request, State},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use tenantry_runtime::Chain;
use tracing::{info, warn};

use crate::{
    App, cookies,
    http::is_our_origin,
    oidc::OidcError,
    session::{LOGIN_MAX, SessionError, StoreError, secret_name},
};

/// Why a login did not succeed. The web app has the words for it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("the login is not known, was used, or was begun in another browser")]
    Unknown,
    #[error("the identity provider refuses: {answer}")]
    Denied { answer: String },
    #[error(transparent)]
    Oidc(#[from] OidcError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoginError {
    /// The word in the address of the login page.
    fn word(&self) -> &'static str {
        match self {
            Self::Unknown => "expired",
            Self::Denied { .. } | Self::Oidc(OidcError::Refused { .. }) => "denied",
            Self::Oidc(OidcError::Unreachable { .. }) => "unreachable",
            Self::Oidc(OidcError::EmailUnverified) => "email",
            Self::Oidc(OidcError::Token { .. } | OidcError::KeyUnknown) => "token",
            Self::Session(_) | Self::Store(_) => "sessions",
        }
    }
}

impl IntoResponse for LoginError {
    fn into_response(self) -> Response {
        warn!(error = %Chain(&self), "Login failed.");
        Redirect::to(&format!("/login?error={}", self.word())).into_response()
    }
}

/// Where to go after the login.
#[derive(Deserialize)]
pub(crate) struct Begin {
    next: Option<String>,
}

/// GET /auth/login: to the identity provider.
pub(crate) async fn begin(
    State(app): State<App>,
    Query(query): Query<Begin>,
    headers: HeaderMap,
) -> Result<Response, LoginError> {
    let challenge = app.provider.challenge().await?;
    // A browser that begins twice, in two tabs, can end either.
    let browser = match cookies::find(&headers, cookies::Kind::Login, &app.public) {
        Some(known) if known.len() == 43 => known,
        _ => secret_name()?,
    };
    let next = same_origin_path(query.next.as_deref());
    app.sessions.begin(&challenge, &browser, next).await?;
    let cookie = cookies::set(cookies::Kind::Login, &browser, LOGIN_MAX, &app.public);
    Ok((
        [(header::SET_COOKIE, cookie)],
        Redirect::to(challenge.url.as_str()),
    )
        .into_response())
}

/// What the identity provider sends along.
#[derive(Deserialize)]
pub(crate) struct Answer {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// GET /auth/callback: back from the identity provider.
pub(crate) async fn callback(
    State(app): State<App>,
    Query(answer): Query<Answer>,
    headers: HeaderMap,
) -> Result<Response, LoginError> {
    let browser =
        cookies::find(&headers, cookies::Kind::Login, &app.public).ok_or(LoginError::Unknown)?;
    let state = answer.state.ok_or(LoginError::Unknown)?;
    let login = app
        .sessions
        .take_login(&state, &browser)
        .await?
        .ok_or(LoginError::Unknown)?;
    if let Some(answer) = answer.error {
        return Err(LoginError::Denied { answer });
    }
    if answer
        .iss
        .is_some_and(|issuer| !app.provider.is_issuer(&issuer))
    {
        return Err(LoginError::Unknown);
    }
    let code = answer.code.ok_or(LoginError::Unknown)?;
    let tokens = app
        .provider
        .exchange(code, login.verifier, login.nonce)
        .await?;
    if let Some(old) = cookies::find(&headers, cookies::Kind::Session, &app.public) {
        app.sessions.end(&old).await?;
    }
    info!(username = tokens.username, "Session begun.");
    let id = app.sessions.create(tokens, Timestamp::now()).await?;
    let cookies = AppendHeaders([
        (
            header::SET_COOKIE,
            cookies::set(
                cookies::Kind::Session,
                &id,
                app.sessions.age_max(),
                &app.public,
            ),
        ),
        (
            header::SET_COOKIE,
            cookies::clear(cookies::Kind::Login, &app.public),
        ),
    ]);
    Ok((cookies, Redirect::to(&login.next)).into_response())
}

/// POST /auth/logout: ends the session here, then at the identity provider.
pub(crate) async fn logout(
    State(app): State<App>,
    request: Request,
) -> Result<Response, LoginError> {
    if !is_our_origin(&request, &app.public) {
        return Ok((
            StatusCode::FORBIDDEN,
            "the Origin header is not this console's\n",
        )
            .into_response());
    }
    let ended = match cookies::find(request.headers(), cookies::Kind::Session, &app.public) {
        Some(id) => app.sessions.end(&id).await?,
        None => None,
    };
    let mut target = "/login?left=1".to_owned();
    if let Some(session) = ended {
        info!(username = session.username, "Session ended.");
        // The session here has ended in any case; an unreachable identity provider must not say otherwise.
        match app.provider.end_session(&session.id_token).await {
            Ok(Some(url)) => target = url.into(),
            Ok(None) => {}
            Err(error) => warn!(error = %Chain(&error), "Logout not passed on."),
        }
    }
    let forget = cookies::clear(cookies::Kind::Session, &app.public);
    Ok(([(header::SET_COOKIE, forget)], Redirect::to(&target)).into_response())
}

/// `next` if it is a path of this console, else the dashboard: a login must not lead elsewhere.
fn same_origin_path(next: Option<&str>) -> String {
    let is_ours = |next: &&str| {
        let ours = url::Url::parse("https://console.invalid").ok();
        let joined = ours.as_ref().and_then(|ours| ours.join(next).ok());
        next.starts_with('/')
            && !next.starts_with("/auth/")
            && !next.contains(|c: char| c.is_control() || c == '\\')
            && joined.is_some_and(|joined| Some(joined.origin()) == ours.map(|ours| ours.origin()))
    };
    next.filter(is_ours).unwrap_or("/").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_a_page_of_the_console() {
        let check = |next, expected| assert_eq!(same_origin_path(Some(next)), expected);
        check("/tenants/logistics?tab=cost", "/tenants/logistics?tab=cost");
        check("//evil.example", "/");
        check("/\\evil.example", "/");
        check("/\t/evil.example", "/");
        check("https://evil.example", "/");
        check("javascript:alert(1)", "/");
        check("/auth/login", "/");
        assert_eq!(same_origin_path(None), "/");
    }
}
