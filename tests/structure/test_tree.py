"""The tree keeps its rules; and the check of that can fail."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from structure import LONGEST_FILE, Table, problems

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tracked_files():
    """What git knows; everything where this is no clone."""
    try:
        listed = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
                                capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        return None
    return [name for name in listed if name and not name.endswith("package-lock.json")]


class OurTree(unittest.TestCase):
    def test_keeps_its_rules(self):
        table = Table((pathlib.Path(os.environ["SLUICE_BUILD_DIR"]) / "rooms.txt").read_text(encoding="utf-8"))
        self.assertGreater(len(table.depends), 10, "the table has the rooms")
        self.assertEqual("\n".join(problems(ROOT, table, tracked_files())), "")


class BadTree(unittest.TestCase):
    """A small tree that is right; each test breaks one thing and must hear about exactly that."""

    TABLE = ("room\tbase\t\t\t\nroom\tdomain\tbase\t\t\nroom\tnet\tbase\tsluice::asio\tsluice::openssl\n"
             "room\tpanel\tdomain\tsluice::json\t\nroom\tapi/one\tpanel,net\t\t\nroom\tapi/two\tpanel\t\t\n"
             "built\tsrc/base/text.cpp\nbuilt\tsrc/base/text_test.cpp\nbuilt\tsrc/net/asio_test.cpp\nbuilt\ttests/fuzz/text.cpp\n")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("base/text.hpp", "#pragma once\n#include <string>\n")
        self.write("base/text.cpp", '#include "base/text.hpp"\n')
        self.write("base/text_test.cpp", '#include "base/text.hpp"\n#include <doctest/doctest.h>\n')
        self.write("domain/user.hpp", '#pragma once\n#include "base/text.hpp"\n')
        self.write("net/asio.hpp", "#pragma once\n#include <asio.hpp>\n")
        self.write("panel/users.hpp", '#pragma once\n#include "domain/user.hpp"\n#include "base/text.hpp"\n#include <nlohmann/json.hpp>\n')
        self.write("api/one/one.hpp", '#pragma once\n#include "panel/users.hpp"\n#include "net/asio.hpp"\n')
        self.write("api/two/two.hpp", '#pragma once\n#include "panel/users.hpp"\n')
        self.write("../tests/fuzz/text.cpp", "")

    def write(self, name, text):
        path = self.root / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def expect(self, *fragments, table=None):
        found = problems(self.root, Table(table or self.TABLE))
        self.assertEqual(len(found), len(fragments), found)
        for line, fragment in zip(found, fragments):
            self.assertIn(fragment, line)

    def test_the_right_tree_is_right(self):
        self.expect()

    def test_upward(self):
        self.write("base/text.cpp", '#include "base/text.hpp"\n#include "panel/users.hpp"\n')
        self.expect("src/base/text.cpp:2: \"panel/users.hpp\" looks upward")

    def test_sideways(self):
        self.write("api/two/two.hpp", '#pragma once\n#include "api/one/one.hpp"\n')
        self.expect("looks sideways: room api/two may not use api/one")

    def test_a_test_file_is_no_exception(self):
        self.write("base/text_test.cpp", '#include "domain/user.hpp"\n')
        self.expect("src/base/text_test.cpp:1")

    def test_indentation_and_spaces_hide_nothing(self):
        self.write("domain/user.hpp", '#pragma once\n  #  include "net/asio.hpp" // why not\n')
        self.expect("looks sideways: room domain may not use net")

    def test_foreign_headers_where_they_are_not_known(self):
        self.write("domain/user.hpp", "#pragma once\n#include <asio/buffer.hpp>\n#include <nlohmann/json_fwd.hpp>\n#include <sqlite3.h>\n")
        self.expect("does not name sluice::asio", "does not name sluice::json", "does not name sluice::sqlite")

    def test_a_library_of_a_room_below_is_not_ones_own(self):
        self.write("api/one/one.hpp", "#pragma once\n#include <asio.hpp>\n")
        self.expect("<asio.hpp> in room api/one")

    def test_a_library_for_tests_is_for_tests(self):
        self.write("net/asio_test.cpp", "#include <openssl/ssl.h>\n")
        self.expect()
        self.write("net/asio.hpp", "#pragma once\n#include <openssl/ssl.h>\n")
        self.expect("<openssl/ssl.h> in room net")

    def test_paths_that_are_not_from_the_top(self):
        self.write("panel/users.hpp", '#pragma once\n#include "../domain/user.hpp"\n#include "users.hpp"\n#include "base/none.hpp"\n')
        self.expect("is no header of a room", "is no header of a room", "does not exist")

    def test_a_folder_that_is_no_room(self):
        self.write("extra/more.hpp", "#pragma once\n")
        self.expect("src/extra/more.hpp: its folder is not a room")

    def test_sources_and_tests_that_nothing_builds(self):
        self.write("domain/user.cpp", "")
        self.write("domain/user_test.cpp", "")
        self.write("../tests/fuzz/user.cpp", "")
        self.expect("nothing compiles it", "a test that nothing builds", "a fuzz target that nothing builds")

    def test_headers(self):
        self.write("base/text.hpp", "#ifndef SLUICE_BASE_TEXT_HPP\n#define SLUICE_BASE_TEXT_HPP\nusing namespace std;\n#endif\n")
        self.expect("no #pragma once", "header guard", "using namespace")

    def test_long_files(self):
        self.write("base/text.cpp", "\n" * (LONGEST_FILE + 1))
        self.expect(f"src/base/text.cpp: {LONGEST_FILE + 1} lines")
        self.write("base/text.cpp", "\n" * LONGEST_FILE)
        self.expect()

    def test_circles_and_unknown_rooms_in_the_table(self):
        self.expect(*["depends on itself"] * 6, table=self.TABLE.replace("room\tbase\t", "room\tbase\tapi/one,api/two"))
        self.expect("depends on store, which is no room", table=self.TABLE.replace("room\tbase\t", "room\tbase\tstore"))


if __name__ == "__main__":
    unittest.main()
