"""A second machine as a node of a panel: enrolment, forwards on it, absences of either side, and people in the middle."""

import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import unittest

from agent_process import AgentProcess, install_line, make_node, node_of, wait_online
from appliance import ApiError, Appliance, TcpServer, echo, exchange, free_port, wait_until


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return True
    except OSError:
        return False


def tunnel_on(panel, node, name="remote"):
    return panel.data("/tunnel/create", {"name": name, "type": 1, "inNodeId": [{"nodeId": node}]})["id"]


def flow(panel, forward):
    item = panel.forward(forward)
    return item["inFlow"] + item["outFlow"]


class Link(unittest.TestCase):
    """Most tests share a panel; each has a node of its own."""

    @classmethod
    def setUpClass(cls):
        cls.panel = Appliance().__enter__()
        cls.panel.sign_in()

    @classmethod
    def tearDownClass(cls):
        cls.panel.__exit__(None, None, None)

    def failing(self, path, body):
        with self.assertRaises(ApiError) as caught:
            self.panel.data(path, body)
        return caught.exception.reply["msg"]

    def test_a_machine_becomes_a_node_and_forwards(self):
        panel = self.panel
        node, line = make_node(panel, "becomes")
        self.assertEqual(node_of(panel, node)["status"], 0)
        with AgentProcess() as agent, TcpServer(echo) as target:
            agent.enrol(line)
            wait_online(panel, node)
            self.assertEqual(node_of(panel, node)["version"], panel.local_node()["version"])
            forward, port = panel.make_forward(tunnel_on(panel, node, "becomes"), target.address)
            payload = os.urandom(300_000)
            self.assertEqual(exchange(port, payload), payload)
            wait_until(lambda: flow(panel, forward) == 2 * len(payload), "the bytes are booked")
            steps = panel.data("/forward/diagnose", {"forwardId": forward})["results"]
            self.assertTrue(steps and all(step["success"] for step in steps), steps)
            panel.data("/forward/delete", {"id": forward})
            self.assertFalse(listens(port))
            self.assertNotIn(line.token, agent.log() + panel.log())
            self.assertEqual(agent.stop(), 0)
            wait_online(panel, node, False)

    def test_later_starts_need_nothing_but_the_folder(self):
        panel = self.panel
        node, line = make_node(panel, "later")
        with AgentProcess() as agent, TcpServer(echo) as target:
            agent.enrol(line, url=f"http://127.0.0.1:{panel.port}")
            wait_online(panel, node)
            forward, port = panel.make_forward(tunnel_on(panel, node, "later"), target.address)
            self.assertEqual(exchange(port, b"x" * 5000), b"x" * 5000)
            agent.kill()
            agent.start()
            wait_until(lambda: listens(port), "it forwards again")
            self.assertEqual(exchange(port, b"y" * 7000), b"y" * 7000)
            wait_online(panel, node)
            wait_until(lambda: flow(panel, forward) == 2 * 12000, "every byte of both lives is booked, once")
            for name in ("node.key", "panel.json"):
                self.assertEqual(os.stat(os.path.join(agent.folder, "agent", name)).st_mode & 0o777, 0o600)

    def test_a_taken_port_is_the_nodes_own_answer(self):
        panel = self.panel
        node, line = make_node(panel, "taken")
        port = free_port()
        with AgentProcess() as agent, socket.create_server(("127.0.0.1", port)):
            agent.enrol(line)
            wait_online(panel, node)
            tunnel = tunnel_on(panel, node, "taken")
            said = self.failing("/forward/create", {"name": "f", "tunnelId": tunnel, "remoteAddr": "127.0.0.1:1", "inPort": port})
            self.assertIn("taken", said)
            self.assertIn(str(port), said)
            self.assertFalse([item for item in panel.data("/forward/list") if item["tunnelId"] == tunnel])

    def test_edits_of_an_absent_node_arrive_later(self):
        panel = self.panel
        node, line = make_node(panel, "absent")
        with AgentProcess() as agent, TcpServer(echo) as target:
            agent.enrol(line)
            wait_online(panel, node)
            tunnel = tunnel_on(panel, node, "absent")
            gone, gone_port = panel.make_forward(tunnel, target.address, name="gone")
            paused, paused_port = panel.make_forward(tunnel, target.address, name="paused")
            kept, kept_port = panel.make_forward(tunnel, target.address, name="kept")
            agent.stop()
            wait_online(panel, node, False)
            self.assertIn("节点不在线", self.failing("/forward/create", {"name": "no", "tunnelId": tunnel, "remoteAddr": target.address}))
            self.assertIn("节点不在线", self.failing("/forward/delete", {"id": gone}))
            panel.data("/forward/force-delete", {"id": gone})
            panel.data("/forward/pause", {"id": paused})
            agent.start()
            wait_online(panel, node)
            wait_until(lambda: not listens(gone_port) and not listens(paused_port), "what was edited while it was away is closed")
            self.assertEqual(exchange(kept_port, b"still"), b"still")

    def test_a_deleted_node_stops_forwarding(self):
        panel = self.panel
        node, line = make_node(panel, "deleted")
        with AgentProcess() as agent, TcpServer(echo) as target:
            agent.enrol(line)
            wait_online(panel, node)
            _, port = panel.make_forward(tunnel_on(panel, node, "deleted"), target.address)
            self.assertTrue(listens(port))
            panel.data("/node/delete", {"id": node})
            wait_until(lambda: not listens(port), "the deleted node's port is closed")
            agent.stop()
            agent.start()
            wait_until(lambda: "does not know this node" in agent.log(), "the panel refuses it")
            self.assertFalse(listens(port))

    def test_enrolling_a_node_anew_revokes_the_machine_that_was_it(self):
        panel = self.panel
        node, line = make_node(panel, "anew")
        with AgentProcess() as first, AgentProcess() as second, TcpServer(echo) as target:
            first.enrol(line)
            wait_online(panel, node)
            _, port = panel.make_forward(tunnel_on(panel, node, "anew"), target.address)
            second.enrol(install_line(panel, node))
            wait_until(lambda: "forwarding stops" in first.log(), "the first machine is told")
            wait_online(panel, node)
            wait_until(lambda: listens(port), "the second machine forwards")  # its retry may have to wait for the port
            first.stop()
            first.start()
            wait_until(lambda: first.log().count("does not know this node") > 0, "the old key is refused")

    def test_a_token_is_for_one_machine(self):
        panel = self.panel
        node, line = make_node(panel, "token")
        with AgentProcess() as first, AgentProcess() as second, AgentProcess() as third:
            first.enrol(line)
            wait_online(panel, node)
            second.enrol(line)
            self.assertEqual(second.ended(), 1)
            self.assertIn("token was used", second.log())
            third.enrol(line, token="made-up")
            self.assertEqual(third.ended(), 1)
            self.assertIn("token is unknown", third.log())
            self.assertEqual(node_of(panel, node)["status"], 1)

    def test_a_wrong_pin_gives_nothing_away(self):
        panel = self.panel
        node, line = make_node(panel, "pin")
        with AgentProcess() as agent:
            agent.enrol(line, pin="sha256:" + "0" * 64)
            self.assertEqual(agent.ended(), 1)
            self.assertIn("is not the panel that --pin names", agent.log())
            agent.enrol(line)  # the token was not spent
            wait_online(panel, node)

    def test_several_addresses_are_tried(self):
        panel = self.panel
        node, line = make_node(panel, "several")
        with AgentProcess() as agent:
            agent.start("--connect", f"https://127.0.0.1:{free_port()}", "--connect", line.urls[0], "--pin", line.pin, token=line.token)
            wait_online(panel, node)

    def test_a_token_file_and_the_enrol_command(self):
        panel = self.panel
        node, line = make_node(panel, "command")
        with AgentProcess() as agent:
            path = os.path.join(agent.folder, "token")
            with open(path, "w") as file:
                file.write(line.token + "\n")
            from appliance import BINARY
            done = subprocess.run([str(BINARY), "enrol", "--data-dir", agent.folder, "--connect", line.urls[0], "--pin", line.pin,
                                   "--token-file", path], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"node {node}", done.stdout)
            agent.start()
            wait_online(panel, node)
            os.unlink(path)

    def test_ports_and_options_that_do_not_go_together_are_refused(self):
        with AgentProcess() as agent:
            for arguments in (["--connect", "https://127.0.0.1:1"], ["--connect", "ftp://x", "--pin", "sha256:" + "0" * 64], []):
                agent.start(*arguments)
                self.assertEqual(agent.ended(), 2, agent.log())


