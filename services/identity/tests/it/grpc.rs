use std::{path::Path, time::Duration};

use tenantry_events::Wake;
use tenantry_identity::{grpc::Identity, store::Store};
use tenantry_proto::identity::v1::{
    AddUserToGroupRequest, CreateAccessKeyRequest, CreateGroupRequest,
    CreateIdentityMappingRequest, CreateUserRequest, DeleteAccessKeyRequest, DeleteUserRequest,
    GetUserRequest, Group, IdentityMapping, ListGroupsRequest, Membership, PutUserPolicyRequest,
    User, UserPolicy, identity_service_server::IdentityService,
};
use tenantry_runtime::auth::Auth;
use tenantry_testkit::{ControlPlane, Nodes, stack};
use tokio::sync::mpsc;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::support::Place;

/// The service as its transport would call it.
async fn service(place: &Place) -> Identity {
    service_of(place, &stack().kubeconfig("admin")).await
}

/// A service that edits the aws-auth of another cluster than the one it asks who calls.
async fn service_of(place: &Place, cluster: &Path) -> Identity {
    let (refused, _) = mpsc::channel(8);
    let auth = Auth::new(client(&stack().kubeconfig("admin")).await, refused);
    let store = Store::new(place.database.pool.clone(), Wake::default());
    Identity::new(auth, place.iam.clone(), store, client(cluster).await)
}

async fn client(kubeconfig: &Path) -> kube::Client {
    let file = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(file, &options).await;
    kube::Client::try_from(config.unwrap()).unwrap()
}

fn admin<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let token = format!("Bearer {}", stack().secrets().kubernetes_admin);
    request
        .metadata_mut()
        .insert("authorization", token.parse().unwrap());
    request
}

fn told(status: &Status) -> (Code, String, String) {
    let details = status.get_error_details();
    let reason = details.error_info().unwrap().reason.clone();
    let field = details
        .bad_request()
        .map(|bad| bad.field_violations[0].field.clone());
    (status.code(), reason, field.unwrap_or_default())
}

#[tokio::test]
async fn bad_fields_are_named_by_their_path() {
    let place = Place::create().await;
    let service = service(&place).await;
    let check = |answer: Result<(), Status>, field: &str| {
        let expected = (
            Code::InvalidArgument,
            "FIELD_INVALID".to_owned(),
            field.to_owned(),
        );
        assert_eq!(told(&answer.unwrap_err()), expected);
    };
    let group = |group| {
        admin(CreateGroupRequest {
            group,
            validate_only: true,
        })
    };
    check(service.create_group(group(None)).await.map(drop), "group");
    let spaced = Group {
        group_name: "no spaces".into(),
        ..Group::default()
    };
    check(
        service.create_group(group(Some(spaced))).await.map(drop),
        "group.group_name",
    );
    let lost = Group {
        group_name: "g".into(),
        path: "noslash".into(),
        ..Group::default()
    };
    check(
        service.create_group(group(Some(lost))).await.map(drop),
        "group.path",
    );
    let user = Some(User {
        user_name: "u".repeat(65),
        ..User::default()
    });
    let request = admin(CreateUserRequest {
        user,
        validate_only: false,
    });
    check(
        service.create_user(request).await.map(drop),
        "user.user_name",
    );
    let policy = UserPolicy {
        user_name: "u".into(),
        policy_name: "p".into(),
        policy_document: "{".into(),
    };
    let request = admin(PutUserPolicyRequest {
        policy: Some(policy),
        validate_only: false,
    });
    check(
        service.put_user_policy(request).await.map(drop),
        "policy.policy_document",
    );
    let membership = Some(Membership {
        group_name: "g".into(),
        user_name: String::new(),
    });
    let request = admin(AddUserToGroupRequest { membership });
    check(
        service.add_user_to_group(request).await.map(drop),
        "membership.user_name",
    );
    let request = DeleteAccessKeyRequest {
        user_name: "u".into(),
        access_key_id: "AKIA".into(),
    };
    check(
        service.delete_access_key(admin(request)).await.map(drop),
        "access_key_id",
    );
    let request = ListGroupsRequest {
        page_size: -1,
        page_token: String::new(),
    };
    check(
        service.list_groups(admin(request)).await.map(drop),
        "page_size",
    );
}

#[tokio::test]
async fn who_may_nothing_is_not_told_about_fields() {
    let place = Place::create().await;
    let service = service(&place).await;
    let nobody = service
        .create_group(Request::new(CreateGroupRequest::default()))
        .await;
    assert_eq!(told(&nobody.unwrap_err()).1, "TOKEN_MISSING");
}

