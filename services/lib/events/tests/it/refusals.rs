use std::time::Duration;

use sqlx::PgPool;
use tenantry_events::Wake;
use tenantry_runtime::auth::{Access, Auth};
use tenantry_testkit::{eventually, stack};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request};
use uuid::Uuid;

use crate::support::{commit, fact, places, start_relay};

const COMMAND: Duration = Duration::from_secs(20);

async fn client() -> kube::Client {
    let file = kube::config::Kubeconfig::read_from(stack().kubeconfig("admin")).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(file, &options).await;
    kube::Client::try_from(config.unwrap()).unwrap()
}

/// A call of an account that may nothing.
fn outsider() -> Request<()> {
    let line = "create token default -n default --audience tenantry";
    let create = stack().kubectl().args(line.split(' '));
    let token = create.run(COMMAND).unwrap();
    let mut request = Request::new(());
    let value = format!("Bearer {}", token.trim()).parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// Tenant and data of each refusal, in order of recording.
async fn recorded(pool: &PgPool) -> Vec<(Option<String>, serde_json::Value)> {
    let rows = sqlx::query_as(
        "SELECT tenant, data -> 'refusal' FROM events.event WHERE kind = 'RequestRefused'",
    );
    rows.fetch_all(pool).await.unwrap()
}

#[tokio::test]
async fn whatever_a_refused_caller_names_reaches_the_stream_and_holds_nobody_up() {
    let (database, stream) = places().await;
    let (refused, refusals) = mpsc::channel(16);
    let auth = Auth::new(client().await, refused);
    let call = outsider();
    let names = ["n".repeat(2_000_000), "a\0b".into(), "logistics".into()];
    for name in names {
        let right = Access::tenancy("get", "tenants").named(name);
        let denied = auth.require(&call, right).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied);
        assert!(denied.message().len() < 2000);
    }
    let quota = Access::tenancy("get", "quotas").named("logistics");
    auth.require(&call, quota).await.unwrap_err();
    auth.caller(&Request::new(())).await.unwrap_err();

    let (wake, token) = (Wake::default(), CancellationToken::new());
    token.cancel();
    let pool = database.pool.clone();
    drop(auth);
    tenantry_events::refusals(refusals, pool.clone(), wake, token)
        .await
        .unwrap();
    commit(&pool, &fact(Uuid::new_v4(), 1)).await;
    let running = start_relay(stream.bus(), pool.clone());
    eventually("the refusals and the event after them", || async {
        let messages = stream.messages().await;
        (messages == 6).then_some(()).ok_or(messages)
    })
    .await;
    running.token.cancel();
    let found = recorded(&pool).await;
    let said = |subject: &str, tenant: Option<&str>, reason: &str| {
        found.iter().any(|(concerned, data)| {
            data.get("subject")
                .and_then(|text| text.as_str())
                .unwrap_or_default()
                == subject
                && concerned.as_deref() == tenant
                && data["reason"] == reason
        })
    };
    let long = "n".repeat(253);
    assert!(said(&long, None, "PERMISSION_DENIED"), "{found:?}");
    assert!(said("ab", None, "PERMISSION_DENIED"), "{found:?}");
    assert!(
        said("logistics", Some("logistics"), "PERMISSION_DENIED"),
        "{found:?}"
    );
    assert!(said("logistics", None, "PERMISSION_DENIED"), "{found:?}");
    assert!(said("", None, "TOKEN_MISSING"), "{found:?}");
}
