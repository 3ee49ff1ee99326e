"""The `mlflow` command: experiments, runs and artifacts from the terminal."""

import csv
import json
import tempfile
from pathlib import Path

import mlflow
from click.testing import CliRunner
from mlflow.cli import cli

terminal = CliRunner()
name = f"terminal {mlflow.__version__}"


def typed(*words):
    done = terminal.invoke(cli, list(words))
    assert done.exit_code == 0, f"{words}: {done.output} {done.exception!r}"
    return done.output


typed("experiments", "create", "-n", name)
experiment = mlflow.get_experiment_by_name(name).experiment_id
assert name in typed("experiments", "search")
typed("experiments", "rename", "--experiment-id", experiment, "--new-name", f"{name} renamed")
assert mlflow.get_experiment(experiment).name == f"{name} renamed"

with mlflow.start_run(experiment_id=experiment, run_name="for the terminal") as run:
    mlflow.log_params({"a": 1})
    mlflow.log_metric("m", 0.5)
assert run.info.run_id in typed("runs", "list", "--experiment-id", experiment)
described = json.loads(typed("runs", "describe", "--run-id", run.info.run_id))
assert described["data"]["params"] == {"a": "1"}

with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "note.txt").write_text("note")
    typed("artifacts", "log-artifact", "--local-file", f"{folder}/note.txt", "--run-id", run.info.run_id)
    assert '"note.txt"' in typed("artifacts", "list", "--run-id", run.info.run_id)
    typed(
        "artifacts", "download", "--run-id", run.info.run_id, "--artifact-path", "note.txt", "--dst-path", f"{folder}/d"
    )
    assert (Path(folder) / "d/note.txt").read_text() == "note"
    typed("experiments", "csv", "--experiment-id", experiment, "--filename", f"{folder}/runs.csv")
    rows = list(csv.DictReader((Path(folder) / "runs.csv").read_text().splitlines()))
    assert [row["metrics.m"] for row in rows] == ["0.5"]

typed("runs", "delete", "--run-id", run.info.run_id)
assert mlflow.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
typed("runs", "restore", "--run-id", run.info.run_id)
typed("experiments", "delete", "--experiment-id", experiment)
assert mlflow.get_experiment(experiment).lifecycle_stage == "deleted"
typed("experiments", "restore", "--experiment-id", experiment)
print("command line: all good")
