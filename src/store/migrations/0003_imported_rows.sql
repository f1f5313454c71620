-- Before: nobody knows which rows came from another panel. After: each one is remembered with the digest of what its source said, so that
-- importing again changes only what changed at the source, and brings nothing back that was deleted here.

CREATE TABLE imported_rows (
    section TEXT NOT NULL,                                          -- "users", "passwords"
    id      INTEGER NOT NULL,
    source  BLOB NOT NULL CHECK (length(source) = 32),
    PRIMARY KEY (section, id)
) STRICT, WITHOUT ROWID;
