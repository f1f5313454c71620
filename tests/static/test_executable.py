"""What the linker made: one file that needs nothing of its host, hardened, and small."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

BINARY = os.environ.get("SLUICE_BINARY", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "sluice"))
LARGEST = 15_000_000  # bytes, stripped


def readelf(option, path=BINARY):
    return subprocess.run(["readelf", "--wide", option, path], capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


class Executable(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            stripped = pathlib.Path(folder) / "sluice"
            subprocess.run(["strip", "-o", str(stripped), BINARY], check=True)
            cls.content = stripped.read_bytes()

    def test_is_small(self):
        self.assertLessEqual(len(self.content), LARGEST)
        self.assertGreater(len(self.content), 1_000_000, "this is not the whole program")

    def test_is_a_static_pie(self):
        self.assertRegex(readelf("--file-header"), r"Type:\s+DYN")
        self.assertNotIn("INTERP", readelf("--program-headers"))
        dynamic = readelf("--dynamic")
        self.assertNotIn("(NEEDED)", dynamic)
        self.assertRegex(dynamic, r"\(FLAGS_1\)\s+Flags:.*\bPIE\b")

    def test_is_hardened(self):
        headers = readelf("--program-headers")
        self.assertIn("GNU_RELRO", headers)
        self.assertRegex(readelf("--dynamic"), r"\(FLAGS_1\)\s+Flags:.*\bNOW\b")
        stack = re.search(r"GNU_STACK\s+(?:0x\w+\s+){5}(\S+(?: \S+)*?)\s+0x", headers)
        self.assertEqual(stack and stack.group(1), "RW", "the stack is not executable")
        loads = re.findall(r"LOAD\s+(?:0x\w+\s+){5}([RWE ]+?)\s+0x", headers)
        self.assertGreaterEqual(len(loads), 3)
        for flags in loads:
            self.assertFalse("W" in flags and "E" in flags, "no memory is writable and executable at once")

    def test_names_no_folder_of_the_machine_that_built_it(self):
        root = str(pathlib.Path(__file__).resolve().parents[2]).encode()
        self.assertNotIn(root, self.content)


if __name__ == "__main__":
    unittest.main()
