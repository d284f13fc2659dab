use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
use sqlx::Row as _;
use tenantry_domain::Actor;
use tenantry_events::Wake;
use tenantry_identity::{
    iam::{
        Cause, Iam, Mode,
        group::NewGroup,
        name::{GroupName, Path, UserName},
        user::NewUser,
    },
    store::Store,
};
use tenantry_testkit::{Database, stack};
use uuid::Uuid;

/// IAM as the service has it, recorded in a database of the test's own.
pub(crate) struct Place {
    pub(crate) iam: Iam,
    /// IAM itself, past the service.
    pub(crate) aws: aws_sdk_iam::Client,
    pub(crate) database: Database,
}

impl Place {
    pub(crate) async fn create() -> Self {
        Self::behind(&stack().aws_url()).await
    }

    /// A place whose service reaches IAM at `url`.
    pub(crate) async fn behind(url: &str) -> Self {
        tenantry_runtime::install_tls_provider();
        let database = Database::create(sqlx::migrate!("../../migrations/identity")).await;
        let store = Store::new(database.pool.clone(), Wake::default());
        Self {
            iam: Iam::new(aws(url), store),
            aws: aws(&stack().aws_url()),
            database,
        }
    }

    /// Kinds of the events named `name`, in order.
    pub(crate) async fn kinds(&self, name: &str) -> Vec<String> {
        let rows =
            sqlx::query("SELECT kind FROM events.event WHERE name = $1 ORDER BY row_id").bind(name);
        let rows = rows.fetch_all(&self.database.pool).await.unwrap();
        rows.iter().map(|row| row.get("kind")).collect()
    }

    pub(crate) async fn user(&self, name: &UserName) {
        let new = NewUser {
            name: name.clone(),
            path: root(),
        };
        self.iam
            .create_user(&cause(), new, Mode::Apply)
            .await
            .unwrap();
    }

    pub(crate) async fn group(&self, name: &GroupName) {
        self.iam
            .create_group(&cause(), new_group(name), Mode::Apply)
            .await
            .unwrap();
    }

    /// Ids of a user's keys, as IAM has them.
    pub(crate) async fn key_ids(&self, name: &UserName) -> Vec<String> {
        let listed = self.aws.list_access_keys().user_name(name.as_str());
        let listed = listed.send().await.unwrap();
        let keys = listed.access_key_metadata.into_iter();
        keys.filter_map(|key| key.access_key_id).collect()
    }
}

pub(crate) fn aws(url: &str) -> aws_sdk_iam::Client {
    let secrets = stack().secrets();
    let credentials = Credentials::new(
        &secrets.aws_key_id,
        &secrets.aws_secret,
        None,
        None,
        "stack",
    );
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-north-1"))
        .credentials_provider(credentials)
        .endpoint_url(url);
    aws_sdk_iam::Client::from_conf(config.build())
}

pub(crate) fn cause() -> Cause {
    Cause {
        actor: Actor::user("ada"),
        correlation: Uuid::now_v7(),
    }
}

pub(crate) fn root() -> Path {
    Path::parse("/").unwrap()
}

pub(crate) fn new_group(name: &GroupName) -> NewGroup {
    NewGroup {
        name: name.clone(),
        path: root(),
    }
}

pub(crate) fn user_name() -> UserName {
    UserName::parse(tenantry_testkit::unique("falcon-")).unwrap()
}

pub(crate) fn group_name() -> GroupName {
    GroupName::parse(tenantry_testkit::unique("logistics-")).unwrap()
}
