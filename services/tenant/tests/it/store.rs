//! The store against a Postgres of its own.

use std::sync::Arc;

use tenantry_events::Wake;
use tenantry_k8s::{Tenant, TenantSpec};
use tenantry_tenant::{
    member::{Role, Subject},
    reconcile::{
        build::{Grant, Plan},
        dereference::Observed,
        record,
        validate::{Valid, validate},
    },
    store::{Error, Store},
};
use tenantry_testkit::Database;
use uuid::Uuid;

/// The history of one tenant, called `late`.
struct History {
    database: Arc<Database>,
    store: Store,
    uid: Uuid,
}

impl History {
    async fn begin() -> Self {
        tenantry_runtime::install_tls_provider();
        let database = Database::create(sqlx::migrate!("../../migrations/tenant")).await;
        Self {
            store: Store::new(database.pool.clone(), Wake::default()),
            database: Arc::new(database),
            uid: Uuid::now_v7(),
        }
    }

    /// The history of another tenant in the same database.
    fn beside(&self) -> Self {
        Self {
            uid: Uuid::now_v7(),
            store: self.store.clone(),
            database: self.database.clone(),
        }
    }

    /// The spec of that generation, and what it means.
    fn spec(&self, generation: i64) -> (Tenant, Valid) {
        let spec = TenantSpec {
            quota: "small".to_owned(),
            desc: Some(format!("generation {generation}")),
            ..TenantSpec::default()
        };
        let mut tenant = Tenant::new("late", spec);
        tenant.metadata.uid = Some(self.uid.to_string());
        tenant.metadata.generation = Some(generation);
        let valid = validate(&tenant, &Observed::default()).unwrap();
        (tenant, valid)
    }

    /// Records the spec of that generation; gives what it means.
    async fn intend(&self, generation: i64) -> Valid {
        let (tenant, valid) = self.spec(generation);
        record::intent(&self.store, &tenant, &valid).await.unwrap();
        valid
    }

    /// Records that `who` is about to get a role by a spec.
    async fn grant(&self, valid: &Valid, who: &str) -> Result<(), Error> {
        let plan = Plan {
            granted: vec![Grant {
                namespace: "late-dev".to_owned(),
                role: Role::Owner,
                subject: Subject {
                    is_group: false,
                    name: who.to_owned(),
                },
                cluster_roles: vec!["admin".to_owned()],
            }],
            ..Plan::default()
        };
        let permit = record::request(&self.store, valid, &plan).await;
        permit.map(|_| ())
    }

    /// Everything that is recorded: facts in their order, the newest generation, and who has a role.
    async fn all(&self) -> (Vec<String>, i64, Vec<String>) {
        let pool = &self.database.pool;
        let facts = sqlx::query_scalar(
            "SELECT kind || ' ' || name FROM events.event WHERE tenant = 'late' ORDER BY row_id",
        );
        let generation = sqlx::query_scalar("SELECT generation FROM tenant WHERE uid = $1");
        let members = sqlx::query_scalar(
            "SELECT subject FROM member_grant WHERE tenant_uid = $1 ORDER BY subject",
        );
        (
            facts.fetch_all(pool).await.unwrap(),
            generation.bind(self.uid).fetch_one(pool).await.unwrap(),
            members.bind(self.uid).fetch_all(pool).await.unwrap(),
        )
    }

    /// The tenant's row, as a transaction that waits for nobody would lock it.
    async fn lock(&self) -> Result<(), sqlx::Error> {
        let row = sqlx::query("SELECT uid FROM tenant WHERE uid = $1 FOR UPDATE NOWAIT");
        row.bind(self.uid)
            .execute(&self.database.pool)
            .await
            .map(|_| ())
    }

    fn is_late(&self, answer: &Result<(), Error>, of: i64) -> bool {
        matches!(answer, Err(Error::Late { uid, generation }) if *uid == self.uid && *generation == of)
    }

