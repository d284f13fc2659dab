use kube::{Resource, ResourceExt as _};

use crate::reconcile::object::MANAGER;

/// Takes off an object what nobody asks for and what is larger than the rest: what we own of it, and who owns its status.
pub(super) fn lighten<K: Resource>(object: &mut K) {
    object.managed_fields_mut().retain(|entry| {
        let is_of_status = entry.subresource.as_deref() == Some("status");
        !is_of_status && entry.manager.as_deref() != Some(MANAGER)
    });
}
