//! The pipe: dereference → validate → build → apply → record.

pub mod actor;
pub mod build;
pub mod dereference;
pub mod object;
pub mod validate;

#[cfg(test)]
mod tests;
