"""What forwarding costs, measured: bytes per second and CPU time per gigabyte through a TCP forward beside the same transfer without one,
new connections per second, and round trips of small messages. Prints numbers; fails only when bytes do not arrive.

    SLUICE_BINARY=build/sluice python3 tests/bench/forward.py
"""

import os
import pathlib
import socket
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from appliance import Appliance, TcpServer, echo  # noqa: E402

BYTES = int(os.environ.get("BENCH_BYTES", 4 << 30))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", 3_000))
ROUND_TRIPS = 5_000


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(what, value, unit):
    print(f"  {what:<58} {value:>10.2f} {unit}")


class Sink:
    """Swallows everything and tells how much it was."""

    def __init__(self):
        self.amount = 0
        self.done = threading.Event()

    def __call__(self, connection):
        buffer = bytearray(1 << 20)
        while count := connection.recv_into(buffer):
            self.amount += count
        self.done.set()


def transfer(port, sink):
    block = bytes(1 << 20)
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(BYTES >> 20):
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)
        if not sink.done.wait(600):
            raise RuntimeError("the bytes did not arrive")
    if sink.amount != BYTES >> 20 << 20:
        raise RuntimeError(f"{sink.amount} bytes arrived")
    return BYTES / (time.perf_counter() - began)


def round_trips(port):
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(ROUND_TRIPS):
            began = time.perf_counter()
            connection.sendall(b"x" * 64)
            connection.recv(64)
            times.append((time.perf_counter() - began) * 1e6)
    return statistics.median(times)


def connects(port):
    began = time.perf_counter()
    for _ in range(CONNECTIONS):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"x")
            connection.recv(1)
    return CONNECTIONS / (time.perf_counter() - began)


def main():
    print("TCP forwarding")
    with Appliance() as sluice:
        sluice.sign_in()
        tunnel = sluice.make_tunnel()
        direct = Sink()
        with TcpServer(direct) as server:
            show("without a forward", transfer(server.port, direct) / 1e9, "GB/s")
        through = Sink()
        with TcpServer(through) as server:
            _, port = sluice.make_forward(tunnel, server.address, name="bulk")
            before = cpu_seconds(sluice.process)
            show("through a forward", transfer(port, through) / 1e9, "GB/s")
            show("CPU of the executable", (cpu_seconds(sluice.process) - before) / (BYTES / 1e9), "s per GB")
        with TcpServer(echo) as server:
            _, port = sluice.make_forward(tunnel, server.address, name="echo")
            show("round trip of 64 bytes without a forward, median", round_trips(server.port), "us")
            show("round trip of 64 bytes through a forward, median", round_trips(port), "us")
            show("new connections, one after the other, without", connects(server.port), "per s")
            show("new connections, one after the other, through", connects(port), "per s")


if __name__ == "__main__":
    main()
