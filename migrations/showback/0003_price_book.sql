-- Price books that were in force, so that an old report can be made again under the book of its time.

CREATE TABLE price_book (
    price_book_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    label         text        NOT NULL,
    sha256        text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    body          text        NOT NULL,
    record_time   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE price_book IS 'One row each time another book came into force; the newest is the one in force.';
COMMENT ON COLUMN price_book.body IS 'The file as it was.';

GRANT SELECT, INSERT ON price_book TO tenantry_service;
