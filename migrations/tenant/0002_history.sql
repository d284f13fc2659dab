-- History that answers questions: what was applied when, who had access when, who paused what.

CREATE EXTENSION IF NOT EXISTS btree_gist;

ALTER TABLE tenant ADD COLUMN is_paused boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tenant.is_paused IS 'Whether the newest event about it says that it is paused.';
CREATE INDEX tenant_by_name ON tenant (name);

CREATE TABLE tenant_application (
    application_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid            uuid        NOT NULL,
    generation     bigint      NOT NULL,
    inputs         text[]      NOT NULL,
    objects        jsonb       NOT NULL,
    record_time    timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (uid, generation) REFERENCES tenant_revision (uid, generation),
    UNIQUE (uid, generation, inputs)
);
COMMENT ON TABLE tenant_application IS 'What was in place when everything that a revision wants was, once for each set of inputs.';
COMMENT ON COLUMN tenant_application.inputs IS 'What else it was made from: kind, uid and generation of the Quota and of the IntegrationConfig.';
COMMENT ON COLUMN tenant_application.objects IS 'Kind, namespace, name and digest of each object.';

CREATE TABLE member_grant_interval (
    interval_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_uid    uuid        NOT NULL,
    generation    bigint      NOT NULL,
    namespace     text        NOT NULL,
    role          text        NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
    subject       text        NOT NULL,
    is_group      boolean     NOT NULL,
    cluster_roles text[]      NOT NULL,
    request_time  timestamptz NOT NULL,
    bind_time     timestamptz CHECK (bind_time >= request_time),
    end_time      timestamptz CHECK (end_time >= request_time),
    FOREIGN KEY (tenant_uid, generation) REFERENCES tenant_revision (uid, generation),
    EXCLUDE USING gist (
        tenant_uid WITH =, namespace WITH =, role WITH =, subject WITH =, (is_group::int) WITH =,
        tstzrange(request_time, end_time) WITH &&
    )
);
COMMENT ON TABLE member_grant_interval IS 'Stretches [request_time, end_time) in which a member had, or was about to have, a role in a namespace.';
COMMENT ON COLUMN member_grant_interval.generation IS 'Newest revision of the tenant when it was requested: whoever wrote that granted it.';
COMMENT ON COLUMN member_grant_interval.request_time IS 'Recorded before anything is bound, so no access is older.';
COMMENT ON COLUMN member_grant_interval.bind_time IS 'When it was seen in place; NULL until then.';
COMMENT ON COLUMN member_grant_interval.end_time IS 'When its end was recorded, never before the access ended; NULL while it lasts.';
CREATE INDEX member_grant_interval_by_namespace ON member_grant_interval (namespace, interval_id);

-- What was granted before intervals were kept, with the times that the event log has.
INSERT INTO member_grant_interval
    (tenant_uid, generation, namespace, role, subject, is_group, cluster_roles, request_time, bind_time)
SELECT g.tenant_uid, r.generation, g.namespace, g.role, g.subject, g.is_group, g.cluster_roles,
       coalesce(e.record_time, r.record_time), CASE WHEN g.is_bound THEN coalesce(e.record_time, r.record_time) END
FROM member_grant g
JOIN tenant t ON t.uid = g.tenant_uid
JOIN LATERAL (
    SELECT generation, record_time FROM tenant_revision WHERE uid = t.uid ORDER BY generation DESC LIMIT 1
) r ON true
LEFT JOIN LATERAL (
    SELECT max(record_time) AS record_time FROM events.event
    WHERE tenant = t.name AND kind = 'MemberGranted' AND name = g.subject
      AND data -> 'grant' ->> 'namespace' = g.namespace
      AND data -> 'grant' ->> 'role' = 'ROLE_' || upper(g.role)
) e ON true;

CREATE INDEX event_drift ON events.event (tenant, row_id) WHERE kind = 'DriftReverted';

GRANT SELECT, INSERT ON tenant_application, member_grant_interval TO tenantry_service;
GRANT UPDATE (bind_time, end_time) ON member_grant_interval TO tenantry_service;
