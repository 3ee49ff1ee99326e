"""Promote a version, and its deployment happens: the registry, a signed webhook and a trigger, over real processes."""

import base64
import hmac
import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from tidemill.testing.receiver import ALLOWED, Receiver
from tidemill.testing.server import server_process

DEPLOY = """
import json, os, sys
event = json.load(sys.stdin)
with open(sys.argv[1], "a") as file:
    print(event["data"]["name"], event["data"]["alias"], os.environ["TIDEMILL_EVENT_DATA_VERSION"], file=file)
"""


def post(address: str, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_a_promotion_is_told_and_deployed(tmp_path: Path, hook: Receiver) -> None:
    (tmp_path / "deploy.py").write_text(DEPLOY)
    deployed = tmp_path / "deployed"
    file = tmp_path / "triggers.toml"
    command = [sys.executable, str(tmp_path / "deploy.py"), str(deployed)]
    file.write_text(
        f'[[trigger]]\nname = "deploy"\nkinds = ["model_version_alias.moved"]\nsubject = "registered_model/fraud"\n'
        f'where = {{ alias = "champion" }}\ncommand = {json.dumps(command)}\n'
    )
    options = ("--triggers", str(file))
    with server_process(tmp_path / "t.db", tmp_path / "artifacts", *options, env=ALLOWED) as server:
        address = server.address
        pair = {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}
        post(address, "webhooks", {"name": "hook", "url": hook.url, "secret": "s", "events": [pair]})
        post(address, "registered-models/create", {"name": "fraud"})
        for _ in range(2):
            post(address, "model-versions/create", {"name": "fraud", "source": "s3://bucket/model"})
        for alias, version in (("champion", "1"), ("challenger", "2"), ("champion", "2")):
            post(address, "registered-models/alias", {"name": "fraud", "alias": alias, "version": version})
        calls = hook.wait(3)
        assert [(call.json["data"]["alias"], call.json["data"]["version"]) for call in calls] == [
            ("champion", "1"), ("challenger", "2"), ("champion", "2"),
        ]  # fmt: skip
        for call in calls:
            text = f"{call.delivery_id}.{call.headers['x-mlflow-timestamp']}.{call.body}".encode()
            signed = base64.b64encode(hmac.digest(b"s", text, "sha256")).decode()
            assert call.headers["x-mlflow-signature"] == f"v1,{signed}"
        deadline = time.monotonic() + 20
        wanted = ["fraud champion 1", "fraud champion 2"]
        while not deployed.exists() or deployed.read_text().splitlines() != wanted:
            assert time.monotonic() < deadline, deployed.exists() and deployed.read_text()
            time.sleep(0.05)
