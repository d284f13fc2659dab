use tenantry_proto::identity::v1::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, DeleteUserResponse, GetUserRequest,
    GetUserResponse, ListUsersRequest, ListUsersResponse,
};
use tenantry_runtime::to_completion;
use tonic::{Request, Response};

use super::{Identity, Reply, error::status, mapping, mode, name, one_page, path, required};
use crate::iam::{
    Cause, Error,
    name::UserName,
    user::{NewUser, User},
};

pub(super) async fn create(
    service: &Identity,
    request: Request<CreateUserRequest>,
) -> Reply<CreateUserResponse> {
    let authority = service.require(&request, "create").await?;
    let request = request.into_inner();
    let user = required("user", request.user)?;
    let new = NewUser {
        name: name("user.user_name", UserName::parse, user.user_name)?,
        path: path("user.path", user.path)?,
    };
    let (iam, cause) = (service.iam.clone(), Cause::of(&authority));
    let mode = mode(request.validate_only);
    let outcome = to_completion(async move { iam.create_user(&cause, new, mode).await }).await;
    let (user, is_created) = outcome.map_err(status)?.into_parts();
    Ok(Response::new(CreateUserResponse {
        user: Some(user.into()),
        is_created,
    }))
}

pub(super) async fn get(
    service: &Identity,
    request: Request<GetUserRequest>,
) -> Reply<GetUserResponse> {
    service.require(&request, "get").await?;
    let name = name("user_name", UserName::parse, request.into_inner().user_name)?;
    let profile = service.iam.profile(&name).await.map_err(status)?;
    Ok(Response::new(GetUserResponse {
        user: Some(profile.user.into()),
        groups: profile.groups.into_iter().map(Into::into).collect(),
        access_keys: profile.keys.into_iter().map(Into::into).collect(),
        policy_names: profile.policy_names,
    }))
}

pub(super) async fn list(
    service: &Identity,
    request: Request<ListUsersRequest>,
) -> Reply<ListUsersResponse> {
    service.require(&request, "list").await?;
    let ListUsersRequest {
        page_size,
        page_token,
    } = request.into_inner();
    let users = service.iam.list_users().await.map_err(status)?;
    let by_name: fn(&User) -> &str = |user| &user.name;
    let (users, next_page_token) = one_page(users, by_name, (page_size, &page_token), "users")?;
    Ok(Response::new(ListUsersResponse {
        users: users.into_iter().map(Into::into).collect(),
        next_page_token,
    }))
}

pub(super) async fn delete(
    service: &Identity,
    request: Request<DeleteUserRequest>,
) -> Reply<DeleteUserResponse> {
    let authority = service.require(&request, "delete").await?;
    let name = name("user_name", UserName::parse, request.into_inner().user_name)?;
    let (iam, cause) = (service.iam.clone(), Cause::of(&authority));
    let user = match iam.get_user(&name).await {
        Ok(user) => user,
        Err(Error::NotFound { .. }) => {
            iam.note_absent_user(&cause, &name).await;
            return Ok(Response::new(DeleteUserResponse { is_deleted: false }));
        }
        Err(failure) => return Err(status(failure)),
    };
    // The mapping is bound to the name: left behind, it would be the next user's of that name.
    if mapping::is_mapped(service, &user.arn).await? {
        return Err(status(Error::Mapped { arn: user.arn }));
    }
    let deleted = to_completion(async move { iam.delete_user(&cause, &name, user).await }).await;
    deleted.map_err(status)?;
    Ok(Response::new(DeleteUserResponse { is_deleted: true }))
}
