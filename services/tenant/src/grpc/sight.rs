//! Whom a caller may see: everything by right, or of the tenants that name him those that the cluster lets him see.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tenantry_k8s::{Quota, Tenant};
use tenantry_runtime::auth::{Access, Caller};
use tokio::time::Instant;
use tonic::{Request, Status};

use super::{
    Service,
    state::{State, Things},
};

/// Questions to the cluster at once, of one call.
pub(super) const REVIEWS: usize = 8;
/// How long a stream relies on what was asked before: as long as an accepted token is not asked about again.
const RELIED_ON: Duration = Duration::from_secs(5);

/// How soon a stream asks again about what was refused, whatever happens meanwhile.
pub(super) const ASKED_AGAIN: Duration = Duration::from_secs(1);

/// Which tenants a caller may see.
#[derive(Debug, Clone)]
pub(super) enum Sight {
    /// Every tenant.
    All,
    /// Of the tenants that name this caller or a group of his, those that he has the right on by name.
    ///
    /// The spec alone is no right: it may be paused, refused, or not applied yet.
    Own { caller: Caller, right: Access },
    /// The one tenant that he has a right on by name.
    Named(String),
}

impl Sight {
    /// The tenants that may be in sight. Whether they are, [`Service::sees`] tells.
    pub(super) fn candidates<'a>(&self, tenants: &'a State<Tenant>) -> Cow<'a, Things<Tenant>> {
        match self {
            Self::All => Cow::Borrowed(tenants.things()),
            Self::Own { caller, .. } => Cow::Owned(tenants.naming(caller)),
            Self::Named(seen) => Cow::Owned(one(tenants.things(), seen)),
        }
    }

    /// The same sight of another resource.
    pub(super) fn over(&self, resource: &'static str) -> Self {
        match self {
            Self::Own { caller, right } => Self::Own {
                caller: caller.clone(),
                right: Access {
                    resource,
                    ..right.clone()
                },
            },
            Self::All | Self::Named(_) => self.clone(),
        }
    }
}

/// The one of that name, if it is there.
fn one<K>(things: &Things<K>, name: &str) -> Things<K> {
    let found = things.get_key_value(name).into_iter();
    found
        .map(|(name, thing)| (name.clone(), thing.clone()))
        .collect()
}

/// Names of tenants in sight.
#[derive(Debug)]
pub(super) enum Seen {
    /// Whatever is asked for.
    All,
    /// These.
    Only(BTreeSet<String>),
}

impl Seen {
    /// Whether the tenant of that name is one.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }
}

/// What a stream is about; an empty name means all.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    Tenants(String),
    Quotas(String),
}

impl Service {
    /// What the caller of `request` may see with `verb` on all tenants, or on each that names him.
    pub(super) async fn sight<T: Sync>(
        &self,
        request: &Request<T>,
        verb: &'static str,
    ) -> Result<Sight, Status> {
        let caller = self.auth.caller(request).await?;
        let all = Access::tenancy(verb, "tenants");
        if self.auth.may(&caller, &all).await? {
            return Ok(Sight::All);
        }
        // Nobody can list one thing by its name; he can get it.
        let verb = if verb == "list" { "get" } else { verb };
        let right = Access { verb, ..all };
        Ok(Sight::Own { caller, right })
    }

    /// Whether the candidate of that name is in `sight`, as the cluster has it.
    ///
    /// Errors: those of [`tenantry_runtime::auth::Auth::may`].
    pub(super) async fn sees(&self, sight: &Sight, name: &str) -> Result<bool, Status> {
        match sight {
            Sight::All => Ok(true),
            Sight::Own { caller, right } => self.auth.may(caller, &right.clone().named(name)).await,
            Sight::Named(seen) => Ok(seen == name),
        }
    }

    /// Which of the tenants of these `names` are in `sight`. The cluster is asked about candidates only.
    pub(super) async fn seen(
        &self,
        sight: &Sight,
        tenants: &State<Tenant>,
        names: BTreeSet<String>,
    ) -> Result<Seen, Status> {
        if matches!(sight, Sight::All) {
            return Ok(Seen::All);
        }
        let candidates = sight.candidates(tenants);
        let asked = names
            .into_iter()
            .filter(|name| candidates.contains_key(name))
            .collect();
        self.reviewed(sight, asked).await.map(Seen::Only)
    }

