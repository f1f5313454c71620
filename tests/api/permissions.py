"""Who may call what: every row of a table against the real executable, as nobody, as a regular user and as the administrator, and with
every kind of malformed body. A route of the dialect's tables without a row is a failure."""

import contextlib
import json
import pathlib
import re

import appliance

ROOT = pathlib.Path(__file__).resolve().parents[2]
MISSING = "未登录或token已过期"
INVALID = "无效的token或token已过期"
ADMIN_ONLY = "权限不足，仅管理员可操作"
WRONG_METHOD = "请求失败"
PASSWORD = "Case-Password-1"
NO_SHARE = "Missing Authorization header"
NO_BEARER = "Invalid Authorization format"
NO_SUCH_SHARE = "Invalid token"

BAD_BODIES = {
    "empty": b"",
    "broken": b'{"id":1',
    "a list": b"[]",
    "a text": b'"id"',
    "not UTF-8": b'{"id":"\xff"}',
    "too deep": b'{"a":' * 80 + b"1" + b"}" * 80,
}


class Row:
    """`access path body-kind code message`: who may call it, and how a body that is no object is answered."""

    def __init__(self, line):
        self.access, self.path, self.body, *rest = line.split(" ", 4)
        self.code = int(rest[0]) if rest else None
        self.message = rest[1] if len(rest) > 1 else None


