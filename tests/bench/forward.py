"""What forwarding costs beside the peers, measured: bulk, small messages, short connections, datagrams. Writes docs/BENCHMARKS.md and prints it.

Every forwarder runs on one core of its own, the ends of the traffic on the others, all on loopback. Rounds are interleaved and shuffled; a cell
is the median over the rounds, with the spread of the middle 60 %. Processor time is the forwarder's own (user and system, children included), per
unit of work: that is the number to trust on a machine with neighbours. Reports, never fails a build.

    SLUICE_BINARY=build/sluice python3 tests/bench/forward.py        all rounds
    QUICK=1 ...                                                      under five minutes
    BENCH_PEERS=sluice,haproxy BENCH_SCENARIOS=bulk ...              only what these words begin or name
    BENCH_REPORT=FILE ...                                            write there instead
"""

import contextlib
import datetime
import json
import os
import pathlib
import platform
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SLUICE_BINARY", ROOT / "build" / "sluice")).resolve()
TOOLS = ROOT / "build" / "bench"
QUICK = os.environ.get("QUICK", "") not in ("", "0")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 3 if QUICK else 7))
SECONDS = float(os.environ.get("BENCH_SECONDS", 0.8 if QUICK else 2))
CORES = sorted(os.sched_getaffinity(0))
FORWARDER, ENDS = CORES[-1], CORES[:-1] or CORES
TICKS = os.sysconf("SC_CLK_TCK")

# name, arguments of the load tool with {port} and {count}, what one operation is, datagrams
SCENARIOS = [
    ("bulk 1 stream, down", ["bulk", "{port}", "1", "down"], "GB", False),
    ("bulk 8 streams, up", ["bulk", "{port}", "8", "up"], "GB", False),
    ("64-byte exchanges, 1 connection", ["ping", "{port}", "1"], "exchange", False),
    ("64-byte exchanges, 64 connections", ["ping", "{port}", "64"], "exchange", False),
    ("short connections", ["connect", "{port}"], "connection", False),
    ("64-byte datagrams, 1 flow", ["udp-ping", "{port}", "1"], "exchange", True),
    ("1200-byte datagrams, flood of 8 flows", ["udp-flood", "{port}", "{count}", "8"], "datagram", True),
]


def free_port():
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, contextlib.suppress(OSError):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port


def pinned(core, command):
    cores = core if isinstance(core, list) else [core]
    return ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]


class Forwarder:
    """A running peer: its port, its processes, its processor time."""

    datagrams = False

    def __init__(self, folder, target):
        self.folder, self.target, self.port = pathlib.Path(folder), target, free_port()
        self.process = None

    def command(self):
        raise NotImplementedError

    def start(self):
        command = self.command()
        if command:
            self.process = subprocess.Popen(pinned(FORWARDER, command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=open(self.folder / "log", "wb"), start_new_session=True)
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-500:])
            time.sleep(0.05)

    def stop(self):
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # a group that was started here
            self.process.wait()

    def seconds(self):
        """Of every thread of the group to the nanosecond, and of its children that have ended to the tick."""
        total = 0.0
        for entry in pathlib.Path("/proc").iterdir() if self.process else ():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.process.pid:
                    total += sum(map(int, fields[13:15])) / TICKS
                    total += sum(int((task / "schedstat").read_text().split()[0]) for task in (entry / "task").iterdir()) / 1e9
        return total


class Direct(Forwarder):
    name, datagrams = "direct", True

    def command(self):
        self.port = self.target


class Sluice(Forwarder):
    name, datagrams = "Sluice", True

    def command(self):
        return [BINARY, "--agent", "--workers", "1", "--data-dir", self.folder / "data", "--log-level", "warning",
                "--forward", f"127.0.0.1:{self.port}=127.0.0.1:{self.target}"]


class Haproxy(Forwarder):
    name, tool, splice = "HAProxy", "haproxy", ""

    def command(self):
        (self.folder / "haproxy.cfg").write_text(
            f"global\n nbthread 1\n maxconn 4000\n{self.splice}defaults\n mode tcp\n timeout connect 5s\n timeout client 1h\n timeout server 1h\n"
            + (" option splice-request\n option splice-response\n" if self.splice else "")
            + f"listen x\n bind 127.0.0.1:{self.port}\n server s 127.0.0.1:{self.target}\n")
        return ["haproxy", "-db", "-f", self.folder / "haproxy.cfg"]