class Absence(unittest.TestCase):
    def test_the_panel_goes_away_and_every_byte_is_booked_when_it_returns(self):
        with Appliance() as panel, AgentProcess() as agent, TcpServer(echo) as target:
            panel.sign_in()
            node, line = make_node(panel)
            agent.enrol(line)
            wait_online(panel, node)
            forward, port = panel.make_forward(tunnel_on(panel, node), target.address)
            exchange(port, b"a" * 1000)
            wait_until(lambda: flow(panel, forward) == 2000, "the first bytes are booked")
            panel.kill()
            for _ in range(20):
                self.assertEqual(exchange(port, b"b" * 1000), b"b" * 1000)
            panel.start()
            self.assertEqual(node_of(panel, node)["status"] in (0, 1), True)
            wait_online(panel, node)
            wait_until(lambda: flow(panel, forward) == 42000, "every byte is booked")
            # Once more, with the agent killed in between: counters outlive it.
            panel.kill()
            exchange(port, b"c" * 1000)
            agent.kill()
            agent.start()
            wait_until(lambda: listens(port), "the node forwards without its panel")
            exchange(port, b"d" * 1000)
            panel.start()
            wait_online(panel, node)
            wait_until(lambda: flow(panel, forward) == 46000, "every byte is booked, once")

    def test_a_panel_that_starts_marks_nobody_online_who_is_not(self):
        with Appliance() as panel, AgentProcess() as agent:
            panel.sign_in()
            node, line = make_node(panel)
            agent.enrol(line)
            wait_online(panel, node)
            panel.kill()
            agent.stop()
            panel.start()
            self.assertEqual(node_of(panel, node)["status"], 0)

    def test_stopping_a_node_reports_its_last_bytes(self):
        with Appliance() as panel, AgentProcess() as agent, TcpServer(echo) as target:
            panel.sign_in()
            node, line = make_node(panel)
            agent.enrol(line)
            wait_online(panel, node)
            forward, port = panel.make_forward(tunnel_on(panel, node), target.address)
            exchange(port, b"z" * 4321)
            agent.stop()
            wait_until(lambda: flow(panel, forward) == 8642, "the last bytes are booked")
            self.assertEqual(node_of(panel, node)["status"], 0)


