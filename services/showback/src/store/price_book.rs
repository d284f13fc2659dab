use tenantry_domain::Actor;
use tenantry_events::{Fact, record};
use tenantry_proto::showback::v1::PriceBookLoaded;

use super::{Error, Store, failed};
use crate::price::PriceBook;

impl Store {
    /// Keeps `book` as the one in force, with `PriceBookLoaded`, unless it is already. Returns whether it was new.
    pub async fn load_price_book(&self, book: &PriceBook) -> Result<bool, Error> {
        let doing = failed("keeping the price book");
        let mut tx = self.pool.begin().await.map_err(&doing)?;
        let kept = sqlx::query!(
            "INSERT INTO price_book (label, sha256, body)
             SELECT $1, $2, $3
             WHERE $2 IS DISTINCT FROM (SELECT sha256 FROM price_book ORDER BY price_book_id DESC LIMIT 1)",
            book.label,
            book.sha256,
            book.text,
        )
        .execute(&mut *tx)
        .await
        .map_err(&doing)?;
        let is_new = kept.rows_affected() == 1;
        if is_new {
            record(&mut tx, &fact(book)).await?;
        }
        tx.commit().await.map_err(&doing)?;
        Ok(is_new)
    }
}

fn fact(book: &PriceBook) -> Fact {
    let message = PriceBookLoaded {
        price_book: book.label.clone(),
        sha256: book.sha256.clone(),
    };
    let uid = tenantry_events::uid("pricebook", "in force");
    let actor = Actor::system("showback");
    Fact::new(
        "pricebook",
        uid,
        &book.label,
        "PriceBookLoaded",
        actor,
        &message,
    )
}
