//! `tenantry version`.

use clap::Args;
use serde::Serialize;

use crate::{
    error::Error,
    session::Session,
    view::{Column, View},
};

/// Version of this program.
#[derive(Debug, Args)]
pub struct Command {}

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

impl Command {
    pub(crate) fn run(self, session: &Session) -> Result<(), Error> {
        let version = Version {
            version: env!("CARGO_PKG_VERSION"),
        };
        let view = View {
            columns: vec![Column::text("VERSION")],
            rows: vec![vec![version.version.to_owned()]],
            names: vec![version.version.to_owned()],
            empty: String::new(),
        };
        session.out.show(&version, &view)
    }
}
