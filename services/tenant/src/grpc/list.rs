//! Pages of lists in order of name.

use tenantry_runtime::page;
use tonic::Status;

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
}

#[cfg(test)]
mod tests {
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
}
