//! What is told of a tenant. Pure; a status that says the same as before is the same, times included.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::ResourceQuota,
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use kube::ResourceExt;
use tenantry_k8s::{
    Tenant, TenantStatus,
    tenant::{
        Allowed, AppliedMetadata, Available, AvailableList, BudgetShare, Metadata, NamespacesStatus,
    },
};

use super::{
    build::Plan,
    dereference::Observed,
    object::Key,
    usage::{EXCESS, exceeded, usage},
    validate::{self, Origin, Problem, Space, Valid},
    violations::Violations,
};

/// Reasons that pass by themselves.
const PASSING: [&str; 1] = ["NamespaceTerminating"];

/// How a reconcile went.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// What is wanted.
    pub valid: &'a Valid,
    /// What was there before.
    pub observed: &'a Observed,
    /// What was done.
    pub plan: &'a Plan,
    /// What cannot be done, here or in the apiserver's eyes.
    pub problems: Vec<Problem>,
    /// Objects of the plan that could not be brought to what it has for them.
    pub undone: Vec<Key>,
    /// False if Postgres did not take it.
    pub is_recorded: bool,
}

impl Outcome<'_> {
    /// Whether everything wanted is in place.
    pub fn is_settled(&self) -> bool {
        self.problems.is_empty() && self.plan.is_settled()
    }

    /// Whether what the plan has for the object of `key` is done.
    pub fn has_done(&self, key: &Key) -> bool {
        !self.undone.contains(key)
    }
}

/// The new status of `tenant`; where it is not known what breaks the rules, what was told of it stays.
pub fn status(
    tenant: &Tenant,
    outcome: &Outcome<'_>,
    violations: Option<&Violations>,
    now: Timestamp,
) -> TenantStatus {
    let before = tenant.status.clone().unwrap_or_default();
    let managed = managed(outcome);
    let (rules, classes) = (&outcome.valid.rules, &outcome.observed.classes);
    TenantStatus {
        observed_generation: Some(outcome.valid.generation),
        ready: outcome.is_settled(),
        namespace_count: i32::try_from(managed.len()).unwrap_or(i32::MAX),
        deployed_namespaces: deployed(outcome, &before),
        deployed_sandboxes: sandboxes(outcome, &before),
        managed_namespaces: managed,
        namespaces: metadata(tenant, outcome.valid),
        quota: outcome.valid.budget.as_ref().map(|budget| AvailableList {
            available: vec![Available {
                name: budget.name.clone(),
            }],
        }),
        budget_shares: shares(outcome.observed, before.budget_shares.clone()),
        container_defaults: outcome
            .valid
            .budget
            .as_ref()
            .map(|_| outcome.plan.container_defaults.clone()),
        storage_classes: available(rules.storage_classes.as_ref(), &classes.storage),
        ingress_classes: available(rules.ingress_classes.as_ref(), &classes.ingress),
        pod_priority_classes: available(rules.pod_priority_classes.as_ref(), &classes.priority),
        conditions: conditions(&before.conditions, outcome, violations, now),
    }
}

/// The condition that somebody has to mend something, while it holds.
pub fn stalled(status: &TenantStatus) -> Option<&Condition> {
    let mut conditions = status.conditions.iter();
    conditions.find(|condition| condition.type_ == "Stalled" && condition.status == "True")
}

/// Namespaces of the spec's lists that we made and that are there, those about to be pruned included.
fn deployed(outcome: &Outcome<'_>, before: &TenantStatus) -> Vec<String> {
    let is_sandbox = |name: &String| before.deployed_sandboxes.values().any(|had| had == name);
    let pruned = outcome.valid.pruned.iter();
    let mut names: Vec<String> = made(outcome, Origin::Spec)
        .map(|space| &space.name)
        .chain(pruned.filter(|name| !is_sandbox(name)))
        .cloned()
        .collect();
    names.sort();
    names
}

/// The same of sandboxes, by user.
fn sandboxes(outcome: &Outcome<'_>, before: &TenantStatus) -> BTreeMap<String, String> {
    let is_pruned = |name: &String| outcome.valid.pruned.contains(name);
    let pruned = before
        .deployed_sandboxes
        .clone()
        .into_iter()
        .filter(|(_, name)| is_pruned(name));
    let made = made(outcome, Origin::Sandbox)
        .filter_map(|space| Some((space.user.clone()?, space.name.clone())));
    pruned.chain(made).collect()
}

