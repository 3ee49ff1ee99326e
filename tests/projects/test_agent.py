"""Jobs over REST: submitted to a server, carried out by an agent, within the agent's rules."""

import json
import subprocess
import time
from urllib.request import Request, urlopen

import pytest

TRAIN = """
import sys, time, os, tidemill
with tidemill.start_run():
    tidemill.log_metric("loss", float(sys.argv[1]))
    print("training", sys.argv[1], flush=True)
    time.sleep(float(sys.argv[2]))
"""
FILES = {
    "MLproject": """
name: jobbed
entry_points:
  main: {parameters: {alpha: float, sleep: {type: float, default: 0}}, command: "python train.py {alpha} {sleep}"}
""",
    "train.py": TRAIN,
}


def rest(address, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{address}/api/tidemill/1/{path}", data, {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


@pytest.fixture
def jobbed(tmp_path, kit, cli, client, served):
    """A committed project that was run once by hand; the run's id."""
    folder = kit.project(tmp_path / "jobbed", FILES)
    kit.commit(folder)
    cli("run", "jobbed", "-P", "alpha=1", "--uri", served).works()
    return client.search_runs(["0"])[0].info.run_id


@pytest.fixture
def agent(tmp_path, environment, served, kit):
    """Start an agent with these rules."""
    running = []

    def start(**rules):
        rules = {"executors": ["local"], "sources": [str(tmp_path)], **rules}
        lines = [f"{name} = {json.dumps(value)}" for name, value in rules.items()]
        (tmp_path / "agent.toml").write_text("[agent]\n" + "\n".join(lines) + "\n")
        process = subprocess.Popen(
            [*kit.command, "--uri", served, "agent", "--file", "agent.toml"], cwd=tmp_path, env=environment,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(process)
        deadline = time.monotonic() + 30
        while not rest(served, "executors").get("executors"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return process

    yield start
    for process in running:
        process.terminate()
        process.communicate(timeout=60)


def ended(served, job_id, *, wanted=("FINISHED", "FAILED", "CANCELLED")):
    deadline = time.monotonic() + 60
    while (job := rest(served, f"jobs/{job_id}")["job"])["state"] not in wanted:
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return job


def submit(served, run_id, **params):
    body = {"run_id": run_id, "executor": "local", "params": [{"key": k, "value": v} for k, v in params.items()]}
    return rest(served, "jobs", body)["job"]["job_id"]


def test_a_run_is_cloned_with_changed_parameters(agent, client, jobbed, served):
    agent()
    job = ended(served, submit(served, jobbed, alpha="0.25"))
    assert job["state"] == "FINISHED", job
    run = client.get_run(job["run_id"])
    assert run.data.params == {"alpha": "0.25", "sleep": "0"}
    assert run.data.metrics == {"loss": 0.25}
    assert run.data.tags["tidemill.cloned_from"] == jobbed
    assert client.files_of(job["run_id"]).read("project/output.log") == b"training 0.25\n"
    wrong = ended(served, submit(served, jobbed, alpha="; rm -rf ~"))
    assert (wrong["state"], "must be a number" in wrong["message"]) == ("FAILED", True)


def test_a_job_is_cancelled_and_its_output_is_there_meanwhile(agent, client, jobbed, served):
    agent()
    job_id = submit(served, jobbed, sleep="300")
    job = ended(served, job_id, wanted=("RUNNING",))
    deadline = time.monotonic() + 30
    while True:
        try:
            assert client.files_of(job["run_id"]).read("project/output.log") == b"training 1\n"
            break
        except Exception:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    rest(served, f"jobs/{job_id}/cancel", {})
    assert ended(served, job_id)["state"] == "CANCELLED"
    assert client.get_run(job["run_id"]).info.status == "KILLED"


def test_an_agent_keeps_its_rules(agent, client, jobbed, served, cli, tmp_path, kit):
    agent(sources=["/nowhere", "https://example.org/"])
    job = ended(served, submit(served, jobbed))
    assert (job["state"], "runs no code from" in job["message"]) == ("FAILED", True)
    # A run that somebody made up, with code of their own in its files.
    forged = client.create_run("0", tags={"mlflow.source.type": "PROJECT"}).info.run_id
    record = json.loads(client.files_of(jobbed).read("project/project.json"))
    for location in (
        "https://example.org.evil/x",
        "https://example.org/../evil",
        "https://example.org%2f@evil/x",
        "ext::sh -c x",
    ):
        record["code"] |= {"kind": "git", "location": location}
        client.log_text(forged, json.dumps(record), "project/project.json")
        job = ended(served, submit(served, forged))
        assert (job["state"], "runs no code from" in job["message"]) == ("FAILED", True), location


def test_changes_and_secrets_need_leave(agent, client, jobbed, served, cli, tmp_path, kit):
    kit.project(tmp_path / "jobbed", {"train.py": TRAIN.replace("loss", "other")})
    cli("run", "jobbed", "-P", "alpha=2", "--uri", served).works()
    changed = client.search_runs(["0"])[0].info.run_id
    kit.git(tmp_path / "jobbed", "checkout", "-q", ".")
    cli("run", "jobbed", "-P", "alpha=3", "--secret", "HOME", "--uri", served).works()
    secretive = client.search_runs(["0"])[0].info.run_id
    process = agent()
    job = ended(served, submit(served, changed))
    assert "allow_changes is off" in job["message"]
    job = ended(served, submit(served, secretive))
    assert "does not hand out the secret HOME" in job["message"]
    process.terminate()
    process.wait(30)
    agent(allow_changes=True, secrets=["HOME"])
    assert client.get_run(ended(served, submit(served, changed))["run_id"]).data.metrics == {"other": 2.0}
    assert ended(served, submit(served, secretive))["state"] == "FINISHED"


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "needs"), ("[agent]\nexecutors = ['local']\n", "needs"), ("[agent]\nother = 1\n", "wrong"),
        ("[agent]\nexecutors = ['cloud']\nsources = ['/']\n", "There is no executor"), ("[agent", "not readable"),
    ],
)  # fmt: skip
def test_rules_that_are_wrong_are_said(cli, tmp_path, text, says):
    (tmp_path / "agent.toml").write_text(text)
    cli("agent", "--file", "agent.toml").fails(1, says if text else "is wrong")
