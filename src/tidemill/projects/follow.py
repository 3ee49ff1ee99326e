"""Runs of projects seen from another process: what they print, and how they are stopped."""

import contextlib
import fcntl
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tidemill.errors import InvalidParameter, InvalidState, NotFound
from tidemill.projects import record, tree
from tidemill.projects.ending import finish, log_of
from tidemill.projects.executors.choose import configured, executor
from tidemill.projects.job import Ending
from tidemill.tracking import console, tags
from tidemill.tracking.client import Client
from tidemill.types.runs import RunStatus

_LOOK_S = 0.2
_STOP_S = 60.0
_CHUNK = 65_536
_FILES = ("kubeconfig", "template")
_LIVE = (RunStatus.RUNNING, RunStatus.SCHEDULED)
Write = Callable[[bytes], None]


class Ticket(msgspec.Struct, frozen=True):
    """The tag `tidemill.project.ticket`: on which host a job is watched, and how others find it.

    Tags are written by whoever may log, so nothing here names a process or a file of this machine.
    """

    executor: str
    ticket: str
    host: str = ""
    settings: dict[str, Any] = {}


def ticket_of(client: Client, run_id: str) -> Ticket:
    """The ticket of a run. Raises NotFound where `tidemill run` did not start it."""
    text = client.get_run(run_id).data.tags.get(tags.TICKET)
    if text is None:
        raise NotFound(f"The run {run_id} was not started by 'tidemill run'.")
    try:
        found = msgspec.json.decode(text, type=Ticket)
        return msgspec.structs.replace(found, settings=for_others(found.settings))
    except msgspec.MsgspecError:
        raise InvalidParameter(f"The tag {tags.TICKET} of the run {run_id} cannot be read.") from None


def for_others(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an executor that another process may take from a tag: none that name files which run programs."""
    return {name: value for name, value in settings.items() if name not in _FILES}


def logs(client: Client, run_id: str, write: Write, follow: bool) -> None:
    """Write what the run has printed; with `follow` also what it prints until it ends.

    Raises NotFound where nothing was kept.
    """
    run = client.get_run(run_id)
    if tags.TICKET in run.data.tags:
        ticket = ticket_of(client, run_id)
        if ticket.host == socket.gethostname() and _tail(log_of(run_id), write, follow):
            return
        if follow and run.info.status in _LIVE and ticket.executor != "local":
            found = executor(ticket.executor, ticket.settings)
            found.watch(ticket.ticket, lambda data, _: write(data), threading.Event())
            return
    for path in (record.OUTPUT, console.PATH):
        with contextlib.suppress(NotFound):
            write(client.files_of(run_id).read(path))
            return
    raise NotFound(f"Nothing that the run {run_id} printed was kept{_elsewhere(client, run_id)}.")


def cancel(client: Client, run_id: str) -> None:
    """Stop a run's job, with all that it started, and wait until it is KILLED.

    Raises InvalidState where it has ended, NotFound where it was not started by `tidemill run`, InvalidParameter where
    it can be stopped on another machine only.
    """
    if client.get_run(run_id).info.status not in _LIVE:
        raise InvalidState(f"The run {run_id} has ended already.")
    ticket = ticket_of(client, run_id)
    here = ticket.host == socket.gethostname()
    log = log_of(run_id)
    if here and _is_watched(log):
        with contextlib.suppress(OSError, ValueError), open(f"{log}.process", encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGTERM)
        _wait_until(lambda: not _is_watched(log) and client.get_run(run_id).info.status not in _LIVE)
        return
    kind, _ = configured(ticket.executor)
    if kind != "local":
        stop = threading.Event()
        stop.set()
        executor(ticket.executor, ticket.settings).watch(ticket.ticket, lambda data, _: None, stop)
    elif here and ticket.ticket.startswith(f"{run_id}-"):
        tree.end(0, ticket.ticket)
    else:
        raise InvalidParameter(f"The run {run_id} works on the machine '{ticket.host}'; cancel it there.")
    finish(client, run_id, Ending(RunStatus.KILLED, None, "It was cancelled."))


def _tail(path: str, write: Write, follow: bool) -> bool:
    """Write the growing file; False where it is not there any more."""
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed below
    except OSError:
        return False
    with file:
        while True:
            watched = _is_watched(path)
            while data := file.read(_CHUNK):
                write(data)
            if not (follow and watched):
                return True
            time.sleep(_LOOK_S)


def _is_watched(path: str) -> bool:
    """Whether the process that writes this log is alive: it holds a lock on it."""
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def _wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _STOP_S
    while not done():
        if time.monotonic() > deadline:
            raise InvalidState(f"The run did not stop within {_STOP_S:.0f} seconds.")
        time.sleep(_LOOK_S / 2)


def _elsewhere(client: Client, run_id: str) -> str:
    with contextlib.suppress(NotFound, InvalidParameter):
        ticket = ticket_of(client, run_id)
        if ticket.host != socket.gethostname():
            return f" (it works on the machine '{ticket.host}')"
    return ""
