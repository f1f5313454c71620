"""Reads a transcript (tests/api/README.md) and compares replies with what it expects. Knows nothing of the program under test."""

import json
import re
import time

METHODS = "GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS"
REQUEST = re.compile(rf"^\[(?P<who>[\w-]+)\] (?P<method>{METHODS}) (?P<path>\S+)(?P<headers>( \S+=\S*)*)$")


class Step:
    """One request with the reply that it must get, or one directive."""

    def __init__(self, line, where):
        self.line = line
        self.where = where
        self.body = None
        self.expected = None

    @property
    def is_directive(self):
        return self.line.startswith("@")


def parse(text, name):
    """Steps of a transcript. Raises ValueError with file and line where it is malformed."""
    steps = []
    part = None  # what continuation lines belong to: "body" or "reply"
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{name}:{number}"
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("@"):
            steps.append(Step(line, where))
            part = None
        elif REQUEST.match(line):
            steps.append(Step(line, where))
            part = "body"
        elif line.startswith("= ") and part == "body":
            steps[-1].expected = line[2:]
            part = "reply"
        elif part == "body":
            steps[-1].body = line if steps[-1].body is None else steps[-1].body + "\n" + line
        elif part == "reply":
            steps[-1].expected += "\n" + line
        else:
            raise ValueError(f"{where}: neither a request nor a directive: {line}")
    for step in steps:
        if not step.is_directive and step.expected is None:
            raise ValueError(f"{step.where}: no reply is expected")
    return steps


def fill(text, values):
    """Replaces ${name}."""
    def one(match):
        if match[1] not in values:
            raise KeyError(f"nothing is known as ${{{match[1]}}}")
        return str(values[match[1]])
    return re.sub(r"\$\{([\w.-]+)\}", one, text)


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


PLACEHOLDERS = {
    "<int>": _is_int,
    "<number>": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "<text>": lambda value: isinstance(value, str) and value != "",
    "<any>": lambda value: True,
    "<now>": lambda value: _is_int(value) and abs(value - time.time() * 1000) < 10 * 60 * 1000,
    "<ms>": lambda value: _is_int(value) and len(str(value)) == 13,
    "<token>": lambda value: isinstance(value, str) and re.fullmatch(r"[\w-]+\.[\w]+\.[\w-]+", value) is not None,
    "<hex32>": lambda value: isinstance(value, str) and re.fullmatch(r"[0-9a-f]{32}", value) is not None,
}


def compare(expected, actual, values, path="reply"):
    """A list of differences. `{"...":0}` allows more keys, `["..."]` at the end more items; `<save:name>` and `<save:name:int>` remember."""
    if isinstance(expected, str):
        saved = re.fullmatch(r"<save:([\w.-]+)>", expected)
        if saved:
            values[saved[1]] = actual
            return []
        if expected in PLACEHOLDERS:
            return [] if PLACEHOLDERS[expected](actual) else [f"{path}: {json.dumps(actual, ensure_ascii=False)} is no {expected}"]
    if isinstance(expected, dict) and isinstance(actual, dict):
        problems = [f"{path}.{key}: missing" for key in expected if key != "..." and key not in actual]
        if "..." not in expected:
            problems += [f"{path}.{key}: not expected ({json.dumps(actual[key], ensure_ascii=False)})" for key in actual if key not in expected]
        for key in expected:
            if key in actual:
                problems += compare(expected[key], actual[key], values, f"{path}.{key}")
        return problems
    if isinstance(expected, list) and isinstance(actual, list):
        more = bool(expected) and expected[-1] == "..."
        wanted = expected[:-1] if more else expected
        if len(actual) < len(wanted) or (len(actual) > len(wanted) and not more):
            return [f"{path}: {len(actual)} items instead of {len(wanted)}"]
        return [problem for index, item in enumerate(wanted) for problem in compare(item, actual[index], values, f"{path}[{index}]")]
    # 1 and true are equal in Python and not in JSON; 1 and 1.0 are the same number in both.
    same_kind = isinstance(expected, bool) == isinstance(actual, bool)
    if same_kind and expected == actual:
        return []
    return [f"{path}: {json.dumps(actual, ensure_ascii=False)} instead of {json.dumps(expected, ensure_ascii=False)}"]
