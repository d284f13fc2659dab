use tenantry_identity::iam::{
    Error, Mode, Outcome,
    group::NewGroup,
    name::{GroupName, Path},
};

use crate::{
    faults::{self, Fault},
    support::{Place, cause, new_group},
};

#[tokio::test]
async fn a_repeated_group_changes_and_records_nothing() {
    let place = Place::create().await;
    let name = place.group_name();
    let cause = cause();
    let create = || {
        place
            .iam
            .create_group(&cause, new_group(&name), Mode::Apply)
    };
    let (made, is_created) = create().await.unwrap().into_parts();
    assert!(is_created);
    assert_eq!(made.arn, format!("arn:aws:iam::630742778131:group/{name}"));
    assert_eq!(create().await.unwrap(), Outcome::Unchanged(made));
    assert_eq!(
        place.kinds(name.as_str()).await,
        ["GroupCreateRequested", "GroupCreated"]
    );
}

#[tokio::test]
async fn a_group_of_another_spelling_or_path_is_not_taken_for_ours() {
    let place = Place::create().await;
    let name = place.group_name();
    place.group(&name).await;
    let check = async |new: NewGroup, expected: &str| {
        let refused = place.iam.create_group(&cause(), new, Mode::Apply).await;
        let Err(Error::AlreadyExists { difference, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert!(difference.contains(expected), "{difference}");
    };
    let upper = GroupName::parse(name.as_str().to_uppercase()).unwrap();
    check(new_group(&upper), "name is").await;
    let path = Path::parse("/teams/").unwrap();
    check(
        NewGroup {
            name: name.clone(),
            path,
        },
        "path is",
    )
    .await;
    assert_eq!(place.kinds(name.as_str()).await.len(), 2);
    assert!(place.kinds(upper.as_str()).await.is_empty());
}

#[tokio::test]
async fn validating_changes_and_records_nothing() {
    let place = Place::create().await;
    let name = place.group_name();
    let planned = place
        .iam
        .create_group(&cause(), new_group(&name), Mode::Validate)
        .await;
    let (planned, is_created) = planned.unwrap().into_parts();
    assert!(is_created && planned.arn.is_empty());
    assert!(matches!(
        place.iam.get_group(&name).await,
        Err(Error::NotFound { .. })
    ));
    assert!(place.kinds(name.as_str()).await.is_empty());
}

#[tokio::test]
async fn a_group_goes_only_when_empty_and_only_once() {
    let place = Place::create().await;
    let (group, user) = (place.group_name(), place.user_name());
    place.group(&group).await;
    place.user(&user).await;
    for _ in 0..2 {
        place
            .iam
            .add_to_group(&cause(), &group, &user)
            .await
            .unwrap();
    }
    let refused = place.iam.delete_group(&cause(), &group).await.unwrap_err();
    assert!(
        matches!(&refused, Error::InUse { words, .. } if words.contains(user.as_str())),
        "{refused}"
    );
    for was_there in [true, false] {
        let removed = place.iam.remove_from_group(&cause(), &group, &user).await;
        assert_eq!(removed.unwrap(), was_there);
    }
    for was_there in [true, false] {
        let deleted = place.iam.delete_group(&cause(), &group).await;
        assert_eq!(deleted.unwrap(), was_there);
    }
    let kinds = ["GroupCreateRequested", "GroupCreated", "GroupDeleted"];
    assert_eq!(place.kinds(group.as_str()).await, kinds);
    let kinds = [
        "MembershipAddRequested",
        "MembershipAdded",
        "MembershipRemoved",
    ];
    assert_eq!(place.kinds(&format!("{group}/{user}")).await, kinds);
}

/// One page of IAM's answer to ListGroups.
fn page(name: &str, marker: Option<&str>) -> Fault {
    let more = marker.map_or("<IsTruncated>false</IsTruncated>".to_owned(), |marker| {
        format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>")
    });
    let group = format!(
        "<member><Path>/</Path><GroupName>{name}</GroupName><GroupId>AGPA{name}</GroupId>\
         <Arn>arn:aws:iam::630742778131:group/{name}</Arn><CreateDate>2025-02-03T13:08:56Z</CreateDate></member>"
    );
    let result = format!("<ListGroupsResult><Groups>{group}</Groups>{more}</ListGroupsResult>");
    Fault::Answer(
        200,
        format!("<ListGroupsResponse>{result}</ListGroupsResponse>"),
    )
}

#[tokio::test]
async fn groups_beyond_iam_s_first_page_are_seen() {
    let url = faults::url(|body| match body {
        body if body.contains("Marker=second") => page("beta", None),
        body if body.contains("Action=ListGroups") => page("gamma", Some("second")),
        _ => Fault::None,
    });
    let place = Place::behind(&url.await).await;
    let groups = place.iam.list_groups().await.unwrap();
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["beta", "gamma"]);
    // Not made again, though it is on the second page only.
    let beta = GroupName::parse("beta").unwrap();
    let outcome = place
        .iam
        .create_group(&cause(), new_group(&beta), Mode::Apply)
        .await;
    assert!(matches!(outcome, Ok(Outcome::Unchanged(_))));
}

#[tokio::test]
async fn iam_out_of_order_is_told_from_iam_saying_no() {
    let url = faults::url(|_| faults::refusal(503, "ServiceUnavailable")).await;
    let place = Place::behind(&url).await;
    let down = place.iam.list_groups().await.unwrap_err();
    assert!(matches!(down, Error::Unavailable { .. }), "{down}");
    let url = faults::url(|_| faults::refusal(403, "AccessDenied")).await;
    let place = Place::behind(&url).await;
    let refused = place.iam.list_groups().await.unwrap_err();
    assert!(
        matches!(&refused, Error::Refused { code, .. } if code == "AccessDenied"),
        "{refused}"
    );
}
