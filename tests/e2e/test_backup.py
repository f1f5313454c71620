"""Backups through the API of a running appliance: the dialect's object, and the full one that starts the process anew."""

import io
import json
import os
import socket
import unittest
import zipfile

from appliance import PATIENCE, Appliance, TcpServer, echo, exchange, free_port, wait_until


def download(sluice):
    status, headers, data = sluice.request("GET", "/api/v1/backup/full", headers={"Authorization": sluice.token})
    return status, headers, data


def restore(sluice, archive):
    status, _, data = sluice.request("POST", "/api/v1/backup/full/restore", archive, {"Authorization": sluice.token})
    return status, json.loads(data)


class FullBackup(unittest.TestCase):
    def test_a_running_panel_goes_back_to_what_the_backup_holds_and_forwards_again(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            tunnel = sluice.make_tunnel()
            kept, port = sluice.make_forward(tunnel, server.address, name="kept")
            sluice.data("/user/create", {"user": "early", "pwd": "early-password"})
            status, headers, archive = download(sluice)
            self.assertEqual((status, headers["Content-Type"]), (200, "application/zip"))
            self.assertIn("sluice.db", zipfile.ZipFile(io.BytesIO(archive)).namelist())
            sluice.data("/user/create", {"user": "late", "pwd": "late-password"})
            lost, lost_port = sluice.make_forward(tunnel, server.address, name="lost")
            sluice.data("/forward/delete", {"id": kept})
            process = sluice.process.pid
            _, answer = restore(sluice, archive)
            self.assertEqual(answer["code"], 0, answer)
            self.assertTrue(answer["data"]["restarting"])
            self.assertEqual((answer["data"]["users"], answer["data"]["forwards"]), (2, 1))
            wait_until(lambda: "restore completed" in sluice.log(), "the process started again")
            wait_until(sluice._ready, "it answers again")
            self.assertEqual(sluice.process.pid, process)
            self.assertIsNone(sluice.process.poll())
            sluice.sign_in()
            self.assertEqual([user["user"] for user in sluice.data("/user/list")], ["early"])
            self.assertIsNone(sluice.forward(lost))
            wait_until(lambda: sluice.forward(kept)["state"] == "listening", "the old forward listens")
            self.assertEqual(exchange(port, b"back again"), b"back again")
            with self.assertRaises(OSError):
                socket.create_connection(("127.0.0.1", lost_port), timeout=PATIENCE)
            self.assertTrue(any(name.startswith("before-restore-") for name in os.listdir(sluice.folder)))
            self.assertEqual(os.listdir(sluice.folder).count("passing"), 0)
            self.assertEqual(sluice.stop(), 0)

    def test_what_is_no_backup_is_refused_and_nothing_happens(self):
        with Appliance() as sluice:
            sluice.sign_in()
            for archive in (b"", b"PK\x03\x04nonsense", os.urandom(5000)):
                _, answer = restore(sluice, archive)
                self.assertEqual(answer["code"], -1, answer)
                self.assertIn("备份文件无效", answer["msg"])
            _, _, archive = download(sluice)
            broken = io.BytesIO()
            with zipfile.ZipFile(io.BytesIO(archive)) as good, zipfile.ZipFile(broken, "w") as bad:
                for name in good.namelist():
                    bad.writestr(name, os.urandom(32) if name == "secret.key" else good.read(name))
            _, answer = restore(sluice, broken.getvalue())
            self.assertEqual(answer["code"], -1, answer)
            self.assertFalse(os.path.exists(os.path.join(sluice.folder, "restore-ready")))
            self.assertEqual(sluice.data("/user/list"), [])

    def test_an_import_makes_the_nodes_listen(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            forward, port = sluice.make_forward(sluice.make_tunnel(), server.address)
            _, _, file = sluice.request("POST", "/api/v1/backup/export", "{}", {"Authorization": sluice.token})
            sluice.data("/forward/delete", {"id": forward})
            moved = free_port()
            backup = json.loads(file)
            backup["types"] = ["forwards"]
            backup["forwards"][0]["forwardPorts"][0]["port"] = moved
            self.assertEqual(sluice.data("/backup/import", backup)["forwardsImported"], 1)
            wait_until(lambda: sluice.forward(forward)["state"] == "listening", "the imported forward listens")
            self.assertEqual(exchange(moved, b"imported"), b"imported")


if __name__ == "__main__":
    unittest.main()
