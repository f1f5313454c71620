"""The executable on hosts that are not like ours: an empty root, one with a musl-like minimum, one with another glibc's name service
modules named in nsswitch.conf, one whose openssl.cnf asks for things. In each: it says its version, starts, answers /health over HTTP
and HTTPS, looks up names in /etc/hosts and by DNS, and speaks TLS as a client.

Runs in a network namespace of its own, where it is the DNS server too; needs root or user namespaces (skipped where neither is there).
"""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SLUICE_BINARY", ROOT / "build" / "sluice"))
FOREIGN_NSS = pathlib.Path(os.environ.get("SLUICE_FOREIGN_NSS", ROOT / "build" / "third_party" / "foreign-nss"))
INSIDE = "SLUICE_TEST_IN_NAMESPACE"
SKIPPED = 77
PATIENCE = 60
CHROOT = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin") or "chroot"


def enter_namespace():
    """Starts this script again where it is alone with a loopback interface."""
    unshare = ["unshare", "--net", "--mount"] if os.geteuid() == 0 else ["unshare", "--net", "--mount", "--user", "--map-root-user"]
    if subprocess.run([*unshare, "ip", "link", "set", "lo", "up"], capture_output=True, check=False).returncode != 0:
        print("no right to make a network namespace here: skipped")
        sys.exit(SKIPPED)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", [*unshare, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, __file__, *sys.argv[1:]])


def serve_dns(names):
    """Answers A questions for `names` (name -> address) on 127.0.0.1:53, NXDOMAIN for the rest and no data for other types."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def run():
        while True:
            question, client = server.recvfrom(1500)
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode("ascii", "replace").lower())
                at += 1 + question[at]
            kind = int.from_bytes(question[at + 1:at + 3], "big")
            address = names.get(".".join(labels))
            answers = b""
            if address and kind == 1:
                answers = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + socket.inet_aton(address)
            flags = b"\x81\x80" if address else b"\x81\x83"
            server.sendto(question[:2] + flags + b"\x00\x01" + (b"\x00\x01" if answers else b"\x00\x00") + b"\x00\x00\x00\x00"
                          + question[12:at + 5] + answers, client)

    threading.Thread(target=run, daemon=True).start()


class Host:
    """A folder that a process takes for the whole machine."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        shutil.copy(BINARY, self.folder / "sluice")
        (self.folder / "data").mkdir(mode=0o700)

    def write(self, path, text):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def names(self):
        """Names as on any machine: one in /etc/hosts, the rest by DNS."""
        self.write("etc/hosts", "127.0.0.1 localhost\n127.0.0.1 from-hosts.test\n")
        self.write("etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n")

    def command(self, *words):
        return [CHROOT, str(self.folder), *words]

    def run(self, *words):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=PATIENCE, check=False, env={"PATH": "/bin"})


@contextlib.contextmanager
def started(host):
    """The appliance in `host`; yields its port."""
    port = 12_080  # this network is ours alone, and gives outgoing connections higher ones
    with open(host.folder / "log", "wb") as log:
        process = subprocess.Popen(host.command("/sluice", "--data-dir", "/data", "--listen", f"127.0.0.1:{port}"),
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": "/bin"})
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            said = (host.folder / "log").read_text(errors="replace")
            if process.poll() is not None:
                raise AssertionError(f"it ended with {process.returncode}:\n{said}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if health(port, secure=False) == 200:
                    break
            if time.monotonic() > deadline:
                raise AssertionError(f"never ready:\n{said}")
            time.sleep(0.05)
        yield port
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        code = process.wait(PATIENCE)
    if code != 0:
        raise AssertionError(f"SIGTERM ended it with {code}:\n" + (host.folder / "log").read_text(errors="replace"))


def health(port, secure):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = (http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=context) if secure
                  else http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE))
    with contextlib.closing(connection):
        connection.request("GET", "/health")
        return connection.getresponse().status


class Hosts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-host-")
        self.addCleanup(folder.cleanup)
        self.host = Host(folder.name)

    def diagnose(self, target):
        done = self.host.run("/sluice", "diagnose", "--json", "--count", "1", target)
        self.assertIn(done.returncode, (0, 1), f"{target}: ended with {done.returncode}: {done.stderr}")
        report = json.loads(done.stdout)
        return report[0] if isinstance(report, list) else report

    def check_life(self, *names):
        version = self.host.run("/sluice", "version")
        self.assertEqual((version.returncode, version.stdout.split()[:1]), (0, ["sluice"]), version.stderr)
        with started(self.host) as port:
            self.assertEqual(health(port, secure=False), 200)
            self.assertEqual(health(port, secure=True), 200)
            for name in names:
                report = self.diagnose(f"tcp://{name}:{port}")
                self.assertTrue(report["tcp"]["success"], report)
            report = self.diagnose(f"https://127.0.0.1:{port}/health")
            self.assertTrue(report["tls"]["success"], report)
            self.assertEqual(report["http"]["status"], 200, report)
        if len(names) > 1:
            report = self.diagnose("tcp://nowhere.test:9")
            self.assertEqual(report["addresses"], [], report)

    def check_trap(self, what, springs):
        """A program without the fixes fails here, so that passing means something."""
        trap = self.host.folder / "trap"
        subprocess.run(["gcc", "-static-pie", "-w", str(pathlib.Path(__file__).with_name("trap.c")), "-o", str(trap), "-lssl", "-lcrypto"],
                       check=True, capture_output=True)
        ended = self.host.run("/trap", what).returncode
        self.assertTrue(springs(ended), f"the trap is not armed: a program without the fixes ended with {ended}")

    def test_an_empty_root(self):
        self.check_life("localhost", "127.0.0.1")

    def test_a_root_with_busybox(self):
        busybox = shutil.which("busybox")
        self.assertIsNotNone(busybox, "busybox-static is needed")
        (self.host.folder / "bin").mkdir()
        shutil.copy(busybox, self.host.folder / "bin" / "busybox")
        self.host.names()
        said = self.host.run("/bin/busybox", "sh", "-c", "/sluice version && echo it ran")
        self.assertIn("it ran", said.stdout)
        self.check_life("from-hosts.test", "from-dns.test", "localhost")

    def test_a_root_with_another_glibc(self):
        self.assertTrue(FOREIGN_NSS.is_dir(), "scripts/fetch-foreign-nss has not run (scripts/setup test does it)")
        shutil.copytree(FOREIGN_NSS, self.host.folder, symlinks=True, dirs_exist_ok=True)
        for folder in ("lib", "lib64"):
            if (self.host.folder / "usr" / folder).is_dir() and not (self.host.folder / folder).exists():
                (self.host.folder / folder).symlink_to(f"usr/{folder}")
        self.host.names()
        self.host.write("etc/nsswitch.conf", "passwd: files systemd\ngroup: files systemd\nhosts: mymachines resolve myhostname files dns\n")
        self.check_trap("name", lambda ended: ended < 0 or ended > 128)
        self.check_life("from-hosts.test", "from-dns.test", "localhost")

    def test_a_root_whose_openssl_configuration_asks_for_what_is_not_there(self):
        self.host.names()
        self.host.write("usr/lib/ssl/openssl.cnf", "openssl_conf = all\nconfig_diagnostics = 1\n[all]\nproviders = list\n"
                        "[list]\nmissing = one\n[one]\nactivate = 1\nmodule = /nowhere/missing.so\n")
        self.check_trap("tls", lambda ended: ended == 1)
        self.check_life("from-hosts.test", "from-dns.test")


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter_namespace()
    serve_dns({"from-dns.test": "127.0.0.1"})
    unittest.main()
