use std::sync::OnceLock;

use tenantry_dev::{Service, Stack};

/// The standing stack that the tests run on.
///
/// Panics: there is none; the message has the line that starts it.
pub fn stack() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| Stack::load().unwrap_or_else(|error| panic!("{error:#}")))
}

/// The stack's superuser in `database`.
pub(crate) fn superuser_url(database: &str) -> String {
    stack().superuser_database_url(database)
}

/// The role that owns databases, in `database`.
pub(crate) fn owner_url(database: &str) -> String {
    in_database(&stack().owner_database_url(Service::Tenant), database)
}

/// A service's role, in `database`: any will do, they hold the same grants.
pub(crate) fn service_url(database: &str) -> String {
    in_database(&stack().database_url(Service::Tenant), database)
}

fn in_database(url: &str, database: &str) -> String {
    let (server, _) = url
        .rsplit_once('/')
        .expect("a database URL ends with the database");
    format!("{server}/{database}")
}
