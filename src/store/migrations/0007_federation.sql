-- Before: nodes are used by their own panel only. After: a node can be shared with another panel under a token (shares), whose roles there are rows
-- (share_roles) that become part of the node's plan; and a node of another panel can be used here (remote_nodes, with the ports that were reserved there,
-- remote_roles). What is counted for a share is booked to it.

CREATE TABLE shares (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL,
    node_id      INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    token        BLOB NOT NULL,                                     -- encrypted: it is shown again
    token_hash   BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    quota        INTEGER NOT NULL DEFAULT 0 CHECK (quota >= 0),     -- 0: none
    used         INTEGER NOT NULL DEFAULT 0,
    expires      INTEGER,                                           -- null: never
    port_first   INTEGER NOT NULL CHECK (port_first BETWEEN 0 AND 65535),
    port_last    INTEGER NOT NULL CHECK (port_last BETWEEN port_first AND 65535),
    allowed_domains TEXT NOT NULL DEFAULT '',                       -- comma-separated
    allowed_addresses TEXT NOT NULL DEFAULT '',                     -- networks, comma-separated
    enabled      INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    running      INTEGER NOT NULL DEFAULT 1 CHECK (running IN (0, 1)), -- whether the node's newest plan has its roles
    consumer     TEXT NOT NULL DEFAULT '',                          -- which panel of our kind uses it
    wish_revision INTEGER NOT NULL DEFAULT 0,                       -- of that panel's wish
    created      INTEGER NOT NULL,
    updated      INTEGER
) STRICT;
CREATE INDEX shares_by_node ON shares (node_id);

CREATE TABLE share_roles (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    share_id       INTEGER NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
    reservation_id TEXT NOT NULL UNIQUE,
    resource_key   TEXT NOT NULL,                                   -- the other panel's word for it
    kind           TEXT NOT NULL,                                   -- "reserved", "middle", "exit", "entry", "leg", "service", "limiter"
    protocol       TEXT NOT NULL DEFAULT '',
    strategy       TEXT NOT NULL DEFAULT '',
    port           INTEGER CHECK (port BETWEEN 1 AND 65535),        -- null: it does not listen
    peer_object    INTEGER NOT NULL DEFAULT 0,                      -- the other panel's number of the forward or tunnel
    speed_limit    TEXT NOT NULL DEFAULT '',                        -- resource key of a limiter
    wish           TEXT NOT NULL DEFAULT '',                        -- a plan of one object; empty: nothing yet
    applied        INTEGER NOT NULL DEFAULT 0 CHECK (applied IN (0, 1)),
    paused         INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    active         INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)), -- 0: released
    created        INTEGER NOT NULL,
    updated        INTEGER NOT NULL,
    UNIQUE (share_id, resource_key)
) STRICT;

-- What a remote entry counted for each forward of the other panel, since `epoch`: that panel books it to whom it belongs, and then lets it go.
CREATE TABLE share_counters (
    share_id    INTEGER NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
    forward_id  INTEGER NOT NULL,
    epoch       TEXT NOT NULL,
    up          INTEGER NOT NULL,
    down        INTEGER NOT NULL,
    connections INTEGER NOT NULL,
    PRIMARY KEY (share_id, forward_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE booked_counters ADD COLUMN share_id INTEGER;
ALTER TABLE booked_counters ADD COLUMN peer_forward INTEGER;

CREATE TABLE remote_nodes (
    node_id    INTEGER PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
    url        TEXT NOT NULL,
    pin        TEXT NOT NULL DEFAULT '',                            -- of the other panel's TLS key; empty: its certificate is verified
    token      BLOB NOT NULL,                                       -- encrypted
    share_id   INTEGER NOT NULL,                                    -- the other panel's number of it
    share_name TEXT NOT NULL DEFAULT '',
    quota      INTEGER NOT NULL DEFAULT 0,
    used       INTEGER NOT NULL DEFAULT 0,
    expires    INTEGER,
    port_first INTEGER NOT NULL,
    port_last  INTEGER NOT NULL,
    node_key   BLOB CHECK (length(node_key) = 32),                  -- null: a panel that does not speak our tunnels
    online     INTEGER NOT NULL DEFAULT 0 CHECK (online IN (0, 1)),
    problem    TEXT NOT NULL DEFAULT '',                            -- of the last time it was asked
    UNIQUE (url, share_id)
) STRICT;

CREATE TABLE remote_roles (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    tunnel_id      INTEGER NOT NULL REFERENCES tunnels (id) ON DELETE CASCADE,
    node_id        INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    role           INTEGER NOT NULL CHECK (role IN (2, 3)),
    place          INTEGER NOT NULL DEFAULT 0,
    resource_key   TEXT NOT NULL UNIQUE,
    reservation_id TEXT NOT NULL,
    binding_id     TEXT NOT NULL,
    port           INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    updated        INTEGER NOT NULL,
    UNIQUE (tunnel_id, node_id, role, place)
) STRICT;
CREATE INDEX remote_roles_by_node ON remote_roles (node_id);

-- A tunnel with a remote node goes by a number that no other panel's tunnel has.
ALTER TABLE tunnels ADD COLUMN wire_id INTEGER;
CREATE UNIQUE INDEX tunnels_by_wire_id ON tunnels (wire_id) WHERE wire_id IS NOT NULL;
