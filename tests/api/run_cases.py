#!/usr/bin/env python3
"""Plays the transcripts of tests/api against the real executable (SLUICE_BINARY). Arguments: names of cases, default all."""

import contextlib
import json
import pathlib
import socket
import sys
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
sys.path.insert(0, str(HERE))

import appliance  # noqa: E402
import document  # noqa: E402
import live_feed  # noqa: E402
import permissions  # noqa: E402
import words  # noqa: E402
from transcript import REQUEST, compare, fill, parse  # noqa: E402

SUCCESS = "操作成功"
PASSWORD = "Case-Password-1"


def expected_envelope(text):
    """The JSON that `= ...` stands for, or None for `HTTP ...`."""
    head, _, rest = text.partition(" ")
    if head == "HTTP":
        return None
    if text.partition("\n")[0].strip() == "ok":
        return {"code": 0, "msg": SUCCESS, "ts": "<now>"}
    if head == "ok":
        return {"code": 0, "msg": SUCCESS, "ts": "<now>", "data": json.loads(rest)}
    return {"code": int(head), "msg": rest, "ts": "<now>"}


class Player:
    def __init__(self, site, resources):
        self.site = site
        self.resources = resources
        self.tokens = {"nobody": None, "bad": "no.token.really"}
        self.values = {"password": appliance.PASSWORD, "user-password": PASSWORD}
        self.next_body = None
        self.sign_in("admin", "admin_user", appliance.PASSWORD)
        self.tokens["bearer"] = "Bearer " + self.tokens["admin"]

    def sign_in(self, who, name, password):
        data = self.site.data("/user/login", {"username": name, "password": password}, token="")
        self.tokens[who] = data["token"]
        self.values[who + ".token"] = data["token"]

    def direct(self, line):
        word, *arguments = fill(line, self.values).split(" ", 2)
        if word == "@user":
            name = arguments[0]
            more = json.loads(arguments[1]) if len(arguments) > 1 else {}
            made = self.site.data("/user/create", {"user": name, "pwd": PASSWORD, **more}, token=self.tokens["admin"])
            self.values[name + ".id"] = made["id"]
            self.sign_in(name, name, PASSWORD)
        elif word == "@sign-in":
            name, password = arguments[1].split(" ")
            self.sign_in(arguments[0], name, password)
        elif word == "@port":
            self.values[arguments[0]] = appliance.free_port()
        elif word == "@taken":
            listener = self.resources.enter_context(socket.create_server(("0.0.0.0", 0)))
            self.values[arguments[0]] = listener.getsockname()[1]
        elif word == "@target":
            server = self.resources.enter_context(appliance.TcpServer(appliance.echo))
            self.values[arguments[0]] = server.address
        elif word == "@raw":
            self.next_body = bytes.fromhex("".join(arguments))
        elif word == "@big":
            self.next_body = b'{"id":1,"x":"' + b"x" * (int(arguments[0]) - 15) + b'"}'
        else:
            raise ValueError(f"unknown directive {word}")

    def play(self, step):
        """Differences between the reply and what the step expects."""
        if step.is_directive:
            self.direct(step.line)
            return []
        match = REQUEST.match(step.line)
        headers = dict(item.split("=", 1) for item in match["headers"].split())
        token = self.tokens[match["who"]]
        if token is not None:
            headers["Authorization"] = token
        body = self.next_body
        self.next_body = None
        if body is None:
            body = fill(step.body, self.values).encode() if step.body is not None else None
        status, reply_headers, content = self.site.request(match["method"], fill(match["path"], self.values), body, headers)
        expected = fill(step.expected, self.values)
        envelope = expected_envelope(expected)
        if envelope is None:
            _, wanted, *text = expected.split(" ", 2)
            problems = [] if status == int(wanted) else [f"HTTP {status} instead of {wanted}: {content[:200]!r}"]
            if text and content.decode() != text[0]:
                problems.append(f"body {content[:200]!r} instead of {text[0]!r}")
            return problems
        if status != 200:
            return [f"HTTP {status}: {content[:300]!r}"]
        kind = reply_headers.get("Content-Type")
        problems = [] if kind == "application/json; charset=utf-8" else [f"Content-Type {kind}"]
        return problems + compare(envelope, json.loads(content), self.values)


def what_the_log_must_not_hold(site, player):
    """Errors, since no request of a case is the program's fault, and anything that opens a door."""
    log = site.log()
    problems = [f"an error in the log: {line}" for line in log.split("\n") if " error " in line]
    secrets = {value for name, value in player.values.items() if name.endswith((".token", "password", "secret"))}
    secrets.update(value for value in player.tokens.values() if value)
    problems += [f"a secret in the log: {secret[:12]}..." for secret in secrets if str(secret) in log]
    return problems


def run_case(path):
    steps = parse(path.read_text(encoding="utf-8"), path.name)
    failures = []
    with contextlib.ExitStack() as resources:
        site = resources.enter_context(appliance.Appliance())
        player = Player(site, resources)
        for step in steps:
            try:
                problems = player.play(step)
            except Exception:  # noqa: BLE001: every surprise is a failure of this step
                problems = [traceback.format_exc(limit=3)]
            if problems:
                failures.append(f"{step.where}: {step.line}\n    " + "\n    ".join(problems))
                if step.is_directive:
                    break  # what follows stands on it
        failures += what_the_log_must_not_hold(site, player)
    return len([step for step in steps if not step.is_directive]), failures


def main(names):
    cases = sorted(path for path in HERE.glob("*/*.case") if not names or path.stem in names)
    failed = 0
    exchanges = 0
    for path in cases:
        count, failures = run_case(path)
        exchanges += count
        failed += len(failures)
        print(f"{'FAILED' if failures else 'ok':6} {path.relative_to(HERE)} ({count} exchanges)", flush=True)
        for failure in failures:
            print("  " + failure, flush=True)
    whole = {"permissions": lambda: permissions.run(HERE / "flvx" / "permissions.table"), "document": document.differences, "live_feed": live_feed.run, "words": words.run}
    for name, run in whole.items():
        if names and name not in names:
            continue
        count, failures = run()
        exchanges += count
        failed += len(failures)
        print(f"{'FAILED' if failures else 'ok':6} {name} ({count})", flush=True)
        for failure in failures:
            print("  " + failure, flush=True)
    print(f"{exchanges} exchanges, {failed} failures")
    return 1 if failed or not exchanges else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
