use serde_json::{Value, json};
use tenantry_events::{Wake, consume};
use tenantry_showback::consume::{Ownership, spec};
use tenantry_testkit::{Database, TestStream, eventually};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{database, pulse};

/// 2026-11-24T10:00:00Z.
const TEN_S: i64 = 1_795_514_400;

/// A tenant service that is a pencil: it writes the events the real one would.
struct Tenants {
    stream: TestStream,
    tenant_uid: Uuid,
    namespace_uid: Uuid,
}

impl Tenants {
    async fn namespace(&self, kind: &str, revision: i64, minute: i64) {
        self.namespace_of(self.tenant_uid, (kind, revision, minute))
            .await;
    }

    async fn namespace_of(&self, tenant_uid: Uuid, (kind, revision, minute): (&str, i64, i64)) {
        let namespace = json!({
            "tenant": "logistics", "tenantUid": tenant_uid,
            "namespace": "logistics-dev", "namespaceUid": self.namespace_uid,
        });
        let data = json!({ "namespace": namespace });
        self.publish(
            "namespace",
            self.namespace_uid,
            (kind, revision, minute),
            data,
        )
        .await;
    }

    async fn deleted(&self, minute: i64) {
        let data = json!({ "tenant": { "name": "logistics", "uid": self.tenant_uid } });
        self.publish(
            "tenant",
            self.tenant_uid,
            ("TenantDeleted", 9, minute),
            data,
        )
        .await;
    }

    async fn publish(
        &self,
        noun: &str,
        uid: Uuid,
        (kind, revision, minute): (&str, i64, i64),
        data: Value,
    ) {
        let time = jiff::Timestamp::from_second(TEN_S + minute * 60).unwrap();
        let event = json!({
            "specversion": "1.0", "id": Uuid::now_v7(), "source": "tenantry/tenant",
            "type": format!("dev.tenantry.tenant.v1.{kind}"), "subject": format!("{noun}/x"), "time": time,
            "datacontenttype": "application/json", "uid": uid, "revision": revision,
            "actor": "system:tenantry-tenant", "data": data,
        });
        let subject = format!("{}.tenant.v1.{noun}.{uid}", self.stream.spec.prefix);
        let published = self
            .stream
            .context
            .publish(subject, event.to_string().into())
            .await;
        published.unwrap().await.unwrap();
    }
}

#[allow(clippy::disallowed_methods, reason = "a test supervises its own tasks")]
async fn start() -> (Database, Tenants, CancellationToken) {
    let (database, _store) = database().await;
    let stream = TestStream::create().await;
    let token = CancellationToken::new();
    let consuming = consume(
        stream.bus(),
        database.pool.clone(),
        spec(),
        Ownership,
        Wake::default(),
        pulse(),
        token.clone(),
    );
    tokio::spawn(consuming);
    let tenants = Tenants {
        stream,
        tenant_uid: Uuid::new_v4(),
        namespace_uid: Uuid::new_v4(),
    };
    (database, tenants, token)
}

/// Waits for the intervals `[from, to)` in minutes after ten.
async fn expect(database: &Database, expected: &[(i64, Option<i64>)]) {
    eventually("the intervals", || async {
        let rows: Vec<(i64, Option<i64>)> = sqlx::query_as(
            "SELECT (from_s - $1) / 60, (to_s - $1) / 60 FROM ownership_interval ORDER BY from_revision",
        )
        .bind(TEN_S)
        .fetch_all(&database.pool)
        .await
        .unwrap();
        if rows == expected { Ok(()) } else { Err(rows) }
    })
    .await;
}

#[tokio::test]
async fn a_namespace_is_owned_until_it_is_released() {
    let (database, tenants, token) = start().await;
    tenants.namespace("NamespaceCreated", 1, 0).await;
    expect(&database, &[(0, None)]).await;
    tenants.namespace("NamespaceReleased", 2, 5).await;
    tenants.namespace("NamespaceCreated", 3, 7).await;
    expect(&database, &[(0, Some(5)), (7, None)]).await;
    token.cancel();
}

#[tokio::test]
async fn a_release_that_overtakes_waits_for_its_beginning() {
    let (database, tenants, token) = start().await;
    tenants.namespace("NamespaceReleased", 2, 5).await;
    tenants.namespace("NamespaceCreated", 1, 0).await;
    expect(&database, &[(0, Some(5))]).await;
    token.cancel();
}

#[tokio::test]
async fn a_namespace_that_changed_hands_is_not_released_by_its_first_owner() {
    let (database, tenants, token) = start().await;
    let second = Uuid::new_v4();
    tenants.namespace("NamespaceCreated", 1, 0).await;
    tenants
        .namespace_of(second, ("NamespaceCreated", 2, 4))
        .await;
    tenants.namespace("NamespaceReleased", 3, 5).await;
    expect(&database, &[(0, Some(4)), (4, None)]).await;
    tenants
        .namespace_of(second, ("NamespaceReleased", 4, 9))
        .await;
    expect(&database, &[(0, Some(4)), (4, Some(9))]).await;
    token.cancel();
}

#[tokio::test]
async fn a_deleted_tenant_owns_nothing_whatever_comes_late() {
    let (database, tenants, token) = start().await;
    tenants.namespace("NamespaceCreated", 1, 0).await;
    tenants.deleted(5).await;
    expect(&database, &[(0, Some(5))]).await;
    tenants.namespace("NamespaceReleased", 2, 6).await;
    tenants.namespace("NamespaceCreated", 3, 3).await;
    expect(&database, &[(0, Some(5)), (5, Some(5))]).await;
    let letters: i64 = sqlx::query_scalar("SELECT count(*) FROM events.dead_letter")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(letters, 0);
    token.cancel();
}

#[tokio::test]
async fn an_event_that_cannot_be_true_is_kept_apart() {
    let (database, tenants, token) = start().await;
    let data = json!({ "namespace": { "tenant": "No Such", "namespaceUid": Uuid::new_v4(), "tenantUid": Uuid::new_v4() } });
    tenants
        .publish(
            "namespace",
            Uuid::new_v4(),
            ("NamespaceCreated", 1, 0),
            data,
        )
        .await;
    eventually("a dead letter", || async {
        let letters: Vec<String> = sqlx::query_scalar("SELECT error FROM events.dead_letter")
            .fetch_all(&database.pool)
            .await
            .unwrap();
        if letters.len() == 1 {
            Ok(())
        } else {
            Err(letters)
        }
    })
    .await;
    expect(&database, &[]).await;
    token.cancel();
}
