"""The panel with many rows, measured: 10,000 users, 2,000 nodes and 50,000 forwards, and the same at a tenth of the size, so that it shows how cost
grows. A benchmark: it prints numbers with the goals beside them, writes them into docs/BENCHMARKS.md, and fails only when something does not work at all.

    SLUICE_BINARY=build/sluice python3 tests/bench/scale.py

The rows are written into the database of a panel that is not running; then everything is asked over HTTP, on one connection that stays open, as a
program does it. Booking is measured by tests/bench/booking.cpp on a copy of the same database.
"""

import http.client
import json
import os
import pathlib
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from appliance import BINARY, Appliance, TcpServer, echo  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "product"
BOOKING = BUILD / "tests" / "bench_booking"
PASSWORD = "alice-Password-1"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 60))
SIZES = {"whole": (10_000, 2_000, 50_000), "tenth": (1_000, 200, 5_000)}
BEGIN = "<!-- scale: made by tests/bench/scale.py -->"
END = "<!-- end of scale -->"
GOALS = (
    ("forward/list of one user", "ms", 5),
    ("forward/list of the administrator, a page of 20", "ms", 20),
    ("forward/list of the administrator, the last page", "ms", 20),
    ("user/package", "ms", 5),
    ("one forward/create, with its node's answer", "ms", 10),
    ("start until /health answers", "s", 1),
    ("memory of the panel", "MB", 80),
    ("reports booked", "per s", -5_000),
    ("a read while reports are booked, the slowest of 100", "ms", 20),
)


