//! Against the stack's own Keycloak and NATS. Here and not in `tests/it`, because nothing of this may leave the crate.

use std::collections::BTreeSet;

use futures::future::join_all;
use tenantry_testkit::{Service, stack};

use super::*;
use crate::{OidcConfig, PublicUrl, oidc::OidcError};

/// A replica of the console, as far as sessions go.
async fn replica() -> (Sessions, Arc<Provider>) {
    tenantry_runtime::install_tls_provider();
    let secrets = stack().root().join("secrets");
    let oidc = OidcConfig {
        oidc_issuer: stack().issuer().parse().unwrap(),
        oidc_name: "Keycloak".to_owned(),
        // The realm takes a password from this client only; it is public, so the secret says nothing.
        oidc_client_id: "kubernetes".to_owned(),
        oidc_client_secret_file: secrets.join("console-client"),
        oidc_ca_file: Some(stack().authority()),
    };
    let public = stack().url(Service::Console).parse().unwrap();
    let public = PublicUrl::new(public, true).unwrap();
    let provider = Arc::new(Provider::lazy(&oidc, &public).unwrap());
    let config = SessionConfig {
        nats_url: stack().nats_url().into(),
        nats_nkey_file: Some(stack().nkey_file(Service::Console)),
        session_key_file: secrets.join("session-key"),
        session_max_seconds: 600,
    };
    let sessions = Sessions::lazy(&config, Arc::clone(&provider)).await;
    (sessions.unwrap(), provider)
}

async fn bear(provider: &Provider) -> Tokens {
    let password = &stack().secrets().bear;
    provider
        .log_in("bear@nordmart.com", password)
        .await
        .unwrap()
}

/// `tokens` as they are when their time is almost over.
fn almost_over(tokens: Tokens) -> Tokens {
    Tokens {
        id_expires: Timestamp::now().as_second() + 10,
        ..tokens
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_renew_a_token_once() {
    let ((one, provider), (other, _)) = (replica().await, replica().await);
    let tokens = bear(&provider).await;
    let (before, subject) = (tokens.id_token.clone(), tokens.subject.clone());
    let refresh_token = tokens.refresh_token.clone().unwrap();
    let id = one
        .create(almost_over(tokens), Timestamp::now())
        .await
        .unwrap();
    let calls = [&one, &other].repeat(4);
    let calls = calls.into_iter().map(|replica| replica.fresh(&id));
    let tokens: BTreeSet<String> = join_all(calls)
        .await
        .into_iter()
        .map(|session| session.unwrap().expect("the session goes on").id_token)
        .collect();
    assert!(
        tokens.len() == 1 && !tokens.contains(&before),
        "{} tokens",
        tokens.len()
    );
    // The control: Keycloak refuses a second use, which would have ended the session.
    let again = provider.refresh(refresh_token, &subject).await;
    assert!(matches!(again, Err(OidcError::Refused { .. })));
    one.end(&id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_taken_once_and_by_the_browser_that_began_it() {
    let (sessions, provider) = replica().await;
    let begin = async || {
        let challenge = provider.challenge().await.unwrap();
        let began = sessions.begin(&challenge, "browser", "/".to_owned()).await;
        began.unwrap();
        challenge.state
    };
    let state = begin().await;
    let taken = join_all((0..4).map(|_| sessions.take_login(&state, "browser"))).await;
    let taken = taken
        .into_iter()
        .filter(|login| login.as_ref().unwrap().is_some());
    assert_eq!(taken.count(), 1);
    let again = sessions.take_login(&state, "browser").await.unwrap();
    assert!(again.is_none());
    let state = begin().await;
    let stolen = sessions.take_login(&state, "another").await.unwrap();
    assert!(stolen.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_token() {
    let (sessions, provider) = replica().await;
    let now = Timestamp::now();
    let with = |tokens: Tokens, seconds: i64, refresh_token: Option<&str>| Tokens {
        id_expires: now.as_second() + seconds,
        refresh_token: refresh_token.map(str::to_owned),
        ..tokens
    };
    // The control: without a refresh token a session lasts as long as its token.
    for (seconds, refresh_token, is_there) in [
        (60, None, true),
        (-1, None, false),
        (10, Some("nonsense"), false),
    ] {
        let tokens = with(bear(&provider).await, seconds, refresh_token);
        let id = sessions.create(tokens, now).await.unwrap();
        let found = sessions.fresh(&id).await.unwrap();
        assert_eq!(found.is_some(), is_there, "{seconds} {refresh_token:?}");
        assert_eq!(sessions.end(&id).await.unwrap().is_some(), is_there);
    }
}
