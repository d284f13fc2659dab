//! Lists come in pages; people and scripts get the whole list.

use crate::error::Error;

/// Things per page: the most a service gives.
pub(crate) const SIZE: i32 = 1000;

/// Every item of a list, page by page; `fetch` takes a token and gives items and the next token.
pub(crate) async fn all<T>(
    fetch: impl AsyncFn(String) -> Result<(Vec<T>, String), Error>,
) -> Result<Vec<T>, Error> {
    let (mut items, mut token) = fetch(String::new()).await?;
    while !token.is_empty() {
        let (more, next) = fetch(token).await?;
        items.extend(more);
        token = next;
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_page_is_read_in_order() {
        let pages = all(async |token| match token.as_str() {
            "" => Ok((vec![1, 2], "two".to_owned())),
            _ => Ok((vec![3], String::new())),
        });
        assert_eq!(pages.await.unwrap(), [1, 2, 3]);
    }
}
