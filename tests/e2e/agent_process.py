"""A second process that is a node: enrolled at an Appliance's panel, on loopback, with a data folder of its own."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from appliance import BINARY, PATIENCE, ApiError, wait_until


class InstallLine:
    """What `node/install` answers, taken apart."""

    def __init__(self, text):
        self.text = text
        self.token = re.search(r"SLUICE_TOKEN=(\S+)", text).group(1)
        self.pin = re.search(r"--pin (sha256:[0-9a-f]{64})", text).group(1)
        self.tls_pin = re.search(r"--tls-pin (\S+)", text).group(1)
        self.urls = re.findall(r"--connect (\S+)", text)


def make_node(panel, name="second"):
    """The id of a new node, and the line that makes a machine it."""
    with contextlib.suppress(ApiError):
        panel.data("/config/update", {"ip": f"127.0.0.1:{panel.port}"})
    made = panel.data("/node/create", {"name": name, "serverIp": "127.0.0.1"})
    return made["id"], install_line(panel, made["id"])


def install_line(panel, node):
    return InstallLine(panel.data("/node/install", {"id": node}))


def node_of(panel, node):
    return next((item for item in panel.data("/node/list") if item["id"] == node), None)


def wait_online(panel, node, online=True):
    wait_until(lambda: node_of(panel, node)["status"] == (1 if online else 0), f"node {node} is {'online' if online else 'offline'}")


class AgentProcess:
    """`inside`: the command that another one starts behind, for example in a network namespace."""

    def __init__(self, folder=None, inside=()):
        self.inside = list(inside)
        self.folder = folder or tempfile.mkdtemp(prefix="sluice-e2e-node-")
        self.log_path = os.path.join(self.folder, "process.log")
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.stop()
        if failure[0] is not None:
            sys.stderr.write("--- log of the node ---\n" + self.log()[-6000:] + "\n---\n")
        shutil.rmtree(self.folder, ignore_errors=True)

    def enrol(self, line, url=None, token=None, pin=None):
        """Starts it with what the install line says."""
        return self.start("--connect", url or line.urls[0], "--pin", pin or line.pin, token=token or line.token)

    def start(self, *arguments, token=None):
        environment = {name: value for name, value in os.environ.items() if name != "SLUICE_TOKEN"}
        if token:
            environment["SLUICE_TOKEN"] = token
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([*self.inside, str(BINARY), "--agent", "--data-dir", self.folder, *arguments], env=environment,
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        return self

    def log(self):
        with contextlib.suppress(OSError):
            with open(self.log_path, errors="replace") as file:
                return file.read()
        return ""

    def ended(self):
        """The exit code, once it ends by itself."""
        return self.process.wait(PATIENCE)

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the node did not end after {how}")
        return self.process.returncode if self.process else None

    def kill(self):
        self.process.kill()
        self.process.wait()
