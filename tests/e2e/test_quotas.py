"""Quotas and caps on real bytes: what is used, that it stops or slows down, who may come, and that a kill changes none of it."""

import contextlib
import os
import socket
import threading
import time
import unittest

from appliance import PATIENCE, Appliance, TcpServer, UdpEcho, echo, exchange, wait_until

MB = 1_000_000


def source(connection):
    block = b"x" * 65536
    while True:
        connection.sendall(block)


def connect(port, address=None):
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=(address, 0) if address else None)


def is_cut(connection):
    with contextlib.suppress(OSError):
        return connection.recv(1) == b""
    return True


def answers(connection, word=b"hello"):
    connection.sendall(word)
    got = b""
    while len(got) < len(word):
        part = connection.recv(64)
        if not part:
            return False
        got += part
    return got == word


def is_admitted(port, address):
    with contextlib.suppress(OSError), connect(port, address) as connection:
        return answers(connection)
    return False


def admitted(port, address):
    """A connection that is let in, or None."""
    connection = connect(port, address)
    with contextlib.suppress(OSError):
        if answers(connection):
            return connection
    connection.close()
    return None


def drain(connection):
    """Reads until the connection ends; how much came."""
    received = 0
    with contextlib.suppress(OSError):
        while part := connection.recv(1 << 20):
            received += len(part)
    return received