    /// Those of `names`, which are of candidates, that are in `sight`.
    async fn reviewed(
        &self,
        sight: &Sight,
        names: Vec<String>,
    ) -> Result<BTreeSet<String>, Status> {
        let answers: Vec<Option<String>> = stream::iter(names)
            .map(|name| async move {
                let is_seen = self.sees(sight, &name).await?;
                Ok::<_, Status>(is_seen.then_some(name))
            })
            .buffered(REVIEWS)
            .try_collect()
            .await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// Which tenants a stream about `subject` may show to the caller of `request`.
    async fn sight_of<T: Sync>(
        &self,
        request: &Request<T>,
        subject: &Subject,
    ) -> Result<Sight, Status> {
        match subject {
            Subject::Tenants(name) if name.is_empty() => self.sight(request, "watch").await,
            Subject::Tenants(name) => {
                let right = Access::tenancy("watch", "tenants").named(name);
                self.auth.require(request, right).await?;
                Ok(Sight::Named(name.clone()))
            }
            Subject::Quotas(name) => {
                let right = Access::tenancy("watch", "quotas").named(name);
                self.auth.require(request, right).await?;
                self.sight(request, "list").await
            }
        }
    }

    /// The gaze of the caller of `request`, if he may look at `subject` at all.
    pub(super) async fn gaze<T: Sync>(
        &self,
        request: Request<T>,
        subject: Subject,
    ) -> Result<Gaze, Status> {
        let (metadata, extensions, _message) = request.into_parts();
        let request = Request::from_parts(metadata, extensions, ());
        let sight = self.sight_of(&request, &subject).await?;
        Ok(Gaze {
            service: self.clone(),
            request,
            subject,
            sight: Arc::new(sight),
            asked: Instant::now(),
            allowed: BTreeSet::new(),
            refused: BTreeMap::new(),
        })
    }
}

/// What the caller of a stream may see, for as long as it lives.
///
/// A right or a token that ends while the stream is open ends the stream before it tells more.
pub(super) struct Gaze {
    service: Service,
    request: Request<()>,
    subject: Subject,
    sight: Arc<Sight>,
    asked: Instant,
    /// Candidates that the cluster has let him see since then.
    allowed: BTreeSet<String>,
    /// Those that it has not, and when it was asked: the role of a tenant follows its spec by a moment.
    refused: BTreeMap<String, Instant>,
}

impl Gaze {
    /// What may be seen now; the cluster is asked again if that was long ago.
    ///
    /// Errors: those of the first time.
    pub(super) async fn sight(&mut self) -> Result<Arc<Sight>, Status> {
        if self.asked.elapsed() >= RELIED_ON {
            let sight = self.service.sight_of(&self.request, &self.subject).await?;
            self.sight = Arc::new(sight);
            self.asked = Instant::now();
            self.allowed.clear();
        }
        Ok(self.sight.clone())
    }

    /// The tenants in sight.
    ///
    /// Errors: those of [`Self::sight`] and [`Service::sees`].
    pub(super) async fn tenants(
        &mut self,
        tenants: &State<Tenant>,
    ) -> Result<Things<Tenant>, Status> {
        let sight = self.sight().await?;
        let mut seen = sight.candidates(tenants).into_owned();
        if !matches!(*sight, Sight::Own { .. }) {
            self.refused.clear();
            return Ok(seen);
        }
        self.allowed.retain(|name| seen.contains_key(name));
        self.refused.retain(|name, _| seen.contains_key(name));
        let was_asked = |name: &String| {
            let refused = self.refused.get(name);
            self.allowed.contains(name) || refused.is_some_and(|at| at.elapsed() < ASKED_AGAIN)
        };
        let due: Vec<String> = seen
            .keys()
            .filter(|name| !was_asked(name))
            .cloned()
            .collect();
        let allowed = self.service.reviewed(&sight, due.clone()).await?;
        let now = Instant::now();
        self.refused.extend(due.into_iter().map(|name| (name, now)));
        self.refused.retain(|name, _| !allowed.contains(name));
        self.allowed.extend(allowed);
        seen.retain(|name, _| self.allowed.contains(name));
        Ok(seen)
    }

    /// The quotas that are looked at: a stream of quotas needs a right on them.
    ///
    /// Errors: those of [`Self::sight`].
    pub(super) async fn quotas(&mut self, quotas: &State<Quota>) -> Result<Things<Quota>, Status> {
        self.sight().await?;
        Ok(match self.name() {
            Some(name) => one(quotas.things(), name),
            None => quotas.things().clone(),
        })
    }

    /// Whether there was a tenant that names the caller, and that the cluster did not let him see.
    pub(super) fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// The one name that is looked at; none for all.
    pub(super) fn name(&self) -> Option<&str> {
        let (Subject::Tenants(name) | Subject::Quotas(name)) = &self.subject;
        Some(name.as_str()).filter(|name| !name.is_empty())
    }
}
