"""SQLite: group commit, many threads and processes on one file, and waiting for others."""

import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tidemill.api import runs
from tidemill.errors import InvalidParameter, NotFound, TidemillError, Unavailable
from tidemill.store import sqlite
from tidemill.store.backend import SqlBackend
from tidemill.store.names import Names
from tidemill.store.sqlite import Job, SqliteDatabase
from tidemill.store.transaction import Tx
from tidemill.testing.databases import embedded
from tidemill.testing.factories import (
    get_run,
    history_of,
    latest_of,
    new_experiment,
    new_model,
    new_run,
    params_of,
    tags_of,
)
from tidemill.types.metrics import MetricPoint
from tidemill.types.page import Tag
from tidemill.types.runs import Heartbeat, LogBatch, LogMetric, LogModel, LogParam, Param, RunStatus, SetTag

MODEL = '{"artifact_path": "m", "flavors": {}, "utc_time_created": "x", "run_id": "x"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tidemill.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlBackend]:
    with embedded(str(path), path.parent / "artifacts") as backend:
        yield backend


def database_of(store: SqlBackend) -> SqliteDatabase:
    assert isinstance(store.database, SqliteDatabase)
    return store.database


def is_whole(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with a file."""
    with sqlite3.connect(path) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    return bool(found == [("ok",)])


class Answers:
    """What `done` callbacks were told, in order, and what another connection saw at that moment."""

    def __init__(self) -> None:
        self.results: list[tuple[int, Any, BaseException | None]] = []

    def to(self, number: int) -> Any:
        return lambda result, error: self.results.append((number, result, error))

    @property
    def errors(self) -> dict[int, type[BaseException] | None]:
        return {number: error and type(error) for number, _, error in self.results}


class TestGroupCommit:
    """Writes that wait together are carried out together, each on its own terms."""

    def test_a_failing_one_hurts_nobody(self, store: SqlBackend) -> None:
        run, answers = new_run(store, params={"p": "1"}), Answers()
        for number in range(6):
            params = [Param("p", "2")] if number % 3 == 2 else [Param(f"p{number}", "1")]
            arg = LogBatch(run, [MetricPoint(f"m{number}", 1.0, 1)], params, [Tag(f"t{number}", "1")])
            assert store.enqueue(runs.log_batch, arg, answers.to(number))
        assert answers.results == []
        assert get_run(store, run).data.metrics == []
        assert store.drain(wait=True)
        assert answers.errors == {0: None, 1: None, 2: InvalidParameter, 3: None, 4: None, 5: InvalidParameter}
        found = get_run(store, run)
        assert sorted(latest_of(found)) == ["m0", "m1", "m3", "m4"]
        assert sorted(params_of(found)) == ["p", "p0", "p1", "p3", "p4"]
        assert sorted(tags_of(found)) == ["t0", "t1", "t3", "t4"]
        assert [history_of(store, run, f"m{number}") for number in (2, 5)] == [[], []]

    def test_what_a_failing_one_has_written_is_undone(self, store: SqlBackend) -> None:
        run, model, answers = new_run(store), new_model(store), Answers()
        long = MetricPoint("late", 1.0, 1, 1, model, "d" * 501)  # refused when the rest has been written
        for number, points in enumerate(([], [long], [])):
            arg = LogBatch(run, [MetricPoint(f"m{number}", 1.0, 1), *points], [Param(f"p{number}", "1")])
            store.enqueue(runs.log_batch, arg, answers.to(number))
        store.drain(wait=True)
        assert answers.errors == {0: None, 1: InvalidParameter, 2: None}
        found = get_run(store, run)
        assert (sorted(latest_of(found)), sorted(params_of(found))) == (["m0", "m2"], ["p0", "p2"])
        assert history_of(store, run, "m1") == []

    def test_is_one_transaction(self, store: SqlBackend, path: Path) -> None:
        run = new_run(store)
        other = sqlite3.connect(path)
        version = "PRAGMA data_version"
        before = other.execute(version).fetchone()
        seen: list[Any] = []
        count = "SELECT count(*) FROM params"
        for number in range(50):
            store.enqueue(
                runs.log_param,
                LogParam(run, key=f"p{number}", value="1"),
                lambda result, error: seen.append(other.execute(count).fetchone()[0]),
            )
        store.drain(wait=True)
        # When the first was told, all of them were there already, and the file had changed once.
        assert seen == [50] * 50
        assert other.execute(version).fetchone()[0] == before[0] + 1
        other.close()

    def test_what_ends_the_transaction_fails_them_all(self, store: SqlBackend) -> None:
        run, answers = new_run(store), Answers()

        def fatal(tx: Tx) -> None:
            tx.run("ROLLBACK")  # as SQLite itself does where the disk is full
            raise sqlite3.OperationalError("gone")

        store.enqueue(runs.log_param, LogParam(run, key="a", value="1"), answers.to(0))
        database_of(store).enqueue(Job(store.site, fatal, answers.to(1)))
        store.enqueue(runs.log_param, LogParam(run, key="b", value="1"), answers.to(2))
        store.drain(wait=True)
        assert sorted(answers.errors) == [0, 1, 2]
        assert None not in answers.errors.values()
        assert params_of(get_run(store, run)) == {}
        store.call(runs.log_param, LogParam(run, key="c", value="1"))
        assert params_of(get_run(store, run)) == {"c": "1"}

    def test_names_of_a_rolled_back_transaction_are_forgotten(self, store: SqlBackend, path: Path) -> None:
        run, other = new_run(store), new_run(store)

        def fatal(tx: Tx) -> None:
            tx.run("ROLLBACK")
            raise sqlite3.OperationalError("gone")

        answers = Answers()
        # The second one meets a name that only the first, not yet committed, has made.
        store.enqueue(runs.log_model, LogModel(run, MODEL), answers.to(0))
        store.enqueue(runs.log_model, LogModel(other, MODEL), answers.to(1))
        database_of(store).enqueue(Job(store.site, fatal, answers.to(2)))
        store.drain(wait=True)
        assert None not in answers.errors.values()
        store.call(runs.set_tag, SetTag(run, key="takes the next number", value="1"))
        store.call(runs.log_model, LogModel(other, MODEL))
        with embedded(str(path), path.parent / "artifacts") as fresh:
            assert tags_of(get_run(fresh, run)) == {"takes the next number": "1"}
            assert list(tags_of(get_run(fresh, other))) == ["mlflow.log-model.history"]

    def test_names_of_a_failed_job_are_forgotten(self, store: SqlBackend, path: Path) -> None:
        run, answers = new_run(store, params={"p": "1"}), Answers()
        for number, params in enumerate(([Param("x", "1")], [Param("y", "1"), Param("p", "2")], [Param("z", "1")])):
            store.enqueue(runs.log_batch, LogBatch(run, [], params, [Tag(f"t{number}", "")]), answers.to(number))
        store.drain(wait=True)
        for key in ("y", "w"):
            store.call(runs.log_param, LogParam(run, key=key, value=key))
        with embedded(str(path), path.parent / "artifacts") as fresh:
            assert params_of(get_run(fresh, run)) == {"p": "1", "x": "1", "z": "1", "y": "y", "w": "w"}
            assert sorted(tags_of(get_run(fresh, run))) == ["t0", "t2"]

    def test_reads_and_big_writes_are_not_queued(self, store: SqlBackend) -> None:
        from tidemill.api import experiments
        from tidemill.types.experiments import CreateExperiment
        from tidemill.types.runs import GetRun

        assert not store.enqueue(runs.get, GetRun("x"), lambda *_: None)
        assert not store.enqueue(experiments.create, CreateExperiment("x"), lambda *_: None)
        assert store.drain(wait=False)

    def test_more_than_one_transaction_holds(self, store: SqlBackend) -> None:
        run, answers = new_run(store), Answers()
        for number in range(1300):
            store.enqueue(
                runs.log_metric, LogMetric(run, key="m", value=1.0, timestamp=number, step=number), answers.to(number)
            )
        store.drain(wait=True)
        assert [number for number, _, _ in answers.results] == list(range(1300))
        assert len(history_of(store, run, "m")) == 1300


class TestNames:
    """The cache of names, whose ids rows refer to."""

    def test_a_full_cache_still_answers(self, store: SqlBackend, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tidemill.store.names._MOST", 5)
        run = new_run(store)
        for start in range(0, 60, 20):
            points = [MetricPoint(f"m{number}", float(number), 1) for number in range(start, start + 20)]
            store.call(runs.log_batch, LogBatch(run, points))
            other = new_run(store, params={f"p{start}": "1"})
            assert params_of(get_run(store, other)) == {f"p{start}": "1"}
        assert latest_of(get_run(store, run)) == {f"m{number}": (float(number), 1, 0) for number in range(60)}

    def test_texts_beyond_the_limit(self, store: SqlBackend, monkeypatch: pytest.MonkeyPatch) -> None:
        wanted = [f"n{number}" for number in range(1200)]

        def make(tx: Tx) -> dict[str, int]:
            return tx.names.find_or_make(tx, wanted)

        ids = store.database.write(store.site, make)
        monkeypatch.setattr("tidemill.store.names._MOST", 600)
        names = Names()
        with store.database.read(store.site) as tx:
            names.texts(tx, set(list(ids.values())[:700]))
            found = names.texts(tx, set(ids.values()))
            assert {name: one for name, one in ids.items() if found[one] != name} == {}


def _log_much(path: str, process: int, shared: str, own: str) -> None:
    """What one of several processes does: four threads, each logging to a shared run and to its own."""
    with embedded(path, Path(path).parent / "artifacts") as store:

        def work(thread: int) -> None:
            for number in range(40):
                step = (process * 4 + thread) * 1000 + number
                store.call(runs.log_metric, LogMetric(shared, key="m", value=0.5, timestamp=step, step=step))
                name = f"p{process}-{thread}-{number}"
                store.call(runs.log_batch, LogBatch(own, [MetricPoint(name, 1.0, 1)], [Param(name, name)]))
                if number % 10 == 0:
                    assert params_of(get_run(store, own))[name] == name

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class TestManyWriters:
    """One file, used by everybody at once."""

    def test_threads_and_processes(self, store: SqlBackend, path: Path) -> None:
        experiment = new_experiment(store)
        shared = new_run(store, experiment)
        own = [new_run(store, experiment) for _ in range(3)]
        context = multiprocessing.get_context("spawn")
        processes = [
            context.Process(target=_log_much, args=(str(path), number, shared, own[number])) for number in range(3)
        ]
        for process in processes:
            process.start()
        seen = []
        while any(process.is_alive() for process in processes):
            seen.append(len(history_of(store, shared, "m")))  # readers are never in the way, nor anybody in theirs
            time.sleep(0.01)
        for process in processes:
            process.join()
            assert process.exitcode == 0
        assert seen == sorted(seen)
        steps = [step for _, _, step in history_of(store, shared, "m")]
        assert steps == sorted(writer * 1000 + number for writer in range(12) for number in range(40))
        for number, run in enumerate(own):
            names = {f"p{number}-{thread}-{one}" for thread in range(4) for one in range(40)}
            found = get_run(store, run)
            assert params_of(found) == {name: name for name in names}
            assert set(latest_of(found)) == names
        assert is_whole(path)

    def test_the_same_param_from_many_threads(self, store: SqlBackend) -> None:
        run, outcomes = new_run(store), []

        def work(number: int) -> None:
            try:
                store.call(runs.log_param, LogParam(run, key="p", value=str(number)))
                outcomes.append(number)
            except InvalidParameter:
                pass

        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (winner,) = outcomes
        assert params_of(get_run(store, run)) == {"p": str(winner)}

    def test_a_read_sees_one_moment(self, store: SqlBackend) -> None:
        run = new_run(store)
        with store.database.read(store.site) as tx:
            count = "SELECT count(*) FROM params"
            assert tx.row(count) == (0,)
            store.call(runs.log_param, LogParam(run, key="p", value="1"))
            assert tx.row(count) == (0,)

    def test_a_read_cannot_write(self, store: SqlBackend) -> None:
        with pytest.raises(TidemillError), store.database.read(store.site) as tx:
            tx.run("DELETE FROM experiments")
        assert store.database.write(store.site, lambda tx: tx.row("SELECT count(*) FROM experiments")) == (1,)


class TestBusy:
    """Another process holds the write lock."""

    @pytest.fixture
    def lock(self, store: SqlBackend, path: Path) -> Iterator[sqlite3.Connection]:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        yield other
        other.close()

    def test_reads_go_on(self, store: SqlBackend, lock: sqlite3.Connection) -> None:
        with pytest.raises(NotFound):
            get_run(store, "nope")

    def test_opening_goes_on(self, store: SqlBackend, lock: sqlite3.Connection, path: Path) -> None:
        before = time.monotonic()
        with embedded(str(path), path.parent / "artifacts") as other, pytest.raises(NotFound):
            get_run(other, "nope")
        assert time.monotonic() - before < 5

    def test_reads_of_runs_that_fell_silent(
        self, store: SqlBackend, lock: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Marking them failed is a write; looking at them must not wait for it."""
        lock.execute("ROLLBACK")
        monkeypatch.setattr("tidemill.store.backend._LOOK_S", 0.0)
        run = new_run(store)
        store.call(runs.heartbeat, Heartbeat([run], 1))
        store.site.opened_at = 0
        store.database.write(store.site, lambda tx: tx.run("UPDATE run_beats SET beat_at = 1"))
        lock.execute("BEGIN IMMEDIATE")
        before = time.monotonic()
        assert get_run(store, run).info.status is RunStatus.RUNNING
        assert time.monotonic() - before < 1
        lock.execute("ROLLBACK")
        assert get_run(store, run).info.status is RunStatus.FAILED

    def test_a_write_waits(self, store: SqlBackend, lock: sqlite3.Connection) -> None:
        release = threading.Timer(0.4, lock.execute, ["ROLLBACK"])
        release.start()
        before = time.monotonic()
        new_experiment(store)
        assert time.monotonic() - before > 0.3
        release.join()

    def test_a_drain_that_must_not_wait(self, store: SqlBackend, lock: sqlite3.Connection) -> None:
        answers = Answers()
        store.enqueue(runs.log_param, LogParam("nope", key="p"), answers.to(0))
        before = time.monotonic()
        assert not store.drain(wait=False)
        assert time.monotonic() - before < 0.2
        assert answers.results == []
        lock.execute("ROLLBACK")
        assert store.drain(wait=False)
        assert answers.errors == {0: NotFound}

    def test_too_long(
        self, store: SqlBackend, lock: sqlite3.Connection, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite, "_WAIT_S", 0.3)
        answers = Answers()
        store.enqueue(runs.log_param, LogParam("nope", key="p"), answers.to(0))
        text = f"The database {path} is in use by another process for too long. Try again later."
        with pytest.raises(Unavailable) as caught:
            new_experiment(store)
        assert str(caught.value) == text
        assert answers.errors == {0: Unavailable}
        lock.execute("ROLLBACK")
        new_experiment(store)
