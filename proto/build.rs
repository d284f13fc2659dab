//! Compiles the contract: prost messages, tonic clients and servers, proto3 JSON, and the descriptor set for reflection.
use std::{env, fs, path::PathBuf};

use prost::Message as _;

const FILES: &[&str] = &[
    "tenantry/audit/v1/audit_service.proto",
    "tenantry/common/v1/reason.proto",
    "tenantry/common/v1/refusal.proto",
    "tenantry/console/v1/session_service.proto",
    "tenantry/identity/v1/events.proto",
    "tenantry/identity/v1/identity_service.proto",
    "tenantry/showback/v1/events.proto",
    "tenantry/showback/v1/showback_service.proto",
    "tenantry/tenant/v1/events.proto",
    "tenantry/tenant/v1/tenant_service.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=tenantry");
    let descriptors = protox::compile(FILES, ["."])?;
    let encoded = descriptors.encode_to_vec();
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .ok_or("cargo sets OUT_DIR")?;
    fs::write(out.join("descriptors.bin"), &encoded)?;

    tonic_prost_build::configure()
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_well_known_types(true)
        .skip_debug([".tenantry.identity.v1.CreateAccessKeyResponse"])
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .build(&[".tenantry"])?;
    Ok(())
}
