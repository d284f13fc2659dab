use std::time::Duration;

use async_nats::{ConnectOptions, Event};
use tenantry_testkit::{Service, stack};
use tokio::sync::mpsc;

use crate::support::{WITH_LOG, alone, messages, together};

fn grpcurl(service: Service, args: &[&str]) -> String {
    let host = stack().url(service).replace("http://", "");
    let call = stack().grpcurl().args(["-plaintext", "-max-time", "10"]);
    let call = match args {
        [verb @ ("list" | "describe"), rest @ ..] => {
            call.args([host.as_str(), verb]).args(rest.iter().copied())
        }
        _ => call.args(["-d", args[0], &host, args[1]]),
    };
    call.run(Duration::from_secs(20)).expect("grpcurl")
}

#[tokio::test]
async fn grpcurl_lists_and_describes_each_service() {
    let _turn = together().await;
    for service in WITH_LOG {
        let listed = grpcurl(service, &["list"]);
        let own = format!("tenantry.{0}.v1.", service.name());
        for name in [
            own.as_str(),
            "tenantry.audit.v1.AuditService",
            "grpc.health.v1.Health",
        ] {
            assert!(listed.contains(name), "{}: {listed}", service.name());
        }
        assert!(
            grpcurl(service, &["describe", "tenantry.audit.v1.AuditService"])
                .contains("ListAuditEntries")
        );
    }
}

#[tokio::test]
async fn each_service_says_that_it_serves() {
    let _turn = together().await;
    for (service, name) in [
        (Service::Identity, "tenantry.identity.v1.IdentityService"),
        (Service::Tenant, "tenantry.tenant.v1.TenantService"),
        (Service::Showback, "tenantry.showback.v1.ShowbackService"),
    ] {
        for asked in [name, "", "tenantry.audit.v1.AuditService"] {
            let question = format!("{{\"service\":\"{asked}\"}}");
            let answer = grpcurl(service, &[&question, "grpc.health.v1.Health/Check"]);
            assert!(answer.contains("\"SERVING\""), "{asked}: {answer}");
        }
    }
}

/// What the server said when the service's key published to `subject`; none if it kept silent, as it does for what is allowed.
async fn refusal(service: Service, subject: &'static str) -> Option<String> {
    let seed = std::fs::read_to_string(stack().nkey_file(service)).unwrap();
    let (told, mut heard) = mpsc::channel(8);
    let options = ConnectOptions::with_nkey(seed.trim().to_owned()).event_callback(move |event| {
        let told = told.clone();
        async move {
            if let Event::ServerError(error) = event {
                told.send(error.to_string()).await.ok();
            }
        }
    });
    let client = options.connect(stack().nats_url()).await.unwrap();
    client.publish(subject, "{}".into()).await.unwrap();
    // The server answers in order, so a refusal comes before this round trip ends.
    client.flush().await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), heard.recv())
        .await
        .ok()
        .flatten()
}

#[tokio::test]
async fn a_service_speaks_for_itself_only() {
    let _turn = alone().await;
    let before = messages().await;
    for subject in [
        "evt.tenant.v1.tenant.x",
        "$JS.API.STREAM.DELETE.TENANTRY",
        "$JS.API.STREAM.PURGE.TENANTRY",
    ] {
        let refused = refusal(Service::Identity, subject)
            .await
            .unwrap_or_default()
            .to_lowercase();
        assert!(
            refused.contains("permissions violation"),
            "{subject}: {refused}"
        );
    }
    assert_eq!(messages().await, before);
    // The control: what a service needs is not refused. Its own facts are in the stream by the same key.
    assert_eq!(
        refusal(Service::Identity, "$JS.API.STREAM.INFO.TENANTRY").await,
        None
    );
}
