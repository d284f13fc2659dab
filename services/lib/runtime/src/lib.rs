//! tenantry-runtime
