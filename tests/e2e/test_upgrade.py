"""A node becomes another version while traffic passes: nothing is lost, what does not work changes nothing, and the way back.

The other version is a copy of the executable with another version written into it, or a script that passes for a program until it is needed."""

import contextlib
import hashlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from agent_process import AgentProcess, make_node, node_of, wait_online
from appliance import BINARY, PATIENCE, ApiError, Appliance, TcpServer, UdpEcho, echo, exchange, wait_until

VERSION, MACHINE = subprocess.run([str(BINARY), "version"], capture_output=True, text=True, check=True).stdout.split()[1:]
ARCHITECTURE = MACHINE.removeprefix("linux-")
NEXT = re.sub(r"\d+$", lambda number: "9" * len(number.group()), VERSION)  # of the same length


def another_version(path, version=NEXT):
    """A copy of the executable that says it is that version, without what only a debugger reads: half of it in a sanitizer's build."""
    subprocess.run(["strip", "-o", str(path), str(BINARY)], check=True)
    content = pathlib.Path(path).read_bytes()
    # What stands before is looked at afterwards: a pattern that begins with a fixed text is found a hundred times as fast.
    words = re.compile(re.escape(VERSION.encode()) + rb"(?![0-9.])")
    content = words.sub(lambda word: word.group() if content[word.start() - 1] in b"0123456789." else version.encode(), content)
    pathlib.Path(path).write_bytes(content)
    os.chmod(path, 0o755)


def pretender(path, version, serves):
    """A script that answers for a program and then does what the test wants."""
    pathlib.Path(path).write_text(f"""#!/bin/sh
case $1 in
version) echo "sluice {version} {MACHINE}" ;;
check-config) exec {BINARY} "$@" ;;
*) {serves} ;;
esac
""")
    os.chmod(path, 0o755)


def children(process):
    """Of all its threads."""
    found = []
    for file in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(one) for one in file.read_text().split()]
    return found


def has_files(process):
    with contextlib.suppress(OSError):
        return os.listdir(f"/proc/{process}/fd")
    return []


