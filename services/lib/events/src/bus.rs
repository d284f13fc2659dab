use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::Arc,
    time::Duration,
};

use async_nats::{ConnectOptions, ServerAddr, jetstream};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;

use crate::stream::{StreamSpec, differences};

/// Longest wait for one answer of JetStream.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Where NATS is and who we are there.
#[derive(Debug, Clone, Args)]
pub struct NatsConfig {
    /// URL of NATS; `tls://` outside one machine. It may carry a password.
    #[arg(long, env = "TENANTRY_NATS_URL", hide_env_values = true)]
    pub nats_url: SecretString,
    /// File with the nkey seed of this service.
    #[arg(long, env = "TENANTRY_NATS_NKEY_FILE")]
    pub nats_nkey_file: Option<PathBuf>,
}

impl NatsConfig {
    /// Whether the URL insists on TLS.
    pub fn is_tls(&self) -> bool {
        self.nats_url.expose_secret().starts_with("tls://")
    }

    /// Connects with the nkey, else with what the URL carries.
    ///
    /// Errors: `BusError::Nkey` or `BusError::Connect`.
    pub async fn connect(&self) -> Result<async_nats::Client, BusError> {
        self.connect_with(ConnectOptions::new()).await
    }

    /// Connects as `service`, which hears replies in an inbox of its own.
    async fn connect_as(&self, service: &str) -> Result<async_nats::Client, BusError> {
        let inbox = format!("_INBOX.{service}");
        let options = ConnectOptions::new().custom_inbox_prefix(inbox);
        self.connect_with(options).await
    }

    async fn connect_with(&self, options: ConnectOptions) -> Result<async_nats::Client, BusError> {
        let options = options
            .connection_timeout(ANSWER_MAX)
            .request_timeout(Some(ANSWER_MAX))
            .event_callback(
                |event| async move { tracing::info!(%event, "NATS connection changed.") },
            );
        let address = ServerAddr::from_str(self.nats_url.expose_secret()).map_err(BusError::Url)?;
        let options = match (&self.nats_nkey_file, address.has_user_pass()) {
            (Some(path), _) => options.nkey(seed(path)?),
            // The client itself takes no credentials out of a URL.
            (None, true) => options.user_and_password(
                address.username().unwrap_or_default().to_owned(),
                address.password().unwrap_or_default().to_owned(),
            ),
            (None, false) => options,
        };
        options.connect(address).await.map_err(BusError::Connect)
    }
}

fn seed(path: &Path) -> Result<String, BusError> {
    let text = std::fs::read_to_string(path).map_err(|source| BusError::Nkey {
        path: path.to_owned(),
        source,
    })?;
    Ok(text.trim().to_owned())
}

/// Why the stream cannot be used now. Everything here may pass.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The nkey file cannot be read.
    #[error("reading the nkey in {path}")]
    Nkey {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The URL is none.
    #[error("reading TENANTRY_NATS_URL")]
    Url(#[source] std::io::Error),
    /// NATS does not answer or does not let us in.
    #[error("connecting to NATS")]
    Connect(#[source] async_nats::ConnectError),
    /// The stream is absent or cannot be read.
    #[error("reading stream {name}; apply it with tenantry-stream")]
    Stream {
        /// Name of the stream.
        name: String,
        /// What JetStream says.
        #[source]
        source: jetstream::context::GetStreamError,
    },
    /// The stream is not the declared one: using it could lose history.
    #[error(
        "stream {name} differs from its declaration in {fields}; put it right with the nats CLI"
    )]
    Differs {
        /// Name of the stream.
        name: String,
        /// Fields that differ.
        fields: String,
    },
}

/// The stream, connected when it is first used and asserted against its declaration. Clones share the connection.
#[derive(Clone)]
pub struct Bus {
    config: Arc<NatsConfig>,
    service: Option<&'static str>,
    pub(crate) spec: Arc<StreamSpec>,
    client: Arc<OnceCell<async_nats::Client>>,
}

/// The asserted stream.
pub(crate) struct Stream {
    pub(crate) context: jetstream::Context,
    pub(crate) handle: jetstream::stream::Stream,
}

impl Stream {
    /// Which life of the stream this is: its creation time. A rebuilt stream counts its sequence anew.
    pub(crate) fn generation(&self) -> String {
        self.handle
            .cached_info()
            .created
            .unix_timestamp_nanos()
            .to_string()
    }
}

impl Bus {
    /// The stream of the installation, as `service` sees it.
    pub fn lazy(service: &'static str, config: &NatsConfig) -> Self {
        Self {
            service: Some(service),
            ..Self::with_stream(config, StreamSpec::default())
        }
    }

    /// A stream of one's own, as tests have.
    pub fn with_stream(config: &NatsConfig, spec: StreamSpec) -> Self {
        Self {
            config: Arc::new(config.clone()),
            service: None,
            spec: Arc::new(spec),
            client: Arc::default(),
        }
    }

    /// Connects if need be and asserts the stream.
    pub(crate) async fn stream(&self) -> Result<Stream, BusError> {
        let client = self.client.get_or_try_init(|| self.connect()).await?;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(ANSWER_MAX);
        let name = &self.spec.name;
        let handle = context
            .get_stream(name)
            .await
            .map_err(|source| BusError::Stream {
                name: name.clone(),
                source,
            })?;
        let differing = differences(&self.spec.declared(), &handle.cached_info().config);
        if differing.is_empty() {
            return Ok(Stream { context, handle });
        }
        Err(BusError::Differs {
            name: name.clone(),
            fields: differing.join(", "),
        })
    }

    async fn connect(&self) -> Result<async_nats::Client, BusError> {
        match self.service {
            Some(service) => self.config.connect_as(service).await,
            None => self.config.connect().await,
        }
    }
}
