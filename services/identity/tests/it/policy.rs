use tenantry_identity::iam::{
    Error, Mode,
    name::{PolicyName, UserName},
    policy::{Document, NewPolicy},
};

use crate::{
    support::{Place, cause},
    user::ALLOW,
};

fn new(user: &UserName, document: &str) -> NewPolicy {
    NewPolicy {
        user_name: user.clone(),
        name: PolicyName::parse("ClusterAccess").unwrap(),
        document: Document::parse(document.to_owned()).unwrap(),
    }
}

#[tokio::test]
async fn a_policy_is_written_only_when_it_says_something_else() {
    let place = Place::create().await;
    let user = place.user_name();
    place.user(&user).await;
    let put = async |document: &str| {
        let outcome = place
            .iam
            .put_policy(&cause(), new(&user, document), Mode::Apply)
            .await;
        outcome.unwrap().into_parts().1
    };
    assert!(put(ALLOW).await);
    let rearranged = r#"{ "Statement": [ {"Resource": "*", "Action": "eks:DescribeCluster", "Effect": "Allow"} ], "Version": "2012-10-17" }"#;
    assert!(!put(rearranged).await);
    assert!(put(&ALLOW.replace("Allow", "Deny")).await);
    let name = PolicyName::parse("ClusterAccess").unwrap();
    let read = place.iam.get_policy(&user, &name).await.unwrap();
    assert!(read.document.contains("Deny"), "{}", read.document);
    for was_there in [true, false] {
        let deleted = place.iam.delete_policy(&cause(), &user, &name).await;
        assert_eq!(deleted.unwrap(), was_there);
    }
    let kinds = [
        "UserPolicyPutRequested",
        "UserPolicyPut",
        "UserPolicyPutRequested",
        "UserPolicyPut",
        "UserPolicyDeleted",
    ];
    assert_eq!(place.kinds(&format!("{user}/ClusterAccess")).await, kinds);
}

#[tokio::test]
async fn a_policy_needs_its_user_and_iam_s_consent() {
    let place = Place::create().await;
    let user = place.user_name();
    let refused = place
        .iam
        .put_policy(&cause(), new(&user, ALLOW), Mode::Validate)
        .await;
    assert!(
        matches!(refused, Err(Error::NotFound { .. })),
        "{refused:?}"
    );
    place.user(&user).await;
    let odd = ALLOW.replace("2012-10-17", "1999-01-01");
    let refused = place
        .iam
        .put_policy(&cause(), new(&user, &odd), Mode::Apply)
        .await;
    assert!(
        matches!(refused, Err(Error::MalformedPolicy { .. })),
        "{refused:?}"
    );
}
