use std::process::Command;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tenantry_testkit::eventually;

use crate::support::{QUOTA, World, tenant};

/// Refusals in the history: who, which method, which rule, about what.
async fn refusals(world: &World) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT actor_name || ' ' || name || ' ' || (data->'refusal'->>'reason') || ' ' || (data->'refusal'->>'subject')
         || coalesce(' in ' || tenant, '')
         FROM events.event WHERE kind = 'RequestRefused' ORDER BY 1",
    )
    .fetch_all(&world.pool())
    .await
    .unwrap()
}

fn plain(name: &str, lists: &str) -> String {
    let written = "namespaces: {withTenantPrefix: [dev, build]}";
    tenant(name, "owl@nordmart.com", "").replace(written, &format!("namespaces: {{{lists}}}"))
}

const CONFIG: &str = "
apiVersion: tenantoperator.stakater.com/v1beta1
kind: IntegrationConfig
metadata: {name: tenant-operator-config, namespace: multi-tenant-operator}
spec: {accessControl: {privileged: {users: [PATTERN]}}}
";

#[tokio::test]
async fn what_other_objects_forbid_is_refused_by_name_and_audited_once() {
    let world = World::start().await;
    let refuse = |line: &str, manifest: &str, words: &[&str]| {
        let refused = world.kubectl_with(line, manifest).unwrap_err();
        for word in words {
            assert!(refused.contains(word), "{word}: {refused}");
        }
    };
    world.apply(&plain(
        "a",
        "withTenantPrefix: [b-c], withoutTenantPrefix: [plain]",
    ));
    world.wait_for("a", "Ready", "True").await;
    let no_quota = plain("lost", "").replace("quota: small", "quota: none");
    refuse(
        "create -f -",
        &no_quota,
        &["spec.quota: quota none does not exist; create it or name another one"],
    );
    let belongs =
        "namespace a-b-c belongs to tenant a; name another one, or take it out of a first";
    refuse(
        "create -f -",
        &plain("a-b", "withTenantPrefix: [c]"),
        &["spec.namespaces.withTenantPrefix", belongs],
    );
    refuse(
        "create -f -",
        &plain("x", "withoutTenantPrefix: [a-b-c]"),
        &["spec.namespaces.withoutTenantPrefix", belongs],
    );
    // A namespace that another tenant holds by its label, without listing it.
    world.kubectl("create namespace held").unwrap();
    world
        .kubectl("label namespace held stakater.com/tenant=a")
        .unwrap();
    eventually("the label is known", async || {
        let refused = world.kubectl_with(
            "create --dry-run=server -f -",
            &plain("z", "withoutTenantPrefix: [held]"),
        );
        match refused {
            Err(refused) if refused.contains("namespace held belongs to tenant a") => Ok(()),
            other => Err(other),
        }
    })
    .await;
    // The control: the same tenants with names of their own.
    world.apply(&plain("a-b", "withTenantPrefix: [d]"));
    world.apply(&plain("x", "withTenantPrefix: [a-b-c]"));
    // A change that only now claims what is another's, and one that does not.
    refuse(
        "apply -f -",
        &plain(
            "x",
            "withTenantPrefix: [a-b-c], withoutTenantPrefix: [plain]",
        ),
        &["namespace plain belongs to tenant a"],
    );
    world
        .kubectl(r#"patch tenant x --type=merge -p {"spec":{"desc":"mine"}}"#)
        .unwrap();
    refuse(
        "delete quotas.tenantoperator.stakater.com small --wait=false",
        "",
        &["quota small is used by tenants: a, a-b, x; give them another one first"],
    );
    world.apply(&QUOTA.replace("name: small", "name: spare"));
    world
        .kubectl("delete quotas.tenantoperator.stakater.com spare --timeout=20s")
        .unwrap();
    // The apiserver's engine takes \Q, ours does not.
    refuse(
        "create -f -",
        &CONFIG.replace("PATTERN", r"'a', '\Qa.b\E'"),
        &[
            "spec.accessControl.privileged.users[1]",
            "is not a regular expression",
        ],
    );
    world.apply(&CONFIG.replace("PATTERN", "'^admin$'"));
    world.stop();
    assert_eq!(
        refusals(&world).await,
        [
            "platform-admin tenantry.tenant.v1.Admission/CreateIntegrationConfig FIELD_INVALID tenant-operator-config",
            "platform-admin tenantry.tenant.v1.Admission/CreateTenant NAMESPACE_TAKEN a-b in a-b",
            "platform-admin tenantry.tenant.v1.Admission/CreateTenant NAMESPACE_TAKEN x in x",
            "platform-admin tenantry.tenant.v1.Admission/CreateTenant QUOTA_NOT_FOUND lost in lost",
            "platform-admin tenantry.tenant.v1.Admission/DeleteQuota QUOTA_IN_USE small",
            "platform-admin tenantry.tenant.v1.Admission/UpdateTenant NAMESPACE_TAKEN x in x",
        ],
        "and no dry run"
    );
}

/// Facts about a tenant with who caused them, the newest last.
async fn actors(world: &World, tenant: &str, kind: &str) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT actor_kind || ':' || actor_name FROM events.event WHERE tenant = $1 AND kind = $2 ORDER BY row_id",
    )
    .bind(tenant)
    .bind(kind)
    .fetch_all(&world.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn the_history_names_who_wrote_and_who_deleted_and_nobody_can_pass_for_another() {
    let world = World::shared().await;
    let as_owl = "--as owl@nordmart.com --as-group system:masters";
    let manifest = plain("authors", "withTenantPrefix: [dev]");
    let forged = manifest.replace(
        "{name: authors}",
        r#"{name: authors, annotations: {tenantry.dev/actor: crow, tenantry.dev/actor-generation: "1", tenantry.dev/deleted-by: crow}}"#,
    );
    world
        .kubectl_with(&format!("create {as_owl} -f -"), &forged)
        .unwrap();
    world.wait_for("authors", "Ready", "True").await;
    let annotations = || world.get("tenant authors")["metadata"]["annotations"].clone();
    assert_eq!(annotations()["tenantry.dev/actor"], "owl@nordmart.com");
    assert_eq!(annotations()["tenantry.dev/deleted-by"], Value::Null);
    // A label changes no spec, and nobody becomes its author by an annotation.
    world.kubectl("label tenant authors note=mine").unwrap();
    world
        .kubectl("annotate tenant authors --overwrite tenantry.dev/actor=crow tenantry.dev/deleted-by=crow note=mine")
        .unwrap();
    assert_eq!(annotations()["tenantry.dev/actor"], "owl@nordmart.com");
    assert_eq!(annotations()["tenantry.dev/deleted-by"], Value::Null);
    assert_eq!(annotations()["note"], "mine");
    let patch = r#"patch tenant authors --type=merge -p {"spec":{"desc":"changed"}}"#;
    let tried = world
        .kubectl(&format!("{patch} --dry-run=server -o json"))
        .unwrap();
    assert!(
        tried.contains("changed") && !tried.contains("platform-admin"),
        "{tried}"
    );
    world.kubectl(patch).unwrap();
    assert_eq!(annotations()["tenantry.dev/actor"], "platform-admin");
    assert_eq!(annotations()["tenantry.dev/actor-generation"], "2");
    world.wait_for("authors", "Ready", "True").await;
    world
        .kubectl(&format!("delete tenant authors {as_owl} --dry-run=server"))
        .unwrap();
    assert_eq!(annotations()["tenantry.dev/deleted-by"], Value::Null);
    world
        .kubectl(&format!("delete tenant authors {as_owl} --timeout=20s"))
        .unwrap();
    assert_eq!(
        actors(&world, "authors", "TenantCreated").await,
        ["user:owl@nordmart.com"]
    );
    assert_eq!(
        actors(&world, "authors", "TenantDeleted").await,
        ["user:owl@nordmart.com"]
    );
    let mut applied = actors(&world, "authors", "TenantApplied").await;
    assert_eq!(applied.pop().as_deref(), Some("user:platform-admin"));
}

/// Asks the webhook for the deletion of `object`, as anybody could who reaches it. It has nothing against it.
async fn forge_deletion(world: &World, group: &str, resource: &str, object: &Value) {
    let url = format!("https://{}", world.webhook_address());
    let mut config = kube::Config::new(url.parse().unwrap());
    config.accept_invalid_certs = true;
    let client = kube::Client::try_from(config).unwrap();
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "forged", "name": object["metadata"]["name"], "operation": "DELETE",
            "kind": {"group": group, "version": "v1", "kind": object["kind"]},
            "resource": {"group": group, "version": "v1", "resource": resource},
            "userInfo": {"username": "mallory"}, "oldObject": object, "dryRun": false,
        },
    });
    let request = axum::http::Request::post("/validate")
        .header("content-type", "application/json")
        .body(review.to_string().into_bytes())
        .unwrap();
    let answer: Value = client.request(request).await.unwrap();
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
}

