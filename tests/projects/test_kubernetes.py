"""Kubernetes: manifests against the published models, and a job on a server that speaks the API."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from tidemill.errors import InvalidParameter, NotFound, Unavailable
from tidemill.projects.executors import kubernetes as k8s
from tidemill.projects.job import Job, Resources
from tidemill.types.runs import RunStatus

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
NASTY = "'; rm -rf ~ $(x)"


def job(folder="/", **more):
    found = {
        "argv": ["python", "train.py", NASTY],
        "variables": {"A": "1"},
        "secrets": ("TOKEN",),
        "image": "example/x:1",
    }
    return Job("x", "a" * 32, folder=str(folder), resources=Resources(1.5, 2, 512), **{**found, **more})


def known_to_kubernetes(manifest, model):
    """Whether every field is one of the published model's, and nothing is lost on the way through it."""
    client = pytest.importorskip("kubernetes.client")

    api = client.ApiClient()
    read = api.deserialize(json.dumps(manifest), model, "application/json")
    return api.sanitize_for_serialization(read) == manifest


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("settings", [{}, {"code": "image", "service_account": "trainer", "namespace": "ml"}])
def test_manifests_are_those_of_the_published_models(settings):
    manifest = k8s.job_manifest(job(), settings)
    assert known_to_kubernetes(manifest, "V1Job")
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "x", "uid": "u"}
    assert known_to_kubernetes(k8s.code_manifest("x", "n", owner, b"x", ["pear"]), "V1ConfigMap")
    assert known_to_kubernetes(k8s.secret_manifest("x", "n", owner, {"TOKEN": "t"}), "V1Secret")
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    assert container["command"][-3:] == ["python", "train.py", NASTY.replace("$", "$$")]
    assert "rm -rf" not in container["command"][2] or settings
    assert container["resources"]["limits"] == {"cpu": "1.5", "memory": "512M", "nvidia.com/gpu": "2"}


@pytest.mark.filterwarnings("ignore")
def test_a_template_is_kept_around_what_is_ours(tmp_path):
    (tmp_path / "job.yaml").write_text(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {labels: {team: blue}}\nspec:\n  ttlSecondsAfterFinished: 60\n"
        "  template: {spec: {nodeSelector: {gpu: big}, containers: [{name: x, env: [{name: B, value: '2'}]}]}}\n"
    )
    manifest = k8s.job_manifest(job(), {"template": str(tmp_path / "job.yaml")})
    assert known_to_kubernetes(manifest, "V1Job")
    assert manifest["metadata"]["labels"]["team"] == "blue"
    pod = manifest["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"gpu": "big"}
    assert pod["containers"][0]["env"] == [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]
    assert manifest["spec"]["ttlSecondsAfterFinished"] == 60


def test_what_is_missing_or_too_large_is_said(tmp_path):
    with pytest.raises(InvalidParameter, match="needs an image"):
        k8s.job_manifest(job(image=""), {})
    (tmp_path / "big").write_bytes(os.urandom(800_000))
    with pytest.raises(InvalidParameter, match="code=image"):
        k8s.packed_code(str(tmp_path))


SERVER = r"""
import base64, io, json, os, subprocess, sys, tarfile, tempfile, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

things, started = {}, {}

def work(name):
    time.sleep(0.3)  # kubelet waits for the ConfigMap that it is to mount
    job = things["jobs", name]
    container = job["spec"]["template"]["spec"]["containers"][0]
    folder = tempfile.mkdtemp()
    data = base64.b64decode(things["configmaps", name]["binaryData"]["code.tar.gz"])
    tarfile.open(fileobj=io.BytesIO(data)).extractall(folder, filter="data")
    command = [word.replace("$$", "$") for word in container["command"][4:]]
    env = {**os.environ, **{one["name"]: one["value"].replace("$$", "$") for one in container["env"]}}
    for key, value in things.get(("secrets", name), {}).get("data", {}).items():
        env[key] = base64.b64decode(value).decode()
    process = subprocess.Popen(command,  cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    started[name] = process
    out = process.communicate()[0]
    started[name + "/log"] = out
    code = process.returncode
    failed = {"failed": 1, "conditions": [{"type": "Failed", "message": "Job has failed"}]}
    job["status"] = {"succeeded": 1} if code == 0 else failed
    started[name + "/code"] = code

class Handler(BaseHTTPRequestHandler):
    def answer(self, value, status=200):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status); self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data))); self.end_headers(); self.wfile.write(data)
    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers["Content-Length"]))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data
    def do_POST(self):
        body = json.loads(self.body())
        self.path = self.path.partition("?")[0]
        kind, name = self.path.split("/")[-1], body["metadata"]["name"]
        body["metadata"]["uid"] = "uid-1"
        things[kind, name] = body
        if kind == "jobs":
            body["status"] = {}
            threading.Thread(target=work, args=(name,), daemon=True).start()
        with open(os.environ["SEEN"], "a") as file: file.write(json.dumps([self.path, body]) + "\n")
        self.answer(body, 201)
    def do_GET(self):
        path, _, query = self.path.partition("?")
        parts = path.split("/")
        if parts[-1] == "log":
            name = parts[-2].removesuffix("-pod")
            while name + "/code" not in started: time.sleep(0.05)
            return self.answer(started[name + "/log"])
        if parts[-1] == "pods":
            name = query.partition("job-name%3D")[2].partition("&")[0]
            code = started.get(name + "/code")
            state = {} if code is None else {"terminated": {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}}
            return self.answer({"items": [{"metadata": {"name": name + "-pod"}, "status": {
                "phase": "Running" if name in started else "Pending", "containerStatuses": [{"state": state}]}}]})
        found = things.get((parts[-2], parts[-1]))
        if found is None:
            said = {"kind": "Status", "status": "Failure", "reason": "NotFound", "message": "not found", "code": 404}
            return self.answer(said, 404)
        self.answer(found)
    def do_DELETE(self):
        name = self.path.partition("?")[0].split("/")[-1]
        if name in started: started[name].kill()
        things.pop(("jobs", name), None)
        self.answer({"kind": "Status", "status": "Success"})
    def log_message(self, *words): pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@pytest.fixture
def cluster(tmp_path):
    """A server that speaks the few calls of the API that are needed, and runs the jobs' commands."""
    seen = tmp_path / "seen.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, env={**os.environ, "SEEN": str(seen)}
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}], "users": [{"name": "c", "user": {}}],
        }  # fmt: skip
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        yield {"kubeconfig": str(tmp_path / "kubeconfig"), "poll": "0.2", "seen": str(seen)}
        process.terminate()


