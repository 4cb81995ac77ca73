//! The footer of an object, by its last bytes.

use super::fetch::Fetch;
use crate::encode::{Footer, ReadError};
use crate::store::StoreError;

/// How much of an object's end is asked for first; footers of wide tables are seldom longer.
const FIRST_READ: u64 = 64 << 10;

/// Reads an object's footer; nothing where there is no object.
pub async fn read_footer(fetch: &Fetch, key: &str) -> Result<Option<Result<Footer, ReadError>>, StoreError> {
    let Some(tail) = fetch.get_tail(key, FIRST_READ).await? else { return Ok(None) };
    match Footer::read(&tail) {
        // The number is the object's claim, and what comes is no more than the object has. All of it has come already where
        // less than asked for did.
        Err(ReadError::Short { needed }) if tail.len() as u64 == FIRST_READ => {
            let Some(tail) = fetch.get_tail(key, needed as u64).await? else { return Ok(None) };
            Ok(Some(Footer::read(&tail)))
        }
        footer => Ok(Some(footer)),
    }
}
