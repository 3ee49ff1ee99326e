"""A job: one command of a prepared project; and what every executor can do with it.

An executor is a class with two methods. `submit` starts a job and answers a ticket, a text by which any process can
find it again; `watch` follows it to its end, passes on what it prints, and ends it when `stop` is set.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from tidemill.types.runs import RunStatus

Out = Callable[[bytes, bool], None]
"""Takes what the job prints, in pieces; True: it came on standard error, where the engine keeps that apart."""


NOT_PASSED_ON = ("MLFLOW_EXPERIMENT_NAME",)
"""Variables that a job does not get from its surroundings: the experiment is named by its id."""


class Resources(msgspec.Struct, frozen=True):
    """What a job needs of a cluster: CPUs, GPUs, memory in MB; 0 leaves it to the cluster."""

    cpus: float = 0
    gpus: float = 0
    memory_mb: int = 0


@dataclass(frozen=True)
class Job:
    """What to run.

    `argv` in the folder `folder`, with `variables` added to the environment. `secrets` are names: their values are
    taken from the environment of whoever submits, and are never written anywhere. `requirements` are what an
    executor elsewhere has to install, `image` is the container to run in. `run_id` names the run that the job writes.
    """

    name: str
    run_id: str
    argv: list[str]
    folder: str
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    image: str = ""
    is_copy: bool = False
    """Whether the folder is removed when the submitting process is done with it."""
    resources: Resources = Resources()  # noqa: RUF009 - frozen


@dataclass(frozen=True)
class Ending:
    """How a job ended. `exit_code` is None where the engine does not tell; `reason` says more where it failed."""

    status: RunStatus
    exit_code: int | None = None
    reason: str = ""


class Executor(Protocol):
    """Where jobs run."""

    def submit(self, job: Job) -> str:
        """Start `job` and answer its ticket. Raises an error of `tidemill.errors` where it cannot be started."""
        ...

    def watch(self, ticket: str, out: Out, stop: threading.Event) -> Ending:
        """Follow the job of `ticket` to its end. When `stop` is set the job is ended, with all that it started."""
        ...


def ended(exit_code: int, stopped: bool) -> Ending:
    """The ending of a process that answered `exit_code` (negative: the signal that killed it)."""
    if stopped:
        return Ending(RunStatus.KILLED, exit_code, "It was stopped.")
    if exit_code == 0:
        return Ending(RunStatus.FINISHED, 0)
    if exit_code < 0:
        return Ending(RunStatus.FAILED, exit_code, f"Killed by signal {-exit_code}.")
    return Ending(RunStatus.FAILED, exit_code, f"Exit code {exit_code}.")


def text_of(settings: Mapping[str, Any], name: str, default: str = "") -> str:
    """A setting of an executor, as text."""
    return str(settings.get(name, default))
