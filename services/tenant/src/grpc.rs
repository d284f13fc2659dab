//! TenantService: proto in → domain → proto out. The only maker of a `Status` here.
//!
//! `main` makes the [`Indexes`] by [`keep`], runs the work that comes with them as a task, and serves [`server`].

mod history;
mod index;
mod list;
mod mask;
mod namespace;
mod pause;
mod plan;
mod quota;
mod refuse;
mod resource;
mod revert;
mod sight;
mod state;
mod tenant;
mod watch;

use std::sync::Arc;

use futures::stream::BoxStream;
use kube::Client;
use tenantry_proto::tenant::v1::{
    CreateQuotaRequest, CreateQuotaResponse, CreateTenantRequest, CreateTenantResponse,
    DeleteQuotaRequest, DeleteQuotaResponse, DeleteTenantRequest, DeleteTenantResponse,
    GetQuotaRequest, GetQuotaResponse, GetTenantRequest, GetTenantResponse,
    GetTenantRevisionRequest, GetTenantRevisionResponse, ListAccessRequest, ListAccessResponse,
    ListDriftRequest, ListDriftResponse, ListNamespacesRequest, ListNamespacesResponse,
    ListQuotasRequest, ListQuotasResponse, ListTenantRevisionsRequest, ListTenantRevisionsResponse,
    ListTenantsRequest, ListTenantsResponse, PauseTenantRequest, PauseTenantResponse,
    PlanQuotaRequest, PlanQuotaResponse, PlanTenantRequest, PlanTenantResponse,
    ResumeTenantRequest, ResumeTenantResponse, RevertTenantRequest, RevertTenantResponse,
    UpdateQuotaRequest, UpdateQuotaResponse, UpdateTenantRequest, UpdateTenantResponse,
    WatchQuotasRequest, WatchQuotasResponse, WatchTenantsRequest, WatchTenantsResponse,
    tenant_service_server::{TenantService, TenantServiceServer},
};
use tenantry_runtime::auth::{Access, Auth};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, codec::CompressionEncoding};

use crate::{convert::tenant_message, store::Store, view::View};
pub use index::{Indexes, keep};
use pause::Pause;
use sight::Subject;

/// Full name of the service, for health.
pub const NAME: &str = "tenantry.tenant.v1.TenantService";

type Answer<T> = Result<Response<T>, Status>;
type Streamed<T> = BoxStream<'static, Result<T, Status>>;

/// What answers need.
#[derive(Clone)]
pub struct Service {
    /// The cluster, as ourselves.
    pub client: Client,
    /// Who asks, and may they.
    pub auth: Auth,
    /// What there is now, and who is named in which tenant.
    pub indexes: Indexes,
    /// What there is of each tenant.
    pub view: Arc<View>,
    /// What was.
    pub store: Store,
    /// Namespace of the installation.
    pub install_namespace: String,
    /// Ends streams when the process stops.
    pub token: CancellationToken,
}

/// Serves `service`.
pub fn server(service: Service) -> TenantServiceServer<impl TenantService> {
    TenantServiceServer::new(service)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
}

