"""Runs in the background: what they print, how they are stopped, and a `tidemill run` that is killed itself."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

SLOW = "echo begun; touch started; for i in $(seq 300); do sleep 0.1; test -e go && break; done; echo ended\n"


@pytest.fixture
def slow(tmp_path, kit):
    return kit.project(tmp_path / "slow", {"slow.sh": SLOW})


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.05)


def test_a_detached_run_is_followed_to_its_end(cli, client, environment, slow, tmp_path, kit):
    run_id = cli("run", "slow", "-e", "slow.sh", "--detach").works().out.strip()
    wait_for(slow / "started")
    assert client.get_run(run_id).info.status == "RUNNING"
    deadline = time.monotonic() + 10
    while cli("runs", "logs", run_id[:8]).works().out != "begun\n":
        assert time.monotonic() < deadline
    following = subprocess.Popen(
        [*kit.command, "runs", "logs", "-f", run_id], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    time.sleep(0.5)
    (slow / "go").touch()
    assert following.communicate(timeout=30)[0] == "begun\nended\n"
    deadline = time.monotonic() + 10
    while client.get_run(run_id).info.status == "RUNNING":
        assert time.monotonic() < deadline
    assert client.get_run(run_id).info.status == "FINISHED"
    assert cli("runs", "logs", run_id).works().out == "begun\nended\n"
    assert list((tmp_path / "cache" / "runs").iterdir()) == []
    cli("runs", "cancel", run_id).fails(1, "has ended already")


def test_a_detached_run_that_cannot_start_says_why(cli, slow):
    cli("run", "slow", "-e", "none", "--detach").fails(1, "no entry point 'none'")


def test_a_detached_run_is_cancelled_from_elsewhere(cli, client, slow):
    run_id = cli("run", "slow", "-e", "slow.sh", "--detach").works().out.strip()
    wait_for(slow / "started")
    cli("runs", "cancel", run_id).works()
    run = client.get_run(run_id)
    assert run.info.status == "KILLED"
    assert cli("runs", "logs", "-f", run_id).works().out == "begun\n"


def test_what_a_killed_tidemill_left_behind_can_be_cancelled(client, cli, environment, slow, tmp_path, kit):
    process = subprocess.Popen([*kit.command, "run", "slow", "-e", "slow.sh"], cwd=tmp_path, env=environment)
    wait_for(slow / "started")
    (run,) = client.search_runs(["0"])
    deadline = time.monotonic() + 10
    while "tidemill.project.ticket" not in client.get_run(run.info.run_id).data.tags:
        assert time.monotonic() < deadline
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    cli("runs", "cancel", run.info.run_id).works()
    assert client.get_run(run.info.run_id).info.status == "KILLED"
    assert "slow.sh" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout


def test_runs_that_were_not_started_by_us(cli, client):
    run = client.create_run("0")
    cli("runs", "cancel", run.info.run_id).fails(1, "was not started by 'tidemill run'")
    cli("runs", "logs", run.info.run_id).fails(1, "Nothing that the run")
    client.log_text(run.info.run_id, "printed\n", "console/output.log")
    assert cli("runs", "logs", run.info.run_id).works().out == "printed\n"


def test_a_made_up_ticket_reaches_no_process_and_no_file(cli, client, tmp_path):
    """Whoever may set tags must not choose what 'cancel' kills or 'logs' shows."""
    (tmp_path / "private").write_text("hidden\n")
    victim = subprocess.Popen(["sleep", "60"], env={**os.environ, "TIDEMILL_JOB": "victim-1"})
    try:
        run = client.create_run("0").info.run_id
        ticket = {"executor": "local", "ticket": "victim-1", "host": socket.gethostname(), "process": victim.pid}
        ticket["log"] = str(tmp_path / "private")
        client.set_tag(run, "tidemill.project.ticket", json.dumps(ticket))
        cli("runs", "logs", run).fails(1, "Nothing that the run")
        assert cli("runs", "cancel", run).code == 1
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()
