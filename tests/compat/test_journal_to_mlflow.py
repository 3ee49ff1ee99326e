"""What was logged without a network is sent to MLflow's own server, which gives runs and models ids of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.tracking import resolve
from tidemill.tracking.client import Client

TRAINING = """
import tidemill
tidemill.set_experiment("sent to mlflow")
with tidemill.start_run(run_name="outer"):
    tidemill.log_params({"a": "1"})
    for step in range(2500):
        tidemill.log_metrics({"loss": step, "acc": step / 2}, step=step)
    with tidemill.start_run(run_name="inner", nested=True):
        tidemill.log_metric("x", 1.0, step=3)
    model = tidemill.initialize_logged_model("net", params={"depth": "3"})
    with open("w.bin", "wb") as file:
        file.write(b"w" * 1000)
    tidemill.Client().log_model_artifact(model.model_id, "w.bin")
    tidemill.log_metric("accuracy", 0.9, model_id=model.model_id)
    tidemill.finalize_logged_model(model.model_id, "READY")
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    yield
    resolve.close_all()


def test_runs_models_and_what_links_them_arrive(
    their_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    offline = {**os.environ, "TIDEMILL_URI": "http://127.0.0.1:9", "TIDEMILL_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", TRAINING], cwd=work, env=offline, check=True, timeout=60)
    command = [sys.executable, "-c", "import sys; from tidemill.cli.main import main; sys.exit(main())", "sync"]
    sent = subprocess.run([*command, str(work), "--to", their_server], capture_output=True, text=True, timeout=120)
    assert sent.returncode == 0, sent.stderr
    assert "refused" not in sent.stderr
    monkeypatch.setenv("TIDEMILL_SYNC", "1")
    client = Client(their_server)
    experiment = client.get_experiment_by_name("sent to mlflow")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    outer, inner = runs["outer"], runs["inner"]
    assert inner.data.tags["mlflow.parentRunId"] == outer.info.run_id
    assert (outer.info.status, outer.data.params, inner.data.metrics) == ("FINISHED", {"a": "1"}, {"x": 1.0})
    history = client.get_metric_history(outer.info.run_id, "loss")
    assert sorted(point.step for point in history) == list(range(2500))
    (model,) = client.search_logged_models([experiment.experiment_id])
    assert (model.source_run_id, model.params) == (outer.info.run_id, {"depth": "3"})
    assert [(point.key, point.value) for point in model.metrics] == [("accuracy", 0.9)]
    assert [one.path for one in client.list_logged_model_artifacts(model.model_id)] == ["w.bin"]
