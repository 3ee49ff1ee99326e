"""`tidemill run` on local folders: what the command gets, what is recorded, how it ends."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

MLPROJECT = """
name: shown
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      text: {type: string, default: nothing}
      rows: {type: int, default: 3}
    command: "python show.py --alpha {alpha} '--text={text}'"
  shell:
    parameters: {text: string}
    command: "mkdir -p out && python show.py \\"{text}\\" | cat"
  place:
    parameters: {data: path, source: {type: uri, default: 's3://bucket/x'}}
    command: "python show.py {data} {source}"
  fails:
    command: "python -c 'import sys; sys.exit(7)'"
  missing:
    command: "no-such-program"
  slow:
    command: "bash slow.sh"
  secret:
    command: "python -c 'import os; print(os.environ[\\"API_TOKEN\\"])'"
"""


@pytest.fixture
def shown(tmp_path, kit):
    return kit.project(tmp_path / "shown", {"MLproject": MLPROJECT, "show.py": kit.show, "data.csv": "a,b\n"})


def the_run(client):
    (found,) = client.search_runs(["0"])
    return found


def test_a_run_gets_its_parameters_its_store_and_its_record(cli, client, shown, tmp_path):
    done = cli("run", "shown", "-P", "text=; rm -rf ~", "-P", "extra=a b", "--run-name", "one").works()
    seen = json.loads(done.out)
    assert seen["argv"] == ["--alpha", "0.5", "--text=; rm -rf ~", "--extra", "a b"]
    assert seen["cwd"] == str(shown)
    run = the_run(client)
    assert seen["env"]["MLFLOW_RUN_ID"] == run.info.run_id
    assert seen["env"]["MLFLOW_EXPERIMENT_ID"] == "0"
    assert seen["env"]["MLFLOW_TRACKING_URI"].startswith("http://127.0.0.1:")
    assert seen["env"]["TIDEMILL_URI"] == str(tmp_path / "store")
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "one"
    assert run.data.params == {"alpha": "0.5", "text": "; rm -rf ~", "rows": "3", "extra": "a b"}
    assert run.data.tags["mlflow.project.entryPoint"] == "main"
    assert run.data.tags["mlflow.project.env"] == "local"
    assert run.data.tags["mlflow.project.backend"] == "local"
    assert run.data.tags["mlflow.source.type"] == "PROJECT"
    assert run.data.tags["mlflow.source.name"] == str(shown)
    assert {one.path for one in client.list_artifacts(run.info.run_id, "project")} == {
        "project/files.tar.gz", "project/output.log", "project/project.json",
    }  # fmt: skip
    assert sorted(os.listdir(shown)) == ["MLproject", "data.csv", "show.py"]


def test_a_shell_runs_where_the_command_asks_for_one(cli, shown):
    done = cli("run", "shown", "-e", "shell", "-P", "text=$(touch owned) `touch owned` '\" ; touch owned").works()
    assert json.loads(done.out)["argv"] == ["$(touch owned) `touch owned` '\" ; touch owned"]
    assert not (shown / "owned").exists()
    assert (shown / "out").is_dir()


def test_paths_are_absolute_and_addresses_are_checked(cli, shown):
    seen = json.loads(cli("run", "shown", "-e", "place", "-P", "data=data.csv").works().out)
    assert seen["argv"] == [str(shown / "data.csv"), "s3://bucket/x"]
    cli("run", "shown", "-e", "place", "-P", "data=none.csv").fails(1, "none.csv", "no such file")
    cli("run", "shown", "-e", "place", "-P", "data=data.csv", "-P", "source=x").fails(1, "must be an address")


def test_a_remote_path_is_brought_here(cli, client, shown, tmp_path):
    run = client.create_run("0")
    client.log_text(run.info.run_id, "x,y\n", "in/data.csv")
    seen = json.loads(cli("run", "shown", "-e", "place", "-P", f"data=runs:/{run.info.run_id}/in/data.csv").works().out)
    assert os.path.basename(seen["argv"][0]) == "data.csv"
    assert not os.path.exists(seen["argv"][0])
    kept = cli(
        "run", "shown", "-e", "place", "-P", f"data=runs:/{run.info.run_id}/in/data.csv", "--storage-dir", "kept"
    ).works()
    assert Path(json.loads(kept.out)["argv"][0]).read_text() == "x,y\n"


@pytest.mark.parametrize(
    "words, says",
    [
        (["-P", "alpha=fast"], "must be a number"),
        (["-P", "rows=1.5"], "must be a whole number"),
        (["-e", "shell"], "missing parameters: 'text'"),
        (["-e", "nothing"], "There is no entry point 'nothing'"),
        (["-e", "../show.py"], "There is no entry point"),
        (["-P", "alpha"], "takes NAME=VALUE"),
        (["-P", "a b=1"], "cannot be a parameter's name"),
        (["--secret", "NOT_SET"], "NOT_SET is not set"),
        (["-x", "cloud"], "There is no executor 'cloud'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(cli, shown, words, says):
    assert cli("run", "shown", *words).fails(1, says).startswith("Error: ") or "cloud" in says


def test_exit_codes_are_passed_on(cli, client, shown):
    assert cli("run", "shown", "-e", "fails").code == 7
    run = the_run(client)
    assert run.info.status == "FAILED"
    assert run.data.tags["tidemill.status.reason"] == "Exit code 7."


def test_a_missing_program_is_a_sentence(cli, client, shown):
    cli("run", "shown", "-e", "missing").fails(1, "needs the program 'no-such-program'")
    assert the_run(client).info.status == "FAILED"


def test_a_dry_run_shows_the_command_and_does_nothing(cli, shown, tmp_path):
    done = cli("run", "shown", "-P", "text=a b", "--dry-run").works()
    assert done.out == "python show.py --alpha 0.5 '--text=a b'\n"
    assert not (tmp_path / "store").exists()


def test_scripts_run_without_any_file(cli, client, tmp_path, kit):
    kit.project(tmp_path / "plain", {"job.py": kit.show, "job.sh": 'echo "shell $1 $2"\n'})
    assert json.loads(cli("run", "plain", "-e", "job.py", "-P", "lr=1").works().out)["argv"] == ["--lr", "1"]
    assert cli("run", "plain", "-e", "job.sh", "-P", "lr=1").works().out == "shell --lr 1\n"


def test_the_table_in_pyproject_is_a_project_too(cli, client, tmp_path, kit):
    table = """
