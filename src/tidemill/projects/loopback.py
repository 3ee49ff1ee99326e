"""A server for clients of the embedded store that speak HTTP alone, such as MLflow's, for as long as a run lasts.

The address exists from the start: a listening socket of this process. The server itself is a process that is started
when somebody knocks, takes the socket over, and ends with this process. It listens on 127.0.0.1 only.
"""

import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tidemill.tracking import resolve
from tidemill.tracking.embedded import EmbeddedBackend

INHERITED = "TIDEMILL_LOOPBACK"
"""In a job's environment: `<address of its server> <address of the store behind it>`."""
_MODULE = "tidemill.cli.loopback"
_END_S = 15


@contextmanager
def reachable(address: str, env: Mapping[str, str] = os.environ) -> Iterator[str]:
    """The HTTP address of the store at `address`, for as long as the block lasts."""
    if address.startswith(("http://", "https://")):
        yield address
        return
    url, _, store = env.get(INHERITED, "").partition(" ")
    if url and store == address:
        yield url  # a step of a larger project: the outermost one serves
        return
    backend = resolve.store(address)
    assert isinstance(backend, EmbeddedBackend)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        server = _Server(listening, backend)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.end()


class _Server:
    def __init__(self, listening: socket.socket, backend: EmbeddedBackend) -> None:
        self._listening = listening
        self._backend = backend
        self._process: subprocess.Popen[bytes] | None = None
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._work, name="tidemill-loopback", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        ready, _, _ = select.select([self._listening.fileno(), self._wake], [], [])
        if self._wake in ready:
            return
        number = self._listening.fileno()
        command = [sys.executable, "-m", _MODULE, str(number), self._backend.database, self._backend.artifacts]
        env = {name: value for name, value in os.environ.items() if name != "TIDEMILL_JOB"}
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, pass_fds=[number], env=env, start_new_session=True
            )

    def end(self) -> None:
        os.write(self._waker, b"x")
        self._thread.join()
        for fd in (self._wake, self._waker):
            os.close(fd)
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()  # what it takes for the end of this process
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