fn made<'a>(outcome: &Outcome<'a>, origin: Origin) -> impl Iterator<Item = &'a Space> {
    let spaces = outcome.valid.spaces.iter();
    spaces.filter(move |space| space.exists && space.origin == origin)
}

fn managed(outcome: &Outcome<'_>) -> Vec<String> {
    let mut names: Vec<String> = outcome
        .observed
        .namespaces
        .iter()
        .filter(|namespace| outcome.valid.owns(namespace))
        .map(ResourceExt::name_any)
        .collect();
    names.sort();
    names
}

/// What the spec has set on the namespaces that are there.
fn metadata(tenant: &Tenant, valid: &Valid) -> Option<NamespacesStatus> {
    let asked = validate::metadata::of(tenant);
    let is_there = |name: &String| {
        let mut spaces = valid.spaces.iter();
        spaces.any(|space| space.exists && space.name == *name)
    };
    let specific = asked.specific.iter().flat_map(|entry| {
        let namespaces = entry.namespaces.iter().filter(|name| is_there(name));
        namespaces.map(|namespace| AppliedMetadata {
            namespace: namespace.clone(),
            labels: entry.labels.clone(),
            annotations: entry.annotations.clone(),
        })
    });
    let specific_status = specific.collect();
    let status = NamespacesStatus {
        sandbox_status: asked
            .sandbox
            .map(|asked| of_sandboxes(&asked, valid))
            .unwrap_or_default(),
        common_status: asked.common,
        specific_status,
    };
    (status != NamespacesStatus::default()).then_some(status)
}

fn of_sandboxes(asked: &Metadata, valid: &Valid) -> Vec<AppliedMetadata> {
    let there = valid.spaces.iter().filter(|space| space.exists);
    let of = |space: &Space| {
        let mut filled = asked.clone();
        validate::metadata::fill(&mut filled, space.user.as_deref()?);
        Some(AppliedMetadata {
            namespace: space.name.clone(),
            labels: filled.labels,
            annotations: filled.annotations,
        })
    };
    there.filter_map(of).collect()
}

/// The classes that are there and that the tenant may use; none where it has no rule.
fn available(rule: Option<&Allowed>, there: &[String]) -> Option<AvailableList> {
    let allowed = &rule?.allowed;
    let names = there
        .iter()
        .filter(|name| allowed.is_empty() || allowed.contains(name));
    Some(AvailableList {
        available: names.map(|name| Available { name: name.clone() }).collect(),
    })
}

/// The shares in force, as the apiserver enforces them; those from before while they move, so that a move is told once.
fn shares(observed: &Observed, before: Vec<BudgetShare>) -> Vec<BudgetShare> {
    if !before.is_empty() && observed.quotas.iter().any(is_moving) {
        return before;
    }
    let mut shares: Vec<BudgetShare> = observed
        .quotas
        .iter()
        .filter_map(|quota| {
            let hard = quota.status.as_ref()?.hard.clone()?;
            Some(BudgetShare {
                namespace: quota.namespace()?,
                hard,
            })
        })
        .collect();
    shares.sort_by(|a, b| a.namespace.cmp(&b.namespace));
    shares
}

/// Whether the apiserver does not enforce yet what is written.
fn is_moving(quota: &ResourceQuota) -> bool {
    let (spec, status) = (quota.spec.as_ref(), quota.status.as_ref());
    let wanted = spec.and_then(|spec| spec.hard.as_ref());
    wanted != status.and_then(|status| status.hard.as_ref())
}

