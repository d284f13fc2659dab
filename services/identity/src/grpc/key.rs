use secrecy::ExposeSecret as _;
use tenantry_proto::identity::v1::{
    CreateAccessKeyRequest, CreateAccessKeyResponse, DeleteAccessKeyRequest,
    DeleteAccessKeyResponse, ListAccessKeysRequest, ListAccessKeysResponse,
};
use tenantry_runtime::to_completion;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response};

use super::{Identity, Reply, error::status, name};
use crate::iam::{
    Cause,
    name::{KeyId, UserName},
};

pub(super) async fn create(
    service: &Identity,
    request: Request<CreateAccessKeyRequest>,
) -> Reply<CreateAccessKeyResponse> {
    let authority = service.require(&request, "create").await?;
    let user = name("user_name", UserName::parse, request.into_inner().user_name)?;
    let (iam, cause) = (service.iam.clone(), Cause::of(&authority));
    // Dropped with this handler when the caller goes away: a secret that reaches nobody is taken back.
    let waiting = CancellationToken::new();
    let (caller_gone, _guard) = (waiting.clone(), waiting.drop_guard());
    let made = to_completion(async move { iam.create_key(&cause, &user, caller_gone).await }).await;
    let fresh = made.map_err(status)?;
    Ok(Response::new(CreateAccessKeyResponse {
        access_key: Some(fresh.key.into()),
        secret_access_key: fresh.secret.expose_secret().to_owned(),
    }))
}

pub(super) async fn list(
    service: &Identity,
    request: Request<ListAccessKeysRequest>,
) -> Reply<ListAccessKeysResponse> {
    service.require(&request, "list").await?;
    let user = name("user_name", UserName::parse, request.into_inner().user_name)?;
    let keys = service.iam.list_keys(&user).await.map_err(status)?;
    Ok(Response::new(ListAccessKeysResponse {
        access_keys: keys.into_iter().map(Into::into).collect(),
    }))
}

pub(super) async fn delete(
    service: &Identity,
    request: Request<DeleteAccessKeyRequest>,
) -> Reply<DeleteAccessKeyResponse> {
    let authority = service.require(&request, "delete").await?;
    let DeleteAccessKeyRequest {
        user_name,
        access_key_id,
    } = request.into_inner();
    let user = name("user_name", UserName::parse, user_name)?;
    let key = name("access_key_id", KeyId::parse, access_key_id)?;
    let (iam, cause) = (service.iam.clone(), Cause::of(&authority));
    let deleted = to_completion(async move { iam.delete_key(&cause, &user, &key).await }).await;
    let is_deleted = deleted.map_err(status)?;
    Ok(Response::new(DeleteAccessKeyResponse { is_deleted }))
}
