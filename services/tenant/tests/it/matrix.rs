//! Who may what: every role × every resource that the apiserver discovers × every verb × where, against a golden matrix.
//!
//! The apiserver itself is asked, as the member. What `admin` allows inside one's own namespace stands in the matrix as
//! such. An outsider with the same questions is the control: what he may is what every user of a cluster may.
//! `tenantry conformance` holds other clusters against the same matrix.

use tenantry_conformance::rights;

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_what_the_matrix_says_and_nothing_else() {
    let world = World::shared().await;
    world.apply(&manifest("matrix", true));
    world.apply(&manifest("foreign", false));
    world.wait_for("matrix", "Ready", "True").await;
    world.wait_for("foreign", "Ready", "True").await;
    let run = world.conformance("matrix", Some("foreign")).await;
    let answered = run.rights(|| {}).await;
    let seen = rights::seen(run.scene(), &answered).unwrap();
    insta::with_settings!({snapshot_path => "../../../lib/conformance", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("matrix", seen.to_string());
    });
}

fn manifest(name: &str, has_members: bool) -> String {
    let members = if has_members {
        "owners: {users: [owner]}, editors: {users: [editor]}, viewers: {users: [viewer]}"
    } else {
        "owners: {users: [somebody]}"
    };
    format!(
        "{{apiVersion: tenantoperator.stakater.com/v1beta3, kind: Tenant, metadata: {{name: {name}}}, spec: {{quota: small, \
         namespaces: {{withTenantPrefix: [dev]}}, accessControl: {{{members}}}}}}}"
    )
}
