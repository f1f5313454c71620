"""The line that `node/install` answers, run by a shell, as people paste it. What is written outside of a home goes into a mount namespace of its own."""

import http.server
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import unittest

from agent_process import InstallLine, install_line, make_node, node_of, wait_online
from appliance import Appliance, TcpServer, echo, exchange, wait_until

# A stand-in for systemd: starts what the unit says, as the user that it says.
SYSTEMCTL = r"""#!/bin/sh
echo "$*" >> "$STAGE/systemctl.log"
unit=/etc/systemd/system/sluice-agent.service
stop() { if [ -e "$STAGE/pid" ]; then kill "$(cat "$STAGE/pid")" 2> /dev/null; while kill -0 "$(cat "$STAGE/pid")" 2> /dev/null; do sleep 0.1; done; rm -f "$STAGE/pid"; fi; }
for last; do :; done
case $1 in
is-active) [ -e "$STAGE/pid" ] && kill -0 "$(cat "$STAGE/pid")" 2> /dev/null ;;
stop) stop ;;
restart)
    stop
    command=$(sed -n 's/^ExecStart=//p' "$unit" | sed 's|%S|/var/lib|g')
    chown -R sluice:sluice /var/lib/sluice-agent
    setpriv --reuid sluice --regid sluice --clear-groups $command >> "$STAGE/node.log" 2>&1 < /dev/null &
    echo $! > "$STAGE/pid"
    ;;
esac
"""