class Meddler:
    """A TCP proxy on loopback: passes bytes on, and changes one bit of what the server says after `after` bytes, while told to."""

    def __init__(self, port):
        self.target, self.meddling, self.after = port, False, 4000
        meddler = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with socket.create_connection(("127.0.0.1", meddler.target)) as server:
                    back = threading.Thread(target=meddler.pump, args=(server, self.request, True), daemon=True)
                    back.start()
                    meddler.pump(self.request, server, False)
                    back.join()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, allow_reuse_address = True, True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def pump(self, source, sink, down):
        passed = 0
        try:
            while data := source.recv(65536):
                if down and self.meddling and passed + len(data) > self.after:
                    data = data[:-1] + bytes([data[-1] ^ 1])
                passed += len(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class InBetween(unittest.TestCase):
    def setUp(self):
        self.panel = Appliance().__enter__()
        self.addCleanup(lambda: self.panel.__exit__(None, None, None))
        self.panel.sign_in()

    def test_a_man_in_the_middle_can_only_disturb(self):
        panel, meddler = self.panel, Meddler(self.panel.port)
        self.addCleanup(meddler.close)
        node, line = make_node(panel)
        with AgentProcess() as agent, TcpServer(echo) as target:
            agent.enrol(line, url=f"http://127.0.0.1:{meddler.port}")
            wait_online(panel, node)
            tunnel = tunnel_on(panel, node)
            _, port = panel.make_forward(tunnel, target.address)
            meddler.after, meddler.meddling = 0, True
            wait_until(lambda: "tls_failed" in agent.log(), "the node notices")
            self.assertEqual(exchange(port, b"undisturbed"), b"undisturbed")
            meddler.meddling = False
            wait_online(panel, node)
            _, other = panel.make_forward(tunnel, target.address, name="second")
            self.assertEqual(exchange(other, b"fine"), b"fine")

    def test_through_nginx_that_ends_tls(self):
        nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not nginx:
            self.skipTest("nginx is not installed")
        panel, port, folder = self.panel, free_port(), tempfile.mkdtemp(prefix="sluice-e2e-nginx-")
        self.addCleanup(shutil.rmtree, folder, True)
        certificate = os.path.join(panel.folder, "tls")
        with open(os.path.join(folder, "nginx.conf"), "w") as file:
            file.write(f"""
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate}/cert.pem; ssl_certificate_key {certificate}/key.pem;
    location /panel/ {{
      proxy_pass http://127.0.0.1:{panel.port}/; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header Host $host;
    }}
  }}
}}""")
        proxy = subprocess.Popen([nginx, "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"], stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (proxy.terminate(), proxy.wait()))
        wait_until(lambda: listens(port), "nginx listens")
        node, line = make_node(panel)
        with AgentProcess() as agent, TcpServer(echo) as target:
            agent.enrol(line, url=f"https://127.0.0.1:{port}/panel")
            wait_online(panel, node)
            _, forwarded = panel.make_forward(tunnel_on(panel, node), target.address)
            self.assertEqual(exchange(forwarded, b"through nginx"), b"through nginx")


class OnlyV6(unittest.TestCase):
    def test_over_ipv6(self):
        port = free_port()
        with Appliance(["--listen", f"[::1]:{port}"]) as panel, AgentProcess() as agent:
            panel.sign_in()
            node, line = make_node(panel)
            agent.enrol(line, url=f"https://[::1]:{port}")
            wait_online(panel, node)


if __name__ == "__main__":
    unittest.main()
