use super::step::Step;

/// A person's walk through the console, in a real browser, with pictures.
pub(crate) fn steps() -> Vec<Step> {
    vec![Step::new(
        "Log in to the console at Keycloak, see the dashboard, walk tenants and namespaces",
        "npm --prefix ../../../services/console/web run --silent walk",
    )]
}
