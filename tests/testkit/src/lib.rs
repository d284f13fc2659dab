//! tenantry-testkit
