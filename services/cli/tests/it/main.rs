//! The program as scripts see it: exit codes, stdout, stderr.

mod program;

mod exit_codes;
mod streams;
