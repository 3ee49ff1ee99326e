"""Serving over real HTTP on loopback: apps in a thread for what a function can show, processes for the rest."""

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn

from tidemill.http.sockets import listen
from tidemill.serving.app import App
from tidemill.serving.config import ServingConfig
from tidemill.serving.fleet import Fleet
from tidemill.serving.loaded import Prepared
from tidemill.serving.log import RequestLog
from tidemill.serving.protocol import SlowProtocol
from tidemill.serving.servable import Servable

JSON = {"Content-Type": "application/json"}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def predictions(self) -> Any:
        assert self.status == 200, self.body
        return self.json["predictions"]


def ask(
    port: int, verb: str, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 30
) -> Answer:
    """One request on a connection of its own; what is no bytes becomes JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(verb, path, data, {**(JSON if data is not None else {}), **(headers or {})})
        got = connection.getresponse()
        return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    finally:
        connection.close()


class Running:
    """An app in a thread."""

    def __init__(self, servables: list[Servable], config: ServingConfig, log: RequestLog | None) -> None:
        self.config = config
        self.app: App = None  # type: ignore[assignment]
        self._sockets = listen("127.0.0.1", 0)
        self.port: int = self._sockets[0].getsockname()[1]
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        prepared = [Prepared(one, config) for one in servables]

        async def main() -> None:
            fleet = Fleet(config)
            for one in prepared:
                fleet.install(one.servable.name, "current", one)
            self.app = App(fleet, config, log)
            settings = uvicorn.Config(
                self.app, http=SlowProtocol, ws="none", lifespan="off", log_config=None, access_log=False
            )
            self.server = uvicorn.Server(settings)
            serving = asyncio.ensure_future(self.server.serve(sockets=self._sockets))
            while not self.server.started:
                await asyncio.sleep(0.005)
            ready.set()
            await serving
            await self.app.close()

        self.thread = threading.Thread(target=lambda: self.loop.run_until_complete(main()))
        self.thread.start()
        assert ready.wait(20)

    def on_loop(self, work: Any) -> Any:
        """Call `work(fleet)` on the event loop."""

        async def call() -> Any:
            return work(self.app.fleet)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(20)

    def install(self, servable: Servable, role: str = "current") -> None:
        prepared = Prepared(servable, self.config)
        self.on_loop(lambda fleet: fleet.install(servable.name, role, prepared))

    def ask(self, verb: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        return ask(self.port, verb, path, body, headers)

    def invoke(self, body: Any, headers: dict[str, str] | None = None) -> Answer:
        return self.ask("POST", "/invocations", body, headers)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()
        self.loop.close()


@pytest.fixture
def serve() -> Iterator[Any]:
    """Serves Servables; keywords go to the configuration, `log` is a RequestLog."""
    running: list[Running] = []

    def begin(*servables: Servable, log: RequestLog | None = None, **options: Any) -> Running:
        running.append(Running(list(servables), ServingConfig(models=("x",), **options), log))
        return running[-1]

    yield begin
    for one in running:
        one.stop()


def columns(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    """The inputs of a signature: names and types; a type with `?` is optional."""
    return [{"name": name, "type": kind.rstrip("?"), "required": not kind.endswith("?")} for name, kind in pairs]


AB = columns(("a", "double"), ("b", "double"))


def total(data: Any, params: Any) -> Any:
    """A model: the sum of each row."""
    return data.sum(axis=1).to_numpy() if hasattr(data, "columns") else data.sum(axis=1)


@pytest.fixture
def sums() -> Servable:
    """A model of two columns that answers their sum."""
    return Servable("sums", "1", total, inputs=AB)


def until(condition: Any, seconds: float = 20.0) -> Any:
    """Wait until `condition()` is true; answers it."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@pytest.fixture
def tools() -> Any:
    """Functions of this file, for tests."""

    class Tools:
        pass

    made = Tools()
    made.until, made.columns, made.total, made.ask, made.AB = until, columns, total, ask, AB  # type: ignore[attr-defined]
    return made