def watched(found, ticket, stop=None):
    printed = []
    return found.watch(ticket, lambda data, _: printed.append(data), stop or threading.Event()), b"".join(printed)


@needs_kubectl
@pytest.mark.parametrize("code", [0, 3])
def test_a_job_runs_and_tells_its_output_and_exit_code(cluster, tmp_path, monkeypatch, code):
    monkeypatch.setenv("TOKEN", "hidden-token")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(
        "import os, sys; print(sys.argv[1], os.environ['TOKEN'][:6]); sys.exit(int(sys.argv[2]))"
    )
    found = k8s.KubernetesExecutor(cluster)
    ticket = found.submit(job(tmp_path / "code", argv=[sys.executable, "train.py", NASTY, str(code)]))
    ending, printed = watched(found, ticket)
    assert printed.decode() == f"{NASTY} hidden\n"
    assert ending.exit_code == code
    assert ending.status is (RunStatus.FINISHED if code == 0 else RunStatus.FAILED)
    sent = [json.loads(line) for line in Path(cluster["seen"]).read_text().splitlines()]
    assert [path for path, _ in sent] == [
        "/apis/batch/v1/namespaces/default/jobs", "/api/v1/namespaces/default/configmaps", "/api/v1/namespaces/default/secrets",
    ]  # fmt: skip
    assert "hidden-token" not in json.dumps(sent[:2])
    assert sent[1][1]["metadata"]["ownerReferences"][0]["uid"] == "uid-1"
    packed = base64.b64decode(sent[1][1]["binaryData"]["code.tar.gz"])
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert "./train.py" in tar.getnames()


@needs_kubectl
def test_a_job_is_cancelled_and_a_missing_one_is_said(cluster, tmp_path):
    (tmp_path / "code").mkdir()
    found = k8s.KubernetesExecutor(cluster)
    ticket = found.submit(job(tmp_path / "code", argv=["sleep", "300"], secrets=()))
    stop = threading.Event()
    threading.Timer(1, stop.set).start()
    assert watched(found, ticket, stop)[0].status is RunStatus.KILLED
    with pytest.raises(NotFound):
        watched(found, "tidemill-none")


@needs_kubectl
def test_a_cluster_that_is_away_is_said(cluster, tmp_path):
    config = json.loads((tmp_path / "kubeconfig").read_text())
    config["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:9"
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    with pytest.raises(Unavailable):
        k8s.KubernetesExecutor(cluster).submit(
            job(tmp_path / "none", secrets=()) if (tmp_path / "none").mkdir() is None else None
        )
