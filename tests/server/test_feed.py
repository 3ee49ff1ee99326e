"""The live feed, by a server in a process of its own and by connections that read what comes."""

import http.client
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tidemill.api import events, experiments, runs
from tidemill.store.outbox import emit
from tidemill.testing.databases import embedded
from tidemill.testing.factories import new_experiment, new_run
from tidemill.testing.server import ServerProcess, server_process
from tidemill.transport.http import HttpBackend
from tidemill.types.events import ListEvents
from tidemill.types.experiments import UpdateExperiment
from tidemill.types.runs import LogMetric, RunStatus, UpdateRun

PATH = "/api/tidemill/1/events/feed"


class Following:
    """A client of the feed."""

    def __init__(self, address: str, query: str = "", headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(address)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        self.connection.request("GET", f"{PATH}?{query}", headers=headers or {})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        assert self.answer.headers["content-type"] == "text/event-stream"
        assert self.answer.readline() == b"retry: 2000\n"
        assert self.answer.readline() == b"\n"

    def next(self, *kinds: str) -> dict[str, Any]:
        """The next event, or the next of some kinds; its SSE id under `sse`."""
        while True:
            mark = None
            while (line := self.answer.readline().decode()) != "\n":
                assert line, "the feed has ended"
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "id":
                    mark = value
                elif name == "data":
                    found = json.loads(value)
            found["sse"] = mark
            if not kinds or found["kind"] in kinds:
                return dict(found)

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


@contextmanager
def following(address: str, query: str = "", headers: dict[str, str] | None = None) -> Iterator[Following]:
    found = Following(address, query, headers)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def server(database_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("feed")
    with server_process(database_address, folder / "artifacts") as found:
        yield found


@pytest.fixture
def remote(server: ServerProcess) -> Iterator[HttpBackend]:
    found = HttpBackend(server.address)
    yield found
    found.close()


def test_events_come_as_they_happen(server: ServerProcess, remote: HttpBackend) -> None:
    with following(server.address) as feed:
        begun = time.monotonic()
        experiment = new_experiment(remote)
        made = feed.next()
        assert time.monotonic() - begun < 2
        assert (made["kind"], made["subject"]) == ("experiment.created", f"experiment/{experiment}")
        assert made["sse"] == str(made["id"])
        run_id = new_run(remote, experiment)
        remote.call(runs.update, UpdateRun(run_id, status=RunStatus.FINISHED))
        assert [feed.next("run.created", "run.finished")["kind"] for _ in range(2)] == ["run.created", "run.finished"]


def test_filters(server: ServerProcess, remote: HttpBackend) -> None:
    ids = [new_experiment(remote) for _ in range(2)]
    with (
        following(server.address, f"kinds=experiment.*&subject=experiment%2F{ids[1]}") as one,
        following(server.address, "kinds=experiment.renamed&kinds=run.created") as other,
    ):
        for experiment in ids:
            remote.call(experiments.update, UpdateExperiment(experiment, f"{experiment} renamed {time.time_ns()}"))
        new_run(remote, ids[0])
        assert one.next()["data"]["experiment_id"] == ids[1]
        found = [other.next() for _ in range(3)]
        assert [event["kind"] for event in found] == ["experiment.renamed"] * 2 + ["run.created"]


@pytest.mark.parametrize("how", ["header", "query"])
def test_resuming(server: ServerProcess, remote: HttpBackend, how: str) -> None:
    cursor = remote.call(events.list_events, ListEvents(newest=True, max_results=1)).cursor
    ids = [new_experiment(remote) for _ in range(3)]
    query, headers = (f"after={cursor}", {}) if how == "query" else ("", {"Last-Event-ID": str(cursor)})
    with following(server.address, query, headers) as feed:
        ids.append(new_experiment(remote))
        found = [feed.next("experiment.created") for _ in ids]
    assert [event["data"]["experiment_id"] for event in found] == ids
    with following(server.address, "", {"Last-Event-ID": found[1]["sse"]}) as feed:
        assert [feed.next()["data"]["experiment_id"] for _ in range(2)] == ids[2:]


def test_notices_of_changed_runs(server: ServerProcess, remote: HttpBackend) -> None:
    run_id = new_run(remote, "0")
    with following(server.address, "kinds=run.changed") as feed:
        time.sleep(1.2)
        for step in range(50):
            remote.call(runs.log_metric, LogMetric(run_id, key="m", value=1.0, timestamp=1, step=step))
        notice = feed.next()
        assert notice["data"] == {"run_id": run_id, "experiment_id": "0"}
        assert notice["sse"] is None
        remote.call(runs.update, UpdateRun(run_id, status=RunStatus.FINISHED))
        assert feed.next()["data"]["run_id"] == run_id


def test_what_other_processes_do(server: ServerProcess, database_address: str, tmp_path: Path) -> None:
    with embedded(database_address, tmp_path) as other, following(server.address) as feed:
        run_id = new_run(other, "0")
        assert feed.next("run.created")["data"]["run_id"] == run_id
        time.sleep(1.2)
        other.call(runs.log_metric, LogMetric(run_id, key="m", value=1.0, timestamp=1))
        while feed.next("run.changed")["data"]["run_id"] != run_id:
            pass


def test_many_clients(server: ServerProcess, remote: HttpBackend) -> None:
    feeds = [Following(server.address) for _ in range(100)]
    experiment = new_experiment(remote)
    assert {feed.next("experiment.created")["data"]["experiment_id"] for feed in feeds} == {experiment}
    for feed in feeds:
        feed.close()


def test_a_slow_client_is_cut_off_and_nobody_waits_for_it(
    server: ServerProcess, database_address: str, tmp_path: Path
) -> None:
    parts = urlsplit(server.address)
    with (
        embedded(database_address, tmp_path) as other,
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as slow,
        following(server.address, "kinds=test.*") as quick,
    ):
        slow.sendall(f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{parts.port}\r\n\r\n".encode())
        slow.recv(100)
        data = {"text": "x" * 200_000}
        for _ in range(8):  # 6 MB each: more than the kernel and the server keep for one client, together
            for _ in range(30):
                other.database.write(other.site, lambda tx: emit(tx, "test.large", "test", data))
            assert {quick.next()["kind"] for _ in range(30)} == {"test.large"}
        received = 0
        deadline = time.monotonic() + 30
        while more := slow.recv(1 << 20):
            received += len(more)
            assert time.monotonic() < deadline
        assert received < 40_000_000


def test_refusals(server: ServerProcess) -> None:
    parts = urlsplit(server.address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    connection.request("GET", PATH, headers={"Last-Event-ID": "x"})
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    connection.close()


def test_a_server_that_stops_lets_its_clients_go(tmp_path: Path) -> None:
    with server_process(tmp_path / "t.db", tmp_path / "artifacts") as server, following(server.address) as feed:
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert feed.answer.read() == b""
        assert server.process.wait(20) == 0
        assert time.monotonic() - begun < 5
