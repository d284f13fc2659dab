//! `env`: makes any shell part of the stack.

use anyhow::Result;

use crate::report::say;
use crate::stack::Stack;

/// Prints one `export` line per variable.
pub(crate) fn run(stack: &Stack) -> Result<()> {
    for (name, value) in stack.environment() {
        say!("export {name}={}", quote(&value));
    }
    Ok(())
}

/// A value as one word of a POSIX shell.
pub(crate) fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_value_stays_in_the_word() {
        assert_eq!(quote("it's"), r"'it'\''s'");
    }
}
