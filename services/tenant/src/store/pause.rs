use uuid::Uuid;

use super::{Error, Record};

impl Record {
    /// Whether a tenant is recorded as paused; none if nothing is recorded of it.
    pub async fn is_paused(&mut self, uid: Uuid) -> Result<Option<bool>, Error> {
        Ok(
            sqlx::query_scalar!("SELECT is_paused FROM tenant WHERE uid = $1", uid)
                .fetch_optional(self.conn())
                .await?,
        )
    }

    /// Notes whether a tenant is paused.
    pub async fn tenant_paused(&mut self, uid: Uuid, is_paused: bool) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE tenant SET is_paused = $2 WHERE uid = $1",
            uid,
            is_paused
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }
}
