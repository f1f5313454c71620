"""The API document of the running appliance: valid by somebody else's validator, and true about what is answered."""

import json
import unittest

from appliance import PASSWORD, Appliance, TcpServer, echo

try:
    import openapi_spec_validator
except ImportError:
    openapi_spec_validator = None  # pip install openapi-spec-validator; Debian 12 has one that does not know OpenAPI 3.1


class Document:
    def __init__(self, text):
        self.whole = json.loads(text)

    def find(self, reference):
        value = self.whole
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]
        return value

    def problems(self, schema, value, where="data"):
        """What is wrong with `value` by the part of JSON Schema that the document uses."""
        if "$ref" in schema:
            return self.problems(self.find(schema["$ref"]), value, where)
        found = []
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        names = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict, "null": type(None)}
        if kinds and not any(isinstance(value, names[kind]) and not (isinstance(value, bool) and kind != "boolean") for kind in kinds):
            return [f"{where}: {value!r} is no {kinds}"]
        if isinstance(value, dict):
            properties = schema.get("properties", {})
            found += [f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value]
            for name, item in value.items():
                if name in properties:
                    found += self.problems(properties[name], item, f"{where}.{name}")
                elif schema.get("additionalProperties") is False:
                    found.append(f"{where}: nobody knows {name}")
        if isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                found += self.problems(schema["items"], item, f"{where}[{index}]")
        for part in schema.get("allOf", []):
            found += self.problems(part, value, where)
        if "oneOf" in schema and all(self.problems(part, value, where) for part in schema["oneOf"]):
            found.append(f"{where}: none of what it may be")
        return found

    def answer(self, path):
        return self.whole["paths"]["/api/v1" + path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]

    def takes(self, path):
        return self.whole["paths"]["/api/v1" + path]["post"]["requestBody"]["content"]["application/json"]["schema"]


class ApiDocument(unittest.TestCase):
    @unittest.skipIf(openapi_spec_validator is None, "openapi-spec-validator is not installed")
    def test_somebody_elses_validator_accepts_it(self):
        with Appliance() as sluice:
            openapi_spec_validator.validate(json.loads(sluice.request("GET", "/api/openapi.json")[2]))

    def test_what_is_sent_and_answered_is_what_it_says(self):
        with Appliance() as sluice, TcpServer(echo) as server:
            status, headers, text = sluice.request("GET", "/api/openapi.json")
            self.assertEqual((status, headers["Content-Type"]), (200, "application/json; charset=utf-8"))
            document = Document(text)
            problems = []

            def call(path, body):
                if "requestBody" in document.whole["paths"]["/api/v1" + path]["post"]:
                    problems.extend(f"{path} takes {problem}" for problem in document.problems(document.takes(path), body))
                reply = sluice.call(path, body)
                if path != "/backup/export":
                    self.assertEqual(reply["code"], 0, f"{path}: {reply}")
                problems.extend(f"{path} gives {problem}" for problem in document.problems(document.answer(path), reply))
                return reply.get("data", reply)

            sluice.token = call("/user/login", {"username": "admin_user", "password": PASSWORD, "captchaId": ""})["token"]
            call("/captcha/check", {})
            node = call("/node/list", {})[0]["id"]
            tunnel = call("/tunnel/create", {"name": "t", "type": 1, "inNodeId": [{"nodeId": node}]})["id"]
            call("/tunnel/list", {})
            call("/tunnel/get", {"id": tunnel})
            user = call("/user/create", {"user": "person", "pwd": "person-1", "flow": 5, "num": 3, "expTime": 0, "flowResetTime": 1})["id"]
            call("/user/list", {"keyword": ""})
            call("/tunnel/user/assign", {"userId": user, "tunnelId": tunnel, "flow": 5})
            call("/tunnel/user/list", {"userId": user})
            call("/tunnel/user/tunnel", {})
            forward = call("/forward/create", {"name": "web", "tunnelId": tunnel, "remoteAddr": server.address, "inPort": None})["id"]
            call("/forward/list", {})
            call("/forward/diagnose", {"forwardId": forward})
            call("/tunnel/diagnose", {"tunnelId": tunnel})
            call("/forward/update", {"id": forward, "name": "renamed"})
            call("/forward/update-order", {"forwards": [{"id": forward, "inx": 3}]})
            call("/forward/pause", {"id": forward})
            call("/user/package", {})
            call("/config/update", {"app_name": "mine"})
            call("/config/get", {"name": "app_name"})
            call("/config/list", {})
            call("/announcement/update", {"content": "hello", "enabled": 1})
            call("/announcement/get", {})
            backup = call("/backup/export", {"types": []})
            call("/backup/import", {**backup, "types": ["configs"]})
            rules = {"tunnelId": tunnel, "text": "20000 -> 127.0.0.1:9\nhello", "format": "plain"}
            call("/forward/import/preview", rules)
            call("/forward/import", {**rules, "indexes": [0], "choosePorts": True})
            call("/forward/delete", {"id": forward})
            call("/node/create", {"name": "n", "serverIp": "192.0.2.1"})
            call("/node/check-status", {})
            self.assertEqual(problems, [])


if __name__ == "__main__":
    unittest.main()
