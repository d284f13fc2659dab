//! Cases G1 to G33 of what eksctl does and what we must do instead.

use super::*;
use crate::aws_auth::{Model, PrincipalError, Section};

#[test]
fn g1_the_tutorial_appends_and_leaves_the_node_role_alone() {
    let before = data(&[("mapRoles", NR)]);
    let written = written(&before, &falcon(&["logistics-dev"]), Duplicates::Refuse);
    assert_eq!(written.after, nodes_and(FALCON));
    assert!(written.warnings.is_empty() && written.removed.is_empty());
    assert!(is_unchanged(&written.after, &falcon(&["logistics-dev"])));
}

#[test]
fn g3_the_same_arn_with_another_group_is_refused_by_what_differs() {
    let Refusal::Exists {
        arn, difference, ..
    } = refused(&nodes_and(FALCON), &falcon(&["other"]))
    else {
        panic!("not refused as existing");
    };
    assert_eq!(
        (arn.as_str(), difference.as_str()),
        (U, "its groups are [logistics-dev], not [other]")
    );
    let Refusal::Exists { difference, .. } =
        refused(&nodes_and(FALCON), &mapping(U, "other", &["logistics-dev"]))
    else {
        panic!("not refused as existing");
    };
    assert_eq!(
        difference,
        r#"its username is "falcon@nordmart.com", not "other""#
    );
}

#[test]
fn g3_may_be_replaced_when_duplicates_are_not_refused() {
    let written = written(&nodes_and(FALCON), &falcon(&["other"]), Duplicates::Replace);
    assert_eq!(
        written.after,
        nodes_and(&FALCON.replace("logistics-dev", "other"))
    );
    assert_eq!(written.removed[0].groups, ["logistics-dev"]);
}

#[test]
fn g6_a_missing_arn_is_not_found() {
    let refused = deleted(&data(&[("mapRoles", NR)]), U).unwrap_err();
    assert_eq!(refused, Refusal::NotFound { arn: U.to_owned() });
}

#[test]
fn g8_an_absent_object_gets_users_only_and_a_warning() {
    let written = written(
        &Data::new(),
        &falcon(&["logistics-dev"]),
        Duplicates::Refuse,
    );
    assert_eq!(written.after, data(&[("mapUsers", FALCON)]));
    assert!(
        written.warnings[0].contains("no node role"),
        "{:?}",
        written.warnings
    );
}

#[test]
fn g9_g12_g13_g20_g21_what_is_no_user_or_role_is_refused() {
    for arn in ["", "falcon", "630742778131"] {
        assert!(
            matches!(Principal::parse(arn), Err(PrincipalError::Malformed(_))),
            "{arn}"
        );
    }
    let group = Principal::parse("arn:aws:iam::630742778131:group/logistics-owner").unwrap_err();
    assert!(
        group.to_string().contains("map each of its users"),
        "{group}"
    );
}

#[test]
fn g15_a_role_is_stored_without_its_path() {
    let arn = "arn:aws:iam::630742778131:role/aws-reserved/sso.amazonaws.com/eu-north-1/AWSReservedSSO_dev_0123";
    let written = written(
        &Data::new(),
        &mapping(arn, "{{SessionNameRaw}}", &["dev"]),
        Duplicates::Refuse,
    );
    let model = Model::read(&written.after);
    assert_eq!(
        model.roles[0].arn,
        "arn:aws:iam::630742778131:role/AWSReservedSSO_dev_0123"
    );
    assert!(written.warnings[0].contains(arn), "{:?}", written.warnings);
}

#[test]
fn g17_a_tab_in_the_roles_stops_an_edit_of_the_users() {
    let tabbed = NR.replace("  - system:nodes", "\t- system:nodes");
    let Refusal::Unparseable { fault, repaired } =
        refused(&data(&[("mapRoles", &tabbed)]), &falcon(&[]))
    else {
        panic!("not refused as unparseable");
    };
    assert_eq!(
        (fault.section, fault.flaw.line, fault.flaw.column),
        (Section::Roles, 3, 1),
        "{fault:?}"
    );
    assert_eq!(repaired.as_deref(), Some(NR));
}

