//! The journal of access keys asked for; see the comments on its table.

use jiff::Timestamp;
use tenantry_events::{Fact, record};
use uuid::Uuid;

use super::{Error, Store};

/// How long a claim holds, in seconds: one call to IAM (10 s at most) and what records its answer, thrice.
const LEASE_SECONDS: f64 = 30.0;

/// The right to work on one open row. It ends by itself; a writer that came too late changes nothing.
#[derive(Debug, Clone)]
pub struct Claim {
    claim_id: Uuid,
    /// The request.
    pub intent_id: Uuid,
    /// Whose key.
    pub user_name: String,
    /// When the request was noted, by the database's clock.
    pub begin_time: Timestamp,
    /// Keys the user had before; none while the call was not made.
    pub known_key_ids: Option<Vec<String>>,
    /// The key that was handed over, if one was.
    pub access_key_id: Option<String>,
}

impl Store {
    /// Opens a row for `user_name` and records `intent`; none while another one is open.
    pub async fn begin_key(&self, intent: &Fact, user_name: &str) -> Result<Option<Claim>, Error> {
        let (intent_id, claim_id) = (intent.correlation.unwrap_or(intent.uid), Uuid::new_v4());
        let failed = || Error::sql("beginning an access key");
        let mut tx = self.pool.begin().await.map_err(failed())?;
        let row = sqlx::query_scalar!(
            r#"INSERT INTO access_key_journal (intent_id, user_name, claim_id, lease_until)
               VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4)) ON CONFLICT DO NOTHING
               RETURNING begin_time AS "begin_time: jiff_sqlx::Timestamp""#,
            intent_id,
            user_name,
            claim_id,
            LEASE_SECONDS,
        );
        let Some(begin_time) = row.fetch_optional(&mut *tx).await.map_err(failed())? else {
            return Ok(None);
        };
        record(&mut tx, intent).await?;
        tx.commit().await.map_err(failed())?;
        self.wake.wake();
        Ok(Some(Claim {
            claim_id,
            intent_id,
            user_name: user_name.to_owned(),
            begin_time: begin_time.to_jiff(),
            known_key_ids: None,
            access_key_id: None,
        }))
    }

    /// Notes the keys that exist before the call, and renews the lease. False if the claim was taken over.
    pub async fn know_keys(&self, claim: &mut Claim, known: &[String]) -> Result<bool, Error> {
        let done = sqlx::query!(
            "UPDATE access_key_journal
             SET known_key_ids = $3, lease_until = clock_timestamp() + make_interval(secs => $4)
             WHERE intent_id = $1 AND claim_id = $2 AND end_time IS NULL",
            claim.intent_id,
            claim.claim_id,
            known,
            LEASE_SECONDS,
        );
        let done = done.execute(&self.pool).await;
        let done = done.map_err(Error::sql("noting known access keys"))?;
        claim.known_key_ids = Some(known.to_vec());
        Ok(done.rows_affected() == 1)
    }

    /// Notes the key that is handed over and records `created`. False if the claim was taken over.
    ///
    /// The row stays open if `has_doubt`: an earlier try may still leave a key that nobody has.
    pub async fn hand_over_key(
        &self,
        claim: &Claim,
        created: &Fact,
        has_doubt: bool,
    ) -> Result<bool, Error> {
        let failed = || Error::sql("noting a new access key");
        let mut tx = self.pool.begin().await.map_err(failed())?;
        let done = sqlx::query!(
            "UPDATE access_key_journal
             SET access_key_id = $3, end_time = CASE WHEN $4 THEN NULL ELSE clock_timestamp() END
             WHERE intent_id = $1 AND claim_id = $2 AND end_time IS NULL AND lease_until > clock_timestamp()",
            claim.intent_id,
            claim.claim_id,
            created.name,
            has_doubt,
        );
        let done = done.execute(&mut *tx).await.map_err(failed())?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        record(&mut tx, created).await?;
        tx.commit().await.map_err(failed())?;
        self.wake.wake();
        Ok(true)
    }

    /// Closes the row: nothing of it is left in IAM that is not accounted for.
    pub async fn end_key(&self, claim: &Claim) -> Result<(), Error> {
        let done = sqlx::query!(
            "UPDATE access_key_journal SET end_time = clock_timestamp()
             WHERE intent_id = $1 AND claim_id = $2 AND end_time IS NULL",
            claim.intent_id,
            claim.claim_id,
        );
        let done = done.execute(&self.pool).await;
        done.map_err(Error::sql("closing an access key's row"))?;
        Ok(())
    }

    /// Takes over an open row whose holder has gone, of `user_name` or of anybody.
    pub async fn take_over_key(&self, user_name: Option<&str>) -> Result<Option<Claim>, Error> {
        let claim_id = Uuid::new_v4();
        let row = sqlx::query!(
            r#"UPDATE access_key_journal AS journal
               SET claim_id = $1, lease_until = clock_timestamp() + make_interval(secs => $3)
               WHERE intent_id = (
                   SELECT intent_id FROM access_key_journal
                   WHERE end_time IS NULL AND lease_until < clock_timestamp()
                     AND lower(user_name) = lower(coalesce($2, user_name))
                   ORDER BY lease_until LIMIT 1 FOR UPDATE SKIP LOCKED)
               RETURNING intent_id, user_name, begin_time AS "begin_time: jiff_sqlx::Timestamp",
                         known_key_ids, access_key_id"#,
            claim_id,
            user_name,
            LEASE_SECONDS,
        );
        let row = row.fetch_optional(&self.pool).await;
        let row = row.map_err(Error::sql("taking over an access key's row"))?;
        Ok(row.map(|row| Claim {
            claim_id,
            intent_id: row.intent_id,
            user_name: row.user_name,
            begin_time: row.begin_time.to_jiff(),
            known_key_ids: row.known_key_ids,
            access_key_id: row.access_key_id,
        }))
    }
}

#[cfg(test)]
impl Claim {
    /// A claim as a pure test needs it.
    pub(crate) fn of(begin_time: Timestamp, known: Option<Vec<String>>) -> Self {
        Self {
            claim_id: Uuid::nil(),
            intent_id: Uuid::nil(),
            user_name: "falcon".to_owned(),
            begin_time,
            known_key_ids: known,
            access_key_id: None,
        }
    }
}
