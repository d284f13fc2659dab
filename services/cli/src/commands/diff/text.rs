//! Plans for people.

use std::fmt::Write as _;

use tenantry_proto::tenant::v1::{
    AccessChange, BudgetExcess, ObjectChange, PlanViolation, TenantPlan, object_change::Action,
};

use crate::commands::tenant::past;

/// Plans one after the other: each object as a unified diff, then who gains and loses.
pub(crate) fn plan(plans: &[TenantPlan]) -> String {
    plans.iter().map(one).collect()
}

fn one(plan: &TenantPlan) -> String {
    let mut text = changes(&plan.changes);
    for namespace in &plan.deleted_namespaces {
        let _ = writeln!(
            text,
            "! namespace {namespace} would be deleted with everything in it"
        );
    }
    for change in &plan.access {
        let _ = writeln!(text, "{}", access(change));
    }
    for excess in &plan.excesses {
        let _ = writeln!(text, "{}", over(&plan.tenant, excess));
    }
    for violation in &plan.violations {
        let _ = writeln!(text, "{}", broken(violation));
    }
    let told = i64::try_from(plan.violations.len()).unwrap_or(i64::MAX);
    if plan.violations_total > told {
        let more = plan.violations_total - told;
        let _ = writeln!(text, "! and {more} more like these");
    }
    text
}

/// Objects as unified diffs.
pub(crate) fn changes(changes: &[ObjectChange]) -> String {
    changes
        .iter()
        .map(|change| format!("# {} {}\n{}", word(change), name(change), change.difference))
        .collect()
}

/// `kind/name`, as kubectl writes it, with the namespace where there is one.
pub(crate) fn name(change: &ObjectChange) -> String {
    let kind = change.kind.to_lowercase();
    if change.namespace.is_empty() {
        return format!("{kind}/{}", change.name);
    }
    format!("{kind}/{} -n {}", change.name, change.namespace)
}

fn word(change: &ObjectChange) -> &'static str {
    match change.action() {
        Action::Create => "create",
        Action::Update => "change",
        Action::Delete => "delete",
        Action::Unspecified => "touch",
    }
}

fn access(change: &AccessChange) -> String {
    let (sign, verb) = if change.is_gain {
        ('+', "gains")
    } else {
        ('-', "loses")
    };
    format!(
        "{sign} {} {verb} {} in {} ({})",
        past::subject(change.is_group, &change.subject),
        past::role(change.role()),
        change.namespace,
        change.cluster_roles.join(", ")
    )
}

fn over(tenant: &str, excess: &BudgetExcess) -> String {
    let BudgetExcess {
        resource,
        hard,
        used,
    } = excess;
    format!(
        "! {tenant} uses {used} {resource}, and would have {hard}: what there is stays, no more is let in"
    )
}

fn broken(violation: &PlanViolation) -> String {
    let PlanViolation {
        kind,
        namespace,
        name,
        reasons,
    } = violation;
    let reasons = reasons.join(", ");
    format!("! {kind}/{name} -n {namespace} stays, and would be refused if made anew: {reasons}")
}

#[cfg(test)]
mod tests {
    use tenantry_proto::tenant::v1::Role;

    use super::*;

    #[test]
    fn a_plan_reads_from_objects_to_people() {
        let change = ObjectChange {
            action: Action::Delete.into(),
            kind: "Namespace".to_owned(),
            name: "a-dev".to_owned(),
            difference: "--- now\n+++ planned\n-kind: Namespace\n".to_owned(),
            ..Default::default()
        };
        let lost = AccessChange {
            namespace: "a-dev".to_owned(),
            role: Role::Owner.into(),
            subject: "audit".to_owned(),
            is_group: true,
            cluster_roles: vec!["admin".to_owned()],
            ..Default::default()
        };
        let excess = BudgetExcess {
            resource: "pods".to_owned(),
            hard: "3".to_owned(),
            used: "5".to_owned(),
        };
        let violation = PlanViolation {
            kind: "pods".to_owned(),
            namespace: "a-build".to_owned(),
            name: "web".to_owned(),
            reasons: vec!["too large".to_owned(), "of nobody".to_owned()],
        };
        let plan = TenantPlan {
            tenant: "a".to_owned(),
            changes: vec![change],
            access: vec![lost],
            deleted_namespaces: vec!["a-dev".to_owned()],
            excesses: vec![excess],
            problems: vec![],
            violations: vec![violation],
            violations_total: 3,
        };
        assert_eq!(
            one(&plan),
            "# delete namespace/a-dev\n--- now\n+++ planned\n-kind: Namespace\n\
             ! namespace a-dev would be deleted with everything in it\n\
             - group:audit loses owner in a-dev (admin)\n\
             ! a uses 5 pods, and would have 3: what there is stays, no more is let in\n\
             ! pods/web -n a-build stays, and would be refused if made anew: too large, of nobody\n\
             ! and 2 more like these\n"
        );
    }
}