class HaproxySplice(Haproxy):
    name, splice = "HAProxy, splice, 1 MB pipes", " tune.pipesize 1048576\n"


class Nginx(Forwarder):
    name, tool, datagrams = "nginx stream", "nginx", True

    def command(self):
        module = next(iter(pathlib.Path("/usr/lib/nginx/modules").glob("ngx_stream_module.so")), None)
        (self.folder / "nginx.conf").write_text(
            (f"load_module {module};\n" if module else "")
            + f"daemon off; worker_processes 1; pid {self.folder}/pid; error_log stderr crit; worker_rlimit_nofile 8000;\n"
              f"events {{ worker_connections 4000; }}\n"
              f"stream {{ server {{ listen 127.0.0.1:{self.port} backlog=4096; tcp_nodelay on; proxy_pass 127.0.0.1:{self.target}; }}\n"
              f" server {{ listen 127.0.0.1:{self.port} udp; proxy_pass 127.0.0.1:{self.target}; proxy_timeout 60s; }} }}\n")
        return ["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf"]


class Socat(Forwarder):
    name, tool = "socat", "socat"

    def command(self):
        return ["socat", f"TCP-LISTEN:{self.port},bind=127.0.0.1,fork,reuseaddr,backlog=4096,nodelay", f"TCP:127.0.0.1:{self.target},nodelay"]


class Gost(Forwarder):
    name, tool = "gost", "gost"

    def command(self):
        return ["gost", "-L", f"tcp://127.0.0.1:{self.port}/127.0.0.1:{self.target}"]


class Realm(Forwarder):
    name, tool = "realm", "realm"

    def command(self):
        return ["realm", "-l", f"127.0.0.1:{self.port}", "-r", f"127.0.0.1:{self.target}"]


class AsioRelay(Forwarder):
    name, kind = "plain relay, 64 KB copies, asio", "asio"

    def command(self):
        return [TOOLS / "relay", self.kind, self.port, self.target]


class EpollRelay(AsioRelay):
    name, kind = "plain relay, 64 KB copies, own epoll loop", "epoll"


