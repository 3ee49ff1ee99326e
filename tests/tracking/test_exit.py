"""What becomes of runs when a process ends or forks: real processes, their store read afterwards."""

import os
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

import tidemill
from tidemill.entities import Run

Script = Callable[..., "CompletedProcess[str]"]


def _runs() -> list[Run]:
    found: list[Run] = tidemill.search_runs(output_format="list", order_by=["attributes.start_time ASC"])
    return found


def test_a_run_left_open_is_finished_at_exit(script: Script) -> None:
    script("import tidemill\ntidemill.start_run()\ntidemill.log_metric('m', 1)\ntidemill.start_run(nested=True)")
    assert [run.info.status for run in _runs()] == ["FINISHED", "FINISHED"]
    assert all(run.info.end_time for run in _runs())


@pytest.mark.parametrize("error, status", [("ValueError", "FAILED"), ("KeyboardInterrupt", "KILLED")])
def test_an_uncaught_exception_decides_how_it_ended(script: Script, error: str, status: str) -> None:
    done = script(f"import tidemill\ntidemill.start_run()\nraise {error}()", check=False)
    assert done.returncode != 0
    assert [run.info.status for run in _runs()] == [status]


def test_a_run_in_a_thread_left_open_is_ended_too(script: Script) -> None:
    script("import tidemill, threading\nt = threading.Thread(target=tidemill.start_run)\nt.start()\nt.join()")
    assert [run.info.status for run in _runs()] == ["FINISHED"]


def test_a_store_that_is_gone_at_exit_is_one_line(script: Script) -> None:
    done = script("import tidemill\nrun = tidemill.start_run()\ntidemill.delete_run(run.info.run_id)")
    assert done.stderr.count("\n") == 1
    assert "could not be ended" in done.stderr


def test_the_experiment_and_address_are_inherited(script: Script) -> None:
    script(
        "import tidemill, subprocess, sys\n"
        "tidemill.set_tracking_uri('elsewhere')\n"
        "tidemill.set_experiment('inherited')\n"
        "subprocess.run([sys.executable, '-c', 'import tidemill; tidemill.log_metric(\"m\", 1)'], check=True, cwd='/')\n"
    )
    tidemill.set_tracking_uri("elsewhere")
    assert len(tidemill.search_runs(experiment_names=["inherited"])) == 1


fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@fork
def test_a_forked_child_logs_to_the_run_and_does_not_end_it(script: Script) -> None:
    script(
        "import os, sys, tidemill\n"
        "with tidemill.start_run() as run:\n"
        "    tidemill.log_metric('m', 1, step=0)\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        tidemill.log_metric('m', 2, step=1)\n"
        "        sys.exit(0)\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
        "    assert tidemill.get_run(run.info.run_id).info.status == 'RUNNING'\n"
        "    tidemill.log_metric('m', 3, step=2)\n"
    )
    (run,) = _runs()
    assert run.info.status == "FINISHED"
    history = tidemill.Client().get_metric_history(run.info.run_id, "m")
    assert sorted((point.step, point.value) for point in history) == [(0, 1.0), (1, 2.0), (2, 3.0)]


@fork
def test_a_forked_child_that_exits_leaves_the_parents_open_run_alone(script: Script) -> None:
    script(
        "import os, sys, tidemill\n"
        "run = tidemill.start_run()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    tidemill.start_run(nested=True)\n"
        "    sys.exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
        "assert tidemill.get_run(run.info.run_id).info.status == 'RUNNING'\n"
        "(child,) = tidemill.search_runs(filter_string='tags.mlflow.parentRunId IS NOT NULL', output_format='list')\n"
        "assert child.info.status == 'FINISHED'\n"
    )
    assert [run.info.status for run in _runs()] == ["FINISHED", "FINISHED"]


@fork
def test_forked_workers_and_their_parent_write_at_once(script: Script) -> None:
    script(
        "import multiprocessing, threading, tidemill\n"
        "def work(number):\n"
        "    for step in range(100):\n"
        "        tidemill.log_metric(f'w{number}', step, step=step)\n"
        "with tidemill.start_run() as run:\n"
        "    tidemill.log_metric('parent', 0)\n"
        "    busy = threading.Thread(target=lambda: [tidemill.log_metric('t', n, step=n, run_id=run.info.run_id)"
        " for n in range(400)])\n"
        "    busy.start()\n"
        "    context = multiprocessing.get_context('fork')\n"
        "    workers = [context.Process(target=work, args=(n,)) for n in range(4)]\n"
        "    for worker in workers: worker.start()\n"
        "    for worker in workers: worker.join()\n"
        "    busy.join()\n"
        "    assert all(worker.exitcode == 0 for worker in workers)\n"
    )
    (run,) = _runs()
    client = tidemill.Client()
    assert [len(client.get_metric_history(run.info.run_id, f"w{n}")) for n in range(4)] == [100] * 4
    assert len(client.get_metric_history(run.info.run_id, "t")) == 400


@fork
def test_a_forked_child_talks_to_a_server_on_connections_of_its_own(script: Script, server: str) -> None:
    script(
        "import os, tidemill\n"
        "with tidemill.start_run() as run:\n"
        "    pids = []\n"
        "    for number in range(3):\n"
        "        pid = os.fork()\n"
        "        if pid == 0:\n"
        "            for step in range(50): tidemill.log_metric(f'w{number}', step, step=step)\n"
        "            os._exit(0)\n"
        "        pids.append(pid)\n"
        "    for step in range(50): tidemill.log_metric('parent', step, step=step)\n"
        "    assert all(os.waitpid(pid, 0)[1] == 0 for pid in pids)\n"
        "    data = tidemill.get_run(run.info.run_id).data\n"
        "    assert data.metrics == {'w0': 49.0, 'w1': 49.0, 'w2': 49.0, 'parent': 49.0}, data\n",
        TIDEMILL_URI=server,
    )
