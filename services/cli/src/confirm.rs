//! What takes something away is confirmed by the name of what loses it.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::error::Error;

/// Goes on only if `name` was given by `--confirm` or is typed at the terminal.
///
/// Errors: usage, with the flag to add, where nobody is there to ask.
pub(crate) fn severe(what: &str, name: &str, confirmed: Option<&str>) -> Result<(), Error> {
    match confirmed {
        Some(given) => matches(given, name),
        None if io::stdin().is_terminal() => {
            eprintln!("{what}");
            eprint!("Type {name} to go on: ");
            let mut typed = String::new();
            io::stdin()
                .lock()
                .read_line(&mut typed)
                .map_err(Error::Print)?;
            matches(typed.trim(), name)
        }
        None => Err(Error::Usage(format!(
            "{what} To go on, add --confirm {name}"
        ))),
    }
}

fn matches(given: &str, name: &str) -> Result<(), Error> {
    if given == name {
        Ok(())
    } else {
        Err(Error::Usage(format!(
            "confirmed {given:?}, but the name is {name:?}; nothing was done"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_name_confirms() {
        assert!(severe("Gone.", "logistics", Some("logistics")).is_ok());
        assert!(severe("Gone.", "logistics", Some("Logistics")).is_err());
    }
}
