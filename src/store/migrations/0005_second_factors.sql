-- Before: a password is all that signing in takes, and nobody knows from where a token was used.
-- After: a user may have a second factor (RFC 6238), whose secret is encrypted and whose last accepted step is kept, so that a code works once; and
-- recovery codes, each of which works once, as SHA-256. A token remembers the address that used it last.

CREATE TABLE second_factors (
    user_id   INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret    BLOB NOT NULL,                                        -- encrypted
    confirmed INTEGER NOT NULL DEFAULT 0 CHECK (confirmed IN (0, 1)), -- 0: offered, and not asked for yet
    last_step INTEGER NOT NULL DEFAULT 0,                           -- 30 seconds each since the Unix epoch
    created   INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
    user_id   INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash BLOB NOT NULL CHECK (length(code_hash) = 32),
    PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID;

ALTER TABLE api_tokens ADD COLUMN address TEXT NOT NULL DEFAULT '';
