use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use tenantry_domain::Refusal;
use tenantry_events::Wake;
use tenantry_proto::showback::v1::{
    GetCostReportRequest, GetCostReportResponse, GroupBy, ListPricesRequest,
    showback_service_server::ShowbackService as _,
};
use tenantry_runtime::auth::Auth;
use tenantry_showback::{
    grpc::{REPORTS_MAX, Showback},
    meter::{self, Hearing, Meter},
    store::{Owned, Store},
};
use tenantry_testkit::{ControlPlane, Database, Nodes, eventually};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::support::{book, database, facts, fingerprint, pulse};

const COMMAND: Duration = Duration::from_secs(60);

const RBAC: &str = include_str!("../../../../deploy/rbac/showback.yaml");
const HOME: &str =
    "{apiVersion: v1, kind: Namespace, metadata: {name: multi-tenant-operator}}\n---\n";

/// Who may read whose cost: `chief` all, `falcon` logistics only.
const PEOPLE: &str = "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: chief, namespace: default}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: falcon, namespace: default}}
- {apiVersion: v1, kind: Namespace, metadata: {name: logistics-dev}}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRole
  metadata: {name: chief}
  rules:
  - {apiGroups: [tenantoperator.stakater.com], resources: [tenants/cost], verbs: [get, list]}
  - {apiGroups: [tenantry.dev], resources: [pricebooks], verbs: [get]}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRole
  metadata: {name: falcon}
  rules:
  - {apiGroups: [tenantoperator.stakater.com], resources: [tenants/cost], verbs: [get], resourceNames: [logistics]}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRoleBinding
  metadata: {name: chief}
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: chief}
  subjects: [{kind: ServiceAccount, name: chief, namespace: default}]
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRoleBinding
  metadata: {name: falcon}
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: falcon}
  subjects: [{kind: ServiceAccount, name: falcon, namespace: default}]
";

/// A cluster of its own, metered into a database of its own.
struct Place {
    plane: ControlPlane,
    database: Database,
    store: Store,
    client: kube::Client,
}

