"""A run whose process is gone does not run for ever."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tidemill.testing.faults import program
from tidemill.testing.server import ServerProcess
from tidemill.tracking.client import Client

Start = Callable[[], AbstractContextManager[ServerProcess]]

TRAINING = """
import time, tidemill
with tidemill.start_run() as run:
    print(run.info.run_id, flush=True)
    for step in range(100_000):
        tidemill.log_metric("loss", step, step=step)
        time.sleep(0.05)
"""


@pytest.mark.deep
def test_a_killed_training_is_marked_failed_after_two_minutes(start: Start, address: str, work: Path) -> None:
    with start(), program(TRAINING, work, {"TIDEMILL_URI": address, "TIDEMILL_SENDER_LINGER": "0"}) as training:
        assert training.stdout is not None
        run_id = training.stdout.readline().strip()
        time.sleep(5)
        assert Client(address).get_run(run_id).info.status == "RUNNING"
        os.kill(training.pid, signal.SIGKILL)
        deadline = time.monotonic() + 150
        while (run := Client(address).get_run(run_id)).info.status == "RUNNING":
            assert time.monotonic() < deadline, "still running"
            time.sleep(5)
        assert run.info.status == "FAILED"
        assert "not heard of" in run.data.tags["tidemill.status.reason"]


def test_a_run_left_open_on_purpose_stays_open(start: Start, address: str, work: Path) -> None:
    text = """
import tidemill
client = tidemill.Client()
run = client.create_run("0")
client.log_metric(run.info.run_id, "a", 1)
print(run.info.run_id)
"""
    with start():
        with program(text, work, {"TIDEMILL_URI": address, "TIDEMILL_SENDER_LINGER": "0"}) as process:
            run_id = process.communicate(timeout=60)[0].strip()
        assert process.returncode == 0
        database = sqlite3.connect(work.parent / "server.db")
        assert database.execute("SELECT count(*) FROM run_beats").fetchone() == (0,)
        database.close()
        assert Client(address).get_run(run_id).info.status == "RUNNING"
