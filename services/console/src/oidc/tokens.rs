use openidconnect::{
    AccessTokenHash, AdditionalClaims, ClaimsVerificationError, ConfigurationError,
    EmptyExtraTokenFields, IdTokenClaims, IdTokenFields, Nonce, NonceVerifier,
    OAuth2TokenResponse as _, RequestTokenError, SignatureVerificationError, StandardErrorResponse,
    StandardTokenResponse, TokenResponse as _,
    core::{
        CoreErrorResponseType, CoreGenderClaim, CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm, CoreTokenType,
    },
};
use serde::{Deserialize, Serialize};

use super::{Client, http::HttpError};

/// The claim beside the standard ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Groups {
    #[serde(default)]
    groups: Vec<String>,
}

impl AdditionalClaims for Groups {}

type Fields = IdTokenFields<
    Groups,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
pub(super) type TokenResponse = StandardTokenResponse<Fields, CoreTokenType>;
type Claims = IdTokenClaims<Groups, CoreGenderClaim>;
type RequestError = RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>;

/// Verified tokens of one person.
pub(crate) struct Tokens {
    /// Stable identifier at the issuer.
    pub(crate) subject: String,
    /// Name in the cluster: the verified e-mail address.
    pub(crate) username: String,
    /// Groups of the token.
    pub(crate) groups: Vec<String>,
    /// The ID token, which the services take.
    pub(crate) id_token: String,
    /// When the ID token ends, in seconds since 1970.
    pub(crate) id_expires: i64,
    /// The refresh token; none if the issuer gave none.
    pub(crate) refresh_token: Option<String>,
}

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    #[error("asking the identity provider")]
    Unreachable {
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the identity provider refuses: {answer}")]
    Refused { answer: String },
    #[error("the identity provider's token is signed by an unknown key")]
    KeyUnknown,
    #[error("the identity provider's token is not acceptable: {rule}")]
    Token { rule: String },
    #[error("the account has no verified e-mail address")]
    EmailUnverified,
}

pub(super) fn no_endpoint(source: ConfigurationError) -> OidcError {
    OidcError::Unreachable {
        source: source.into(),
    }
}

pub(super) fn refused_or_unreachable(error: RequestError) -> OidcError {
    match error {
        RequestTokenError::ServerResponse(answer) => OidcError::Refused {
            answer: answer.to_string(),
        },
        other => OidcError::Unreachable {
            source: other.into(),
        },
    }
}

/// Checks signature, issuer, audience, expiry, nonce, authorised party, access token hash and e-mail.
pub(super) fn verify(
    client: &Client,
    answer: &TokenResponse,
    nonce: &Nonce,
) -> Result<Tokens, OidcError> {
    let claims = claims(client, answer, nonce)?;
    tokens(answer, claims)
}

/// As [`verify`], for a refreshed token: it has no nonce, and must be of the same `subject`.
pub(super) fn verify_refreshed(
    client: &Client,
    answer: &TokenResponse,
    subject: &str,
) -> Result<Tokens, OidcError> {
    let any_nonce = |_: Option<&Nonce>| Ok(());
    let claims = claims(client, answer, any_nonce)?;
    if claims.subject().as_str() != subject {
        return Err(refuse("another subject"));
    }
    tokens(answer, claims)
}

/// As [`verify`], for tokens that no login of ours led to.
#[cfg(test)]
pub(super) fn verify_unasked(client: &Client, answer: &TokenResponse) -> Result<Tokens, OidcError> {
    let any_nonce = |_: Option<&Nonce>| Ok(());
    tokens(answer, claims(client, answer, any_nonce)?)
}

fn claims<'a>(
    client: &Client,
    answer: &'a TokenResponse,
    nonce: impl NonceVerifier,
) -> Result<&'a Claims, OidcError> {
    let token = answer.id_token().ok_or_else(|| refuse("absent"))?;
    let verifier = client.id_token_verifier();
    let claims = token.claims(&verifier, nonce).map_err(explain)?;
    if claims
        .authorized_party()
        .is_some_and(|party| party.as_str() != client.client_id().as_str())
    {
        return Err(refuse("meant for another party"));
    }
    if let Some(expected) = claims.access_token_hash() {
        let algorithm = token
            .signing_alg()
            .map_err(|error| refuse(error.to_string()))?;
        let key = token
            .signing_key(&verifier)
            .map_err(|error| refuse(error.to_string()))?;
        let found = AccessTokenHash::from_token(answer.access_token(), algorithm, key)
            .map_err(|error| refuse(error.to_string()))?;
        if found != *expected {
            return Err(refuse("of another access token"));
        }
    }
    Ok(claims)
}

fn tokens(answer: &TokenResponse, claims: &Claims) -> Result<Tokens, OidcError> {
    // The apiserver takes the name from a verified address only, and so does the console: one person, one name.
    let email = claims
        .email()
        .filter(|_| claims.email_verified() == Some(true))
        .ok_or(OidcError::EmailUnverified)?;
    let token = answer.id_token().ok_or_else(|| refuse("absent"))?;
    Ok(Tokens {
        subject: claims.subject().to_string(),
        username: email.to_string(),
        groups: claims.additional_claims().groups.clone(),
        id_token: token.to_string(),
        id_expires: claims.expiration().timestamp(),
        refresh_token: answer.refresh_token().map(|token| token.secret().clone()),
    })
}

fn explain(error: ClaimsVerificationError) -> OidcError {
    match error {
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey,
        ) => OidcError::KeyUnknown,
        other => refuse(other.to_string()),
    }
}

fn refuse(rule: impl Into<String>) -> OidcError {
    OidcError::Token { rule: rule.into() }
}
