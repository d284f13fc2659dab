-- The event log: outbox and audit history of one service, append-only.
CREATE SCHEMA events;

CREATE TABLE events.thing (
    uid      uuid   PRIMARY KEY,
    revision bigint NOT NULL CHECK (revision > 0),
    digest   bytea  NOT NULL
);
COMMENT ON TABLE events.thing IS 'Newest revision of each thing; its row lock orders the thing''s events.';
COMMENT ON COLUMN events.thing.digest IS 'SHA-256 over kind and data of the newest event; the same digest records nothing.';

CREATE TABLE events.event (
    row_id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                uuid        NOT NULL UNIQUE,
    noun              text        NOT NULL,
    uid               uuid        NOT NULL REFERENCES events.thing (uid),
    revision          bigint      NOT NULL CHECK (revision > 0),
    name              text        NOT NULL,
    kind              text        NOT NULL,
    actor_kind        text        NOT NULL CHECK (actor_kind IN ('user', 'field_manager', 'system')),
    actor_name        text        NOT NULL,
    tenant            text,
    correlation_id    uuid,
    causation_id      uuid,
    traceparent       text,
    record_time       timestamptz NOT NULL DEFAULT clock_timestamp(),
    data              jsonb       NOT NULL,
    log_seq           bigint      UNIQUE CHECK (log_seq > 0),
    previous_hash     bytea,
    hash              bytea,
    stream_generation text,
    stream_sequence   bigint,
    UNIQUE (uid, revision),
    CHECK ((log_seq IS NULL) = (hash IS NULL) AND (log_seq IS NULL) = (previous_hash IS NULL)),
    CHECK ((stream_sequence IS NULL) = (stream_generation IS NULL)),
    CHECK (stream_sequence IS NULL OR log_seq IS NOT NULL)
);
COMMENT ON TABLE events.event IS 'Facts in the past tense with the state that became true. Order of history is log_seq.';
COMMENT ON COLUMN events.event.id IS 'UUIDv7; also Nats-Msg-Id.';
COMMENT ON COLUMN events.event.log_seq IS 'Given by the relay, 1, 2, 3 without gaps; NULL until then.';
COMMENT ON COLUMN events.event.hash IS 'SHA-256 over the row and previous_hash; shows tampering only against a checkpoint kept elsewhere.';
COMMENT ON COLUMN events.event.stream_generation IS 'Creation time of the stream it was published to.';

CREATE INDEX event_unnumbered ON events.event (row_id) WHERE log_seq IS NULL;
CREATE INDEX event_unpublished ON events.event (log_seq) WHERE stream_sequence IS NULL;
CREATE INDEX event_by_tenant ON events.event (tenant, log_seq);
CREATE INDEX event_by_actor ON events.event (actor_name, log_seq);

CREATE FUNCTION events.refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'the event log is append-only';
    END IF;
    IF (NEW.row_id, NEW.id, NEW.noun, NEW.uid, NEW.revision, NEW.name, NEW.kind, NEW.actor_kind, NEW.actor_name,
        NEW.record_time, NEW.data)
       IS DISTINCT FROM
       (OLD.row_id, OLD.id, OLD.noun, OLD.uid, OLD.revision, OLD.name, OLD.kind, OLD.actor_kind, OLD.actor_name,
        OLD.record_time, OLD.data)
       OR (NEW.tenant, NEW.correlation_id, NEW.causation_id, NEW.traceparent)
       IS DISTINCT FROM (OLD.tenant, OLD.correlation_id, OLD.causation_id, OLD.traceparent)
    THEN
        RAISE EXCEPTION 'the event log is append-only';
    END IF;
    IF (OLD.log_seq IS NOT NULL AND (NEW.log_seq, NEW.previous_hash, NEW.hash)
            IS DISTINCT FROM (OLD.log_seq, OLD.previous_hash, OLD.hash))
       OR (OLD.stream_sequence IS NOT NULL AND (NEW.stream_generation, NEW.stream_sequence)
            IS DISTINCT FROM (OLD.stream_generation, OLD.stream_sequence))
    THEN
        RAISE EXCEPTION 'an event is numbered and published once';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON events.event
    FOR EACH ROW EXECUTE FUNCTION events.refuse_rewrite();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON events.event
    FOR EACH STATEMENT EXECUTE FUNCTION events.refuse_rewrite();

CREATE TABLE events.projection (
    consumer text   NOT NULL,
    uid      uuid   NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (consumer, uid)
);
COMMENT ON TABLE events.projection IS 'Newest revision of each thing that a consumer has applied; older ones change nothing.';

CREATE TABLE events.dead_letter (
    dead_letter_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer        text        NOT NULL,
    stream_sequence bigint      NOT NULL,
    subject         text        NOT NULL,
    payload         bytea       NOT NULL,
    error           text        NOT NULL,
    record_time     timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (consumer, stream_sequence)
);
COMMENT ON TABLE events.dead_letter IS 'Messages that could not be decoded or applied, as they came.';

GRANT USAGE ON SCHEMA events TO tenantry_service;
GRANT SELECT, INSERT ON events.event, events.dead_letter TO tenantry_service;
GRANT UPDATE (log_seq, previous_hash, hash, stream_generation, stream_sequence) ON events.event TO tenantry_service;
GRANT SELECT, INSERT, UPDATE ON events.thing, events.projection TO tenantry_service;
