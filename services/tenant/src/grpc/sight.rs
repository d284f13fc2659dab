//! Whom a caller may see: everything by right, or the tenants he is a member of.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tenantry_k8s::Tenant;
use tenantry_runtime::auth::{Access, Caller};
use tokio::time::Instant;
use tonic::{Request, Status};

use super::{Service, index::Things};
use crate::member::is_member;

/// How long a stream relies on what was asked before: as long as an accepted token is not asked about again.
const RELIED_ON: Duration = Duration::from_secs(5);

/// Which tenants a caller may see.
#[derive(Debug, Clone)]
pub(super) enum Sight {
    /// Every tenant.
    All,
    /// The tenants that name this caller or a group of his.
    Own(Caller),
    /// The one tenant that he has a right on by name.
    Named(String),
}

impl Sight {
    /// Whether the tenant of that name is in sight.
    pub(super) fn has(&self, name: &str, tenant: &Tenant) -> bool {
        match self {
            Self::All => true,
            Self::Own(caller) => is_member(
                tenant.spec.access_control.as_ref(),
                &caller.username,
                &caller.groups,
            ),
            Self::Named(seen) => seen == name,
        }
    }

    /// Names of the quotas that the tenants in sight name.
    pub(super) fn quotas(&self, tenants: &Things<Tenant>) -> BTreeSet<String> {
        tenants
            .iter()
            .filter(|(name, tenant)| self.has(name, tenant))
            .map(|(_, tenant)| tenant.spec.quota.clone())
            .collect()
    }
}

/// What a stream is about; an empty name means all.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    Tenants(String),
    Quotas(String),
}

impl Service {
    /// What the caller of `request` may see with `verb` on all tenants, or by membership.
    pub(super) async fn sight<T: Sync>(
        &self,
        request: &Request<T>,
        verb: &'static str,
    ) -> Result<Sight, Status> {
        let caller = self.auth.caller(request).await?;
        let all = Access::tenancy(verb, "tenants");
        let may_all = self.auth.may(&caller, &all).await?;
        Ok(if may_all {
            Sight::All
        } else {
            Sight::Own(caller)
        })
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
        }
        Ok(self.sight.clone())
    }

    /// The one name that is looked at; none for all.
    pub(super) fn name(&self) -> Option<&str> {
        let (Subject::Tenants(name) | Subject::Quotas(name)) = &self.subject;
        Some(name.as_str()).filter(|name| !name.is_empty())
    }
}
