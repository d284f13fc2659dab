//! Whatever stands in a section, an edit leaves all but its own bytes.

use proptest::prelude::*;

use super::*;
use crate::aws_auth::Model;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        Just("y".to_owned()),
        Just("no".to_owned()),
        Just("123".to_owned()),
        Just("~".to_owned())
    ]
}

/// One entry as somebody may write it, without its line end.
fn entry() -> impl Strategy<Value = String> {
    let user = (name(), name(), "[a-z]{1,5}").prop_flat_map(|(user, group, note)| {
        let arn = format!("arn:aws:iam::630742778131:user/x{}", user.replace('~', "t"));
        prop_oneof![
            Just(format!("- userarn: {arn}\n  username: {user}\n  groups:\n  - {group}")),
            Just(format!("- userarn: {arn} # {note}\n  groups: [{group}, '{note}']\n  username: \"{user}\"")),
            Just(format!("-\n  # {note}\n  username: >-\n    {user}\n  userarn: '{arn}'\n  {note}: {{a: [b]}}")),
            Just(format!("- {{userarn: {arn}, username: {user}}}")),
            Just(format!("- &{note}\n  userarn: {arn}\n  username: |\n    {user}\n\n")),
            Just(format!("- {note}")),
        ]
    });
    user.boxed()
}

fn section() -> impl Strategy<Value = String> {
    let between = prop_oneof![
        Just(""),
        Just("# between\n"),
        Just("\n"),
        Just("  # indented\n")
    ];
    (
        proptest::collection::vec((entry(), between), 0..6),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(entries, is_crlf, is_open)| {
            let mut text: String = entries
                .iter()
                .map(|(entry, after)| format!("{entry}\n{after}"))
                .collect();
            if is_open && !text.is_empty() {
                text.pop();
            }
            if is_crlf {
                text.replace('\n', "\r\n")
            } else {
                text
            }
        })
}

/// `text` without one run of bytes is `rest`.
fn is_rest_of(text: &str, rest: &str) -> bool {
    let same = |a: &mut dyn Iterator<Item = (u8, u8)>| a.take_while(|(a, b)| a == b).count();
    let head = same(&mut text.bytes().zip(rest.bytes()));
    let tail = same(&mut text.bytes().rev().zip(rest.bytes().rev()));
    head + tail >= rest.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_added_entry_is_all_that_is_added(users in section(), groups in proptest::collection::vec(name(), 0..3)) {
        let before = nodes_and(&users);
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let wanted = falcon(&groups);
        let plan = create(&before, &wanted, Duplicates::Refuse);
        let Ok(Plan::Write(written)) = plan else {
            return Err(TestCaseError::fail(format!("{plan:?} for {users:?}")));
        };
        prop_assert_eq!(&written.after["mapRoles"], NR);
        prop_assert!(is_rest_of(&written.after["mapUsers"], &users), "{:?}\n{:?}", users, written.after);
        prop_assert!(is_unchanged(&written.after, &wanted));
    }

    #[test]
    fn an_entry_added_and_deleted_leaves_what_was_there(users in section()) {
        let before = nodes_and(&users);
        let with = written(&before, &falcon(&["g"]), Duplicates::Refuse).after;
        let without = deleted(&with, U).unwrap().after;
        prop_assert_eq!(Model::read(&without), Model::read(&before));
        let missing = users.replace("\r\n", "\n");
        let missing = missing.strip_suffix('\n').unwrap_or(&missing);
        prop_assert!(without["mapUsers"].replace("\r\n", "\n").starts_with(missing), "{:?}", without);
    }

    #[test]
    fn a_deleted_entry_is_all_that_goes(users in section(), which in any::<prop::sample::Index>()) {
        let before = nodes_and(&users);
        let model = Model::read(&before);
        prop_assume!(!model.users.is_empty());
        let arn = which.get(&model.users).arn.clone();
        let is_once = model.users.iter().filter(|entry| entry.arn == arn).count() == 1;
        let after = deleted(&before, &arn).unwrap().after;
        let expected: Vec<_> = model.users.into_iter().filter(|entry| entry.arn != arn).collect();
        prop_assert_eq!(&Model::read(&after).users, &expected);
        let rest = after["mapUsers"].replace("[]\r\n", "").replace("[]\n", "");
        prop_assert!(!is_once || is_rest_of(&users, &rest), "{:?}\n{:?}", users, after);
    }
}
