use tenantry_proto::tenant::v1::{
    AccessControl, Change, CreateTenantRequest, DeleteQuotaRequest, DeleteTenantRequest,
    GetQuotaRequest, GetTenantRequest, ListNamespacesRequest, ListQuotasRequest,
    ListTenantsRequest, Members, NamespacesSpec, Tenant, TenantSpec, UpdateTenantRequest,
    WatchTenantsRequest, tenant_service_client::TenantServiceClient,
};
use tonic::{Code, Request, Status, metadata::MetadataValue, transport::Channel};
use tonic_types::StatusExt as _;

use crate::support::World;

/// `message` from the bearer of `token`.
pub(crate) fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

fn reason(status: &Status) -> (Code, String) {
    (
        status.code(),
        status
            .get_error_details()
            .error_info()
            .map(|info| info.reason.clone())
            .unwrap_or_default(),
    )
}

fn message(name: &str, quota: &str) -> Tenant {
    let owners = Members {
        users: vec!["owl@nordmart.com".into()],
        groups: vec![],
    };
    let spec = TenantSpec {
        quota: quota.into(),
        access_control: Some(AccessControl {
            owners: Some(owners),
            ..AccessControl::default()
        }),
        namespaces: Some(NamespacesSpec {
            with_tenant_prefix: vec!["dev".into()],
            ..NamespacesSpec::default()
        }),
        ..TenantSpec::default()
    };
    Tenant {
        name: name.into(),
        spec: Some(spec),
        ..Tenant::default()
    }
}

async fn client(world: &World) -> TenantServiceClient<Channel> {
    TenantServiceClient::new(world.channel().await)
}

#[tokio::test]
async fn a_tenant_lives_through_grpc_with_its_callers_name() {
    let world = World::shared().await;
    let (mut client, token) = (client(&world).await, world.admin_token());
    let mut watch = client
        .watch_tenants(bearing(
            &token,
            WatchTenantsRequest {
                name: "wire".into(),
            },
        ))
        .await
        .unwrap()
        .into_inner();
    let create = |name: &str, quota: &str, validate_only| {
        bearing(
            &token,
            CreateTenantRequest {
                tenant: Some(message(name, quota)),
                validate_only,
            },
        )
    };
    client
        .create_tenant(create("wire", "small", true))
        .await
        .unwrap();
    assert!(
        world.kubectl("get tenant wire").is_err(),
        "validate_only changes nothing"
    );
    let created = client
        .create_tenant(create("wire", "small", false))
        .await
        .unwrap()
        .into_inner()
        .tenant
        .unwrap();
    assert_eq!(
        watch.message().await.unwrap().unwrap().change(),
        Change::Added
    );
    let again = client
        .create_tenant(create("wire", "small", false))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&again),
        (Code::AlreadyExists, "ALREADY_EXISTS".into())
    );
    let refused = client
        .create_tenant(create("other", "none", false))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::FailedPrecondition, "QUOTA_NOT_FOUND".into())
    );
    // A namespace that another tenant has is refused by the webhook, which a dry run reaches, too.
    world.wait_for("wire", "Ready", "True").await;
    for validate_only in [true, false] {
        let mut rival = message("rival", "small");
        let spec = rival.spec.as_mut().unwrap();
        let namespaces = spec.namespaces.as_mut().unwrap();
        namespaces.without_tenant_prefix = vec!["wire-dev".into()];
        let request = CreateTenantRequest {
            tenant: Some(rival),
            validate_only,
        };
        let refused = client.create_tenant(bearing(&token, request)).await;
        assert_eq!(
            reason(&refused.unwrap_err()),
            (Code::FailedPrecondition, "NAMESPACE_TAKEN".into())
        );
    }
    let refused = client
        .create_tenant(create("Bad Name", "small", false))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::InvalidArgument, "FIELD_INVALID".into())
    );
    assert_eq!(
        refused
            .get_error_details()
            .bad_request()
            .unwrap()
            .field_violations[0]
            .field,
        "tenant.name"
    );

    let stale = Tenant {
        etag: created.etag,
        ..message("wire", "small")
    };
    let update = |tenant: Tenant| {
        bearing(
            &token,
            UpdateTenantRequest {
                tenant: Some(tenant),
                ..UpdateTenantRequest::default()
            },
        )
    };
    let refused = client.update_tenant(update(stale)).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Aborted, "CONFLICT".into()));
    let mut changed = message("wire", "");
    changed.spec.as_mut().unwrap().description = "Moves parcels.".into();
    let changed = client
        .update_tenant(update(changed))
        .await
        .unwrap()
        .into_inner()
        .tenant
        .unwrap();
    let spec = changed.spec.unwrap();
    assert_eq!(
        (spec.quota.as_str(), spec.description.as_str()),
        ("small", "Moves parcels.")
    );

    let list = ListNamespacesRequest {
        tenant: "wire".into(),
        ..ListNamespacesRequest::default()
    };
    let namespaces = client
        .list_namespaces(bearing(&token, list))
        .await
        .unwrap()
        .into_inner()
        .namespaces;
    assert_eq!(
        namespaces
            .iter()
            .map(|namespace| namespace.name.as_str())
            .collect::<Vec<_>>(),
        ["wire-dev"]
    );
    assert_eq!(namespaces[0].quota[0].resource, "configmaps");

    let delete = DeleteQuotaRequest {
        name: "small".into(),
        ..DeleteQuotaRequest::default()
    };
    let refused = client
        .delete_quota(bearing(&token, delete))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::FailedPrecondition, "QUOTA_IN_USE".into())
    );
    let delete = DeleteTenantRequest {
        name: "wire".into(),
        ..DeleteTenantRequest::default()
    };
    client.delete_tenant(bearing(&token, delete)).await.unwrap();
    world.wait_until_gone("get tenant wire").await;
    let actors: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT actor_kind || ':' || actor_name FROM events.event WHERE tenant = 'wire' AND kind LIKE 'Tenant%'",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap();
    assert_eq!(actors, ["user:platform-admin"]);
    loop {
        if watch.message().await.unwrap().unwrap().change() == Change::Deleted {
            break;
        }
    }
}

