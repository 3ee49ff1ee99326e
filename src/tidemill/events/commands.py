"""Running a command to its end, its time limit or the server's, with everything that it started."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "TIDEMILL_EVENT_DELIVERY_ID"
_TAIL = 4000
_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code (None where it did not end by itself), the end of its output, why it failed."""

    code: int | None
    tail: str
    error: str = ""


class Commands:
    """Runs commands; `stop` ends all of them. Safe to use from many threads."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def run(
        self, delivery_id: str, command: Sequence[str], text: str, env: Mapping[str, str], folder: str, limit_s: float
    ) -> Ended:
        """Run `command` (no shell) with `text` as its input, for at most `limit_s` seconds.

        What an earlier server left of the same delivery is ended first.
        """
        end_marked(delivery_id)
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as given:
            given.write(text.encode())
            given.seek(0)
            try:
                with self._lock:
                    if self._stopped.is_set():
                        return Ended(None, "", "The server stops.")
                    process = subprocess.Popen(  # noqa: S603 (words from the admin's file, no shell)
                        list(command), stdin=given, stdout=output, stderr=subprocess.STDOUT,
                        env={**env, MARK: delivery_id}, cwd=folder or None, start_new_session=True,
                    )  # fmt: skip
                    self._running[delivery_id] = process
            except (OSError, ValueError) as problem:
                return Ended(None, "", f"The command '{command[0]}' cannot be started: {problem}.")
            error = ""
            try:
                process.wait(limit_s)
            except subprocess.TimeoutExpired:
                error = f"It took longer than {limit_s:g} s and was ended."
            finally:
                _end(process, delivery_id)
                with self._lock:
                    self._running.pop(delivery_id, None)
            if not error and self._stopped.is_set() and process.returncode:
                error = "The server stopped while it ran."
            size = output.seek(0, os.SEEK_END)
            output.seek(max(0, size - _TAIL))
            tail = output.read().decode("utf-8", "replace").replace("\0", "\ufffd")
            return Ended(None if error else process.returncode, tail, error)

    def stop(self) -> None:
        """End all commands, and start no more."""
        with self._lock:
            self._stopped.set()
            running = list(self._running.values())
        for process in running:
            _signal(process, for_good=False)


def _end(process: "subprocess.Popen[bytes]", delivery_id: str) -> None:
    """End a command's whole family: politely, then for good. What it left running when it ended goes as well."""
    if process.poll() is None:
        _signal(process, for_good=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    _signal(process, for_good=True)
    process.wait()
    end_marked(delivery_id)


def _signal(process: "subprocess.Popen[bytes]", *, for_good: bool) -> None:
    """Tell a command's process group to end. Where there are no groups, the command alone is ended."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL if for_good else signal.SIGTERM)


def end_marked(delivery_id: str) -> None:
    """End processes that carry this delivery in their environment, wherever they have gone (Linux only)."""
    if not sys.platform.startswith("linux"):
        return
    mark = f"{MARK}={delivery_id}".encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    os.kill(int(folder.name), signal.SIGKILL)