[project]
name = "tabled"
[tool.tidemill.project.entry-points.main]
command = "python show.py {alpha}"
parameters = { alpha = { type = "float", default = 2 } }
"""
    kit.project(tmp_path / "tabled", {"pyproject.toml": table, "show.py": kit.show})
    assert json.loads(cli("run", "tabled").works().out)["argv"] == ["2"]


def test_secrets_reach_the_command_and_nothing_else(cli, client, shown, tmp_path):
    done = cli("run", "shown", "-e", "secret", "--secret", "API_TOKEN", API_TOKEN="s3cr3t-value").works()
    assert done.out == "s3cr3t-value\n"
    run = the_run(client)
    assert client.files_of(run.info.run_id).read("project/output.log") == b"***\n"
    for path in [*(tmp_path / "store").rglob("*"), *(tmp_path / "cache").rglob("*")]:
        if path.is_file():
            assert b"s3cr3t-value" not in path.read_bytes(), path


SLOW = """
(sleep 300 & echo $! > inner.pid; wait) &
setsid sleep 300 & echo $! > away.pid
touch started
wait
"""


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_whole_tree_and_marks_the_run(client, environment, shown, tmp_path, number, kit):
    kit.project(shown, {"slow.sh": SLOW})
    process = subprocess.Popen(
        [*kit.command, "run", "shown", "-e", "slow"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not (shown / "started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pids = [int((shown / name).read_text()) for name in ("inner.pid", "away.pid")]
    assert all(is_alive(pid) for pid in pids)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert not any(is_alive(pid) for pid in pids)
    assert the_run(client).info.status == "KILLED"


def test_a_terminal_stays_a_terminal(client, environment, shown, tmp_path, kit):
    import pty

    kit.project(shown, {"tty.py": "import sys, os; print('tty', os.isatty(1), os.get_terminal_size().columns)"})
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [*kit.command, "run", "shown", "-e", "tty.py"], cwd=tmp_path, env=environment, stdout=inner
    )
    os.close(inner)
    assert process.wait(60) == 0
    assert os.read(outer, 1000).decode().startswith("tty True")
    os.close(outer)


def test_the_python_api_runs_waits_cancels_and_nests(client, here, shown, kit):
    import tidemill

    kit.project(shown, {"slow.sh": "sleep 300\n"})
    with tidemill.start_run() as outer:
        done = tidemill.projects.run(str(shown), parameters={"alpha": 1})
    assert done.wait()
    assert done.get_status() == "FINISHED"
    assert client.get_run(done.run_id).data.tags["mlflow.parentRunId"] == outer.info.run_id
    with pytest.raises(tidemill.MlflowException, match=r"failed"):
        tidemill.run(str(shown), "fails")
    slow = tidemill.projects.run(str(shown), "slow", synchronous=False, experiment_name="slow ones")
    assert slow.get_status() == "RUNNING"
    slow.cancel()
    assert slow.get_status() == "KILLED"
    run = client.get_run(slow.run_id)
    assert run.info.status == "KILLED"
    assert client.get_experiment(run.info.experiment_id).name == "slow ones"
    with pytest.raises(tidemill.MlflowException, match="no entry point"):
        tidemill.run(str(shown), "nothing", synchronous=False)


STEPS = {
    "MLproject": """
name: steps
entry_points:
  main: {command: "python main.py"}
  first: {parameters: {size: int}, command: "python step.py first {size}"}
  second: {parameters: {run: string}, command: "python step.py second {run}"}
""",
    "main.py": """
import tidemill
with tidemill.start_run() as run:
    first = tidemill.projects.run(".", "first", parameters={"size": 3})
    second = tidemill.projects.run(".", "second", parameters={"run": first.run_id})
    tidemill.log_metric("all", tidemill.get_run(second.run_id).data.metrics["size"])
""",
    "step.py": """
import sys, tidemill
_, step, value = sys.argv
with tidemill.start_run():
    size = float(value) if step == "first" else tidemill.get_run(value).data.metrics["size"] + 1
    tidemill.log_metric("size", size)
""",
}


def test_steps_call_each_other_and_are_nested(cli, client, tmp_path, kit):
    kit.project(tmp_path / "steps", STEPS)
    cli("run", "steps", "--experiment-name", "flow").works()
    runs = client.search_runs([client.get_experiment_by_name("flow").experiment_id])
    by_step = {run.data.tags["mlflow.project.entryPoint"]: run for run in runs}
    assert set(by_step) == {"main", "first", "second"}
    assert by_step["main"].data.metrics == {"all": 4.0}
    for step in ("first", "second"):
        assert by_step[step].data.tags["mlflow.parentRunId"] == by_step["main"].info.run_id
    assert {run.info.status for run in runs} == {"FINISHED"}
