use kube::ResourceExt;
use tenantry_k8s::Tenant;
use tenantry_proto::tenant::v1::{self as proto, object_change};

use super::role;
use crate::reconcile::{
    pause,
    plan::{AccessChange, Action, Change, Excess, Forecast, Violation},
    validate::Problem,
};

/// Violations in one plan: more are counted only.
const VIOLATIONS_MAX: usize = 100;

/// What `forecast` says of `tenant`, with what changes about the resource itself first, and what would break its rules.
pub fn plan_message(
    tenant: &Tenant,
    forecast: &Forecast,
    own: Option<Change>,
    violations: Vec<Violation>,
) -> proto::TenantPlan {
    let changes = own.into_iter().chain(forecast.changes());
    let paused = pause::is_asked(&tenant.metadata).then(|| proto::PlanProblem {
        reason: "Paused".into(),
        message: "the tenant is paused: none of this happens before it is resumed".into(),
    });
    proto::TenantPlan {
        tenant: tenant.name_any(),
        changes: changes.map(|change| change_message(&change)).collect(),
        access: forecast.access().iter().map(access_message).collect(),
        deleted_namespaces: forecast.deleted_namespaces(),
        excesses: forecast
            .excesses()
            .into_iter()
            .map(excess_message)
            .collect(),
        problems: paused
            .into_iter()
            .chain(forecast.problems.iter().map(problem_message))
            .collect(),
        violations_total: i64::try_from(violations.len()).unwrap_or(i64::MAX),
        violations: violations
            .into_iter()
            .take(VIOLATIONS_MAX)
            .map(violation_message)
            .collect(),
    }
}

/// An object that would be another one.
pub fn change_message(change: &Change) -> proto::ObjectChange {
    let action = match change.action {
        Action::Create => object_change::Action::Create,
        Action::Update => object_change::Action::Update,
        Action::Delete => object_change::Action::Delete,
    };
    proto::ObjectChange {
        action: action.into(),
        kind: change.kind.clone(),
        namespace: change.namespace.clone(),
        name: change.name.clone(),
        difference: change.difference.clone(),
    }
}

fn access_message(change: &AccessChange) -> proto::AccessChange {
    let AccessChange { grant, is_gain } = change;
    proto::AccessChange {
        is_gain: *is_gain,
        namespace: grant.namespace.clone(),
        role: role(grant.role).into(),
        subject: grant.subject.name.clone(),
        is_group: grant.subject.is_group,
        cluster_roles: grant.cluster_roles.clone(),
    }
}

fn excess_message(excess: Excess) -> proto::BudgetExcess {
    proto::BudgetExcess {
        resource: excess.resource,
        hard: excess.hard,
        used: excess.used,
    }
}

fn violation_message(violation: Violation) -> proto::PlanViolation {
    proto::PlanViolation {
        kind: violation.kind.to_owned(),
        namespace: violation.namespace,
        name: violation.name,
        reasons: violation.reasons,
    }
}

fn problem_message(problem: &Problem) -> proto::PlanProblem {
    proto::PlanProblem {
        reason: problem.reason.to_owned(),
        message: problem.message.clone(),
    }
}
