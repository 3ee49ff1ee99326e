"""The life of a model up to its release, over real processes: train, log, evaluate, register, approve, tell, deploy."""

import base64
import hmac
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tidemill.testing.receiver import ALLOWED, Call, receiver
from tidemill.testing.server import server_process

pytest.importorskip("sklearn")
pytest.importorskip("skops")

SECRET = "a secret of sixteen characters and more"
TRAIN = """
import sys, tidemill
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X, y = load_wine(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
with tidemill.start_run():
    model = make_pipeline(StandardScaler(), LogisticRegression(C=float(sys.argv[1]), max_iter=1000)).fit(X_train, y_train)
    logged = tidemill.sklearn.log_model(model, "model", input_example=X_test.head(3), registered_model_name="wine")
    judged = tidemill.evaluate(
        logged.model_uri, X_test.assign(grower=y_test), targets="grower", model_type="classifier", slices=["grower"],
        validation_thresholds={"accuracy_score": tidemill.MetricThreshold(threshold=float(sys.argv[2]))},
    )
    print(judged.passed, judged.metrics["accuracy_score"])
"""
ASK = """
import sys, tidemill
print(tidemill.Client().ask_approval("wine", sys.argv[1], alias="champion", reason=sys.argv[2]).id)
"""
GRANT = """
import sys, tidemill
print(tidemill.Client().grant_approval(sys.argv[1], "looks right").state)
"""
DEPLOY = """
import json, os, sys, tidemill
from sklearn.datasets import load_wine
event = json.load(sys.stdin)["data"]
model = tidemill.pyfunc.load_model("models:/wine@champion")
rows = load_wine(as_frame=True).data.head(5)
with open("released.jsonl", "a") as file:
    file.write(json.dumps({"version": event["version"], "answers": [int(one) for one in model.predict(rows)]}) + "\\n")
"""
TRIGGERS = """
[[trigger]]
name = "deploy-wine"
kinds = ["model_version_alias.created"]
subject = "registered_model/wine"
where = {{ alias = "champion" }}
command = [{python}, {script}]
folder = {folder}
env = {{ TIDEMILL_URI = "{address}", TIDEMILL_MODEL_CACHE = {cache} }}
"""


def run(folder: Path, address: str, user: str, script: str, *words: str, fails: bool = False) -> str:
    """A program of a user's, in a process of its own; answers the last line that it prints."""
    env = {**os.environ, "TIDEMILL_URI": address, "LOGNAME": user, "TIDEMILL_MODEL_CACHE": str(folder / "models")}
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=180
    )
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return (done.stderr if fails else done.stdout).strip().splitlines()[-1]


def is_signed(call: Call) -> bool:
    text = f"{call.delivery_id}.{call.headers['x-mlflow-timestamp']}.{call.body}".encode()
    wanted = base64.b64encode(hmac.digest(SECRET.encode(), text, "sha256")).decode()
    return call.headers.get("x-mlflow-signature") == f"v1,{wanted}"


def released(folder: Path, count: int, timeout_s: float = 60.0) -> list[dict[str, object]]:
    """What the trigger deployed, once it has `count` times."""
    place = folder / "released.jsonl"
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        lines = place.read_text().splitlines() if place.exists() else []
        if len(lines) >= count:
            return [json.loads(line) for line in lines]
        time.sleep(0.1)
    raise AssertionError(f"{place} does not have {count} lines")


def test_from_training_to_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    import tidemill

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    monkeypatch.chdir(tmp_path)  # where journals go
    script = tmp_path / "deploy.py"
    script.write_text(DEPLOY)
    triggers = tmp_path / "triggers.toml"
    places = {"script": script, "folder": tmp_path, "cache": tmp_path / "models", "python": sys.executable}
    quoted = {key: json.dumps(str(value)) for key, value in places.items()}
    triggers.write_text(TRIGGERS.format(address=address, **quoted))
    options = ("--port", str(port), "--triggers", str(triggers))
    with receiver() as hook, server_process(tmp_path / "t.db", tmp_path / "artifacts", *options, env=ALLOWED) as server:
        client = tidemill.Client(server.address)
        assert run(tmp_path, address, "ada", TRAIN, "1.0", "0.9").startswith("True")
        client.create_webhook("ops", hook.url, ["model_version_alias.created"], secret=SECRET, kinds=["approval.*"])
        client.protect("wine", alias="champion", checks=["accuracy_score >= 0.9"], signature=True, approvers=["grace"])

        # Nobody moves a protected alias, and nobody grants their own request.
        with pytest.raises(tidemill.exceptions.MlflowException, match="approv"):
            client.set_registered_model_alias("wine", "champion", "1")
        request = run(tmp_path, address, "ada", ASK, "1", "the first one")
        run(tmp_path, address, "ada", GRANT, request, fails=True)
        assert run(tmp_path, address, "grace", GRANT, request) == "GRANTED"
        assert client.get_model_version_by_alias("wine", "champion").version == "1"

        first = released(tmp_path, 1)[0]
        assert (first["version"], first["answers"]) == ("1", [0, 0, 0, 0, 0])
        told = hook.wait(3)
        assert all(map(is_signed, told))
        assert sorted(call.json["action"] for call in told) == ["asked", "created", "granted"]

        # A version that is not good enough stays where it is.
        run(tmp_path, address, "ada", TRAIN, "0.000001", "0.0")
        request = run(tmp_path, address, "ada", ASK, "2", "smaller")
        assert "accuracy_score" in run(tmp_path, address, "grace", GRANT, request, fails=True)
        assert client.get_model_version_by_alias("wine", "champion").version == "1"
        (now,) = client.get_model_history("wine", alias="champion")
        assert (now.version, now.set_by, now.until) == ("1", "grace", None)
        line = client.get_lineage("wine", "1")
        assert line.run is not None
        assert line.logged_model is not None


def test_the_release_outlives_a_server_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed with the alias moved and the event not delivered: the next server delivers it."""
    import tidemill

    monkeypatch.chdir(tmp_path)
    with receiver() as hook:
        hook.answer = lambda call: (503, {}, b"not now")
        with server_process(tmp_path / "t.db", tmp_path / "artifacts", env=ALLOWED) as server:
            client = tidemill.Client(server.address)
            client.create_webhook("ops", hook.url, ["model_version_alias.created"], secret=SECRET)
            client.create_registered_model("wine")
            client.create_model_version("wine", "s3://bucket/model")
            client.set_registered_model_alias("wine", "champion", "1")
            before = hook.wait(1)[0]
            server.kill()
        hook.answer = lambda call: (200, {}, b"thanks")
        count = len(hook.calls)
        with server_process(tmp_path / "t.db", tmp_path / "artifacts", env=ALLOWED):
            after = hook.wait(count + 1)[-1]
    assert (after.delivery_id, after.body) == (before.delivery_id, before.body)
    assert is_signed(after)
