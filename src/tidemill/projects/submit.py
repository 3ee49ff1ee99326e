"""`tidemill.projects.run`, with the signature of `mlflow.projects.run`, and the run that it answers."""

import os
import sys
import threading
from collections.abc import Mapping
from typing import Any

from tidemill.errors import InvalidParameter, InvalidState
from tidemill.projects import launch as launching
from tidemill.projects.job import Ending
from tidemill.projects.launch import Request
from tidemill.tracking.client import Client
from tidemill.tracking.run import active
from tidemill.types.runs import RunStatus

_WAYS = {None: "auto", "uv": "uv", "virtualenv": "virtualenv", "conda": "conda", "local": "local", "auto": "auto"}


class SubmittedRun:
    """A run of a project that was started. `run_id` is known at once."""

    def __init__(self, request: Request, client: Client) -> None:
        self._stop = threading.Event()
        self._known = threading.Event()
        self._ending: Ending | None = None
        self._error: BaseException | None = None
        self._run_id = ""
        self._client = client
        self._thread = threading.Thread(target=self._work, args=(request,), name="tidemill-project", daemon=False)
        self._thread.start()
        self._known.wait()
        self._raise_if_not_started()

    def _raise_if_not_started(self) -> None:
        if self._error is not None and not self._run_id:
            raise self._error

    @property
    def run_id(self) -> str:
        """The id of the run that the project writes."""
        return self._run_id

    def wait(self) -> bool:
        """Wait for the end; answers whether it was a good one."""
        self._thread.join()
        return self._ending is not None and self._ending.status is RunStatus.FINISHED

    def get_status(self) -> str:
        """RUNNING, FINISHED, FAILED or KILLED."""
        if self._thread.is_alive():
            return str(RunStatus.RUNNING)
        return str(RunStatus.FAILED if self._ending is None else self._ending.status)

    def cancel(self) -> None:
        """Stop it, with all that it started, and wait until it is gone."""
        self._stop.set()
        self._thread.join()

    @property
    def exit_code(self) -> int | None:
        """The command's exit code once it has ended, where the executor tells."""
        return None if self._ending is None else self._ending.exit_code

    @property
    def error(self) -> BaseException | None:
        """What went wrong where the command could not even be started."""
        return self._error

    def _work(self, request: Request) -> None:
        try:
            with launching.prepare(request, _say) as prepared:
                _, self._ending = launching.launch(prepared, self._client, pass_on, self._stop, self._started)
        except BaseException as error:
            self._error = error
        finally:
            self._known.set()

    def _started(self, run_id: str) -> None:
        self._run_id = run_id
        self._known.set()


def run(
    uri: "str | os.PathLike[str]",
    entry_point: str = "main",
    version: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    docker_args: Mapping[str, Any] | None = None,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    backend: str = "local",
    backend_config: Mapping[str, Any] | None = None,
    storage_dir: str | None = None,
    synchronous: bool = True,
    run_id: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    build_image: bool = False,
    docker_auth: Mapping[str, Any] | None = None,
) -> SubmittedRun:
    """Run a project: `uri` is a folder, a git address or an archive, with `#subfolder` and `@ref` or `version`.

    `backend` is an executor (`local`, `ray`, `kubernetes`, `slurm`, or a name of the executors' file) and
    `backend_config` adds to its settings. `env_manager`: `uv`, `virtualenv`, `conda` or `local`; None: what the project
    asks for. Inside a run that is active, or inside a step of another project, the run is nested in it.

    Waits for the end and raises InvalidState where it was a bad one; with `synchronous=False` it answers at once.
    Raises InvalidParameter, NotFound, Unavailable where it cannot be started.
    """
    if docker_args or build_image or docker_auth:
        raise InvalidParameter(
            "docker_args, build_image and docker_auth are not known here: name a ready image in docker_env, with its "
            "volumes and variables."
        )
    if env_manager not in _WAYS:
        raise InvalidParameter(f"There is no environment manager '{env_manager}'; use uv, virtualenv, conda or local.")
    outer = active()
    request = Request(
        address=os.fspath(uri),
        entry_point=entry_point,
        version=version,
        values=dict(parameters or {}),
        experiment_id=experiment_id or (outer.info.experiment_id if outer and not experiment_name else None),
        experiment_name=experiment_name,
        run_name=run_name,
        run_id=run_id,
        parent_run_id=outer.info.run_id if outer else None,
        way=_WAYS[env_manager],
        executor=backend,
        settings=dict(backend_config or {}),
        storage_dir=storage_dir,
    )
    submitted = SubmittedRun(request, launching.store_client())
    if synchronous:
        try:
            good = submitted.wait()
        except KeyboardInterrupt:
            submitted.cancel()
            raise
        if submitted.error is not None:
            raise submitted.error
        if not good:
            raise InvalidState(f"Run (ID '{submitted.run_id}') failed")
    return submitted


def pass_on(data: bytes, is_error: bool) -> None:
    """Pass what a job prints on to where this process prints."""
    stream = sys.stderr if is_error else sys.stdout
    raw = getattr(stream, "buffer", None)
    if raw is None:
        stream.write(data.decode(errors="replace"))
    else:
        raw.write(data)
    stream.flush()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
