-- A repeated call looks for what an earlier process left unfinished, by the name it was given.
CREATE INDEX event_by_name ON events.event (noun, name, row_id);
