use std::{collections::BTreeMap, path::Path};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use secrecy::SecretString;
use sqlx::Row as _;
use tenantry_events::{DatabaseConfig, Wake};
use tenantry_identity::{
    aws_auth::{Duplicates, Mapping, Principal, Refusal},
    iam::Mode,
    mapping::{Created, Error, Mappings},
    store::Store,
};
use tenantry_testkit::{ControlPlane, Database, Nodes};

use crate::support::cause;

const NODES: &str = "# AWS wrote this\n- groups:\n  - system:bootstrappers\n  - system:nodes\n  rolearn: arn:aws:iam::630742778131:role/nodes\n  username: system:node:{{EC2PrivateDNSName}}\n";

/// A cluster whose aws-auth is the test's own, and a history.
struct Cluster {
    api: Api<ConfigMap>,
    kube: kube::Client,
    database: Database,
    mappings: Mappings,
    _plane: ControlPlane,
}

impl Cluster {
    async fn create(name: &'static str) -> Self {
        tenantry_runtime::install_tls_provider();
        let start = move || ControlPlane::start(&ControlPlane::directory(name), Nodes::None);
        let plane = tokio::task::spawn_blocking(start).await.unwrap().unwrap();
        let kube = client(&plane.kubeconfig()).await;
        let database = Database::create(sqlx::migrate!("../../migrations/identity")).await;
        let store = Store::new(database.pool.clone(), Wake::default());
        Self {
            api: Api::namespaced(kube.clone(), "kube-system"),
            mappings: Mappings::new(kube.clone(), store),
            kube,
            database,
            _plane: plane,
        }
    }

    /// The same cluster, recorded in a database that is not there.
    fn without_history(&self) -> Mappings {
        let config = DatabaseConfig {
            // The discard port: refused at once.
            database_url: SecretString::from("postgres://nobody@127.0.0.1:9/none"),
        };
        let pool = tenantry_events::pool(&config).unwrap();
        Mappings::new(self.kube.clone(), Store::new(pool, Wake::default()))
    }

    async fn put(&self, sections: &[(&str, &str)]) {
        let mut object = ConfigMap::default();
        object.metadata.name = Some("aws-auth".to_owned());
        object.metadata.annotations = Some(BTreeMap::from([("note".into(), "kept".into())]));
        let sections = sections.iter();
        object.data = Some(
            sections
                .map(|(key, text)| ((*key).into(), (*text).into()))
                .collect(),
        );
        self.api
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
    }

    async fn object(&self) -> ConfigMap {
        self.api.get("aws-auth").await.unwrap()
    }

    async fn section(&self, key: &str) -> String {
        self.object()
            .await
            .data
            .unwrap_or_default()
            .remove(key)
            .unwrap_or_default()
    }

    /// Applies `wanted`, and replaces nothing.
    async fn try_mapping(&self, wanted: &Mapping, mode: Mode) -> Result<Created, Error> {
        let (cause, mappings) = (cause(), &self.mappings);
        mappings
            .create(&cause, wanted, Duplicates::Refuse, mode)
            .await
    }

    async fn create_mapping(&self, wanted: &Mapping) -> Result<bool, Error> {
        let created = self.try_mapping(wanted, Mode::Apply).await;
        created.map(|created| created.is_created)
    }

    /// Kinds and actors of every event, in order.
    async fn events(&self) -> Vec<(String, String)> {
        let rows = sqlx::query("SELECT kind, actor_name FROM events.event ORDER BY row_id");
        let rows = rows.fetch_all(&self.database.pool).await.unwrap();
        rows.iter()
            .map(|row| (row.get("kind"), row.get("actor_name")))
            .collect()
    }

    /// What was kept before each edit: why, and the users' section.
    async fn preimages(&self) -> Vec<(String, Option<String>)> {
        let select = "SELECT reason, data ->> 'mapUsers' AS users FROM aws_auth_preimage ORDER BY preimage_id";
        let rows = sqlx::query(select)
            .fetch_all(&self.database.pool)
            .await
            .unwrap();
        rows.iter()
            .map(|row| (row.get("reason"), row.get("users")))
            .collect()
    }
}

async fn client(kubeconfig: &Path) -> kube::Client {
    let file = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(file, &options).await;
    kube::Client::try_from(config.unwrap()).unwrap()
}

fn arn(name: &str) -> String {
    format!("arn:aws:iam::630742778131:user/{name}")
}

fn mapping(name: &str) -> Mapping {
    let principal = Principal::parse(&arn(name)).unwrap();
    Mapping::parse(principal, name.to_owned(), vec!["logistics-dev".to_owned()]).unwrap()
}

fn told(kinds: &[&str]) -> Vec<(String, String)> {
    kinds
        .iter()
        .map(|kind| ((*kind).to_owned(), "ada".to_owned()))
        .collect()
}

