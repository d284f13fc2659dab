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
