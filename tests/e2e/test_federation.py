"""Two real panels, each with its node: one shares, the other imports and builds on it. Real bytes pass, both sides book the same, and what ends a share ends the
traffic. Then the contract's wire format: a stand-in for a foreign panel that imports a share, and one whose share is imported here."""

import contextlib
import http.server
import json
import os
import socket
import threading
import time
import unittest

from appliance import PATIENCE, Appliance, ApiError, TcpServer, UdpEcho, echo, exchange, free_port, sha256, wait_until


def trickle(connection):
    """Says something every now and then until the other end is gone."""
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(b"x" * 1000)
            time.sleep(0.05)


def try_exchange(port, payload):
    """Whether it comes back; what is cut while it is said is no noise."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(payload)
        connection.shutdown(socket.SHUT_WR)
        heard = b""
        while data := connection.recv(65536):
            heard += data
        return heard == payload
    return False


def is_cut(connection):
    """The other end closes or resets, whatever it said before."""
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass
    return True


class Pair(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.provider = cls.enterClassContext(Appliance()) if hasattr(cls, "enterClassContext") else cls.enter(Appliance())
        cls.consumer = cls.enterClassContext(Appliance()) if hasattr(cls, "enterClassContext") else cls.enter(Appliance())
        for panel in (cls.provider, cls.consumer):
            panel.sign_in()
            panel.data("/node/update", {"id": panel.local_node()["id"], "name": "here", "serverIp": "127.0.0.1"})
        cls.tcp = TcpServer(echo)
        cls.udp = UdpEcho()
        cls.slow = TcpServer(trickle)
        for server in (cls.tcp, cls.udp, cls.slow):
            cls.addClassCleanup(server.__exit__)

    @classmethod
    def enter(cls, one):
        cls.addClassCleanup(one.__exit__, None, None, None)
        return one.__enter__()

    def share(self, name, **more):
        """A share with ports of this process, imported; returns its id, the remote node's, and a free port of it."""
        ports = sorted(free_port() for _ in range(12))
        made = self.provider.data("/federation/share/create",
                                  {"name": name, "nodeId": 1, "portRangeStart": ports[0], "portRangeEnd": ports[-1], **more})
        self.addCleanup(self.provider.call, "/federation/share/delete", {"id": made["id"]})
        node = self.consumer.data("/federation/node/import", {"remoteUrl": self.provider.base + "/", "token": made["token"], "name": name})["id"]
        self.addCleanup(self.consumer.call, "/node/delete", {"id": node})
        wait_until(lambda: self.node(node)["status"] == 1, "the remote node is there")
        return made["id"], node, ports

    def node(self, node):
        return next((one for one in self.consumer.data("/node/list") if one["id"] == node), None)

    def shared(self, share):
        return next((one for one in self.provider.data("/federation/share/list") if one["id"] == share), None)

    def chain(self, node, name, protocol="mtls"):
        tunnel = self.consumer.data("/tunnel/create", {"name": name, "type": 2, "inNodeId": [{"nodeId": 1}], "chainNodes": [],
                                                       "outNodeId": [{"nodeId": node, "protocol": protocol}]})["id"]
        self.addCleanup(self.consumer.call, "/tunnel/delete", {"id": tunnel})
        return tunnel

    def direct(self, node, name):
        tunnel = self.consumer.data("/tunnel/create", {"name": name, "type": 1, "inNodeId": [{"nodeId": node}]})["id"]
        self.addCleanup(self.consumer.call, "/tunnel/delete", {"id": tunnel})
        return tunnel

    def flow(self, forward):
        item = self.consumer.forward(forward)
        return item["inFlow"], item["outFlow"]

    def remote(self, node):
        return next(one for one in self.consumer.data("/federation/share/remote-usage/list") if one["nodeId"] == node)

    def all_books_say(self, share, node, forwards, up, down):
        def agree():
            flows = [self.flow(forward) for forward in forwards]
            sums = sum(flow[0] for flow in flows), sum(flow[1] for flow in flows)
            return sums == (up, down) and self.shared(share)["currentFlow"] == up + down and self.remote(node)["currentFlow"] == up + down

        try:
            wait_until(agree, "all books say the same")
        except AssertionError:
            self.fail(f"wanted {up}+{down}; consumer {[self.flow(one) for one in forwards]}, share {self.shared(share)['currentFlow']}, "
                      f"remote {self.remote(node)['currentFlow']}")


