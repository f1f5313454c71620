"""The HTTP front under load, measured: how fast it answers beside 10,000 idle and 500 slow connections, what an idle connection costs in
memory, plain and over TLS, and how many requests per second it serves. A benchmark: it prints numbers, and what the numbers should be
beside them; it fails only when something does not work at all.

    SLUICE_BINARY=build/sluice python3 tests/bench/front.py
"""

import asyncio
import os
import pathlib
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from appliance import Appliance  # noqa: E402

IDLE = int(os.environ.get("BENCH_IDLE", 10_000))
SLOW = int(os.environ.get("BENCH_SLOW", 500))
GET = b"GET /health HTTP/1.1\r\nHost: bench\r\n\r\n"


def resident(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS")


def sources():
    """Loopback addresses to connect from: the front caps connections per address."""
    number = 0
    while True:
        yield f"127.0.{number // 250 % 250 + 1}.{number % 250 + 1}"
        number += 1


def response_times(port, count=200):
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            began = time.perf_counter()
            connection.sendall(GET)
            if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("/health did not answer 200")
            times.append((time.perf_counter() - began) * 1000)
    return times


async def open_many(port, count, secure=None, first=b""):
    """Opens `count` connections, each from one of many addresses, at most 200 handshakes at once."""
    place = sources()
    limit = asyncio.Semaphore(200)

    async def one(source):
        async with limit:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=secure, local_addr=(source, 0), limit=1024)
            if first:
                writer.write(first)
            return reader, writer

    return await asyncio.gather(*(one(next(place)) for _ in range(count)))


def show(what, value, unit, wanted):
    print(f"  {what:<58} {value:>10.2f} {unit:<6} {wanted}")


def show_times(what, times, wanted):
    ordered = sorted(times)
    show(what + ", median", statistics.median(ordered), "ms", "")
    show(what + ", slowest", ordered[-1], "ms", wanted)


async def crowd():
    with Appliance() as sluice:
        response_times(sluice.port)  # warm
        show_times("a request, nobody else there", response_times(sluice.port), "")
        before = resident(sluice.process)
        idle = await open_many(sluice.port, IDLE)
        await asyncio.sleep(0.5)
        show(f"memory per idle connection ({len(idle)} plain)", (resident(sluice.process) - before) / len(idle) / 1000, "kB", "at most 12")
        slow = await open_many(sluice.port, SLOW, first=b"POST /api/v1/user/login HTTP/1.1\r\nHost: bench\r\nContent-Le")

        async def crawl():
            while True:
                for _, writer in slow:
                    writer.write(b"n")
                await asyncio.sleep(0.5)

        crawling = asyncio.create_task(crawl())
        times = await asyncio.to_thread(response_times, sluice.port)
        show_times(f"a request beside {len(idle)} idle and {len(slow)} slow", times, "under 50")
        crawling.cancel()
        for _, writer in idle + slow:
            writer.transport.abort()
    with Appliance() as sluice:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        count = min(IDLE, 2_000)
        response_times(sluice.port)
        before = resident(sluice.process)
        began = time.perf_counter()
        idle = await open_many(sluice.port, count, secure=context)
        show("TLS handshakes", count / (time.perf_counter() - began), "per s", "")
        await asyncio.sleep(0.5)
        show(f"memory per idle connection ({count} TLS)", (resident(sluice.process) - before) / count / 1000, "kB", "at most 24")
        for _, writer in idle:
            writer.transport.abort()


def throughput():
    if not shutil.which("wrk"):
        print("  wrk is not there: no requests per second")
        return
    with Appliance() as sluice:
        for connections in (64, 1000):
            said = subprocess.run(["wrk", "-t", "2", "-c", str(connections), "-d", "5s", "--latency", f"http://127.0.0.1:{sluice.port}/health"],
                                  capture_output=True, text=True, check=True).stdout
            rate = next(line for line in said.splitlines() if line.startswith("Requests/sec"))
            show(f"requests over {connections} kept connections", float(rate.split()[1]), "per s", "")


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < IDLE + SLOW + 200:
        IDLE = hard - SLOW - 200
        print(f"  (only {hard} descriptors: {IDLE} idle connections)")
    print("HTTP front")
    asyncio.run(crowd())
    throughput()
