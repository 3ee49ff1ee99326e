"""Sweeps: every trial once, whatever is killed; searches that learn; trials that end early."""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter

import pytest

from tidemill.errors import InvalidParameter
from tidemill.projects.sweep.pruning import Median
from tidemill.projects.sweep.search import Chance, Grid, search
from tidemill.projects.sweep.space import axis

TRAIN = """
import argparse, os, time, tidemill
p = argparse.ArgumentParser()
p.add_argument("--x", type=float, default=1); p.add_argument("--kind"); p.add_argument("--sleep", type=float, default=0)
p.add_argument("--steps", type=int, default=1); p.add_argument("--ran")
a = p.parse_args()
with tidemill.start_run():
    for step in range(a.steps):
        tidemill.log_metric("loss", (a.x - 0.3) ** 2, step=step)
        time.sleep(a.sleep)
    if a.kind == "bad":
        raise SystemExit(3)
    if a.ran:
        with open(a.ran, "a") as file: file.write(f"{a.x}\\n")
"""


@pytest.fixture
def quick(tmp_path, kit):
    return kit.project(tmp_path / "quick", {"train.py": TRAIN})


def words(*more):
    return ("sweep", "quick", "-e", "train.py", "--metric", "loss", *more)


def children(client, sweep_id):
    return client.search_runs(["0"], f"tags.`mlflow.parentRunId` = '{sweep_id}'", max_results=1000)


def test_a_grid_runs_every_combination_once(cli, client, quick):
    done = cli(*words("-S", "x=0.1,0.3,0.9", "-S", "kind=a,bad", "-j", "2", "--json", "-P", "steps=2")).works()
    shown = json.loads(done.out)
    assert [one["number"] for one in shown["trials"]] == list(range(6))
    assert shown["best"]["values"] == {"x": "0.3", "kind": "a"}
    found = children(client, shown["run_id"])
    pairs = Counter((run.data.params["x"], run.data.params["kind"], run.info.status) for run in found)
    assert pairs == {(x, k, s): 1 for x in ("0.1", "0.3", "0.9") for k, s in (("a", "FINISHED"), ("bad", "FAILED"))}
    top = client.get_run(shown["run_id"])
    assert top.info.status == "FINISHED"
    assert top.data.metrics == {"loss": 0.0}
    assert top.data.tags["tidemill.sweep.best"] == shown["best"]["run_id"]
    assert "trial 5 FAILED" in done.err


def test_a_search_learns_and_repeats_itself(cli, client, quick):
    pytest.importorskip("optuna")
    options = ("-S", "x=uniform(0, 1)", "-n", "12", "--search", "optuna", "--seed", "3", "--json")
    first = json.loads(cli(*words(*options)).works().out)
    assert first["best"]["score"] < 0.02
    second = json.loads(cli(*words(*options)).works().out)
    assert [one["values"] for one in first["trials"]] == [one["values"] for one in second["trials"]]


def test_a_sweep_from_a_file(cli, client, quick, tmp_path):
    (tmp_path / "sweep.toml").write_text(
        '[sweep]\nmetric = "loss"\ngoal = "maximize"\ntrials = 4\nsearch = "random"\n'
        "[sweep.space]\nx = { low = 0.5, high = 1, step = 0.25 }\nkind = ['a', 'b']\n"
    )
    shown = json.loads(cli("sweep", "quick", "-e", "train.py", "--file", "sweep.toml", "--json").works().out)
    assert len(shown["trials"]) == 4
    assert {one["values"]["x"] for one in shown["trials"]} <= {"0.5", "0.75", "1.0"}
    assert shown["best"]["score"] == max(one["score"] for one in shown["trials"])


def test_a_killed_sweep_goes_on_and_runs_each_trial_once(cli, client, environment, quick, tmp_path, kit):
    ran = tmp_path / "ran"
    options = ("-S", "x=uniform(0,1)", "-n", "10", "-j", "2", "-P", f"ran={ran}", "-P", "sleep=0.4")
    process = subprocess.Popen(
        [*kit.command, *words(*options)], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not ran.exists() or len(ran.read_text().splitlines()) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)  # with two trials in hand
    process.wait()
    (top,) = [run for run in client.search_runs(["0"]) if "tidemill.sweep" in run.data.tags]
    before = {run.info.run_id for run in children(client, top.info.run_id) if run.info.status == "FINISHED"}
    shown = json.loads(cli("sweep", "--resume", top.info.run_id, "--json").works().out)
    assert [one["number"] for one in shown["trials"]] == list(range(10))
    assert {one["status"] for one in shown["trials"]} == {"FINISHED"}
    found = children(client, top.info.run_id)
    finished = Counter(run.data.tags["tidemill.sweep.trial"] for run in found if run.info.status == "FINISHED")
    assert finished == {str(number): 1 for number in range(10)}
    assert before <= {run.info.run_id for run in found if run.info.status == "FINISHED"}
    assert {run.info.status for run in found} <= {"FINISHED", "KILLED"}
    wanted = Chance([axis("x", "uniform(0,1)")], 0)
    assert sorted(shown["trials"][n]["values"]["x"] for n in range(10)) == sorted(wanted.ask(n)["x"] for n in range(10))
    again = json.loads(cli("sweep", "--resume", top.info.run_id, "--json").works().out)
    assert again == shown
    assert len(children(client, top.info.run_id)) == len(found)