class TwoPanels(Pair):
    def test_a_shared_node_is_the_exit_of_a_tunnel(self):
        share, node, ports = self.share("exit")
        tunnel = self.chain(node, "over the exit")
        listed = self.shared(share)
        self.assertEqual([role["role"] for role in listed["usedPortDetails"]], ["exit"])
        self.assertIn(listed["usedPorts"][0], range(ports[0], ports[-1] + 1))
        forward, port = self.consumer.make_forward(tunnel, self.tcp.address)
        payload = os.urandom(3_000_000)
        self.assertEqual(sha256(exchange(port, payload)), sha256(payload))
        for _ in range(3):
            self.assertEqual(exchange(port, b"once more"), b"once more")
        total = len(payload) + 27
        self.all_books_say(share, node, [forward], total, total)
        datagrams, udp_port = self.consumer.make_forward(tunnel, self.udp.address, name="datagrams")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(30)
            client.connect(("127.0.0.1", udp_port))
            for size in (1, 1400, 9000):
                said = os.urandom(size)
                client.send(said)
                self.assertEqual(client.recv(65536), said)
        self.all_books_say(share, node, [forward, datagrams], total + 10401, total + 10401)
        binding = self.remote(node)["bindings"]
        self.assertEqual([(one["tunnelName"], one["chainType"], one["allocatedPort"]) for one in binding], [("over the exit", 3, listed["usedPorts"][0])])
        steps = self.consumer.data("/forward/diagnose", {"forwardId": forward})["results"]
        self.assertTrue(steps and all(step["success"] for step in steps), steps)
        # Both sides come back by themselves, and go on counting where they were.
        for panel in (self.provider, self.consumer):
            panel.restart()
            panel.sign_in()
            wait_until(lambda: try_exchange(port, b"still there"), "it passes after a restart")
        wait_until(lambda: self.node(node)["status"] == 1, "the remote node is back")
        seen = self.tcp.connections
        self.assertEqual(exchange(port, b"counted"), b"counted")
        self.assertEqual(self.tcp.connections, seen + 1)
        wait_until(lambda: sum(self.flow(forward)) + sum(self.flow(datagrams)) == self.shared(share)["currentFlow"], "both sides agree after restarts")
        self.consumer.data("/tunnel/delete", {"id": tunnel})
        wait_until(lambda: self.shared(share)["activeRuntimeNum"] == 0, "a deleted tunnel gives its port back")

    def test_a_shared_node_is_where_forwards_begin(self):
        share, node, ports = self.share("entry")
        tunnel = self.direct(node, "begins there")
        with self.assertRaisesRegex(ApiError, "超出允许范围"):
            self.consumer.make_forward(tunnel, self.tcp.address, port=ports[-1] + 1)
        forward, port = self.consumer.make_forward(tunnel, self.tcp.address, port=ports[3])
        payload = os.urandom(1_500_000)
        self.assertEqual(sha256(exchange(port, payload)), sha256(payload))
        self.all_books_say(share, node, [forward], len(payload), len(payload))
        # A port that something else has there is refused with the reason, and nothing stays.
        with socket.create_server(("127.0.0.1", ports[4])), self.assertRaisesRegex(ApiError, str(ports[4])):
            self.consumer.make_forward(tunnel, self.tcp.address, port=ports[4], name="taken")
        self.assertEqual([one["port"] for one in self.shared(share)["usedPortDetails"]], [port])
        # A pause cuts and frees; what comes after is counted on from there.
        self.consumer.data("/forward/pause", {"id": forward})
        wait_until(lambda: not try_exchange(port, b"paused"), "a paused forward is closed there")
        self.consumer.data("/forward/resume", {"id": forward})
        self.assertEqual(exchange(port, b"resumed"), b"resumed")
        self.all_books_say(share, node, [forward], len(payload) + 7, len(payload) + 7)

    def test_a_chain_may_begin_on_a_shared_node_and_end_here(self):
        share, node, ports = self.share("chain entry")
        tunnel = self.consumer.data("/tunnel/create", {"name": "begins there, ends here", "type": 2, "inNodeId": [{"nodeId": node}], "chainNodes": [],
                                                       "outNodeId": [{"nodeId": 1, "protocol": "wss", "port": free_port()}]})["id"]
        self.addCleanup(self.consumer.call, "/tunnel/delete", {"id": tunnel})
        # Its number here is not the one that the shared node has for it.
        spare, _ = self.consumer.make_forward(tunnel, self.udp.address, port=ports[4], name="spare")
        forward, port = self.consumer.make_forward(tunnel, self.tcp.address, port=ports[5])
        wait_until(lambda: try_exchange(port, b"joined"), "the two are joined")
        payload = os.urandom(400_000)
        self.assertEqual(sha256(exchange(port, payload)), sha256(payload))
        wait_until(lambda: sum(self.flow(forward)) >= 800_012 and sum(self.flow(forward)) + sum(self.flow(spare)) == self.shared(share)["currentFlow"],
                   "both books agree")

    def test_a_quota_ends_the_traffic_and_a_reset_lets_it_go_on(self):
        share, node, _ = self.share("quota", maxBandwidth=2_000_000)
        forward, port = self.consumer.make_forward(self.chain(node, "limited"), self.slow.address)
        other, other_port = self.consumer.make_forward(self.chain(node, "limited too"), self.tcp.address, name="other")
        with socket.create_connection(("127.0.0.1", port)) as connection:
            self.assertTrue(connection.recv(10))
            self.assertEqual(len(exchange(other_port, os.urandom(1_200_000))), 1_200_000)
            self.assertTrue(is_cut(connection))
        wait_until(lambda: self.shared(share)["stopped"] == "used_up", "the share is used up")
        self.assertFalse(try_exchange(other_port, b"more"))
        wait_until(lambda: self.node(node).get("syncError") == "Share traffic limit exceeded", "the other side knows")
        wait_until(lambda: sum(self.flow(forward)) + sum(self.flow(other)) >= 2_000_000, "the other side has booked it")
        self.provider.data("/federation/share/reset-flow", {"id": share})
        wait_until(lambda: try_exchange(other_port, b"again"), "it goes on after a reset")

    def test_expiry_ends_the_traffic(self):
        share, node, ports = self.share("expiry")
        _, port = self.consumer.make_forward(self.direct(node, "for a while"), self.slow.address, port=ports[6])
        listed = self.shared(share)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            self.assertTrue(connection.recv(10))
            self.provider.data("/federation/share/update", {key: listed[key] for key in ("id", "name", "portRangeStart", "portRangeEnd")} |
                               {"expiryTime": int(time.time() * 1000) + 1500})
            self.assertTrue(connection.recv(10))
            self.assertTrue(is_cut(connection))
        self.assertEqual(self.shared(share)["stopped"], "expired")
        wait_until(lambda: self.node(node).get("syncError") == "provider_share_expired", "the other side knows")
        self.assertEqual(self.node(node)["status"], 0)

    def test_deleting_a_share_ends_the_traffic(self):
        share, node, _ = self.share("deleted")
        _, port = self.consumer.make_forward(self.chain(node, "until deleted"), self.slow.address)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            self.assertTrue(connection.recv(10))
            self.provider.data("/federation/share/delete", {"id": share})
            self.assertTrue(is_cut(connection))
        wait_until(lambda: self.node(node).get("syncError") == "provider_share_deleted", "the other side knows")
        with self.assertRaisesRegex(ApiError, "端口分配失败: Invalid token"):
            self.chain(node, "too late")

    def test_a_failure_gives_everything_back(self):
        share, node, ports = self.share("failing")
        with socket.create_server(("127.0.0.1", ports[0])) as taken, self.assertRaisesRegex(ApiError, "出口节点 failing"):
            self.consumer.data("/tunnel/create", {"name": "cannot be", "type": 2, "inNodeId": [{"nodeId": 1}],
                                                  "outNodeId": [{"nodeId": node, "port": taken.getsockname()[1]}]})
        self.assertEqual(self.shared(share)["activeRuntimeNum"], 0)
        self.assertEqual([one for one in self.consumer.data("/tunnel/list") if one["name"] == "cannot be"], [])
        with self.assertRaisesRegex(ApiError, "超出允许范围"):
            self.consumer.data("/tunnel/create", {"name": "cannot be", "type": 2, "inNodeId": [{"nodeId": 1}],
                                                  "outNodeId": [{"nodeId": node, "port": ports[-1] + 1}]})
        self.assertEqual(self.shared(share)["activeRuntimeNum"], 0)

    def test_who_may_ask_is_what_the_share_says(self):
        made = self.provider.data("/federation/share/create", {"name": "guarded", "nodeId": 1, "portRangeStart": 22000, "portRangeEnd": 22001,
                                                               "allowedIps": "192.0.2.7, 192.0.2.0/24", "allowedDomains": "panel.example"})
        self.addCleanup(self.provider.call, "/federation/share/delete", {"id": made["id"]})
        body = {"remoteUrl": self.provider.base, "token": made["token"]}
        self.assertEqual(self.consumer.call("/federation/node/import", body)["msg"], "Failed to connect: IP not allowed")
        self.assertEqual(self.shared(made["id"])["allowedIps"], "192.0.2.7/32,192.0.2.0/24")
        self.provider.data("/federation/share/update", {"id": made["id"], "name": "guarded", "portRangeStart": 22000, "portRangeEnd": 22001,
                                                        "allowedIps": "127.0.0.1", "allowedDomains": "panel.example"})
        self.assertEqual(self.consumer.call("/federation/node/preview", body)["msg"], "Failed to connect: Domain verification required")
        self.consumer.data("/config/update", {"panel_domain": "other.example"})
        self.assertEqual(self.consumer.call("/federation/node/preview", body)["msg"], "Failed to connect: Domain not allowed")
        self.consumer.data("/config/update", {"panel_domain": "panel.example"})
        self.assertEqual(self.consumer.data("/federation/node/preview", body)["shareName"], "guarded")
        # Nothing of all this was imported, and the token stands in no log.
        self.assertEqual([one for one in self.consumer.data("/node/list") if one["name"].startswith("guarded")], [])
        for panel in (self.provider, self.consumer):
            self.assertNotIn(made["token"], panel.log())


