//! What is wanted of a tenant, from flags or a manifest.

use std::path::PathBuf;

use clap::Args;
use tenantry_proto::tenant::v1::{AccessControl, Members, NamespacesSpec, Tenant, TenantSpec};

use crate::{error::Error, manifest};

/// Make a tenant.
#[derive(Debug, Args)]
pub struct Create {
    /// Name of the tenant; with -f the manifest has it.
    #[arg(required_unless_present = "file")]
    name: Option<String>,
    #[command(flatten)]
    wish: Wish,
}

/// What is wanted.
#[derive(Debug, Args)]
pub(super) struct Wish {
    /// Tenant manifest, or - for stdin.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["name", "quota", "description", "owners", "owner_groups", "editors",
        "editor_groups", "viewers", "viewer_groups", "namespaces", "unprefixed_namespaces", "purge_namespaces"])]
    pub(super) file: Option<PathBuf>,
    /// Name of the quota.
    #[arg(long)]
    quota: Option<String>,
    /// Free text.
    #[arg(long)]
    description: Option<String>,
    /// User who owns the tenant; repeat it, or separate by commas. The same for the five below.
    #[arg(long = "owner", value_name = "USER", value_delimiter = ',')]
    owners: Vec<String>,
    /// Group that owns the tenant.
    #[arg(long = "owner-group", value_name = "GROUP", value_delimiter = ',')]
    owner_groups: Vec<String>,
    /// User who may edit.
    #[arg(long = "editor", value_name = "USER", value_delimiter = ',')]
    editors: Vec<String>,
    /// Group that may edit.
    #[arg(long = "editor-group", value_name = "GROUP", value_delimiter = ',')]
    editor_groups: Vec<String>,
    /// User who may read.
    #[arg(long = "viewer", value_name = "USER", value_delimiter = ',')]
    viewers: Vec<String>,
    /// Group that may read.
    #[arg(long = "viewer-group", value_name = "GROUP", value_delimiter = ',')]
    viewer_groups: Vec<String>,
    /// Namespace that gets the tenant's name before its own; repeat it, or separate by commas.
    #[arg(long = "namespace", value_name = "NAME", value_delimiter = ',')]
    namespaces: Vec<String>,
    /// Namespace taken as it is.
    #[arg(
        long = "unprefixed-namespace",
        value_name = "NAME",
        value_delimiter = ','
    )]
    unprefixed_namespaces: Vec<String>,
    /// Whether deleting the tenant deletes its namespaces.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(super) purge_namespaces: Option<bool>,
    /// Check everything, change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl Create {
    pub(crate) fn is_dry_run(&self) -> bool {
        self.wish.dry_run
    }

    pub(crate) fn into_tenant(self) -> Result<Tenant, Error> {
        match &self.wish.file {
            Some(path) => manifest::tenant(&manifest::read(path)?),
            None => Ok(self.wish.tenant(self.name.unwrap_or_default())),
        }
    }
}

impl Wish {
    pub(super) fn tenant(self, name: String) -> Tenant {
        let members = |users: Vec<String>, groups: Vec<String>| {
            if users.is_empty() && groups.is_empty() {
                None
            } else {
                Some(Members { users, groups })
            }
        };
        let access_control = AccessControl {
            owners: members(self.owners, self.owner_groups),
            editors: members(self.editors, self.editor_groups),
            viewers: members(self.viewers, self.viewer_groups),
        };
        let namespaces = NamespacesSpec {
            with_tenant_prefix: self.namespaces,
            without_tenant_prefix: self.unprefixed_namespaces,
            on_delete_purge_namespaces: self.purge_namespaces.unwrap_or_default(),
        };
        let spec = TenantSpec {
            quota: self.quota.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            access_control: Some(access_control),
            namespaces: Some(namespaces),
            extra: None,
        };
        Tenant {
            name,
            spec: Some(spec),
            ..Default::default()
        }
    }
}
