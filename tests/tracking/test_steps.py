"""A resumed run counts on; everything else about steps is as in MLflow."""

import subprocess
import sys
from pathlib import Path

import pytest

import tidemill
from tidemill.errors import NotFound
from tidemill.tracking import steps


def logged(run_id: str, key: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in tidemill.Client().get_metric_history(run_id, key)]


def test_a_resumed_run_goes_on_after_the_last_step_of_each_metric(store: str) -> None:
    with tidemill.start_run() as run:
        for step in range(1, 4):
            tidemill.log_metric("loss", step, step=step)
        tidemill.log_metric("accuracy", 0.5, step=10)
        tidemill.log_metric("final", 1.0)
    with tidemill.start_run(run_id=run.info.run_id):
        tidemill.log_metric("loss", 4)
        tidemill.log_metric("loss", 5)
        tidemill.log_metric("loss", 20, step=20)  # a step that is given is taken
        tidemill.log_metric("loss", 21)
        tidemill.log_metric("final", 2.0)  # never counted, so it does not begin to
        tidemill.log_metric("new", 1.0)
        tidemill.log_metrics({"accuracy": 0.6, "recall": 0.7})
    with tidemill.start_run(run_id=run.info.run_id):  # and once more
        tidemill.log_metric("loss", 22, run_id=run.info.run_id)
    assert [step for step, _ in logged(run.info.run_id, "loss")] == [1, 2, 3, 4, 5, 20, 21, 22]
    assert logged(run.info.run_id, "accuracy") == [(10, 0.5), (11, 0.6)]
    assert logged(run.info.run_id, "recall") == [(11, 0.7)]
    assert sorted(logged(run.info.run_id, "final")) == [(0, 1.0), (0, 2.0)]
    assert logged(run.info.run_id, "new") == [(0, 1.0)]
    assert steps.resumed == {}


def test_a_fresh_run_stays_at_step_zero(store: str) -> None:
    with tidemill.start_run() as run:
        tidemill.log_metric("loss", 1.0, step=7)
        tidemill.log_metric("loss", 2.0)
    with tidemill.start_run():  # the other run has ended: nothing of it is left
        tidemill.log_metric("loss", 3.0, run_id=run.info.run_id)
    assert sorted(step for step, _ in logged(run.info.run_id, "loss")) == [0, 0, 7]


def test_the_client_takes_no_step_to_mean_zero(store: str, client: tidemill.Client) -> None:
    with tidemill.start_run() as run:
        tidemill.log_metric("loss", 1.0, step=7)
    with tidemill.start_run(run_id=run.info.run_id):
        client.log_metric(run.info.run_id, "loss", 2.0)
    assert sorted(step for step, _ in logged(run.info.run_id, "loss")) == [0, 7]


def test_an_unknown_run_is_not_resumed(store: str) -> None:
    with pytest.raises(NotFound):
        tidemill.start_run(run_id="0" * 32)


PART = """
import os, tidemill
with tidemill.start_run(run_id=os.environ.get("RUN")) as run:
    print(run.info.run_id, run.info.experiment_id)
    for _ in range(3):
        if "RUN" in os.environ:
            tidemill.log_metric("loss", 2.0)
        else:
            tidemill.log_metric("loss", 1.0, step=_ + 1)
"""


@pytest.mark.parametrize("offline", ["1", "0"])
def test_a_run_is_resumed_without_its_server(offline: str, server: str, tmp_path: Path) -> None:
    """Two processes train one after the other with nobody to ask; what they logged is then sent."""
    import os

    nowhere = {"TIDEMILL_URI": "http://127.0.0.1:9", "TIDEMILL_EXIT_WAIT": "0", "TIDEMILL_SENDER_LINGER": "0"}
    env = {**os.environ, **nowhere, "TIDEMILL_OFFLINE": offline}

    def train(**more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", PART], env={**env, **more}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[0]

    run_id = train()
    assert train(RUN=run_id) == run_id
    command = [sys.executable, "-c", "import sys; from tidemill.cli.main import main; sys.exit(main())", "sync"]
    done = subprocess.run([*command, str(tmp_path), "--to", server], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    tidemill.set_tracking_uri(server)
    assert logged(run_id, "loss") == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0), (5, 2.0), (6, 2.0)]
    assert tidemill.get_run(run_id).info.status == "FINISHED"