def test_ctrl_c_ends_the_trials_and_the_sweep_can_go_on(cli, client, environment, quick, tmp_path, kit):
    options = ("-S", "x=0.1,0.2,0.3", "-P", "sleep=300")
    process = subprocess.Popen(
        [*kit.command, *words(*options)], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not [run for run in client.search_runs(["0"]) if run.data.metrics.get("loss") is not None]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert {run.info.status for run in client.search_runs(["0"])} == {"KILLED"}


def test_hopeless_trials_end_early(cli, client, quick):
    spaces = ("-S", "x=0.3,0.31,0.29,0.32,0.28,5", "-P", "steps=10", "-P", "sleep=0.3")
    options = (*spaces, "--prune", "median", "--json", "-j", "2")
    shown = json.loads(cli(*words(*options)).works().out)
    last = shown["trials"][5]
    assert (last["status"], last["pruned"]) == ("KILLED", True)
    assert sum(one["status"] == "FINISHED" for one in shown["trials"]) >= 4


@pytest.mark.parametrize(
    "more, says",
    [
        (("-S", "x=1", "--search", "random"), "give --trials"),
        ((), "needs a space"),
        (("-S", "x=uniform(0,1)"), "range with a step"),
        (("-S", "x=uniform(1,0)"), "lower to a higher"),
        (("-S", "x=loguniform(0,1)", "-n", "2"), "start above 0"),
        (("-S", "x=1,1"), "different values"),
        (("-S", "x=1", "-P", "x=2"), "either one value"),
        (("-S", "x=uniform(a,b)"), "needs two numbers"),
        (("--resume", "0" * 32), "name no project"),
    ],
)
def test_what_makes_no_sense_is_said(cli, client, quick, more, says):
    cli(*words(*more)).fails(1, says)
    assert client.search_runs(["0"]) == []


def test_a_sweep_that_cannot_start_fails(cli, client, quick):
    cli("sweep", "quick", "-e", "none.py", "-S", "x=1").fails(1, "no entry point")
    assert [run.info.status for run in client.search_runs(["0"])] == ["FAILED"]
    assert cli(*words("-S", "x=1", "-P", "kind=bad")).code == 1


def test_only_one_process_runs_a_sweep(cli, client, environment, quick, tmp_path, kit):
    process = subprocess.Popen(
        [*kit.command, *words("-S", "x=1,2", "-P", "sleep=300")],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(client.search_runs(["0"])) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (top,) = [run for run in client.search_runs(["0"]) if "tidemill.sweep" in run.data.tags]
    cli("sweep", "--resume", top.info.run_id).fails(1, "by another process")
    process.terminate()
    process.wait(60)


def test_spaces():
    assert axis("x", "uniform(0, 1, 0.5)").values() == ["0.0", "0.5", "1.0"]
    assert axis("x", "int(1, 3)").values() == ["1", "2", "3"]
    assert axis("x", [True, 2, "c"]).values() == ["true", "2", "c"]
    chance = random.Random(1)
    for text, low, high in (
        ("loguniform(1e-4, 1)", 1e-4, 1),
        ("int(2, 5)", 2, 5),
        ("logint(1, 999)", 1, 999),
        ("uniform(0,2)", 0, 2),
    ):
        drawn = [float(axis("x", text).draw(chance)) for _ in range(200)]
        assert low <= min(drawn) <= max(drawn) <= high
        assert len(set(drawn)) > 3
    grid = Grid([axis("a", "1,2"), axis("b", "x,y,z")])
    assert [grid.ask(n) for n in (0, 4, 6)] == [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}, None]
    with pytest.raises(InvalidParameter):
        search("magic", [axis("a", "1")], 0, "minimize")


def test_the_median_rule():
    rule = Median("minimize")
    for best in (1.0, 2.0, 3.0, 4.0):
        rule.ended([(0, 10.0), (1, best)])
    assert not rule.is_hopeless(7, 0, 50.0)
    assert rule.is_hopeless(7, 1, 40.0)
    assert not rule.is_hopeless(8, 0, 1.0)
    assert not rule.is_hopeless(8, 1, 100.0)
