-- Before: an empty file. After: the whole core: people, machines, paths, forwards, rights, limits, settings, traffic, history.
-- Ids are the small integers that the FLVX dialect shows; a uuid stands beside them where another dialect needs an opaque name.
-- Times are milliseconds since the Unix epoch, amounts of traffic are bytes.

CREATE TABLE users (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid            TEXT NOT NULL UNIQUE,
    name            TEXT NOT NULL UNIQUE,
    password        TEXT NOT NULL,                                  -- argon2id, or 32 hex digits of an imported MD5
    role            INTEGER NOT NULL CHECK (role IN (0, 1)),        -- 0 administrator, 1 regular
    enabled         INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    quota           INTEGER NOT NULL DEFAULT 0 CHECK (quota >= 0),
    max_forwards    INTEGER NOT NULL DEFAULT 0 CHECK (max_forwards >= 0),
    expires         INTEGER,                                        -- null: never
    reset_day       INTEGER NOT NULL DEFAULT 0 CHECK (reset_day BETWEEN 0 AND 31),
    used_up         INTEGER NOT NULL DEFAULT 0,
    used_down       INTEGER NOT NULL DEFAULT 0,
    must_change_password INTEGER NOT NULL DEFAULT 0 CHECK (must_change_password IN (0, 1)),
    created         INTEGER NOT NULL,
    updated         INTEGER
) STRICT;

CREATE TABLE sessions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created    INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    last_used  INTEGER NOT NULL,
    address    TEXT NOT NULL,
    client     TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires);

CREATE TABLE api_tokens (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    created    INTEGER NOT NULL,
    expires    INTEGER,
    last_used  INTEGER
) STRICT;
CREATE INDEX api_tokens_by_user ON api_tokens (user_id);

CREATE TABLE nodes (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid         TEXT NOT NULL UNIQUE,
    position     INTEGER NOT NULL DEFAULT 0,
    name         TEXT NOT NULL,
    address      TEXT NOT NULL,
    address_v4   TEXT,
    address_v6   TEXT,
    ports        TEXT NOT NULL,
    egress_interface TEXT,
    tcp_listen   TEXT NOT NULL,
    udp_listen   TEXT NOT NULL,
    block_http   INTEGER NOT NULL DEFAULT 0 CHECK (block_http IN (0, 1)),
    block_tls    INTEGER NOT NULL DEFAULT 0 CHECK (block_tls IN (0, 1)),
    block_socks  INTEGER NOT NULL DEFAULT 0 CHECK (block_socks IN (0, 1)),
    version      TEXT,
    local        INTEGER NOT NULL DEFAULT 0 CHECK (local IN (0, 1)),
    secret       BLOB NOT NULL,                                     -- encrypted: it is shown again
    secret_hash  BLOB NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    revision     INTEGER NOT NULL DEFAULT 1,
    created      INTEGER NOT NULL,
    updated      INTEGER
) STRICT;
CREATE UNIQUE INDEX nodes_one_local ON nodes (local) WHERE local = 1;

CREATE TABLE tunnels (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid         TEXT NOT NULL UNIQUE,
    position     INTEGER NOT NULL DEFAULT 0,
    name         TEXT NOT NULL UNIQUE,
    type         INTEGER NOT NULL CHECK (type IN (1, 2)),
    factor       INTEGER NOT NULL DEFAULT 1,
    ratio        REAL NOT NULL DEFAULT 1.0,
    enabled      INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    entry_addresses TEXT,
    preference   INTEGER NOT NULL DEFAULT 0 CHECK (preference IN (0, 4, 6)),
    created      INTEGER NOT NULL,
    updated      INTEGER
) STRICT;

