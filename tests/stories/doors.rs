use std::time::Duration;

use tenantry_testkit::{Service, stack};

use crate::support::{WITH_LOG, together};

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
