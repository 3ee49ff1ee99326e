"""From a training to an observed endpoint, over real processes: the tutorial as it stands, and a whole life under load."""

import http.client
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tidemill.serving import read_log
from tidemill.testing.server import server_process, serving_process
from tidemill.tracking.client import Client

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorials" / "serve.md"
TRAIN = """
import sys, tidemill
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
for strength in (1.0, 0.1, 0.01):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500)).fit(X, y)
    with tidemill.start_run():
        tidemill.log_metric("accuracy", model.score(X, y))
        tidemill.sklearn.log_model(model, "model", input_example=X.head(2), registered_model_name="fraud")
"""


def run(script: str, folder: Path, address: str) -> None:
    import os

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env={**os.environ, "TIDEMILL_URI": address}, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_tutorial(tmp_path: Path) -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    commands = re.findall(r"^\$ tidemill (.*)$", text, re.MULTILINE)
    assert commands == ["server", "--uri http://127.0.0.1:5000 serve models:/cancer@champion --log served"]
    with server_process(tmp_path / "store.db", tmp_path / "artifacts") as server:
        first = blocks[0].replace("http://127.0.0.1:5000", server.address)
        run(first, tmp_path, server.address)
        options = ("--log", str(tmp_path / "served"), "--poll", "0.5")
        with serving_process(
            "models:/cancer@champion", uri=server.address, cache=tmp_path / "cache", options=options
        ) as one:
            rest = (
                "\n".join(blocks)
                .replace("http://127.0.0.1:5000", server.address)
                .replace("http://127.0.0.1:5001", one.address)
            )
            # The first training ran already; the rest of the page goes on from there.
            rest = rest.replace("train(1.0)\n", "")
            run(rest, tmp_path, server.address)


@pytest.mark.filterwarnings("ignore")
def test_a_life_under_load(tmp_path: Path) -> None:
    with server_process(tmp_path / "store.db", tmp_path / "artifacts") as server:
        run(TRAIN, tmp_path, server.address)
        client = Client(server.address)
        client.set_registered_model_alias("fraud", "champion", 1)
        options = ("--log", str(tmp_path / "log"), "--poll", "0.3", "--log-seconds", "0.5")
        with serving_process(
            "models:/fraud@champion", uri=server.address, cache=tmp_path / "cache", options=options
        ) as one:
            ids = under_load(one.address, client)
            told = post(one.address, "/feedback", {"request_id": ids[0][0], "answer": [1]})
            assert told[0] == 202
            assert one.stop() == 0
        seen = read_log(tmp_path / "log")
        assert (seen["status"] == 200).all()
        versions = seen.set_index("request_id")["version"].to_dict()
        assert all(versions[request] == version for request, version in ids)
        assert set(versions.values()) == {"1", "2", "3"}
        (judged,) = seen[seen["request_id"] == ids[0][0]].to_dict("records")
        assert judged["answer"] == [1]
        assert len(judged["inputs"][0]) == 30


def under_load(address: str, client: Client) -> "list[tuple[str, str]]":
    """Ask from four threads while the alias moves; the id and version of each answer, none of which failed."""
    from sklearn.datasets import load_breast_cancer

    rows, _ = load_breast_cancer(return_X_y=True, as_frame=True)
    body = {"dataframe_split": {"columns": list(rows.columns), "data": rows.head(1).values.tolist()}}
    found: list[tuple[str, str]] = []
    failed: list[object] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            status, answer, headers = post(address, "/invocations", body)
            if status == 200 and answer["predictions"] == [0]:
                found.append((headers["x-request-id"], headers["x-model-version"]))
            else:
                failed.append((status, answer))
            time.sleep(0.002)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for one in threads:
        one.start()
    for version in ("2", "3", "1", "3"):
        client.set_registered_model_alias("fraud", "champion", version)
        deadline = time.monotonic() + 30
        while not found or found[-1][1] != version:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    stop.set()
    for one in threads:
        one.join()
    assert not failed
    return found


def post(address: str, path: str, body: object) -> "tuple[int, dict[str, object], dict[str, str]]":
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text), {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()