class Script(unittest.TestCase):
    def setUp(self):
        self.panel = Appliance().__enter__()
        self.addCleanup(lambda: self.panel.__exit__(None, None, None))
        self.panel.sign_in()
        self.stage = tempfile.mkdtemp(prefix="sluice-e2e-install-")
        os.chmod(self.stage, 0o755)
        self.addCleanup(shutil.rmtree, self.stage, True)
        self.home = os.path.join(self.stage, "home")
        os.mkdir(self.home)

    def run_line(self, line, more="", environment=None):
        """The whole line as a person would paste it, below a home of its own."""
        environment = {**os.environ, "HOME": self.home, **(environment or {})}
        environment.pop("XDG_STATE_HOME", None)
        return subprocess.run(["sh", "-c", f"{line} --user --no-service {more}"], env=environment, capture_output=True, text=True, timeout=300)

    def everything(self):
        return sorted(os.path.join(folder, name) for folder, _, names in os.walk(self.home) for name in names)

    def test_below_a_home_and_away_again(self):
        node, line = make_node(self.panel)
        done = self.run_line(line.text)
        self.assertEqual(done.returncode, 0, done.stderr)
        binary = os.path.join(self.home, ".local/bin/sluice")
        data = os.path.join(self.home, ".local/state/sluice-agent")
        self.assertNotIn(line.token, done.stdout + done.stderr)
        self.assertEqual(os.stat(data).st_mode & 0o777, 0o700)
        process = subprocess.Popen([binary, "--agent", "--data-dir", data], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_online(self.panel, node)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        # Once more with the same, spent token: enrolled already, so it is an upgrade.
        again = self.run_line(line.text)
        self.assertEqual(again.returncode, 0, again.stderr)
        gone = subprocess.run(["sh", "-c", f"curl -fsSLk https://127.0.0.1:{self.panel.port}/install.sh | sh -s -- --uninstall --purge --user"],
                              env={**os.environ, "HOME": self.home}, capture_output=True, text=True, timeout=60)
        self.assertEqual(gone.returncode, 0, gone.stderr)
        self.assertEqual(self.everything(), [])

    def test_what_fails_leaves_nothing_behind(self):
        node, line = make_node(self.panel)
        cases = {
            "token": line.text.replace(line.token, "made-up"),
            "pin": line.text.replace(line.pin, "sha256:" + "0" * 64),
            # Not the script's own download, which curl would refuse: what the script fetches.
            "tls pin": line.text.replace(f"--tls-pin {line.tls_pin}", "--tls-pin sha256//" + "A" * 43 + "="),
            "address": line.text.replace(f"--connect {line.urls[0]}", "--connect https://127.0.0.1:1"),
        }
        for what, text in cases.items():
            with self.subTest(what):
                done = self.run_line(text)
                self.assertNotEqual(done.returncode, 0, done.stdout)
                self.assertIn("nothing was changed", done.stderr)
                self.assertEqual(self.everything(), [])
        self.assertEqual(self.run_line(line.text).returncode, 0)  # and the token is still good

    def test_another_key_at_the_panels_address_gets_no_script_to_run(self):
        _, line = make_node(self.panel)
        first, _, rest = line.text.partition("sha256//")
        done = self.run_line(first + "sha256//" + "A" * 43 + "=" + rest[44:])
        self.assertEqual(self.everything(), [], done.stdout)

    def test_half_a_script_does_nothing(self):
        _, line = make_node(self.panel)
        script = self.panel.request("GET", "/install.sh")[2].decode()
        arguments = line.text.partition("sh -s -- ")[2]
        for part in (0.1, 0.35, 0.6, 0.9, 0.999):
            subprocess.run(["sh", "-s", "--", *arguments.split(), "--user", "--no-service"], input=script[:int(len(script) * part)], text=True,
                           env={**os.environ, "HOME": self.home, "SLUICE_TOKEN": line.token}, capture_output=True, timeout=60)
            self.assertEqual(self.everything(), [])

    def test_a_damaged_download_is_not_run(self):
        _, line = make_node(self.panel)
        panel, folder = self.panel, os.path.join(self.panel.folder, "tls")

        class Damaging(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = panel.request("GET", self.path)
                if self.path.endswith(("amd64", "arm64")):
                    body = body[:-1] + bytes([body[-1] ^ 1])
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Damaging)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(lambda: (server.shutdown(), server.server_close()))
        done = self.run_line(line.text.replace(line.urls[0], f"https://127.0.0.1:{server.server_address[1]}"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("is damaged", done.stderr)
        self.assertEqual(self.everything(), [])

    def test_as_root_with_a_service(self):
        if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
            self.skipTest("needs root, unshare and setpriv")
        node, line = make_node(self.panel)
        bin_folder = os.path.join(self.stage, "bin")
        os.mkdir(bin_folder)
        with open(os.path.join(bin_folder, "systemctl"), "w") as file:
            file.write(SYSTEMCTL)
        os.chmod(os.path.join(bin_folder, "systemctl"), 0o755)
        go, came = os.path.join(self.stage, "go"), os.path.join(self.stage, "came")
        steps = f"""set -eu
export STAGE={self.stage} PATH={bin_folder}:$PATH
mount --make-rprivate /
cp -a /etc {self.stage}/etc && mount --bind {self.stage}/etc /etc
for folder in /usr/local/bin /var/lib /run; do mount -t tmpfs -o mode=755 tmpfs $folder; done
mkdir -p /run/systemd/system /etc/systemd/system
step() {{ touch {came}.$1; while [ ! -e {go}.$1 ]; do sleep 0.1; done; }}
{line.text}
stat -c '%U %a' /var/lib/sluice-agent > {self.stage}/owner
step 1
{line.text}
step 2
curl -fsSLk https://127.0.0.1:{self.panel.port}/install.sh | sh -s -- --uninstall --purge
ls /usr/local/bin /var/lib /etc/systemd/system/sluice-agent.service > {self.stage}/left 2> /dev/null || true
grep '^sluice:' /etc/passwd >> {self.stage}/left || true
"""
        log = open(os.path.join(self.stage, "log"), "w")
        self.addCleanup(log.close)
        process = subprocess.Popen(["unshare", "--mount", "--mount-proc", "--fork", "--pid", "--kill-child", "sh", "-c", steps], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log)
        self.addCleanup(lambda: (process.kill(), process.wait()))

        def said():
            with open(os.path.join(self.stage, "log")) as file:
                return file.read()

        def reach(step):
            def there():
                self.assertIn(process.poll(), (None, 0), said())
                return os.path.exists(f"{came}.{step}")
            wait_until(there, f"step {step}", 300)

        def leave(step):
            open(f"{go}.{step}", "w").close()

        reach(1)
        wait_online(self.panel, node)
        with open(os.path.join(self.stage, "owner")) as file:
            self.assertEqual(file.read().strip(), "sluice 700")
        with TcpServer(echo) as target:
            tunnel = self.panel.data("/tunnel/create", {"name": "r", "type": 1, "inNodeId": [{"nodeId": node}]})["id"]
            _, port = self.panel.make_forward(tunnel, target.address)
            self.assertEqual(exchange(port, b"installed"), b"installed")
            leave(1)
            reach(2)  # an upgrade
            wait_until(lambda: exchange_or_nothing(port) == b"again", "it forwards again")
        leave(2)
        self.assertEqual(process.wait(120), 0, said())
        with open(os.path.join(self.stage, "left")) as file:
            left = file.read()
        self.assertNotIn("sluice", left)


def exchange_or_nothing(port):
    try:
        return exchange(port, b"again")
    except OSError:
        return b""


class Downloads(unittest.TestCase):
    def test_programs_of_other_machines_are_served_when_somebody_put_them_there(self):
        with Appliance() as panel:
            panel.sign_in()
            own = "amd64" if os.uname().machine == "x86_64" else "arm64"
            other = "arm64" if own == "amd64" else "amd64"
            status, _, body = panel.request("GET", f"/download/sluice-linux-{own}")
            self.assertEqual((status, body[:4]), (200, b"\x7fELF"))
            self.assertEqual(panel.request("GET", f"/download/sluice-linux-{other}")[0], 404)
            os.mkdir(os.path.join(panel.folder, "downloads"))
            with open(os.path.join(panel.folder, "downloads", f"sluice-linux-{other}"), "wb") as file:
                file.write(b"program")
            self.assertEqual(panel.request("GET", f"/download/sluice-linux-{other}")[2], b"program")

    def test_the_line_needs_the_panels_address(self):
        with Appliance() as panel:
            panel.sign_in()
            node = panel.data("/node/create", {"name": "n", "serverIp": "127.0.0.1"})["id"]
            self.assertEqual(panel.call("/node/install", {"id": 0})["msg"], "参数错误")
            self.assertEqual(panel.call("/node/install", {"id": 999})["msg"], "节点不存在")
            self.assertEqual(panel.call("/node/install", {"id": node})["msg"], "请先前往网站配置中设置ip")
            panel.data("/config/update", {"ip": "[2001:db8::1]:6365, panel.example.org"})
            line = panel.data("/node/install", {"id": node})
            self.assertIn("--connect https://[2001:db8::1]:6365 --connect https://panel.example.org:6365", line)
            self.assertNotEqual(InstallLine(line).token, install_line(panel, node).token)
            self.assertEqual(node_of(panel, node)["status"], 0)


if __name__ == "__main__":
    unittest.main()
