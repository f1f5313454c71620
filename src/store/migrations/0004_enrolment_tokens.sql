-- Before: a node can have a key, and nothing says how it gets one. After: tokens with which a machine becomes a node, each for one node, one use and a
-- day; only their hashes are kept.

CREATE TABLE enrolment_tokens (
    token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
    node_id    INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    created    INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    used       INTEGER                                              -- null: not yet; kept for a while, to say so
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolment_tokens_by_node ON enrolment_tokens (node_id);