def build_tools():
    for command in (["cmake", "-S", ROOT / "tests" / "bench", "-B", TOOLS, "-G", "Ninja"], ["ninja", "-C", TOOLS]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def measure(forwarder, arguments, counting_port):
    """(operations per second, median time, 99th percentile, seconds of processor per operation) of one run."""
    words = [word.format(port=forwarder.port, count=counting_port) for word in arguments]
    before = forwarder.seconds()
    done = subprocess.run(pinned(ENDS, [TOOLS / "load", *words, SECONDS]), capture_output=True, text=True, timeout=SECONDS + 60)
    if done.returncode != 0:
        raise RuntimeError(f"{forwarder.name}: {words[0]}: {done.stderr.strip()}")
    used = forwarder.seconds() - before
    result = json.loads(done.stdout)
    amount = result["bytes"] / 1e9 if "bytes" in result else result["operations"]
    if amount == 0:
        raise RuntimeError(f"{forwarder.name}: {words[0]}: nothing came through")
    return {"rate": amount / result["seconds"], "cost": used / amount, "p50": result.get("p50"), "p99": result.get("p99")}


def middle(values):
    values = sorted(values)
    cut = len(values) // 5
    return values[cut], values[len(values) - 1 - cut]


def cell(values, scale=1.0, digits=2):
    values = [value * scale for value in values]
    low, high = middle(values)
    return f"{statistics.median(values):,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


def table(title, unit, rows):
    bulk = unit == "GB"
    lines = [f"### {title}", ""]
    head = ["forwarder", "Gbit/s" if bulk else f"{unit}s/s", "s of CPU/GB" if bulk else f"µs of CPU/{unit}"]
    timed = any(row["p50"] for row in rows.values() if row["p50"])
    if timed:
        head += ["p50 µs", "p99 µs"]
    lines += ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for name, row in rows.items():
        cells = [name, cell(row["rate"], 8 if bulk else 1, 2 if bulk else 0),
                 "–" if name == Direct.name else cell(row["cost"], 1 if bulk else 1e6, 3 if bulk else 2)]
        if timed:
            cells += [cell(row["p50"], digits=1), cell(row["p99"], digits=1)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines + [""]


def ratios(results):
    """Within each round, so that a slow round is slow for both; the median of them."""
    def of(scenario, ours, theirs, field, worst=None):
        rows = results.get(scenario, {})
        if ours not in rows or theirs not in rows:
            return None
        pairs = [a / b for a, b in zip(rows[ours][field], rows[theirs][field]) if b]
        return statistics.median(pairs) if pairs else None

    splice, ping1, ping64 = HaproxySplice.name, SCENARIOS[2][0], SCENARIOS[3][0]
    users = [HaproxySplice.name, Haproxy.name, Nginx.name, Socat.name, Gost.name, Realm.name]

    def best(scenario, field, smaller):
        rows = {name: row for name, row in results.get(scenario, {}).items() if name in users}
        choose = min if smaller else max
        return choose(rows, key=lambda name: statistics.median(rows[name][field]), default=None)

    wanted = [
        ("bulk down, throughput, to HAProxy with splice", of(SCENARIOS[0][0], "Sluice", splice, "rate"), "≥ 1.05"),
        ("bulk down, CPU/GB, to HAProxy with splice", of(SCENARIOS[0][0], "Sluice", splice, "cost"), "≤ 0.80"),
        ("bulk up, 8 streams, throughput, to HAProxy with splice", of(SCENARIOS[1][0], "Sluice", splice, "rate"), "≥ 1.05"),
        ("bulk up, 8 streams, CPU/GB, to HAProxy with splice", of(SCENARIOS[1][0], "Sluice", splice, "cost"), "≤ 0.80"),
        ("exchanges, 1 connection, p50, to the best peer", of(ping1, "Sluice", best(ping1, "p50", True), "p50"), "≤ 0.90"),
        ("exchanges, 64 connections, p50, to the best peer", of(ping64, "Sluice", best(ping64, "p50", True), "p50"), "≤ 0.90"),
        ("exchanges, 64 connections, CPU, to HAProxy", of(ping64, "Sluice", Haproxy.name, "cost"), "≤ 0.80"),
        ("short connections, rate, to the best peer", of(SCENARIOS[4][0], "Sluice", best(SCENARIOS[4][0], "rate", False), "rate"), "≥ 1.15"),
        ("short connections, CPU, to HAProxy", of(SCENARIOS[4][0], "Sluice", Haproxy.name, "cost"), "≤ 0.85"),
        ("datagram flood, delivered, to nginx", of(SCENARIOS[6][0], "Sluice", Nginx.name, "rate"), "≥ 10"),
        ("datagram flood, CPU per datagram, to nginx", of(SCENARIOS[6][0], "Sluice", Nginx.name, "cost"), "≤ 0.10"),
        ("asio in the byte pump, CPU/GB, to the same relay on epoll", of(SCENARIOS[0][0], AsioRelay.name, EpollRelay.name, "cost"), "–"),
        ("asio in the byte pump, CPU/exchange at 64, to the same relay on epoll", of(ping64, AsioRelay.name, EpollRelay.name, "cost"), "–"),
        ("asio in the byte pump, CPU/connection, to the same relay on epoll", of(SCENARIOS[4][0], AsioRelay.name, EpollRelay.name, "cost"), "–"),
    ]
    lines = ["### Ratios", "", "| what | measured | goal |", "| --- | --- | --- |"]
    lines += [f"| {what} | {'–' if value is None else f'{value:.2f}'} | {goal} |" for what, value, goal in wanted]
    return lines + [""]


def machine(load_before):
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="ascii") if line.startswith("model name")), platform.machine())
    memory = next(line.split()[1] for line in open("/proc/meminfo", encoding="ascii"))
    versions = []
    for tool, flag in (("haproxy", "-v"), ("nginx", "-v"), ("socat", "-V"), ("gost", "-V"), ("realm", "-v")):
        if shutil.which(tool):
            said = subprocess.run([tool, flag], capture_output=True, text=True)
            lines = (said.stdout + said.stderr).splitlines()
            versions.append(next((line.strip() for line in lines if "version" in line.lower() or tool in line.lower()), tool)[:60])
    said = subprocess.run([BINARY, "version"], capture_output=True, text=True).stdout.strip().splitlines()
    return [f"- {model}, {os.cpu_count()} cores, {int(memory) // 1024 // 1024} GB of memory, Linux {platform.release()}",
            f"- forwarder on core {FORWARDER}, ends on {', '.join(map(str, ENDS))}; loopback; {ROUNDS} rounds of {SECONDS:g} s per cell",
            f"- load average {load_before:.1f} before and {os.getloadavg()[0]:.1f} after the measurement: of an idle machine, the first is near 0"
            + (" (**this one was busy: trust the ratios, not the rates**)" if load_before > 1 else ""),
            f"- {said[0] if said else 'sluice'}; " + "; ".join(versions)]


