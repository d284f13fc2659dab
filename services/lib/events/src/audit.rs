//! AuditService: the event log, read by people who may.

mod rows;

use sqlx::PgPool;
use tenantry_proto::audit::v1::{
    ListAuditEntriesRequest, ListAuditEntriesResponse,
    audit_service_server::{AuditService, AuditServiceServer},
};
use tenantry_proto::common::v1::Reason;
use tenantry_runtime::{
    Chain,
    auth::{Access, Auth},
    page, status,
};
use tonic::{Code, Request, Response, Status, codec::CompressionEncoding};

use rows::Query;

/// Full name of the service, for health.
pub const NAME: &str = "tenantry.audit.v1.AuditService";

/// Serves the log in `pool` of `context`.
pub fn service(
    context: &'static str,
    pool: PgPool,
    auth: Auth,
) -> AuditServiceServer<impl AuditService> {
    AuditServiceServer::new(Audit {
        context,
        pool,
        auth,
    })
    .accept_compressed(CompressionEncoding::Gzip)
    .send_compressed(CompressionEncoding::Gzip)
}

struct Audit {
    context: &'static str,
    pool: PgPool,
    auth: Auth,
}

#[tonic::async_trait]
impl AuditService for Audit {
    async fn list_audit_entries(
        &self,
        request: Request<ListAuditEntriesRequest>,
    ) -> Result<Response<ListAuditEntriesResponse>, Status> {
        let reader = self
            .auth
            .require(&request, right(&request.get_ref().tenant))
            .await?;
        let query = Query::parse(request.into_inner())?;
        let entries = rows::list(&reader, &self.pool, self.context, &query)
            .await
            .map_err(|failure| {
                tracing::warn!(error = %Chain(&failure), "History not read.");
                let message = "the history cannot be read now; try again in a moment";
                status::with_reason(Code::Unavailable, Reason::HistoryUnavailable, message, [])
            })?;
        let next_page_token = match entries.last() {
            Some(last) if entries.len() == query.page_size => {
                page::token(&last.log_seq.to_string(), &query.text)
            }
            _ => String::new(),
        };
        Ok(Response::new(ListAuditEntriesResponse {
            entries,
            next_page_token,
        }))
    }
}

fn right(tenant: &str) -> Access {
    if tenant.is_empty() {
        return Access::tenancy("list", "tenants").subresource("audit");
    }
    Access::tenancy("get", "tenants")
        .subresource("audit")
        .named(tenant)
}
