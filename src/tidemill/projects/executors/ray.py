"""Jobs on a Ray cluster, through Ray's own job client: queueing, resources, GPUs and cancelling are the cluster's.

The project's folder travels with the job (Ray keeps it by its digest, so many jobs of one project upload it once).
"""

import asyncio
import contextlib
import logging
import os
import shlex
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from tidemill.errors import InvalidParameter, MissingDependency, NotFound, Unavailable
from tidemill.projects.job import Ending, Job, Out, text_of
from tidemill.types.runs import RunStatus

_EXCLUDED = [".git", ".tidemill", "mlruns", "mlartifacts", "__pycache__", ".venv", "venv"]
_REST_S = 10.0


class RayExecutor:
    """Settings: `address` (default `RAY_ADDRESS`, else http://127.0.0.1:8265); `install`: `pip` (default), `uv` or `no`,
    how the project's requirements get to the workers; `poll`: seconds between two looks (default 1).
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._address = text_of(settings, "address") or None
        self._install = text_of(settings, "install", "pip")
        self._poll_s = float(text_of(settings, "poll", "1"))
        if self._install not in ("pip", "uv", "no"):
            raise InvalidParameter(f"'install' must be pip, uv or no, not '{self._install}'.")

    def submit(self, job: Job) -> str:
        """Hand the job to the cluster."""
        if job.secrets:
            raise InvalidParameter(
                "Ray shows the variables of jobs to everyone who sees its dashboard, so secrets do not travel with them: "
                f"set {', '.join(job.secrets)} in the environment of the workers instead."
            )
        if job.image:
            raise InvalidParameter("Ray runs jobs on its own workers, not in the container of docker_env.")
        surroundings: dict[str, Any] = {
            "working_dir": job.folder,
            "excludes": _EXCLUDED,
            "env_vars": {name: value for name, value in job.variables.items() if value},
        }
        if job.requirements and self._install != "no":
            surroundings[self._install] = list(job.requirements)
        client = self._client()
        ticket = f"tidemill-{job.run_id}"  # can be told from the run alone
        if _is_known(client, ticket):
            ticket += f"-{uuid.uuid4().hex[:8]}"  # a run that is gone on with
        needs = job.resources
        try:
            client.submit_job(
                entrypoint=shlex.join(job.argv),  # which a POSIX shell reads back as these very arguments
                submission_id=ticket,
                runtime_env=surroundings,
                metadata={"tidemill_run_id": job.run_id},
                entrypoint_num_cpus=needs.cpus or None,
                entrypoint_num_gpus=needs.gpus or None,
                entrypoint_memory=needs.memory_mb * 2**20 or None,
            )
        except (RuntimeError, ValueError) as error:
            raise Unavailable(f"Ray did not take the job: {_short(error)}") from None
        return ticket

    def watch(self, ticket: str, out: Out, stop: threading.Event) -> Ending:
        """Follow the job; a cluster that is away for a moment is asked again."""
        client = self._client()
        try:
            status = client.get_job_status(ticket)
        except RuntimeError as error:
            raise NotFound(f"Ray has no job '{ticket}': {_short(error)}") from None
        printing = threading.Thread(target=_print, args=(client, ticket, out), daemon=True)
        printing.start()
        stopped = False
        while not status.is_terminal():
            if stop.wait(0 if stopped else self._poll_s) and not stopped:
                stopped = True
                client.stop_job(ticket)
            elif stopped:
                time.sleep(min(self._poll_s, 0.5))
            with contextlib.suppress(RuntimeError, ConnectionError):
                status = client.get_job_status(ticket)
        printing.join(_REST_S)
        return _ending(client, ticket, str(status.value), stopped)

    def _client(self) -> Any:
        try:
            from ray.job_submission import JobSubmissionClient
        except ImportError:
            raise MissingDependency("ray", "ray", "The executor 'ray'") from None
        logging.getLogger("ray").setLevel(logging.WARNING)
        try:
            return JobSubmissionClient(self._address or _default())
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise Unavailable(f"The Ray cluster cannot be reached: {_short(error)}") from None


def _is_known(client: Any, ticket: str) -> bool:
    try:
        client.get_job_status(ticket)
    except RuntimeError:
        return False
    return True


def _default() -> str:
    return os.environ.get("RAY_ADDRESS") or "http://127.0.0.1:8265"


def _ending(client: Any, ticket: str, status: str, stopped: bool) -> Ending:
    info = client.get_job_info(ticket)
    if status == "SUCCEEDED":
        return Ending(RunStatus.FINISHED, 0)
    if stopped or status == "STOPPED":
        return Ending(RunStatus.KILLED, None, "It was stopped.")
    return Ending(RunStatus.FAILED, info.driver_exit_code, " ".join(str(info.message or "").split())[:500])


def _print(client: Any, ticket: str, out: Out) -> None:
    async def follow() -> None:
        async for text in client.tail_job_logs(ticket):
            out(text.encode(), False)

    with contextlib.suppress(Exception):  # what is printed is worth less than the job
        asyncio.run(follow())


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
