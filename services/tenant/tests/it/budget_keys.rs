//! What a budget can be about: objects, compute, storage, and storage of one class.

use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{PersistentVolumeClaim, Pod, Secret, Service},
};
use kube::{
    Api, Client,
    api::{DynamicObject, PostParams},
    core::ApiResource,
};
use serde_json::{Value, json};
use tenantry_testkit::eventually;

use crate::{
    budget::{OWNER, quota, tenant},
    support::World,
};

/// A resource of a budget, and how many of what is made fit in.
struct Case {
    key: &'static str,
    kind: ApiResource,
    body: Value,
    fits: usize,
}

fn case<K: kube::Resource<DynamicType = ()>>(key: &'static str, body: Value, fits: usize) -> Case {
    Case {
        key,
        kind: ApiResource::erase::<K>(&()),
        body,
        fits,
    }
}

#[tokio::test]
async fn a_budget_of_objects_is_used_up_to_the_last() {
    let labels = json!({"app": "web"});
    let deployment = json!({"spec": {
        "replicas": 0, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}},
    }});
    let service = json!({"spec": {"ports": [{"port": 80}]}});
    let cases = [
        // Not configmaps: Kubernetes makes one while it counts for the first time, and may miss it.
        case::<Secret>("secrets", json!({}), 5),
        case::<Deployment>("count/deployments.apps", deployment, 5),
        case::<Service>("services", service, 3),
    ];
    let hard = r#"{secrets: 5, count/deployments.apps: "5", services: 3}"#;
    use_up("objects", hard, &cases).await;
}

#[tokio::test]
async fn a_budget_of_compute_is_used_up_to_the_last() {
    let pod = |cpu: &str, memory: &str, gpus: u32| {
        let resources = json!({"cpu": cpu, "memory": memory, "example.com/gpu": gpus});
        json!({"spec": {"containers": [{
            "name": "web", "image": "nginx",
            "resources": {"requests": resources, "limits": resources},
        }]}})
    };
    let cases = [
        case::<Pod>("requests.cpu", pod("300m", "0", 0), 5),
        case::<Pod>("requests.memory", pod("0", "300Mi", 0), 3),
        case::<Pod>("requests.example.com/gpu", pod("0", "0", 1), 3),
    ];
    let hard = "{requests.cpu: 1500m, requests.memory: 1Gi, requests.example.com/gpu: 3}";
    use_up("compute", hard, &cases).await;
}

#[tokio::test]
async fn a_budget_of_storage_and_of_one_class_is_used_up_to_the_last() {
    let claim = |class: &str, size: &str| {
        json!({"spec": {
            "storageClassName": class, "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
        }})
    };
    let of_gold = "gold.storageclass.storage.k8s.io/requests.storage";
    let cases = [
        case::<PersistentVolumeClaim>(of_gold, claim("gold", "2Gi"), 5),
        case::<PersistentVolumeClaim>("requests.storage", claim("silver", "3Gi"), 3),
        case::<PersistentVolumeClaim>("persistentvolumeclaims", claim("silver", "1Mi"), 2),
    ];
    let hard =
        format!(r#"{{{of_gold}: 10Gi, requests.storage: 20Gi, persistentvolumeclaims: 10}}"#);
    use_up("storage", &hard, &cases).await;
}

/// Each is refused for its own key, after what the key allows, while the next one's is still free.
async fn use_up(name: &str, hard: &str, cases: &[Case]) {
    let world = World::shared().await;
    world.apply(&quota(name, hard));
    world.apply(&tenant(name, name, &["a", "b"]));
    world.wait_for(name, "Ready", "True").await;
    let namespaces = ["a", "b"].map(|namespace| format!("{name}-{namespace}"));
    for namespace in &namespaces {
        // Pods run as it.
        let made = "serviceaccount/default";
        world
            .wait_for_answer(&format!("get {made} -n {namespace} -o name"), made)
            .await;
    }
    let client = world.acting_as(Some(OWNER)).await;
    for case in cases {
        let made = AtomicUsize::new(0);
        eventually(case.key, async || {
            for namespace in &namespaces {
                if create(&client, namespace, case).await.is_ok() {
                    made.fetch_add(1, Ordering::Relaxed);
                }
            }
            let made = made.load(Ordering::Relaxed);
            (made >= case.fits).then_some(()).ok_or(made)
        })
        .await;
        let told = world.get("resourcequotas -A")["items"].to_string();
        assert_eq!(made.into_inner(), case.fits, "{}: {told}", case.key);
        for namespace in &namespaces {
            let refused = create(&client, namespace, case).await.unwrap_err();
            for words in ["exceeded quota: tenant-quota", &format!("{}=", case.key)] {
                assert!(refused.contains(words), "{words}: {refused}");
            }
        }
    }
}

/// Makes one; a refusal must be the quota's.
async fn create(client: &Client, namespace: &str, case: &Case) -> Result<(), String> {
    let mut body = case.body.clone();
    body["metadata"] = json!({"generateName": "one-"});
    let mut object: DynamicObject = serde_json::from_value(body).unwrap();
    object.types = Some(kube::core::TypeMeta {
        api_version: case.kind.api_version.clone(),
        kind: case.kind.kind.clone(),
    });
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &case.kind);
    match api.create(&PostParams::default(), &object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.message.contains("exceeded quota") => {
            Err(status.message.clone())
        }
        Err(failure) => panic!("creating in {namespace}: {failure:?}"),
    }
}
