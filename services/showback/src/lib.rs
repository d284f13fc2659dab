//! tenantry-showback
