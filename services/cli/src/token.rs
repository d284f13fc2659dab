//! The caller's own bearer token, as kubectl would send it.

use std::fs;

use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use kube::{
    Config,
    client::{Body, ConfigExt as _},
    config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use tower::{BoxError, Layer as _, ServiceExt as _, service_fn};

use crate::args::Settings;

/// Why there is no token to send.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig cannot be read, or lacks the context.
    #[error("reading the kubeconfig")]
    Kubeconfig(#[source] Box<KubeconfigError>),
    /// The user proves itself by a client certificate, which only the apiserver can check.
    #[error(
        "the kubeconfig user of {context} has a client certificate and no token, which Tenantry's services cannot check"
    )]
    ClientCertificate {
        /// Context in use.
        context: String,
    },
    /// The user has a password and no token.
    #[error("the kubeconfig user of {context} has a password and no token")]
    Basic {
        /// Context in use.
        context: String,
    },
    /// The user has no credential at all.
    #[error("the kubeconfig user of {context} has no token")]
    Absent {
        /// Context in use.
        context: String,
    },
    /// The user's token file cannot be read.
    #[error("reading the token file {path}")]
    TokenFile {
        /// Which file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The exec plugin failed.
    #[error("getting a token for {context}")]
    Obtain {
        /// Context in use.
        context: String,
        /// What it said.
        #[source]
        source: BoxError,
    },
}

/// The kubeconfig in effect, found as kubectl finds it.
pub(crate) async fn kubeconfig(settings: &Settings) -> Result<Config, Error> {
    let options = KubeConfigOptions {
        context: settings.context.clone(),
        ..Default::default()
    };
    let boxed = |error| Error::Kubeconfig(Box::new(error));
    let mut config = match &settings.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(boxed)?;
            Config::from_custom_kubeconfig(file, &options)
                .await
                .map_err(boxed)?
        }
        None => Config::from_kubeconfig(&options).await.map_err(boxed)?,
    };
    read_token_file(&mut config.auth_info)?;
    Ok(config)
}

/// A token file wins over an inline token and may end in a newline, as in kubectl; kube does neither.
fn read_token_file(user: &mut AuthInfo) -> Result<(), Error> {
    if let Some(path) = user.token_file.take() {
        let text = fs::read_to_string(&path).map_err(|source| Error::TokenFile { path, source })?;
        user.token = Some(text.trim().to_owned().into());
    }
    Ok(())
}

/// The value of the `authorization` header: static token, token file or exec plugin, whichever the user has.
///
/// Rides through kube's own authentication layer, so that plugins behave exactly as in other kube clients.
pub(crate) async fn bearer(config: &Config, context: &str) -> Result<HeaderValue, Error> {
    let obtain = |source: BoxError| Error::Obtain {
        context: context.to_owned(),
        source,
    };
    let asked = config.clone();
    // An exec plugin blocks, perhaps until somebody has logged in with a browser.
    let layer = tokio::task::spawn_blocking(move || asked.auth_layer())
        .await
        .map_err(|error| obtain(error.into()))?
        .map_err(|error| obtain(error.into()))?
        .ok_or_else(|| without_token(&config.auth_info, context))?;
    let catcher = service_fn(|request: Request<Body>| async move {
        Ok::<_, BoxError>(Response::new(request.headers().get(AUTHORIZATION).cloned()))
    });
    let caught = layer
        .layer(catcher)
        .oneshot(Request::new(Body::empty()))
        .await
        .map_err(obtain)?;
    match caught.into_body() {
        Some(value) if value.as_bytes().starts_with(b"Basic ") => Err(Error::Basic {
            context: context.to_owned(),
        }),
        Some(value) => Ok(value),
        None => Err(without_token(&config.auth_info, context)),
    }
}

fn without_token(user: &AuthInfo, context: &str) -> Error {
    let context = context.to_owned();
    let is_certificate = user.client_certificate.is_some()
        || user.client_certificate_data.is_some()
        || user.exec.is_some();
    if is_certificate {
        Error::ClientCertificate { context }
    } else {
        Error::Absent { context }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn header(user: &str) -> Result<HeaderValue, Error> {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1'}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {user}}}]\n"
        );
        let mut config = Config::from_custom_kubeconfig(
            Kubeconfig::from_yaml(&text).unwrap(),
            &KubeConfigOptions::default(),
        )
        .await
        .unwrap();
        read_token_file(&mut config.auth_info)?;
        bearer(&config, "c").await
    }

    #[tokio::test]
    async fn a_static_token_is_sent() {
        assert_eq!(header("{token: abc}").await.unwrap(), "Bearer abc");
    }

    #[tokio::test]
    async fn a_token_file_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from-file\n").unwrap();
        assert_eq!(
            header(&format!("{{tokenFile: '{}'}}", file.path().display()))
                .await
                .unwrap(),
            "Bearer from-file"
        );
    }

    #[tokio::test]
    async fn an_exec_plugin_is_run() {
        let reply = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"k8s-aws-v1.x"}}"#;
        let user = format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: echo, args: ['{reply}']}}}}"
        );
        assert_eq!(header(&user).await.unwrap(), "Bearer k8s-aws-v1.x");
    }

    #[tokio::test]
    async fn a_client_certificate_is_refused_by_name() {
        let error = header("{client-certificate-data: YQ==, client-key-data: YQ==}")
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::ClientCertificate { .. }),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_failing_plugin_is_told() {
        let error = header("{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: 'false'}}").await.unwrap_err();
        assert!(matches!(error, Error::Obtain { .. }), "{error:?}");
    }
}
