use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

/// Hash before the first event.
const GENESIS: [u8; 32] = [0; 32];

/// Gives up to `rows_max` new rows their place in history. Returns how many.
///
/// Not "id > cursor": a slow transaction commits a lower id later, and a cursor would never see it.
pub(super) async fn number(
    conn: &mut PgConnection,
    context: &str,
    rows_max: i64,
) -> Result<usize, sqlx::Error> {
    // The text of jsonb is canonical, so a verifier gets the same bytes.
    let rows = sqlx::query!(
        r#"SELECT id, noun, uid, revision, kind, actor_kind, actor_name, tenant,
                  (extract(epoch FROM record_time) * 1000000)::bigint AS "record_micros!", data::text AS "data!"
           FROM events.event WHERE log_seq IS NULL ORDER BY row_id LIMIT $1"#,
        rows_max,
    )
    .fetch_all(&mut *conn)
    .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let mut tx = conn.begin().await?;
    let newest = sqlx::query!(
        r#"SELECT log_seq AS "log_seq!", hash AS "hash!" FROM events.event
           WHERE log_seq IS NOT NULL ORDER BY log_seq DESC LIMIT 1"#
    )
    .fetch_optional(&mut *tx)
    .await?;
    let (mut log_seq, mut previous) =
        newest.map_or((0, GENESIS.to_vec()), |row| (row.log_seq, row.hash));
    for row in &rows {
        log_seq += 1;
        let hash = Sha256::new()
            .chain_update(&previous)
            .chain_update(framed(&[
                context,
                &log_seq.to_string(),
                &row.id.to_string(),
                row.noun.as_str(),
                &row.uid.to_string(),
                &row.revision.to_string(),
                &row.kind,
                &row.actor_kind,
                &row.actor_name,
                row.tenant.as_deref().unwrap_or_default(),
                &row.record_micros.to_string(),
                &row.data,
            ]))
            .finalize()
            .to_vec();
        set(&mut tx, row.id, log_seq, &previous, &hash).await?;
        previous = hash;
    }
    tx.commit().await?;
    Ok(rows.len())
}

/// Length before each part, so that no two lists of parts have the same bytes.
fn framed(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

async fn set(
    conn: &mut PgConnection,
    id: Uuid,
    log_seq: i64,
    previous: &[u8],
    hash: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE events.event SET log_seq = $2, previous_hash = $3, hash = $4 WHERE id = $1",
        id,
        log_seq,
        previous,
        hash,
    )
    .execute(conn)
    .await?;
    Ok(())
}