#[test]
fn g18_accounts_that_are_maps_stop_an_edit_of_the_users() {
    let data = data(&[("mapAccounts", "- account: \"630742778131\"\n")]);
    let Refusal::Unparseable { fault, repaired } = refused(&data, &falcon(&[])) else {
        panic!("not refused as unparseable");
    };
    assert_eq!((fault.section, repaired), (Section::Accounts, None));
    assert!(matches!(
        deleted(&data, U),
        Err(Refusal::Unparseable { .. })
    ));
}

#[test]
fn g22_an_arn_that_differs_by_case_is_refused() {
    let wanted = mapping(
        &U.replace("falcon", "Falcon"),
        "falcon@nordmart.com",
        &["logistics-dev"],
    );
    for duplicates in [Duplicates::Refuse, Duplicates::Replace] {
        let refused = create(&nodes_and(FALCON), &wanted, duplicates).unwrap_err();
        assert!(
            matches!(&refused, Refusal::Exists { difference, .. } if difference.ends_with(U)),
            "{refused}"
        );
    }
}

#[test]
fn g23_groups_are_a_set() {
    let before = nodes_and(
        "- userarn: arn:aws:iam::630742778131:user/falcon@nordmart.com\n  username: falcon@nordmart.com\n  groups: [a, b]\n",
    );
    assert!(is_unchanged(&before, &falcon(&["b", "a"])));
}

#[test]
fn g24_a_username_of_another_arn_is_refused() {
    let wanted = mapping(
        "arn:aws:iam::630742778131:user/eve",
        "falcon@nordmart.com",
        &[],
    );
    let taken = Refusal::UsernameTaken {
        username: "falcon@nordmart.com".to_owned(),
        arn: U.to_owned(),
    };
    assert_eq!(refused(&nodes_and(FALCON), &wanted), taken);
}

#[test]
fn g25_the_last_user_leaves_an_empty_list() {
    let written = deleted(&nodes_and(FALCON), U).unwrap();
    assert_eq!(written.after, nodes_and("[]\n"));
    assert_eq!(written.removed.len(), 1);
}

#[test]
fn g27_the_last_of_two_is_in_effect() {
    let old = FALCON.replace("logistics-dev", "old");
    let before = nodes_and(&format!("{old}{FALCON}"));
    let Ok(Plan::Unchanged { warnings }) =
        create(&before, &falcon(&["logistics-dev"]), Duplicates::Refuse)
    else {
        panic!("the entry in effect is as wanted");
    };
    assert!(warnings[0].contains("2 entries"), "{warnings:?}");
    assert!(matches!(
        refused(&before, &falcon(&["old"])),
        Refusal::Exists { .. }
    ));
    let collapsed = written(&before, &falcon(&["logistics-dev"]), Duplicates::Replace);
    assert_eq!(
        (collapsed.after, collapsed.removed.len()),
        (nodes_and(FALCON), 2)
    );
}

#[test]
fn g29_a_flow_list_stays_one() {
    let users = "[{\"userarn\": \"arn:aws:iam::1:user/a\", \"username\": \"a\"}]\n";
    let written = written(
        &nodes_and(users),
        &falcon(&["logistics-dev"]),
        Duplicates::Refuse,
    );
    let ours = r#"{"groups": ["logistics-dev"], "userarn": "arn:aws:iam::630742778131:user/falcon@nordmart.com", "username": "falcon@nordmart.com"}"#;
    assert_eq!(
        written.after,
        nodes_and(&users.replace("}]", &format!("}}, {ours}]")))
    );
    assert_eq!(deleted(&written.after, U).unwrap().after, nodes_and(users));
}

#[test]
fn g31_anchors_survive_an_edit_beside_them() {
    let users = "- &a\n  userarn: arn:aws:iam::1:user/a\n  username: a\n  groups: &g [x]\n- userarn: arn:aws:iam::1:user/b\n  username: b\n  groups: *g\n";
    let written = written(
        &nodes_and(users),
        &falcon(&["logistics-dev"]),
        Duplicates::Refuse,
    );
    assert_eq!(written.after, nodes_and(&format!("{users}{FALCON}")));
}

