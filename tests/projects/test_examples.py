"""Whole projects in the style that users know, run as they are; those that import MLflow with the unmodified package."""

import os
import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).with_name("examples")
ROOT = Path(__file__).parents[2]


def mlflow_python() -> str | None:
    """A Python that has MLflow 3: `TIDEMILL_TEST_MLFLOW3`, else .venv-mlflow3."""
    chosen = os.environ.get("TIDEMILL_TEST_MLFLOW3") or str(ROOT / ".venv-mlflow3" / "bin" / "python")
    return chosen if os.path.exists(chosen) else None


needs_mlflow = pytest.mark.skipif(mlflow_python() is None, reason="no Python with MLflow: see CONTRIBUTING.md")


@pytest.fixture
def with_mlflow(environment):
    """The PATH on which `python` has MLflow, and none of ours can be imported."""
    folder = os.path.dirname(mlflow_python() or "")
    return {"PATH": folder + os.pathsep + environment["PATH"]}


@pytest.fixture
def example(tmp_path):
    """A copy of an example in the test's folder."""

    def copied(name):
        return shutil.copytree(EXAMPLES / name, tmp_path / name)

    return copied


@needs_mlflow
@pytest.mark.parametrize("through", ["folder", "server"])
def test_an_elastic_net_with_mlflow_inside(cli, client, example, with_mlflow, request, through):
    example("elastic_net")
    more = ("--uri", request.getfixturevalue("served")) if through == "server" else ()
    done = cli("run", "elastic_net", "-P", "alpha=0.05", "--env", "local", *more, **with_mlflow).works()
    (run,) = client.search_runs(["0"])
    assert f"run {run.info.run_id}" in done.out
    assert run.info.status == "FINISHED"
    assert run.data.params == {"alpha": "0.05", "l1_ratio": "0.1"}
    assert 0 < run.data.metrics["rmse"] < 1
    assert run.data.tags["client"].startswith("3.")
    assert b"coefficients" in client.files_of(run.info.run_id).read("model.json")


@needs_mlflow
def test_a_training_with_mlflow_inside_is_reproduced(cli, client, example, with_mlflow, kit):
    kit.commit(example("elastic_net"))
    cli("run", "elastic_net", "--env", "local", **with_mlflow).works()
    first = client.search_runs(["0"])[0]
    done = cli("runs", "reproduce", first.info.run_id, **with_mlflow).works()
    assert "Nothing differs" in done.err
    assert client.search_runs(["0"])[0].data.metrics == first.data.metrics


@needs_mlflow
def test_steps_that_call_mlflow_run(cli, client, example, with_mlflow):
    example("workflow")
    cli("run", "workflow", "-P", "rows=20", **with_mlflow).works()
    runs = client.search_runs(["0"])
    by_step = {run.data.tags["mlflow.project.entryPoint"]: run for run in runs}
    assert set(by_step) == {"main", "load", "train"}
    assert by_step["main"].data.metrics == {"slope": pytest.approx(2.0)}
    for step in ("load", "train"):
        assert by_step[step].data.tags["mlflow.parentRunId"] == by_step["main"].info.run_id
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_a_search_of_nested_runs(cli, client, example):
    example("search")
    cli("run", "search").works()
    runs = client.search_runs(["0"])
    (top,) = [run for run in runs if "best" in run.data.metrics]
    trials = [run for run in runs if run is not top]
    assert len(trials) == 4
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {top.info.run_id}
    assert top.data.metrics["best"] == min(run.data.metrics["loss"] for run in trials)


def test_a_shell_entry_point(cli, client, example):
    example("shell")
    assert cli("run", "shell", "-P", "words=x; touch owned").works().out == "X; TOUCH OWNED\n"


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_an_r_entry_point(cli, client, example):
    example("shell")
    assert cli("run", "shell", "-e", "r").works().out == "loss 1.00\nTRUE \n"