#[tokio::test]
async fn who_forges_a_review_signs_nothing_but_the_tenant_or_quota_that_he_shows() {
    let world = World::shared().await;
    world.apply(&plain("shown", "withTenantPrefix: [dev]"));
    world.wait_for("shown", "Ready", "True").await;
    let ours = "tenantoperator.stakater.com";
    let signed = |what: &str| {
        let annotations = world.get(what)["metadata"]["annotations"].clone();
        annotations["tenantry.dev/deleted-by"].clone()
    };
    let namespace = world.get("namespace shown-dev");
    forge_deletion(&world, "", "namespaces", &namespace).await;
    assert_eq!(signed("namespace shown-dev"), Value::Null);
    let shown = world.get("tenant shown");
    let mut another = shown.clone();
    another["metadata"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    forge_deletion(&world, ours, "tenants", &another).await;
    forge_deletion(&world, "example.com", "tenants", &shown).await;
    assert_eq!(signed("tenant shown"), Value::Null);
    // The control: what the apiserver could have sent.
    forge_deletion(&world, ours, "tenants", &shown).await;
    assert_eq!(signed("tenant shown"), "mallory");
}

#[tokio::test]
async fn with_every_replica_down_specs_of_ours_wait_and_nothing_else_does() {
    let world = World::start().await;
    world.apply(&plain("still", "withTenantPrefix: [dev]"));
    world.wait_for("still", "Ready", "True").await;
    world.kill();
    let change = r#"patch tenant still --type=merge -p {"spec":{"desc":"changed"}}"#;
    for line in [
        change,
        "delete tenant still --wait=false",
        "delete quotas.tenantoperator.stakater.com small --wait=false",
        "annotate tenant still --overwrite tenantry.dev/actor=crow",
        "annotate tenant still --overwrite tenantry.dev/paused=true",
    ] {
        let refused = world.kubectl(line).unwrap_err();
        assert!(
            refused.contains("failed calling webhook"),
            "{line}: {refused}"
        );
    }
    for line in [
        "label tenant still note=mine",
        "annotate tenant still note=mine",
        "create configmap elsewhere -n default",
        "create configmap within -n still-dev",
        "create namespace elsewhere",
        "run nginx --image nginx -n still-dev --dry-run=server",
    ] {
        world.kubectl(line).unwrap();
    }
    world.restart(None);
    world.kubectl(change).unwrap();
}

#[tokio::test]
async fn answers_need_neither_postgres_nor_nats() {
    let world = World::start().await;
    world.restart(Some("postgres://nobody@127.0.0.1:1/nothing".to_owned()));
    let refused = world
        .kubectl_with(
            "create -f -",
            &plain("lost", "").replace("quota: small", "quota: none"),
        )
        .unwrap_err();
    assert!(refused.contains("quota none does not exist"), "{refused}");
    world.apply(&plain("found", ""));
}

#[tokio::test]
async fn without_webhooks_the_condition_tells_what_they_would_have_refused() {
    let world = World::start().await;
    let configurations =
        "delete validatingwebhookconfiguration,mutatingwebhookconfiguration tenantry-tenant";
    world.kubectl(configurations).unwrap();
    let manifest =
        plain("waits", "withTenantPrefix: [dev]").replace("quota: small", "quota: later");
    eventually("nobody is asked any more", async || {
        world.kubectl_with("apply -f -", &manifest)
    })
    .await;
    world.wait_for("waits", "Stalled", "True").await;
    assert!(world.kubectl("get namespace waits-dev").is_err());
    world.apply(&QUOTA.replace("name: small", "name: later"));
    world.wait_for("waits", "Ready", "True").await;
    assert_eq!(
        actors(&world, "waits", "TenantCreated").await,
        ["field_manager:kubectl-client-side-apply"]
    );
    // A quota in use stays until nobody names it.
    world
        .kubectl("delete quotas.tenantoperator.stakater.com later --wait=false")
        .unwrap();
    eventually("the quota tells who uses it", async || {
        let quota = world.get("quotas.tenantoperator.stakater.com later");
        let conditions = quota["status"]["conditions"].to_string();
        if conditions.contains("used by tenants: waits") {
            Ok(())
        } else {
            Err(conditions)
        }
    })
    .await;
    world.kubectl("delete tenant waits --timeout=20s").unwrap();
    world
        .wait_until_gone("get quotas.tenantoperator.stakater.com later")
        .await;
}

/// The serving certificate, if a new handshake trusts it by the bundle that is published now.
fn handshake(world: &World) -> Result<String, String> {
    let configuration = world.get("validatingwebhookconfiguration tenantry-tenant");
    let bundle = configuration["webhooks"][0]["clientConfig"]["caBundle"]
        .as_str()
        .unwrap();
    let file = std::env::temp_dir().join(tenantry_testkit::unique("bundle-"));
    std::fs::write(&file, BASE64_STANDARD.decode(bundle).unwrap()).unwrap();
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &world.webhook_address()])
        .args(["-verify_return_error", "-verify_ip", "127.0.0.1", "-CAfile"])
        .arg(&file)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let certificate = text
        .lines()
        .find(|line| line.starts_with("subject="))
        .map(str::to_owned);
    certificate
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test]
async fn no_request_is_lost_while_the_certificate_is_replaced_twice() {
    let world = World::start_with(&[("TENANTRY_WEBHOOK_CERTIFICATE_SECONDS", "18")]).await;
    let mut shown = Vec::new();
    let mut written = 0;
    while shown.len() < 3 {
        let certificate = handshake(&world).unwrap();
        if !shown.contains(&certificate) {
            shown.push(certificate);
        }
        written += 1;
        let change = format!(r#"{{"spec":{{"desc":"{written}"}}}}"#);
        if written == 1 {
            world.apply(&plain("turning", ""));
        }
        world
            .kubectl(&format!("patch tenant turning --type=merge -p {change}"))
            .unwrap();
        assert!(
            written < 2_000,
            "the certificate is not replaced: {shown:?}"
        );
    }
    let data = world.get("secret tenantry-webhook-tls -n multi-tenant-operator")["data"].clone();
    assert_eq!(
        data.as_object().unwrap().len(),
        1,
        "nothing but the generations"
    );
    let can = |what: &str| {
        let account = "--as system:serviceaccount:multi-tenant-operator:tenantry-tenant";
        world
            .kubectl(&format!(
                "auth can-i {what} {account} -n multi-tenant-operator"
            ))
            .is_ok()
    };
    assert!(can("update secrets/tenantry-webhook-tls"));
    for beyond in [
        "get secrets",
        "get secrets/other",
        "create secrets",
        "delete secrets/tenantry-webhook-tls",
    ] {
        assert!(!can(beyond), "{beyond}");
    }
}

#[tokio::test]
async fn a_certificate_that_somebody_spoilt_is_made_anew() {
    let world = World::start().await;
    let before = handshake(&world).unwrap();
    let nothing = BASE64_STANDARD.encode("{}");
    let patch = format!(r#"{{"data":{{"generations.json":"{nothing}"}}}}"#);
    let secret = "secret tenantry-webhook-tls -n multi-tenant-operator";
    world
        .kubectl(&format!("patch {secret} --type=merge -p {patch}"))
        .unwrap();
    eventually("another certificate", async || match handshake(&world) {
        Ok(certificate) if certificate != before => Ok(()),
        other => Err(other),
    })
    .await;
    eventually("a tenant that is taken", async || {
        world.kubectl_with("apply -f -", &plain("healed", ""))
    })
    .await;
}