#[test]
fn g31_an_anchor_that_others_need_is_not_taken_away() {
    let users = format!(
        "- userarn: {U}\n  username: f\n  groups: &g [x]\n- userarn: arn:aws:iam::1:user/b\n  username: b\n  groups: *g\n"
    );
    assert!(matches!(
        deleted(&nodes_and(&users), U),
        Err(Refusal::Guarded { .. })
    ));
}

#[test]
fn delete_takes_every_spelling_in_both_sections() {
    let upper = FALCON.replace("user/falcon", "user/FALCON");
    let roles = format!("{NR}- rolearn: {U}\n  username: f\n");
    let before = data(&[
        ("mapRoles", &roles),
        ("mapUsers", &format!("{FALCON}# kept\n{upper}")),
    ]);
    let written = deleted(&before, U).unwrap();
    assert_eq!(written.after, nodes_and("[]\n# kept\n"));
    assert_eq!(written.removed.len(), 3);
}

#[test]
fn nodes_the_last_administrator_and_our_own_entry_stay() {
    let node = "arn:aws:iam::630742778131:role/nodes";
    assert!(matches!(
        deleted(&nodes_and(FALCON), node),
        Err(Refusal::Guarded { .. })
    ));
    let replaced = create(
        &nodes_and(FALCON),
        &mapping(node, "nodes", &[]),
        Duplicates::Replace,
    );
    assert!(matches!(replaced, Err(Refusal::Guarded { .. })));

    let admin = |name: &str| {
        format!("- userarn: arn:aws:iam::1:user/{name}\n  username: {name}\n  groups: [system:masters]\n").replace("::1:", "::630742778131:")
    };
    let arn = "arn:aws:iam::630742778131:user/ada";
    assert!(matches!(
        deleted(&nodes_and(&admin("ada")), arn),
        Err(Refusal::Guarded { .. })
    ));
    let two = nodes_and(&format!("{}{}", admin("ada"), admin("bob")));
    assert_eq!(deleted(&two, arn).unwrap().after, nodes_and(&admin("bob")));

    let own = delete(&nodes_and(FALCON), &Principal::parse(U).unwrap(), Some(U));
    assert!(matches!(own, Err(Refusal::Guarded { .. })));
}

#[test]
fn a_text_that_no_config_map_holds_is_refused() {
    let before = data(&[(
        "mapUsers",
        &format!("# {}\n", "x".repeat(1024 * 1024 - 100)),
    )]);
    assert!(matches!(
        refused(&before, &falcon(&[])),
        Refusal::Guarded { .. }
    ));
}

#[test]
fn the_section_keeps_its_own_layout() {
    let check = |before: &str, after: &str| {
        let written = written(
            &nodes_and(before),
            &mapping("arn:aws:iam::630742778131:user/a", "a", &[]),
            Duplicates::Refuse,
        );
        assert_eq!(written.after["mapUsers"], after, "{before:?}");
    };
    let ours = "- userarn: \"arn:aws:iam::630742778131:user/a\"\n  username: \"a\"\n";
    for empty in ["", "[]\n", "[]", "\"\"", "''", "``", "~\n", "null"] {
        check(empty, ours);
    }
    check("# who may\n", &format!("# who may\n{ours}"));
    check(
        "# who may\n[]\n# end\n",
        &format!("# who may\n{ours}# end\n"),
    );
    let indented = "  - userarn: arn:aws:iam::1:user/b # b\n    username: b";
    check(
        indented,
        &format!("{indented}\n  {}", ours.replace("\n  u", "\n    u")),
    );
    let commented = "- userarn: arn:aws:iam::1:user/b\n  username: b # b\n";
    check(
        &format!("{commented}\n# tail\n"),
        &format!("{commented}{ours}\n# tail\n"),
    );
    check(
        "- {userarn: x}\r\n",
        &format!("- {{userarn: x}}\r\n{}", ours.replace('\n', "\r\n")),
    );
    check(
        "- {userarn: x}\n---\n- y\n",
        &format!("- {{userarn: x}}\n{ours}---\n- y\n"),
    );
    let flow = "{\"userarn\": \"arn:aws:iam::630742778131:user/a\", \"username\": \"a\"}";
    check(
        "[\n  {userarn: x}, # x\n]\n",
        &format!("[\n  {{userarn: x}}, {flow}, # x\n]\n"),
    );
    check("--- []\n", &format!("--- [{flow}]\n"));
}
