"""A node without a panel: forwards from the command line, and from the plan that it has."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import unittest

from appliance import BINARY, PATIENCE, TcpServer, UdpEcho, echo, exchange, free_port, wait_until


class Agent:
    """One running agent with its own data folder."""

    def __init__(self, *arguments, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="sluice-agent-")
        self.log_path = os.path.join(self.folder, "process.log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(BINARY), "--agent", "--data-dir", self.folder, *arguments],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)
        return self.process.returncode


def passes(port, payload=b"through"):
    try:
        return exchange(port, payload) == payload
    except OSError:
        return False


class WithoutPanel(unittest.TestCase):
    def test_forwards_of_the_command_line_carry_streams_and_datagrams(self):
        tcp, both = free_port(), free_port()
        with TcpServer(echo) as server, UdpEcho() as datagrams:
            with Agent("--forward", f"tcp://127.0.0.1:{tcp}={server.address}", "--forward", f"udp://127.0.0.1:{both}={datagrams.address}") as agent:
                wait_until(lambda: passes(tcp), "streams pass")
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    client.settimeout(PATIENCE)
                    client.connect(("127.0.0.1", both))
                    client.send(b"datagram")
                    self.assertEqual(client.recv(100), b"datagram")
                self.assertEqual(agent.stop(), 0, agent.log())
            self.assertFalse(passes(tcp))

    def test_a_forward_whose_port_is_taken_ends_the_start_with_the_reason(self):
        with TcpServer(echo) as server, socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with Agent("--forward", f"tcp://127.0.0.1:{port}={server.address}") as agent:
                self.assertEqual(agent.process.wait(PATIENCE), 1)
                self.assertIn(f"tcp 127.0.0.1:{port}: Address already in use", agent.log())

    def test_a_second_one_on_the_same_data_is_refused(self):
        port = free_port()
        with TcpServer(echo) as server, Agent("--forward", f"tcp://127.0.0.1:{port}={server.address}") as agent:
            wait_until(lambda: passes(port), "the forward works")
            second = Agent("--forward", f"tcp://127.0.0.1:{free_port()}={server.address}", folder=agent.folder)
            self.assertNotEqual(second.process.wait(PATIENCE), 0)
            self.assertIn(str(agent.process.pid), agent.log())
            self.assertTrue(passes(port), "the first one is not disturbed")

    def test_counters_outlive_a_kill(self):
        port = free_port()
        with TcpServer(echo) as server, Agent("--forward", f"tcp://127.0.0.1:{port}={server.address}") as agent:
            wait_until(lambda: passes(port), "the forward works")
            self.assertTrue(passes(port, b"x" * 100_000))
            agent.stop(signal.SIGKILL)
            with open(os.path.join(agent.folder, "agent", "counters.bin"), "rb") as file:
                data = file.read()
            # With what was being sent: the kill may fall between a send and its count.
            up, down = (sum(sum(struct.unpack_from("<Q", data, slot + at)[0] for at in places) for slot in range(4096, len(data), 64))
                        for places in ((16, 40), (24, 48)))
            self.assertEqual(up, down)
            self.assertGreaterEqual(up, 100_007)
            again = Agent("--forward", f"tcp://127.0.0.1:{port}={server.address}", folder=agent.folder)
            try:
                wait_until(lambda: passes(port), "the forward works again")
            finally:
                self.assertEqual(again.stop(), 0)

    def test_a_wrong_forward_is_a_usage_error_that_names_it(self):
        for wrong in ("tcp://:80", "tcp://:0=a:1", "tcp://:80=", "ftp://:80=a:1"):
            folder = tempfile.mkdtemp(prefix="sluice-agent-")
            done = subprocess.run([str(BINARY), "--agent", "--data-dir", folder, "--forward", wrong], capture_output=True, text=True, timeout=PATIENCE)
            shutil.rmtree(folder)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("forward", done.stderr)


if __name__ == "__main__":
    unittest.main()
