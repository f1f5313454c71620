"""Moving an FLVX panel in: at the console and through the API, more than once, and not at all when something is in the way."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

import flvx_database
from appliance import BINARY, PATIENCE, Appliance, TcpServer, echo, exchange, free_port, wait_until


def move_in(folder, path, *more):
    return subprocess.run([str(BINARY), "import-flvx", path, "--data-dir", folder, *more], capture_output=True, text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL)


def named(items, **wanted):
    return next((item for item in items if all(item[key] == value for key, value in wanted.items())), None)


class Console(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sluice-flvx-")
        self.database = os.path.join(self.folder, "gost.db")
        self.port = free_port()
        flvx_database.make(self.database, self.port)

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def test_says_first_what_will_come_over_then_does_it_and_changes_nothing_the_second_time(self):
        with Appliance() as sluice:
            sluice.sign_in()
            local = sluice.local_node()["id"]
            self.assertEqual(local, 1)
            self.assertNotEqual(move_in(sluice.folder, self.database).returncode, 0, "the panel is running")
            before = flvx_database.sections(sluice)
            sluice.stop()

            shown = move_in(sluice.folder, self.database)
            self.assertEqual(shown.returncode, 0, shown.stderr)
            for line in ("users: 2 new, 1 changed, 0 as they are", "forwards: 1 new, 0 changed, 0 as they are, 2 left out", "users 1 'root': replaces (user admin_user)",
                         "nodes 3 'theirs': remote_node", "forwards 11 'orphan': missing_parent (tunnel, 99)", "forwards 12 'nowhere': no_target",
                         "nodes 2 'us': adjusted (port, 9000-8000, 8000-9000)", "users 3 'bob': adjusted (flowResetTime, 99, 0)",
                         "tunnels 3 'direct': renamed (direct, direct (2))", "configs 'captcha_enabled': refused_setting", "stays behind: statistics_flow, 1 rows",
                         "stays behind: peer_share, 1 rows", "moved_local (1, 3)", "Nothing was changed."):
                self.assertIn(line, shown.stdout)
            sluice.start()
            sluice.sign_in()
            self.assertEqual(flvx_database.sections(sluice), before)
            sluice.stop()

            done = move_in(sluice.folder, self.database, "--yes")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout.endswith("Done.\n"))
            sluice.start()
            self.assertEqual(sluice.call("/user/login", {"username": "admin_user", "password": "e2e-Password-7"}, token="")["code"], -1)
            sluice.sign_in("root", flvx_database.ADMIN_PASSWORD)
            alice = named(sluice.data("/user/list"), user="alice")
            self.assertEqual((alice["id"], alice["flow"], alice["inFlow"], alice["outFlow"], alice["flowResetTime"]), (2, 50, 1_000_000, 2_000_000, 31))
            nodes = sluice.data("/node/list")
            self.assertEqual((named(nodes, id=1)["name"], named(nodes, id=1)["http"], named(nodes, id=1)["status"]), ("hk", 1, 0))
            self.assertEqual(sluice.local_node()["id"], 3)
            moved = flvx_database.sections(sluice)
            self.assertEqual({node["id"]: node["secret"] for node in moved["nodes"] if node["id"] in (1, 2)}, flvx_database.SECRETS)
            web = sluice.forward(10)
            self.assertEqual((web["inPort"], web["remoteAddr"], web["strategy"], web["inFlow"], web["outFlow"], web["inx"], web["status"]),
                             (self.port, "10.0.0.1:80,10.0.0.2:80", "rand", 700, 800, 3, 1))
            tunnel = named(sluice.data("/tunnel/list"), id=2)
            self.assertEqual((tunnel["type"], tunnel["ipPreference"], [hop["protocol"] for hop in tunnel["outNodeId"]]), (2, "v4", ["wss"]))
            assignment = named(moved["userTunnels"], id=20)
            self.assertEqual((assignment["speedId"], assignment["inFlow"], assignment["outFlow"]), (6, 300, 400))
            self.assertEqual(moved["permissions"][0]["grants"][0]["userTunnelId"], 20)
            self.assertEqual(moved["tunnelGroups"][0]["tunnels"], [1])

            sluice.sign_in("alice", flvx_database.ALICE_PASSWORD)
            package = sluice.data("/user/package")
            self.assertEqual((package["userInfo"]["inFlow"], len(package["forwards"])), (1_000_000, 1))
            sluice.sign_in("root", flvx_database.ADMIN_PASSWORD)
            stable = flvx_database.sections(sluice)
            sluice.stop()

            again = move_in(sluice.folder, self.database, "--yes")
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertIn("users: 0 new, 0 changed, 3 as they are", again.stdout)
            sluice.start()
            sluice.sign_in("root", flvx_database.ADMIN_PASSWORD)
            self.assertEqual(flvx_database.sections(sluice), stable)
            self.assertEqual(sluice.sign_in("alice", flvx_database.ALICE_PASSWORD) != "", True)

    def test_a_later_file_brings_what_changed_there_and_neither_counters_nor_what_changed_here_go_back(self):
        with Appliance() as sluice:
            sluice.stop()
            self.assertEqual(move_in(sluice.folder, self.database, "--yes").returncode, 0)
            sluice.start()
            sluice.sign_in("root", flvx_database.ADMIN_PASSWORD)
            sluice.data("/user/update", {"id": 2, "user": "alice", "pwd": "chosen-Here-1", "flow": 60, "num": 10, "expTime": flvx_database.NEVER, "flowResetTime": 31})
            backup = {"version": "1.0", "types": ["users"], "users": [dict(user, inFlow=9_000_000) for user in json.loads(
                sluice.request("POST", "/api/v1/backup/export", "{}", {"Authorization": sluice.token})[2])["users"] if user["id"] == 2]}
            sluice.data("/backup/import", backup)
            sluice.data("/forward/force-delete", {"id": 10})
            sluice.stop()
            flvx_database.change(self.database, "UPDATE user SET in_flow = 5000000, out_flow = 5000000 WHERE id = 2")
            flvx_database.change(self.database, "UPDATE tunnel SET traffic_ratio = 3 WHERE id = 1")
            done = move_in(sluice.folder, self.database, "--yes")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("forwards 10 'web': deleted_here", done.stdout)
            sluice.start()
            sluice.sign_in("root", flvx_database.ADMIN_PASSWORD)
            alice = named(sluice.data("/user/list"), id=2)
            self.assertEqual((alice["flow"], alice["inFlow"], alice["outFlow"]), (60, 9_000_000, 5_000_000))
            self.assertEqual(named(sluice.data("/tunnel/list"), id=1)["trafficRatio"], 3)
            self.assertIsNone(sluice.forward(10))
            sluice.sign_in("alice", "chosen-Here-1")

    def test_what_is_taken_here_stops_everything(self):
        with Appliance() as sluice:
            sluice.sign_in()
            sluice.data("/user/create", {"user": "somebody", "pwd": "somebody-1"})
            before = flvx_database.sections(sluice)
            sluice.stop()
            refused = move_in(sluice.folder, self.database, "--yes")
            self.assertEqual(refused.returncode, 1)
            self.assertIn("users 2 'alice': taken (user somebody)", refused.stdout)
            self.assertIn("nothing was changed", refused.stderr)
            sluice.start()
            sluice.sign_in()
            self.assertEqual(flvx_database.sections(sluice), before)

    def test_before_the_first_start_there_is_nothing_to_replace(self):
        folder = os.path.join(self.folder, "fresh")
        done = move_in(folder, self.database, "--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("replaces", done.stdout)
        with Appliance(data_dir=folder) as sluice:
            sluice.sign_in("root", flvx_database.ADMIN_PASSWORD)
            self.assertFalse(os.path.exists(os.path.join(folder, "initial-password")))

    def test_what_is_no_flvx_panel_is_refused(self):
        other = os.path.join(self.folder, "other.db")
        flvx_database.change(other, "CREATE TABLE t (x)")
        text = os.path.join(self.folder, "text")
        with open(text, "w") as file:
            file.write('{"hello": 1}')
        broken = os.path.join(self.folder, "broken.db")
        with open(self.database, "rb") as source, open(broken, "wb") as file:
            file.write(source.read(5000))
        for path, words in ((other, "not the database of an FLVX panel"), (text, "not the export of an FLVX panel"), (broken, ""), ("/nowhere", "/nowhere")):
            refused = move_in(os.path.join(self.folder, "data"), path, "--yes")
            self.assertEqual(refused.returncode, 1, path)
            self.assertIn(words, refused.stderr)
            self.assertEqual(refused.stderr.count("\n"), 1, refused.stderr)


class Upload(unittest.TestCase):
    def test_a_running_panel_takes_an_export_and_its_own_node_makes_room_without_a_gap(self):
        with tempfile.TemporaryDirectory() as folder, Appliance() as sluice, TcpServer(echo) as server:
            database = os.path.join(folder, "gost.db")
            flvx_database.make(database, free_port())
            flvx_database.change(database, "PRAGMA wal_checkpoint(TRUNCATE)")
            with open(database, "rb") as file:
                content = file.read()
            sluice.sign_in()
            headers = {"Authorization": sluice.token, "Content-Type": "application/octet-stream"}
            preview = json.loads(sluice.request("POST", "/api/v1/backup/flvx/preview", content, headers)[2])
            self.assertEqual(preview["code"], 0, preview)
            self.assertEqual((preview["data"]["form"], preview["data"]["possible"]), ("sqlite", True))
            self.assertEqual(preview["data"]["sections"]["users"], {"added": 2, "changed": 1, "unchanged": 0, "leftOut": 0})
            self.assertEqual(preview["data"]["sections"]["nodes"]["leftOut"], 1)
            self.assertEqual(sluice.data("/user/list"), [])
            self.assertEqual(sluice.local_node()["id"], 1)

            done = json.loads(sluice.request("POST", "/api/v1/backup/flvx/import", content, headers)[2])
            self.assertEqual(done["code"], 0, done)
            self.assertEqual(done["data"]["sections"], preview["data"]["sections"])
            wait_until(lambda: sluice.local_node()["id"] == 3, "the local node is online under its new id")
            tunnel = sluice.make_tunnel("here")
            _, port = sluice.make_forward(tunnel, server.address)
            self.assertEqual(exchange(port, b"still forwarding"), b"still forwarding")
            again = json.loads(sluice.request("POST", "/api/v1/backup/flvx/import", content, headers)[2])
            self.assertEqual((again["code"], again["data"]["sections"]["forwards"]["unchanged"]), (0, 1))
            for rubbish in (b"", b"SQLite format 3\0" + b"x" * 500, b"[]"):
                self.assertEqual(json.loads(sluice.request("POST", "/api/v1/backup/flvx/preview", rubbish, headers)[2])["code"], -1)
            self.assertEqual(os.listdir(os.path.join(sluice.folder, "passing")), [])


if __name__ == "__main__":
    unittest.main()
