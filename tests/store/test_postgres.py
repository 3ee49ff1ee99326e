"""PostgreSQL: writers that get in each other's way, connections that break, servers that go away."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tidemill.api import experiments, inputs, runs
from tidemill.errors import AlreadyExists, InvalidParameter, InvalidState, MissingDependency, Unavailable
from tidemill.ids import new_run_id
from tidemill.store.backend import SqlBackend
from tidemill.store.database import open_database
from tidemill.store.transaction import Tx
from tidemill.testing.databases import PostgresServer, embedded, postgres
from tidemill.testing.factories import (
    get_run,
    history_of,
    latest_of,
    new_experiment,
    new_model,
    new_run,
    params_of,
    tags_of,
    unique,
)
from tidemill.types.experiments import CreateExperiment
from tidemill.types.inputs import Dataset, DatasetInput, LogInputs, LogOutputs, ModelInput, ModelOutput
from tidemill.types.metrics import MetricPoint
from tidemill.types.page import Tag
from tidemill.types.runs import CreateRun, LogBatch, LogMetric, LogParam, Param, SearchRuns, SetTag


@pytest.fixture(scope="module")
def store(postgres_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlBackend]:
    with psycopg.connect(postgres_address, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '30ms'")
    with embedded(postgres_address, tmp_path_factory.mktemp("artifacts")) as backend:
        yield backend


def together(*works: Callable[[], object]) -> list[object]:
    """What each of `works` answers or raises, all of them started at the same moment in threads."""
    start = threading.Barrier(len(works))
    outcomes: list[object] = [None] * len(works)

    def body(place: int) -> None:
        start.wait()
        try:
            outcomes[place] = works[place]()
        except Exception as error:
            outcomes[place] = error

    threads = [threading.Thread(target=body, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def good(outcomes: list[object]) -> list[object]:
    return [one for one in outcomes if not isinstance(one, Exception)]


class TestWritersMeet:
    """The same thing written by several at once."""

    def test_the_same_param(self, store: SqlBackend) -> None:
        for run in [new_run(store) for _ in range(5)]:

            def log(number: int, run: str = run) -> None:
                store.call(runs.log_param, LogParam(run, key="p", value=str(number)))

            outcomes = together(*(partial(log, number) for number in range(8)))
            assert len(good(outcomes)) == 1
            assert {type(one) for one in outcomes if isinstance(one, Exception)} == {InvalidParameter}
            assert len(params_of(get_run(store, run))) == 1

    def test_equal_params(self, store: SqlBackend) -> None:
        run, key = new_run(store), unique("p").replace("-", "")
        outcomes = together(*[lambda: store.call(runs.log_param, LogParam(run, key=key, value="1"))] * 8)
        assert len(good(outcomes)) == 8
        assert params_of(get_run(store, run)) == {key: "1"}

    def test_the_same_experiment(self, store: SqlBackend) -> None:
        for _ in range(5):
            name = unique()
            outcomes = together(*[partial(store.call, experiments.create, CreateExperiment(name))] * 8)
            assert len(good(outcomes)) == 1
            refused = [one for one in outcomes if isinstance(one, Exception)]
            assert {(type(one), str(one)) for one in refused} == {
                (AlreadyExists, f"Experiment(name={name}) already exists.")
            }

    def test_the_same_run(self, store: SqlBackend) -> None:
        experiment, run = new_experiment(store), new_run_id()
        arg = CreateRun(experiment, run_id=run, tags=[Tag("k", "v")])
        outcomes = together(*[lambda: store.call(runs.create, arg).run.info] * 8)
        assert outcomes == [get_run(store, run).info] * 8
        assert len(store.call(runs.search, SearchRuns([experiment])).runs) == 1

    def test_the_same_dataset(self, store: SqlBackend) -> None:
        experiment = new_experiment(store)
        made = [new_run(store, experiment) for _ in range(8)]
        link = [DatasetInput(dataset=Dataset("d", "1", "local", "s"))]
        outcomes = together(*(partial(store.call, inputs.log, LogInputs(run, link)) for run in made))
        assert len(good(outcomes)) == 8
        assert all(len(get_run(store, run).inputs.dataset_inputs) == 1 for run in made)  # type: ignore[union-attr]

    def test_points_of_one_series(self, store: SqlBackend) -> None:
        run = new_run(store)

        def log(writer: int) -> None:
            for number in range(40):
                step = number * 8 + writer
                store.call(runs.log_metric, LogMetric(run, key="m", value=1.0, timestamp=step, step=step))

        assert len(good(together(*(partial(log, writer) for writer in range(8))))) == 8
        assert [step for _, _, step in history_of(store, run, "m")] == list(range(320))
        assert latest_of(get_run(store, run)) == {"m": (1.0, 319, 319)}

    def test_batches_in_opposite_orders(self, store: SqlBackend) -> None:
        """New names, rows of the same run and of others, in every order: whoever meets is served in the end."""
        for _ in range(6):
            run, other = new_run(store), new_run(store)
            names = [unique("n").replace("-", "") for _ in range(30)]

            def log(place: int, run: str = run, other: str = other, names: list[str] = names) -> None:
                mine = names if place % 2 else names[::-1]
                metrics = [MetricPoint(name, 1.0, place) for name in mine]
                params = [Param(name, "1") for name in (mine[15:] if place % 4 < 2 else mine[:15])]
                tags = [Tag(name, "1") for name in mine[::-1]]
                store.call(runs.log_batch, LogBatch(run if place % 3 else other, metrics, params, tags))

            outcomes = together(*(partial(log, place) for place in range(8)))
            assert [one for one in outcomes if isinstance(one, Exception)] == []
            assert set(latest_of(get_run(store, run))) == set(tags_of(get_run(store, run))) == set(names)

    def test_a_deadlock_is_tried_again(self, store: SqlBackend) -> None:
        one, two = new_run(store), new_run(store)
        tries: list[str] = []
        meet = threading.Barrier(2)

        def work(first: str, second: str) -> Callable[[Tx], None]:
            def job(tx: Tx) -> None:
                tries.append(first)
                tx.run("UPDATE runs SET user_id = user_id || 'x' WHERE run_id = ?", (first,))
                if len(tries) <= 2:
                    meet.wait(10)
                tx.run("UPDATE runs SET user_id = user_id || 'y' WHERE run_id = ?", (second,))

            return job

        outcomes = together(
            lambda: store.database.write(store.site, work(one, two)),
            lambda: store.database.write(store.site, work(two, one)),
        )
        assert outcomes == [None, None]
        assert len(tries) == 3
        assert [sorted(get_run(store, run).info.user_id) for run in (one, two)] == [["x", "y"], ["x", "y"]]

    def test_two_stores_on_one_database(self, store: SqlBackend, postgres_address: str, tmp_path: Path) -> None:
        with embedded(postgres_address, tmp_path) as other:
            run = new_run(store, values={"m": 1.0})
            assert latest_of(get_run(other, run)) == {"m": (1.0, 0, 0)}
            other.call(runs.set_tag, SetTag(run, key="made elsewhere", value="1"))
            assert tags_of(get_run(store, run)) == {"made elsewhere": "1"}


class TestWhatItCannotHold:
    """What SQLite takes and PostgreSQL does not is refused in words, and leaves nothing."""

    def test_nul(self, store: SqlBackend) -> None:
        run = new_run(store)
        with pytest.raises(InvalidParameter, match="NUL"):
            store.call(runs.log_batch, LogBatch(run, [MetricPoint("m", 1.0, 1)], [Param("p", "a\0b")]))
        assert get_run(store, run).data.metrics == []

    def test_keys_too_long_for_an_index(self, store: SqlBackend) -> None:
        run, model = new_run(store), new_model(store)
        wide = "".join(chr(0x20000 + number * 37 % 40_000) for number in range(500))
        point = LogMetric(run, key=wide[:250], value=1.0, timestamp=1, model_id=model, dataset_name=wide)
        with pytest.raises(InvalidParameter):
            store.call(runs.log_metric, point)
        assert get_run(store, run).data.metrics == []

    @pytest.mark.parametrize("length", [256, 20_000])
    def test_ids_of_models(self, store: SqlBackend, length: int) -> None:
        run = new_run(store)
        model = "".join(chr(0x4E00 + number * 37 % 20_000) for number in range(length))
        for call in (
            lambda: store.call(inputs.log, LogInputs(run, models=[ModelInput(model)])),
            lambda: store.call(inputs.log_outputs, LogOutputs(run, [ModelOutput(model)])),
        ):
            if length > 256:
                with pytest.raises(InvalidParameter, match="'model_id' exceeds the maximum length of 256 characters"):
                    call()
            else:
                call()


class TestBrokenConnections:
    """Connections and servers that go away."""

    def cut(self, postgres_server: PostgresServer, store: SqlBackend) -> None:
        """End every connection of the store's pool, as an administrator or a firewall would."""
        name = urlsplit(store.database.address).path.strip("/")
        postgres_server.run(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")

    def test_idle_ones_are_replaced(self, store: SqlBackend, postgres_server: PostgresServer) -> None:
        run = new_run(store, tags={"k": "v"})
        together(*[lambda: get_run(store, run)] * 6)
        time.sleep(1.1)
        self.cut(postgres_server, store)
        assert tags_of(get_run(store, run)) == {"k": "v"}
        time.sleep(1.1)
        self.cut(postgres_server, store)
        store.call(runs.set_tag, SetTag(run, key="k", value="w"))
        assert tags_of(get_run(store, run)) == {"k": "w"}

    def test_one_in_use(self, store: SqlBackend, postgres_server: PostgresServer) -> None:
        run = new_run(store)

        def job(tx: Tx) -> None:
            tx.run("UPDATE runs SET user_id = 'half' WHERE run_id = ?", (run,))
            self.cut(postgres_server, store)
            tx.run("UPDATE runs SET user_id = 'whole' WHERE run_id = ?", (run,))

        with pytest.raises(Unavailable):
            store.database.write(store.site, job)
        time.sleep(1.1)
        assert get_run(store, run).info.user_id == ""

    def test_server_gone_and_back(
        self, postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if postgres_server.started is None:
            pytest.skip("TIDEMILL_TEST_POSTGRES names a server that is not ours to stop")
        monkeypatch.setattr("tidemill.store.postgres._WAIT_S", 1)
        server = postgres()
        try:
            with server.database() as address, embedded(address, tmp_path) as store:
                run = new_run(store, values={"m": 1.0})
                server.pause()
                for _ in range(2):
                    with pytest.raises(Unavailable) as caught:
                        get_run(store, run)
                    assert "PostgreSQL at the local socket cannot be reached or refused: " in str(caught.value)
                    with pytest.raises(Unavailable):
                        new_run(store, "0")
                server.resume()
                for _ in range(20):  # the pool tries to connect now and then
                    with contextlib.suppress(Unavailable):
                        get_run(store, run)
                        break
                assert latest_of(get_run(store, run)) == {"m": (1.0, 0, 0)}
                new_run(store, "0")
        finally:
            server.stop()


class TestOpening:
    """Addresses that lead nowhere."""

    def test_nobody_there(self) -> None:
        before = threading.active_count()
        with pytest.raises(Unavailable) as caught:
            open_database("postgresql://user:secret@127.0.0.1:1/db")
        assert str(caught.value).startswith("PostgreSQL at 127.0.0.1 cannot be reached or refused: ")
        assert "secret" not in str(caught.value)
        assert threading.active_count() == before

    def test_no_such_database(self, postgres_server: PostgresServer) -> None:
        with postgres_server.database() as address:
            pass
        with pytest.raises(Unavailable, match="does not exist"):
            open_database(address)

    @pytest.mark.parametrize("address", ["postgresql://h:port/db", "postgres://[/db", "postgresql://h/db?nope=1"])
    def test_no_address(self, address: str) -> None:
        with pytest.raises((Unavailable, InvalidParameter)):
            open_database(address)

    def test_newer_schema(self, postgres_server: PostgresServer, tmp_path: Path) -> None:
        with postgres_server.database() as address:
            with embedded(address, tmp_path):
                pass
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("INSERT INTO tidemill_migrations VALUES (999, 0)")
            before = threading.active_count()
            with pytest.raises(InvalidState, match=r"^The database is at schema version 999, newer than"):
                open_database(address)
            assert threading.active_count() == before

    def test_another_programs_database(self, postgres_server: PostgresServer) -> None:
        with postgres_server.database() as address:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("CREATE TABLE runs (x int)")
            with pytest.raises(InvalidState, match=r"^The database belongs to another program: it has a table 'runs'"):
                open_database(address)
            with psycopg.connect(address) as connection:
                assert connection.execute("SELECT to_regclass('tidemill_migrations')").fetchone() == (None,)

    def test_no_driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(MissingDependency, match=r"pip install 'tidemill\[postgres\]'"):
            open_database("postgresql://127.0.0.1/db")

    def test_is_not_imported_without_need(self) -> None:
        program = "import sys, tidemill.store.backend; sys.exit('psycopg' in sys.modules)"
        subprocess.run([sys.executable, "-c", program], check=True)
