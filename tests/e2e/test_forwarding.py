"""Real bytes through the real executable: relayed exactly, counted exactly, undisturbed by what happens to other forwards."""

import hashlib
import os
import random
import socket
import threading
import unittest

from appliance import PATIENCE, Appliance, TcpServer, UdpEcho, echo, exchange, free_port, wait_until


def used(appliance, forward):
    item = appliance.forward(forward)
    return item["inFlow"], item["outFlow"]


def answer(port):
    """The first byte that comes; nothing when the connection is refused, reset or closed."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            return connection.recv(1)
    except (ConnectionResetError, ConnectionRefusedError):
        return b""


class Forwarding(unittest.TestCase):
    def test_tcp_and_udp_pass_and_are_counted(self):
        with Appliance() as sluice, TcpServer(echo) as server, UdpEcho() as udp:
            sluice.sign_in()
            tunnel = sluice.make_tunnel()
            tcp, tcp_port = sluice.make_forward(tunnel, server.address)
            datagrams, udp_port = sluice.make_forward(tunnel, udp.address, name="dns")
            payload = random.Random(7).randbytes(3_000_001)
            self.assertEqual(exchange(tcp_port, payload), payload)
            wait_until(lambda: used(sluice, tcp) == (len(payload), len(payload)), "the forward's counters equal the bytes sent")

            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(PATIENCE)
                client.connect(("127.0.0.1", udp_port))
                total = 0
                for size in (0, 1, 512, 1400, 9000, 65507):
                    data = os.urandom(size)
                    client.send(data)
                    self.assertEqual(client.recv(65536), data)
                    total += size
            wait_until(lambda: used(sluice, datagrams) == (total, total), "datagram bytes are counted")
            package = sluice.data("/user/package")
            self.assertEqual(package["userInfo"]["inFlow"], len(payload) + total)

    def test_a_gigabyte_arrives_whole_while_200_other_forwards_come_and_go(self):
        size = int(os.environ.get("SLUICE_E2E_BYTES", 1 << 30))
        received = hashlib.sha256()
        done = threading.Event()
        amount = [0]

        def sink(connection):
            while data := connection.recv(1 << 20):
                received.update(data)
                amount[0] += len(data)
            connection.sendall(b"thanks")
            done.set()

        with Appliance() as sluice, TcpServer(sink) as server, TcpServer(echo) as other:
            sluice.sign_in()
            tunnel = sluice.make_tunnel()
            bulk, port = sluice.make_forward(tunnel, server.address, name="bulk")
            sent = hashlib.sha256()
            block = random.Random(1).randbytes(1 << 20)
            answer = []

            def send():
                with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE * 5) as connection:
                    for index in range(size >> 20):
                        piece = index.to_bytes(8, "big") + block[8:]
                        sent.update(piece)
                        connection.sendall(piece)
                    connection.shutdown(socket.SHUT_WR)
                    answer.append(connection.recv(100))

            sender = threading.Thread(target=send)
            sender.start()
            made = []
            for number in range(200):
                forward, _ = sluice.make_forward(tunnel, other.address, name=f"other {number}")
                made.append(forward)
            for number, forward in enumerate(made):
                sluice.data("/forward/update", {"id": forward, "name": f"edited {number}", "remoteAddr": "127.0.0.1:9"})
            for forward in made:
                sluice.data("/forward/delete", {"id": forward})
            sender.join(PATIENCE * 10)
            self.assertTrue(done.wait(PATIENCE), "the receiver saw the end")
            self.assertEqual(answer, [b"thanks"])
            self.assertEqual(amount[0], size >> 20 << 20)
            self.assertEqual(received.hexdigest(), sent.hexdigest())
            wait_until(lambda: used(sluice, bulk) == (amount[0], 6), "every byte is counted")
            self.assertEqual(len(sluice.data("/forward/list")), 1)

    def test_pausing_cuts_and_refuses_and_resuming_listens_again(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            forward, port = sluice.make_forward(sluice.make_tunnel(), server.address)
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(b"hello")
                self.assertEqual(connection.recv(5), b"hello")
                sluice.data("/forward/pause", {"id": forward})
                try:
                    self.assertEqual(connection.recv(1), b"")
                except ConnectionResetError:
                    pass
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            self.assertEqual(sluice.forward(forward)["status"], 0)
            sluice.data("/forward/resume", {"id": forward})
            self.assertEqual(exchange(port, b"again"), b"again")

    def test_a_taken_port_is_said_in_words_and_leaves_nothing(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            tunnel = sluice.make_tunnel()
            port = free_port()
            with socket.create_server(("127.0.0.1", port)):
                reply = sluice.call("/forward/create", {"name": "x", "tunnelId": tunnel, "remoteAddr": server.address, "inPort": port, "listenIp": "127.0.0.1"})
                self.assertEqual(reply["code"], -1, reply)
                self.assertIn("下发失败", reply["msg"])
                self.assertIn(str(port), reply["msg"])
                self.assertEqual(sluice.data("/forward/list"), [])
            made, again = sluice.make_forward(tunnel, server.address, port=port, listenIp="127.0.0.1")
            self.assertEqual(again, port)
            self.assertEqual(exchange(port, b"free now"), b"free now")
            conflict = sluice.call("/forward/create", {"name": "y", "tunnelId": tunnel, "remoteAddr": server.address, "inPort": port})
            self.assertIn("已被其他转发占用", conflict["msg"])

    def test_a_listener_that_cannot_be_had_is_said_in_words_and_leaves_nothing(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            tunnel = sluice.make_tunnel()

            def refused(port, **more):
                reply = sluice.call("/forward/create", {"name": "x", "tunnelId": tunnel, "remoteAddr": server.address, "inPort": port, **more})
                self.assertEqual(reply["code"], -1, reply)
                self.assertEqual(sluice.data("/forward/list"), [])
                return reply["msg"]

            port = free_port()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
                taken.bind(("127.0.0.1", port))
                self.assertIn(str(port), refused(port, listenIp="127.0.0.1"))
                with self.assertRaises(ConnectionRefusedError):  # the stream port was free, and stays so
                    socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            self.assertIn("监听地址不属于该节点", refused(port, listenIp="192.0.2.1"))

    def test_a_target_that_does_not_resolve_is_said_in_words_and_leaves_nothing(self):
        with Appliance() as sluice:
            sluice.sign_in()
            tunnel = sluice.make_tunnel()
            reply = sluice.call("/forward/create", {"name": "x", "tunnelId": tunnel, "remoteAddr": "no-such-name.invalid:80", "inPort": None})
            self.assertEqual(reply["code"], -1, reply)
            self.assertIn("目标地址无法解析", reply["msg"])
            self.assertEqual(sluice.data("/forward/list"), [])

    def test_an_edit_that_fails_changes_nothing_and_disturbs_nobody(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            tunnel = sluice.make_tunnel()
            forward, port = sluice.make_forward(tunnel, server.address)
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(b"before")
                self.assertEqual(connection.recv(6), b"before")
                reply = sluice.call("/forward/update", {"id": forward, "remoteAddr": "no-such-name.invalid:80"})
                self.assertEqual(reply["code"], -1, reply)
                self.assertEqual(sluice.forward(forward)["remoteAddr"], server.address)
                connection.sendall(b"after")
                self.assertEqual(connection.recv(5), b"after")
            self.assertEqual(exchange(port, b"new ones too"), b"new ones too")

    def test_source_lists_and_connection_caps_hold(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            tunnel = sluice.make_tunnel()
            _, closed = sluice.make_forward(tunnel, server.address, name="denied", denyIps="127.0.0.0/8")
            self.assertEqual(answer(closed), b"")
            _, capped = sluice.make_forward(tunnel, server.address, name="capped", maxConnections=1)
            with socket.create_connection(("127.0.0.1", capped), timeout=PATIENCE) as first:
                first.sendall(b"1")
                self.assertEqual(first.recv(1), b"1")
                self.assertEqual(answer(capped), b"")
                first.sendall(b"2")
                self.assertEqual(first.recv(1), b"2")

    def test_failover_goes_to_the_backup_and_returns(self):
        primary_port = free_port()
        with Appliance() as sluice, TcpServer(lambda c: c.sendall(b"backup")) as backup:
            sluice.sign_in()
            _, port = sluice.make_forward(sluice.make_tunnel(), f"127.0.0.1:{primary_port},{backup.address}")

            def greeting():
                with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                    return connection.recv(100)

            self.assertEqual(greeting(), b"backup")
            with TcpServer(lambda c: c.sendall(b"primary"), port=primary_port):
                wait_until(lambda: greeting() == b"primary", "traffic returns to the first target")


if __name__ == "__main__":
    unittest.main()
