//! IdentityService: proto in, IAM or aws-auth, proto out. The only maker of statuses.
//!
//! Every method asks for the right first and looks at the fields then: who may nothing learns nothing.

mod error;
mod group;
mod key;
mod mapping;
mod membership;
mod policy;
mod user;

use tenantry_proto::identity::v1::{
    AddUserToGroupRequest, AddUserToGroupResponse, CreateAccessKeyRequest, CreateAccessKeyResponse,
    CreateGroupRequest, CreateGroupResponse, CreateIdentityMappingRequest,
    CreateIdentityMappingResponse, CreateUserRequest, CreateUserResponse, DeleteAccessKeyRequest,
    DeleteAccessKeyResponse, DeleteGroupRequest, DeleteGroupResponse, DeleteIdentityMappingRequest,
    DeleteIdentityMappingResponse, DeleteUserPolicyRequest, DeleteUserPolicyResponse,
    DeleteUserRequest, DeleteUserResponse, GetGroupRequest, GetGroupResponse, GetUserPolicyRequest,
    GetUserPolicyResponse, GetUserRequest, GetUserResponse, ListAccessKeysRequest,
    ListAccessKeysResponse, ListGroupsRequest, ListGroupsResponse, ListIdentityMappingsRequest,
    ListIdentityMappingsResponse, ListUsersRequest, ListUsersResponse, PutUserPolicyRequest,
    PutUserPolicyResponse, RemoveUserFromGroupRequest, RemoveUserFromGroupResponse,
    identity_service_server::{IdentityService, IdentityServiceServer},
};
use tenantry_runtime::{
    auth::{Access, Auth, Authority},
    page,
    status::invalid_field,
};
use tonic::{Request, Response, Status, codec::CompressionEncoding};

use crate::{
    iam::{Iam, Mode, name::Path},
    mapping::Mappings,
    store::Store,
};

/// Full name of the service, for health.
pub const NAME: &str = "tenantry.identity.v1.IdentityService";

type Reply<T> = Result<Response<T>, Status>;

/// What the methods work with.
pub struct Identity {
    auth: Auth,
    iam: Iam,
    mappings: Mappings,
}

impl Identity {
    /// A service that asks `auth` who may, changes `iam` and aws-auth behind `kube`, and records in `store`.
    pub fn new(auth: Auth, iam: Iam, store: Store, kube: kube::Client) -> Self {
        Self {
            auth,
            iam,
            mappings: Mappings::new(kube, store),
        }
    }

    async fn require<T: Sync>(
        &self,
        request: &Request<T>,
        verb: &'static str,
    ) -> Result<Authority, Status> {
        self.auth
            .require(request, Access::own(verb, "identities"))
            .await
    }
}

/// Serves `service`.
pub fn server(service: Identity) -> IdentityServiceServer<Identity> {
    IdentityServiceServer::new(service)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
}

fn mode(validate_only: bool) -> Mode {
    if validate_only {
        Mode::Validate
    } else {
        Mode::Apply
    }
}

/// A name out of a request, or INVALID_ARGUMENT for its field.
fn name<T, E: std::fmt::Display>(
    field: &str,
    parse: impl FnOnce(String) -> Result<T, E>,
    text: String,
) -> Result<T, Status> {
    parse(text).map_err(|rule| invalid_field(field, rule.to_string()))
}

/// An IAM path out of a request; unset means `/`.
fn path(field: &str, text: String) -> Result<Path, Status> {
    let text = if text.is_empty() {
        "/".to_owned()
    } else {
        text
    };
    name(field, Path::parse, text)
}

/// A message out of a request that is of no use without it.
fn required<T>(field: &str, message: Option<T>) -> Result<T, Status> {
    message.ok_or_else(|| invalid_field(field, "is missing; give it"))
}

/// One page of `things`, which are in the order of `name`, and the token of the next.
///
/// IAM is read to its end each time: its own marker means nothing to another caller, what stands in for IAM in tests
/// knows none, and the account's limits (5000 users, 300 groups) keep that to a few calls.
fn one_page<T>(
    mut things: Vec<T>,
    name: fn(&T) -> &str,
    (page_size, page_token): (i32, &str),
    list: &str,
) -> Result<(Vec<T>, String), Status> {
    let size = page::size(page_size)?;
    if let Some(cursor) = page::cursor(page_token, list)? {
        things.retain(|thing| name(thing) > cursor.as_str());
    }
    let has_more = things.len() > size;
    things.truncate(size);
    let token = match things.last() {
        Some(last) if has_more => page::token(name(last), list),
        _ => String::new(),
    };
    Ok((things, token))
}

/// One macro instead of nineteen copies: each method of the contract has its function in the file of its noun.
macro_rules! methods {
    ($($method:ident($request:ident) -> $response:ident: $room:ident::$function:ident;)*) => {
        #[tonic::async_trait]
        impl IdentityService for Identity {
            $(
                async fn $method(&self, request: Request<$request>) -> Reply<$response> {
                    $room::$function(self, request).await
                }
            )*
        }
    };
}

methods! {
    create_group(CreateGroupRequest) -> CreateGroupResponse: group::create;
    get_group(GetGroupRequest) -> GetGroupResponse: group::get;
    list_groups(ListGroupsRequest) -> ListGroupsResponse: group::list;
    delete_group(DeleteGroupRequest) -> DeleteGroupResponse: group::delete;
    create_user(CreateUserRequest) -> CreateUserResponse: user::create;
    get_user(GetUserRequest) -> GetUserResponse: user::get;
    list_users(ListUsersRequest) -> ListUsersResponse: user::list;
    delete_user(DeleteUserRequest) -> DeleteUserResponse: user::delete;
    put_user_policy(PutUserPolicyRequest) -> PutUserPolicyResponse: policy::put;
    get_user_policy(GetUserPolicyRequest) -> GetUserPolicyResponse: policy::get;
    delete_user_policy(DeleteUserPolicyRequest) -> DeleteUserPolicyResponse: policy::delete;
    add_user_to_group(AddUserToGroupRequest) -> AddUserToGroupResponse: membership::add;
    remove_user_from_group(RemoveUserFromGroupRequest) -> RemoveUserFromGroupResponse: membership::remove;
    create_access_key(CreateAccessKeyRequest) -> CreateAccessKeyResponse: key::create;
    list_access_keys(ListAccessKeysRequest) -> ListAccessKeysResponse: key::list;
    delete_access_key(DeleteAccessKeyRequest) -> DeleteAccessKeyResponse: key::delete;
    create_identity_mapping(CreateIdentityMappingRequest) -> CreateIdentityMappingResponse: mapping::create;
    list_identity_mappings(ListIdentityMappingsRequest) -> ListIdentityMappingsResponse: mapping::list;
    delete_identity_mapping(DeleteIdentityMappingRequest) -> DeleteIdentityMappingResponse: mapping::delete;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_double() {
        let names = || vec!["a", "b", "c"];
        let (first, token) = one_page(names(), |name| name, (2, ""), "groups").unwrap();
        assert_eq!(first, ["a", "b"]);
        let (second, end) = one_page(names(), |name| name, (2, &token), "groups").unwrap();
        assert_eq!((second, end.as_str()), (vec!["c"], ""));
        assert!(one_page(names(), |name| name, (2, &token), "users").is_err());
    }
}
