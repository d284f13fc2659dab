//! What whoever is on call should know of tenants, reconciles and webhooks. Nobody's name is in it.

use kube::runtime::controller::Action;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use tenantry_k8s::Tenant;
use tokio::time::Instant;

use crate::{
    admission::verdict::Refused,
    reconcile::{build::Drift, object::Kind, pause},
    view::View,
};

const RECONCILES: &str = "tenantry_reconcile_duration_seconds";
const DRIFT: &str = "tenantry_drift_total";
const REVIEWS: &str = "tenantry_webhook_duration_seconds";
const TENANTS: &str = "tenantry_tenants";
const PAUSED: &str = "tenantry_tenants_paused";
/// Those that count tenants.
const CONDITIONS: [&str; 3] = ["Ready", "Reconciling", "Stalled"];

pub(crate) fn describe_tenants() {
    describe_gauge!(
        TENANTS,
        "Tenants with the condition; every replica tells of all."
    );
    describe_gauge!(
        PAUSED,
        "Tenants that are left alone because their annotation asks for it; every replica tells of all."
    );
    describe_histogram!(
        RECONCILES,
        "Looks at one thing, by kind and outcome: settled, again (something is under way), failed."
    );
    describe_counter!(
        DRIFT,
        "Changes by others that were put back, by kind of object."
    );
    for kind in Kind::ALL {
        counter!(DRIFT, "kind" => format!("{kind:?}")).increment(0);
    }
}

pub(crate) fn describe_reviews() {
    describe_histogram!(
        REVIEWS,
        "Answers of our webhooks, by webhook and verdict: allowed, warned, or the reason of the refusal."
    );
}

/// Times one look at a thing of `kind`.
pub(crate) async fn reconciled<E>(
    kind: &'static str,
    work: impl Future<Output = Result<Action, E>>,
) -> Result<Action, E> {
    let began = Instant::now();
    let end = work.await;
    let outcome = match &end {
        Ok(action) if *action == Action::await_change() => "settled",
        Ok(_) => "again",
        Err(_) => "failed",
    };
    histogram!(RECONCILES, "kind" => kind, "outcome" => outcome).record(began.elapsed());
    end
}

pub(crate) fn put_back(drift: &[Drift]) {
    for drift in drift {
        counter!(DRIFT, "kind" => format!("{:?}", drift.key.kind)).increment(1);
    }
}

/// Times one answer of `webhook`, which may refuse.
pub(crate) async fn reviewed<T>(
    webhook: &'static str,
    work: impl Future<Output = Result<T, Refused>>,
) -> Result<T, Refused> {
    answered(webhook, work, |end| match end {
        Ok(_) => "allowed",
        Err(refused) => refused.rule.reason(),
    })
    .await
}

/// Times one answer of `webhook`, which `verdict` names.
pub(crate) async fn answered<T>(
    webhook: &'static str,
    work: impl Future<Output = T>,
    verdict: impl FnOnce(&T) -> &'static str,
) -> T {
    let began = Instant::now();
    let end = work.await;
    let verdict = verdict(&end);
    histogram!(REVIEWS, "webhook" => webhook, "verdict" => verdict).record(began.elapsed());
    end
}

/// Tells how the tenants are.
pub fn look(view: &View) {
    let tenants = view.tenants.now().state();
    let count = |is: &dyn Fn(&Tenant) -> bool| {
        let those = tenants.iter().filter(|tenant| is(tenant)).count();
        u32::try_from(those).unwrap_or(u32::MAX)
    };
    for condition in CONDITIONS {
        gauge!(TENANTS, "condition" => condition).set(count(&|tenant| has(tenant, condition)));
    }
    gauge!(PAUSED).set(count(&|tenant| pause::is_asked(&tenant.metadata)));
}

fn has(tenant: &Tenant, condition: &str) -> bool {
    let conditions = tenant.status.iter().flat_map(|status| &status.conditions);
    conditions
        .filter(|found| found.type_ == condition)
        .any(|found| found.status == "True")
}
