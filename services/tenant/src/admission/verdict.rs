//! A refusal on its way through the apiserver: what kubectl prints, and what gRPC reads back.

use kube::{
    core::{
        Status,
        response::{StatusCause, StatusDetails, StatusSummary},
    },
    error::Error,
};

/// Which rule an object breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A tenant names a quota that exists.
    QuotaExists,
    /// A quota that tenants name stays.
    QuotaUnused,
    /// A namespace has one tenant.
    NamespaceFree,
    /// A field means something to us.
    FieldMeant,
    /// Not a rule: the cluster did not tell in time what there is.
    ClusterKnown,
}

impl Rule {
    const ALL: [Self; 5] = [
        Self::QuotaExists,
        Self::QuotaUnused,
        Self::NamespaceFree,
        Self::FieldMeant,
        Self::ClusterKnown,
    ];

    /// The reason that the contract has for breaking it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::QuotaExists => "QUOTA_NOT_FOUND",
            Self::QuotaUnused => "QUOTA_IN_USE",
            Self::NamespaceFree => "NAMESPACE_TAKEN",
            Self::FieldMeant => "FIELD_INVALID",
            Self::ClusterKnown => "CLUSTER_UNAVAILABLE",
        }
    }
}

/// Why an object is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which rule it breaks.
    pub rule: Rule,
    /// Where, such as `spec.quota`.
    pub field: String,
    /// The problem and the way out, without the field.
    pub message: String,
    /// What the message names, by what it is.
    pub names: Vec<(String, String)>,
}

impl Refused {
    /// As the apiserver passes it on: the rule first among the causes, then what the message names.
    pub(super) fn status(&self) -> Status {
        let verdict = StatusCause {
            reason: self.rule.reason().to_owned(),
            field: self.field.clone(),
            message: self.message.clone(),
        };
        let names = self.names.iter().map(|(what, name)| StatusCause {
            reason: String::new(),
            field: what.clone(),
            message: name.clone(),
        });
        let (code, reason) = match self.rule {
            Rule::ClusterKnown => (503, "ServiceUnavailable"),
            Rule::QuotaExists | Rule::QuotaUnused | Rule::NamespaceFree | Rule::FieldMeant => {
                // Not 422: kubectl would print the causes one by one, and not the message.
                (403, "Forbidden")
            }
        };
        Status {
            status: Some(StatusSummary::Failure),
            code,
            reason: reason.to_owned(),
            message: format!("{}: {}", self.field, self.message),
            details: Some(StatusDetails {
                name: String::new(),
                group: String::new(),
                kind: String::new(),
                uid: String::new(),
                causes: [verdict].into_iter().chain(names).collect(),
                retry_after_seconds: 0,
            }),
            ..Status::default()
        }
    }

    /// The refusal of ours that the apiserver's failure passes on; none if it is not ours.
    pub fn read(failure: &Error) -> Option<Self> {
        let Error::Api(status) = failure else {
            return None;
        };
        let causes = &status.details.as_ref()?.causes;
        let (verdict, names) = causes.split_first()?;
        let rule = Rule::ALL
            .into_iter()
            .find(|rule| rule.reason() == verdict.reason)?;
        Some(Self {
            rule,
            field: verdict.field.clone(),
            message: verdict.message.clone(),
            names: names
                .iter()
                .map(|cause| (cause.field.clone(), cause.message.clone()))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_comes_back_as_it_was() {
        for rule in Rule::ALL {
            let refused = Refused {
                rule,
                field: "spec.quota".into(),
                message: "none is there; name another".into(),
                names: vec![("quota".into(), "none".into())],
            };
            // The apiserver writes before the message and keeps the rest.
            let mut status = refused.status();
            status.message = format!(
                "admission webhook \"x\" denied the request: {}",
                status.message
            );
            let failure = Error::Api(status.boxed());
            assert_eq!(Refused::read(&failure), Some(refused));
        }
    }

    #[test]
    fn what_others_refuse_is_not_ours() {
        let status = Status::failure("no", "Invalid").boxed();
        assert_eq!(Refused::read(&Error::Api(status)), None);
    }
}
