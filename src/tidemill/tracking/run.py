"""The active run: which run is meant by functions that name none.

Each thread has a stack of its own, as in MLflow; so has each asyncio task, starting with what was active where it was
made. (A notebook's cells are tasks of one thread, and share.)
"""

import atexit
import os
import sys
import threading
from contextvars import ContextVar
from types import TracebackType
from typing import Protocol, Self

from tidemill.errors import TidemillError
from tidemill.tracking import steps
from tidemill.tracking.caution import caution
from tidemill.tracking.client import Client
from tidemill.tracking.entities import Run
from tidemill.tracking.runs import status_of


class Companion(Protocol):
    """What works beside a run in the background, such as a recorder of the machine's load."""

    def finish(self, error: BaseException | None) -> None:
        """Come to an end, within seconds; called once, right before the run ends. `error` is what ended the run's block."""


class ActiveRun(Run):
    """A run that is being written, as `start_run` answers it; its data is that of the moment when it was started.

    As a context manager it ends with the block: FINISHED, KILLED after KeyboardInterrupt, FAILED after another error.
    """

    client: Client

    def __init__(self, run: Run, client: Client) -> None:
        super().__init__(run.info, run.data, run.inputs, run.outputs)
        self.client = client
        self.process = os.getpid()
        self.companions: list[Companion] = []
        client.remember_artifact_uri(run.info.run_id, run.info.artifact_uri)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self.process != os.getpid():
            _forget(self)  # a child process left the parent's block: the run is the parent's to end
            return
        try:
            end_through(self, _status_after(error), error)
        except TidemillError as failure:
            if error is None:
                raise
            error.add_note(f"The run {self.info.run_id} could not be ended: {failure}")


class _OfThread(threading.local):
    runs: tuple[ActiveRun, ...] = ()
    last: ActiveRun | None = None


_of_thread = _OfThread()
_of_task: ContextVar[tuple[ActiveRun, ...] | None] = ContextVar("tidemill_active_runs", default=None)
_unended: dict[str, ActiveRun] = {}
"""Every run that this process started and has not ended, in all threads."""


def stack() -> tuple[ActiveRun, ...]:
    """The active runs of this thread or task, outermost first."""
    own = _of_task.get()
    return _of_thread.runs if own is None else own


def active() -> ActiveRun | None:
    """The innermost active run of this thread or task."""
    runs = stack()
    return runs[-1] if runs else None


def last() -> ActiveRun | None:
    """The active run, or the one that was started last in this thread."""
    return active() or _of_thread.last


def push(run: ActiveRun) -> ActiveRun:
    """Make `run` the active one, and answer it."""
    _put((*stack(), run))
    _of_thread.last = run
    _unended[run.info.run_id] = run
    return run


def end(status: str = "FINISHED") -> None:
    """End the active run; nothing happens where there is none."""
    run = active()
    if run is not None:
        end_through(run, status)


def end_through(run: ActiveRun, status: str, error: BaseException | None = None) -> None:
    """End `run` and, before it, the runs inside it that were left open (these as FINISHED)."""
    chosen = status_of(status)
    runs = stack()
    inner = runs[runs.index(run) + 1 :] if run in runs else ()
    for one in reversed(inner):
        _end_one(one, "FINISHED")
    _end_one(run, chosen, error)


def leave(run: ActiveRun) -> None:
    """Make `run` no longer active, without ending it: somebody else will, through its client."""
    for companion in reversed(run.companions):
        companion.finish(None)
    run.companions.clear()
    _forget(run)


def _end_one(run: ActiveRun, status: str, error: BaseException | None = None) -> None:
    _forget(run)
    for companion in reversed(run.companions):
        try:
            companion.finish(error)
        except Exception as failure:  # the run's end must not depend on what only watches it
            caution(f"{type(companion).__name__} of the run {run.info.run_id} did not end well: {failure}")
    run.companions.clear()
    run.client.set_terminated(run.info.run_id, status)


def _forget(run: ActiveRun) -> None:
    _put(tuple(one for one in stack() if one is not run))
    _unended.pop(run.info.run_id, None)
    steps.forget(run.info.run_id)


def _put(runs: tuple[ActiveRun, ...]) -> None:
    if _of_task.get() is not None or _in_task():
        _of_task.set(runs)
    else:
        _of_thread.runs = runs


def _in_task() -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None and "ipykernel" not in sys.modules


def _status_after(error: BaseException | None) -> str:
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return "FINISHED"
    return "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"


def _end_at_exit() -> None:
    """End what the script left open: FINISHED, or as its uncaught exception says."""
    interactive = hasattr(sys, "ps1") or sys.flags.interactive
    error = None if interactive else getattr(sys, "last_value", None)
    for run in reversed(list(_unended.values())):
        if run.process != os.getpid():
            continue  # the parent's, from before a fork
        try:
            _end_one(run, _status_after(error))
        except TidemillError as failure:
            print(f"tidemill: the run {run.info.run_id} could not be ended: {failure}", file=sys.stderr)


atexit.register(_end_at_exit)
