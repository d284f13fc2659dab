-- The text of aws-auth before each of our edits, for a rollback by one command.
CREATE TABLE aws_auth_preimage (
    preimage_id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    correlation_id   uuid        NOT NULL,
    actor            text        NOT NULL,
    reason           text        NOT NULL,
    resource_version text        NOT NULL,
    sha256           bytea       NOT NULL,
    data             jsonb       NOT NULL,
    record_time      timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE aws_auth_preimage IS 'data of ConfigMap kube-system/aws-auth before an edit of ours. An edit that lost a race leaves its row too.';
COMMENT ON COLUMN aws_auth_preimage.reason IS 'What the edit was for, such as IdentityMappingCreated arn:….';
COMMENT ON COLUMN aws_auth_preimage.sha256 IS 'Of the JSON text of data.';

GRANT SELECT, INSERT ON aws_auth_preimage TO tenantry_service;
