"""The systemd units are well-formed, agree with the executable, and are as closed as they were when they were written."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "systemd").glob("*.service"))
WORST = 20  # of 100: systemd's exposure level, times ten


class Units(unittest.TestCase):
    def test_there_are_two(self):
        self.assertEqual([unit.name for unit in UNITS], ["sluice-agent.service", "sluice.service"])

    def test_systemd_understands_them(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "sluice"  # verify wants the program to be there
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
            for unit in UNITS:
                copy = pathlib.Path(folder) / unit.name
                copy.write_text(unit.read_text().replace("/usr/bin/sluice", str(program)))
                done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False)
                own = [line for line in done.stderr.splitlines() if unit.name in line or str(copy) in line]
                self.assertEqual(own, [], done.stderr)

    def test_they_stay_closed(self):
        for unit in UNITS:
            done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={WORST}", "--no-pager", str(unit)],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout[-1500:] + done.stderr)

    def test_only_the_state_folder_is_writable(self):
        for unit in UNITS:
            text = unit.read_text()
            self.assertIn("\nProtectSystem=strict\n", text)
            self.assertNotRegex(text, r"(?m)^(ReadWritePaths|CacheDirectory|LogsDirectory|ConfigurationDirectory)=")
            folder = re.search(r"(?m)^StateDirectory=(\S+)$", text).group(1)
            self.assertIn(f"--data-dir %S/{folder}\n", text)

    def test_a_threshold_that_nothing_meets_is_noticed(self):
        """The check above can fail."""
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=1", "--no-pager", str(UNITS[0])],
                              capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    if not shutil.which("systemd-analyze"):
        print("no systemd-analyze here: skipped")
        sys.exit(77)
    unittest.main()
