use std::sync::atomic::{AtomicU32, Ordering};

use tenantry_identity::iam::{
    Error, Mode,
    name::PolicyName,
    policy::{Document, NewPolicy},
};
use tokio_util::sync::CancellationToken;

use crate::{
    faults::{self, Fault},
    support::{Place, cause},
};

pub(crate) const ALLOW: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"eks:DescribeCluster","Resource":"*"}]}"#;

#[tokio::test]
async fn a_user_goes_with_all_that_signs_and_grants() {
    let place = Place::create().await;
    let (group, user) = (place.group_name(), place.user_name());
    place.group(&group).await;
    place.user(&user).await;
    let policy = NewPolicy {
        user_name: user.clone(),
        name: PolicyName::parse("ClusterAccess").unwrap(),
        document: Document::parse(ALLOW.to_owned()).unwrap(),
    };
    place
        .iam
        .put_policy(&cause(), policy, Mode::Apply)
        .await
        .unwrap();
    place
        .iam
        .add_to_group(&cause(), &group, &user)
        .await
        .unwrap();
    let fresh = place
        .iam
        .create_key(&cause(), &user, CancellationToken::new())
        .await
        .unwrap();
    let profile = place.iam.profile(&user).await.unwrap();
    assert_eq!(profile.groups[0].name, group.as_str());
    assert_eq!(profile.keys, std::slice::from_ref(&fresh.key));
    assert_eq!(profile.policy_names, ["ClusterAccess"]);

    place
        .iam
        .delete_user(&cause(), &user, profile.user)
        .await
        .unwrap();

    assert!(matches!(
        place.iam.get_user(&user).await,
        Err(Error::NotFound { .. })
    ));
    // The stand-in would leave the dead user in its group.
    assert!(place.iam.get_group(&group).await.unwrap().1.is_empty());
    let last = async |name: String| place.kinds(&name).await.pop().unwrap();
    assert_eq!(last(fresh.key.id).await, "AccessKeyDeleted");
    assert_eq!(
        last(format!("{user}/ClusterAccess")).await,
        "UserPolicyDeleted"
    );
    assert_eq!(last(format!("{group}/{user}")).await, "MembershipRemoved");
    assert_eq!(last(user.to_string()).await, "UserDeleted");
}

#[tokio::test]
async fn a_user_that_iam_still_hides_is_waited_for() {
    let hidden = AtomicU32::new(3);
    let url = faults::url(move |body| {
        let is_hidden = body.contains("Action=AddUserToGroup")
            && hidden
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                })
                .is_ok();
        if is_hidden {
            faults::refusal(404, "NoSuchEntity")
        } else {
            Fault::None
        }
    });
    let place = Place::behind(&url.await).await;
    let (group, user) = (place.group_name(), place.user_name());
    place.group(&group).await;
    place.user(&user).await;
    place
        .iam
        .add_to_group(&cause(), &group, &user)
        .await
        .unwrap();
    assert_eq!(
        place.iam.get_group(&group).await.unwrap().1[0].name,
        user.as_str()
    );
}

#[tokio::test]
async fn a_user_that_was_never_made_is_not_waited_for() {
    let place = Place::create().await;
    let group = place.group_name();
    place.group(&group).await;
    let start = std::time::Instant::now();
    let refused = place.iam.get_user(&place.user_name()).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })));
    assert!(start.elapsed() < std::time::Duration::from_secs(3));
}