class Upgrade(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.panel = Appliance().__enter__()
        cls.panel.sign_in()
        cls.releases = os.path.join(cls.panel.folder, "releases")
        os.mkdir(cls.releases)
        another_version(cls.release(NEXT))

    @classmethod
    def tearDownClass(cls):
        cls.panel.__exit__(None, None, None)

    @classmethod
    def release(cls, version):
        return os.path.join(cls.releases, f"sluice-{version}-{MACHINE}")

    @contextlib.contextmanager
    def node(self, name):
        """A node that is online: its id, its process, a tunnel on it."""
        node, line = make_node(self.panel, name)
        with AgentProcess() as agent:
            agent.enrol(line)
            wait_online(self.panel, node)
            yield node, agent, self.panel.data("/tunnel/create", {"name": name, "type": 1, "inNodeId": [{"nodeId": node}]})["id"]

    def version_of(self, node):
        return node_of(self.panel, node)["version"]

    def refused(self, path, body):
        with self.assertRaises(ApiError) as caught:
            self.panel.data(path, body)
        return caught.exception.reply["msg"]

    def test_nothing_is_lost_while_a_node_becomes_another_version_and_goes_back(self):
        panel = self.panel
        with self.node("traffic") as (node, agent, tunnel), TcpServer(echo) as target, UdpEcho() as datagrams:
            forward, port = panel.make_forward(tunnel, target.address)
            udp_forward, udp_port = panel.make_forward(tunnel, datagrams.address, name="udp")
            over, lost, sums, counts = threading.Event(), [], [hashlib.sha256(), hashlib.sha256()], {"bulk": 0, "storm": 0, "datagrams": 0}
            counting = threading.Lock()

            def count(what, size):
                with counting:
                    counts[what] += size

            def bulk(connection):
                piece = os.urandom(200_000)

                def say():
                    while not over.is_set():
                        connection.sendall(piece)
                        sums[0].update(piece)
                        count("bulk", len(piece))
                    connection.shutdown(socket.SHUT_WR)

                sender = threading.Thread(target=say)
                sender.start()
                while data := connection.recv(65536):
                    sums[1].update(data)
                sender.join()

            def storm():
                payload = os.urandom(3000)
                while not over.is_set():
                    try:
                        if exchange(port, payload) != payload:
                            lost.append("an answer was cut")
                    except OSError as problem:
                        lost.append(f"a connection was lost: {problem}")
                    count("storm", len(payload))

            def chat(client):
                for number in range(1_000_000):
                    if over.is_set():
                        return
                    client.send(b"%d" % number)
                    count("datagrams", len(b"%d" % number))
                    try:
                        if client.recv(100) != b"%d" % number:
                            lost.append("a datagram was another one")
                    except OSError:
                        lost.append(f"datagram {number} was lost")
                    time.sleep(0.002)

            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as long, \
                    socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as quiet, \
                    socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                quiet.sendall(b"one")
                self.assertEqual(quiet.recv(10), b"one")
                client.settimeout(PATIENCE)
                client.connect(("127.0.0.1", udp_port))
                threads = [threading.Thread(target=bulk, args=(long,)), threading.Thread(target=chat, args=(client,)),
                           *(threading.Thread(target=storm) for _ in range(3))]
                for thread in threads:
                    thread.start()
                try:
                    wait_until(lambda: counts["storm"] > 30_000 and counts["datagrams"] > 100, "traffic passes")
                    started = agent.process.pid
                    self.assertEqual(panel.data("/node/upgrade", {"id": node, "version": NEXT}), {"version": NEXT, "message": "OK"})
                    self.assertEqual(self.version_of(node), NEXT)
                    before = dict(counts)
                    wait_until(lambda: all(counts[one] > before[one] for one in counts), "traffic passes after the upgrade")
                    self.assertEqual(panel.data("/node/rollback", {"id": node}), {"message": "OK"})
                    self.assertEqual(self.version_of(node), VERSION)
                    before = dict(counts)
                    wait_until(lambda: all(counts[one] > before[one] for one in counts), "traffic passes after the way back")
                finally:
                    over.set()
                    for thread in threads:
                        thread.join(PATIENCE)
                quiet.sendall(b"two")
                self.assertEqual(quiet.recv(10), b"two")
            self.assertEqual(lost, [])
            self.assertEqual(sums[0].hexdigest(), sums[1].hexdigest())
            self.assertEqual(datagrams.senders, 1, "the target saw one session")

            def booked(which):
                item = panel.forward(which)
                return item["inFlow"], item["outFlow"]

            wait_until(lambda: booked(forward) == (counts["bulk"] + counts["storm"] + 6,) * 2, "every byte is booked once")
            wait_until(lambda: booked(udp_forward) == (counts["datagrams"],) * 2, "every datagram is booked once")
            # What was started is still what ends: whoever started it finds no difference.
            self.assertEqual(agent.process.pid, started)
            self.assertIsNone(agent.process.poll())
            self.assertEqual(agent.stop(), 0)

    def test_a_later_start_is_the_upgraded_program(self):
        with self.node("later") as (node, agent, tunnel), TcpServer(echo) as target:
            _, port = self.panel.make_forward(tunnel, target.address)
            self.panel.data("/node/upgrade", {"id": node, "version": NEXT})
            self.assertEqual(agent.stop(), 0)
            wait_online(self.panel, node, False)
            agent.start()
            wait_online(self.panel, node)
            self.assertEqual(self.version_of(node), NEXT)
            self.assertEqual(exchange(port, b"again"), b"again")
            # Nothing to do is no failure, and an older version is a rollback.
            self.assertEqual(self.panel.data("/node/upgrade", {"id": node, "version": NEXT})["message"], "OK")
            self.assertIn("请使用回退", self.refused("/node/upgrade", {"id": node, "version": VERSION}))
            # A program that was damaged on the disk is not started.
            agent.stop()
            program = next(pathlib.Path(agent.folder, "program").glob("sluice-*"))
            content = bytearray(program.read_bytes())
            content[len(content) // 2] ^= 1
            os.chmod(program, 0o755)
            program.write_bytes(content)
            agent.start()
            wait_until(lambda: self.version_of(node) == VERSION, "the installed program runs")
            self.assertIn("damaged", agent.log())

    def assert_goes_on(self, node, agent, port, held):
        """The node is what it was, with the connections that it had."""
        wait_online(self.panel, node)
        self.assertEqual(self.version_of(node), VERSION)
        held.sendall(b"still")
        self.assertEqual(held.recv(10), b"still")
        self.assertEqual(exchange(port, b"new"), b"new")
        self.assertIsNone(agent.process.poll())
        self.assertEqual([name for name in os.listdir(os.path.join(agent.folder, "program")) if name.startswith("sluice-")], [])

    def test_programs_that_do_not_work_change_nothing(self):
        cases = {"20.0": ("exit 3", "ended before it worked"), "21.0": ("kill -SEGV $$", "ended before it worked"), "22.0": ("exec sleep 1000", "within 30 seconds")}
        for version, (serves, _) in cases.items():
            pretender(self.release(version), version, serves)
        pretender(self.release("23.0"), "99.9", "exit 0")
        cases["23.0"] = ("", "is not version 23.0")
        another_version(self.release("24.0"))
        cases["24.0"] = ("", "is not version 24.0")
        pathlib.Path(self.release("25.0")).write_bytes(os.urandom(5000))
        cases["25.0"] = ("", "program")
        with self.node("broken") as (node, agent, tunnel), TcpServer(echo) as target:
            _, port = self.panel.make_forward(tunnel, target.address)
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as held:
                for version, (_, words) in cases.items():
                    with self.subTest(version):
                        said = self.refused("/node/upgrade", {"id": node, "version": version})
                        self.assertTrue(said.startswith("升级失败: 节点保持原版本运行: "), said)
                        self.assertIn(words, said)
                        self.assert_goes_on(node, agent, port, held)
                self.assertIn("没有适用于", self.refused_for_other_machine(node))
                self.assertIn("there is no version before", self.refused("/node/rollback", {"id": node}))
        for version in cases:
            os.unlink(self.release(version))

    def refused_for_other_machine(self, node):
        path = self.release("26.0").replace(ARCHITECTURE, "riscv64")
        pathlib.Path(path).write_text("x")
        try:
            return self.refused("/node/upgrade", {"id": node, "version": "26.0"})
        finally:
            os.unlink(path)

    def test_a_byte_that_changed_is_refused(self):
        path = self.release("30.0")
        pretender(path, "30.0", "exit 3")
        with self.node("byte") as (node, agent, tunnel), TcpServer(echo) as target:
            _, port = self.panel.make_forward(tunnel, target.address)
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as held:
                self.assertIn("ended before it worked", self.refused("/node/upgrade", {"id": node, "version": "30.0"}))
                # The panel has signed what it read; now the file says something else, and looks as it did.
                times, content = os.stat(path), pathlib.Path(path).read_text()
                with open(path, "r+") as file:
                    file.write(content.replace("exit 3", "exit 4"))
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
                self.assertIn("hash differs", self.refused("/node/upgrade", {"id": node, "version": "30.0"}))
                self.assert_goes_on(node, agent, port, held)
        os.unlink(path)

    def test_whoever_is_killed_in_the_middle_a_node_that_works_is_left(self):
        pretender(self.release("40.0"), "40.0", "exec sleep 1000")
        with self.node("killed") as (node, agent, tunnel), TcpServer(echo) as target:
            _, port = self.panel.make_forward(tunnel, target.address)

            def upgrade(answers):
                answers.append(self.panel.call("/node/upgrade", {"id": node, "version": "40.0"}))

            def begin():
                answers = []
                thread = threading.Thread(target=upgrade, args=(answers,))
                thread.start()

                def on_trial():
                    with contextlib.suppress(OSError):
                        return [one for one in children(agent.process.pid) if b"1000" in pathlib.Path(f"/proc/{one}/cmdline").read_bytes()]

                return answers, thread, wait_until(on_trial, "the candidate is on trial")[0]

            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as held:
                answers, thread, candidate = begin()
                os.kill(candidate, signal.SIGKILL)
                thread.join()
                self.assertIn("ended before it worked", answers[0]["msg"])
                self.assert_goes_on(node, agent, port, held)
            # The other one: whoever started it starts it again, and it is what it was.
            answers, thread, candidate = begin()
            agent.kill()
            os.kill(candidate, signal.SIGKILL)
            wait_until(lambda: not has_files(candidate), "the candidate is gone, with the lock that it had")
            agent.start()
            wait_online(self.panel, node)
            self.assertEqual(self.version_of(node), VERSION)
            self.assertEqual(exchange(port, b"works"), b"works")
            # And one that asks to stop in the middle does.
            thread.join()
            answers, thread, candidate = begin()
            self.assertEqual(agent.stop(), 0)
            thread.join()
            self.assertNotEqual(answers[0]["code"], 0)
            self.assertFalse(os.path.exists(f"/proc/{candidate}"))
        os.unlink(self.release("40.0"))

    def test_a_batch_stops_at_the_first_wave_that_fails(self):
        pretender(self.release("50.0"), "50.0", "exit 3")
        with self.node("first") as (first, _, _), self.node("second") as (second, agent, _), self.node("third") as (third, _, _):
            said = self.panel.data("/node/batch-upgrade", {"ids": [first, second, third], "version": "50.0"})
            self.assertEqual([one["success"] for one in said["results"]], [False, False, False])
            self.assertEqual(said["results"][1]["message"], "前一批节点升级失败，未执行")
            said = self.panel.data("/node/batch-upgrade", {"ids": [first, second, third], "version": NEXT})
            self.assertEqual(said, {"version": NEXT, "results": [{"id": one, "success": True, "message": "OK"} for one in (first, second, third)]})
            self.assertEqual({self.version_of(one) for one in (first, second, third)}, {NEXT})
            # One upgrade after the other: what was started stays what ends.
            later = "9" + VERSION[1:]
            another_version(self.release(later), later)
            self.panel.data("/node/upgrade", {"id": second, "version": later})
            self.assertIsNone(agent.process.poll())
            self.assertEqual(agent.stop(), 0)
            os.unlink(self.release(later))
        os.unlink(self.release("50.0"))

    def test_the_list_of_versions(self):
        offered = self.panel.data("/node/releases")
        self.assertEqual([one["version"] for one in offered if one["version"] in (NEXT, VERSION)], [NEXT, VERSION])
        self.assertTrue(all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["publishedAt"]) for one in offered))


if __name__ == "__main__":
    unittest.main()
