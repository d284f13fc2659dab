mod faults;
mod group;
mod grpc;
mod history;
mod key;
mod policy;
mod support;
mod user;
