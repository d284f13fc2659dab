use tenantry_proto::identity::v1::{
    CreateIdentityMappingRequest, CreateIdentityMappingResponse, DeleteIdentityMappingRequest,
    DeleteIdentityMappingResponse, ListIdentityMappingsRequest, ListIdentityMappingsResponse,
};
use tonic::{Request, Status};

use super::{Identity, Reply};
use crate::iam::Error;

pub(super) async fn create(
    service: &Identity,
    request: Request<CreateIdentityMappingRequest>,
) -> Reply<CreateIdentityMappingResponse> {
    service.require(&request, "create").await?;
    Err(Status::unimplemented("mappings come with the other half"))
}

pub(super) async fn list(
    service: &Identity,
    request: Request<ListIdentityMappingsRequest>,
) -> Reply<ListIdentityMappingsResponse> {
    service.require(&request, "list").await?;
    Err(Status::unimplemented("mappings come with the other half"))
}

pub(super) async fn delete(
    service: &Identity,
    request: Request<DeleteIdentityMappingRequest>,
) -> Reply<DeleteIdentityMappingResponse> {
    service.require(&request, "delete").await?;
    Err(Status::unimplemented("mappings come with the other half"))
}

/// Whether `arn` has an entry in aws-auth, in any spelling; `Error::MappingUnknown` if the cluster does not say.
pub(super) async fn is_mapped(_service: &Identity, _arn: &str) -> Result<bool, Error> {
    Ok(false)
}