fn conditions(
    before: &[Condition],
    outcome: &Outcome<'_>,
    violations: Option<&Violations>,
    now: Timestamp,
) -> Vec<Condition> {
    let teller = Teller {
        before,
        generation: outcome.valid.generation,
        now,
    };
    let lasting = outcome
        .problems
        .iter()
        .find(|problem| !PASSING.contains(&problem.reason));
    let all: Vec<&str> = outcome
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    let told = all.join("; ");
    let (reason, message) = match outcome.problems.first() {
        Some(problem) => (problem.reason, told.clone()),
        None => progress(outcome),
    };
    let is_settled = outcome.is_settled();
    let is_busy = !is_settled && lasting.is_none();
    let mut conditions = vec![
        teller.tell("Ready", is_settled, reason, &message),
        teller.tell(
            "Reconciling",
            is_busy,
            if is_busy { reason } else { "Idle" },
            if is_busy { &message } else { "" },
        ),
        match lasting {
            Some(problem) => teller.tell("Stalled", true, problem.reason, &told),
            None => teller.tell("Stalled", false, "Progressing", ""),
        },
    ];
    if !outcome.is_recorded {
        conditions.push(teller.tell("HistoryUnavailable", true, "DatabaseUnavailable", HISTORY));
    }
    if let Some(resources) = excess(outcome) {
        let message = format!("more than the budget is in use of: {resources}; {EXCESS}");
        conditions.push(teller.tell(BUDGET_EXCEEDED, true, "UseAboveBudget", &message));
    }
    conditions.extend(teller.violated(violations));
    conditions
}

/// Resources of which more is in use than the budget has; none if there are none.
fn excess(outcome: &Outcome<'_>) -> Option<String> {
    let budget = outcome.valid.budget.as_ref()?;
    let hard = budget.hard.iter();
    let hard = hard.map(|(resource, (written, _))| (resource, written));
    let usage = usage(hard, &outcome.observed.quotas);
    let resources = exceeded(&usage).join(", ");
    (!resources.is_empty()).then_some(resources)
}

/// Of a tenant and of its quota.
pub(super) const BUDGET_EXCEEDED: &str = "BudgetExceeded";
const GUARDRAILS_VIOLATED: &str = "GuardrailsViolated";
const HISTORY: &str = "the tenant database does not answer: rights are still taken, new ones wait";

fn progress(outcome: &Outcome<'_>) -> (&'static str, String) {
    let plan = outcome.plan;
    if plan.is_settled() {
        return ("Applied", "everything wanted is in place".to_owned());
    }
    let has_work =
        !(plan.namespaces.is_empty() && plan.structure.is_empty() && plan.revoke.is_empty());
    if !plan.waiting.is_empty() && !has_work {
        let names = plan.waiting.join(", ");
        return (
            "QuotaNotEnforced",
            format!("first rights wait until the quota is enforced in: {names}"),
        );
    }
    if !outcome.is_recorded && !plan.grants.is_empty() {
        return ("HistoryUnavailable", HISTORY.to_owned());
    }
    (
        "Applying",
        "bringing the cluster to what is wanted".to_owned(),
    )
}

/// Makes conditions whose time changes only with their status.
pub(crate) struct Teller<'a> {
    pub(crate) before: &'a [Condition],
    pub(crate) generation: i64,
    pub(crate) now: Timestamp,
}

impl Teller<'_> {
    pub(crate) fn tell(&self, kind: &str, is_true: bool, reason: &str, message: &str) -> Condition {
        let status = if is_true { "True" } else { "False" };
        self.condition([kind, status, reason, message])
    }

    /// What breaks the rules, if something does; what was told of it stays where it is not known.
    pub(crate) fn violated(&self, violations: Option<&Violations>) -> Option<Condition> {
        let Some(violations) = violations else {
            let mut before = self.before.iter();
            return before
                .find(|condition| condition.type_ == GUARDRAILS_VIOLATED)
                .cloned();
        };
        let message = violations.message()?;
        Some(self.tell(GUARDRAILS_VIOLATED, true, "OlderThanTheRules", &message))
    }

    /// What nobody looks after now.
    pub(crate) fn unknown(&self, kind: &str, reason: &str, message: &str) -> Condition {
        self.condition([kind, "Unknown", reason, message])
    }

    fn condition(&self, [kind, status, reason, message]: [&str; 4]) -> Condition {
        let same = self
            .before
            .iter()
            .find(|condition| condition.type_ == kind && condition.status == status);
        // A status longer than the schema admits would never be written at all.
        let message: String = message.chars().take(8192).collect();
        Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message,
            observed_generation: Some(self.generation),
            last_transition_time: same.map_or_else(
                || Time(whole_second(self.now)),
                |condition| condition.last_transition_time.clone(),
            ),
        }
    }
}

/// The apiserver keeps whole seconds; more would differ at every look.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
