//! The text of ConfigMap `aws-auth`: read as the authenticator reads it, edited without touching what is not meant.
//!
//! Enters: the `data` of the object. Leaves: the entries, or a new `data` that is proven to differ by the wanted entry
//! only, or the reason why not.
//! Deliberately absent: the cluster, the clock, and any rewriting of what somebody else wrote.

mod edit;
mod guard;
mod mapping;
mod model;
mod plan;
mod principal;
mod scalar;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use guard::Refusal;
pub use mapping::{Mapping, MappingError};
pub use model::{Entry, Fault, Model, Section};
pub use plan::{Duplicates, Plan, Written, create, delete};
pub use principal::{Kind, Principal, PrincipalError};
pub use tree::Flaw;

/// `data` of the object: sections, and whatever else somebody keeps there.
pub type Data = BTreeMap<String, String>;
