"""Jobs on Kubernetes: one `batch/v1` Job each, made as data and sent through kubectl, which knows how to log in.

The project's code travels as a ConfigMap and secrets as a Secret; both belong to the Job and go with it. Manifests
follow https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/.
"""

import base64
import contextlib
import io
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from tidemill.errors import InvalidParameter, NotFound, Unavailable
from tidemill.projects.definition import read_yaml
from tidemill.projects.job import Ending, Job, Out, text_of
from tidemill.types.runs import RunStatus

_MOST_CODE = 700_000
"""Bytes of packed code; a ConfigMap holds 1 MiB, a third more for Base64."""
_WORK = "/tidemill/work"
_CODE = "/tidemill/code"
_UNPACK = (
    f"set -e; mkdir -p {_WORK}; tar -xzf {_CODE}/code.tar.gz -C {_WORK}; cd {_WORK}; "
    f"if [ -s {_CODE}/requirements.txt ]; then python -m pip install -q -r {_CODE}/requirements.txt; fi; "
    'exec "$@"'
)
"""Constant: the command comes as arguments behind it."""
_LEFT_OUT = frozenset([".git", ".tidemill", "mlruns", "mlartifacts", "__pycache__", ".venv", "venv"])
_WAIT_S = 60
_LAST_S = 10.0


