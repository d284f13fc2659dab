//! `tenantry tenant namespaces`.

use tenantry_proto::tenant::v1::{
    ListNamespacesRequest, ListNamespacesResponse, Namespace, ResourceUsage,
};

use crate::{
    commands::page,
    error::Error,
    moment,
    session::Session,
    view::{Column, View},
};

pub(super) async fn list(session: &Session, tenant: String) -> Result<(), Error> {
    let tenants = session.tenant().await?;
    let namespaces = page::all(async |page_token| {
        let request = ListNamespacesRequest {
            tenant: tenant.clone(),
            page_size: page::SIZE,
            page_token,
        };
        let reply = tenants
            .call(request, async |mut client, request| {
                client.list_namespaces(request).await
            })
            .await?;
        Ok((reply.namespaces, reply.next_page_token))
    });
    let reply = ListNamespacesResponse {
        namespaces: namespaces.await?,
        next_page_token: String::new(),
    };
    let view = View {
        columns: vec![
            Column::text("NAME"),
            Column::text("TENANT"),
            Column::text("KIND"),
            Column::text("STATUS"),
            Column::text("AGE"),
            Column::text("USED").wide(),
        ],
        rows: reply
            .namespaces
            .iter()
            .map(|namespace| row(session, namespace))
            .collect(),
        names: reply
            .namespaces
            .iter()
            .map(|namespace| format!("namespace/{}", namespace.name))
            .collect(),
        empty: format!(
            "Tenant {tenant} has no namespaces. Add one: tenantry tenant update {tenant} --namespace dev"
        ),
    };
    session.out.show(&reply, &view)
}

fn row(session: &Session, namespace: &Namespace) -> Vec<String> {
    let Namespace {
        name,
        tenant,
        kind,
        is_active,
        quota,
        create_time,
        ..
    } = namespace.clone();
    let status = if is_active { "Active" } else { "Terminating" };
    vec![
        name,
        tenant,
        kind,
        status.to_owned(),
        moment::age(create_time.as_ref(), session.now),
        used(&quota),
    ]
}

/// Use of each resource as `memory 1Gi/8Gi`.
fn used(resources: &[ResourceUsage]) -> String {
    let lines = resources.iter().map(
        |ResourceUsage {
             resource,
             hard,
             used,
         }| format!("{resource} {used}/{hard}"),
    );
    lines.collect::<Vec<_>>().join(", ")
}