def main():
    build_tools()
    load_before = os.getloadavg()[0]
    peers = [word for word in os.environ.get("BENCH_PEERS", "").lower().split(",") if word]
    chosen = os.environ.get("BENCH_SCENARIOS", "")
    scenarios = [scenario for scenario in SCENARIOS if chosen in scenario[0]]
    kinds = [kind for kind in (Direct, Sluice, HaproxySplice, Haproxy, Nginx, Socat, Gost, Realm, AsioRelay, EpollRelay)
             if (not hasattr(kind, "tool") or shutil.which(kind.tool)) and (not peers or any(word in kind.name.lower() for word in peers))]
    results, notes = {}, []
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder, contextlib.ExitStack() as stack:
        port = free_port()
        server = subprocess.Popen(pinned(ENDS, [TOOLS / "load", "serve", port]))
        stack.callback(lambda: (server.kill(), server.wait()))
        running = []
        for number, kind in enumerate(kinds):
            place = pathlib.Path(folder, str(number))
            place.mkdir()
            forwarder = kind(place, port)
            stack.callback(forwarder.stop)
            try:
                forwarder.start()
                running.append(forwarder)
            except (OSError, RuntimeError) as problem:
                notes.append(f"{kind.name} did not start: {problem}")
        for round_number in range(ROUNDS):
            for name, arguments, _, datagrams in scenarios:
                for forwarder in random.sample(running, len(running)):
                    if datagrams and not forwarder.datagrams:
                        continue
                    try:
                        sample = measure(forwarder, arguments, port)
                    except (RuntimeError, subprocess.TimeoutExpired, ValueError) as problem:
                        notes.append(str(problem).splitlines()[0][:200])
                        continue
                    row = results.setdefault(name, {}).setdefault(forwarder.name, {"rate": [], "cost": [], "p50": [], "p99": []})
                    for field, value in sample.items():
                        if value is not None:
                            row[field].append(value)
            print(f"round {round_number + 1} of {ROUNDS}", file=sys.stderr, flush=True)

    order = [kind.name for kind in kinds]
    lines = ["# Benchmarks", "", "Made by `make bench` (`QUICK=1 make bench` takes under five minutes); each run replaces this file. Medians, with the",
             "spread of the middle 60 % of the rounds in brackets. How it is measured stands at the beginning of `tests/bench/forward.py`.", "",
             f"## {datetime.date.today().isoformat()}", "", *machine(load_before), ""]
    lines += ratios(results)
    for name, _, unit, _ in scenarios:
        rows = results.get(name, {})
        lines += table(name, unit, {peer: rows[peer] for peer in order if peer in rows})
    if notes:
        lines += ["### What went wrong", ""] + [f"- {note}" for note in sorted(set(notes))] + [""]
    text = "\n".join(lines).rstrip() + "\n"
    pathlib.Path(os.environ.get("BENCH_REPORT", ROOT / "docs" / "BENCHMARKS.md")).write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
