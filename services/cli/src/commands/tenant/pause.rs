//! `tenantry tenant pause` and `resume`.

use tenantry_proto::tenant::v1::{PauseTenantRequest, ResumeTenantRequest};

use crate::{error::Error, session::Session};

pub(super) async fn pause(session: &Session, name: String) -> Result<(), Error> {
    let request = PauseTenantRequest {
        name: name.clone(),
        ..Default::default()
    };
    let reply = session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.pause_tenant(request).await
        })
        .await?;
    session
        .out
        .wrote(&reply, &format!("tenant/{name}"), "paused")?;
    session.out.talk(format!(
        "Its spec is not applied and drift stays, until: tenantry tenant resume {name}"
    ));
    Ok(())
}

pub(super) async fn resume(session: &Session, name: String) -> Result<(), Error> {
    let request = ResumeTenantRequest {
        name: name.clone(),
        ..Default::default()
    };
    let reply = session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.resume_tenant(request).await
        })
        .await?;
    session
        .out
        .wrote(&reply, &format!("tenant/{name}"), "resumed")?;
    session
        .out
        .talk(format!("Next: tenantry tenant watch {name}"));
    Ok(())
}
