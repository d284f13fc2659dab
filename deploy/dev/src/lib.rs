//! tenantry-dev
