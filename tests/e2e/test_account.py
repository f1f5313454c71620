"""What guards an account, on the running appliance: a second factor as an application makes it, tokens of every scope on every route."""

import base64
import hashlib
import hmac
import json
import struct
import subprocess
import time
import unittest

from appliance import BINARY, PASSWORD, Appliance, TcpServer, echo, exchange


def code_at(secret, step):
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def present():
    return int(time.time()) // 30


class SecondFactor(unittest.TestCase):
    def test_signing_in_takes_a_code_and_programs_go_on(self):
        with Appliance() as sluice:
            session = sluice.sign_in()
            token = sluice.data("/account/token/create", {"name": "script", "scope": "all"})["token"]
            offer = sluice.data("/account/second-factor/begin", {"password": PASSWORD})
            self.assertIn("secret=" + offer["secret"], offer["uri"])
            # The neighbours of the present step count, too: a code that is made now is good for half a minute at least, whenever that is.
            step = present()
            codes = sluice.data("/account/second-factor/confirm", {"code": code_at(offer["secret"], step)})["recoveryCodes"]
            self.assertEqual(len(set(codes)), 10)

            def login(**more):
                return sluice.call("/user/login", {"username": "admin_user", "password": PASSWORD, **more}, token="")

            self.assertEqual(login()["msg"], "请输入二次验证码")
            self.assertEqual(login(code=code_at(offer["secret"], step))["msg"], "二次验证码错误")  # used
            self.assertEqual(login(code=code_at(offer["secret"], max(step + 1, present())))["code"], 0)
            self.assertEqual(login(code=codes[0].upper().replace("-", " "))["code"], 0)
            self.assertEqual(login(code=codes[0])["msg"], "二次验证码错误")
            self.assertEqual(sluice.data("/account/second-factor/state"), {"enabled": True, "recoveryCodes": 9})
            for mine in (session, token, "Bearer " + token):
                self.assertEqual(sluice.call("/node/list", token=mine)["code"], 0)
            self.assertEqual(sluice.call("/node/list", token="Bearer " + session)["code"], 401)
            sluice.restart()
            self.assertEqual(login()["msg"], "请输入二次验证码")
            self.assertEqual(login(code=codes[1])["code"], 0)
            done = subprocess.run([str(BINARY), "unlock", "admin_user", "--data-dir", sluice.folder], capture_output=True, text=True, check=True)
            self.assertIn("The second factor of admin_user is switched off.", done.stdout)
            self.assertEqual(login()["code"], 0)
            with open(sluice.folder + "/sluice.db", "rb") as database, open(sluice.folder + "/sluice.db-wal", "rb") as log:
                stored = database.read() + log.read()
            for secret in (token, codes[2], offer["secret"]):
                self.assertNotIn(secret.encode(), stored)


class Tokens(unittest.TestCase):
    def test_a_token_reaches_what_its_scope_says_on_every_route(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            sluice.sign_in()
            tunnel = sluice.make_tunnel()
            document = json.loads(sluice.request("GET", "/api/openapi.json")[2])
            tokens = {scope: sluice.data("/account/token/create", {"name": scope, "scope": scope})["token"] for scope in ("read", "forwards", "nodes", "all")}
            reaches = {"reading": {"read", "forwards", "nodes", "all"}, "forwards": {"forwards", "all"}, "nodes": {"nodes", "all"}, "everything": {"all"}, "person": set()}
            calls = 0
            for path, methods in document["paths"].items():
                if not path.startswith("/api/v1/") or "post" not in methods or methods["post"].get("x-access", "open") == "open" or path.endswith("/backup/full"):
                    continue
                for scope, token in tokens.items():
                    calls += 1
                    status, _, body = sluice.request("POST", path, b'{"id":0}', {"Authorization": token})
                    if methods["post"]["x-access"] == "peer":  # a user's token is nobody there
                        self.assertEqual(json.loads(body)["code"], 401, f"{scope} on {path}: {body[:200]}")
                        continue
                    refused = status == 200 and json.loads(body).get("msg") == "令牌权限不足"
                    self.assertEqual(refused, scope not in reaches[methods["post"]["x-reach"]], f"{scope} on {path}: {body[:200]}")
            self.assertGreater(calls, 250)
            # And it is more than an answer.
            sluice.token = tokens["forwards"]
            made = sluice.data("/forward/create", {"name": "web", "tunnelId": tunnel, "remoteAddr": server.address})
            self.assertEqual(exchange(made["inPort"], b"through a token's forward"), b"through a token's forward")
            sluice.token = tokens["read"]
            self.assertEqual(sluice.call("/forward/delete", {"id": made["id"]})["msg"], "令牌权限不足")
            self.assertEqual(len(sluice.data("/forward/list")), 1)


if __name__ == "__main__":
    unittest.main()
