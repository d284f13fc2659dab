//! Order of startup, nothing else.
fn main() {}
