"""The browser's WebSocket of the real executable (FLVX contract 5.17): who may open it, and what comes out of it."""

import base64
import contextlib
import json
import os
import socket
import struct
import threading

import appliance

PASSWORD = "Case-Password-1"


class WebSocket:
    """A client of RFC 6455, as much of it as this needs. `status` is the HTTP status of the answer to the upgrade."""

    def __init__(self, site, query):
        self.connection = socket.create_connection(("127.0.0.1", site.port), timeout=appliance.PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        self.connection.sendall((f"GET /system-info?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 f"Origin: http://elsewhere.example\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        self.stream = self.connection.makefile("rb")
        self.status = int(self.stream.readline().split()[1])
        length = 0
        while (line := self.stream.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.body = self.stream.read(length) if self.status != 101 else b""

    def close(self):
        self.stream.close()
        self.connection.close()

    def frame(self):
        """(opcode, payload) of the next frame."""
        first, second = self.stream.read(2)
        length = second & 127
        if length == 126:
            length = struct.unpack(">H", self.stream.read(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.stream.read(8))[0]
        payload = self.stream.read(length)
        if first & 15 == 9:  # a ping: who does not answer is dropped
            self.connection.sendall(bytes([0x8A, 0x80 | len(payload)]) + bytes(4) + payload)
        return first & 15, payload

    def next_of(self, kind):
        """The next message of this type; other messages are passed over."""
        while True:
            opcode, payload = self.frame()
            if opcode == 8:
                raise AssertionError(f"closed while waiting for {kind}: {payload[:2].hex()}")
            message = json.loads(payload) if opcode == 1 else {}
            if message.get("type") == kind:
                return message

    def close_code(self):
        while True:
            opcode, payload = self.frame()
            if opcode == 8:
                return struct.unpack(">H", payload[:2])[0]


def run():
    failures = []

    def check(what, right):
        if not right:
            failures.append(f"system-info: {what}")

    with contextlib.ExitStack() as stack:
        site = stack.enter_context(appliance.Appliance())
        admin = site.sign_in()
        site.data("/user/create", {"user": "person", "pwd": PASSWORD})
        person = site.data("/user/login", {"username": "person", "password": PASSWORD}, token="")["token"]

        def refused(query, status, body):
            answer = WebSocket(site, query)
            answer.close()
            check(f"{query.split('=')[1][:1]}: {answer.status} {answer.body!r} instead of {status}", (answer.status, answer.body) == (status, body))

        refused(f"type=2&secret={admin}", 400, b"bad request")
        refused("type=0&secret=no.token.really", 403, b"forbidden")
        own = WebSocket(site, f"type=0&secret={person}")
        check(f"a user gets {own.status}, for his own forwards", own.status == 101)
        own.close()
        refused("type=1&secret=0123456789abcdef0123456789abcdef", 403, b"forbidden")

        feed = WebSocket(site, f"type=0&secret={admin}")
        stack.callback(feed.close)
        check(f"an administrator gets {feed.status}", feed.status == 101)
        check("the local node is online", feed.next_of("status") == {"id": "1", "type": "status", "data": 1})
        rates = json.loads(feed.next_of("rates")["data"])
        check(f"rates {rates}", set(rates) == {"up", "down", "connections", "forwards"})
        info = feed.next_of("info")
        data = json.loads(info["data"])
        check(f"info {info}", info["id"] == 1 and set(data) == {"uptime", "bytes_received", "bytes_transmitted", "cpu_usage", "memory_usage"})

        # Traffic of a forward shows up as its rate.
        server = stack.enter_context(appliance.TcpServer(appliance.echo))
        forward, port = site.make_forward(site.make_tunnel(), server.address, appliance.free_port())
        with socket.create_connection(("127.0.0.1", port), timeout=appliance.PATIENCE) as client:
            done = threading.Event()

            def keep_sending():
                while not done.wait(0.05):
                    client.sendall(b"x" * 1000)
                    client.recv(65536)

            sender = threading.Thread(target=keep_sending)
            sender.start()

            def carries():
                return any(one["id"] == forward and one["up"] > 0 for one in json.loads(feed.next_of("rates")["data"])["forwards"])

            try:
                appliance.wait_until(carries, "the forward has a rate")
            finally:
                done.set()
                sender.join()

        # The session ends: so does the socket, within its check.
        site.data("/user/updatePassword", {"newUsername": "admin_user", "currentPassword": appliance.PASSWORD, "newPassword": "Other-Password-9",
                                           "confirmPassword": "Other-Password-9"}, token=site.data("/user/login", {
                                               "username": "admin_user", "password": appliance.PASSWORD}, token="")["token"])
        check("closed with 4401", feed.close_code() == 4401)
    return 8, failures
