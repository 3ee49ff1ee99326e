"""Journals of this machine's processes, and the process beside them that sends: one for each folder and store.

The sender is a process of its own, so that it never holds the Python lock of the training. It sends the journals of
all processes that log below the same folder, those that died included, and ends when nothing is left to send.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tidemill import settings
from tidemill.api import logged_models, runs
from tidemill.api.operation import Backend
from tidemill.artifacts import parts
from tidemill.artifacts.storage import Storage
from tidemill.artifacts.upload import upload
from tidemill.errors import InvalidParameter, NotFound, NotSupported, Unavailable
from tidemill.journal import owners, sender, state
from tidemill.journal.backend import JournalBackend
from tidemill.journal.writer import Writer
from tidemill.tracking import refusals
from tidemill.tracking.files import storage_at
from tidemill.types.logged_models import GetLoggedModel
from tidemill.types.runs import GetRun

_IDLE_S = 0.5
_BUSY_S = 0.1
BEAT_S = 30
"""Seconds between two heartbeats of the runs that are being written."""
_START = (
    "import sys, json; job = json.loads(sys.stdin.readline()); sys.path[:] = job.pop('path'); "
    "from tidemill.tracking.shipping import serve; serve(**job)"
)


def journaling(address: str, shown: str, connect: Callable[[float | None], Backend]) -> JournalBackend:
    """The store at `address` behind a journal. Raises OSError where no folder can be written to."""
    root = journal_root()
    helper = SenderProcess(root, address, shown)
    writer = Writer(root, shown, most_bytes=settings.journal_bytes())
    return JournalBackend(
        connect,
        writer,
        upload=Uploads(address, lambda: connect(None)),
        start_sender=helper.ensure,
        check=refusals.check,
        offline=settings.offline(),
        exit_wait_s=settings.exit_wait(),
    )


def journal_root() -> Path:
    """The folder of the journals: the one set, else below the working folder, else below the user's. Made if need be."""
    chosen = settings.journal_folder()
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    tried = [chosen] if chosen else [os.path.join(".tidemill", "journal"), os.path.join(home, "tidemill", "journal")]
    for place in (*tried, os.path.join(tempfile.gettempdir(), f"tidemill-journal-{os.getuid()}")):
        path = Path(os.path.abspath(os.path.expanduser(place)))
        with contextlib.suppress(OSError):
            path.mkdir(parents=True, exist_ok=True)
            if os.access(path, os.W_OK | os.X_OK):
                return path
    raise OSError("no folder for the journal can be written to")


def sender_for(address: str, jobs: int = 1) -> sender.Sender:
    """Who sends journals to the store at `address`, `jobs` runs of one at once."""
    from tidemill.tracking import resolve

    store = resolve.store(address)
    return sender.Sender(store, Uploads(address, lambda: store), jobs=jobs)


class Uploads:
    """Brings staged files to where a run or logged model keeps its artifacts, in the store at `address`."""

    def __init__(self, address: str, connect: Callable[[], Backend]) -> None:
        self._address = address
        self._connect = connect
        self._store: Backend | None = None
        self._uris: dict[str, str] = {}

    def __call__(self, owner: str, path: str, file: Path) -> None:
        """Upload one file. Raises errors of `tidemill.errors`."""
        if self._store is None:
            self._store = self._connect()
        uri = self._uris.get(owner)
        if uri is None:
            kind, _, known = owner.partition("/")
            if kind == "runs":
                uri = self._store.call(runs.get, GetRun(known)).run.info.artifact_uri
            else:
                uri = self._store.call(logged_models.get, GetLoggedModel(known)).model.info.artifact_uri
            self._uris[owner] = uri
        try:
            self._send(storage_at(uri, self._store, self._address), uri, path, file)
        except OSError as error:
            raise Unavailable(f"The artifact '{path}' could not be uploaded: {error}.") from None

    def _send(self, storage: Storage, uri: str, path: str, file: Path) -> None:
        """A large file in parts, where the storage takes them, so that a broken upload is gone on with."""
        if file.stat().st_size > parts.FROM_BYTES:
            note = file.with_name(f"{file.name}.parts")
            try:
                parts.upload_in_parts(storage, file, path, note, f"{self._address} {uri}")
                return
            except (NotSupported, NotFound, InvalidParameter):
                note.unlink(missing_ok=True)  # no parts here, or not these: whole, then
        upload(storage, file, path, attempts=1)


