//! tenantry-events