def fill(path, users, nodes, forwards, first_user):
    """Rows as a panel of that size has them: users with two tunnels each, forwards spread over both, and a day of statistics."""
    now = int(time.time() * 1000)
    pick = random.Random(7)
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous = OFF")
    hexes = (f"{pick.getrandbits(128):032x}" for _ in iter(int, 1))
    with database:
        database.executemany(
            "INSERT INTO nodes (uuid, position, name, address, ports, tcp_listen, udp_listen, secret, secret_hash, created) "
            "VALUES (?, ?, ?, ?, '1000-65535', '[::]', '[::]', x'00', randomblob(32), ?)",
            ((next(hexes), number, f"node {number}", f"10.{number >> 8 & 255}.{number & 255}.1", now) for number in range(1, nodes)))
        node_ids = [row[0] for row in database.execute("SELECT id FROM nodes WHERE local = 0 ORDER BY id")]
        database.executemany("INSERT INTO tunnels (uuid, position, name, type, created) VALUES (?, ?, ?, 1, ?)",
                             ((next(hexes), number, f"tunnel {number}", now) for number in range(len(node_ids))))
        tunnel_ids = [row[0] for row in database.execute("SELECT id FROM tunnels WHERE name LIKE 'tunnel %' ORDER BY id")]
        database.executemany("INSERT INTO tunnel_hops (tunnel_id, node_id, role, strategy, carrier) VALUES (?, ?, 1, 'round_robin', 'tls')",
                             zip(tunnel_ids, node_ids))
        database.executemany(
            "INSERT INTO users (uuid, name, password, role, quota, max_forwards, created) VALUES (?, ?, '-', 1, ?, 99999, ?)",
            ((next(hexes), f"user {number}", 1 << 50, now) for number in range(1, users)))
        user_ids = [first_user] + [row[0] for row in database.execute("SELECT id FROM users WHERE name LIKE 'user %' ORDER BY id")]
        count = len(tunnel_ids)
        rights = [(user, tunnel_ids[(index * 2 + more) % count]) for index, user in enumerate(user_ids) for more in range(2)]
        database.executemany("INSERT OR IGNORE INTO assignments (user_id, tunnel_id, quota, max_forwards) VALUES (?, ?, 1125899906842624, 99999)", rights)
        node_of = dict(zip(tunnel_ids, node_ids))
        next_port = dict.fromkeys(node_ids, 2000)
        rows, ports = [], []
        number = database.execute("SELECT coalesce(max(id), 0) FROM forwards").fetchone()[0]
        for index in range(forwards):
            user, tunnel = rights[index % len(rights)]
            number += 1
            node = node_of[tunnel]
            rows.append((number, next(hexes), index, user, f"user {user}", f"forward {index}", tunnel, "192.0.2.1:80", now))
            ports.append((number, node, next_port[node]))
            next_port[node] += 1
        database.executemany("INSERT INTO forwards (id, uuid, position, user_id, owner_name, name, tunnel_id, targets, pick, created) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'first', ?)", rows)
        database.executemany("INSERT INTO forward_ports (forward_id, node_id, port) VALUES (?, ?, ?)", ports)
        hour = 3_600_000
        database.executemany("INSERT INTO hourly_flow (user_id, flow, total, hour) VALUES (?, 1000, 1000, ?)",
                             ((user, now // hour * hour - back * hour) for user in user_ids for back in range(24, 0, -1)))
    database.close()


class Client:
    """One connection that stays open."""

    def __init__(self, site, token):
        self.connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
        self.headers = {"Authorization": token, "Content-Type": "application/json"}

    def call(self, path, body):
        self.connection.request("POST", "/api/v1" + path, json.dumps(body), self.headers)
        text = self.connection.getresponse().read()
        reply = json.loads(text)
        if reply["code"] != 0:
            raise RuntimeError(f"{path}: {reply}")
        return reply.get("data")

    def median(self, path, body, rounds=ROUNDS):
        times = []
        for _ in range(rounds):
            data = json.dumps(body)
            began = time.perf_counter()
            self.connection.request("POST", "/api/v1" + path, data, self.headers)
            answer = self.connection.getresponse().read()
            times.append((time.perf_counter() - began) * 1000)
            if b'"code":0' not in answer:
                raise RuntimeError(f"{path}: {answer[:200]}")
        return statistics.median(times)


def memory(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS:"))


def measure(size):
    users, nodes, forwards = SIZES[size]
    found = {}
    with Appliance() as site, TcpServer(echo) as server:
        site.sign_in()
        own = site.make_tunnel("own")
        alice = site.data("/user/create", {"user": "alice", "pwd": PASSWORD, "flow": 99999, "num": 99999})["id"]
        site.data("/tunnel/user/assign", {"userId": alice, "tunnelId": own, "flow": 99999, "num": 99999})
        site.stop()
        fill(os.path.join(site.folder, "sluice.db"), users, nodes, forwards, alice)
        site.start()
        site.stop()  # the first start after such a fill has chores that no other has
        began = time.perf_counter()
        site.start()
        found["start until /health answers"] = time.perf_counter() - began
        site.sign_in()
        site.local_node()
        admin = Client(site, site.token)
        person = Client(site, site.data("/user/login", {"username": "alice", "password": PASSWORD}, token="")["token"])
        found["forward/list of one user"] = person.median("/forward/list", {})
        found["forward/list of the administrator, a page of 20"] = admin.median("/forward/list", {"page": 1, "pageSize": 20})
        found["forward/list of the administrator, the last page"] = admin.median("/forward/list", {"page": forwards // 20, "pageSize": 20})
        found["user/package"] = person.median("/user/package", {})
        times = []
        for number in range(min(ROUNDS, 30)):
            began = time.perf_counter()
            admin.call("/forward/create", {"name": f"new {number}", "tunnelId": own, "remoteAddr": server.address})
            times.append((time.perf_counter() - began) * 1000)
        found["one forward/create, with its node's answer"] = statistics.median(times)
        found["memory of the panel"] = memory(site.process)
        site.stop()
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "sluice.db")
            source = sqlite3.connect(os.path.join(site.folder, "sluice.db"))
            target = sqlite3.connect(copy)
            source.backup(target)
            source.close()
            target.close()
            booked = json.loads(subprocess.run([str(BOOKING), copy, os.path.join(site.folder, "secret.key")], check=True, capture_output=True, text=True).stdout)
            found["reports booked"] = booked["reports_per_second"]
            found["a read while reports are booked, the slowest of 100"] = booked["slow_read_ms"]
    return found


def digits(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def report(found):
    lines = ["| what | 10,000 users, 2,000 nodes, 50,000 forwards | a tenth | ratio | goal |", "| --- | --- | --- | --- | --- |"]
    for name, unit, goal in GOALS:
        whole, tenth = found["whole"].get(name), found["tenth"].get(name)
        if whole is None or tenth is None:
            continue
        lines.append(f"| {name}, {unit} | {digits(whole)} | {digits(tenth)} | {digits(whole / tenth)} | {'≥ ' if goal < 0 else '< '}{abs(goal):,} |")
    return "\n".join(lines)


def write_down(table):
    page = pathlib.Path(os.environ.get("BENCH_REPORT", ROOT / "docs" / "BENCHMARKS.md"))
    text = page.read_text(encoding="utf-8")
    head = text.split(BEGIN)[0].rstrip() if BEGIN in text else text.rstrip()
    tail = text.split(END)[1] if END in text else "\n"
    page.write_text(f"{head}\n\n{BEGIN}\n## Many rows\n\nMade by `tests/bench/scale.py`; medians over HTTP on one connection.\n\n{table}\n{END}{tail}", encoding="utf-8")


def main():
    if not BINARY.exists():
        raise SystemExit(f"{BINARY} does not exist")
    subprocess.run(["ninja", "-C", BUILD, BOOKING.name], check=True, stdout=subprocess.DEVNULL)
    found = {size: measure(size) for size in ("tenth", "whole")}
    table = report(found)
    print(table)
    write_down(table)


if __name__ == "__main__":
    main()
