//! Golden cases of reference, cases of the authenticator's reader, and properties.

mod golden;
mod properties;
mod reader;

use super::{Data, Duplicates, Mapping, Plan, Principal, Refusal, Written, create, delete};

const U: &str = "arn:aws:iam::630742778131:user/falcon@nordmart.com";
/// One node role as AWS writes it.
const NR: &str = "- groups:
  - system:bootstrappers
  - system:nodes
  rolearn: arn:aws:iam::630742778131:role/nodes
  username: system:node:{{EC2PrivateDNSName}}
";
/// The entry of the tutorial as we write it.
const FALCON: &str = r#"- groups:
  - "logistics-dev"
  userarn: "arn:aws:iam::630742778131:user/falcon@nordmart.com"
  username: "falcon@nordmart.com"
"#;

fn data(sections: &[(&str, &str)]) -> Data {
    sections
        .iter()
        .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
        .collect()
}

fn nodes_and(users: &str) -> Data {
    data(&[("mapRoles", NR), ("mapUsers", users)])
}

fn mapping(arn: &str, username: &str, groups: &[&str]) -> Mapping {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Mapping::parse(Principal::parse(arn).unwrap(), username.to_owned(), groups).unwrap()
}

fn falcon(groups: &[&str]) -> Mapping {
    mapping(U, "falcon@nordmart.com", groups)
}

/// What `create` writes.
fn written(data: &Data, wanted: &Mapping, duplicates: Duplicates) -> Written {
    match create(data, wanted, duplicates).unwrap() {
        Plan::Write(written) => written,
        Plan::Unchanged { .. } => panic!("nothing is written"),
    }
}

fn refused(data: &Data, wanted: &Mapping) -> Refusal {
    create(data, wanted, Duplicates::Refuse).unwrap_err()
}

fn is_unchanged(data: &Data, wanted: &Mapping) -> bool {
    matches!(
        create(data, wanted, Duplicates::Refuse),
        Ok(Plan::Unchanged { .. })
    )
}

fn deleted(data: &Data, arn: &str) -> Result<Written, Refusal> {
    delete(data, &Principal::parse(arn).unwrap(), None)
}