#[tonic::async_trait]
impl TenantService for Service {
    async fn create_tenant(
        &self,
        request: Request<CreateTenantRequest>,
    ) -> Answer<CreateTenantResponse> {
        let authority = self
            .auth
            .require(&request, Access::tenancy("create", "tenants"))
            .await?;
        tenant::create(&self.client, &authority, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_tenant(&self, request: Request<GetTenantRequest>) -> Answer<GetTenantResponse> {
        let right = Access::tenancy("get", "tenants").named(&request.get_ref().name);
        let authority = self.auth.require(&request, right).await?;
        tenant::get(&self.client, &authority)
            .await
            .map(Response::new)
    }

    async fn list_tenants(
        &self,
        request: Request<ListTenantsRequest>,
    ) -> Answer<ListTenantsResponse> {
        let sight = self.sight(&request, "list").await?;
        tenant::list(self, &sight, request.get_ref())
            .await
            .map(Response::new)
    }

    async fn update_tenant(
        &self,
        request: Request<UpdateTenantRequest>,
    ) -> Answer<UpdateTenantResponse> {
        let name = request
            .get_ref()
            .tenant
            .as_ref()
            .map(|tenant| tenant.name.clone())
            .unwrap_or_default();
        let authority = self
            .auth
            .require(&request, Access::tenancy("update", "tenants").named(name))
            .await?;
        Box::pin(tenant::update(
            &self.client,
            &authority,
            request.into_inner(),
        ))
        .await
        .map(Response::new)
    }

    async fn delete_tenant(
        &self,
        request: Request<DeleteTenantRequest>,
    ) -> Answer<DeleteTenantResponse> {
        let right = Access::tenancy("delete", "tenants").named(&request.get_ref().name);
        let authority = self.auth.require(&request, right).await?;
        tenant::delete(&self.client, &authority, request.into_inner())
            .await
            .map(Response::new)
    }

    type WatchTenantsStream = Streamed<WatchTenantsResponse>;

    async fn watch_tenants(
        &self,
        request: Request<WatchTenantsRequest>,
    ) -> Answer<Self::WatchTenantsStream> {
        let name = request.get_ref().name.clone();
        let gaze = self.gaze(request, Subject::Tenants(name)).await?;
        let stream = watch::tenants(self, gaze).await?;
        Ok(Response::new(stream))
    }

    async fn create_quota(
        &self,
        request: Request<CreateQuotaRequest>,
    ) -> Answer<CreateQuotaResponse> {
        let authority = self
            .auth
            .require(&request, Access::tenancy("create", "quotas"))
            .await?;
        quota::create(&self.client, &authority, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_quota(&self, request: Request<GetQuotaRequest>) -> Answer<GetQuotaResponse> {
        let right = Access::tenancy("get", "quotas").named(&request.get_ref().name);
        let authority = self.auth.require(&request, right).await?;
        let sight = self.sight(&request, "list").await?;
        quota::get(self, &authority, &sight)
            .await
            .map(Response::new)
    }

    async fn list_quotas(&self, request: Request<ListQuotasRequest>) -> Answer<ListQuotasResponse> {
        let caller = self.auth.caller(&request).await?;
        let sees_all = self
            .auth
            .may(&caller, &Access::tenancy("list", "quotas"))
            .await?;
        let sight = self.sight(&request, "list").await?;
        quota::list(self, sees_all, &sight, request.get_ref())
            .await
            .map(Response::new)
    }

    async fn update_quota(
        &self,
        request: Request<UpdateQuotaRequest>,
    ) -> Answer<UpdateQuotaResponse> {
        let name = request
            .get_ref()
            .quota
            .as_ref()
            .map(|quota| quota.name.clone())
            .unwrap_or_default();
        let authority = self
            .auth
            .require(&request, Access::tenancy("update", "quotas").named(name))
            .await?;
        quota::update(&self.client, &authority, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn delete_quota(
        &self,
        request: Request<DeleteQuotaRequest>,
    ) -> Answer<DeleteQuotaResponse> {
        let right = Access::tenancy("delete", "quotas").named(&request.get_ref().name);
        let authority = self.auth.require(&request, right).await?;
        quota::delete(&self.client, &authority, request.into_inner())
            .await
            .map(Response::new)
    }

    type WatchQuotasStream = Streamed<WatchQuotasResponse>;

    async fn watch_quotas(
        &self,
        request: Request<WatchQuotasRequest>,
    ) -> Answer<Self::WatchQuotasStream> {
        let name = request.get_ref().name.clone();
        let gaze = self.gaze(request, Subject::Quotas(name)).await?;
        let stream = watch::quotas(self, gaze).await?;
        Ok(Response::new(stream))
    }

    async fn list_namespaces(
        &self,
        request: Request<ListNamespacesRequest>,
    ) -> Answer<ListNamespacesResponse> {
        let right = Access::tenancy("get", "tenants")
            .subresource("namespaces")
            .named(&request.get_ref().tenant);
        let authority = self.auth.require(&request, right).await?;
        namespace::list(&self.client, &authority, request.get_ref())
            .await
            .map(Response::new)
    }

    async fn plan_tenant(&self, request: Request<PlanTenantRequest>) -> Answer<PlanTenantResponse> {
        Box::pin(plan::tenant(self, request))
            .await
            .map(Response::new)
    }

    async fn plan_quota(&self, request: Request<PlanQuotaRequest>) -> Answer<PlanQuotaResponse> {
        Box::pin(plan::quota(self, request))
            .await
            .map(Response::new)
    }

    async fn list_tenant_revisions(
        &self,
        request: Request<ListTenantRevisionsRequest>,
    ) -> Answer<ListTenantRevisionsResponse> {
        history::revisions(self, request).await.map(Response::new)
    }

    async fn get_tenant_revision(
        &self,
        request: Request<GetTenantRevisionRequest>,
    ) -> Answer<GetTenantRevisionResponse> {
        history::revision(self, request).await.map(Response::new)
    }

    async fn revert_tenant(
        &self,
        request: Request<RevertTenantRequest>,
    ) -> Answer<RevertTenantResponse> {
        let right = Access::tenancy("update", "tenants").named(&request.get_ref().name);
        let authority = self.auth.require(&request, right).await?;
        Box::pin(revert::revert(self, &authority, request.into_inner()))
            .await
            .map(Response::new)
    }

    async fn list_access(&self, request: Request<ListAccessRequest>) -> Answer<ListAccessResponse> {
        history::access(self, request).await.map(Response::new)
    }

    async fn list_drift(&self, request: Request<ListDriftRequest>) -> Answer<ListDriftResponse> {
        history::drift(self, request).await.map(Response::new)
    }

    async fn pause_tenant(
        &self,
        request: Request<PauseTenantRequest>,
    ) -> Answer<PauseTenantResponse> {
        let right = Access::tenancy("update", "tenants").named(&request.get_ref().name);
        let authority = self.auth.require(&request, right).await?;
        let asked = request.into_inner();
        let pause = Pause {
            name: asked.name,
            etag: asked.etag,
            dry_run: asked.validate_only,
            is_paused: true,
        };
        let tenant = pause::set(self, &authority, pause).await?;
        Ok(Response::new(PauseTenantResponse {
            tenant: Some(tenant_message(&tenant)),
        }))
    }

    async fn resume_tenant(
        &self,
        request: Request<ResumeTenantRequest>,
    ) -> Answer<ResumeTenantResponse> {
        let right = Access::tenancy("update", "tenants").named(&request.get_ref().name);
        let authority = self.auth.require(&request, right).await?;
        let asked = request.into_inner();
        let pause = Pause {
            name: asked.name,
            etag: asked.etag,
            dry_run: asked.validate_only,
            is_paused: false,
        };
        let tenant = pause::set(self, &authority, pause).await?;
        Ok(Response::new(ResumeTenantResponse {
            tenant: Some(tenant_message(&tenant)),
        }))
    }
}
