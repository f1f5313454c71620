-- Before: a user and an assignment have one allowance of billed bytes each, which a reset day empties; nothing says what passed since the row was made.
-- After: what was ever billed to a user, an assignment and a forward, and what ever passed a node, in sums that nothing resets; quotas on them by day,
-- month or in total, which remember where a sum stood when their window began; what was already said of quotas and expiry; whom an event is about; caps
-- on connections and on client addresses; indexes by the place in lists and for speed limits.

ALTER TABLE users ADD COLUMN total_up INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN total_down INTEGER NOT NULL DEFAULT 0;
ALTER TABLE assignments ADD COLUMN total_up INTEGER NOT NULL DEFAULT 0;
ALTER TABLE assignments ADD COLUMN total_down INTEGER NOT NULL DEFAULT 0;
ALTER TABLE forwards ADD COLUMN total_up INTEGER NOT NULL DEFAULT 0;
ALTER TABLE forwards ADD COLUMN total_down INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN total_up INTEGER NOT NULL DEFAULT 0;           -- not billed: as it passed
ALTER TABLE nodes ADD COLUMN total_down INTEGER NOT NULL DEFAULT 0;
UPDATE users SET total_up = used_up, total_down = used_down;
UPDATE assignments SET total_up = used_up, total_down = used_down;
UPDATE forwards SET total_up = used_up, total_down = used_down;

-- What a node passed on for a forward as a later place of a tunnel: nobody is billed for it again.
ALTER TABLE booked_counters ADD COLUMN carried_up INTEGER NOT NULL DEFAULT 0;
ALTER TABLE booked_counters ADD COLUMN carried_down INTEGER NOT NULL DEFAULT 0;

CREATE TABLE quotas (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    INTEGER REFERENCES users (id) ON DELETE CASCADE,     -- of one of the four
    assignment_id INTEGER REFERENCES assignments (id) ON DELETE CASCADE,
    forward_id INTEGER REFERENCES forwards (id) ON DELETE CASCADE,
    node_id    INTEGER REFERENCES nodes (id) ON DELETE CASCADE,
    span       TEXT NOT NULL CHECK (span IN ('day', 'month', 'total')),
    reset_day  INTEGER NOT NULL CHECK (reset_day BETWEEN 1 AND 31), -- of a month
    amount     INTEGER NOT NULL CHECK (amount > 0),
    counts     TEXT NOT NULL CHECK (counts IN ('both', 'up', 'down', 'larger')),
    ratio      REAL NOT NULL CHECK (ratio > 0),
    action     TEXT NOT NULL CHECK (action IN ('stop', 'throttle')),
    rate       INTEGER NOT NULL CHECK (rate >= 0),                  -- bytes per second, of throttle
    begun      TEXT NOT NULL,                                       -- local date, YYYY-MM-DD
    ends       TEXT,                                                -- the date on which the next window begins; null: never
    base_up    INTEGER NOT NULL,                                    -- the subject's sums when the window began
    base_down  INTEGER NOT NULL,
    correction INTEGER NOT NULL,                                    -- used beside what the sums say
    reached    INTEGER NOT NULL CHECK (reached IN (0, 1)),
    noticed    INTEGER NOT NULL,                                    -- highest percentage that was said in this window
    UNIQUE (user_id, span),
    UNIQUE (assignment_id, span),
    UNIQUE (forward_id, span),
    UNIQUE (node_id, span),
    CHECK ((user_id IS NOT NULL) + (assignment_id IS NOT NULL) + (forward_id IS NOT NULL) + (node_id IS NOT NULL) = 1)
) STRICT;
CREATE INDEX quotas_by_end ON quotas (ends) WHERE ends IS NOT NULL;
CREATE INDEX quotas_reached ON quotas (reached) WHERE reached = 1;

-- The same for allowances. Days before expiry: 0 nothing was said, else the smallest number that was.
ALTER TABLE users ADD COLUMN noticed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN expiry_noticed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE assignments ADD COLUMN noticed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE assignments ADD COLUMN expiry_noticed INTEGER NOT NULL DEFAULT 0;

ALTER TABLE events ADD COLUMN user_id INTEGER REFERENCES users (id) ON DELETE SET NULL;
CREATE INDEX events_by_user ON events (user_id) WHERE user_id IS NOT NULL;

ALTER TABLE users ADD COLUMN max_connections INTEGER NOT NULL DEFAULT 0 CHECK (max_connections >= 0);
ALTER TABLE users ADD COLUMN max_clients INTEGER NOT NULL DEFAULT 0 CHECK (max_clients >= 0);
ALTER TABLE users ADD COLUMN replace_clients INTEGER NOT NULL DEFAULT 0 CHECK (replace_clients IN (0, 1));
ALTER TABLE forwards ADD COLUMN max_clients INTEGER NOT NULL DEFAULT 0 CHECK (max_clients >= 0);
ALTER TABLE forwards ADD COLUMN replace_clients INTEGER NOT NULL DEFAULT 0 CHECK (replace_clients IN (0, 1));

-- A page of a long list costs what it shows, and so does the place of a new one at its end.
CREATE INDEX forwards_by_place ON forwards (position, id);
CREATE INDEX assignments_limited ON assignments (id) WHERE speed_limit_id IS NOT NULL;
