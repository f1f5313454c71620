"""Machines as network namespaces, joined by veth pairs, for tests with several real processes. The test file itself runs in a network and mount namespace of its
own, so nothing of the host's network is seen or touched, and everything is gone when the test ends.

    client ──10.77.2.0/24── entry ══╗
                            middle1 ══╬══ data bridge 10.77.1.0/24
                            middle2 ══╣
             target ─10.77.3.0/24── exit ══╝        (outsider, home: on the data bridge, too)
    every node ── control bridge 10.77.0.0/24 ── the panel, here
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys

NODES = {"entry": 1, "middle1": 2, "middle2": 3, "exit": 4, "outsider": 5, "home": 6}
CLIENT_NET, TARGET_NET = "10.77.2", "10.77.3"
_CLONE_NEWNET = 0x40000000


def enter():
    """Call this first: runs the file again in namespaces of its own. False: this machine does not allow it."""
    if os.environ.get("SLUICE_NET_LAB") == "1":
        return True
    own_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = shutil.which("unshare")
    if not unshare or not shutil.which("ip", path=_path()):
        return False
    if subprocess.run([unshare, *own_user, "--net", "--mount", "true"], capture_output=True).returncode != 0:
        return False
    os.environ["SLUICE_NET_LAB"] = "1"
    os.environ["PATH"] = _path()
    os.execv(unshare, ["unshare", *own_user, "--net", "--mount", "--propagation", "private", sys.executable, *sys.argv])


def _path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stderr}")


def data_address(node):
    return f"10.77.1.{NODES[node]}"


class Lab:
    """The wires. Names of namespaces are the machines'."""

    def __init__(self):
        run("mount", "-t", "tmpfs", "none", "/run")
        run("ip", "link", "set", "lo", "up")
        for bridge in ("control", "data"):
            run("ip", "link", "add", bridge, "type", "bridge")
            run("ip", "link", "set", bridge, "up")
        run("ip", "address", "add", "10.77.0.254/24", "dev", "control")
        for name in [*NODES, "client", "target"]:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        for name, number in NODES.items():
            for bridge, net in (("control", "10.77.0"), ("data", "10.77.1")):
                port = f"{bridge[0]}-{name}"
                run("ip", "link", "add", port, "type", "veth", "peer", "name", bridge, "netns", name)
                run("ip", "link", "set", port, "master", bridge, "up")
                run("ip", "-n", name, "address", "add", f"{net}.{number}/24", "dev", bridge)
                run("ip", "-n", name, "link", "set", bridge, "up")
        self._pair("client", "entry", CLIENT_NET)
        self._pair("target", "exit", TARGET_NET)

    @staticmethod
    def _pair(machine, node, net):
        run("ip", "-n", machine, "link", "add", "wire", "type", "veth", "peer", "name", machine, "netns", node)
        for name, device, last in ((machine, "wire", 2), (node, machine, 1)):
            run("ip", "-n", name, "address", "add", f"{net}.{last}/24", "dev", device)
            run("ip", "-n", name, "link", "set", device, "up")

    @staticmethod
    def cut(node, bridge="data"):
        """Packets to and from the node vanish; nobody is told."""
        run("ip", "link", "set", f"{bridge[0]}-{node}", "down")

    @staticmethod
    def heal(node, bridge="data"):
        run("ip", "link", "set", f"{bridge[0]}-{node}", "up")


def inside(name):
    """The command that starts another one on that machine."""
    return ["ip", "netns", "exec", name]


_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def on(name):
    """Sockets that this thread makes meanwhile are that machine's."""
    with open("/proc/thread-self/ns/net") as here, open(f"/run/netns/{name}") as there:
        _enter(there)
        try:
            yield
        finally:
            _enter(here)


def _enter(namespace):
    if _libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