class SenderProcess:
    """Sees to it that a sender runs for `root` and the store at `address`."""

    def __init__(self, root: Path, address: str, shown: str) -> None:
        self._root = root
        self._address = address
        self._lock = lock_path(root, shown)

    def ensure(self) -> None:
        """Start a sender unless one runs. Takes a few milliseconds when it starts one, else microseconds."""
        with contextlib.suppress(OSError):
            free = owners.lock(self._lock)
            if free is not None:
                os.close(free)
                self._start()

    def _start(self) -> None:
        job = {
            "path": sys.path,
            "address": self._address,
            "root": str(self._root),
            "linger_s": settings.sender_linger(),
        }
        # By way of a shell, so that it is nobody's child: programs that wait for their children must not meet it.
        # In a session of its own: an interrupted training must not take it along.
        with subprocess.Popen(  # noqa: S603 - our own interpreter, our own text
            ["/bin/sh", "-c", 'exec 3<&0; "$@" <&3 3<&- &', "sh", sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as shell:
            assert shell.stdin is not None
            # The address may hold a password, and command lines are public.
            shell.stdin.write(json.dumps(job).encode() + b"\n")


def lock_path(root: Path, shown: str) -> Path:
    """The file that the sender for a store keeps locked."""
    return root / f"sender-{hashlib.sha256(shown.encode()).hexdigest()[:12]}.lock"


def serve(address: str, root: str, linger_s: float) -> None:
    """The sender process: send what is logged below `root` until nobody logs any more and all has arrived."""
    from tidemill.tracking import resolve

    with contextlib.suppress(OSError):
        os.nice(5)
    where, shown = Path(root), resolve.shown(address)
    store = resolve.store(address, patience_s=0.0)
    one = sender.Sender(store, Uploads(address, lambda: store))
    while True:
        lock = owners.lock(lock_path(where, shown))
        if lock is None:
            return
        _serve_while_needed(one, where, shown, linger_s)
        os.close(lock)
        # Somebody may have begun to log just before the lock was let go, and relied on us.
        if not any(owners.is_owned(folder) for folder in _journals(where, shown)):
            return


def _serve_while_needed(one: sender.Sender, root: Path, shown: str, linger_s: float) -> None:
    pauses: Any = sender.pauses()
    alone_since = None
    next_beat = 0.0
    beating: set[str] = set()
    while True:
        folders = _journals(root, shown)
        alive = [folder for folder in folders if owners.is_owned(folder)]
        written = {run for folder in alive for run in state.open_runs(state.load(folder))}
        if time.monotonic() >= next_beat or not written <= beating:
            next_beat = time.monotonic() + BEAT_S
            beating = written
            one.beat(sorted(written), BEAT_S)
        outcomes = [one.send(folder) for folder in folders if folder not in alive or not state.is_sent(folder)]
        left = any(outcome.error is not None or outcome.busy for outcome in outcomes)
        if alive:
            alone_since = None
        else:
            alone_since = alone_since or time.monotonic()
            if not left or time.monotonic() - alone_since > linger_s:
                return
        if any(outcome.error is not None for outcome in outcomes):
            time.sleep(next(pauses))
        else:
            pauses = sender.pauses()
            time.sleep(_BUSY_S if any(outcome.records for outcome in outcomes) else _IDLE_S)


def _journals(root: Path, shown: str) -> list[Path]:
    return [folder for folder in state.journals(root) if state.read_target(folder) == shown]
