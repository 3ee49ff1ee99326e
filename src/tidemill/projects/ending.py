"""What is done beside a job while it runs, and how its run ends: signs of life, the record of its output, its status."""

import contextlib
import fcntl
import os
import threading
import time
from types import TracebackType
from typing import BinaryIO, Self

from tidemill import settings
from tidemill.api import runs as ops
from tidemill.errors import InvalidParameter, TidemillError
from tidemill.ids import is_run_id
from tidemill.projects import record
from tidemill.projects.job import Ending, Out
from tidemill.tracking import tags
from tidemill.tracking.client import Client
from tidemill.types.runs import Heartbeat, RunStatus

_BEAT_S = 30.0
_LIVE_S = 3.0
_KEEP_BYTES = 8_000_000
_LIVE = (RunStatus.RUNNING, RunStatus.SCHEDULED)


def finish(client: Client, run_id: str, done: Ending) -> None:
    """Leave the run as `done` says. A run that its script has ended itself keeps its status where the job succeeded."""
    status = client.get_run(run_id).info.status
    if done.reason and done.status is not RunStatus.FINISHED:
        client.set_tag(run_id, tags.REASON, done.reason)
    if status in _LIVE or (done.status is not RunStatus.FINISHED and status is RunStatus.FINISHED):
        client.set_terminated(run_id, done.status)


def log_of(run_id: str) -> str:
    """The private file in which this machine keeps what a run prints while it runs; the process is in `….process`."""
    if not is_run_id(run_id):
        raise InvalidParameter(f"{run_id!r} is not the id of a run.")
    return os.path.join(settings.cache_folder(), "runs", f"{run_id}.log")


class Keeper:
    """Says that a run is alive, and keeps what its job prints in `log`, then among the run's files."""

    def __init__(self, client: Client, run_id: str, secrets: tuple[str, ...], live: bool = False) -> None:
        """`live`: put what is there among the run's files every few seconds, not only at the end."""
        self._live = live
        self._sent = 0
        self._client = client
        self._run_id = run_id
        self._secrets = [value.encode() for name in secrets if len(value := os.environ.get(name, "")) >= 4]
        self._ended = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="tidemill-beat", daemon=True)
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        self.log = log_of(run_id)
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(self.log), mode=0o700, exist_ok=True)
            # Private: what a job prints may be anything.
            self._file = os.fdopen(os.open(self.log, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # by which others see that somebody still writes
            with open(f"{self.log}.process", "w", encoding="ascii") as file:
                file.write(str(os.getpid()))

    def __enter__(self) -> Self:
        self._beating.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ended.set()
        self._beating.join()
        if error is not None:
            self.keep_output()

    def note(self, ticket: str) -> None:
        """Tell with the run where its job can be found."""
        self._client.set_tag(self._run_id, tags.TICKET, ticket)

    def through(self, out: Out) -> Out:
        """`out`, with everything kept on the way."""

        def both(data: bytes, is_error: bool) -> None:
            with self._lock:
                if self._file is not None:
                    with contextlib.suppress(OSError, ValueError):
                        self._file.write(data)
            out(data, is_error)

        return both

    def keep_output(self) -> None:
        """Put the output among the run's files: its last 8 MB, with the values of secrets blotted out."""
        with self._lock:
            file, self._file = self._file, None
        if file is None:
            return
        with file:
            data = self._printed(file)
        with contextlib.suppress(TidemillError, OSError):
            if data:
                self._client.files_of(self._run_id).write(record.OUTPUT, data)
            os.unlink(self.log)
            os.unlink(f"{self.log}.process")

    def _printed(self, file: BinaryIO) -> bytes:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _KEEP_BYTES))
        data = file.read()
        for secret in self._secrets:
            data = data.replace(secret, b"***")
        return b"... %d bytes left out ...\n" % (size - _KEEP_BYTES) + data if size > _KEEP_BYTES else data

    def _send(self) -> None:
        """Renew the file with the output, where there is more of it."""
        with self._lock:
            if self._file is None:
                return
            data = self._printed(self._file)
            self._file.seek(0, os.SEEK_END)
        if len(data) != self._sent:
            with contextlib.suppress(TidemillError, OSError):
                self._client.files_of(self._run_id).write_live(record.OUTPUT, data)
                self._sent = len(data)

    def _beat(self) -> None:
        beat_at, known = 0.0, True
        while True:
            if known and time.monotonic() >= beat_at:
                beat_at = time.monotonic() + _BEAT_S
                try:
                    self._client.call(ops.heartbeat, Heartbeat([self._run_id], int(_BEAT_S)))
                except TidemillError as error:
                    known = error.status not in (400, 404)  # a server that knows no heartbeats
            if self._ended.wait(_LIVE_S if self._live else _BEAT_S):
                return
            if self._live:
                self._send()
