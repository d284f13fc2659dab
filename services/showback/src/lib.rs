//! Showback: what each tenant cost, to the second and to the last digit.
//!
//! Enters: pods and nodes (watched), tenant events (who owned which namespace when), a price book (a file).
//! Leaves: cost reports and prices over gRPC, the events `CostRecorded` and `PriceBookLoaded`.
//! Deliberately absent: stored money (intervals and price keys are stored, sums are made when asked for), samples of use, and any
//! write to the cluster.

pub mod config;
pub mod consume;
pub mod cost;
pub mod grpc;
pub mod meter;
pub mod price;
pub mod store;
