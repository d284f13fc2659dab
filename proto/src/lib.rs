//! The contract: what services say to people (gRPC) and to each other (events).
//!
//! Enters: `proto/tenantry/**.proto`. Leaves: prost messages with proto3 JSON, tonic clients and servers, [`DESCRIPTORS`].
//! Deliberately absent: any conversion to domain types; each service's `grpc.rs` does its own.

/// Encoded `FileDescriptorSet` of every package, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

macro_rules! package {
    ($context:ident, $name:literal) => {
        pub mod $context {
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/tenantry.", $name, ".v1.rs"));
                include!(concat!(
                    env!("OUT_DIR"),
                    "/tenantry.",
                    $name,
                    ".v1.serde.rs"
                ));
            }
        }
    };
}

package!(audit, "audit");
package!(common, "common");
package!(console, "console");
package!(identity, "identity");
package!(showback, "showback");
package!(tenant, "tenant");

/// Builds the body of `CreateAccessKeyResponse`'s `Debug`, which must never show the secret.
impl std::fmt::Debug for identity::v1::CreateAccessKeyResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateAccessKeyResponse")
            .field("access_key", &self.access_key)
            .finish_non_exhaustive()
    }
}
