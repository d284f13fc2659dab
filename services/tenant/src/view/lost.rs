use std::collections::BTreeSet;

use kube::{Resource, runtime::watcher::Event};
use tenantry_k8s::{IntegrationConfig, Quota, Tenant};

use super::{Again, View, faults::Sorted};
use crate::read::Read;

/// What may be there and cannot be read, beside what can.
impl View {
    pub(super) fn of_any_tenant(&self, event: Event<Read<Tenant>>) -> Again {
        self.sorted(
            event,
            |event| self.of_tenant(event),
            |name| self.of_lost_tenant(name),
        )
    }

    pub(super) fn of_any_quota(&self, event: Event<Read<Quota>>) -> Again {
        self.sorted(
            event,
            |event| self.of_quota(event),
            |name| self.of_lost_quota(name),
        )
    }

    pub(super) fn of_any_config(
        &self,
        namespace: &str,
        event: Event<Read<IntegrationConfig>>,
    ) -> Again {
        self.sorted(
            event,
            |event| self.of_config(event),
            |name| self.of_lost_config(namespace, name),
        )
    }

    /// Who must look again because of `event`, as `of` says of what can be read and `of_lost` of what cannot, by its name.
    fn sorted<K>(
        &self,
        event: Event<Read<K>>,
        of: impl Fn(Event<K>) -> Again,
        of_lost: impl Fn(&str) -> Again,
    ) -> Again
    where
        K: Resource<DynamicType = ()>,
    {
        let Sorted { event, lost } = self.faults.sort(event);
        let mut again = event.map(of).unwrap_or_default();
        for name in lost {
            let Again {
                tenants,
                patient,
                quotas,
            } = of_lost(&name);
            again.tenants.extend(tenants);
            again.patient.extend(patient);
            again.quotas.extend(quotas);
        }
        again
    }

    /// It can be read no more. What it wants stays spoken for as long as it is there.
    fn of_lost_tenant(&self, name: &str) -> Again {
        let known = self.tenants.forget(name);
        let is_there = self.faults.of::<Tenant>(name).is_some();
        let rivals = if is_there {
            BTreeSet::new()
        } else {
            self.wants.end(name)
        };
        Again {
            tenants: rivals.into_iter().chain([name.to_owned()]).collect(),
            quotas: known.into_iter().map(|known| known.spec.quota).collect(),
            ..Again::default()
        }
    }

    /// It can be read no more, though it may be there. Its tenants' shares stay as they are.
    fn of_lost_quota(&self, name: &str) -> Again {
        self.quotas.forget(name);
        Again {
            tenants: self.naming(name),
            quotas: vec![name.to_owned()],
            ..Again::default()
        }
    }

    /// It can be read no more, though it may be there.
    fn of_lost_config(&self, namespace: &str, name: &str) -> Again {
        self.configs.forget(namespace, name);
        self.everybody()
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::json;
    use tenantry_k8s::integration_config::NAME;

    use super::*;
    use crate::read::tests::read;

    /// A tenant that wants the namespace `shared`.
    fn tenant(name: &str) -> Read<Tenant> {
        read(
            name,
            &json!({"quota": "small", "namespaces": {"withoutTenantPrefix": ["shared"]}}),
        )
    }

    fn broken<K>(name: &str) -> Read<K>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        read(name, &json!("nothing"))
    }

    /// Who must look again at the end of a list.
    fn list(view: &View, all: &[Read<Tenant>]) -> Again {
        view.of_any_tenant(Event::Init);
        for one in all {
            view.of_any_tenant(Event::InitApply(one.clone()));
        }
        view.of_any_tenant(Event::InitDone)
    }

    fn wanting(view: &View) -> Vec<String> {
        view.wanting("shared").into_iter().collect()
    }

    #[test]
    fn settings_that_could_not_be_read_and_are_not_listed_any_more_stop_nobody() {
        let view = View::default();
        list(&view, &[tenant("a")]);
        let config = || broken::<IntegrationConfig>(NAME);
        let told = view.of_any_config("n", Event::Apply(config()));
        assert_eq!(told.tenants, ["a"]);
        view.of_any_config("n", Event::Init);
        view.of_any_config("n", Event::InitApply(config()));
        view.of_any_config("n", Event::InitDone);
        assert!(view.faults.of::<IntegrationConfig>(NAME).is_some());
        view.of_any_config("n", Event::Init);
        let told = view.of_any_config("n", Event::InitDone);
        assert_eq!(told.tenants, ["a"]);
        assert!(view.faults.of::<IntegrationConfig>(NAME).is_none());
    }

    #[test]
    fn a_tenant_that_is_not_listed_any_more_wants_nothing() {
        let view = View::default();
        list(&view, &[tenant("a"), tenant("b")]);
        let told = list(&view, &[tenant("b")]);
        assert_eq!(told.tenants, ["b", "a"]);
        assert_eq!(told.quotas, ["small"]);
        assert_eq!(wanting(&view), ["b"]);
    }

    #[test]
    fn a_tenant_that_cannot_be_read_wants_what_it_wanted_until_it_is_gone() {
        let view = View::default();
        list(&view, &[tenant("a"), tenant("b")]);
        list(&view, &[broken("a"), tenant("b")]);
        assert_eq!(wanting(&view), ["a", "b"]);
        let told = list(&view, &[tenant("b")]);
        assert_eq!(told.tenants, ["b", "a"]);
        assert_eq!(wanting(&view), ["b"]);
        view.of_any_tenant(Event::Apply(broken("b")));
        assert_eq!(wanting(&view), ["b"]);
        view.of_any_tenant(Event::Delete(broken("b")));
        assert_eq!(wanting(&view), Vec::<String>::new());
    }
}
