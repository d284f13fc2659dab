//! `deploy/crds` is what the types say. `UPDATE_CRDS=1 cargo test -p tenantry-k8s` writes it anew.

use std::{fs, path::PathBuf};

#[test]
#[allow(clippy::disallowed_methods, reason = "the one setting of this test")]
fn deployed_crds_equal_the_types() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../deploy/crds");
    let is_update = std::env::var("UPDATE_CRDS").is_ok();
    for crd in tenantry_k8s::schema::crds() {
        let path = folder.join(format!("{}.yaml", crd.metadata.name.as_deref().unwrap()));
        let expected = serde_saphyr::to_string(&crd).unwrap();
        if is_update {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &expected).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expected,
            "{} differs; run UPDATE_CRDS=1 cargo test -p tenantry-k8s",
            path.display()
        );
    }
}
