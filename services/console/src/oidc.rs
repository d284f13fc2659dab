//! The identity provider: who it is, and what its tokens say.
mod http;
mod tokens;

use std::time::Duration;

use anyhow::Context as _;
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, LogoutRequest, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RefreshToken, Scope,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
        CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreTokenIntrospectionResponse,
    },
};
use tokio::{sync::Mutex, time::Instant};
use url::Url;

use crate::{OidcConfig, PublicUrl};
use http::IssuerHttp;
use tokens::{Groups, TokenResponse};
pub(crate) use tokens::{OidcError, Tokens};

/// Where the identity provider sends people back to.
pub(crate) const CALLBACK_PATH: &str = "/auth/callback";
/// How long what the issuer says of itself is believed; its keys change without notice.
const DISCOVERY_MAX: Duration = Duration::from_secs(600);

type Client = openidconnect::Client<
    Groups,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    openidconnect::StandardErrorResponse<CoreErrorResponseType>,
    TokenResponse,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A login about to begin: where to go, and what to remember until the way back.
pub(crate) struct Challenge {
    pub(crate) url: Url,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// The identity provider, asked when used.
pub struct Provider {
    issuer: IssuerUrl,
    name: String,
    client_id: ClientId,
    secret: ClientSecret,
    redirect: RedirectUrl,
    after_logout: PostLogoutRedirectUrl,
    http: IssuerHttp,
    known: Mutex<Option<(Instant, Known)>>,
}

#[derive(Clone)]
struct Known {
    client: Client,
    end_session: Option<openidconnect::EndSessionUrl>,
}

impl Provider {
    /// A provider that is asked when used.
    ///
    /// Errors: unreadable files; an unreachable issuer is none.
    pub fn lazy(config: &OidcConfig, public: &PublicUrl) -> anyhow::Result<Self> {
        let path = &config.oidc_client_secret_file;
        let secret =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        // `Url` writes a slash after a bare host, which a token's `iss` has not.
        let issuer = config.oidc_issuer.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            issuer: IssuerUrl::new(issuer)?,
            name: config.oidc_name.clone(),
            client_id: ClientId::new(config.oidc_client_id.clone()),
            secret: ClientSecret::new(secret.trim().to_owned()),
            redirect: RedirectUrl::from_url(public.join(CALLBACK_PATH)?),
            after_logout: PostLogoutRedirectUrl::from_url(public.join("/login?left=1")?),
            http: IssuerHttp::new(config.oidc_ca_file.as_deref())?,
            known: Mutex::default(),
        })
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its origin, for the content security policy.
    pub(crate) fn origin(&self) -> String {
        self.issuer.url().origin().ascii_serialization()
    }

    /// True if `issuer`, as the way back named it, is this one (RFC 9207).
    pub(crate) fn is_issuer(&self, issuer: &str) -> bool {
        issuer == self.issuer.as_str()
    }

    async fn known(&self) -> Result<Known, OidcError> {
        let mut known = self.known.lock().await;
        if let Some((since, found)) = known.as_ref()
            && since.elapsed() < DISCOVERY_MAX
        {
            return Ok(found.clone());
        }
        let http = self.http.closure();
        let metadata = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &http)
            .await
            .map_err(|source| OidcError::Unreachable {
                source: source.into(),
            })?;
        let end_session = metadata.additional_metadata().end_session_endpoint.clone();
        let client = Client::from_provider_metadata(
            metadata,
            self.client_id.clone(),
            Some(self.secret.clone()),
        )
        .set_redirect_uri(self.redirect.clone());
        let found = Known {
            client,
            end_session,
        };
        *known = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    /// Begins a login: code flow with PKCE S256.
    pub(crate) async fn challenge(&self) -> Result<Challenge, OidcError> {
        let client = self.known().await?.client;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let verifier = verifier.into_secret();
        Ok(Challenge {
            url,
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier,
        })
    }

    /// Ends a login: the code for verified tokens.
    pub(crate) async fn exchange(
        &self,
        code: String,
        verifier: String,
        nonce: String,
    ) -> Result<Tokens, OidcError> {
        let client = self.known().await?.client;
        let http = self.http.closure();
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(tokens::no_endpoint)?;
        let answer = request
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request_async(&http)
            .await
            .map_err(tokens::refused_or_unreachable)?;
        let nonce = Nonce::new(nonce);
        self.verified(&client, |client| tokens::verify(client, &answer, &nonce))
            .await
    }

    /// New tokens for a refresh token, for the same `subject`.
    pub(crate) async fn refresh(
        &self,
        refresh_token: String,
        subject: &str,
    ) -> Result<Tokens, OidcError> {
        let client = self.known().await?.client;
        let http = self.http.closure();
        let refresh_token = RefreshToken::new(refresh_token);
        let request = client
            .exchange_refresh_token(&refresh_token)
            .map_err(tokens::no_endpoint)?;
        let answer = request
            .request_async(&http)
            .await
            .map_err(tokens::refused_or_unreachable)?;
        self.verified(&client, |client| {
            tokens::verify_refreshed(client, &answer, subject)
        })
        .await
    }

    /// Where to send a browser to end the session at the identity provider too; none if it has no such place.
    pub(crate) async fn end_session(&self, id_token: &str) -> Result<Option<Url>, OidcError> {
        let Some(endpoint) = self.known().await?.end_session else {
            return Ok(None);
        };
        let mut url = LogoutRequest::from(endpoint)
            .set_client_id(self.client_id.clone())
            .set_post_logout_redirect_uri(self.after_logout.clone())
            .http_get_url();
        // The library takes a parsed token only; ours is kept as text.
        url.query_pairs_mut().append_pair("id_token_hint", id_token);
        Ok(Some(url))
    }

    /// An unknown key means that the issuer has new ones: they are fetched once, as the token cannot be had again.
    async fn verified(
        &self,
        client: &Client,
        verify: impl Fn(&Client) -> Result<Tokens, OidcError>,
    ) -> Result<Tokens, OidcError> {
        match verify(client) {
            Err(OidcError::KeyUnknown) => {
                *self.known.lock().await = None;
                verify(&self.known().await?.client)
            }
            verified => verified,
        }
    }
}

#[cfg(test)]
impl Provider {
    /// Tokens for a password, which the local realm's client `kubernetes` may ask for.
    pub(crate) async fn log_in(&self, user: &str, password: &str) -> Result<Tokens, OidcError> {
        let user = openidconnect::ResourceOwnerUsername::new(user.to_owned());
        let password = openidconnect::ResourceOwnerPassword::new(password.to_owned());
        let client = self.known().await?.client;
        let request = client
            .exchange_password(&user, &password)
            .map_err(tokens::no_endpoint)?;
        let answer = request
            .add_scope(Scope::new("openid".to_owned()))
            .request_async(&self.http.closure())
            .await
            .map_err(tokens::refused_or_unreachable)?;
        tokens::verify_unasked(&client, &answer)
    }
}
