//! `cargo dev`: the local stack, its demo and the one gate.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenantry_dev::main()
}
