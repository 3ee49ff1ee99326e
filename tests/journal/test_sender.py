"""The sending side, on a real store: several runs at once, each in order, and nothing twice after a failure."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tidemill.api import codec, runs
from tidemill.api.operation import AnyOperation, Backend
from tidemill.errors import Unavailable
from tidemill.ids import new_run_id
from tidemill.journal import format, recover, state
from tidemill.journal.sender import Sender
from tidemill.journal.writer import Writer
from tidemill.testing.databases import embedded
from tidemill.testing.factories import get_run, history_of, params_of, tags_of
from tidemill.types.runs import CreateRun, LogBatch, LogParam, Param, RunStatus, SetTag, UpdateRun

RUNS = 12


class Watched:
    """A store that takes a while for each call, and notes how many there are at once and what it is asked."""

    def __init__(self, store: Backend, pause_s: float = 0.004) -> None:
        self._store = store
        self._pause_s = pause_s
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0
        self.asked: list[tuple[str, Any]] = []
        self.fail: set[int] = set()

    def call(self, op: AnyOperation, arg: Any) -> Any:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.asked.append((op.name, arg))
            number = len(self.asked)
        try:
            time.sleep(self._pause_s)
            if number in self.fail:
                raise Unavailable("Not now.")
            return self._store.call(op, arg)
        finally:
            with self._lock:
                self._now -= 1

    def close(self) -> None:
        self._store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Watched]:
    with embedded(str(tmp_path / "store.db"), tmp_path / "artifacts") as found:
        yield Watched(found)


def note(writer: Writer, op: AnyOperation, arg: Any) -> None:
    assert writer.append(format.call(op.name, codec.encode(arg)), getattr(arg, "run_id", ""))


def sweep(root: Path) -> tuple[Path, list[str]]:
    """A journal of runs that were written at once, as threads do."""
    writer = Writer(root, "http://x")
    ids = [new_run_id() for _ in range(RUNS)]
    for run_id in ids:
        note(writer, runs.create, CreateRun("0", run_id=run_id, run_name=run_id[:8]))
    for step in range(20):
        for number, run_id in enumerate(ids):
            writer.log_points(run_id, ("loss", f"own {number}"), (step / 7, step), 1000 + step, step)
            note(writer, runs.set_tag, SetTag(run_id, key="at", value=str(step)))
            note(writer, runs.log_batch, LogBatch(run_id, params=[Param(f"p{step}", run_id)]))
    for run_id in ids:
        note(writer, runs.update, UpdateRun(run_id, status=RunStatus.FINISHED, end_time=2000))
    folder = writer.close()
    assert folder is not None
    return folder, ids


def is_whole(store: Watched, ids: list[str]) -> None:
    for number, run_id in enumerate(ids):
        run = get_run(store, run_id)
        assert run.info.status == RunStatus.FINISHED
        assert tags_of(run)["at"] == "19"
        assert params_of(run) == {f"p{step}": run_id for step in range(20)}
        for key in ("loss", f"own {number}"):
            assert [step for _, _, step in history_of(store, run_id, key)] == list(range(20))


def no_uploads(owner: str, path: str, file: Path) -> None:
    raise AssertionError((owner, path, file))


@pytest.mark.parametrize("jobs", [1, 4])
def test_runs_are_sent_at_once_and_each_in_order(jobs: int, store: Watched, tmp_path: Path) -> None:
    folder, ids = sweep(tmp_path / "journals")
    outcome = Sender(store, no_uploads, jobs=jobs).send(folder)
    assert outcome.error is None
    assert not folder.exists()
    is_whole(store, ids)
    assert store.most == 1 if jobs == 1 else 2 <= store.most <= jobs
    for run_id in ids:
        values = [arg.value for name, arg in store.asked if name == "runs.set_tag" and arg.run_id == run_id]
        assert values == [str(step) for step in range(20)]


@pytest.mark.parametrize("jobs", [1, 4])
def test_what_arrived_before_a_failure_is_not_sent_again(jobs: int, store: Watched, tmp_path: Path) -> None:
    folder, ids = sweep(tmp_path / "journals")
    one = Sender(store, no_uploads, jobs=jobs)
    store.fail = {40, 41, 150, 300}
    failures = 0
    while one.send(folder).error is not None:
        failures += 1
        assert failures < 10
    assert failures >= (3 if jobs == 1 else 1)
    is_whole(store, ids)
    tags = [(arg.run_id, arg.value) for name, arg in store.asked if name == "runs.set_tag"]
    assert len(tags) <= RUNS * 20 + len(store.fail)


def test_a_new_sender_sends_again_from_the_last_acknowledgement(store: Watched, tmp_path: Path) -> None:
    folder, ids = sweep(tmp_path / "journals")
    for number in (30, 200, 400):
        store.fail = {number}
        with suppress(Unavailable):
            Sender(store, no_uploads, jobs=4).send(folder)
    store.fail = set()
    assert Sender(store, no_uploads, jobs=4).send(folder).error is None
    is_whole(store, ids)


def test_refused_records_are_kept_once(store: Watched, tmp_path: Path) -> None:
    folder, ids = sweep(tmp_path / "journals")
    writer = Writer(tmp_path / "journals", "http://x")
    nobody = new_run_id()
    note(writer, runs.log_param, LogParam(nobody, key="a", value="1"))
    writer.append(format.call("runs.no_such_thing", b"{}"))
    writer.append(format.call("runs.set_tag", b"no json"))
    other = writer.close()
    assert other is not None
    outcomes = recover.send_all([folder, other], lambda path, jobs: Sender(store, no_uploads, jobs=jobs))
    assert [outcome.error for _, outcome in outcomes] == [None, None]
    is_whole(store, ids)
    assert len(state.rejected(other)) == 3
    assert {one["code"] for one in state.rejected(other)} >= {"RESOURCE_DOES_NOT_EXIST"}


def test_many_journals_are_sent_at_once(store: Watched, tmp_path: Path) -> None:
    made = [sweep(tmp_path / "journals") for _ in range(3)]
    one = Sender(store, no_uploads, jobs=2)
    outcomes = recover.send_all([folder for folder, _ in made], lambda path, jobs: one, jobs=6)
    assert [outcome.error for _, outcome in outcomes] == [None] * 3
    assert store.most > 2
    for _, ids in made:
        is_whole(store, ids)
