//! tenantry-identity
