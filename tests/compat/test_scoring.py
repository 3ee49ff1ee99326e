"""`tidemill serve` beside MLflow's own scoring server: the same model folder, the same requests, the same answers.

The model is saved by an unmodified MLflow, whose scoring function answers each request in its own environment; then its
own client asks our server.
"""

import http.client
import json
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tidemill.testing.server import serving_process

from .conftest import find_mlflow

SAVE = """
import sys, json, warnings
warnings.simplefilter("ignore")
import mlflow, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
frame = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [0.5, 1, 0, 1]})
model = make_pipeline(StandardScaler(), LinearRegression()).fit(frame, [1.0, 2, 3, 5])
signature = infer_signature(frame, model.predict(frame))
mlflow.sklearn.save_model(model, "sklearn", signature=signature, serialization_format="cloudpickle", pip_requirements=[])

class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return pd.DataFrame({"s": model_input["s"].str.upper(), "n": model_input["n"] * params["k"]})

rows = pd.DataFrame({"s": ["x", "y"], "n": [1, 2]})
signature = infer_signature(rows, rows, params={"k": 2})
mlflow.pyfunc.save_model("echo", python_model=Echo(), signature=signature, pip_requirements=[])
"""
ANSWER = """
import sys, json, warnings, logging
warnings.simplefilter("ignore")
logging.disable()
import mlflow
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.scoring_server import invocations
answers = []
for name, kind, body in json.load(open("corpus.json")):
    model = mlflow.pyfunc.load_model(name)
    try:
        answer = invocations(body.encode(), kind, model, model.metadata.get_input_schema())
        answers.append((answer.status, answer.response))
    except MlflowException as error:
        answers.append((error.get_http_status_code(), error.serialize_as_json()))
json.dump(answers, open("answers.json", "w"))
"""
ASK = """
import sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
host, port = sys.argv[1].split(":")
client = ScoringServerClient(host, int(port))
client.ping()
client.wait_server_ready(timeout=10, scoring_server_proc=None)
frame = pd.DataFrame({"b": [0.5, 1], "a": [1.0, 2]})
print(client.invoke(frame).get_predictions().to_json(orient="values"))
"""
JSON = "application/json"
SPLIT = {"columns": ["a", "b"], "data": [[1, 0.5], [4.0, 1]]}
CORPUS: list[tuple[str, str, Any]] = [
    ("sklearn", JSON, {"dataframe_split": SPLIT}),
    ("sklearn", JSON, {"dataframe_split": {"columns": ["b", "a", "c"], "index": [5], "data": [[1, 2, 3]]}}),
    ("sklearn", JSON, {"dataframe_records": [{"a": 1, "b": 2}, {"b": 0, "a": 1.5}]}),
    ("sklearn", JSON, {"instances": [{"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 2.0}]}),
    ("sklearn", JSON, {"inputs": {"a": [1.0, 2.0], "b": [0.0, 1.0]}}),
    ("sklearn", "text/csv", "a,b\n1.0,2.0\n3.0,4.0\n"),
    ("sklearn", JSON, {"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}),
    ("sklearn", JSON, {"dataframe_split": {"columns": ["a", "b"], "data": [[1.0, "x"]]}}),
    ("sklearn", JSON, {}),
    ("sklearn", JSON, {"columns": ["a"], "data": [[1]]}),
    ("sklearn", JSON, {"inputs": [1], "instances": [1]}),
    ("sklearn", JSON, [1]),
    ("sklearn", JSON, "{"),
    ("sklearn", "application/x-thing", "x"),
    ("echo", JSON, {"dataframe_split": {"columns": ["s", "n"], "data": [["é", 3], ["b", -1]]}}),
    ("echo", JSON, {"dataframe_records": [{"s": "a", "n": 1}], "params": {"k": 5}}),
    ("echo", JSON, {"dataframe_records": [{"s": "a", "n": 1}], "params": {"k": "five"}}),
    ("echo", JSON, {"dataframe_records": [{"s": "a", "n": 1.0}]}),
    ("echo", JSON, {"dataframe_records": [{"s": 1, "n": 1}]}),
    ("echo", JSON, {"dataframe_records": [{"n": 1}]}),
]


def run(python: str, script: str, folder: Path, *words: str) -> str:
    env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    done = subprocess.run(
        [python, "-c", script, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_same_answers(tmp_path: Path) -> None:
    python = find_mlflow(3)
    run(python, SAVE, tmp_path)
    bodies = [(name, kind, body if isinstance(body, str) else json.dumps(body)) for name, kind, body in CORPUS]
    (tmp_path / "corpus.json").write_text(json.dumps(bodies))
    run(python, ANSWER, tmp_path)
    theirs = json.loads((tmp_path / "answers.json").read_text())
    folders = [f"{name}={tmp_path / name}" for name in ("sklearn", "echo")]
    with serving_process(
        *folders, uri=str(tmp_path / "store"), cache=tmp_path / "cache", options=["--allow-pickle"]
    ) as one:
        where = urlsplit(one.address).netloc
        ours = [ask(where, f"/models/{name}/invocations", kind, body) for name, kind, body in bodies]
    pairs = [(body, seen(*one), seen(*other)) for (_, _, body), one, other in zip(bodies, ours, theirs, strict=True)]
    assert [one for one in pairs if one[1] != one[2]] == []


def seen(status: int, answer: "str | bytes") -> tuple[int, Any]:
    """What a caller decides on: predictions, or status and error code."""
    if status == 415:  # MLflow answers plain text
        return status, None
    value = json.loads(answer)
    return status, rounded(value) if status == 200 else value["error_code"]


def test_mlflows_client(tmp_path: Path) -> None:
    python = find_mlflow(3)
    run(python, SAVE, tmp_path)
    options = ["--allow-pickle"]
    with serving_process(
        f"m={tmp_path / 'sklearn'}", uri=str(tmp_path / "store"), cache=tmp_path / "cache", options=options
    ) as one:
        found = json.loads(run(python, ASK, tmp_path, urlsplit(one.address).netloc))
    assert [round(value[0], 6) for value in found] == [round(value, 6) for value in expected()]


def rounded(value: Any) -> Any:
    """Sums over a matrix and over a frame's columns differ in the last digit."""
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return {key: rounded(one) for key, one in value.items()} if isinstance(value, dict) else value


def expected() -> list[float]:
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [0.5, 1, 0, 1]})
    model = LinearRegression().fit(frame, [1.0, 2, 3, 5])
    return [float(one) for one in model.predict(pd.DataFrame({"a": [1.0, 2], "b": [0.5, 1]}))]


def ask(where: str, path: str, kind: str, body: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(where, timeout=30)
    try:
        connection.request("POST", path, body.encode(), {"Content-Type": kind})
        got = connection.getresponse()
        return got.status, got.read()
    finally:
        connection.close()
