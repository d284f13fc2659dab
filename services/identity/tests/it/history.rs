use secrecy::SecretString;
use sqlx::Row as _;
use tenantry_domain::Actor;
use tenantry_events::{DatabaseConfig, Fact, Wake};
use tenantry_identity::{
    iam::{Cause, Error, Iam, Mode, Outcome},
    store::Store,
};
use tenantry_testkit::stack;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{Place, aws, cause, new_group};

/// IAM recorded in a database that is not there.
fn without_history() -> Iam {
    let config = DatabaseConfig {
        // The discard port: refused at once.
        database_url: SecretString::from("postgres://nobody@127.0.0.1:9/none"),
    };
    let pool = tenantry_events::pool(&config).unwrap();
    Iam::new(aws(&stack().aws_url()), Store::new(pool, Wake::default()))
}

#[tokio::test]
async fn without_history_nothing_is_granted_and_everything_can_be_taken() {
    let place = Place::create().await;
    let (group, other, user) = (place.group_name(), place.group_name(), place.user_name());
    place.group(&group).await;
    place.user(&user).await;
    place
        .iam
        .add_to_group(&cause(), &group, &user)
        .await
        .unwrap();
    let blind = without_history();
    let refused = [
        blind
            .create_group(&cause(), new_group(&other), Mode::Apply)
            .await
            .map(drop),
        blind
            .create_key(&cause(), &user, CancellationToken::new())
            .await
            .map(drop),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(Error::History(_))), "{refused:?}");
    }
    assert!(matches!(
        place.iam.get_group(&other).await,
        Err(Error::NotFound { .. })
    ));
    assert!(place.key_ids(&user).await.is_empty());

    blind
        .remove_from_group(&cause(), &group, &user)
        .await
        .unwrap();
    blind.delete_group(&cause(), &group).await.unwrap();
    assert!(matches!(
        place.iam.get_group(&group).await,
        Err(Error::NotFound { .. })
    ));
    // The same call again, with the history back, records what was done.
    place.iam.delete_group(&cause(), &group).await.unwrap();
    assert_eq!(
        place.kinds(group.as_str()).await.pop().unwrap(),
        "GroupDeleted"
    );
}

#[tokio::test]
async fn what_a_dead_process_did_is_recorded_as_its_caller_s() {
    let place = Place::create().await;
    let name = place.group_name();
    // The dead process: intent recorded, group made, outcome not recorded.
    let bear = Cause {
        actor: Actor::user("bear"),
        correlation: Uuid::now_v7(),
    };
    let wanted = serde_json::json!({ "group": { "groupName": name.as_str(), "path": "/" } });
    let intent = Fact::new(
        "group",
        Uuid::now_v7(),
        name.as_str(),
        "GroupCreateRequested",
        bear.actor,
        &wanted,
    );
    let store = Store::new(place.database.pool.clone(), Wake::default());
    store
        .record(&intent.with_correlation(bear.correlation))
        .await
        .unwrap();
    place
        .aws
        .create_group()
        .group_name(name.as_str())
        .send()
        .await
        .unwrap();

    for _ in 0..2 {
        let again = place
            .iam
            .create_group(&cause(), new_group(&name), Mode::Apply)
            .await;
        assert!(matches!(again, Ok(Outcome::Unchanged(_))));
    }
    let row = sqlx::query(
        "SELECT actor_name, correlation_id FROM events.event WHERE kind = 'GroupCreated' AND name = $1",
    );
    let row = row
        .bind(name.as_str())
        .fetch_one(&place.database.pool)
        .await
        .unwrap();
    assert_eq!(row.get::<String, _>("actor_name"), "bear");
    assert_eq!(row.get::<Uuid, _>("correlation_id"), bear.correlation);
}

#[tokio::test]
async fn what_others_made_is_not_claimed() {
    let place = Place::create().await;
    let name = place.group_name();
    place
        .aws
        .create_group()
        .group_name(name.as_str())
        .send()
        .await
        .unwrap();
    place.group(&name).await;
    assert!(place.kinds(name.as_str()).await.is_empty());
}
