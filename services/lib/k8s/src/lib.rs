//! tenantry-k8s
