"""A receiver of webhooks for tests: a real HTTP server on loopback that keeps what it was sent and answers as told."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

ALLOWED = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true"}
"""The settings under which a server calls receivers of this machine."""


@dataclass(frozen=True)
class Call:
    """One request that came in: path, headers by lower-case name, body; `at` on the monotonic clock."""

    path: str
    headers: dict[str, str]
    body: str
    at: float

    @property
    def json(self) -> Any:
        """The body, read."""
        return msgspec.json.decode(self.body)

    @property
    def delivery_id(self) -> str:
        """What says that two calls are one delivery."""
        return self.headers["x-mlflow-delivery-id"]


Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


@dataclass
class Receiver:
    """Where calls arrive. `answer` decides what each gets: by default 200; an OSError raised there closes the connection."""

    url: str
    calls: list[Call] = field(default_factory=list)
    answer: Callable[[Call], Answer] = lambda call: (200, {}, b"thanks")
    _come: threading.Condition = field(default_factory=threading.Condition)

    def take(self, call: Call) -> Answer:
        """Note a call and answer it."""
        with self._come:
            self.calls.append(call)
            self._come.notify_all()
        return self.answer(call)

    def wait(self, count: int, timeout_s: float = 30.0) -> list[Call]:
        """The calls, once there are `count`. Raises AssertionError where they do not come."""
        deadline = time.monotonic() + timeout_s
        with self._come:
            while len(self.calls) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{len(self.calls)} calls came instead of {count}"
                self._come.wait(left)
            return list(self.calls)

    def quiet(self, seconds: float) -> list[Call]:
        """The calls, after a while in which no more must come."""
        before = len(self.calls)
        time.sleep(seconds)
        assert len(self.calls) == before, self.calls[before:]
        return list(self.calls)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def setup(self) -> None:
        """Note the connection, to end it with the server."""
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        """Let go of the connection."""
        super().finish()
        self.server.connections.discard(self.connection)

    def do_POST(self) -> None:
        """Take a call."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.path, headers, body.decode(), time.monotonic())
        try:
            status, more, answer = self.server.receiver.take(call)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    receiver: Receiver

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.connections: set[socket.socket] = set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests."""


@contextmanager
def receiver(path: str = "/hook", port: int = 0) -> Iterator[Receiver]:
    """A receiver on any free port of 127.0.0.1, or on `port`, until the block ends."""
    server = _Server(("127.0.0.1", port), _Handler)
    server.receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}{path}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.receiver
    finally:
        server.shutdown()
        server.server_close()
        for connection in list(server.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join()
