"""Several server processes behind one socket: started, watched, restarted and stopped by a parent that serves nothing.

A worker is `python -m tidemill.server.worker`, which inherits the listening sockets. Its configuration comes by
standard input, because an address may hold a password and command lines are public. The pipe stays open: when the
parent dies, even by SIGKILL, its end tells the worker to stop as well.
"""

import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

import msgspec

from tidemill.errors import NotSupported
from tidemill.server.config import ServerConfig

_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
_LONG_LIFE = 10.0
_KILL_AFTER = 5.0

_log = logging.getLogger("tidemill.server")


class Job(msgspec.Struct):
    """What a worker is told: its configuration and the file descriptors of the listening sockets."""

    config: ServerConfig
    sockets: list[int]


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = _SHORTEST_PAUSE
    due: float = 0.0


@dataclass
class Workers:
    """Keeps `config.workers` processes alive on `sockets`."""

    config: ServerConfig
    sockets: list[socket.socket]
    _wake: threading.Event = field(default_factory=threading.Event)
    _stopping: bool = False

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT, then let the workers finish what they are doing, and return."""
        if sys.platform == "win32":
            raise NotSupported("Several workers need a system with inheritable sockets. Use one worker on Windows.")
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, self._on_child)
        workers = [_Worker() for _ in range(self.config.workers)]
        try:
            for one in workers:
                self._start(one)
            ready()
            while not self._stopping:
                self._wake.clear()
                self._tend(workers)
                if not self._stopping:
                    self._wake.wait(0.5)
        finally:
            self._stop(workers)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        self._wake.set()

    def _on_child(self, number: int, frame: FrameType | None) -> None:
        self._wake.set()

    def _start(self, worker: _Worker) -> None:
        numbers = [one.fileno() for one in self.sockets]
        # -P: a module of the current folder must not stand in for one of ours or Python's.
        command = [sys.executable, "-P", "-m", "tidemill.server.worker"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=numbers)  # noqa: S603 (fixed words)
        assert process.stdin is not None
        worker.process, worker.started = process, time.monotonic()
        try:
            process.stdin.write(msgspec.json.encode(Job(self.config, numbers)) + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            _log.error("worker %d ended before it could start", process.pid)

    def _tend(self, workers: list[_Worker]) -> None:
        """Note who has died, and replace those whose pause is over."""
        now = time.monotonic()
        for one in workers:
            if one.process is not None and one.process.poll() is not None:
                self._bury(one, now)
            if one.process is None and one.due <= now:
                self._start(one)

    def _bury(self, worker: _Worker, now: float) -> None:
        assert worker.process is not None
        if worker.process.stdin is not None:
            worker.process.stdin.close()
        long_lived = now - worker.started >= _LONG_LIFE
        worker.pause = _SHORTEST_PAUSE if long_lived else min(worker.pause * 2, _LONGEST_PAUSE)
        worker.due = now + worker.pause
        _log.error(
            "worker %d ended with status %d; another starts in %.1f s",
            worker.process.pid,
            worker.process.returncode,
            worker.pause,
        )
        worker.process = None

    def _stop(self, workers: list[_Worker]) -> None:
        alive = [one.process for one in workers if one.process is not None]
        for process in alive:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + self.config.drain_seconds + _KILL_AFTER
        for process in alive:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.error("worker %d does not stop and is killed", process.pid)
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
