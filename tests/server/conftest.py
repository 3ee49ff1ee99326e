"""Real servers on loopback: the app under uvicorn in a thread, a raw client that sends what it is told to send."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tidemill.api.operation import Backend
from tidemill.artifacts.roots import Roots
from tidemill.http.protocol import HttpProtocol
from tidemill.http.sockets import listen
from tidemill.server.app import App
from tidemill.server.config import ServerConfig
from tidemill.store.backend import SqlBackend
from tidemill.store.database import open_database

API = "/api/2.0/mlflow/"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A running server."""

    port: int
    backend: Any
    stop: Callable[[], None] = field(repr=False)

    def connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def ask(
        self,
        verb: str,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        *,
        plain: bool = False,
    ) -> Answer:
        """One request on a connection of its own. A dict becomes JSON; `plain`: no headers but those given."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body or b""
        sent = {} if plain else {"Host": f"127.0.0.1:{self.port}", "Connection": "close"}
        if isinstance(body, dict):
            sent["Content-Type"] = "application/json"
        if body is not None:
            sent["Content-Length"] = str(len(data))
        sent.update(headers or {})
        head = f"{verb} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        with self.connect() as connection:
            connection.sendall(head.encode() + b"\r\n" + data)
            return read(connection, verb)

    def post(self, rpc: str, body: bytes | dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
        return self.ask("POST", API + rpc, body, {"Content-Type": "application/json", **(headers or {})})

    def new_run(self) -> str:
        answer = self.post("runs/create", {"experiment_id": "0", "start_time": 1})
        return str(answer.json["run"]["info"]["run_id"])

    def run_data(self, run_id: str) -> dict[str, Any]:
        data: dict[str, Any] = self.ask("GET", f"{API}runs/get?run_id={run_id}").json["run"]["data"]
        return data


def read(connection: socket.socket, verb: str = "GET") -> Answer:
    """One answer off a connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        assert piece, f"the connection ended after {data!r}"
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    status = int(first.split()[1])
    length = 0 if verb == "HEAD" or status == 204 else int(headers["content-length"])
    while len(body) < length:
        piece = connection.recv(65536)
        assert piece, "the connection ended inside a body"
        body += piece
    return Answer(status, headers, body)


def start(app: App, backend: Any) -> Served:
    """Serve `app` from a thread."""
    sockets = listen("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    config = uvicorn.Config(
        app, http=HttpProtocol, ws="none", lifespan="on", log_config=None, access_log=False, proxy_headers=False
    )
    server = uvicorn.Server(config)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve(sockets=sockets)))
    thread.start()
    while not server.started:
        time.sleep(0.005)

    def stop() -> None:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
        loop.close()

    return Served(port, backend, stop)


Serve = Callable[..., Served]


@pytest.fixture
def read_answer() -> Callable[..., Answer]:
    """Reads one answer off a connection."""
    return read


def open_backend(folder: Path) -> SqlBackend:
    """A fresh SQLite store in `folder`, with its files in `folder`/artifacts."""
    database = open_database(str(folder / "tidemill.db"), background=True)
    return SqlBackend(database, artifact_root="mlflow-artifacts:/", files=open_roots(folder))


def open_roots(folder: Path) -> Roots:
    """The artifacts of `folder`, as a server opens them: nothing else is allowed."""
    return Roots(str(folder / "artifacts"), allowed=[])


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server: on a fresh SQLite store, or on the backend given; keywords go to its configuration."""
    running: list[Served] = []

    def begin(backend: Backend | None = None, **options: Any) -> Served:
        chosen = backend or open_backend(tmp_path)
        roots = open_roots(tmp_path)
        running.append(start(App(chosen, ServerConfig(**options), roots=roots, on_stop=chosen.close), chosen))
        return running[-1]

    yield begin
    for one in running:
        one.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on an SQLite store, with the defaults, for all tests of a file: they share what is in it."""
    folder = tmp_path_factory.mktemp("served")
    backend = open_backend(folder)
    served = start(App(backend, roots=open_roots(folder), on_stop=backend.close), backend)
    yield served
    served.stop()
