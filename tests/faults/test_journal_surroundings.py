"""Full disks, forks, several processes, jumping clocks: what goes on around a training."""

import os
import re
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tidemill.testing.faults import program
from tidemill.testing.server import ServerProcess
from tidemill.tracking.client import Client

Start = Callable[[], AbstractContextManager[ServerProcess]]
Steps = Callable[[str, str, str], list[int]]
Sync = Callable[..., subprocess.CompletedProcess[str]]

FULL = """
import os, resource, time
import tidemill
from tidemill.journal import writer
writer._LOOK_S = 0.3
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
with tidemill.start_run() as run:
    print(run.info.run_id, flush=True)
    keys = {f"metric {number}": float(number) for number in range(200)}
    tidemill.log_metrics(keys, step=0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, unlimited[1]))  # no segment fits: as on a full disk
    for step in range(1, 4001):
        tidemill.log_metrics(keys, step=step)
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    time.sleep(0.4)
    for step in range(5001, 5011):
        tidemill.log_metrics(keys, step=step)
"""


def test_a_full_disk_costs_values_but_not_the_training(
    start: Start, address: str, work: Path, steps: Steps, sync: Sync
) -> None:
    with start(), program(FULL, work, {"TIDEMILL_URI": address, "TIDEMILL_SENDER_LINGER": "0"}) as training:
        output, errors = training.communicate(timeout=100)
        assert training.returncode == 0, errors
        assert errors.count("the journal cannot grow") == 1
        found = steps(address, output.split()[0], "metric 7")
        kept = [step for step in found if step <= 4000]
        assert kept == list(range(len(kept)))
        assert [step for step in found if step > 4000] == list(range(5001, 5011))
        lost = int(re.findall(r"(\d+) logged values found no room", errors)[0])
        assert lost == 200 * (4001 - len(kept))
        assert lost > 0
        assert Client(address).get_run(output.split()[0]).data.tags["tidemill.lost"] == str(lost)


def test_a_journal_stays_below_its_limit(work: Path) -> None:
    limit = 10 * 2**20
    env = {"TIDEMILL_URI": "http://127.0.0.1:9", "TIDEMILL_OFFLINE": "1", "TIDEMILL_JOURNAL_GIB": str(limit / 2**30)}
    text = """
import tidemill
with tidemill.start_run():
    for step in range(400_000):
        tidemill.log_metric("loss", 0.5, step=step)
"""
    with program(text, work, env) as training:
        _, errors = training.communicate(timeout=100)
    assert training.returncode == 0, errors
    assert errors.count("the journal cannot grow") == 1
    assert "found no room" in errors
    files = [path for path in (work / ".tidemill").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= limit


FORKED = """
import os, sys
import tidemill
with tidemill.start_run() as run:
    print(run.info.run_id, flush=True)
    tidemill.log_metric("parent", 0, step=0)
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            for step in range(500):
                tidemill.log_metric(f"child {number}", step, step=step)
            os._exit(0)
        children.append(child)
    for step in range(1, 500):
        tidemill.log_metric("parent", step, step=step)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
"""


def test_forked_children_log_to_the_run_of_their_parent(
    start: Start, address: str, work: Path, steps: Steps, sync: Sync
) -> None:
    with start(), program(FORKED, work, {"TIDEMILL_URI": address, "TIDEMILL_SENDER_LINGER": "5"}) as training:
        output, errors = training.communicate(timeout=100)
        assert training.returncode == 0, errors
        Client(address).get_run(output.split()[0])
        sync(work)
        for key in ("parent", *(f"child {number}" for number in range(4))):
            assert steps(address, output.split()[0], key) == list(range(500)), key


@pytest.mark.parametrize("offline", ["0", "1"])
def test_two_processes_log_to_one_run(
    offline: str, start: Start, address: str, work: Path, steps: Steps, sync: Sync
) -> None:
    first = "import tidemill\nprint(tidemill.start_run().info.run_id, flush=True)\n"
    other = """
import os, tidemill
client = tidemill.Client()
for step in range(2000):
    client.log_metrics(os.environ["RUN"], {"shared": step, os.environ["NAME"]: step}, step=step)
"""
    env = {"TIDEMILL_URI": address, "TIDEMILL_OFFLINE": offline, "TIDEMILL_SENDER_LINGER": "0"}
    with start():
        with program(first, work, env) as made:
            run_id = made.communicate(timeout=60)[0].strip()
        with (
            program(other, work, {**env, "RUN": run_id, "NAME": "a"}) as a,
            program(other, work, {**env, "RUN": run_id, "NAME": "b"}) as b,
        ):
            for process in (a, b):
                _, errors = process.communicate(timeout=60)
                assert process.returncode == 0, errors
        sync(work)
        assert steps(address, run_id, "a") == steps(address, run_id, "b") == list(range(2000))
        # The same step with the same time and value is the same point; at other times it is another one.
        assert sorted(set(steps(address, run_id, "shared"))) == list(range(2000))


def test_a_clock_that_jumps_changes_only_the_times(
    start: Start, address: str, work: Path, steps: Steps, sync: Sync
) -> None:
    text = """
import time, tidemill
real = time.time_ns
with tidemill.start_run() as run:
    print(run.info.run_id, flush=True)
    for step in range(300):
        jump = (0, 10**18, -(10**18))[step // 100]
        time.time_ns = lambda: real() + jump
        tidemill.log_metric("loss", step, step=step)
        time.sleep(0.005)
    time.time_ns = real
"""
    with start(), program(text, work, {"TIDEMILL_URI": address}) as training:
        output, errors = training.communicate(timeout=60)
        assert training.returncode == 0, errors
        assert sorted(steps(address, output.split()[0], "loss")) == list(range(300))
        assert os.listdir(work / ".tidemill" / "journal") == [
            name for name in os.listdir(work / ".tidemill" / "journal") if name.startswith("sender-")
        ]