struct Metering {
    hearing: watch::Receiver<Hearing>,
    token: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Place {
    async fn start(name: &'static str) -> Self {
        let (database, store) = database().await;
        let start = move || ControlPlane::start(&ControlPlane::directory(name), Nodes::Three);
        let plane = tokio::task::spawn_blocking(start).await.unwrap().unwrap();
        let apply = |text: &str| {
            let apply = plane.kubectl().args(["apply", "-f", "-"]);
            apply.input(text).run(COMMAND).unwrap()
        };
        apply(&format!("{HOME}{RBAC}"));
        apply(PEOPLE);
        let client = client(&plane).await;
        Self {
            plane,
            database,
            store,
            client,
        }
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        self.plane
            .kubectl()
            .args(arguments.iter().copied())
            .run(COMMAND)
            .unwrap()
            .trim()
            .to_owned()
    }

    #[allow(clippy::disallowed_methods, reason = "a test supervises its own tasks")]
    fn meter(&self) -> Metering {
        let (heard, hearing) = watch::channel(Hearing::default());
        let meter = Meter {
            client: self.client.clone(),
            store: self.store.clone(),
            wake: Wake::default(),
            pulse: pulse(),
            hearing: heard,
            clock: Timestamp::now,
        };
        let token = CancellationToken::new();
        let task = tokio::spawn(meter::run(meter, token.clone()));
        Metering {
            hearing,
            token,
            task,
        }
    }

    fn showback(&self, metering: &Metering) -> (Showback, mpsc::Receiver<Refusal>) {
        let (refused, refusals) = mpsc::channel(10);
        let showback = Showback {
            store: self.store.clone(),
            auth: Auth::new(self.client.clone(), refused),
            book: Arc::new(book()),
            hearing: metering.hearing.clone(),
            clock: Timestamp::now,
            turns: Arc::new(Semaphore::new(REPORTS_MAX)),
        };
        (showback, refusals)
    }

    /// Logistics owns its namespace from now on.
    async fn own(&self) {
        let uid = self.kubectl(&[
            "get",
            "namespace",
            "logistics-dev",
            "-o",
            "jsonpath={.metadata.uid}",
        ]);
        let owned = Owned {
            namespace_uid: uid.parse().unwrap(),
            ..crate::support::owned(Uuid::nil(), "logistics")
        };
        let mut tx = self.database.pool.begin().await.unwrap();
        let now_s = Timestamp::now().as_second();
        Store::begin_ownership(&mut tx, &owned, 1, now_s)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Waits until the pods of the namespace have `expected` intervals, as (pod, is open, is estimated).
    async fn expect(&self, expected: &[(&str, bool, bool)]) {
        eventually("the intervals", || async {
            let rows: Vec<(String, bool, bool)> = sqlx::query_as(
                "SELECT pod, end_s IS NULL, end_estimated FROM usage_interval WHERE namespace = 'logistics-dev' ORDER BY pod, start_s",
            )
            .fetch_all(&self.database.pool)
            .await
            .unwrap();
            let is_expected = rows.iter().map(|row| (row.0.as_str(), row.1, row.2)).eq(expected.iter().copied());
            if is_expected { Ok(()) } else { Err(rows) }
        })
        .await;
    }

    fn request<T>(&self, who: &str, message: T) -> Request<T> {
        let token = self.kubectl(&["create", "token", who, "--audience", "tenantry"]);
        bearing(&token, message)
    }

    fn run_pod(&self, name: &str) {
        let overrides = r#"{"spec":{"containers":[{"name":"c","image":"nginx","resources":{"requests":{"cpu":"200m","memory":"64Mi"}}}]}}"#;
        let overrides = format!("--overrides={overrides}");
        self.kubectl(&[
            "run",
            name,
            "--image=nginx",
            "-n",
            "logistics-dev",
            &overrides,
        ]);
    }
}

fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let header = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", header);
    request
}

/// A client with the rights that `deploy/rbac` gives, and no others.
async fn client(plane: &ControlPlane) -> kube::Client {
    let account = [
        "create",
        "token",
        "tenantry-showback",
        "-n",
        "multi-tenant-operator",
    ];
    let token = plane.kubectl().args(account).run(COMMAND).unwrap();
    let kubeconfig = Kubeconfig::read_from(plane.kubeconfig()).unwrap();
    let options = KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    config.auth_info = AuthInfo {
        token: Some(token.trim().into()),
        ..AuthInfo::default()
    };
    kube::Client::try_from(config).unwrap()
}

fn reason(status: &Status) -> (Code, String) {
    (
        status.code(),
        status
            .get_error_details()
            .error_info()
            .unwrap()
            .reason
            .clone(),
    )
}

fn of(tenant: &str) -> GetCostReportRequest {
    GetCostReportRequest {
        tenant: tenant.into(),
        ..GetCostReportRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_is_metered_reported_and_followed_over_a_restart() {
    let place = Place::start("showback").await;
    place.own().await;
    let metering = place.meter();

    place.run_pod("nginx");
    place.run_pod("short");
    place
        .expect(&[("nginx", true, false), ("short", true, false)])
        .await;
    place.kubectl(&[
        "delete",
        "pod",
        "short",
        "-n",
        "logistics-dev",
        "--grace-period=0",
        "--force",
    ]);
    place
        .expect(&[("nginx", true, false), ("short", false, false)])
        .await;
    let day = Timestamp::now().strftime("%Y-%m-%d");
    assert_eq!(
        facts(&place.database).await,
        [format!("CostRecorded logistics/{day}")]
    );

    rows_add_up(&place, &metering).await;
    reports_take_turns(&place, &metering).await;
    refusals_have_reasons(&place, &metering).await;

    // Killed, not stopped: what goes on while nobody looks is found again, or closed at the last proof of life.
    metering.task.abort();
    place.kubectl(&[
        "delete",
        "pod",
        "nginx",
        "-n",
        "logistics-dev",
        "--grace-period=0",
        "--force",
    ]);
    place.run_pod("while-away");
    let metering = place.meter();
    place
        .expect(&[
            ("nginx", false, true),
            ("short", false, false),
            ("while-away", true, false),
        ])
        .await;

    metering.token.cancel();
    metering.task.await.unwrap().unwrap();

    // Stopped and started again with nothing changed in between: nothing is written.
    let before = fingerprint(&place.database).await;
    let metering = place.meter();
    eventually("the lists", || async {
        metering
            .hearing
            .borrow()
            .as_of(Timestamp::now().as_second())
            .ok_or("not heard yet")
    })
    .await;
    assert_eq!(fingerprint(&place.database).await, before);
    metering.token.cancel();
    metering.task.await.unwrap().unwrap();
}

async fn rows_add_up(place: &Place, metering: &Metering) {
    let (showback, _refusals) = place.showback(metering);
    let all = eventually("a cost of logistics that is not zero", || async {
        let request = place.request("chief", of(""));
        let report = showback
            .get_cost_report(request)
            .await
            .map(report)
            .map_err(|it| it.to_string())?;
        let is_dear = report
            .rows
            .iter()
            .any(|row| row.tenant == "logistics" && row.total_cost != "0.0000000000");
        if is_dear {
            Ok(report)
        } else {
            Err(format!("{report:?}"))
        }
    })
    .await;
    let ten_billionths = |amount: &str| amount.replace('.', "").parse::<i128>().unwrap();
    let sum: i128 = all
        .rows
        .iter()
        .map(|row| ten_billionths(&row.total_cost))
        .sum();
    assert_eq!(sum, ten_billionths(&all.node_cost));
    assert_eq!(all.total_cost, all.node_cost);
    assert!(
        all.rows.iter().any(|row| row.tenant == "__idle__"),
        "{all:?}"
    );
    assert_eq!(all.usage_basis, "request_only");
    assert!(all.price_notes.is_empty(), "{:?}", all.price_notes);

    let request = GetCostReportRequest {
        end_time: all.end_time,
        group_by: vec![GroupBy::Tenant.into()],
        ..of("logistics")
    };
    let own = showback
        .get_cost_report(place.request("falcon", request))
        .await
        .map(report)
        .unwrap();
    let same = all
        .rows
        .iter()
        .find(|row| row.tenant == "logistics")
        .unwrap();
    assert_eq!(
        (own.rows.len(), &own.rows[0]),
        (1, same),
        "a filter changes nobody's share"
    );
}

/// Reports wait while as many as may are being added up; what costs nothing does not.
async fn reports_take_turns(place: &Place, metering: &Metering) {
    let (showback, _refusals) = place.showback(metering);
    let all = u32::try_from(REPORTS_MAX).unwrap();
    let turns = Arc::clone(&showback.turns);
    let taken = turns.acquire_many(all).await.unwrap();
    let mut report = Box::pin(showback.get_cost_report(place.request("chief", of(""))));
    let waited = tokio::time::timeout(Duration::from_secs(1), &mut report).await;
    assert!(waited.is_err(), "{waited:?}");
    drop(taken);
    report.await.unwrap();
    assert_eq!(showback.turns.available_permits(), REPORTS_MAX);
}

async fn refusals_have_reasons(place: &Place, metering: &Metering) {
    let (showback, mut refusals) = place.showback(metering);
    let ask = async |request| reason(&showback.get_cost_report(request).await.unwrap_err());
    let expected = |code, reason: &str| (code, reason.to_owned());

    assert_eq!(
        ask(Request::new(of(""))).await,
        expected(Code::Unauthenticated, "TOKEN_MISSING")
    );
    assert_eq!(
        ask(bearing("x", of(""))).await,
        expected(Code::Unauthenticated, "TOKEN_INVALID")
    );
    let denied = expected(Code::PermissionDenied, "PERMISSION_DENIED");
    assert_eq!(ask(place.request("falcon", of(""))).await, denied);
    assert_eq!(ask(place.request("falcon", of("retail"))).await, denied);
    assert_eq!(
        ask(place.request("falcon", of("no-such"))).await,
        denied,
        "foreign and absent look the same"
    );
    let broken = ask(place.request("chief", of("No Such"))).await;
    assert_eq!(broken, expected(Code::InvalidArgument, "FIELD_INVALID"));
    let second = |seconds| Some(pbjson_types::Timestamp { seconds, nanos: 0 });
    let reversed = GetCostReportRequest {
        start_time: second(2),
        end_time: second(1),
        ..of("")
    };
    let reversed = ask(place.request("chief", reversed)).await;
    assert_eq!(reversed, expected(Code::InvalidArgument, "WINDOW_INVALID"));
    assert!(refusals.recv().await.is_some(), "refusals are facts, too");

    let prices = showback
        .list_prices(place.request("chief", ListPricesRequest {}))
        .await
        .unwrap();
    assert_eq!(prices.get_ref().prices.len(), book().prices.len());
    let refused = showback
        .list_prices(place.request("falcon", ListPricesRequest {}))
        .await;
    assert_eq!(reason(&refused.unwrap_err()), denied);
}

fn report(
    response: tonic::Response<GetCostReportResponse>,
) -> tenantry_proto::showback::v1::CostReport {
    response.into_inner().report.unwrap()
}
