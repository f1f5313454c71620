"""Signing in behind a captcha: a stand-in for the verifying server on loopback hears what it must, and only its yes opens the door."""

import http.server
import json
import os
import subprocess
import threading
import unittest
import urllib.parse

from appliance import BINARY, PASSWORD, Appliance

WRONG = "验证码校验失败"


class Verifier:
    """Accepts the response "solved" once for the secret "hush"."""

    def __init__(self):
        self.heard = []
        self.used = False
        self.broken = False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                outer.heard.append((self.path, self.headers["Content-Type"], form))
                if outer.broken:
                    self.send_error(500)
                    return
                fine = form.get("secret") == "hush" and form.get("response") == "solved & sent" and not outer.used
                outer.used = outer.used or fine
                answer = json.dumps({"success": fine, "error-codes": [] if fine else ["invalid-input-response"]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/turnstile/v0/siteverify"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def login(sluice, captcha=""):
    return sluice.call("/user/login", {"username": "admin_user", "password": PASSWORD, "captchaId": captcha}, token="")


class Captcha(unittest.TestCase):
    def test_only_the_verifying_server_opens_the_door(self):
        with Verifier() as verifier, Appliance() as sluice:
            sluice.sign_in()
            sluice.data("/config/update", {"captcha_enabled": "true", "cloudflare_secret_key": "hush", "cloudflare_site_key": "key", "captcha_verify_url": verifier.url})
            self.assertEqual(login(sluice)["msg"], WRONG)
            self.assertEqual(verifier.heard, [])  # nothing to ask about
            self.assertEqual(login(sluice, "guessed")["msg"], WRONG)
            self.assertEqual(login(sluice, "solved & sent")["code"], 0)
            path, kind, form = verifier.heard[-1]
            self.assertEqual((path, kind), ("/turnstile/v0/siteverify", "application/x-www-form-urlencoded"))
            self.assertEqual(form, {"secret": "hush", "response": "solved & sent", "remoteip": "127.0.0.1"})
            self.assertEqual(login(sluice, "solved & sent")["msg"], WRONG)  # used
            verifier.used = False
            status, _, body = sluice.request("POST", "/api/v1/captcha/verify", json.dumps({"id": "mine", "data": "solved & sent"}))
            self.assertEqual((status, json.loads(body)), (200, {"success": True, "data": {"validToken": "mine"}}))
            self.assertEqual(login(sluice, "mine")["code"], 0)
            self.assertEqual(login(sluice, "mine")["msg"], WRONG)
            verifier.broken = True  # a server that cannot say yes says no
            self.assertEqual(login(sluice, "solved & sent")["msg"], WRONG)
            self.assertIn("captcha could not be verified", sluice.log())
            self.assertNotIn("hush", sluice.log())

    def test_the_page_may_load_the_widget_only_while_it_is_wanted(self):
        with Appliance() as sluice:
            sluice.sign_in()

            def policy():
                return sluice.request("GET", "/")[1]["Content-Security-Policy"]

            self.assertNotIn("cloudflare", policy())
            sluice.data("/config/update", {"captcha_enabled": "true", "cloudflare_secret_key": "hush", "cloudflare_site_key": "key"})
            self.assertIn("script-src 'self' https://challenges.cloudflare.com;", policy())
            self.assertIn("frame-src https://challenges.cloudflare.com", policy())
            sluice.data("/config/update", {"captcha_enabled": "false"})
            self.assertNotIn("cloudflare", policy())

    def test_the_console_lets_people_in_again(self):
        with Appliance() as sluice:
            sluice.sign_in()
            sluice.data("/config/update", {"captcha_enabled": "true", "cloudflare_secret_key": "hush", "admin_addresses": "127.0.0.0/8"})
            self.assertEqual(login(sluice)["msg"], WRONG)
            done = subprocess.run([str(BINARY), "unlock", "admin_user", "--data-dir", sluice.folder], capture_output=True, text=True, check=True, env=dict(os.environ))
            self.assertIn("The captcha is switched off.", done.stdout)
            self.assertIn("Administrators may come from every address.", done.stdout)
            self.assertIn("admin_user had no second factor.", done.stdout)
            self.assertEqual(login(sluice)["code"], 0)
            self.assertEqual(sluice.data("/config/list")["admin_addresses"], "")


if __name__ == "__main__":
    unittest.main()
