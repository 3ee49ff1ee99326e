"""Slurm: what sbatch gets, on programs that stand for Slurm's and really run the script."""

import json
import os
import subprocess
import sys
import threading

import pytest

from tidemill.errors import InvalidParameter, Unavailable
from tidemill.projects.executors.slurm import SlurmExecutor, script
from tidemill.projects.job import Job, Resources
from tidemill.types.runs import RunStatus

SBATCH = """
place = os.environ["SLURM_FAKE"]
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
with open(place + "/sbatch.json", "w") as file: json.dump(sys.argv[1:], file)
script = sys.stdin.read()
with open(place + "/script.sh", "w") as file: file.write(script)
if os.environ.get("SLURM_REFUSES"):
    sys.exit("sbatch: error: invalid partition specified: none")
import subprocess
log = open(options["output"], "ab")
process = subprocess.Popen(["bash", place + "/script.sh"], cwd=options["chdir"], stdout=log, stderr=log,
                           start_new_session=True)
with open(place + "/pid", "w") as file: file.write(str(process.pid))
print("4711;cluster")
"""
SQUEUE = """
pid = int(open(os.environ["SLURM_FAKE"] + "/pid").read())
try: state = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]
except OSError: state = "Z"
if state == "Z": sys.exit("slurm_load_jobs error: Invalid job id specified")
print("RUNNING")
"""
SCANCEL = """
import signal
os.killpg(int(open(os.environ["SLURM_FAKE"] + "/pid").read()), signal.SIGKILL)
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scancel", SCANCEL)):
        (programs / name).write_text(f"#!{sys.executable}\nimport json, os, sys\n{text}")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_FAKE", str(tmp_path))
    return tmp_path


def executor(tmp_path, **more):
    return SlurmExecutor({"folder": str(tmp_path / "shared"), "poll": "0.1", **more})


def watched(found, ticket, stop=None):
    printed = []
    return found.watch(ticket, lambda data, _: printed.append(data), stop or threading.Event()), b"".join(printed)


def test_a_job_runs_and_its_output_and_exit_code_come_back(slurm, tmp_path):
    found = executor(tmp_path, partition="gpu", time="01:00:00")
    nasty = "a 'b' $(touch owned) `touch owned` ; touch owned\n#SBATCH --wrap=x"
    argv = [sys.executable, "-c", "import os, sys; print(sys.argv[1:], os.environ['VALUE']); sys.exit(3)", nasty]
    job = Job("x; touch owned", "r1", argv, str(tmp_path), {"VALUE": nasty}, resources=Resources(2, 1, 512))
    ending, printed = watched(found, found.submit(job))
    assert (ending.status, ending.exit_code) == (RunStatus.FAILED, 3)
    assert printed.decode() == f"{[nasty]} {nasty}\n"
    options = json.loads((tmp_path / "sbatch.json").read_text())
    for wanted in ("--parsable", "--partition=gpu", "--time=01:00:00", "--cpus-per-task=2", "--gpus=1", "--mem=512M"):
        assert wanted in options
    assert not (tmp_path / "owned").exists()


def test_success_and_copies(slurm, tmp_path):
    code = tmp_path / "code"
    code.mkdir()
    (code / "file").write_text("x")
    found = executor(tmp_path)
    ticket = found.submit(Job("x", "r2", ["cat", "file"], str(code), is_copy=True))
    ending, printed = watched(found, ticket)
    assert (ending.status, printed) == (RunStatus.FINISHED, b"x")
    assert watched(executor(tmp_path), ticket)[1] == b"x"


def test_a_job_is_cancelled(slurm, tmp_path):
    found = executor(tmp_path)
    ticket = found.submit(Job("x", "r3", ["sleep", "300"], str(tmp_path)))
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    assert watched(found, ticket, stop)[0].status is RunStatus.KILLED
    state = subprocess.run(["ps", "-o", "stat=", "-p", (tmp_path / "pid").read_text()], capture_output=True, text=True)
    assert state.stdout.strip() in ("", "Z", "Zs")


def test_what_slurm_refuses_is_said(slurm, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_REFUSES", "1")
    with pytest.raises(Unavailable, match="invalid partition"):
        executor(tmp_path).submit(Job("x", "r4", ["true"], str(tmp_path)))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable, match="not installed"):
        executor(tmp_path).submit(Job("x", "r5", ["true"], str(tmp_path)))


@pytest.mark.parametrize(
    "option", [{"wrap": "x"}, {"time": "1\n#SBATCH"}, {"-x": "1"}, {"a b": "1"}, {"export": "NONE"}]
)
def test_options_that_could_do_more_are_refused(tmp_path, option):
    with pytest.raises(InvalidParameter):
        executor(tmp_path, **option)


def test_names_of_variables_are_names(tmp_path):
    with pytest.raises(InvalidParameter):
        script(Job("x", "r", ["true"], "/", {"A;touch owned": "1"}), "/", "/tmp")


def test_the_command_line_runs_on_slurm(slurm, cli, client, served, tmp_path, kit):
    kit.project(tmp_path / "shown", {"show.py": kit.show})
    words = (
        "run",
        "shown",
        "-e",
        "show.py",
        "-x",
        "slurm",
        "-c",
        f"folder={tmp_path}/shared",
        "-c",
        "poll=0.1",
        "-P",
        "a=b c",
    )
    env = {"PATH": os.environ["PATH"], "SLURM_FAKE": str(tmp_path)}
    env["PATH"] = os.path.dirname(sys.executable) + os.pathsep + env["PATH"]
    cli(*words, **env).fails(1, "cannot reach the store")
    seen = json.loads(cli(*words, "--uri", served, **env).works().out)
    assert seen["argv"] == ["--a", "b c"]
    assert seen["env"]["MLFLOW_TRACKING_URI"] == served
    (run,) = client.search_runs(["0"])
    assert (run.info.status, run.data.tags["mlflow.project.backend"]) == ("FINISHED", "slurm")
