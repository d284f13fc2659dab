//! The one service that the console answers itself.
use ::http::HeaderMap;
use jiff::Timestamp;
use tenantry_proto::{
    common::v1::Reason,
    console::v1::{
        GetSessionRequest, GetSessionResponse,
        session_service_server::{SessionService, SessionServiceServer},
    },
};
use tenantry_runtime::{Chain, status::with_reason};
use tonic::{Code, Request, Response, Status};
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::Layer as _;
use tracing::warn;

use crate::{App, cookies, session::Session};

/// SessionService, for browsers.
pub(crate) fn service(app: &App) -> GrpcWebService<SessionServiceServer<Front>> {
    GrpcWebLayer::new().layer(SessionServiceServer::new(Front { app: app.clone() }))
}

/// Answers SessionService.
pub(crate) struct Front {
    app: App,
}

#[tonic::async_trait]
impl SessionService for Front {
    async fn get_session(
        &self,
        request: Request<GetSessionRequest>,
    ) -> Result<Response<GetSessionResponse>, Status> {
        let headers = request.into_parts().0.into_headers();
        let session = session(&self.app, &headers).await?;
        Ok(Response::new(GetSessionResponse {
            username: session.username,
            groups: session.groups,
            expire_time: Some(timestamp(session.expires)),
            issuer: self.app.provider.name().to_owned(),
        }))
    }
}

/// The caller's session, with a token that lasts.
///
/// Errors: UNAUTHENTICATED with SESSION_ENDED, also where there never was one; UNAVAILABLE if that cannot be known.
pub(crate) async fn session(app: &App, headers: &HeaderMap) -> Result<Session, Status> {
    let id = cookies::find(headers, cookies::Kind::Session, &app.public).ok_or_else(ended)?;
    match app.sessions.fresh(&id).await {
        Ok(found) => found.ok_or_else(ended),
        Err(error) => {
            warn!(error = %Chain(&error), "Session not read.");
            Err(unreadable())
        }
    }
}

fn ended() -> Status {
    let message = "the session has ended; log in again";
    with_reason(Code::Unauthenticated, Reason::SessionEnded, message, [])
}

fn unreadable() -> Status {
    with_reason(
        Code::Unavailable,
        Reason::ServiceUnavailable,
        "sessions cannot be read or renewed now; try again in a moment",
        [("service", "console".to_owned())],
    )
}

fn timestamp(time: Timestamp) -> pbjson_types::Timestamp {
    pbjson_types::Timestamp {
        seconds: time.as_second(),
        nanos: time.subsec_nanosecond(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::StatusExt as _;

    #[test]
    fn no_session_is_told_from_one_that_cannot_be_read() {
        for (status, code, reason) in [
            (ended(), Code::Unauthenticated, "SESSION_ENDED"),
            (unreadable(), Code::Unavailable, "SERVICE_UNAVAILABLE"),
        ] {
            let details = status.get_error_details();
            let found = details.error_info().map(|info| info.reason.as_str());
            assert_eq!((status.code(), found), (code, Some(reason)));
        }
    }
}