#[tokio::test]
async fn every_call_is_refused_without_a_token_and_without_the_right() {
    let world = World::shared().await;
    let mut client = client(&world).await;
    let _ = world.kubectl("create serviceaccount nobody -n default");
    let token = world
        .kubectl("create token nobody -n default --audience tenantry")
        .unwrap();
    let token = token.trim();
    let get = GetTenantRequest { name: "any".into() };
    let refused = client
        .get_tenant(Request::new(get.clone()))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::Unauthenticated, "TOKEN_MISSING".into())
    );
    let refused = client
        .get_tenant(bearing("nonsense", get.clone()))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::Unauthenticated, "TOKEN_INVALID".into())
    );
    let tenant = || Some(message("any", "small"));
    let update = UpdateTenantRequest {
        tenant: tenant(),
        ..UpdateTenantRequest::default()
    };
    let create = CreateTenantRequest {
        tenant: tenant(),
        validate_only: false,
    };
    let delete = DeleteTenantRequest {
        name: "any".into(),
        ..DeleteTenantRequest::default()
    };
    let namespaces = ListNamespacesRequest {
        tenant: "any".into(),
        ..ListNamespacesRequest::default()
    };
    let watch = WatchTenantsRequest { name: "any".into() };
    let quota = GetQuotaRequest {
        name: "small".into(),
    };
    let denied = [
        client.get_tenant(bearing(token, get)).await.map(drop),
        client.create_tenant(bearing(token, create)).await.map(drop),
        client.update_tenant(bearing(token, update)).await.map(drop),
        client.delete_tenant(bearing(token, delete)).await.map(drop),
        client
            .list_namespaces(bearing(token, namespaces))
            .await
            .map(drop),
        client.watch_tenants(bearing(token, watch)).await.map(drop),
        client.get_quota(bearing(token, quota)).await.map(drop),
    ];
    for answer in denied {
        assert_eq!(
            reason(&answer.unwrap_err()),
            (Code::PermissionDenied, "PERMISSION_DENIED".into())
        );
    }
    let tenants = client
        .list_tenants(bearing(token, ListTenantsRequest::default()))
        .await
        .unwrap()
        .into_inner();
    assert!(tenants.tenants.is_empty(), "a stranger sees no tenant");
    let quotas = client
        .list_quotas(bearing(token, ListQuotasRequest::default()))
        .await
        .unwrap()
        .into_inner();
    assert!(quotas.quotas.is_empty(), "a stranger sees no quota");
}
