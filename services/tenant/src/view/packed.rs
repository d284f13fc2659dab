use std::{marker::PhantomData, sync::Arc};

use kube::{Resource, ResourceExt as _};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tenantry_k8s::keys;

use super::revision;

/// An object as the bytes of its JSON, and what is asked of it often.
///
/// Maps of short strings take several times as many bytes, and most objects are looked at only when their tenant is.
pub(super) struct Packed<K> {
    pub(super) uid: Option<String>,
    pub(super) revision: u64,
    pub(super) tenant: Option<String>,
    /// To be read by whoever asks, after the view is free again for others.
    pub(super) json: Json<K>,
}

/// The bytes of an object.
pub(super) struct Json<K>(Arc<[u8]>, PhantomData<fn() -> K>);

impl<K> Clone for Json<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<K: Resource + Serialize + DeserializeOwned> Packed<K> {
    pub(super) fn of(object: &K) -> Self {
        let json = serde_json::to_vec(object).expect("an object is JSON");
        Self {
            uid: object.uid(),
            revision: revision(object),
            tenant: object.labels().get(keys::TENANT).cloned(),
            json: Json(json.into(), PhantomData),
        }
    }
}

impl<K: DeserializeOwned> Json<K> {
    pub(super) fn read(&self) -> K {
        serde_json::from_slice(&self.0).expect("it was packed from an object of this kind")
    }

    /// The object as it is, unread.
    pub(super) fn value(&self) -> Value {
        serde_json::from_slice(&self.0).expect("an object is JSON")
    }
}
