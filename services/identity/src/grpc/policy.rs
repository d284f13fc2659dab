use tenantry_proto::identity::v1::{
    DeleteUserPolicyRequest, DeleteUserPolicyResponse, GetUserPolicyRequest, GetUserPolicyResponse,
    PutUserPolicyRequest, PutUserPolicyResponse,
};
use tenantry_runtime::to_completion;
use tonic::{Request, Response};

use super::{Identity, Reply, error::status, mode, name, required};
use crate::iam::{
    Cause,
    name::{PolicyName, UserName},
    policy::{Document, NewPolicy},
};

pub(super) async fn put(
    service: &Identity,
    request: Request<PutUserPolicyRequest>,
) -> Reply<PutUserPolicyResponse> {
    let authority = service.require(&request, "update").await?;
    let request = request.into_inner();
    let policy = required("policy", request.policy)?;
    let new = NewPolicy {
        user_name: name("policy.user_name", UserName::parse, policy.user_name)?,
        name: name("policy.policy_name", PolicyName::parse, policy.policy_name)?,
        document: name(
            "policy.policy_document",
            Document::parse,
            policy.policy_document,
        )?,
    };
    let (iam, cause) = (service.iam.clone(), Cause::of(&authority));
    let mode = mode(request.validate_only);
    let outcome = to_completion(async move { iam.put_policy(&cause, new, mode).await }).await;
    let (policy, is_changed) = outcome.map_err(status)?.into_parts();
    Ok(Response::new(PutUserPolicyResponse {
        policy: Some(policy.into()),
        is_changed,
    }))
}

pub(super) async fn get(
    service: &Identity,
    request: Request<GetUserPolicyRequest>,
) -> Reply<GetUserPolicyResponse> {
    service.require(&request, "get").await?;
    let GetUserPolicyRequest {
        user_name,
        policy_name,
    } = request.into_inner();
    let user_name = name("user_name", UserName::parse, user_name)?;
    let policy_name = name("policy_name", PolicyName::parse, policy_name)?;
    let policy = service.iam.get_policy(&user_name, &policy_name).await;
    let policy = policy.map_err(status)?.into();
    Ok(Response::new(GetUserPolicyResponse {
        policy: Some(policy),
    }))
}

pub(super) async fn delete(
    service: &Identity,
    request: Request<DeleteUserPolicyRequest>,
) -> Reply<DeleteUserPolicyResponse> {
    let authority = service.require(&request, "delete").await?;
    let DeleteUserPolicyRequest {
        user_name,
        policy_name,
    } = request.into_inner();
    let user = name("user_name", UserName::parse, user_name)?;
    let policy = name("policy_name", PolicyName::parse, policy_name)?;
    let (iam, cause) = (service.iam.clone(), Cause::of(&authority));
    let deleted =
        to_completion(async move { iam.delete_policy(&cause, &user, &policy).await }).await;
    let is_deleted = deleted.map_err(status)?;
    Ok(Response::new(DeleteUserPolicyResponse { is_deleted }))
}