CREATE TABLE tunnel_hops (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    tunnel_id INTEGER NOT NULL REFERENCES tunnels (id) ON DELETE CASCADE,
    node_id   INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    role      INTEGER NOT NULL CHECK (role IN (1, 2, 3)),
    place     INTEGER NOT NULL DEFAULT 0,
    port      INTEGER CHECK (port BETWEEN 1 AND 65535),
    strategy  TEXT NOT NULL,
    carrier   TEXT NOT NULL,
    UNIQUE (tunnel_id, node_id)
) STRICT;
CREATE INDEX tunnel_hops_by_node ON tunnel_hops (node_id);

CREATE TABLE speed_limits (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT NOT NULL,
    mbit      INTEGER NOT NULL CHECK (mbit > 0),
    tunnel_id INTEGER REFERENCES tunnels (id) ON DELETE CASCADE,    -- null: usable on any tunnel
    enabled   INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created   INTEGER NOT NULL,
    updated   INTEGER
) STRICT;

CREATE TABLE assignments (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tunnel_id    INTEGER NOT NULL REFERENCES tunnels (id) ON DELETE CASCADE,
    speed_limit_id INTEGER REFERENCES speed_limits (id) ON DELETE SET NULL,
    quota        INTEGER NOT NULL DEFAULT 0 CHECK (quota >= 0),
    max_forwards INTEGER NOT NULL DEFAULT 0 CHECK (max_forwards >= 0),
    expires      INTEGER,
    reset_day    INTEGER NOT NULL DEFAULT 0 CHECK (reset_day BETWEEN 0 AND 31),
    used_up      INTEGER NOT NULL DEFAULT 0,
    used_down    INTEGER NOT NULL DEFAULT 0,
    enabled      INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    UNIQUE (user_id, tunnel_id)
) STRICT;
CREATE INDEX assignments_by_tunnel ON assignments (tunnel_id);

CREATE TABLE forwards (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid         TEXT NOT NULL UNIQUE,
    position     INTEGER NOT NULL DEFAULT 0,
    user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    owner_name   TEXT NOT NULL,
    name         TEXT NOT NULL,
    tunnel_id    INTEGER NOT NULL REFERENCES tunnels (id) ON DELETE CASCADE,
    targets      TEXT NOT NULL,                                     -- host:port, comma-separated, in order
    pick         TEXT NOT NULL,
    bind_address TEXT,
    tcp          INTEGER NOT NULL DEFAULT 1 CHECK (tcp IN (0, 1)),
    udp          INTEGER NOT NULL DEFAULT 1 CHECK (udp IN (0, 1)),
    allow        TEXT NOT NULL DEFAULT '',                          -- networks, comma-separated
    deny         TEXT NOT NULL DEFAULT '',
    max_connections INTEGER NOT NULL DEFAULT 0 CHECK (max_connections >= 0),
    used_up      INTEGER NOT NULL DEFAULT 0,
    used_down    INTEGER NOT NULL DEFAULT 0,
    enabled      INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created      INTEGER NOT NULL,
    updated      INTEGER
) STRICT;
CREATE INDEX forwards_by_user ON forwards (user_id);
CREATE INDEX forwards_by_tunnel ON forwards (tunnel_id);

