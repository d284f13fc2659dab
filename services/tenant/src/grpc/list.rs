//! Pages of lists in order of name.

use std::{ops::Bound, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tenantry_runtime::page;
use tonic::Status;

use super::{sight::REVIEWS, state::Things};

/// The page that a request asks for.
pub(super) struct Wanted {
    size: usize,
    after: Option<String>,
    /// What the list is of; a page token belongs to one list.
    query: String,
}

impl Wanted {
    pub(super) fn parse(size: i32, token: &str, query: impl Into<String>) -> Result<Self, Status> {
        let query = query.into();
        Ok(Self {
            size: page::size(size)?,
            after: page::cursor(token, &query)?,
            query,
        })
    }

    /// This page of `all`, which must come in order of name, and the token of the next; empty at the end.
    pub(super) fn of<T>(&self, all: impl Iterator<Item = (String, T)>) -> (Vec<T>, String) {
        let mut rest = all
            .skip_while(|(name, _)| self.after.as_ref().is_some_and(|after| name <= after))
            .peekable();
        let page: Vec<(String, T)> = rest.by_ref().take(self.size).collect();
        let last = page.last().filter(|_| rest.peek().is_some());
        let token = last.map(|(name, _)| page::token(name, &self.query));
        let things = page.into_iter().map(|(_, thing)| thing).collect();
        (things, token.unwrap_or_default())
    }

    /// This page of what `review` lets through of `all`, and the token of the next; empty at the end.
    ///
    /// Nothing beyond the page is reviewed, so the last page may turn out to be empty.
    pub(super) async fn reviewed<K, M, F>(
        &self,
        all: &Things<K>,
        review: impl Fn(Arc<K>) -> F,
    ) -> Result<(Vec<M>, String), Status>
    where
        F: Future<Output = Result<Option<M>, Status>>,
    {
        let after = self.after.as_deref();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = all.range::<str, _>((after, Bound::Unbounded)).peekable();
        let (mut page, mut last) = (Vec::new(), None);
        while page.len() < self.size && rest.peek().is_some() {
            let mut asked = Vec::new();
            for (name, thing) in rest.by_ref().take(self.size - page.len()) {
                last = Some(name);
                asked.push(thing.clone());
            }
            let answers: Vec<Option<M>> = stream::iter(asked)
                .map(&review)
                .buffered(REVIEWS)
                .try_collect()
                .await?;
            page.extend(answers.into_iter().flatten());
        }
        // A page that is not at the end is full, so its last one was not refused: the token tells of nothing unseen.
        let last = last.filter(|_| rest.peek().is_some());
        let token = last.map(|name| page::token(name, &self.query));
        Ok((page, token.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let all = || ["a", "b", "c", "d"].map(|name| (name.to_owned(), name));
        let page = |token: &str| {
            Wanted::parse(2, token, "letters")
                .unwrap()
                .of(all().into_iter())
        };
        let (first, token) = page("");
        assert_eq!(first, ["a", "b"]);
        assert_eq!(page(&token), (vec!["c", "d"], String::new()));
    }

    #[test]
    fn a_page_goes_on_where_the_last_name_was_even_if_it_is_gone() {
        let token = page::token("b", "letters");
        let rest = ["a", "c"].map(|name| (name.to_owned(), name));
        let page = Wanted::parse(2, &token, "letters").unwrap();
        assert_eq!(page.of(rest.into_iter()), (vec!["c"], String::new()));
    }

    /// The page of size `size` after `token` where capital letters are refused, and how many letters were asked about.
    async fn lower(letters: &str, size: i32, token: &str) -> (String, String, usize) {
        let all: Things<char> = letters
            .chars()
            .map(|letter| (letter.to_lowercase().to_string(), Arc::new(letter)))
            .collect();
        let asked = Cell::new(0);
        let page = Wanted::parse(size, token, "letters").unwrap();
        let (page, token) = page
            .reviewed(&all, |letter| {
                asked.set(asked.get() + 1);
                async move { Ok(letter.is_lowercase().then_some(*letter)) }
            })
            .await
            .unwrap();
        (page.into_iter().collect(), token, asked.get())
    }

    #[tokio::test]
    async fn what_is_refused_makes_room_for_the_next() {
        let (first, token, asked) = lower("aBCdEfg", 3, "").await;
        assert_eq!((first.as_str(), asked), ("adf", 6));
        assert_eq!(
            lower("aBCdEfg", 3, &token).await,
            ("g".into(), String::new(), 1)
        );
        assert_eq!(lower("aBcD", 9, "").await, ("ac".into(), String::new(), 4));
        assert_eq!(lower("ABC", 2, "").await, (String::new(), String::new(), 3));
        assert_eq!(lower("", 2, "").await, (String::new(), String::new(), 0));
    }

    #[tokio::test]
    async fn beyond_a_full_page_nothing_is_asked_about() {
        let (page, token, asked) = lower("abCDE", 2, "").await;
        assert_eq!((page.as_str(), asked), ("ab", 2));
        assert_eq!(
            page::cursor(&token, "letters").unwrap().as_deref(),
            Some("b")
        );
        let (rest, end, asked) = lower("abCDE", 2, &token).await;
        assert_eq!((rest.as_str(), end.as_str(), asked), ("", "", 3));
    }

    #[tokio::test]
    async fn a_review_that_fails_fails_the_page() {
        let all = Things::from([("a".to_owned(), Arc::new('a'))]);
        let page = Wanted::parse(1, "", "letters").unwrap();
        let failed = page.reviewed(&all, |_| async {
            Err::<Option<()>, _>(Status::unavailable(""))
        });
        assert_eq!(failed.await.unwrap_err().code(), tonic::Code::Unavailable);
    }
}
