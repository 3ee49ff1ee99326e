"""Jobs and sweeps on a real Ray cluster of two workers.

`TIDEMILL_TEST_RAY` names a Python that has `ray[default]` and Tidemill's own requirements; default: this one.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

PYTHON = os.environ.get("TIDEMILL_TEST_RAY") or (sys.executable if find_spec("ray") else "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="Ray is not installed; TIDEMILL_TEST_RAY names a Python that has it")
SOURCES = Path(__file__).parents[2] / "src"

AUTH = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
"""Ray lets in who knows the token; without these it looks into the home folder, where the test's processes have another."""

TRAIN = """
import argparse, os, socket, tidemill
p = argparse.ArgumentParser()
p.add_argument("--x", type=float, default=1); p.add_argument("--text"); p.add_argument("--sleep", type=float, default=0)
a = p.parse_args()
import time
with tidemill.start_run():
    tidemill.log_metric("loss", (a.x - 0.3) ** 2)
    tidemill.set_tag("worker", os.environ.get("RAY_RAYLET_PID") or str(os.getppid()))
    time.sleep(a.sleep)
print("got", ascii(a.text), flush=True)
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head without CPUs for jobs, and two workers with one each; its address."""
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: Ray puts sockets below it
    env = {
        **os.environ,
        "PATH": os.path.dirname(PYTHON) + os.pathsep + os.environ["PATH"],
        "PYTHONPATH": str(SOURCES),
        "RAY_USAGE_STATS_ENABLED": "0",
        **AUTH,
    }
    ray, gcs, dashboard = [PYTHON, "-m", "ray.scripts.scripts"], free_port(), free_port()
    store = ["--object-store-memory=80000000", "--node-ip-address=127.0.0.1", "--disable-usage-stats", "--block"]
    head = ["--head", f"--port={gcs}", f"--dashboard-port={dashboard}", "--num-cpus=0", f"--temp-dir={folder}"]
    ports = ["--min-worker-port=20000", "--max-worker-port=20999"]
    processes = [subprocess.Popen([*ray, "start", *head, *store, *ports], env=env, stdout=subprocess.DEVNULL)]
    try:
        address = f"http://127.0.0.1:{dashboard}"
        _wait_for(dashboard)
        for place in (1, 2):
            own = [f"--address=127.0.0.1:{gcs}", "--num-cpus=1", "--dashboard-agent-listen-port", str(free_port())]
            ports = [f"--min-worker-port={20000 + place * 1000}", f"--max-worker-port={20999 + place * 1000}"]
            processes.append(
                subprocess.Popen([*ray, "start", *own, *store, *ports], env=env, stdout=subprocess.DEVNULL)
            )
        time.sleep(5)
        yield address
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "Ray did not start"
            time.sleep(0.5)


@pytest.fixture
def on_ray(cluster, served, environment, tmp_path, kit):
    """Run `tidemill …` on the cluster, in the Python that has Ray."""
    kit.project(tmp_path / "quick", {"train.py": TRAIN})

    environment = {**environment, **AUTH}

    def run(*words, start=False):
        command = [PYTHON, "-m", "tidemill.cli.main", "--uri", served, *words]
        if start:
            return subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1500)

    run.options = ("quick", "-e", "train.py", "-x", "ray", "-c", f"address={cluster}", "-c", "poll=0.5", "--cpus", "1")
    return run


@pytest.mark.timeout(200)
def test_a_job_runs_on_the_cluster(on_ray, client):
    nasty = "'; rm -rf ~ $(touch owned) `x` \"\nend"
    done = on_ray("run", *on_ray.options, "-P", f"text={nasty}")
    assert done.returncode == 0, done
    assert f"got {nasty!r}" in done.stdout
    (run,) = client.search_runs(["0"])
    assert (run.info.status, run.data.tags["mlflow.project.backend"]) == ("FINISHED", "ray")
    failed = on_ray("run", *on_ray.options, "-P", "x=nothing")
    assert failed.returncode == 2, failed
    secret = on_ray("run", *on_ray.options, "--secret", "HOME")
    assert "secrets do not travel" in secret.stderr


@pytest.mark.timeout(200)
def test_a_job_on_the_cluster_is_cancelled(on_ray, client):
    process = on_ray("run", *on_ray.options, "-P", "sleep=300", start=True)
    deadline = time.monotonic() + 120
    while not [run for run in client.search_runs(["0"]) if run.data.metrics]:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    (run,) = client.search_runs(["0"])
    done = on_ray("runs", "cancel", run.info.run_id)
    assert done.returncode == 0, done
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert client.get_run(run.info.run_id).info.status == "KILLED"


def swept(client, shown, count):
    found = client.search_runs(["0"], f"tags.`mlflow.parentRunId` = '{shown['run_id']}'", max_results=1000)
    numbers = Counter(run.data.tags["tidemill.sweep.trial"] for run in found)
    assert numbers == {str(number): 1 for number in range(count)}
    assert {run.info.status for run in found} == {"FINISHED"}


@pytest.mark.deep
@pytest.mark.timeout(1700)
@pytest.mark.parametrize("count", [50, 200])
def test_a_sweep_spreads_over_the_cluster_and_runs_each_trial_once(on_ray, client, count):
    done = on_ray(
        "sweep", *on_ray.options, "-S", "x=uniform(0,1)", "-n", str(count), "-j", "4", "--metric", "loss", "--json"
    )
    assert done.returncode == 0, done
    swept(client, json.loads(done.stdout), count)


@pytest.mark.timeout(200)
def test_trials_in_hand_of_a_killed_sweep_are_followed_on(on_ray, client):
    options = ("-S", "x=uniform(0,1)", "-n", "5", "-j", "2", "--metric", "loss", "-P", "sleep=6")
    process = on_ray("sweep", *on_ray.options, *options, start=True)
    deadline = time.monotonic() + 120
    while not [run for run in client.search_runs(["0"]) if run.data.metrics and run.info.status == "RUNNING"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.kill()
    process.communicate()
    (top,) = [run for run in client.search_runs(["0"]) if "tidemill.sweep" in run.data.tags]
    done = on_ray("sweep", "--resume", top.info.run_id, "--json")
    assert done.returncode == 0, done
    swept(client, json.loads(done.stdout), 5)