class KubernetesExecutor:
    """Settings: `image` (default: that of docker_env), `namespace` (`default`), `context`, `kubeconfig`,
    `service_account`, `template` (a YAML file with a Job to start from), `code`: `send` (default) or `image` (it is in
    the image, at its working folder), `poll`: seconds between two looks (default 2).
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = dict(settings)
        self._namespace = text_of(settings, "namespace", "default")
        self._poll_s = float(text_of(settings, "poll", "2"))
        self._words = ["kubectl"]
        for name in ("context", "kubeconfig"):
            if text_of(settings, name):
                self._words.append(f"--{name}={text_of(settings, name)}")

    def submit(self, job: Job) -> str:
        """Create the Job, then what belongs to it."""
        manifest = job_manifest(job, self._settings)
        missing = [name for name in job.secrets if name not in os.environ]
        if missing:
            raise InvalidParameter(f"The secret {missing[0]} is not set in the environment.")
        code = None if text_of(self._settings, "code", "send") == "image" else packed_code(job.folder)
        made = msgspec.json.decode(self._create("/apis/batch/v1", "jobs", manifest))
        name = str(manifest["metadata"]["name"])
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": made["metadata"]["uid"]}
        try:
            if code is not None:
                self._create(
                    "/api/v1", "configmaps", code_manifest(name, self._namespace, owner, code, job.requirements)
                )
            if job.secrets:
                values = {key: os.environ[key] for key in job.secrets}
                self._create("/api/v1", "secrets", secret_manifest(name, self._namespace, owner, values))
        except BaseException:
            with contextlib.suppress(Unavailable, NotFound):
                self._delete(name)
            raise
        return name

    def watch(self, ticket: str, out: Out, stop: threading.Event) -> Ending:
        """Follow the Job and the log of its pod."""
        path = f"/apis/batch/v1/namespaces/{self._namespace}/jobs/{quote(ticket, safe='')}"
        printing: threading.Thread | None = None
        while True:
            job = msgspec.json.decode(self._get(path))
            pod = self._pod(ticket)
            status = job.get("status", {})
            over = bool(status.get("succeeded") or status.get("failed"))
            if printing is None and pod is not None and (over or pod["status"].get("phase") not in (None, "Pending")):
                printing = threading.Thread(target=self._print, args=(pod["metadata"]["name"], out), daemon=True)
                printing.start()
            if over:
                if printing is not None:
                    printing.join(_LAST_S)
                return _ending(bool(status.get("succeeded")), pod, status)
            if stop.wait(self._poll_s):
                self._delete(ticket)
                return Ending(RunStatus.KILLED, None, "It was stopped.")

    def _pod(self, name: str) -> dict[str, Any] | None:
        selector = quote(f"job-name={name}", safe="")
        found = msgspec.json.decode(self._get(f"/api/v1/namespaces/{self._namespace}/pods?labelSelector={selector}"))
        items: list[dict[str, Any]] = found.get("items") or []
        return items[-1] if items else None

    def _print(self, pod: str, out: Out) -> None:
        path = f"/api/v1/namespaces/{self._namespace}/pods/{quote(pod, safe='')}/log?follow=true&container=main"
        with subprocess.Popen(  # noqa: S603
            [self._program(), *self._words[1:], "get", "--raw", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            while data := os.read(process.stdout.fileno(), 65_536):
                out(data, False)

    def _create(self, api: str, kind: str, manifest: Mapping[str, Any]) -> str:
        path = f"{api}/namespaces/{self._namespace}/{kind}"
        return self._call(["create", "--raw", path, "-f", "-"], msgspec.json.encode(manifest))

    def _get(self, path: str) -> str:
        return self._call(["get", "--raw", path])

    def _delete(self, name: str) -> None:
        path = f"/apis/batch/v1/namespaces/{self._namespace}/jobs/{quote(name, safe='')}?propagationPolicy=Background"
        self._call(["delete", "--raw", path])

    def _program(self) -> str:
        program = shutil.which("kubectl")
        if program is None:
            raise Unavailable("The program 'kubectl' is not installed; the executor 'kubernetes' needs it.")
        return program

    def _call(self, words: Sequence[str], given: bytes = b"") -> str:
        try:
            done = subprocess.run(  # noqa: S603
                [self._program(), *self._words[1:], f"--request-timeout={_WAIT_S}s", *words], input=given,
                capture_output=True, timeout=2 * _WAIT_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unavailable("The Kubernetes cluster does not answer.") from None
        if done.returncode:
            said = " ".join(done.stderr.decode(errors="replace").split())
            kind = NotFound if "NotFound" in said or "not found" in said else Unavailable
            raise kind(f"Kubernetes did not do it: {said}")
        return done.stdout.decode(errors="replace")


def job_manifest(job: Job, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The Job of `job`. Raises InvalidParameter without an image."""
    image = text_of(settings, "image") or job.image
    if not image:
        raise InvalidParameter("Kubernetes needs an image: name one in docker_env, or with -c image=….")
    name = f"tidemill-{job.run_id}"
    sends = text_of(settings, "code", "send") != "image"
    base = _template(text_of(settings, "template"))
    pod = base.setdefault("spec", {}).setdefault("template", {}).setdefault("spec", {})
    container: dict[str, Any] = (pod.get("containers") or [{}])[0]
    container |= {
        "name": "main",
        "image": image,
        "command": [_literal(word) for word in (["sh", "-c", _UNPACK, "tidemill", *job.argv] if sends else job.argv)],
        "env": [
            *container.get("env", []),
            *({"name": key, "value": _literal(value)} for key, value in job.variables.items()),
        ],
    }
    if job.secrets:
        container["envFrom"] = [*container.get("envFrom", []), {"secretRef": {"name": name}}]
    if needs := _resources(job):
        container["resources"] = {"requests": needs, "limits": needs}
    if sends:
        container["volumeMounts"] = [*container.get("volumeMounts", []), {"name": "tidemill-code", "mountPath": _CODE}]
        pod["volumes"] = [*pod.get("volumes", []), {"name": "tidemill-code", "configMap": {"name": name}}]
    if text_of(settings, "service_account"):
        pod["serviceAccountName"] = text_of(settings, "service_account")
    pod |= {"containers": [container, *(pod.get("containers") or [{}])[1:]], "restartPolicy": "Never"}
    labels = {"app.kubernetes.io/managed-by": "tidemill", "tidemill/run-id": job.run_id}
    base["spec"] |= {"backoffLimit": 0, "ttlSecondsAfterFinished": base["spec"].get("ttlSecondsAfterFinished", 86_400)}
    base["spec"]["template"].setdefault("metadata", {}).setdefault("labels", {}).update(labels)
    metadata = base.get("metadata", {})
    metadata |= {"name": name, "namespace": text_of(settings, "namespace", "default")}
    metadata["labels"] = {**metadata.get("labels", {}), **labels}
    return {**base, "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}


def _literal(text: str) -> str:
    """`text` as Kubernetes keeps it: in commands and variables it would put values in for `$(NAME)`."""
    return text.replace("$", "$$")


def code_manifest(
    name: str, namespace: str, owner: Mapping[str, str], code: bytes, requirements: Sequence[str]
) -> dict[str, Any]:
    """The ConfigMap with the packed code, and what is to be installed."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [dict(owner)]},
        "data": {"requirements.txt": "".join(f"{line}\n" for line in requirements)},
        "binaryData": {"code.tar.gz": base64.b64encode(code).decode()},
    }


def secret_manifest(name: str, namespace: str, owner: Mapping[str, str], values: Mapping[str, str]) -> dict[str, Any]:
    """The Secret with variables."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [dict(owner)]},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def packed_code(folder: str) -> bytes:
    """The project's folder as a packed archive. Raises InvalidParameter where it is too large for a ConfigMap."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(folder, ".", filter=lambda entry: None if _LEFT_OUT & set(entry.name.split("/")) else entry)
    if packed.tell() > _MOST_CODE:
        raise InvalidParameter(
            f"The project's code takes {packed.tell()} bytes packed, more than the {_MOST_CODE} that travel with a Job. Put it "
            "into the image and say -c code=image."
        )
    return packed.getvalue()


def _template(path: str) -> dict[str, Any]:
    if not path:
        return {}
    found = read_yaml(path)
    if not isinstance(found, dict) or found.get("kind", "Job") != "Job":
        raise InvalidParameter(f"The template '{path}' must be a Kubernetes Job.")
    return found


def _resources(job: Job) -> dict[str, str]:
    needs = job.resources
    found = {"cpu": f"{needs.cpus:g}"} if needs.cpus else {}
    found |= {"memory": f"{needs.memory_mb}M"} if needs.memory_mb else {}
    return found | ({"nvidia.com/gpu": f"{needs.gpus:g}"} if needs.gpus else {})


def _ending(succeeded: bool, pod: Mapping[str, Any] | None, status: Mapping[str, Any]) -> Ending:
    if succeeded:
        return Ending(RunStatus.FINISHED, 0)
    statuses = (pod or {}).get("status", {}).get("containerStatuses") or [{}]
    ended = statuses[0].get("state", {}).get("terminated", {})
    why = [one.get("message", "") for one in status.get("conditions") or [] if one.get("type") == "Failed"]
    reason = " ".join(text for text in (ended.get("reason", ""), *why) if text)
    return Ending(RunStatus.FAILED, ended.get("exitCode"), reason or "The Job failed.")
