//! tenantry-console
