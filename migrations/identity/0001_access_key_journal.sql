-- What is known about calls of CreateAccessKey whose reply may be lost. Every success of that call is another key, so it is never repeated blindly.

CREATE TABLE access_key_journal (
    intent_id     uuid        PRIMARY KEY,
    user_name     text        NOT NULL,
    begin_time    timestamptz NOT NULL DEFAULT clock_timestamp(),
    claim_id      uuid        NOT NULL,
    lease_until   timestamptz NOT NULL,
    known_key_ids text[],
    access_key_id text,
    end_time      timestamptz,
    CHECK (access_key_id IS NULL OR known_key_ids IS NOT NULL),
    CHECK (end_time >= begin_time)
);
COMMENT ON TABLE access_key_journal IS 'Access keys asked for. Never a secret. An open row (no end_time) may have left an orphan key in IAM.';
COMMENT ON COLUMN access_key_journal.intent_id IS 'Correlation of the request''s events.';
COMMENT ON COLUMN access_key_journal.claim_id IS 'Who works on the row; a writer whose claim was taken over changes nothing.';
COMMENT ON COLUMN access_key_journal.lease_until IS 'Until then nobody else takes the row over; longer than any one call to IAM lasts.';
COMMENT ON COLUMN access_key_journal.known_key_ids IS 'Keys the user had before the call; NULL means that the call was never made.';
COMMENT ON COLUMN access_key_journal.access_key_id IS 'The key that was handed over; NULL if none was.';

CREATE UNIQUE INDEX access_key_journal_open ON access_key_journal (lower(user_name)) WHERE end_time IS NULL;
COMMENT ON INDEX access_key_journal_open IS 'One at a time for a user: otherwise the key of one request looks like the orphan of another.';

GRANT SELECT, INSERT ON access_key_journal TO tenantry_service;
GRANT UPDATE (claim_id, lease_until, known_key_ids, access_key_id, end_time) ON access_key_journal TO tenantry_service;
