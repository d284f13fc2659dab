//! Page tokens: opaque, and bound to the query they were given for.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use tenantry_proto::common::v1::Reason;
use tonic::Status;

use crate::status;

/// Things on a page when the caller names no number.
const SIZE_DEFAULT: i32 = 100;
/// Things on a page at most.
const SIZE_MAX: i32 = 1000;
const CHECK_BYTES: usize = 8;

/// The page size in force: 0 is the default, more than 1000 is 1000.
///
/// Errors: INVALID_ARGUMENT for a negative one.
pub fn size(asked: i32) -> Result<usize, Status> {
    match asked {
        0 => Ok(SIZE_DEFAULT as usize),
        1.. => Ok(asked.min(SIZE_MAX) as usize),
        _ => Err(status::invalid_field(
            "page_size",
            "is negative; give 0 for the default or 1 to 1000",
        )),
    }
}

/// A token that leads to the page after `cursor` of the same `query`.
pub fn token(cursor: &str, query: &str) -> String {
    let mut bytes = check(cursor, query).to_vec();
    bytes.extend_from_slice(cursor.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The cursor in `token`; none for an empty token, which asks for the first page.
///
/// Errors: INVALID_ARGUMENT with PAGE_TOKEN_INVALID if it was given for another query.
pub fn cursor(token: &str, query: &str) -> Result<Option<String>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let cursor = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| {
        let (sum, cursor) = bytes.split_at_checked(CHECK_BYTES)?;
        let cursor = String::from_utf8(cursor.to_vec()).ok()?;
        (sum == check(&cursor, query)).then_some(cursor)
    });
    cursor.map(Some).ok_or_else(|| {
        let rule = "does not belong to this list; start again without it";
        status::with_field(Reason::PageTokenInvalid, "page_token", rule, [])
    })
}

fn check(cursor: &str, query: &str) -> [u8; CHECK_BYTES] {
    let hash = Sha256::new()
        .chain_update(query)
        .chain_update([0])
        .chain_update(cursor)
        .finalize();
    std::array::from_fn(|at| hash[at])
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;

    #[test]
    fn a_token_belongs_to_its_query() {
        let token = token("17", "tenant=a");
        assert_eq!(cursor(&token, "tenant=a").unwrap().as_deref(), Some("17"));
        let refused = cursor(&token, "tenant=b").unwrap_err().get_error_details();
        assert_eq!(refused.error_info().unwrap().reason, "PAGE_TOKEN_INVALID");
        assert_eq!(
            refused.bad_request().unwrap().field_violations[0].field,
            "page_token"
        );
        assert!(cursor("nonsense!", "tenant=a").is_err());
        assert_eq!(cursor("", "tenant=a").unwrap(), None);
    }

    #[test]
    fn sizes_are_clamped_and_negative_ones_refused() {
        assert_eq!(size(0).unwrap(), 100);
        assert_eq!(size(5000).unwrap(), 1000);
        assert!(size(-1).is_err());
    }
}
