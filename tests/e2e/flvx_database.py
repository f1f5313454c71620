"""Makes the SQLite database of an FLVX panel (flvx-api.md section 3) with a little of everything, what it leaves lying about included."""

import hashlib
import json
import sqlite3

SCHEMA = """
CREATE TABLE user (id INTEGER PRIMARY KEY AUTOINCREMENT, user VARCHAR(100) NOT NULL, pwd VARCHAR(100) NOT NULL, role_id INTEGER NOT NULL,
  exp_time INTEGER NOT NULL, flow INTEGER NOT NULL, in_flow INTEGER NOT NULL DEFAULT 0, out_flow INTEGER NOT NULL DEFAULT 0,
  flow_reset_time INTEGER NOT NULL, num INTEGER NOT NULL, created_time INTEGER NOT NULL, updated_time INTEGER, status INTEGER NOT NULL);
CREATE TABLE node (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(100) NOT NULL, secret VARCHAR(100) NOT NULL, server_ip VARCHAR(100) NOT NULL,
  server_ip_v4 VARCHAR(100), server_ip_v6 VARCHAR(100), port TEXT NOT NULL, interface_name VARCHAR(200), version VARCHAR(100),
  http INTEGER NOT NULL DEFAULT 0, tls INTEGER NOT NULL DEFAULT 0, socks INTEGER NOT NULL DEFAULT 0, created_time INTEGER NOT NULL,
  updated_time INTEGER, status INTEGER NOT NULL, tcp_listen_addr VARCHAR(100) NOT NULL DEFAULT '[::]',
  udp_listen_addr VARCHAR(100) NOT NULL DEFAULT '[::]', inx INTEGER NOT NULL DEFAULT 0, is_remote INTEGER DEFAULT 0, remote_url TEXT,
  remote_token TEXT, remote_config TEXT);
CREATE TABLE tunnel (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(100) NOT NULL, traffic_ratio REAL NOT NULL DEFAULT 1.0,
  type INTEGER NOT NULL, protocol VARCHAR(10) NOT NULL DEFAULT 'tls', flow INTEGER NOT NULL, created_time INTEGER NOT NULL,
  updated_time INTEGER NOT NULL, status INTEGER NOT NULL, in_ip TEXT, inx INTEGER NOT NULL DEFAULT 0, ip_preference VARCHAR(10) NOT NULL DEFAULT '');
CREATE TABLE chain_tunnel (id INTEGER PRIMARY KEY AUTOINCREMENT, tunnel_id INTEGER NOT NULL, chain_type VARCHAR(10) NOT NULL, node_id INTEGER NOT NULL,
  port INTEGER, strategy VARCHAR(10), inx INTEGER, protocol VARCHAR(10));
CREATE TABLE forward (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, user_name VARCHAR(100) NOT NULL, name VARCHAR(100) NOT NULL,
  tunnel_id INTEGER NOT NULL, remote_addr TEXT NOT NULL, strategy VARCHAR(100) NOT NULL DEFAULT 'fifo', in_flow INTEGER NOT NULL DEFAULT 0,
  out_flow INTEGER NOT NULL DEFAULT 0, created_time INTEGER NOT NULL, updated_time INTEGER NOT NULL, status INTEGER NOT NULL,
  inx INTEGER NOT NULL DEFAULT 0);
CREATE TABLE forward_port (id INTEGER PRIMARY KEY AUTOINCREMENT, forward_id INTEGER NOT NULL, node_id INTEGER NOT NULL, port INTEGER NOT NULL);
CREATE TABLE user_tunnel (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, tunnel_id INTEGER NOT NULL, speed_id INTEGER,
  num INTEGER NOT NULL, flow INTEGER NOT NULL, in_flow INTEGER NOT NULL DEFAULT 0, out_flow INTEGER NOT NULL DEFAULT 0,
  flow_reset_time INTEGER NOT NULL, exp_time INTEGER NOT NULL, status INTEGER NOT NULL);
CREATE TABLE speed_limit (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(100) NOT NULL, speed INTEGER NOT NULL, tunnel_id INTEGER NOT NULL,
  tunnel_name VARCHAR(100) NOT NULL, created_time INTEGER NOT NULL, updated_time INTEGER, status INTEGER NOT NULL);
CREATE TABLE statistics_flow (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, flow INTEGER NOT NULL, total_flow INTEGER NOT NULL,
  time VARCHAR(100) NOT NULL, created_time INTEGER NOT NULL);
CREATE TABLE tunnel_group (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(100) NOT NULL, created_time INTEGER NOT NULL, updated_time INTEGER NOT NULL,
  status INTEGER NOT NULL);
CREATE TABLE user_group (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(100) NOT NULL, created_time INTEGER NOT NULL, updated_time INTEGER NOT NULL,
  status INTEGER NOT NULL);
CREATE TABLE tunnel_group_tunnel (id INTEGER PRIMARY KEY AUTOINCREMENT, tunnel_group_id INTEGER NOT NULL, tunnel_id INTEGER NOT NULL, created_time INTEGER NOT NULL);
CREATE TABLE user_group_user (id INTEGER PRIMARY KEY AUTOINCREMENT, user_group_id INTEGER NOT NULL, user_id INTEGER NOT NULL, created_time INTEGER NOT NULL);
CREATE TABLE group_permission (id INTEGER PRIMARY KEY AUTOINCREMENT, user_group_id INTEGER NOT NULL, tunnel_group_id INTEGER NOT NULL, created_time INTEGER NOT NULL);
CREATE TABLE group_permission_grant (id INTEGER PRIMARY KEY AUTOINCREMENT, user_group_id INTEGER NOT NULL, tunnel_group_id INTEGER NOT NULL,
  user_tunnel_id INTEGER NOT NULL, created_by_group INTEGER NOT NULL DEFAULT 0, created_time INTEGER NOT NULL);
CREATE TABLE vite_config (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(200) NOT NULL UNIQUE, value VARCHAR(200) NOT NULL, time INTEGER NOT NULL);
CREATE TABLE peer_share (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, node_id INTEGER NOT NULL, token TEXT NOT NULL UNIQUE);
"""

