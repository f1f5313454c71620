#!/usr/bin/env python3
"""The table of endpoints in docs/FLVX.md, made from the route tables in src/api/flvx and from permissions.table.

Without arguments: says what differs and fails. With --write: writes the table anew.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "FLVX.md"
BEGIN = "<!-- endpoints: made by tests/api/document.py -->"
END = "<!-- end of endpoints -->"
ROUTE = re.compile(
    r'(?P<english>english\()?\{"(?P<path>/api/v1/[^"]+)",\s*Access::(?P<access>\w+),\s*Needs::(?P<needs>\w+),\s*(?P<handle>[\w:<>&]+)'
    r'(?:,\s*(?P<code>-?\d+)(?:,\s*(?:"(?P<message>[^"]*)"|\{\})(?:,\s*(?:(?P<get>true)|false)(?:,\s*\w+)?)?)?)?\}')
ACCESS = {"open": "anybody", "signed_in": "signed in", "admin": "administrator", "peer": "another panel", "stopped_peer": "another panel"}
NEEDS = {"nothing": "not read", "bytes": "a file, as it is or as a form's part", "anything": "read if it is an object", "object": "object", "object_or_empty": "object or empty"}


def table():
    lines = ["| Method | Path | Who | Body | Answer to a body that is none |", "|---|---|---|---|---|"]
    count = 0
    for source in sorted((ROOT / "src" / "api" / "flvx").glob("*_routes.cpp")):
        text = source.read_text(encoding="utf-8")
        routes = list(ROUTE.finditer(text))
        if len(routes) != len(re.findall(r'\{"/api/v1/', text)):
            raise SystemExit(f"{source.name}: a route is written in a way that this script does not read")
        for route in routes:
            count += 1
            method = "GET, POST" if route["get"] else "POST"
            bad = "" if route["needs"] in ("nothing", "anything", "bytes") else f"{route['code'] or -1} {route['message'] or ('Invalid JSON' if route['english'] else '请求参数错误')}"
            lines.append(f"| {method} | `{route['path']}` | {ACCESS[route['access']]} | {NEEDS[route['needs']]} | {bad} |")
    return "\n".join(lines), count


def differences():
    page = PAGE.read_text(encoding="utf-8")
    found = page[page.index(BEGIN) + len(BEGIN):page.index(END)].strip()
    wanted, count = table()
    return count, [] if found == wanted else ["docs/FLVX.md does not list the endpoints as they are; tests/api/document.py --write mends it"]


def main():
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        head, rest = page.split(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n{table()[0]}\n{END}{rest.split(END)[1]}", encoding="utf-8")
        return 0
    count, problems = differences()
    for problem in problems:
        print(problem)
    print(f"{count} endpoints")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
