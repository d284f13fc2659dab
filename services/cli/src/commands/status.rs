//! `tenantry status`: health of the services, as Kubernetes' own probes see it.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tonic::{Code, Request, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    error::Error,
    service,
    session::{SERVICES, Session},
    view::{Column, View},
};

/// Health of the services.
#[derive(Debug, Args)]
pub struct Command {}

/// Health of one service.
#[derive(Serialize)]
struct Health {
    service: &'static str,
    status: String,
    url: String,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Error> {
        let mut services = Vec::new();
        let mut failures = Vec::new();
        for checked in
            futures::future::join_all(SERVICES.map(|service| check(session, service))).await
        {
            let (health, failure) = checked;
            services.push(health);
            failures.extend(failure);
        }
        session.out.show(&services, &view(&services))?;
        if failures.is_empty() {
            Ok(())
        } else {
            Err(Error::Incomplete { failures })
        }
    }
}

async fn check(session: &Session, service: &'static str) -> (Health, Option<Error>) {
    let url = session.url(service).unwrap_or_default().to_owned();
    match ask(session, service).await {
        Ok(status) => (
            Health {
                service,
                status: word(status).to_owned(),
                url,
            },
            trouble(service, status),
        ),
        Err(failure) => (
            Health {
                service,
                status: "UNREACHABLE".to_owned(),
                url,
            },
            Some(failure),
        ),
    }
}

/// Asks without a token: health is for probes, which have none.
async fn ask(session: &Session, service: &'static str) -> Result<ServingStatus, Error> {
    let url = session.url(service)?.to_owned();
    let channel = service::channel(service, &url, &session.settings)?;
    let timeout = session.settings.timeout.min(Duration::from_secs(5));
    let reply = tokio::time::timeout(timeout, probe(service, channel))
        .await
        .map_err(|_elapsed| Error::Timeout {
            service,
            timeout_seconds: timeout.as_secs().to_string(),
        })?;
    reply.map_err(|status| unhealthy(service, url, status))
}

/// Whatever the answer was, it is not a service that serves: unavailable.
fn unhealthy(service: &'static str, url: String, status: tonic::Status) -> Error {
    let status = match status.code() {
        Code::NotFound | Code::Unimplemented => {
            tonic::Status::unavailable(format!("what answers there is not the {service} service"))
        }
        _ => status,
    };
    let request_id = String::new();
    Error::Rpc {
        service,
        url,
        request_id,
        status: Box::new(status),
    }
}

async fn probe(service: &str, channel: Channel) -> Result<ServingStatus, tonic::Status> {
    // By the name of its gRPC service, which is serving only while its loops go round.
    let service = match service {
        "identity" => "tenantry.identity.v1.IdentityService",
        "tenant" => "tenantry.tenant.v1.TenantService",
        _ => "tenantry.showback.v1.ShowbackService",
    };
    let request = Request::new(HealthCheckRequest {
        service: service.to_owned(),
    });
    Ok(HealthClient::new(channel)
        .check(request)
        .await?
        .into_inner()
        .status())
}

fn trouble(service: &'static str, status: ServingStatus) -> Option<Error> {
    if status == ServingStatus::Serving {
        return None;
    }
    let status = Box::new(tonic::Status::unavailable(format!(
        "the {service} service is {}",
        word(status)
    )));
    Some(Error::Rpc {
        service,
        url: String::new(),
        request_id: String::new(),
        status,
    })
}

fn word(status: ServingStatus) -> &'static str {
    status.as_str_name()
}

fn view(services: &[Health]) -> View {
    View {
        columns: vec![
            Column::text("SERVICE"),
            Column::text("STATUS"),
            Column::text("URL"),
        ],
        rows: services
            .iter()
            .map(|health| {
                vec![
                    health.service.to_owned(),
                    health.status.clone(),
                    health.url.clone(),
                ]
            })
            .collect(),
        names: services
            .iter()
            .map(|health| format!("service/{}", health.service))
            .collect(),
        empty: String::new(),
    }
}
