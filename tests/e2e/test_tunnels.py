"""Tunnels of several nodes: every node a process on a machine of its own, with wires that can be cut. Only the exit can reach the target."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

import net_lab

ALLOWED = net_lab.enter()

from agent_process import AgentProcess, install_line, node_of, wait_online  # noqa: E402
from appliance import PATIENCE, Appliance, TcpServer, UdpEcho, echo, wait_until  # noqa: E402

PROTOCOLS = ("tcp", "tls", "wss", "mtcp", "mtls", "mwss")


def connect(port, machine="client", host=f"{net_lab.CLIENT_NET}.1"):
    with net_lab.on(machine):
        return socket.create_connection((host, port), timeout=PATIENCE)


def converse(connection, payload):
    """Says it and hears all that comes back until the end."""
    def say():
        with contextlib.suppress(OSError):
            connection.sendall(payload)
            connection.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=say)
    sender.start()
    parts = []
    try:
        while data := connection.recv(65536):
            parts.append(data)
    finally:
        sender.join()
    return b"".join(parts)


def exchange(port, payload):
    with connect(port) as connection:
        return converse(connection, payload)


def try_exchange(port, payload):
    with contextlib.suppress(OSError):
        return exchange(port, payload) == payload
    return False


def exchange_datagrams(port, datagrams):
    """One after the other, so that no queue can be full."""
    with net_lab.on("client"):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with client:
        client.settimeout(PATIENCE)
        client.connect((f"{net_lab.CLIENT_NET}.1", port))
        heard = []
        for datagram in datagrams:
            client.send(datagram)
            heard.append(client.recv(65536))
        return heard


@unittest.skipUnless(ALLOWED, "this machine allows no network namespaces")
class Tunnels(unittest.TestCase):
    """All tests share the machines; each has tunnels of its own."""

    @classmethod
    def setUpClass(cls):
        cls.lab = net_lab.Lab()
        cls.panel = Appliance()
        cls.panel.arguments = ["--panel", "--listen", f"10.77.0.254:{cls.panel.port}"]
        cls.addClassCleanup(cls.panel.__exit__, None, None, None)
        cls.panel.__enter__()
        cls.panel.sign_in()
        cls.panel.data("/config/update", {"ip": f"10.77.0.254:{cls.panel.port}"})
        cls.ids, cls.agents = {}, {}
        for name in net_lab.NODES:
            reachable = 0 if name == "home" else 1
            made = cls.panel.data("/node/create", {"name": name, "serverIp": net_lab.data_address(name), "reachable": reachable})
            cls.ids[name] = made["id"]
            agent = cls.agents[name] = AgentProcess(inside=net_lab.inside(name))
            cls.addClassCleanup(cls.end, agent)
            agent.enrol(install_line(cls.panel, made["id"]))
        for name in net_lab.NODES:
            wait_online(cls.panel, cls.ids[name])
        with net_lab.on("target"):
            cls.tcp = TcpServer(echo, host=f"{net_lab.TARGET_NET}.2")
            cls.udp = UdpEcho(cls.tcp.port, cls.tcp.host)
        cls.addClassCleanup(cls.tcp.__exit__)
        cls.addClassCleanup(cls.udp.__exit__)

    @staticmethod
    def end(agent):
        code = agent.stop()
        log = agent.log()
        agent.__exit__(None)
        if code not in (0, -9):
            raise AssertionError(f"a node ended with {code}:\n{log[-4000:]}")

    def make_tunnel(self, name, *places, protocol="mtls", **hop):
        """`places`: names of nodes, entry first; several of one place with a + between them. The first word of what a hop says is for the exit."""
        def nodes(place, more):
            return [{"nodeId": self.ids[one], "protocol": protocol, "strategy": "round", **more} for one in place.split("+")]

        tunnel = self.panel.data("/tunnel/create", {
            "name": name, "type": 2, "inNodeId": [{"nodeId": self.ids[one]} for one in places[0].split("+")],
            "chainNodes": [nodes(place, {}) for place in places[1:-1]], "outNodeId": nodes(places[-1], hop)})["id"]
        self.addCleanup(self.panel.data, "/tunnel/delete", {"id": tunnel})
        return tunnel

    def make_forward(self, tunnel, target=None, name="web"):
        return self.panel.make_forward(tunnel, target or self.tcp.address, name=name)

    def flow(self, forward):
        item = self.panel.forward(forward)
        return item["inFlow"], item["outFlow"]

    def counts(self, forward, up, down=None):
        wanted = (up, up if down is None else down)
        try:
            wait_until(lambda: self.flow(forward) == wanted, "the bytes are booked")
        except AssertionError:
            self.assertEqual(self.flow(forward), wanted)
            raise

    def hop_port(self, tunnel, place="outNodeId"):
        return self.panel.data("/tunnel/get", {"id": tunnel})[place][0]["port"]

    def test_every_protocol_carries_tcp_and_udp_through_two_middles(self):
        datagrams = [os.urandom(size) for size in (1, 100, 1200, 1473, 9000, 60_000)]
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                forward, port = self.make_forward(self.make_tunnel(protocol, "entry", "middle1", "middle2", "exit", protocol=protocol))
                payload = os.urandom(2_000_000)
                self.assertEqual(exchange(port, payload), payload)
                self.assertEqual(exchange(port, b"once more"), b"once more")
                self.assertEqual(exchange_datagrams(port, datagrams), datagrams)
                self.counts(forward, len(payload) + len(b"once more") + sum(map(len, datagrams)))

    def test_every_byte_is_booked_once_whoever_is_killed(self):
        forward, port = self.make_forward(self.make_tunnel("killed", "entry", "middle1", "middle2", "exit"))
        said = 0

        def pass_again():
            nonlocal said
            payload = os.urandom(10_000)
            wait_until(lambda: try_exchange(port, payload), "it passes again")
            said += len(payload)

        pass_again()
        for name in ("middle1", "middle2", "exit", "entry"):
            self.agents[name].kill()
            if name == "middle1":  # a missing place fails closed, and its deadline is waited for once
                self.assertFalse(try_exchange(port, b"nobody there"))
            self.agents[name].start()
            pass_again()
        self.panel.kill()
        pass_again()
        self.agents["entry"].kill()
        self.agents["entry"].start()
        pass_again()
        self.panel.start()
        pass_again()
        for name in ("middle1", "middle2", "exit", "entry"):
            wait_online(self.panel, self.ids[name])
        self.counts(forward, said)

    def test_load_does_not_feel_that_the_panel_restarts(self):
        forward, port = self.make_forward(self.make_tunnel("load", "entry", "middle1", "exit", protocol="mwss"))
        stop, broken, said = threading.Event(), [], [0] * 4

        def load(index):
            payload = os.urandom(100_000)
            while not stop.is_set() or said[index] == 0:
                if not try_exchange(port, payload):
                    return broken.append(index)
                said[index] += len(payload)

        threads = [threading.Thread(target=load, args=(index,)) for index in range(len(said))]
        for thread in threads:
            thread.start()
        self.panel.kill()
        self.panel.start()
        for name in ("entry", "middle1", "exit"):
            wait_online(self.panel, self.ids[name])
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(broken, [])
        self.counts(forward, sum(said))

    def test_a_cut_wire_ends_what_went_over_it_and_a_healed_one_is_used_again(self):
        forward, port = self.make_forward(self.make_tunnel("cut", "entry", "middle1", "exit", protocol="tls"))
        with connect(port) as connection:
            connection.sendall(b"before")
            self.assertEqual(connection.recv(6, socket.MSG_WAITALL), b"before")
            self.lab.cut("middle1")
            self.addCleanup(self.lab.heal, "middle1")
            with self.assertRaises(ConnectionResetError):
                connection.recv(1)
        self.lab.heal("middle1")
        wait_until(lambda: try_exchange(port, b"after"), "the healed wire is used")
        self.counts(forward, 11)

    def test_a_place_with_several_nodes_loses_one_of_them(self):
        _, port = self.make_forward(self.make_tunnel("several", "entry", "middle1+middle2", "exit", protocol="mtcp"))
        self.lab.cut("middle1")
        self.addCleanup(self.lab.heal, "middle1")
        for _ in range(4):
            wait_until(lambda: try_exchange(port, b"by the other one"), "it passes without middle1")
        self.lab.heal("middle1")
        self.agents["middle2"].kill()
        for _ in range(4):
            wait_until(lambda: try_exchange(port, b"by the healed one"), "it passes without middle2")
        self.agents["middle2"].start()
        wait_online(self.panel, self.ids["middle2"])

    def test_a_refused_connection_is_refused_here_too(self):
        tunnel = self.make_tunnel("refused", "entry", "middle1", "exit", protocol="wss")
        forward, port = self.make_forward(tunnel, f"{net_lab.TARGET_NET}.2:9")
        other, other_port = self.make_forward(tunnel, name="other")
        for _ in range(3):
            # The reset may be there before connect() has looked.
            with self.assertRaises(ConnectionResetError), connect(port) as connection:
                connection.sendall(b"anybody?")
                connection.recv(1)
        self.assertEqual(exchange(other_port, b"no harm done"), b"no harm done")
        self.counts(other, 12)
        self.assertEqual(self.flow(forward), (0, 0))

    def test_a_stolen_plan_is_worth_nothing(self):
        tunnel = self.make_tunnel("stolen", "entry", "exit")
        _, port = self.make_forward(tunnel)
        self.assertEqual(exchange(port, b"mine"), b"mine")
        outsider = self.agents["outsider"]
        outsider.stop()
        self.lab.cut("outsider", "control")
        self.addCleanup(self.lab.heal, "outsider", "control")
        own = os.path.join(outsider.folder, "agent/plan.json")
        shutil.copy(os.path.join(self.agents["entry"].folder, "agent/plan.json"), own)
        before = self.tcp.connections
        outsider.start()
        local = wait_until(lambda: self.try_connect(port, "outsider", "127.0.0.1"), "it listens as the plan says")
        with local, self.assertRaises(ConnectionResetError):
            local.sendall(b"let me in")
            local.recv(1)
        # Nor does the exit say anything to somebody without a key.
        with connect(self.hop_port(tunnel), "outsider", net_lab.data_address("exit")) as stranger:
            stranger.sendall(b"\0" * 64)
            with contextlib.suppress(ConnectionResetError):
                while stranger.recv(4096):
                    pass
        self.assertEqual(self.tcp.connections, before)
        self.assertEqual(exchange(port, b"still mine"), b"still mine")

    @staticmethod
    def try_connect(port, machine, host):
        with contextlib.suppress(OSError):
            return connect(port, machine, host)
        return None

    def test_a_home_without_an_open_port_is_reached_through_a_node_that_it_dials(self):
        with net_lab.on("home"):
            service = TcpServer(echo)
        self.addCleanup(service.__exit__)
        for protocol in ("tls", "mwss"):
            with self.subTest(protocol=protocol):
                tunnel = self.make_tunnel("home " + protocol, "entry", "home", protocol=protocol)
                forward, port = self.make_forward(tunnel, service.address)
                wait_until(lambda: try_exchange(port, b"at home"), "the home has dialled")
                with self.assertRaises(ConnectionRefusedError):
                    connect(self.hop_port(tunnel), "entry", net_lab.data_address("home"))
                self.counts(forward, 7)
        # It comes back by itself.
        self.agents["home"].kill()
        self.agents["home"].start()
        wait_until(lambda: try_exchange(port, b"at home"), "the home has dialled again")
        wait_online(self.panel, self.ids["home"])

    def test_websockets_pass_nginx(self):
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        if not nginx:
            self.skipTest("nginx is not installed")
        folder = tempfile.mkdtemp(prefix="sluice-e2e-nginx-")
        self.addCleanup(shutil.rmtree, folder, True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=example",
                        "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
        hop = {"publicPort": 443, "path": "/tunnel", "serverName": "www.example.org"}
        tunnels = [self.make_tunnel("nginx " + protocol, "entry", "exit", protocol=protocol, **{**hop, "path": f"/{protocol}"})
                   for protocol in ("wss", "mwss")]
        locations = "".join(f"""location = /{protocol} {{ proxy_pass http://127.0.0.1:{self.hop_port(tunnel)}; proxy_http_version 1.1; proxy_buffering off;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_set_header Host $host; }}
            """ for protocol, tunnel in zip(("wss", "mwss"), tunnels))
        with open(f"{folder}/nginx.conf", "w") as file:
            file.write(f"""daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 443 ssl; server_name www.example.org; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    {locations}
  }}
}}""")
        proxy = subprocess.Popen([*net_lab.inside("exit"), nginx, "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"],
                                 stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (proxy.terminate(), proxy.wait()))
        for tunnel in tunnels:
            _, port = self.make_forward(tunnel)
            payload = os.urandom(500_000)
            wait_until(lambda: try_exchange(port, payload), "it passes nginx")
            self.assertEqual(exchange_datagrams(port, [b"datagram", os.urandom(5000)])[0], b"datagram")

    def test_nodes_are_diagnosed_place_by_place(self):
        tunnel = self.make_tunnel("diagnosed", "entry", "middle1", "exit")
        forward, _ = self.make_forward(tunnel)
        steps = self.panel.data("/forward/diagnose", {"forwardId": forward})["results"]
        self.assertTrue(steps and all(step["success"] for step in steps), steps)
        self.assertEqual(node_of(self.panel, self.ids["exit"])["status"], 1)


if __name__ == "__main__":
    unittest.main()