class Quotas(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.sluice = self.stack.enter_context(Appliance())
        self.sluice.sign_in()
        self.tunnel = self.sluice.make_tunnel()

    def set_quota(self, subject, subject_id, limit, **more):
        return self.sluice.data("/quota/set", {"subject": subject, "subjectId": subject_id, "window": "day", "limit": limit, **more})["id"]

    def quota(self, quota_id):
        return next(one for one in self.sluice.data("/quota/list") if one["id"] == quota_id)

    def test_a_forward_stops_at_its_amount_also_after_a_kill_and_runs_again_when_it_may(self):
        sluice = self.sluice
        server = self.stack.enter_context(TcpServer(source))
        forward, port = sluice.make_forward(self.tunnel, server.address)
        quota = self.set_quota("forward", forward, 20 * MB)
        with connect(port) as connection:
            received = drain(connection)  # until it is cut
        wait_until(lambda: sluice.forward(forward)["outFlow"] >= received, "what the client got is booked")
        self.assertTrue(self.quota(quota)["reached"])
        item = sluice.forward(forward)
        self.assertEqual(self.quota(quota)["used"], item["inFlow"] + item["outFlow"], "one count, not two")
        self.assertEqual((item["status"], item["state"], item["quotaState"], item["quotaReason"]), (1, "stopped", "stopped", "forward day"))
        with self.assertRaises(ConnectionRefusedError):
            connect(port)
        used = self.quota(quota)["used"]
        sluice.kill()
        sluice.start()
        sluice.sign_in()
        sluice.local_node()
        self.assertEqual(self.quota(quota)["used"], used)
        self.assertEqual(sluice.forward(forward)["state"], "stopped")
        with self.assertRaises(ConnectionRefusedError):
            connect(port)
        levels = [one["details"]["percent"] for one in sluice.data("/event/list")["list"] if one["kind"] == "quota.used"]
        self.assertEqual(len(levels), len(set(levels)), "each is said once")
        self.set_quota("forward", forward, 1 << 50)
        wait_until(lambda: sluice.forward(forward)["state"] == "listening", "a larger amount lets it run")
        connect(port).close()

    def test_a_user_is_slowed_down_and_nobody_else(self):
        sluice = self.sluice
        server = self.stack.enter_context(TcpServer(source))
        small = self.stack.enter_context(TcpServer(echo))
        user = sluice.data("/user/create", {"user": "alice", "pwd": "alice-Password-1"})["id"]
        sluice.data("/tunnel/user/assign", {"userId": user, "tunnelId": self.tunnel})
        own = sluice.token
        sluice.sign_in("alice", "alice-Password-1")
        forward, port = sluice.make_forward(self.tunnel, server.address)
        sluice.token = own
        quota = self.set_quota("user", user, 5 * MB, action="throttle", rate=200)
        received = [0]

        def read():
            with contextlib.suppress(OSError):
                while part := connection.recv(1 << 20):
                    received[0] += len(part)

        with connect(port) as connection:
            reader = threading.Thread(target=read)
            reader.start()
            wait_until(lambda: self.quota(quota)["reached"], "the quota is reached")
            wait_until(lambda: sluice.forward(forward)["quotaState"] == "throttled", "the forward is slowed down")
            with self.subTest("others are not"):
                _, other = sluice.make_forward(self.tunnel, small.address, name="other")
                payload = os.urandom(4 * MB)
                self.assertEqual(exchange(other, payload), payload)
            # What is in sockets and pipes comes first; then 200 kB a second, and no byte of it by a clock's grace: ten times as much is no throttle.
            settled = received[0]
            wait_until(lambda: received[0] > settled + 200_000, "it goes on, slowly")
            begun, before = time.monotonic(), self.quota(quota)["used"]
            wait_until(lambda: self.quota(quota)["used"] > before + 400_000, "slow bytes are counted")
            self.assertLess((self.quota(quota)["used"] - before) / (time.monotonic() - begun), 2 * MB)
            connection.shutdown(socket.SHUT_RDWR)
        reader.join(PATIENCE)

    def test_use_is_exact_across_restarts_and_kills(self):
        sluice = self.sluice
        server = self.stack.enter_context(TcpServer(echo))
        forward, port = sluice.make_forward(self.tunnel, server.address)
        node = sluice.local_node()["id"]
        admin = sluice.data("/user/package")["userInfo"]["id"]
        quotas = [self.set_quota(*one, 1 << 40) for one in (("forward", forward), ("node", node), ("user", admin))]
        expected = 0
        for end in (sluice.restart, sluice.kill, sluice.restart, sluice.kill):
            payload = os.urandom(300_000)
            self.assertEqual(exchange(port, payload), payload)
            expected += 2 * len(payload)
            end()
            if sluice.process.poll() is not None:
                sluice.start()
            sluice.sign_in()
            sluice.local_node()
            for quota in quotas:
                wait_until(lambda: self.quota(quota)["used"] == expected, f"all is booked on {self.quota(quota)['subject']}")
        sluice.data("/quota/set-used", {"id": quotas[0], "used": 7})
        exchange(port, b"1234")
        wait_until(lambda: self.quota(quotas[0])["used"] == 7 + 8, "traffic adds to what was said")

    def test_a_node_that_has_to_stop_stops_all_its_forwards(self):
        sluice = self.sluice
        server = self.stack.enter_context(TcpServer(echo))
        _, one = sluice.make_forward(self.tunnel, server.address)
        _, two = sluice.make_forward(self.tunnel, server.address, name="two")
        quota = self.set_quota("node", sluice.local_node()["id"], 1000)
        with contextlib.suppress(OSError):  # its end may be the cut
            exchange(one, b"x" * 500)
        wait_until(lambda: self.quota(quota)["reached"], "the quota is reached")
        for port in (one, two):
            wait_until(lambda: not is_admitted(port, "127.0.0.1"), "nothing listens")
        sluice.data("/quota/delete", {"id": quota})
        wait_until(lambda: is_admitted(one, "127.0.0.1") and is_admitted(two, "127.0.0.1"), "both listen again")

    def test_so_many_client_addresses_and_the_newest_is_refused(self):
        server = self.stack.enter_context(TcpServer(echo))
        forward, port = self.sluice.make_forward(self.tunnel, server.address, maxClients=2)
        first, again, second = connect(port, "127.0.0.2"), connect(port, "127.0.0.2"), connect(port, "127.0.0.3")
        for connection in (first, again, second):
            self.assertTrue(answers(connection))
        self.assertFalse(is_admitted(port, "127.0.0.4"))
        first.close()
        self.assertFalse(is_admitted(port, "127.0.0.4"), "the address has another connection")
        again.close()
        wait_until(lambda: is_admitted(port, "127.0.0.4"), "a place is free")
        self.assertTrue(answers(second), "who was there is not disturbed")
        second.close()

    def test_so_many_client_addresses_and_the_oldest_goes(self):
        server = self.stack.enter_context(TcpServer(echo))
        datagrams = self.stack.enter_context(UdpEcho(server.port))
        self.assertEqual(datagrams.port, server.port)
        forward, port = self.sluice.make_forward(self.tunnel, server.address, maxClients=2, clientPolicy="replace")
        first = connect(port, "127.0.0.2")
        self.assertTrue(answers(first))  # so that it is the older one: two loops accept
        second = connect(port, "127.0.0.3")
        self.assertTrue(answers(second))
        third = connect(port, "127.0.0.4")
        self.assertTrue(answers(third))
        self.assertTrue(is_cut(first))
        self.assertTrue(answers(second))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:  # the same places for datagrams
            udp.bind(("127.0.0.5", 0))
            udp.settimeout(PATIENCE)
            udp.sendto(b"hello", ("127.0.0.1", port))
            self.assertEqual(udp.recv(64), b"hello")
        self.assertTrue(is_cut(second))
        self.assertTrue(answers(third))
        for connection in (first, second, third):
            connection.close()

    def test_a_users_caps_hold_over_all_his_forwards_and_for_who_is_there_already(self):
        sluice = self.sluice
        server = self.stack.enter_context(TcpServer(echo))
        user = sluice.data("/user/create", {"user": "alice", "pwd": "alice-Password-1"})
        sluice.data("/tunnel/user/assign", {"userId": user["id"], "tunnelId": self.tunnel})
        own = sluice.token
        sluice.sign_in("alice", "alice-Password-1")
        _, one = sluice.make_forward(self.tunnel, server.address)
        _, two = sluice.make_forward(self.tunnel, server.address, name="two")
        sluice.token = own
        there = connect(one, "127.0.0.2")
        self.assertTrue(answers(there))
        sluice.data("/user/update", {"id": user["id"], "user": "alice", "maxConnections": 2, "maxClients": 1})
        wait_until(lambda: not is_admitted(one, "127.0.0.3"), "one address at a time")
        self.assertTrue(answers(there), "a cap cuts nobody")
        # What was let in a moment ago may still be on its way out.
        with wait_until(lambda: admitted(two, "127.0.0.3"), "another forward, another address"):
            self.assertFalse(is_admitted(two, "127.0.0.3"), "two connections over both forwards")
        there.close()


if __name__ == "__main__":
    unittest.main()