    /// Records what a generation was made from.
    async fn made_from(&self, generation: i64, input: &str) {
        let made = sqlx::query(
            "INSERT INTO tenant_application (uid, generation, inputs, objects) VALUES ($1, $2, ARRAY[$3], '[]')",
        );
        let made = made.bind(self.uid).bind(generation).bind(input);
        made.execute(&self.database.pool).await.unwrap();
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

#[tokio::test]
async fn what_goes_by_an_older_spec_than_is_recorded_is_refused_and_leaves_no_trace() {
    let history = History::begin().await;
    let older = history.intend(1).await;
    // As long as it is the newest, it counts.
    history.grant(&older, "owl").await.unwrap();
    let newer = history.intend(2).await;
    let facts = [
        "TenantCreated late",
        "MemberGrantRequested owl",
        "TenantUpdated late",
    ];
    let before = (words(facts), 2, words(["owl"]));
    assert_eq!(history.all().await, before);
    let refused = history.grant(&older, "crow").await;
    assert!(history.is_late(&refused, 1), "{refused:?}");
    // The older spec itself is no news any more.
    history.intend(1).await;
    assert_eq!(history.all().await, before);
    history.grant(&newer, "crow").await.unwrap();
    assert_eq!(history.all().await.2, words(["crow", "owl"]));
}

#[tokio::test]
async fn after_the_end_of_a_tenant_nothing_that_it_wanted_is_recorded() {
    let history = History::begin().await;
    let last = history.intend(3).await;
    let mut end = history.store.begin().await.unwrap();
    end.tenant_deleted(history.uid).await.unwrap();
    end.commit().await.unwrap();
    let refused = history.grant(&last, "owl").await;
    assert!(history.is_late(&refused, 3), "{refused:?}");
    assert_eq!(
        history.all().await,
        (words(["TenantCreated late"]), 3, words([]))
    );
}

#[tokio::test]
async fn nobody_records_a_newer_spec_while_somebody_goes_by_an_older_one() {
    let history = History::begin().await;
    history.intend(1).await;
    let mut held = history.store.begin().await.unwrap();
    held.tenant_held(history.uid, 1).await.unwrap();
    let waits = history.lock().await.unwrap_err();
    let code = waits.as_database_error().and_then(|error| error.code());
    assert_eq!(code.as_deref(), Some("55P03"), "lock_not_available");
    held.commit().await.unwrap();
    history.lock().await.unwrap();
    history.intend(2).await;
    let mut late = history.store.begin().await.unwrap();
    let refused = late.tenant_held(history.uid, 1).await;
    assert!(history.is_late(&refused, 1), "{refused:?}");
}

#[tokio::test]
async fn one_question_tells_of_each_tenant_what_is_his() {
    let one = History::begin().await;
    let (other, gone) = (one.beside(), one.beside());
    one.intend(1).await;
    one.made_from(1, "Quota old 1").await;
    let valid = one.intend(2).await;
    one.grant(&valid, "owl").await.unwrap();
    one.made_from(2, "Quota q 1").await;
    one.made_from(2, "Quota q 2").await;
    let valid = other.intend(1).await;
    other.grant(&valid, "crow").await.unwrap();
    gone.intend(1).await;
    sqlx::query("UPDATE tenant SET delete_time = clock_timestamp() WHERE uid = $1")
        .bind(gone.uid)
        .execute(&one.database.pool)
        .await
        .unwrap();
    let whom = [one.uid, other.uid, gone.uid, Uuid::now_v7()];
    let standings = one.store.standings(&whom).await.unwrap();
    assert_eq!(standings.len(), 2);
    let told = |history: &History| {
        let standing = &standings[&history.uid];
        let members = standing.grants.keys();
        let members: Vec<&str> = members.map(|grant| grant.subject.name.as_str()).collect();
        let inputs: Vec<&str> = standing.inputs.iter().map(String::as_str).collect();
        (standing.generation, members, inputs)
    };
    assert_eq!(told(&one), (2, vec!["owl"], vec!["Quota q 2"]));
    assert_eq!(told(&other), (1, vec!["crow"], vec![]));
}
