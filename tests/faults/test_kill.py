"""kill -9 in the middle of an ingest, again and again: what was acknowledged is there, and nothing is there by half."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidemill.api import runs
from tidemill.api.operation import Backend
from tidemill.errors import TidemillError
from tidemill.store.check import check
from tidemill.testing.databases import embedded
from tidemill.testing.factories import get_run, history_of, latest_of, new_experiment, params_of, tags_of
from tidemill.testing.server import server_process
from tidemill.transport.http import HttpBackend
from tidemill.types.metrics import MetricPoint
from tidemill.types.page import Tag
from tidemill.types.runs import CreateRun, LogBatch, LogMetric, Param

WRITERS = 3
KEYS = 8

# Says `<run> <number> <kind>` for each call, after it has returned.
PROGRAM = f"""if True:
    import os, sys, threading
    from tidemill.testing.databases import embedded
    sys.path.insert(0, {str(Path(__file__).parent)!r})
    from test_kill import ingest
    address, artifacts, *names = sys.argv[1:]
    with embedded(address, artifacts) as store:
        say = lambda text: os.write(1, text.encode())
        threads = [threading.Thread(target=ingest, args=(store, name, say)) for name in names]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
"""


def ingest(backend: Backend, run: str, say: object) -> None:
    """Create a run and log to it until something ends that: batches of all kinds, and single points in between."""
    assert callable(say)
    backend.call(runs.create, CreateRun("0", run_id=run, tags=[Tag("made", "whole")]))
    say(f"{run} 0 run\n")
    for number in range(1, 1_000_000):
        if number % 3:
            metrics = [MetricPoint(f"m{key}", number / 3, number, number) for key in range(KEYS)]
            params, tags = [Param(f"p{number}", "x" * 50)], [Tag("t", str(number)), Tag(f"t{number}", "1")]
            backend.call(runs.log_batch, LogBatch(run, metrics, params if number % 2 else [], tags))
            say(f"{run} {number} batch\n")
        else:
            backend.call(runs.log_metric, LogMetric(run, key="single", value=1.0, timestamp=number, step=number))
            say(f"{run} {number} single\n")


def acknowledged(lines: list[str]) -> dict[str, dict[int, str]]:
    """What was acknowledged of each run: number to kind. A last line that was cut short does not count."""
    found: dict[str, dict[int, str]] = {}
    for line in lines:
        run, number, kind = line.split()
        found.setdefault(run, {})[int(number)] = kind
    return found


def is_sound(backend: Backend, run: str, said: dict[int, str]) -> None:
    """Everything acknowledged of a run is there; of what was under way when it ended, all or nothing."""
    found = get_run(backend, run)
    tags, params = tags_of(found), params_of(found)
    assert tags.pop("made") == "whole"
    last = tags.pop("t", None)
    batches = {number for number, kind in said.items() if kind == "batch"}
    steps = [[step for _, _, step in history_of(backend, run, f"m{key}")] for key in range(KEYS)]
    there = set(steps[0])
    # At most one batch more than was acknowledged: the one whose answer was lost.
    assert batches <= there
    assert len(there - batches) <= 1
    assert all(one == sorted(there) for one in steps)
    assert set(params) == {f"p{number}" for number in there if number % 2}
    assert set(tags) == {f"t{number}" for number in there}
    singles = {number for number, kind in said.items() if kind == "single"}
    single_steps = {step for _, _, step in history_of(backend, run, "single")}
    assert singles <= single_steps
    assert len(single_steps - singles) <= 1
    if there:
        newest = max(there)
        assert last == str(newest)
        assert {key: point for key, point in latest_of(found).items() if key != "single"} == {
            f"m{key}": (newest / 3, newest, newest) for key in range(KEYS)
        }


def is_whole(file: Path) -> bool:
    connection = sqlite3.connect(file)
    found = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    return bool(found == [("ok",)])


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "tidemill.db")
        return
    with request.getfixturevalue("postgres_server").database() as found:
        yield found


def killed_in_the_middle(address: str, folder: Path, names: list[str], after_s: float) -> list[str]:
    """What a process had acknowledged that was killed `after_s` seconds after its first word."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, address, str(folder), *names], stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read(1)
        threading.Timer(after_s, process.send_signal, [signal.SIGKILL]).start()
        while chunk := process.stdout.read(1 << 16):
            said += chunk
    assert process.returncode == -signal.SIGKILL
    return said.decode().rpartition("\n")[0].splitlines()


