//! The cluster, asked as its caller or as somebody whom the caller impersonates; each call has a deadline.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use http::{Request, header::CONTENT_TYPE};
use k8s_openapi::api::{
    authentication::v1::SelfSubjectReview,
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
};
use kube::{Api, Client, Config, api::PostParams};
use tenantry_k8s::member::Subject;

use crate::{
    attempt::Probe,
    rights::{Answer, Resource},
};

/// Longest time for one call.
const DEADLINE_MAX: Duration = Duration::from_secs(10);
/// Whom a member of a group is, where the group alone matters.
const SOMEBODY: &str = "tenantry-conformance-somebody";

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tenant, or what was wished for, does not fit.
    #[error("{0}")]
    Unfit(String),
    /// The caller may not impersonate a member.
    #[error("you may not impersonate {who}")]
    Impersonation {
        /// Whom.
        who: String,
        /// What the apiserver said.
        #[source]
        source: Failure,
    },
    /// The cluster did not answer as it should.
    #[error("{doing}")]
    Cluster {
        /// What was tried.
        doing: &'static str,
        /// What it answered.
        #[source]
        source: Failure,
    },
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Deadline(Duration),
    /// Any other answer than the wanted one.
    #[error("{}", said(.0))]
    Kube(Box<kube::Error>),
}

/// Of a refusal the words alone: kube adds the whole status.
fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

impl Failure {
    /// What the apiserver said, if it is a refusal.
    pub fn refusal(&self) -> Option<&kube::core::Status> {
        match self {
            Self::Kube(error) => match error.as_ref() {
                kube::Error::Api(status) if (400..500).contains(&status.code) => Some(status),
                _ => None,
            },
            Self::Deadline(_) => None,
        }
    }

    /// A refusal is an answer, but for the one that asks to come again.
    fn is_passing(&self) -> bool {
        self.refusal().is_none_or(|status| status.code == 429)
    }
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It would have been done.
    Allowed,
    /// It was refused, with these words.
    Refused(String),
    /// There was no answer.
    Unknown(String),
}

/// A cluster, as a kubeconfig reaches it.
#[derive(Clone)]
pub struct Cluster {
    config: Config,
    deadline: Duration,
}

impl Cluster {
    /// `deadline` is for one call, and at most ten seconds.
    pub fn new(config: Config, deadline: Duration) -> Self {
        Self {
            config,
            deadline: deadline.min(DEADLINE_MAX),
        }
    }

    /// The cluster, asked as the caller.
    pub fn as_caller(&self) -> Result<Line, Error> {
        self.line(self.config.clone())
    }

    /// The cluster, asked as a user, or as somebody in a group.
    pub fn acting_as(&self, subject: &Subject) -> Result<Line, Error> {
        let mut config = self.config.clone();
        config.auth_info.impersonate = Some(if subject.is_group {
            SOMEBODY.to_owned()
        } else {
            subject.name.clone()
        });
        config.auth_info.impersonate_groups = subject.is_group.then(|| vec![subject.name.clone()]);
        self.line(config)
    }

    fn line(&self, config: Config) -> Result<Line, Error> {
        let client = Client::try_from(config).map_err(|error| Error::Cluster {
            doing: "making a client of the kubeconfig",
            source: Failure::Kube(Box::new(error)),
        })?;
        Ok(Line {
            client,
            deadline: self.deadline,
        })
    }
}

/// One person's line to the cluster.
#[derive(Clone)]
pub struct Line {
    client: Client,
    deadline: Duration,
}

impl Line {
    /// Makes a call that may be repeated, with its deadline.
    pub async fn call<T>(
        &self,
        call: impl AsyncFn(Client) -> Result<T, kube::Error>,
    ) -> Result<T, Failure> {
        // 0.2 + 0.4 s: a blip in thousands of questions is no answer to one of them.
        let patience = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_times(2);
        (|| self.once(&call))
            .retry(patience)
            .when(Failure::is_passing)
            .await
    }

