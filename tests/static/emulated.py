"""The executable of another architecture, under an emulator: it says its version, makes its keys and certificate, and answers /health.
(Signals, splice and io are the emulator's; what this shows is that compiler, libraries and link made a program that lives.)"""

import contextlib
import http.client
import os
import pathlib
import shlex
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SLUICE_BINARY", str(ROOT / "build" / "sluice-linux-arm64"))
EMULATOR = shlex.split(os.environ.get("SLUICE_EMULATOR", "qemu-aarch64-static"))
PATIENCE = 120


class Emulated(unittest.TestCase):
    def test_is_for_the_other_architecture(self):
        header = subprocess.run(["readelf", "--file-header", BINARY], capture_output=True, text=True, check=True).stdout
        self.assertIn("AArch64", header)
        self.assertLessEqual(os.path.getsize(BINARY), 15_000_000)

    def test_says_its_version(self):
        version = (ROOT / "VERSION").read_text().strip()
        said = subprocess.run([*EMULATOR, BINARY, "version"], capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
        self.assertTrue(said.startswith(f"sluice {version}"), said)

    def test_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        with tempfile.TemporaryDirectory(prefix="sluice-arm64-") as folder:
            log = pathlib.Path(folder) / "log"
            with open(log, "wb") as out:
                process = subprocess.Popen([*EMULATOR, BINARY, "--data-dir", f"{folder}/data", "--listen", f"127.0.0.1:{port}"],
                                           stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            try:
                deadline = time.monotonic() + PATIENCE
                while self.health(port, secure=False) != 200:
                    self.assertIsNone(process.poll(), log.read_text(errors="replace"))
                    self.assertLess(time.monotonic(), deadline, log.read_text(errors="replace"))
                    time.sleep(0.1)
                self.assertEqual(self.health(port, secure=True), 200)
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            self.assertEqual(process.returncode, 0, log.read_text(errors="replace"))

    @staticmethod
    def health(port, secure):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = (http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=context) if secure
                      else http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE))
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health")
            return connection.getresponse().status
        return None


if __name__ == "__main__":
    unittest.main()
