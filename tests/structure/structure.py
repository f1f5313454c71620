"""Reads the tree and says where it breaks its own rules. Which room may use what comes from rooms.txt, which CMake writes from the one
table in CMakeLists.txt; nothing about rooms is repeated here."""

import pathlib
import re

LONGEST_FILE = 500  # lines

# Headers of other people and the library of ours that stands for them. A room that includes one names the library in the table itself.
FOREIGN = (
    (re.compile(r"asio(\.hpp|/.*)"), "sluice::asio"),
    (re.compile(r"nlohmann/.*"), "sluice::json"),
    (re.compile(r"(SQLiteCpp/.*|sqlite3\.h)"), "sluice::sqlite"),
    (re.compile(r"openssl/.*"), "sluice::openssl"),
    (re.compile(r"argon2\.h"), "sluice::argon2"),
    (re.compile(r"httplib\.h"), "sluice::httplib"),
    (re.compile(r"(zlib|zconf)\.h"), "sluice::zlib"),
    (re.compile(r"minizip/.*"), "sluice::minizip"),
    (re.compile(r"toml(\+\+|plusplus)/.*"), "sluice::tomlplusplus"),
    (re.compile(r"yaml-cpp/.*"), "sluice::yaml"),
)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CODE = {".cpp", ".hpp", ".h", ".c", ".S", ".py", ".sh", ".mjs", ".js", ".ts", ".svelte", ".css", ".cmake", ".sql", ".html"}


class Table:
    """rooms.txt: `room PATH DEPENDS LIBRARIES TEST_LIBRARIES` and `built FILE`, tab-separated."""

    def __init__(self, text):
        self.depends, self.libraries, self.test_libraries, self.built = {}, {}, {}, set()
        for line in text.splitlines():
            kind, *fields = line.split("\t")
            if kind == "room":
                path, depends, libraries, test_libraries = fields
                self.depends[path] = {name for name in depends.split(",") if name}
                self.libraries[path] = {name for name in libraries.split(",") if name}
                self.test_libraries[path] = {name for name in test_libraries.split(",") if name}
            elif kind == "built":
                self.built.add(fields[0])
            else:
                raise ValueError(f"rooms.txt: what is {line!r}?")

    def reach(self, room):
        """The rooms that `room` may use: those it names and what those use."""
        seen, waiting = set(), [room]
        while waiting:
            for name in self.depends[waiting.pop()]:
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
        return seen

    def room_of(self, path):
        """The room of "api/http/router.hpp"; None where there is none."""
        folder = path.rpartition("/")[0]
        return folder if folder in self.depends else None


def problems(root, table, tracked=None):
    """One line for each broken rule below `root`, the top of the tree. `tracked` limits the length rule to these paths (relative)."""
    root = pathlib.Path(root)
    found = table_problems(table)
    if found:
        return found
    sources = sorted(path for path in (root / "src").rglob("*") if path.suffix in (".cpp", ".hpp", ".h"))
    for path in sources:
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        room = table.room_of(name.removeprefix("src/"))
        if room is None:
            found.append(f"{name}: its folder is not a room of CMakeLists.txt")
            continue
        if path.suffix == ".cpp" and name not in table.built:
            found.append(f"{name}: nothing compiles it" if not name.endswith("_test.cpp") else f"{name}: a test that nothing builds")
        if path.suffix != ".cpp":
            found += header_problems(name, text)
        found += include_problems(root, table, room, name, text)
    for path in sorted((root / "tests" / "fuzz").glob("*.cpp")):
        name = path.relative_to(root).as_posix()
        if path.name != "replay.cpp" and name not in table.built:
            found.append(f"{name}: a fuzz target that nothing builds")
    for name in tracked if tracked is not None else [path.relative_to(root).as_posix() for path in sources]:
        path = root / name
        if path.suffix in CODE and path.is_file():
            lines = path.read_bytes().count(b"\n")
            if lines > LONGEST_FILE:
                found.append(f"{name}: {lines} lines; at most {LONGEST_FILE}")
    return found


def table_problems(table):
    found = []
    for room, depends in table.depends.items():
        for name in depends - set(table.depends):
            found.append(f"CMakeLists.txt: room {room} depends on {name}, which is no room")
    if not found:
        found += [f"CMakeLists.txt: room {room} depends on itself, around a circle" for room in table.depends if room in table.reach(room)]
    return found


def header_problems(name, text):
    found = []
    if not re.search(r"^#pragma once$", text, re.MULTILINE):
        found.append(f"{name}: no #pragma once")
    if re.search(r"^\s*#\s*ifndef\s+\w*_(H|HPP|INCLUDED)_*\s*$", text, re.MULTILINE):
        found.append(f"{name}: a header guard; #pragma once needs no name that could be wrong")
    if re.search(r"^\s*using\s+namespace\s", text, re.MULTILINE):
        found.append(f"{name}: using namespace in a header reaches everybody who includes it")
    return found


def include_problems(root, table, room, name, text):
    found = []
    libraries = table.libraries[room] | (table.test_libraries[room] if name.endswith("_test.cpp") else set())
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        how, what = match.groups()
        where = f"{name}:{number}"
        if how == "<":
            for pattern, library in FOREIGN:
                if pattern.fullmatch(what) and library not in libraries:
                    found.append(f"{where}: <{what}> in room {room}, which does not name {library}")
            continue
        other = table.room_of(what)
        if other is None:
            found.append(f'{where}: "{what}" is no header of a room (write the path from src/; other people\'s headers take <>)')
        elif not (root / "src" / what).is_file():
            found.append(f'{where}: "{what}" does not exist')
        elif other != room and other not in table.reach(room):
            way = "upward" if room in table.reach(other) else "sideways"
            found.append(f'{where}: "{what}" looks {way}: room {room} may not use {other}')
        if what.endswith(".cpp"):
            found.append(f'{where}: includes a source file')
    return found
