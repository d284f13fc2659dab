use prost::Message as _;
use prost_types::FileDescriptorSet;
use tenantry_proto::{
    DESCRIPTORS,
    identity::v1::{
        CreateGroupRequest, Group, ListGroupsRequest,
        identity_service_client::IdentityServiceClient,
    },
};
use tenantry_testkit::{Service, stack};
use tonic::{Code, Request, Status, transport::Channel};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

use crate::support::{WITH_LOG, channel, outsider_token, together};

/// Lists that show everybody his own part, so an outsider gets an empty one.
const OWN_PART: [&str; 3] = ["ListTenants", "WatchTenants", "ListQuotas"];

/// Every rpc of the contract as (service, `package.Service/Method`).
fn methods() -> Vec<(Service, String)> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).expect("the descriptors are ours");
    let mut methods = Vec::new();
    for file in set.file {
        for offered in &file.service {
            let paths = offered
                .method
                .iter()
                .map(|method| format!("{}.{}/{}", file.package(), offered.name(), method.name()));
            for path in paths {
                methods.extend(
                    owners(file.package())
                        .into_iter()
                        .map(|owner| (owner, path.clone())),
                );
            }
        }
    }
    methods
}

fn owners(package: &str) -> Vec<Service> {
    match package {
        "tenantry.identity.v1" => vec![Service::Identity],
        "tenantry.tenant.v1" => vec![Service::Tenant],
        "tenantry.showback.v1" => vec![Service::Showback],
        "tenantry.audit.v1" => WITH_LOG.to_vec(),
        // The console answers to a cookie, not to a token.
        "tenantry.console.v1" => vec![],
        other => panic!("nobody serves {other}"),
    }
}

/// Calls `path` with an empty message.
async fn call(channel: &Channel, path: &str, token: Option<&str>) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.expect("the service is up");
    let mut request = Request::new(());
    if let Some(token) = token {
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let path = http::uri::PathAndQuery::try_from(format!("/{path}")).unwrap();
    let codec = ProstCodec::<(), ()>::default();
    let mut reply = grpc
        .server_streaming(request, path, codec)
        .await?
        .into_inner();
    reply.message().await.map(drop)
}

fn reason(status: &Status) -> String {
    status
        .get_error_details()
        .error_info()
        .map(|info| info.reason.clone())
        .unwrap_or_default()
}

#[tokio::test]
async fn every_rpc_refuses_whom_it_should() {
    let _turn = together().await;
    let outsider = outsider_token("tenantry");
    for (service, path) in methods() {
        let channel = channel(service).await;
        let refused = async |token| call(&channel, &path, token).await.expect_err(&path);
        let nobody = refused(None).await;
        assert_eq!(
            (nobody.code(), reason(&nobody).as_str()),
            (Code::Unauthenticated, "TOKEN_MISSING"),
            "{path}"
        );
        let liar = refused(Some("nonsense")).await;
        assert_eq!(
            (liar.code(), reason(&liar).as_str()),
            (Code::Unauthenticated, "TOKEN_INVALID"),
            "{path}"
        );
        if OWN_PART.iter().any(|own| path.ends_with(own)) {
            continue;
        }
        let stranger = refused(Some(&outsider)).await;
        assert_eq!(
            (stranger.code(), reason(&stranger).as_str()),
            (Code::PermissionDenied, "PERMISSION_DENIED"),
            "{path}"
        );
        assert!(
            stranger.message().contains("kubectl auth can-i"),
            "{path}: {}",
            stranger.message()
        );
    }
}

#[tokio::test]
async fn a_token_made_for_the_apiserver_opens_no_door_of_ours() {
    let _turn = together().await;
    let channel = channel(Service::Identity).await;
    let path = "tenantry.identity.v1.IdentityService/ListGroups";
    let theirs = outsider_token("https://kubernetes.default.svc");
    assert_eq!(
        call(&channel, path, Some(&theirs))
            .await
            .unwrap_err()
            .code(),
        Code::Unauthenticated
    );
    // The control: the same account with our audience is known, and only lacks the right.
    let ours = outsider_token("tenantry");
    assert_eq!(
        call(&channel, path, Some(&ours)).await.unwrap_err().code(),
        Code::PermissionDenied
    );
}

#[tokio::test]
async fn a_bad_field_is_named_and_a_good_one_passes() {
    let _turn = together().await;
    let mut client = IdentityServiceClient::new(channel(Service::Identity).await);
    let group = |name: &str| Group {
        group_name: name.into(),
        ..Group::default()
    };
    let bad = CreateGroupRequest {
        group: Some(group("no spaces")),
        validate_only: true,
    };
    let refused = client.create_group(admin(bad)).await.unwrap_err();
    let details = refused.get_error_details();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(
        details.bad_request().unwrap().field_violations[0].field,
        "group.group_name"
    );
    assert_eq!(details.error_info().unwrap().reason, "FIELD_INVALID");
    let good = CreateGroupRequest {
        group: Some(group("no-spaces")),
        validate_only: true,
    };
    client.create_group(admin(good)).await.unwrap();
    client
        .list_groups(admin(ListGroupsRequest::default()))
        .await
        .unwrap();
}

fn admin<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let token = format!("Bearer {}", stack().secrets().kubernetes_admin);
    request
        .metadata_mut()
        .insert("authorization", token.parse().unwrap());
    request
}
