//! Whom a caller may see: everything by right, or the tenants he is a member of.

use kube::ResourceExt;
use tenantry_k8s::Tenant;
use tenantry_runtime::auth::{Access, Caller};
use tonic::{Request, Status};

use super::Service;
use crate::member::is_member;

/// What a caller may see.
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
    /// Whether `tenant` is in sight.
    pub(super) fn has(&self, tenant: &Tenant) -> bool {
        match self {
            Self::All => true,
            Self::Own(caller) => is_member(
                tenant.spec.access_control.as_ref(),
                &caller.username,
                &caller.groups,
            ),
            Self::Named(name) => tenant.name_any() == *name,
        }
    }
}

impl Service {
    /// What the caller of `request` may see with `verb` on all tenants, or by membership.
    pub(super) async fn sight<T: Sync>(
        &self,
        request: &Request<T>,
        verb: &'static str,
    ) -> Result<Sight, Status> {
        let caller = self.auth.caller(request).await?;
        let may_all = self
            .auth
            .may(&caller, &Access::tenancy(verb, "tenants"))
            .await?;
        Ok(if may_all {
            Sight::All
        } else {
            Sight::Own(caller)
        })
    }

    /// The same for the one tenant `name`; for all if it is empty.
    pub(super) async fn sight_of_one<T: Sync>(
        &self,
        request: &Request<T>,
        access: Access,
        name: &str,
    ) -> Result<Sight, Status> {
        if name.is_empty() {
            return self.sight(request, access.verb).await;
        }
        self.auth.require(request, access.named(name)).await?;
        Ok(Sight::Named(name.to_owned()))
    }
}
