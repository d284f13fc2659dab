//! tenantry-proto
