"""Bad days for tests: a proxy in front of a server that fails as networks and servers do, and programs to kill."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

Fault = str
"""`pass`; `drop` (the request arrives, its answer does not); `refuse` (the connection ends before the request);
`garbage` (a page that is no JSON, with status 200); `stall` (no answer for a while, then none); or a status such as `503`."""


class FaultyProxy:
    """Forwards HTTP/1.1 requests on `address` to a server, and treats each as `choose` says.

    `choose` is called with the number of the request, from 0. `counts` says how often each fault was played.
    """

    def __init__(self, target: str, choose: Callable[[int], Fault], stall_s: float = 2.0) -> None:
        self.target = target
        self.choose = choose
        self.counts: dict[Fault, int] = {}
        self._stall_s = stall_s
        self._requests = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, ValueError):
            while self._one(connection):
                pass

    def _one(self, connection: socket.socket) -> bool:
        request = _read_message(connection)
        if not request:
            return False
        with self._lock:
            fault = self.choose(self._requests)
            self._requests += 1
            self.counts[fault] = self.counts.get(fault, 0) + 1
        if fault == "refuse":
            return False
        if fault == "stall":
            time.sleep(self._stall_s)
            return False
        if fault == "garbage":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n<html>Welcome!</html>")
            return True
        if fault.isdigit():
            connection.sendall(f"HTTP/1.1 {fault} No\r\nContent-Length: 4\r\n\r\noops".encode())
            return True
        answer = self._forwarded(request)
        if fault == "drop":
            return False
        connection.sendall(answer)
        return True

    def _forwarded(self, request: bytes) -> bytes:
        parts = urlsplit(self.target)
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30) as server:
            server.sendall(request)
            return _read_message(server)


def _read_message(connection: socket.socket) -> bytes:
    """One request or answer with a declared length; empty where the connection ended."""
    data = bytearray()
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    start = data.index(b"\r\n\r\n") + 4
    fields = dict(line.lower().split(b": ", 1) for line in bytes(data[: start - 4]).split(b"\r\n")[1:])
    chunked = fields.get(b"transfer-encoding") == b"chunked"
    size = start + int(fields.get(b"content-length", b"0"))
    while not data.endswith(b"0\r\n\r\n") if chunked else len(data) < size:
        more = connection.recv(1 << 20)
        if not more:
            return b""
        data += more
    return bytes(data)


@contextmanager
def faulty(
    target: str, *faults: Fault, share: float = 0.3, seed: int = 0, stall_s: float = 2.0
) -> Iterator[FaultyProxy]:
    """A proxy that plays one of `faults` for a `share` of the requests, at random."""
    dice = random.Random(seed)

    def choose(_: int) -> Fault:
        return dice.choice(faults) if faults and dice.random() < share else "pass"

    proxy = FaultyProxy(target, choose, stall_s)
    try:
        yield proxy
    finally:
        proxy.close()


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def program(text: str, folder: Path, env: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Run a Python text in `folder` in a process of its own; killed at the end of the block if it is still there."""
    path = folder / f"program-{os.urandom(4).hex()}.py"
    path.write_text(text)
    process = subprocess.Popen(
        [sys.executable, str(path)],
        cwd=folder,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