class Certificates(Pair):
    def test_another_panels_key_is_verified_or_pinned(self):
        made = self.provider.data("/federation/share/create", {"name": "pinned", "nodeId": 1, "portRangeStart": 23000, "portRangeEnd": 23001})
        self.addCleanup(self.provider.call, "/federation/share/delete", {"id": made["id"]})
        body = {"remoteUrl": self.provider.base.replace("http:", "https:"), "token": made["token"]}
        self.assertIn("self-signed certificate", self.consumer.call("/federation/node/preview", body)["msg"].replace("self signed", "self-signed"))
        wrong = "sha256//" + "A" * 43 + "="
        self.assertEqual(self.consumer.call("/federation/node/preview", body | {"pin": wrong})["msg"], "Failed to connect: the server's key is not the pinned one")
        self.assertEqual(self.consumer.data("/federation/node/preview", body | {"pin": made["pin"]})["shareName"], "pinned")
        node = self.consumer.data("/federation/node/import", body | {"pin": made["pin"]})["id"]
        self.addCleanup(self.consumer.call, "/node/delete", {"id": node})
        wait_until(lambda: self.node(node)["status"] == 1, "the node is driven over https")
        self.assertEqual(self.consumer.call("/federation/node/import", body | {"pin": made["pin"]})["msg"], "This share is imported already")


