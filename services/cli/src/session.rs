//! What every command works with: settings, output, the time, and the services, each connected when first needed.

use jiff::Timestamp;
use tenantry_proto::{
    audit::v1::audit_service_client::AuditServiceClient,
    identity::v1::identity_service_client::IdentityServiceClient,
    showback::v1::showback_service_client::ShowbackServiceClient,
    tenant::v1::tenant_service_client::TenantServiceClient,
};
use tokio::sync::OnceCell;
use tonic::{
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

use crate::{
    args::Settings,
    error::Error,
    output::Output,
    service::{self, Line, REPLY_BYTES_MAX, Service},
    token,
};

/// The services that have an address and an event log, in the order of the river.
pub(crate) const SERVICES: [&str; 3] = ["identity", "tenant", "showback"];

/// What every command works with.
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) out: Output,
    pub(crate) now: Timestamp,
    token: OnceCell<MetadataValue<Ascii>>,
}

impl Session {
    pub(crate) fn new(settings: Settings, now: Timestamp) -> Self {
        let out = Output::new(&settings);
        Self {
            settings,
            out,
            now,
            token: OnceCell::new(),
        }
    }

    pub(crate) async fn identity(&self) -> Result<Service<IdentityServiceClient<Channel>>, Error> {
        let (channel, line) = self.connect("identity").await?;
        Ok(Service::new(
            IdentityServiceClient::new(channel).max_decoding_message_size(REPLY_BYTES_MAX),
            line,
        ))
    }

    pub(crate) async fn tenant(&self) -> Result<Service<TenantServiceClient<Channel>>, Error> {
        let (channel, line) = self.connect("tenant").await?;
        Ok(Service::new(
            TenantServiceClient::new(channel).max_decoding_message_size(REPLY_BYTES_MAX),
            line,
        ))
    }

    pub(crate) async fn showback(&self) -> Result<Service<ShowbackServiceClient<Channel>>, Error> {
        let (channel, line) = self.connect("showback").await?;
        Ok(Service::new(
            ShowbackServiceClient::new(channel).max_decoding_message_size(REPLY_BYTES_MAX),
            line,
        ))
    }

    /// The audit of one of [`SERVICES`].
    pub(crate) async fn audit(
        &self,
        service: &'static str,
    ) -> Result<Service<AuditServiceClient<Channel>>, Error> {
        let (channel, line) = self.connect(service).await?;
        Ok(Service::new(
            AuditServiceClient::new(channel).max_decoding_message_size(REPLY_BYTES_MAX),
            line,
        ))
    }

    /// The configured address of one of [`SERVICES`].
    pub(crate) fn url(&self, service: &'static str) -> Result<&str, Error> {
        let configured = match service {
            "identity" => &self.settings.identity_url,
            "tenant" => &self.settings.tenant_url,
            _ => &self.settings.showback_url,
        };
        configured
            .as_deref()
            .filter(|url| !url.is_empty())
            .ok_or(Error::AddressMissing { service })
    }

    async fn connect(&self, service: &'static str) -> Result<(Channel, Line), Error> {
        let url = self.url(service)?.to_owned();
        let channel = service::channel(service, &url, &self.settings)?;
        let token = self
            .token
            .get_or_try_init(|| self.fetch_token())
            .await?
            .clone();
        Ok((
            channel,
            Line {
                service,
                url,
                token,
                timeout: self.settings.timeout,
            },
        ))
    }

    async fn fetch_token(&self) -> Result<MetadataValue<Ascii>, Error> {
        let config = token::kubeconfig(&self.settings).await?;
        let header = token::bearer(&config, self.context()).await?;
        let mut value =
            MetadataValue::try_from(header.as_bytes()).map_err(|source| token::Error::Obtain {
                context: self.context().to_owned(),
                source: source.into(),
            })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// How messages call the context in use.
    fn context(&self) -> &str {
        self.settings
            .context
            .as_deref()
            .unwrap_or("the current context")
    }
}
