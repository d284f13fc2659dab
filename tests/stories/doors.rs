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

/// What a service's key does.
#[derive(Clone, Copy)]
enum Deed {
    Publish(&'static str),
    Subscribe(&'static str),
}

/// What the server said when the service's key did `deed`; none if it kept silent, as it does for what is allowed.
async fn refusal(service: Service, deed: Deed) -> Option<String> {
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
    match deed {
        Deed::Publish(subject) => client.publish(subject, "{}".into()).await.unwrap(),
        Deed::Subscribe(subject) => drop(client.subscribe(subject).await.unwrap()),
    }
    // The server answers in order, so a refusal comes before this round trip ends.
    client.flush().await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), heard.recv())
        .await
        .ok()
        .flatten()
}

async fn must_be_refused(service: Service, deed: Deed) {
    let (Deed::Publish(subject) | Deed::Subscribe(subject)) = deed;
    let refused = refusal(service, deed)
        .await
        .unwrap_or_default()
        .to_lowercase();
    assert!(
        refused.contains("permissions violation"),
        "{subject}: {refused}"
    );
}

#[tokio::test]
async fn a_service_speaks_for_itself_only() {
    let _turn = alone().await;
    let before = messages().await;
    for subject in [
        "evt.tenant.v1.tenant.x",
        "$JS.API.STREAM.DELETE.TENANTRY",
        "$JS.API.STREAM.PURGE.TENANTRY",
        "$JS.API.CONSUMER.DELETE.TENANTRY.showback-ownership",
        "$JS.API.CONSUMER.MSG.NEXT.TENANTRY.showback-ownership",
    ] {
        must_be_refused(Service::Identity, Deed::Publish(subject)).await;
    }
    must_be_refused(
        Service::Showback,
        Deed::Publish("$JS.API.CONSUMER.DELETE.TENANTRY.showback-ownership"),
    )
    .await;
    assert_eq!(messages().await, before);
    // The controls: what a service needs is not refused. Its own facts are in the stream by the same key.
    for (service, subject) in [
        (Service::Identity, "$JS.API.STREAM.INFO.TENANTRY"),
        (
            Service::Showback,
            "$JS.API.CONSUMER.INFO.TENANTRY.showback-ownership",
        ),
    ] {
        assert_eq!(refusal(service, Deed::Publish(subject)).await, None);
    }
}

#[tokio::test]
async fn a_service_hears_its_own_replies_only() {
    let _turn = together().await;
    for inbox in ["_INBOX.showback.>", "_INBOX.>", "evt.>"] {
        must_be_refused(Service::Identity, Deed::Subscribe(inbox)).await;
    }
    // The control: its own inbox is open to it.
    let own = Deed::Subscribe("_INBOX.identity.>");
    assert_eq!(refusal(Service::Identity, own).await, None);
}
