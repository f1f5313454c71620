"""Starts the real executable on loopback with an empty data folder, and speaks its FLVX dialect. Used by every test here.

The executable comes from `--binary PATH` or SLUICE_BINARY (default build/sluice). Everything listens on 127.0.0.1; loads are bounded.
"""

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _binary():
    chosen = os.environ.get("SLUICE_BINARY", ROOT / "build" / "sluice")
    if "--binary" in sys.argv[:-1]:  # unittest must not see it
        at = sys.argv.index("--binary")
        chosen = sys.argv[at + 1]
        del sys.argv[at:at + 2]
    return pathlib.Path(chosen).resolve()


BINARY = _binary()
PASSWORD = "e2e-Password-7"
PATIENCE = 60 if "SLUICE_SLOW" not in os.environ else 240  # seconds; conditions, never a verdict by time


_claims = []


def _own_ports():
    """Ports in blocks that belong to this process until it ends, below the range from which the system serves outgoing connections. A block is
    taken by binding a name that nobody else can have and that the system gives back, so that tests which run beside each other never meet
    on a port; src/forward/testing.hpp and tests/page/appliance.mjs take theirs by the same names."""
    lowest, size, count = 12_000, 100, 200
    for block in random.sample(range(count), count):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0sluice-test-ports-{block}")
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        yield from range(lowest + block * size, lowest + (block + 1) * size)


_ports = _own_ports()


def free_port():
    """A port that is free for TCP and UDP, stays free for this process, and was not given to it before."""
    for port in _ports:
        with contextlib.suppress(OSError), contextlib.ExitStack() as sockets:
            for one in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                sockets.enter_context(socket.socket(socket.AF_INET, one)).bind(("0.0.0.0", port))
            return port
    raise AssertionError("no port is free")


def wait_until(condition, what, patience=None):
    """Returns the first true value of `condition`; fails with `what` when it never comes."""
    deadline = time.monotonic() + (patience or PATIENCE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.05)


class ApiError(AssertionError):
    def __init__(self, path, reply):
        super().__init__(f"{path}: code {reply.get('code')} {reply.get('msg')}")
        self.reply = reply


class Appliance:
    """One running process. `restart()` keeps the data folder."""

    def __init__(self, arguments=(), environment=None, data_dir=None):
        self.folder = data_dir or tempfile.mkdtemp(prefix="sluice-e2e-")
        self.port = free_port()
        self.arguments = list(arguments)
        self.environment = environment or {}
        self.token = ""
        self.process = None
        self.log_path = os.path.join(self.folder, "process.log")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *failure):
        code = self.stop()
        # What a sanitizer found while it ran or ended shows here; -9 is what kill() leaves.
        broken = code not in (0, -signal.SIGKILL)
        if failure[0] is not None or broken:
            sys.stderr.write("--- log of the executable ---\n" + self.log()[-6000:] + "\n---\n")
        shutil.rmtree(self.folder, ignore_errors=True)
        if broken and failure[0] is None:
            raise AssertionError(f"the executable ended with {code}")

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [str(BINARY), "--data-dir", self.folder, "--listen", f"127.0.0.1:{self.port}", *self.arguments],
            env={**os.environ, "SLUICE_ADMIN_PASSWORD": PASSWORD, **self.environment},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        wait_until(self._ready, "GET /health answers 200")

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the executable ended with {self.process.returncode}:\n{self.log()[-4000:]}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.request("GET", "/health")[0] == 200
        return False

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def stop(self, how=signal.SIGTERM):
        """Returns the exit code."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the executable did not end after {how}")
        return self.process.returncode if self.process else None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        if self.process.poll() is None:
            code = self.stop()
            assert code == 0, f"the executable ended with {code}:\n{self.log()[-4000:]}"
        self.start()

    def request(self, method, path, body=None, headers=None, timeout=None):
        """(status, headers, bytes) of one request on its own connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout or PATIENCE)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def call(self, path, body=None, token=None):
        """The whole envelope."""
        headers = {"Content-Type": "application/json"}
        token = self.token if token is None else token
        if token:
            headers["Authorization"] = token
        status, _, data = self.request("POST", "/api/v1" + path, json.dumps(body if body is not None else {}), headers)
        assert status == 200, f"{path}: HTTP {status} {data[:200]!r}"
        return json.loads(data)

    def data(self, path, body=None, token=None):
        reply = self.call(path, body, token)
        if reply["code"] != 0:
            raise ApiError(path, reply)
        return reply.get("data")

    def sign_in(self, name="admin_user", password=PASSWORD):
        self.token = self.data("/user/login", {"username": name, "password": password}, token="")["token"]
        return self.token

    def local_node(self):
        return wait_until(lambda: next((node for node in self.data("/node/list") if node["status"] == 1), None), "the local node is online")

    def make_tunnel(self, name="direct"):
        return self.data("/tunnel/create", {"name": name, "type": 1, "inNodeId": [{"nodeId": self.local_node()["id"]}]})["id"]

    def make_forward(self, tunnel, target, port=None, name="web", **more):
        """On a port that is this process's own: one that the panel chooses may be given to somebody else as soon as it is closed."""
        made = self.data("/forward/create", {"name": name, "tunnelId": tunnel, "remoteAddr": target, "inPort": port or free_port(), **more})
        return made["id"], made["inPort"]

    def forward(self, forward_id):
        return next((item for item in self.data("/forward/list") if item["id"] == forward_id), None)


class TcpServer:
    """A bounded server, on loopback unless told otherwise: `serve(connection)` runs in a thread per client."""

    def __init__(self, serve, port=0, host="127.0.0.1"):
        self.host = host
        self.connections = 0
        self.listener = socket.create_server((host, port), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.serve = serve
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        with connection, contextlib.suppress(OSError):
            self.serve(connection)


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


class UdpEcho:
    """`senders`: how many different ones it has heard."""

    def __init__(self, port=0, host="127.0.0.1"):
        self.host = host
        self.heard = set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    @property
    def senders(self):
        return len(self.heard)

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                data, sender = self.socket.recvfrom(65536)
                self.heard.add(sender)
                self.socket.sendto(data, sender)


def exchange(port, payload):
    """Sends payload, half-closes, returns everything that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        sender = threading.Thread(target=lambda: (connection.sendall(payload), connection.shutdown(socket.SHUT_WR)))
        sender.start()
        parts = []
        while data := connection.recv(65536):
            parts.append(data)
        sender.join()
    return b"".join(parts)


def sha256(data):
    return hashlib.sha256(data).hexdigest()
