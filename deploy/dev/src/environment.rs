//! The variables that make a shell, or a test, part of a stack.

use crate::stack::{Service, Stack};

impl Stack {
    /// Name and value, as `cargo dev env` exports them.
    pub fn environment(&self) -> Vec<(String, String)> {
        let own = [
            ("TENANTRY_STACK", self.name.clone()),
            ("KUBECONFIG", self.kubeconfig("admin").display().to_string()),
            ("TENANTRY_IDENTITY_URL", self.url(Service::Identity)),
            ("TENANTRY_TENANT_URL", self.url(Service::Tenant)),
            ("TENANTRY_SHOWBACK_URL", self.url(Service::Showback)),
            ("TENANTRY_CONSOLE_URL", self.url(Service::Console)),
            ("KEYCLOAK_URL", self.keycloak_url()),
            ("NATS_URL", self.nats_admin_url()),
            (
                "IDENTITY_DATABASE_URL",
                self.owner_database_url(Service::Identity),
            ),
            (
                "TENANT_DATABASE_URL",
                self.owner_database_url(Service::Tenant),
            ),
            (
                "SHOWBACK_DATABASE_URL",
                self.owner_database_url(Service::Showback),
            ),
            ("PATH", self.path()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let metrics = Service::ALL.map(|service| self.metrics(service));
        let all = own.into_iter().chain(metrics);
        all.chain(self.aws_environment()).collect()
    }

    fn metrics(&self, service: Service) -> (String, String) {
        let variable = format!("TENANTRY_{}_METRICS_URL", service.name().to_uppercase());
        let address = self.metrics_address(service);
        (variable, format!("http://{address}/metrics"))
    }

    /// PATH with `tenantry`, `kubectl-tenantry`, `kubectl`, `aws` and `grpcurl` of this stack first, once.
    fn path(&self) -> String {
        let bin = self.root().join("bin");
        let old = std::env::var_os("PATH").unwrap_or_default();
        let rest = std::env::split_paths(&old).filter(|directory| *directory != bin);
        let path =
            std::env::join_paths(std::iter::once(bin.clone()).chain(rest)).unwrap_or_default();
        path.to_string_lossy().into_owned()
    }

    /// What a browser's walk through the console needs beside.
    pub(crate) fn browser_environment(&self) -> Vec<(String, String)> {
        [
            ("TENANTRY_SCREENSHOTS", self.root().display().to_string()),
            ("TENANTRY_ADMIN_PASSWORD", self.secrets().admin.clone()),
            ("TENANTRY_BEAR_PASSWORD", self.secrets().bear.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}