def rounds_of_killing(address: str, tmp_path: Path, rounds: int) -> None:
    dice = random.Random(rounds)
    everything: dict[str, dict[int, str]] = {}
    for number in range(rounds):
        names = [f"r{number}w{writer}" for writer in range(WRITERS)]
        everything |= acknowledged(killed_in_the_middle(address, tmp_path, names, dice.uniform(0.02, 0.5)))
        if not address.startswith("postgresql"):
            assert is_whole(Path(address))
        with embedded(address, tmp_path) as store:
            for run, said in everything.items():
                is_sound(store, run, said)
            assert [finding.text for finding in check(store.database, store.site) if not finding.good] == []
    assert sum(map(len, everything.values())) > 20 * rounds


def test_the_embedded_store(address: str, tmp_path: Path) -> None:
    rounds_of_killing(address, tmp_path, 4)


@pytest.mark.deep
@pytest.mark.timeout(1800)
def test_the_embedded_store_often(address: str, tmp_path: Path) -> None:
    rounds_of_killing(address, tmp_path, 60)


def killed_server(store: Path, folder: Path, names: list[str], after_s: float) -> list[str]:
    """What clients had acknowledged by a server that was killed `after_s` seconds after they began."""
    said: list[str] = []

    def client(address: str, name: str) -> None:
        backend = HttpBackend(address, patience=0, timeout=20)
        try:
            ingest(backend, name, said.append)
        except TidemillError:
            backend.close()

    with server_process(store, folder) as server:
        threads = [threading.Thread(target=client, args=(server.address, name)) for name in names]
        for thread in threads:
            thread.start()
        time.sleep(after_s)
        server.kill()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
    return said


def rounds_of_killing_servers(tmp_path: Path, rounds: int) -> None:
    store, dice = tmp_path / "tidemill.db", random.Random(rounds)
    everything: dict[str, dict[int, str]] = {}
    for number in range(rounds):
        names = [f"r{number}w{writer}" for writer in range(WRITERS)]
        everything |= acknowledged(killed_server(store, tmp_path / "artifacts", names, dice.uniform(0.1, 0.8)))
        assert is_whole(store)
        with embedded(str(store), tmp_path / "artifacts") as found:
            for run, said in everything.items():
                is_sound(found, run, said)
            assert [finding.text for finding in check(found.database, found.site) if not finding.good] == []
    assert sum(map(len, everything.values())) > 20 * rounds


def test_the_server(tmp_path: Path) -> None:
    rounds_of_killing_servers(tmp_path, 3)


@pytest.mark.deep
@pytest.mark.timeout(1800)
def test_the_server_often(tmp_path: Path) -> None:
    rounds_of_killing_servers(tmp_path, 40)


def test_the_server_ends_in_order(tmp_path: Path) -> None:
    """Asked to end (SIGTERM), it answers what it has begun: nothing is lost, and no log is left beside the file."""
    store, said = tmp_path / "tidemill.db", []

    def client(address: str, name: str) -> None:
        backend = HttpBackend(address, patience=0, timeout=20)
        try:
            ingest(backend, name, said.append)
        except TidemillError:
            backend.close()

    with server_process(store, tmp_path / "artifacts") as server:
        names = [f"w{writer}" for writer in range(WRITERS)]
        threads = [threading.Thread(target=client, args=(server.address, name)) for name in names]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        assert server.stop() == 0
        for thread in threads:
            thread.join(30)
    assert [name for name in os.listdir(tmp_path) if name.startswith("tidemill")] == ["tidemill.db"]
    with embedded(str(store), tmp_path / "artifacts") as found:
        for run, numbers in acknowledged(said).items():
            is_sound(found, run, numbers)


def test_the_test_itself_can_fail(tmp_path: Path) -> None:
    with embedded(str(tmp_path / "tidemill.db"), tmp_path) as store:
        new_experiment(store)
        said: list[str] = []

        def until_seven(line: str) -> None:
            said.append(line)
            if " 7 " in line:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            ingest(store, "one", until_seven)
        numbers = acknowledged(said)["one"]
        is_sound(store, "one", numbers)
        for lie in ({**numbers, 8: "batch"}, {**numbers, 9: "single"}, {0: "run", 1: "batch"}):
            with pytest.raises(AssertionError):
                is_sound(store, "one", lie)