    async fn once<T>(
        &self,
        call: &impl AsyncFn(Client) -> Result<T, kube::Error>,
    ) -> Result<T, Failure> {
        let answer = tokio::time::timeout(self.deadline, call(self.client.clone())).await;
        answer
            .map_err(|_elapsed| Failure::Deadline(self.deadline))?
            .map_err(|error| Failure::Kube(Box::new(error)))
    }

    /// Whether it is really `subject` who asks.
    pub async fn confirm(&self, subject: &Subject) -> Result<(), Error> {
        let review = SelfSubjectReview::default();
        let asked = async |client| {
            let reviews = Api::<SelfSubjectReview>::all(client);
            reviews.create(&PostParams::default(), &review).await
        };
        let doing = "asking the cluster whom you impersonate";
        let answer = self.call(asked).await.map_err(|source| {
            let is_refused = source.refusal().is_some_and(|status| status.code == 403);
            let who = subject.name.clone();
            match is_refused {
                true => Error::Impersonation { who, source },
                false => Error::Cluster { doing, source },
            }
        })?;
        let user = answer
            .status
            .and_then(|status| status.user_info)
            .unwrap_or_default();
        let is_he = match subject.is_group {
            true => user.groups.unwrap_or_default().contains(&subject.name),
            false => user.username.as_ref() == Some(&subject.name),
        };
        let name = &subject.name;
        is_he.then_some(()).ok_or_else(|| {
            Error::Unfit(format!(
                "the apiserver passes over impersonation: it does not take you for {name}"
            ))
        })
    }

    /// Whether the person may do something, and why.
    pub async fn may(&self, attributes: ResourceAttributes) -> Result<Answer, Failure> {
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(attributes),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let asked = async |client| {
            let reviews = Api::<SelfSubjectAccessReview>::all(client);
            reviews.create(&PostParams::default(), &review).await
        };
        let status = self.call(asked).await?.status.unwrap_or_default();
        Ok(Answer {
            is_allowed: status.allowed,
            reason: status.reason.unwrap_or_default(),
        })
    }

    /// Tries something without doing it.
    pub async fn attempt(&self, probe: &Probe) -> Outcome {
        let answer = match probe {
            Probe::Review(attributes) => self.may((**attributes).clone()).await,
            Probe::DryRun(dry_run) => {
                let sent = async |client: Client| {
                    let request = Request::builder()
                        .method(dry_run.verb.method())
                        .uri(format!("{}?dryRun=All", dry_run.target.path()))
                        .header(CONTENT_TYPE, dry_run.verb.content_type())
                        .body(dry_run.body.to_string().into_bytes())
                        .map_err(kube::Error::HttpError)?;
                    client.request_text(request).await.map(drop)
                };
                self.call(sent).await.map(|()| Answer {
                    is_allowed: true,
                    reason: String::new(),
                })
            }
        };
        match answer {
            Ok(Answer {
                is_allowed: true, ..
            }) => Outcome::Allowed,
            Ok(Answer { reason, .. }) => Outcome::Refused(reason),
            Err(failure) => match failure.refusal() {
                Some(status) => Outcome::Refused(status.message.clone()),
                None => Outcome::Unknown(failure.to_string()),
            },
        }
    }

    /// Every resource and subresource of every version, for a right on one knows no versions; and versions that did not
    /// answer.
    pub async fn resources(&self) -> Result<(Vec<Resource>, Vec<String>), Failure> {
        let core = self
            .call(async |client| client.list_core_api_resources("v1").await)
            .await?;
        let groups = self
            .call(async |client| client.list_api_groups().await)
            .await?;
        let mut all = Resource::of(&core);
        let mut silent = Vec::new();
        let versions = groups.groups.into_iter().flat_map(|group| group.versions);
        for version in versions.map(|version| version.group_version) {
            let listed = self
                .call(async |client| client.list_api_group_resources(&version).await)
                .await;
            match listed {
                Ok(listed) => {
                    let found = Resource::of(&listed).into_iter();
                    let new: Vec<Resource> =
                        found.filter(|resource| !all.contains(resource)).collect();
                    all.extend(new);
                }
                // Aggregated APIs are down now and then.
                Err(failure) => silent.push(format!("{version}: {failure}")),
            }
        }
        Ok((all, silent))
    }
}
