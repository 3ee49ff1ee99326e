"""Two servers on loopback: ours, and one that answers what a test tells it to."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tidemill.artifacts.roots import Roots
from tidemill.http.protocol import HttpProtocol
from tidemill.http.sockets import listen
from tidemill.server.app import App
from tidemill.store.backend import SqlBackend
from tidemill.store.database import open_database


@dataclass
class Seen:
    """A request as it came."""

    verb: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Script:
    """A server that answers requests from a list, and `{}` when that is used up.

    An entry is (status, body) or (status, body, headers); "drop" closes the connection without an answer, "hang"
    keeps it open, "cut" closes it inside the body.
    """

    port: int
    answers: list[Any] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        # A client may go away at any moment.
        with contextlib.suppress(ConnectionError), connection, stream:
            while (seen := _read_request(stream)) is not None:
                self.seen.append(seen)
                answer = self.answers.pop(0) if self.answers else (200, b"{}")
                if answer == "drop":
                    return
                if answer == "hang":
                    time.sleep(3)
                    return
                if answer == "cut":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
                    return
                status, body, *more = answer
                data = json.dumps(body).encode() if isinstance(body, dict) else body
                headers = {"Content-Length": str(len(data)), **(more[0] if more else {})}
                lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                connection.sendall(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + data)


def _read_request(stream: Any) -> Seen | None:
    first = stream.readline().decode().split()
    if not first:
        return None
    headers = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    body = b""
    if headers.get("transfer-encoding") == "chunked":
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
    else:
        body = stream.read(int(headers.get("content-length", 0)))
    return Seen(first[0], first[1], headers, body)


@pytest.fixture
def script() -> Iterator[Script]:
    """A server that answers as told."""
    listener = socket.create_server(("127.0.0.1", 0))
    made = Script(listener.getsockname()[1])
    thread = threading.Thread(target=made.serve, args=(listener,), daemon=True)
    thread.start()
    yield made
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@pytest.fixture
def another_script() -> Iterator[Script]:
    """A second one."""
    listener = socket.create_server(("127.0.0.1", 0))
    made = Script(listener.getsockname()[1])
    thread = threading.Thread(target=made.serve, args=(listener,), daemon=True)
    thread.start()
    yield made
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server on a fresh SQLite store."""
    folder: Path = tmp_path_factory.mktemp("served")
    backend = SqlBackend(
        open_database(str(folder / "t.db")), artifact_root="mlflow-artifacts:/", files=Roots(str(folder / "files"))
    )
    sockets = listen("127.0.0.1", 0)
    app = App(backend, on_stop=backend.close)
    server = uvicorn.Server(uvicorn.Config(app, http=HttpProtocol, ws="none", log_config=None))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve(sockets=sockets)))
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
    loop.close()
