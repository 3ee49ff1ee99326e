"""Deliveries outlive their servers: killed between commit and delivery, killed in the middle of one, restarted."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tidemill.api import runs, webhooks
from tidemill.errors import TidemillError
from tidemill.testing.databases import PostgresServer
from tidemill.testing.receiver import ALLOWED, Call, Receiver, receiver
from tidemill.testing.server import ServerProcess, server_process
from tidemill.transport.http import HttpBackend
from tidemill.types.runs import CreateRun
from tidemill.types.webhooks import CreateWebhook

ENV = {
    **ALLOWED,
    "TIDEMILL_SECRET_KEY": "a key for tests of thirty-two characters and more",
    "MLFLOW_WEBHOOK_REQUEST_TIMEOUT": "2",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "server.db")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as address:
        yield address


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def new_hook(address: str, url: str) -> None:
    backend = HttpBackend(address)
    backend.call(webhooks.create, CreateWebhook(name="hook", url=url, kinds=["run.created"], secret="s"))
    backend.close()


def create_runs(address: str, prefix: str, count: int) -> list[str]:
    """Create runs until the server is gone; the names of those that it has acknowledged."""
    backend = HttpBackend(address, patience=0.0)
    made = []
    try:
        for number in range(count):
            name = f"{prefix}-{number}"
            backend.call(runs.create, CreateRun("0", run_name=name, start_time=1))
            made.append(name)
    except TidemillError:
        pass
    finally:
        backend.close()
    return made


def check(calls: list[Call], wanted: set[str]) -> None:
    """Everything that was acknowledged has arrived, and what came twice came with one id."""
    by_name: dict[str, set[str]] = {}
    for call in calls:
        by_name.setdefault(call.json["data"]["run_name"], set()).add(call.delivery_id)
    assert wanted <= by_name.keys()
    assert all(len(ids) == 1 for ids in by_name.values())


def wait_for(hook: Receiver, wanted: set[str], timeout_s: float = 90) -> None:
    deadline = time.monotonic() + timeout_s
    while wanted - {call.json["data"]["run_name"] for call in list(hook.calls)}:
        assert time.monotonic() < deadline, len(wanted)
        time.sleep(0.1)


def start(database: str, folder: Path, **env: str) -> AbstractContextManager[ServerProcess]:
    return server_process(database, folder / "artifacts", env={**ENV, **env})


def test_killed_between_commit_and_delivery_again_and_again(database: str, tmp_path: Path, hook: Receiver) -> None:
    wanted: set[str] = set()
    chance = random.Random(7)
    for round_ in range(4):
        with start(database, tmp_path) as server:
            if not round_:
                new_hook(server.address, hook.url)
            timer = threading.Timer(0.2 + chance.random() * 0.6, server.kill)
            timer.start()
            wanted.update(create_runs(server.address, f"r{round_}", 2000))
            timer.join()
    with start(database, tmp_path):
        wait_for(hook, wanted)
    assert len(wanted) > 20
    check(hook.calls, wanted)


def test_killed_while_the_receiver_hangs_fails_and_closes(database: str, tmp_path: Path, hook: Receiver) -> None:
    chance = random.Random(3)
    calm = threading.Event()

    def answer(call: Call) -> Any:
        if calm.is_set():
            return 200, {}, b""
        what = chance.randrange(5)
        if what == 0:
            raise OSError("closed")
        if what == 1:
            time.sleep(3)
        return [200, 200, 500, 429, 503][what], {"Retry-After": "1"} if what == 3 else {}, b""

    hook.answer = answer
    wanted: set[str] = set()
    for round_ in range(2):
        with start(database, tmp_path) as server:
            if not round_:
                new_hook(server.address, hook.url)
            wanted.update(create_runs(server.address, f"h{round_}", 30))
            time.sleep(1.5)
            server.kill()
    calm.set()
    with start(database, tmp_path):
        wait_for(hook, wanted)
    assert len(wanted) == 60
    check(hook.calls, wanted)


def test_another_process_takes_over(postgres_server: PostgresServer, tmp_path: Path, hook: Receiver) -> None:
    with (
        postgres_server.database() as database,
        start(database, tmp_path) as first,
        start(database, tmp_path) as second,
    ):
        new_hook(first.address, hook.url)
        wanted = set(create_runs(first.address, "a", 20)) | set(create_runs(second.address, "b", 20))
        wait_for(hook, wanted)
        hook.answer = lambda call: (503, {}, b"")
        wanted |= set(create_runs(second.address, "c", 20))
        time.sleep(0.5)
        first.kill()
        hook.answer = lambda call: (200, {}, b"")
        wanted |= set(create_runs(second.address, "d", 20))
        wait_for(hook, wanted)
        assert len(wanted) == 80
        check(hook.calls, wanted)


def test_the_secret_is_in_no_file(tmp_path: Path, hook: Receiver) -> None:
    hook.answer = lambda call: (500, {}, b"")
    with start(str(tmp_path / "x.db"), tmp_path, TIDEMILL_DEBUG="1") as server:
        backend = HttpBackend(server.address)
        arg = CreateWebhook(name="hook", url=hook.url, kinds=["run.created"], secret="hush-hush-hush")
        backend.call(webhooks.create, arg)
        backend.close()
        create_runs(server.address, "x", 2)
        hook.wait(2)
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"hush" in data for data in files)
