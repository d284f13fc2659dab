use std::sync::Mutex;

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

/// IAM as the service has it, recorded in a database of the test's own. What it named is gone from IAM on drop.
pub(crate) struct Place {
    users: Mutex<Vec<UserName>>,
    groups: Mutex<Vec<GroupName>>,
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
            users: Mutex::default(),
            groups: Mutex::default(),
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

    /// A name that no other user has.
    pub(crate) fn user_name(&self) -> UserName {
        let name = UserName::parse(tenantry_testkit::unique("falcon-")).unwrap();
        self.users.lock().unwrap().push(name.clone());
        name
    }

    /// A name that no other group has.
    pub(crate) fn group_name(&self) -> GroupName {
        let name = GroupName::parse(tenantry_testkit::unique("logistics-")).unwrap();
        self.groups.lock().unwrap().push(name.clone());
        name
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

impl Drop for Place {
    fn drop(&mut self) {
        let users = std::mem::take(self.users.get_mut().unwrap());
        let groups = std::mem::take(self.groups.get_mut().unwrap());
        // Drop cannot wait inside the test's runtime, so the calls get a thread and runtime of their own.
        let cleaner = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(clear(&users, &groups));
        });
        cleaner.join().ok();
    }
}

/// Deletes as the stand-in allows it: over the heads of keys and members, after policies. What is gone already is fine.
async fn clear(users: &[UserName], groups: &[GroupName]) {
    let aws = aws(&stack().aws_url());
    for user in users {
        let policies = aws.list_user_policies().user_name(user.as_str()).send();
        for policy in policies
            .await
            .map(|listed| listed.policy_names)
            .unwrap_or_default()
        {
            let delete = aws.delete_user_policy().user_name(user.as_str());
            delete.policy_name(policy).send().await.ok();
        }
        aws.delete_user().user_name(user.as_str()).send().await.ok();
    }
    for group in groups {
        aws.delete_group()
            .group_name(group.as_str())
            .send()
            .await
            .ok();
    }
}
