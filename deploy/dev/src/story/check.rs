use serde_json::Value;

use super::step::Expect;
use crate::exec::Output;

/// Whether `output` is what `expect` says; the error is for the reader of the demo.
pub(crate) fn check(expect: Expect, output: &Output) -> Result<(), String> {
    match expect {
        Expect::Refuses(line) => {
            if output.status.success() {
                return Err("it was not refused".to_owned());
            }
            same(line, output.stderr.trim())
        }
        _ if !output.status.success() => Err(format!("it failed with {}", output.status)),
        Expect::Success => Ok(()),
        Expect::Prints(text) => same(text, output.stdout.trim()),
        Expect::Contains(parts) => {
            match parts.iter().find(|part| !output.stdout.contains(**part)) {
                None => Ok(()),
                Some(missing) => Err(format!("it lacks: {missing}")),
            }
        }
        Expect::Json(check) => {
            let value: Value = serde_json::from_str(&output.stdout)
                .map_err(|error| format!("it is not JSON: {error}"))?;
            check(&value)
        }
    }
}

fn same(expected: &str, found: &str) -> Result<(), String> {
    if expected == found {
        Ok(())
    } else {
        Err(format!("expected: {expected}"))
    }
}

/// `expected` at `pointer` (RFC 6901).
pub(crate) fn at(value: &Value, pointer: &str, expected: &str) -> Result<(), String> {
    match value.pointer(pointer).and_then(Value::as_str) {
        Some(found) if found == expected => Ok(()),
        found => Err(format!("expected {expected} at {pointer}, found {found:?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn output(code: i32, stdout: &str, stderr: &str) -> Output {
        Output {
            status: ExitStatus::from_raw(code << 8),
            stdout: stdout.into(),
            stderr: stderr.into(),
        }
    }

    #[test]
    fn a_refusal_must_come_in_the_expected_words() {
        let expect = Expect::Refuses("Error from server (Forbidden): no");
        assert!(
            check(
                expect,
                &output(1, "", "Error from server (Forbidden): no\n")
            )
            .is_ok()
        );
        assert!(check(expect, &output(1, "", "error: You must be logged in\n")).is_err());
        assert!(
            check(
                expect,
                &output(0, "", "Error from server (Forbidden): no\n")
            )
            .is_err()
        );
    }

    #[test]
    fn a_failure_is_no_success_whatever_it_printed() {
        assert!(check(Expect::Contains(&["a"]), &output(1, "a", "")).is_err());
        assert!(check(Expect::Contains(&["a", "b"]), &output(0, "a", "")).is_err());
        assert!(check(Expect::Prints("a"), &output(0, "a\n", "")).is_ok());
    }
}
