-- Before: nodes without an identity of their own, hops without an address of their own.
-- After: a node has the fingerprint of a key (proved to the panel and to its neighbours in a tunnel), may be unreachable from outside (it then dials its
-- neighbours), and may have other ports outside than inside ("20000-20100=30000-30100": public = local). A hop may be reached at another host and
-- port than its node's (a reverse proxy), under a server name, protocols and a path of the administrator's choice.

ALTER TABLE nodes ADD COLUMN key_fingerprint BLOB CHECK (length(key_fingerprint) = 32);
ALTER TABLE nodes ADD COLUMN reachable INTEGER NOT NULL DEFAULT 1 CHECK (reachable IN (0, 1));
ALTER TABLE nodes ADD COLUMN public_ports TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX nodes_by_key ON nodes (key_fingerprint) WHERE key_fingerprint IS NOT NULL;

ALTER TABLE tunnel_hops ADD COLUMN public_host TEXT NOT NULL DEFAULT '';
ALTER TABLE tunnel_hops ADD COLUMN public_port INTEGER CHECK (public_port BETWEEN 1 AND 65535);
ALTER TABLE tunnel_hops ADD COLUMN server_name TEXT NOT NULL DEFAULT '';
ALTER TABLE tunnel_hops ADD COLUMN alpn TEXT NOT NULL DEFAULT '';
ALTER TABLE tunnel_hops ADD COLUMN path TEXT NOT NULL DEFAULT '';