CREATE TABLE forward_ports (
    forward_id INTEGER NOT NULL REFERENCES forwards (id) ON DELETE CASCADE,
    node_id    INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    port       INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    PRIMARY KEY (forward_id, node_id),
    UNIQUE (node_id, port)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_groups (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL UNIQUE,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created INTEGER NOT NULL,
    updated INTEGER
) STRICT;
CREATE TABLE user_group_members (
    group_id INTEGER NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    user_id  INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_group_members_by_user ON user_group_members (user_id);

CREATE TABLE tunnel_groups (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL UNIQUE,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created INTEGER NOT NULL,
    updated INTEGER
) STRICT;
CREATE TABLE tunnel_group_members (
    group_id  INTEGER NOT NULL REFERENCES tunnel_groups (id) ON DELETE CASCADE,
    tunnel_id INTEGER NOT NULL REFERENCES tunnels (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, tunnel_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tunnel_group_members_by_tunnel ON tunnel_group_members (tunnel_id);

CREATE TABLE group_permissions (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    user_group_id   INTEGER NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    tunnel_group_id INTEGER NOT NULL REFERENCES tunnel_groups (id) ON DELETE CASCADE,
    created         INTEGER NOT NULL,
    UNIQUE (user_group_id, tunnel_group_id)
) STRICT;
CREATE TABLE group_grants (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    user_group_id   INTEGER NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    tunnel_group_id INTEGER NOT NULL REFERENCES tunnel_groups (id) ON DELETE CASCADE,
    assignment_id   INTEGER NOT NULL REFERENCES assignments (id) ON DELETE CASCADE,
    created_by_group INTEGER NOT NULL DEFAULT 0 CHECK (created_by_group IN (0, 1)),
    created         INTEGER NOT NULL,
    UNIQUE (user_group_id, tunnel_group_id, assignment_id)
) STRICT;

CREATE TABLE settings (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL UNIQUE,
    value   TEXT NOT NULL,
    changed INTEGER NOT NULL
) STRICT;

CREATE TABLE announcement (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    content TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
) STRICT;

-- What was booked of each counter, with the owner and tunnel of the forward: bytes that a node reports after the forward was
-- deleted still reach the user who caused them. Rows of deleted forwards go when the node has forgotten the counter.
CREATE TABLE booked_counters (
    node_id     INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    forward_id  INTEGER NOT NULL,
    epoch       TEXT NOT NULL,                                      -- decimal; 64 bits unsigned do not fit an INTEGER
    up          INTEGER NOT NULL,
    down        INTEGER NOT NULL,
    connections INTEGER NOT NULL,
    user_id     INTEGER,
    tunnel_id   INTEGER,
    PRIMARY KEY (node_id, forward_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE hourly_flow (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    flow    INTEGER NOT NULL,
    total   INTEGER NOT NULL,
    hour    INTEGER NOT NULL,
    UNIQUE (user_id, hour)
) STRICT;

CREATE TABLE daily_flow (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    day     TEXT NOT NULL,                                          -- local date, YYYY-MM-DD
    up      INTEGER NOT NULL,
    down    INTEGER NOT NULL,
    PRIMARY KEY (user_id, day)
) STRICT, WITHOUT ROWID;

-- One row a minute for a day, one an hour for a month.
CREATE TABLE node_metrics (
    node_id     INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    resolution  INTEGER NOT NULL CHECK (resolution IN (60, 3600)),  -- seconds
    taken       INTEGER NOT NULL,                                   -- start of the minute or hour
    samples     INTEGER NOT NULL,
    cpu_percent REAL NOT NULL,                                      -- mean
    memory_percent REAL NOT NULL,                                   -- mean
    received    INTEGER NOT NULL,                                   -- last absolute value
    transmitted INTEGER NOT NULL,
    connections INTEGER NOT NULL,                                   -- maximum
    PRIMARY KEY (node_id, resolution, taken)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    happened INTEGER NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    kind     TEXT NOT NULL,                                         -- "node.online", "forward.failed"
    node_id  INTEGER REFERENCES nodes (id) ON DELETE SET NULL,
    forward_id INTEGER,
    details  TEXT NOT NULL DEFAULT '{}'                             -- JSON
) STRICT;
CREATE INDEX events_by_time ON events (happened);

CREATE TABLE audit (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    happened INTEGER NOT NULL,
    user_id  INTEGER,                                               -- null: the program itself or the console
    user_name TEXT NOT NULL,
    address  TEXT NOT NULL,
    action   TEXT NOT NULL,                                         -- "forward.create"
    object   TEXT NOT NULL,                                         -- its id, as text
    before   TEXT NOT NULL DEFAULT '',                              -- what mattered, readable; never a secret
    after    TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX audit_by_time ON audit (happened);
