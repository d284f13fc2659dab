use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use moka::future::Cache;
use sha2::{Digest as _, Sha256};
use tenantry_proto::common::v1::Reason;
use tonic::{Code, Status, metadata::MetadataMap};

use super::{Caller, review_within};
use crate::status;

/// How long an accepted token is not asked about again: the most a revocation may wait here.
const CACHE: Duration = Duration::from_secs(5);
/// Tokens kept at most.
const CACHE_TOKENS: u64 = 10_000;
/// Audience that service account tokens must be made for.
const AUDIENCE: &str = "tenantry";
/// Longest token that is passed on, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// Turns a bearer token into a [`Caller`] by TokenReview.
#[derive(Clone)]
pub(super) struct Authenticator {
    client: kube::Client,
    /// Keyed by the token's hash, so that no token is kept.
    callers: Cache<[u8; 32], Caller>,
}

impl Authenticator {
    pub(super) fn new(client: kube::Client) -> Self {
        let callers = Cache::builder()
            .max_capacity(CACHE_TOKENS)
            .time_to_live(CACHE)
            .build();
        Self { client, callers }
    }

    pub(super) async fn authenticate(&self, metadata: &MetadataMap) -> Result<Caller, Status> {
        let token = bearer(metadata)?;
        let key: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let review = self.review(token);
        // One question per token, however many calls wait for its answer.
        self.callers
            .try_get_with(key, review)
            .await
            .map_err(|status| (*status).clone())
    }

    async fn review(&self, token: &str) -> Result<Caller, Status> {
        let is_for_us = audiences(token).iter().any(|audience| audience == AUDIENCE);
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: token.to_owned(),
                audiences: is_for_us.then(|| vec![AUDIENCE.to_owned()]),
            },
            ..TokenReview::default()
        };
        let answer = review_within(&self.client, &review).await?;
        let caller = accepted(answer.status.unwrap_or_default(), is_for_us)?;
        // A pod's default token must not open this door: it was not made for it.
        if caller.username.starts_with(SERVICE_ACCOUNT) && !is_for_us {
            return Err(invalid(
                "the service account's token lacks the audience tenantry; make one by \
                 kubectl create token NAME --audience tenantry",
            ));
        }
        Ok(caller)
    }
}

fn accepted(status: TokenReviewStatus, is_for_us: bool) -> Result<Caller, Status> {
    let has_audience = status
        .audiences
        .iter()
        .flatten()
        .any(|audience| audience == AUDIENCE);
    if status.authenticated != Some(true) || (is_for_us && !has_audience) {
        return Err(invalid(
            "the cluster does not accept the token; log in again",
        ));
    }
    let user = status.user.unwrap_or_default();
    match user.username {
        Some(username) if !username.is_empty() => Ok(Caller {
            username,
            groups: user.groups.unwrap_or_default(),
            uid: user.uid.unwrap_or_default(),
        }),
        _ => Err(invalid("the token names nobody; log in again")),
    }
}

fn bearer(metadata: &MetadataMap) -> Result<&str, Status> {
    let header = metadata
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let token = header
        .and_then(|text| text.strip_prefix("Bearer "))
        .map(str::trim);
    match token {
        None | Some("") => Err(status::with_reason(
            Code::Unauthenticated,
            Reason::TokenMissing,
            "no bearer token came with the call; send `authorization: Bearer <token>`",
            [],
        )),
        Some(token) if token.len() > TOKEN_BYTES_MAX => {
            Err(invalid("the token is too large; log in again"))
        }
        Some(token) => Ok(token),
    }
}

fn invalid(message: &str) -> Status {
    status::with_reason(Code::Unauthenticated, Reason::TokenInvalid, message, [])
}

/// Audiences a JWT claims, unverified: only to ask the right question. Empty for anything else.
fn audiences(token: &str) -> Vec<String> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Many(Vec<String>),
    }
    #[derive(serde::Deserialize)]
    struct Claims {
        aud: Audience,
    }
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok())
        .and_then(|bytes| serde_json::from_slice::<Claims>(&bytes).ok());
    match claims {
        Some(Claims {
            aud: Audience::One(one),
        }) => vec![one],
        Some(Claims {
            aud: Audience::Many(many),
        }) => many,
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audiences_are_read_from_both_forms() {
        let jwt = |claims: &str| format!("e30.{}.x", BASE64_URL_SAFE_NO_PAD.encode(claims));
        assert_eq!(audiences(&jwt(r#"{"aud":"tenantry"}"#)), ["tenantry"]);
        assert_eq!(
            audiences(&jwt(r#"{"aud":["a","tenantry"]}"#)),
            ["a", "tenantry"]
        );
        assert!(audiences("k8s-aws-v1.aHR0cHM6Ly9zdHM").is_empty());
    }

    #[test]
    fn a_call_without_a_token_is_told_so() {
        let refused = bearer(&MetadataMap::new()).unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
}