ADMIN_PASSWORD = "flvx-Admin-1"
ALICE_PASSWORD = "flvx-Alice-1"
SECRETS = {1: "11111111111111111111111111111111", 2: "22222222222222222222222222222222"}
NEVER = 4_000_000_000_000


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def insert(database, table, **values):
    database.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", list(values.values()))


def make(path, port):
    """`port` is where alice's forward listens. The database is in WAL mode, as a running panel leaves it."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(SCHEMA)
        times = {"created_time": 1_700_000_000_000, "updated_time": 1_700_000_001_000}
        insert(database, "user", id=1, user="root", pwd=md5(ADMIN_PASSWORD), role_id=0, exp_time=2_727_251_700_000, flow=99999, flow_reset_time=1,
               num=99999, status=1, **times)
        insert(database, "user", id=2, user="alice", pwd=md5(ALICE_PASSWORD), role_id=1, exp_time=NEVER, flow=50, in_flow=1_000_000, out_flow=2_000_000,
               flow_reset_time=31, num=10, status=1, **times)
        insert(database, "user", id=3, user="bob", pwd=md5("x"), role_id=1, exp_time=0, flow=1, flow_reset_time=99, num=0, status=0, **times)
        insert(database, "node", id=1, name="hk", secret=SECRETS[1], server_ip="203.0.113.1", port="1000-65535", interface_name="eth0", version="2.1.4",
               status=1, http=1, **times)
        insert(database, "node", id=2, name="us", secret=SECRETS[2], server_ip="us.example", port="9000-8000", status=0, inx=1, **times)
        insert(database, "node", id=3, name="theirs", secret="3" * 32, server_ip="203.0.113.3", port="1000-2000", status=1, is_remote=1,
               remote_url="http://x", remote_token="t", **times)
        insert(database, "tunnel", id=1, name="direct", traffic_ratio=1.5, type=1, flow=2, status=1, in_ip="203.0.113.1", **times)
        insert(database, "tunnel", id=2, name="chain", type=2, flow=1, status=1, in_ip="", ip_preference="v4", **times)
        insert(database, "tunnel", id=3, name="direct", type=1, flow=1, status=1, **times)
        insert(database, "chain_tunnel", id=1, tunnel_id=1, chain_type="1", node_id=1, strategy="round", inx=0, protocol="tls")
        insert(database, "chain_tunnel", id=2, tunnel_id=2, chain_type="1", node_id=1, strategy="round", inx=0, protocol="tls")
        insert(database, "chain_tunnel", id=3, tunnel_id=2, chain_type="3", node_id=2, port=31000, strategy="fifo", inx=0, protocol="wss")
        insert(database, "chain_tunnel", id=4, tunnel_id=3, chain_type="1", node_id=77, strategy="round", inx=0, protocol="tls")
        insert(database, "forward", id=10, user_id=2, user_name="alice", name="web", tunnel_id=1, remote_addr="10.0.0.1:80, 10.0.0.2:80", strategy="rand",
               in_flow=700, out_flow=800, status=1, inx=3, **times)
        insert(database, "forward", id=11, user_id=2, user_name="alice", name="orphan", tunnel_id=99, remote_addr="10.0.0.1:80", status=1, **times)
        insert(database, "forward", id=12, user_id=2, user_name="alice", name="nowhere", tunnel_id=1, remote_addr="not an address", status=1, **times)
        insert(database, "forward_port", forward_id=10, node_id=1, port=port)
        insert(database, "speed_limit", id=6, name="10M", speed=10, tunnel_id=1, tunnel_name="direct", status=1, **times)
        insert(database, "user_tunnel", id=20, user_id=2, tunnel_id=1, speed_id=6, num=5, flow=20, in_flow=300, out_flow=400, flow_reset_time=1,
               exp_time=NEVER, status=1)
        insert(database, "user_tunnel", id=21, user_id=2, tunnel_id=2, speed_id=404, num=5, flow=20, flow_reset_time=1, exp_time=NEVER, status=1)
        insert(database, "statistics_flow", user_id=2, flow=1, total_flow=1, time="13:00", created_time=1)
        insert(database, "tunnel_group", id=30, name="tunnels", status=1, **times)
        insert(database, "user_group", id=31, name="people", status=1, **times)
        insert(database, "tunnel_group_tunnel", tunnel_group_id=30, tunnel_id=1, created_time=1)
        insert(database, "tunnel_group_tunnel", tunnel_group_id=30, tunnel_id=404, created_time=1)
        insert(database, "user_group_user", user_group_id=31, user_id=2, created_time=1)
        insert(database, "group_permission", id=40, user_group_id=31, tunnel_group_id=30, created_time=1)
        insert(database, "group_permission_grant", id=41, user_group_id=31, tunnel_group_id=30, user_tunnel_id=20, created_by_group=1, created_time=1)
        insert(database, "vite_config", name="app_name", value="flux", time=1)
        insert(database, "vite_config", name="captcha_enabled", value="true", time=1)
        insert(database, "peer_share", name="share", node_id=1, token="t")


def change(path, sql, *values):
    with sqlite3.connect(path) as database:
        database.execute(sql, values)


def sections(sluice):
    """What the panel would export, without what changes by itself."""
    _, _, data = sluice.request("POST", "/api/v1/backup/export", "{}", {"Authorization": sluice.token})
    file = json.loads(data)
    file.pop("exportedAt")
    for node in file["nodes"]:
        node.pop("version", None)
        node.pop("status")
    for user in file["users"]:
        user.pop("pwd")
    return file
