//! The local stack: real parts, no containers, one machine.
//!
//! What enters: a name (`dev`, `test`), the tools of the package managers, the binaries of this workspace.
//! What leaves: running processes on loopback, recorded below `target/<name>/`; [`Stack`] and [`ControlPlane`] for tests.
//! Deliberately absent: clients of the parts. The stack is driven as a person would drive it, through kubectl, psql and our own binaries.

mod certificate;
mod command;
mod control_plane;
mod environment;
mod exec;
mod graph;
mod home;
mod kubeconfig;
mod part;
mod ports;
mod probe;
mod process;
mod report;
mod secrets;
mod stack;
mod story;
mod tool;
mod webhooks;

pub use command::main;
pub use control_plane::{ControlPlane, Nodes};
pub use exec::Spec;
pub use ports::Ports;
pub use secrets::Secrets;
pub use stack::{Service, Stack};
pub use story::{Run, Summary, replay};
