use tenantry_proto::identity::v1::{
    AddUserToGroupRequest, AddUserToGroupResponse, Membership, RemoveUserFromGroupRequest,
    RemoveUserFromGroupResponse,
};
use tenantry_runtime::to_completion;
use tonic::{Request, Response, Status};

use super::{Identity, Reply, error::status, name, required};
use crate::iam::{
    Cause,
    name::{GroupName, UserName},
};

pub(super) async fn add(
    service: &Identity,
    request: Request<AddUserToGroupRequest>,
) -> Reply<AddUserToGroupResponse> {
    let authority = service.require(&request, "update").await?;
    let membership = request.into_inner().membership;
    let (group, user) = parse(membership.clone())?;
    let (iam, cause) = (service.iam.clone(), Cause::of(&authority));
    let added = to_completion(async move { iam.add_to_group(&cause, &group, &user).await }).await;
    added.map_err(status)?;
    Ok(Response::new(AddUserToGroupResponse { membership }))
}

pub(super) async fn remove(
    service: &Identity,
    request: Request<RemoveUserFromGroupRequest>,
) -> Reply<RemoveUserFromGroupResponse> {
    let authority = service.require(&request, "update").await?;
    let (group, user) = parse(request.into_inner().membership)?;
    let (iam, cause) = (service.iam.clone(), Cause::of(&authority));
    let removed =
        to_completion(async move { iam.remove_from_group(&cause, &group, &user).await }).await;
    let is_removed = removed.map_err(status)?;
    Ok(Response::new(RemoveUserFromGroupResponse { is_removed }))
}

fn parse(membership: Option<Membership>) -> Result<(GroupName, UserName), Status> {
    let Membership {
        group_name,
        user_name,
    } = required("membership", membership)?;
    Ok((
        name("membership.group_name", GroupName::parse, group_name)?,
        name("membership.user_name", UserName::parse, user_name)?,
    ))
}
