//! What the authenticator makes of texts that people write.

use super::*;
use crate::aws_auth::{Entry, Model};

/// `arn username groups…` of each kept user.
fn users(text: &str) -> Vec<String> {
    let line = |entry: &Entry| {
        format!(
            "{} {} {}",
            entry.arn,
            entry.username,
            entry.groups.join(",")
        )
    };
    Model::read(&data(&[("mapUsers", text)]))
        .users
        .iter()
        .map(line)
        .collect()
}

fn is_faulty(section: &str, text: &str) -> bool {
    !Model::read(&data(&[(section, text)])).faults.is_empty()
}

#[test]
fn items_that_are_no_entries_are_dropped_and_the_rest_is_kept() {
    assert_eq!(
        users("- null\n-\n- foo\n- [a]\n- username: b\n- {userarn: x, username: a}\n"),
        ["x a "]
    );
}

#[test]
fn fields_of_the_wrong_type_are_left_empty() {
    assert_eq!(
        users("- {userarn: x, username: 123, groups: [g]}\n"),
        ["x  g"]
    );
    assert_eq!(
        users("- {userarn: x, username: y, groups: [g]}\n"),
        ["x  g"]
    );
    assert_eq!(
        users("- {userarn: x, username: a, groups: admin}\n"),
        ["x a "]
    );
    assert_eq!(
        users("- {userarn: x, username: a, groups: [b, 1, no, c]}\n"),
        ["x a b,,,c"]
    );
    assert_eq!(
        users("- {userarn: x, username: '123'}\n- {userarn: z, username: \"y\"}\n"),
        ["x 123 ", "z y "]
    );
}

#[test]
fn field_names_ignore_case_and_the_last_by_bytes_wins() {
    assert_eq!(
        users("- {UserARN: x, USERNAME: a, Groups: [g]}\n"),
        ["x a g"]
    );
    assert_eq!(
        users("- {userarn: x, username: low, Username: up}\n"),
        ["x low "]
    );
    assert_eq!(
        users("- {userarn: x, username: a, username: b}\n"),
        ["x b "]
    );
    assert_eq!(users("- {uſerarn: x, username: a}\n"), ["x a "]);
}

#[test]
fn section_names_do_not() {
    assert!(Model::read(&data(&[("mapusers", FALCON)])).users.is_empty());
}

#[test]
fn sections_that_are_no_lists_are_dropped_alone() {
    for text in [
        "a: b\n",
        "foo",
        "- a\n\t- b\n",
        "- a: b: c\n",
        "- @a\n",
        "- [a\n",
        "*a",
        "- {a: .nan}\n",
    ] {
        assert!(is_faulty("mapUsers", text), "{text:?}");
        let model = Model::read(&data(&[("mapUsers", text), ("mapRoles", NR)]));
        assert_eq!((model.users.len(), model.roles.len()), (0, 1), "{text:?}");
    }
}

#[test]
fn tabs_are_refused_where_a_token_may_begin_and_nowhere_else() {
    for text in [
        "\t- a\n",
        "-\ta: b\n",
        "- \ta: b\n",
        "- a: b\n\t\n",
        "- a:\n  -\tb\n",
    ] {
        assert!(is_faulty("mapUsers", text), "{text:?}");
    }
    for text in [
        "- a:\tb\n",
        "- a: b\t# c\n",
        "# \t\n- a: b\n",
        "[a,\n\tb]\n",
        "- a: 'x\ty'\n",
    ] {
        assert!(!is_faulty("mapUsers", text), "{text:?}");
    }
}

#[test]
fn what_our_parser_takes_and_the_authenticators_does_not_is_refused() {
    for text in [
        "- a\n%YAML 1.2\n",
        "...\n- a\n",
        "[a, b? ]\n",
        "[a]*b\n",
        "[a]\n[b]\n",
        "- >-\n    \tx\n",
        "- a\u{85}- b\n",
    ] {
        assert!(is_faulty("mapUsers", text), "{text:?}");
    }
    for text in [
        "%YAML 1.1\n---\n- a\n",
        "[a] # c\n\n# d\n---\n- b\n",
        "- a?\n",
        "- '\n%'\n",
    ] {
        let is_directive = text.starts_with('%');
        assert_eq!(is_faulty("mapUsers", text), is_directive, "{text:?}");
    }
}

#[test]
fn a_role_has_an_arn_or_a_permission_set() {
    let sso = "sso: {permissionSetName: dev, accountID: '1'}";
    let text =
        format!("- {{rolearn: x, {sso}}}\n- {{{sso}}}\n- {{username: a}}\n- {{rolearn: w}}\n");
    let model = Model::read(&data(&[("mapRoles", &text)]));
    let arns: Vec<&str> = model.roles.iter().map(|entry| entry.arn.as_str()).collect();
    assert_eq!(arns.len(), 2);
    assert!(arns[0].starts_with("sso:") && arns[1] == "w");
}

#[test]
fn accounts_are_kept_as_written() {
    let model = Model::read(&data(&[("mapAccounts", "- 012345678901\n- \"1\"\n")]));
    assert_eq!(model.accounts, ["012345678901", "1"]);
    assert!(is_faulty("mapAccounts", "- {a: b}\n"));
}

#[test]
fn the_last_of_one_arn_is_in_effect_and_roles_come_first() {
    let data = data(&[
        (
            "mapRoles",
            "- {rolearn: R, username: a}\n- {rolearn: r, username: b}\n- {rolearn: both, username: c}\n",
        ),
        (
            "mapUsers",
            "- {userarn: both, username: d}\n- {userarn: U, username: e}\n- {userarn: u, username: f}\n",
        ),
    ]);
    let model = Model::read(&data);
    let names: Vec<&str> = model
        .effective()
        .iter()
        .map(|entry| entry.username.as_str())
        .collect();
    assert_eq!(names, ["b", "c", "e", "f"]);
}

#[test]
fn aliases_and_merges_are_followed() {
    assert_eq!(
        users(
            "- &a {userarn: x, username: a, groups: &g [g]}\n- {userarn: w, username: b, groups: *g}\n- {<<: *a, userarn: z}\n"
        ),
        ["x a g", "w b g", "z a g"]
    );
    // yaml.v2 lets a merge win over what stands before it.
    assert_eq!(
        users("- &a {userarn: x, username: a}\n- {userarn: z, <<: *a}\n"),
        ["x a ", "x a "]
    );
}

#[test]
fn crlf_unknown_fields_and_second_documents_change_nothing() {
    assert_eq!(
        users("- userarn: x\r\n  username: a\r\n  note: n\r\n  userid: AIDA\r\n"),
        ["x a "]
    );
    assert_eq!(
        users("- {userarn: x, username: a}\n---\n- {userarn: y}\n"),
        ["x a "]
    );
    assert_eq!(
        users("- {userarn: x, username: a}\n...\njunk: [\n"),
        ["x a "]
    );
}

#[test]
fn a_bomb_is_not_read() {
    let mut text = "- &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let one = format!("*a{}, ", level - 1);
        text.push_str(&format!("- &a{level} [{}]\n", one.repeat(9)));
    }
    assert!(is_faulty("mapUsers", &text));
}