def read_table(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    return [Row(line) for line in lines if line.strip() and not line.startswith("#")]


def routes_in_source():
    """The paths of the dialect's route tables."""
    paths = set()
    for source in (ROOT / "src" / "api" / "flvx").glob("*_routes.cpp"):
        text = source.read_text(encoding="utf-8")
        paths.update(re.findall(r'\{"(/api/v1/[^"]+)", Access::', text))
    return paths


class Caller:
    def __init__(self, site):
        self.site = site
        self.failures = []
        self.calls = 0

    def expect(self, what, path, token, body, wanted, method="POST", headers=None):
        """`wanted` is (code, message), or a function of the envelope."""
        self.calls += 1
        all_headers = {"Authorization": token} if token is not None else {}
        all_headers.update(headers or {})
        status, reply_headers, content = self.site.request(method, path, body, all_headers)
        try:
            reply = json.loads(content)
            got = (reply["code"], reply["msg"])
        except (ValueError, KeyError):
            got = (status, content[:100])
        if reply_headers.get("Access-Control-Allow-Origin") != "*":
            self.failures.append(f"{path} {what}: no CORS header")
        right = wanted(got) if callable(wanted) else got == wanted
        if not right:
            self.failures.append(f"{path} {what}: {got} instead of {'something else' if callable(wanted) else wanted}")


def passed_guard(got):
    """An envelope that is not the guard's, or a success without an envelope."""
    return got[0] == 200 or (got[0] != 401 and got != (403, ADMIN_ONLY) and isinstance(got[1], str))


def run(table):
    rows = read_table(table)
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(appliance.Appliance())
        site.sign_in()
        admin = site.token
        site.data("/user/create", {"user": "person", "pwd": PASSWORD})
        person = site.data("/user/login", {"username": "person", "password": PASSWORD}, token="")["token"]
        caller = Caller(site)
        share = site.data("/federation/share/create", {"name": "guarded", "nodeId": 1, "portRangeStart": 21000, "portRangeEnd": 21010})["token"]
        known = {row.path for row in rows}
        caller.failures += [f"{path}: a route without a row in {table.name}" for path in sorted(routes_in_source() - known)]
        caller.failures += [f"{path}: a row without a route" for path in sorted(known - routes_in_source())]
        altered = admin[:-4] + ("AAAA" if not admin.endswith("AAAA") else "BBBB")
        before = fingerprint(site)
        for row in rows:
            if row.access == "PEER":
                check_peer_access(caller, row, admin, person, share)
                check_bodies(caller, row, "Bearer " + share)
                continue
            check_access(caller, row, admin, person, altered)
            check_bodies(caller, row, admin)
        # Nothing of all this changed anything.
        if fingerprint(site) != before:
            caller.failures.append("a refused call changed something")
        check_guard(caller, admin, person)
        return caller.calls, caller.failures


def fingerprint(site):
    return json.dumps([site.data(path, {}) for path in ("/node/list", "/tunnel/list", "/forward/list", "/user/list", "/config/list", "/federation/share/list")], sort_keys=True)


def fresh(site, name, password):
    return site.data("/user/login", {"username": name, "password": password}, token="")["token"]


def wrong_method(row):
    return "Invalid method" if row.path.startswith("/api/v1/federation/") else WRONG_METHOD


def check_peer_access(caller, row, admin, person, share):
    """Another panel asks, with a share's token behind Bearer; whoever is signed in is nobody here."""
    nothing = b'{"id":0}'
    caller.expect("as nobody", row.path, None, nothing, (401, NO_SHARE))
    for what, token in (("as a regular user", person), ("as the administrator", admin), ("with a bare token", share), ("with half of it", "Bearer"),
                        ("with more words", f"Bearer {share} more"), ("by another scheme", f"Basic {share}")):
        caller.expect(what, row.path, token, nothing, (401, NO_BEARER))
    for what, token in (("with an unknown token", "0" * 64), ("with a user's token", admin), ("with part of a token", share[:-1])):
        caller.expect(what, row.path, "Bearer " + token, nothing, (401, NO_SUCH_SHARE))
    caller.expect("with a share's token", row.path, "Bearer " + share, nothing, passed_guard)
    for method in ("GET", "PUT", "DELETE"):
        caller.expect(f"by {method}", row.path, "Bearer " + share, None, (-1, "Invalid method"), method=method)


def check_access(caller, row, admin, person, altered):
    if row.body == "ends":  # each call uses a session up
        site = caller.site
        caller.expect("as nobody", row.path, None, b"", (401, MISSING))
        for name, password in (("person", PASSWORD), ("admin_user", appliance.PASSWORD)):
            token = fresh(site, name, password)
            caller.expect(f"as {name}", row.path, token, b"", passed_guard)
            caller.expect(f"as {name}, afterwards", row.path, token, b"", (401, INVALID))
        return
    nothing = b'{"id":0}'  # an object that no endpoint acts on
    if row.access == "PUB":
        caller.expect("as nobody", row.path, None, nothing, passed_guard)
        caller.expect("with a bad token", row.path, "no.token.really", nothing, passed_guard)
    else:
        caller.expect("as nobody", row.path, None, nothing, (401, MISSING))
        caller.expect("as nobody, GET", row.path, None, None, (401, MISSING), method="GET")
        for what, token in (("with half a token", "abc.def"), ("with an altered signature", altered), ("behind Bearer", "Bearer " + admin)):
            caller.expect(what, row.path, token, nothing, (401, INVALID))
    caller.expect("as a regular user", row.path, person, nothing, (403, ADMIN_ONLY) if row.access == "ADMIN" else passed_guard)
    caller.expect("as the administrator", row.path, admin, nothing, passed_guard)
    caller.expect("with blanks around the token", row.path, f"  {admin} ", nothing, passed_guard)
    wrong = ("PUT",) if row.body == "GET" else ("GET", "PUT", "DELETE")
    for method in wrong:
        caller.expect(f"by {method}", row.path, admin, None, (-1, wrong_method(row)), method=method)


def check_bodies(caller, row, admin):
    if row.body in ("none", "GET", "ends"):
        return  # whatever comes is not read; the administrator's call above went through
    for what, body in BAD_BODIES.items():
        if row.body == "file":
            caller.expect(f"with a file that is {what}", row.path, admin, body, lambda got: got[0] == row.code and isinstance(got[1], str))
        elif what == "empty" and row.body == "optional":
            caller.expect("with an empty body", row.path, admin, body, lambda got: got[0] == 0)
        else:
            caller.expect(f"with a body that is {what}", row.path, admin, body, (row.code, row.message))


def check_guard(caller, admin, person):
    caller.expect("unknown, as nobody", "/api/v1/nowhere", None, None, (401, MISSING))
    caller.expect("unknown, outside v1, as nobody", "/api/nowhere", None, None, (401, MISSING))
    caller.expect("unknown, bad token", "/api/v1/nowhere", "no.token.really", None, (401, INVALID))
    caller.expect("unknown in an administrators' folder", "/api/v1/node/nowhere", person, None, (403, ADMIN_ONLY))
    caller.expect("unknown below tunnel", "/api/v1/tunnel/user/nowhere", person, None, (403, ADMIN_ONLY))
    for path in ("/api/v1/nowhere", "/api/v1/node/nowhere", "/api/v1/user/login/more", "/api/v1/captcha/generate"):
        caller.expect("unknown, as the administrator", path, admin, None, lambda got: got == (404, b"404 page not found"))
    for path in ("/api/v1/node/list", "/api/v1/nowhere", "/flow/test", "/"):
        caller.calls += 1
        status, headers, body = caller.site.request("OPTIONS", path, None, {"Origin": "http://elsewhere.example"})
        wanted = {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Headers": "*",
            "Access-Control-Allow-Methods": "GET, POST, DELETE, PUT, OPTIONS",
            "Access-Control-Expose-Headers": "Authorization",
        }
        if status != 204 or body or any(headers.get(name) != value for name, value in wanted.items()):
            caller.failures.append(f"OPTIONS {path}: {status} {dict(headers)}")
    # 2 MiB is over the limit of a body; the refusal must not cost the server its life.
    caller.calls += 1
    # It is announced and not sent: the refusal comes with the head, and would race with a client that still writes.
    announced = {"Authorization": admin, "Content-Length": str(2 << 20)}
    status, _, _ = caller.site.request("POST", "/api/v1/node/list", b"{", announced)
    if status != 413:
        caller.failures.append(f"a body of 2 MiB: HTTP {status} instead of 413")
    caller.calls += 1
    if caller.site.request("GET", "/health")[0] != 200:
        caller.failures.append("/health does not answer 200 afterwards")
