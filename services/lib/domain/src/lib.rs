//! tenantry-domain
