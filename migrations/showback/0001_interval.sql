-- What nodes had and what pods held, to the second. No money: a report multiplies these by a price book when it is asked for.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE node_interval (
    node_uid        uuid    NOT NULL,
    start_s         bigint  NOT NULL,
    end_s           bigint  CHECK (end_s >= start_s),
    created_s       bigint  NOT NULL,
    is_gone         boolean NOT NULL DEFAULT false,
    end_latest_s    bigint  CHECK (end_latest_s >= end_s),
    node            text    NOT NULL,
    cpu_millis      bigint  NOT NULL CHECK (cpu_millis > 0),
    memory_bytes    bigint  NOT NULL CHECK (memory_bytes > 0),
    gpu_count       bigint  NOT NULL CHECK (gpu_count >= 0),
    instance_type   text    NOT NULL,
    region          text    NOT NULL,
    purchase_option text    NOT NULL CHECK (purchase_option IN ('on_demand', 'spot', 'reserved')),
    PRIMARY KEY (node_uid, start_s),
    EXCLUDE USING gist (node_uid WITH =, int8range(start_s, end_s) WITH &&)
);
COMMENT ON TABLE node_interval IS 'Stretches [start_s, end_s) of a node''s life with one capacity and one price key.';
COMMENT ON COLUMN node_interval.start_s IS 'Unix seconds.';
COMMENT ON COLUMN node_interval.end_s IS 'First second after; NULL while it goes on.';
COMMENT ON COLUMN node_interval.created_s IS 'When the node joined; a machine is paid for 60 seconds at least.';
COMMENT ON COLUMN node_interval.is_gone IS 'The node ended with this interval; otherwise another follows.';
COMMENT ON COLUMN node_interval.end_latest_s IS 'The end was not observed: end_s is the last proof of life, this the latest it can have been.';
COMMENT ON COLUMN node_interval.cpu_millis IS 'status.capacity, with what the kubelet keeps.';
COMMENT ON COLUMN node_interval.instance_type IS 'With region and purchase_option the price key; empty if the node has no such label.';

CREATE INDEX node_interval_by_time ON node_interval (start_s, end_s);
CREATE INDEX node_interval_open ON node_interval (node_uid) WHERE end_s IS NULL;

CREATE TABLE usage_interval (
    pod_uid             uuid    NOT NULL,
    start_s             bigint  NOT NULL,
    end_s               bigint  CHECK (end_s >= start_s),
    end_latest_s        bigint  CHECK (end_latest_s >= end_s),
    namespace_uid       uuid    NOT NULL,
    namespace           text    NOT NULL,
    pod                 text    NOT NULL,
    node                text    NOT NULL,
    cpu_millis          bigint  NOT NULL CHECK (cpu_millis >= 0),
    memory_bytes        bigint  NOT NULL CHECK (memory_bytes >= 0),
    gpu_count           bigint  NOT NULL CHECK (gpu_count >= 0),
    end_estimated       boolean GENERATED ALWAYS AS (end_latest_s IS NOT NULL) STORED,
    cpu_milli_seconds   numeric GENERATED ALWAYS AS (cpu_millis::numeric * (end_s - start_s)) STORED,
    memory_byte_seconds numeric GENERATED ALWAYS AS (memory_bytes::numeric * (end_s - start_s)) STORED,
    gpu_seconds         numeric GENERATED ALWAYS AS (gpu_count::numeric * (end_s - start_s)) STORED,
    PRIMARY KEY (pod_uid, start_s),
    EXCLUDE USING gist (pod_uid WITH =, int8range(start_s, end_s) WITH &&)
);
COMMENT ON TABLE usage_interval IS 'Stretches [start_s, end_s) of a pod''s life with one effective request on one node.';
COMMENT ON COLUMN usage_interval.start_s IS 'Unix seconds; the first interval of a pod starts when it was bound.';
COMMENT ON COLUMN usage_interval.end_s IS 'First second after; NULL while it goes on: nothing is written while nothing changes.';
COMMENT ON COLUMN usage_interval.end_latest_s IS 'The end was not observed: end_s is the last proof of life, this the latest it can have been.';
COMMENT ON COLUMN usage_interval.namespace_uid IS 'Ownership goes by it: a namespace made again under its name is another one.';
COMMENT ON COLUMN usage_interval.cpu_milli_seconds IS 'Integral over the interval, for people with SQL; a report clips intervals to its window itself.';

CREATE INDEX usage_interval_by_time ON usage_interval (start_s, end_s);
CREATE INDEX usage_interval_by_namespace ON usage_interval (namespace_uid, start_s);
CREATE INDEX usage_interval_open ON usage_interval (pod_uid) WHERE end_s IS NULL;

CREATE TABLE hearing (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    heard_s bigint  NOT NULL
);
COMMENT ON TABLE hearing IS 'One row: up to when the watches were heard, the last proof of life of everything then known.';
COMMENT ON COLUMN hearing.heard_s IS 'Written with changes and when the service stops, never as a heartbeat.';

GRANT SELECT, INSERT, UPDATE ON node_interval, usage_interval, hearing TO tenantry_service;