#[tokio::test]
async fn the_tutorial_s_user_gets_a_key() {
    let place = Place::create().await;
    let service = service(&place).await;
    let (group_name, user_name) = (
        place.group_name().to_string(),
        place.user_name().to_string(),
    );
    let group = Group {
        group_name: group_name.clone(),
        ..Group::default()
    };
    let request = CreateGroupRequest {
        group: Some(group),
        validate_only: false,
    };
    assert!(
        service
            .create_group(admin(request))
            .await
            .unwrap()
            .into_inner()
            .is_created
    );
    let user = User {
        user_name: user_name.clone(),
        ..User::default()
    };
    let request = CreateUserRequest {
        user: Some(user),
        validate_only: false,
    };
    service.create_user(admin(request)).await.unwrap();
    let membership = Membership {
        group_name: group_name.clone(),
        user_name: user_name.clone(),
    };
    let request = AddUserToGroupRequest {
        membership: Some(membership),
    };
    service.add_user_to_group(admin(request)).await.unwrap();
    let request = CreateAccessKeyRequest {
        user_name: user_name.clone(),
    };
    let key = service
        .create_access_key(admin(request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(key.secret_access_key.len(), 40);
    assert!(!format!("{key:?}").contains(&key.secret_access_key));
    let request = GetUserRequest { user_name };
    let read = service.get_user(admin(request)).await.unwrap().into_inner();
    assert_eq!(read.groups[0].group_name, group_name);
    assert_eq!(read.access_keys, [key.access_key.unwrap()]);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let place = Place::create().await;
    let service = service(&place).await;
    let request = GetUserRequest {
        user_name: place.user_name().to_string(),
    };
    let refused = service.get_user(admin(request)).await.unwrap_err();
    assert_eq!(told(&refused).1, "NOT_FOUND");
    assert!(
        refused.message().contains("create it first"),
        "{}",
        refused.message()
    );
}

#[tokio::test]
async fn a_mapped_user_is_not_deleted() {
    let place = Place::create().await;
    let plane = || ControlPlane::start(&ControlPlane::directory("mapped"), Nodes::None);
    let plane = tokio::task::spawn_blocking(plane).await.unwrap().unwrap();
    let service = service_of(&place, &plane.kubeconfig()).await;
    let user = place.user_name();
    place.user(&user).await;
    let arn = format!("arn:aws:iam::630742778131:user/{user}");
    // In another spelling: the authenticator compares without case.
    let users = format!("- userarn: {}\n  username: x\n", arn.to_uppercase());
    let kubectl = |arguments: &[&str]| {
        plane
            .kubectl()
            .args(["-n", "kube-system"])
            .args(arguments.iter().copied())
            .run(Duration::from_secs(10))
            .unwrap();
    };
    let literal = format!(
        "--from-literal=mapUsers={}",
        users
            .replace("ARN:AWS:IAM", "arn:aws:iam")
            .replace(":USER/", ":user/")
    );
    kubectl(&["create", "configmap", "aws-auth", &literal]);
    let delete = || {
        admin(DeleteUserRequest {
            user_name: user.to_string(),
        })
    };
    let refused = service.delete_user(delete()).await.unwrap_err();
    assert_eq!(told(&refused).1, "IN_USE");
    assert!(
        refused.message().contains("mapping delete"),
        "{}",
        refused.message()
    );
    let broken = r#"{"data": {"mapUsers": "- userarn: [never closed\n"}}"#;
    kubectl(&["patch", "configmap", "aws-auth", "-p", broken]);
    let refused = service.delete_user(delete()).await.unwrap_err();
    assert_eq!(told(&refused).1, "MAPPING_UNPARSEABLE");
    place.iam.get_user(&user).await.unwrap();
    kubectl(&["delete", "configmap", "aws-auth"]);
    for was_there in [true, false] {
        let deleted = service.delete_user(delete()).await.unwrap();
        assert_eq!(deleted.into_inner().is_deleted, was_there);
    }
    assert!(place.iam.get_user(&user).await.is_err());
    names_are_replaced_only_when_asked(&service, &arn).await;
}

async fn names_are_replaced_only_when_asked(service: &Identity, arn: &str) {
    let create = |username: &str, replace| {
        let mapping = IdentityMapping {
            arn: arn.to_owned(),
            username: username.to_owned(),
            groups: Vec::new(),
        };
        admin(CreateIdentityMappingRequest {
            mapping: Some(mapping),
            replace,
            ..CreateIdentityMappingRequest::default()
        })
    };
    let mapped = async || {
        let listed = service.list_identity_mappings(admin(Default::default()));
        listed
            .await
            .unwrap()
            .into_inner()
            .mappings
            .remove(0)
            .username
    };
    for _ in 0..2 {
        service
            .create_identity_mapping(create("ada", false))
            .await
            .unwrap();
    }
    let refused = service.create_identity_mapping(create("eve", false)).await;
    let refused = refused.unwrap_err();
    let (code, reason, _) = told(&refused);
    assert_eq!(
        (code, reason.as_str()),
        (Code::AlreadyExists, "MAPPING_EXISTS")
    );
    assert!(refused.message().contains("--replace"), "{refused}");
    assert_eq!(mapped().await, "ada");
    service
        .create_identity_mapping(create("eve", true))
        .await
        .unwrap();
    assert_eq!(mapped().await, "eve");
}
