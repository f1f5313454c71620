"""What must outlive a kill -9, a restart, and a hostile client."""

import contextlib
import itertools
import json
import os
import pathlib
import random
import resource
import signal
import socket
import stat
import subprocess
import threading
import unittest

from appliance import BINARY, PASSWORD, PATIENCE, Appliance, TcpServer, echo, exchange, wait_until


class Survival(unittest.TestCase):
    def test_kill_during_traffic_loses_no_user_no_rule_and_no_counted_byte(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            tunnel = sluice.make_tunnel()
            forward, port = sluice.make_forward(tunnel, server.address)
            payload = os.urandom(2_000_000)
            echoed = 0
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(payload[:100_000])
                while echoed < 100_000:
                    echoed += len(connection.recv(65536))
                sluice.kill()
            sluice.start()
            sluice.sign_in()
            self.assertEqual(exchange(port, b"still here"), b"still here")
            wait_until(lambda: sluice.forward(forward)["outFlow"] == 100_000 + 10, "bytes delivered before the kill are booked")
            item = sluice.forward(forward)
            self.assertEqual((item["inFlow"], item["status"], item["tunnelId"]), (100_010, 1, tunnel))
            self.assertEqual(sluice.data("/user/package")["userInfo"]["user"], "admin_user")

    def test_kill_in_the_middle_of_bulk_counts_all_that_clients_received(self):
        block = os.urandom(1 << 20)
        sent = [0] * 4
        received = [0] * 4
        turn = itertools.count()

        def source(connection):
            number = next(turn)
            while number < 4:  # later ones are only looked at
                sent[number] += connection.send(block)

        def drain(number, connection):
            buffer = bytearray(1 << 20)
            try:
                while count := connection.recv_into(buffer):
                    received[number] += count
            except OSError:
                pass

        with Appliance() as sluice, TcpServer(source) as server:
            sluice.sign_in()
            tunnel = sluice.make_tunnel()
            forward, port = sluice.make_forward(tunnel, server.address)
            others = [sluice.make_forward(tunnel, server.address, name=f"other {number}") for number in range(20)]
            sluice.data("/forward/pause", {"id": others[0][0]})
            connections = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(4)]
            readers = [threading.Thread(target=drain, args=(number, connection)) for number, connection in enumerate(connections)]
            for reader in readers:
                reader.start()
            wait_until(lambda: min(received) > 20 << 20, "every connection carries bulk")
            sluice.kill()
            for reader in readers:
                reader.join(PATIENCE)
            for connection in connections:
                connection.close()
            sluice.start()
            sluice.sign_in()
            wait_until(lambda: sluice.forward(forward)["outFlow"] >= sum(received), "all that clients received is booked")
            booked = sluice.forward(forward)["outFlow"]
            self.assertLessEqual(booked, sum(sent))
            self.assertEqual(sluice.forward(forward)["outFlow"], booked, "and nothing is booked twice")
            listed = {item["id"]: item for item in sluice.data("/forward/list")}
            self.assertEqual(len(listed), 21)
            for number, other_port in others[1:]:
                self.assertEqual(listed[number]["status"], 1)
                socket.create_connection(("127.0.0.1", other_port), timeout=PATIENCE).close()
            with self.assertRaises(ConnectionRefusedError):  # what was paused stays paused
                socket.create_connection(("127.0.0.1", others[0][1]), timeout=PATIENCE)

    def test_sigterm_lets_a_connection_end_and_books_it(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            forward, port = sluice.make_forward(sluice.make_tunnel(), server.address)
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(b"before")
                self.assertEqual(connection.recv(6), b"before")
                sluice.process.send_signal(signal.SIGTERM)
                wait_until(lambda: not self._listens(port), "no new client is accepted")
                connection.sendall(b"and after")
                self.assertEqual(connection.recv(9), b"and after")
            self.assertEqual(sluice.process.wait(PATIENCE), 0)
            sluice.start()
            sluice.sign_in()
            self.assertEqual(sluice.forward(forward)["outFlow"], 15)

    @staticmethod
    def _listens(port):
        # Looked up, not tried: a client would be one more connection to wait for.
        with open("/proc/net/tcp", encoding="ascii") as v4, open("/proc/net/tcp6", encoding="ascii") as v6:
            lines = v4.readlines()[1:] + v6.readlines()[1:]
        return any(int(fields[1].rpartition(":")[2], 16) == port and fields[3] == "0A" for fields in map(str.split, lines))

    def test_repeated_kills_never_double_or_lose_bytes(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            forward, port = sluice.make_forward(sluice.make_tunnel(), server.address)
            total = 0
            for size in (10_000, 20_000, 30_000):
                self.assertEqual(len(exchange(port, os.urandom(size))), size)
                total += size
                sluice.kill()
                sluice.start()
                sluice.sign_in()
                wait_until(lambda: sluice.forward(forward)["inFlow"] == total, f"{total} bytes are booked")
            self.assertEqual(sluice.forward(forward)["outFlow"], total)

    def test_sigterm_ends_with_zero_and_books_everything(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            forward, port = sluice.make_forward(sluice.make_tunnel(), server.address)
            exchange(port, b"x" * 5000)
            self.assertEqual(sluice.stop(), 0)
            sluice.start()
            sluice.sign_in()
            self.assertEqual(sluice.forward(forward)["inFlow"], 5000)

    def test_hostile_clients_get_clear_errors_and_health_stays_200(self):
        dice = random.Random(42)

        def raw(data, limit=4096):
            with socket.create_connection(("127.0.0.1", sluice.port), timeout=PATIENCE) as connection:
                with contextlib.suppress(OSError):  # it may have heard enough and closed already; what it said is what counts
                    connection.sendall(data)
                    connection.shutdown(socket.SHUT_WR)
                try:
                    return connection.recv(limit)
                except ConnectionResetError:
                    return b""

        with Appliance() as sluice:
            sluice.sign_in()
            for _ in range(200):
                raw(dice.randbytes(dice.randrange(1, 2000)))
            self.assertRegex(raw(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"), rb"^HTTP/1\.1 4(14|31|00)")
            self.assertRegex(raw(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n"), rb"^HTTP/1\.1 4(31|00)")
            self.assertRegex(raw(b"POST /api/v1/user/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}"), rb"^HTTP/1\.1 400")
            for body in (b"{", b"\xff\xfe", b'{"username":"\xc3\x28"}', b"[" * 100_000, b'"' + b"a" * 900_000, b"nul"):
                status, _, data = sluice.request("POST", "/api/v1/user/login", body, {"Content-Type": "application/json"})
                self.assertEqual(status, 200, body[:20])
                self.assertEqual(json.loads(data)["code"], 500, body[:20])
            self.assertRegex(raw(b"POST /api/v1/user/login HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"), rb"^HTTP/1\.1 413")
            self.assertEqual(sluice.request("GET", "/health")[0], 200)

    def test_five_thousand_connections_do_not_keep_a_request_waiting(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            _, port = sluice.make_forward(sluice.make_tunnel(), server.address)
            idle = []
            try:
                for number in range(5000):
                    # From 25 loopback addresses: a cap per address must not decide this test.
                    connection = socket.socket()
                    connection.bind((f"127.0.1.{number % 25 + 1}", 0))
                    connection.settimeout(PATIENCE)
                    connection.connect(("127.0.0.1", sluice.port))
                    if number % 10 == 0:
                        connection.sendall(b"GET / HTTP/1.1\r\nHo")
                    idle.append(connection)
                for _ in range(20):
                    self.assertEqual(sluice.request("GET", "/health")[0], 200)
                self.assertEqual(exchange(port, b"passes"), b"passes")
            finally:
                for connection in idle:
                    connection.close()
            self.assertEqual(sluice.request("GET", "/health")[0], 200)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_files_are_private_and_the_first_password_is_printed_once(self):
        with Appliance(environment={"SLUICE_ADMIN_PASSWORD": ""}) as sluice:
            folder = pathlib.Path(sluice.folder)
            first = folder / "initial-password"
            password = first.read_text().strip()
            self.assertGreaterEqual(len(password), 12)
            wait_until(lambda: "until you change it" in sluice.log(), "the greeting is printed whole")  # /health answers a little earlier
            self.assertEqual(sluice.log().count(password), 1, "printed once")
            for path in folder.rglob("*"):
                with contextlib.suppress(FileNotFoundError):  # a file that is replaced just now
                    mode = path.lstat().st_mode
                    if stat.S_ISREG(mode) and path.name != "process.log":
                        self.assertEqual(stat.S_IMODE(mode) & 0o077, 0, path)
            sluice.restart()
            self.assertEqual(sluice.log().count(password), 1, "not again")
            self.assertTrue(sluice.data("/user/login", {"username": "admin_user", "password": password}, token="")["requirePasswordChange"])
            sluice.sign_in(password=password)
            sluice.data("/user/updatePassword", {"newUsername": "boss", "currentPassword": password, "newPassword": PASSWORD, "confirmPassword": PASSWORD})
            self.assertFalse(first.exists(), "deleted when the password changes")
            self.assertEqual(sluice.call("/user/login", {"username": "admin_user", "password": password}, token="")["code"], -1)
            sluice.sign_in(name="boss")

    def test_backup_and_restore_bring_everything_back(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            forward, port = sluice.make_forward(sluice.make_tunnel(), server.address)
            file = os.path.join(sluice.folder, "backup.zip")
            run = lambda *verb: subprocess.run([str(BINARY), *verb, "--data-dir", sluice.folder], capture_output=True, text=True, timeout=PATIENCE)
            made = run("backup", file)
            self.assertEqual(made.returncode, 0, made.stderr)
            self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600)
            sluice.data("/forward/delete", {"id": forward})
            self.assertEqual(sluice.data("/forward/list"), [])
            refused = run("restore", file)
            self.assertNotEqual(refused.returncode, 0, "a running panel's data is not replaced")
            sluice.stop()
            restored = run("restore", file)
            self.assertEqual(restored.returncode, 0, restored.stderr)
            sluice.start()
            sluice.sign_in()
            self.assertEqual(sluice.forward(forward)["inPort"], port)
            self.assertEqual(exchange(port, b"back"), b"back")

    def test_reset_password_works_and_ends_sessions(self):
        with Appliance() as sluice:
            old = sluice.sign_in()
            made = subprocess.run([str(BINARY), "reset-password", "admin_user", "--data-dir", sluice.folder], capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(made.returncode, 0, made.stderr)
            password = made.stdout.split()[-1]
            self.assertEqual(sluice.call("/node/list", token=old)["code"], 401)
            sluice.sign_in(password=password)

    def test_usage_errors_end_with_2_and_name_the_nearest(self):
        def ends(*arguments):
            done = subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=PATIENCE)
            return done.returncode, done.stderr

        code, words = ends("--lissten", "x")
        self.assertEqual(code, 2)
        self.assertIn("--listen", words)
        code, words = ends("--log-level", "loud")
        self.assertEqual(code, 2)
        self.assertIn("log-level", words)
        self.assertEqual(ends("--help")[0], 0)
        self.assertEqual(ends("version")[0], 0)

    def test_a_taken_listen_address_is_a_clear_runtime_failure(self):
        with Appliance() as sluice:
            second = subprocess.run([str(BINARY), "--data-dir", sluice.folder + "-2", "--listen", f"127.0.0.1:{sluice.port}"],
                                    capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(second.returncode, 1)
            self.assertIn(f"127.0.0.1:{sluice.port}", second.stderr)
            third = subprocess.run([str(BINARY), "--data-dir", sluice.folder, "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=PATIENCE)
            self.assertNotEqual(third.returncode, 0)
            self.assertIn(str(sluice.process.pid), third.stderr)
            subprocess.run(["rm", "-rf", sluice.folder + "-2"], check=True)


if __name__ == "__main__":
    unittest.main()
