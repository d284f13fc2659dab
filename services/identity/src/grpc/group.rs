use tenantry_proto::identity::v1::{
    CreateGroupRequest, CreateGroupResponse, DeleteGroupRequest, DeleteGroupResponse,
    GetGroupRequest, GetGroupResponse, ListGroupsRequest, ListGroupsResponse,
};
use tenantry_runtime::to_completion;
use tonic::{Request, Response};

use super::{Identity, Reply, error::status, mode, name, one_page, path, required};
use crate::iam::{
    Cause,
    group::{Group, NewGroup},
    name::GroupName,
};

pub(super) async fn create(
    service: &Identity,
    request: Request<CreateGroupRequest>,
) -> Reply<CreateGroupResponse> {
    let authority = service.require(&request, "create").await?;
    let request = request.into_inner();
    let group = required("group", request.group)?;
    let new = NewGroup {
        name: name("group.group_name", GroupName::parse, group.group_name)?,
        path: path("group.path", group.path)?,
    };
    let (iam, cause) = (service.iam.clone(), Cause::of(&authority));
    let mode = mode(request.validate_only);
    let outcome = to_completion(async move { iam.create_group(&cause, new, mode).await }).await;
    let (group, is_created) = outcome.map_err(status)?.into_parts();
    Ok(Response::new(CreateGroupResponse {
        group: Some(group.into()),
        is_created,
    }))
}

pub(super) async fn get(
    service: &Identity,
    request: Request<GetGroupRequest>,
) -> Reply<GetGroupResponse> {
    service.require(&request, "get").await?;
    let name = name(
        "group_name",
        GroupName::parse,
        request.into_inner().group_name,
    )?;
    let (group, users) = service.iam.get_group(&name).await.map_err(status)?;
    Ok(Response::new(GetGroupResponse {
        group: Some(group.into()),
        users: users.into_iter().map(Into::into).collect(),
    }))
}

pub(super) async fn list(
    service: &Identity,
    request: Request<ListGroupsRequest>,
) -> Reply<ListGroupsResponse> {
    service.require(&request, "list").await?;
    let ListGroupsRequest {
        page_size,
        page_token,
    } = request.into_inner();
    let groups = service.iam.list_groups().await.map_err(status)?;
    let by_name: fn(&Group) -> &str = |group| &group.name;
    let (groups, next_page_token) = one_page(groups, by_name, (page_size, &page_token), "groups")?;
    Ok(Response::new(ListGroupsResponse {
        groups: groups.into_iter().map(Into::into).collect(),
        next_page_token,
    }))
}

pub(super) async fn delete(
    service: &Identity,
    request: Request<DeleteGroupRequest>,
) -> Reply<DeleteGroupResponse> {
    let authority = service.require(&request, "delete").await?;
    let name = name(
        "group_name",
        GroupName::parse,
        request.into_inner().group_name,
    )?;
    let (iam, cause) = (service.iam.clone(), Cause::of(&authority));
    let deleted = to_completion(async move { iam.delete_group(&cause, &name).await }).await;
    let is_deleted = deleted.map_err(status)?;
    Ok(Response::new(DeleteGroupResponse { is_deleted }))
}
