-- What was observed and applied for tenants and quotas. Intent lives in the custom resources; losing this loses history only.

CREATE TABLE tenant (
    uid                uuid        PRIMARY KEY,
    name               text        NOT NULL,
    generation         bigint      NOT NULL CHECK (generation > 0),
    applied_generation bigint      NOT NULL DEFAULT 0 CHECK (applied_generation <= generation),
    delete_time        timestamptz
);
COMMENT ON TABLE tenant IS 'Tenants that were ever seen; a name may come back under another uid.';
COMMENT ON COLUMN tenant.uid IS 'Kubernetes uid.';
COMMENT ON COLUMN tenant.applied_generation IS 'Newest generation at which everything wanted was in place.';
COMMENT ON COLUMN tenant.delete_time IS 'When the tenant was gone and what it granted with it.';

CREATE TABLE tenant_revision (
    uid         uuid        NOT NULL REFERENCES tenant (uid),
    generation  bigint      NOT NULL,
    spec        jsonb       NOT NULL,
    actor_kind  text        NOT NULL CHECK (actor_kind IN ('user', 'field_manager', 'system')),
    actor_name  text        NOT NULL,
    record_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (uid, generation)
);
COMMENT ON TABLE tenant_revision IS 'Every spec of a tenant that was seen, and who wrote it.';

CREATE TABLE quota (
    uid         uuid        PRIMARY KEY,
    name        text        NOT NULL,
    generation  bigint      NOT NULL CHECK (generation > 0),
    delete_time timestamptz
);
COMMENT ON TABLE quota IS 'Quotas that were ever seen.';

CREATE TABLE quota_revision (
    uid         uuid        NOT NULL REFERENCES quota (uid),
    generation  bigint      NOT NULL,
    spec        jsonb       NOT NULL,
    actor_kind  text        NOT NULL CHECK (actor_kind IN ('user', 'field_manager', 'system')),
    actor_name  text        NOT NULL,
    record_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (uid, generation)
);
COMMENT ON TABLE quota_revision IS 'Every spec of a quota that was seen, and who wrote it.';

CREATE TABLE owned_namespace (
    namespace_uid uuid PRIMARY KEY,
    namespace     text NOT NULL,
    tenant_uid    uuid NOT NULL REFERENCES tenant (uid)
);
COMMENT ON TABLE owned_namespace IS 'Namespaces that belong to a tenant now.';
CREATE INDEX owned_namespace_by_tenant ON owned_namespace (tenant_uid);

CREATE TABLE member_grant (
    tenant_uid    uuid    NOT NULL REFERENCES tenant (uid),
    namespace     text    NOT NULL,
    role          text    NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
    subject       text    NOT NULL,
    is_group      boolean NOT NULL,
    cluster_roles text[]  NOT NULL,
    is_bound      boolean NOT NULL,
    PRIMARY KEY (tenant_uid, namespace, role, subject, is_group)
);
COMMENT ON TABLE member_grant IS 'Roles that are bound, or about to be.';
COMMENT ON COLUMN member_grant.is_bound IS 'False from the moment the grant is wanted until it is seen in place.';

GRANT SELECT, INSERT, UPDATE ON tenant, quota TO tenantry_service;
GRANT SELECT, INSERT ON tenant_revision, quota_revision TO tenantry_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON owned_namespace, member_grant TO tenantry_service;