class ForeignPanel:
    """A foreign panel's end of the contract: asks as it says."""

    def __init__(self, panel, token):
        self.panel, self.token = panel, token

    def ask(self, path, body=None):
        status, _, content = self.panel.request("POST", "/api/v1/federation/" + path, json.dumps(body) if body is not None else b"",
                                                {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"})
        assert status == 200, (path, status, content)
        return json.loads(content)

    def data(self, path, body=None):
        reply = self.ask(path, body)
        assert reply["code"] == 0, (path, reply)
        return reply.get("data")

    def command(self, kind, data):
        return self.ask("runtime/command", {"commandType": kind, "data": data})


def service(name, port, target, **more):
    """A service object as contract section 6 writes it."""
    kind = "udp" if name.endswith("_udp") else "tcp"
    listener = {"type": kind, **({"metadata": {"keepAlive": True, "ttl": "10s"}} if kind == "udp" else {})}
    return {"name": name, "addr": f"[::]:{port}", "handler": {"type": kind}, "listener": listener,
            "forwarder": {"nodes": [{"name": "node_1", "addr": target}], "selector": {"strategy": "fifo", "maxFails": 1, "failTimeout": "600s"}}, **more}


class WireFormat(Pair):
    def test_a_foreign_panel_uses_a_share_as_the_contract_says(self):
        ports = sorted(free_port() for _ in range(6))
        made = self.provider.data("/federation/share/create", {"name": "foreign", "nodeId": 1, "portRangeStart": ports[0], "portRangeEnd": ports[-1]})
        share = made["id"]
        peer = ForeignPanel(self.provider, made["token"])
        offer = peer.data("connect")
        self.assertEqual({key: offer[key] for key in ("shareId", "shareName", "nodeId", "nodeName", "serverIp", "status", "maxBandwidth", "currentFlow",
                                                      "expiryTime", "portRangeStart", "portRangeEnd")},
                         {"shareId": share, "shareName": "foreign", "nodeId": 1, "nodeName": "here", "serverIp": "127.0.0.1", "status": 1, "maxBandwidth": 0,
                          "currentFlow": 0, "expiryTime": 0, "portRangeStart": ports[0], "portRangeEnd": ports[-1]})
        # A hop or exit would have to speak gost's relay: that is said, and what was reserved can be given back.
        key = "tunnel:7:node:3:type:3:hop:0"
        reserved = peer.data("runtime/reserve-port", {"resourceKey": key, "protocol": "tls", "requestedPort": 0})
        self.assertEqual((reserved["allocatedPort"], reserved["bindingId"], len(reserved["reservationId"])), (ports[0], "", 48))
        self.assertEqual(peer.data("runtime/reserve-port", {"resourceKey": key, "protocol": "tls", "requestedPort": 0}), reserved)
        refused = peer.ask("runtime/apply-role", {"reservationId": reserved["reservationId"], "resourceKey": key, "role": "exit", "protocol": "tls",
                                                  "strategy": "round", "targets": []})
        self.assertEqual(refused["code"], -1)
        self.assertIn("not gost relay", refused["msg"])
        self.assertEqual(peer.data("runtime/release-role", {"reservationId": reserved["reservationId"]}), None)
        self.assertEqual(peer.data("runtime/reserve-port", {"resourceKey": key})["reservationId"], reserved["reservationId"])
        peer.data("runtime/release-role", {"resourceKey": key})
        self.assertEqual(peer.command("AddChains", {"name": "chains_7", "hops": []})["code"], -1)
        # The entry of a plain tunnel works: forwards and limits by its own names.
        self.assertEqual(peer.command("AddLimiters", {"name": "3", "limits": ["$ 50.0MB 50.0MB"]})["code"], 0)
        port = ports[1]
        both = [service(f"12_2_5_{kind}", port, self.tcp.address, limiter="3") for kind in ("tcp", "udp")]
        answer = peer.data("runtime/command", {"commandType": "AddService", "data": both})
        self.assertEqual(answer, {"type": "AddServiceResponse", "success": True, "message": "OK"})
        payload = os.urandom(700_000)
        self.assertEqual(sha256(exchange(port, payload)), sha256(payload))
        wait_until(lambda: self.shared(share)["currentFlow"] == 1_400_000, "its traffic is the share's")
        names = {"services": ["12_2_5_tcp", "12_2_5_udp"]}
        self.assertEqual(peer.command("PauseService", names)["code"], 0)
        self.assertFalse(try_exchange(port, b"paused"))
        self.assertEqual(peer.command("ResumeService", names)["code"], 0)
        self.assertEqual(exchange(port, b"back"), b"back")
        self.assertEqual(peer.command("PauseService", {"services": ["1_1_1_tcp"]})["msg"], "service 1_1_1 not found")
        # Ports outside the share, in each form, and what is no forward.
        outside = ports[-1] + 1
        said = f"port {outside} out of allowed range {ports[0]}-{ports[-1]}"
        for data in ([service("9_9_9_tcp", outside, self.tcp.address)], {"services": [service("9_9_9_tcp", outside, self.tcp.address)]}):
            self.assertEqual({key: peer.command("AddService", data)[key] for key in ("code", "msg")}, {"code": 403, "msg": said})
        for data, message in (("text", "invalid services format"), ([1], "invalid service entry format"),
                              ([service("a_tcp", port, "h:1") | {"addr": "nowhere"}], "invalid service address: nowhere"),
                              ([service("a_tcp", port, "h:1") | {"addr": "x:y"}], "invalid port in service address: x:y")):
            self.assertEqual((peer.command("AddService", data)["code"], peer.command("AddService", data)["msg"]), (403, message))
        for kind in ("Shell", "SetProtocol", "UpgradeAgent"):
            self.assertEqual(peer.command(kind, {})["msg"], "command not allowed")
        relay = service("r_tcp", ports[2], self.tcp.address) | {"handler": {"type": "relay"}}
        self.assertIn("only plain tcp and udp", peer.command("AddService", [relay])["msg"])
        # Probes, in both places where the contract has them.
        host, target = self.tcp.address.split(":")
        for answer in (peer.data("runtime/diagnose", {"ip": host, "port": int(target), "count": 2, "timeout": 2000}),
                       peer.data("runtime/command", {"commandType": "TcpPing", "data": {"ip": host, "port": int(target), "count": 2}})["data"]):
            self.assertEqual((answer["ip"], answer["port"], answer["success"], answer["packetLoss"]), (host, int(target), True, 0))
        self.assertEqual(peer.ask("runtime/diagnose", {"ip": "", "port": 0})["msg"], "Invalid target")
        self.assertEqual(peer.command("DeleteService", names)["code"], 0)
        self.assertFalse(try_exchange(port, b"gone"))
        made_there = peer.data("tunnel/create", {"protocol": "tcp", "remotePort": ports[3], "target": self.tcp.address})
        self.assertGreater(made_there["tunnelId"], 0)
        self.assertEqual(exchange(ports[3], b"legacy"), b"legacy")
        # Another share of the node sees and touches nothing of this one.
        stranger = self.provider.data("/federation/share/create", {"name": "stranger", "nodeId": 1, "portRangeStart": ports[0], "portRangeEnd": ports[-1]})
        other = ForeignPanel(self.provider, stranger["token"])
        self.assertEqual(other.command("DeleteService", {"services": ["port:%d" % ports[3]]})["code"], -1)
        self.assertEqual(other.data("runtime/release-role", {"bindingId": str(made_there["tunnelId"])}), None)
        self.assertEqual(exchange(ports[3], b"untouched"), b"untouched")
        self.assertEqual(other.ask("runtime/reserve-port", {"resourceKey": "k", "requestedPort": ports[3]})["msg"], "No available port")
        self.provider.data("/federation/share/delete", {"id": stranger["id"]})
        self.provider.data("/federation/share/delete", {"id": share})
        wait_until(lambda: not try_exchange(ports[3], b"deleted"), "a deleted share carries nothing")
        self.assertEqual({key: peer.ask("connect")[key] for key in ("code", "msg")}, {"code": 401, "msg": "Invalid token"})

    def test_a_foreign_panels_share_is_imported_and_said_to_be_no_part_of_tunnels(self):
        with ForeignProvider() as foreign:
            seen = self.consumer.data("/federation/node/preview", {"remoteUrl": foreign.url, "token": foreign.token})
            self.assertEqual((seen["nodeName"], seen["tunnels"]), ("tokyo", False))
            node = self.consumer.data("/federation/node/import", {"remoteUrl": foreign.url + "/", "remoteToken": foreign.token})["id"]
            self.addCleanup(self.consumer.call, "/node/delete", {"id": node})
            listed = self.node(node)
            self.assertEqual((listed["name"], listed["serverIp"], listed["port"], listed["status"], listed["isRemote"], listed["remoteUrl"], listed["remoteToken"]),
                             ("tokyo (Remote)", "203.0.113.5", "30000-30100", 1, 1, foreign.url, None))
            self.assertEqual(json.loads(listed["remoteConfig"]), {"shareId": 4, "maxBandwidth": 1000, "currentFlow": 10, "expiryTime": 0,
                                                                  "portRangeStart": 30000, "portRangeEnd": 30100})
            for draft in ({"type": 2, "inNodeId": [{"nodeId": 1}], "outNodeId": [{"nodeId": node}]}, {"type": 1, "inNodeId": [{"nodeId": node}]}):
                with self.assertRaisesRegex(ApiError, "gost relay"):
                    self.consumer.data("/tunnel/create", {"name": "mixed", **draft})
            foreign.offer["currentFlow"] = 77
            usage = self.remote(node)
            self.assertEqual((usage["currentFlow"], usage["shareId"], usage["activeBindingNum"]), (77, 4, 0))
            foreign.answer = {"code": 403, "msg": "Share expired", "ts": 1}
            self.assertEqual(self.remote(node)["syncError"], "provider_share_expired")
            self.assertEqual((self.node(node)["status"], self.node(node)["syncError"]), (0, "provider_share_expired"))
            foreign.answer = {"code": 401, "msg": "Invalid token", "ts": 1}
            self.assertEqual(self.remote(node)["syncError"], "provider_share_deleted")
            self.assertEqual(self.consumer.call("/federation/node/import", {"remoteUrl": foreign.url, "token": foreign.token})["msg"],
                             "Failed to connect: Invalid token")
            foreign.answer = None
            foreign.raw = (500, b"oops")
            self.assertEqual(self.remote(node)["syncError"], "remote error 500: oops")
            # Only what the contract has was asked, and always as it says.
            self.assertEqual({path for path, _ in foreign.heard}, {"/api/v1/federation/connect"})
            self.assertEqual({headers for _, headers in foreign.heard}, {("Bearer " + foreign.token, "application/json")})


class ForeignProvider:
    """A foreign panel that shares a node: connect, as the contract says."""

    def __init__(self):
        self.token = "ab" * 32
        self.offer = {"shareId": 4, "shareName": "for you", "nodeId": 9, "nodeName": "tokyo", "serverIp": "203.0.113.5", "status": 1, "maxBandwidth": 1000,
                      "currentFlow": 10, "expiryTime": 0, "portRangeStart": 30000, "portRangeEnd": 30100}
        self.answer, self.raw, self.heard = None, None, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.append((self.path, (self.headers["Authorization"], self.headers["Content-Type"])))
                reply = outer.answer or {"code": 0, "msg": "操作成功", "ts": 1, "data": outer.offer}
                status, content = outer.raw or (200, json.dumps(reply).encode())
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    unittest.main()
