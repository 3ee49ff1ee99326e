"""A model in a process of its own: what it does to its memory, its imports or its process hurts nobody else.

The process is started again when it dies; a call during which it died is tried once more, since a prediction changes
nothing. A call that takes too long ends the process: unlike a thread, it can be.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tidemill.errors import BadRequest, InvalidParameter, Unavailable
from tidemill.serving import wire

_log = logging.getLogger("tidemill.serving")


class ModelRaised(BadRequest):
    """The model in the other process raised; the text is its own."""


class IsolatedModel:
    """The model in `folder`, loaded by a child process. Raises what loading raised, as InvalidParameter."""

    def __init__(self, folder: Path, allow_pickle: bool) -> None:
        self._folder, self._allow = folder, allow_pickle
        self._lock = threading.Lock()
        self._closed = False
        self._busy = False
        self._away = False
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-P", "-m", "tidemill.serving.child"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 (fixed words)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            wire.send(process.stdin, {"folder": str(self._folder), "allow_pickle": self._allow})
            answer = wire.receive(process.stdout)
        except (wire.Closed, OSError):
            process.kill()
            code = process.wait()
            raise InvalidParameter(f"The process for the model in '{self._folder}' ended with status {code}.") from None
        if "error" in answer:
            process.wait()
            raise InvalidParameter(answer["error"])
        return process

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def predict(self, data: Any, params: dict[str, Any] | None) -> Any:
        """One call. Raises ModelRaised with the model's own text, Unavailable where the process dies of it."""
        if self._away:
            # Whoever waited for it would be given up himself before it is there.
            raise Unavailable("The process of the model is being started again. Try again in a moment.")
        with self._lock:
            for attempt in (0, 1):
                try:
                    answer = self._ask(data, params)
                    break
                except (wire.Closed, OSError):
                    if self._closed or self._away or attempt:
                        self._revive()
                        raise Unavailable("The process of the model died. Another one is started.") from None
                    self._revive()
        if "error" in answer:
            raise ModelRaised(answer["error"])
        return answer["result"]

    def _ask(self, data: Any, params: dict[str, Any] | None) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._busy = True
        try:
            wire.send(self._process.stdin, {"data": data, "params": params})
            return wire.receive(self._process.stdout)
        finally:
            self._busy = False

    def _revive(self) -> None:
        if self._closed:
            return
        self._away = True
        try:
            self._end()
            _log.error("the process of the model in '%s' died; another one is started", self._folder)
            self._process = self._start()
        finally:
            self._away = False

    def kill(self) -> None:
        """End the process in the middle of a call; later ones have another one. One that is only just starting stays."""
        if self._busy:
            self._away = True
            self._process.kill()

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        process = self._process
        with contextlib.suppress(OSError):
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def own_streams() -> tuple[Any, Any]:
    """In a child: its two ends of the wire. What the model prints goes to standard error instead."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return reader, writer
