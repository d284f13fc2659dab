use std::{fs, path::PathBuf};

use tenantry_dev::{ControlPlane, Nodes};

use super::Installation;

/// What an installation held when it was ended, for others to start with: they are spared its making.
///
/// Invariant: nothing of it runs. It is gone with the value.
pub struct Stored {
    directory: PathBuf,
    /// Of the service's account.
    token: String,
}

impl Stored {
    /// That of an installation like any other.
    ///
    /// Panics: see [`Installation::start`].
    pub fn make(name: &str) -> Self {
        let (Installation { plane, directory }, token) = Installation::make(name);
        plane.leave().expect("ending a control plane");
        Self { directory, token }
    }

    /// An installation of its own that holds the same.
    ///
    /// Panics: see [`Installation::start`].
    pub fn start(&self, name: &str) -> Installation {
        let directory = ControlPlane::directory(name);
        let plane = ControlPlane::start_from(&self.directory, &directory, Nodes::None);
        let plane = plane.expect("starting a control plane");
        let installation = Installation { plane, directory };
        installation.complete(&self.token);
        installation
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            eprintln!("removing {}: {error}", self.directory.display());
        }
    }
}
