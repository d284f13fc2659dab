use tenantry_k8s::{Guardrails, guardrails};

use crate::reconcile::{
    object::{Kind, Object},
    validate::Valid,
};

/// The rules of each namespace, also where there are none: without the object the apiserver lets nothing in.
pub(super) fn wanted(valid: &Valid) -> Vec<Object> {
    let object = |namespace: &str| {
        let mut rules = Guardrails::new(guardrails::NAME, valid.rules.clone());
        rules.metadata = super::metadata(valid, Some(namespace), guardrails::NAME);
        Object::wanted(Kind::Guardrails, &rules)
    };
    valid
        .spaces
        .iter()
        .map(|space| object(&space.name))
        .collect()
}
