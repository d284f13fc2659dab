use std::path::Path;

use tenantry_dev::Spec;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies at tests")
}

#[test]
fn architecture_names_every_crate() {
    let text = std::fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let metadata = ["metadata", "--no-deps", "--format-version=1", "--offline"];
    let metadata = Spec::new("cargo")
        .inherit()
        .args(metadata)
        .directory(repository());
    let metadata = metadata.run(std::time::Duration::from_secs(60)).unwrap();
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let crates = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["name"].as_str().unwrap());
    let missing: Vec<&str> = crates
        .filter(|name| !text.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_second_tls_stack_stays_out() {
    let tree = |package: &str| {
        let tree = [
            "tree",
            "--workspace",
            "--offline",
            "--edges",
            "normal,build",
            "--invert",
            package,
        ];
        let tree = Spec::new("cargo")
            .inherit()
            .args(tree)
            .directory(repository());
        tree.output(std::time::Duration::from_secs(60))
            .unwrap()
            .stdout
    };
    assert_eq!(tree("ring"), "");
    // The control: the same question about the stack that is in.
    assert!(tree("aws-lc-rs").contains("tenantry-runtime"));
}

/// Texts of tests: whole files below a `tests` folder, and the tests at the end of other files. This file only says what they must hold.
fn tests() -> Vec<String> {
    let listed = Spec::new("git").inherit().directory(repository());
    let listed = listed.args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "*.rs",
    ]);
    let listed = listed.run(std::time::Duration::from_secs(10)).unwrap();
    let paths = listed.lines().filter(|path| {
        // The command line reads reasons and makes none.
        !path.ends_with("stories/house.rs") && !path.starts_with("services/cli/")
    });
    let tests = paths.filter_map(|path| {
        let text = std::fs::read_to_string(repository().join(path)).ok()?;
        if path.contains("tests/") {
            return Some(text);
        }
        text.split_once("#[cfg(test)]")
            .map(|(_, tests)| tests.to_owned())
    });
    tests.collect()
}

#[test]
fn every_reason_is_produced_by_a_test() {
    let contract = repository().join("proto/tenantry/common/v1/reason.proto");
    let contract = std::fs::read_to_string(contract).unwrap();
    let words: Vec<&str> = contract
        .lines()
        .filter_map(|line| line.trim().strip_prefix("REASON_")?.split(' ').next())
        .filter(|word| *word != "UNSPECIFIED")
        .collect();
    let tests = tests();
    let is_asserted = |word: &str| {
        let quoted = format!("\"{word}\"");
        tests.iter().any(|text| text.contains(&quoted))
    };
    // The control: a word that no service has is asserted nowhere.
    assert!(words.len() >= 27 && !is_asserted("NEVER_SENT"));
    let missing: Vec<&&str> = words.iter().filter(|word| !is_asserted(word)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
