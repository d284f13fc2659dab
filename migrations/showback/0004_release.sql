-- A namespace may change hands: the new owner's event can be recorded before the old one's release. A release therefore
-- ends the ownership of its own tenant only, and each ownership has one.

ALTER TABLE ownership_interval ADD COLUMN to_revision bigint CHECK (to_revision > from_revision);
COMMENT ON COLUMN ownership_interval.to_revision IS 'Revision of the event that released it; NULL while it goes on, also if another owner or the tenant''s end cut it short.';