#[tokio::test]
async fn the_tutorial_s_mapping_is_made_once_and_taken_away_once() {
    let cluster = Cluster::create("mapping").await;
    cluster
        .put(&[("mapRoles", NODES), ("other", "untouched")])
        .await;
    let falcon = mapping("falcon@nordmart.com");

    let checked = cluster.try_mapping(&falcon, Mode::Validate).await;
    assert!(checked.unwrap().is_created);
    assert_eq!(
        (
            cluster.section("mapUsers").await.as_str(),
            cluster.events().await.len()
        ),
        ("", 0)
    );

    assert!(cluster.create_mapping(&falcon).await.unwrap());
    let made = cluster.object().await;
    assert!(!cluster.create_mapping(&falcon).await.unwrap());
    assert_eq!(cluster.object().await, made, "the second run wrote");
    let data = made.data.unwrap();
    assert_eq!(
        (data["mapRoles"].as_str(), data["other"].as_str()),
        (NODES, "untouched")
    );
    assert_eq!(made.metadata.annotations.unwrap()["note"], "kept");
    let listed = cluster.mappings.list().await.unwrap();
    let listed: Vec<&str> = listed.iter().map(|entry| entry.username.as_str()).collect();
    assert_eq!(
        listed,
        ["system:node:{{EC2PrivateDNSName}}", "falcon@nordmart.com"]
    );
    assert_eq!(
        cluster.events().await,
        told(&["IdentityMappingCreateRequested", "IdentityMappingCreated"])
    );

    let principal = falcon.principal();
    assert_eq!(
        cluster
            .mappings
            .delete(&cause(), principal, Mode::Apply)
            .await
            .unwrap(),
        1
    );
    assert_eq!(cluster.section("mapUsers").await, "[]\n");
    let again = cluster
        .mappings
        .delete(&cause(), principal, Mode::Apply)
        .await;
    assert!(
        matches!(again, Err(Error::Refused(Refusal::NotFound { .. }))),
        "{again:?}"
    );
    let kinds = [
        "IdentityMappingCreateRequested",
        "IdentityMappingCreated",
        "IdentityMappingDeleted",
    ];
    assert_eq!(cluster.events().await, told(&kinds));
    let reasons: Vec<String> = cluster
        .preimages()
        .await
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(
        reasons,
        [
            format!("mapping {principal}"),
            format!("unmapping {principal}")
        ]
    );
}

#[tokio::test]
async fn writers_at_once_lose_no_entry() {
    let cluster = Cluster::create("mapping-race").await;
    let names = ["ada", "bob", "cyd", "dan"];
    let wanted = names.map(mapping);
    let ours =
        futures::future::join_all(wanted.iter().map(|wanted| cluster.create_mapping(wanted)));
    let foreign = async {
        // Another writer, of another section: mapRoles appears meanwhile or before.
        let merge = Patch::Merge(serde_json::json!({ "data": { "mapRoles": NODES } }));
        let look = || async {
            cluster
                .api
                .patch("aws-auth", &PatchParams::default(), &merge)
                .await
        };
        tenantry_testkit::eventually("aws-auth patched", || async {
            look().await.map_err(|e| e.to_string())
        })
        .await
    };
    let (made, _) = tokio::join!(ours, foreign);
    for made in made {
        assert!(made.unwrap());
    }
    let mut listed: Vec<String> = cluster
        .mappings
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.arn)
        .collect();
    listed.sort();
    let nodes = "arn:aws:iam::630742778131:role/nodes".to_owned();
    let expected: Vec<String> = std::iter::once(nodes)
        .chain(names.iter().map(|name| arn(name)))
        .collect();
    assert_eq!(listed, expected);
    assert_eq!(cluster.section("mapRoles").await, NODES);
    // One intent and one outcome each, however many races were lost.
    assert_eq!(cluster.events().await.len(), 2 * names.len());
}

#[tokio::test]
async fn without_history_access_is_taken_and_not_given() {
    let cluster = Cluster::create("mapping-blind").await;
    cluster.put(&[("mapRoles", NODES)]).await;
    let (ada, bob) = (mapping("ada"), mapping("bob"));
    cluster.create_mapping(&ada).await.unwrap();
    let before = cluster.section("mapUsers").await;
    let blind = cluster.without_history();
    let refused = blind
        .create(&cause(), &bob, Duplicates::Refuse, Mode::Apply)
        .await;
    assert!(matches!(refused, Err(Error::History(_))), "{refused:?}");
    assert_eq!(cluster.section("mapUsers").await, before);
    assert_eq!(
        blind
            .delete(&cause(), ada.principal(), Mode::Apply)
            .await
            .unwrap(),
        1
    );
    assert_eq!(cluster.section("mapUsers").await, "[]\n");

    // Once the history is back, the same call finds nothing to delete and records what was done.
    let again = cluster
        .mappings
        .delete(&cause(), ada.principal(), Mode::Apply)
        .await;
    assert!(
        matches!(again, Err(Error::Refused(Refusal::NotFound { .. }))),
        "{again:?}"
    );
    let kinds = [
        "IdentityMappingCreateRequested",
        "IdentityMappingCreated",
        "IdentityMappingDeleted",
    ];
    assert_eq!(cluster.events().await, told(&kinds));
}

#[tokio::test]
async fn a_broken_section_stops_writes_and_is_told_with_its_repair() {
    let cluster = Cluster::create("mapping-broken").await;
    let broken = NODES.replace("  - system:nodes", "\t- system:nodes");
    cluster.put(&[("mapRoles", &broken)]).await;
    let before = cluster.object().await;
    let refused = cluster.create_mapping(&mapping("ada")).await;
    let Err(Error::Refused(Refusal::Unparseable { fault, repaired })) = refused else {
        panic!("not refused: {refused:?}");
    };
    assert_eq!(
        (fault.flaw.line, fault.flaw.column, repaired.as_deref()),
        (4, 1, Some(NODES))
    );
    assert!(
        cluster.mappings.is_mapped(&arn("ada")).await.is_err(),
        "nobody can know"
    );
    assert_eq!(cluster.object().await, before);
    assert!(cluster.events().await.is_empty() && cluster.preimages().await.is_empty());

    // An absent object is made anew, with users only.
    cluster
        .api
        .delete("aws-auth", &DeleteParams::default())
        .await
        .unwrap();
    let created = cluster
        .try_mapping(&mapping("ada"), Mode::Apply)
        .await
        .unwrap();
    assert!(
        created.warnings[0].contains("no node role"),
        "{:?}",
        created.warnings
    );
    assert_eq!(
        cluster
            .object()
            .await
            .data
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["mapUsers"]
    );
}
