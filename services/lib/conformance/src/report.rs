//! What was found.

use serde::Serialize;

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Everything is as it should be, and a control shows that it could have been otherwise.
    Held,
    /// Somebody may what he should not.
    NotHeld,
    /// It could not be told: the control failed, or a refusal came from something else.
    Inconclusive,
}

/// What a check looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Every resource and verb, in one place.
    Rights,
    /// One thing that an owner tries in vain.
    Attempt,
    /// One admission policy or its binding.
    Policy,
}

/// One check of one person in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What is looked at.
    pub kind: Kind,
    /// What was tried, such as `bind cluster-admin`.
    pub what: String,
    /// Who tried it.
    pub who: String,
    /// Where.
    pub place: String,
    /// Calls it took.
    pub calls: usize,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it could not be told; empty otherwise.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub doubt: String,
    /// What did not hold.
    pub findings: Vec<Finding>,
    /// Rights that the role usually gives and that are not there. They break no isolation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<Right>,
}

/// Something that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What is possible.
    pub rights: Vec<Right>,
    /// What the cluster says about it.
    pub because: String,
    /// What to do.
    pub fix: String,
}

/// Verbs on a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Right {
    /// Such as `deployments/scale (apps)`.
    pub resource: String,
    /// Such as `get`.
    pub verbs: Vec<String>,
}

/// Somebody who was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Levels he has in the tenant; none for the outsider, who may what everybody may.
    pub roles: Vec<String>,
    /// Name of the user or group.
    pub name: String,
    /// True for a group.
    pub is_group: bool,
}

/// What was found about a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Name of the tenant.
    pub tenant: String,
    /// Who was asked for.
    pub asked: Vec<Asked>,
    /// Every check, in the order of the asking.
    pub checks: Vec<Check>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

impl Report {
    /// Checks that came out so.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(move |check| check.verdict == verdict)
    }

    /// The worst of all checks. Nothing checked is nothing told.
    pub fn verdict(&self) -> Verdict {
        if self.with(Verdict::NotHeld).next().is_some() {
            Verdict::NotHeld
        } else if self.checks.is_empty() || self.with(Verdict::Inconclusive).next().is_some() {
            Verdict::Inconclusive
        } else {
            Verdict::Held
        }
    }
}
