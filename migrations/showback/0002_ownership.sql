-- Who owned which namespace when: the projection of tenant events that a second of use is assigned by.

CREATE TABLE ownership_interval (
    namespace_uid uuid   NOT NULL,
    from_revision bigint NOT NULL,
    from_s        bigint NOT NULL,
    to_s          bigint CHECK (to_s >= from_s),
    namespace     text   NOT NULL,
    tenant        text   NOT NULL,
    tenant_uid    uuid   NOT NULL,
    PRIMARY KEY (namespace_uid, from_revision),
    EXCLUDE USING gist (namespace_uid WITH =, int8range(from_s, to_s) WITH &&)
);
COMMENT ON TABLE ownership_interval IS 'Stretches [from_s, to_s) in which a namespace belonged to a tenant.';
COMMENT ON COLUMN ownership_interval.from_revision IS 'Revision of the namespace''s event that began it.';
COMMENT ON COLUMN ownership_interval.to_s IS 'First second after; NULL while it goes on.';

CREATE INDEX ownership_interval_by_tenant ON ownership_interval (tenant_uid) WHERE to_s IS NULL;

CREATE TABLE deleted_tenant (
    tenant_uid uuid   PRIMARY KEY,
    deleted_s  bigint NOT NULL
);
COMMENT ON TABLE deleted_tenant IS 'Ends what an ownership event that is delivered late would leave open.';

CREATE TABLE first_use (
    tenant_uid uuid   NOT NULL,
    tenant     text   NOT NULL,
    day        date   NOT NULL,
    namespace  text   NOT NULL,
    start_s    bigint NOT NULL,
    PRIMARY KEY (tenant_uid, day)
);
COMMENT ON TABLE first_use IS 'First use metered of a tenant on a day, UTC; each row was recorded as CostRecorded. One of the same name made later is another tenant.';

GRANT SELECT, INSERT, UPDATE ON ownership_interval, deleted_tenant, first_use TO tenantry_service;
